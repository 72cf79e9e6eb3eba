//! Rebuilding a replica from its journal: the ballot that it promised, and what it accepted above the chain.

use quorate_crypto::Height;

use super::Replica;
use super::message;
use crate::common::Orderer as _;
use crate::contract::Record;
use crate::message::Body;

impl Replica {
    /// Takes the records in the order in which they were written. It proposes nothing until it prepares
    /// another ballot, and learns again what is chosen.
    pub(super) fn restore(&mut self, records: Vec<Record>) {
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
                    if value.height > self.base.certified && !breaks!(AcceptedForgotten) {
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
            let _ = self.finality_mut(height);
        }
    }
}
