//! What every database says of itself: its format and the network it belongs to (`docs/formats.md`, section 20).

use quorate_ledger::Digest;
use rocksdb::WriteBatch;

use crate::StorageError;
use crate::database::{Database, Family, Kind};

/// The family of single entries.
pub(crate) const META: Family = Family {
    name: "meta",
    kind: Kind::Ordered,
};

/// The version of what both databases hold and how, big-endian under `format`.
pub const FORMAT_VERSION: u32 = 4;

const FORMAT_KEY: &[u8] = b"format";
const NETWORK_KEY: &[u8] = b"network";

/// What a database keeps for its node beside its own content, each in one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memo {
    /// Whether the validator may vote: the same in both databases, so that the loss of one forgets nothing.
    Quarantine,
    /// In the journal: what tells it from any other journal. In the chain: which journal goes with it.
    Journal,
    /// In the journal: the last checkpoint that the witness key signed.
    Checkpoint,
    /// In the chain: how far the self-check has come, and what it found.
    SelfCheck,
}

impl Memo {
    const fn key(self) -> &'static [u8] {
        match self {
            Self::Quarantine => b"quarantine",
            Self::Journal => b"journal",
            Self::Checkpoint => b"checkpoint",
            Self::SelfCheck => b"self_check",
        }
    }
}

/// What is kept under `memo`.
pub(crate) fn memo(database: &Database, memo: Memo) -> Result<Option<Vec<u8>>, StorageError> {
    database.get(META, memo.key())
}

/// Keeps this, durably.
pub(crate) fn keep(database: &Database, memo: Memo, content: &[u8]) -> Result<(), StorageError> {
    note(database, memo, content)?;
    database.sync()
}

/// Keeps this; durable only after the next flush.
pub(crate) fn note(database: &Database, memo: Memo, content: &[u8]) -> Result<(), StorageError> {
    let mut batch = WriteBatch::default();
    batch.put_cf(database.family(META), memo.key(), content);
    database.write(batch)
}

/// Whether the database's first write has happened.
pub(crate) fn is_written(database: &Database) -> Result<bool, StorageError> {
    database.contains(META, FORMAT_KEY)
}

/// Adds format and network to a database's first write.
pub(crate) fn put(database: &Database, batch: &mut WriteBatch, network: Digest) {
    let family = database.family(META);
    batch.put_cf(family, FORMAT_KEY, FORMAT_VERSION.to_be_bytes());
    batch.put_cf(family, NETWORK_KEY, network.as_bytes());
}

/// Checks that the database has this release's format and belongs to `network`.
pub(crate) fn check(database: &Database, network: Digest) -> Result<(), StorageError> {
    let path = database.path();
    let format = database.get(META, FORMAT_KEY)?;
    let format: Option<[u8; 4]> = format.and_then(|bytes| bytes.try_into().ok());
    let format = format
        .map(u32::from_be_bytes)
        .ok_or_else(|| StorageError::corrupted(path, "the entry `format` is not four bytes"))?;
    if format != FORMAT_VERSION {
        return Err(StorageError::UnknownFormat {
            path: path.to_owned(),
            found: format.to_string(),
            supported: FORMAT_VERSION,
        });
    }
    let stored = database.get(META, NETWORK_KEY)?;
    let stored: Option<[u8; 32]> = stored.and_then(|bytes| bytes.try_into().ok());
    let stored = stored
        .map(Digest)
        .ok_or_else(|| StorageError::corrupted(path, "the entry `network` is not 32 bytes"))?;
    if stored != network {
        return Err(StorageError::WrongNetwork {
            path: path.to_owned(),
            stored,
            expected: network,
        });
    }
    Ok(())
}
