//! What PBFT adds to a replica: its state, and the dispatch of inputs.

use std::collections::BTreeMap;

use quorate_crypto::{Digest, Height, ValidatorIndex};
use serde::{Deserialize, Serialize};

use super::instance::{Instance, Phase, Vote};
use super::judgement::Judgement;
use super::message::{self, View};
use super::primary_of;
use super::succession::{ViewChanges, view_change_of};
use crate::common::{Awaited, Base, Finality, Notice, Orderer, Reign, bit, count, mask};
use crate::contract::{Config, Record, Rejection, Timer};
use crate::message::{Body, Holding, Message, Status};
use crate::testimony::{SignedStatement, Statement};

/// What a replica of PBFT has besides the common part: see [`crate::pbft`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pbft {
    pub(super) view: View,
    /// Whether the view has begun here: it is view 0, or its new-view was adopted. Never goes back to
    /// false but with a higher view.
    pub(super) begun: bool,
    /// The last height that the current view's new-view carried over; fresh ones are above.
    pub(super) carried_to: Height,
    /// Heights above the certified height, at most two windows: the second is kept and not acted upon.
    /// After a restart also those that the journal tells of.
    pub(super) instances: BTreeMap<Height, Instance>,
    pub(super) changes: ViewChanges,
    /// The last own view-change: its certificates show what was prepared before the current view, whatever that
    /// begins with.
    pub(super) own_change: Option<Message>,
    /// Timers that run, with the state they were set in.
    pub(super) progress: Option<super::timers::ProgressTimer>,
    pub(super) heartbeat: Option<View>,
    /// Whether the primary was heard since the progress timer was set.
    pub(super) heard_primary: bool,
    pub(super) judgement: Judgement,
}

impl Orderer for Pbft {
    fn new(config: &Config) -> Self {
        Self {
            view: View::default(),
            begun: true,
            carried_to: config.epoch_start,
            instances: BTreeMap::new(),
            changes: ViewChanges::default(),
            own_change: None,
            progress: None,
            heartbeat: None,
            heard_primary: false,
            judgement: Judgement::new(config.parameters.v1()),
        }
    }

    fn restore(&mut self, base: &mut Base, records: Vec<Record>) {
        self.restore_records(base, records);
    }

    fn on_message(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        message: Message,
    ) -> Result<(), Rejection> {
        let signature = message.v1().signature;
        let Body::Pbft(body) = &message.v1().body else {
            return Err(Rejection::WrongEngine);
        };
        match body {
            message::Body::PrePrepare {
                view,
                height,
                proposal,
            } => {
                let (view, height, proposal) = (*view, *height, proposal.clone());
                self.on_pre_prepare(base, from, view, height, proposal, message)
            }
            message::Body::Prepare {
                view,
                height,
                proposal,
            } => {
                let vote = Vote {
                    view: *view,
                    digest: *proposal,
                    signature,
                };
                self.on_prepare(base, from, *height, vote)
            }
            message::Body::Commit {
                view,
                height,
                proposal,
            } => {
                let vote = Vote {
                    view: *view,
                    digest: *proposal,
                    signature,
                };
                self.on_commit(base, from, *height, vote)
            }
            message::Body::Complaint { view } => self.on_complaint(base, from, *view),
            message::Body::ViewChange(_) => self.on_view_change(base, from, message),
            message::Body::NewView(_) => self.on_new_view(base, from, message),
        }
    }

    fn on_own(&mut self, base: &mut Base, message: Message) -> Result<(), Rejection> {
        let (own, signature) = (message.v1().sender, message.v1().signature);
        let Body::Pbft(body) = &message.v1().body else {
            return Err(Rejection::WrongEngine);
        };
        match body {
            message::Body::PrePrepare {
                view,
                height,
                proposal,
            } => {
                let (view, height, proposal) = (*view, *height, proposal.clone());
                self.on_own_pre_prepare(base, view, height, proposal, message)
            }
            message::Body::Prepare {
                view,
                height,
                proposal,
            } => {
                let vote = Vote {
                    view: *view,
                    digest: *proposal,
                    signature,
                };
                self.on_own_vote(base, Phase::Prepare, own, *height, vote)
            }
            message::Body::Commit {
                view,
                height,
                proposal,
            } => {
                let vote = Vote {
                    view: *view,
                    digest: *proposal,
                    signature,
                };
                self.on_own_vote(base, Phase::Commit, own, *height, vote)
            }
            message::Body::Complaint { view } => self.on_own_complaint(base, own, *view, message),
            message::Body::ViewChange(_) => self.on_own_view_change(base, own, message),
            message::Body::NewView(_) => self.on_own_new_view(base, own, message),
        }
    }

    fn on_timeout(&mut self, base: &mut Base, timer: Timer) -> Result<(), Rejection> {
        match timer {
            Timer::Resend => {
                self.fetch_what_is_claimed(base);
                // What was too far ahead of the clock may not be any more.
                let top = base.high_watermark();
                self.prepare_up_to(base, top);
                Ok(())
            }
            Timer::Progress { reign } => self.on_progress_timeout(base, View(reign)),
            Timer::NewReign { reign } => self.on_new_view_timeout(base, View(reign)),
            Timer::Heartbeat { reign } => self.on_heartbeat_timeout(base, View(reign)),
            Timer::Judgement { reign } => self.on_judgement_timeout(View(reign)),
        }
    }

    fn on_available(&mut self, base: &mut Base, height: Height, proposal: Digest) -> Result<(), Rejection> {
        self.on_proposal_available(base, height, proposal)
    }

    fn on_notice(&mut self, base: &mut Base, notice: Notice<'_>) {
        match notice {
            Notice::EpochEnds(last) => {
                self.instances.retain(|height, _| *height <= last);
                // The primary may have known of the end before, and have begun to fill what is left.
                self.prepare_up_to(base, last);
            }
            Notice::Status(from, status) => {
                let is_primary = from == self.primary(base);
                self.heard_primary |= is_primary && status.reign == self.view.0 && status.begun;
            }
            Notice::OnDisk { former } => self.commit_what_waited_for_disk(base, former),
            Notice::InquiryClosed => self.check_view_changes(base),
            Notice::Heard(from) => self.judge_sender(base, from),
            Notice::HeldBack(peer) => self.judge_held_back(base, peer),
            Notice::Connected | Notice::Synced(_) | Notice::Stopping => {}
        }
    }

    fn on_certified(&mut self, base: &mut Base, former: Height) {
        let could_claim = self.can_claim_all_above(former);
        self.judge_certified(base);
        let above = self.instances.split_off(&base.certified.next());
        let passed = std::mem::replace(&mut self.instances, above);
        self.give_back(base, passed.values());
        self.carry_over(base);
        for height in base.entered_since(former) {
            self.act_on(base, height);
        }
        // What is certified now may be all that a view-change claims, or leave no more than one can claim.
        if !self.begun || (!could_claim && self.can_claim_all(base)) {
            self.check_view_changes(base);
        }
    }

    fn conclude(&mut self, base: &mut Base) {
        if self.changes.take_news() {
            self.check_view_changes(base);
            self.fetch_what_is_claimed(base);
        }
    }

    fn act_on(&mut self, base: &mut Base, height: Height) {
        if !base.is_in_window(height) {
            return;
        }
        self.require_batches(base, height);
        self.try_prepare(base, height);
        self.try_commit(base, height);
        self.try_decide(base, height);
    }

    fn on_step(&mut self, base: &Base) {
        self.judge_input(base);
    }

    fn propose(&mut self, base: &mut Base) {
        self.propose_waiting(base);
        self.judge(base);
    }

    fn settle(&mut self, base: &mut Base) {
        self.update_timers(base);
    }

    fn reign(&self, base: &Base) -> Reign {
        Reign {
            number: self.view.0,
            leader: Some(self.primary(base)),
            begun: self.begun,
        }
    }

    fn is_busy(&self, base: &Base) -> bool {
        !base.finalities.is_empty() || !self.begun
    }

    fn is_proposed(&self, height: Height) -> bool {
        let instance = self.instances.get(&height);
        instance.is_some_and(|instance| instance.proposed.is_some())
    }

    fn holding(&self, base: &Base, height: Height) -> Holding {
        let decided = base.decided(height).is_some();
        let instance = self.instances.get(&height);
        instance.map_or_else(Holding::default, |instance| {
            self.holding_of(base, instance, decided)
        })
    }

    fn answer_about_reign(&self, base: &Base, from: ValidatorIndex, status: &Status) -> Vec<Message> {
        self.answer_about_views(base, from, status)
    }

    fn answer_about_height(&self, base: &Base, height: Height, held: Holding, answer: &mut Vec<Message>) {
        if let Some(instance) = self.instances.get(&height) {
            self.answer_about_votes(base, height, instance, held, answer);
        }
    }

    /// An own commit in the journal explains a seal.
    fn explains_seal(&self, base: &Base, height: Height) -> bool {
        let (instance, own) = (self.instances.get(&height), base.config.index);
        let commit = |instance: &Instance| own.is_some_and(|own| instance.vote(Phase::Commit, own).is_some());
        instance.is_some_and(commit)
    }

    fn remembers(&self, base: &Base, own: ValidatorIndex, statement: &Statement) -> bool {
        self.remembers_statement(base, own, statement)
    }

    fn said_by(&self, base: &Base, about: ValidatorIndex, above: Height) -> Vec<SignedStatement> {
        self.votes_said_by(base, about, above)
    }

    fn vouched(&self, base: &Base, body: &Body) -> Vec<Digest> {
        match body {
            Body::Pbft(body) => self.vouched_by(base, body),
            _ => Vec::new(),
        }
    }

    fn waits_for(&self, base: &Base, height: Height, _finality: &Finality) -> (Awaited, Vec<ValidatorIndex>) {
        self.waits_at(base, height)
    }

    fn check_invariants(&self, base: &Base) {
        self.check(base);
    }
}

impl Pbft {
    /// The primary of the current view.
    pub(super) fn primary(&self, base: &Base) -> ValidatorIndex {
        primary_of(&base.config.committee, self.view)
    }

    /// Whether this replica votes and leads the current view, which has begun.
    pub(super) fn is_leading(&self, base: &Base) -> bool {
        self.begun && base.voter() == Some(self.primary(base))
    }

    /// The facts about a height, if it is one that facts are kept of.
    pub(super) fn instance_mut(
        &mut self,
        base: &mut Base,
        height: Height,
    ) -> Result<&mut Instance, Rejection> {
        base.finality_mut(height)?;
        Ok(self.instances.entry(height).or_default())
    }

    /// Prepares whatever may be prepared by now, up to a height.
    fn prepare_up_to(&mut self, base: &mut Base, top: Height) {
        let open = self.instances.range(..=top);
        let heights: Vec<Height> = open.map(|(height, _)| *height).collect();
        for height in heights {
            self.try_prepare(base, height);
        }
    }

    fn holding_of(&self, base: &Base, instance: &Instance, decided: bool) -> Holding {
        let view = self.view;
        let votes = |phase: Phase| {
            base.config.committee.indices().filter(move |validator| {
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
            first |= bit(self.primary(base));
        }
        Holding {
            // One that votes cast doubt on is asked for again: the other one may come.
            proposal: instance.has_proposal(view, &base.config.committee, decided) && !instance.doubted,
            first,
            second: mask(votes(Phase::Commit)),
            seals: 0,
        }
    }

    fn answer_about_votes(
        &self,
        base: &Base,
        height: Height,
        instance: &Instance,
        held: Holding,
        answer: &mut Vec<Message>,
    ) {
        let committee = &base.config.committee;
        let (epoch, quorum, own) = (committee.epoch(), committee.quorum(), base.config.index);
        // Whether these votes are a quorum for one proposal, so that passing them on completes the peer's.
        let is_quorum_here = |phase, votes| match phase {
            Phase::Prepare => instance.certificate.is_some(),
            Phase::Commit => base.decided(height).is_some() && votes >= quorum,
        };
        let pre_prepare = instance.proposed.as_ref().and_then(|p| p.pre_prepare.clone());
        let has_fresh = pre_prepare.is_some();
        answer.extend(pre_prepare.filter(|_| !held.proposal));
        for (phase, mask) in [(Phase::Prepare, held.first), (Phase::Commit, held.second)] {
            let votes = match phase {
                Phase::Prepare => &instance.prepares,
                Phase::Commit => &instance.commits,
            };
            let all = is_quorum_here(phase, votes.len()) && count(mask) < quorum;
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
            let shown = self.shows_prepared(base, height, instance);
            answer.extend(shown.filter(|message| !answer.contains(message)));
        }
    }

    /// A message that has what was prepared here, in whatever view: the primary's pre-prepare of then or, where
    /// a new-view had carried it over, the own view-change that claimed it.
    fn shows_prepared(&self, base: &Base, height: Height, instance: &Instance) -> Option<Message> {
        let certificate = instance.certificate.as_ref()?;
        let committee = &base.config.committee;
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
