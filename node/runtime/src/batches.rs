//! Batches: the check of what others packed, and the store of what was checked and is not yet in a
//! certified block.
//!
//! Bounds: each author may have `author_quota` batches here that are not ordered and that nobody asked
//! for. A batch that a proposal names is always taken ([`BatchStore::want`]), so quotas never block
//! agreement (pitfall 31).

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate_crypto::{Committee, Digest, ValidatorIndex};
use quorate_ledger::{BatchError, BatchRules, CheckedBatch, FormedBatch, Parameters, SignedBatch};
use quorate_storage::{Chain, StorageError};
use rayon::prelude::*;

use crate::core::{Event, Inbox};
use crate::fatal;

/// Batches received and not yet checked; a peer's further ones are dropped, and fetched if named.
const CHECK_QUEUE: usize = 64;

/// Batches that were checked and are not in a certified block.
#[derive(Debug)]
pub(crate) struct BatchStore {
    chain: Arc<Chain>,
    rules: Rules,
    held: Mutex<Held>,
    writes: Arc<WriteCount>,
    /// One write at a time, so that counts mean what they say.
    writer: Mutex<()>,
    quota: usize,
}

#[derive(Debug, Default)]
struct Held {
    batches: BTreeMap<Digest, CheckedBatch>,
    by_author: BTreeMap<ValidatorIndex, usize>,
    /// When each was last sent by this node, or received.
    seen: BTreeMap<Digest, Instant>,
    wanted: BTreeSet<Digest>,
}

impl BatchStore {
    /// A store that keeps bytes in `chain`.
    pub(crate) fn new(chain: Arc<Chain>, rules: Rules) -> Self {
        let quota = rules.parameters.v1().author_quota as usize;
        Self {
            chain,
            rules,
            held: Mutex::default(),
            writes: Arc::default(),
            writer: Mutex::new(()),
            quota,
        }
    }

    /// Holds the batches again that a restart left on disk unordered; gives their digests.
    pub(crate) fn restore(&self) -> Result<Vec<Digest>, StorageError> {
        let epoch = self.rules.committee.epoch();
        let mut restored = Vec::new();
        for unordered in self.chain.unordered_batches()? {
            if unordered.epoch != epoch {
                continue;
            }
            if let Some(batch) = self.load(&unordered.digest)? {
                self.hold(&batch);
                restored.push(unordered.digest);
            }
        }
        Ok(restored)
    }

    /// A batch whose clients' signatures need no check: each was checked when it was admitted here, or
    /// a quorum's certificate vouches for them, or it was checked before it was written.
    pub(crate) fn trust(&self, batch: SignedBatch) -> Result<CheckedBatch, BatchError> {
        FormedBatch::from_signed(batch, &self.rules.view()).map(FormedBatch::with_signatures_checked)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many writes have begun since the start: any batch that can be seen here is among them.
    pub(crate) fn writes_begun(&self) -> u64 {
        self.writes.begun()
    }

    /// The counter itself, for the thread that flushes.
    pub(crate) fn write_count(&self) -> Arc<WriteCount> {
        Arc::clone(&self.writes)
    }

    /// Batches held, and not ordered yet.
    pub(crate) fn len(&self) -> usize {
        self.held().batches.len()
    }

    /// From now on these are taken whatever their author's quota says.
    pub(crate) fn want(&self, digests: &[Digest]) {
        self.held().wanted.extend(digests);
    }

    /// Whether the batch is here, checked.
    pub(crate) fn contains(&self, digest: &Digest) -> bool {
        if self.held().batches.contains_key(digest) {
            return true;
        }
        match self.chain.has_batch(digest) {
            Ok(here) => here,
            Err(error) => fatal(&format!("the chain database cannot be read: {error}")),
        }
    }

    /// The batch, from memory or from disk.
    pub(crate) fn load(&self, digest: &Digest) -> Result<Option<CheckedBatch>, StorageError> {
        if let Some(batch) = self.held().batches.get(digest) {
            return Ok(Some(batch.clone()));
        }
        let Some(bytes) = self.chain.batch(digest)? else {
            return Ok(None);
        };
        // Only checked batches are ever written.
        let batch = FormedBatch::new(bytes, &self.rules.view()).unwrap_or_else(|error| {
            fatal(&format!(
                "batch {digest} in the chain database is damaged: {error}"
            ))
        });
        Ok(Some(batch.with_signatures_checked()))
    }

    /// The batch's canonical bytes, for a peer that asks.
    pub(crate) fn bytes(&self, digest: &Digest) -> Result<Option<Bytes>, StorageError> {
        if let Some(batch) = self.held().batches.get(digest) {
            return Ok(Some(batch.bytes().clone()));
        }
        self.chain.batch(digest)
    }

    /// Writes batches that are about to be executed from a certified block.
    pub(crate) fn write_all<B: Borrow<CheckedBatch>>(&self, batches: &[B]) -> Result<(), StorageError> {
        let _one_at_a_time = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.writes.during(|| self.chain.write_batches(batches))
    }

    /// Writes a checked batch of another author and holds it until it is ordered. False if it was here
    /// already.
    pub(crate) fn insert(&self, batch: &CheckedBatch) -> Result<bool, StorageError> {
        if self.contains(&batch.digest()) {
            return Ok(false);
        }
        self.insert_own(batch)?;
        Ok(true)
    }

    /// Writes a batch packed here and holds it until it is ordered. One that is on disk from before a
    /// restart is held again: its transactions were pending, so it was never ordered.
    pub(crate) fn insert_own(&self, batch: &CheckedBatch) -> Result<(), StorageError> {
        self.write_all(std::slice::from_ref(batch))?;
        self.hold(batch);
        Ok(())
    }

    fn hold(&self, batch: &CheckedBatch) {
        let mut held = self.held();
        held.wanted.remove(&batch.digest());
        if held.batches.insert(batch.digest(), batch.clone()).is_none() {
            *held.by_author.entry(batch.signed().batch().author).or_default() += 1;
        }
        held.seen.insert(batch.digest(), Instant::now());
    }

    /// Batches that have stayed unordered for `patience` since they came or were given out here, at
    /// most `limit`: whoever leads may not have them.
    pub(crate) fn take_stale(&self, patience: Duration, limit: usize) -> Vec<CheckedBatch> {
        let now = Instant::now();
        let mut held = self.held();
        let stale: Vec<Digest> = held
            .seen
            .iter()
            .filter(|(_, seen)| now.duration_since(**seen) >= patience)
            .map(|(digest, _)| *digest)
            .take(limit)
            .collect();
        for digest in &stale {
            held.seen.insert(*digest, now);
        }
        stale
            .iter()
            .filter_map(|digest| held.batches.get(digest).cloned())
            .collect()
    }

    /// These are in a certified block now.
    pub(crate) fn ordered(&self, digests: &[Digest]) {
        let mut held = self.held();
        for digest in digests {
            held.wanted.remove(digest);
            held.seen.remove(digest);
            if let Some(batch) = held.batches.remove(digest)
                && let Some(count) = held.by_author.get_mut(&batch.signed().batch().author)
            {
                *count = count.saturating_sub(1);
            }
        }
    }

    /// Whether a batch of this author and digest may be checked and kept.
    fn has_room(&self, digest: &Digest, author: ValidatorIndex) -> bool {
        let held = self.held();
        held.wanted.contains(digest) || held.by_author.get(&author).copied().unwrap_or(0) < self.quota
    }
}

/// Counts writes at both ends. A batch can be seen in the database before its write returns; so whoever
/// relies on one waits for a flush that covers all writes *begun*, and a flush covers those *done*
/// before it.
#[derive(Debug, Default)]
pub(crate) struct WriteCount {
    begun: AtomicU64,
    done: AtomicU64,
}

impl WriteCount {
    fn during<E>(&self, write: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        self.begun.fetch_add(1, Ordering::AcqRel);
        write()?;
        self.done.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    /// Writes that a flush beginning now covers.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Acquire)
    }
}

/// Hands received batches to the checker.
#[derive(Clone, Debug)]
pub(crate) struct Checker {
    sender: SyncSender<Bytes>,
}

impl Checker {
    /// Hands over a batch's bytes; false if there are too many already, and it was dropped.
    pub(crate) fn check(&self, bytes: Bytes) -> bool {
        match self.sender.try_send(bytes) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(TrySendError::Disconnected(_)) => fatal("the batch checker has ended"),
        }
    }
}

/// What the batch check needs to know; the same on every validator.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The network's id.
    pub(crate) network: Digest,
    /// Who may pack batches.
    pub(crate) committee: Committee,
    /// The parameters in force.
    pub(crate) parameters: Parameters,
}

impl Rules {
    fn view(&self) -> BatchRules<'_> {
        BatchRules {
            network: &self.network,
            committee: &self.committee,
            parameters: self.parameters.v1(),
        }
    }
}

/// Starts the thread that checks batches, on all cores, and writes the good ones.
pub(crate) fn start_checker(store: Arc<BatchStore>, inbox: Inbox) -> (Checker, JoinHandle<()>) {
    let (sender, receiver) = sync_channel(CHECK_QUEUE);
    let thread = std::thread::Builder::new()
        .name("batch-check".to_owned())
        .spawn(move || run_checker(&store, &inbox, &receiver))
        .expect("a thread can be started");
    (Checker { sender }, thread)
}

fn run_checker(store: &BatchStore, inbox: &Inbox, receiver: &Receiver<Bytes>) {
    while let Ok(bytes) = receiver.recv() {
        match check(store, bytes) {
            Ok(Some(batch)) => match store.insert(&batch) {
                Ok(true) => inbox.put(Event::BatchStored(batch.digest())),
                Ok(false) => {}
                Err(error) => fatal(&format!("a batch cannot be written: {error}")),
            },
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a batch was refused"),
        }
    }
}

/// The batch check; none for a batch that is here already or that there is no room for.
fn check(store: &BatchStore, bytes: Bytes) -> Result<Option<CheckedBatch>, BatchError> {
    let formed = FormedBatch::new(bytes, &store.rules.view())?;
    let digest = formed.digest();
    if store.contains(&digest) {
        return Ok(None);
    }
    let author = formed.signed().batch().author;
    if !store.has_room(&digest, author) {
        tracing::debug!(%digest, %author, "a batch beyond its author's quota was dropped");
        return Ok(None);
    }
    formed
        .signature_groups()
        .into_par_iter()
        .try_for_each(|group| group.verify())?;
    Ok(Some(formed.with_signatures_checked()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_under_way_is_waited_for_and_not_counted_as_flushed() {
        let count = WriteCount::default();
        let wrote: Result<(), ()> = count.during(|| {
            assert_eq!((count.begun(), count.done()), (1, 0));
            Ok(())
        });
        assert_eq!(wrote, Ok(()));
        assert_eq!((count.begun(), count.done()), (1, 1));
    }
}
