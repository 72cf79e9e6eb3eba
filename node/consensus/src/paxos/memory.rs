//! What binds after a crash: the ballot that was promised, and what was accepted above the chain.

use quorate_crypto::{Digest, Height};

use super::{Paxos, message};
use crate::common::Base;
use crate::contract::Record;
use crate::message::Body;

impl Paxos {
    /// Takes the records in the order in which they were written. It proposes nothing until it prepares
    /// another ballot, and learns again what is chosen.
    pub(super) fn restore_records(&mut self, base: &mut Base, records: Vec<Record>) {
        for record in records {
            let record = match record {
                Record::Paxos(_, record) => record,
                Record::Own(message) => {
                    if let Body::Seal { height, .. } = message.v1().body {
                        self.sealed = self.sealed.max(height);
                    }
                    continue;
                }
                Record::Accepted(_)
                | Record::Prepared(_)
                | Record::Entered(_)
                | Record::Raft(..)
                | Record::StoodDown(_) => continue,
            };
            match record {
                message::Record::Promised(ballot) => {
                    if !breaks!(PromiseForgotten) {
                        self.acceptor.promised = self.acceptor.promised.max(ballot);
                    }
                }
                // One whose batches are lost was left out: see `Record::without_unsent`. It was not told.
                message::Record::Accepted(value) => {
                    if value.height > base.certified && !breaks!(AcceptedForgotten) {
                        self.acceptor.promised = self.acceptor.promised.max(value.ballot);
                        self.acceptor.keep(value, true);
                    }
                }
            }
        }
        self.acceptor.persisted = self.acceptor.promised;
        self.see(self.acceptor.promised);
        let heights: Vec<Height> = self.acceptor.accepted.keys().copied().collect();
        for height in heights {
            // One that is too far above to be decided soon has no finality yet.
            let _ = base.finality_mut(height);
        }
    }

    /// A promise is durable before anything that this step says leaves.
    pub(super) fn persist(&mut self, base: &mut Base) {
        let promised = self.acceptor.promised;
        if base.voter().is_none() || base.is_finished() || self.acceptor.persisted == promised {
            return;
        }
        self.acceptor.persisted = promised;
        let epoch = base.config.committee.epoch();
        let record = Record::Paxos(epoch, message::Record::Promised(promised));
        // Before anything that is accepted in the ballot, should a crash keep a part of them.
        base.out.records.insert(0, record);
    }

    /// The batches that saying this vouches for: those of whatever it says was accepted and is not known to be
    /// durable. The driver gives it back when they are.
    pub(super) fn vouched_by(&self, body: &message::Body) -> Vec<Digest> {
        match body {
            message::Body::Promise(promise) => {
                let values = promise.accepted.iter();
                let values = values.filter(|value| {
                    let vote = self.acceptor.accepted.get(&value.height);
                    vote.is_none_or(|vote| vote.ballot != value.ballot || !vote.durable)
                });
                values
                    .flat_map(|value| value.proposal.batches())
                    .copied()
                    .collect()
            }
            message::Body::Accepted(accepted) => {
                let votes = accepted.values.iter().filter_map(|value| {
                    let vote = self.acceptor.accepted.get(&value.height);
                    vote.filter(|vote| vote.digest == value.proposal && !vote.durable)
                });
                votes.flat_map(|vote| vote.proposal.batches()).copied().collect()
            }
            message::Body::Prepare(_)
            | message::Body::Accept(_)
            | message::Body::Nack(_)
            | message::Body::Chosen(_)
            | message::Body::Yield(_) => Vec::new(),
        }
    }
}

/// Asks for a record of this epoch.
pub(super) fn record(base: &mut Base, record: message::Record) {
    let epoch = base.config.committee.epoch();
    base.record(Record::Paxos(epoch, record));
}
