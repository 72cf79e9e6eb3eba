//! Proposals: what the engines order.

use quorate_crypto::{Digest, Domain};
use serde::{Deserialize, Serialize};

use crate::{Timestamp, encode};

/// What becomes of one height: a time and batches by reference.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Proposal {
    /// Version 1.
    V1(ProposalV1),
}

/// Version 1 of [`Proposal`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProposalV1 {
    /// The proposer's clock; the block's own time is clamped to after its parent's.
    pub timestamp: Timestamp,
    /// Digests of the batches, in the order of execution, none twice.
    pub batches: Vec<Digest>,
}

impl Proposal {
    /// A proposal of `batches` at `timestamp`.
    pub fn new(timestamp: Timestamp, batches: Vec<Digest>) -> Self {
        Self::V1(ProposalV1 { timestamp, batches })
    }

    /// The null proposal: fills a height that nothing was prepared for.
    pub fn null() -> Self {
        Self::new(Timestamp(0), Vec::new())
    }

    /// The proposer's clock, 0 in the null proposal.
    pub fn timestamp(&self) -> Timestamp {
        let Self::V1(proposal) = self;
        proposal.timestamp
    }

    /// Digests of the batches, in the order of execution.
    pub fn batches(&self) -> &[Digest] {
        let Self::V1(proposal) = self;
        &proposal.batches
    }

    /// The proposal's digest.
    pub fn digest(&self) -> Digest {
        Domain::PROPOSAL.hash(&encode(self))
    }
}
