//! What can be seen of a replica from outside: for status, debugging and the simulator.

use std::hash::{Hash, Hasher};

use quorate_crypto::{Height, ValidatorIndex};

use super::instance::Phase;
use super::message::View;
use super::{Pbft, Replica};
use crate::common::{Awaited, Base};
use crate::contract::MAX_WINDOW;

impl Replica {
    /// The current view.
    pub fn view(&self) -> View {
        self.orderer.view
    }

    /// The primary of the current view.
    pub fn leader(&self) -> ValidatorIndex {
        self.orderer.primary(&self.base)
    }

    /// Feeds a hasher with all that decides what the replica says about views and heights; its timers,
    /// its configuration and where it believes its peers to be are left out. For model checking.
    pub fn hash_protocol(&self, hasher: &mut impl Hasher) {
        let pbft = &self.orderer;
        let views = (pbft.view, pbft.begun, pbft.carried_to, &pbft.changes);
        (views, &self.base.certificates, &pbft.instances).hash(hasher);
        self.base.hash_protocol(hasher);
    }
}

impl Pbft {
    /// What a height that is not decided is waiting for, and from whom.
    pub(super) fn waits_at(&self, base: &Base, height: Height) -> (Awaited, Vec<ValidatorIndex>) {
        let committee = &base.config.committee;
        let without = |gave: &dyn Fn(ValidatorIndex) -> bool| -> Vec<ValidatorIndex> {
            committee
                .indices()
                .filter(|validator| !gave(*validator))
                .collect()
        };
        let own = base.config.index.into_iter().collect();
        let Some(instance) = self.instances.get(&height) else {
            return (Awaited::Proposal, vec![self.primary(base)]);
        };
        if instance.proposed_in(self.view).is_none() || self.is_needless(base, height) {
            (Awaited::Proposal, vec![self.primary(base)])
        } else if !instance.is_available() {
            (Awaited::Batches, own)
        } else if !instance.is_prepared(self.view, committee) {
            let prepared = instance.prepared_by(self.view, committee);
            let asked = instance.asked_prepare == Some(self.view);
            if base.voter().is_some() && self.begun && !asked {
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
        }
    }

    /// Asserts what must hold between any two steps.
    pub(super) fn check(&self, base: &Base) {
        let size = base.config.committee.size();
        self.judgement.check_invariants(2 * MAX_WINDOW, size);
        let changes = &self.changes;
        for kept in [changes.complaints.len(), changes.changes.len()] {
            assert!(kept <= size, "one slot a validator");
        }
        for (height, instance) in &self.instances {
            assert!(
                base.finalities.contains_key(height),
                "what is kept of a height comes with its finality"
            );
            for votes in [instance.prepares.len(), instance.commits.len()] {
                assert!(votes <= size, "one slot a validator");
            }
            if let Some(proposed) = &instance.proposed {
                assert!(proposed.view <= self.view, "a proposal of a view not entered");
            }
        }
    }
}
