//! Erased texts leave the database's files and logs (`docs/formats.md`, section 4; rule 4).
//!
//! The write of the block that erases a text puts its leaf's hash in its place. What was there before stays in
//! RocksDB's files until [`Chain::purge_erased`] has got it out: in `texts` under the transaction's id, and in
//! `batch_texts` wherever the batch had been. It is known which transactions these are: from the state at start,
//! and from each block then. `meta` has the height up to which all is out (`purged`), so a crash forgets nothing.

use std::collections::BTreeMap;

use quorate_ledger::{Digest, Erasure, Execution, Height, Tip, encode};
use rocksdb::WriteBatch;

use super::{Chain, decode_stored, hold, key_of, value_in};
use crate::StorageError;
use crate::database::{Database, DatabaseSnapshot, KeyRange, Order};
use crate::families::{BATCH_TEXTS, ERASURE_KIND, FAMILIES, HeightRecord, PURGED_KEY, STATE, TEXTS};
use crate::log::size_at;
use crate::meta::META;

/// From so many transactions on all texts are rewritten at once, and not those of each one.
const WORTH_ALL: usize = 256;

/// Transactions of which erased texts may still have bytes in the database's files.
#[derive(Clone, Debug, Default)]
pub(super) struct Unpurged {
    /// For each a write that is not before the one that replaced its texts.
    ids: BTreeMap<Digest, u64>,
    /// The last block that erased any of them.
    up_to: Height,
    /// All that blocks up to here erased is out.
    purged: Height,
}

impl Unpurged {
    /// Adds what a block has erased, which is written by now: `newest_write` is not before it.
    pub(super) fn add(&mut self, execution: &Execution, newest_write: u64) {
        let ids = execution.erased.iter().map(|(id, _)| (*id, newest_write));
        self.ids.extend(ids);
        self.up_to = execution.tip.height;
    }

    /// How many transactions there are.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.ids.len()).unwrap_or(u64::MAX)
    }

    /// Forgets what was purged; what was erased once more since stays.
    fn remove(&mut self, purged: &Self) {
        self.purged = purged.up_to;
        self.ids.retain(|id, write| {
            let until = purged.ids.get(id);
            until.is_none_or(|until| *until < *write)
        });
    }
}

/// What is not purged yet, as far as the state says what was erased, and whether it says anything of that kind.
pub(super) fn find_unpurged(view: &DatabaseSnapshot, tip: &Tip) -> Result<(Unpurged, bool), StorageError> {
    let path = view.database().path();
    let purged = match view.get(META, PURGED_KEY)? {
        Some(stored) => {
            let HeightRecord::V1(height) = decode_stored(path, "meta", &stored)?;
            height.min(tip.height)
        }
        None => Height::GENESIS,
    };
    let first = size_at(view, purged)?;
    let (lower, upper) = (vec![ERASURE_KIND], vec![ERASURE_KIND + 1]);
    let mut unpurged = Unpurged::default();
    let mut has_any = false;
    for entry in view.range(STATE, lower, Some(upper), Order::Ascending) {
        let (key, row) = entry?;
        let (value, _) = value_in(view.database(), &key_of(view, &key)?, row.into_vec())?;
        let Erasure::V1(erasure) = decode_stored(path, "state", &value)?;
        has_any = true;
        if erasure.erased.iter().any(|erased| erased.ordinal >= first) {
            // A database that was just opened has no snapshots of earlier writes.
            unpurged.ids.insert(erasure.id, 0);
        }
    }
    (unpurged.up_to, unpurged.purged) = (tip.height, purged);
    Ok((unpurged, has_any))
}

impl Chain {
    /// Gets erased texts out of the database's files and logs, of all blocks that were written before the call;
    /// true once nothing is left. It takes as long as writing what is in memory to table files and rewriting
    /// those of the texts, and blocks can be written meanwhile: for a thread of its own, every now and then.
    ///
    /// False if some of it may still be there: a [`Snapshot`](crate::Snapshot) of an earlier height is kept, or
    /// the disk is full. Then it is to be called again.
    ///
    /// What it cannot reach: copies of the database ([`Chain::copy_to`] shares its files), and what the file
    /// system keeps of files that were deleted.
    pub fn purge_erased(&self) -> Result<bool, StorageError> {
        let _one_at_a_time = hold(&self.purger);
        let unpurged = hold(&self.unpurged).clone();
        let Some(newest) = unpurged.ids.values().max() else {
            return Ok(true);
        };
        if self.database.is_read_before(*newest)? {
            return Ok(false);
        }
        // With this there is something in memory, so that flushing begins a new log.
        note_purged(&self.database, unpurged.purged)?;
        let ranges = ranges_of(&self.database.snapshot(), &unpurged)?;
        if !self.database.purge(&FAMILIES, &ranges)? {
            return Ok(false);
        }
        note_purged(&self.database, unpurged.up_to)?;
        let mut left = hold(&self.unpurged);
        left.remove(&unpurged);
        Ok(left.ids.is_empty())
    }
}

/// Where erased texts were. Which batches had them is not known any more, so that family is rewritten whole: it has
/// no more than unordered batches.
fn ranges_of(view: &DatabaseSnapshot, unpurged: &Unpurged) -> Result<Vec<KeyRange>, StorageError> {
    let mut ranges = vec![KeyRange::all(BATCH_TEXTS)];
    if unpurged.ids.len() >= WORTH_ALL {
        ranges.push(KeyRange::all(TEXTS));
        return Ok(ranges);
    }
    for id in unpurged.ids.keys() {
        let first = id.as_bytes().to_vec();
        // Behind the id stands a place, which begins with 0 or 1.
        let last = [first.as_slice(), &[u8::MAX]].concat();
        let mut rows = view.range(TEXTS, first.clone(), Some(last.clone()), Order::Ascending);
        // Texts that were never here have no rows to rewrite.
        if rows.next().transpose()?.is_some() {
            ranges.push(KeyRange {
                family: TEXTS,
                bounds: Some((first, last)),
            });
        }
    }
    Ok(ranges)
}

fn note_purged(database: &Database, up_to: Height) -> Result<(), StorageError> {
    let mut batch = WriteBatch::default();
    let record = encode(&HeightRecord::V1(up_to));
    batch.put_cf(database.family(META), PURGED_KEY, record);
    database.write(batch)?;
    database.sync()
}
