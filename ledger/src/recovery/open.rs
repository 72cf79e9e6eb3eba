//! What engines have above the certified height, as stand-downs say it (`docs/formats.md`, sections 15
//! and 19).

use std::fmt;

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Committee, Digest, Engine, Height, Signature, Tag, ValidatorIndex, verify_strict};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_OPEN_HEIGHTS, MAX_SEATS};
use crate::{Proposal, encode};

/// What an engine has above the certified height, strictly ascending by height.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Open {
    /// PBFT: what is prepared.
    Pbft(#[serde(deserialize_with = "bounded_vec::<_, _, MAX_OPEN_HEIGHTS>")] Vec<PreparedCertificate>),
    /// Raft: the log.
    Raft(#[serde(deserialize_with = "bounded_vec::<_, _, MAX_OPEN_HEIGHTS>")] Vec<RaftEntry>),
    /// Paxos: what is accepted.
    Paxos(#[serde(deserialize_with = "bounded_vec::<_, _, MAX_OPEN_HEIGHTS>")] Vec<AcceptedValue>),
}

/// A reign of one primary in PBFT, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct View(pub u64);

/// A reign of at most one leader in Raft, from 1; 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Term(pub u64);

/// A ballot of Paxos: compared by its round, then by its proposer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ballot {
    /// The round.
    pub round: u64,
    /// Whose ballot it is.
    pub proposer: ValidatorIndex,
}

/// Proof that a quorum accepted one proposal for a height in one view of PBFT.
///
/// Where the primary proposed, its pre-prepare counts as its prepare. Where a new view carried the
/// proposal over there is no pre-prepare, and the primary prepares as everybody does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PreparedCertificate {
    /// The view.
    pub view: View,
    /// The height.
    pub height: Height,
    /// The proposal.
    pub proposal: Proposal,
    /// The primary's signature under its pre-prepare.
    pub pre_prepare: Option<Signature>,
    /// Signatures under prepares, ascending by validator.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SEATS>")]
    pub prepares: Vec<PrepareSignature>,
}

/// One validator's prepare, without what all have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PrepareSignature {
    /// Whose.
    pub validator: ValidatorIndex,
    /// The signature under its prepare.
    pub signature: Signature,
}

/// What a Raft log holds at an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RaftEntry {
    /// The index, which is a height.
    pub index: Height,
    /// The entry.
    pub entry: Entry,
}

/// An entry of a Raft log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// The term of the leader that made the entry.
    pub term: Term,
    /// What the height is to be.
    pub proposal: Proposal,
}

/// What an acceptor of Paxos has accepted last for a height.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AcceptedValue {
    /// The height.
    pub height: Height,
    /// In which ballot.
    pub ballot: Ballot,
    /// The value.
    pub proposal: Proposal,
}

impl Open {
    /// The engine whose work it is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Pbft(_) => Engine::Pbft,
            Self::Raft(_) => Engine::Raft,
            Self::Paxos(_) => Engine::Paxos,
        }
    }

    /// The heights that it is about, in its order.
    pub fn heights(&self) -> Vec<Height> {
        match self {
            Self::Pbft(prepared) => prepared.iter().map(|certificate| certificate.height).collect(),
            Self::Raft(log) => log.iter().map(|entry| entry.index).collect(),
            Self::Paxos(accepted) => accepted.iter().map(|value| value.height).collect(),
        }
    }
}

impl PreparedCertificate {
    /// Whether a quorum of distinct validators of `committee` signed: the primary of the view its
    /// pre-prepare, the others prepares, strictly ascending by validator.
    pub fn verify(&self, network: &Digest, committee: &Committee) -> bool {
        let Some(primary) = primary_of(committee, self.view) else {
            return false;
        };
        let prepares = &self.prepares;
        let signers = prepares.len() + usize::from(self.pre_prepare.is_some());
        let primary_twice =
            self.pre_prepare.is_some() && prepares.iter().any(|prepare| prepare.validator == primary);
        let ascending = prepares.is_sorted_by(|a, b| a.validator < b.validator);
        if !ascending || primary_twice || signers < committee.quorum() {
            return false;
        }
        // What is signed under every pre-prepare, prepare and commit.
        let content = encode(&(
            network,
            committee.epoch(),
            self.view,
            self.height,
            self.proposal.digest(),
        ));
        let good = |validator: ValidatorIndex, tag: Tag, signature: &Signature| {
            let key = committee.key(validator);
            key.is_some_and(|key| verify_strict(key, tag, &content, signature))
        };
        let mut pre_prepare = self.pre_prepare.iter();
        let mut prepares = prepares.iter();
        pre_prepare.all(|signature| good(primary, Tag::PBFT_PRE_PREPARE, signature))
            && prepares.all(|prepare| good(prepare.validator, Tag::PBFT_PREPARE, &prepare.signature))
    }
}

/// The primary of a view: validator `view mod n`; none in a committee without seats.
fn primary_of(committee: &Committee, view: View) -> Option<ValidatorIndex> {
    let size = u64::try_from(committee.size()).ok()?;
    let place = view.0.checked_rem(size)?;
    u16::try_from(place).ok().map(ValidatorIndex)
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.round, self.proposer)
    }
}
