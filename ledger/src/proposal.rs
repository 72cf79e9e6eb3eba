//! Proposals: what the engines order (`docs/formats.md`, section 6).

use std::collections::BTreeSet;

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Digest, Tag};
use serde::{Deserialize, Serialize};

use crate::limits::MAX_PROPOSAL_BATCHES;
use crate::{ParametersV1, Timestamp, encode};

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
    #[serde(deserialize_with = "bounded_vec::<_, _, { MAX_PROPOSAL_BATCHES as usize }>")]
    pub batches: Vec<Digest>,
}

/// Why a proposal is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposalError {
    /// More batches than the parameters allow.
    #[error("the proposal names {count} batches, at most {limit} are allowed")]
    TooManyBatches {
        /// Batches named.
        count: usize,
        /// Batches allowed.
        limit: usize,
    },
    /// A batch twice.
    #[error("the proposal names batch {batch} twice")]
    RepeatedBatch {
        /// Its digest.
        batch: Digest,
    },
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

    /// Checks what a proposal must be in itself, whoever made it and whenever.
    pub fn check_form(&self, parameters: &ParametersV1) -> Result<(), ProposalError> {
        let (count, limit) = (self.batches().len(), parameters.max_proposal_batches as usize);
        if count > limit {
            return Err(ProposalError::TooManyBatches { count, limit });
        }
        let mut seen = BTreeSet::new();
        match self.batches().iter().find(|batch| !seen.insert(**batch)) {
            Some(batch) => Err(ProposalError::RepeatedBatch { batch: *batch }),
            None => Ok(()),
        }
    }

    /// The proposal's digest.
    pub fn digest(&self) -> Digest {
        Tag::PROPOSAL.hash(&encode(self))
    }
}
