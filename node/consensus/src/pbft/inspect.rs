//! What can be seen of a replica from outside: for status, debugging and the simulator.

use std::hash::{Hash, Hasher};

use quorate_crypto::{Height, ValidatorIndex};

use super::Replica;
use super::heard;
use super::instance::{Instance, Phase};
use super::message::View;
use super::replica::Halted;
use crate::contract::MAX_WINDOW;

/// What a height in flight is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The primary's proposal.
    Proposal,
    /// The proposal's batches.
    Batches,
    /// This validator's clock, which the proposal is too far ahead of.
    Clock,
    /// A quorum of prepares.
    Prepares,
    /// A quorum of commits.
    Commits,
    /// Execution here.
    Execution,
    /// A quorum of seals.
    Seals,
}

/// One height in flight and what it is waiting for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The height.
    pub height: Height,
    /// The first thing that it lacks.
    pub awaited: Awaited,
    /// Who has not given it yet.
    pub missing: Vec<ValidatorIndex>,
}

impl Replica {
    /// The current view.
    pub fn view(&self) -> View {
        self.view
    }

    /// Whether the current view has begun here; if not, a view change is under way.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// The primary of the current view.
    pub fn leader(&self) -> ValidatorIndex {
        self.primary()
    }

    /// The low watermark: the last height certified here.
    pub fn certified(&self) -> Height {
        self.certified
    }

    /// Whose answers are still to come before this replica votes; empty once it does.
    pub fn unanswered(&self) -> Vec<ValidatorIndex> {
        self.asked_and_silent()
    }

    /// Why this replica votes no more, if so.
    pub fn halted(&self) -> Option<Halted> {
        self.halted
    }

    /// How many heights of the window are in use, and how many it has.
    pub fn window_occupancy(&self) -> (usize, usize) {
        let used = self.instances.range(..=self.high_watermark()).count();
        (used, usize::try_from(self.window).unwrap_or(MAX_WINDOW))
    }

    /// How many batches wait to be ordered.
    pub fn unordered_batches(&self) -> usize {
        self.candidates.len()
    }

    /// For each height in flight, what it is waiting for and from whom.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.instances
            .range(..=self.high_watermark())
            .map(|(height, instance)| self.waiting_at(*height, instance))
            .collect()
    }

    fn waiting_at(&self, height: Height, instance: &Instance) -> Waiting {
        let committee = &self.config.committee;
        let without = |gave: &dyn Fn(ValidatorIndex) -> bool| -> Vec<ValidatorIndex> {
            committee
                .indices()
                .filter(|validator| !gave(*validator))
                .collect()
        };
        let own = self.config.index.into_iter().collect();
        let (awaited, missing) = if instance.executed.is_some() {
            (Awaited::Seals, without(&|v| instance.seals.contains_key(&v)))
        } else if instance.decided.is_some() {
            (Awaited::Execution, own)
        } else if instance.proposed_in(self.view).is_none() {
            (Awaited::Proposal, vec![self.primary()])
        } else if !instance.is_available() {
            (Awaited::Batches, own)
        } else if !instance.is_prepared(self.view, committee) {
            let prepared = instance.prepared_by(self.view, committee);
            let asked = instance.asked_prepare == Some(self.view);
            if self.voter().is_some() && self.active && !asked {
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
            (Awaited::Commits, without(&committed))
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
        let views = (self.view, self.active, self.carried_to, &self.changes);
        let heights = (
            self.certified,
            &self.certificates,
            &self.instances,
            &self.candidates,
        );
        (views, heights, self.epoch_end, self.halted).hash(hasher);
    }

    /// Asserts what must hold between any two steps.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_invariants(&self) {
        self.candidates.check_invariants();
        let two_windows = self.window.saturating_mul(2);
        let size = self.config.committee.size();
        let changes = &self.changes;
        for kept in [changes.complaints.len(), changes.changes.len()] {
            assert!(kept <= size, "one slot a validator");
        }
        assert!(
            self.heard.len() <= size * heard::KINDS,
            "one slot a validator and kind"
        );
        for (height, instance) in &self.instances {
            assert!(
                *height > self.certified,
                "nothing is kept at or below the low watermark"
            );
            assert!(
                height.0 - self.certified.0 <= two_windows || *height <= self.restored_to,
                "two windows are kept, and what the journal holds"
            );
            let seals = instance.seals.len();
            for votes in [instance.prepares.len(), instance.commits.len(), seals] {
                assert!(votes <= size, "one slot a validator");
            }
            if let Some(proposed) = &instance.proposed {
                assert!(proposed.view <= self.view, "a proposal of a view not entered");
            }
            assert!(
                instance.executed.is_none() || instance.decided.is_some(),
                "only what is decided is executed"
            );
        }
        if let Some((height, _)) = self.certificates.last_key_value() {
            assert_eq!(*height, self.certified, "the low watermark has its certificate");
        }
        assert!(
            self.certificates.len() <= MAX_WINDOW,
            "one window of certificates is kept"
        );
    }
}
