//! What Raft adds to a replica: its state, and the dispatch of inputs.

use std::collections::VecDeque;

use quorate_crypto::{Digest, Height, ValidatorIndex};
use serde::{Deserialize, Serialize};

use super::durable::Durable;
use super::log::Log;
use super::message::{self, AppendEntries, Term};
use super::role::{Following, Role};
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
    pub(super) log: Log,
    /// `commitIndex`. Only grows.
    pub(super) commit: Height,
    /// Heights up to here are decided (`lastApplied`, but for the execution, which is the driver's).
    pub(super) decided: Height,
    /// The highest commit index that any leader has told. It is kept from term to term, as what is committed stays so.
    pub(super) leader_commit: Height,
    pub(super) durable: Durable,
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
            role: Role::Follower(Following::default()),
            log: Log::new(certified),
            commit: certified,
            decided: certified,
            leader_commit: certified,
            durable: Durable::new(certified),
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
            Timer::NewReign { .. } | Timer::Judgement { .. } => Err(Rejection::StaleTimer),
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
                self.durable.on_durable(height);
                self.ask_for_entries(base);
            }
            Notice::Stopping => self.on_stopping(base),
            // Whatever a log holds is replicated in pieces: no message claims all of it.
            Notice::OnDisk { .. } => {}
            Notice::Heard(_)
            | Notice::HeldBack(_)
            | Notice::EpochEnds(_)
            | Notice::Status(..)
            | Notice::InquiryClosed => {}
        }
    }

    fn on_certified(&mut self, base: &mut Base, _former: Height) {
        let certified = base.certified;
        // What comes above them in the journal is found to follow them.
        self.record_own_up_to(base, certified);
        if base.voter().is_some() {
            self.durable.on_certified(certified, &self.log);
        }
        self.log.forget_up_to(certified, self.decided);
        if certified > self.commit {
            // It did not commit that itself, so somebody else may have, in a later term.
            self.step_down(base);
        }
        if let Some(following) = self.role.following_mut() {
            following.staged = following.staged.split_off(&certified.next());
        }
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

    fn reign(&self, base: &Base) -> Reign {
        Reign {
            number: self.term.0,
            leader: self.leader(base),
            begun: self.role.hears_leader(),
        }
    }

    fn is_busy(&self, base: &Base) -> bool {
        let quiet = base.finalities.is_empty() && self.log.is_empty() && !self.role.has_any_staged();
        !quiet || !self.role.hears_leader()
    }

    fn is_proposed(&self, height: Height) -> bool {
        self.log.get(height).is_some() || self.role.has_staged(height)
    }

    fn holding(&self, _base: &Base, height: Height) -> Holding {
        Holding {
            proposal: self.is_proposed(height),
            ..Holding::default()
        }
    }

    fn explains_seal(&self, _base: &Base, height: Height) -> bool {
        self.durable.explains_seal(height)
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

    /// The term's leader, if it is known.
    pub(super) fn leader(&self, base: &Base) -> Option<ValidatorIndex> {
        match &self.role {
            Role::Leader(_) => base.config.index,
            role => role.following().and_then(|following| following.leader),
        }
    }

    pub(super) fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }
}
