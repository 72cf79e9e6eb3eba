//! The committee of an epoch and its quorums (`docs/formats.md`, section 7). Quorum arithmetic lives here and nowhere
//! else.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bounded::bounded_vec;
use crate::{Digest, PublicKey, Tag};

/// A block's height, from 1; also PBFT's sequence number, Raft's index and Paxos's slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Height(pub u64);

/// A span of heights with one committee and one engine, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u64);

/// A validator's place in its committee's order, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValidatorIndex(pub u16);

/// A member's number, from 0 in the order in which members came; never given twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MemberNumber(pub u32);

/// A seat's number, from 0 in the order in which seats came; never given twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeatNumber(pub u32);

/// The consensus protocol of an epoch. The order is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Practical Byzantine fault tolerance (Castro and Liskov 1999).
    Pbft,
    /// Raft (Ongaro and Ousterhout 2014).
    Raft,
    /// Multi-decree Paxos (Lamport 1998).
    Paxos,
}

/// One validator of a committee: whose it is, and its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CommitteeSeat {
    /// The member that holds the seat.
    pub member: MemberNumber,
    /// The seat.
    pub seat: SeatNumber,
    /// The key that seals blocks and signs the engine's messages.
    pub validator: PublicKey,
    /// The key of the node's identity among its peers.
    pub node: PublicKey,
    /// The key that signs checkpoints of the log.
    pub witness: PublicKey,
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
    /// The consensus protocol that it runs.
    pub engine: Engine,
    /// The version of the network's rules and messages.
    pub protocol: u32,
    /// The seats, 1 to [`Committee::MAX_VALIDATORS`]; a validator's index is its place here.
    #[serde(deserialize_with = "bounded_vec::<_, _, { Committee::MAX_VALIDATORS }>")]
    pub seats: Vec<CommitteeSeat>,
}

/// Why something is no committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeError {
    /// No seat, or too many.
    #[error(
        "the committee has {count} seats, 1 to {} are allowed",
        Committee::MAX_VALIDATORS
    )]
    Size {
        /// Seats found.
        count: usize,
    },
    /// A key that is in it twice, in whatever place.
    #[error("the key {key} is in the committee twice")]
    KeyTwice {
        /// The key.
        key: PublicKey,
    },
}

impl Committee {
    /// The most validators a committee may have.
    pub const MAX_VALIDATORS: usize = 128;

    /// A committee of `seats` in this order.
    pub fn new(epoch: Epoch, engine: Engine, protocol: u32, seats: Vec<CommitteeSeat>) -> Self {
        Self::V1(CommitteeV1 {
            epoch,
            engine,
            protocol,
            seats,
        })
    }

    /// The fields of version 1.
    pub fn v1(&self) -> &CommitteeV1 {
        let Self::V1(committee) = self;
        committee
    }

    /// Checks the number of seats, and that no key is in it twice, in whatever place.
    ///
    /// Whether the keys are good is looked at where they are registered.
    pub fn check(&self) -> Result<(), CommitteeError> {
        let count = self.size();
        if !(1..=Self::MAX_VALIDATORS).contains(&count) {
            return Err(CommitteeError::Size { count });
        }
        let mut keys = BTreeSet::new();
        for seat in self.seats() {
            for key in [seat.validator, seat.node, seat.witness] {
                if !keys.insert(key) {
                    return Err(CommitteeError::KeyTwice { key });
                }
            }
        }
        Ok(())
    }

    /// The epoch that this committee serves.
    pub fn epoch(&self) -> Epoch {
        self.v1().epoch
    }

    /// The consensus protocol that it runs.
    pub fn engine(&self) -> Engine {
        self.v1().engine
    }

    /// The version of the network's rules and messages.
    pub fn protocol_version(&self) -> u32 {
        self.v1().protocol
    }

    /// How many validators there are (n).
    pub fn size(&self) -> usize {
        self.v1().seats.len()
    }

    /// How many of them may be faulty: `floor((n - 1) / 3)` lying ones for PBFT,
    /// `floor((n - 1) / 2)` crashed ones for Raft and Paxos.
    pub fn faults(&self) -> usize {
        let others = self.size().saturating_sub(1);
        match self.engine() {
            Engine::Pbft => others / 3,
            Engine::Raft | Engine::Paxos => others / 2,
        }
    }

    /// The size of a quorum: any two have an honest validator in common
    /// (`ceil((n + f + 1) / 2)` for PBFT, a majority for Raft and Paxos).
    pub fn quorum(&self) -> usize {
        match self.engine() {
            Engine::Pbft => (self.size() + self.faults() + 1).div_ceil(2),
            Engine::Raft | Engine::Paxos => self.size() / 2 + 1,
        }
    }

    /// The size of a group that surely has one honest validator: f + 1 for PBFT, else 1.
    pub fn weak_quorum(&self) -> usize {
        match self.engine() {
            Engine::Pbft => self.faults() + 1,
            Engine::Raft | Engine::Paxos => 1,
        }
    }

    /// The seats in order.
    pub fn seats(&self) -> &[CommitteeSeat] {
        &self.v1().seats
    }

    /// The seat of the validator at `index`, if there is one.
    pub fn seat(&self, index: ValidatorIndex) -> Option<&CommitteeSeat> {
        self.v1().seats.get(usize::from(index.0))
    }

    /// The key of the validator at `index`, if there is one.
    pub fn key(&self, index: ValidatorIndex) -> Option<&PublicKey> {
        self.seat(index).map(|seat| &seat.validator)
    }

    /// The index of the validator with `key`, if it is a member.
    pub fn index_of(&self, key: &PublicKey) -> Option<ValidatorIndex> {
        let place = self.seats().iter().position(|seat| seat.validator == *key)?;
        u16::try_from(place).ok().map(ValidatorIndex)
    }

    /// All indices in order.
    pub fn indices(&self) -> impl Iterator<Item = ValidatorIndex> + use<> {
        (0..self.size()).map(|place| ValidatorIndex(u16::try_from(place).expect("committees are bounded")))
    }

    /// The committee's hash, as in `next_committee` of a block header.
    pub fn digest(&self) -> Digest {
        Tag::COMMITTEE.hash(&bcs::to_bytes(self).expect("a committee can be encoded"))
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

impl fmt::Display for MemberNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SeatNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Engine {
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

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pbft => "pbft",
            Self::Raft => "raft",
            Self::Paxos => "paxos",
        })
    }
}
