//! The learner: what is chosen (Lamport 2001, section 2.3). The distinguished proposer is the distinguished
//! learner as well: it counts accepts and tells the others.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{Height, ValidatorIndex};
use quorate_ledger::Proposal;
use serde::{Deserialize, Serialize};

use super::Paxos;
use super::message::{Accepted, Body, Chosen};
use crate::common::Base;
use crate::contract::Rejection;
use crate::message::{self, Message};

/// What a learner knows of heights above the certified one.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Learner {
    /// Who has accepted the value that the distinguished proposer, if this is it, has proposed in its ballot
    /// for a height.
    accepted_by: BTreeMap<Height, BTreeSet<ValidatorIndex>>,
    /// The word of a distinguished proposer for what is chosen, to pass it on to whoever missed it. At most
    /// two windows of them.
    told: BTreeMap<Height, Message>,
}

impl Learner {
    /// Another ballot's accepts are counted from now on.
    pub(super) fn begin(&mut self) {
        self.accepted_by.clear();
    }

    pub(super) fn accepted_by(&self, height: Height) -> impl Iterator<Item = ValidatorIndex> {
        self.accepted_by.get(&height).into_iter().flatten().copied()
    }

    pub(super) fn told(&self, height: Height) -> Option<&Message> {
        self.told.get(&height)
    }

    pub(super) fn forget_up_to(&mut self, certified: Height) {
        self.accepted_by = self.accepted_by.split_off(&certified.next());
        self.told = self.told.split_off(&certified.next());
    }

    /// How much it keeps.
    pub(super) fn len(&self) -> usize {
        self.accepted_by.len().max(self.told.len())
    }
}

impl Paxos {
    /// An acceptor has accepted values of the own ballot: on a majority's accepts a value is chosen.
    pub(super) fn on_accepted(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        accepted: &Accepted,
    ) -> Result<(), Rejection> {
        if !self.leads(accepted.ballot) {
            return Err(self.wrong_ballot(accepted.ballot));
        }
        self.hear_acceptor(base, from);
        let needed = self.accepts_needed(base);
        for value in &accepted.values {
            let height = value.height;
            let Some(proposal) = self.proposer.proposed(height) else {
                continue; // It is chosen already.
            };
            if proposal.digest() != value.proposal {
                return Err(Rejection::BadProposal { height });
            }
            let proposal = proposal.clone();
            let accepted_by = self.learner.accepted_by.entry(height).or_default();
            accepted_by.insert(from);
            if accepted_by.len() >= needed {
                let ballot = accepted.ballot;
                self.decide_chosen(base, height, &proposal);
                base.sign(Body::Chosen(Chosen {
                    ballot,
                    height,
                    proposal,
                }));
            }
        }
        Ok(())
    }

    /// Signed: the others learn what is chosen.
    pub(super) fn on_own_chosen(
        &mut self,
        base: &mut Base,
        chosen: &Chosen,
        message: Message,
    ) -> Result<(), Rejection> {
        base.broadcast(message.clone());
        self.on_chosen(base, chosen, message)
    }

    /// A value is chosen, whoever says so and whatever became of the ballot since.
    pub(super) fn on_chosen(
        &mut self,
        base: &mut Base,
        chosen: &Chosen,
        message: Message,
    ) -> Result<(), Rejection> {
        let height = chosen.height;
        base.finality_mut(height)?;
        if self.learner.told.contains_key(&height) {
            return Err(Rejection::Duplicate);
        }
        self.learner.told.insert(height, message);
        self.try_decide(base, height);
        Ok(())
    }

    /// Decides what it was told, once the height is in the window.
    pub(super) fn try_decide(&mut self, base: &mut Base, height: Height) {
        if !base.is_in_window(height) {
            return;
        }
        let told = self.learner.told.get(&height);
        if let Some(message::Body::Paxos(Body::Chosen(chosen))) = told.map(|message| &message.v1().body) {
            let proposal = chosen.proposal.clone();
            self.decide_chosen(base, height, &proposal);
        }
    }

    fn decide_chosen(&mut self, base: &mut Base, height: Height, proposal: &Proposal) {
        self.proposer.close(height);
        self.attempts.forget();
        if base.decided(height).is_none() {
            base.decide(height, proposal.clone());
        }
    }

    fn accepts_needed(&self, base: &Base) -> usize {
        let quorum = base.config.committee.quorum();
        quorum - usize::from(breaks!(FewerAccepts))
    }
}
