//! Texts: with unordered batches until a block names them, then of executed transactions alone, by id and place
//! (`docs/formats.md`, sections 4 and 20; rule 4).
//!
//! Where the certified state says that a place is erased, no text is stored, whatever brings it: its leaf's hash
//! is kept instead. A block that erases texts replaces them in its own write, in the family `texts` and in
//! unordered batches; that their bytes leave the files too is seen to later
//! ([`Chain::purge_erased`](super::Chain::purge_erased)).
//!
//! Of a skipped transaction of an ordered batch the hashes are kept too, or no texts that fit the batch could be
//! put together again, and nobody would get those of what the batch executed. An id fixes places and hashes, so
//! all copies share their rows: a text takes the place of its hash once a copy is executed, and a hash never takes
//! that of a text that is not erased.
//!
//! An executed transaction's text of which there is no row, or the hash alone, is missing, if the state does not
//! say that it is erased.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_ledger::{
    BatchTexts, BatchV1, CheckedBatch, Digest, Erasure, Execution, Place, SignedBatch, StateKey, TextItem,
    Transaction, encode,
};
use rocksdb::WriteBatch;

use super::state::read_each;
use super::{decode_stored, digest_of};
use crate::StorageError;
use crate::database::{Database, Order};
use crate::families::{BATCH_TEXTS, BATCHES, TEXTS, TRANSACTIONS, UNORDERED, UnorderedRecord, text_key};

/// What is erased, in the newest certified state or after a block on top of it.
#[derive(Clone, Copy)]
pub(super) struct Erasures<'a> {
    pub(super) database: &'a Database,
    /// The block on top of it.
    pub(super) execution: Option<&'a Execution>,
    /// Whether the state has any erasures: else nothing is looked up.
    pub(super) has_any: bool,
}

/// The places of which texts are erased, by their transactions' ids.
pub(super) type Erased = BTreeMap<Digest, BTreeSet<Place>>;

/// What there is of transactions' texts, by id: their places with an item for each. Copies of one id have the same
/// places and the same hashes.
pub(super) type Found = BTreeMap<Digest, (Vec<Place>, Vec<TextItem>)>;

impl Erasures<'_> {
    /// Whether the block executes the transaction with this id.
    fn executes(&self, id: &Digest) -> bool {
        self.execution.is_some_and(|execution| execution.spends(id))
    }

    /// Whether anything is erased at all.
    fn are_there(&self) -> bool {
        let erases = self
            .execution
            .is_some_and(|execution| !execution.erased.is_empty());
        self.has_any || erases
    }

    /// What is erased of these transactions.
    pub(super) fn of(&self, ids: impl IntoIterator<Item = Digest>) -> Result<Erased, StorageError> {
        let changes = self.execution.map(|execution| &execution.changes);
        if !self.are_there() {
            return Ok(Erased::new());
        }
        let keyed: BTreeMap<StateKey, Digest> =
            ids.into_iter().map(|id| (StateKey::erasure(&id), id)).collect();
        let mut values: Vec<(StateKey, Option<Vec<u8>>)> = Vec::new();
        let mut unchanged = Vec::new();
        for key in keyed.keys() {
            match changes.and_then(|changes| changes.get(key)) {
                Some(value) => values.push((*key, value.clone())),
                None => unchanged.push(*key),
            }
        }
        let stored = read_each(self.database, &unchanged)?;
        for (key, found) in unchanged.into_iter().zip(stored) {
            values.push((key, found.map(|(value, _)| value)));
        }
        let mut erased = Erased::new();
        for (key, value) in values {
            let (Some(value), Some(id)) = (value, keyed.get(&key)) else {
                continue;
            };
            let Erasure::V1(erasure) = decode_stored(self.database.path(), "state", &value)?;
            // Else other material has the same key, and of this transaction nothing is erased.
            if erasure.id == *id {
                let places = erasure.erased.into_iter().map(|erased| erased.place);
                erased.insert(*id, places.collect());
            }
        }
        Ok(erased)
    }
}

/// Which transactions of unordered batches have texts: their ids' first 8 bytes, by batch. Found out for each batch
/// once, when a block erases something: to decode all that may wait, hundreds of megabytes, for each such block would
/// hold up the chain. About 16 kB for a batch of 2,000 transactions with texts.
#[derive(Debug, Default)]
pub(super) struct TextIds(BTreeMap<Digest, Vec<u64>>);

impl TextIds {
    /// Of the unordered batches, which are all of them, those in which one of these transactions may have texts. `read`
    /// gives the ids of a batch's transactions that have places for any; no copy of the batch has others.
    fn concerned<'i>(
        &mut self,
        unordered: impl Iterator<Item = &'i Digest>,
        erased: &Erased,
        mut read: impl FnMut(&Digest) -> Result<Vec<Digest>, StorageError>,
    ) -> Result<Vec<Digest>, StorageError> {
        let erased: BTreeSet<u64> = erased.keys().map(front_of).collect();
        let mut known = std::mem::take(&mut self.0);
        let mut concerned = Vec::new();
        for digest in unordered {
            let ids = match known.remove(digest) {
                Some(ids) => ids,
                None => read(digest)?.iter().map(front_of).collect(),
            };
            if ids.iter().any(|id| erased.contains(id)) {
                concerned.push(*digest);
            }
            self.0.insert(*digest, ids);
        }
        Ok(concerned)
    }
}

fn front_of(id: &Digest) -> u64 {
    let front = id.0.first_chunk::<8>().expect("a digest has 32 bytes");
    u64::from_be_bytes(*front)
}

/// The ids of a stored batch's transactions that have places for texts.
fn ids_with_places(database: &Database, digest: &Digest) -> Result<Vec<Digest>, StorageError> {
    let path = database.path();
    let batch = database
        .get(BATCHES, digest.as_bytes())?
        .ok_or_else(|| StorageError::corrupted(path, format!("unordered batch {digest} is missing")))?;
    let batch: SignedBatch = decode_stored(path, "batches", &batch)?;
    let transactions = batch.batch().transactions.iter();
    let with_places = transactions.filter(|transaction| transaction.intent().texts.is_some());
    Ok(with_places.map(Transaction::id).collect())
}

fn is_erased(erased: &Erased, id: &Digest, place: &Place) -> bool {
    erased.get(id).is_some_and(|places| places.contains(place))
}

/// The text without its content.
fn withheld(item: &TextItem) -> TextItem {
    TextItem::Withheld { leaf: item.leaf() }
}

/// A transaction's id, its places and its texts.
type Named<'a> = (Digest, &'a [Place], &'a [TextItem]);

/// A batch's texts by transaction, of those that have any. None if they do not have one item for each place.
fn named<'a>(texts: &'a BatchTexts, batch: &'a BatchV1) -> Option<Vec<Named<'a>>> {
    let parts = texts.by_transaction(batch)?.into_iter();
    let with_texts = parts.filter(|(_, items)| !items.is_empty());
    let named = with_texts.map(|(transaction, items)| {
        let places = transaction.intent().places();
        (transaction.id(), places, items)
    });
    Some(named.collect())
}

/// The same of a batch whose ids are known.
fn named_in<'a>(texts: &'a BatchTexts, batch: &'a CheckedBatch) -> Option<Vec<Named<'a>>> {
    let parts = texts.by_transaction(batch.signed().batch())?.into_iter();
    let named = batch
        .transactions()
        .zip(parts)
        .map(|(indexed, (transaction, items))| {
            let places = transaction.intent().places();
            (indexed.id, places, items)
        });
    Some(named.filter(|(.., items)| !items.is_empty()).collect())
}

/// The same texts, of which those that are erased are withheld.
fn without_erased(named: &[Named<'_>], erased: &Erased) -> BatchTexts {
    let mut kept = Vec::new();
    for (id, places, items) in named {
        for (place, item) in places.iter().zip(*items) {
            kept.push(if is_erased(erased, id, place) {
                withheld(item)
            } else {
                item.clone()
            });
        }
    }
    BatchTexts::new(kept)
}

/// A batch's texts as they may be stored: those that are erased are withheld. None if they do not have one item
/// for each place.
fn storable(
    texts: &BatchTexts,
    batch: &BatchV1,
    erasures: Erasures<'_>,
) -> Result<Option<BatchTexts>, StorageError> {
    let Some(named) = named(texts, batch) else {
        return Ok(None);
    };
    let erased = erasures.of(named.iter().map(|(id, ..)| *id))?;
    Ok(Some(without_erased(&named, &erased)))
}

/// Adds an unordered batch's texts to a write, as far as they may be stored; gives their length in bytes, 0 if
/// there are none that have one item for each place.
pub(super) fn put_batch_texts(
    erasures: Erasures<'_>,
    write: &mut WriteBatch,
    digest: &Digest,
    batch: &BatchV1,
    texts: &BatchTexts,
) -> Result<usize, StorageError> {
    let bytes = if erasures.are_there() {
        storable(texts, batch, erasures)?.as_ref().map(encode)
    } else {
        // All may be stored as they are, so nobody's id is needed.
        has_one_for_each_place(texts, batch).then(|| encode(texts))
    };
    let Some(bytes) = bytes else {
        return Ok(0);
    };
    let family = erasures.database.family(BATCH_TEXTS);
    write.put_cf(family, digest.as_bytes(), &bytes);
    Ok(bytes.len())
}

/// Whether there are as many texts as places.
fn has_one_for_each_place(texts: &BatchTexts, batch: &BatchV1) -> bool {
    let transactions = batch.transactions.iter();
    let places = transactions.map(|transaction| transaction.intent().places().len());
    texts.items().len() == places.sum::<usize>()
}

/// Of a batch's texts, which are its own, those that say more than the rows of its transactions. What is left out here
/// is not wanted later either: no row goes, and where an erasure has put a hash in a text's place, no text follows it.
pub(super) fn more_than_stored(
    database: &Database,
    batch: &BatchV1,
    texts: &BatchTexts,
) -> Result<Found, StorageError> {
    let mut found = Found::new();
    gather(&mut found, named(texts, batch).unwrap_or_default());
    let mut more = Found::new();
    for (id, (places, items)) in found {
        let (mut at, mut lacking) = (Vec::new(), Vec::new());
        for (place, item) in places.into_iter().zip(items) {
            if is_more(database, &text_key(&id, &place), &item)? {
                at.push(place);
                lacking.push(item);
            }
        }
        if !at.is_empty() {
            more.insert(id, (at, lacking));
        }
    }
    Ok(more)
}

/// Adds the texts of a batch's transactions to those of others. Of several copies a text counts more than its hash,
/// whichever comes first.
fn gather<'t>(found: &mut Found, parts: impl IntoIterator<Item = Named<'t>>) {
    for (id, places, items) in parts {
        match found.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert((places.to_vec(), items.to_vec()));
            }
            Entry::Occupied(mut entry) => {
                let (_, there) = entry.get_mut();
                for (own, other) in there.iter_mut().zip(items) {
                    if own.shown().is_none() {
                        *own = other.clone();
                    }
                }
            }
        }
    }
}

/// Adds to a write what may be stored of these texts of ordered batches, where it is more than what is there: texts
/// of transactions that the block or an earlier one executed, and hashes of what is erased, withheld or was skipped.
/// False if a text of what the block executes is withheld and not erased.
pub(super) fn put_found(
    erasures: Erasures<'_>,
    write: &mut WriteBatch,
    found: &Found,
) -> Result<bool, StorageError> {
    let database = erasures.database;
    let mut executed = BTreeSet::new();
    for id in found.keys() {
        if erasures.executes(id) || database.contains(TRANSACTIONS, id.as_bytes())? {
            executed.insert(*id);
        }
    }
    let erased = erasures.of(executed.iter().copied())?;
    let mut has_all = true;
    for (id, (places, items)) in found {
        let is_executed = executed.contains(id);
        // Before it is executed no text of it was stored, so there is nothing to look for.
        let is_new = erasures.executes(id);
        for (place, item) in places.iter().zip(items) {
            let is_gone = is_erased(&erased, id, place);
            let item = if is_executed && !is_gone {
                item.clone()
            } else {
                withheld(item)
            };
            let key = text_key(id, place);
            let is_shown = item.shown().is_some();
            has_all &= !is_new || is_shown || is_gone;
            let is_first = is_new && is_shown;
            if is_first || is_more(database, &key, &item)? {
                write.put_cf(database.family(TEXTS), key, encode(&item));
            }
        }
    }
    Ok(has_all)
}

/// Whether an item is more than what is stored under its key: anything than nothing, a text than its hash.
fn is_more(database: &Database, key: &[u8], item: &TextItem) -> Result<bool, StorageError> {
    let Some(stored) = database.get(TEXTS, key)? else {
        return Ok(true);
    };
    let there: TextItem = decode_stored(database.path(), "texts", &stored)?;
    Ok(item.shown().is_some() && there.shown().is_none())
}

/// Adds to a block's write what becomes of texts: those of its executed transactions, from the batches that it
/// orders, the hashes of those that it skips, and what it erases. The rows of these batches in `batch_texts` are
/// removed elsewhere. `at_hand` are some of these batches, in the block's order: the others are read. False if texts of
/// what it executes may be missing.
pub(super) fn put_block(
    database: &Arc<Database>,
    has_erasures: bool,
    write: &mut WriteBatch,
    execution: &Execution,
    at_hand: &[CheckedBatch],
    text_ids: &mut TextIds,
) -> Result<bool, StorageError> {
    let erasures = Erasures {
        database,
        execution: Some(execution),
        has_any: has_erasures,
    };
    let has_all = put_ordered(erasures, write, execution, at_hand)?;
    if !execution.erased.is_empty() {
        withhold_executed(database, write, execution)?;
        withhold_unordered(database, write, execution, text_ids)?;
    }
    Ok(has_all)
}

/// Adds what is stored with the batches that the block orders. Of one without texts there is nothing to add. False if
/// texts of what the block executes may be missing.
fn put_ordered(
    erasures: Erasures<'_>,
    write: &mut WriteBatch,
    execution: &Execution,
    at_hand: &[CheckedBatch],
) -> Result<bool, StorageError> {
    let database = erasures.database;
    let mut found = Found::new();
    let mut has_all = true;
    let mut at_hand = at_hand.iter().peekable();
    for digest in execution.block.v1().proposal.batches() {
        let checked = at_hand.next_if(|batch| batch.digest() == *digest);
        let Some(texts) = texts_beside(database, digest)? else {
            // An empty list says that there are no places; where nothing came with the batch, nothing says so.
            has_all &= database.contains(BATCH_TEXTS, digest.as_bytes())?;
            continue;
        };
        let unfit = || {
            let reason = format!("the texts of batch {digest} are not one for each place");
            StorageError::corrupted(database.path(), reason)
        };
        match checked {
            Some(checked) => gather(&mut found, named_in(&texts, checked).ok_or_else(unfit)?),
            None => {
                let batch = batch_with_texts(database, digest)?;
                gather(&mut found, named(&texts, batch.batch()).ok_or_else(unfit)?);
            }
        }
    }
    Ok(put_found(erasures, write, &found)? && has_all)
}

/// A batch with the texts that are stored with it; none if there are none, or if it has no places for any.
fn stored_texts(
    database: &Database,
    digest: &Digest,
) -> Result<Option<(SignedBatch, BatchTexts)>, StorageError> {
    let Some(texts) = texts_beside(database, digest)? else {
        return Ok(None);
    };
    Ok(Some((batch_with_texts(database, digest)?, texts)))
}

/// The texts that are stored with a batch; none if there are none, or if it has no places for any.
fn texts_beside(database: &Database, digest: &Digest) -> Result<Option<BatchTexts>, StorageError> {
    let Some(texts) = database.get(BATCH_TEXTS, digest.as_bytes())? else {
        return Ok(None);
    };
    let texts: BatchTexts = decode_stored(database.path(), "batch_texts", &texts)?;
    Ok(Some(texts).filter(|texts| !texts.items().is_empty()))
}

/// A batch of which texts are stored.
fn batch_with_texts(database: &Database, digest: &Digest) -> Result<SignedBatch, StorageError> {
    let path = database.path();
    let batch = database
        .get(BATCHES, digest.as_bytes())?
        .ok_or_else(|| StorageError::corrupted(path, format!("batch {digest} has texts, but is missing")))?;
    decode_stored(path, "batches", &batch)
}

/// Withholds what the block erases of transactions that earlier blocks executed.
fn withhold_executed(
    database: &Database,
    write: &mut WriteBatch,
    execution: &Execution,
) -> Result<(), StorageError> {
    for (id, place) in &execution.erased {
        let key = text_key(id, place);
        let Some(stored) = database.get(TEXTS, &key)? else {
            continue;
        };
        let item: TextItem = decode_stored(database.path(), "texts", &stored)?;
        if item.shown().is_some() {
            write.put_cf(database.family(TEXTS), key, encode(&withheld(&item)));
        }
    }
    Ok(())
}

/// Withholds what the block erases in batches that it does not order. What earlier ones erased is withheld there
/// already.
fn withhold_unordered(
    database: &Arc<Database>,
    write: &mut WriteBatch,
    execution: &Execution,
    text_ids: &mut TextIds,
) -> Result<(), StorageError> {
    let ordered = execution.block.v1().proposal.batches();
    let path = database.path();
    let mut erased = Erased::new();
    for (id, place) in &execution.erased {
        erased.entry(*id).or_default().insert(*place);
    }
    let mut unordered: BTreeMap<Digest, UnorderedRecord> = BTreeMap::new();
    let view = database.snapshot();
    for entry in view.range(UNORDERED, Vec::new(), None, Order::Ascending) {
        let (key, record) = entry?;
        let digest = digest_of(path, "unordered", &key)?;
        if !ordered.contains(&digest) {
            unordered.insert(digest, decode_stored(path, "unordered", &record)?);
        }
    }
    let read = |digest: &Digest| ids_with_places(database, digest);
    for digest in text_ids.concerned(unordered.keys(), &erased, read)? {
        let Some((batch, texts)) = stored_texts(database, &digest)? else {
            continue;
        };
        let now = named(&texts, batch.batch()).map(|named| without_erased(&named, &erased));
        let (Some(now), Some(record)) = (now.filter(|now| *now != texts), unordered.get(&digest)) else {
            continue;
        };
        let UnorderedRecord::V1 {
            author,
            epoch,
            length,
        } = *record;
        let (before, after) = (encode(&texts), encode(&now));
        let of_batch = length.saturating_sub(count(before.len()));
        let record = UnorderedRecord::V1 {
            author,
            epoch,
            length: of_batch.saturating_add(count(after.len())),
        };
        write.put_cf(database.family(BATCH_TEXTS), digest.as_bytes(), after);
        write.put_cf(database.family(UNORDERED), digest.as_bytes(), encode(&record));
    }
    Ok(())
}

/// Bytes as they are counted in records.
pub(super) fn count(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("batches and their texts are at most 4 MiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u8) -> Digest {
        Digest([number; 32])
    }

    #[test]
    fn what_has_texts_in_an_unordered_batch_is_read_once() {
        let (mut ids, mut reads) = (TextIds::default(), Vec::new());
        let mut concerned = |unordered: &[u8], erased: u8| {
            let unordered: Vec<Digest> = unordered.iter().map(|number| digest(*number)).collect();
            let erased = Erased::from([(digest(erased), BTreeSet::from([Place::Memo]))]);
            let read = |batch: &Digest| {
                reads.push(batch.0[0]);
                // Each batch has its own transaction and the one before.
                Ok(vec![*batch, digest(batch.0[0] - 1)])
            };
            let concerned = ids.concerned(unordered.iter(), &erased, read).unwrap();
            concerned.iter().map(|batch| batch.0[0]).collect::<Vec<_>>()
        };
        assert_eq!(concerned(&[11, 12, 13], 12), [12, 13]);
        assert_eq!(concerned(&[11, 12, 13], 11), [11, 12]);
        assert_eq!(concerned(&[12, 14], 14), [14]);
        assert_eq!(concerned(&[12, 14], 20), [0; 0]);
        assert_eq!(ids.0.len(), 2, "what was ordered is forgotten");
        assert_eq!(reads, [11, 12, 13, 14]);
    }
}
