//! Certified blocks, as news: for whoever waits for a transaction, and for event streams.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use quorate_api::{OutcomeAt, Settled};
use quorate_crypto::{Certificate, Committee, Digest, Height, SeatNumber};
use quorate_ledger::{Execution, Timestamp};
use quorate_storage::{Durations, DurationsReading};
use smallvec::SmallVec;
use tokio::sync::{oneshot, watch};

use crate::pool::Ended;

/// Requests that may wait for outcomes at once, over all transactions.
const MAX_WAITERS: usize = 65_536;
/// Of these, for one transaction.
const MAX_WAITERS_FOR_ONE: usize = 256;
/// Heights beyond the certified one of which a seal is believed to be its validator's last.
const NEAR: u64 = 64;
/// Blocks of which it is kept how long their certificates took.
const TIMED: usize = 64;
/// Heights of which it is kept who is known to have sealed them: the highest ones.
const SEALED: usize = 256;

/// Who sealed which height.
pub(crate) type Sealers = BTreeMap<Height, BTreeSet<SeatNumber>>;

/// Those who wait for one transaction: there is seldom more than one.
type Senders = SmallVec<[oneshot::Sender<Settled>; 1]>;

/// Requests that wait for a transaction's outcome.
#[derive(Debug, Default)]
struct Waiters {
    // Only looked up in.
    by_id: HashMap<Digest, Senders>,
    /// How many in all.
    count: usize,
}

impl Waiters {
    /// Whoever awaits this hears of it; none if too many wait.
    fn add(&mut self, id: Digest) -> Option<oneshot::Receiver<Settled>> {
        let waiting = self.by_id.get(&id).map_or(0, SmallVec::len);
        if self.count >= MAX_WAITERS || waiting >= MAX_WAITERS_FOR_ONE {
            self.forget_gone();
            let waiting = self.by_id.get(&id).map_or(0, SmallVec::len);
            if self.count >= MAX_WAITERS || waiting >= MAX_WAITERS_FOR_ONE {
                return None;
            }
        }
        let (sender, receiver) = oneshot::channel();
        self.by_id.entry(id).or_default().push(sender);
        self.count += 1;
        Some(receiver)
    }

    /// Those that gave up make room.
    fn forget_gone(&mut self) {
        self.by_id.retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
        self.count = self.by_id.values().map(SmallVec::len).sum();
    }

    fn take(&mut self, id: &Digest) -> Senders {
        let taken = self.by_id.remove(id).unwrap_or_default();
        self.count -= taken.len();
        taken
    }
}

/// Spreads the news.
#[derive(Debug)]
pub(crate) struct Committed {
    heights: watch::Sender<Height>,
    waiters: Mutex<Waiters>,
    last_seals: Mutex<BTreeMap<SeatNumber, Height>>,
    sealers: Mutex<Sealers>,
    transactions: std::sync::atomic::AtomicU64,
    /// From the time that a leader gave a proposal to its decision here.
    decided_after: Durations,
    /// The same to its block's certificate here.
    certified_after: Durations,
    /// The same of the last blocks, ascending by height.
    timed: Mutex<VecDeque<(Height, Duration)>>,
}

/// None where the leader's clock is ahead.
fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::from_millis(later.0.saturating_sub(earlier.0))
}

impl From<Ended> for Settled {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Expired => Self::Expired,
            Ended::Skipped(skip) => Self::Dropped(skip),
        }
    }
}

impl Committed {
    /// News from the block after `height` on.
    pub(crate) fn new(height: Height, transactions: u64) -> Self {
        Self {
            heights: watch::channel(height).0,
            waiters: Mutex::default(),
            last_seals: Mutex::default(),
            sealers: Mutex::default(),
            transactions: transactions.into(),
            decided_after: Durations::default(),
            certified_after: Durations::default(),
            timed: Mutex::default(),
        }
    }

    /// The certified height as it grows.
    pub(crate) fn heights(&self) -> watch::Receiver<Height> {
        self.heights.subscribe()
    }

    /// The certified height.
    pub(crate) fn height(&self) -> Height {
        *self.heights.borrow()
    }

    /// Transactions executed since genesis.
    pub(crate) fn transactions(&self) -> u64 {
        self.transactions.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// How long proposals took from the time that their leader gave them to their decision here, and to their
    /// block's certificate. By two clocks, so as good as these.
    pub(crate) fn latencies(&self) -> [DurationsReading; 2] {
        [self.decided_after.read(), self.certified_after.read()]
    }

    /// A proposal of this time is decided now. What is fetched counts in neither.
    pub(crate) fn note_decided(&self, proposed: Timestamp, now: Timestamp) {
        self.decided_after.add(between(proposed, now));
    }

    /// The block of this height and time that was agreed on here is certified now.
    pub(crate) fn note_certified(&self, height: Height, proposed: Timestamp, now: Timestamp) {
        let took = between(proposed, now);
        self.certified_after.add(took);
        let mut timed = self.timed.lock().unwrap_or_else(PoisonError::into_inner);
        if timed.len() >= TIMED {
            timed.pop_front();
        }
        timed.push_back((height, took));
    }

    /// How long the certificates of the last blocks took, ascending by height.
    pub(crate) fn certified_after(&self) -> Vec<(Height, Duration)> {
        let timed = self.timed.lock().unwrap_or_else(PoisonError::into_inner);
        timed.iter().copied().collect()
    }

    /// The last height that each validator is known to have sealed.
    pub(crate) fn last_seals(&self) -> BTreeMap<SeatNumber, Height> {
        self.last_seals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Who is known to have sealed the last heights.
    pub(crate) fn sealers(&self) -> Sealers {
        self.sealers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The validator in this seat has sealed this height: with others or, being slow, after a quorum of them.
    pub(crate) fn note_seal(&self, seat: SeatNumber, height: Height) {
        // A liar may seal what will not be for years.
        if height.0 <= self.heights.borrow().0.saturating_add(NEAR) {
            let mut seals = self.last_seals.lock().unwrap_or_else(PoisonError::into_inner);
            let last = seals.entry(seat).or_insert(height);
            *last = (*last).max(height);
            let mut sealers = self.sealers.lock().unwrap_or_else(PoisonError::into_inner);
            sealers.entry(height).or_default().insert(seat);
            while sealers.len() > SEALED {
                sealers.pop_first();
            }
        }
    }

    /// Whoever awaits this hears how the transaction ends; none if too many wait.
    pub(crate) fn wait_for(&self, id: Digest) -> Option<oneshot::Receiver<Settled>> {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.add(id)
    }

    /// Tells of a certified block that was written. What it executed, and what it `ended` otherwise, has left
    /// the pool already, so whoever found a transaction still pending after the write is told here. `committee`: the
    /// certificate's.
    pub(crate) fn publish(
        &self,
        execution: &Execution,
        certificate: &Certificate,
        committee: &Committee,
        ended: impl IntoIterator<Item = (Digest, Ended)>,
    ) {
        let height = execution.tip.height;
        self.transactions.fetch_add(
            u64::try_from(execution.transactions.len()).unwrap_or(u64::MAX),
            std::sync::atomic::Ordering::Relaxed,
        );
        self.heights.send_replace(height);
        for seal in certificate.seals() {
            if let Some(seat) = committee.seat(seal.validator) {
                self.note_seal(seat.seat, height);
            }
        }
        let executed = (0_u32..).zip(&execution.transactions);
        let executed = executed.map(|(index, executed)| {
            let at = OutcomeAt {
                id: executed.id,
                height,
                index,
                outcome: executed.outcome.clone(),
            };
            (executed.id, Settled::Executed(at))
        });
        let ended = ended.into_iter().map(|(id, ended)| (id, ended.into()));
        self.settle(executed.chain(ended));
    }

    /// Tells whoever waits for these how they ended.
    fn settle(&self, settled: impl Iterator<Item = (Digest, Settled)>) {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        // Clients wait at the node that they sent to alone, and the others have nobody to tell.
        if waiters.count == 0 {
            return;
        }
        for (id, settled) in settled {
            for waiter in waiters.take(&id) {
                // Whoever waited may have gone.
                let _ = waiter.send(settled.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> Digest {
        Digest([byte; 32])
    }

    #[test]
    fn those_who_wait_are_bounded_and_those_who_gave_up_make_room() {
        let mut waiters = Waiters::default();
        let waiting: Vec<_> = (0..MAX_WAITERS_FOR_ONE).map(|_| waiters.add(id(1))).collect();
        assert!(waiters.add(id(1)).is_none());
        assert!(waiters.add(id(2)).is_some());
        drop(waiting);
        assert!(waiters.add(id(1)).is_some());
        assert_eq!(waiters.take(&id(1)).len(), 1);
        waiters.forget_gone();
        assert_eq!(waiters.count, 0);
    }

    #[test]
    fn who_sealed_is_kept_of_the_last_heights_also_of_those_who_were_slow() {
        let committed = Committed::new(Height(1_000), 0);
        for height in (700..=1_064).rev() {
            committed.note_seal(SeatNumber(0), Height(height));
        }
        committed.note_seal(SeatNumber(1), Height(1_000));
        committed.note_seal(SeatNumber(1), Height(1_065));
        committed.note_seal(SeatNumber(1), Height(7));
        let sealers = committed.sealers();
        assert_eq!(sealers.len(), SEALED);
        assert_eq!(sealers.keys().next(), Some(&Height(809)));
        assert_eq!(sealers[&Height(1_000)], [SeatNumber(0), SeatNumber(1)].into());
    }

    #[test]
    fn how_long_certificates_took_is_kept_of_the_last_blocks() {
        let committed = Committed::new(Height(0), 0);
        for height in 1..=70 {
            committed.note_certified(Height(height), Timestamp(1_000), Timestamp(1_000 + height));
        }
        // The leader's clock is ahead.
        committed.note_certified(Height(71), Timestamp(1_000), Timestamp(999));
        let timed = committed.certified_after();
        assert_eq!(timed.len(), TIMED);
        assert_eq!(timed[0], (Height(8), Duration::from_millis(8)));
        assert_eq!(timed.last(), Some(&(Height(71), Duration::ZERO)));
    }
}
