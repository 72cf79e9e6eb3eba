//! Batches that wait to be ordered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use quorate_crypto::Digest;
use serde::{Deserialize, Serialize};

use crate::contract::Rejection;

/// The most batches that wait at once; what is above is refused.
pub const MAX_BACKLOG: usize = 16_384;

/// How many ordered batches are remembered, so that one that arrives late is not taken again.
const MAX_REMEMBERED: usize = 16_384;

/// Batches in the order in which they came, apart from those that a proposal in flight names.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(crate) struct Backlog {
    /// Place of each batch that waits, by digest.
    #[serde(skip)]
    places: BTreeMap<Digest, u64>,
    /// The same by place.
    #[serde(with = "by_place")]
    order: BTreeMap<u64, Digest>,
    /// Those that no proposal in flight names, by place. A subset of `order`.
    #[serde(with = "by_place")]
    free: BTreeMap<u64, Digest>,
    /// Named by a proposal in flight, waiting here or not. Bounded by the window, and
    /// after a restart by the journal.
    taken: BTreeSet<Digest>,
    /// Ordered not long ago, oldest first; `ordered` is the same as a set.
    order_of_ordered: VecDeque<Digest>,
    #[serde(skip)]
    ordered: BTreeSet<Digest>,
    next_place: u64,
    /// Later batches ordered ahead of the oldest one. Reset when another is the oldest, or a reign
    /// begins.
    overtaken: u64,
}

impl Backlog {
    /// Makes again what an image leaves out, as it follows from the rest.
    pub(crate) fn complete(&mut self) {
        self.places = self.order.iter().map(|(place, batch)| (*batch, *place)).collect();
        self.ordered = self.order_of_ordered.iter().copied().collect();
    }

    /// Adds a batch, unless it is known or was ordered.
    pub(crate) fn insert(&mut self, batch: Digest) -> Result<(), Rejection> {
        if self.places.contains_key(&batch) || self.ordered.contains(&batch) {
            return Ok(());
        }
        if self.places.len() >= MAX_BACKLOG {
            return Err(Rejection::Full { limit: MAX_BACKLOG });
        }
        let place = self.next_place;
        self.next_place += 1;
        self.places.insert(batch, place);
        self.order.insert(place, batch);
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
    pub(crate) fn release_all(&mut self) {
        self.taken.clear();
        self.free = self.order.clone();
        self.overtaken = 0;
    }

    /// These were ordered. Gives whether any of them had not been ordered before, as far as that is
    /// remembered; one that has not come yet counts, or whoever receives batches late would take a
    /// backlog for neglect.
    pub(crate) fn remove_ordered(&mut self, batches: &[Digest]) -> bool {
        let oldest = self.oldest();
        self.remove(batches);
        let mut fresh = 0;
        for batch in batches {
            if self.ordered.insert(*batch) {
                self.order_of_ordered.push_back(*batch);
                fresh += 1;
            }
        }
        while self.order_of_ordered.len() > MAX_REMEMBERED {
            if let Some(oldest) = self.order_of_ordered.pop_front() {
                self.ordered.remove(&oldest);
            }
        }
        self.count_overtaking(oldest, fresh);
        fresh > 0
    }

    /// These need no ordering any more. Gives whether any of them waited: that counts as if it were
    /// ordered, or a leader could be blamed for what nobody needs, and an author whose batches all
    /// expire could hide another's for ever.
    pub(crate) fn remove_obsolete(&mut self, batches: &[Digest]) -> bool {
        let (oldest, before) = (self.oldest(), self.len());
        self.remove(batches);
        let gone = before.saturating_sub(self.len());
        self.count_overtaking(oldest, gone as u64);
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

    /// So many left the queue while this was its oldest.
    fn count_overtaking(&mut self, oldest: Option<u64>, gone: u64) {
        self.overtaken = match self.oldest() {
            still if still.is_some() && still == oldest => self.overtaken.saturating_add(gone),
            _ => 0,
        };
    }

    /// The oldest `most` that no proposal in flight names.
    pub(crate) fn oldest_free(&self, most: usize) -> Vec<Digest> {
        self.free.values().take(most).copied().collect()
    }

    /// How many no proposal in flight names.
    pub(crate) fn free(&self) -> usize {
        self.free.len()
    }

    fn oldest(&self) -> Option<u64> {
        self.order.first_key_value().map(|(place, _)| *place)
    }

    /// How many batches that came later were ordered before the oldest that waits.
    pub(crate) fn overtaken(&self) -> u64 {
        self.overtaken
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

    use quorate_crypto::Digest;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        batches: &BTreeMap<u64, Digest>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(batches)
    }

    /// A list in another order is another encoding, which is refused where an image is encoded again.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<u64, Digest>, D::Error> {
        let list = Vec::<(u64, Digest)>::deserialize(deserializer)?;
        Ok(list.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_crypto::sha256;

    #[test]
    fn a_batch_in_flight_is_free_again_after_release() {
        let mut backlog = Backlog::default();
        let (a, b) = (sha256(b"a"), sha256(b"b"));
        backlog.insert(a).unwrap();
        backlog.take(&[a, b]);
        backlog.insert(b).unwrap();
        assert_eq!(backlog.free(), 0);
        backlog.release_all();
        assert_eq!(backlog.oldest_free(9), vec![a, b]);
        backlog.check_invariants();
    }

    #[test]
    fn an_ordered_batch_that_arrives_late_is_no_candidate() {
        let mut backlog = Backlog::default();
        let batch = sha256(b"a");
        backlog.remove_ordered(&[batch]);
        backlog.insert(batch).unwrap();
        assert_eq!(backlog.len(), 0);
    }

    #[test]
    fn the_backlog_is_bounded() {
        let mut backlog = Backlog::default();
        for number in 0..MAX_BACKLOG {
            backlog.insert(sha256(&number.to_le_bytes())).unwrap();
        }
        assert_eq!(
            backlog.insert(sha256(b"one more")),
            Err(Rejection::Full { limit: MAX_BACKLOG })
        );
    }
}
