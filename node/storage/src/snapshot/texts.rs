//! Texts of what was executed: there, erased, or missing (`docs/formats.md`, section 4).

use std::collections::BTreeSet;

use quorate_ledger::{
    BatchTexts, BatchV1, Digest, Erasure, ErasureV1, Height, Place, SignedBatch, StateKey, StateReader,
    TextItem, Texts, Transaction,
};

use super::Snapshot;
use crate::StorageError;
use crate::families::{BATCH_TEXTS, BATCHES, TEXTS, UNORDERED, text_key};

/// A text of an executed transaction that is not at hand, and not erased: to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingText {
    /// The batch that the transaction was in.
    pub batch: Digest,
    /// The transaction's id.
    pub id: Digest,
    /// The text's place.
    pub place: Place,
}

impl Snapshot {
    /// A text of an executed transaction: its leaf's hash if it is erased, none if it is missing. One that is
    /// erased and never was here can be none, too: [`Snapshot::erasure`] says what it is.
    pub fn text(&self, id: &Digest, place: &Place) -> Result<Option<TextItem>, StorageError> {
        let stored = self.stored_text(id, place)?;
        // A hash that a skipped copy left says nothing of an erasure.
        let is_known = match &stored {
            Some(TextItem::Withheld { .. }) => self.is_erased(id, place)?,
            Some(TextItem::Shown(_)) | None => true,
        };
        Ok(stored.filter(|_| is_known))
    }

    /// A text or its leaf's hash, for whatever reason it is the hash alone.
    pub fn stored_text(&self, id: &Digest, place: &Place) -> Result<Option<TextItem>, StorageError> {
        self.decoded(TEXTS, &text_key(id, place))
    }

    /// Which texts of a transaction are erased, if any, and by whom.
    pub fn erasure(&self, id: &Digest) -> Result<Option<ErasureV1>, StorageError> {
        let Some(value) = self.value(&StateKey::erasure(id))? else {
            return Ok(None);
        };
        let Erasure::V1(erasure) = self.decode("state", &value)?;
        // Else it is of another transaction, and of this one nothing is erased.
        Ok(Some(erasure).filter(|erasure| erasure.id == *id))
    }

    /// Whether the certified state says that a text is erased: what a copy of a batch is judged by.
    pub fn is_erased(&self, id: &Digest, place: &Place) -> Result<bool, StorageError> {
        let erasure = self.erasure(id)?;
        Ok(erasure.is_some_and(|erasure| erasure.erased.iter().any(|erased| erased.place == *place)))
    }

    /// What there is of a stored batch's texts, one item for each place, so that they fit the batch: of an
    /// unordered one what was stored with it, of an ordered one texts of executed transactions. What is erased,
    /// missing, or of a transaction that was not executed is withheld. Where not even the hash of one is known, as
    /// its texts never were here, there are none.
    pub fn batch_texts(&self, digest: &Digest) -> Result<Option<BatchTexts>, StorageError> {
        if self.view().contains(UNORDERED, digest.as_bytes())? {
            return self.decoded(BATCH_TEXTS, digest.as_bytes());
        }
        let batch: Option<SignedBatch> = self.decoded(BATCHES, digest.as_bytes())?;
        match batch {
            Some(batch) => self.ordered_texts(batch.batch()),
            None => Ok(None),
        }
    }

    /// What there is of the texts of an ordered batch.
    pub(super) fn ordered_texts(&self, batch: &BatchV1) -> Result<Option<BatchTexts>, StorageError> {
        let mut items = Vec::new();
        for transaction in &batch.transactions {
            let Some(texts) = &transaction.intent().texts else {
                continue;
            };
            let id = transaction.id();
            for place in &texts.places {
                match self.stored_text(&id, place)?.or_else(|| only_leaf(texts)) {
                    Some(item) => items.push(item),
                    None => return Ok(None),
                }
            }
        }
        Ok(Some(BatchTexts::new(items)))
    }

    /// The texts of a transaction, one for each place; none where one is missing.
    pub fn texts_of(
        &self,
        id: &Digest,
        transaction: &Transaction,
    ) -> Result<Vec<Option<TextItem>>, StorageError> {
        let places = transaction.intent().places().iter();
        places.map(|place| self.text(id, place)).collect()
    }

    /// The texts of what a block executed that are neither at hand nor erased, in the order of its batches. All
    /// of the block's batches are decoded for that.
    pub fn missing_texts(&self, height: Height) -> Result<Vec<MissingText>, StorageError> {
        let Some(block) = self.block(height)? else {
            return Ok(Vec::new());
        };
        let executed: BTreeSet<u32> = block
            .v1()
            .executed
            .iter()
            .map(|executed| executed.position)
            .collect();
        let mut missing = Vec::new();
        let mut position = 0_u32..;
        for digest in block.v1().proposal.batches() {
            let batch: SignedBatch = self.decode("batches", &self.ordered_batch(digest)?)?;
            for (transaction, position) in batch.batch().transactions.iter().zip(&mut position) {
                if executed.contains(&position) && transaction.intent().texts.is_some() {
                    missing.extend(self.missing_of(digest, transaction)?);
                }
            }
        }
        Ok(missing)
    }

    fn missing_of(
        &self,
        batch: &Digest,
        transaction: &Transaction,
    ) -> Result<Vec<MissingText>, StorageError> {
        let id = transaction.id();
        let mut lacking = Vec::new();
        for place in transaction.intent().places() {
            let stored = self.stored_text(&id, place)?;
            if stored.is_none_or(|item| item.shown().is_none()) {
                lacking.push(*place);
            }
        }
        if lacking.is_empty() {
            return Ok(Vec::new());
        }
        let erased = self
            .erasure(&id)?
            .map(|erasure| erasure.erased)
            .unwrap_or_default();
        lacking.retain(|place| erased.iter().all(|erased| erased.place != *place));
        let missing = lacking.into_iter().map(|place| MissingText {
            batch: *batch,
            id,
            place,
        });
        Ok(missing.collect())
    }
}

/// The leaf's hash of a transaction's only text: the root over one leaf. So it is known where nothing is stored.
fn only_leaf(texts: &Texts) -> Option<TextItem> {
    let is_only = texts.places.len() == 1;
    is_only.then_some(TextItem::Withheld { leaf: texts.root })
}
