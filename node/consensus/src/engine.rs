//! The engines behind their contract, dispatched by an enum.

use quorate_crypto::{Committee, Digest, Height, ValidatorIndex};
use serde::{Deserialize, Serialize};

use crate::common::{Base, Halted, Inquiring as _, Orderer as _, Waiting};
use crate::contract::{Config, Input, Now, Record, Step};
use crate::message::Body;
use crate::paxos;
use crate::pbft;
use crate::raft;

/// One engine: it serves one epoch with one committee. Its encoding is all of its state (see
/// [`crate::image`]).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Engine {
    /// Practical Byzantine fault tolerance.
    Pbft(Box<pbft::Replica>),
    /// Raft.
    Raft(Box<raft::Replica>),
    /// Multi-decree Paxos.
    Paxos(Box<paxos::Replica>),
}

impl Engine {
    /// An engine that has said nothing yet in its epoch, and what it asks for first.
    pub fn start(config: Config) -> (Self, Step) {
        Self::recover(config, Vec::new())
    }

    /// An engine rebuilt from its journal, in the order in which it was written, and what it asks
    /// for first. Records at or below `config.certified` are passed over.
    pub fn recover(config: Config, records: Vec<Record>) -> (Self, Step) {
        match config.committee.engine() {
            quorate_crypto::Protocol::Pbft => {
                let (replica, step) = pbft::Replica::recover(config, records);
                (Self::Pbft(Box::new(replica)), step)
            }
            quorate_crypto::Protocol::Raft => {
                let (replica, step) = raft::Replica::recover(config, records);
                (Self::Raft(Box::new(replica)), step)
            }
            quorate_crypto::Protocol::Paxos => {
                let (replica, step) = paxos::Replica::recover(config, records);
                (Self::Paxos(Box::new(replica)), step)
            }
        }
    }

    /// Takes one input at the driver's time.
    pub fn step(&mut self, now: Now, input: Input) -> Step {
        match self {
            Self::Pbft(replica) => replica.step(now, input),
            Self::Raft(replica) => replica.step(now, input),
            Self::Paxos(replica) => replica.step(now, input),
        }
    }

    /// Makes again what its encoding leaves out.
    pub(crate) fn complete(&mut self) {
        let base = match self {
            Self::Pbft(replica) => replica.base_mut(),
            Self::Raft(replica) => replica.base_mut(),
            Self::Paxos(replica) => replica.base_mut(),
        };
        base.backlog.complete();
    }

    /// The committee that it was made for.
    pub fn committee(&self) -> &Committee {
        &self.base().config.committee
    }

    /// The network that it was made for.
    pub fn network(&self) -> Digest {
        self.base().config.network
    }

    fn base(&self) -> &Base {
        match self {
            Self::Pbft(replica) => replica.base(),
            Self::Raft(replica) => replica.base(),
            Self::Paxos(replica) => replica.base(),
        }
    }

    /// The reign: view, term or ballot round.
    pub fn reign(&self) -> u64 {
        match self {
            Self::Pbft(replica) => replica.view().0,
            Self::Raft(replica) => replica.term().0,
            Self::Paxos(replica) => replica.ballot().round,
        }
    }

    /// Whether the reign has begun here: its leader is known, and may be heard.
    pub fn has_begun(&self) -> bool {
        match self {
            Self::Pbft(replica) => replica.has_begun(),
            Self::Raft(replica) => replica.has_begun(),
            Self::Paxos(replica) => replica.has_begun(),
        }
    }

    /// Who leads the reign; without meaning before it is known, which is so at the latest when the reign
    /// has begun here.
    pub fn leader(&self) -> ValidatorIndex {
        match self {
            Self::Pbft(replica) => replica.leader(),
            Self::Raft(replica) => replica.leader().unwrap_or_default(),
            Self::Paxos(replica) => replica.leader().unwrap_or_default(),
        }
    }

    /// Who leads, if the reign has begun here.
    pub fn begun_leader(&self) -> Option<ValidatorIndex> {
        self.has_begun().then(|| self.leader())
    }

    /// Whether it leads, was told that its node stops, and has not handed over yet.
    pub fn is_handing_over(&self) -> bool {
        match self {
            Self::Pbft(_) => false,
            Self::Raft(replica) => replica.is_handing_over(),
            Self::Paxos(replica) => replica.is_handing_over(),
        }
    }

    /// The last height certified here.
    pub fn certified(&self) -> Height {
        self.base().certified
    }

    /// How many heights of the window are in use, and how many it has.
    pub fn window_occupancy(&self) -> (usize, usize) {
        match self {
            Self::Pbft(replica) => replica.window_occupancy(),
            Self::Raft(replica) => replica.window_occupancy(),
            Self::Paxos(replica) => replica.window_occupancy(),
        }
    }

    /// How many batches wait to be ordered.
    pub fn unordered_batches(&self) -> usize {
        self.base().backlog.len()
    }

    /// Whose answers are still to come before it votes; empty once it does.
    pub fn unanswered(&self) -> Vec<ValidatorIndex> {
        match self {
            Self::Pbft(replica) => replica.asked_and_silent(),
            Self::Raft(replica) => replica.asked_and_silent(),
            Self::Paxos(replica) => replica.asked_and_silent(),
        }
    }

    /// Why it votes no more, if so.
    pub fn halted(&self) -> Option<Halted> {
        self.base().halted
    }

    /// The batches that saying this vouches for: they must be durable before the driver gives it back
    /// (rule 2 of the [contract](crate::contract)). Asked when it is signed.
    pub fn vouched(&self, body: &Body) -> Vec<Digest> {
        match (self, body) {
            (Self::Pbft(replica), Body::Pbft(body)) => replica.vouched(body),
            (Self::Raft(replica), Body::Raft(body)) => replica.vouched(body),
            (Self::Paxos(replica), Body::Paxos(body)) => replica.vouched(body),
            _ => Vec::new(),
        }
    }

    /// Whether it is to hear of fetched blocks only once they are on disk: entries of Raft's log count with
    /// all that is below them, and a crash must not take that away (rule 4 of the [contract](crate::contract)).
    pub fn hears_of_durable_blocks(&self) -> bool {
        matches!(self, Self::Raft(_))
    }

    /// For each height in flight, what it is waiting for and from whom.
    pub fn waiting(&self) -> Vec<Waiting> {
        match self {
            Self::Pbft(replica) => replica.waiting(),
            Self::Raft(replica) => replica.waiting(),
            Self::Paxos(replica) => replica.waiting(),
        }
    }

    /// Asserts what must hold between any two steps.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_invariants(&self) {
        match self {
            Self::Pbft(replica) => replica.check_invariants(),
            Self::Raft(replica) => replica.check_invariants(),
            Self::Paxos(replica) => replica.check_invariants(),
        }
    }
}
