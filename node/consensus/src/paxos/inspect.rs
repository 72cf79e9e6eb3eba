//! What can be seen of a replica from outside: for status, debugging and the simulator.

use std::hash::{Hash, Hasher};

use quorate_crypto::{Digest, Height, ValidatorIndex};

use super::Replica;
use super::message::{AcceptedValue, Ballot, Body, MAX_PROMISED};
use crate::common::{Awaited, Halted, Inquiring as _, Waiting};
use crate::contract::MAX_WINDOW;

impl Replica {
    /// The highest ballot that this replica has promised.
    pub fn ballot(&self) -> Ballot {
        self.acceptor.promised
    }

    /// Whether the distinguished proposer is heard here, or this is it.
    pub fn has_begun(&self) -> bool {
        self.proposer_heard
    }

    /// Whether this is the distinguished proposer.
    pub fn is_leading(&self) -> bool {
        self.proposer.is_leading()
    }

    /// Whose ballot was promised last, if any was.
    pub fn leader(&self) -> Option<ValidatorIndex> {
        let promised = self.acceptor.promised;
        Some(promised.proposer).filter(|_| promised.round > 0)
    }

    /// The last height certified here.
    pub fn certified(&self) -> Height {
        self.base.certified
    }

    /// What was accepted last for each height above the certified one.
    pub fn accepted(&self) -> impl Iterator<Item = AcceptedValue> {
        self.acceptor.accepted_above(self.base.certified)
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

    /// The batches that saying this vouches for: those of whatever it says was accepted and is not known to be
    /// durable. The driver gives it back when they are.
    pub fn vouched(&self, body: &Body) -> Vec<Digest> {
        match body {
            Body::Promise(promise) => {
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
            Body::Accepted(accepted) => {
                let votes = accepted.values.iter().filter_map(|value| {
                    let vote = self.acceptor.accepted.get(&value.height);
                    vote.filter(|vote| vote.digest == value.proposal && !vote.durable)
                });
                votes.flat_map(|vote| vote.proposal.batches()).copied().collect()
            }
            Body::Prepare(_) | Body::Accept(_) | Body::Nack(_) | Body::Chosen(_) | Body::Yield(_) => {
                Vec::new()
            }
        }
    }

    /// For each height in flight, what it is waiting for and from whom.
    pub fn waiting(&self) -> Vec<Waiting> {
        let open = self.finalities.range(..=self.base.high_watermark());
        open.map(|(height, finality)| {
            let own = || self.base.config.index.into_iter().collect();
            let leader = || self.leader().into_iter().collect();
            let all = || self.base.config.committee.indices();
            let (awaited, missing) = if finality.executed.is_some() {
                let missing = all().filter(|validator| !finality.seals.contains_key(validator));
                (Awaited::Seals, missing.collect())
            } else if finality.decided.is_some() {
                (Awaited::Execution, own())
            } else if self.acceptor.asked.contains_key(height) {
                (Awaited::Batches, own())
            } else if self.proposer.proposed(*height).is_some() {
                let accepted_by: Vec<_> = self.learner.accepted_by(*height).collect();
                let missing = all().filter(|validator| !accepted_by.contains(validator));
                (Awaited::DecidingVotes, missing.collect())
            } else if self.acceptor.accepted.contains_key(height) {
                (Awaited::DecidingVotes, leader())
            } else {
                (Awaited::Proposal, leader())
            };
            Waiting {
                height: *height,
                awaited,
                missing,
            }
        })
        .collect()
    }

    /// Feeds a hasher with all that decides what the replica says about ballots and heights; its timers, its
    /// configuration and where it believes its peers to be are left out. For model checking.
    pub fn hash_protocol(&self, hasher: &mut impl Hasher) {
        (&self.proposer, &self.acceptor, &self.learner, &self.finalities).hash(hasher);
        (self.seen, self.proposer_heard, self.early).hash(hasher);
        (self.yielded, self.called).hash(hasher);
        (self.base.certified, self.base.epoch_end, self.base.halted).hash(hasher);
        self.base.backlog.hash(hasher);
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
        let window = usize::try_from(self.base.window).unwrap_or(usize::MAX);
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
