//! The durability gate: holds back what a step asks for until what it depends on is on disk, and keeps
//! the order from step to step that the engine contract promises.

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
    /// The last journal entry that something held in order waits for.
    in_order: u64,
}

impl Gate {
    /// Gives an own message back if `needs` is durable and nothing that was asked for before is still held.
    /// Else holds it until then. One that waits for batches holds nobody up.
    pub(super) fn pass_own(&mut self, needs: Durable, own: Message) -> Option<Message> {
        let journal = self.in_order.max(needs.journal);
        if journal <= self.durable.journal && needs.batches <= self.durable.batches {
            return Some(own);
        }
        self.hold_own(needs, own);
        None
    }

    fn hold_own(&mut self, needs: Durable, own: Message) {
        if needs.batches == 0 {
            self.in_order = self.in_order.max(needs.journal);
        }
        self.waiting.push_back((needs, Released::Own(own)));
    }

    /// Gives a step's actions back if they may be done now: the journal is on disk up to `entry`, and
    /// nothing that was asked for before is still held. Else holds them until then.
    pub(super) fn pass(&mut self, entry: u64, actions: Vec<Action>) -> Option<Vec<Action>> {
        let journal = self.in_order.max(entry);
        if journal <= self.durable.journal {
            return Some(actions);
        }
        self.in_order = journal;
        let needs = Durable { journal, batches: 0 };
        self.waiting.push_back((needs, Released::Actions(actions)));
        None
    }

    /// Drops the own messages that wait: they are never said.
    pub(super) fn drop_own(&mut self) {
        self.waiting.retain(|(_, held)| !matches!(held, Released::Own(_)));
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
    use quorate_consensus::{Body, Timer, pbft};
    use quorate_crypto::{Epoch, Signature, ValidatorIndex};

    use super::*;

    fn own() -> Message {
        let body = Body::Pbft(pbft::Body::Complaint { view: pbft::View(0) });
        Message::new(Epoch(0), ValidatorIndex(0), body, Signature([0; 64]))
    }

    fn cancel(reign: u64) -> Vec<Action> {
        vec![Action::CancelTimer(Timer::Progress { reign })]
    }

    #[test]
    fn what_was_to_be_said_before_a_halt_does_not_pass_after_it() {
        let mut gate = Gate::default();
        let needs = Durable {
            journal: 1,
            batches: 1,
        };
        gate.hold_own(needs, own());
        assert!(gate.pass(2, cancel(1)).is_none());
        gate.drop_own();
        gate.journal_flushed(2);
        gate.batches_flushed(1);
        assert_eq!(gate.release(), [Released::Actions(cancel(1))]);
    }

    #[test]
    fn pitfall_11_nothing_passes_before_both_its_flushes() {
        let mut gate = Gate::default();
        gate.hold_own(
            Durable {
                journal: 1,
                batches: 2,
            },
            own(),
        );
        gate.journal_flushed(1);
        assert!(gate.release().is_empty());
        assert_eq!(gate.batches_needed(), 2);
        gate.batches_flushed(1);
        assert!(gate.release().is_empty());
        gate.batches_flushed(2);
        assert_eq!(gate.release(), vec![Released::Own(own())]);
        assert!(gate.release().is_empty());
    }

    #[test]
    fn a_vote_that_waits_for_batches_holds_nobody_up() {
        let mut gate = Gate::default();
        gate.hold_own(
            Durable {
                journal: 1,
                batches: 9,
            },
            own(),
        );
        assert_eq!(gate.pass(0, cancel(1)), Some(cancel(1)));
        assert_eq!(gate.pass(2, cancel(2)), None);
        gate.journal_flushed(2);
        assert_eq!(gate.release(), vec![Released::Actions(cancel(2))]);
    }

    #[test]
    fn a_step_without_records_does_not_overtake_one_that_is_held() {
        let mut gate = Gate::default();
        assert_eq!(gate.pass(1, cancel(1)), None);
        assert_eq!(gate.pass(0, cancel(2)), None);
        gate.hold_own(
            Durable {
                journal: 2,
                batches: 0,
            },
            own(),
        );
        assert_eq!(gate.pass(0, cancel(3)), None);
        gate.journal_flushed(1);
        assert_eq!(
            gate.release(),
            vec![Released::Actions(cancel(1)), Released::Actions(cancel(2))]
        );
        gate.journal_flushed(2);
        assert_eq!(
            gate.release(),
            vec![Released::Own(own()), Released::Actions(cancel(3))]
        );
        assert_eq!(gate.pass(0, cancel(4)), Some(cancel(4)));
    }
}
