//! The pool: transactions that were admitted here, with their texts, and are in no certified block yet.
//!
//! Copies of a transaction are told apart by id and signatures together: a copy with other signatures
//! can neither displace a good one nor pass for it (pitfall 32).
//!
//! Texts that are erased while their transaction is pending stay with it until it is ordered or expires: what packs it
//! and what shows it leave them out. Of what went they are not remembered.
//!
//! Bounds: `max_pending` and `max_pending_mib` in all, `max_pending_per_account` for one sender.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quorate_api::Skip;
use quorate_crypto::{Address, Digest};
use quorate_ledger::{IntentV1, Submission, TextItem, Timestamp, Transaction};
use smallvec::SmallVec;

use crate::config::ApiConfig;

/// Copies of one id, with different signatures, that are kept. All of them have passed the checks, so any would do; a
/// second one is there for when the signers of an account change.
const MAX_COPIES: usize = 2;
/// Transactions remembered that went without being executed, so that whoever asks is told.
const MAX_ENDED: usize = 10_000;
/// Bytes of these together.
const MAX_ENDED_BYTES: usize = 16 << 20;

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
    fn is_within(self, limit: Self) -> bool {
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

/// A transaction taken out to be packed.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    /// Which.
    pub(crate) fingerprint: Fingerprint,
    /// Itself, with its texts.
    pub(crate) submission: Arc<Submission>,
}

impl Packed {
    /// The transaction, and its texts as they travel in batches.
    pub(crate) fn parts(&self) -> (Transaction, impl Iterator<Item = TextItem>) {
        let texts = self.submission.texts().iter().cloned();
        (self.submission.transaction().clone(), texts.map(TextItem::Shown))
    }
}

/// How a pending transaction went without being executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The certified time is past its expiry.
    Expired,
    /// A certified block skipped it.
    Skipped(Skip),
}

/// Transactions that went without being executed, the latest ones.
#[derive(Debug, Default)]
struct Memory {
    by_id: BTreeMap<Digest, (Arc<Submission>, Ended)>,
    /// In the order in which they went, with their lengths.
    order: VecDeque<(Digest, usize)>,
    bytes: usize,
}

impl Memory {
    fn remember(&mut self, pending: Pending, ended: Ended) {
        let Pending {
            id,
            submission,
            length,
            is_erased,
            ..
        } = pending;
        let submission = if is_erased {
            without_texts(&submission)
        } else {
            submission
        };
        if self.by_id.insert(id, (submission, ended)).is_none() {
            self.order.push_back((id, length));
            self.bytes += length;
        }
        while self.order.len() > MAX_ENDED || self.bytes > MAX_ENDED_BYTES {
            let Some((oldest, length)) = self.order.pop_front() else {
                break;
            };
            self.by_id.remove(&oldest);
            self.bytes -= length;
        }
    }

    /// The texts of this one are not remembered any more.
    fn forget_texts(&mut self, id: &Digest) {
        if let Some((submission, _)) = self.by_id.get_mut(id) {
            *submission = without_texts(submission);
        }
    }
}

/// A transaction of which the texts are forgotten.
fn without_texts(submission: &Submission) -> Arc<Submission> {
    Arc::new(Submission::new(submission.transaction().clone(), Vec::new()))
}

#[derive(Debug)]
struct Pending {
    id: Digest,
    submission: Arc<Submission>,
    /// Of the submission's bytes.
    length: usize,
    load: Load,
    packed: bool,
    /// Whether texts of it were erased while it was here.
    is_erased: bool,
}

impl Pending {
    fn intent(&self) -> &IntentV1 {
        self.submission.transaction().intent()
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

    /// A pending transaction with this id, or one that went a while ago, and how; of the latter without any texts once
    /// one was erased.
    pub(crate) fn find(&self, id: &Digest) -> Option<(Arc<Submission>, Option<Ended>)> {
        let inner = self.inner();
        let fingerprint = inner.by_id.get(id).and_then(|copies| copies.first());
        if let Some(pending) = fingerprint.and_then(|fingerprint| inner.pending.get(fingerprint)) {
            return Some((Arc::clone(&pending.submission), None));
        }
        let (submission, ended) = inner.ended.by_id.get(id)?;
        Some((Arc::clone(submission), Some(*ended)))
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
                submission,
                length,
                load,
                packed: false,
                is_erased: false,
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
                    submission: Arc::clone(&pending.submission),
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

    /// A certified block has erased texts of these.
    pub(crate) fn on_erased(&self, ids: impl Iterator<Item = Digest>) {
        let mut guard = self.inner();
        let inner = &mut *guard;
        for id in ids {
            inner.ended.forget_texts(&id);
            for fingerprint in inner.by_id.get(&id).into_iter().flatten() {
                if let Some(pending) = inner.pending.get_mut(fingerprint) {
                    pending.is_erased = true;
                }
            }
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
mod tests {
    use quorate_crypto::sha256;
    use quorate_ledger::{Place, encode};

    use super::*;
    use crate::testing::{self, client};

    /// A payment of account `seed`, which may be signed by others, with texts.
    fn with_texts(
        seed: u8,
        salt: u8,
        expires_at: u64,
        signers: &[u8],
        texts: &[(Place, &str)],
    ) -> Admissible {
        let parties = vec![client(seed).key().address()];
        let payment = vec![testing::payment(9, 1)];
        let (intent, texts) = testing::intent(parties, payment, salt, Timestamp(expires_at), texts);
        let id = intent.id();
        let keys: Vec<_> = signers.iter().map(|signer| client(*signer)).collect();
        let submission = Submission::new(intent.sign(&keys), texts);
        let bytes = encode(&submission);
        Admissible {
            id,
            fingerprint: sha256(&bytes),
            submission: Arc::new(submission),
            length: bytes.len(),
        }
    }

    fn admissible(seed: u8, salt: u8, expires_at: u64, signers: &[u8]) -> Admissible {
        with_texts(seed, salt, expires_at, signers, &[])
    }

    fn load(admissible: &Admissible) -> Load {
        Load::of(&admissible.submission)
    }

    /// So many transactions and so many bytes.
    fn limit(count: usize, bytes: usize) -> Load {
        let cost = u64::MAX;
        Load { count, bytes, cost }
    }

    fn pool(max_pending: usize, max_pending_per_account: usize) -> Pool {
        Pool::new(&ApiConfig {
            max_pending,
            max_pending_per_account,
            ..ApiConfig::default()
        })
    }

    #[test]
    fn a_full_pool_and_a_full_account_are_told_apart() {
        let pool = pool(3, 2);
        let inserted = pool.insert((0..4).map(|salt| admissible(1, salt, 100, &[1])).collect());
        assert_eq!(inserted, [Ok(()), Ok(()), Err(Full::Account), Err(Full::Account)]);
        let inserted = pool.insert((0..2).map(|salt| admissible(2, salt, 100, &[2])).collect());
        assert_eq!(inserted, [Ok(()), Err(Full::Pool)]);
    }

    #[test]
    fn two_copies_of_one_transaction_are_kept_and_no_third() {
        let pool = pool(10, 10);
        let copies = [&[1][..], &[2], &[1, 2]].map(|signers| admissible(1, 0, 100, signers));
        assert_eq!(pool.insert(copies.to_vec()), [Ok(()), Ok(()), Ok(())]);
        assert_eq!(pool.len(), 2);
        assert!(pool.is_pending(&copies[2].id));
        assert!(!pool.contains(&copies[2].fingerprint));
    }

    #[test]
    fn pitfall_32_a_copy_with_cut_signatures_is_another_entry_of_the_same_id() {
        let pool = pool(10, 10);
        let whole = admissible(1, 0, 100, &[1, 2]);
        let cut = admissible(1, 0, 100, &[1]);
        assert_eq!(whole.id, cut.id);
        let id = whole.id;
        pool.insert(vec![cut.clone(), whole.clone()]);
        assert_eq!(pool.len(), 2);
        let unauthorised = Ended::Skipped(Skip::Unauthorised);
        // The whole one may yet be executed, so nobody is told that this was its end.
        assert_eq!(pool.skipped(&cut.fingerprint, |_| unauthorised), None);
        assert!(pool.contains(&whole.fingerprint));
        assert_eq!(pool.find(&id).map(|(_, ended)| ended), Some(None));
        pool.on_executed(std::iter::once(id));
        assert_eq!(pool.len(), 0);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let one = admissible(1, 0, 100, &[1]);
        let mut pool = pool(10, 10);
        pool.max_bytes = one.length + 1;
        let other = admissible(2, 1, 100, &[2]);
        let inserted = pool.insert(vec![one.clone(), other.clone()]);
        assert_eq!(inserted, [Ok(()), Err(Full::Pool)]);
        pool.on_executed(std::iter::once(one.id));
        assert_eq!(pool.insert(vec![other]), [Ok(())]);
    }

    #[test]
    fn few_of_those_that_went_are_remembered() {
        let mut memory = Memory::default();
        let long = admissible(1, 0, 100, &[1]);
        for number in 0..20_000_u32 {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_le_bytes());
            let pending = Pending {
                id: Digest(id),
                submission: Arc::clone(&long.submission),
                length: long.length,
                load: load(&long),
                packed: false,
                is_erased: false,
            };
            memory.remember(pending, Ended::Expired);
        }
        assert_eq!((memory.by_id.len(), memory.order.len()), (MAX_ENDED, MAX_ENDED));
    }

    #[test]
    fn what_expires_goes_and_is_remembered() {
        let pool = pool(10, 10);
        let early = admissible(1, 0, 50, &[1]);
        let late = admissible(1, 1, 60, &[1]);
        pool.insert(vec![early.clone(), late.clone()]);
        assert_eq!(pool.take_expired(Timestamp(50)), [early.id]);
        let ended = |id| pool.find(id).map(|(_, ended)| ended);
        assert_eq!(ended(&early.id), Some(Some(Ended::Expired)));
        assert_eq!(ended(&late.id), Some(None));
        assert_eq!(pool.take(limit(10, 1 << 20)).len(), 1);
    }

    #[test]
    fn what_goes_before_it_is_packed_leaves_no_bytes_in_the_queue() {
        let pool = pool(10, 10);
        let elsewhere = admissible(1, 0, 100, &[1]);
        let expiring = admissible(1, 1, 50, &[1]);
        let packed = admissible(1, 2, 100, &[1]);
        pool.insert(vec![packed.clone()]);
        assert_eq!(pool.take(limit(10, 1 << 20)).len(), 1);
        pool.insert(vec![elsewhere.clone(), expiring]);
        pool.on_executed([elsewhere.id, packed.id].into_iter());
        pool.take_expired(Timestamp(50));
        assert_eq!(pool.queued(), Load::default());
    }

    #[test]
    fn what_was_packed_in_vain_is_packed_again() {
        let pool = pool(10, 10);
        let one = admissible(1, 0, 100, &[1]);
        pool.insert(vec![one.clone()]);
        assert_eq!(pool.take(limit(10, 1 << 20)).len(), 1);
        pool.unpack(&[one.fingerprint, one.fingerprint, Digest([9; 32])]);
        assert_eq!(pool.queued(), load(&one));
        assert_eq!(pool.take(limit(10, 1 << 20)).len(), 1);
        assert_eq!(pool.queued(), Load::default());
    }

    #[test]
    fn what_went_and_came_again_is_packed_once() {
        let pool = pool(10, 10);
        let again = admissible(1, 0, 100, &[1]);
        pool.insert(vec![again.clone()]);
        let skipped = Ended::Skipped(Skip::Unauthorised);
        let gone = pool.skipped(&again.fingerprint, |_| skipped);
        assert_eq!(gone, Some((again.id, skipped)));
        assert_eq!(pool.find(&again.id).map(|(_, ended)| ended), Some(Some(skipped)));
        pool.insert(vec![again]);
        assert_eq!(pool.take(limit(10, 1 << 20)).len(), 1);
        assert_eq!(pool.queued(), Load::default());
    }

    #[test]
    fn erased_texts_are_not_remembered_of_what_went() {
        let pool = pool(10, 10);
        let memo = [(Place::Memo, "rent")];
        let [gone, going, other] = [0, 10, 20].map(|salt| with_texts(1, salt, 100, &[1], &memo));
        let texts = |one: &Admissible| pool.find(&one.id).unwrap().0.texts().len();
        let skip = |one: &Admissible| {
            let skipped = Ended::Skipped(Skip::Unauthorised);
            pool.skipped(&one.fingerprint, |_| skipped)
        };
        pool.insert(vec![gone.clone(), going.clone(), other.clone()]);
        skip(&gone);
        pool.on_erased([gone.id, going.id].into_iter());
        // What is still to be packed needs one text for each place.
        assert_eq!([&gone, &going, &other].map(texts), [0, 1, 1]);
        skip(&going);
        skip(&other);
        assert_eq!([&gone, &going, &other].map(texts), [0, 0, 1]);
    }

    #[test]
    fn packing_takes_the_oldest_first_and_stops_at_either_bound() {
        let pool = pool(10, 10);
        let four: Vec<_> = (0..4).map(|salt| admissible(1, salt, 100, &[1])).collect();
        let one = load(&four[0]);
        let order: Vec<_> = four.iter().map(|one| one.fingerprint).collect();
        pool.insert(four);
        let taken = |limit| -> Vec<Fingerprint> {
            let taken = pool.take(limit);
            taken.iter().map(|packed| packed.fingerprint).collect()
        };
        assert_eq!(taken(limit(10, 2 * one.bytes + 1)), order[..2]);
        assert_eq!(taken(limit(1, 1 << 20)), order[2..3]);
        assert_eq!(pool.queued(), one);
    }

    #[test]
    fn packing_stops_at_what_signatures_may_cost_and_takes_one_whatever_it_has() {
        let pool = pool(10, 10);
        let all: Vec<_> = (0..3).map(|salt| admissible(1, salt, 100, &[1, 2])).collect();
        assert_eq!(load(&all[0]).cost, 2);
        pool.insert(all);
        let costing = |cost| Load {
            cost,
            ..limit(10, 1 << 20)
        };
        assert_eq!(pool.take(costing(5)).len(), 2);
        assert_eq!(pool.take(costing(1)).len(), 1);
    }

    #[test]
    fn texts_count_in_the_pool_with_their_bytes_and_in_a_batch_with_those_of_a_hash_at_least() {
        let memo = "fourteen bytes";
        let without = admissible(1, 0, 100, &[1]);
        let with = with_texts(1, 0, 100, &[1], &[(Place::Memo, memo)]);
        // In the intent: how many places, the place, the root. Beside it: the salt, a length, the text.
        let (in_intent, beside) = (1 + 1 + 32, 16 + 1 + memo.len());
        assert_eq!(with.length, without.length + in_intent + beside);
        assert_eq!(load(&with).bytes, load(&without).bytes + in_intent + 33);
        let long = "x".repeat(100);
        let with = with_texts(1, 0, 100, &[1], &[(Place::Memo, &long)]);
        assert_eq!(
            load(&with).bytes,
            load(&without).bytes + in_intent + 1 + 16 + 1 + 100
        );
        let mut small = pool(10, 10);
        small.max_bytes = with.length - 1;
        assert_eq!(small.insert(vec![with]), [Err(Full::Pool)]);
    }
}
