//! One replica: its state, its start and recovery, and the dispatch of inputs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use quorate_crypto::{Digest, Height, ValidatorIndex};
use quorate_ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::appending::Staged;
use super::log::Log;
use super::message::{self, AppendEntries, Term};
use super::replication::Leadership;
use crate::common::{Attempts, Base, CatchUp as _, Finality, Inquiring as _, Sealing as _};
use crate::contract::{Config, Input, Now, Record, Rejection, Step, Timer};
use crate::message::{Body, Message, MessageV1, Verified};

/// A replica of Raft: see [`crate::raft`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Replica {
    pub(super) base: Base,
    /// `currentTerm` of the paper's figure 2. Only grows.
    pub(super) term: Term,
    /// `votedFor`: whom it voted for in the term.
    pub(super) voted_for: Option<ValidatorIndex>,
    /// What its journal says of both, once the records asked for are durable.
    pub(super) persisted: (Term, Option<ValidatorIndex>),
    pub(super) role: Role,
    /// The term's leader, once it is known.
    pub(super) leader: Option<ValidatorIndex>,
    /// Whether the leader was heard since the election timer was set anew.
    pub(super) leader_heard: bool,
    /// The time of a proposal of the leader's that was too far ahead of this clock: until this has come so far,
    /// the leader counts as not heard.
    pub(super) early: Option<Timestamp>,
    /// What must be certified here before it stands for election, as the leader has asked it to.
    pub(super) called: Option<Height>,
    pub(super) log: Log,
    /// The finalities of heights above the certified one, at most two windows.
    pub(super) finalities: BTreeMap<Height, Finality>,
    /// `commitIndex`. Only grows.
    pub(super) commit: Height,
    /// Heights up to here are decided (`lastApplied`, but for the execution, which is the driver's).
    pub(super) decided: Height,
    /// The leader's commit index, as far as it has told.
    pub(super) leader_commit: Height,
    /// Up to here the log is known to be that of the term's leader.
    pub(super) matched: Height,
    /// Up to where the last answer says so that waits for the disk, 0 if none does.
    pub(super) answering: Height,
    /// Up to here all is known to be durable here: entries with their batches, or blocks.
    pub(super) durable: Height,
    /// The batches of entries above that which have become blocks already: until an answer or an append that
    /// vouches for them comes back, or their blocks are told to be on disk.
    pub(super) unwritten: BTreeMap<Height, Vec<Digest>>,
    /// The highest height of which the journal has an own seal.
    pub(super) sealed: Height,
    /// Entries of the leader above `matched` which are not in the log yet, as their batches are not here.
    pub(super) staged: BTreeMap<Height, Staged>,
    /// Appends that are being signed, and for whom; none means everybody.
    pub(super) signing: VecDeque<(AppendEntries, Option<ValidatorIndex>)>,
    /// Of a leader: the lowest index that was not committed when the election timer was set, and how often in a row
    /// it was the same.
    pub(super) standing: Option<(Height, u32)>,
    /// Candidacies of which nothing came.
    pub(super) attempts: Attempts,
    /// The term whose election timer runs.
    pub(super) election_timer: Option<Term>,
    pub(super) heartbeat: Option<Term>,
}

/// What it is in its term (section 5.1).
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
pub(super) enum Role {
    Follower,
    /// It asks who would vote for it in the next term.
    PreCandidate {
        votes: BTreeSet<ValidatorIndex>,
    },
    Candidate {
        votes: BTreeSet<ValidatorIndex>,
    },
    Leader(Leadership),
}

impl Replica {
    /// A replica that has said nothing yet in this epoch.
    pub fn start(config: Config) -> (Self, Step) {
        Self::recover(config, Vec::new())
    }

    /// A replica rebuilt from its journal. Records at or below `config.certified` are passed over.
    pub fn recover(config: Config, records: Vec<Record>) -> (Self, Step) {
        let certified = config.certified;
        let mut replica = Self {
            base: Base::new(config),
            term: Term::default(),
            voted_for: None,
            persisted: (Term::default(), None),
            role: Role::Follower,
            leader: None,
            leader_heard: false,
            early: None,
            called: None,
            log: Log::new(certified),
            finalities: BTreeMap::new(),
            commit: certified,
            decided: certified,
            leader_commit: certified,
            matched: Height::GENESIS,
            answering: Height::GENESIS,
            durable: certified,
            unwritten: BTreeMap::new(),
            sealed: certified,
            staged: BTreeMap::new(),
            signing: VecDeque::new(),
            standing: None,
            attempts: Attempts::default(),
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
            Input::Synced(certificate) => {
                // On disk before it is told, with all below.
                self.on_durable(certificate.height());
                let result = self.on_synced(certificate);
                self.ask_for_entries();
                result
            }
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
        if self.base.voter().is_none() {
            self.step_down();
        }
        self.stand_if_called();
        self.lead_alone();
        self.propose();
        self.tell_commit();
        self.ask_for_status();
        self.update_resend_timer();
        self.update_timers();
        self.persist();
        self.base.take_step(result)
    }

    /// Term and vote are durable before anything that this step says leaves (section 5.1).
    fn persist(&mut self) {
        let now = (self.term, self.voted_for);
        if self.base.voter().is_none() || self.base.is_finished() || self.persisted == now {
            return;
        }
        self.persisted = now;
        let (term, voted_for) = now;
        let epoch = self.base.config.committee.epoch();
        let record = Record::Raft(epoch, message::Record::Term { term, voted_for });
        // Before any entry of the term, should a crash keep a part of them.
        self.base.out.records.insert(0, record);
    }

    fn on_message(&mut self, message: Verified<Message>) -> Result<(), Rejection> {
        let message = message.into_inner();
        let sender = message.v1().sender;
        if Some(sender) == self.base.config.index {
            return self.on_echo(&message);
        }
        self.base.witness.note(&message);
        let Message::V1(MessageV1 { body, signature, .. }) = message;
        match body {
            Body::Seal { height, block } => self.on_seal(sender, height, block, signature),
            Body::Status(status) => self.on_status(sender, &status),
            Body::Inquiry(inquiry) => self.on_inquiry(sender, &inquiry),
            Body::Testimony(testimony) => self.on_testimony(sender, &testimony),
            Body::Raft(body) => {
                if let message::Body::AppendEntries(append) = &body {
                    self.base.peers.claims_certified(sender, append.certified);
                    self.fetch_if_far_behind();
                }
                self.check_open()?;
                match body {
                    message::Body::RequestVote(request) => self.on_request_vote(sender, &request),
                    message::Body::VoteReply(reply) => self.on_vote_reply(sender, &reply),
                    message::Body::AppendEntries(append) => self.on_append_entries(sender, append),
                    message::Body::AppendReply(reply) => self.on_append_reply(sender, &reply),
                    message::Body::TimeoutNow { term, successor } => {
                        self.on_timeout_now(sender, term, successor)
                    }
                }
            }
            Body::Pbft(_) | Body::Paxos(_) => Err(Rejection::WrongEngine),
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
            Body::Raft(body) => match body.clone() {
                message::Body::RequestVote(request) => self.on_own_request_vote(sender, &request, message),
                message::Body::VoteReply(reply) => self.on_own_vote_reply(&reply, message),
                message::Body::AppendEntries(append) => self.on_own_append_entries(&append, message),
                message::Body::AppendReply(reply) => self.on_own_append_reply(&reply, message),
                message::Body::TimeoutNow { term, successor } => {
                    self.check_term(term)?;
                    self.base.send(successor, message);
                    Ok(())
                }
            },
            Body::Pbft(_) | Body::Paxos(_) => Err(Rejection::WrongEngine),
        }
    }

    fn on_timeout(&mut self, timer: Timer) -> Result<(), Rejection> {
        match timer {
            Timer::Resend => self.on_resend_timeout(),
            Timer::Progress { reign } => self.on_election_timeout(Term(reign)),
            Timer::Heartbeat { reign } => self.on_heartbeat_timeout(Term(reign)),
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

    /// All up to here is on disk.
    pub(super) fn on_durable(&mut self, index: Height) {
        self.durable = self.durable.max(index);
        self.unwritten = self.unwritten.split_off(&self.durable.next());
    }

    pub(super) fn check_term(&self, term: Term) -> Result<(), Rejection> {
        if term == self.term {
            Ok(())
        } else {
            Err(self.wrong_term(term))
        }
    }

    pub(super) fn wrong_term(&self, got: Term) -> Rejection {
        Rejection::WrongReign {
            got: got.0,
            current: self.term.0,
        }
    }

    pub(super) fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    pub(super) fn sign(&mut self, body: message::Body) {
        self.base.sign(Body::Raft(body));
    }

    pub(super) fn record(&mut self, record: message::Record) {
        let epoch = self.base.config.committee.epoch();
        self.base.record(Record::Raft(epoch, record));
    }
}
