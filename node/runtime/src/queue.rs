//! A bounded queue for each validator, served in turn: whoever floods it crowds out nobody but itself.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use quorate_network::PeerKey;

/// What one validator may have waiting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// So many things.
    pub(crate) items: usize,
    /// So many bytes; one thing is taken whatever its length.
    pub(crate) bytes: usize,
}

/// The queues.
#[derive(Debug)]
pub(crate) struct FairQueue<T> {
    inner: Mutex<Inner<T>>,
    arrived: Condvar,
    bounds: Bounds,
}

#[derive(Debug)]
struct Inner<T> {
    queues: BTreeMap<PeerKey, Waiting<T>>,
    /// Who was served last.
    last: Option<PeerKey>,
    closed: bool,
}

#[derive(Debug)]
struct Waiting<T> {
    things: VecDeque<(T, usize)>,
    bytes: usize,
}

impl<T> FairQueue<T> {
    /// Empty queues.
    pub(crate) fn new(bounds: Bounds) -> Self {
        let inner = Inner {
            queues: BTreeMap::new(),
            last: None,
            closed: false,
        };
        Self {
            inner: Mutex::new(inner),
            arrived: Condvar::new(),
            bounds,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends what `from` sent, `length` bytes long. Its oldest go if they are too many then; gives those.
    pub(crate) fn push(&self, from: PeerKey, thing: T, length: usize) -> Vec<T> {
        let mut inner = self.lock();
        let waiting = inner.queues.entry(from).or_insert_with(|| Waiting {
            things: VecDeque::new(),
            bytes: 0,
        });
        waiting.things.push_back((thing, length));
        waiting.bytes += length;
        let mut dropped = Vec::new();
        while waiting.things.len() > self.bounds.items
            || (waiting.bytes > self.bounds.bytes && waiting.things.len() > 1)
        {
            if let Some((thing, length)) = waiting.things.pop_front() {
                waiting.bytes -= length;
                dropped.push(thing);
            }
        }
        drop(inner);
        self.arrived.notify_one();
        dropped
    }

    /// Waits for something and takes it, from one validator after the other; none once the queues are
    /// closed.
    pub(crate) fn pop(&self) -> Option<(PeerKey, T)> {
        let mut inner = self.lock();
        loop {
            if inner.closed {
                return None;
            }
            if let Some(taken) = inner.take() {
                return Some(taken);
            }
            inner = self.arrived.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends whoever waits; what is left is dropped.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }
}

impl<T> Inner<T> {
    fn take(&mut self) -> Option<(PeerKey, T)> {
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.queues.range((after, Bound::Unbounded)).next();
        let from = *next.or_else(|| self.queues.iter().next())?.0;
        self.last = Some(from);
        let waiting = self.queues.get_mut(&from)?;
        let (thing, length) = waiting.things.pop_front()?;
        waiting.bytes -= length;
        if waiting.things.is_empty() {
            self.queues.remove(&from);
        }
        Some((from, thing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u8) -> PeerKey {
        PeerKey([number; 32])
    }

    fn queue(items: usize, bytes: usize) -> FairQueue<u32> {
        FairQueue::new(Bounds { items, bytes })
    }

    #[test]
    fn validators_take_turns() {
        let queue = queue(10, 10);
        for thing in 0..3 {
            queue.push(peer(0), thing, 1);
        }
        queue.push(peer(2), 9, 1);
        let order: Vec<_> = (0..4)
            .filter_map(|_| queue.pop())
            .map(|(_, thing)| thing)
            .collect();
        assert_eq!(order, [0, 9, 1, 2]);
    }

    #[test]
    fn a_flood_crowds_out_its_own_sender_alone() {
        let queue = queue(2, 100);
        queue.push(peer(1), 77, 1);
        let dropped: usize = (0..1_000).map(|thing| queue.push(peer(0), thing, 1).len()).sum();
        assert_eq!(dropped, 998);
        let order: Vec<_> = (0..3).filter_map(|_| queue.pop()).collect();
        let (flooder, other) = (peer(0), peer(1));
        assert_eq!(order, [(flooder, 998), (other, 77), (flooder, 999)]);
    }

    #[test]
    fn bytes_are_bounded_and_one_thing_always_fits() {
        let queue = queue(10, 5);
        assert!(queue.push(peer(0), 1, 3).is_empty());
        assert_eq!(queue.push(peer(0), 2, 3), [1]);
        assert_eq!(queue.push(peer(0), 3, 99), [2]);
        assert_eq!(queue.pop(), Some((peer(0), 3)));
    }

    #[test]
    fn a_closed_queue_ends_whoever_waits() {
        let queue = queue(1, 1);
        queue.push(peer(0), 1, 1);
        queue.close();
        assert_eq!(queue.pop(), None);
    }
}
