//! Whatever can be lost is sent again: replicas say where they are and what they hold, and peers
//! answer with what is missing, or name the blocks to fetch.

use quorate_crypto::{Height, ValidatorIndex};
use serde::{Deserialize, Serialize};

use super::finality::Finality;
use super::orderer::{Notice, Orderer};
use super::peers::Mark;
use super::reign::Reign;
use super::replica::Replica;
use crate::contract::{Action, MAX_WINDOW, Rejection, Timer, TimerRange};
use crate::message::{Body, Holding, Message, Status};

/// The most messages in answer to one status.
pub const MAX_ANSWER: usize = 4 * MAX_WINDOW;

/// Who was overtaken asks after one in so many of the waits before anything is said again.
const OVERTAKEN_WAITS: u32 = 16;

/// After this many standstills in a row, a replica fetches even blocks that it executed itself.
const PATIENT_STANDSTILLS: u32 = 2;

/// A height that others have sealed, of whom one is honest, and that is not decided here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Sealed {
    height: Height,
    /// Whether a quorum has, so that its block can be fetched.
    by_quorum: bool,
}

/// For what the resend timer was shortened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Overtaken {
    /// The last height that a short wait was begun for. Each is worth two: one before asking, and one before fetching.
    height: Height,
    /// Whether the second was begun.
    again: bool,
    /// Whether the timer that runs is a short one.
    runs: bool,
}

impl Overtaken {
    /// The next short wait for a height, if there is one: the second once its block can be fetched.
    fn next(self, by: Sealed) -> Option<Self> {
        let again = by.height == self.height;
        let due = if again {
            by.by_quorum && !self.again
        } else {
            by.height > self.height
        };
        due.then_some(Self {
            height: by.height,
            again,
            runs: true,
        })
    }
}

impl<E: Orderer> Replica<E> {
    fn mark(&self) -> Mark {
        Mark {
            reign: self.orderer.reign(&self.base),
            certified: self.base.certified,
        }
    }

    /// Asks for the status that is due to be signed, unless one is being signed.
    pub(super) fn ask_for_status(&mut self) {
        if !self.base.status_due.is_due() || self.base.is_silent() {
            return;
        }
        let status = self.status();
        let base = &mut self.base;
        base.status_due.asked = true;
        base.out.actions.push(Action::Sign(Body::Status(status)));
    }

    pub(super) fn on_own_status(&mut self, message: Message) {
        let base = &mut self.base;
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
        let (certified, top) = (self.base.certified, self.base.high_watermark());
        let kept = self.base.finalities.range(..=top);
        let highest = kept.last().map_or(certified, |(height, _)| *height);
        let holds = (certified.0.saturating_add(1)..=highest.0)
            .map(|height| self.holding(Height(height)))
            .collect();
        let Reign {
            number: reign, begun, ..
        } = self.orderer.reign(&self.base);
        Status {
            reign,
            begun,
            certified,
            holds,
        }
    }

    /// What is held for a height, or for one that nothing is kept of.
    fn holding(&self, height: Height) -> Holding {
        let finality = self.base.finalities.get(&height);
        Holding {
            seals: finality.map_or(0, |finality| mask(finality.seals.keys().copied())),
            ..self.orderer.holding(&self.base, height)
        }
    }

    /// The resend timer has fired: asks who has not answered, and, if nothing has moved since it was set
    /// while work is open, says where we are.
    pub(super) fn on_resend_timeout(&mut self) -> Result<(), Rejection> {
        let mark = self.base.resend.take().ok_or(Rejection::StaleTimer)?;
        let overtaken = std::mem::take(&mut self.base.overtaken.runs);
        self.ask_again();
        if mark == self.mark() {
            let base = &mut self.base;
            base.standstills = base.standstills.saturating_add(u32::from(!overtaken));
            base.status_due.ask_all();
            self.fetch_if_behind();
        } else {
            self.base.standstills = 0;
        }
        Ok(())
    }

    pub(super) fn on_status(&mut self, from: ValidatorIndex, status: &Status) -> Result<(), Rejection> {
        self.base.peers.claims_certified(from, status.certified);
        self.fetch_if_far_behind();
        self.notify(Notice::Status(from, status));
        let base = &mut self.base;
        if base.inquiry.is_open() {
            let engine = base.config.committee.engine();
            base.inquiry.fall_back(engine, from, status.certified);
            base.inquiry.defer(from, status);
            return Ok(());
        }
        let period = u64::from(base.config.timing.resend.from_ms) / 2;
        let mut open = base.finalities.keys().rev();
        let proposed = open.find(|height| self.orderer.is_proposed(**height)).copied();
        let here = (base.certified, proposed.unwrap_or(base.certified));
        let who = (from, status.certified);
        if !base.peers.may_answer(who, here, base.now, period) {
            return Err(Rejection::Duplicate);
        }
        let reign = self.orderer.reign(&self.base).number;
        if status.certified < self.base.certified || status.reign < reign {
            self.base.status_due.ask_for(from);
        }
        let mut answer = self.orderer.answer_about_reign(&self.base, from, status);
        self.answer_about_certified(status, &mut answer);
        self.answer_about_window(status, &mut answer);
        answer.truncate(MAX_ANSWER);
        for message in answer {
            self.base.send(from, message);
        }
        Ok(())
    }

    /// Seals of heights that are certified here and not there.
    fn answer_about_certified(&self, status: &Status, answer: &mut Vec<Message>) {
        let base = &self.base;
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
        let committee = &self.base.config.committee;
        let (epoch, quorum) = (committee.epoch(), committee.quorum());
        let own = self.base.config.index;
        let reach = Height(status.certified.0.saturating_add(self.base.window));
        for (height, finality) in &self.base.finalities {
            let height = *height;
            if height <= status.certified || height > reach {
                continue;
            }
            let held = holding_of(status, height);
            self.orderer.answer_about_height(&self.base, height, held, answer);
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
    pub(super) fn fetch_if_far_behind(&mut self) {
        let base = &self.base;
        let (height, holders) = base
            .peers
            .certified_by(base.config.committee.weak_quorum(), base.certified);
        let found = if height > base.high_watermark() {
            Some((height, holders))
        } else {
            self.sealed(|height, finality| finality.executed.is_none() && !self.orderer.is_proposed(height))
        };
        if let Some((height, holders)) = found
            && height > self.base.fetching
        {
            self.base.fetch(height, holders);
        }
    }

    /// After a standstill: fetches what others have certified and this replica cannot decide.
    fn fetch_if_behind(&mut self) {
        let base = &self.base;
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
        let finality = self.base.finalities.get(&height);
        let executed = finality.is_some_and(|finality| finality.executed.is_some());
        if height > self.base.certified && (!executed || !patient) {
            self.base.fetch(height, holders);
        }
    }

    /// The highest height that a quorum has sealed and that is `such`; with its sealers, and with those who
    /// claim to have certified it: they alone may have its block.
    fn sealed(&self, such: impl Fn(Height, &Finality) -> bool) -> Option<(Height, Vec<ValidatorIndex>)> {
        let (committee, own) = (&self.base.config.committee, self.base.config.index);
        let highest_first = self.base.finalities.iter().rev();
        highest_first
            .filter(|(height, finality)| such(**height, finality))
            .find_map(|(height, finality)| {
                let block = finality.sealed(committee)?;
                let sealers = finality.sealers(block).filter(|sealer| Some(*sealer) != own);
                let mut holders: Vec<ValidatorIndex> = sealers.collect();
                let others = self.base.peers.holders(*height);
                holders.extend(others.filter(|peer| !finality.seals.contains_key(peer)));
                Some((*height, holders))
            })
    }

    /// Whether anything is unfinished: only then does the resend timer run, and an idle network is
    /// silent but for its leader's heartbeat.
    fn has_open_work(&self) -> bool {
        let base = &self.base;
        let open = self.orderer.is_busy(&self.base)
            || base.backlog.len() > 0
            || base.is_ending()
            || base.inquiry.is_open()
            || base.peers.any_above(base.certified);
        open && !base.is_finished()
    }

    /// The lowest height that others have decided for certain and this replica has not: a liar may have told it
    /// less than them, and they need its vote no more.
    fn overtaken_by(&self) -> Option<Sealed> {
        let (base, committee) = (&self.base, &self.base.config.committee);
        let weak_quorum = committee.weak_quorum();
        if weak_quorum <= 1 || breaks!(OvertakenWaits) {
            return None;
        }
        let open = base.finalities.range(base.certified.next()..);
        let mut undecided = open.filter(|(_, finality)| finality.decided.is_none());
        undecided.find_map(|(height, finality)| {
            let mut others = finality.seals.keys();
            let is_sealed = others.nth(weak_quorum - 1).is_some();
            is_sealed.then(|| Sealed {
                height: *height,
                by_quorum: finality.sealed(committee).is_some(),
            })
        })
    }

    /// Sets the resend timer, or stops it. A short wait that runs goes on, whatever overtakes this replica meanwhile, and
    /// the next begins in the step in which it ends: who is overtaken at each height, and sooner than a short wait
    /// lasts, would else begin to wait again at each and never ask. How far a usual wait has come is not known here, so
    /// one that is about to end may last longer by a short one, and by no more.
    pub(super) fn update_resend_timer(&mut self) {
        let (open, mark) = (self.has_open_work(), self.mark());
        let overtaken = self.overtaken_by();
        let base = &mut self.base;
        let runs = base.overtaken.runs && !breaks!(OvertakenAgain);
        let next = overtaken.filter(|_| open && !runs);
        if let Some(next) = next.and_then(|by| base.overtaken.next(by)) {
            base.overtaken = next;
            base.resend = Some(mark);
            let wait = base.config.timing.resend;
            base.set_timer(
                Timer::Resend,
                TimerRange {
                    from_ms: (wait.from_ms / OVERTAKEN_WAITS).max(1),
                    to_ms: (wait.to_ms / OVERTAKEN_WAITS).max(1),
                },
            );
            return;
        }
        match (open, base.resend.is_some()) {
            (true, false) => {
                base.resend = Some(mark);
                base.set_timer(Timer::Resend, base.config.timing.resend);
            }
            (false, true) => {
                base.resend = None;
                base.overtaken.runs = false;
                base.standstills = 0;
                base.cancel_timer(Timer::Resend);
            }
            _ => {}
        }
    }
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
