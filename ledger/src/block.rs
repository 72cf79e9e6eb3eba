//! Blocks: a header, the order it came from, and what was executed (`docs/formats.md`, section 8).

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{
    Certificate, CertificateError, CertificateV1, Committee, Digest, Epoch, Height, Seal, Tag,
};
use serde::{Deserialize, Deserializer, Serialize};

use crate::limits::{HEADER_BYTES, MAX_PROPOSAL_BATCHES, MAX_PROPOSED_BYTES, MAX_SEALS};
use crate::{BatchTexts, Outcome, Proposal, SignedBatch, SignedRecovery, Timestamp, encode};

mod check;
mod contents;

pub use check::{
    Appended, BlockError, BlockRules, Parent, PlaceError, PlannedHeight, check_block, check_header,
    check_log, form_batches,
};
pub use contents::ContentsError;

/// Executed transactions of a block, at most: the batches of a proposal have 32 MiB together, and each
/// executed transaction has 180 bytes in them.
const MAX_EXECUTED: usize = MAX_PROPOSED_BYTES as usize / 180;

/// What a block commits to; its hash is the block's hash. Its encoding has 261 bytes.
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
    /// The version of execution, the committee's.
    pub protocol: u32,
    /// The epoch.
    pub epoch: Epoch,
    /// The height, from 1.
    #[serde(deserialize_with = "from_one")]
    pub height: Height,
    /// Hash of the header before; at height 1 the network's id.
    pub previous: Digest,
    /// RFC 6962 root over the hashes of all earlier headers.
    pub chain_root: Digest,
    /// Digest of the proposal that was decided.
    pub proposal: Digest,
    /// At least a millisecond after the parent's.
    pub timestamp: Timestamp,
    /// Leaves in the transaction log after this block.
    pub log_size: u64,
    /// The log's root.
    pub log_root: Digest,
    /// Root of the state tree after this block.
    pub state_root: Digest,
    /// Digest of the committee that seals the next height.
    pub next_committee: Digest,
}

/// A header with seals, as proofs and stand-downs have it (section 15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedHeader {
    /// The header.
    pub header: Header,
    /// The seals, strictly ascending by validator; none where the header's hash is known otherwise.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SEALS>")]
    pub seals: Vec<Seal>,
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
    /// The recovery that this block's epoch begins with, in that epoch's first block alone.
    pub recovery: Option<SignedRecovery>,
    /// What was decided for this height.
    pub proposal: Proposal,
    /// The executed transactions, by position; what is not listed was skipped.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_EXECUTED>")]
    pub executed: Vec<Executed>,
}

/// One executed transaction of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The texts of each batch, as far as they are at hand. What is there and does not fit is dropped; the
    /// block is not.
    #[serde(deserialize_with = "bounded_vec::<_, _, { MAX_PROPOSAL_BATCHES as usize }>")]
    pub texts: Vec<Option<BatchTexts>>,
}

impl Header {
    /// Bytes of every header's encoding.
    pub const BYTES: usize = HEADER_BYTES;

    /// Version 1's fields.
    pub fn v1(&self) -> &HeaderV1 {
        let Self::V1(header) = self;
        header
    }

    /// The block's hash.
    pub fn hash(&self) -> Digest {
        Tag::BLOCK.hash(&encode(self))
    }
}

impl CertifiedHeader {
    /// A header with the seals of the lowest validators in its certificate, as many as a quorum has: what a
    /// prover takes, so that a proof is not longer than it has to be.
    pub fn new(header: Header, certificate: &Certificate, committee: &Committee) -> Self {
        let seals = certificate.seals().iter().take(committee.quorum());
        let seals = seals.copied().collect();
        Self { header, seals }
    }

    /// The header's fields.
    pub fn v1(&self) -> &HeaderV1 {
        self.header.v1()
    }

    /// The block's hash.
    pub fn hash(&self) -> Digest {
        self.header.hash()
    }

    /// The certificate that the seals are.
    pub fn certificate(&self) -> Certificate {
        let header = self.header.v1();
        Certificate::V1(CertificateV1 {
            epoch: header.epoch,
            height: header.height,
            block: self.hash(),
            seals: self.seals.clone(),
        })
    }

    /// Checks that at least a quorum of `committee` sealed this header on `network`, strictly ascending by
    /// validator. Whether the header itself names that network, the caller sees.
    pub fn check(&self, network: Digest, committee: &Committee) -> Result<(), CertificateError> {
        self.certificate().verify(network, committee)
    }

    /// Whether there are exactly as many seals as a quorum of `committee` has.
    pub fn is_exact_quorum(&self, committee: &Committee) -> bool {
        self.seals.len() == committee.quorum()
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

/// Reads a block's height: there is no block 0.
fn from_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Height, D::Error> {
    let height = Height::deserialize(deserializer)?;
    if height == Height::GENESIS {
        return Err(serde::de::Error::custom("blocks' heights begin with 1"));
    }
    Ok(height)
}

/// Bytes of a value's encoding, without making it.
pub(crate) fn encoded_length<T: Serialize + ?Sized>(value: &T) -> usize {
    bcs::serialized_size(value).expect("ledger types are within BCS's limits")
}
