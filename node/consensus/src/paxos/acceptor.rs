//! The acceptor: phase 1b, promises, and phase 2b, accepting (Lamport 2001, section 2.2).

use std::collections::BTreeMap;

use quorate_crypto::{Digest, Height, ValidatorIndex};
use quorate_ledger::Proposal;
use serde::{Deserialize, Serialize};

use super::Paxos;
use super::message::{
    Accept, Accepted, AcceptedValue, Ballot, Body, MAX_PROMISED, Nack, Prepare, Promise, Record, Value,
    ValueDigest,
};
use super::recovery::record;
use crate::common::Base;
use crate::contract::{Action, Rejection};
use crate::message::Message;

/// What an acceptor remembers: one promise for all heights, and for each the last value that it accepted.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Acceptor {
    /// The highest ballot that it has promised, or accepted anything in. Only grows.
    pub(super) promised: Ballot,
    /// What its journal says of that, once the records asked for are durable.
    pub(super) persisted: Ballot,
    /// By height, all above the certified one: at most a window of them, and after a restart what the
    /// journal holds.
    pub(super) accepted: BTreeMap<Height, Vote>,
    /// Values of the promised ballot that it has been asked to accept and cannot yet: their batches are not
    /// here, or their height is not in the window. At most two windows of them.
    pub(super) asked: BTreeMap<Height, Asked>,
}

/// The value that an acceptor has accepted for a height, in its highest ballot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Vote {
    pub(super) ballot: Ballot,
    pub(super) proposal: Proposal,
    pub(super) digest: Digest,
    /// Whether record and batches are known to be durable.
    pub(super) durable: bool,
}

/// A value that it has been asked to accept.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
pub(super) struct Asked {
    ballot: Ballot,
    proposal: Proposal,
    digest: Digest,
    /// Whether its batches are here.
    available: bool,
}

impl Acceptor {
    /// Promises a ballot; what was asked for in lower ones is accepted no more.
    fn promise(&mut self, ballot: Ballot) {
        self.promised = self.promised.max(ballot);
        self.asked.clear();
    }

    /// All that was accepted above a height.
    pub(super) fn accepted_above(&self, certified: Height) -> impl Iterator<Item = AcceptedValue> {
        let above = self.accepted.range(certified.next()..);
        above.map(|(height, vote)| AcceptedValue {
            height: *height,
            ballot: vote.ballot,
            proposal: vote.proposal.clone(),
        })
    }

    /// Keeps an accepted value, unless one of a higher ballot is kept.
    pub(super) fn keep(&mut self, value: AcceptedValue, durable: bool) {
        let AcceptedValue {
            height,
            ballot,
            proposal,
        } = value;
        if self
            .accepted
            .get(&height)
            .is_some_and(|vote| vote.ballot > ballot)
        {
            return;
        }
        let digest = proposal.digest();
        let vote = Vote {
            ballot,
            proposal,
            digest,
            durable,
        };
        self.accepted.insert(height, vote);
    }

    /// Which of these it has accepted in this ballot and knows to be durable, and whether there are others that
    /// it has accepted.
    fn accepted_of(&self, ballot: Ballot, values: &[Value]) -> (Vec<ValueDigest>, bool) {
        let votes = values.iter().filter_map(|value| {
            let vote = self.accepted.get(&value.height)?;
            (vote.ballot == ballot).then_some((value, vote.durable))
        });
        let (durable, pending): (Vec<_>, Vec<_>) = votes.partition(|(_, durable)| *durable);
        let durable = durable.into_iter().map(|(value, _)| value.digest());
        (durable.collect(), !pending.is_empty())
    }

    /// What is up to here are blocks now.
    pub(super) fn forget_up_to(&mut self, certified: Height) {
        self.accepted = self.accepted.split_off(&certified.next());
        self.asked = self.asked.split_off(&certified.next());
    }
}

impl Paxos {
    /// Phase 1b. An acceptor may ignore any request without harm to safety (Lamport 2001, section 2.2):
    /// while it hears the distinguished proposer it promises nobody else anything.
    pub(super) fn on_prepare(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        prepare: &Prepare,
    ) -> Result<(), Rejection> {
        self.check_proposer(from, prepare.ballot)?;
        self.see(prepare.ballot);
        if prepare.certified < base.certified && !breaks!(LowCertifiedPromised) {
            // What was accepted for the heights between is forgotten here. It needs the blocks first.
            base.status_due.ask_for(from);
            return Err(Rejection::OutsideWindow {
                height: prepare.certified,
                certified: base.certified,
            });
        }
        let promised = self.acceptor.promised;
        if prepare.ballot < promised {
            self.nack(base, prepare.ballot);
            return Err(self.wrong_ballot(prepare.ballot));
        }
        let is_heard = self.proposer_heard && promised.proposer != from;
        if base.voter().is_none() || (prepare.ballot > promised && is_heard) {
            return Ok(());
        }
        self.promise(base, prepare.ballot, prepare.certified)
    }

    /// Promises, with all that was accepted above the proposer's certified height.
    pub(super) fn promise(
        &mut self,
        base: &mut Base,
        ballot: Ballot,
        certified: Height,
    ) -> Result<(), Rejection> {
        let accepted: Vec<_> = self.acceptor.accepted_above(certified).collect();
        if accepted.len() > MAX_PROMISED && Some(ballot.proposer) != base.config.index {
            return Err(Rejection::Full { limit: MAX_PROMISED });
        }
        if ballot > self.acceptor.promised {
            self.enter_ballot(base, ballot);
        }
        base.sign(Body::Promise(Promise {
            ballot,
            certified,
            accepted,
        }));
        Ok(())
    }

    /// Takes part in a higher ballot from now on.
    fn enter_ballot(&mut self, base: &mut Base, ballot: Ballot) {
        self.acceptor.promise(ballot);
        self.see(ballot);
        self.proposer_heard = false;
        self.early = None;
        (self.yielded, self.called) = (false, None);
        if self.proposer.ballot() != Some(ballot) {
            self.proposer.give_up();
        }
        self.restart_election_timer(base);
    }

    /// The promise is durable. One of a ballot that was left is not sent (pitfall 18).
    pub(super) fn on_own_promise(
        &mut self,
        base: &mut Base,
        own: ValidatorIndex,
        promise: Promise,
        message: Message,
    ) -> Result<(), Rejection> {
        if promise.ballot != self.acceptor.promised {
            return Err(self.wrong_ballot(promise.ballot));
        }
        let proposer = promise.ballot.proposer;
        if proposer == own {
            return self.on_promise(base, own, promise);
        }
        base.send(proposer, message);
        Ok(())
    }

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
    pub(super) fn sign_accepted(&mut self, base: &mut Base, ballot: Ballot, values: Vec<ValueDigest>) {
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

    /// Refuses a ballot below the one that was promised.
    fn nack(&mut self, base: &mut Base, ballot: Ballot) {
        if base.voter().is_some() {
            let promised = self.acceptor.promised;
            base.sign(Body::Nack(Nack { ballot, promised }));
        }
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
}
