//! Transactions and their outcomes in plain words.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use maud::{Markup, html};
use quorate_client::schema::{OperationKind, OperationView, Transaction, TransactionStatus};
use quorate_ledger::{Address, Amount, AssetCode, visible};

use super::parts;
use crate::node::{Fault, Snapshot};

/// A protocol's own word, to begin with.
pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Decimals of the assets that a page speaks of.
#[derive(Default)]
pub(super) struct Decimals(BTreeMap<AssetCode, Option<u8>>);

impl Decimals {
    /// Looks up the asset of each code.
    pub(super) fn of(
        snapshot: &dyn Snapshot,
        codes: impl IntoIterator<Item = AssetCode>,
    ) -> Result<Self, Fault> {
        let mut known = Self::default();
        for code in codes {
            if let Entry::Vacant(unknown) = known.0.entry(code) {
                let asset = snapshot.asset(unknown.key())?;
                unknown.insert(asset.map(|asset| asset.decimals));
            }
        }
        Ok(known)
    }

    pub(super) fn get(&self, code: &AssetCode) -> Option<u8> {
        self.0.get(code).copied().flatten()
    }

    fn amount(&self, amount: Amount, code: &AssetCode) -> Markup {
        html! { span .money { (parts::amount(amount, self.get(code))) " " (parts::asset(code)) } }
    }
}

/// The assets of amounts that operations name.
pub(super) fn codes(operations: &[OperationView]) -> impl Iterator<Item = AssetCode> {
    operations.iter().filter_map(|operation| match operation {
        OperationView::Mint { asset, .. }
        | OperationView::Burn { asset, .. }
        | OperationView::Transfer { asset, .. } => Some(*asset),
        _ => None,
    })
}

/// Those that summaries of these transactions name: of their first operations.
pub(super) fn codes_in_short(transactions: &[Transaction]) -> impl Iterator<Item = AssetCode> {
    transactions
        .iter()
        .flat_map(|transaction| codes(transaction.operations.get(..1).unwrap_or_default()))
}

/// What kind of thing an operation is.
pub(super) fn kind(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::CreateAsset => "Create asset",
        OperationKind::Mint => "Mint",
        OperationKind::Burn => "Burn",
        OperationKind::Transfer => "Transfer",
        OperationKind::PutRecord => "Record",
        OperationKind::SetSigners => "Set signers",
        OperationKind::Rejoin => "Rejoin",
    }
}

/// An operation in words, to follow its kind.
pub(super) fn sentence(operation: &OperationView, decimals: &Decimals) -> Markup {
    match operation {
        OperationView::CreateAsset {
            code,
            decimals,
            description,
        } => html! {
            (parts::asset(code)) " with " (decimals)
            @if *decimals == 1 { " decimal" } @else { " decimals" }
            (remark(description))
        },
        OperationView::Mint { asset, to, amount } => html! {
            (decimals.amount(*amount, asset)) " for " (parts::account(to))
        },
        OperationView::Burn { asset, amount } => html! { (decimals.amount(*amount, asset)) },
        OperationView::Transfer {
            to,
            asset,
            amount,
            memo,
        } => html! {
            (decimals.amount(*amount, asset)) " to " (parts::account(to))
            (remark(memo))
        },
        OperationView::PutRecord { sha256, label, .. } => html! {
            "Document " (parts::link(&format!("records/{sha256}"), &sha256.to_string(), "record hash"))
            (remark(label))
        },
        OperationView::SetSigners { signers, threshold } => html! {
            (parts::number(signers.len())) @if signers.len() == 1 { " key" } @else { " keys" }
            " may sign for the account from now on; a weight of " (parts::number(threshold)) " is needed"
        },
        OperationView::Rejoin { validator, .. } => html! {
            "Validator " (parts::short(&validator.to_string(), "public key")) " votes again from the next epoch on"
        },
    }
}

/// What the sender wrote beside an operation.
fn remark(text: &str) -> Markup {
    html! { @if !text.is_empty() { " " span .remark { q { (visible(text)) } } } }
}

/// A transaction's operations in few words, for lists.
pub(super) fn summary(operations: &[OperationView], decimals: &Decimals) -> Markup {
    let Some(first) = operations.first() else {
        return html! { "Nothing" };
    };
    let more = operations.len() - 1;
    html! {
        span .summary {
            @match first {
                OperationView::Transfer { to, asset, amount, .. } => {
                    (decimals.amount(*amount, asset)) " to " (parts::account(to))
                }
                OperationView::Mint { to, asset, amount } => {
                    "Mint " (decimals.amount(*amount, asset)) " for " (parts::account(to))
                }
                OperationView::Burn { asset, amount } => { "Burn " (decimals.amount(*amount, asset)) }
                OperationView::CreateAsset { code, .. } => { "Create asset " (parts::asset(code)) }
                OperationView::PutRecord { label, .. } => {
                    "Record" @if !label.is_empty() { " " q { (visible(label)) } }
                }
                OperationView::SetSigners { .. } => { "Set signers" }
                OperationView::Rejoin { .. } => { "Rejoin of a validator" }
            }
            @if more > 0 { " " span .more { "and " (parts::number(more)) " more" } }
        }
    }
}

/// A summary of what happened; of what was meant to, if it did not.
pub(super) fn told(status: TransactionStatus, summary: &Markup) -> Markup {
    match status {
        TransactionStatus::Failed => html! { span .void { "Not done: " s { (summary) } } },
        TransactionStatus::Expired => html! { span .void { "Never done: " s { (summary) } } },
        TransactionStatus::Pending | TransactionStatus::Committed => summary.clone(),
    }
}

/// A transaction in few words as one account sees it: what it receives is told by who sent it.
pub(super) fn summary_for(
    account: &Address,
    sender: &Address,
    operations: &[OperationView],
    decimals: &Decimals,
) -> Markup {
    if sender == account {
        return summary(operations, decimals);
    }
    let received = |operation: &&OperationView| receives(operation, account);
    let Some(first) = operations.iter().find(received) else {
        return summary(operations, decimals);
    };
    let more = operations.iter().filter(received).count() - 1;
    html! {
        span .summary {
            @if let OperationView::Transfer { asset, amount, .. } | OperationView::Mint { asset, amount, .. } = first {
                (decimals.amount(*amount, asset)) " from " (parts::account(sender))
            }
            @if more > 0 { " " span .more { "and " (parts::number(more)) " more" } }
        }
    }
}

fn receives(operation: &OperationView, account: &Address) -> bool {
    match operation {
        OperationView::Transfer { to, .. } | OperationView::Mint { to, .. } => to == account,
        _ => false,
    }
}

/// Whether value comes or goes, seen from an account; none where nothing moves.
pub(super) fn direction(
    operations: &[OperationView],
    sender: &Address,
    account: &Address,
) -> Option<&'static str> {
    if sender != account {
        return Some("In");
    }
    let moves = |operation: &&OperationView| {
        matches!(
            operation,
            OperationView::Transfer { .. } | OperationView::Burn { .. } | OperationView::Mint { .. }
        )
    };
    match operations.iter().find(moves) {
        Some(first) if receives(first, account) => Some("In"),
        Some(_) => Some("Out"),
        None => None,
    }
}

/// What became of a transaction, as a sentence.
pub(super) fn outcome(transaction: &Transaction) -> Markup {
    let count = transaction.operations.len();
    match (transaction.status, transaction.height) {
        (TransactionStatus::Committed, Some(height)) => html! {
            "A quorum of validators certified it in block " (parts::block(height)) ". "
            @if count == 1 { "Its operation took effect." } @else { "All of its " (parts::number(count)) " operations took effect." }
        },
        (TransactionStatus::Failed, Some(height)) => html! {
            "It is in block " (parts::block(height)) ", but changed nothing: "
            @if let Some(operation) = transaction.failed_operation.filter(|_| count > 1) {
                "operation " (parts::number(u32::from(operation) + 1)) " of " (parts::number(count)) " failed, because "
            }
            (transaction.error.as_deref().unwrap_or("it failed")) "."
        },
        (TransactionStatus::Expired, _) => html! {
            "It expired before a block executed it, and will never be executed. To try again, build and sign a new one."
        },
        _ => html! { "This validator admitted it; no certified block holds it yet." },
    }
}
