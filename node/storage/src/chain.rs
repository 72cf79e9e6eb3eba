//! The chain database: certified blocks and what they left behind, and the batches they come from.
//!
//! A block goes in with its certificate, its state and all its indexes by one atomic write, once its
//! certificate is known ([`Chain::write_block`]); so every read is a read at a certified height. Batches go
//! in before they are ordered ([`Chain::write_batches`]). Neither is flushed by itself: [`Chain::sync`] is,
//! and the write-ahead log keeps the order, so what survives a crash is always a beginning of what was
//! written, and a block never survives without its batches.

use std::borrow::Borrow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use quorate_crypto::Certificate;
use quorate_ledger::{
    Block, CheckedBatch, Digest, Epoch, Execution, GenesisState, Height, StateTree, Tip, ValidatorIndex,
    decode, encode,
};
use rocksdb::WriteBatch;

use crate::database::{Database, DatabaseSnapshot, Order};
use crate::families::{
    BATCHES, BLOCKS, CERTIFICATES, FAMILIES, HeightRecord, MAX_VALUE_BYTES, ORDERED, TIP_KEY, TipRecord,
    UNORDERED, UnorderedRecord, height_key,
};
use crate::meta::{self, META, Memo};
use crate::{Snapshot, Statistics, StorageError, StorageOptions};

mod state;
mod write;

pub use state::Reader;

/// The certified chain on disk.
#[derive(Debug)]
pub struct Chain {
    database: Arc<Database>,
    tip: RwLock<Arc<Stored>>,
    /// The height up to which blocks are known to be durable.
    flushed: AtomicU64,
    /// One block at a time.
    block_writer: Mutex<()>,
    /// Finding that a batch is stored and relying on it must not interleave with its removal.
    batch_keeper: Mutex<()>,
}

/// The tip with what storage keeps beside it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) tip: Tip,
    pub(crate) transactions: u64,
}

/// A stored batch that no stored block names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnorderedBatch {
    /// Its digest.
    pub digest: Digest,
    /// Who packed it.
    pub author: ValidatorIndex,
    /// The epoch in which it may be ordered.
    pub epoch: Epoch,
    /// Bytes of the signed batch.
    pub length: u32,
}

impl Chain {
    /// Begins a chain at `path`: the state before height 1 and its tip, durable when this returns.
    pub fn create(
        path: impl AsRef<Path>,
        genesis: &GenesisState,
        tip: &Tip,
        options: &StorageOptions,
    ) -> Result<Self, StorageError> {
        let path = path.as_ref();
        let database = Arc::new(Database::open(path, &FAMILIES, options, true)?);
        if meta::is_written(&database)? {
            return Err(StorageError::AlreadyInitialised {
                path: path.to_owned(),
            });
        }
        let stored = Stored {
            tip: tip.clone(),
            transactions: 0,
        };
        let mut batch = WriteBatch::default();
        meta::put(&database, &mut batch, tip.network);
        write::put_genesis(&database, &mut batch, genesis);
        put_tip(&database, &mut batch, &stored);
        database.write(batch)?;
        database.sync()?;
        Ok(Self::new(database, stored))
    }

    /// Opens the chain of `network` at `path` and checks that its tip fits the stored block and certificate.
    /// The state is checked by [`Chain::load_state_tree`].
    pub fn open(
        path: impl AsRef<Path>,
        network: Digest,
        options: &StorageOptions,
    ) -> Result<Self, StorageError> {
        let path = path.as_ref();
        let database = Arc::new(Database::open(path, &FAMILIES, options, false)?);
        if !meta::is_written(&database)? {
            return Err(StorageError::NotInitialised {
                path: path.to_owned(),
            });
        }
        meta::check(&database, network)?;
        let view = database.snapshot();
        let stored = read_tip(&view)?;
        check_tip(&view, &stored)?;
        Ok(Self::new(database, stored))
    }

    fn new(database: Arc<Database>, stored: Stored) -> Self {
        // Opening writes what it finds in the log to table files and flushes them, so all is durable.
        let flushed = AtomicU64::new(stored.tip.height.0);
        Self {
            database,
            tip: RwLock::new(Arc::new(stored)),
            flushed,
            block_writer: Mutex::new(()),
            batch_keeper: Mutex::new(()),
        }
    }

    /// The last certified block that is stored.
    pub fn tip(&self) -> Tip {
        self.stored().tip.clone()
    }

    /// The state root at the tip.
    pub fn state_root(&self) -> Digest {
        self.stored().tip.state_root
    }

    /// Rebuilds the state tree from the stored values, and checks its root against the tip's header.
    pub fn load_state_tree(&self) -> Result<StateTree, StorageError> {
        state::load_tree(&self.snapshot()?)
    }

    /// Stores a certified block with its state and indexes: all of it or nothing. Does nothing for a block
    /// that is stored. Refuses one that does not follow the tip or whose batches are not stored.
    pub fn write_block(&self, execution: &Execution, certificate: &Certificate) -> Result<(), StorageError> {
        let _one_at_a_time = hold(&self.block_writer);
        let stored = self.stored();
        write::check_certificate(execution, certificate)?;
        if execution.tip.height <= stored.tip.height {
            return self.check_same(execution);
        }
        write::check_follows(&stored.tip, execution)?;
        let next = Arc::new(write::next_tip(&stored, execution));
        let mut batch = write::block_batch(&self.database, execution, certificate)?;
        put_tip(&self.database, &mut batch, &next);
        self.database.write(batch)?;
        *self.tip.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    fn check_same(&self, execution: &Execution) -> Result<(), StorageError> {
        let height = execution.tip.height;
        let stored = self.snapshot()?.block(height)?.map(|block| block.hash());
        match stored {
            Some(stored) if stored == execution.tip.block_hash => Ok(()),
            Some(stored) => Err(StorageError::Conflict {
                height,
                stored,
                got: execution.tip.block_hash,
            }),
            None => Err(StorageError::Gap {
                tip: self.tip().height,
                got: height,
            }),
        }
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

    /// Flushes all that was written before the call to the disk, and gives the height up to which blocks are
    /// durable now: the journal is not needed for these any more. May be called from a thread of its own.
    pub fn sync(&self) -> Result<Height, StorageError> {
        let written = self.stored().tip.height;
        self.database.sync()?;
        let before = self.flushed.fetch_max(written.0, Ordering::AcqRel);
        Ok(Height(before.max(written.0)))
    }

    /// The height up to which blocks are known to be durable.
    pub fn flushed_height(&self) -> Height {
        Height(self.flushed.load(Ordering::Acquire))
    }

    /// Stores checked batches, all or none; those already stored are left alone. Durable only after the next
    /// [`Chain::sync`].
    pub fn write_batches<B: Borrow<CheckedBatch>>(&self, batches: &[B]) -> Result<(), StorageError> {
        let _kept = hold(&self.batch_keeper);
        let mut batch = WriteBatch::default();
        for checked in batches {
            let checked: &CheckedBatch = checked.borrow();
            let digest = checked.digest();
            if self.has_batch(&digest)? {
                continue;
            }
            write::put_batch(&self.database, &mut batch, checked);
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.database.write(batch)
    }

    /// The canonical bytes of a stored signed batch.
    pub fn batch(&self, digest: &Digest) -> Result<Option<Bytes>, StorageError> {
        let bytes = self.database.get(BATCHES, digest.as_bytes())?;
        Ok(bytes.map(Bytes::from))
    }

    /// Whether a batch is stored.
    pub fn has_batch(&self, digest: &Digest) -> Result<bool, StorageError> {
        // In this order, as a block moves a batch from the first to the second.
        Ok(self.database.contains(UNORDERED, digest.as_bytes())?
            || self.database.contains(ORDERED, digest.as_bytes())?)
    }

    /// The first stored height whose proposal names this batch.
    pub fn ordered_at(&self, digest: &Digest) -> Result<Option<Height>, StorageError> {
        let Some(bytes) = self.database.get(ORDERED, digest.as_bytes())? else {
            return Ok(None);
        };
        let HeightRecord::V1(height) = decode_stored(self.database.path(), "ordered", &bytes)?;
        Ok(Some(height))
    }

    /// The batches that no stored block names, ascending by digest: there are as many as the caller's
    /// quotas let in.
    pub fn unordered_batches(&self) -> Result<Vec<UnorderedBatch>, StorageError> {
        let view = self.database.snapshot();
        let entries = view.range(UNORDERED, Vec::new(), None, Order::Ascending);
        entries
            .map(|entry| {
                let (key, value) = entry?;
                let digest = digest_of(self.database.path(), "unordered", &key)?;
                let UnorderedRecord::V1 {
                    author,
                    epoch,
                    length,
                } = decode_stored(self.database.path(), "unordered", &value)?;
                Ok(UnorderedBatch {
                    digest,
                    author,
                    epoch,
                    length,
                })
            })
            .collect()
    }

    /// Forgets batches that no stored block names; others are left alone. The caller makes sure that no
    /// decided height that is still to be written names them.
    pub fn remove_unordered(&self, digests: &[Digest]) -> Result<(), StorageError> {
        let _no_block = hold(&self.block_writer);
        let _kept = hold(&self.batch_keeper);
        let mut batch = WriteBatch::default();
        for digest in digests {
            if self.database.contains(UNORDERED, digest.as_bytes())? {
                batch.delete_cf(self.database.family(UNORDERED), digest.as_bytes());
                batch.delete_cf(self.database.family(BATCHES), digest.as_bytes());
            }
        }
        self.database.write(batch)
    }

    /// The chain as it is now, to be read while later blocks are written.
    pub fn snapshot(&self) -> Result<Snapshot, StorageError> {
        let view = self.database.snapshot();
        let stored = read_tip(&view)?;
        Ok(Snapshot::new(view, stored))
    }

    /// Reads the newest certified state; for the one thread that writes blocks, others take a snapshot.
    pub fn reader(&self) -> Reader {
        Reader {
            database: Arc::clone(&self.database),
        }
    }

    /// Puts all that is in memory into table files, and waits until compaction has no more to do: what the
    /// disk takes then is what the chain takes in the long run.
    pub fn settle(&self) -> Result<(), StorageError> {
        self.database.settle()
    }

    /// Copies the chain as it is now into a folder that must not exist; on the same file system the files
    /// of tables and batches are not copied but shared.
    pub fn copy_to(&self, folder: impl AsRef<Path>) -> Result<(), StorageError> {
        self.database.copy_to(folder.as_ref())
    }

    /// What the database takes of disk and memory.
    pub fn statistics(&self) -> Result<Statistics, StorageError> {
        Statistics::of(&self.database, self.stored().transactions)
    }

    fn stored(&self) -> Arc<Stored> {
        Arc::clone(&self.tip.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A lock whose guarded invariants live in the database: a panic of another holder has broken none.
fn hold(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn put_tip(database: &Database, batch: &mut WriteBatch, stored: &Stored) {
    let record = TipRecord::V1 {
        tip: stored.tip.clone(),
        transactions: stored.transactions,
    };
    batch.put_cf(database.family(META), TIP_KEY, encode(&record));
}

fn read_tip(view: &DatabaseSnapshot) -> Result<Stored, StorageError> {
    let path = view.database().path();
    let bytes = view
        .get(META, TIP_KEY)?
        .ok_or_else(|| StorageError::corrupted(path, "the entry `tip` is missing"))?;
    let TipRecord::V1 { tip, transactions } = decode_stored(path, "meta", &bytes)?;
    Ok(Stored { tip, transactions })
}

/// Checks that the block and the certificate at the tip are those that the tip speaks of, and that nothing
/// lies above it.
fn check_tip(view: &DatabaseSnapshot, stored: &Stored) -> Result<(), StorageError> {
    let path = view.database().path();
    let height = stored.tip.height;
    let above = view.range(BLOCKS, height_key(height.next()).to_vec(), None, Order::Ascending);
    if above.take(1).count() > 0 {
        return Err(StorageError::corrupted(
            path,
            format!("there are blocks above the tip {height}"),
        ));
    }
    if height == Height::GENESIS {
        return Ok(());
    }
    let missing =
        |what: &str| StorageError::corrupted(path, format!("the {what} of the tip {height} is missing"));
    let block = view
        .get(BLOCKS, &height_key(height))?
        .ok_or_else(|| missing("block"))?;
    let block: Block = decode_stored(path, "blocks", &block)?;
    let certificate = view
        .get(CERTIFICATES, &height_key(height))?
        .ok_or_else(|| missing("certificate"))?;
    let certificate: Certificate = decode_stored(path, "certificates", &certificate)?;
    let fits = block.hash() == stored.tip.block_hash
        && block.header().state_root == stored.tip.state_root
        && certificate.block() == stored.tip.block_hash
        && certificate.height() == height;
    if !fits {
        return Err(StorageError::corrupted(
            path,
            format!("the block or the certificate at {height} is not the tip's"),
        ));
    }
    Ok(())
}

/// Decodes what this crate or the ledger encoded; anything else is damage.
pub(crate) fn decode_stored<T: serde::de::DeserializeOwned>(
    path: &Path,
    family: &str,
    bytes: &[u8],
) -> Result<T, StorageError> {
    decode(bytes, MAX_VALUE_BYTES)
        .map_err(|error| StorageError::corrupted(path, format!("an entry of `{family}`: {error}")))
}

pub(crate) fn digest_of(path: &Path, family: &str, key: &[u8]) -> Result<Digest, StorageError> {
    let bytes = key
        .try_into()
        .map_err(|_| StorageError::corrupted(path, format!("a key of `{family}` is not 32 bytes")))?;
    Ok(Digest(bytes))
}
