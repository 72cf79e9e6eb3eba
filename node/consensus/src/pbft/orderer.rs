//! What the parts that all engines have in common ask a replica of PBFT.

use quorate_crypto::{Height, ValidatorIndex};

use super::Replica;
use super::instance::{Instance, Phase};
use super::message;
use super::primary_of;
use super::view_change::view_change_of;
use crate::common::{Base, Finality, Orderer, Reign, Sealing as _, bit, count, mask};
use crate::contract::Rejection;
use crate::message::{Body, Holding, Message, Status};
use crate::testimony::SignedStatement;

impl Orderer for Replica {
    fn base(&self) -> &Base {
        &self.base
    }

    fn base_mut(&mut self) -> &mut Base {
        &mut self.base
    }

    fn reign(&self) -> Reign {
        Reign {
            number: self.view.0,
            leader: Some(self.primary()),
            begun: self.begun,
        }
    }

    fn finalities(&self) -> impl DoubleEndedIterator<Item = (Height, &Finality)> {
        let instances = self.instances.iter();
        instances.map(|(height, instance)| (*height, &instance.finality))
    }

    fn finality(&self, height: Height) -> Option<&Finality> {
        self.instances.get(&height).map(|instance| &instance.finality)
    }

    fn existing_finality_mut(&mut self, height: Height) -> Option<&mut Finality> {
        let instance = self.instances.get_mut(&height);
        instance.map(|instance| &mut instance.finality)
    }

    fn finality_mut(&mut self, height: Height) -> Result<&mut Finality, Rejection> {
        Ok(&mut self.instance_mut(height)?.finality)
    }

    fn is_proposed(&self, height: Height) -> bool {
        let instance = self.instances.get(&height);
        instance.is_some_and(|instance| instance.proposed.is_some())
    }

    /// An own commit in the journal explains a seal.
    fn explains_seal(&self, height: Height) -> bool {
        let (instance, own) = (self.instances.get(&height), self.base.config.index);
        let commit = |instance: &Instance| own.is_some_and(|own| instance.vote(Phase::Commit, own).is_some());
        instance.is_some_and(commit)
    }

    fn on_certified(&mut self, former: Height) {
        let could_claim = self.can_claim_all_above(former);
        self.disk.forget_up_to(self.base.certified);
        self.judge_certified();
        let above = self.instances.split_off(&self.base.certified.next());
        let passed = std::mem::replace(&mut self.instances, above);
        self.served |= passed.values().any(|instance| instance.finality.served);
        self.carry_over();
        self.act_on_entered(former);
        // What is certified now may be all that a view-change claims, or leave no more than one can claim.
        if !self.begun || (!could_claim && self.can_claim_all()) {
            self.check_view_changes();
        }
    }

    fn act_on(&mut self, height: Height) {
        if !self.base.is_in_window(height) {
            return;
        }
        self.require_batches(height);
        self.try_prepare(height);
        self.try_commit(height);
        self.try_decide(height);
    }

    fn is_busy(&self) -> bool {
        !self.instances.is_empty() || !self.begun
    }

    fn holding(&self, height: Height) -> Holding {
        let instance = self.instances.get(&height);
        instance.map_or_else(Holding::default, |instance| self.holding_of(instance))
    }

    fn on_status_of(&mut self, from: ValidatorIndex, status: &Status) {
        self.heard_primary |= from == self.primary() && status.reign == self.view.0 && status.begun;
    }

    fn answer_about_reign(&self, from: ValidatorIndex, status: &Status) -> Vec<Message> {
        self.answer_about_views(from, status)
    }

    fn answer_about_height(&self, height: Height, held: Holding, answer: &mut Vec<Message>) {
        if let Some(instance) = self.instances.get(&height) {
            self.answer_about_votes(height, instance, held, answer);
        }
    }

    fn remembers(&self, said: &SignedStatement) -> bool {
        self.remembers_said(said)
    }

    fn said_by(&self, about: ValidatorIndex, above: Height) -> Vec<SignedStatement> {
        self.votes_said_by(about, above)
    }

    fn on_inquiry_closed(&mut self) {
        let heights: Vec<Height> = self.instances.keys().copied().collect();
        for height in heights {
            self.act_on(height);
            self.try_seal(height);
        }
        self.check_view_changes();
    }
}

impl Replica {
    fn holding_of(&self, instance: &Instance) -> Holding {
        let view = self.view;
        let votes = |phase: Phase| {
            let decided = instance.finality.decided.is_some();
            self.base.config.committee.indices().filter(move |validator| {
                instance
                    .vote(phase, *validator)
                    .is_some_and(|vote| decided || vote.view == view)
            })
        };
        let mut first = mask(votes(Phase::Prepare));
        if instance
            .proposed_in(view)
            .is_some_and(|proposed| proposed.is_fresh())
        {
            first |= bit(self.primary());
        }
        Holding {
            // One that votes cast doubt on is asked for again: the other one may come.
            proposal: instance.has_proposal(view, &self.base.config.committee) && !instance.doubted,
            first,
            second: mask(votes(Phase::Commit)),
            seals: mask(instance.finality.seals.keys().copied()),
        }
    }

    fn answer_about_votes(
        &self,
        height: Height,
        instance: &Instance,
        held: Holding,
        answer: &mut Vec<Message>,
    ) {
        let committee = &self.base.config.committee;
        let (epoch, quorum, own) = (committee.epoch(), committee.quorum(), self.base.config.index);
        let pre_prepare = instance.proposed.as_ref().and_then(|p| p.pre_prepare.clone());
        let has_fresh = pre_prepare.is_some();
        answer.extend(pre_prepare.filter(|_| !held.proposal));
        for (phase, mask) in [(Phase::Prepare, held.first), (Phase::Commit, held.second)] {
            let votes = match phase {
                Phase::Prepare => &instance.prepares,
                Phase::Commit => &instance.commits,
            };
            let all = quorum_here(votes.len(), phase, instance, quorum) && count(mask) < quorum;
            for (validator, vote) in votes {
                // An own prepare of a view that was left is not said again: it may never have been.
                let past = phase == Phase::Prepare && vote.view < self.view;
                let wanted = if Some(*validator) == own { !past } else { all };
                if mask & bit(*validator) == 0 && wanted {
                    answer.push(vote.message(epoch, phase, height, *validator));
                }
            }
        }
        // Behind the votes: a proposal of a former view is taken for what a quorum has committed.
        if !held.proposal && !has_fresh && !breaks!(PreparedNotGiven) {
            let shown = self.shows_prepared(height, instance);
            answer.extend(shown.filter(|message| !answer.contains(message)));
        }
    }

    /// A message that has what was prepared here, in whatever view: the primary's pre-prepare of then or, where
    /// a new-view had carried it over, the own view-change that claimed it.
    fn shows_prepared(&self, height: Height, instance: &Instance) -> Option<Message> {
        let certificate = instance.certificate.as_ref()?;
        let committee = &self.base.config.committee;
        if let Some(signature) = certificate.pre_prepare {
            let body = message::Body::PrePrepare {
                view: certificate.view,
                height,
                proposal: certificate.proposal.clone(),
            };
            let primary = primary_of(committee, certificate.view);
            return Some(Message::new(
                committee.epoch(),
                primary,
                Body::Pbft(body),
                signature,
            ));
        }
        let claims = |change: &&Message| {
            let change = view_change_of(change);
            change.is_some_and(|change| change.claims.prepared.contains(&certificate.claim()))
        };
        self.own_change.as_ref().filter(claims).cloned()
    }
}

/// Whether these votes are a quorum for one proposal, so that passing them on completes the peer's.
fn quorum_here(votes: usize, phase: Phase, instance: &Instance, quorum: usize) -> bool {
    match phase {
        Phase::Prepare => instance.certificate.is_some(),
        Phase::Commit => instance.finality.decided.is_some() && votes >= quorum,
    }
}
