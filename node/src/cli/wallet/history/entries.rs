//! The entries of a statement: what each operation of a transaction did to the account.

use quorate_client::schema::{OperationView, Transaction, TransactionStatus};
use quorate_client::text::rfc3339_of;
use quorate_ledger::{Address, Amount, AssetCode, Digest, Height};
use serde::Serialize;

use crate::cli::wallet::account::Decimals;

/// Which way units went, as the account sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Direction {
    In,
    Out,
    /// From the account to itself.
    Itself,
    /// Nothing moved here.
    None,
}

/// One operation that touches the account, or a transaction that failed.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    /// The transaction's number in the account's history.
    pub(super) number: u64,
    pub(super) transaction: Digest,
    pub(super) height: Option<Height>,
    pub(super) time: Option<String>,
    pub(super) status: TransactionStatus,
    /// Why it failed.
    pub(super) code: Option<String>,
    /// The operation's place in the transaction, from 0; none if it failed.
    pub(super) operation: Option<usize>,
    pub(super) kind: &'static str,
    pub(super) direction: Direction,
    pub(super) asset: Option<AssetCode>,
    /// In smallest units.
    pub(super) amount: Option<String>,
    /// In the asset's units.
    pub(super) decimal: Option<String>,
    pub(super) counterparty: Option<Address>,
    pub(super) memo: String,
    pub(super) transaction_memo: String,
    /// What the account held of the asset afterwards, in smallest units.
    pub(super) balance: Option<String>,
    pub(super) balance_decimal: Option<String>,
    #[serde(skip)]
    pub(super) units: Amount,
    #[serde(skip)]
    pub(super) held: Option<Amount>,
    /// What is said in words where nothing moved.
    #[serde(skip)]
    pub(super) view: Option<OperationView>,
    /// How many operations more a failed transaction has.
    #[serde(skip)]
    pub(super) more: usize,
}

impl Entry {
    /// Fills in what is written of amounts.
    pub(super) fn write_out(&mut self, decimals: &Decimals) {
        let Some(code) = self.asset else {
            return;
        };
        self.amount = Some(self.units.to_string());
        self.decimal = decimals.plain(self.units, &code);
        self.balance = self.held.map(|held| held.to_string());
        self.balance_decimal = self.held.and_then(|held| decimals.plain(held, &code));
    }

    pub(super) fn sign(&self) -> &'static str {
        match self.direction {
            Direction::In => "+",
            Direction::Out => "-",
            Direction::Itself | Direction::None => "",
        }
    }
}

/// The operations of a transaction that touch an account, in their order. A failed one did nothing, and is one entry.
pub(super) fn entries_of(transaction: &Transaction, number: u64, account: &Address) -> Vec<Entry> {
    let base = |operation: Option<usize>, kind| Entry {
        number,
        transaction: transaction.id,
        height: transaction.height,
        time: transaction.timestamp.map(rfc3339_of),
        status: transaction.status,
        code: transaction.code.clone(),
        operation,
        kind,
        direction: Direction::None,
        asset: None,
        amount: None,
        decimal: None,
        counterparty: None,
        memo: String::new(),
        transaction_memo: transaction.memo.clone(),
        balance: None,
        balance_decimal: None,
        units: Amount(0),
        held: None,
        view: None,
        more: 0,
    };
    let operations = &transaction.operations;
    if transaction.status != TransactionStatus::Committed {
        let first = operations.first();
        return vec![Entry {
            view: first.cloned(),
            more: operations.len().saturating_sub(1),
            ..base(None, first.map_or("nothing", kind))
        }];
    }
    let sender = transaction.sender;
    let touching = operations.iter().enumerate().filter_map(|(place, operation)| {
        let moved = |direction, asset: &AssetCode, amount: &Amount| Entry {
            direction,
            asset: Some(*asset),
            units: *amount,
            ..base(Some(place), kind(operation))
        };
        match operation {
            OperationView::Transfer {
                to,
                asset,
                amount,
                memo,
            } => {
                let (direction, counterparty) = match (sender == *account, to == account) {
                    (true, true) => (Direction::Itself, None),
                    (true, false) => (Direction::Out, Some(*to)),
                    (false, true) => (Direction::In, Some(sender)),
                    (false, false) => return None,
                };
                Some(Entry {
                    counterparty,
                    memo: memo.clone(),
                    ..moved(direction, asset, amount)
                })
            }
            OperationView::Mint { asset, to, amount } if to == account => Some(Entry {
                counterparty: (sender != *account).then_some(sender),
                ..moved(Direction::In, asset, amount)
            }),
            _ if sender != *account => None,
            OperationView::Burn { asset, amount } => Some(moved(Direction::Out, asset, amount)),
            other => Some(Entry {
                memo: note_of(other),
                view: Some(other.clone()),
                ..base(Some(place), kind(other))
            }),
        }
    });
    touching.collect()
}

/// What a sender wrote beside an operation that moves nothing.
fn note_of(operation: &OperationView) -> String {
    match operation {
        OperationView::CreateAsset { description, .. } => description.clone(),
        OperationView::PutRecord { label, .. } => label.clone(),
        _ => String::new(),
    }
}

/// The kind of an operation, by its name in JSON.
fn kind(operation: &OperationView) -> &'static str {
    match operation {
        OperationView::CreateAsset { .. } => "create_asset",
        OperationView::Mint { .. } => "mint",
        OperationView::Burn { .. } => "burn",
        OperationView::Transfer { .. } => "transfer",
        OperationView::PutRecord { .. } => "put_record",
        OperationView::SetSigners { .. } => "set_signers",
        OperationView::Rejoin { .. } => "rejoin",
    }
}
