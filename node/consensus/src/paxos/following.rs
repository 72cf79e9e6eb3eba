//! What the others do: they accept, phase 2b (Lamport 2001, section 2.2), and learn what is chosen (section 2.3).

use quorate_crypto::{Digest, Height, ValidatorIndex};
use quorate_ledger::Proposal;

use super::Paxos;
use super::acceptor::{Asked, Vote};
use super::memory::record;
use super::message::{Accept, Accepted, AcceptedValue, Ballot, Body, Chosen, Record, Value, ValueDigest};
use crate::common::Base;
use crate::contract::{Action, Rejection};
use crate::message::{self, Message};

impl Paxos {
    /// Phase 2b: accepts, unless it has promised a higher ballot (P1a).
    pub(super) fn on_accept(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        accept: &Accept,
    ) -> Result<(), Rejection> {
        let ballot = accept.ballot;
        self.check_proposer(from, ballot)?;
        self.see(ballot);
        // Phase 2b: an acceptor accepts unless it has responded to a prepare with a higher number (P1a).
        if ballot < self.acceptor.promised && !breaks!(LowBallotAccepted) {
            self.nack(base, ballot);
            return Err(self.wrong_ballot(ballot));
        }
        if ballot > self.acceptor.promised {
            self.enter_ballot(base, ballot);
        }
        self.check_values(base, accept)?;
        let is_early = self.early.is_some_and(|timestamp| base.is_too_early(timestamp));
        if !is_early && !self.yielded && !self.leads(ballot) {
            self.hear_proposer(base);
        }
        let mut waits = false;
        for value in &accept.values {
            waits |= self.ask_to_accept(base, ballot, value);
        }
        let mut told = self.accept_asked(base);
        let is_news = !told.is_empty();
        let (durable, pending) = self.acceptor.accepted_of(ballot, &accept.values);
        told.extend(durable);
        // A heartbeat is answered at once, and so is what was asked before; else what is accepted is told. What is
        // on its way to the disk was told already: meanwhile the answer is that the proposer is heard.
        let is_own = base.config.index == Some(from);
        let is_heard = told.is_empty() && !waits || pending && !is_news;
        if is_heard && !is_own {
            self.sign_accepted(base, ballot, Vec::new());
        }
        if !told.is_empty() {
            self.sign_accepted(base, ballot, told);
        }
        Ok(())
    }

    pub(super) fn check_proposer(&self, from: ValidatorIndex, ballot: Ballot) -> Result<(), Rejection> {
        if ballot.proposer == from && ballot.round > 0 {
            Ok(())
        } else {
            Err(Rejection::NotLeader {
                sender: from,
                reign: ballot.round,
            })
        }
    }

    /// What no honest proposer proposes is refused. One too far ahead of this validator's clock is not heard
    /// until this has come so far, so that another takes its place (pitfall 24); what phase 1 brought up is not
    /// judged by time again (pitfall 15).
    fn check_values(&mut self, base: &Base, accept: &Accept) -> Result<(), Rejection> {
        for value in &accept.values {
            let early = value.fresh && base.is_early(&value.proposal);
            if early {
                (self.early, self.proposer_heard) = (Some(value.proposal.timestamp()), false);
            }
            if early || !base.is_acceptable(&value.proposal) {
                return Err(Rejection::BadProposal { height: value.height });
            }
        }
        Ok(())
    }

    /// The distinguished proposer is alive: nobody else is needed.
    fn hear_proposer(&mut self, base: &mut Base) {
        self.proposer.give_up();
        self.proposer_heard = true;
        self.attempts.forget();
        self.restart_election_timer(base);
    }

    /// Keeps a value until it can be accepted. Gives whether it is new here.
    fn ask_to_accept(&mut self, base: &mut Base, ballot: Ballot, value: &Value) -> bool {
        let height = value.height;
        let is_accepted = |vote: &Vote| vote.ballot == ballot;
        let asked = self.acceptor.asked.get(&height);
        if self.acceptor.accepted.get(&height).is_some_and(is_accepted)
            || asked.is_some_and(|asked| asked.ballot == ballot)
            || base.finality_mut(height).is_err()
        {
            return false;
        }
        let (proposal, digest) = (value.proposal.clone(), value.proposal.digest());
        let batches = proposal.batches().to_vec();
        let asked = Asked {
            ballot,
            proposal,
            digest,
            available: batches.is_empty(),
        };
        self.acceptor.asked.insert(height, asked);
        if !batches.is_empty() {
            base.out.actions.push(Action::RequireBatches {
                height,
                proposal: digest,
                batches,
            });
        }
        true
    }

    pub(super) fn on_proposal_available(
        &mut self,
        base: &mut Base,
        height: Height,
        proposal: Digest,
    ) -> Result<(), Rejection> {
        let asked = self.acceptor.asked.get_mut(&height).ok_or(Rejection::Unasked)?;
        if asked.digest != proposal {
            return Err(Rejection::Unasked);
        }
        asked.available = true;
        let ballot = asked.ballot;
        let accepted = self.accept_asked(base);
        if !accepted.is_empty() {
            self.sign_accepted(base, ballot, accepted);
        }
        Ok(())
    }

    /// Accepts, durably, what can be accepted by now.
    pub(super) fn accept_asked(&mut self, base: &mut Base) -> Vec<ValueDigest> {
        if base.voter().is_none() {
            return Vec::new();
        }
        let can_be = |(height, asked): &(&Height, &Asked)| asked.available && base.is_in_window(**height);
        let ready = self.acceptor.asked.iter().filter(can_be);
        let heights: Vec<Height> = ready.map(|(height, _)| *height).collect();
        let mut accepted = Vec::new();
        for height in heights {
            let Some(asked) = self.acceptor.asked.remove(&height) else {
                continue;
            };
            let value = AcceptedValue {
                height,
                ballot: asked.ballot,
                proposal: asked.proposal,
            };
            record(base, Record::Accepted(value.clone()));
            self.acceptor.keep(value, false);
            accepted.push(ValueDigest {
                height,
                proposal: asked.digest,
            });
        }
        accepted
    }

    /// Tells the ballot's proposer what was accepted.
    pub(super) fn sign_accepted(&self, base: &mut Base, ballot: Ballot, values: Vec<ValueDigest>) {
        if base.voter().is_some() {
            base.sign(Body::Accepted(Accepted { ballot, values }));
        }
    }

    /// What was accepted is durable, and so are its batches. It leaves though a higher ballot may have been
    /// promised since: that promise tells of it.
    pub(super) fn on_own_accepted(
        &mut self,
        base: &mut Base,
        own: ValidatorIndex,
        accepted: &Accepted,
        message: Message,
    ) -> Result<(), Rejection> {
        for ValueDigest { height, proposal } in &accepted.values {
            if let Some(vote) = self.acceptor.accepted.get_mut(height)
                && (vote.ballot, vote.digest) == (accepted.ballot, *proposal)
            {
                vote.durable = true;
            }
        }
        let proposer = accepted.ballot.proposer;
        if proposer == own {
            return self.on_accepted(base, own, accepted);
        }
        base.send(proposer, message);
        Ok(())
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

    pub(super) fn decide_chosen(&mut self, base: &mut Base, height: Height, proposal: &Proposal) {
        self.proposer.close(height);
        self.attempts.forget();
        if base.decided(height).is_none() {
            base.decide(height, proposal.clone());
        }
    }
}
