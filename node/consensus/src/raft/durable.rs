//! What of a replica of Raft is on its disk, and what it may say because of that.
//!
//! Term and vote, and each entry as it is appended ([`Record`](super::Record)), are durable before anything that follows
//! from them leaves; then messages need not be. Hence:
//! - **An answer waits for the batches of all entries up to its index**, those too that have become blocks and are
//!   being written. So what a quorum has acknowledged a quorum can give, whoever is elected.
//! - **From a leader's own entry nothing follows before the leader counts itself**, so its appends wait for nothing
//!   (thesis, 10.2.1). The entry is recorded once it has left and its batches are here, or when the leader follows, or
//!   before a block takes its place: no entry in a journal follows one that was never there. The leader counts itself
//!   when its answer to itself comes back, which waits as any other does and is not sent.
//! - **An entry whose batches a crash has lost** is taken out of the journal at a restart with all that followed it:
//!   none of these was acknowledged. A seal is recorded if its entry could be lost in that way.
//! - After that an entry of the journal that follows neither another nor a block on disk shows that one of these has
//!   been lost: the replica votes no more in the epoch.
//! - **A fetched block is on disk before the replica hears of it**, as entries above it count without it.
//! - **What is certified here leaves the log**, and need not be on disk yet. The batches of such entries are kept in
//!   mind until an answer that vouches for them has come back, or fetched blocks above theirs are told to be on disk.

use std::collections::BTreeMap;

use quorate_crypto::{Digest, Height};
use serde::{Deserialize, Serialize};

use super::Raft;
use super::log::Log;
use super::message::Body;
use super::role::Role;
use crate::common::Base;
use crate::contract::Rejection;
use crate::message;

/// What is known of the disk.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Durable {
    /// Up to here all is known to be durable here: entries with their batches, or blocks.
    up_to: Height,
    /// The batches of entries above that which have become blocks already.
    unwritten: BTreeMap<Height, Vec<Digest>>,
    /// The highest height of which the journal has an own seal.
    sealed: Height,
}

impl Durable {
    pub(super) fn new(certified: Height) -> Self {
        Self {
            up_to: certified,
            sealed: certified,
            ..Self::default()
        }
    }

    /// All up to here is on disk.
    pub(super) fn on_durable(&mut self, index: Height) {
        self.up_to = self.up_to.max(index);
        self.unwritten = self.unwritten.split_off(&self.up_to.next());
    }

    /// A journal has been read that holds a log up to here. Entries whose batches are lost were left out: see
    /// [`Record::without_unsent`](crate::Record::without_unsent).
    pub(super) fn on_restored(&mut self, last: Height) {
        self.up_to = last;
    }

    /// The journal has an own seal of this height.
    pub(super) fn on_sealed(&mut self, height: Height) {
        self.sealed = self.sealed.max(height);
    }

    /// The log ends here: what was above has been deleted, and something else may come in its place.
    pub(super) fn on_truncated(&mut self, last: Height) {
        self.up_to = self.up_to.min(last);
    }

    /// Entries up to here leave the log as blocks.
    pub(super) fn on_certified(&mut self, certified: Height, log: &Log) {
        let entries = log.after(self.up_to);
        let leaving = entries.take_while(|(index, _)| *index <= certified);
        let batches = leaving.map(|(index, entry)| (index, entry.proposal.batches().to_vec()));
        self.unwritten.extend(batches);
    }

    /// The batches up to this index that are not known to be durable.
    fn lacking(&self, index: Height, certified: Height, log: &Log) -> Vec<Digest> {
        let above = self.up_to.max(certified);
        let entries = log.after(above).take_while(|(at, _)| *at <= index);
        let entries = entries.flat_map(|(_, entry)| entry.proposal.batches());
        let blocks = self.unwritten.range(..=index).flat_map(|(_, batches)| batches);
        blocks.chain(entries).copied().collect()
    }

    /// Only what is in the log is decided, executed and sealed; but a crash may lose an entry whose batches
    /// are not durable yet, and a block that is being written.
    pub(super) fn explains_seal(&self, height: Height) -> bool {
        height <= self.up_to
    }

    /// Whether the journal has an own seal of this height or a higher one.
    pub(super) fn has_sealed(&self, height: Height) -> bool {
        height <= self.sealed
    }
}

impl Raft {
    /// The batches that saying this vouches for: the driver gives it back when they are durable. Who says that
    /// its log is somebody's says so of all below, blocks that are being written included.
    pub(super) fn vouched_by(&self, base: &Base, body: &message::Body) -> Vec<Digest> {
        match body {
            message::Body::Raft(Body::AppendReply(reply)) if reply.success => {
                self.durable.lacking(reply.index, base.certified, &self.log)
            }
            _ => Vec::new(),
        }
    }

    /// The batches of an own entry are here.
    pub(super) fn on_own_available(
        &mut self,
        base: &mut Base,
        height: Height,
        proposal: Digest,
    ) -> Result<(), Rejection> {
        let is_it = self
            .log
            .get(height)
            .is_some_and(|entry| entry.proposal.digest() == proposal);
        let Role::Leader(leadership) = &mut self.role else {
            return Err(Rejection::Unasked);
        };
        let looked_for = leadership.unrecorded.get_mut(&height).filter(|_| is_it);
        *looked_for.ok_or(Rejection::Unasked)? = true;
        let ready = leadership.unrecorded.iter().take_while(|(_, here)| **here);
        if let Some(last) = ready.map(|(index, _)| *index).last() {
            self.record_own_up_to(base, last);
            self.answer_itself(base, last);
        }
        Ok(())
    }

    /// Records own entries that are not recorded yet, so that a journal has no gap.
    pub(super) fn record_own_up_to(&mut self, base: &mut Base, index: Height) {
        let Role::Leader(leadership) = &mut self.role else {
            return;
        };
        let above = leadership.unrecorded.split_off(&index.next());
        let recorded = std::mem::replace(&mut leadership.unrecorded, above);
        for height in recorded.into_keys() {
            self.record_entry(base, height);
        }
    }

    /// The leader's answer to its own append. It is not sent: when it comes back, the leader counts itself.
    pub(super) fn answer_itself(&self, base: &mut Base, index: Height) {
        if let Some(own) = base.voter() {
            self.reply(base, own, true, index);
        }
    }

    /// The own log is durable up to an index, with the batches of all that it holds.
    pub(super) fn count_itself(&mut self, base: &mut Base, index: Height) {
        if let Role::Leader(leadership) = &mut self.role {
            leadership.counted = leadership.counted.max(index);
            self.commit_replicated(base);
        }
    }
}
