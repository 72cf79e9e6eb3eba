//! What can be seen of a replica from outside: for status, debugging and the simulator.

use std::hash::{Hash, Hasher};

use quorate_crypto::{Digest, Height, ValidatorIndex};

use super::message::{Body, Entry, Term};
use super::replica::Role;
use super::{MAX_LOG, Replica};
use crate::common::{Awaited, Halted, Inquiring as _, Waiting};
use crate::contract::MAX_WINDOW;

impl Replica {
    /// The current term.
    pub fn term(&self) -> Term {
        self.term
    }

    /// Whether the term has a leader that is heard here, or that this is.
    pub fn has_begun(&self) -> bool {
        self.leader_heard
    }

    /// Whether this replica leads the term.
    pub fn is_leading(&self) -> bool {
        self.is_leader()
    }

    /// The term's leader, if it is known.
    pub fn leader(&self) -> Option<ValidatorIndex> {
        self.leader
    }

    /// The last height certified here.
    pub fn certified(&self) -> Height {
        self.base.certified
    }

    /// The commit index.
    pub fn commit(&self) -> Height {
        self.commit
    }

    /// The log above the certified height.
    pub fn entries(&self) -> impl Iterator<Item = (Height, &Entry)> {
        self.log.after(self.base.certified)
    }

    /// Whose answers are still to come before this replica votes; empty once it does.
    pub fn unanswered(&self) -> Vec<ValidatorIndex> {
        self.asked_and_silent()
    }

    /// Why this replica votes no more, if so.
    pub fn halted(&self) -> Option<Halted> {
        self.base.halted
    }

    /// How many heights of the window are in use, and how many it has.
    pub fn window_occupancy(&self) -> (usize, usize) {
        let used = self.finalities.range(..=self.base.high_watermark()).count();
        (used, usize::try_from(self.base.window).unwrap_or(MAX_WINDOW))
    }

    /// How many batches wait to be ordered.
    pub fn unordered_batches(&self) -> usize {
        self.base.backlog.len()
    }

    /// The batches that saying this vouches for: the driver gives it back when they are durable. Who says that
    /// its log is somebody's says so of all below, blocks that are being written included.
    pub fn vouched(&self, body: &Body) -> Vec<Digest> {
        match body {
            Body::AppendReply(reply) if reply.success => self.not_durable(reply.index),
            _ => Vec::new(),
        }
    }

    /// The batches up to this index that are not known to be durable.
    fn not_durable(&self, index: Height) -> Vec<Digest> {
        let above = self.durable.max(self.base.certified);
        let entries = self.log.after(above).take_while(|(at, _)| *at <= index);
        let entries = entries.flat_map(|(_, entry)| entry.proposal.batches());
        let blocks = self.unwritten.range(..=index).flat_map(|(_, batches)| batches);
        blocks.chain(entries).copied().collect()
    }

    /// For each height in flight, what it is waiting for and from whom.
    pub fn waiting(&self) -> Vec<Waiting> {
        let open = self.finalities.range(..=self.base.high_watermark());
        open.map(|(height, finality)| {
            let own = || self.base.config.index.into_iter().collect();
            let (awaited, missing) = if finality.executed.is_some() {
                let all = self.base.config.committee.indices();
                let missing = all.filter(|validator| !finality.seals.contains_key(validator));
                (Awaited::Seals, missing.collect())
            } else if finality.decided.is_some() {
                (Awaited::Execution, own())
            } else if self.staged.contains_key(height) {
                (Awaited::Batches, own())
            } else if self.log.get(*height).is_none() {
                (Awaited::Proposal, self.leader.into_iter().collect())
            } else {
                (Awaited::DecidingVotes, self.not_reached(*height))
            };
            Waiting {
                height: *height,
                awaited,
                missing,
            }
        })
        .collect()
    }

    /// Feeds a hasher with all that decides what the replica says about terms and heights; its timers, its
    /// configuration and where it believes its peers to be are left out. For model checking.
    pub fn hash_protocol(&self, hasher: &mut impl Hasher) {
        let terms = (
            self.term,
            self.voted_for,
            &self.role,
            self.leader,
            self.leader_heard,
            self.called,
        );
        let heights = (self.base.certified, &self.log, &self.staged, &self.finalities);
        let reached = (
            self.commit,
            self.decided,
            self.matched,
            self.answering,
            self.durable,
            self.leader_commit,
            &self.unwritten,
        );
        (terms, heights, reached, &self.signing, &self.base.backlog).hash(hasher);
        (self.base.epoch_end, self.base.halted).hash(hasher);
    }

    /// Asserts what must hold between any two steps.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_invariants(&self) {
        self.base.check_invariants();
        let certified = self.base.certified;
        let two_windows = self.base.window.saturating_mul(2);
        let size = self.base.config.committee.size();
        for (height, finality) in &self.finalities {
            assert!(
                *height > certified,
                "nothing is kept at or below the certified height"
            );
            assert!(
                height.0 - certified.0 <= two_windows,
                "two windows of finalities are kept"
            );
            assert!(finality.seals.len() <= size, "one seal a validator");
            assert!(
                finality.executed.is_none() || finality.decided.is_some(),
                "only what is decided is executed"
            );
        }
        let entries = self.log.after(certified);
        let ordering = entries.filter(|(_, entry)| !entry.proposal.batches().is_empty());
        assert!(ordering.count() <= MAX_LOG, "logs are bounded");
        let last = self.log.last_index();
        assert!(self.matched <= last, "what matches is in the log");
        assert!(self.commit <= last, "what is committed is in the log");
        assert!(
            certified <= self.decided && self.decided <= self.commit,
            "in order"
        );
        if let Some((first, _)) = self.staged.first_key_value() {
            assert_eq!(*first, last.next(), "what is staged follows the log");
        }
        if let Role::Leader(leadership) = &self.role {
            leadership.check_invariants(certified, last);
        }
        assert!(self.log.rank().term <= self.term, "entries are of terms entered");
    }
}
