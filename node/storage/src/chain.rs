//! The chain database: certified blocks and what they left behind, and the batches they come from.
//!
//! A block goes in with its certificate, its state, its texts and all its indexes by one atomic write, once its
//! certificate is known ([`Chain::write_block`]); so every read is a read at a certified height. Batches go
//! in before they are ordered ([`Chain::write_batches`]). Neither is flushed by itself: [`Chain::sync`] is,
//! and the write-ahead log keeps the order, so what survives a crash is always a beginning of what was
//! written, and a block never survives without its batches.

use std::borrow::Borrow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use quorate_crypto::Certificate;
use quorate_ledger::{
    BatchTexts, Block, CheckedBatch, Digest, Epoch, Execution, GenesisState, Height, StateTree, Tip,
    ValidatorIndex, decode, encode,
};
use rocksdb::WriteBatch;

use crate::database::{Database, DatabaseSnapshot, Order};
use crate::families::{
    BATCH_TEXTS, BATCHES, BLOCKS, CERTIFICATES, FAMILIES, HeightRecord, MAX_VALUE_BYTES, ORDERED, TIP_KEY,
    TipRecord, UNORDERED, UnorderedRecord, height_key,
};
use crate::meta::{self, META, Memo};
use crate::{Snapshot, Statistics, StorageError, StorageOptions};

mod complete;
mod ends;
mod erasing;
mod histories;
mod late_texts;
mod lists;
mod state;
mod texts;
mod write;

use complete::Complete;
use erasing::Unpurged;
pub(crate) use lists::{Lists, header_leaf, read_tile};
pub use state::Reader;
pub(crate) use state::{key_of, read_under, value_in};
use texts::Erasures;
use write::Remembered;

/// The certified chain on disk.
#[derive(Debug)]
pub struct Chain {
    database: Arc<Database>,
    tips: RwLock<Tips>,
    /// The height up to which blocks are known to be durable.
    flushed: AtomicU64,
    /// Whether the state says of any text that it is erased.
    has_erasures: AtomicBool,
    /// Erased texts of which bytes may still be in the database's files.
    unpurged: Mutex<Unpurged>,
    /// Which blocks have all of their texts. Changed while the block writer's lock is held.
    complete: Mutex<Complete>,
    /// One block at a time, with what is known of those before.
    block_writer: Mutex<Remembered>,
    /// Finding that a batch is stored and relying on it must not interleave with its removal, nor finding that
    /// a text is not erased with its erasure. Taken after the block writer's, if both are.
    batch_keeper: Mutex<()>,
    /// One purge at a time.
    purger: Mutex<()>,
}

/// The tip with what storage keeps beside it in memory.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) tip: Tip,
    pub(crate) lists: Lists,
}

/// The tip, and while a block is written the one that it will be.
#[derive(Debug)]
struct Tips {
    now: Arc<Stored>,
    /// Stays after a write that failed: nothing is written after it.
    next: Option<Arc<Stored>>,
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
    /// Bytes of the signed batch and of its texts.
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
        let mut batch = WriteBatch::default();
        meta::put(&database, &mut batch, tip.network);
        write::put_genesis(&database, &mut batch, genesis);
        put_tip(&database, &mut batch, tip);
        database.write(batch)?;
        database.sync()?;
        let stored = Stored {
            tip: tip.clone(),
            lists: Lists::default(),
        };
        let (unpurged, complete) = (Unpurged::default(), Complete::genesis());
        Ok(Self::new(database, stored, unpurged, false, complete))
    }

    /// Opens the chain of `network` at `path` and checks that its tip fits the stored block and certificate,
    /// and the hashes of the log and of headers the tip. The state is checked by [`Chain::load_state_tree`].
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
        let tip = read_tip(&view)?;
        check_tip(&view, &tip)?;
        let lists = Lists::load(&view, &tip)?;
        let (unpurged, has_erasures) = erasing::find_unpurged(&view, &tip)?;
        let complete = Complete::load(&view, &tip)?;
        drop(view);
        let stored = Stored { tip, lists };
        Ok(Self::new(database, stored, unpurged, has_erasures, complete))
    }

    fn new(
        database: Arc<Database>,
        stored: Stored,
        unpurged: Unpurged,
        has_erasures: bool,
        complete: Complete,
    ) -> Self {
        // Opening writes what it finds in the log to table files and flushes them, so all is durable.
        let flushed = AtomicU64::new(stored.tip.height.0);
        Self {
            database,
            tips: RwLock::new(Tips {
                now: Arc::new(stored),
                next: None,
            }),
            flushed,
            has_erasures: AtomicBool::new(has_erasures),
            unpurged: Mutex::new(unpurged),
            complete: Mutex::new(complete),
            block_writer: Mutex::default(),
            batch_keeper: Mutex::new(()),
            purger: Mutex::new(()),
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

    /// Stores a certified block with its state, its texts and indexes: all of it or nothing. Does nothing for a
    /// block that is stored. Refuses one that does not follow the tip or whose batches are not stored.
    ///
    /// Texts of what it executed are those that were stored with its batches; where there are none, they are
    /// missing ([`Chain::write_texts`]). Of what it skipped only their hashes stay. What it erases is out of reach
    /// when this returns, and out of the database's files after [`Chain::purge_erased`].
    pub fn write_block(&self, execution: &Execution, certificate: &Certificate) -> Result<(), StorageError> {
        self.write_block_of(execution, certificate, &[])
    }

    /// Does the same. `at_hand` are those of its batches that are in memory, in its order: they are not read again for
    /// the ids of transactions with texts.
    pub fn write_block_of(
        &self,
        execution: &Execution,
        certificate: &Certificate,
        at_hand: &[CheckedBatch],
    ) -> Result<(), StorageError> {
        let mut remembered = hold(&self.block_writer);
        let stored = self.stored();
        write::check_certificate(execution, certificate)?;
        if execution.tip.height <= stored.tip.height {
            return self.check_same(execution);
        }
        write::check_follows(&stored.tip, execution)?;
        let erases = !execution.erased.is_empty();
        let _no_text_comes_back = erases.then(|| hold(&self.batch_keeper));
        let has_erasures = self.has_erasures.load(Ordering::Acquire);
        let (mut batch, next, growing) =
            write::block_batch(&self.database, &stored, execution, certificate, &remembered.ends)?;
        let has_all_texts = texts::put_block(
            &self.database,
            has_erasures,
            &mut batch,
            execution,
            at_hand,
            &mut remembered.text_ids,
        )?;
        let before = *hold(&self.complete);
        let complete = before.after_block(execution.tip.height, has_all_texts);
        if complete.up_to != before.up_to {
            complete.put(&self.database, &mut batch);
        }
        let next = Arc::new(next);
        self.set_tips(&stored, Some(&next));
        // Before the write: whoever finds none may pass texts on as they are.
        if erases {
            self.has_erasures.store(true, Ordering::Release);
        }
        self.database.write(batch)?;
        self.set_tips(&next, None);
        *hold(&self.complete) = complete;
        growing.note(&mut remembered.ends, execution.tip.height);
        if erases {
            let newest_write = self.database.newest_write();
            hold(&self.unpurged).add(execution, newest_write);
        }
        Ok(())
    }

    fn check_same(&self, execution: &Execution) -> Result<(), StorageError> {
        let height = execution.tip.height;
        let stored = self.snapshot()?.header(height)?.map(|header| header.hash());
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

    /// Keeps this for the node in the place of what was kept; durable only after the next [`Chain::sync`].
    pub fn note(&self, memo: Memo, content: &[u8]) -> Result<(), StorageError> {
        meta::note(&self.database, memo, content)
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

    /// Stores checked batches without texts, all or none; those already stored are left alone. Durable only
    /// after the next [`Chain::sync`].
    pub fn write_batches<B: Borrow<CheckedBatch>>(&self, batches: &[B]) -> Result<(), StorageError> {
        let copies = batches.iter().map(|batch| {
            let checked: &CheckedBatch = batch.borrow();
            (checked, None)
        });
        self.write_all(copies).map(drop)
    }

    /// Does the same for batches with what is at hand of their texts, which fit them: of a whole copy all.
    /// Those that the certified state says are erased are withheld. Texts of a batch that is stored already
    /// are left alone too; what it lacks is added by [`Chain::write_texts`]. Gives the places of those batches.
    pub fn write_copies<B: Borrow<CheckedBatch>>(
        &self,
        copies: &[(B, Option<BatchTexts>)],
    ) -> Result<Vec<usize>, StorageError> {
        let copies = copies.iter().map(|(batch, texts)| {
            let checked: &CheckedBatch = batch.borrow();
            (checked, texts.as_ref())
        });
        self.write_all(copies)
    }

    fn write_all<'a>(
        &self,
        copies: impl Iterator<Item = (&'a CheckedBatch, Option<&'a BatchTexts>)>,
    ) -> Result<Vec<usize>, StorageError> {
        let _kept = hold(&self.batch_keeper);
        let erasures = self.erasures();
        let mut batch = WriteBatch::default();
        let mut there = Vec::new();
        for (place, (checked, texts)) in copies.enumerate() {
            if self.has_batch(&checked.digest())? {
                there.push(place);
            } else {
                write::put_batch(erasures, &mut batch, checked, texts)?;
            }
        }
        if !batch.is_empty() {
            self.database.write(batch)?;
        }
        Ok(there)
    }

    /// Whether the newest certified state says of any text that it is erased.
    pub fn has_erasures(&self) -> bool {
        self.has_erasures.load(Ordering::Acquire)
    }

    /// What is erased in the newest certified state.
    fn erasures(&self) -> Erasures<'_> {
        Erasures {
            database: &self.database,
            execution: None,
            has_any: self.has_erasures(),
        }
    }

    /// The canonical bytes of a stored signed batch.
    pub fn batch(&self, digest: &Digest) -> Result<Option<Bytes>, StorageError> {
        let bytes = self.database.get(BATCHES, digest.as_bytes())?;
        Ok(bytes.map(Bytes::from))
    }

    /// What there is of a stored batch's texts, as [`Snapshot::batch_texts`] has it.
    pub fn batch_texts(&self, digest: &Digest) -> Result<Option<BatchTexts>, StorageError> {
        self.snapshot()?.batch_texts(digest)
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

    /// Forgets batches that no stored block names, with their texts; others are left alone. The caller makes
    /// sure that no decided height that is still to be written names them.
    pub fn remove_unordered(&self, digests: &[Digest]) -> Result<(), StorageError> {
        let _no_block = hold(&self.block_writer);
        let _kept = hold(&self.batch_keeper);
        let mut batch = WriteBatch::default();
        for digest in digests {
            if self.database.contains(UNORDERED, digest.as_bytes())? {
                for family in [UNORDERED, BATCHES, BATCH_TEXTS] {
                    batch.delete_cf(self.database.family(family), digest.as_bytes());
                }
            }
        }
        self.database.write(batch)
    }

    /// The chain as it is now, to be read while later blocks are written.
    pub fn snapshot(&self) -> Result<Snapshot, StorageError> {
        self.snapshot_of(Database::snapshot)
    }

    /// The same, for whoever reads all there is: what it reads takes no place in the database's cache.
    pub fn snapshot_past_cache(&self) -> Result<Snapshot, StorageError> {
        self.snapshot_of(Database::snapshot_past_cache)
    }

    fn snapshot_of(&self, of: fn(&Arc<Database>) -> DatabaseSnapshot) -> Result<Snapshot, StorageError> {
        // While this is held no other block than the next one can be written.
        let tips = self.tips.read().unwrap_or_else(PoisonError::into_inner);
        let view = of(&self.database);
        let Some(next) = &tips.next else {
            // Nor that one: it is noted here before it is written.
            return Ok(Snapshot::new(view, Arc::clone(&tips.now)));
        };
        let tip = read_tip(&view)?;
        let mut known = [&tips.now, next].into_iter();
        match known.find(|stored| stored.tip == tip) {
            Some(stored) => Ok(Snapshot::new(view, Arc::clone(stored))),
            None => Err(StorageError::corrupted(
                self.database.path(),
                "the entry `tip` is not what was written",
            )),
        }
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

    /// Rewrites all table files, so that nothing is left in them that was replaced or removed. For measuring: while
    /// blocks are written this happens by itself, little by little.
    pub fn compact(&self) -> Result<(), StorageError> {
        self.database.compact_all(&FAMILIES)
    }

    /// Copies the chain as it is now into a folder that must not exist; on the same file system the files
    /// of tables and batches are not copied but shared.
    pub fn copy_to(&self, folder: impl AsRef<Path>) -> Result<(), StorageError> {
        self.database.copy_to(folder.as_ref())
    }

    /// What the database takes of disk and memory.
    pub fn statistics(&self) -> Result<Statistics, StorageError> {
        let unpurged = hold(&self.unpurged).len();
        Statistics::of(&self.database, self.stored().tip.log.length(), unpurged)
    }

    fn stored(&self) -> Arc<Stored> {
        let tips = self.tips.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&tips.now)
    }

    fn set_tips(&self, now: &Arc<Stored>, next: Option<&Arc<Stored>>) {
        *self.tips.write().unwrap_or_else(PoisonError::into_inner) = Tips {
            now: Arc::clone(now),
            next: next.map(Arc::clone),
        };
    }
}

/// A lock whose guarded invariants live in the database, or that is left whole whenever it is let go: a panic
/// of another holder has broken none.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn put_tip(database: &Database, batch: &mut WriteBatch, tip: &Tip) {
    let record = TipRecord::V1 { tip: tip.clone() };
    batch.put_cf(database.family(META), TIP_KEY, encode(&record));
}

fn read_tip(view: &DatabaseSnapshot) -> Result<Tip, StorageError> {
    let path = view.database().path();
    let bytes = view
        .get(META, TIP_KEY)?
        .ok_or_else(|| StorageError::corrupted(path, "the entry `tip` is missing"))?;
    let TipRecord::V1 { tip } = decode_stored(path, "meta", &bytes)?;
    Ok(tip)
}

/// Checks that the block and the certificate at the tip are those that the tip speaks of, and that nothing
/// lies above it.
fn check_tip(view: &DatabaseSnapshot, tip: &Tip) -> Result<(), StorageError> {
    let path = view.database().path();
    let height = tip.height;
    let above = view.range(BLOCKS, height_key(height.next()).to_vec(), None, Order::Ascending);
    if above.take(1).count() > 0 {
        return Err(StorageError::corrupted(
            path,
            format!("there are blocks above the tip {height}"),
        ));
    }
    if tip.chain.length() != height.0 {
        let reason = format!("the tip {height} has {} header hashes", tip.chain.length());
        return Err(StorageError::corrupted(path, reason));
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
    let header = block.header();
    let fits = block.hash() == tip.block_hash
        && header.state_root == tip.state_root
        && header.timestamp == tip.timestamp
        && (header.log_size, header.log_root) == (tip.log.length(), tip.log.root())
        && certificate.block() == tip.block_hash
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
        .map_err(|_| StorageError::corrupted(path, format!("an entry of `{family}` is not 32 bytes")))?;
    Ok(Digest(bytes))
}
