//! One replica: its state, its start and recovery, and the dispatch of inputs.

use std::collections::BTreeMap;

use quorate_crypto::{Height, ValidatorIndex};
use serde::{Deserialize, Serialize};

use super::instance::{Instance, Phase, Vote};
use super::judgement::Judgement;
use super::message::{self, View};
use super::own_disk::OwnDisk;
use super::primary_of;
use super::view_change::ViewChanges;
use crate::common::{Base, CatchUp as _, Inquiring as _, Sealing as _};
use crate::contract::{Config, Input, Now, Record, Rejection, Step, Timer};
use crate::message::{Body, Message, MessageV1, Verified};

/// A replica of PBFT: see [`crate::pbft`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Replica {
    pub(super) base: Base,
    pub(super) view: View,
    /// Whether the view has begun here: it is view 0, or its new-view was adopted. Never goes back to
    /// false but with a higher view.
    pub(super) begun: bool,
    /// The last height that the current view's new-view carried over; fresh ones are above.
    pub(super) carried_to: Height,
    /// Heights above the certified height, at most two windows: the second is kept and not acted upon.
    /// After a restart also those that the journal tells of.
    pub(super) instances: BTreeMap<Height, Instance>,
    /// The highest height that the journal told of.
    pub(super) restored_to: Height,
    pub(super) changes: ViewChanges,
    /// The last own view-change: its certificates show what was prepared before the current view, whatever that
    /// begins with.
    pub(super) own_change: Option<Message>,
    /// Timers that run, with the state they were set in.
    pub(super) progress: Option<super::timers::ProgressTimer>,
    pub(super) heartbeat: Option<View>,
    /// Whether the primary was heard since the progress timer was set.
    pub(super) heard_primary: bool,
    /// Whether a batch has left the queue since then, by a height that is certified.
    pub(super) served: bool,
    pub(super) disk: OwnDisk,
    pub(super) judgement: Judgement,
}

impl Replica {
    /// A replica that has said nothing yet in this epoch.
    pub fn start(config: Config) -> (Self, Step) {
        Self::recover(config, Vec::new())
    }

    /// A replica rebuilt from its journal: what it said before, it says again, and nothing else in
    /// its place. Records at or below `config.certified` are passed over.
    pub fn recover(config: Config, records: Vec<Record>) -> (Self, Step) {
        let mut replica = Self {
            view: View::default(),
            begun: true,
            carried_to: config.epoch_start,
            instances: BTreeMap::new(),
            restored_to: config.certified,
            changes: ViewChanges::default(),
            own_change: None,
            progress: None,
            heartbeat: None,
            heard_primary: false,
            served: false,
            disk: OwnDisk::default(),
            judgement: Judgement::default(),
            base: Base::new(config),
        };
        replica.begin_inquiry();
        replica.restore(records);
        replica.base.status_due.ask_all();
        let step = replica.finish_step(Ok(()));
        (replica, step)
    }

    /// Takes one input at the driver's time.
    pub fn step(&mut self, now: Now, input: Input) -> Step {
        self.base.now = now;
        self.judge_input();
        let result = match input {
            Input::Message(message) => self.on_message(message),
            Input::Own(message) => self.on_own(message),
            Input::BatchesAvailable(batches) => self.on_batches_available(&batches),
            Input::BatchesObsolete(batches) => {
                self.served |= self.base.backlog.remove_obsolete(&batches);
                Ok(())
            }
            Input::ProposalAvailable { height, proposal } => self.on_proposal_available(height, proposal),
            Input::EpochEnds(last) => self.on_epoch_ends(last),
            Input::Executed { height, block } => self.on_executed(height, block),
            Input::Synced(certificate) => self.on_synced(certificate),
            Input::Connected(peer) => {
                self.base.peers.on_connected(peer);
                self.base.status_due.ask_for(peer);
                self.ask_peer(peer);
                Ok(())
            }
            Input::Stopping => Ok(()),
            Input::Timeout(timer) => self.on_timeout(timer),
        };
        self.finish_step(result)
    }

    fn finish_step(&mut self, result: Result<(), Rejection>) -> Step {
        self.close_inquiry();
        self.propose();
        self.judge();
        self.ask_for_status();
        self.update_timers();
        self.base.take_step(result)
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
        if Some(sender) == self.base.config.index {
            return self.on_echo(&message);
        }
        self.base.witness.note(&message);
        self.judge_sender(sender);
        match body {
            Body::Seal { height, block } => self.on_seal(sender, *height, *block, signature),
            Body::Status(status) => self.on_status(sender, status),
            Body::Inquiry(inquiry) => self.on_inquiry(sender, inquiry),
            Body::Testimony(testimony) => self.on_testimony(sender, testimony),
            Body::Raft(_) | Body::Paxos(_) => Err(Rejection::WrongEngine),
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
        if Some(sender) != self.base.config.index {
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
                self.base.send(about, message);
                Ok(())
            }
            Body::Raft(_) | Body::Paxos(_) => Err(Rejection::WrongEngine),
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
                    self.disk.on_back(*height, self.base.now);
                    self.on_own_vote(Phase::Commit, sender, *height, vote)
                }
                message::Body::Complaint { view } => self.on_own_complaint(sender, *view, message),
                message::Body::ViewChange(_) => self.on_own_view_change(sender, message),
                message::Body::NewView(_) => self.on_own_new_view(sender, message),
            },
        }
    }

    fn on_timeout(&mut self, timer: Timer) -> Result<(), Rejection> {
        match timer {
            Timer::Resend => {
                self.on_resend_timeout()?;
                self.fetch_what_is_claimed();
                // What was too far ahead of the clock may not be any more.
                let open = self.instances.range(..=self.base.high_watermark());
                let heights: Vec<Height> = open.map(|(height, _)| *height).collect();
                for height in heights {
                    self.try_prepare(height);
                }
                Ok(())
            }
            Timer::Progress { reign } => self.on_progress_timeout(View(reign)),
            Timer::NewReign { reign } => self.on_new_view_timeout(View(reign)),
            Timer::Heartbeat { reign } => self.on_heartbeat_timeout(View(reign)),
            Timer::Judgement { reign } => self.on_judgement_timeout(View(reign)),
        }
    }

    /// The primary of the current view.
    pub(super) fn primary(&self) -> ValidatorIndex {
        primary_of(&self.base.config.committee, self.view)
    }

    /// Whether this replica votes and leads the current view, which has begun.
    pub(super) fn is_leading(&self) -> bool {
        self.begun && self.base.voter() == Some(self.primary())
    }

    /// The epoch's last height is known from now on.
    fn on_epoch_ends(&mut self, last: Height) -> Result<(), Rejection> {
        if self.base.epoch_end.is_some() {
            return Err(Rejection::Duplicate);
        }
        self.base.epoch_end = Some(last);
        // Whoever spoke of later heights in this epoch lied.
        self.instances.retain(|height, _| *height <= last);
        // The primary may have known of the end before, and have begun to fill what is left.
        let open: Vec<Height> = self.instances.keys().copied().collect();
        for height in open {
            self.try_prepare(height);
        }
        Ok(())
    }

    /// The facts about a height, if it is one that facts are kept of: the window, and one more above
    /// it, so that a replica a little behind need not ask again (pitfall 23).
    pub(super) fn instance_mut(&mut self, height: Height) -> Result<&mut Instance, Rejection> {
        self.base.check_kept(height)?;
        Ok(self.instances.entry(height).or_default())
    }

    pub(super) fn sign(&mut self, body: message::Body) {
        if let message::Body::Commit { height, .. } = body {
            self.disk.on_asked(height, self.base.now);
        }
        self.base.sign(Body::Pbft(body));
    }
}
