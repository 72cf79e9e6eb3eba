//! Texts of executed transactions: there, erased by somebody, or missing here (`docs/formats.md`, section 4).

use quorate_api::Fault;
use quorate_client::schema::TextState;
use quorate_ledger::{Digest, ErasureV1, IntentV1, Place, TextItem};

use super::{Certified, fault};
use crate::pool::Submitted;

impl Certified<'_> {
    /// What there is of an executed transaction's texts, one for each place of its intent.
    pub(super) fn text_states(&self, id: &Digest, intent: &IntentV1) -> Result<Vec<TextState>, Fault> {
        let places = intent.places();
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let erasure = self.snapshot.erasure(id).map_err(fault)?;
        let state = |place: &Place| {
            let item = self.snapshot.stored_text(id, place).map_err(fault)?;
            Ok(state_of(
                item.or_else(|| only_leaf(intent)),
                erasure.as_ref(),
                place,
            ))
        };
        places.iter().map(state).collect()
    }

    /// The same as items that fit the intent's root, those that are not there withheld; none at all where not even the
    /// hash of one is known.
    pub(super) fn text_items(&self, id: &Digest, intent: &IntentV1) -> Result<Vec<TextItem>, Fault> {
        let mut items = Vec::with_capacity(intent.places().len());
        for place in intent.places() {
            let item = self.snapshot.stored_text(id, place).map_err(fault)?;
            match item.or_else(|| only_leaf(intent)) {
                Some(item) => items.push(item),
                None => return Ok(Vec::new()),
            }
        }
        Ok(items)
    }

    /// A text, empty if there is none at the place, or if it is not at hand.
    pub(super) fn shown_text(&self, id: &Digest, place: &Place) -> Result<Vec<u8>, Fault> {
        Ok(match self.snapshot.text(id, place).map_err(fault)? {
            Some(TextItem::Shown(text)) => text.text,
            Some(TextItem::Withheld { .. }) | None => Vec::new(),
        })
    }
}

/// What there is of the texts of a transaction that was submitted here and not executed: a text can be erased before.
pub(crate) fn submitted_texts(submitted: &Submitted, erasure: Option<&ErasureV1>) -> Vec<TextState> {
    let places = submitted.transaction.intent().places().iter();
    let texts = places.zip(&submitted.texts);
    texts
        .map(|(place, text)| state_of(Some(text.clone()), erasure, place))
        .collect()
}

/// What a text is, given what is stored of it and what the state says of erasures.
fn state_of(item: Option<TextItem>, erasure: Option<&ErasureV1>, place: &Place) -> TextState {
    let mut erased = erasure.into_iter().flat_map(|erasure| &erasure.erased);
    let erased = erased.find(|erased| erased.place == *place);
    match (item, erased) {
        // Where it never was, its hash is not known either.
        (item, Some(erased)) => TextState::Erased {
            by: erased.by,
            at: erased.timestamp,
            leaf: item.map(|item| item.leaf()),
        },
        (None, None) => TextState::Missing { leaf: None },
        (Some(item), None) => item.into(),
    }
}

/// The leaf's hash of an intent's only text: the root over one leaf. So it is known where nothing is stored.
fn only_leaf(intent: &IntentV1) -> Option<TextItem> {
    let texts = intent.texts.as_ref()?;
    (texts.places.len() == 1).then_some(TextItem::Withheld { leaf: texts.root })
}
