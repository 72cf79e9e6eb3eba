//! What of a replica of Raft is on its disk.

use quorate_crypto::{Digest, Height};

use super::Raft;
use super::message::Body;
use crate::common::Base;
use crate::message;

impl Raft {
    /// All up to here is on disk.
    pub(super) fn on_durable(&mut self, index: Height) {
        self.durable = self.durable.max(index);
        self.unwritten = self.unwritten.split_off(&self.durable.next());
    }

    /// The batches up to this index that are not known to be durable.
    pub(super) fn not_durable(&self, base: &Base, index: Height) -> Vec<Digest> {
        let above = self.durable.max(base.certified);
        let entries = self.log.after(above).take_while(|(at, _)| *at <= index);
        let entries = entries.flat_map(|(_, entry)| entry.proposal.batches());
        let blocks = self.unwritten.range(..=index).flat_map(|(_, batches)| batches);
        blocks.chain(entries).copied().collect()
    }

    /// The batches that saying this vouches for: the driver gives it back when they are durable. Who says that
    /// its log is somebody's says so of all below, blocks that are being written included.
    pub(super) fn vouched_by(&self, base: &Base, body: &message::Body) -> Vec<Digest> {
        match body {
            message::Body::Raft(Body::AppendReply(reply)) if reply.success => {
                self.not_durable(base, reply.index)
            }
            _ => Vec::new(),
        }
    }
}
