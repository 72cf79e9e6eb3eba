//! RocksDB as both databases use it: opening with bounded memory, whole-or-nothing writes, errors sorted.
//!
//! **A torn tail heals, damage does not.** The write-ahead log is recovered in the mode that drops an
//! incomplete record at its end, which is what a crash in mid-write leaves, and refuses everything else: a
//! record whose checksum fails was durable once, and going on without it would be forgetting a promise. Only
//! a tail of zeros, which a loss of power leaves, is cut off first (`tail.rs`).
//!
//! Tables are of format version 6 (`docs/formats.md`, section 20): what RocksDB 10.4 and its tools read.
//!
//! **One failure ends all writing.** After a write or a flush has failed, nothing more is written or called
//! durable: a disk that refused to flush may forget what it took and say yes to the next flush.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB,
    DBCompressionType, DBPinnableSlice, DBRecoveryMode, LogLevel, Options, ReadOptions,
    WaitForCompactOptions, WriteBatch, WriteOptions,
};

use crate::StorageError;
use crate::durations::{Durations, DurationsReading};
use crate::tail::Trimmed;

mod purge;

pub(crate) use purge::KeyRange;

/// Bounds on what a database takes of memory and disk.
#[derive(Clone, Debug)]
pub struct StorageOptions {
    /// Bytes of the cache of blocks read, indexes and filters included.
    pub cache_bytes: usize,
    /// Bytes of writes held in memory before they go to table files, over all column families.
    pub write_buffer_bytes: usize,
    /// Bytes of the write-ahead log after which the oldest writes go to table files; what a start replays.
    pub max_log_bytes: u64,
    /// Table files held open.
    pub max_open_files: i32,
    /// Threads that flush and compact.
    pub background_threads: i32,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            write_buffer_bytes: 32 << 20,
            max_log_bytes: 128 << 20,
            max_open_files: 512,
            background_threads: 2,
        }
    }
}

impl StorageOptions {
    /// Bounds for the journal: little is written, nothing is read but at start.
    pub fn journal() -> Self {
        Self {
            cache_bytes: 1 << 20,
            write_buffer_bytes: 8 << 20,
            max_log_bytes: 32 << 20,
            max_open_files: 64,
            background_threads: 1,
        }
    }
}

/// What a column family holds, as far as it decides how the family is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Looked up by key, often in vain: a Bloom filter answers for keys that are not there. There are more and
    /// more of them, so filters and indexes are in pieces that the cache holds while they are in use.
    Lookup,
    /// The leaves of the state tree, looked up by key at random. The tree has all of their keys in memory, so
    /// filters and indexes, below 2 bytes a key, are there too. Blocks are left to the system's cache: a
    /// second one that holds few of them takes longer to keep than it saves, and the values in use are held
    /// above.
    State,
    /// Read in order.
    Ordered,
    /// Large values written once: kept in files that compaction does not rewrite.
    Blobs,
    /// The same, where values repeat themselves: batches, in each of whose transactions the network's id stands.
    PackedBlobs,
}

/// A column family: its name on disk and how it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

impl Family {
    pub(crate) const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind }
    }
}

/// The version of table files.
const TABLE_FORMAT: i32 = 6;
/// Bits of Bloom filter for each key: one look-up in a hundred of an absent key reads a block in vain.
const FILTER_BITS: f64 = 10.0;
/// The part of its memory that a family of [`Kind::Lookup`] gives to a filter over what is still in memory:
/// 16 bits and more for each key of a hundred bytes. A look-up in vain ends there.
const MEMORY_FILTER: f64 = 0.02;
/// For each first byte of a key it is remembered where the last one went in memory: a block's keys ascend, so the next
/// one goes near it, and its place is found in a third of the steps.
const NEAR_THE_LAST: &str = "memtable_insert_with_hint_prefix_extractor=capped:1";
/// Bytes of a block of [`Kind::State`]: about ten values, of which one is wanted.
const STATE_BLOCK_BYTES: usize = 1 << 10;
/// Smallest value that goes to a blob file, in bytes.
const MIN_BLOB_BYTES: u64 = 512;
/// Size of a blob file, in bytes.
const BLOB_FILE_BYTES: u64 = 64 << 20;
/// Memory that a column family takes at a time, in bytes: most hold next to nothing.
const ARENA_BLOCK_BYTES: usize = 256 << 10;
/// RocksDB's own log is cut off here, in bytes.
const INFO_LOG_BYTES: usize = 1 << 20;
/// Written pages are handed to the disk in pieces of this many bytes, so that a flush finds little to do.
const BYTES_PER_SYNC: u64 = 1 << 20;

/// An open RocksDB.
pub(crate) struct Database {
    db: DB,
    path: PathBuf,
    cache: Cache,
    /// Set by the first failed write or flush.
    has_failed: AtomicBool,
    /// Flushes since it was opened.
    flushes: Durations,
    /// Files that are of no use any more and may still be there, of which something must go.
    lingering: Mutex<Vec<PathBuf>>,
}

impl Database {
    /// Opens the database at `path`, which may be made if `create` says so.
    pub(crate) fn open(
        path: &Path,
        families: &[Family],
        options: &StorageOptions,
        create: bool,
    ) -> Result<Self, StorageError> {
        let is_there = path.join("CURRENT").exists();
        if !is_there {
            refuse_remains(path)?;
            if !create {
                return Err(StorageError::NotInitialised {
                    path: path.to_owned(),
                });
            }
            fs::create_dir_all(path).map_err(|error| StorageError::of_system(path, &error))?;
        }
        let cache = Cache::new_lru_cache(options.cache_bytes);
        let open = || open_families(path, families, options, &cache);
        let db = open().or_else(|error| match error {
            StorageError::Corrupted { .. } => open_without_tail(path, open, error),
            other => Err(other),
        })?;
        Ok(Self {
            db,
            path: path.to_owned(),
            cache,
            has_failed: AtomicBool::new(false),
            flushes: Durations::default(),
            lingering: Mutex::default(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn family(&self, family: Family) -> &ColumnFamily {
        self.db
            .cf_handle(family.name)
            .expect("every family is opened with the database")
    }

    pub(crate) fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.db
            .get_cf(self.family(family), key)
            .map_err(|error| self.sort(&error))
    }

    /// The values under ascending keys, in their order.
    pub(crate) fn get_all<'k>(
        &self,
        family: Family,
        keys: impl IntoIterator<Item = &'k [u8; 32]>,
    ) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        let found = self.db.batched_multi_get_cf(self.family(family), keys, true);
        found.into_iter().map(|value| self.owned(value)).collect()
    }

    fn owned(
        &self,
        value: Result<Option<DBPinnableSlice<'_>>, rocksdb::Error>,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        match value {
            Ok(value) => Ok(value.map(|value| value.to_vec())),
            Err(error) => Err(self.sort(&error)),
        }
    }

    pub(crate) fn contains(&self, family: Family, key: &[u8]) -> Result<bool, StorageError> {
        self.db
            .get_pinned_cf(self.family(family), key)
            .map(|value| value.is_some())
            .map_err(|error| self.sort(&error))
    }

    /// Writes all of `batch` or nothing; durable only after the next [`Database::sync`].
    pub(crate) fn write(&self, batch: WriteBatch) -> Result<(), StorageError> {
        self.unless_failed(|| self.db.write_opt(batch, &WriteOptions::default()))
    }

    /// Flushes the write-ahead log to the disk: all that was written before is durable.
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        let started = Instant::now();
        self.unless_failed(|| self.db.flush_wal(true))?;
        self.flushes.add(started.elapsed());
        Ok(())
    }

    /// How often [`Database::sync`] has flushed since the database was opened, and how long it took.
    pub(crate) fn flushes(&self) -> DurationsReading {
        self.flushes.read()
    }

    /// Puts all that is in memory into table files, and waits until compaction has no more to do.
    pub(crate) fn settle(&self) -> Result<(), StorageError> {
        let mut options = WaitForCompactOptions::default();
        options.set_flush(true);
        self.unless_failed(|| self.db.wait_for_compact(&options))
    }

    /// Copies the database as it is now into a folder that must not exist; on the same file system the
    /// table files are not copied but shared.
    pub(crate) fn copy_to(&self, folder: &Path) -> Result<(), StorageError> {
        let copy = || Checkpoint::new(&self.db)?.create_checkpoint(folder);
        copy().map_err(|error| self.sort(&error))
    }

    fn unless_failed(&self, write: impl FnOnce() -> Result<(), rocksdb::Error>) -> Result<(), StorageError> {
        if self.has_failed.load(Ordering::Acquire) {
            return Err(StorageError::Failed {
                path: self.path.clone(),
                reason: "an earlier write failed".to_owned(),
            });
        }
        write().map_err(|error| {
            self.has_failed.store(true, Ordering::Release);
            self.sort(&error)
        })
    }

    /// The database as it is now.
    pub(crate) fn snapshot(self: &Arc<Self>) -> DatabaseSnapshot {
        self.snapshot_read(true)
    }

    /// The same, for whoever reads all there is: what it reads takes no place in the cache.
    pub(crate) fn snapshot_past_cache(self: &Arc<Self>) -> DatabaseSnapshot {
        self.snapshot_read(false)
    }

    fn snapshot_read(self: &Arc<Self>, fills_cache: bool) -> DatabaseSnapshot {
        let read = Read {
            database: Arc::clone(self),
            fills_cache,
        };
        DatabaseSnapshot::new(read, |read| read.database.db.snapshot())
    }

    /// The sum of RocksDB's integer property over all of `families`; 0 where there is none.
    pub(crate) fn property(&self, families: &[Family], name: &str) -> Result<u64, StorageError> {
        families.iter().try_fold(0_u64, |sum, family| {
            let value = self
                .db
                .property_int_value_cf(self.family(*family), name)
                .map_err(|error| self.sort(&error))?;
            Ok(sum.saturating_add(value.unwrap_or(0)))
        })
    }

    pub(crate) fn cache_usage(&self) -> usize {
        self.cache.get_usage()
    }

    pub(crate) fn sort(&self, error: &rocksdb::Error) -> StorageError {
        StorageError::of_rocksdb(&self.path, error)
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

type Pinned<'a> = rocksdb::Snapshot<'a>;

/// A database, and how it is read.
struct Read {
    database: Arc<Database>,
    /// Whether blocks that are read stay in the cache.
    fills_cache: bool,
}

self_cell::self_cell!(
    /// A RocksDB snapshot together with the database that it is of, so that it can be kept and sent.
    pub(crate) struct DatabaseSnapshot {
        owner: Read,
        #[covariant]
        dependent: Pinned,
    }
);

/// A key and its value.
pub(crate) type Entry = (Box<[u8]>, Box<[u8]>);

/// Which way a range is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// From the smallest key on.
    Ascending,
    /// From the largest key on.
    Descending,
}

impl DatabaseSnapshot {
    pub(crate) fn database(&self) -> &Arc<Database> {
        &self.borrow_owner().database
    }

    fn read_options(&self) -> ReadOptions {
        let mut options = ReadOptions::default();
        options.fill_cache(self.borrow_owner().fills_cache);
        options
    }

    pub(crate) fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let database = self.database();
        self.borrow_dependent()
            .get_cf_opt(database.family(family), key, self.read_options())
            .map_err(|error| database.sort(&error))
    }

    pub(crate) fn contains(&self, family: Family, key: &[u8]) -> Result<bool, StorageError> {
        let database = self.database();
        self.borrow_dependent()
            .get_pinned_cf_opt(database.family(family), key, self.read_options())
            .map(|value| value.is_some())
            .map_err(|error| database.sort(&error))
    }

    /// The first `length` bytes of a value, or all of it if it is shorter.
    pub(crate) fn get_front(
        &self,
        family: Family,
        key: &[u8],
        length: usize,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let database = self.database();
        let value = self
            .borrow_dependent()
            .get_pinned_cf_opt(database.family(family), key, self.read_options())
            .map_err(|error| database.sort(&error))?;
        Ok(value.map(|value| value.get(..length).unwrap_or(&value).to_vec()))
    }

    /// The values under these keys, in any order of keys.
    pub(crate) fn get_each<'a>(
        &self,
        family: Family,
        keys: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        let database = self.database();
        let mut options = self.read_options();
        options.set_snapshot(self.borrow_dependent());
        let found = database
            .db
            .batched_multi_get_cf_opt(database.family(family), keys, false, &options);
        found.into_iter().map(|value| database.owned(value)).collect()
    }

    /// The entry with the greatest key that is not above this one.
    pub(crate) fn floor(&self, family: Family, key: &[u8]) -> Result<Option<Entry>, StorageError> {
        let mut above = key.to_vec();
        above.push(0);
        self.range(family, Vec::new(), Some(above), Order::Descending)
            .next()
            .transpose()
    }

    /// The entries with `lower <= key < upper`, read while the caller asks for more.
    pub(crate) fn range(
        &self,
        family: Family,
        lower: Vec<u8>,
        upper: Option<Vec<u8>>,
        order: Order,
    ) -> impl Iterator<Item = Result<Entry, StorageError>> {
        let database = self.database();
        let mut options = self.read_options();
        options.set_iterate_lower_bound(lower);
        if let Some(upper) = upper {
            options.set_iterate_upper_bound(upper);
        }
        let mode = match order {
            Order::Ascending => rocksdb::IteratorMode::Start,
            Order::Descending => rocksdb::IteratorMode::End,
        };
        self.borrow_dependent()
            .iterator_cf_opt(database.family(family), options, mode)
            .map(|entry| entry.map_err(|error| database.sort(&error)))
    }
}

fn open_families(
    path: &Path,
    families: &[Family],
    options: &StorageOptions,
    cache: &Cache,
) -> Result<DB, StorageError> {
    let descriptor = |name, kind| ColumnFamilyDescriptor::new(name, family_options(kind, options, cache));
    let default = descriptor("default", Kind::Ordered);
    let descriptors = families.iter().map(|family| descriptor(family.name, family.kind));
    DB::open_cf_descriptors(&database_options(options), path, descriptors.chain([default]))
        .map_err(|error| StorageError::of_rocksdb(path, &error))
}

/// Opens a database that seems damaged once more, without the zeros at the end of its log; if that does not
/// help, gives the first error.
fn open_without_tail(
    path: &Path,
    open: impl FnOnce() -> Result<DB, StorageError>,
    first: StorageError,
) -> Result<DB, StorageError> {
    let failed = |error: std::io::Error| StorageError::of_system(path, &error);
    let Some(trimmed) = Trimmed::newest_log(path).map_err(failed)? else {
        return Err(first);
    };
    match open() {
        Ok(db) => {
            trimmed.keep();
            Ok(db)
        }
        Err(_) => {
            trimmed.put_back().map_err(failed)?;
            Err(first)
        }
    }
}

/// Refuses a folder that has data files but not the file that names the database's current version: making
/// a new database there would delete them.
fn refuse_remains(path: &Path) -> Result<(), StorageError> {
    let Ok(entries) = fs::read_dir(path) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = Path::new(&name);
        let is_data = name
            .extension()
            .is_some_and(|extension| extension == "sst" || extension == "blob");
        if is_data {
            return Err(StorageError::corrupted(
                path,
                format!("{} is there, but the file CURRENT is missing", name.display()),
            ));
        }
    }
    Ok(())
}

fn database_options(bounds: &StorageOptions) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_paranoid_checks(true);
    options.set_db_write_buffer_size(bounds.write_buffer_bytes);
    options.set_max_total_wal_size(bounds.max_log_bytes);
    options.set_max_open_files(bounds.max_open_files);
    options.set_max_background_jobs(bounds.background_threads);
    options.set_max_subcompactions(1);
    options.set_bytes_per_sync(BYTES_PER_SYNC);
    options.set_wal_bytes_per_sync(BYTES_PER_SYNC);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(INFO_LOG_BYTES);
    options.set_log_level(LogLevel::Warn);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options
}

fn family_options(kind: Kind, bounds: &StorageOptions, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_format_version(TABLE_FORMAT);
    if kind != Kind::State {
        table.set_block_cache(cache);
        table.set_cache_index_and_filter_blocks(true);
        table.set_cache_index_and_filter_blocks_with_high_priority(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    }
    let has_filter = matches!(kind, Kind::Lookup | Kind::State);
    if has_filter {
        table.set_bloom_filter(FILTER_BITS, false);
        table.set_optimize_filters_for_memory(true);
    }
    match kind {
        Kind::Lookup => {
            // In one piece they are larger than what each of the cache's 64 shards can hold.
            table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
            table.set_partition_filters(true);
            table.set_pin_top_level_index_and_filter(true);
        }
        Kind::State => {
            table.set_block_size(STATE_BLOCK_BYTES);
            table.disable_cache();
        }
        Kind::Ordered | Kind::Blobs | Kind::PackedBlobs => {}
    }
    let mut options = Options::default();
    if has_filter {
        options = options
            .get_options_from_string(NEAR_THE_LAST)
            .expect("RocksDB has this option");
    }
    options.set_block_based_table_factory(&table);
    // Hashes, keys and signatures do not get smaller. Blocks and histories do a little, and are worth the
    // time once they lie deeper than the newest files, which are soon rewritten.
    options.set_compression_type(DBCompressionType::None);
    if kind == Kind::Ordered {
        options.set_bottommost_compression_type(DBCompressionType::Lz4);
    }
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_write_buffer_size(bounds.write_buffer_bytes);
    options.set_arena_block_size(ARENA_BLOCK_BYTES);
    if kind == Kind::State {
        // Nearly all that is looked for is there, and nearly all of that in the last level: a filter over
        // that would be most of the memory and answer what the look-up says anyway.
        options.set_optimize_filters_for_hits(true);
    }
    if has_filter {
        options.set_memtable_whole_key_filtering(true);
        options.set_memtable_prefix_bloom_ratio(MEMORY_FILTER);
    }
    if matches!(kind, Kind::Blobs | Kind::PackedBlobs) {
        options.set_enable_blob_files(true);
        options.set_min_blob_size(MIN_BLOB_BYTES);
        options.set_blob_file_size(BLOB_FILE_BYTES);
        options.set_blob_compression_type(if kind == Kind::PackedBlobs {
            DBCompressionType::Lz4
        } else {
            DBCompressionType::None
        });
        // Collecting would rewrite old batches for the sake of the few that were never ordered.
        options.set_enable_blob_gc(false);
    }
    options
}
