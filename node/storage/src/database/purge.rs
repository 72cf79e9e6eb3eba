//! Getting bytes out of the database's files that no key leads to any more.
//!
//! RocksDB keeps what was replaced or deleted for a while: in its write-ahead log until all families' writes
//! from there are in table files, and in table files until compaction has rewritten them. Here both are done
//! at once for a range of keys, and it is looked whether the files are gone: RocksDB does not say whether a
//! compaction that was asked for has failed.
//!
//! - All families are flushed. Then no log that was there before is of use, and RocksDB deletes it.
//! - The range is compacted down to the last level, where files are rewritten too. Of a key that has newer
//!   values the older ones are left out, unless a snapshot still sees them ([`Database::is_read_before`]).
//!   Nothing of this helps against the file system, which frees the blocks of a deleted file and may keep
//!   what was in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use rocksdb::{BottommostLevelCompaction, ColumnFamily, CompactOptions, FlushOptions, LiveFile};

use super::{Database, Family};
use crate::StorageError;

/// How long files that are of no use any more may take to be deleted: as long as it takes, unless somebody
/// reads them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks whether they are gone.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The oldest moment that a snapshot sees, as the number of the write before it; 0 if there is no snapshot.
const OLDEST_SNAPSHOT: &str = "rocksdb.oldest-snapshot-sequence";

/// The keys of a family that lie in some range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) family: Family,
    /// The smallest and the largest, both included; none for all of the family.
    pub(crate) bounds: Option<(Vec<u8>, Vec<u8>)>,
}

impl KeyRange {
    /// All keys of a family.
    pub(crate) fn all(family: Family) -> Self {
        Self { family, bounds: None }
    }

    fn overlaps(&self, file: &LiveFile) -> bool {
        if file.column_family_name != self.family.name {
            return false;
        }
        let Some((first, last)) = &self.bounds else {
            return true;
        };
        let begins_after = file.start_key.as_ref().is_some_and(|start| start > last);
        let ends_before = file.end_key.as_ref().is_some_and(|end| end < first);
        !begins_after && !ends_before
    }
}

impl Database {
    /// The number of the newest write.
    pub(crate) fn newest_write(&self) -> u64 {
        self.db.latest_sequence_number()
    }

    /// Whether a snapshot is kept that does not see the write with this number.
    pub(crate) fn is_read_before(&self, write: u64) -> Result<bool, StorageError> {
        let oldest = self
            .db
            .property_int_value(OLDEST_SNAPSHOT)
            .map_err(|error| self.sort(&error))?
            .unwrap_or(0);
        Ok(oldest > 0 && oldest < write)
    }

    /// Gets out of the files all that was replaced or deleted under these keys before the call. False if some
    /// of it may still be there: a snapshot sees it, somebody reads an old file, or the disk is not able to
    /// take the new ones. Each range has keys, or had some that were deleted.
    pub(crate) fn purge(&self, families: &[Family], ranges: &[KeyRange]) -> Result<bool, StorageError> {
        // What an earlier purge has found and somebody still read.
        let mut lingering = self.lingering.lock().unwrap_or_else(PoisonError::into_inner);
        lingering.extend(self.logs()?);
        let handles: Vec<&ColumnFamily> = families.iter().map(|family| self.family(*family)).collect();
        self.unless_failed(|| self.db.flush_cfs_opt(&handles, &FlushOptions::default()))?;
        for range in ranges {
            let before = self.files_of(range)?;
            self.compact(range);
            let after = self.files_of(range)?;
            let is_left = |file: &LiveFile| after.iter().any(|left| left.name == file.name);
            // The last level is rewritten last: if that has happened, all has. A file of a higher level may be
            // left that has no key of the range, though it has smaller and larger ones.
            let deepest = before.iter().map(|file| file.level).max();
            let is_deepest = |file: &LiveFile| Some(file.level) == deepest;
            if before.iter().any(|file| is_deepest(file) && is_left(file)) {
                return Ok(false);
            }
            let gone = before.iter().filter(|file| !is_left(file));
            lingering.extend(gone.map(|file| self.path.join(file.name.trim_start_matches('/'))));
        }
        wait_for_deletion(&mut lingering);
        Ok(lingering.is_empty())
    }

    /// Flushes these families and compacts all of them.
    pub(crate) fn compact_all(&self, families: &[Family]) -> Result<(), StorageError> {
        let handles: Vec<&ColumnFamily> = families.iter().map(|family| self.family(*family)).collect();
        self.unless_failed(|| self.db.flush_cfs_opt(&handles, &FlushOptions::default()))?;
        for family in families {
            self.compact(&KeyRange::all(*family));
        }
        Ok(())
    }

    /// The files of the write-ahead log that have something in them.
    fn logs(&self) -> Result<Vec<PathBuf>, StorageError> {
        let failed = |error: std::io::Error| StorageError::of_system(&self.path, &error);
        let mut logs = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if is_log(&path) && fs::metadata(&path).is_ok_and(|metadata| metadata.len() > 0) {
                logs.push(path);
            }
        }
        Ok(logs)
    }

    /// The table files that may have keys of the range.
    fn files_of(&self, range: &KeyRange) -> Result<Vec<LiveFile>, StorageError> {
        let mut files = self.db.live_files().map_err(|error| self.sort(&error))?;
        files.retain(|file| range.overlaps(file));
        Ok(files)
    }

    fn compact(&self, range: &KeyRange) {
        let mut options = CompactOptions::default();
        // The last level wholly: a file there may be new and have older values all the same, if a compaction
        // began to make it while a snapshot still saw them.
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        let bounds = range.bounds.as_ref();
        self.db.compact_range_cf_opt(
            self.family(range.family),
            bounds.map(|(first, _)| first),
            bounds.map(|(_, last)| last),
            &options,
        );
    }
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "log")
}

/// Waits a moment for these files to go, and keeps those that have not.
fn wait_for_deletion(files: &mut Vec<PathBuf>) {
    let began = Instant::now();
    loop {
        files.retain(|file| file.exists());
        if files.is_empty() || began.elapsed() > PATIENCE {
            return;
        }
        thread::sleep(LOOK_AGAIN);
    }
}
