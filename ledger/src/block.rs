//! Blocks: a header, the order it came from, and what was executed.

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Certificate, Digest, Domain, Epoch, Height};
use serde::{Deserialize, Serialize};

use crate::limits::MAX_PROPOSAL_BATCHES;
use crate::{Outcome, Proposal, SignedBatch, Timestamp, encode};

mod contents;

pub use contents::ContentsError;

/// What a block commits to; its hash is the block's hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Header {
    /// Version 1.
    V1(HeaderV1),
}

/// Version 1 of [`Header`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderV1 {
    /// The network's id.
    pub network: Digest,
    /// The epoch.
    pub epoch: Epoch,
    /// The height, from 1.
    pub height: Height,
    /// Hash of the header before; at height 1 the network's id.
    pub previous: Digest,
    /// RFC 6962 root over the hashes of all earlier headers.
    pub chain_root: Digest,
    /// Digest of the proposal that was decided.
    pub proposal: Digest,
    /// At least a millisecond after the parent's.
    pub timestamp: Timestamp,
    /// Executed transactions.
    pub transaction_count: u32,
    /// RFC 6962 root over the executed transactions.
    pub transactions_root: Digest,
    /// RFC 6962 root over their receipts.
    pub receipts_root: Digest,
    /// Root of the state tree after this block.
    pub state_root: Digest,
    /// Hash of the committee that seals the next height.
    pub next_committee: Digest,
}

/// A block without the batches it refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Block {
    /// Version 1.
    V1(BlockV1),
}

/// Version 1 of [`Block`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockV1 {
    /// The header.
    pub header: Header,
    /// What was decided for this height.
    pub proposal: Proposal,
    /// The executed transactions, by position; what is not listed was skipped.
    pub executed: Vec<Executed>,
}

/// One executed transaction of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executed {
    /// Its place among all transactions of the proposal's batches, from 0.
    pub position: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// A block with all that is needed to check and to apply it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CertifiedBlock {
    /// Version 1.
    V1(CertifiedBlockV1),
}

/// Version 1 of [`CertifiedBlock`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedBlockV1 {
    /// The block.
    pub block: Block,
    /// A quorum's seals.
    pub certificate: Certificate,
    /// The batches, in the proposal's order.
    #[serde(deserialize_with = "bounded_vec::<_, _, { MAX_PROPOSAL_BATCHES as usize }>")]
    pub batches: Vec<SignedBatch>,
}

impl Header {
    /// Version 1's fields.
    pub fn v1(&self) -> &HeaderV1 {
        let Self::V1(header) = self;
        header
    }

    /// The block's hash.
    pub fn hash(&self) -> Digest {
        Domain::BLOCK.hash(&encode(self))
    }
}

impl Block {
    /// Version 1's fields.
    pub fn v1(&self) -> &BlockV1 {
        let Self::V1(block) = self;
        block
    }

    /// The header's fields.
    pub fn header(&self) -> &HeaderV1 {
        self.v1().header.v1()
    }

    /// The block's hash.
    pub fn hash(&self) -> Digest {
        self.v1().header.hash()
    }
}

impl CertifiedBlock {
    /// Version 1's fields.
    pub fn v1(&self) -> &CertifiedBlockV1 {
        let Self::V1(certified) = self;
        certified
    }
}
