//! Transactions and their outcomes in plain words.

use maud::{Markup, html};
use quorate_client::schema::{
    ActView, ConditionLeafView, ConditionView, ErasedPlace, HoldName, KeepView, OperationKind, OperationView,
    Transaction, TransactionStatus, WithheldText,
};
use quorate_ledger::{Address, visible};

use super::known::Known;
use super::parts;

/// A protocol's own word, to begin with.
pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The first operations of transactions, of which their summaries speak.
pub(super) fn in_short(transactions: &[Transaction]) -> impl Iterator<Item = &ActView> {
    transactions
        .iter()
        .filter_map(|transaction| transaction.operations.first())
}

/// All operations of transactions.
pub(super) fn in_full(transactions: &[Transaction]) -> impl Iterator<Item = &ActView> {
    transactions
        .iter()
        .flat_map(|transaction| &transaction.operations)
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
        OperationKind::Hold => "Hold",
        OperationKind::Release => "Release",
        OperationKind::Refund => "Refund",
        OperationKind::Erase => "Erase",
        OperationKind::Governance => "Governance",
    }
}

/// Where a record is kept.
pub(super) fn keep(keep: KeepView) -> &'static str {
    match keep {
        KeepView::Log => "log",
        KeepView::Own => "own",
        KeepView::Unique => "unique",
    }
}

/// What keeping a record there means.
fn kept(keep: KeepView) -> &'static str {
    match keep {
        KeepView::Log => "in the log alone",
        KeepView::Own => "as the account’s own",
        KeepView::Unique => "as the only one that claims it",
    }
}

/// What the operation at a place of a transaction does, in words that follow its kind.
pub(super) fn sentence(transaction: &Transaction, place: usize, known: &Known) -> Markup {
    let Some(act) = transaction.operations.get(place) else {
        return html! {};
    };
    match &act.operation {
        OperationView::CreateAsset {
            code,
            decimals,
            admission,
            freezable,
            description,
        } => html! {
            (parts::asset(code)) " with " (decimals)
            @if *decimals == 1 { " decimal" } @else { " decimals" }
            @if *admission { ", for admitted holders alone" }
            @if *freezable { ", can be frozen" }
            (remark(description))
        },
        OperationView::Mint { asset, to, amount } => html! {
            (known.amount(*amount, asset)) " for " (parts::account(to))
        },
        OperationView::Burn { asset, amount } => html! { (known.amount(*amount, asset)) },
        OperationView::Transfer {
            to,
            asset,
            amount,
            memo,
        } => html! {
            (known.amount(*amount, asset)) " to " (parts::account(to))
            (remark(memo))
        },
        OperationView::PutRecord {
            sha256, keep, label, ..
        } => html! {
            "Document " (parts::link(&format!("records/{sha256}"), &sha256.to_string(), "record hash"))
            ", kept " (kept(*keep))
            (remark(label))
        },
        OperationView::SetSigners { signers, threshold } => html! {
            (parts::number(signers.len())) @if signers.len() == 1 { " key" } @else { " keys" }
            " may sign for the account from now on; a weight of " (parts::number(threshold)) " is needed"
        },
        OperationView::Rejoin { validator, .. } => html! {
            "Validator " (parts::short(&validator.to_string(), "public key")) " votes again from the next epoch on"
        },
        OperationView::Hold {
            beneficiary,
            asset,
            amount,
            until,
            condition: needed,
            memo,
        } => html! {
            (known.amount(*amount, asset)) " for " (parts::account(beneficiary))
            " until " (parts::time_in_full(*until)) ", to be released if " (condition(needed))
            (remark(memo))
        },
        OperationView::Release { hold, .. } => released(transaction, place, hold, known),
        OperationView::Refund { hold } => refunded(transaction, place, hold, known),
        OperationView::Erase {
            transaction: erased,
            texts,
        } => html! {
            (places(texts)) " of transaction " (parts::transaction(erased))
        },
        OperationView::Governance { words, text, .. } => html! {
            (parts::free(&capital(words)))
            @if !text.is_empty() { ": " (parts::free(text)) }
        },
    }
}

fn released(transaction: &Transaction, place: usize, hold: &HoldName, known: &Known) -> Markup {
    let made = known.hold(hold);
    html! {
        (known.paid(transaction, place)) " of " (hold_name(hold, known))
        @if let Some(made) = made { ", to " (parts::account(&made.beneficiary)) }
    }
}

fn refunded(transaction: &Transaction, place: usize, hold: &HoldName, known: &Known) -> Markup {
    html! { (known.paid(transaction, place)) " of " (hold_name(hold, known)) ", back to its owner" }
}

/// A hold by the operation that made it. It has a page, if there ever was one.
fn hold_name(hold: &HoldName, known: &Known) -> Markup {
    html! {
        "the "
        @match known.hold(hold) {
            Some(_) => { a href={ "holds/" (hold.transaction) "." (hold.operation) } { "hold" } },
            None => { "hold" },
        }
        " of " (parts::account(&hold.owner)) ", made by operation "
        (parts::number(u32::from(hold.operation) + 1)) " of " (parts::transaction(&hold.transaction))
    }
}

/// What a release needs, to follow "if".
pub(super) fn condition(condition: &ConditionView) -> Markup {
    let (need, count) = (usize::from(condition.need), condition.of.len());
    html! {
        @match condition.of.as_slice() {
            [alone] => { (leaf(alone)) },
            several => {
                @if need == count { "all of this is so: " }
                @else if need == 1 { "any of this is so: " }
                @else { (parts::number(need)) " of these " (parts::number(count)) " are so: " }
                @for (place, one) in several.iter().enumerate() {
                    @if place > 0 { "; " }
                    (leaf(one))
                }
            }
        }
    }
}

fn leaf(leaf: &ConditionLeafView) -> Markup {
    match leaf {
        ConditionLeafView::Signs { account } => {
            html! { (parts::account(account)) " is a party of the release" }
        }
        ConditionLeafView::From { time } => html! { "it is " (parts::time_in_full(*time)) " or later" },
        ConditionLeafView::Preimage { sha256 } => html! {
            "32 bytes are shown whose SHA-256 is " (parts::short(&sha256.to_string(), "hash"))
        },
        ConditionLeafView::Record { sha256, account } => html! {
            (parts::account(account)) " has an own record of document "
            (parts::link(&format!("records/{sha256}"), &sha256.to_string(), "record hash"))
        },
    }
}

/// Which texts of a transaction, to begin a sentence with.
fn places(texts: &[ErasedPlace]) -> Markup {
    html! {
        @for (number, text) in texts.iter().enumerate() {
            @if number > 0 { ", " }
            @match text.operation {
                None => { @if number == 0 { "The memo" } @else { "the memo" } },
                Some(operation) => {
                    @if number == 0 { "The " } @else { "the " }
                    @if text.field == Some(1) { "metadata" } @else { "text" }
                    " of operation " (parts::number(u32::from(operation) + 1))
                },
            }
        }
    }
}

/// What the sender wrote beside an operation.
fn remark(text: &str) -> Markup {
    html! { @if !text.is_empty() { " " span .remark { q { (visible(text)) } } } }
}

/// That a text is not shown, and why.
pub(super) fn withheld(text: &WithheldText) -> Markup {
    html! {
        span .withheld data-field=(text.field) data-erased=(text.erased) {
            @if text.erased {
                "erased"
                @if let Some(by) = &text.by { " by " (parts::account(by)) }
                @if let Some(at) = text.at { " at " (parts::time_in_full(at)) }
            } @else {
                "not at hand on this validator"
            }
        }
    }
}

/// A transaction's operations in few words, for lists.
pub(super) fn summary(transaction: &Transaction, known: &Known) -> Markup {
    if transaction.operations.is_empty() {
        return html! { "Nothing" };
    }
    let more = transaction.operations.len() - 1;
    html! { span .summary { (short(transaction, 0, known)) (and_more(more)) } }
}

fn and_more(more: usize) -> Markup {
    html! { @if more > 0 { " " span .more { "and " (parts::number(more)) " more" } } }
}

/// One operation in few words.
fn short(transaction: &Transaction, place: usize, known: &Known) -> Markup {
    let Some(act) = transaction.operations.get(place) else {
        return html! {};
    };
    match &act.operation {
        OperationView::Transfer {
            to, asset, amount, ..
        } => html! { (known.amount(*amount, asset)) " to " (parts::account(to)) },
        OperationView::Mint { to, asset, amount } => html! {
            "Mint " (known.amount(*amount, asset)) " for " (parts::account(to))
        },
        OperationView::Burn { asset, amount } => html! { "Burn " (known.amount(*amount, asset)) },
        OperationView::CreateAsset { code, .. } => html! { "Create asset " (parts::asset(code)) },
        OperationView::PutRecord { label, .. } => html! {
            "Record" @if !label.is_empty() { " " q { (visible(label)) } }
        },
        OperationView::SetSigners { .. } => html! { "Set signers" },
        OperationView::Rejoin { .. } => html! { "Rejoin of a validator" },
        OperationView::Hold {
            beneficiary,
            asset,
            amount,
            ..
        } => html! { "Hold " (known.amount(*amount, asset)) " for " (parts::account(beneficiary)) },
        OperationView::Release { hold, .. } => html! {
            "Release " (known.paid(transaction, place))
            @if let Some(made) = known.hold(hold) { " to " (parts::account(&made.beneficiary)) }
        },
        OperationView::Refund { hold } => html! {
            "Refund " (known.paid(transaction, place)) " to " (parts::account(&hold.owner))
        },
        OperationView::Erase {
            transaction: erased, ..
        } => html! { "Erase texts of " (parts::transaction(erased)) },
        OperationView::Governance { name, .. } => html! { (capital(&name.replace('_', " "))) },
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

/// A transaction in few words as one account sees it: what it receives is told by who it comes from.
pub(super) fn summary_for(account: &Address, transaction: &Transaction, known: &Known) -> Markup {
    let concerns = |act: &ActView| act.by == *account || received(act, account, known).is_some();
    let acts = transaction.operations.iter().enumerate();
    let own: Vec<(usize, &ActView)> = acts.filter(|(_, act)| concerns(act)).collect();
    let Some((place, first)) = own.first() else {
        return summary(transaction, known);
    };
    let from = received(first, account, known).filter(|from| from != account && first.by != *account);
    html! {
        span .summary {
            @match from {
                None => (short(transaction, *place, known)),
                Some(from) => {
                    (known.paid(transaction, *place)) " from " (parts::account(&from))
                },
            }
            (and_more(own.len() - 1))
        }
    }
}

/// From whom an account receives something by an operation, if it does.
fn received(act: &ActView, account: &Address, known: &Known) -> Option<Address> {
    match &act.operation {
        OperationView::Transfer { to, .. } | OperationView::Mint { to, .. } => {
            (to == account).then_some(act.by)
        }
        OperationView::Release { hold, .. } => {
            let made = known.hold(hold)?;
            (made.beneficiary == *account).then_some(hold.owner)
        }
        OperationView::Refund { hold } => (hold.owner == *account).then_some(hold.owner),
        _ => None,
    }
}

/// Whether value that an account can use comes or goes by a transaction; none where nothing moves.
pub(super) fn direction(transaction: &Transaction, account: &Address, known: &Known) -> Option<&'static str> {
    let moves = |act: &ActView| {
        if received(act, account, known).is_some() {
            return Some("In");
        }
        let gives = match &act.operation {
            OperationView::Transfer { .. }
            | OperationView::Burn { .. }
            | OperationView::Mint { .. }
            | OperationView::Hold { .. } => act.by == *account,
            _ => false,
        };
        gives.then_some("Out")
    };
    transaction.operations.iter().find_map(moves)
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
