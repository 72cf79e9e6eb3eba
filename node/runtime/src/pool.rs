//! The pool: transactions that were admitted here, with their texts, and are in no certified block yet.
//!
//! Copies of a transaction are told apart by id and signatures together: a copy with other signatures
//! can neither displace a good one nor pass for it (pitfall 32).
//!
//! A text that is erased is forgotten at once, and its leaf's hash is kept in its place: what packs the transaction, and
//! what shows it, have no more than that.
//!
//! Bounds: `max_pending` and `max_pending_mib` in all, `max_pending_per_account` for one sender.

mod memory;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quorate_crypto::{Address, Digest};
use quorate_ledger::{IntentV1, Place, Submission, TextItem, Timestamp, Transaction};
use smallvec::SmallVec;

pub(crate) use self::memory::Ended;
use self::memory::Memory;
use crate::config::ApiConfig;

/// Copies of one id, with different signatures, that are kept. All of them have passed the checks, so any would do; a
/// second one is there for when the signers of an account change.
const MAX_COPIES: usize = 2;

/// Bytes of a withheld text, with which each text counts at least in a whole copy (`docs/formats.md`, section 5).
const WITHHELD_BYTES: usize = 1 + 32;

/// SHA-256 of a submission's canonical bytes: of a transaction's id and its signatures together, as the id fixes the
/// texts.
pub(crate) type Fingerprint = Digest;

/// What transactions take of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// How many they are.
    pub(crate) count: usize,
    /// Their bytes and those of their texts, as they count in a whole copy.
    pub(crate) bytes: usize,
    /// What their signatures cost.
    pub(crate) cost: u64,
}

impl Load {
    /// What one takes.
    pub(crate) fn of(submission: &Submission) -> Self {
        let transaction = submission.transaction();
        let texts = submission.texts().iter();
        // A text travels as an item: its variant comes before it.
        let texts = texts.map(|text| (1 + text.encoded_length()).max(WITHHELD_BYTES));
        Self {
            count: 1,
            bytes: texts.fold(transaction.encoded_length(), usize::saturating_add),
            cost: transaction.signature_cost().into(),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            bytes: self.bytes.saturating_add(other.bytes),
            cost: self.cost.saturating_add(other.cost),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_sub(other.count),
            bytes: self.bytes.saturating_sub(other.bytes),
            cost: self.cost.saturating_sub(other.cost),
        }
    }

    /// Whether none of it is more than in `limit`.
    pub(crate) fn is_within(self, limit: Self) -> bool {
        self.count <= limit.count && self.bytes <= limit.bytes && self.cost <= limit.cost
    }

    /// Whether any of it reaches `limit`.
    pub(crate) fn reaches(self, limit: Self) -> bool {
        self.count >= limit.count || self.bytes >= limit.bytes || self.cost >= limit.cost
    }
}

/// A transaction that may go into the pool.
#[derive(Clone, Debug)]
pub(crate) struct Admissible {
    /// Its id.
    pub(crate) id: Digest,
    /// The hash of the submission's canonical bytes.
    pub(crate) fingerprint: Fingerprint,
    /// Itself, with its texts.
    pub(crate) submission: Arc<Submission>,
    /// Length of the submission's canonical bytes.
    pub(crate) length: usize,
}

/// Why the pool takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The pool has as many as it takes.
    Pool,
    /// The sender has.
    Account,
}

/// A transaction with its texts as they travel in batches: those that are erased are withheld.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Submitted {
    /// Itself.
    pub(crate) transaction: Transaction,
    /// One for each of its places.
    pub(crate) texts: Vec<TextItem>,
}

impl Submitted {
    fn new(submission: Submission) -> Self {
        let (transaction, texts) = submission.into_parts();
        Self { transaction, texts }
    }

    /// The text at this place is erased.
    fn withhold(&mut self, place: &Place) {
        let places = self.transaction.intent().places().iter();
        for (own, text) in places.zip(&mut self.texts) {
            if own == place {
                *text = TextItem::Withheld { leaf: text.leaf() };
            }
        }
    }
}

/// A transaction taken out to be packed.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    /// Which.
    pub(crate) fingerprint: Fingerprint,
    /// Itself, with its texts.
    pub(crate) submitted: Arc<Submitted>,
    /// What it takes of a batch.
    pub(crate) load: Load,
}

impl Packed {
    /// The transaction, and its texts as they travel in batches.
    pub(crate) fn parts(&self) -> (Transaction, impl Iterator<Item = TextItem>) {
        let Submitted { transaction, texts } = &*self.submitted;
        (transaction.clone(), texts.iter().cloned())
    }
}

#[derive(Debug)]
struct Pending {
    id: Digest,
    submitted: Arc<Submitted>,
    /// Of the submission's bytes.
    length: usize,
    load: Load,
    packed: bool,
}

impl Pending {
    fn intent(&self) -> &IntentV1 {
        self.submitted.transaction.intent()
    }
}

/// A transaction's copies: there is seldom more than one.
type Copies = SmallVec<[Fingerprint; 1]>;

#[derive(Debug, Default)]
struct Inner {
    // The hash maps are only looked up in: what is packed follows `queue`.
    pending: HashMap<Fingerprint, Pending>,
    by_id: HashMap<Digest, Copies>,
    by_expiry: BTreeSet<(Timestamp, Fingerprint)>,
    by_account: HashMap<Address, usize>,
    /// Not packed yet, in order of admission; entries whose transaction has gone are passed over.
    queue: VecDeque<Fingerprint>,
    queued: Load,
    /// Bytes of all that is pending.
    bytes: usize,
    ended: Memory,
    closed: bool,
}

/// The pool.
#[derive(Debug)]
pub(crate) struct Pool {
    inner: Mutex<Inner>,
    arrived: Condvar,
    max_pending: usize,
    max_bytes: usize,
    max_per_account: usize,
}

impl Pool {
    /// An empty pool with the bounds of `config`.
    pub(crate) fn new(config: &ApiConfig) -> Self {
        Self {
            inner: Mutex::default(),
            arrived: Condvar::new(),
            max_pending: config.max_pending,
            max_bytes: config.max_pending_mib.saturating_mul(1 << 20),
            max_per_account: config.max_pending_per_account,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pending transactions.
    pub(crate) fn len(&self) -> usize {
        self.inner().pending.len()
    }

    /// Whether this very transaction, signatures included, is pending.
    pub(crate) fn contains(&self, fingerprint: &Fingerprint) -> bool {
        self.inner().pending.contains_key(fingerprint)
    }

    /// Whether a transaction with this id is pending.
    pub(crate) fn is_pending(&self, id: &Digest) -> bool {
        self.inner().by_id.contains_key(id)
    }

    /// A pending transaction with this id, or one that went a while ago, and how.
    pub(crate) fn find(&self, id: &Digest) -> Option<(Arc<Submitted>, Option<Ended>)> {
        let inner = self.inner();
        let fingerprint = inner.by_id.get(id).and_then(|copies| copies.first());
        if let Some(pending) = fingerprint.and_then(|fingerprint| inner.pending.get(fingerprint)) {
            return Some((Arc::clone(&pending.submitted), None));
        }
        let (submitted, ended) = inner.ended.find(id)?;
        Some((submitted, Some(ended)))
    }

    /// Whether there is room for one more of `sender`'s, so many bytes long with its texts.
    pub(crate) fn room_for(&self, sender: &Address, length: usize) -> Result<(), Full> {
        self.check_room(&self.inner(), sender, length)
    }

    fn check_room(&self, inner: &Inner, sender: &Address, length: usize) -> Result<(), Full> {
        if inner.pending.len() >= self.max_pending || inner.bytes.saturating_add(length) > self.max_bytes {
            return Err(Full::Pool);
        }
        if inner.by_account.get(sender).copied().unwrap_or(0) >= self.max_per_account {
            return Err(Full::Account);
        }
        Ok(())
    }

    /// Takes admitted transactions; for each, whether there was room.
    pub(crate) fn insert(&self, transactions: Vec<Admissible>) -> Vec<Result<(), Full>> {
        let mut inner = self.inner();
        let results = transactions
            .into_iter()
            .map(|admissible| self.insert_one(&mut inner, admissible))
            .collect();
        drop(inner);
        self.arrived.notify_one();
        results
    }

    fn insert_one(&self, inner: &mut Inner, admissible: Admissible) -> Result<(), Full> {
        let Admissible {
            id,
            fingerprint,
            submission,
            length,
        } = admissible;
        if inner.pending.contains_key(&fingerprint) {
            return Ok(());
        }
        let copies = inner.by_id.get(&id).map_or(0, SmallVec::len);
        if copies >= MAX_COPIES {
            return Ok(());
        }
        let intent = submission.transaction().intent();
        let (sender, expires_at) = (intent.sender(), intent.expires_at);
        self.check_room(inner, &sender, length)?;
        inner.by_id.entry(id).or_default().push(fingerprint);
        inner.by_expiry.insert((expires_at, fingerprint));
        *inner.by_account.entry(sender).or_default() += 1;
        inner.queue.push_back(fingerprint);
        let load = Load::of(&submission);
        inner.queued = inner.queued.plus(load);
        inner.bytes += length;
        inner.pending.insert(
            fingerprint,
            Pending {
                id,
                submitted: Arc::new(Submitted::new(Arc::unwrap_or_clone(submission))),
                length,
                load,
                packed: false,
            },
        );
        Ok(())
    }

    /// Waits until something is to be packed, at most `patience`; false once the pool is closed.
    pub(crate) fn wait_for_work(&self, patience: Duration) -> bool {
        let inner = self.inner();
        let idle = |inner: &mut Inner| inner.queue.is_empty() && !inner.closed;
        let (inner, _) = self
            .arrived
            .wait_timeout_while(inner, patience, idle)
            .unwrap_or_else(PoisonError::into_inner);
        !inner.closed
    }

    /// Ends whoever waits for work.
    pub(crate) fn close(&self) {
        self.inner().closed = true;
        self.arrived.notify_all();
    }

    /// What is not packed yet.
    pub(crate) fn queued(&self) -> Load {
        self.inner().queued
    }

    /// Takes the oldest transactions out to be packed, within `limit`, but one at least.
    pub(crate) fn take(&self, limit: Load) -> Vec<Packed> {
        let mut guard = self.inner();
        let inner = &mut *guard;
        let mut taken = Vec::new();
        let mut load = Load::default();
        while let Some(fingerprint) = inner.queue.front().copied() {
            // One that went and came again is in the queue twice.
            if let Some(pending) = inner
                .pending
                .get_mut(&fingerprint)
                .filter(|pending| !pending.packed)
            {
                let with_it = load.plus(pending.load);
                if !taken.is_empty() && !with_it.is_within(limit) {
                    break;
                }
                pending.packed = true;
                taken.push(Packed {
                    fingerprint,
                    submitted: Arc::clone(&pending.submitted),
                    load: pending.load,
                });
                load = with_it;
                inner.queued = inner.queued.minus(pending.load);
            }
            inner.queue.pop_front();
        }
        taken
    }

    /// These were packed into batches that come to nothing: they wait to be packed again.
    pub(crate) fn unpack(&self, fingerprints: &[Fingerprint]) {
        let mut guard = self.inner();
        let inner = &mut *guard;
        for fingerprint in fingerprints {
            if let Some(pending) = inner
                .pending
                .get_mut(fingerprint)
                .filter(|pending| pending.packed)
            {
                pending.packed = false;
                inner.queued = inner.queued.plus(pending.load);
                inner.queue.push_back(*fingerprint);
            }
        }
        drop(guard);
        self.arrived.notify_one();
    }

    /// These ids were executed: every copy goes.
    pub(crate) fn on_executed(&self, ids: impl Iterator<Item = Digest>) {
        let mut inner = self.inner();
        for id in ids {
            for fingerprint in inner.by_id.get(&id).cloned().into_iter().flatten() {
                inner.forget(&fingerprint);
            }
        }
    }

    /// A certified block has erased these texts, given by their transactions' ids and their places.
    pub(crate) fn on_erased(&self, erased: impl IntoIterator<Item = (Digest, Place)>) {
        let mut guard = self.inner();
        let inner = &mut *guard;
        for (id, place) in erased {
            inner.ended.withhold(&id, &place);
            for fingerprint in inner.by_id.get(&id).into_iter().flatten() {
                if let Some(pending) = inner.pending.get_mut(fingerprint) {
                    Arc::make_mut(&mut pending.submitted).withhold(&place);
                }
            }
        }
    }

    /// These fit into no batch by the parameters of the epoch under way: they are as unknown from now on as what was never
    /// sent, and whoever sends one again is told why.
    pub(crate) fn forget(&self, fingerprints: &[Fingerprint]) {
        let mut inner = self.inner();
        for fingerprint in fingerprints {
            inner.forget(fingerprint);
        }
    }

    /// A certified block has skipped this transaction: takes it out and remembers why, which `judge` says.
    /// Gives its id and how it ended, if it was still there and no copy of it is left that may yet be
    /// executed.
    pub(crate) fn skipped(
        &self,
        fingerprint: &Fingerprint,
        judge: impl FnOnce(&IntentV1) -> Ended,
    ) -> Option<(Digest, Ended)> {
        let mut inner = self.inner();
        let pending = inner.forget(fingerprint)?;
        let (id, ended) = (pending.id, judge(pending.intent()));
        if inner.by_id.contains_key(&id) {
            return None;
        }
        inner.ended.remember(pending, ended);
        Some((id, ended))
    }

    /// Takes out what expires at or before the certified time `now`; the ids of which no copy is left.
    pub(crate) fn take_expired(&self, now: Timestamp) -> Vec<Digest> {
        let mut inner = self.inner();
        let mut ids = Vec::new();
        while let Some((expires_at, fingerprint)) = inner.by_expiry.first().copied() {
            if expires_at > now {
                break;
            }
            // Copies of one id expire at one time.
            if let Some(pending) = inner.forget(&fingerprint) {
                let id = pending.id;
                inner.ended.remember(pending, Ended::Expired);
                if !inner.by_id.contains_key(&id) {
                    ids.push(id);
                }
            }
        }
        ids
    }
}

impl Inner {
    fn forget(&mut self, fingerprint: &Fingerprint) -> Option<Pending> {
        let pending = self.pending.remove(fingerprint)?;
        self.bytes -= pending.length;
        if !pending.packed {
            self.queued = self.queued.minus(pending.load);
        }
        let intent = pending.intent();
        let sender = intent.sender();
        self.by_expiry.remove(&(intent.expires_at, *fingerprint));
        if let Some(copies) = self.by_id.get_mut(&pending.id) {
            copies.retain(|copy| copy != fingerprint);
            if copies.is_empty() {
                self.by_id.remove(&pending.id);
            }
        }
        if let Some(count) = self.by_account.get_mut(&sender) {
            *count -= 1;
            if *count == 0 {
                self.by_account.remove(&sender);
            }
        }
        Some(pending)
    }
}

#[cfg(test)]
mod tests;
