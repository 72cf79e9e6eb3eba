//! What can be seen of a replica from outside: for status, debugging and the simulator.

use std::hash::{Hash, Hasher};

use quorate_crypto::{Height, ValidatorIndex};

use super::message::{Entry, Term};
use super::role::Role;
use super::{MAX_LOG, Raft, Replica};
use crate::common::{Awaited, Base};

impl Replica {
    /// The current term.
    pub fn term(&self) -> Term {
        self.orderer.term
    }

    /// Whether this replica leads the term.
    pub fn is_leading(&self) -> bool {
        self.orderer.is_leader()
    }

    /// The term's leader, if it is known.
    pub fn leader(&self) -> Option<ValidatorIndex> {
        self.orderer.leader(&self.base)
    }

    /// The commit index.
    pub fn commit(&self) -> Height {
        self.orderer.commit
    }

    /// The log above the certified height.
    pub fn entries(&self) -> impl Iterator<Item = (Height, &Entry)> {
        self.orderer.log.after(self.base.certified)
    }

    /// Feeds a hasher with all that decides what the replica says about terms and heights; its timers, its
    /// configuration and where it believes its peers to be are left out. For model checking.
    pub fn hash_protocol(&self, hasher: &mut impl Hasher) {
        let raft = &self.orderer;
        let terms = (raft.term, raft.voted_for, &raft.role);
        let reached = (raft.commit, raft.decided, &raft.durable, raft.leader_commit);
        (terms, &raft.log, reached, &raft.signing).hash(hasher);
        self.base.hash_protocol(hasher);
    }
}

impl Raft {
    /// What a height that is not decided is waiting for, and from whom.
    pub(super) fn waits_at(&self, base: &Base, height: Height) -> (Awaited, Vec<ValidatorIndex>) {
        if self.role.has_staged(height) {
            (Awaited::Batches, base.config.index.into_iter().collect())
        } else if self.log.get(height).is_none() {
            (Awaited::Proposal, self.leader(base).into_iter().collect())
        } else {
            (Awaited::DecidingVotes, self.not_reached(base, height))
        }
    }

    /// Asserts what must hold between any two steps.
    pub(super) fn check(&self, base: &Base) {
        let certified = base.certified;
        let entries = self.log.after(certified);
        let ordering = entries.filter(|(_, entry)| !entry.proposal.batches().is_empty());
        assert!(ordering.count() <= MAX_LOG, "logs are bounded");
        let last = self.log.last_index();
        assert!(self.commit <= last, "what is committed is in the log");
        assert!(
            certified <= self.decided && self.decided <= self.commit,
            "in order"
        );
        if let Some(following) = self.role.following() {
            assert!(following.matched <= last, "what matches is in the log");
            if let Some((first, _)) = following.staged.first_key_value() {
                assert_eq!(*first, last.next(), "what is staged follows the log");
            }
        }
        if let Role::Leader(leadership) = &self.role {
            leadership.check_invariants(certified, last);
        }
        assert!(self.log.rank().term <= self.term, "entries are of terms entered");
    }
}
