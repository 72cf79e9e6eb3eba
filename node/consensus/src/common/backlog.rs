//! Batches that wait to be ordered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use quorate_crypto::Digest;
use quorate_ledger::Timestamp;
use serde::{Deserialize, Serialize};

use crate::contract::Rejection;

/// The most batches that wait at once; what is above is refused.
pub const MAX_BACKLOG: usize = 16_384;

/// How many ordered batches are remembered, so that one that arrives late is not taken again.
const MAX_REMEMBERED: usize = 16_384;

/// A batch that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Place {
    batch: Digest,
    /// When it came, or the reign began.
    since: Timestamp,
    /// How many will have left the queue when all that were before it have.
    turn: u64,
}

/// Batches in the order in which they came, apart from those that a proposal in flight names.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(crate) struct Backlog {
    /// Place of each batch that waits, by digest.
    #[serde(skip)]
    places: BTreeMap<Digest, u64>,
    /// The same by place.
    #[serde(with = "by_place")]
    order: BTreeMap<u64, Place>,
    /// Those that no proposal in flight names, by place. A subset of `order`.
    #[serde(with = "by_place")]
    free: BTreeMap<u64, Digest>,
    /// Named by a proposal in flight, waiting here or not: what is decided or dropped gives them back. Bounded by
    /// the window, and after a restart by the journal.
    taken: BTreeSet<Digest>,
    /// Ordered not long ago, oldest first; `ordered` is the same as a set.
    order_of_ordered: VecDeque<Digest>,
    #[serde(skip)]
    ordered: BTreeSet<Digest>,
    next_place: u64,
    /// How many have left the queue, or were ordered before they came.
    gone: u64,
    /// When the latest came that was ordered.
    latest_ordered: Timestamp,
}

impl Backlog {
    /// Makes again what an image leaves out, as it follows from the rest.
    pub(crate) fn complete(&mut self) {
        self.places = self.order.iter().map(|(at, place)| (place.batch, *at)).collect();
        self.ordered = self.order_of_ordered.iter().copied().collect();
    }

    /// Adds a batch, unless it is known or was ordered.
    pub(crate) fn insert(&mut self, batch: Digest, now: Timestamp) -> Result<(), Rejection> {
        if self.places.contains_key(&batch) || self.ordered.contains(&batch) {
            return Ok(());
        }
        if self.places.len() >= MAX_BACKLOG {
            return Err(Rejection::Full { limit: MAX_BACKLOG });
        }
        self.not_after(now);
        let place = self.next_place;
        self.next_place += 1;
        let turn = self.gone.saturating_add(self.order.len() as u64);
        let since = now;
        self.places.insert(batch, place);
        self.order.insert(place, Place { batch, since, turn });
        if !self.taken.contains(&batch) {
            self.free.insert(place, batch);
        }
        Ok(())
    }

    /// A proposal in flight names these.
    pub(crate) fn take(&mut self, batches: &[Digest]) {
        for batch in batches {
            self.taken.insert(*batch);
            if let Some(place) = self.places.get(batch) {
                self.free.remove(place);
            }
        }
    }

    /// No proposal is in flight any more, as a reign begins: all are free, and its leader
    /// has left out nobody yet.
    pub(crate) fn release_all(&mut self, now: Timestamp) {
        self.taken.clear();
        for (place, turn) in self.order.values_mut().zip(self.gone..) {
            (place.since, place.turn) = (now, turn);
        }
        self.free = self.order.iter().map(|(at, place)| (*at, place.batch)).collect();
    }

    /// These were ordered. Gives whether any of them had not been ordered before, as far as that is
    /// remembered; one that has not come yet counts, or whoever receives batches late would take a
    /// backlog for neglect.
    pub(crate) fn remove_ordered(&mut self, batches: &[Digest], now: Timestamp) -> bool {
        self.not_after(now);
        let mut fresh = 0;
        for batch in batches {
            if self.ordered.insert(*batch) {
                let place = self.places.get(batch).and_then(|at| self.order.get(at));
                let came = place.map_or(now, |place| place.since.min(now));
                self.latest_ordered = self.latest_ordered.max(came);
                self.order_of_ordered.push_back(*batch);
                fresh += 1;
            }
        }
        while self.order_of_ordered.len() > MAX_REMEMBERED {
            if let Some(oldest) = self.order_of_ordered.pop_front() {
                self.ordered.remove(&oldest);
            }
        }
        self.remove(batches);
        self.gone = self.gone.saturating_add(fresh);
        fresh > 0
    }

    /// A clock that was ahead for a while is right again: what came meanwhile did not come after now, or all that
    /// comes until the clock gets there would have been overtaken by it.
    fn not_after(&mut self, now: Timestamp) {
        self.latest_ordered = self.latest_ordered.min(now);
    }

    /// What nobody will order by these proposals is not in flight any more.
    pub(crate) fn release(&mut self, batches: &[Digest]) {
        for batch in batches {
            if self.taken.remove(batch)
                && let Some(place) = self.places.get(batch)
            {
                self.free.insert(*place, *batch);
            }
        }
    }

    /// Whether a proposal in flight names it.
    pub(crate) fn is_taken(&self, batch: &Digest) -> bool {
        self.taken.contains(batch)
    }

    /// These need no ordering any more. Gives whether any of them waited: that counts as if it were
    /// ordered, or a leader could be blamed for what nobody needs, and an author whose batches all
    /// expire could hide another's for ever.
    pub(crate) fn remove_obsolete(&mut self, batches: &[Digest]) -> bool {
        let before = self.len();
        self.remove(batches);
        let gone = before.saturating_sub(self.len());
        self.gone = self.gone.saturating_add(gone as u64);
        gone > 0
    }

    fn remove(&mut self, batches: &[Digest]) {
        for batch in batches {
            self.taken.remove(batch);
            if let Some(place) = self.places.remove(batch) {
                self.order.remove(&place);
                self.free.remove(&place);
            }
        }
    }

    /// The oldest `most` that no proposal in flight names.
    pub(crate) fn oldest_free(&self, most: usize) -> Vec<Digest> {
        self.free.values().take(most).copied().collect()
    }

    /// The same, with when each came.
    pub(crate) fn free_since(&self, most: usize) -> impl Iterator<Item = (Digest, Timestamp)> {
        let oldest = self.free.iter().take(most);
        oldest.filter_map(|(at, batch)| self.order.get(at).map(|place| (*batch, place.since)))
    }

    /// Whether this batch waits to be ordered.
    pub(crate) fn holds(&self, batch: &Digest) -> bool {
        self.places.contains_key(batch)
    }

    /// How many no proposal in flight names.
    pub(crate) fn free(&self) -> usize {
        self.free.len()
    }

    /// The place of the oldest that waits.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.order.first_key_value().map(|(place, _)| *place)
    }

    /// How many batches that came later left the queue before the oldest that waits, since that came.
    pub(crate) fn overtaken(&self) -> u64 {
        let oldest = self.order.values().next();
        oldest.map_or(0, |oldest| self.gone.saturating_sub(oldest.turn))
    }

    /// How much later than the oldest that waits a batch came that was ordered before it, in milliseconds.
    pub(crate) fn overtaken_by_ms(&self) -> u64 {
        let oldest = self.order.values().next();
        oldest.map_or(0, |oldest| self.latest_ordered.0.saturating_sub(oldest.since.0))
    }

    /// How many wait in all.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn check_invariants(&self) {
        assert!(self.places.len() <= MAX_BACKLOG, "the backlog is bounded");
        assert!(
            self.ordered.len() <= MAX_REMEMBERED,
            "remembered batches are bounded"
        );
        assert_eq!(self.ordered.len(), self.order_of_ordered.len(), "one set, twice");
        for (place, batch) in &self.free {
            assert_eq!(
                self.places.get(batch),
                Some(place),
                "free batches are in the backlog"
            );
            assert!(!self.taken.contains(batch), "free batches are not in flight");
        }
    }
}

/// Encodes thousands of batches as a list, which takes a fifth of the time that a map takes.
mod by_place {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        batches: &BTreeMap<u64, T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(batches)
    }

    /// A list in another order is another encoding, which is refused where an image is encoded again.
    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<u64, T>, D::Error> {
        let list = Vec::<(u64, T)>::deserialize(deserializer)?;
        Ok(list.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_crypto::sha256;

    const NOW: Timestamp = Timestamp(1_000);

    #[test]
    fn what_overtook_a_batch_counts_from_its_own_arrival() {
        let mut backlog = Backlog::default();
        let named = |number: u64| sha256(&number.to_le_bytes());
        for number in 0..3 {
            backlog.insert(named(number), NOW).unwrap();
        }
        // Two that came later, of which one is not even here, go before all; then the first goes.
        backlog.insert(named(3), Timestamp(NOW.0 + 500)).unwrap();
        backlog.remove_ordered(&[named(3), named(4)], Timestamp(NOW.0 + 900));
        assert_eq!((backlog.overtaken(), backlog.overtaken_by_ms()), (2, 900));
        backlog.remove_ordered(&[named(0)], Timestamp(NOW.0 + 900));
        assert_eq!(
            (backlog.overtaken(), backlog.overtaken_by_ms()),
            (2, 900),
            "another is the oldest"
        );
        backlog.release_all(Timestamp(NOW.0 + 1_000));
        assert_eq!((backlog.overtaken(), backlog.overtaken_by_ms()), (0, 0));
        backlog.remove_ordered(&[named(1), named(2)], Timestamp(NOW.0 + 2_000));
        assert_eq!(backlog.overtaken(), 0);
    }

    #[test]
    fn a_clock_that_was_ahead_for_a_while_makes_nothing_left_out() {
        let mut backlog = Backlog::default();
        let named = |number: u64| sha256(&number.to_le_bytes());
        let ahead = Timestamp(NOW.0 + 3_600_000);
        backlog.insert(named(0), ahead).unwrap();
        backlog.remove_ordered(&[named(0), named(1)], ahead);
        // It is right again.
        backlog.insert(named(2), NOW).unwrap();
        assert_eq!(backlog.overtaken_by_ms(), 0);
        backlog.insert(named(3), Timestamp(NOW.0 + 100)).unwrap();
        backlog.remove_ordered(&[named(3)], Timestamp(NOW.0 + 200));
        assert_eq!(backlog.overtaken_by_ms(), 100);
    }

    #[test]
    fn what_came_while_the_clock_was_ahead_overtakes_nothing_later() {
        let mut backlog = Backlog::default();
        let (early, late) = (sha256(b"early"), sha256(b"late"));
        backlog.insert(early, NOW).unwrap();
        backlog.insert(late, Timestamp(NOW.0 + 3_600_000)).unwrap();
        backlog.remove_ordered(&[late], Timestamp(NOW.0 + 50));
        assert_eq!(backlog.overtaken_by_ms(), 50);
    }

    #[test]
    fn what_a_dropped_proposal_named_is_free_again() {
        let mut backlog = Backlog::default();
        let (here, nowhere) = (sha256(b"here"), sha256(b"nowhere"));
        backlog.insert(here, NOW).unwrap();
        backlog.take(&[here, nowhere]);
        backlog.release(&[here, nowhere]);
        assert_eq!(backlog.oldest_free(9), vec![here]);
        assert!(!backlog.is_taken(&nowhere));
        backlog.check_invariants();
    }

    #[test]
    fn a_batch_in_flight_is_free_again_after_release() {
        let mut backlog = Backlog::default();
        let (a, b) = (sha256(b"a"), sha256(b"b"));
        backlog.insert(a, NOW).unwrap();
        backlog.take(&[a, b]);
        backlog.insert(b, NOW).unwrap();
        assert_eq!(backlog.free(), 0);
        backlog.release_all(NOW);
        assert_eq!(backlog.oldest_free(9), vec![a, b]);
        backlog.check_invariants();
    }

    #[test]
    fn an_ordered_batch_that_arrives_late_is_no_candidate() {
        let mut backlog = Backlog::default();
        let batch = sha256(b"a");
        backlog.remove_ordered(&[batch], NOW);
        backlog.insert(batch, NOW).unwrap();
        assert_eq!(backlog.len(), 0);
    }

    #[test]
    fn the_backlog_is_bounded() {
        let mut backlog = Backlog::default();
        for number in 0..MAX_BACKLOG {
            backlog.insert(sha256(&number.to_le_bytes()), NOW).unwrap();
        }
        assert_eq!(
            backlog.insert(sha256(b"one more"), NOW),
            Err(Rejection::Full { limit: MAX_BACKLOG })
        );
    }
}
