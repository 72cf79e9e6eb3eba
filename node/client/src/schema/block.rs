//! Blocks.

use quorate_crypto::{Certificate, Signature};
use quorate_ledger::{Digest, Epoch, Header, Height, Timestamp, ValidatorIndex};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text;

/// A certified block: its header, who sealed it, and the ids of what was executed in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Block {
    /// The network id.
    #[schema(value_type = String)]
    pub network: Digest,
    /// The height, from 1.
    #[schema(value_type = u64)]
    pub height: Height,
    /// The block's hash: that of its header.
    #[schema(value_type = String)]
    pub hash: Digest,
    /// The hash of the block before; at height 1 the network id.
    #[schema(value_type = String)]
    pub previous: Digest,
    /// RFC 6962 root over the hashes of all earlier blocks.
    #[schema(value_type = String)]
    pub chain_root: Digest,
    /// The digest of the proposal that was decided.
    #[schema(value_type = String)]
    pub proposal: Digest,
    /// The hash of the committee that seals the next block.
    #[schema(value_type = String)]
    pub next_committee: Digest,
    /// The epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// The block's time.
    #[serde(with = "text::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// The version of messages and rules that it follows.
    pub protocol: u32,
    /// Leaves of the transaction log after this block: what was executed since genesis.
    pub log_size: u64,
    /// RFC 6962 root over the transaction log after this block.
    #[schema(value_type = String)]
    pub log_root: Digest,
    /// The root of the state after this block.
    #[schema(value_type = String)]
    pub state_root: Digest,
    /// Executed transactions.
    pub transaction_count: u32,
    /// Their ids, in order of execution.
    #[schema(value_type = Vec<String>)]
    pub transactions: Vec<Digest>,
    /// The seals of the certificate that is stored here, a quorum.
    pub seals: Vec<SealView>,
}

impl Block {
    /// A block whose validators have these names and which executed so many transactions, without their ids.
    pub fn of(
        header: &Header,
        certificate: &Certificate,
        transaction_count: u32,
        name: impl Fn(ValidatorIndex) -> String,
    ) -> Self {
        let hash = header.hash();
        let header = header.v1();
        let seals = certificate.seals().iter().map(|seal| SealView {
            validator: name(seal.validator),
            signature: seal.signature,
        });
        Self {
            network: header.network,
            height: header.height,
            hash,
            previous: header.previous,
            chain_root: header.chain_root,
            proposal: header.proposal,
            next_committee: header.next_committee,
            epoch: header.epoch,
            timestamp: header.timestamp,
            protocol: header.protocol,
            log_size: header.log_size,
            log_root: header.log_root,
            state_root: header.state_root,
            transaction_count,
            transactions: Vec::new(),
            seals: seals.collect(),
        }
    }
}

/// A validator's signature under a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SealView {
    /// The validator's name.
    pub validator: String,
    /// Its signature.
    #[schema(value_type = String)]
    pub signature: Signature,
}

/// A page of blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockList {
    /// Newest first.
    pub blocks: Vec<Block>,
    /// The cursor of the next page; null at the end.
    pub next: Option<String>,
}
