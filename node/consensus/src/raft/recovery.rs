//! Rebuilding a replica from its journal: the term, its vote, and the log above the chain.

use quorate_crypto::ValidatorIndex;

use super::Replica;
use super::message::{self, Term};
use crate::common::Orderer as _;
use crate::contract::Record;
use crate::message::Body;

impl Replica {
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
    pub(super) fn restore(&mut self, records: Vec<Record>) {
        for record in records {
            let record = match record {
                Record::Raft(_, record) => record,
                Record::Own(message) => {
                    if let Body::Seal { height, .. } = message.v1().body {
                        self.sealed = self.sealed.max(height);
                    }
                    continue;
                }
                Record::Accepted(_) | Record::Prepared(_) | Record::Entered(_) | Record::Paxos(..) => {
                    continue;
                }
            };
            match record {
                message::Record::Term { term, voted_for } => self.restore_term(term, voted_for),
                message::Record::Entry {
                    index,
                    previous,
                    entry,
                } => self.log.restore(index, previous, entry),
            }
        }
        self.persisted = (self.term, self.voted_for);
        // Entries whose batches are lost were left out: see `Record::without_unsent`.
        self.durable = self.log.last_index();
        let restored = self.log.after(self.base.certified);
        let heights: Vec<_> = restored.map(|(height, _)| height).collect();
        for height in heights {
            // One that is too far above to be decided soon has no finality yet.
            let _ = self.finality_mut(height);
        }
        assert!(
            self.log.rank().term <= self.term,
            "a term is recorded before any entry of it"
        );
    }
}
