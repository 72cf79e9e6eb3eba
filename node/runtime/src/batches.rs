//! Batches that were checked and are not yet in a certified block: on disk, and at hand in memory.
//!
//! Bounds: each author may have `author_quota` batches here that are not ordered and that nobody asked
//! for, and each peer as many of other authors that it passed on. A batch that a proposal names is always
//! taken ([`BatchStore::want`]), so quotas never block agreement (pitfall 31). Of those,
//! [`NAMED_BYTES`] are in memory; the rest is on disk alone and is read when it is needed, so whatever a
//! lying primary names costs it a place in the chain, and this node no memory.
//!
//! What is held is a whole copy (`docs/formats.md`, section 5): its texts are on disk beside it, where those that
//! are erased are withheld, and never in memory. A copy that is not whole leaves nothing behind.

mod check;
mod whole;

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use quorate_crypto::{Committee, Digest, Height, ValidatorIndex};
use quorate_driver::{Event, Led, Told, Unordered, WriteNumber, tell_of_unordered};
use quorate_ledger::{
    BatchError, BatchRules, BatchTexts, CheckedBatch, FormedBatch, Parameters, ParametersV1, SignedBatch,
};
use quorate_network::PeerKey;
use quorate_storage::{Chain, StorageError};

pub(crate) use self::check::{Checker, start_checker};
pub(crate) use self::whole::Whole;
use crate::error::NodeError;
use crate::fatal_at_database;
use crate::inbox::Inbox;
use crate::roster::Roster;
use crate::writes::WriteCount;

/// Bytes in memory of the batches that proposals name: two of the largest proposals.
const NAMED_BYTES: usize = 64 << 20;
/// How often another is asked for a batch because somebody does not hold it.
const ELSEWHERE_EVERY: Duration = Duration::from_millis(50);

/// Batches that were checked and are not in a certified block. The core hears of each.
#[derive(Debug)]
pub(crate) struct BatchStore {
    chain: Arc<Chain>,
    rules: RwLock<Arc<Rules>>,
    inbox: Inbox,
    began: Instant,
    held: Mutex<Held>,
    /// Batches that were received and wait for their check, and how often each.
    unchecked: Mutex<BTreeMap<Digest, usize>>,
    writes: Arc<WriteCount>,
    /// One write at a time, so that counts mean what they say.
    writer: Mutex<()>,
    /// [`NAMED_BYTES`], but in tests.
    named_limit: usize,
}

/// Whose allowance a batch takes up while it is not ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Charge {
    /// A proposal names it.
    Nobody,
    /// Its author's.
    Author(ValidatorIndex),
    /// The peer's that passed it on: its author has used up its own.
    Forwarder(PeerKey),
}

#[derive(Debug, Default)]
struct Held {
    batches: BTreeMap<Digest, HeldBatch>,
    charged: BTreeMap<Charge, usize>,
    /// Bytes in memory of those charged to nobody.
    named_bytes: usize,
    /// What proposals name, and when another was last asked for it because somebody does not hold it.
    wanted: BTreeMap<Digest, Option<Instant>>,
}

#[derive(Debug)]
struct HeldBatch {
    /// `None`: it is on disk alone, as too many that proposals name are in memory.
    batch: Option<CheckedBatch>,
    charge: Charge,
    unordered: Unordered,
}

impl BatchStore {
    /// A store that keeps bytes in `chain` and tells `inbox` what is there.
    pub(crate) fn new(chain: Arc<Chain>, rules: Rules, inbox: Inbox) -> Self {
        Self {
            chain,
            rules: RwLock::new(Arc::new(rules)),
            inbox,
            began: Instant::now(),
            held: Mutex::default(),
            unchecked: Mutex::default(),
            writes: Arc::default(),
            writer: Mutex::new(()),
            named_limit: NAMED_BYTES,
        }
    }

    /// What the check of a batch goes by now.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A new epoch has begun, after the last block of the former one was written: batches that no block
    /// has got are of no use any more.
    pub(crate) fn begin_epoch(&self, roster: &Roster) -> Result<(), StorageError> {
        let mut held = self.held();
        let rules = Rules::of(self.rules().network, roster);
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        *held = Held::default();
        drop(held);
        self.remove_foreign()
    }

    /// Forgets the unordered batches on disk that are not of the epoch under way.
    fn remove_foreign(&self) -> Result<(), StorageError> {
        let epoch = self.rules().committee.epoch();
        let unordered = self.chain.unordered_batches()?.into_iter();
        let foreign = unordered.filter(|batch| batch.epoch != epoch);
        let digests: Vec<Digest> = foreign.map(|batch| batch.digest).collect();
        self.chain.remove_unordered(&digests)
    }

    /// Holds the batches again that a restart left on disk unordered. Those of which there is no whole copy are
    /// passed over: block sync wrote them, perhaps without texts, for a block that a crash has kept from being
    /// written.
    pub(crate) fn restore(&self) -> Result<(), StorageError> {
        self.remove_foreign()?;
        for unordered in self.chain.unordered_batches()? {
            if self.copy(&unordered.digest)?.is_none() {
                continue;
            }
            if let Some(batch) = self.load(&unordered.digest)? {
                self.hold(&batch, Charge::Author(unordered.author))?;
            }
        }
        Ok(())
    }

    /// A batch of a block of this committee's and of its epoch's parameters whose clients' signatures need no check: a
    /// quorum's certificate vouches for them. The epoch under way may be another one by now.
    pub(crate) fn trust(
        &self,
        batch: SignedBatch,
        committee: &Committee,
        parameters: &ParametersV1,
    ) -> Result<CheckedBatch, BatchError> {
        let rules = self.rules();
        let rules = BatchRules {
            network: &rules.network,
            committee,
            parameters,
        };
        FormedBatch::from_signed(batch, &rules).map(FormedBatch::with_signatures_checked)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unchecked(&self) -> MutexGuard<'_, BTreeMap<Digest, usize>> {
        self.unchecked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a peer sent waits for its check; the checker's queue bounds how much does.
    fn received(&self, digest: Digest) {
        *self.unchecked().entry(digest).or_default() += 1;
    }

    /// It waits no more, whatever came of it.
    fn checked(&self, digest: &Digest) {
        let mut unchecked = self.unchecked();
        if let Some(count) = unchecked.get_mut(digest) {
            *count -= 1;
            if *count == 0 {
                unchecked.remove(digest);
            }
        }
    }

    /// Whether what may be this batch was received and waits for its check: it need not be asked for again
    /// at once. A liar can send it under a wrong signature, so it must be asked for in the end.
    pub(crate) fn is_unchecked(&self, digest: &Digest) -> bool {
        self.unchecked().contains_key(digest)
    }

    /// How many writes have begun since the start: any batch that can be seen here is among them.
    pub(crate) fn writes_begun(&self) -> WriteNumber {
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

    /// From now on these too are taken whatever the quotas say, until they are ordered or the epoch ends.
    pub(crate) fn want(&self, digests: &[Digest]) {
        let mut held = self.held();
        for digest in digests {
            held.wanted.entry(*digest).or_default();
        }
    }

    /// These are taken no more where the quotas say no.
    pub(crate) fn want_no_more(&self, digests: &[Digest]) {
        let mut held = self.held();
        for digest in digests {
            held.wanted.remove(digest);
        }
    }

    /// Of batches that a peer does not hold whole, those that another is to be asked for now: a proposal names them,
    /// nothing of them is here, and no such word has led to that a moment ago.
    pub(crate) fn wanted_elsewhere(&self, digests: &[Digest], now: Instant) -> Vec<Digest> {
        let mut guard = self.held();
        let Held { batches, wanted, .. } = &mut *guard;
        let unchecked = self.unchecked();
        let mut asked = Vec::new();
        for digest in digests {
            let Some(last) = wanted.get_mut(digest) else {
                continue;
            };
            let is_due = last.is_none_or(|at| now.duration_since(at) >= ELSEWHERE_EVERY);
            if is_due && !batches.contains_key(digest) && !unchecked.contains_key(digest) {
                *last = Some(now);
                asked.push(*digest);
            }
        }
        asked
    }

    /// Whether a whole copy of the batch is here, checked, and of this epoch: a block of the epoch has it, or none yet.
    /// Of one that a block has, texts may be gone meanwhile.
    pub(crate) fn contains(&self, digest: &Digest) -> bool {
        if self.held().batches.contains_key(digest) {
            return true;
        }
        match self.chain.ordered_at(digest) {
            Ok(height) => height.is_some_and(|height| height >= self.rules().first),
            Err(error) => fatal_at_database("the chain database cannot be read", &error),
        }
    }

    /// The batch, from memory or from disk.
    pub(crate) fn load(&self, digest: &Digest) -> Result<Option<CheckedBatch>, StorageError> {
        if let Some(batch) = self.in_memory(digest) {
            return Ok(Some(batch));
        }
        let Some(bytes) = self.chain.batch(digest)? else {
            return Ok(None);
        };
        // Only checked batches are ever written.
        let batch = FormedBatch::new(bytes, &self.rules().view()).unwrap_or_else(|error| {
            let damage = NodeError::DamagedChain {
                reason: error.to_string(),
            };
            fatal_at_database(&format!("batch {digest} cannot be read"), &damage)
        });
        Ok(Some(batch.with_signatures_checked()))
    }

    /// Whether any text is erased in the certified state.
    pub(crate) fn has_erasures(&self) -> bool {
        self.chain.has_erasures()
    }

    /// Those of these batches that are in memory, in their order.
    pub(crate) fn at_hand(&self, digests: &[Digest]) -> Vec<CheckedBatch> {
        let held = self.held();
        let batches = digests.iter().filter_map(|digest| held.batches.get(digest));
        batches.filter_map(|held| held.batch.clone()).collect()
    }

    fn in_memory(&self, digest: &Digest) -> Option<CheckedBatch> {
        self.held().batches.get(digest)?.batch.clone()
    }

    /// Writes batches, with what is at hand of their texts, which fit them: those of a certified block that is about
    /// to be executed, or a whole copy.
    pub(crate) fn write_all<B: Borrow<CheckedBatch>>(
        &self,
        copies: Vec<(B, Option<BatchTexts>)>,
    ) -> Result<(), StorageError> {
        let _one_at_a_time = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.writes.during(|| {
            for place in self.chain.write_copies(&copies)? {
                let (batch, texts) = &copies[place];
                let checked: &CheckedBatch = batch.borrow();
                let digest = checked.digest();
                // What is held has all of its texts.
                let is_held = self.held().batches.contains_key(&digest);
                if let Some(texts) = texts.as_ref().filter(|_| !is_held) {
                    self.chain.write_texts(&digest, texts)?;
                }
            }
            Ok(())
        })
    }

    /// Writes a whole copy, holds its batch until it is ordered, and tells the core; false if there is no use for
    /// it any more.
    pub(crate) fn insert_whole(&self, whole: Whole, charge: Charge) -> Result<bool, StorageError> {
        let Whole { batch, texts } = whole;
        self.write_all(vec![(&batch, Some(texts))])?;
        self.hold(&batch, charge)
    }

    /// The same for a batch none of whose transactions has a text.
    #[cfg(test)]
    pub(crate) fn insert(&self, batch: &CheckedBatch, charge: Charge) -> Result<bool, StorageError> {
        let whole = Whole {
            batch: batch.clone(),
            texts: BatchTexts::new(Vec::new()),
        };
        self.insert_whole(whole, charge)
    }

    /// Holds a written batch and tells the core, unless a block that was written meanwhile has it, or ended
    /// its epoch. Under one lock with [`BatchStore::ordered`], so that the core never hears of a batch
    /// after the block that has it.
    fn hold(&self, batch: &CheckedBatch, charge: Charge) -> Result<bool, StorageError> {
        let digest = batch.digest();
        let mut held = self.held();
        let epoch = batch.signed().batch().epoch;
        let over = epoch != self.rules().committee.epoch();
        if over || held.batches.contains_key(&digest) || self.chain.ordered_at(&digest)?.is_some() {
            return Ok(false);
        }
        *held.charged.entry(charge).or_default() += 1;
        let length = batch.bytes().len();
        let batch = match charge {
            Charge::Nobody if held.named_bytes.saturating_add(length) > self.named_limit => None,
            Charge::Nobody => {
                held.named_bytes += length;
                Some(batch.clone())
            }
            Charge::Author(_) | Charge::Forwarder(_) => Some(batch.clone()),
        };
        let unordered = Unordered::since(self.began.elapsed());
        held.batches.insert(
            digest,
            HeldBatch {
                batch,
                charge,
                unordered,
            },
        );
        self.inbox.put(Event::BatchStored { epoch, digest });
        Ok(true)
    }

    /// Of those that have stayed unordered for `patience`, at most `most` to tell of now, and whom.
    pub(crate) fn tell_of_unordered(&self, led: Led, patience: Duration, most: usize) -> Vec<Told> {
        let now = self.began.elapsed();
        let mut held = self.held();
        let waiting = held.batches.iter_mut();
        let waiting = waiting.map(|(digest, held)| (*digest, &mut held.unordered));
        tell_of_unordered(led, waiting, now, patience, most)
    }

    /// These are in a certified block now.
    pub(crate) fn ordered(&self, digests: &[Digest]) {
        let mut guard = self.held();
        let held = &mut *guard;
        for digest in digests {
            held.wanted.remove(digest);
            let Some(gone) = held.batches.remove(digest) else {
                continue;
            };
            if let Some(count) = held.charged.get_mut(&gone.charge) {
                *count = count.saturating_sub(1);
            }
            if let (Charge::Nobody, Some(batch)) = (gone.charge, gone.batch) {
                held.named_bytes = held.named_bytes.saturating_sub(batch.bytes().len());
            }
        }
    }

    /// Whose allowance a batch of `author` would take up that `sender` sent; none if both are used up.
    fn charge_for(&self, digest: &Digest, author: ValidatorIndex, sender: PeerKey) -> Option<Charge> {
        let rules = self.rules();
        let quota = rules.parameters.v1().author_quota as usize;
        let is_author = rules.nodes.get(&sender) == Some(&author);
        let held = self.held();
        if held.wanted.contains_key(digest) {
            return Some(Charge::Nobody);
        }
        let has_room = |charge: &Charge| held.charged.get(charge).copied().unwrap_or(0) < quota;
        [Charge::Author(author), Charge::Forwarder(sender)]
            .into_iter()
            .take(if is_author { 1 } else { 2 })
            .find(has_room)
    }
}

/// What the batch check needs to know; the same on every validator.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The network's id.
    pub(crate) network: Digest,
    /// Who may pack batches: the committee of the epoch under way.
    pub(crate) committee: Committee,
    /// The epoch's first height.
    pub(crate) first: Height,
    /// The parameters in force.
    pub(crate) parameters: Parameters,
    /// Whose nodes have which key: what a validator sends of its own is charged to it once.
    pub(crate) nodes: BTreeMap<PeerKey, ValidatorIndex>,
}

impl Rules {
    /// Those of an epoch.
    pub(crate) fn of(network: Digest, roster: &Roster) -> Self {
        Self {
            network,
            committee: roster.committee.clone(),
            first: roster.first(),
            parameters: roster.parameters.clone(),
            nodes: roster.nodes().clone(),
        }
    }

    /// The rules as the ledger takes them.
    pub(crate) fn view(&self) -> BatchRules<'_> {
        BatchRules {
            network: &self.network,
            committee: &self.committee,
            parameters: self.parameters.v1(),
        }
    }
}

#[cfg(test)]
mod tests;
