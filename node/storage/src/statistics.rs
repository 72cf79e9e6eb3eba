//! What the chain database takes, for metrics and the operator.

use crate::database::Database;
use crate::families::{FAMILIES, STATE};
use crate::{DurationsReading, StorageError};

/// What a database takes of disk and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Table files, in bytes.
    pub table_bytes: u64,
    /// Files of batches, in bytes.
    pub blob_bytes: u64,
    /// Writes not yet in table files, in bytes of memory.
    pub write_buffer_bytes: u64,
    /// The cache of blocks, indexes and filters, in bytes of memory.
    pub cache_bytes: u64,
    /// Bytes that compaction has yet to rewrite.
    pub pending_compaction_bytes: u64,
    /// Flushes to the disk since the start, and how long they took.
    pub flushes: DurationsReading,
    /// Leaves of the transaction log: executed transactions, and recoveries.
    pub transactions: u64,
    /// Transactions with erased texts of which bytes may still be in files or logs
    /// ([`Chain::purge_erased`](crate::Chain::purge_erased)).
    pub unpurged: u64,
    /// Values of the state, by RocksDB's estimate: one that was replaced counts until it is compacted away.
    pub state_values: u64,
}

impl Statistics {
    pub(crate) fn of(database: &Database, transactions: u64, unpurged: u64) -> Result<Self, StorageError> {
        let all = |name| database.property(&FAMILIES, name);
        Ok(Self {
            table_bytes: all("rocksdb.total-sst-files-size")?,
            blob_bytes: all("rocksdb.total-blob-file-size")?,
            write_buffer_bytes: all("rocksdb.cur-size-all-mem-tables")?,
            cache_bytes: database.cache_usage() as u64,
            pending_compaction_bytes: all("rocksdb.estimate-pending-compaction-bytes")?,
            flushes: database.flushes(),
            transactions,
            unpurged,
            state_values: database.property(&[STATE], "rocksdb.estimate-num-keys")?,
        })
    }
}
