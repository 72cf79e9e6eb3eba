//! One replica: its state, its start and recovery, and the dispatch of inputs.

use std::collections::BTreeMap;
use std::mem;

use quorate_crypto::{Certificate, Height, ValidatorIndex};
use quorate_ledger::Timestamp;

use super::candidates::Candidates;
use super::catch_up::{Peers, StatusDue};
use super::heard::Heard;
use super::inquiry::Asking;
use super::instance::{Instance, Phase, Vote};
use super::message::{self, View};
use super::primary_of;
use super::view_change::ViewChanges;
use crate::contract::{
    Action, Config, Evidence, Input, MAX_WINDOW, Now, Record, Rejection, Step, Timer, TimerRange, Told,
};
use crate::message::{Body, Message, MessageV1, Verified};
use crate::testimony::Said;

/// A replica of PBFT: see [`crate::pbft`].
#[derive(Clone, Debug)]
pub struct Replica {
    pub(super) config: Config,
    /// Heights that may be in flight: `certified + 1 ..= certified + window`.
    pub(super) window: u64,
    pub(super) view: View,
    /// Whether the view has begun here: it is view 0, or its new-view was adopted. Never goes back to
    /// false but with a higher view.
    pub(super) active: bool,
    /// The last height that the current view's new-view carried over; fresh ones are above.
    pub(super) carried_to: Height,
    /// The low watermark: the last height certified and applied here. Only grows.
    pub(super) certified: Height,
    /// Certificates of the last heights up to the low watermark, at most a window of them.
    pub(super) certificates: BTreeMap<Height, Certificate>,
    /// Heights above the low watermark, at most two windows: the second is kept and not acted upon.
    /// After a restart also those that the journal tells of.
    pub(super) instances: BTreeMap<Height, Instance>,
    /// The last height of the epoch, once it is known.
    pub(super) epoch_end: Option<Height>,
    /// The highest height that the journal told of.
    pub(super) restored_to: Height,
    pub(super) candidates: Candidates,
    pub(super) changes: ViewChanges,
    pub(super) peers: Peers,
    /// What it asked when it started: it says nothing new until that is answered.
    pub(super) asking: Asking,
    pub(super) heard: Heard,
    /// Why this replica votes no more, though it goes on learning.
    pub(super) halted: Option<Halted>,
    pub(super) status_due: StatusDue,
    /// Timers that run, with the state they were set in.
    pub(super) resend: Option<Mark>,
    pub(super) progress: Option<super::timers::ProgressTimer>,
    pub(super) heartbeat: Option<View>,
    /// Whether the primary was heard since the progress timer was set.
    pub(super) heard_primary: bool,
    /// Whether a batch has left the queue since then, by a height that is certified.
    pub(super) served: bool,
    /// The highest height that blocks were asked up to.
    pub(super) fetching: Height,
    /// How often in a row the resend timer found nothing moved.
    pub(super) standstills: u32,
    pub(super) now: Timestamp,
    pub(super) out: Step,
}

/// Where a replica is: the same a while later means that nothing has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) view: View,
    pub(super) active: bool,
    pub(super) certified: Height,
}

/// Why a replica votes no more in its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Halted {
    /// A quorum sealed another block than the one executed here.
    Diverged,
    /// A message signed with this validator's key is unknown here.
    Forgotten,
}

impl Replica {
    /// A replica that has said nothing yet in this epoch.
    pub fn start(config: Config) -> (Self, Step) {
        Self::recover(config, Vec::new())
    }

    /// A replica rebuilt from its journal: what it said before, it says again, and nothing else in
    /// its place. Records at or below `config.certified` are passed over.
    pub fn recover(config: Config, records: Vec<Record>) -> (Self, Step) {
        assert!(
            config.certificate.as_ref().map(Certificate::height)
                == Some(config.certified).filter(|certified| *certified > config.epoch_start),
            "an engine starts with the certificate of its certified height"
        );
        let window = u64::from(config.parameters.v1().window).clamp(1, MAX_WINDOW as u64);
        let certificates = config
            .certificate
            .iter()
            .map(|certificate| (certificate.height(), certificate.clone()))
            .collect();
        let mut replica = Self {
            window,
            view: View::default(),
            active: true,
            carried_to: config.epoch_start,
            certified: config.certified,
            certificates,
            instances: BTreeMap::new(),
            epoch_end: config.epoch_end,
            restored_to: config.certified,
            candidates: Candidates::default(),
            changes: ViewChanges::default(),
            peers: Peers::default(),
            asking: Asking::default(),
            heard: Heard::default(),
            halted: None,
            status_due: StatusDue::default(),
            resend: None,
            progress: None,
            heartbeat: None,
            heard_primary: false,
            served: false,
            fetching: config.certified,
            standstills: 0,
            now: Timestamp(0),
            out: Step::default(),
            config,
        };
        replica.begin_inquiry();
        replica.restore(records);
        replica.status_due.ask_all();
        replica.finish_step(Ok(()));
        let step = mem::take(&mut replica.out);
        (replica, step)
    }

    /// Takes one input at the driver's time.
    pub fn step(&mut self, now: Now, input: Input) -> Step {
        self.now = now;
        let result = match input {
            Input::Message(message) => self.on_message(message),
            Input::Own(message) => self.on_own(message),
            Input::BatchesAvailable(batches) => self.on_batches_available(&batches),
            Input::BatchesObsolete(batches) => {
                self.served |= self.candidates.remove_obsolete(&batches);
                Ok(())
            }
            Input::ProposalAvailable { height, proposal } => self.on_proposal_available(height, proposal),
            Input::EpochEnds(last) => self.on_epoch_ends(last),
            Input::Executed { height, block } => self.on_executed(height, block),
            Input::Synced(certificate) => self.on_synced(certificate),
            Input::Connected(peer) => {
                self.peers.on_connected(peer);
                self.status_due.ask_for(peer);
                self.ask_peer(peer);
                Ok(())
            }
            Input::Timeout(timer) => self.on_timeout(timer),
        };
        self.finish_step(result);
        mem::take(&mut self.out)
    }

    fn finish_step(&mut self, result: Result<(), Rejection>) {
        self.close_inquiry();
        self.propose();
        self.ask_for_status();
        self.update_timers();
        self.out.rejection = result.err();
    }

    fn on_message(&mut self, message: Verified<Message>) -> Result<(), Rejection> {
        let message = message.into_inner();
        let Message::V1(MessageV1 {
            sender,
            body,
            signature,
            ..
        }) = &message;
        let (sender, signature) = (*sender, *signature);
        if Some(sender) == self.config.index {
            return self.on_echo(&message);
        }
        self.heard.note(&message);
        match body {
            Body::Seal { height, block } => self.on_seal(sender, *height, *block, signature),
            Body::Status(status) => self.on_status(sender, status),
            Body::Inquiry(inquiry) => self.on_inquiry(sender, inquiry),
            Body::Testimony(testimony) => self.on_testimony(sender, testimony),
            Body::Pbft(body) => match body {
                message::Body::PrePrepare {
                    view,
                    height,
                    proposal,
                } => {
                    let (view, height, proposal) = (*view, *height, proposal.clone());
                    self.on_pre_prepare(sender, view, height, proposal, message)
                }
                message::Body::Prepare {
                    view,
                    height,
                    proposal,
                } => self.on_prepare(
                    sender,
                    *height,
                    Vote {
                        view: *view,
                        digest: *proposal,
                        signature,
                    },
                ),
                message::Body::Commit {
                    view,
                    height,
                    proposal,
                } => self.on_commit(
                    sender,
                    *height,
                    Vote {
                        view: *view,
                        digest: *proposal,
                        signature,
                    },
                ),
                message::Body::Complaint { view } => self.on_complaint(sender, *view),
                message::Body::ViewChange(_) => self.on_view_change(sender, message),
                message::Body::NewView(_) => self.on_new_view(sender, message),
            },
        }
    }

    fn on_own(&mut self, message: Message) -> Result<(), Rejection> {
        let Message::V1(MessageV1 {
            sender,
            body,
            signature,
            ..
        }) = &message;
        let (sender, signature) = (*sender, *signature);
        if Some(sender) != self.config.index {
            return Err(Rejection::Unasked);
        }
        match body {
            Body::Seal { height, block } => self.on_own_seal(sender, *height, *block, signature),
            Body::Status(_) => {
                self.on_own_status(message);
                Ok(())
            }
            Body::Inquiry(_) => {
                self.on_own_inquiry(message);
                Ok(())
            }
            Body::Testimony(testimony) => {
                let about = testimony.about;
                self.on_own_testimony(about, message);
                Ok(())
            }
            Body::Pbft(body) => match body {
                message::Body::PrePrepare {
                    view,
                    height,
                    proposal,
                } => {
                    let (view, height, proposal) = (*view, *height, proposal.clone());
                    self.on_own_pre_prepare(view, height, proposal, message)
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
                    self.on_own_vote(Phase::Prepare, sender, *height, vote)
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
                    self.on_own_vote(Phase::Commit, sender, *height, vote)
                }
                message::Body::Complaint { view } => self.on_own_complaint(sender, *view, message),
                message::Body::ViewChange(_) => self.on_own_view_change(sender, message),
                message::Body::NewView(_) => self.on_own_new_view(message),
            },
        }
    }

    fn on_timeout(&mut self, timer: Timer) -> Result<(), Rejection> {
        match timer {
            Timer::Resend => self.on_resend_timeout(),
            Timer::Progress { reign } => self.on_progress_timeout(View(reign)),
            Timer::NewReign { reign } => self.on_new_view_timeout(View(reign)),
            Timer::Heartbeat { reign } => self.on_heartbeat_timeout(View(reign)),
        }
    }

    /// A message signed with this validator's key that came from outside. It is one of ours, or this
    /// replica is not what it was, and must vote no more (pitfalls 27 and 28).
    fn on_echo(&mut self, message: &Message) -> Result<(), Rejection> {
        if let Some(said) = Said::of(message) {
            self.check_memory(&said, Told::Message)?;
        }
        Err(Rejection::Duplicate)
    }

    /// Whether the replica votes: it is a member, has been told what it signed, and nothing has halted it.
    pub(super) fn voter(&self) -> Option<ValidatorIndex> {
        let votes = self.halted.is_none() && !self.asking.is_open();
        self.config.index.filter(|_| votes)
    }

    /// Whether nothing that it says leaves: it observes, or drivers sign nothing more for it.
    pub(super) fn is_silent(&self) -> bool {
        self.config.index.is_none() || self.halted.is_some()
    }

    /// The primary of the current view.
    pub(super) fn primary(&self) -> ValidatorIndex {
        primary_of(&self.config.committee, self.view)
    }

    /// Whether this replica votes and leads the current view, which has begun.
    pub(super) fn is_leading(&self) -> bool {
        self.active && self.voter() == Some(self.primary())
    }

    /// The epoch's last height is known from now on.
    fn on_epoch_ends(&mut self, last: Height) -> Result<(), Rejection> {
        if self.epoch_end.is_some() {
            return Err(Rejection::Duplicate);
        }
        self.epoch_end = Some(last);
        // Whoever spoke of later heights in this epoch lied.
        self.instances.retain(|height, _| *height <= last);
        Ok(())
    }

    /// Whether the last height of the epoch is certified here: there is nothing more to agree on.
    pub(super) fn is_finished(&self) -> bool {
        self.epoch_end.is_some_and(|last| self.certified >= last)
    }

    /// Whether empty heights are to be filled up to the epoch's end.
    pub(super) fn is_ending(&self) -> bool {
        self.epoch_end.is_some_and(|last| self.certified < last)
    }

    /// The highest height that may be voted on.
    pub(super) fn high_watermark(&self) -> Height {
        let window = Height(self.certified.0.saturating_add(self.window));
        let end = self.epoch_end.filter(|_| !breaks!(PastEndOrdered));
        end.map_or(window, |last| window.min(last))
    }

    pub(super) fn is_in_window(&self, height: Height) -> bool {
        height > self.certified && (height <= self.high_watermark() || breaks!(WatermarksIgnored))
    }

    /// The facts about a height, if it is one that facts are kept of: the window, and one more above
    /// it, so that a replica a little behind need not ask again (pitfall 23).
    pub(super) fn instance_mut(&mut self, height: Height) -> Result<&mut Instance, Rejection> {
        let kept_to = self.high_watermark().0.saturating_add(self.window);
        let past_end = self.epoch_end.is_some_and(|last| height > last) && !breaks!(PastEndOrdered);
        let far = height.0 > kept_to && !breaks!(WatermarksIgnored);
        if height <= self.certified || far || past_end {
            return Err(Rejection::OutsideWindow {
                height,
                certified: self.certified,
            });
        }
        Ok(self.instances.entry(height).or_default())
    }

    pub(super) fn sign(&mut self, body: message::Body) {
        assert!(self.voter().is_some(), "only who may vote says what binds");
        self.out.actions.push(Action::Sign(Body::Pbft(body)));
    }

    pub(super) fn broadcast(&mut self, message: Message) {
        self.out.actions.push(Action::Broadcast(message));
    }

    pub(super) fn record(&mut self, record: Record) {
        self.out.records.push(record);
    }

    pub(super) fn set_timer(&mut self, timer: Timer, after: TimerRange) {
        self.out.actions.push(Action::SetTimer { timer, after });
    }

    pub(super) fn cancel_timer(&mut self, timer: Timer) {
        self.out.actions.push(Action::CancelTimer(timer));
    }

    /// Reports a contradiction, and rejects what showed it.
    pub(super) fn accuse(
        &mut self,
        validator: ValidatorIndex,
        height: Height,
        first: Message,
        second: Message,
    ) -> Rejection {
        self.out.actions.push(Action::Accuse(Evidence {
            validator,
            first,
            second,
        }));
        Rejection::Contradiction {
            sender: validator,
            height,
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            view: self.view,
            active: self.active,
            certified: self.certified,
        }
    }
}
