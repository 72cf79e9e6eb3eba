//! What can be seen of a replica from outside: for status, debugging and the simulator.

use std::hash::{Hash, Hasher};

use quorate_crypto::{Height, ValidatorIndex};

use super::message::{AcceptedValue, Ballot, MAX_PROMISED};
use super::{Paxos, Replica};
use crate::common::{Awaited, Base, Orderer as _};

impl Replica {
    /// The highest ballot that this replica has promised.
    pub fn ballot(&self) -> Ballot {
        self.orderer.acceptor.promised
    }

    /// Whether this is the distinguished proposer.
    pub fn is_leading(&self) -> bool {
        self.orderer.proposer.is_leading()
    }

    /// Whose ballot was promised last, if any was.
    pub fn leader(&self) -> Option<ValidatorIndex> {
        self.orderer.reign(&self.base).leader
    }

    /// What was accepted last for each height above the certified one.
    pub fn accepted(&self) -> impl Iterator<Item = AcceptedValue> {
        self.orderer.acceptor.accepted_above(self.base.certified)
    }

    /// Feeds a hasher with all that decides what the replica says about ballots and heights; its timers, its
    /// configuration and where it believes its peers to be are left out. For model checking.
    pub fn hash_protocol(&self, hasher: &mut impl Hasher) {
        let paxos = &self.orderer;
        (&paxos.proposer, &paxos.acceptor, &paxos.learner).hash(hasher);
        (paxos.seen, paxos.proposer_heard, paxos.early).hash(hasher);
        (paxos.yielded, paxos.called).hash(hasher);
        self.base.hash_protocol(hasher);
    }
}

impl Paxos {
    /// What a height that is not decided is waiting for, and from whom.
    pub(super) fn waits_at(&self, base: &Base, height: Height) -> (Awaited, Vec<ValidatorIndex>) {
        let leader = || self.reign(base).leader.into_iter().collect();
        if self.acceptor.asked.contains_key(&height) {
            (Awaited::Batches, base.config.index.into_iter().collect())
        } else if self.proposer.proposed(height).is_some() {
            let accepted_by: Vec<_> = self.learner.accepted_by(height).collect();
            let all = base.config.committee.indices();
            let missing = all.filter(|validator| !accepted_by.contains(validator));
            (Awaited::DecidingVotes, missing.collect())
        } else if self.acceptor.accepted.contains_key(&height) {
            (Awaited::DecidingVotes, leader())
        } else {
            (Awaited::Proposal, leader())
        }
    }

    /// Asserts what must hold between any two steps.
    pub(super) fn check(&self, base: &Base) {
        let certified = base.certified;
        let two_windows = base.window.saturating_mul(2);
        let size = base.config.committee.size();
        let acceptor = &self.acceptor;
        assert!(
            acceptor
                .accepted
                .values()
                .all(|vote| vote.ballot <= acceptor.promised),
            "nothing is accepted above the promised ballot"
        );
        for kept in [acceptor.accepted.keys().next(), acceptor.asked.keys().next()] {
            assert!(
                kept.is_none_or(|height| *height > certified),
                "what is certified is forgotten"
            );
        }
        let two_windows = usize::try_from(two_windows).unwrap_or(usize::MAX);
        let window = usize::try_from(base.window).unwrap_or(usize::MAX);
        assert!(acceptor.asked.len() <= two_windows, "two windows of values wait");
        assert!(
            self.learner.len() <= two_windows,
            "two windows of what is chosen are kept"
        );
        assert!(self.proposer.open_heights() <= window, "a window is proposed");
        assert!(
            self.proposer.carried() <= size * MAX_PROMISED,
            "what phase 1 brings up is bounded"
        );
        if let Some(ballot) = self.proposer.ballot() {
            assert!(ballot <= self.seen, "own ballots have been seen");
            assert!(
                !self.proposer.is_leading() || ballot == acceptor.promised,
                "the distinguished proposer has its own promise"
            );
        }
    }
}
