//! Transactions in words: where each was executed and what became of it, who did what in it, and its texts.

use quorate_ledger::{Amount, Intent, IntentV1, LogEntryV1, Operation, Outcome, Place, TextItem, legal_text};
use quorate_verifier::{BlockFacts, ShownFacts, TextFacts, TransactionFacts};

use crate::cli::wallet::account::{Decimals, acts_of};

/// A transaction that is proven.
pub(super) fn transaction(facts: &TransactionFacts, decimals: &Decimals) -> Vec<String> {
    let mut lines = vec![format!(
        "{}, ordinal {} of the log",
        place(&facts.entry),
        facts.ordinal
    )];
    if let LogEntryV1::Transaction(entry) = &facts.entry {
        lines.push(outcome(&entry.outcome));
        lines.extend(shown(&facts.shown, decimals));
    }
    lines
}

/// All that a block executed.
pub(super) fn block(facts: &BlockFacts, decimals: &Decimals) -> Vec<String> {
    let (count, first) = (facts.entries.len(), facts.first_ordinal);
    let mut lines = vec![format!(
        "{count} entries from ordinal {first} of the log on, none left out; what the block skipped is not proven"
    )];
    for item in &facts.entries {
        match &item.entry {
            LogEntryV1::Transaction(entry) => lines.push(format!(
                "transaction {}, at position {}: {}",
                entry.id,
                entry.position,
                outcome(&entry.outcome)
            )),
            LogEntryV1::Recovery(_) => lines.push(place(&item.entry)),
        }
        if let Some(facts) = &item.shown {
            lines.extend(shown(facts, decimals));
        }
    }
    lines
}

fn place(entry: &LogEntryV1) -> String {
    match entry {
        LogEntryV1::Transaction(entry) => {
            let (height, time, position) = (entry.height, entry.timestamp, entry.position);
            format!("executed in block {height} of {time}, at position {position} there")
        }
        LogEntryV1::Recovery(entry) => {
            let (document, height, time) = (entry.document, entry.height, entry.timestamp);
            format!("the recovery with the document {document} began with block {height} of {time}")
        }
    }
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Success { results } if results.is_empty() => "all of it took effect".to_owned(),
        Outcome::Success { results } => {
            let amounts: Vec<String> = results.iter().map(Amount::to_string).collect();
            format!(
                "all of it took effect; its releases and refunds paid, in smallest units: {}",
                amounts.join(", ")
            )
        }
        Outcome::Failed { code, operation } => {
            let name = code
                .name()
                .map_or_else(|| format!("code {}", code.0), str::to_owned);
            let words = code
                .words()
                .map_or_else(String::new, |words| format!(" ({words})"));
            format!("nothing of it took effect, as operation {operation} failed: {name}{words}")
        }
    }
}

/// What is shown of a transaction: who signed, who does what, and its texts.
fn shown(facts: &ShownFacts, decimals: &Decimals) -> Vec<String> {
    let Some(intent) = &facts.intent else {
        return vec!["nothing of it is shown".to_owned()];
    };
    let mut lines = vec![match &facts.signed_by {
        None => "it is shown without signatures: what was executed, not who signed it".to_owned(),
        Some(keys) => {
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            format!(
                "signed by {}; each signature is good, and that these keys were its parties' signers is what the \
                 quorum checked",
                keys.join(", ")
            )
        }
    }];
    let acts = acts_of(&Intent::V1(intent.clone())).into_iter().enumerate();
    lines.extend(acts.map(|(index, act)| {
        let (by, words) = (act.by, decimals.describe(&act));
        format!("operation {index}, by {by}: {words}")
    }));
    let places = intent.places().iter().enumerate();
    lines.extend(places.map(|(number, place)| {
        let what = named(intent, place);
        match text_at(&facts.texts, number) {
            Some(text) => format!("{what} is {}", quoted(text)),
            None => format!("{what} is withheld"),
        }
    }));
    lines
}

fn text_at(texts: &TextFacts, number: usize) -> Option<&[u8]> {
    match texts {
        TextFacts::All(items) => match items.get(number)? {
            TextItem::Shown(text) => Some(&text.text),
            TextItem::Withheld { .. } => None,
        },
        TextFacts::Alone { index, text } if usize::from(*index) == number => Some(&text.text),
        TextFacts::Alone { .. } | TextFacts::Nothing => None,
    }
}

/// A text by its place, as people call it.
fn named(intent: &IntentV1, place: &Place) -> String {
    let Place::Operation { index, field } = *place else {
        return "the memo".to_owned();
    };
    let act = intent.operations.get(usize::from(index));
    let what = match (act.map(|act| &act.operation), field) {
        (Some(Operation::CreateAsset { .. }), _) => "description",
        (Some(Operation::PutRecord { .. }), 0) => "label",
        (Some(Operation::PutRecord { .. }), _) => "metadata",
        (Some(Operation::Freeze { .. } | Operation::Unfreeze { .. }), _) => "reason",
        (Some(Operation::Propose { .. }), _) => "explanation",
        _ => "memo",
    };
    format!("the {what} of operation {index}")
}

/// A text between quotation marks, of which it cannot end the second; what is not legal as text as `hex` and its hex.
fn quoted(text: &[u8]) -> String {
    match legal_text(text) {
        Ok(legal) => format!("\"{}\"", legal.replace('\\', "\\\\").replace('"', "\\\"")),
        Err(_) => format!("hex {}", hex::encode(text)),
    }
}
