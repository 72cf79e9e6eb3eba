//! The replica's journal: what the engine must remember before it speaks, in the order it was written.
//!
//! Records are opaque bytes under a growing sequence number. [`Journal::append`] writes, [`Journal::sync`]
//! makes durable all that was appended before; the caller appends the records of many steps, flushes once,
//! and only then lets their actions out. A record torn by a crash was never durable, so nothing was said
//! that depends on it, and it vanishes at the next start; a record damaged in the middle stops the start.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quorate_ledger_second::Digest;
use rocksdb::WriteBatch;

use crate::database::{Database, DatabaseSnapshot, Family, Kind, Order};
use crate::meta::{self, META, Memo};
use crate::{DurationsReading, StorageError, StorageOptions};

const RECORDS: Family = Family {
    name: "records",
    kind: Kind::Ordered,
};
const FAMILIES: [Family; 2] = [RECORDS, META];
/// The sequence number that the next record gets at the least, kept so that numbers grow even when all
/// records are pruned.
const NEXT_KEY: &[u8] = b"next";

/// The number of a journal's first record, so that 0 can stand for none.
const FIRST_SEQUENCE: u64 = 1;

/// An append-only log of the replica's records.
#[derive(Debug)]
pub struct Journal {
    database: Arc<Database>,
    bounds: Mutex<Bounds>,
    is_new: bool,
}

/// Between which numbers the records lie.
#[derive(Debug)]
struct Bounds {
    /// No record is before this one, so pruned ranges do not overlap: RocksDB's cost grows with the square of
    /// those that do.
    first: u64,
    /// The number of the next record.
    next: u64,
}

impl Journal {
    /// Opens the journal of `network` at `path`, or begins one.
    pub fn open(
        path: impl AsRef<Path>,
        network: Digest,
        options: &StorageOptions,
    ) -> Result<Self, StorageError> {
        let database = Arc::new(Database::open(path.as_ref(), &FAMILIES, options, true)?);
        let is_new = !meta::is_written(&database)?;
        if is_new {
            let mut batch = WriteBatch::default();
            meta::put(&database, &mut batch, network);
            database.write(batch)?;
            database.sync()?;
        } else {
            meta::check(&database, network)?;
        }
        let bounds = bounds_of(&database)?;
        Ok(Self {
            database,
            bounds: Mutex::new(bounds),
            is_new,
        })
    }

    /// Whether this start made the journal: a validator that has voted before and finds it new has lost
    /// what it promised, and must only observe.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The number of the next record; the first is 1.
    pub fn next_sequence(&self) -> u64 {
        self.lock().next
    }

    /// Writes `records` in order, all or none of them, and gives the number of the last record there is.
    /// Durable only after the next [`Journal::sync`].
    pub fn append<R: AsRef<[u8]>>(&self, records: &[R]) -> Result<u64, StorageError> {
        let mut bounds = self.lock();
        let mut end = bounds.next;
        let mut batch = WriteBatch::default();
        let family = self.database.family(RECORDS);
        for record in records {
            batch.put_cf(family, end.to_be_bytes(), record.as_ref());
            end = end.checked_add(1).expect("sequence numbers do not run out");
        }
        if end > bounds.next {
            self.database.write(batch)?;
            bounds.next = end;
        }
        Ok(end - 1)
    }

    /// What is kept for the node under this name.
    pub fn memo(&self, memo: Memo) -> Result<Option<Vec<u8>>, StorageError> {
        meta::memo(&self.database, memo)
    }

    /// Keeps this for the node in the place of what was kept; durable, as is everything written before, when
    /// this returns.
    pub fn keep(&self, memo: Memo, content: &[u8]) -> Result<(), StorageError> {
        meta::keep(&self.database, memo, content)
    }

    /// Flushes the log to the disk. Everything appended before the call is durable when it returns; may be
    /// called from a thread of its own.
    pub fn sync(&self) -> Result<(), StorageError> {
        self.database.sync()
    }

    /// How often the journal was flushed to the disk since it was opened, and how long it took.
    pub fn flushes(&self) -> DurationsReading {
        self.database.flushes()
    }

    /// The records, oldest first.
    pub fn replay(&self) -> Replay {
        Replay {
            view: self.database.snapshot(),
            from: 0,
            page: Vec::new().into_iter(),
            is_done: false,
        }
    }

    /// Forgets every record before `sequence`.
    pub fn prune_before(&self, sequence: u64) -> Result<(), StorageError> {
        let mut bounds = self.lock();
        let end = sequence.min(bounds.next);
        if end <= bounds.first {
            return Ok(());
        }
        let mut batch = WriteBatch::default();
        let family = self.database.family(RECORDS);
        batch.delete_range_cf(family, bounds.first.to_be_bytes(), end.to_be_bytes());
        self.put_next(&mut batch, bounds.next);
        self.database.write(batch)?;
        bounds.first = end;
        Ok(())
    }

    /// Forgets these records, for a caller that must keep some that are older.
    pub fn remove(&self, sequences: &[u64]) -> Result<(), StorageError> {
        let bounds = self.lock();
        let mut batch = WriteBatch::default();
        let family = self.database.family(RECORDS);
        for sequence in sequences {
            batch.delete_cf(family, sequence.to_be_bytes());
        }
        self.put_next(&mut batch, bounds.next);
        self.database.write(batch)
    }

    /// Bytes on disk and in memory, about.
    pub fn size_bytes(&self) -> Result<u64, StorageError> {
        let tables = self
            .database
            .property(&FAMILIES, "rocksdb.total-sst-files-size")?;
        let memory = self
            .database
            .property(&FAMILIES, "rocksdb.cur-size-all-mem-tables")?;
        Ok(tables.saturating_add(memory))
    }

    fn put_next(&self, batch: &mut WriteBatch, next: u64) {
        batch.put_cf(self.database.family(META), NEXT_KEY, next.to_be_bytes());
    }

    fn lock(&self) -> MutexGuard<'_, Bounds> {
        // They change only after their write succeeded, so a panic elsewhere leaves them right.
        self.bounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The records of a journal as they were when it was asked for, oldest first.
pub struct Replay {
    view: DatabaseSnapshot,
    from: u64,
    page: std::vec::IntoIter<(u64, Vec<u8>)>,
    is_done: bool,
}

/// Records read at a time.
const REPLAY_PAGE: usize = 256;

impl Replay {
    fn read_page(&mut self) -> Result<(), StorageError> {
        let mut page = Vec::with_capacity(REPLAY_PAGE);
        let lower = self.from.to_be_bytes().to_vec();
        for entry in self
            .view
            .range(RECORDS, lower, None, Order::Ascending)
            .take(REPLAY_PAGE)
        {
            let (key, value) = entry?;
            page.push((sequence_of(self.view.database(), &key)?, value.into_vec()));
        }
        self.is_done = page.len() < REPLAY_PAGE;
        if let Some((last, _)) = page.last() {
            self.from = last.checked_add(1).expect("sequence numbers do not run out");
        }
        self.page = page.into_iter();
        Ok(())
    }
}

impl Iterator for Replay {
    type Item = Result<(u64, Vec<u8>), StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(record) = self.page.next() {
            return Some(Ok(record));
        }
        if self.is_done {
            return None;
        }
        if let Err(error) = self.read_page() {
            self.is_done = true;
            return Some(Err(error));
        }
        self.page.next().map(Ok)
    }
}

fn sequence_of(database: &Database, key: &[u8]) -> Result<u64, StorageError> {
    key.try_into().map(u64::from_be_bytes).map_err(|_| {
        StorageError::corrupted(
            database.path(),
            format!("a record's key has {} bytes instead of 8", key.len()),
        )
    })
}

fn bounds_of(database: &Arc<Database>) -> Result<Bounds, StorageError> {
    let view = database.snapshot();
    let kept = match view.get(META, NEXT_KEY)? {
        Some(bytes) => sequence_of(database, &bytes)?,
        None => FIRST_SEQUENCE,
    };
    let end = |order| match view.range(RECORDS, Vec::new(), None, order).next() {
        Some(entry) => sequence_of(database, &entry?.0).map(Some),
        None => Ok(None),
    };
    let next = match end(Order::Descending)? {
        Some(last) => last
            .checked_add(1)
            .ok_or_else(|| StorageError::corrupted(database.path(), "a record's number is the largest"))?
            .max(kept),
        None => kept,
    };
    let first = end(Order::Ascending)?.unwrap_or(next);
    Ok(Bounds { first, next })
}
