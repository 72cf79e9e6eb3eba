//! The entries of a statement: what each operation of a transaction did to the account.

use std::collections::BTreeMap;

use quorate_client::schema::{
    ActView, HoldName, OperationView, Transaction, TransactionStatus, WithheldText,
};
use quorate_client::text::rfc3339_of;
use quorate_ledger::{Address, Amount, AssetCode, Digest, Height};
use serde::Serialize;

use crate::cli::wallet::account::Decimals;

/// What is known of holds, by what they are called by: of which asset they are, and for whom.
pub(super) type Holds = BTreeMap<(Digest, u16), KnownHold>;

/// A hold, as the operation that made it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownHold {
    pub(super) asset: AssetCode,
    pub(super) beneficiary: Address,
}

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
    /// The hold that was paid or given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hold: Option<HoldName>,
    pub(super) memo: String,
    pub(super) transaction_memo: String,
    /// Of its notes those that are not shown, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) withheld: Vec<WithheldText>,
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

/// The holds that a transaction pays or gives back.
pub(super) fn holds_of(transaction: &Transaction) -> impl Iterator<Item = HoldName> {
    transaction
        .operations
        .iter()
        .filter_map(|act| match &act.operation {
            OperationView::Release { hold, .. } | OperationView::Refund { hold } => Some(*hold),
            _ => None,
        })
}

/// The operations of a transaction that touch an account, in their order. A failed one did nothing, and is one entry.
/// Besides, whether all that moved is known: not if a release is of a hold that is not.
pub(super) fn entries_of(
    transaction: &Transaction,
    number: u64,
    account: &Address,
    holds: &Holds,
) -> (Vec<Entry>, bool) {
    let operations = &transaction.operations;
    if transaction.status != TransactionStatus::Committed {
        let first = operations.first();
        let kind = first.map_or("nothing", |first| first.operation.kind().name());
        let failed = Entry {
            view: first.map(|first| first.operation.clone()),
            more: operations.len().saturating_sub(1),
            ..base(transaction, number, None, kind)
        };
        return (vec![failed], true);
    }
    let (mut entries, mut is_whole) = (Vec::new(), true);
    // What releases and refunds paid, in their order.
    let mut paid = transaction.paid.iter();
    for (place, act) in operations.iter().enumerate() {
        let base = || base(transaction, number, Some(place), act.operation.kind().name());
        let entry = match &act.operation {
            OperationView::Release { hold, .. } | OperationView::Refund { hold } => {
                let paid = paid.next().and_then(|paid| paid.parse().ok()).map(Amount);
                let known = holds.get(&(hold.transaction, hold.operation)).zip(paid);
                let is_release = matches!(act.operation, OperationView::Release { .. });
                // What a refund gives back was the owner's all the time.
                is_whole &= known.is_some() || !is_release;
                let is_for_it = known.is_some_and(|(known, _)| known.beneficiary == *account);
                let concerned = act.by == *account || hold.owner == *account || is_for_it;
                let entry = match known {
                    Some((known, paid)) if is_release => released(*hold, *known, paid, account, base),
                    Some((known, paid)) => refunded(*hold, *known, paid, account, base),
                    None => None,
                };
                entry.or_else(|| concerned.then(|| of_a_hold(act, *hold, base)))
            }
            _ => touching(act, account, base),
        };
        entries.extend(entry);
    }
    (entries, is_whole)
}

/// An entry that says nothing yet of what moved.
fn base(transaction: &Transaction, number: u64, operation: Option<usize>, kind: &'static str) -> Entry {
    let withheld = transaction.withheld.iter().filter(|text| {
        let place = text.operation.map(usize::from);
        place.is_none() || place == operation
    });
    Entry {
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
        hold: None,
        memo: String::new(),
        transaction_memo: transaction.memo.clone(),
        withheld: withheld.cloned().collect(),
        balance: None,
        balance_decimal: None,
        units: Amount(0),
        held: None,
        view: None,
        more: 0,
    }
}

/// What a release did: units left its owner for its beneficiary. What is held counts as the owner's until then. None of
/// another's hold.
fn released(
    hold: HoldName,
    known: KnownHold,
    paid: Amount,
    account: &Address,
    base: impl Fn() -> Entry,
) -> Option<Entry> {
    let (direction, counterparty) = match (hold.owner == *account, known.beneficiary == *account) {
        (true, _) => (Direction::Out, known.beneficiary),
        (false, true) => (Direction::In, hold.owner),
        (false, false) => return None,
    };
    Some(Entry {
        direction,
        counterparty: Some(counterparty),
        hold: Some(hold),
        asset: Some(known.asset),
        units: paid,
        ..base()
    })
}

/// What a refund did for the hold's owner: what was held can be used again, and the whole stays as it was.
fn refunded(
    hold: HoldName,
    known: KnownHold,
    paid: Amount,
    account: &Address,
    base: impl Fn() -> Entry,
) -> Option<Entry> {
    (hold.owner == *account).then(|| Entry {
        counterparty: Some(known.beneficiary),
        hold: Some(hold),
        asset: Some(known.asset),
        units: paid,
        ..base()
    })
}

/// That somebody paid or gave back a hold, where what moved is not known or is not the account's.
fn of_a_hold(act: &ActView, hold: HoldName, base: impl Fn() -> Entry) -> Entry {
    Entry {
        hold: Some(hold),
        view: Some(act.operation.clone()),
        ..base()
    }
}

/// What an operation that moves nothing of the account's was, if the account acted in it.
fn acted(act: &ActView, account: &Address, base: impl Fn() -> Entry) -> Option<Entry> {
    (act.by == *account).then(|| Entry {
        memo: note_of(&act.operation),
        view: Some(act.operation.clone()),
        ..base()
    })
}

/// What an operation did to the account, if it touches it.
fn touching(act: &ActView, account: &Address, base: impl Fn() -> Entry) -> Option<Entry> {
    let by = act.by;
    let moved = |direction, asset: &AssetCode, amount: &Amount| Entry {
        direction,
        asset: Some(*asset),
        units: *amount,
        ..base()
    };
    match &act.operation {
        OperationView::Transfer {
            to,
            asset,
            amount,
            memo,
        } => {
            let (direction, counterparty) = match (by == *account, to == account) {
                (true, true) => (Direction::Itself, None),
                (true, false) => (Direction::Out, Some(*to)),
                (false, true) => (Direction::In, Some(by)),
                (false, false) => return None,
            };
            Some(Entry {
                counterparty,
                memo: memo.clone(),
                ..moved(direction, asset, amount)
            })
        }
        OperationView::Mint { asset, to, amount } if to == account => Some(Entry {
            counterparty: (by != *account).then_some(by),
            ..moved(Direction::In, asset, amount)
        }),
        OperationView::Hold {
            beneficiary, memo, ..
        } if beneficiary == account => Some(Entry {
            counterparty: Some(by),
            memo: memo.clone(),
            view: Some(act.operation.clone()),
            ..base()
        }),
        OperationView::Burn { asset, amount } if by == *account => Some(moved(Direction::Out, asset, amount)),
        _ => acted(act, account, base),
    }
}

/// What a sender wrote beside an operation that moves nothing.
fn note_of(operation: &OperationView) -> String {
    match operation {
        OperationView::CreateAsset { description, .. } => description.clone(),
        OperationView::PutRecord { label, .. } => label.clone(),
        OperationView::Hold { memo, .. } => memo.clone(),
        _ => String::new(),
    }
}
