//! A verdict in lines for people. It always names the block as of which something is proven; it says up to when a range
//! is complete, and of a text that is not shown whether it is erased or only withheld.

use std::collections::BTreeMap;

use quorate_crypto::Height;
use quorate_ledger::{
    Amount, AssetCode, BalanceItem, HistoryOwner, LogEntryV1, Outcome, Place, StateValue, TextItem,
    format_amount,
};

use crate::facts::{
    BlockFacts, EpochFacts, ErasedFacts, Facts, HistoryFacts, NotExecutedFacts, PrefixFacts, ShownFacts,
    StatementEntry, StatementFacts, TextFacts, TransactionFacts, TwoHistoriesFacts,
};
use crate::plain::{Plain, ToPlain, state};
use crate::text::quoted;
use crate::verdict::{Finding, HeadFacts};

/// The first byte of a unique record's key.
const UNIQUE_RECORDS: u8 = 0x05;

type Lines = Vec<String>;

/// The lines of a verdict, the answer first.
pub(crate) fn of(finding: Finding, about: &str, head: Option<&HeadFacts>, facts: &Facts) -> Lines {
    let kind = facts.kind().name();
    let question = match facts {
        // The prefixes follow, each with what is there.
        Facts::State(_) => kind.to_owned(),
        _ => format!("{kind} {about}"),
    };
    let mut lines = vec![match finding {
        Finding::Proven => format!("proven: {question}"),
        Finding::CompleteUpTo(time) => {
            format!("complete up to {time}, that included, and no further: {question}")
        }
    }];
    lines.extend(head.map(|head| format!("as of {}", block(head))));
    match facts {
        Facts::Transaction(facts) => transaction(facts, &mut lines),
        Facts::State(facts) => facts.iter().for_each(|proof| prefix(proof, &mut lines)),
        Facts::Statement(facts) => statement(facts, &mut lines),
        Facts::Committees(facts) => lines.extend(facts.iter().map(epoch)),
        Facts::Block(facts) => entries_of_block(facts, &mut lines),
        Facts::NotExecuted(facts) => not_executed(facts, &mut lines),
        Facts::TwoHistories(facts) => two_histories(facts, &mut lines),
        Facts::TwoRecoveries(facts) => {
            let [first, second] = &facts.documents;
            lines.push(format!("both documents are valid: {first} and {second}"));
        }
    }
    lines
}

/// Values parted by commas.
fn list<T: ToPlain>(values: &[T]) -> String {
    let texts: Vec<String> = values.iter().map(|value| value.plain().to_string()).collect();
    texts.join(", ")
}

fn block(head: &HeadFacts) -> String {
    let time = head.timestamp;
    format!(
        "block {} of {time}, epoch {}, {}",
        head.height, head.epoch, head.hash
    )
}

fn transaction(facts: &TransactionFacts, lines: &mut Lines) {
    lines.push(format!(
        "ordinal {} of the log: {}",
        facts.ordinal,
        entry(&facts.entry)
    ));
    if matches!(facts.entry, LogEntryV1::Transaction(_)) {
        shown(&facts.shown, None, lines);
    }
}

/// What an entry of the log says.
fn entry(entry: &LogEntryV1) -> String {
    match entry {
        LogEntryV1::Transaction(transaction) => {
            let (id, height, position) = (transaction.id, transaction.height, transaction.position);
            let (time, outcome) = (transaction.timestamp, outcome(&transaction.outcome));
            format!("{id} was executed in block {height} of {time} at position {position}: {outcome}")
        }
        LogEntryV1::Recovery(recovery) => {
            let (document, height) = (recovery.document, recovery.height);
            let time = recovery.timestamp;
            format!("the recovery with the document {document} began with block {height} of {time}")
        }
    }
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Success { results } if results.is_empty() => "all of it took effect".to_owned(),
        Outcome::Success { results } => {
            format!(
                "all of it took effect; releases and refunds paid {}",
                list(results)
            )
        }
        Outcome::Failed { code, operation } => {
            let name = code
                .name()
                .map_or_else(|| format!("code {}", code.0), str::to_owned);
            format!("nothing of it took effect, as operation {operation} failed: {name}")
        }
    }
}

/// What is shown of a transaction. `erased`: its texts of which a leaf says that they are erased.
fn shown(facts: &ShownFacts, erased: Option<&[ErasedFacts]>, lines: &mut Lines) {
    let Some(intent) = &facts.intent else {
        lines.push("nothing of it is shown".to_owned());
        texts(&[], &facts.texts, erased, lines);
        return;
    };
    lines.push(match &facts.signed_by {
        None => "it is shown without signatures: what was executed, not who signed it".to_owned(),
        Some(keys) => format!(
            "signed by {}; each signature is good, and that these keys were its parties' signers is what the \
             quorum checked",
            list(keys)
        ),
    });
    let operations = intent.operations.iter().enumerate();
    lines.extend(operations.map(|(place, act)| format!("operation {place}: {}", act.plain())));
    let places = intent
        .texts
        .as_ref()
        .map_or(&[] as &[Place], |texts| texts.places.as_slice());
    texts(places, &facts.texts, erased, lines);
}

/// A line for each text: shown, erased, or withheld.
fn texts(places: &[Place], facts: &TextFacts, erased: Option<&[ErasedFacts]>, lines: &mut Lines) {
    let erased = erased.unwrap_or_default();
    let not_shown = |place: &Place| match erased.iter().find(|each| each.place == *place) {
        Some(each) if each.before_execution => {
            format!(
                "{} was erased before it was executed: nobody need have seen it",
                words_of(place)
            )
        }
        Some(_) => format!("{} is erased", words_of(place)),
        None => format!("{} is withheld", words_of(place)),
    };
    if places.is_empty() {
        // Of a transaction that is not shown, only erasures tell that there were texts.
        lines.extend(erased.iter().map(|each| not_shown(&each.place)));
    }
    for (index, place) in places.iter().enumerate() {
        let text = match facts {
            TextFacts::All(items) => match items.get(index) {
                Some(TextItem::Shown(text)) => Some(&text.text),
                _ => None,
            },
            TextFacts::Alone { index: alone, text } if usize::from(*alone) == index => Some(&text.text),
            TextFacts::Alone { .. } | TextFacts::Nothing => None,
        };
        lines.push(match text {
            Some(text) => format!("{} is {}", words_of(place), quoted(text)),
            None => not_shown(place),
        });
    }
}

fn words_of(place: &Place) -> String {
    match place {
        Place::Memo => "the memo".to_owned(),
        Place::Operation { index, field } => format!("the text of operation {index}, field {field},"),
    }
}

fn prefix(facts: &PrefixFacts, lines: &mut Lines) {
    if facts.leaves.is_empty() {
        let claim = if facts.prefix.key[0] == UNIQUE_RECORDS {
            ", so nobody claimed it; whether somebody recorded it, that does not say"
        } else {
            ""
        };
        lines.push(format!("{}: nothing is there{claim}", facts.prefix));
        return;
    }
    lines.push(format!("{}: this, and nothing else", facts.prefix));
    for leaf in &facts.leaves {
        let (kind, value) = state::named(&leaf.value);
        lines.push(format!("{kind} {value}"));
    }
}

/// Decimals of assets whose leaves are shown.
type Decimals = BTreeMap<AssetCode, u8>;

fn statement(facts: &StatementFacts, lines: &mut Lines) {
    let (count, owner) = (facts.entries.len(), owner(&facts.owner));
    lines.push(format!(
        "{count} transactions of {owner} in the range, none left out"
    ));
    let leaves = facts.beside.iter().flat_map(|proof| &proof.leaves);
    let assets = leaves.filter_map(|leaf| match &leaf.value {
        StateValue::Asset(asset) => Some((asset.v1().code, asset.v1().decimals)),
        _ => None,
    });
    let decimals: Decimals = assets.collect();
    if facts.opening_is_of_genesis {
        lines.push("no step is before the range: the opening balances are those of genesis".to_owned());
    }
    balances("opening", &facts.opening, &decimals, lines);
    for item in &facts.entries {
        statement_entry(item, &decimals, lines);
    }
    balances("closing", &facts.closing, &decimals, lines);
}

fn owner(owner: &HistoryOwner) -> Plain {
    match owner {
        HistoryOwner::Account(address) => address.plain(),
        HistoryOwner::Asset(code) => code.plain(),
    }
}

fn balances(name: &str, items: &[BalanceItem], decimals: &Decimals, lines: &mut Lines) {
    for BalanceItem { asset, free, held } in items {
        let (free, held) = (amount(*free, asset, decimals), amount(*held, asset, decimals));
        lines.push(format!("{name} {asset}: {free} free, {held} held"));
    }
}

/// An amount with its asset's decimals, or in smallest units where nothing shown says how many these are.
fn amount(amount: Amount, asset: &AssetCode, decimals: &Decimals) -> String {
    match decimals.get(asset) {
        Some(decimals) => format_amount(amount, *decimals),
        None if amount == Amount(0) => "0".to_owned(),
        None => format!("{amount} smallest units"),
    }
}

fn statement_entry(item: &StatementEntry, decimals: &Decimals, lines: &mut Lines) {
    let logged = LogEntryV1::Transaction(item.entry.clone());
    lines.push(format!("{}. {}", item.number, entry(&logged)));
    for change in &item.changes {
        let of = |value: Amount| amount(value, &change.asset, decimals);
        let free = format!("free {} to {}", of(change.free_before), of(change.free_after));
        let held = format!("held {} to {}", of(change.held_before), of(change.held_after));
        lines.push(format!("{}: {free}, {held}", change.asset));
    }
    if item.shown.intent.is_some() || item.erased.is_some() {
        shown(&item.shown, item.erased.as_deref(), lines);
    }
}

fn epoch(facts: &EpochFacts) -> String {
    let height = |height: Option<Height>, unknown: &str| {
        height.map_or_else(|| unknown.to_owned(), |height| height.to_string())
    };
    let (first, last) = (
        height(facts.first, "a height not known"),
        height(facts.last, "now"),
    );
    let validators = facts.validators.len();
    let mut line = format!(
        "epoch {}: {validators} validators, from {first} to {last}",
        facts.epoch
    );
    if let Some(recovery) = &facts.ended_by {
        let lost = recovery.may_have_lost.words();
        line.push_str(&format!(
            ", ended by recovery {}, which may have lost: {lost}",
            recovery.number
        ));
    }
    line
}

fn entries_of_block(facts: &BlockFacts, lines: &mut Lines) {
    let (count, first) = (facts.entries.len(), facts.first_ordinal);
    lines.push(format!(
        "{count} entries from ordinal {first} on, none left out; what the block skipped is not proven"
    ));
    for item in &facts.entries {
        lines.push(entry(&item.entry));
        if let Some(facts) = &item.shown {
            shown(facts, None, lines);
        }
    }
}

fn not_executed(facts: &NotExecutedFacts, lines: &mut Lines) {
    let (from, to) = (facts.from, facts.to);
    lines.push(format!(
        "it was not executed, and expired at {}: it could have been from {from} on, before {to}",
        facts.expires_at
    ));
    lines.push(format!(
        "its first party had {} other transactions then",
        facts.entries
    ));
    lines.push("a recovery that comes later can give this block up".to_owned());
}

fn two_histories(facts: &TwoHistoriesFacts, lines: &mut Lines) {
    // Of one epoch, whoever sealed both has lied, whatever a recovery gave up.
    let of_one_epoch = facts.sealed_both.is_some();
    for history in &facts.histories {
        one_history(history, of_one_epoch, lines);
    }
    match &facts.sealed_both {
        Some(both) => lines.push(format!("sealed by the same validators: {}", list(both))),
        None => lines.push("the two are of different epochs".to_owned()),
    }
}

fn one_history(history: &HistoryFacts, of_one_epoch: bool, lines: &mut Lines) {
    lines.push(format!(
        "{}, sealed by {}",
        block(&history.head),
        list(&history.sealed_by)
    ));
    let Some(given_up) = &history.given_up else {
        return;
    };
    lines.push(format!("certified, given up by recovery {}", given_up.number));
    let (stood_down, lost) = (&given_up.accused_of_stand_down, &given_up.accused_of_loss);
    if stood_down.is_empty() && lost.is_empty() {
        if !of_one_epoch {
            lines.push("nobody need have lied".to_owned());
        }
    } else {
        lines.push(format!(
            "validators that stood down and hid something: {}; seats that were not lost: {}",
            list(stood_down),
            list(lost)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memo(texts_shown: &TextFacts, erased: Option<&[ErasedFacts]>) -> Lines {
        let mut lines = Lines::new();
        texts(&[Place::Memo], texts_shown, erased, &mut lines);
        lines
    }

    #[test]
    fn a_text_that_is_not_shown_is_withheld_unless_a_leaf_says_erased() {
        assert_eq!(memo(&TextFacts::Nothing, None), ["the memo is withheld"]);
        assert_eq!(memo(&TextFacts::Nothing, Some(&[])), ["the memo is withheld"]);
        let erased = |before_execution| ErasedFacts {
            place: Place::Memo,
            before_execution,
        };
        assert_eq!(
            memo(&TextFacts::Nothing, Some(&[erased(false)])),
            ["the memo is erased"]
        );
        let unseen = memo(&TextFacts::Nothing, Some(&[erased(true)]));
        assert_eq!(
            unseen,
            ["the memo was erased before it was executed: nobody need have seen it"]
        );
    }
}
