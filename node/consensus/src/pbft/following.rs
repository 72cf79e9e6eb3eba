//! What the others do, and the primary as one of them: pre-prepare, prepare, commit (Castro and Liskov 1999, section
//! 4.2).

use std::collections::BTreeSet;

use quorate_crypto::{Digest, Height, ValidatorIndex};
use quorate_ledger::Proposal;

use super::instance::{Instance, Phase, Proposed, Vote};
use super::message::{Body, View};
use super::{Pbft, primary_of};
use crate::common::{Base, Orderer as _, Recorded};
use crate::contract::{Action, MAX_WINDOW, Record, Rejection};
use crate::message::Message;

impl Pbft {
    pub(super) fn on_pre_prepare(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        view: View,
        height: Height,
        proposal: Proposal,
        message: Message,
    ) -> Result<(), Rejection> {
        // 4.2: a backup accepts a pre-prepare that the view's primary signed, in its own view, between the watermarks,
        // unless it has accepted another one for this view and number (`accept`).
        if from != primary_of(&base.config.committee, view) {
            return Err(Rejection::NotLeader {
                sender: from,
                reign: view.0,
            });
        }
        if !base.is_acceptable(&proposal) {
            return Err(Rejection::BadProposal { height });
        }
        let (current, begun) = (self.view, self.begun);
        let proposed = Proposed {
            too_old: is_too_old(base, &proposal),
            ..Proposed::new(view, proposal, Some(message))
        };
        self.learn(base, height, &proposed.proposal);
        if view == current.next() || (view == current && !begun) {
            let instance = self.instance_mut(base, height)?;
            if instance.early.as_ref().is_none_or(|early| early.view < view) {
                instance.early = Some(proposed);
            }
            return Ok(());
        }
        if view != current {
            return Err(self.wrong_view(view));
        }
        if height <= self.carried_to {
            return Err(Rejection::BadProposal { height });
        }
        self.accept(base, height, proposed)
    }

    /// Takes the proposal of the current view for a height, and votes on it when it may.
    pub(super) fn accept(
        &mut self,
        base: &mut Base,
        height: Height,
        proposed: Proposed,
    ) -> Result<(), Rejection> {
        let instance = self.instance_mut(base, height)?;
        if breaks!(PreparedTwice) {
            instance.asked_prepare = None;
        } else if let Some(first) = instance.proposed_in(proposed.view) {
            let (same, first) = (first.digest == proposed.digest, first.pre_prepare.clone());
            return Err(match (same, first, proposed.pre_prepare) {
                (false, Some(first), Some(second)) => base.accuse(first.v1().sender, height, first, second),
                _ => Rejection::Duplicate,
            });
        }
        base.backlog.take(proposed.proposal.batches());
        self.judge_come(base, height);
        let instance = self.instance_mut(base, height)?;
        let filler = proposed.is_fresh() && proposed.proposal.batches().is_empty();
        instance.proposed = Some(proposed);
        self.doubt(base, height);
        self.act_on(base, height);
        if filler {
            return self.check_needed(base, height);
        }
        // What was proposed empty below may be a gap now.
        let below: Vec<Height> = self
            .instances
            .range(..height)
            .map(|(height, _)| *height)
            .collect();
        for height in below {
            self.try_prepare(base, height);
        }
        Ok(())
    }

    /// These heights are certified. What was proposed here for them and came to nothing is in flight no more, or a
    /// primary that shows one replica other batches than the rest could fill its memory with them.
    pub(super) fn give_back<'a>(&self, base: &mut Base, passed: impl Iterator<Item = &'a Instance>) {
        let named = |instance: &'a Instance| instance.proposed.iter().flat_map(|p| p.proposal.batches());
        let mut dropped: BTreeSet<Digest> = passed
            .flat_map(named)
            .filter(|batch| base.backlog.is_taken(batch))
            .copied()
            .collect();
        if dropped.is_empty() {
            return;
        }
        for proposed in self
            .instances
            .values()
            .filter_map(|instance| instance.proposed.as_ref())
        {
            for batch in proposed.proposal.batches() {
                dropped.remove(batch);
            }
        }
        base.backlog.release(&Vec::from_iter(dropped));
    }

    fn check_needed(&self, base: &Base, height: Height) -> Result<(), Rejection> {
        if self.is_needless(base, height) {
            return Err(Rejection::Needless { height });
        }
        Ok(())
    }

    /// Whether the primary of the current view proposes an empty block here that is good for nothing: no end of
    /// an epoch is known, and nothing above waits for it. It is kept, as that may be to come: the primary may
    /// know more. Else a liar would fill the disks of a network that has nothing to do.
    pub(super) fn is_needless(&self, base: &Base, height: Height) -> bool {
        let Some(instance) = self.instances.get(&height) else {
            return false;
        };
        let proposed = instance.proposed_in(self.view);
        let empty = proposed.is_some_and(|p| p.is_fresh() && p.proposal.batches().is_empty());
        let orders_above = |height: Height, instance: &Instance| {
            let proposed = instance.proposed_in(self.view).map(|p| &p.proposal);
            let mut known = proposed.into_iter().chain(base.decided(height));
            known.any(|proposal| !proposal.batches().is_empty())
        };
        let mut above = self.instances.range(height.next()..);
        empty
            && base.epoch_end.is_none()
            && base.decided(height).is_none()
            && !above.any(|(height, instance)| orders_above(*height, instance))
            && !breaks!(EmptyIsProgress)
    }

    /// Asks for the batches of the current view's proposal, once for each proposal.
    pub(super) fn require_batches(&mut self, base: &mut Base, height: Height) {
        let Some(instance) = self.instances.get_mut(&height) else {
            return;
        };
        let Some(proposed) = &instance.proposed else {
            return;
        };
        let digest = proposed.digest;
        if instance.available == Some(digest) || instance.required == Some(digest) {
            return;
        }
        let batches = proposed.proposal.batches().to_vec();
        instance.required = Some(digest);
        if batches.is_empty() {
            instance.available = Some(digest);
            return;
        }
        base.out.actions.push(Action::RequireBatches {
            height,
            proposal: digest,
            batches,
        });
    }

    pub(super) fn on_proposal_available(
        &mut self,
        base: &mut Base,
        height: Height,
        proposal: Digest,
    ) -> Result<(), Rejection> {
        let instance = self.instances.get_mut(&height).ok_or(Rejection::Unasked)?;
        if instance.required != Some(proposal) {
            return Err(Rejection::Unasked); // Another view has another proposal by now.
        }
        instance.available = Some(proposal);
        self.act_on(base, height);
        Ok(())
    }

    /// Prepares the current view's proposal: once, with its batches here, and, if it is fresh, neither
    /// too far ahead of this validator's clock nor too old when it came, and not empty without need. A proposal that
    /// is too early now is looked at again when the resend timer fires; one that is needless, when what may need it
    /// comes; one that was too old is not.
    pub(super) fn try_prepare(&mut self, base: &mut Base, height: Height) {
        if base.voter().is_none() || !self.begun || !base.is_in_window(height) {
            return;
        }
        if self.is_needless(base, height) {
            return;
        }
        let view = self.view;
        let Some(instance) = self.instances.get_mut(&height) else {
            return;
        };
        let available = instance.is_available();
        let Some(proposed) = instance
            .proposed
            .as_ref()
            .filter(|proposed| proposed.view == view)
        else {
            return;
        };
        let early = proposed.is_fresh() && base.is_early(&proposed.proposal);
        let too_old = proposed.too_old;
        let own = instance.asked_pre_prepare == Some(view);
        // What was decided stays decided, whatever a quorum may show that has too many liars in it.
        let decided = base.decided(height);
        if decided.is_some_and(|decided| *decided != proposed.proposal) {
            return;
        }
        if own || early || too_old || !available || instance.asked_prepare == Some(view) {
            let ahead = early && !too_old && available && !own;
            if let Some(proposal) = ahead.then(|| proposed.proposal.clone()) {
                self.judge_ahead(base, height, &proposal);
            }
            return;
        }
        // 4.2: it enters the prepare phase by multicasting a prepare; both go to its log.
        instance.asked_prepare = Some(view);
        let (proposal, fresh) = (proposed.digest, proposed.proposal.clone());
        let accepted = proposed.pre_prepare.clone();
        self.judge_votable(base, height, &fresh);
        if let Some(message) = accepted {
            base.record(Record::Accepted(message));
        }
        base.sign(Body::Prepare {
            view,
            height,
            proposal,
        });
    }

    pub(super) fn on_prepare(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        height: Height,
        vote: Vote,
    ) -> Result<(), Rejection> {
        self.record_vote(base, Phase::Prepare, from, height, vote)?;
        self.doubt(base, height);
        self.judge_votes(base, height);
        self.try_commit(base, height);
        Ok(())
    }

    /// Votes for two proposals of one view: its primary may have told two halves two things, and each half has
    /// one of the two pre-prepares that prove it. Whoever voted for the other proposal is asked for its
    /// pre-prepare, by a status that says that the proposal is missing here. Having none is never held against
    /// the voter.
    fn doubt(&mut self, base: &mut Base, height: Height) {
        let view = self.view;
        let Some(instance) = self
            .instances
            .get_mut(&height)
            .filter(|instance| !instance.doubted)
        else {
            return;
        };
        let Some(held) = instance.proposed_in(view).filter(|held| held.is_fresh()) else {
            return;
        };
        let other = instance
            .prepares
            .iter()
            .find(|(_, vote)| vote.view == view && vote.digest != held.digest);
        if let Some(voter) = other.map(|(voter, _)| *voter) {
            instance.doubted = true;
            base.status_due.ask_for(voter);
        }
    }

    pub(super) fn on_commit(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        height: Height,
        vote: Vote,
    ) -> Result<(), Rejection> {
        self.record_vote(base, Phase::Commit, from, height, vote)?;
        if let Some(hiding) = self.hiding_view_change(from, height, vote.view) {
            let commit = vote.message(base.config.committee.epoch(), Phase::Commit, height, from);
            return Err(base.accuse(from, height, commit, hiding));
        }
        self.judge_votes(base, height);
        self.try_decide(base, height);
        Ok(())
    }

    /// Keeps a vote: one slot for each sender, height and kind, for the highest view. A second vote
    /// in one view is evidence, and the first one stands.
    pub(super) fn record_vote(
        &mut self,
        base: &mut Base,
        phase: Phase,
        from: ValidatorIndex,
        height: Height,
        vote: Vote,
    ) -> Result<(), Rejection> {
        let epoch = base.config.committee.epoch();
        match self.instance_mut(base, height)?.record_vote(phase, from, vote) {
            Recorded::New => Ok(()),
            Recorded::Known => Err(Rejection::Duplicate),
            Recorded::Contradicts(first) => {
                let first = first.message(epoch, phase, height, from);
                let second = vote.message(epoch, phase, height, from);
                Err(base.accuse(from, height, first, second))
            }
        }
    }

    /// The own vote is durable: it counts, and is sent. One of a view that was left meanwhile is not
    /// (pitfall 18). One for a height that is certified here by now is: a replica to which a liar says nothing may
    /// want just this vote.
    pub(super) fn on_own_vote(
        &mut self,
        base: &mut Base,
        phase: Phase,
        own: ValidatorIndex,
        height: Height,
        vote: Vote,
    ) -> Result<(), Rejection> {
        if (vote.view != self.view || !self.begun) && !breaks!(LateVotesSent) {
            return Err(self.wrong_view(vote.view));
        }
        let message = vote.message(base.config.committee.epoch(), phase, height, own);
        if height <= base.certified && !breaks!(CertifiedVotesUnsent) {
            base.broadcast(message);
            return Ok(());
        }
        self.record_vote(base, phase, own, height, vote)?;
        base.broadcast(message);
        match phase {
            Phase::Prepare => self.try_commit(base, height),
            Phase::Commit => self.try_decide(base, height),
        }
        Ok(())
    }

    /// More of the chain is on disk than up to `former`: commits what was prepared too far above that.
    pub(super) fn commit_what_waited_for_disk(&mut self, base: &mut Base, former: Height) {
        let reach = Height(former.0.saturating_add(MAX_WINDOW as u64));
        let waited = self.instances.range(reach.next()..);
        let heights: Vec<Height> = waited.map(|(height, _)| *height).collect();
        for height in heights {
            self.try_commit(base, height);
        }
    }

    /// Commits what is prepared in the current view. The certificate is kept first, so that it can be
    /// shown in any later view-change; not where so many heights below are not on disk that after a crash a
    /// view-change could not hold all certificates.
    pub(super) fn try_commit(&mut self, base: &mut Base, height: Height) {
        // A certificate is kept only with its record, and what is recorded is committed.
        if !self.begun || base.inquiry.is_open() || !base.is_in_window(height) {
            return;
        }
        if !base.could_show(height, MAX_WINDOW) {
            return;
        }
        let view = self.view;
        let committee = &base.config.committee;
        let Some(instance) = self.instances.get_mut(&height) else {
            return;
        };
        if instance.asked_commit == Some(view) {
            return;
        }
        // 4.2: when prepared(m, v, n, i) becomes true, it multicasts a commit.
        let Some(certificate) = instance.prepared_certificate(view, height, committee) else {
            return;
        };
        let proposal = certificate.proposal.digest();
        instance.certificate = Some(certificate.clone());
        if base.voter().is_none() {
            return;
        }
        if let Some(instance) = self.instances.get_mut(&height) {
            instance.asked_commit = Some(view);
        }
        base.record(Record::Prepared(certificate));
        base.sign(Body::Commit {
            view,
            height,
            proposal,
        });
    }

    /// Decides what a quorum has committed, once the proposal is known. That the proposal is
    /// prepared here too is not required: the quorum's honest members hold prepared certificates,
    /// and any view-change quorum has one of them.
    pub(super) fn try_decide(&self, base: &mut Base, height: Height) {
        if !base.is_in_window(height) {
            return;
        }
        let committee = &base.config.committee;
        let Some(instance) = self.instances.get(&height) else {
            return;
        };
        if base.decided(height).is_some() {
            return;
        }
        // Not 4.2's committed-local, which asks for prepared(m, v, n, i) besides (pbft.rs, Deviations).
        let Some(digest) = instance.committed(committee) else {
            return;
        };
        let Some(proposal) = instance.proposal_of(digest).cloned() else {
            return; // A status will say that the proposal is missing.
        };
        base.decide(height, proposal);
    }

    /// Keeps a proposal that a quorum has committed, whatever view it comes from.
    pub(super) fn learn(&mut self, base: &mut Base, height: Height, proposal: &Proposal) {
        let Some(instance) = self.instances.get_mut(&height) else {
            return;
        };
        let Some(digest) = instance.committed(&base.config.committee) else {
            return;
        };
        let wanted = base.decided(height).is_none() && instance.proposal_of(digest).is_none();
        if wanted && proposal.digest() == digest {
            instance.learned = Some(proposal.clone());
            self.try_decide(base, height);
        }
    }

    pub(super) fn wrong_view(&self, got: View) -> Rejection {
        Rejection::WrongReign {
            got: got.0,
            current: self.view.0,
        }
    }
}

/// Whether a fresh proposal is too far behind this validator's clock (`docs/formats.md`, section 6). Else a primary
/// could hold time back, and with it every expiry. The null proposal has no time.
fn is_too_old(base: &Base, proposal: &Proposal) -> bool {
    let lag = base.config.parameters.v1().max_clock_lag_ms;
    let old = proposal.timestamp().0.saturating_add(lag) < base.now.0;
    old && *proposal != Proposal::null() && !breaks!(LagNotJudged)
}
