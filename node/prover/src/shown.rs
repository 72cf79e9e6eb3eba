//! What is shown of a transaction, beside its entry in the log (`docs/formats.md`, section 17, Shown).

use std::convert::Infallible;

use quorate_crypto::merkle::{make_path, root_of_hashes};
use quorate_crypto::{Digest, Height};
use quorate_ledger::{IntentV1, LoggedTransaction, Place, Text, TextItem, Texts, Transaction, TransactionV1};
use quorate_verifier::{Shown, ShownTexts};

use crate::error::Failure;
use crate::{Part, ProveError, Source};

/// What to show of a transaction. It becomes part of the proof's facts, for whoever gets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Nothing but its entry in the log: position, id, outcome.
    #[default]
    Nothing,
    /// What was executed, without who signed it.
    Intent(ShowTexts),
    /// What was executed, with its signatures.
    Transaction(ShowTexts),
}

/// What to show of a transaction's texts. Where it has none, nothing is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShowTexts {
    /// Nothing.
    #[default]
    Nothing,
    /// Every text; of those that are erased their hashes.
    All,
    /// The hashes of all of them, and no text.
    Withheld,
    /// The text at this place, and no other.
    Alone(Place),
}

impl Show {
    /// What is shown of its texts.
    pub fn texts(self) -> ShowTexts {
        match self {
            Self::Nothing => ShowTexts::Nothing,
            Self::Intent(texts) | Self::Transaction(texts) => texts,
        }
    }
}

/// What is shown of a transaction.
#[derive(Default)]
pub(crate) struct Exhibit {
    pub(crate) shown: Shown,
    /// Whether texts that were to be shown are not at hand.
    pub(crate) lacks_texts: bool,
}

/// What is shown of the transactions of one block that have these entries, which ascend, by their ordinals. `show_of`
/// says what to show, given an id.
pub(crate) fn exhibits<S: Source>(
    source: &S,
    height: Height,
    logged: &[(u64, &LoggedTransaction)],
    show_of: impl Fn(&Digest) -> Show,
) -> Result<Vec<Exhibit>, Failure<S>> {
    let shows: Vec<Show> = logged.iter().map(|(_, entry)| show_of(&entry.id)).collect();
    let wanted = logged
        .iter()
        .zip(&shows)
        .filter(|(_, show)| **show != Show::Nothing);
    let positions: Vec<u32> = wanted.map(|((_, entry), _)| entry.position).collect();
    let found = if positions.is_empty() {
        Vec::new()
    } else {
        let found = source.transactions(height, &positions);
        found.map_err(ProveError::Source)?
    };
    let mut found = found.into_iter();
    let exhibits = logged
        .iter()
        .zip(shows)
        .map(|(&(ordinal, entry), show)| -> Result<Exhibit, Failure<S>> {
            if show == Show::Nothing {
                return Ok(Exhibit::default());
            }
            let transaction = found.next();
            let transaction = transaction.ok_or(Failure::<S>::damaged(Part::Transaction, ordinal))?;
            exhibit(source, ordinal, entry, transaction, show)
        });
    exhibits.collect()
}

fn exhibit<S: Source>(
    source: &S,
    ordinal: u64,
    entry: &LoggedTransaction,
    transaction: Transaction,
    show: Show,
) -> Result<Exhibit, Failure<S>> {
    if transaction.id() != entry.id || transaction.signed_hash() != entry.signed {
        return Err(ProveError::damaged(Part::Transaction, ordinal));
    }
    let found = texts_of(source, ordinal, &entry.id, transaction.intent(), show.texts())?;
    let lacks_texts = found.is_none();
    let texts = found.unwrap_or_default();
    let shown = match show {
        Show::Nothing => Shown::Nothing,
        Show::Intent(_) => {
            let Transaction::V1(TransactionV1 { intent, .. }) = transaction;
            Shown::Intent { intent, texts }
        }
        Show::Transaction(_) => Shown::Transaction { transaction, texts },
    };
    Ok(Exhibit { shown, lacks_texts })
}

/// What is shown of an intent's texts; none if that is not at hand.
fn texts_of<S: Source>(
    source: &S,
    ordinal: u64,
    id: &Digest,
    intent: &IntentV1,
    show: ShowTexts,
) -> Result<Option<ShownTexts>, Failure<S>> {
    let Some(texts) = intent.texts.as_ref().filter(|_| show != ShowTexts::Nothing) else {
        return Ok(Some(ShownTexts::Nothing));
    };
    let mut items = Vec::with_capacity(texts.places.len());
    for place in &texts.places {
        let Some(item) = source.text(id, place).map_err(ProveError::Source)? else {
            return Ok(None);
        };
        items.push(item);
    }
    if Texts::root_of(&items) != texts.root {
        return Err(ProveError::damaged(Part::Texts, ordinal));
    }
    Ok(match show {
        ShowTexts::Nothing => Some(ShownTexts::Nothing),
        ShowTexts::All => Some(ShownTexts::All(items)),
        ShowTexts::Withheld => {
            let withheld = items.iter().map(|item| TextItem::Withheld { leaf: leaf(item) });
            Some(ShownTexts::All(withheld.collect()))
        }
        ShowTexts::Alone(place) => alone(texts, items, place),
    })
}

/// One text of an intent, with its path under their root; none if there is no text at the place.
fn alone(texts: &Texts, items: Vec<TextItem>, place: Place) -> Option<ShownTexts> {
    let index = texts.places.iter().position(|known| *known == place)?;
    let text: Text = match &items[index] {
        TextItem::Shown(text) => text.clone(),
        TextItem::Withheld { .. } => return None,
    };
    if items.len() == 1 {
        // All texts and one alone would be two forms of one fact.
        return Some(ShownTexts::All(items));
    }
    let leaves: Vec<Digest> = items.iter().map(leaf).collect();
    Some(ShownTexts::Alone {
        path: list_path(&leaves, index),
        index: u16::try_from(index).ok()?,
        text,
    })
}

fn leaf(item: &TextItem) -> Digest {
    match item {
        TextItem::Shown(text) => text.leaf(),
        TextItem::Withheld { leaf } => *leaf,
    }
}

/// The inclusion path of a leaf of a short list.
fn list_path(leaves: &[Digest], index: usize) -> Vec<Digest> {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let mut node = |level: u8, place: u64| {
        let width = 1_usize << level;
        let start = usize::try_from(place).unwrap_or(usize::MAX).saturating_mul(width);
        let subtree = leaves.iter().skip(start).take(width).copied();
        Ok::<_, Infallible>(root_of_hashes(&subtree.collect::<Vec<_>>()))
    };
    let Ok(path) = make_path(number(leaves.len()), number(index), &mut node);
    path
}
