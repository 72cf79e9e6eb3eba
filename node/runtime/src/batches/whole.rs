//! Whole copies: a batch whose author's signature is good in this copy, with all its texts (`docs/formats.md`,
//! section 5). Nothing said here of a copy is kept under the batch's digest, which covers neither.

use std::collections::BTreeSet;

use bytes::Bytes;
use quorate_crypto::Digest;
use quorate_ledger::{
    BatchTexts, CheckedBatch, FormedBatch, NotWhole, Place, SignedBatch, WholeCopy, encode,
};
use quorate_storage::{Snapshot, StorageError};

use super::BatchStore;
use crate::wire::CopyBytes;

/// A whole copy whose batch has passed the batch check.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    /// The batch.
    pub(crate) batch: CheckedBatch,
    /// Its texts, of which those are withheld whose erasure is certified here.
    pub(crate) texts: BatchTexts,
}

/// What is erased of the transaction that was asked about last. One has hundreds of places, which follow each other;
/// if its erasures were read for each of them, a copy of some megabytes would take seconds.
#[derive(Debug, Default)]
struct Erased {
    last: Option<(Digest, BTreeSet<Place>)>,
}

impl Erased {
    /// Whether a text is erased; `read` gives all erased places of its transaction.
    fn has(
        &mut self,
        id: &Digest,
        place: &Place,
        read: impl FnOnce() -> Result<BTreeSet<Place>, StorageError>,
    ) -> Result<bool, StorageError> {
        let places = match self.last.take().filter(|(last, _)| last == id) {
            Some((_, places)) => places,
            None => read()?,
        };
        let (_, places) = self.last.insert((*id, places));
        Ok(places.contains(place))
    }
}

/// The erased places of a transaction.
fn erased_in(snapshot: &Snapshot, id: &Digest) -> Result<BTreeSet<Place>, StorageError> {
    let erased = snapshot.erasure(id)?.map(|erasure| erasure.erased);
    let places = erased.into_iter().flatten().map(|erased| erased.place);
    Ok(places.collect())
}

impl BatchStore {
    /// Looks whether a batch that has passed the first part of its check is a whole copy with these texts, given by
    /// their canonical bytes: by the erasures that are certified here now.
    pub(super) fn judge(
        &self,
        batch: FormedBatch,
        texts: &[u8],
    ) -> Result<Result<WholeCopy, NotWhole>, StorageError> {
        let rules = self.rules();
        let (mut known, mut snapshot, mut failure) = (Erased::default(), None, None);
        let erased = |id: &Digest, place: &Place| {
            let read = || self.erased_of(&mut snapshot, id);
            match known.has(id, place, read) {
                Ok(erased) => erased,
                Err(error) => {
                    failure = Some(error);
                    false
                }
            }
        };
        let verdict = WholeCopy::decode(batch, texts, rules.parameters.v1(), erased);
        match failure {
            Some(error) => Err(error),
            None => Ok(verdict),
        }
    }

    /// The places of a transaction whose erasures are certified here. Hardly any copy asks, so the snapshot is taken by
    /// the first that does.
    fn erased_of(
        &self,
        snapshot: &mut Option<Snapshot>,
        id: &Digest,
    ) -> Result<BTreeSet<Place>, StorageError> {
        let taken = match snapshot.take() {
            Some(taken) => taken,
            None => self.chain.snapshot()?,
        };
        let erased = erased_in(&taken, id);
        *snapshot = Some(taken);
        erased
    }

    /// A whole copy of a batch, for a peer that asks; none if there is none here.
    pub(crate) fn copy(&self, digest: &Digest) -> Result<Option<CopyBytes>, StorageError> {
        let at_hand = self.in_memory(digest).map(|batch| batch.bytes().clone());
        let snapshot = self.chain.snapshot()?;
        let Some(texts) = snapshot.batch_texts(digest)? else {
            return Ok(None);
        };
        let signed = match at_hand {
            Some(signed) => Some(signed),
            None => snapshot.batch(digest)?,
        };
        let Some(signed) = signed else {
            return Ok(None);
        };
        let limit = self.rules().parameters.v1().max_batch_bytes as usize;
        let is_short = signed.len().saturating_add(texts.counted_length()) <= limit;
        if !is_short || self.withholds_more_than_erased(&snapshot, &signed, &texts)? {
            return Ok(None);
        }
        let texts = Bytes::from(encode(&texts));
        Ok(Some(CopyBytes { signed, texts }))
    }

    /// Whether a stored batch's texts, which fit it, lack some that are not erased: missing ones, or those of what was
    /// skipped.
    fn withholds_more_than_erased(
        &self,
        snapshot: &Snapshot,
        signed: &[u8],
        texts: &BatchTexts,
    ) -> Result<bool, StorageError> {
        if texts.items().iter().all(|item| item.shown().is_some()) {
            return Ok(false);
        }
        let rules = self.rules();
        let Ok(batch) = SignedBatch::decode(signed, rules.parameters.v1()) else {
            return Ok(true);
        };
        let Some(parts) = texts.by_transaction(batch.batch()) else {
            return Ok(true);
        };
        let mut known = Erased::default();
        for (transaction, items) in parts {
            let places = transaction.intent().places().iter();
            let mut withheld = places.zip(items).filter(|(_, item)| item.shown().is_none());
            let Some((first, _)) = withheld.next() else {
                continue;
            };
            let id = transaction.id();
            for place in std::iter::once(first).chain(withheld.map(|(place, _)| place)) {
                if !known.has(&id, place, || erased_in(snapshot, &id))? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What is left of the texts of an ordered batch, in canonical bytes, for a peer that lacks them; none if that is
    /// nothing, or the batch is not ordered.
    pub(crate) fn texts_left(&self, digest: &Digest) -> Result<Option<Bytes>, StorageError> {
        if self.chain.ordered_at(digest)?.is_none() {
            return Ok(None);
        }
        let texts = self.chain.batch_texts(digest)?;
        let left = texts.filter(|texts| texts.items().iter().any(|item| item.shown().is_some()));
        Ok(left.map(|texts| Bytes::from(encode(&texts))))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_is_erased_of_a_transaction_is_read_once_for_all_its_places() {
        let field = |index| Place::Operation { index, field: 0 };
        let (mut known, reads) = (Erased::default(), Cell::new(0));
        let mut has = |id, place| {
            let read = || {
                reads.set(reads.get() + 1);
                Ok(BTreeSet::from([field(id), field(7)]))
            };
            known.has(&Digest([id; 32]), &place, read).unwrap()
        };
        let found = [
            (1, field(1)),
            (1, field(2)),
            (1, field(7)),
            (2, field(2)),
            (2, field(1)),
        ];
        let found = found.map(|(id, place)| has(id, place));
        assert_eq!(found, [true, false, true, true, false]);
        assert_eq!(reads.get(), 2);
    }
}
