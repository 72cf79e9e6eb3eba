//! The texts of a batch, which travel beside it, and whole copies (`docs/formats.md`, sections 4 and 5).
//!
//! A copy with wrong or missing texts is not that batch. Nothing said here of a copy may be kept under the
//! batch's digest, which covers no text.

use quorate_crypto::Digest;
use quorate_crypto::bounded::bounded_vec;
use serde::{Deserialize, Serialize};

use super::{BatchV1, FormedBatch};
use crate::limits::MAX_BATCH_BYTES;
use crate::transaction::length::of_length;
use crate::{DecodeError, ParametersV1, Place, TextError, TextItem, Transaction, decode};

/// Texts of a batch, at most: the shortest has a variant, a salt and a length.
const MAX_BATCH_TEXTS: usize = MAX_BATCH_BYTES as usize / (1 + 16 + 1);

/// Bytes of a withheld text, which each text counts with at least: so a copy stays whole when a text in it
/// is erased.
const WITHHELD_BYTES: usize = 1 + 32;

/// The texts of all places of all transactions of a batch, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BatchTexts {
    /// Version 1.
    V1(BatchTextsV1),
}

/// Version 1 of [`BatchTexts`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchTextsV1 {
    /// One for each place.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_BATCH_TEXTS>")]
    pub items: Vec<TextItem>,
}

/// Why texts are not those of a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitTexts {
    /// More or fewer texts than places.
    #[error("there are {got} texts, the batch's transactions have {places} places for them")]
    Count {
        /// Texts given.
        got: usize,
        /// Places of all transactions.
        places: usize,
    },
    /// A transaction's texts are not those that it was signed with.
    #[error("the texts of transaction {transaction} of the batch: {error}")]
    Transaction {
        /// The transaction's index, from 0.
        transaction: usize,
        /// What is wrong with them.
        error: TextError,
    },
}

/// Why a copy of a batch is not whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    /// Its texts are not canonical bytes, or too many.
    #[error("the batch's texts cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// They are not the batch's.
    #[error("{0}")]
    Unfit(#[from] UnfitTexts),
    /// The batch and its texts together are too long.
    #[error("the batch and its texts have {length} bytes together, at most {limit} are allowed")]
    TooLong {
        /// What they count, each text with at least 33 bytes.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A text is withheld whose erasure is not certified here.
    #[error("the text of transaction {transaction} at `{place}` is withheld, and not known to be erased")]
    Withheld {
        /// The transaction's id.
        transaction: Digest,
        /// The text's place.
        place: Place,
    },
}

impl NotWhole {
    /// The stable code (section 23).
    pub fn code(&self) -> &'static str {
        "not_whole"
    }

    /// Whether the sender is to blame. Where only withheld texts make a copy less than whole, it is not: it
    /// may know of an erasure that is not certified here yet.
    pub fn blames_sender(&self) -> bool {
        !matches!(self, Self::Withheld { .. })
    }
}

/// A batch with all its texts: what a validator stores, announces, serves and votes on.
///
/// The author's signature in this copy is good, as a [`FormedBatch`] shows; clients' signatures may not be
/// checked yet.
#[derive(Clone, Debug)]
pub struct WholeCopy {
    batch: FormedBatch,
    texts: BatchTexts,
    length: usize,
}

impl BatchTexts {
    /// Texts in this order.
    pub fn new(items: Vec<TextItem>) -> Self {
        Self::V1(BatchTextsV1 { items })
    }

    /// The texts whose canonical bytes these are. They are not yet compared with a batch.
    pub fn decode(bytes: &[u8], parameters: &ParametersV1) -> Result<Self, DecodeError> {
        decode(bytes, parameters.max_batch_bytes as usize)
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &BatchTextsV1 {
        let Self::V1(texts) = self;
        texts
    }

    /// The texts, in the order of the batch's places.
    pub fn items(&self) -> &[TextItem] {
        &self.v1().items
    }

    /// Each transaction of the batch with its own texts; none if there are not exactly as many texts as
    /// places. Whether they fit is not looked at.
    pub fn by_transaction<'a>(
        &'a self,
        batch: &'a BatchV1,
    ) -> Option<Vec<(&'a Transaction, &'a [TextItem])>> {
        let mut rest = self.items();
        let mut found = Vec::with_capacity(batch.transactions.len());
        for transaction in &batch.transactions {
            let (own, others) = rest.split_at_checked(transaction.intent().places().len())?;
            found.push((transaction, own));
            rest = others;
        }
        rest.is_empty().then_some(found)
    }

    /// Checks that there is exactly one text for each place of the batch, and that each transaction's texts
    /// are those that it was signed with. Withheld ones fit by their hash.
    pub fn fit(&self, batch: &BatchV1) -> Result<(), UnfitTexts> {
        let parts = self.by_transaction(batch).ok_or_else(|| UnfitTexts::Count {
            got: self.items().len(),
            places: batch
                .transactions
                .iter()
                .map(|transaction| transaction.intent().places().len())
                .sum(),
        })?;
        for (transaction, (signed, items)) in parts.into_iter().enumerate() {
            let intent = signed.intent();
            if let Some(texts) = &intent.texts {
                texts
                    .fit(intent, items)
                    .map_err(|error| UnfitTexts::Transaction { transaction, error })?;
            }
        }
        Ok(())
    }

    /// The texts that are withheld, by their transaction's id and place: whose erasures are to be looked up.
    /// None is found where there are not as many texts as places.
    pub fn withheld(&self, batch: &FormedBatch) -> Vec<(Digest, Place)> {
        let Some(parts) = self.by_transaction(batch.signed().batch()) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (indexed, (transaction, items)) in batch.transactions().zip(parts) {
            let of_transaction = transaction
                .intent()
                .places()
                .iter()
                .zip(items)
                .filter(|(_, item)| matches!(item, TextItem::Withheld { .. }))
                .map(|(place, _)| (indexed.id, *place));
            found.extend(of_transaction);
        }
        found
    }

    /// Bytes that the texts count with in a whole copy: those of their encoding, if each that is shorter
    /// than a withheld one were withheld.
    pub fn counted_length(&self) -> usize {
        let items = self.items();
        let counted = |item: &TextItem| item.encoded_length().max(WITHHELD_BYTES);
        // Before the texts stand the variant and their count.
        1 + of_length(items.len()) + items.iter().map(counted).sum::<usize>()
    }
}

impl WholeCopy {
    /// Looks whether a batch and the canonical bytes of its texts are a whole copy. `erased` tells of a
    /// transaction's id and a place whether the certified state here has the erasure.
    pub fn decode(
        batch: FormedBatch,
        texts: &[u8],
        parameters: &ParametersV1,
        erased: impl FnMut(&Digest, &Place) -> bool,
    ) -> Result<Self, NotWhole> {
        let texts = BatchTexts::decode(texts, parameters)?;
        Self::new(batch, texts, parameters, erased)
    }

    /// Does the same for texts that are at hand as a value.
    pub fn new(
        batch: FormedBatch,
        texts: BatchTexts,
        parameters: &ParametersV1,
        mut erased: impl FnMut(&Digest, &Place) -> bool,
    ) -> Result<Self, NotWhole> {
        texts.fit(batch.signed().batch())?;
        let length = batch.bytes().len().saturating_add(texts.counted_length());
        let limit = parameters.max_batch_bytes as usize;
        if length > limit {
            return Err(NotWhole::TooLong { length, limit });
        }
        // Last, since it is the only thing that the sender may not be to blame for.
        let missing = texts
            .withheld(&batch)
            .into_iter()
            .find(|(transaction, place)| !erased(transaction, place));
        if let Some((transaction, place)) = missing {
            return Err(NotWhole::Withheld { transaction, place });
        }
        Ok(Self { batch, texts, length })
    }

    /// The batch.
    pub fn batch(&self) -> &FormedBatch {
        &self.batch
    }

    /// Its texts.
    pub fn texts(&self) -> &BatchTexts {
        &self.texts
    }

    /// What both count with, in bytes: it never grows when texts are erased, and gets less by what one of them
    /// took beyond a withheld one's 33.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The batch and its texts.
    pub fn into_parts(self) -> (FormedBatch, BatchTexts) {
        (self.batch, self.texts)
    }
}
