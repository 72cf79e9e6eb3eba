//! What the chain database takes, for metrics and the operator.

use crate::StorageError;
use crate::database::Database;
use crate::families::{FAMILIES, STATE, TRANSACTIONS};

/// What a database takes of disk and memory. Counts of keys are RocksDB's estimates.
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
    /// Executed transactions.
    pub transactions: u64,
    /// Values of the state.
    pub state_values: u64,
}

impl Statistics {
    pub(crate) fn of(database: &Database) -> Result<Self, StorageError> {
        let all = |name| database.property(&FAMILIES, name);
        Ok(Self {
            table_bytes: all("rocksdb.total-sst-files-size")?,
            blob_bytes: all("rocksdb.total-blob-file-size")?,
            write_buffer_bytes: all("rocksdb.cur-size-all-mem-tables")?,
            cache_bytes: database.cache_usage() as u64,
            pending_compaction_bytes: all("rocksdb.estimate-pending-compaction-bytes")?,
            transactions: database.property(&[TRANSACTIONS], "rocksdb.estimate-num-keys")?,
            state_values: database.property(&[STATE], "rocksdb.estimate-num-keys")?,
        })
    }
}
