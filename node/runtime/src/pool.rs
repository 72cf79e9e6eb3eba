//! The pool: transactions that were admitted here and are in no certified block yet.
//!
//! Copies of a transaction are told apart by id and signatures together: a copy with other signatures
//! can neither displace a good one nor pass for it (pitfall 32).
//!
//! Bounds: `max_pending` and `max_pending_mib` in all, `max_pending_per_account` for one sender.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quorate_api::Skip;
use quorate_crypto::{Address, Digest};
use quorate_ledger::{Timestamp, Transaction};
use smallvec::SmallVec;

use crate::config::ApiConfig;

/// Copies of one id, with different signatures, that are kept. All of them have passed the checks, so any would do; a
/// second one is there for when the signers of an account change.
const MAX_COPIES: usize = 2;
/// Transactions remembered that went without being executed, so that whoever asks is told.
const MAX_ENDED: usize = 10_000;
/// Bytes of these together.
const MAX_ENDED_BYTES: usize = 16 << 20;

/// SHA-256 of a transaction's canonical bytes: its id and its signatures together.
pub(crate) type Fingerprint = Digest;

/// A transaction that may go into the pool.
#[derive(Clone, Debug)]
pub(crate) struct Admissible {
    /// Its id.
    pub(crate) id: Digest,
    /// Its canonical bytes' hash.
    pub(crate) fingerprint: Fingerprint,
    /// Itself.
    pub(crate) transaction: Transaction,
    /// Length of its canonical bytes.
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
    /// Itself.
    pub(crate) transaction: Transaction,
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
    by_id: BTreeMap<Digest, (Transaction, Ended)>,
    /// In the order in which they went, with their lengths.
    order: VecDeque<(Digest, usize)>,
    bytes: usize,
}

impl Memory {
    fn remember(&mut self, pending: Pending, ended: Ended) {
        let Pending {
            id,
            transaction,
            length,
            ..
        } = pending;
        if self.by_id.insert(id, (transaction, ended)).is_none() {
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
}

#[derive(Debug)]
struct Pending {
    id: Digest,
    transaction: Transaction,
    length: usize,
    packed: bool,
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
    queued_bytes: usize,
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
    pub(crate) fn find(&self, id: &Digest) -> Option<(Transaction, Option<Ended>)> {
        let inner = self.inner();
        let fingerprint = inner.by_id.get(id).and_then(|copies| copies.first());
        if let Some(pending) = fingerprint.and_then(|fingerprint| inner.pending.get(fingerprint)) {
            return Some((pending.transaction.clone(), None));
        }
        let (transaction, ended) = inner.ended.by_id.get(id)?;
        Some((transaction.clone(), Some(*ended)))
    }

    /// Whether there is room for one more of `sender`'s, so many bytes long.
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
            transaction,
            length,
        } = admissible;
        if inner.pending.contains_key(&fingerprint) {
            return Ok(());
        }
        let copies = inner.by_id.get(&id).map_or(0, SmallVec::len);
        if copies >= MAX_COPIES {
            return Ok(());
        }
        let sender = transaction.intent().sender;
        self.check_room(inner, &sender, length)?;
        inner.by_id.entry(id).or_default().push(fingerprint);
        inner
            .by_expiry
            .insert((transaction.intent().expires_at, fingerprint));
        *inner.by_account.entry(sender).or_default() += 1;
        inner.queue.push_back(fingerprint);
        inner.queued_bytes += length;
        inner.bytes += length;
        inner.pending.insert(
            fingerprint,
            Pending {
                id,
                transaction,
                length,
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

    /// Transactions and bytes not packed yet.
    pub(crate) fn queued(&self) -> (usize, usize) {
        let inner = self.inner();
        (inner.queue.len(), inner.queued_bytes)
    }

    /// Takes the oldest transactions out to be packed, at most so many and so many bytes.
    pub(crate) fn take(&self, max_count: usize, max_bytes: usize) -> Vec<Packed> {
        let mut guard = self.inner();
        let inner = &mut *guard;
        let mut taken = Vec::new();
        let mut bytes = 0;
        while taken.len() < max_count {
            let Some(fingerprint) = inner.queue.front().copied() else {
                break;
            };
            // One that went and came again is in the queue twice.
            if let Some(pending) = inner
                .pending
                .get_mut(&fingerprint)
                .filter(|pending| !pending.packed)
            {
                if bytes + pending.length > max_bytes && !taken.is_empty() {
                    break;
                }
                pending.packed = true;
                taken.push(Packed {
                    fingerprint,
                    transaction: pending.transaction.clone(),
                });
                bytes += pending.length;
                inner.queued_bytes -= pending.length;
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
                inner.queued_bytes += pending.length;
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

    /// A certified block has skipped this transaction: takes it out and remembers why, which `judge` says.
    /// Gives its id and how it ended, if it was still there and no copy of it is left that may yet be
    /// executed.
    pub(crate) fn skipped(
        &self,
        fingerprint: &Fingerprint,
        judge: impl FnOnce(&Transaction) -> Ended,
    ) -> Option<(Digest, Ended)> {
        let mut inner = self.inner();
        let pending = inner.forget(fingerprint)?;
        let (id, ended) = (pending.id, judge(&pending.transaction));
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
            self.queued_bytes -= pending.length;
        }
        let intent = pending.transaction.intent();
        self.by_expiry.remove(&(intent.expires_at, *fingerprint));
        if let Some(copies) = self.by_id.get_mut(&pending.id) {
            copies.retain(|copy| copy != fingerprint);
            if copies.is_empty() {
                self.by_id.remove(&pending.id);
            }
        }
        if let Some(count) = self.by_account.get_mut(&intent.sender) {
            *count -= 1;
            if *count == 0 {
                self.by_account.remove(&intent.sender);
            }
        }
        Some(pending)
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::{Address, SigningKey, sha256};
    use quorate_ledger::{Amount, Intent, IntentV1, Operation, encode};

    use super::*;

    fn admissible(seed: u8, salt: u8, expires_at: u64, signers: &[u8]) -> Admissible {
        let keys: Vec<_> = signers
            .iter()
            .map(|signer| SigningKey::from_seed(&[*signer; 32]))
            .collect();
        let intent = Intent::V1(IntentV1 {
            network: Digest([1; 32]),
            sender: Address([seed; 20]),
            expires_at: Timestamp(expires_at),
            salt: [salt; 16],
            operations: vec![Operation::Transfer {
                to: Address([9; 20]),
                asset: "QRT".parse().unwrap(),
                amount: Amount(1),
                memo: String::new(),
            }],
            memo: String::new(),
        });
        let id = intent.id();
        let transaction = intent.sign(&keys);
        let bytes = encode(&transaction);
        Admissible {
            id,
            fingerprint: sha256(&bytes),
            transaction,
            length: bytes.len(),
        }
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
                transaction: long.transaction.clone(),
                length: long.length,
                packed: false,
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
        assert_eq!(pool.take(10, 1 << 20).len(), 1);
    }

    #[test]
    fn what_goes_before_it_is_packed_leaves_no_bytes_in_the_queue() {
        let pool = pool(10, 10);
        let elsewhere = admissible(1, 0, 100, &[1]);
        let expiring = admissible(1, 1, 50, &[1]);
        let packed = admissible(1, 2, 100, &[1]);
        pool.insert(vec![packed.clone()]);
        assert_eq!(pool.take(10, 1 << 20).len(), 1);
        pool.insert(vec![elsewhere.clone(), expiring]);
        pool.on_executed([elsewhere.id, packed.id].into_iter());
        pool.take_expired(Timestamp(50));
        assert_eq!(pool.queued().1, 0);
    }

    #[test]
    fn what_was_packed_in_vain_is_packed_again() {
        let pool = pool(10, 10);
        let one = admissible(1, 0, 100, &[1]);
        pool.insert(vec![one.clone()]);
        assert_eq!(pool.take(10, 1 << 20).len(), 1);
        pool.unpack(&[one.fingerprint, one.fingerprint, Digest([9; 32])]);
        assert_eq!(pool.queued(), (1, one.length));
        assert_eq!(pool.take(10, 1 << 20).len(), 1);
        assert_eq!(pool.queued(), (0, 0));
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
        assert_eq!(pool.take(10, 1 << 20).len(), 1);
        assert_eq!(pool.queued(), (0, 0));
    }

    #[test]
    fn packing_takes_the_oldest_first_and_stops_at_either_bound() {
        let pool = pool(10, 10);
        let four: Vec<_> = (0..4).map(|salt| admissible(1, salt, 100, &[1])).collect();
        let length = four[0].length;
        let order: Vec<_> = four.iter().map(|one| one.fingerprint).collect();
        pool.insert(four);
        let taken: Vec<_> = pool
            .take(10, 2 * length + 1)
            .iter()
            .map(|packed| packed.fingerprint)
            .collect();
        assert_eq!(taken, order[..2]);
        let taken: Vec<_> = pool
            .take(1, 1 << 20)
            .iter()
            .map(|packed| packed.fingerprint)
            .collect();
        assert_eq!(taken, order[2..3]);
        assert_eq!(pool.queued(), (1, length));
    }
}
