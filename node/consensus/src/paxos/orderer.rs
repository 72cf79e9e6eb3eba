//! What Paxos adds to a replica: its state, and the dispatch of inputs.

use quorate_crypto::{Digest, Height, ValidatorIndex};
use quorate_ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::acceptor::Acceptor;
use super::learner::Learner;
use super::message::{self, Ballot};
use super::proposer::Proposer;
use crate::common::{Attempts, Awaited, Base, Finality, Notice, Orderer, Reign, mask};
use crate::contract::{Config, Record, Rejection, Timer};
use crate::message::{Body, Holding, Message};
use crate::testimony::Statement;

/// What a replica of Paxos has besides the common part: see [`crate::paxos`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Paxos {
    pub(super) proposer: Proposer,
    pub(super) acceptor: Acceptor,
    pub(super) learner: Learner,
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

impl Orderer for Paxos {
    fn new(config: &Config) -> Self {
        Self {
            proposer: Proposer::default(),
            acceptor: Acceptor::default(),
            learner: Learner::default(),
            seen: Ballot::default(),
            proposer_heard: false,
            early: None,
            yielded: false,
            called: None,
            attempts: Attempts::default(),
            sealed: config.certified,
            election_timer: None,
            heartbeat: None,
        }
    }

    fn restore(&mut self, base: &mut Base, records: Vec<Record>) {
        self.restore_records(base, records);
    }

    fn claimed_by(body: &Body) -> Option<Height> {
        match body {
            Body::Paxos(message::Body::Accept(accept)) => Some(accept.certified),
            _ => None,
        }
    }

    fn on_message(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        message: Message,
    ) -> Result<(), Rejection> {
        let Body::Paxos(body) = &message.v1().body else {
            return Err(Rejection::WrongEngine);
        };
        base.check_open()?;
        match body {
            message::Body::Prepare(prepare) => self.on_prepare(base, from, prepare),
            message::Body::Promise(promise) => self.on_promise(base, from, promise.clone()),
            message::Body::Accept(accept) => self.on_accept(base, from, accept),
            message::Body::Accepted(accepted) => self.on_accepted(base, from, accepted),
            message::Body::Nack(nack) => self.on_nack(base, nack),
            message::Body::Chosen(chosen) => self.on_chosen(base, chosen, message.clone()),
            message::Body::Yield(word) => self.on_yield(base, from, word),
        }
    }

    fn on_own(&mut self, base: &mut Base, message: Message) -> Result<(), Rejection> {
        let own = message.v1().sender;
        let Body::Paxos(body) = message.v1().body.clone() else {
            return Err(Rejection::WrongEngine);
        };
        match body {
            message::Body::Prepare(prepare) => self.on_own_prepare(base, &prepare, message),
            message::Body::Promise(promise) => self.on_own_promise(base, own, promise, message),
            message::Body::Accept(accept) => self.on_own_accept(base, own, &accept, message),
            message::Body::Accepted(accepted) => self.on_own_accepted(base, own, &accepted, message),
            message::Body::Nack(nack) => {
                base.send(nack.ballot.proposer, message);
                Ok(())
            }
            message::Body::Chosen(chosen) => self.on_own_chosen(base, &chosen, message),
            message::Body::Yield(word) => self.on_own_yield(base, &word, message),
        }
    }

    fn on_timeout(&mut self, base: &mut Base, timer: Timer) -> Result<(), Rejection> {
        match timer {
            Timer::Resend => Ok(()),
            Timer::Progress { reign } => self.on_election_timeout(base, reign),
            Timer::Heartbeat { reign } => self.on_heartbeat_timeout(base, reign),
            Timer::NewReign { .. } | Timer::Judgement { .. } => Err(Rejection::StaleTimer),
        }
    }

    fn on_available(&mut self, base: &mut Base, height: Height, proposal: Digest) -> Result<(), Rejection> {
        self.on_proposal_available(base, height, proposal)
    }

    fn on_notice(&mut self, base: &mut Base, notice: Notice<'_>) {
        match notice {
            Notice::Connected => self.hurry(base),
            Notice::Stopping => self.on_stopping(base),
            Notice::OnDisk { .. } => self.accept_and_tell(base),
            Notice::Heard(_)
            | Notice::HeldBack(_)
            | Notice::EpochEnds(_)
            | Notice::Synced(_)
            | Notice::Status(..)
            | Notice::InquiryClosed => {}
        }
    }

    fn on_certified(&mut self, base: &mut Base, former: Height) {
        let certified = base.certified;
        self.acceptor.forget_up_to(certified);
        self.proposer.forget_up_to(certified);
        self.learner.forget_up_to(certified);
        if base.is_finished() {
            return;
        }
        for height in base.entered_since(former) {
            self.act_on(base, height);
        }
        self.accept_and_tell(base);
    }

    fn act_on(&mut self, base: &mut Base, height: Height) {
        self.try_decide(base, height);
    }

    fn propose(&mut self, base: &mut Base) {
        if base.voter().is_none() || base.is_finished() {
            self.proposer.give_up();
        }
        self.prepare_if_called(base);
        self.lead_alone(base);
        self.propose_waiting(base);
    }

    fn settle(&mut self, base: &mut Base) {
        self.update_timers(base);
        self.persist(base);
    }

    fn reign(&self, _base: &Base) -> Reign {
        let promised = self.acceptor.promised;
        Reign {
            number: promised.round,
            leader: Some(promised.proposer).filter(|_| promised.round > 0),
            begun: self.proposer_heard,
        }
    }

    /// A value that was accepted in a former ballot, and that nobody has brought up since, is no work: what
    /// it was to order waits in its batches.
    fn is_busy(&self, base: &Base) -> bool {
        let promised = self.acceptor.promised;
        let is_open = |(height, finality): (&Height, &Finality)| {
            let vote = self.acceptor.accepted.get(height);
            finality.decided.is_some()
                || !finality.seals.is_empty()
                || vote.is_some_and(|vote| vote.ballot == promised)
        };
        base.finalities.iter().any(is_open) || !self.acceptor.asked.is_empty() || !self.proposer_heard
    }

    fn is_proposed(&self, height: Height) -> bool {
        self.acceptor.accepted.contains_key(&height)
            || self.acceptor.asked.contains_key(&height)
            || self.learner.told(height).is_some()
    }

    /// That a height is known to be chosen stands in the place of everybody's accepts.
    fn holding(&self, base: &Base, height: Height) -> Holding {
        let chosen = self.learner.told(height).is_some() || base.decided(height).is_some();
        Holding {
            proposal: self.is_proposed(height),
            second: match chosen {
                true => mask(base.config.committee.indices()),
                false => 0,
            },
            ..Holding::default()
        }
    }

    /// Passes on that a value is chosen. The distinguished proposer says again what is not.
    fn answer_about_height(&self, _base: &Base, height: Height, held: Holding, answer: &mut Vec<Message>) {
        if held.second == 0
            && let Some(message) = self.learner.told(height)
        {
            answer.push(message.clone());
        }
    }

    /// Only what is chosen is decided, executed and sealed; but this replica need not have accepted it, or a
    /// crash may lose that it has. What it accepted for a certified height is forgotten here.
    fn explains_seal(&self, _base: &Base, height: Height) -> bool {
        let vote = self.acceptor.accepted.get(&height);
        vote.is_some_and(|vote| vote.durable)
    }

    /// What was said in a ballot up to the one that the journal has promised binds no more than that does. A
    /// distinguished proposer has its own promise.
    fn remembers(&self, base: &Base, _own: ValidatorIndex, statement: &Statement) -> bool {
        let persisted = self.acceptor.persisted;
        match statement {
            Statement::Seal { height, .. } => {
                *height <= self.sealed || self.acceptor.accepted.contains_key(height)
            }
            Statement::Promise(promise) => promise.ballot <= persisted,
            Statement::Accept(accept) => accept.ballot <= persisted,
            Statement::Accepted(accepted) => accepted.values.iter().all(|value| {
                let vote = self.acceptor.accepted.get(&value.height);
                value.height <= base.certified
                    || vote.is_some_and(|vote| {
                        vote.ballot > accepted.ballot
                            || (vote.ballot, vote.digest) == (accepted.ballot, value.proposal)
                    })
            }),
            _ => false,
        }
    }

    fn vouched(&self, _base: &Base, body: &Body) -> Vec<Digest> {
        match body {
            Body::Paxos(body) => self.vouched_by(body),
            _ => Vec::new(),
        }
    }

    fn waits_for(&self, base: &Base, height: Height, _finality: &Finality) -> (Awaited, Vec<ValidatorIndex>) {
        self.waits_at(base, height)
    }

    fn is_handing_over(&self) -> bool {
        self.proposer.hands_over()
    }

    fn check_invariants(&self, base: &Base) {
        self.check(base);
    }
}

impl Paxos {
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
}
