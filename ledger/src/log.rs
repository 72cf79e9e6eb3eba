//! Entries of the transaction log (`docs/formats.md`, section 9): one RFC 6962 tree over all that was
//! executed since genesis, in the order of execution. A leaf's place from 0 is its ordinal.

use quorate_crypto::{Digest, Height, merkle};
use serde::{Deserialize, Serialize};

use crate::limits::MAX_LOG_ENTRY_BYTES;
use crate::{DecodeError, Outcome, Timestamp, decode, encode};

/// A leaf of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogEntry {
    /// Version 1.
    V1(LogEntryV1),
}

/// Version 1 of [`LogEntry`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogEntryV1 {
    /// An executed transaction.
    Transaction(LoggedTransaction),
    /// A recovery; the first entry of its block.
    Recovery(LoggedRecovery),
}

/// What the log has of an executed transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedTransaction {
    /// The block's height.
    pub height: Height,
    /// The block's time.
    pub timestamp: Timestamp,
    /// The transaction's place among those of the proposal's batches, from 0.
    pub position: u32,
    /// Its id.
    pub id: Digest,
    /// When its id is spent no longer.
    pub expires_at: Timestamp,
    /// The hash of the signed transaction.
    pub signed: Digest,
    /// What became of it.
    pub outcome: Outcome,
}

/// What the log has of a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedRecovery {
    /// The block's height.
    pub height: Height,
    /// The block's time.
    pub timestamp: Timestamp,
    /// The document's hash.
    pub document: Digest,
}

impl LogEntry {
    /// The entry whose canonical bytes these are.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes, MAX_LOG_ENTRY_BYTES)
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &LogEntryV1 {
        let Self::V1(entry) = self;
        entry
    }

    /// The hash of the leaf: `SHA-256(00 ‖ bcs(LogEntry))`.
    pub fn leaf_hash(&self) -> Digest {
        merkle::leaf_hash(&encode(self))
    }

    /// The height of its block.
    pub fn height(&self) -> Height {
        match self.v1() {
            LogEntryV1::Transaction(logged) => logged.height,
            LogEntryV1::Recovery(logged) => logged.height,
        }
    }

    /// The time of its block.
    pub fn timestamp(&self) -> Timestamp {
        match self.v1() {
            LogEntryV1::Transaction(logged) => logged.timestamp,
            LogEntryV1::Recovery(logged) => logged.timestamp,
        }
    }

    /// What it says of a transaction, if it is one's.
    pub fn transaction(&self) -> Option<&LoggedTransaction> {
        match self.v1() {
            LogEntryV1::Transaction(logged) => Some(logged),
            LogEntryV1::Recovery(_) => None,
        }
    }
}
