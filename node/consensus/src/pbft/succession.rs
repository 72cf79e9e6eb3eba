//! Who leads: the view change (Castro and Liskov 1999, section 4.4), how a primary that fails is replaced.
//!
//! A timeout makes a replica complain, which binds it to nothing, and lapses unless it is said again. On f + 1
//! complaints about its view, or f + 1 view-changes for higher ones, it moves: from then on it says nothing below its new view,
//! and claims, with proofs, what it has prepared. The new primary shows a quorum of such claims, from
//! which everybody computes the same [`Plan`](super::Plan) of what is proposed again.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use quorate_crypto::{Height, ValidatorIndex};
use quorate_ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::instance::Phase;
use super::message::{self, Claims, PreparedClaim, View, ViewChange};
use super::new_view::new_view;
use super::{Pbft, primary_of};
use crate::common::Base;
use crate::contract::{MAX_WINDOW, Rejection, Timer, TimerRange};
use crate::message::{Body, Message, Status};

/// What a replica knows of complaints, view-changes and new-views. One slot a sender and kind.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct ViewChanges {
    /// Each validator's complaint about the highest view.
    pub(super) complaints: BTreeMap<ValidatorIndex, Complaint>,
    own_complaint: Option<Message>,
    /// Each validator's view-change for the highest view, none for a view that has begun here.
    pub(super) changes: BTreeMap<ValidatorIndex, Message>,
    /// The new-view by which the current view began here.
    pub(super) new_view: Option<Message>,
    /// The highest view for which an own view-change was asked to be signed; so for new-views.
    pub(super) asked_change: Option<View>,
    pub(super) asked_new_view: Option<View>,
    /// View changes since the last progress, but for those past primaries that were replaced in the epoch before:
    /// timeouts double with each.
    pub(super) attempts: u32,
    /// The view whose new-view timer runs.
    new_view_timer: Option<View>,
    /// Whether a view-change or a new-view has come, and what follows from it is to be looked at. False between steps.
    #[serde(skip)]
    has_news: bool,
}

impl ViewChanges {
    /// A view-change or a new-view has come. What it shows to be certified is worked off first.
    pub(super) fn note_news(&mut self) {
        self.has_news = true;
    }

    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }
}

/// A complaint that was heard.
#[derive(Clone, Copy, Debug, Hash, Serialize, Deserialize)]
pub(super) struct Complaint {
    /// The view that it is about.
    pub(super) view: View,
    /// When it was last said.
    said: Timestamp,
}

/// A complaint counts for so many of the longest waits unless it is said again: who still means it says it once
/// in each, and one may be lost.
const COMPLAINT_WAITS: u64 = 2;

impl Pbft {
    pub(super) fn on_complaint(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        view: View,
    ) -> Result<(), Rejection> {
        if view < self.view {
            return Err(self.wrong_view(view));
        }
        let known = self.changes.complaints.get(&from).copied();
        if known.is_some_and(|known| known.view > view) {
            return Err(Rejection::Duplicate);
        }
        let complaint = Complaint { view, said: base.now };
        self.changes.complaints.insert(from, complaint);
        if known.is_some_and(|known| known.view == view && self.is_meant(base, known)) {
            return Err(Rejection::Duplicate);
        }
        self.check_view_changes(base);
        Ok(())
    }

    /// Whether a complaint still counts. What was not said again for long is over: were it kept, a hiccup of
    /// one validator would let a liar change the view at any later time.
    fn is_meant(&self, base: &Base, complaint: Complaint) -> bool {
        let longest = COMPLAINT_WAITS * u64::from(Self::longest_patience_ms(base));
        base.now.0.abs_diff(complaint.said.0) <= longest || breaks!(ComplaintsKept)
    }

    /// Complains about the current view, again if it has done so before.
    pub(super) fn complain(&mut self, base: &mut Base) {
        let view = self.view;
        let said = self.changes.own_complaint.clone();
        match said.filter(|message| view_of(message) == Some(view)) {
            Some(message) => {
                let own = message.v1().sender;
                base.broadcast(message);
                // It counts again where it had lapsed, and mostly it is known.
                let _ = self.on_complaint(base, own, view);
            }
            None => base.sign(message::Body::Complaint { view }),
        }
    }

    pub(super) fn on_own_complaint(
        &mut self,
        base: &mut Base,
        own: ValidatorIndex,
        view: View,
        message: Message,
    ) -> Result<(), Rejection> {
        if view != self.view || !self.begun {
            return Err(self.wrong_view(view));
        }
        self.changes.own_complaint = Some(message.clone());
        base.broadcast(message);
        self.on_complaint(base, own, view)
    }

    /// Moves to a higher view on f + 1 complaints about this one, or f + 1 view-changes for higher
    /// ones: at least one of them is honest. Then looks whether a new view can begin. Once the epoch's last
    /// height is certified here, no view of it is of use: whoever lacks it is shown its seals, or fetches
    /// its block, and what is recorded from then on is the next epoch's.
    pub(super) fn check_view_changes(&mut self, base: &mut Base) {
        if base.is_finished() {
            return;
        }
        let weak_quorum = base.config.committee.weak_quorum();
        while base.voter().is_some() && self.can_claim_all(base) {
            let mut higher: Vec<View> = self.changes.changes.values().filter_map(view_of).collect();
            higher.retain(|view| *view > self.view);
            higher.sort_unstable_by(|a, b| b.cmp(a));
            // 4.5.2: on f + 1 view-changes for higher views it joins. Not the smallest of them (pbft.rs, Deviations).
            if let Some(reached) = higher.get(weak_quorum.saturating_sub(1))
                && !breaks!(NobodyJoins)
            {
                self.move_to(base, *reached);
                continue;
            }
            let enough = if breaks!(OneComplaintMoves) {
                1
            } else {
                weak_quorum
            };
            if !self.begun || self.discontented(base).len() < enough {
                break;
            }
            self.move_to(base, self.view.next());
        }
        self.on_quorum_of_view_changes(base);
    }

    /// Who complains about the current view, or has left it.
    fn discontented(&self, base: &Base) -> BTreeSet<ValidatorIndex> {
        let complaining = self
            .changes
            .complaints
            .iter()
            .filter(|(_, complaint)| complaint.view == self.view && self.is_meant(base, **complaint));
        let leaving = self
            .changes
            .changes
            .iter()
            .filter(|(_, message)| view_of(message) > Some(self.view) && !breaks!(NobodyJoins));
        complaining
            .map(|(who, _)| *who)
            .chain(leaving.map(|(who, _)| *who))
            .collect()
    }

    /// Whether a view-change can hold all that was prepared here. A crash alone leaves no more (`try_commit`), but a
    /// chain that is of a backup may lie far behind its journal: a view-change that left something out would let a
    /// quorum undo it.
    pub(super) fn can_claim_all(&self, base: &Base) -> bool {
        self.can_claim_all_above(base.certified)
    }

    /// The same with what is above this height.
    pub(super) fn can_claim_all_above(&self, certified: Height) -> bool {
        let reach = Height(certified.0.saturating_add(MAX_WINDOW as u64));
        let mut beyond = self.instances.range(reach.next()..);
        beyond.all(|(_, instance)| instance.certificate.is_none())
    }

    /// Leaves the current view for a higher one, and asks to sign what was prepared so far.
    fn move_to(&mut self, base: &mut Base, view: View) {
        // 4.4: it stops accepting messages of lower views, and multicasts a view-change for the new one.
        self.view = view;
        self.begun = false;
        // That a view was left whose primary was not wanted before it began says nothing about how long a wait must be.
        if view >= self.judgement.wanted_from() {
            self.changes.attempts = self.changes.attempts.saturating_add(1);
        }
        self.changes.asked_change = Some(view);
        let change = self.view_change(base);
        base.sign(message::Body::ViewChange(change));
    }

    fn view_change(&self, base: &Base) -> ViewChange {
        let prepared: Vec<_> = self
            .instances
            .values()
            .filter(|_| !breaks!(PreparedDropped))
            .filter_map(|instance| instance.certificate.clone())
            .collect();
        ViewChange {
            claims: Claims {
                view: self.view,
                certified: base.certified,
                prepared: prepared.iter().map(|certificate| certificate.claim()).collect(),
            },
            certified: base.certificates.get(&base.certified).cloned(),
            prepared,
        }
    }

    pub(super) fn on_own_view_change(
        &mut self,
        base: &mut Base,
        own: ValidatorIndex,
        message: Message,
    ) -> Result<(), Rejection> {
        let view = view_of(&message).unwrap_or_default();
        self.own_change = Some(message.clone());
        if view != self.view || self.begun {
            return Err(self.wrong_view(view));
        }
        self.changes.changes.insert(own, message.clone());
        base.broadcast(message);
        self.check_view_changes(base);
        Ok(())
    }

    pub(super) fn on_view_change(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        message: Message,
    ) -> Result<(), Rejection> {
        let Some(change) = view_change_of(&message) else {
            return Err(Rejection::WrongEngine);
        };
        let view = change.claims.view;
        self.check_watermark(base, change.certified.is_some(), change.claims.certified)?;
        base.peers.claims_certified(from, change.claims.certified);
        self.accuse_of_hiding(base, from, &message)?;
        // What a quorum has committed may be learned from a view-change for whatever view.
        for proof in &change.prepared {
            self.learn(base, proof.height, &proof.proposal);
        }
        if let Some(kept) = self.changes.changes.get(&from) {
            let same_view = view_of(kept) == Some(view);
            let claims = view_change_of(kept).map(|kept| &kept.claims);
            if same_view && claims != Some(&change.claims) {
                let kept = kept.clone();
                return Err(base.accuse(from, change.claims.certified, kept, message));
            }
            if view_of(kept) >= Some(view) {
                return Err(Rejection::Duplicate);
            }
        }
        if view < self.view || (view == self.view && self.begun) {
            return Err(self.wrong_view(view));
        }
        let certified = change.certified.clone();
        self.changes.changes.insert(from, message);
        if let Some(certificate) = certified {
            base.learn(from, certificate);
        }
        self.changes.note_news();
        Ok(())
    }

    /// A view-change must claim whatever its sender committed: it signed that it held a certificate.
    fn accuse_of_hiding(
        &self,
        base: &mut Base,
        from: ValidatorIndex,
        message: &Message,
    ) -> Result<(), Rejection> {
        let Some(change) = view_change_of(message) else {
            return Ok(());
        };
        let epoch = base.config.committee.epoch();
        let hidden = self.instances.iter().find_map(|(height, instance)| {
            let commit = instance.vote(Phase::Commit, from)?;
            let hides = hides(&change.claims, *height, commit.view);
            hides.then(|| (*height, commit.message(epoch, Phase::Commit, *height, from)))
        });
        match hidden {
            Some((height, commit)) => Err(base.accuse(from, height, commit, message.clone())),
            None => Ok(()),
        }
    }

    /// The view-change of this sender that hides a commit which has just come, if there is one.
    pub(super) fn hiding_view_change(
        &self,
        from: ValidatorIndex,
        height: Height,
        view: View,
    ) -> Option<Message> {
        let message = self.changes.changes.get(&from)?;
        let change = view_change_of(message)?;
        hides(&change.claims, height, view).then(|| message.clone())
    }

    /// Only the epoch's start needs no certificate.
    pub(super) fn check_watermark(
        &self,
        base: &Base,
        has_certificate: bool,
        height: Height,
    ) -> Result<(), Rejection> {
        if has_certificate || height == base.config.epoch_start {
            Ok(())
        } else {
            Err(Rejection::OutsideWindow {
                height,
                certified: base.certified,
            })
        }
    }

    /// With a quorum of view-changes for the current view, its primary begins it. Once a quorum is in
    /// this view or beyond it, everybody waits for that no longer than its patience: whoever is
    /// beyond it helps no more, and a liar may have shown its view-change to some and not to others.
    fn on_quorum_of_view_changes(&mut self, base: &mut Base) {
        let view = self.view;
        let quorum = base.config.committee.quorum();
        let changes: Vec<&Message> = self
            .changes
            .changes
            .values()
            .filter(|message| view_of(message) >= Some(view))
            .collect();
        let has_own = changes
            .iter()
            .any(|message| Some(message.v1().sender) == base.config.index);
        if self.begun || !has_own || changes.len() < quorum {
            return;
        }
        let exact: Vec<&Message> = changes
            .into_iter()
            .filter(|message| view_of(message) == Some(view))
            .collect();
        let leads = base.voter() == Some(self.primary(base));
        let shown: Vec<&Message> = exact
            .into_iter()
            .filter(|message| self.has_blocks_of(base, message) || breaks!(UnservableCounted))
            .collect();
        // 4.4: the primary of the new view multicasts a new-view once it has a quorum of view-changes for it.
        if leads && shown.len() >= quorum && self.changes.asked_new_view != Some(view) {
            let new_view = new_view(view, &shown);
            self.changes.asked_new_view = Some(view);
            base.sign(message::Body::NewView(new_view));
        }
        if self.changes.new_view_timer != Some(view) {
            self.cancel_new_view_timer(base);
            self.changes.new_view_timer = Some(view);
            let after = self.begin_wait(base);
            base.set_timer(Timer::NewReign { reign: view.0 }, after);
        }
    }

    /// Whether this replica has the blocks that a view-change claims to be certified. What a new view begins
    /// above can then be had from its primary, and nobody is led past heights that nobody honest can show.
    /// Certified is enough, though a crash may take the last blocks from a disk: whoever voted for these still
    /// has the records, the next view's primary does not count what is lost, and so one view is lost with them.
    fn has_blocks_of(&self, base: &Base, message: &Message) -> bool {
        let has = |change: &ViewChange| change.claims.certified <= base.certified;
        view_change_of(message).is_some_and(has) || breaks!(BaseLowered)
    }

    /// Whoever is to begin a view fetches the blocks that view-changes claim, from those who claim them.
    pub(super) fn fetch_what_is_claimed(&self, base: &mut Base) {
        let leads = base.voter() == Some(self.primary(base));
        if self.begun || !leads || base.is_finished() {
            return;
        }
        let exact = self.changes.changes.values().filter_map(view_change_of);
        let claimed = exact.filter(|change| change.claims.view == self.view);
        let Some(to) = claimed.map(|change| change.claims.certified).max() else {
            return;
        };
        if to > base.certified {
            let holders = self.changes.changes.iter().filter(|(_, message)| {
                view_of(message) == Some(self.view) && !self.has_blocks_of(base, message)
            });
            let holders = holders.map(|(holder, _)| *holder).collect();
            base.fetch(to, holders);
        }
    }

    pub(super) fn cancel_new_view_timer(&mut self, base: &mut Base) {
        if let Some(former) = self.changes.new_view_timer.take() {
            base.cancel_timer(Timer::NewReign { reign: former.0 });
        }
    }

    /// How long to wait for a primary: what this replica's own disk takes for a height besides, doubled with
    /// each view change since the last progress, up to the cap.
    pub(super) fn patience(&self, base: &Base) -> TimerRange {
        let timing = base.config.timing;
        let cap = match breaks!(TimerUncapped) {
            true => u32::MAX,
            false => Self::longest_patience_ms(base),
        };
        let attempts = match breaks!(TimerNotDoubled) {
            true => 0,
            false => u64::from(self.changes.attempts.saturating_sub(1)),
        };
        let doublings = (attempts + self.judgement.longer_waits()).min(31);
        let own = u64::from(Self::disk_adds(base));
        let grown = |ms: u32| {
            u32::try_from((u64::from(ms) + own) << doublings)
                .unwrap_or(u32::MAX)
                .min(cap)
        };
        TimerRange {
            from_ms: grown(timing.progress.from_ms),
            to_ms: grown(timing.progress.to_ms),
        }
    }

    /// What the own disk adds to a wait for a primary, before it is doubled.
    fn disk_adds(base: &Base) -> u32 {
        let timing = &base.config.timing;
        let adds = base.disk.adds_to_height(timing, base.now);
        adds.min(Self::longest_patience_ms(base))
    }

    /// A wait for a primary begins: how long it is.
    pub(super) fn begin_wait(&self, base: &mut Base) -> TimerRange {
        let adds = Self::disk_adds(base);
        base.disk.grant(adds);
        self.patience(base)
    }

    /// A wait for a primary has run out: how much longer it would be by what is known of the own disk since.
    pub(super) fn wait_longer(&self, base: &mut Base) -> Option<TimerRange> {
        let adds = Self::disk_adds(base);
        base.disk.grant_more(adds)
    }

    /// No wait for a primary is longer.
    pub(super) fn longest_patience_ms(base: &Base) -> u32 {
        let timing = base.config.timing;
        timing.progress_cap_ms.max(timing.progress.from_ms)
    }

    pub(super) fn on_new_view_timeout(&mut self, base: &mut Base, view: View) -> Result<(), Rejection> {
        if self.changes.new_view_timer != Some(view) || view != self.view || self.begun {
            return Err(Rejection::StaleTimer);
        }
        if let Some(more) = self.wait_longer(base) {
            base.set_timer(Timer::NewReign { reign: view.0 }, more);
            return Ok(());
        }
        self.changes.new_view_timer = None;
        if base.voter().is_some() && self.can_claim_all(base) && !base.is_finished() {
            self.move_to(base, view.next());
        }
        self.check_view_changes(base);
        Ok(())
    }

    /// What a peer that says it is in this reign should see.
    pub(super) fn answer_about_views(
        &self,
        base: &Base,
        from: ValidatorIndex,
        status: &Status,
    ) -> Vec<Message> {
        let behind = status.reign < self.view.0 || (status.reign == self.view.0 && !status.begun);
        if !behind || breaks!(ViewsNotResent) {
            return Vec::new();
        }
        if self.begun {
            return self.changes.new_view.iter().cloned().collect();
        }
        // The view's primary needs a quorum of view-changes, from whoever has them.
        let leads = primary_of(&base.config.committee, self.view) == from;
        self.changes
            .changes
            .values()
            .filter(|message| view_of(message) == Some(self.view))
            .filter(|message| leads || Some(message.v1().sender) == base.config.index)
            .cloned()
            .collect()
    }
}

/// Whether these claims leave out a commit of their sender.
fn hides(claims: &Claims, height: Height, view: View) -> bool {
    let claimed = |claim: &PreparedClaim| claim.height == height && claim.view >= view;
    view < claims.view && height > claims.certified && !claims.prepared.iter().any(claimed)
}

pub(super) fn view_of(message: &Message) -> Option<View> {
    match &message.v1().body {
        Body::Pbft(body) => Some(body.view()),
        _ => None,
    }
}

pub(super) fn view_change_of(message: &Message) -> Option<&ViewChange> {
    match &message.v1().body {
        Body::Pbft(message::Body::ViewChange(change)) => Some(change),
        _ => None,
    }
}
