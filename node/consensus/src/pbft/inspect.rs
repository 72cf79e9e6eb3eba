//! What can be seen of a replica from outside: for status, debugging and the simulator.

use std::hash::{Hash, Hasher};

use quorate_crypto::{Digest, Height, ValidatorIndex};

use super::Replica;
use super::instance::{Instance, Phase};
use super::message::{Body, View};
use crate::common::{Awaited, Halted, Inquiring as _, Waiting};
use crate::contract::MAX_WINDOW;

impl Replica {
    /// The current view.
    pub fn view(&self) -> View {
        self.view
    }

    /// Whether the current view has begun here; if not, a view change is under way.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// The primary of the current view.
    pub fn leader(&self) -> ValidatorIndex {
        self.primary()
    }

    /// The last height certified here.
    pub fn certified(&self) -> Height {
        self.base.certified
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
        let used = self.instances.range(..=self.base.high_watermark()).count();
        (used, usize::try_from(self.base.window).unwrap_or(MAX_WINDOW))
    }

    /// How many batches wait to be ordered.
    pub fn unordered_batches(&self) -> usize {
        self.base.backlog.len()
    }

    /// The batches that saying this vouches for: the driver gives it back when they are durable.
    pub fn vouched(&self, body: &Body) -> Vec<Digest> {
        match body {
            Body::PrePrepare { proposal, .. } => proposal.batches().to_vec(),
            Body::Prepare { height, proposal, .. } => {
                let instance = self.instances.get(height);
                let proposal = instance.and_then(|instance| instance.proposal_of(*proposal));
                proposal.map_or_else(Vec::new, |proposal| proposal.batches().to_vec())
            }
            Body::Commit { .. } | Body::Complaint { .. } | Body::ViewChange(_) | Body::NewView(_) => {
                Vec::new()
            }
        }
    }

    /// For each height in flight, what it is waiting for and from whom.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.instances
            .range(..=self.base.high_watermark())
            .map(|(height, instance)| self.waiting_at(*height, instance))
            .collect()
    }

    fn waiting_at(&self, height: Height, instance: &Instance) -> Waiting {
        let committee = &self.base.config.committee;
        let without = |gave: &dyn Fn(ValidatorIndex) -> bool| -> Vec<ValidatorIndex> {
            committee
                .indices()
                .filter(|validator| !gave(*validator))
                .collect()
        };
        let own = self.base.config.index.into_iter().collect();
        let (awaited, missing) = if instance.finality.executed.is_some() {
            (
                Awaited::Seals,
                without(&|v| instance.finality.seals.contains_key(&v)),
            )
        } else if instance.finality.decided.is_some() {
            (Awaited::Execution, own)
        } else if instance.proposed_in(self.view).is_none() || self.is_needless(height) {
            (Awaited::Proposal, vec![self.primary()])
        } else if !instance.is_available() {
            (Awaited::Batches, own)
        } else if !instance.is_prepared(self.view, committee) {
            let prepared = instance.prepared_by(self.view, committee);
            let asked = instance.asked_prepare == Some(self.view);
            if self.base.voter().is_some() && self.begun && !asked {
                (Awaited::Clock, own)
            } else {
                (Awaited::Prepares, without(&|v| prepared.contains(&v)))
            }
        } else {
            let committed = |v| {
                instance
                    .vote(Phase::Commit, v)
                    .is_some_and(|vote| vote.view == self.view)
            };
            (Awaited::DecidingVotes, without(&committed))
        };
        Waiting {
            height,
            awaited,
            missing,
        }
    }

    /// Feeds a hasher with all that decides what the replica says about views and heights; its timers,
    /// its configuration and where it believes its peers to be are left out. For model checking.
    pub fn hash_protocol(&self, hasher: &mut impl Hasher) {
        let views = (self.view, self.begun, self.carried_to, &self.changes);
        let heights = (
            self.base.certified,
            &self.base.certificates,
            &self.instances,
            &self.base.backlog,
        );
        (views, heights, self.base.epoch_end, self.base.halted).hash(hasher);
    }

    /// Asserts what must hold between any two steps.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_invariants(&self) {
        self.base.check_invariants();
        let two_windows = self.base.window.saturating_mul(2);
        let size = self.base.config.committee.size();
        self.judgement.check_invariants(2 * MAX_WINDOW, size);
        let changes = &self.changes;
        for kept in [changes.complaints.len(), changes.changes.len()] {
            assert!(kept <= size, "one slot a validator");
        }
        for (height, instance) in &self.instances {
            assert!(
                *height > self.base.certified,
                "nothing is kept at or below the certified height"
            );
            assert!(
                height.0 - self.base.certified.0 <= two_windows || *height <= self.restored_to,
                "two windows are kept, and what the journal holds"
            );
            let seals = instance.finality.seals.len();
            for votes in [instance.prepares.len(), instance.commits.len(), seals] {
                assert!(votes <= size, "one slot a validator");
            }
            if let Some(proposed) = &instance.proposed {
                assert!(proposed.view <= self.view, "a proposal of a view not entered");
            }
            assert!(
                instance.finality.executed.is_none() || instance.finality.decided.is_some(),
                "only what is decided is executed"
            );
        }
    }
}
