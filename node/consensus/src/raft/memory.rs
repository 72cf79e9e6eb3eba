//! What binds after a crash: the term, its vote and the log above the chain; and what is remembered by that.

use quorate_crypto::{Height, ValidatorIndex};

use super::Raft;
use super::message::{self, Term};
use crate::common::{Base, Halted};
use crate::contract::{Action, Record};
use crate::message::Body;
use crate::testimony::Statement;

impl Raft {
    /// A driver may have written older ones anew after newer ones. A vote is never taken back in its term.
    fn restore_term(&mut self, term: Term, voted_for: Option<ValidatorIndex>) {
        if term > self.term {
            (self.term, self.voted_for) = (term, None);
        }
        if term == self.term && !breaks!(VoteForgotten) {
            self.voted_for = self.voted_for.or(voted_for);
        }
    }

    /// Takes the records in the order in which they were written. It follows from then on, and a leader
    /// tells it what is committed.
    pub(super) fn restore_records(&mut self, base: &mut Base, records: Vec<Record>) {
        let mut lost = None;
        for record in records {
            let record = match record {
                Record::Raft(_, record) => record,
                Record::Own(message) => {
                    if let Body::Seal { height, .. } = message.v1().body {
                        self.durable.on_sealed(height);
                    }
                    continue;
                }
                Record::Accepted(_)
                | Record::Prepared(_)
                | Record::Entered(_)
                | Record::Paxos(..)
                | Record::StoodDown(_) => {
                    continue;
                }
            };
            match record {
                message::Record::Term { term, voted_for } => self.restore_term(term, voted_for),
                message::Record::Entry {
                    index,
                    previous,
                    entry,
                } => {
                    if !self.log.restore(index, previous, entry) {
                        lost = lost.or(Some(index));
                    }
                }
            }
        }
        if let Some(height) = lost.filter(|_| base.config.index.is_some()) {
            halt_for_loss(base, height);
        }
        self.persisted = (self.term, self.voted_for);
        self.durable.on_restored(self.log.last_index());
        let restored = self.log.after(base.certified);
        let heights: Vec<_> = restored.map(|(height, _)| height).collect();
        for height in heights {
            // One that is too far above to be decided soon has no finality yet.
            let _ = base.finality_mut(height);
        }
        assert!(
            self.log.rank().term <= self.term,
            "a term is recorded before any entry of it"
        );
    }

    /// Term and vote are durable before anything that this step says leaves (section 5.1).
    pub(super) fn persist(&mut self, base: &mut Base) {
        let now = (self.term, self.voted_for);
        if base.voter().is_none() || base.is_finished() || self.persisted == now {
            return;
        }
        self.persisted = now;
        let (term, voted_for) = now;
        let epoch = base.config.committee.epoch();
        let record = Record::Raft(epoch, message::Record::Term { term, voted_for });
        // Before any entry of the term, should a crash keep a part of them.
        base.out.records.insert(0, record);
    }

    /// What was said in a term before the last one of which the journal tells binds no more.
    pub(super) fn remembers_statement(
        &self,
        base: &Base,
        own: ValidatorIndex,
        statement: &Statement,
    ) -> bool {
        let (term, voted_for) = self.persisted;
        let voted = |of: Term, whom| of < term || (of == term && voted_for == Some(whom));
        match statement {
            Statement::Seal { height, .. } => {
                self.durable.has_sealed(*height) || self.log.get(*height).is_some()
            }
            Statement::RequestVote(request) => voted(request.term, own),
            Statement::VoteReply(reply) => voted(reply.term, reply.candidate),
            Statement::AppendReply(reply) => {
                reply.index <= base.certified
                    || reply.term < term
                    || (reply.term == term && reply.index <= self.log.last_index())
            }
            _ => false,
        }
    }

    /// Makes an entry of the log durable.
    pub(super) fn record_entry(&self, base: &mut Base, index: Height) {
        let previous = self.log.term_at(Height(index.0.saturating_sub(1)));
        let entry = self.log.get(index).cloned();
        if let Some(entry) = entry.filter(|_| base.voter().is_some() && !base.is_finished()) {
            record(
                base,
                message::Record::Entry {
                    index,
                    previous,
                    entry,
                },
            );
        }
    }
}

/// Asks for a record of this epoch.
pub(super) fn record(base: &mut Base, record: message::Record) {
    let epoch = base.config.committee.epoch();
    base.record(Record::Raft(epoch, record));
}

/// An entry was recorded above others, or above a block that was on disk, and entries whose batches are lost were
/// left out with all that followed them: so what it followed was counted on by whoever heard of it, and is gone.
/// To drop it in silence would be to forget what was acknowledged.
fn halt_for_loss(base: &mut Base, height: Height) {
    base.halted = Some(Halted::Forgotten);
    base.inquiry.give_up();
    base.out.actions.push(Action::Lost { height });
}
