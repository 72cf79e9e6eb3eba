//! The durability gate: holds what a step asks for until what it depends on is on disk, and keeps the order
//! from step to step that the engine contract promises (D1 to D4).

use std::collections::VecDeque;

use quorate_consensus::{Action, Message};
use quorate_crypto::{Epoch, Signature, ValidatorIndex};

use crate::effect::{EntryNumber, SignNumber, WriteNumber};

/// Leave to do something that can be seen outside. Only the gate makes one.
#[derive(Debug)]
pub(crate) struct Pass(());

/// What something needs on disk before it may pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The last journal entry that it depends on.
    pub(crate) journal: EntryNumber,
    /// The last batch write that it depends on. What waits for a batch write holds nobody up.
    pub(crate) writes: WriteNumber,
}

/// A message that is being signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsigned {
    /// The request for its signature.
    pub(crate) number: SignNumber,
    /// The epoch in which it is said.
    pub(crate) epoch: Epoch,
    /// Who says it.
    pub(crate) sender: ValidatorIndex,
    /// What is said.
    pub(crate) body: quorate_consensus::Body,
}

/// What is let through.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Released {
    /// Actions of a step of this epoch's engine, whose records are durable.
    Actions(Epoch, Vec<Action>),
    /// An own message, signed and durable.
    Own(Message),
}

#[derive(Debug)]
enum Content {
    Actions(Epoch, Vec<Action>),
    Unsigned(Unsigned),
    Own(Message),
}

#[derive(Debug)]
struct Held {
    needs: Needs,
    content: Content,
}

/// Holds back, in order.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    durable: Needs,
    waiting: VecDeque<Held>,
}

impl Held {
    fn is_ready(&self, durable: Needs) -> bool {
        !matches!(self.content, Content::Unsigned(_))
            && (self.needs.journal <= durable.journal || breaks!(SentBeforeDurable))
            && self.needs.writes <= durable.writes
    }

    /// Whether what was asked for later waits for it.
    fn holds_up(&self) -> bool {
        self.needs.writes == WriteNumber::default()
    }
}

impl Gate {
    /// Holds the actions of a step of this epoch's engine until the journal is on disk up to `journal`.
    pub(crate) fn hold_actions(&mut self, epoch: Epoch, journal: EntryNumber, actions: Vec<Action>) {
        let writes = WriteNumber::default();
        self.waiting.push_back(Held {
            needs: Needs { journal, writes },
            content: Content::Actions(epoch, actions),
        });
    }

    /// Holds a place for an own message that is being signed.
    pub(crate) fn hold_unsigned(&mut self, needs: Needs, unsigned: Unsigned) {
        self.waiting.push_back(Held {
            needs,
            content: Content::Unsigned(unsigned),
        });
    }

    /// The signature has come. `record` is given the message, and says under which entry it is kept, if it
    /// has to be kept. False if nothing waits for that signature.
    pub(crate) fn signed(
        &mut self,
        number: SignNumber,
        signature: Signature,
        record: impl FnOnce(&Message) -> Option<EntryNumber>,
    ) -> bool {
        let is_asked = |held: &&mut Held| match &held.content {
            Content::Unsigned(unsigned) => unsigned.number == number,
            Content::Actions(..) | Content::Own(_) => false,
        };
        let Some(held) = self.waiting.iter_mut().find(is_asked) else {
            return false;
        };
        let Content::Unsigned(unsigned) = &held.content else {
            return false;
        };
        let message = Message::new(unsigned.epoch, unsigned.sender, unsigned.body.clone(), signature);
        if let Some(entry) = record(&message) {
            held.needs.journal = held.needs.journal.max(entry);
        }
        held.content = Content::Own(message);
        true
    }

    /// Drops the own messages that wait: they are never said (D7).
    pub(crate) fn drop_own(&mut self) {
        self.waiting
            .retain(|held| matches!(held.content, Content::Actions(..)));
    }

    /// The journal is on disk up to `entry`.
    pub(crate) fn journal_flushed(&mut self, entry: EntryNumber) {
        self.durable.journal = self.durable.journal.max(entry);
    }

    /// The last journal entry that is on disk.
    pub(crate) fn journal(&self) -> EntryNumber {
        self.durable.journal
    }

    /// Batch writes are on disk up to `write`.
    pub(crate) fn writes_flushed(&mut self, write: WriteNumber) {
        self.durable.writes = self.durable.writes.max(write);
    }

    /// The last batch write that something waits for and that is not known to be on disk.
    pub(crate) fn writes_needed(&self) -> Option<WriteNumber> {
        let needed = self.waiting.iter().map(|held| held.needs.writes).max()?;
        (needed > self.durable.writes).then_some(needed)
    }

    /// Takes out the next that may pass, in the order in which it was held.
    pub(crate) fn release(&mut self) -> Option<(Pass, Released)> {
        let mut place = None;
        for (at, held) in self.waiting.iter().enumerate() {
            if held.is_ready(self.durable) {
                place = Some(at);
                break;
            }
            if held.holds_up() {
                break;
            }
        }
        let held = self.waiting.remove(place?)?;
        let released = match held.content {
            Content::Actions(epoch, actions) => Released::Actions(epoch, actions),
            Content::Own(message) => Released::Own(message),
            Content::Unsigned(_) => unreachable!("what is not signed is not ready"),
        };
        Some((Pass(()), released))
    }
}

#[cfg(test)]
mod tests {
    use quorate_consensus::{Body, Timer, pbft};

    use super::*;

    fn unsigned(number: u64) -> Unsigned {
        Unsigned {
            number: SignNumber(number),
            epoch: Epoch(0),
            sender: ValidatorIndex(0),
            body: Body::Pbft(pbft::Body::Complaint { view: pbft::View(0) }),
        }
    }

    fn own() -> Message {
        let Unsigned {
            epoch, sender, body, ..
        } = unsigned(1);
        Message::new(epoch, sender, body, Signature([0; 64]))
    }

    fn needs(journal: u64, writes: u64) -> Needs {
        Needs {
            journal: EntryNumber(journal),
            writes: WriteNumber(writes),
        }
    }

    fn hold_own(gate: &mut Gate, number: u64, needs: Needs) {
        gate.hold_unsigned(needs, unsigned(number));
        assert!(gate.signed(SignNumber(number), Signature([0; 64]), |_| None));
    }

    fn actions(reign: u64) -> Vec<Action> {
        vec![Action::CancelTimer(Timer::Progress { reign })]
    }

    fn released(gate: &mut Gate) -> Vec<Released> {
        std::iter::from_fn(|| gate.release())
            .map(|(_, released)| released)
            .collect()
    }

    #[test]
    fn what_was_to_be_said_before_a_halt_does_not_pass_after_it() {
        let mut gate = Gate::default();
        hold_own(&mut gate, 1, needs(1, 1));
        gate.hold_unsigned(needs(1, 0), unsigned(2));
        gate.hold_actions(Epoch(0), EntryNumber(2), actions(1));
        gate.drop_own();
        gate.journal_flushed(EntryNumber(2));
        gate.writes_flushed(WriteNumber(1));
        assert!(!gate.signed(SignNumber(2), Signature([0; 64]), |_| None));
        assert_eq!(released(&mut gate), [Released::Actions(Epoch(0), actions(1))]);
    }

    #[test]
    fn pitfall_11_nothing_passes_before_both_its_flushes() {
        let mut gate = Gate::default();
        hold_own(&mut gate, 1, needs(1, 2));
        gate.journal_flushed(EntryNumber(1));
        assert!(released(&mut gate).is_empty());
        assert_eq!(gate.writes_needed(), Some(WriteNumber(2)));
        gate.writes_flushed(WriteNumber(1));
        assert!(released(&mut gate).is_empty());
        gate.writes_flushed(WriteNumber(2));
        assert_eq!(gate.writes_needed(), None);
        assert_eq!(released(&mut gate), vec![Released::Own(own())]);
        assert!(released(&mut gate).is_empty());
    }

    #[test]
    fn a_vote_that_waits_for_batches_holds_nobody_up() {
        let mut gate = Gate::default();
        hold_own(&mut gate, 1, needs(1, 9));
        gate.hold_actions(Epoch(0), EntryNumber(0), actions(1));
        assert_eq!(released(&mut gate), vec![Released::Actions(Epoch(0), actions(1))]);
        gate.hold_actions(Epoch(0), EntryNumber(2), actions(2));
        assert!(released(&mut gate).is_empty());
        gate.journal_flushed(EntryNumber(2));
        assert_eq!(released(&mut gate), vec![Released::Actions(Epoch(0), actions(2))]);
    }

    #[test]
    fn a_step_without_records_does_not_overtake_one_that_is_held() {
        let mut gate = Gate::default();
        gate.hold_actions(Epoch(0), EntryNumber(1), actions(1));
        gate.hold_actions(Epoch(0), EntryNumber(0), actions(2));
        hold_own(&mut gate, 1, needs(2, 0));
        gate.hold_actions(Epoch(0), EntryNumber(0), actions(3));
        assert!(released(&mut gate).is_empty());
        gate.journal_flushed(EntryNumber(1));
        assert_eq!(
            released(&mut gate),
            vec![
                Released::Actions(Epoch(0), actions(1)),
                Released::Actions(Epoch(0), actions(2))
            ]
        );
        gate.journal_flushed(EntryNumber(2));
        assert_eq!(
            released(&mut gate),
            vec![Released::Own(own()), Released::Actions(Epoch(0), actions(3))]
        );
    }

    #[test]
    fn what_is_not_signed_yet_is_not_overtaken() {
        let mut gate = Gate::default();
        gate.hold_unsigned(needs(0, 0), unsigned(1));
        gate.hold_actions(Epoch(0), EntryNumber(0), actions(1));
        assert!(released(&mut gate).is_empty());
        // Signed late, it is kept under an entry that is not on disk yet.
        assert!(gate.signed(SignNumber(1), Signature([0; 64]), |_| Some(EntryNumber(3))));
        assert!(released(&mut gate).is_empty());
        gate.journal_flushed(EntryNumber(3));
        assert_eq!(
            released(&mut gate),
            vec![Released::Own(own()), Released::Actions(Epoch(0), actions(1))]
        );
    }
}
