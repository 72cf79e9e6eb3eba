//! One replica: its state, its start and recovery, and the dispatch of inputs.

use std::collections::BTreeMap;

use quorate_crypto::Height;
use quorate_ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::acceptor::Acceptor;
use super::learner::Learner;
use super::message::{self, Ballot};
use super::proposer::Proposer;
use crate::common::{Attempts, Base, CatchUp as _, Finality, Inquiring as _, Sealing as _};
use crate::contract::{Config, Input, Now, Record, Rejection, Step, Timer};
use crate::message::{Body, Message, MessageV1, Verified};

/// A replica of Paxos: see [`crate::paxos`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Replica {
    pub(super) base: Base,
    pub(super) proposer: Proposer,
    pub(super) acceptor: Acceptor,
    pub(super) learner: Learner,
    /// The finalities of heights above the certified one, at most two windows.
    pub(super) finalities: BTreeMap<Height, Finality>,
    /// The highest ballot that was heard of: own ones are above it.
    pub(super) seen: Ballot,
    /// Whether the promised ballot's proposer has been heard in phase 2 since the election timer was set
    /// anew, or is this one.
    pub(super) proposer_heard: bool,
    /// The time of a value of its that was too far ahead of this clock: until this has come so far, it counts as
    /// not heard.
    pub(super) early: Option<Timestamp>,
    /// Whether the promised ballot's proposer has handed over since the election timer was set anew: whatever of
    /// its comes later does not show that it is there.
    pub(super) yielded: bool,
    /// What must be certified here before it prepares, as the distinguished proposer has asked it to.
    pub(super) called: Option<Height>,
    /// Those to become the distinguished proposer of which nothing came.
    pub(super) attempts: Attempts,
    /// The highest height of which the journal has an own seal.
    pub(super) sealed: Height,
    /// The round whose election timer runs.
    pub(super) election_timer: Option<u64>,
    pub(super) heartbeat: Option<u64>,
}

impl Replica {
    /// A replica that has said nothing yet in this epoch.
    pub fn start(config: Config) -> (Self, Step) {
        Self::recover(config, Vec::new())
    }

    /// A replica rebuilt from its journal. Records at or below `config.certified` are passed over.
    pub fn recover(config: Config, records: Vec<Record>) -> (Self, Step) {
        let sealed = config.certified;
        let mut replica = Self {
            base: Base::new(config),
            proposer: Proposer::default(),
            acceptor: Acceptor::default(),
            learner: Learner::default(),
            finalities: BTreeMap::new(),
            seen: Ballot::default(),
            proposer_heard: false,
            early: None,
            yielded: false,
            called: None,
            attempts: Attempts::default(),
            sealed,
            election_timer: None,
            heartbeat: None,
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
        let result = match input {
            Input::Message(message) => self.on_message(message),
            Input::Own(message) => self.on_own(message),
            Input::BatchesAvailable(batches) => batches
                .iter()
                .try_for_each(|batch| self.base.backlog.insert(*batch, self.base.now)),
            Input::BatchesObsolete(batches) => {
                self.base.backlog.remove_obsolete(&batches);
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
                self.hurry();
                Ok(())
            }
            Input::Stopping => self.on_stopping(),
            Input::Timeout(timer) => self.on_timeout(timer),
        };
        self.finish_step(result)
    }

    fn finish_step(&mut self, result: Result<(), Rejection>) -> Step {
        self.close_inquiry();
        if self.base.voter().is_none() || self.base.is_finished() {
            self.proposer.give_up();
        }
        self.prepare_if_called();
        self.lead_alone();
        self.propose();
        self.ask_for_status();
        self.update_resend_timer();
        self.update_timers();
        self.persist();
        self.base.take_step(result)
    }

    /// A promise is durable before anything that this step says leaves.
    fn persist(&mut self) {
        let promised = self.acceptor.promised;
        if self.base.voter().is_none() || self.base.is_finished() || self.acceptor.persisted == promised {
            return;
        }
        self.acceptor.persisted = promised;
        let epoch = self.base.config.committee.epoch();
        let record = Record::Paxos(epoch, message::Record::Promised(promised));
        // Before anything that is accepted in the ballot, should a crash keep a part of them.
        self.base.out.records.insert(0, record);
    }

    fn on_message(&mut self, message: Verified<Message>) -> Result<(), Rejection> {
        let message = message.into_inner();
        let sender = message.v1().sender;
        if Some(sender) == self.base.config.index {
            return self.on_echo(&message);
        }
        self.base.witness.note(&message);
        let Message::V1(MessageV1 { body, signature, .. }) = &message;
        match body {
            Body::Seal { height, block } => self.on_seal(sender, *height, *block, *signature),
            Body::Status(status) => self.on_status(sender, status),
            Body::Inquiry(inquiry) => self.on_inquiry(sender, inquiry),
            Body::Testimony(testimony) => self.on_testimony(sender, testimony),
            Body::Paxos(body) => {
                if let message::Body::Accept(accept) = body {
                    self.base.peers.claims_certified(sender, accept.certified);
                    self.fetch_if_far_behind();
                }
                self.check_open()?;
                match body {
                    message::Body::Prepare(prepare) => self.on_prepare(sender, prepare),
                    message::Body::Promise(promise) => self.on_promise(sender, promise.clone()),
                    message::Body::Accept(accept) => self.on_accept(sender, accept),
                    message::Body::Accepted(accepted) => self.on_accepted(sender, accepted),
                    message::Body::Nack(nack) => self.on_nack(nack),
                    message::Body::Chosen(chosen) => self.on_chosen(chosen, message.clone()),
                    message::Body::Yield(word) => self.on_yield(sender, word),
                }
            }
            Body::Pbft(_) | Body::Raft(_) => Err(Rejection::WrongEngine),
        }
    }

    /// Nothing is agreed on once the epoch's last height is certified here, nor before it is known what this
    /// replica signed.
    fn check_open(&self) -> Result<(), Rejection> {
        if self.base.is_finished() || self.base.inquiry.is_open() {
            return Err(Rejection::OutsideWindow {
                height: self.base.certified,
                certified: self.base.certified,
            });
        }
        Ok(())
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
            Body::Paxos(body) => match body.clone() {
                message::Body::Prepare(prepare) => self.on_own_prepare(&prepare, message),
                message::Body::Promise(promise) => self.on_own_promise(sender, promise, message),
                message::Body::Accept(accept) => self.on_own_accept(sender, &accept, message),
                message::Body::Accepted(accepted) => self.on_own_accepted(sender, &accepted, message),
                message::Body::Nack(nack) => {
                    self.base.send(nack.ballot.proposer, message);
                    Ok(())
                }
                message::Body::Chosen(chosen) => self.on_own_chosen(&chosen, message),
                message::Body::Yield(word) => self.on_own_yield(&word, message),
            },
            Body::Pbft(_) | Body::Raft(_) => Err(Rejection::WrongEngine),
        }
    }

    fn on_timeout(&mut self, timer: Timer) -> Result<(), Rejection> {
        match timer {
            Timer::Resend => self.on_resend_timeout(),
            Timer::Progress { reign } => self.on_election_timeout(reign),
            Timer::Heartbeat { reign } => self.on_heartbeat_timeout(reign),
            Timer::NewReign { .. } | Timer::Judgement { .. } => Err(Rejection::StaleTimer),
        }
    }

    /// The epoch's last height is known from now on.
    fn on_epoch_ends(&mut self, last: Height) -> Result<(), Rejection> {
        if self.base.epoch_end.is_some() {
            return Err(Rejection::Duplicate);
        }
        self.base.epoch_end = Some(last);
        self.finalities.retain(|height, _| *height <= last);
        Ok(())
    }

    /// Notes a ballot that was heard of.
    pub(super) fn see(&mut self, ballot: Ballot) {
        self.seen = self.seen.max(ballot);
    }

    pub(super) fn wrong_ballot(&self, got: Ballot) -> Rejection {
        Rejection::WrongReign {
            got: got.round,
            current: self.acceptor.promised.round,
        }
    }

    pub(super) fn sign(&mut self, body: message::Body) {
        self.base.sign(Body::Paxos(body));
    }

    pub(super) fn record(&mut self, record: message::Record) {
        let epoch = self.base.config.committee.epoch();
        self.base.record(Record::Paxos(epoch, record));
    }
}
