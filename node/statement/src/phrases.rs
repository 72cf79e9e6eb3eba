//! What the forms for people say in the same words.

use quorate_crypto::Address;
use quorate_ledger::{Amount, HistoryOwner};

use crate::figures::{Balance, Figures, Line, Movement, Words};
use crate::statement::Names;
use crate::words::instead;

/// Behind an amount whose decimals nothing proves.
pub(crate) const SMALLEST: &str = " smallest units of ";

/// Words before a counterparty.
pub(crate) mod direction {
    pub(crate) const TO: &str = "to";
    pub(crate) const FROM: &str = "from";
    pub(crate) const WITH: &str = "with";
}

/// The kind of a line that gives back what was held: it comes from nobody.
const REFUND: &str = "refund";

/// The word before a line's counterparty.
pub(crate) fn direction(owner: &HistoryOwner, line: &Line) -> &'static str {
    let is_supply = matches!(owner, HistoryOwner::Asset(_));
    match &line.movement {
        Some(movement) if !is_supply && !movement.free.is_zero() && line.kind != REFUND => {
            if movement.free.is_minus {
                direction::TO
            } else {
                direction::FROM
            }
        }
        _ => direction::WITH,
    }
}

/// Where a line's operation stands, behind the transaction's id.
pub(crate) fn place(line: &Line) -> String {
    let operation = line.operation.map(|index| format!(", operation {index}"));
    format!(
        "{}, place {} of the log",
        operation.unwrap_or_default(),
        line.ordinal
    )
}

/// What came or went, with its asset.
pub(crate) fn moved(movement: &Movement) -> String {
    let between = if movement.decimals.is_some() {
        " "
    } else {
        SMALLEST
    };
    let amount = movement.free.text(movement.decimals, "+");
    format!("{amount}{between}{}", movement.asset)
}

/// What stands in the place of a text that is not there.
pub(crate) fn instead_of(words: &Words) -> &'static str {
    match words {
        Words::None | Words::Shown(_) | Words::Hex(_) => "",
        Words::Withheld => instead::WITHHELD,
        Words::Erased => instead::ERASED,
        Words::ErasedUnseen => instead::ERASED_UNSEEN,
        Words::NotShown => instead::NOT_SHOWN,
    }
}

/// The words in whose place this stands.
pub(crate) fn state_of(state: &str) -> Option<Words> {
    let states = [
        Words::Withheld,
        Words::Erased,
        Words::ErasedUnseen,
        Words::NotShown,
    ];
    states.into_iter().find(|words| instead_of(words) == state)
}

/// What a form with figures that are compared says of its proof.
pub(crate) const COMPARED: &str = "The proof goes with this statement, not with its print: `quorate audit verify` checks \
                                   that the figures are the proof's.";

/// What a form that is for reading alone says of its proof.
pub(crate) const FOR_READING: &str = "This form is for reading, and nothing compares it with its proof. `quorate audit \
                                      verify` checks the proof, which --out FILE writes to FILE.proof, and shows its \
                                      figures; statements as CSV, HTML and camt.053 it compares figure by figure.";

/// What whoever reads a statement should know of it; at the end, what it says of its proof.
pub(crate) fn notes_of(figures: &Figures, names: &Names, of_proof: &'static str) -> Vec<&'static str> {
    let mut notes = vec![
        "None of the range's transactions is left out; those that failed changed nothing and are only counted. There are \
         no fees.",
    ];
    if figures.about.opening_is_of_genesis {
        notes.push("No transaction is before the range: the opening balances are those of genesis.");
    }
    let mut balances = figures.balances.iter();
    if balances.any(|item| item.decimals.is_none()) {
        notes.push("Where decimals are unknown, amounts are in smallest units.");
    }
    let holds = |balance: &Option<Balance>| balance.is_some_and(|balance| balance.held > Amount(0));
    let mut balances = figures.balances.iter();
    if balances.any(|item| holds(&item.opening) || holds(&item.closing)) {
        notes.push("What holds have set apart cannot be spent, and is no part of the balances beside it.");
    }
    if shows_names(figures, names) {
        notes.push("Names are those of whoever made this statement; nothing proves them.");
    }
    notes.push(of_proof);
    notes
}

/// True if one of the names is of an address that the statement shows.
fn shows_names(figures: &Figures, names: &Names) -> bool {
    let is_named = |address: &Address| names.contains_key(address);
    let owner = match &figures.about.owner {
        HistoryOwner::Account(address) => Some(address),
        HistoryOwner::Asset(_) => None,
    };
    let others = figures.lines.iter().filter_map(|line| line.counterparty.as_ref());
    others.chain(owner).any(is_named)
}
