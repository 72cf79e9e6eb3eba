//! The committee of an epoch and its quorums. Quorum arithmetic lives here and nowhere else.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bounded::bounded_vec;
use crate::{Digest, Domain, PublicKey};

/// A block's height, from 1; also PBFT's sequence number, Raft's index and Paxos's slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Height(pub u64);

/// A span of heights with one committee and one engine, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u64);

/// A validator's place in its committee's order, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValidatorIndex(pub u16);

/// The consensus protocol of an epoch. The order is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Practical Byzantine fault tolerance (Castro and Liskov 1999).
    Pbft,
    /// Raft (Ongaro and Ousterhout 2014).
    Raft,
    /// Multi-decree Paxos (Lamport 1998).
    Paxos,
}

/// Who seals the blocks of an epoch, and by which protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Committee {
    /// Version 1.
    V1(CommitteeV1),
}

/// Version 1 of [`Committee`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitteeV1 {
    /// The epoch that this committee serves.
    pub epoch: Epoch,
    /// The protocol it runs.
    pub engine: Protocol,
    /// The version of the protocol's messages and rules.
    pub protocol_version: u32,
    /// The validators' keys, at most [`Committee::MAX_VALIDATORS`]; a validator's index is its place here.
    #[serde(deserialize_with = "bounded_vec::<_, _, { Committee::MAX_VALIDATORS }>")]
    pub validators: Vec<PublicKey>,
}

impl Committee {
    /// The most validators a committee may have.
    pub const MAX_VALIDATORS: usize = 128;

    /// A committee of `validators` in this order.
    pub fn new(epoch: Epoch, engine: Protocol, protocol_version: u32, validators: Vec<PublicKey>) -> Self {
        Self::V1(CommitteeV1 {
            epoch,
            engine,
            protocol_version,
            validators,
        })
    }

    fn v1(&self) -> &CommitteeV1 {
        let Self::V1(committee) = self;
        committee
    }

    /// The epoch that this committee serves.
    pub fn epoch(&self) -> Epoch {
        self.v1().epoch
    }

    /// The protocol it runs.
    pub fn engine(&self) -> Protocol {
        self.v1().engine
    }

    /// The version of the protocol's messages and rules.
    pub fn protocol_version(&self) -> u32 {
        self.v1().protocol_version
    }

    /// How many validators there are (n).
    pub fn size(&self) -> usize {
        self.v1().validators.len()
    }

    /// How many of them may be faulty: `floor((n - 1) / 3)` lying ones for PBFT,
    /// `floor((n - 1) / 2)` crashed ones for Raft and Paxos.
    pub fn faults(&self) -> usize {
        let others = self.size().saturating_sub(1);
        match self.engine() {
            Protocol::Pbft => others / 3,
            Protocol::Raft | Protocol::Paxos => others / 2,
        }
    }

    /// The size of a quorum: any two have an honest validator in common
    /// (`ceil((n + f + 1) / 2)` for PBFT, a majority for Raft and Paxos).
    pub fn quorum(&self) -> usize {
        match self.engine() {
            Protocol::Pbft => (self.size() + self.faults() + 1).div_ceil(2),
            Protocol::Raft | Protocol::Paxos => self.size() / 2 + 1,
        }
    }

    /// The size of a group that surely has one honest validator: f + 1 for PBFT, else 1.
    pub fn weak_quorum(&self) -> usize {
        match self.engine() {
            Protocol::Pbft => self.faults() + 1,
            Protocol::Raft | Protocol::Paxos => 1,
        }
    }

    /// The key of the validator at `index`, if there is one.
    pub fn key(&self, index: ValidatorIndex) -> Option<&PublicKey> {
        self.v1().validators.get(usize::from(index.0))
    }

    /// The index of the validator with `key`, if it is a member.
    pub fn index_of(&self, key: &PublicKey) -> Option<ValidatorIndex> {
        let place = self.v1().validators.iter().position(|member| member == key)?;
        u16::try_from(place).ok().map(ValidatorIndex)
    }

    /// All indices in order.
    pub fn indices(&self) -> impl Iterator<Item = ValidatorIndex> + use<> {
        (0..self.size()).map(|place| ValidatorIndex(u16::try_from(place).expect("committees are bounded")))
    }

    /// The committee's hash, as in `next_committee` of a block header.
    pub fn digest(&self) -> Digest {
        Domain::COMMITTEE.hash(&bcs::to_bytes(self).expect("a committee can be encoded"))
    }
}

impl Height {
    /// The state before the first block.
    pub const GENESIS: Self = Self(0);

    /// The height after this one.
    ///
    /// # Panics
    /// After 2^64 blocks.
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("heights do not run out"))
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ValidatorIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Protocol {
    /// What the protocol promises, and as long as what, in words for people.
    pub fn promise(self) -> &'static str {
        match self {
            Self::Pbft => "safe while fewer than a third of the validators fail or lie",
            Self::Raft | Self::Paxos => {
                "safe while no validator lies, live while fewer than half fail; a liar is outside its promise"
            }
        }
    }

    /// What it calls the time in which one validator leads.
    pub fn reign(self) -> &'static str {
        match self {
            Self::Pbft => "view",
            Self::Raft => "term",
            Self::Paxos => "ballot",
        }
    }

    /// What it calls the validator that leads.
    pub fn leader(self) -> &'static str {
        match self {
            Self::Pbft => "primary",
            Self::Raft => "leader",
            Self::Paxos => "proposer",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pbft => "pbft",
            Self::Raft => "raft",
            Self::Paxos => "paxos",
        })
    }
}
