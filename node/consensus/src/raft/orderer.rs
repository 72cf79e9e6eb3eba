//! What Raft adds to a replica: its state, and the dispatch of inputs.

use std::collections::{BTreeMap, VecDeque};

use quorate_crypto::{Digest, Height, ValidatorIndex};
use quorate_ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::log::Log;
use super::message::{self, AppendEntries, Term};
use super::role::{Role, Staged};
use crate::common::{Attempts, Awaited, Base, Finality, Notice, Orderer, Reign};
use crate::contract::{Config, Record, Rejection, Timer};
use crate::message::{Body, Holding, Message};
use crate::testimony::Statement;

/// What a replica of Raft has besides the common part: see [`crate::raft`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Raft {
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

impl Orderer for Raft {
    fn new(config: &Config) -> Self {
        let certified = config.certified;
        Self {
            term: Term::default(),
            voted_for: None,
            persisted: (Term::default(), None),
            role: Role::Follower,
            leader: None,
            leader_heard: false,
            early: None,
            called: None,
            log: Log::new(certified),
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
        }
    }

    fn restore(&mut self, base: &mut Base, records: Vec<Record>) {
        self.restore_records(base, records);
    }

    fn claimed_by(body: &Body) -> Option<Height> {
        match body {
            Body::Raft(message::Body::AppendEntries(append)) => Some(append.certified),
            _ => None,
        }
    }

    fn on_message(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        message: Message,
    ) -> Result<(), Rejection> {
        let Message::V1(message) = message;
        let Body::Raft(body) = message.body else {
            return Err(Rejection::WrongEngine);
        };
        base.check_open()?;
        match body {
            message::Body::RequestVote(request) => self.on_request_vote(base, from, &request),
            message::Body::VoteReply(reply) => self.on_vote_reply(base, from, &reply),
            message::Body::AppendEntries(append) => self.on_append_entries(base, from, append),
            message::Body::AppendReply(reply) => self.on_append_reply(base, from, &reply),
            message::Body::TimeoutNow { term, successor } => self.on_timeout_now(base, from, term, successor),
        }
    }

    fn on_own(&mut self, base: &mut Base, message: Message) -> Result<(), Rejection> {
        let Body::Raft(body) = message.v1().body.clone() else {
            return Err(Rejection::WrongEngine);
        };
        match body {
            message::Body::RequestVote(request) => self.on_own_request_vote(base, &request, message),
            message::Body::VoteReply(reply) => self.on_own_vote_reply(base, &reply, message),
            message::Body::AppendEntries(append) => self.on_own_append_entries(base, &append, message),
            message::Body::AppendReply(reply) => self.on_own_append_reply(base, &reply, message),
            message::Body::TimeoutNow { term, successor } => {
                self.check_term(term)?;
                base.send(successor, message);
                Ok(())
            }
        }
    }

    fn on_timeout(&mut self, base: &mut Base, timer: Timer) -> Result<(), Rejection> {
        match timer {
            Timer::Resend => Ok(()),
            Timer::Progress { reign } => self.on_election_timeout(base, Term(reign)),
            Timer::Heartbeat { reign } => self.on_heartbeat_timeout(base, Term(reign)),
            Timer::NewReign { .. } => Err(Rejection::StaleTimer),
        }
    }

    fn on_available(&mut self, base: &mut Base, height: Height, proposal: Digest) -> Result<(), Rejection> {
        self.on_proposal_available(base, height, proposal)
    }

    fn on_notice(&mut self, base: &mut Base, notice: Notice<'_>) {
        match notice {
            Notice::Connected => self.hurry(base),
            Notice::Synced(height) => {
                // On disk before it is told, with all below.
                self.on_durable(height);
                self.ask_for_entries(base);
            }
            Notice::Stopping => self.on_stopping(base),
            Notice::EpochEnds(_) | Notice::Status(..) | Notice::InquiryClosed => {}
        }
    }

    fn on_certified(&mut self, base: &mut Base, _former: Height) {
        let certified = base.certified;
        // What comes above them in the journal is found to follow them.
        self.record_own_up_to(base, certified);
        if base.voter().is_some() {
            let entries = self.log.after(self.durable);
            let leaving = entries.take_while(|(index, _)| *index <= certified);
            let batches = leaving.map(|(index, entry)| (index, entry.proposal.batches().to_vec()));
            self.unwritten.extend(batches);
        }
        self.log.forget_up_to(certified, self.decided);
        if certified > self.commit {
            // It did not commit that itself, so somebody else may have, in a later term.
            self.step_down(base);
        }
        self.staged = self.staged.split_off(&certified.next());
        for reached in [&mut self.commit, &mut self.decided] {
            *reached = certified.max(*reached);
        }
        self.decide_committed(base);
    }

    fn act_on(&mut self, base: &mut Base, height: Height) {
        if base.is_in_window(height) {
            self.decide_committed(base);
        }
    }

    fn propose(&mut self, base: &mut Base) {
        if base.voter().is_none() {
            self.step_down(base);
        }
        self.stand_if_called(base);
        self.lead_alone(base);
        self.propose_waiting(base);
        self.tell_commit(base);
    }

    fn settle(&mut self, base: &mut Base) {
        self.update_timers(base);
        self.persist(base);
    }

    fn reign(&self, _base: &Base) -> Reign {
        Reign {
            number: self.term.0,
            leader: self.leader,
            begun: self.leader_heard,
        }
    }

    fn is_busy(&self, base: &Base) -> bool {
        let quiet = base.finalities.is_empty() && self.log.is_empty() && self.staged.is_empty();
        !quiet || !self.leader_heard
    }

    fn is_proposed(&self, height: Height) -> bool {
        self.log.get(height).is_some() || self.staged.contains_key(&height)
    }

    fn holding(&self, _base: &Base, height: Height) -> Holding {
        Holding {
            proposal: self.is_proposed(height),
            ..Holding::default()
        }
    }

    /// Only what is in the log is decided, executed and sealed; but a crash may lose an entry whose batches
    /// are not durable yet, and a block that is being written.
    fn explains_seal(&self, _base: &Base, height: Height) -> bool {
        height <= self.durable
    }

    fn remembers(&self, base: &Base, own: ValidatorIndex, statement: &Statement) -> bool {
        self.remembers_statement(base, own, statement)
    }

    fn vouched(&self, base: &Base, body: &Body) -> Vec<Digest> {
        self.vouched_by(base, body)
    }

    fn waits_for(&self, base: &Base, height: Height, _finality: &Finality) -> (Awaited, Vec<ValidatorIndex>) {
        self.waits_at(base, height)
    }

    fn is_handing_over(&self) -> bool {
        self.hands_over()
    }

    fn check_invariants(&self, base: &Base) {
        self.check(base);
    }
}

impl Raft {
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
}
