//! Whatever can be lost is sent again: replicas say where they are and what they hold, and peers
//! answer with what is missing, or name the blocks to fetch.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{Height, ValidatorIndex};
use quorate_ledger::Timestamp;

use super::Replica;
use super::instance::{Instance, Phase};
use crate::contract::{Action, MAX_WINDOW, Rejection, Timer};
use crate::message::{Body, Holding, Message, Status};

/// The most messages in answer to one status.
pub const MAX_ANSWER: usize = 4 * MAX_WINDOW;

/// After this many standstills in a row, a replica fetches even blocks that it executed itself.
const PATIENT_STANDSTILLS: u32 = 2;

/// What each peer said last about where it is. One entry a validator.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    known: BTreeMap<ValidatorIndex, Peer>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    /// The highest height it has claimed certified.
    certified: Height,
    /// When its status was last answered.
    answered: Option<Timestamp>,
    /// When its inquiry was last answered.
    testified: Option<Timestamp>,
}

impl Peers {
    /// A link came up: its next status and its next inquiry are answered at once.
    pub(super) fn on_connected(&mut self, peer: ValidatorIndex) {
        let known = self.known.entry(peer).or_default();
        (known.answered, known.testified) = (None, None);
    }

    pub(super) fn claims_certified(&mut self, peer: ValidatorIndex, height: Height) {
        let known = self.known.entry(peer).or_default();
        known.certified = known.certified.max(height);
    }

    /// Whether a status of this peer may be answered now; if so, it is taken as answered.
    fn may_answer(&mut self, peer: ValidatorIndex, now: Timestamp, at_most_every_ms: u64) -> bool {
        is_due(
            &mut self.known.entry(peer).or_default().answered,
            now,
            at_most_every_ms,
        )
    }

    /// The same of an inquiry.
    pub(super) fn may_testify(
        &mut self,
        peer: ValidatorIndex,
        now: Timestamp,
        at_most_every_ms: u64,
    ) -> bool {
        is_due(
            &mut self.known.entry(peer).or_default().testified,
            now,
            at_most_every_ms,
        )
    }

    /// The highest height that at least `count` peers claim certified, and those above `than`.
    fn certified_by(&self, count: usize, than: Height) -> (Height, Vec<ValidatorIndex>) {
        let mut heights: Vec<Height> = self.known.values().map(|peer| peer.certified).collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        let height = heights.get(count.saturating_sub(1)).copied().unwrap_or_default();
        let holders = self
            .known
            .iter()
            .filter(|(_, peer)| peer.certified > than)
            .map(|(peer, _)| *peer)
            .collect();
        (height, holders)
    }

    /// Whether anybody claims more than `height` certified.
    fn any_above(&self, height: Height) -> bool {
        self.known.values().any(|peer| peer.certified > height)
    }
}

/// To whom a status is due: one is signed at a time, for all who want it.
#[derive(Clone, Debug, Default)]
pub(super) struct StatusDue {
    all: bool,
    peers: BTreeSet<ValidatorIndex>,
    asked: bool,
}

impl StatusDue {
    pub(super) fn ask_all(&mut self) {
        self.all = true;
    }

    pub(super) fn ask_for(&mut self, peer: ValidatorIndex) {
        self.peers.insert(peer);
    }
}

impl Replica {
    /// Asks for the status that is due to be signed, unless one is being signed.
    pub(super) fn ask_for_status(&mut self) {
        let due = self.status_due.all || !self.status_due.peers.is_empty();
        if !due || self.status_due.asked || self.is_silent() {
            return;
        }
        self.status_due.asked = true;
        let status = self.status();
        self.out.actions.push(Action::Sign(Body::Status(status)));
    }

    pub(super) fn on_own_status(&mut self, message: Message) {
        let due = std::mem::take(&mut self.status_due);
        if due.all {
            self.broadcast(message);
        } else {
            for to in due.peers {
                self.send(to, message.clone());
            }
        }
    }

    /// Where this replica is, and what it holds for the heights after.
    fn status(&self) -> Status {
        let highest = self
            .instances
            .range(..=self.high_watermark())
            .next_back()
            .map_or(self.certified, |(height, _)| *height);
        let holds = (self.certified.0.saturating_add(1)..=highest.0)
            .map(|height| {
                self.instances
                    .get(&Height(height))
                    .map_or_else(Holding::default, |instance| self.holding(instance))
            })
            .collect();
        Status {
            reign: self.view.0,
            begun: self.active,
            certified: self.certified,
            holds,
        }
    }

    fn holding(&self, instance: &Instance) -> Holding {
        let view = self.view;
        let votes = |phase: Phase| {
            let decided = instance.decided.is_some();
            self.config.committee.indices().filter(move |validator| {
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
            proposal: instance.has_proposal(view, &self.config.committee),
            first,
            second: mask(votes(Phase::Commit)),
            seals: mask(instance.seals.keys().copied()),
        }
    }

    /// Nothing has been certified since the timer was set, and work is open: say where we are.
    pub(super) fn on_resend_timeout(&mut self) -> Result<(), Rejection> {
        let mark = self.resend.take().ok_or(Rejection::StaleTimer)?;
        self.ask_again();
        if mark == self.mark() {
            self.standstills = self.standstills.saturating_add(1);
            self.status_due.ask_all();
            self.fetch_if_behind();
        } else {
            self.standstills = 0;
        }
        let heights: Vec<Height> = self
            .instances
            .range(..=self.high_watermark())
            .map(|(h, _)| *h)
            .collect();
        for height in heights {
            self.try_prepare(height);
        }
        Ok(())
    }

    pub(super) fn on_status(&mut self, from: ValidatorIndex, status: &Status) -> Result<(), Rejection> {
        self.peers.claims_certified(from, status.certified);
        self.fetch_if_far_behind();
        self.heard_primary |= from == self.primary() && status.reign == self.view.0 && status.begun;
        if self.asking.is_open() {
            self.asking.defer(from, status);
            return Ok(());
        }
        let period = u64::from(self.config.timing.resend.from_ms) / 2;
        if !self.peers.may_answer(from, self.now, period) {
            return Err(Rejection::Duplicate);
        }
        if status.certified < self.certified || status.reign < self.view.0 {
            self.status_due.ask_for(from);
        }
        let mut answer = self.answer_about_views(from, status);
        self.answer_about_certified(status, &mut answer);
        self.answer_about_window(status, &mut answer);
        answer.truncate(MAX_ANSWER);
        for message in answer {
            self.send(from, message);
        }
        Ok(())
    }

    /// Seals of heights that are certified here and not there.
    fn answer_about_certified(&self, status: &Status, answer: &mut Vec<Message>) {
        let epoch = self.config.committee.epoch();
        let reach = Height(status.certified.0.saturating_add(self.window));
        if reach <= status.certified {
            return;
        }
        for (height, certificate) in self.certificates.range(status.certified.next()..=reach) {
            let held = holding_of(status, *height).seals;
            for seal in certificate.seals() {
                if held & bit(seal.validator) == 0 {
                    let body = Body::Seal {
                        height: *height,
                        block: certificate.block(),
                    };
                    answer.push(Message::new(epoch, seal.validator, body, seal.signature));
                }
            }
        }
    }

    /// Proposals, votes and seals of heights that are open here: the own ones that the peer lacks, and
    /// others' where they make a quorum here and not there.
    fn answer_about_window(&self, status: &Status, answer: &mut Vec<Message>) {
        let epoch = self.config.committee.epoch();
        let quorum = self.config.committee.quorum();
        let own = self.config.index;
        let reach = Height(status.certified.0.saturating_add(self.window));
        for (height, instance) in &self.instances {
            if *height <= status.certified || *height > reach {
                continue;
            }
            let held = holding_of(status, *height);
            if !held.proposal
                && let Some(message) = instance.proposed.as_ref().and_then(|p| p.pre_prepare.clone())
            {
                answer.push(message);
            }
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
                        answer.push(vote.message(epoch, phase, *height, *validator));
                    }
                }
            }
            let all = instance.seals.len() >= quorum && count(held.seals) < quorum;
            for (validator, seal) in &instance.seals {
                if held.seals & bit(*validator) == 0 && (all || Some(*validator) == own) {
                    answer.push(seal.message(epoch, *height, *validator));
                }
            }
        }
    }

    /// Fetches blocks when this replica is out of its peers' window, or when a quorum has sealed a
    /// height that it does not even have a proposal for.
    pub(super) fn fetch_if_far_behind(&mut self) {
        let (height, holders) = self
            .peers
            .certified_by(self.config.committee.weak_quorum(), self.certified);
        let found = if height > self.high_watermark() {
            Some((height, holders))
        } else {
            self.sealed(|instance| instance.executed.is_none() && instance.proposed.is_none())
        };
        if let Some((height, holders)) = found
            && height > self.fetching
        {
            self.fetch(height, holders);
        }
    }

    /// After a standstill: fetches what others have certified and this replica cannot decide.
    fn fetch_if_behind(&mut self) {
        // What was executed here lacks seals only, which peers send if they still have them; blocks
        // are the second resort.
        let patient = self.standstills <= PATIENT_STANDSTILLS;
        // Of an idle network an observer hears the primary alone, and cannot ask the others. Blocks prove
        // themselves, so in the end anybody's word is worth a look at a window of them.
        let alone = self.is_silent() && !patient;
        let enough = if alone {
            1
        } else {
            self.config.committee.weak_quorum()
        };
        let (mut height, mut holders) = self.peers.certified_by(enough, self.certified);
        if alone {
            height = height.min(Height(self.certified.0.saturating_add(self.window)));
        }
        if let Some((sealed, sealers)) = self.sealed(|instance| !patient || instance.executed.is_none())
            && sealed > height
        {
            (height, holders) = (sealed, sealers);
        }
        let executed = self
            .instances
            .get(&height)
            .is_some_and(|instance| instance.executed.is_some());
        if height > self.certified && (!executed || !patient) {
            self.fetch(height, holders);
        }
    }

    /// The highest height that a quorum has sealed and that is `such`; with its sealers.
    fn sealed(&self, such: impl Fn(&Instance) -> bool) -> Option<(Height, Vec<ValidatorIndex>)> {
        self.instances
            .iter()
            .rev()
            .filter(|(_, instance)| such(instance))
            .find_map(|(height, instance)| {
                let block = instance.sealed(&self.config.committee)?;
                let own = self.config.index;
                let holders = instance
                    .sealers(block)
                    .filter(|sealer| Some(*sealer) != own)
                    .collect();
                Some((*height, holders))
            })
    }

    pub(super) fn fetch(&mut self, to: Height, holders: Vec<ValidatorIndex>) {
        self.fetching = self.fetching.max(to);
        self.out.actions.push(Action::FetchBlocks { to, holders });
    }

    pub(super) fn send(&mut self, to: ValidatorIndex, message: Message) {
        self.out.actions.push(Action::Send { to, message });
    }

    /// Whether anything is unfinished: only then does the resend timer run, and an idle network is
    /// silent but for its primary's heartbeat.
    pub(super) fn has_open_work(&self) -> bool {
        let open = !self.instances.is_empty()
            || self.candidates.len() > 0
            || self.is_ending()
            || !self.active
            || self.asking.is_open()
            || self.peers.any_above(self.certified);
        open && !self.is_finished()
    }

    pub(super) fn update_resend_timer(&mut self) {
        match (self.has_open_work(), self.resend.is_some()) {
            (true, false) => {
                self.resend = Some(self.mark());
                self.set_timer(Timer::Resend, self.config.timing.resend);
            }
            (false, true) => {
                self.resend = None;
                self.standstills = 0;
                self.cancel_timer(Timer::Resend);
            }
            _ => {}
        }
    }
}

/// Whether these votes are a quorum for one proposal, so that passing them on completes the peer's.
fn quorum_here(votes: usize, phase: Phase, instance: &Instance, quorum: usize) -> bool {
    match phase {
        Phase::Prepare => instance.certificate.is_some(),
        Phase::Commit => instance.decided.is_some() && votes >= quorum,
    }
}

/// Whether something that was done `at` may be done again; if so, it is done `now`.
fn is_due(at: &mut Option<Timestamp>, now: Timestamp, at_most_every_ms: u64) -> bool {
    // A clock that went backwards is no reason to be silent.
    let recently = at.is_some_and(|at| now >= at && now.0 - at.0 < at_most_every_ms);
    if !recently {
        *at = Some(now);
    }
    !recently
}

fn holding_of(status: &Status, height: Height) -> Holding {
    height
        .0
        .checked_sub(status.certified.0.saturating_add(1))
        .and_then(|place| usize::try_from(place).ok())
        .and_then(|place| status.holds.get(place))
        .copied()
        .unwrap_or_default()
}

fn bit(validator: ValidatorIndex) -> u128 {
    1u128.checked_shl(u32::from(validator.0)).unwrap_or(0)
}

fn mask(validators: impl Iterator<Item = ValidatorIndex>) -> u128 {
    validators.fold(0, |mask, validator| mask | bit(validator))
}

fn count(mask: u128) -> usize {
    usize::try_from(mask.count_ones()).unwrap_or(usize::MAX)
}
