//! Whether a primary is good enough: what it alone does, against what this replica sees of the others.
//!
//! A primary owes a proposal while fewer than the eager number of proposals are under way here and a batch waits
//! that it has for certain. How long it takes, and how much later its proposals come than others' votes on them,
//! is compared with the time from this replica's own vote until f + 1 others have committed, in this view.
//! What it takes longer adds up, and is forgotten slowly. Time in which this replica may be the one that is cut
//! off, or itself stood still, does not count.
//!
//! An epoch's end is no new start. One member can bring it about, and the next epoch begins with the first primary
//! again, so what is known of primaries goes on ([`Replica::follow`]).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use quorate_crypto::{Digest, Height, ValidatorIndex};
use quorate_ledger::{ParametersV1, Proposal, Timestamp};
use serde::{Deserialize, Serialize};

use super::message::View;
use super::{Pbft, Replica, primary_of};
use crate::common::{Base, EAGER_PROPOSALS};
use crate::contract::{Action, Rejection, Timer, TimerRange};

/// Exchanges of votes that are remembered, of which the shortest counts. A primary can make a few long, by
/// showing its proposals to some first, but not all of them to f + 1 honest replicas.
const EXCHANGES: u64 = 8;

/// No exchange takes longer: a clock has jumped.
const LONGEST_EXCHANGE_MS: u64 = 3_600_000;

/// One part in so many of what has added up is forgotten with each proposal that comes.
const FORGETS: u64 = 64;

/// Batches that are handed over at once, and count.
const MAX_HANDED: usize = 32;

/// A batch is handed over, at the earliest, so long after it came: by then it is mostly proposed.
const HAND_OVER_MS: u64 = 10;

/// How often a pause is looked at. If nothing happens here for more than twice that, this replica stood still.
const LOOK_MS: u64 = 100;

/// So long a proposal may wait for batches that are fetched, at no charge: a liar may have shown them to the
/// primary alone.
const FETCHING_MS: u64 = 150;

/// So long in all, in a view, proposals may be held because they are ahead of this validator's clock: a clock may be
/// a little ahead, but not cost that time and again.
const AHEAD_MS: u64 = 2_000;

/// The wait for progress grows by no more doublings than this for complaints about primaries that were heard.
const MOST_LONGER_WAITS: u64 = 4;

/// The bound grows by no more doublings: by then progress is waited for less long.
const MOST_DOUBLINGS: u64 = 16;

/// How slow a primary may be, by the epoch's parameters.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Slowness {
    /// It may take so many times as long as an exchange of votes takes in its view.
    factor: u64,
    /// And so many milliseconds besides, which machines that are shared take now and then.
    floor_ms: u64,
    /// What it takes longer may add up to one in so many of the shortest waits for progress.
    share: u64,
}

/// What is known of the current view's primary.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Judgement {
    slowness: Slowness,
    view: View,
    /// When this replica could vote on proposals of the view whose decision it has not seen begin: until f + 1
    /// others have committed. One a height that is kept.
    voted: BTreeMap<Height, Timestamp>,
    /// How long exchanges of votes took, in milliseconds, the latest last.
    exchanges: VecDeque<u64>,
    /// When proposals came, or f + 1 others had voted on them, until they can be voted on. One a height that is kept.
    came: BTreeMap<Height, Timestamp>,
    /// Heights above those carried over whose proposals left out, with room to spare, what the primary had had for
    /// longer than the bound; none any more once a proposal has left nothing out. One a height that is kept.
    leaving_out: BTreeSet<Height>,
    /// When f + 1 others had voted on what is not here. One a height that is kept.
    missed: BTreeMap<Height, Timestamp>,
    /// Proposals that are ahead of this validator's clock. One a height that is kept.
    ahead: BTreeSet<Height>,
    /// Since when there are any.
    ahead_since: Timestamp,
    /// For how long there were before, in milliseconds.
    ahead_ms: u64,
    /// Batches that wait and that the primary has, with when they were handed over to it.
    handed: BTreeMap<Digest, Timestamp>,
    /// Since when it owes a proposal.
    owes_since: Option<Timestamp>,
    /// When that began which was counted last.
    counted_since: Timestamp,
    /// By how much it was too slow, in milliseconds.
    excess_ms: u64,
    /// When it was last said in this view that the primary is too slow.
    complained: Option<Timestamp>,
    /// When each validator was heard last.
    heard: BTreeMap<ValidatorIndex, Timestamp>,
    /// The last input.
    last_input: Timestamp,
    /// The view whose timer runs.
    timer: Option<View>,
    /// How often the bound was doubled since this process began.
    doublings: u64,
    /// The same of the wait for progress.
    longer_waits: u64,
    /// By what is known from the epoch before, this replica has something against the primaries of all views below:
    /// it complains about each as soon as its view has begun. 0 in a process's first epoch, and at most the number of
    /// validators.
    wanted_from: View,
}

impl Slowness {
    fn of(parameters: &ParametersV1) -> Self {
        Self {
            factor: parameters.slowness_factor.into(),
            floor_ms: parameters.slowness_floor_ms.into(),
            share: parameters.slowness_share.into(),
        }
    }
}

impl Default for Slowness {
    fn default() -> Self {
        Self::of(&ParametersV1::default())
    }
}

impl Judgement {
    /// Nothing is known yet.
    pub(super) fn new(parameters: &ParametersV1) -> Self {
        Self {
            slowness: Slowness::of(parameters),
            ..Self::default()
        }
    }

    /// An input has come. What passed while this replica stood still, or heard too few others (`others`, of
    /// whom a weak quorum is enough) for so long that it may be the one that is cut off, is not counted. A primary
    /// can bring about neither, but by proposing nothing at all: then the wait for progress runs out.
    fn on_input(&mut self, now: Timestamp, last_of_others: Timestamp, silence_ms: u64) {
        let gap = now.0.saturating_sub(self.last_input.0);
        self.last_input = now;
        let Some(since) = self.owes_since else { return };
        if now.0 < since.0 || now.0.saturating_sub(last_of_others.0) > silence_ms {
            self.owes_since = Some(now);
        } else if gap > 2 * LOOK_MS {
            self.owes_since = Some(Timestamp(since.0.saturating_add(gap)));
        }
    }

    /// A view begins: nothing that was measured in a former one counts, but the doublings, and what is known from the
    /// epoch before.
    fn begin(&mut self, view: View) {
        if self.view != view {
            *self = Self {
                slowness: self.slowness,
                view,
                heard: std::mem::take(&mut self.heard),
                last_input: self.last_input,
                timer: self.timer,
                doublings: self.doublings,
                longer_waits: self.longer_waits,
                wanted_from: self.wanted_from,
                ..Self::default()
            };
        }
    }

    /// Nothing is owed here at the moment: the view has not begun, this replica leads it or does not vote, or the epoch
    /// ends. Of these a primary can bring about the last alone, by a rejoin, and that once in ten minutes. Then it owes
    /// all heights that are left, and takes one wait for them (`timers`).
    fn rest(&mut self) {
        self.owes_since = None;
        self.handed.clear();
    }

    /// How long an exchange of votes takes; not known before there was one in this view.
    fn exchange_ms(&self) -> Option<u64> {
        self.exchanges.iter().min().copied()
    }

    /// How long a primary may take.
    fn bound_ms(&self) -> Option<u64> {
        let exchange = self.exchange_ms()?;
        let factor = tuned!("SLOWNESS_FACTOR", self.slowness.factor);
        let bound = factor.saturating_mul(exchange) + tuned!("SLOWNESS_FLOOR_MS", self.slowness.floor_ms);
        Some(bound << self.doublings.min(tuned!(MOST_DOUBLINGS)))
    }

    fn limit_ms(&self, shortest_wait_ms: u32) -> u64 {
        let share = tuned!("SLOWNESS_SHARE", self.slowness.share).max(1);
        (u64::from(shortest_wait_ms) / share) << self.doublings.min(tuned!(MOST_DOUBLINGS))
    }

    fn add(&mut self, took_ms: u64, since: Timestamp, free_ms: u64) {
        let Some(bound) = self.bound_ms() else { return };
        self.counted_since = since;
        self.excess_ms += took_ms.saturating_sub(bound.saturating_add(free_ms));
    }

    /// A proposal of the primary's can be voted on. It ends a pause if it has all that the primary surely had, or
    /// no room for it.
    fn on_votable(&mut self, height: Height, batches: &[Digest], is_full: bool, now: Timestamp) {
        self.voted.insert(height, now);
        if self.ahead.remove(&height) {
            self.on_less_ahead(now);
        }
        self.on_proposed(height, batches, is_full, now);
    }

    /// A proposal of the primary's could be voted on, were it not ahead of this validator's clock.
    fn on_ahead(&mut self, height: Height, batches: &[Digest], is_full: bool, now: Timestamp) {
        if self.ahead_ms(now) < tuned!(AHEAD_MS) && self.ahead.insert(height) {
            if self.ahead.len() == 1 {
                self.ahead_since = now;
            }
            self.on_proposed(height, batches, is_full, now);
        }
    }

    /// For how long proposals were held in all.
    fn ahead_ms(&self, now: Timestamp) -> u64 {
        let runs = match self.ahead.is_empty() {
            true => 0,
            false => now.0.saturating_sub(self.ahead_since.0),
        };
        self.ahead_ms + runs
    }

    fn on_less_ahead(&mut self, now: Timestamp) {
        if self.ahead.is_empty() {
            self.ahead_ms += now.0.saturating_sub(self.ahead_since.0);
        }
    }

    /// A proposal can be voted on here, but for the clock.
    ///
    /// An honest primary names all that it has, up to a full proposal, so it leaves out nothing that was handed over
    /// to it once that has arrived. The last proposal without it is here after one way to the primary, a flush of its
    /// disk and one way back. That takes longer than the bound only where this link, or that disk, is much slower
    /// than f + 1 others exchange votes. There each complaint doubles the bound, until it is longer than that; and
    /// the next proposal, which leaves nothing out, makes up for those before it. A slow disk here makes no
    /// difference: it delays what is handed over as it delays what is voted on.
    fn on_proposed(&mut self, height: Height, batches: &[Digest], is_full: bool, now: Timestamp) {
        let came = self.came.remove(&height).unwrap_or(now);
        for batch in batches {
            self.handed.remove(batch);
        }
        let Some(bound) = self.bound_ms() else { return };
        let had = |at: &Timestamp| now.0.saturating_sub(at.0) > bound;
        if !is_full && self.handed.values().any(had) && !breaks!(LeavingOutAllowed) {
            self.leaving_out.insert(height);
            return;
        }
        self.leaving_out.clear();
        self.excess_ms -= self.excess_ms.div_ceil(tuned!(FORGETS));
        let fetched = now.0.saturating_sub(came.0).min(tuned!(FETCHING_MS));
        self.end_pause(now, fetched);
    }

    /// The primary has done what it owed, and so much of the time was not its own.
    fn end_pause(&mut self, now: Timestamp, free_ms: u64) {
        if let Some(since) = self.owes_since.take() {
            self.add(now.0.saturating_sub(since.0), since, free_ms);
        }
    }

    /// Of the batches that were handed over these still wait. Where none does, all may have been decided before this
    /// replica could vote on them: a primary may show it each proposal last, so that ends the pause like a proposal.
    fn on_waiting(&mut self, now: Timestamp, waits: impl Fn(&Digest) -> bool) {
        let owed = !self.handed.is_empty();
        self.handed.retain(|batch, _| waits(batch));
        if owed && self.handed.is_empty() {
            self.end_pause(now, 0);
        }
    }

    /// f + 1 others have committed a height.
    fn on_exchanged(&mut self, height: Height, now: Timestamp) {
        if let Some(voted) = self.voted.remove(&height) {
            let took = now.0.saturating_sub(voted.0).min(LONGEST_EXCHANGE_MS);
            self.exchanges.push_back(took);
            if self.exchanges.len() as u64 > tuned!(EXCHANGES) {
                self.exchanges.pop_front();
            }
        }
    }

    /// f + 1 others have voted on what is not here.
    fn on_missed(&mut self, height: Height, now: Timestamp) {
        self.missed.insert(height, now);
        self.came.entry(height).or_insert(now);
    }

    /// A proposal has come.
    fn on_come(&mut self, height: Height, now: Timestamp) {
        self.came.entry(height).or_insert(now);
        if let Some(since) = self.missed.remove(&height) {
            self.add(now.0.saturating_sub(since.0), since, 0);
        }
    }

    fn forget_up_to(&mut self, height: Height, now: Timestamp) {
        let above = self.missed.split_off(&height.next());
        for since in std::mem::replace(&mut self.missed, above).into_values() {
            self.add(now.0.saturating_sub(since.0), since, 0);
        }
        if !self.ahead.is_empty() {
            self.ahead = self.ahead.split_off(&height.next());
            self.on_less_ahead(now);
        }
        self.leaving_out = self.leaving_out.split_off(&height.next());
        for kept in [&mut self.voted, &mut self.came] {
            *kept = kept.split_off(&height.next());
        }
    }

    /// By how much the primary is too slow by now.
    fn excess_by(&self, now: Timestamp) -> u64 {
        let pause = self.owes_since.map_or(0, |since| now.0.saturating_sub(since.0));
        let bound = self.bound_ms().unwrap_or(u64::MAX);
        self.excess_ms + pause.saturating_sub(bound)
    }

    /// It is said now, and stands for as long as the view lasts. Nothing counts twice.
    fn on_complained(&mut self, now: Timestamp) {
        self.doublings = self
            .doublings
            .saturating_add(u64::from(!breaks!(BoundNotDoubled)));
        self.excess_ms = 0;
        self.complained = Some(now);
        self.owes_since = self.owes_since.map(|_| now);
    }

    /// By how many doublings the wait for progress is longer.
    pub(super) fn longer_waits(&self) -> u64 {
        self.longer_waits
    }

    /// From which view on this replica has nothing against the primaries, by what it knows from the epoch before.
    pub(super) fn wanted_from(&self) -> View {
        self.wanted_from
    }

    pub(super) fn check_invariants(&self, kept: usize, validators: usize) {
        assert!(
            self.wanted_from.0 <= validators as u64,
            "each primary is known once from the epoch before"
        );
        assert!(
            self.handed.len() <= MAX_HANDED,
            "few batches are handed over at once"
        );
        assert!(
            self.exchanges.len() as u64 <= tuned!(EXCHANGES),
            "few exchanges are remembered"
        );
        assert!(self.heard.len() <= validators, "one slot a validator");
        for heights in [&self.voted, &self.came, &self.missed] {
            assert!(heights.len() <= kept, "one slot a height that is kept");
        }
        for heights in [&self.ahead, &self.leaving_out] {
            assert!(heights.len() <= kept, "one slot a height that is kept");
        }
    }
}

impl Replica {
    /// Told before its first input that its epoch follows the one of `former`. The primaries before the one that led
    /// last were replaced, and are complained about at once; so is that one, if a complaint of this replica's
    /// stands against it. And what this replica has learnt to bear with it still bears with. A complaint binds nobody,
    /// so replicas may well know different things.
    pub fn follow(&mut self, former: &Self) {
        if breaks!(PrimariesForgotten) {
            return;
        }
        let (committee, then) = (&former.base.config.committee, &former.orderer);
        let known = &then.judgement;
        let last = then.view.max(known.wanted_from);
        // A complaint of a view that was left has gone with it, and below `wanted_from` it is counted already.
        let stands = last == then.view && known.view == then.view && known.complained.is_some();
        // By its seat, as its keys may be others now.
        let leader = committee.seat(primary_of(committee, last));
        let ours = &self.base.config.committee;
        let is_leaders = |index: &ValidatorIndex| {
            leader.is_some_and(|leader| ours.seat(*index).is_some_and(|seat| seat.seat == leader.seat))
        };
        let place = ours.indices().find(is_leaders);
        let judgement = &mut self.orderer.judgement;
        judgement.wanted_from = place.map_or(View(0), |place| View(u64::from(place.0) + u64::from(stands)));
        judgement.doublings = known.doublings;
        judgement.longer_waits = known.longer_waits;
    }
}

impl Pbft {
    /// Called first of all in a step.
    pub(super) fn judge_input(&mut self, base: &Base) {
        let silence = 2 * u64::from(base.config.timing.resend.to_ms);
        let last = match self.judgement.owes_since {
            Some(_) => self.weakly_heard_at(base),
            None => base.now,
        };
        self.judgement.on_input(base.now, last, silence);
    }

    pub(super) fn judge_sender(&mut self, base: &Base, sender: ValidatorIndex) {
        self.judgement.heard.insert(sender, base.now);
    }

    /// Those whom the primary is measured by: all others but itself, unless there is nobody else.
    fn is_witness(&self, base: &Base, validator: ValidatorIndex) -> bool {
        let few = base.config.committee.size() <= 2;
        Some(validator) != base.config.index && (few || validator != self.primary(base))
    }

    /// When f + 1 others had been heard last.
    fn weakly_heard_at(&self, base: &Base) -> Timestamp {
        let heard = self.judgement.heard.iter();
        let mut times: Vec<Timestamp> = heard
            .filter(|(validator, _)| self.is_witness(base, **validator))
            .map(|(_, at)| *at)
            .collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        let rank = base.config.committee.weak_quorum().saturating_sub(1);
        times.get(rank).copied().unwrap_or_default()
    }

    /// A proposal of the current view is here.
    pub(super) fn judge_come(&mut self, base: &Base, height: Height) {
        self.judgement.begin(self.view);
        self.judgement.on_come(height, base.now);
    }

    /// This replica can vote on a proposal of the current view.
    pub(super) fn judge_votable(&mut self, base: &Base, height: Height, proposal: &Proposal) {
        self.judgement.begin(self.view);
        let is_full = proposal.batches().len() >= base.max_proposal_batches();
        self.judgement
            .on_votable(height, proposal.batches(), is_full, base.now);
    }

    /// This replica could, were it not for its clock.
    pub(super) fn judge_ahead(&mut self, base: &Base, height: Height, proposal: &Proposal) {
        self.judgement.begin(self.view);
        let is_full = proposal.batches().len() >= base.max_proposal_batches();
        self.judgement
            .on_ahead(height, proposal.batches(), is_full, base.now);
    }

    /// Whether f + 1 others have committed this height in the current view.
    fn have_committed(&self, base: &Base, height: Height) -> bool {
        let (view, own) = (self.view, base.config.index);
        let commits = self
            .instances
            .get(&height)
            .into_iter()
            .flat_map(|instance| &instance.commits);
        let of_view = commits.filter(|(who, vote)| vote.view == view && Some(**who) != own);
        of_view.count() >= base.config.committee.weak_quorum()
    }

    pub(super) fn judge_certified(&mut self, base: &Base) {
        self.judgement.forget_up_to(base.certified, base.now);
    }

    /// Others have voted in the current view on a height whose proposal is not here. Once f + 1 have, it is asked
    /// for: one of them is honest, and has it.
    pub(super) fn judge_votes(&mut self, base: &mut Base, height: Height) {
        let (view, weak_quorum) = (self.view, base.config.committee.weak_quorum());
        if !self.begun {
            return;
        }
        self.judgement.begin(view);
        if self.judgement.voted.contains_key(&height) && self.have_committed(base, height) {
            self.judgement.on_exchanged(height, base.now);
        }
        let Some(instance) = self.instances.get(&height) else {
            return;
        };
        let missing = instance.proposed_in(view).is_none() && base.decided(height).is_none();
        if !missing || self.judgement.missed.contains_key(&height) || !base.is_in_window(height) {
            return;
        }
        let voters = instance.voters(view, base.config.index);
        if voters.len() >= weak_quorum && !breaks!(MissingNotAsked) {
            self.judgement.on_missed(height, base.now);
            for voter in voters {
                base.status_due.ask_for(voter);
            }
        }
    }

    /// Judges the primary at the end of a step: counts, hands batches over to it, complains.
    pub(super) fn judge(&mut self, base: &mut Base) {
        self.judgement.begin(self.view);
        let now = base.now;
        let alone = base.config.committee.size() == 1;
        let ends = base.epoch_end.is_some();
        let voter = base.voter().is_some_and(|own| own != self.primary(base));
        if !self.begun || !voter || alone || ends {
            self.judgement.rest();
            return;
        }
        let backlog = &base.backlog;
        self.judgement.on_waiting(now, |batch| backlog.holds(batch));
        let waits_for_it = backlog.free() > 0 || !self.judgement.handed.is_empty();
        let room = waits_for_it && self.has_room_under_way(base);
        if self.judgement.handed.is_empty() {
            self.hand_over(base, room);
        }
        // Two older rules cover a part of the same: where one of them is broken on purpose, it is to be seen alone.
        let broken = [
            breaks!(PausesAllowed),
            breaks!(LeavingOutAllowed),
            breaks!(EmptyIsProgress),
        ];
        let owes = room && !self.judgement.handed.is_empty() && !broken.contains(&true);
        let since = self.judgement.owes_since.unwrap_or(now);
        self.judgement.owes_since = Some(since).filter(|_| owes);
        self.complain_if_slow(base);
        let waits = room && base.backlog.free() > 0;
        if (owes || waits) && self.judgement.timer != Some(self.view) {
            let after = if owes { LOOK_MS } else { self.hand_over_ms() };
            let after = u32::try_from(after.min(LOOK_MS)).unwrap_or(u32::MAX);
            self.judgement.timer = Some(self.view);
            let reign = self.view.0;
            base.set_timer(
                Timer::Judgement { reign },
                TimerRange {
                    from_ms: after,
                    to_ms: after,
                },
            );
        }
    }

    pub(super) fn on_judgement_timeout(&mut self, view: View) -> Result<(), Rejection> {
        match self.judgement.timer.take_if(|running| *running == view) {
            Some(_) => Ok(()),
            None => Err(Rejection::StaleTimer),
        }
    }

    /// Whether the primary may propose at once, by what can be voted on here and is not decided. A height whose
    /// proposal left out what the primary had counts as free until it is certified: it could have proposed that there.
    /// Else it would never seem to pause while it always has some small proposals of its own under way, or fills the
    /// window with them. One that f + 1 others have voted on, and this replica cannot yet, is free as well: a primary
    /// may show each proposal to some first, and vote on it itself.
    fn has_room_under_way(&self, base: &Base) -> bool {
        let may_be_ahead = self.judgement.ahead_ms(base.now) < tuned!(AHEAD_MS);
        let mut under_way = 0;
        let mut gap = false;
        for height in base.certified.0.saturating_add(1)..=base.high_watermark().0 {
            let height = Height(height);
            let carried = height <= self.carried_to;
            let leaves_out = !carried && self.judgement.leaving_out.contains(&height);
            if leaves_out && !breaks!(LeavingOutUnderWay) {
                gap = true;
                continue;
            }
            let Some(instance) = self.instances.get(&height) else {
                gap |= !carried;
                continue;
            };
            if base.decided(height).is_some() {
                continue;
            }
            let held = may_be_ahead && self.judgement.ahead.contains(&height);
            if carried || instance.asked_prepare == Some(self.view) || held {
                under_way += 1;
            } else {
                gap = true;
            }
        }
        gap && under_way < EAGER_PROPOSALS
    }

    /// How long a batch waits here before it is handed over.
    fn hand_over_ms(&self) -> u64 {
        let exchange = self.judgement.exchange_ms().unwrap_or(LOOK_MS);
        exchange.max(tuned!(HAND_OVER_MS))
    }

    /// Hands the oldest batches that wait over to the primary; from now on they count. Where the primary has no room,
    /// batches wait for the bound first, as they mostly have to. Were none handed over then, nothing would count
    /// against a primary that never seems to have room.
    fn hand_over(&mut self, base: &mut Base, room: bool) {
        let Some(bound) = self.judgement.bound_ms() else {
            return;
        };
        let now = base.now;
        let wait = if room { self.hand_over_ms() } else { bound };
        let is_late = |since: Timestamp| now.0.saturating_sub(since.0) >= wait;
        // A busy replica asks in each step, and its oldest batch is mostly young.
        if !room && !base.backlog.free_since(1).any(|(_, since)| is_late(since)) {
            return;
        }
        let waiting = base.backlog.free_since(MAX_HANDED);
        let late = waiting.filter(|(_, since)| is_late(*since));
        let batches: Vec<Digest> = late.map(|(batch, _)| batch).collect();
        if batches.is_empty() {
            return;
        }
        self.judgement
            .handed
            .extend(batches.iter().map(|batch| (*batch, now)));
        let to = self.primary(base);
        base.out.actions.push(Action::HandOver { to, batches });
    }

    fn complain_if_slow(&mut self, base: &mut Base) {
        let limit = self.judgement.limit_ms(base.config.timing.progress.from_ms);
        let excess = self.judgement.excess_by(base.now);
        let since = self.judgement.owes_since.unwrap_or(self.judgement.counted_since);
        if excess > limit && self.weakly_heard_at(base) > since {
            self.judgement.on_complained(base.now);
            return self.complain(base);
        }
        // Who was found too slow once stays so in this view, and who was replaced in the epoch before, in this one.
        // Were it forgotten, a primary could be slow to one after the other, until none has any patience to lose.
        let longest = u64::from(Self::longest_patience_ms(base));
        let due = match self.judgement.complained {
            Some(at) => base.now.0.abs_diff(at.0) >= longest,
            None => self.view < self.judgement.wanted_from,
        };
        if due {
            self.judgement.complained = Some(base.now);
            self.complain(base);
        }
    }

    /// Next to nothing of what `peer` sends is taken for a while. As a primary it would stand still until the wait for
    /// progress is over.
    pub(super) fn judge_held_back(&mut self, base: &mut Base, peer: ValidatorIndex) {
        let votes = base.voter().is_some_and(|own| own != peer);
        if self.begun && votes && peer == self.primary(base) && !breaks!(HeldBackLeads) {
            self.complain(base);
        }
    }

    /// The wait for progress is over. Where the primary was heard in the latter half of it, it is not down but
    /// slow, for this replica at least: should a complaint not help, the next wait is longer.
    pub(super) fn judge_timeout(&mut self, base: &Base) {
        let heard = self.judgement.heard.get(&self.primary(base));
        let half = u64::from(self.patience(base).from_ms) / 2;
        let lately = heard.is_some_and(|at| base.now.0.saturating_sub(at.0) < half);
        if lately && !breaks!(BoundNotDoubled) {
            self.judgement.longer_waits = (self.judgement.longer_waits + 1).min(tuned!(MOST_LONGER_WAITS));
        }
    }
}
