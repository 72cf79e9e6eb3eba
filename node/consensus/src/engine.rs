//! The engines behind their contract, dispatched by an enum.

use quorate_crypto::{Committee, Digest, Height, ValidatorIndex};
use serde::{Deserialize, Serialize};

use crate::common::{Halted, Shown, Stepped, Waiting};
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
            quorate_crypto::Engine::Pbft => {
                let (replica, step) = pbft::Replica::recover(config, records);
                (Self::Pbft(Box::new(replica)), step)
            }
            quorate_crypto::Engine::Raft => {
                let (replica, step) = raft::Replica::recover(config, records);
                (Self::Raft(Box::new(replica)), step)
            }
            quorate_crypto::Engine::Paxos => {
                let (replica, step) = paxos::Replica::recover(config, records);
                (Self::Paxos(Box::new(replica)), step)
            }
        }
    }

    /// Told before its first input of the engine of the epoch before. What that one knew of its leaders goes on, as an
    /// epoch's end, which one member can bring about, is to be no new start for one that was replaced. Only PBFT
    /// needs that: the others elect whoever is quick.
    pub fn follow(&mut self, former: &Self) {
        if let (Self::Pbft(replica), Self::Pbft(former)) = (self, former) {
            replica.follow(former);
        }
    }

    /// Takes one input at the driver's time.
    pub fn step(&mut self, now: Now, input: Input) -> Step {
        self.stepped().step(now, input)
    }

    /// Makes again what its encoding leaves out.
    pub(crate) fn complete(&mut self) {
        self.stepped().complete();
    }

    fn stepped(&mut self) -> &mut dyn Stepped {
        match self {
            Self::Pbft(replica) => &mut **replica,
            Self::Raft(replica) => &mut **replica,
            Self::Paxos(replica) => &mut **replica,
        }
    }

    fn shown(&self) -> &dyn Shown {
        match self {
            Self::Pbft(replica) => &**replica,
            Self::Raft(replica) => &**replica,
            Self::Paxos(replica) => &**replica,
        }
    }

    /// The committee that it was made for.
    pub fn committee(&self) -> &Committee {
        &self.shown().base().config.committee
    }

    /// The network that it was made for.
    pub fn network(&self) -> Digest {
        self.shown().base().config.network
    }

    /// The reign: view, term or ballot round.
    pub fn reign(&self) -> u64 {
        self.shown().reign().number
    }

    /// Whether the reign has begun here: its leader is known, and may be heard.
    pub fn has_begun(&self) -> bool {
        self.shown().reign().begun
    }

    /// Who leads the reign; without meaning before it is known, which is so at the latest when the reign
    /// has begun here.
    pub fn leader(&self) -> ValidatorIndex {
        self.shown().reign().leader.unwrap_or_default()
    }

    /// Who leads, if the reign has begun here.
    pub fn begun_leader(&self) -> Option<ValidatorIndex> {
        self.has_begun().then(|| self.leader())
    }

    /// Whether it leads, was told that its node stops, and has not handed over yet.
    pub fn is_handing_over(&self) -> bool {
        self.shown().is_handing_over()
    }

    /// The last height certified here.
    pub fn certified(&self) -> Height {
        self.shown().base().certified
    }

    /// How many heights of the window are in use, and how many it has.
    pub fn window_occupancy(&self) -> (usize, usize) {
        self.shown().window_occupancy()
    }

    /// How many batches wait to be ordered.
    pub fn unordered_batches(&self) -> usize {
        self.shown().base().backlog.len()
    }

    /// Whose answers are still to come before it votes; empty once it does.
    pub fn unanswered(&self) -> Vec<ValidatorIndex> {
        self.shown().unanswered()
    }

    /// Why it votes no more, if so.
    pub fn halted(&self) -> Option<Halted> {
        self.shown().base().halted
    }

    /// The batches that saying this vouches for: they must be durable before the driver gives it back
    /// (rule 2 of the [contract](crate::contract)). Asked when it is signed; and of what another validator says, to
    /// learn who may have batches that are missing here.
    pub fn vouched(&self, body: &Body) -> Vec<Digest> {
        self.shown().vouched(body)
    }

    /// Whether it is to hear of fetched blocks only once they are on disk: entries of Raft's log count with
    /// all that is below them, and a crash must not take that away (rule 4 of the [contract](crate::contract)).
    pub fn hears_of_durable_blocks(&self) -> bool {
        matches!(self, Self::Raft(_))
    }

    /// For each height in flight, what it is waiting for and from whom.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.shown().waiting()
    }

    /// Asserts what must hold between any two steps.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_invariants(&self) {
        self.shown().check_invariants();
    }
}
