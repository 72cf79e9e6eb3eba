//! The durability gate: holds back what a step asks for until what it depends on is on disk.

use std::collections::VecDeque;

use quorate_consensus::{Action, Message};

/// What is on disk, or has to be: the last journal entry and the last batch write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Durable {
    /// Number of the last journal entry, from 1.
    pub(super) journal: u64,
    /// Number of the last batch write, from 1.
    pub(super) batches: u64,
}

/// What is let through.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Released {
    /// Actions of a step whose records are durable.
    Actions(Vec<Action>),
    /// An own message, signed and durable.
    Own(Message),
}

/// Holds back, in order.
#[derive(Debug, Default)]
pub(super) struct Gate {
    durable: Durable,
    waiting: VecDeque<(Durable, Released)>,
}

impl Gate {
    /// Holds `released` until `needs` is durable.
    pub(super) fn hold(&mut self, needs: Durable, released: Released) {
        self.waiting.push_back((needs, released));
    }

    /// The journal is on disk up to `entry`.
    pub(super) fn journal_flushed(&mut self, entry: u64) {
        self.durable.journal = self.durable.journal.max(entry);
    }

    /// The last journal entry that is on disk.
    pub(super) fn journal(&self) -> u64 {
        self.durable.journal
    }

    /// Batch writes are on disk up to `write`.
    pub(super) fn batches_flushed(&mut self, write: u64) {
        self.durable.batches = self.durable.batches.max(write);
    }

    /// The last batch write that something waits for, and that is not known to be on disk; else 0.
    pub(super) fn batches_needed(&self) -> u64 {
        let needed = self
            .waiting
            .iter()
            .map(|(needs, _)| needs.batches)
            .max()
            .unwrap_or(0);
        if needed > self.durable.batches { needed } else { 0 }
    }

    /// Takes out all that may pass, in the order it was held.
    pub(super) fn release(&mut self) -> Vec<Released> {
        let mut released = Vec::new();
        let mut kept = VecDeque::with_capacity(self.waiting.len());
        for (needs, held) in self.waiting.drain(..) {
            if needs.journal <= self.durable.journal && needs.batches <= self.durable.batches {
                released.push(held);
            } else {
                kept.push_back((needs, held));
            }
        }
        self.waiting = kept;
        released
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pitfall_11_nothing_passes_before_both_its_flushes() {
        let mut gate = Gate::default();
        gate.hold(
            Durable {
                journal: 1,
                batches: 2,
            },
            Released::Actions(vec![]),
        );
        gate.journal_flushed(1);
        assert!(gate.release().is_empty());
        assert_eq!(gate.batches_needed(), 2);
        gate.batches_flushed(1);
        assert!(gate.release().is_empty());
        gate.batches_flushed(2);
        assert_eq!(gate.release(), vec![Released::Actions(vec![])]);
        assert!(gate.release().is_empty());
    }

    #[test]
    fn a_later_entry_does_not_wait_for_an_earlier_one_that_needs_more() {
        let mut gate = Gate::default();
        gate.hold(
            Durable {
                journal: 1,
                batches: 9,
            },
            Released::Actions(vec![]),
        );
        gate.hold(
            Durable {
                journal: 2,
                batches: 0,
            },
            Released::Actions(vec![]),
        );
        gate.journal_flushed(2);
        assert_eq!(gate.release().len(), 1);
    }
}
