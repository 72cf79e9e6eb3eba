//! Rebuilding a replica from its journal: the ballot that it promised, and what it accepted above the chain.

use quorate_crypto::Height;

use super::Paxos;
use super::message;
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
                Record::Accepted(_) | Record::Prepared(_) | Record::Entered(_) | Record::Raft(..) => continue,
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
}

/// Asks for a record of this epoch.
pub(super) fn record(base: &mut Base, record: message::Record) {
    let epoch = base.config.committee.epoch();
    base.record(Record::Paxos(epoch, record));
}
