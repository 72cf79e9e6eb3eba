//! Whatever can be lost is sent again: replicas say where they are and what they hold, and peers
//! answer with what is missing, or name the blocks to fetch.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{Height, ValidatorIndex};
use quorate_ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::finality::Finality;
use super::inquiry::Inquiring;
use super::orderer::{Orderer, Reign};
use crate::contract::{Action, MAX_WINDOW, Rejection, Timer};
use crate::message::{Body, Holding, Message, Status};

/// The most messages in answer to one status.
pub const MAX_ANSWER: usize = 4 * MAX_WINDOW;

/// After this many standstills in a row, a replica fetches even blocks that it executed itself.
const PATIENT_STANDSTILLS: u32 = 2;

/// What each peer said last about where it is. One entry a validator.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Peers {
    known: BTreeMap<ValidatorIndex, Peer>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Peer {
    /// The highest height it has claimed certified.
    certified: Height,
    /// When its status was last answered.
    answered: Option<Timestamp>,
    /// The highest height that one which was answered had certified.
    answered_at: Height,
    /// When its inquiry was last answered.
    testified: Option<Timestamp>,
}

impl Peers {
    /// A link came up: its next status and its next inquiry are answered at once.
    pub(crate) fn on_connected(&mut self, peer: ValidatorIndex) {
        let known = self.known.entry(peer).or_default();
        (known.answered, known.testified) = (None, None);
    }

    pub(crate) fn claims_certified(&mut self, peer: ValidatorIndex, height: Height) {
        let known = self.known.entry(peer).or_default();
        known.certified = known.certified.max(height);
    }

    /// The highest height that this peer has claimed certified.
    pub(crate) fn certified(&self, peer: ValidatorIndex) -> Height {
        self.known
            .get(&peer)
            .map_or(Height::GENESIS, |peer| peer.certified)
    }

    /// Whether a status of this peer may be answered now; if so, it is taken as answered. One that is a height
    /// further than the last is answered at once: a peer that is shown no proposals asks at every height, and what
    /// is certified here rises only so fast.
    fn may_answer(
        &mut self,
        (peer, certified): (ValidatorIndex, Height),
        certified_here: Height,
        now: Timestamp,
        at_most_every_ms: u64,
    ) -> bool {
        let known = self.known.entry(peer).or_default();
        let further = certified > known.answered_at && certified <= certified_here;
        let due = is_due(&mut known.answered, now, at_most_every_ms);
        if further {
            known.answered_at = certified;
        }
        due || further
    }

    /// The same of an inquiry.
    pub(crate) fn may_testify(
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

    /// Who claims at least `height` certified.
    fn holders(&self, height: Height) -> impl Iterator<Item = ValidatorIndex> {
        let holders = self
            .known
            .iter()
            .filter(move |(_, peer)| peer.certified >= height);
        holders.map(|(peer, _)| *peer)
    }

    /// Whether anybody claims more than `height` certified.
    fn any_above(&self, height: Height) -> bool {
        self.known.values().any(|peer| peer.certified > height)
    }
}

/// Where a replica is: the same a while later means that nothing has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    reign: Reign,
    certified: Height,
}

/// To whom a status is due: one is signed at a time, for all who want it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct StatusDue {
    all: bool,
    peers: BTreeSet<ValidatorIndex>,
    asked: bool,
}

impl StatusDue {
    pub(crate) fn ask_all(&mut self) {
        self.all = true;
    }

    pub(crate) fn ask_for(&mut self, peer: ValidatorIndex) {
        self.peers.insert(peer);
    }
}

pub(crate) trait CatchUp: Orderer {
    fn mark(&self) -> Mark {
        Mark {
            reign: self.reign(),
            certified: self.base().certified,
        }
    }

    /// Asks for the status that is due to be signed, unless one is being signed.
    fn ask_for_status(&mut self) {
        let base = self.base();
        let due = base.status_due.all || !base.status_due.peers.is_empty();
        if !due || base.status_due.asked || base.is_silent() {
            return;
        }
        let status = self.status();
        let base = self.base_mut();
        base.status_due.asked = true;
        base.out.actions.push(Action::Sign(Body::Status(status)));
    }

    fn on_own_status(&mut self, message: Message) {
        let base = self.base_mut();
        let due = std::mem::take(&mut base.status_due);
        if due.all {
            base.broadcast(message);
        } else {
            for to in due.peers {
                base.send(to, message.clone());
            }
        }
    }

    /// Where this replica is, and what it holds for the heights after.
    fn status(&self) -> Status {
        let (certified, top) = (self.base().certified, self.base().high_watermark());
        let kept = self.finalities().map(|(height, _)| height);
        let highest = kept
            .take_while(|height| *height <= top)
            .last()
            .unwrap_or(certified);
        let holds = (certified.0.saturating_add(1)..=highest.0)
            .map(|height| self.holding(Height(height)))
            .collect();
        let Reign {
            number: reign, begun, ..
        } = self.reign();
        Status {
            reign,
            begun,
            certified,
            holds,
        }
    }

    /// The resend timer has fired: asks who has not answered, and, if nothing has moved since it was set
    /// while work is open, says where we are.
    fn on_resend_timeout(&mut self) -> Result<(), Rejection> {
        let mark = self.base_mut().resend.take().ok_or(Rejection::StaleTimer)?;
        self.ask_again();
        if mark == self.mark() {
            let base = self.base_mut();
            base.standstills = base.standstills.saturating_add(1);
            base.status_due.ask_all();
            self.fetch_if_behind();
        } else {
            self.base_mut().standstills = 0;
        }
        Ok(())
    }

    fn on_status(&mut self, from: ValidatorIndex, status: &Status) -> Result<(), Rejection> {
        self.base_mut().peers.claims_certified(from, status.certified);
        self.fetch_if_far_behind();
        self.on_status_of(from, status);
        let base = self.base_mut();
        if base.inquiry.is_open() {
            let engine = base.config.committee.engine();
            base.inquiry.fall_back(engine, from, status.certified);
            base.inquiry.defer(from, status);
            return Ok(());
        }
        let period = u64::from(base.config.timing.resend.from_ms) / 2;
        if !base
            .peers
            .may_answer((from, status.certified), base.certified, base.now, period)
        {
            return Err(Rejection::Duplicate);
        }
        let reign = self.reign().number;
        if status.certified < self.base().certified || status.reign < reign {
            self.base_mut().status_due.ask_for(from);
        }
        let mut answer = self.answer_about_reign(from, status);
        self.answer_about_certified(status, &mut answer);
        self.answer_about_window(status, &mut answer);
        answer.truncate(MAX_ANSWER);
        for message in answer {
            self.base_mut().send(from, message);
        }
        Ok(())
    }

    /// Seals of heights that are certified here and not there.
    fn answer_about_certified(&self, status: &Status, answer: &mut Vec<Message>) {
        let base = self.base();
        let epoch = base.config.committee.epoch();
        let reach = Height(status.certified.0.saturating_add(base.window));
        if reach <= status.certified {
            return;
        }
        for (height, certificate) in base.certificates.range(status.certified.next()..=reach) {
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
        let committee = &self.base().config.committee;
        let (epoch, quorum) = (committee.epoch(), committee.quorum());
        let own = self.base().config.index;
        let reach = Height(status.certified.0.saturating_add(self.base().window));
        for (height, finality) in self.finalities() {
            if height <= status.certified || height > reach {
                continue;
            }
            let held = holding_of(status, height);
            self.answer_about_height(height, held, answer);
            let all = finality.seals.len() >= quorum && count(held.seals) < quorum;
            for (validator, seal) in &finality.seals {
                if held.seals & bit(*validator) == 0 && (all || Some(*validator) == own) {
                    answer.push(seal.message(epoch, height, *validator));
                }
            }
        }
    }

    /// Fetches blocks when this replica is out of its peers' window, or when a quorum has sealed a
    /// height that it does not even have a proposal for.
    fn fetch_if_far_behind(&mut self) {
        let base = self.base();
        let (height, holders) = base
            .peers
            .certified_by(base.config.committee.weak_quorum(), base.certified);
        let found = if height > base.high_watermark() {
            Some((height, holders))
        } else {
            self.sealed(|height, finality| finality.executed.is_none() && !self.is_proposed(height))
        };
        if let Some((height, holders)) = found
            && height > self.base().fetching
        {
            self.base_mut().fetch(height, holders);
        }
    }

    /// After a standstill: fetches what others have certified and this replica cannot decide.
    fn fetch_if_behind(&mut self) {
        let base = self.base();
        // What was executed here lacks seals only, which peers send if they still have them; blocks
        // are the second resort.
        let patient = base.standstills <= PATIENT_STANDSTILLS;
        // Of an idle network an observer hears the leader alone, and cannot ask the others. Blocks prove
        // themselves, so in the end anybody's word is worth a look at a window of them.
        let alone = base.is_silent() && !patient;
        let enough = if alone {
            1
        } else {
            base.config.committee.weak_quorum()
        };
        let (mut height, mut holders) = base.peers.certified_by(enough, base.certified);
        if alone {
            height = height.min(Height(base.certified.0.saturating_add(base.window)));
        }
        if let Some((sealed, sealers)) = self.sealed(|_, finality| !patient || finality.executed.is_none())
            && sealed > height
        {
            (height, holders) = (sealed, sealers);
        }
        let executed = self
            .finality(height)
            .is_some_and(|finality| finality.executed.is_some());
        if height > self.base().certified && (!executed || !patient) {
            self.base_mut().fetch(height, holders);
        }
    }

    /// The highest height that a quorum has sealed and that is `such`; with its sealers, and with those who
    /// claim to have certified it: they alone may have its block.
    fn sealed(&self, such: impl Fn(Height, &Finality) -> bool) -> Option<(Height, Vec<ValidatorIndex>)> {
        let (committee, own) = (&self.base().config.committee, self.base().config.index);
        self.finalities()
            .rev()
            .filter(|(height, finality)| such(*height, finality))
            .find_map(|(height, finality)| {
                let block = finality.sealed(committee)?;
                let sealers = finality.sealers(block).filter(|sealer| Some(*sealer) != own);
                let mut holders: Vec<ValidatorIndex> = sealers.collect();
                let others = self.base().peers.holders(height);
                holders.extend(others.filter(|peer| !finality.seals.contains_key(peer)));
                Some((height, holders))
            })
    }

    /// Whether anything is unfinished: only then does the resend timer run, and an idle network is
    /// silent but for its leader's heartbeat.
    fn has_open_work(&self) -> bool {
        let base = self.base();
        let open = self.is_busy()
            || base.backlog.len() > 0
            || base.is_ending()
            || base.inquiry.is_open()
            || base.peers.any_above(base.certified);
        open && !base.is_finished()
    }

    fn update_resend_timer(&mut self) {
        let (open, mark) = (self.has_open_work(), self.mark());
        let base = self.base_mut();
        match (open, base.resend.is_some()) {
            (true, false) => {
                base.resend = Some(mark);
                base.set_timer(Timer::Resend, base.config.timing.resend);
            }
            (false, true) => {
                base.resend = None;
                base.standstills = 0;
                base.cancel_timer(Timer::Resend);
            }
            _ => {}
        }
    }
}

impl<R: Orderer> CatchUp for R {}

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

pub(crate) fn bit(validator: ValidatorIndex) -> u128 {
    1u128.checked_shl(u32::from(validator.0)).unwrap_or(0)
}

pub(crate) fn mask(validators: impl Iterator<Item = ValidatorIndex>) -> u128 {
    validators.fold(0, |mask, validator| mask | bit(validator))
}

pub(crate) fn count(mask: u128) -> usize {
    usize::try_from(mask.count_ones()).unwrap_or(usize::MAX)
}
