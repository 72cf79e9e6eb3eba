//! A log: the entries above the certified height. What is below are blocks, the same everywhere.

use std::collections::BTreeMap;

use quorate_crypto::Height;
use serde::{Deserialize, Serialize};

use super::message::{Entry, Position, Term};
use crate::contract::MAX_WINDOW;

/// Entries without a gap from the certified height on.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Log {
    /// The last height that is a block.
    certified: Height,
    /// The terms of the last entries that have become blocks, a window of them. Blocks that were fetched have
    /// none here.
    past: BTreeMap<Height, Term>,
    entries: BTreeMap<Height, Entry>,
}

impl Log {
    pub(super) fn new(certified: Height) -> Self {
        Self {
            certified,
            ..Self::default()
        }
    }

    pub(super) fn get(&self, index: Height) -> Option<&Entry> {
        self.entries.get(&index)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The index of the last entry or, without any, of the last block.
    pub(super) fn last_index(&self) -> Height {
        let last = self.entries.last_key_value();
        last.map_or(self.certified, |(index, _)| *index)
    }

    /// The term of the entry at an index, 0 if that is not known.
    pub(super) fn term_at(&self, index: Height) -> Term {
        let entry = self.entries.get(&index).map(|entry| entry.term);
        entry
            .or_else(|| self.past.get(&index).copied())
            .unwrap_or_default()
    }

    pub(super) fn position(&self, index: Height) -> Position {
        let term = self.term_at(index);
        Position { index, term }
    }

    /// Whether the entry at this place is, or was, the one named.
    pub(super) fn has(&self, place: Position) -> bool {
        place.term > Term(0) && self.term_at(place.index) == place.term
    }

    /// What elections compare (section 5.4.1): the highest term in the log, then its last index. Wherever
    /// terms ascend that is the last entry's term. They need not where blocks were fetched: the entry of the
    /// last block may have been of a later term than what lies above it.
    pub(super) fn rank(&self) -> Position {
        let terms = self.entries.values().map(|entry| entry.term);
        Position {
            index: self.last_index(),
            term: terms.max().unwrap_or_default(),
        }
    }

    /// Appends the next entry.
    ///
    /// # Panics
    /// If it is not the next.
    pub(super) fn append(&mut self, index: Height, entry: Entry) {
        assert_eq!(index, self.last_index().next(), "a log has no gap");
        self.entries.insert(index, entry);
    }

    /// Deletes the entry at this index and all that follow it.
    pub(super) fn truncate_from(&mut self, index: Height) {
        self.entries.split_off(&index);
    }

    /// The entries after an index, in order.
    pub(super) fn after(&self, index: Height) -> impl Iterator<Item = (Height, &Entry)> {
        let entries = self.entries.range(index.next()..);
        entries.map(|(index, entry)| (*index, entry))
    }

    /// What is up to here is a block now; entries up to `decided` are what blocks were made of.
    pub(super) fn forget_up_to(&mut self, certified: Height, decided: Height) {
        let above = self.entries.split_off(&certified.next());
        let passed = std::mem::replace(&mut self.entries, above);
        let known = passed.into_iter().filter(|(index, _)| *index <= decided);
        self.past.extend(known.map(|(index, entry)| (index, entry.term)));
        let oldest = Height(certified.0.saturating_sub(MAX_WINDOW as u64));
        self.past.retain(|index, _| *index > oldest);
        self.certified = certified;
    }

    /// Puts back an entry that a journal tells of. Gives whether it follows what is here, or is not needed; else it is
    /// not put back.
    #[must_use]
    pub(super) fn restore(&mut self, index: Height, previous: Term, entry: Entry) -> bool {
        let Some(before) = index.0.checked_sub(1).map(Height) else {
            return true;
        };
        if index <= self.certified {
            return true;
        }
        let place = Position {
            index: before,
            term: previous,
        };
        if before > self.certified && !self.has(place) {
            return false;
        }
        self.truncate_from(index);
        self.entries.insert(index, entry);
        true
    }
}

#[cfg(test)]
mod tests {
    use quorate_ledger::Proposal;

    use super::*;

    fn entry(term: u64) -> Entry {
        Entry {
            term: Term(term),
            proposal: Proposal::null(),
        }
    }

    fn log(certified: u64, terms: &[u64]) -> Log {
        let mut log = Log::new(Height(certified));
        for term in terms {
            log.append(log.last_index().next(), entry(*term));
        }
        log
    }

    #[test]
    fn the_highest_term_ranks_and_not_the_last() {
        assert_eq!(
            log(4, &[3, 1]).rank(),
            Position {
                index: Height(6),
                term: Term(3)
            }
        );
        assert_eq!(
            log(4, &[]).rank(),
            Position {
                index: Height(4),
                term: Term(0)
            }
        );
    }

    #[test]
    fn what_was_certified_out_of_the_log_keeps_its_term_and_a_fetched_block_has_none() {
        let mut log = log(0, &[1, 2, 2]);
        log.forget_up_to(Height(2), Height(2));
        assert_eq!(log.position(Height(2)).term, Term(2));
        log.forget_up_to(Height(9), Height(2));
        assert_eq!(log.position(Height(9)).term, Term(0));
        assert_eq!(log.last_index(), Height(9));
    }

    #[test]
    fn an_entry_that_does_not_follow_is_not_restored() {
        let mut log = log(4, &[1]);
        // Its predecessor was of term 2, and has been lost.
        assert!(!log.restore(Height(6), Term(2), entry(2)));
        assert_eq!(log.last_index(), Height(5));
        assert!(log.restore(Height(6), Term(1), entry(2)));
        assert!(log.restore(Height(5), Term(0), entry(3)));
        assert_eq!(
            log.rank(),
            Position {
                index: Height(5),
                term: Term(3)
            }
        );
        assert!(log.restore(Height(4), Term(0), entry(9)), "it is a block");
        assert_eq!(log.len(), 1);
    }
}
