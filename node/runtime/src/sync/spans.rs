//! The heights that are missing, shared out among the peers that have them, and the blocks that came,
//! put in order again.
//!
//! Bounds: nobody fetches further than [`LOOKAHEAD`] heights above the last block taken, and blocks wait
//! here with at most [`MAX_WAITING_BYTES`] together; the next one in order is always let in.
//!
//! Whoever was given the next block in order and does not bring it holds up all the others. So after
//! [`HEAD_PATIENCE`] its heights are given to somebody else too, and after twice that to another one; the
//! first copy that comes counts.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use quorate_crypto::Height;

/// Heights asked of one peer at a time.
const SPAN: u64 = 64;
/// Heights above the last one taken that may be asked for.
const LOOKAHEAD: u64 = 512;
/// Bytes of the blocks that wait for one before them.
const MAX_WAITING_BYTES: usize = 64 << 20;
/// How long whoever was asked for the next block in order may take before another is asked for it too.
const HEAD_PATIENCE: Duration = Duration::from_secs(1);
/// There is a height after every one that can be fetched.
const LAST: Height = Height(u64::MAX - 1);

/// What is missing and what came, for one run of block sync. `B` is a block.
#[derive(Debug)]
pub(super) struct Spans<B> {
    inner: Mutex<Inner<B>>,
    changed: Condvar,
    /// [`HEAD_PATIENCE`], but in tests.
    head_patience: Duration,
}

/// What is waited for.
#[derive(Debug)]
struct Head {
    height: Height,
    since: Instant,
    /// How many others were asked for it besides the first.
    further: u32,
}

#[derive(Debug)]
struct Inner<B> {
    /// The height to be taken next.
    next: Height,
    /// The lowest height that nobody was given yet.
    unassigned: Height,
    /// The last height that is missing.
    to: Height,
    /// Given out and handed back: first and last height.
    returned: BTreeMap<Height, Height>,
    /// The last height of each span that was given out.
    ends: BTreeSet<Height>,
    head: Head,
    arrived: BTreeMap<Height, (B, usize)>,
    waiting_bytes: usize,
    /// Who still fetches.
    workers: usize,
    stopped: bool,
}

/// What there is for whoever takes blocks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<B> {
    /// The next block in order.
    Block(B),
    /// Nothing within the time given.
    Nothing,
    /// Nothing for so long that another may fetch what comes next: one more may help.
    Late,
    /// All is taken, or nobody fetches any more.
    Over,
}

impl<B> Spans<B> {
    /// The heights from `next` to `to`.
    pub(super) fn new(next: Height, to: Height) -> Self {
        let inner = Inner {
            next,
            unassigned: next,
            to: to.min(LAST),
            returned: BTreeMap::new(),
            ends: BTreeSet::new(),
            head: Head {
                height: next,
                since: Instant::now(),
                further: 0,
            },
            arrived: BTreeMap::new(),
            waiting_bytes: 0,
            workers: 0,
            stopped: false,
        };
        Self {
            inner: Mutex::new(inner),
            changed: Condvar::new(),
            head_patience: HEAD_PATIENCE,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<B>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// More is missing than was known.
    pub(super) fn extend(&self, to: Height) {
        let mut inner = self.lock();
        inner.to = inner.to.max(to.min(LAST));
        drop(inner);
        self.changed.notify_all();
    }

    /// One more fetches.
    pub(super) fn enter(&self) {
        self.lock().workers += 1;
    }

    /// One fetches no more.
    pub(super) fn leave(&self) {
        let mut inner = self.lock();
        inner.workers = inner.workers.saturating_sub(1);
        drop(inner);
        self.changed.notify_all();
    }

    /// How many fetch.
    pub(super) fn workers(&self) -> usize {
        self.lock().workers
    }

    /// Everyone is to end.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Whether everyone is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Waits until there are heights to fetch and gives the lowest; none once all are here, or on a stop.
    pub(super) fn assign(&self) -> Option<RangeInclusive<u64>> {
        let mut inner = self.lock();
        loop {
            if inner.stopped || inner.next > inner.to {
                return None;
            }
            if let Some(span) = inner.assign() {
                return Some(span);
            }
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// These heights, given out before, are to be fetched by somebody else.
    pub(super) fn hand_back(&self, span: RangeInclusive<u64>) {
        if !span.is_empty() {
            self.lock()
                .returned
                .insert(Height(*span.start()), Height(*span.end()));
            self.changed.notify_all();
        }
    }

    /// Puts a block in, waiting while too many bytes wait for another one; false on a stop.
    pub(super) fn put(&self, height: Height, block: B, length: usize) -> bool {
        let mut inner = self.lock();
        while !inner.stopped
            && height > inner.next
            && inner.waiting_bytes.saturating_add(length) > MAX_WAITING_BYTES
        {
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        if inner.stopped {
            return false;
        }
        if height >= inner.next && !inner.arrived.contains_key(&height) {
            inner.waiting_bytes += length;
            inner.arrived.insert(height, (block, length));
        }
        drop(inner);
        self.changed.notify_all();
        true
    }

    /// Waits for the next block, at most `patience`. Blocks up to `have` came another way.
    pub(super) fn take(&self, have: Height, patience: Duration) -> Next<B> {
        let until = Instant::now() + patience;
        let mut inner = self.lock();
        inner.skip_to(have.next());
        self.changed.notify_all();
        loop {
            if let Some(block) = inner.take() {
                drop(inner);
                self.changed.notify_all();
                return Next::Block(block);
            }
            if inner.next > inner.to || inner.workers == 0 || inner.stopped {
                return Next::Over;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                if inner.offer_head(self.head_patience) {
                    self.changed.notify_all();
                    return Next::Late;
                }
                return Next::Nothing;
            }
            let waited = self.changed.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl<B> Inner<B> {
    fn assign(&mut self) -> Option<RangeInclusive<u64>> {
        while let Some((from, to)) = self.returned.pop_first() {
            let from = from.max(self.next);
            if from <= to {
                self.ends.insert(to);
                return Some(from.0..=to.0);
            }
        }
        let from = self.unassigned.max(self.next);
        if from > self.to || from.0 >= self.next.0.saturating_add(LOOKAHEAD) {
            return None;
        }
        let to = Height(from.0.saturating_add(SPAN - 1)).min(self.to);
        self.unassigned = to.next();
        self.ends.insert(to);
        Some(from.0..=to.0)
    }

    /// Lets somebody else fetch the span that begins with the next height too, if whoever has it has had it
    /// for long.
    fn offer_head(&mut self, patience: Duration) -> bool {
        let now = Instant::now();
        if self.head.height != self.next {
            self.head = Head {
                height: self.next,
                since: now,
                further: 0,
            };
        }
        self.ends = self.ends.split_off(&self.next);
        let longest = patience.saturating_mul(1_u32.checked_shl(self.head.further).unwrap_or(u32::MAX));
        let given = self.next < self.unassigned && !self.returned.contains_key(&self.next);
        let Some(end) = self.ends.first().copied().filter(|_| given) else {
            return false;
        };
        if now.duration_since(self.head.since) < longest {
            return false;
        }
        self.head.further = self.head.further.saturating_add(1);
        self.returned.insert(self.next, end);
        true
    }

    fn take(&mut self) -> Option<B> {
        let (block, length) = self.arrived.remove(&self.next)?;
        self.waiting_bytes -= length;
        self.next = self.next.next();
        Some(block)
    }

    fn skip_to(&mut self, next: Height) {
        while self.next < next {
            if self.take().is_none() {
                self.next = match self.arrived.keys().next() {
                    Some(first) => next.min(*first),
                    None => next,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    fn spans(from: u64, to: u64) -> Spans<u64> {
        let spans = Spans::new(Height(from), Height(to));
        spans.enter();
        spans
    }

    #[test]
    fn blocks_are_taken_in_order_whoever_brings_them_when() {
        let spans = spans(1, 3);
        for height in [3, 1, 1] {
            assert!(spans.put(Height(height), height, 1));
        }
        assert_eq!(spans.take(Height(0), SOON), Next::Block(1));
        assert_eq!(spans.take(Height(1), SOON), Next::Nothing);
        spans.put(Height(2), 2, 1);
        assert_eq!(spans.take(Height(1), SOON), Next::Block(2));
        assert_eq!(spans.take(Height(2), SOON), Next::Block(3));
        assert_eq!(spans.take(Height(3), SOON), Next::Over);
    }

    #[test]
    fn what_is_handed_back_is_given_to_the_next_who_asks() {
        let spans = spans(1, 1_000);
        assert_eq!(spans.assign(), Some(1..=64));
        assert_eq!(spans.assign(), Some(65..=128));
        spans.hand_back(11..=64);
        assert_eq!(spans.assign(), Some(11..=64));
        assert_eq!(spans.assign(), Some(129..=192));
        // Consensus moved on by itself.
        spans.hand_back(65..=128);
        spans.take(Height(100), SOON);
        assert_eq!(spans.assign(), Some(101..=128));
    }

    #[test]
    fn what_somebody_does_not_bring_is_given_to_another_too() {
        let mut spans = spans(1, 200);
        spans.head_patience = Duration::from_millis(30);
        assert_eq!(spans.assign(), Some(1..=64));
        assert_eq!(spans.assign(), Some(65..=128));
        assert_eq!(spans.take(Height(0), SOON), Next::Nothing);
        // It brings a few, and then no more.
        for height in 1..=10 {
            spans.put(Height(height), height, 1);
            assert_eq!(spans.take(Height(height - 1), SOON), Next::Block(height));
        }
        assert_eq!(spans.take(Height(10), SOON), Next::Nothing);
        std::thread::sleep(Duration::from_millis(40));
        assert_eq!(spans.take(Height(10), SOON), Next::Late);
        assert_eq!(spans.assign(), Some(11..=64));
        assert_eq!(spans.take(Height(10), SOON), Next::Nothing, "not at once again");
        std::thread::sleep(Duration::from_millis(80));
        assert_eq!(spans.take(Height(10), SOON), Next::Late);
        assert_eq!(spans.assign(), Some(11..=64));
        // The first copy counts.
        for _ in 0..2 {
            assert!(spans.put(Height(11), 11, 1));
        }
        assert_eq!(spans.take(Height(10), SOON), Next::Block(11));
        assert_eq!(spans.take(Height(11), SOON), Next::Nothing);
    }

    #[test]
    fn nobody_fetches_far_ahead() {
        let spans = spans(1, 10_000);
        let given: u64 = (0..LOOKAHEAD / SPAN)
            .filter_map(|_| spans.assign())
            .map(|span| span.end() - span.start() + 1)
            .sum();
        assert_eq!(given, LOOKAHEAD);
        assert_eq!(spans.lock().assign(), None);
        spans.put(Height(1), 1, 1);
        spans.take(Height(0), SOON);
        assert_eq!(spans.assign(), Some(513..=576));
    }

    #[test]
    fn bytes_that_wait_are_bounded_and_the_next_block_is_let_in() {
        let spans = spans(1, 10);
        spans.put(Height(2), 2, MAX_WAITING_BYTES);
        std::thread::scope(|scope| {
            let third = scope.spawn(|| spans.put(Height(3), 3, 1));
            std::thread::sleep(Duration::from_millis(20));
            assert!(!third.is_finished());
            assert!(spans.put(Height(1), 1, MAX_WAITING_BYTES));
            for height in 0..3 {
                let patience = Duration::from_secs(60);
                assert_eq!(spans.take(Height(height), patience), Next::Block(height + 1));
            }
        });
    }

    #[test]
    fn it_is_over_when_nobody_fetches_any_more() {
        let spans = spans(1, 3);
        spans.leave();
        assert_eq!(spans.take(Height(0), Duration::from_secs(60)), Next::Over);
        spans.stop();
        assert_eq!(spans.assign(), None);
    }

    #[test]
    fn the_last_height_there_can_be_ends_it() {
        let spans = spans(u64::MAX - 2, u64::MAX);
        assert_eq!(spans.assign(), Some(u64::MAX - 2..=u64::MAX - 1));
        assert_eq!(spans.lock().assign(), None);
    }
}
