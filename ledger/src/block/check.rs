//! When a block is valid, as far as this needs neither the state nor execution (`docs/formats.md`,
//! section 8, "A block is valid if"). Numbers are those of its conditions.
//!
//! A caller that looks at all of them takes them in the page's order, so that the first that does not hold
//! gives the code: [`check_header`] (1 to 5), [`form_batches`] and clients' signatures (6), execution (7),
//! [`check_log`] (8), execution again (9), and [`check_log`]'s rest (10, 11). [`check_block`] is the first
//! and the third of these, for whoever believes the certificate.

use quorate_crypto::merkle::Frontier;
use quorate_crypto::{CertificateError, Committee, Digest, Epoch, Height};

use super::{Block, BlockV1, CertifiedBlock, CertifiedBlockV1, HeaderV1, encoded_length};
use crate::limits::MAX_BLOCK_BYTES;
use crate::{
    BatchError, BatchRules, FormedBatch, LogEntry, ParametersV1, Proposal, ProposalError, RecoveryError,
    SignedBatch, Timestamp,
};

/// What a block is checked against.
#[derive(Clone, Copy, Debug)]
pub struct BlockRules<'a> {
    /// The network's id.
    pub network: &'a Digest,
    /// What came before.
    pub parent: Parent<'a>,
    /// The committee of the block's epoch; with a recovery, the recovery's.
    pub committee: &'a Committee,
    /// The parameters of that epoch.
    pub parameters: &'a ParametersV1,
    /// What a recovery's plan decides at this height, if it does.
    pub planned: Option<PlannedHeight<'a>>,
    /// The digest of the committee of the agreement after this block, if it is known.
    pub next_committee: Option<Digest>,
}

/// The chain before a block.
#[derive(Clone, Copy, Debug)]
pub struct Parent<'a> {
    /// The height of the header before; 0 before the first block.
    pub height: Height,
    /// That header's hash; before the first block the network's id.
    pub hash: Digest,
    /// Its time; before the first block genesis's.
    pub timestamp: Timestamp,
    /// Its `next_committee`; before the first block the digest of genesis's committee.
    pub next_committee: Digest,
    /// The list of all header hashes up to it.
    pub chain: &'a Frontier,
    /// The transaction log after it.
    pub log: &'a Frontier,
}

/// A height that a recovery's plan decides.
#[derive(Clone, Copy, Debug)]
pub struct PlannedHeight<'a> {
    /// The proposal.
    pub proposal: &'a Proposal,
    /// The committee of the epoch that the recovery ended, of which its batches may be. (Parameters are the
    /// same after a recovery.)
    pub old: &'a Committee,
}

/// What a block appends to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The entries, in order.
    pub entries: Vec<LogEntry>,
    /// The log after them.
    pub log: Frontier,
}

/// Why a block is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// A part over its limit (1).
    #[error("the {part} has {length} bytes, at most {limit} are allowed")]
    TooLong {
        /// Which part.
        part: &'static str,
        /// Bytes found.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not one entry of texts for each batch (1).
    #[error("there are texts for {got} batches, the block has {batches}")]
    Texts {
        /// Entries found.
        got: usize,
        /// Batches.
        batches: usize,
    },
    /// It does not follow the block before, or is not of this committee (2).
    #[error("the block does not belong here: {0}")]
    Place(#[from] PlaceError),
    /// `chain_root` is not over all earlier hashes (3).
    #[error("the root over earlier headers is {got}, it should be {expected}")]
    ChainRoot {
        /// The header's.
        got: Digest,
        /// The one that follows from the chain.
        expected: Digest,
    },
    /// The proposal is not the header's (4).
    #[error("the proposal does not fit the header")]
    OtherProposal,
    /// The proposal is malformed (4).
    #[error("{0}")]
    Proposal(#[from] ProposalError),
    /// The proposal is not the one that a recovery's plan decides (4).
    #[error("the proposal is not the one that the recovery's plan decides for this height")]
    NotAsPlanned,
    /// The block's time does not follow from proposal and block before (5).
    #[error("the block's time is {}, it should be {}, in milliseconds", .got.0, .expected.0)]
    Timestamp {
        /// The header's.
        got: Timestamp,
        /// The larger of the proposal's and the least after the block before.
        expected: Timestamp,
    },
    /// The batches are not the proposal's (6).
    #[error("the batches are not those of the proposal")]
    OtherBatches,
    /// A batch does not pass the batch check (6).
    #[error("batch {batch}: {error}")]
    Batch {
        /// Its place in the proposal, from 0.
        batch: usize,
        /// What is wrong with it.
        error: Box<BatchError>,
    },
    /// Positions that do not ascend or that lie outside the batches (7).
    #[error("the executed transactions are not in order or not in the batches")]
    Positions,
    /// Executing the batches gives something else (7).
    #[error("executing the batches gives something else than the block lists")]
    Executed,
    /// The log with the block's entries is another than the header says (8).
    #[error("the log has {size} leaves with root {root} after this block, not those of the header")]
    Log {
        /// Leaves after the block's.
        size: u64,
        /// Their root.
        root: Digest,
    },
    /// The state after the block has another root (9).
    #[error("the state root is {got}, it should be {expected}")]
    State {
        /// The header's.
        got: Digest,
        /// The one that follows from execution.
        expected: Digest,
    },
    /// The next committee is another (10).
    #[error("the next committee is {got}, it should be {expected}")]
    NextCommittee {
        /// The header's.
        got: Digest,
        /// The one of the agreement after the block.
        expected: Digest,
    },
    /// The recovery builds on another block (11).
    #[error("the recovery builds on height {base}, the block follows height {before}")]
    OtherBase {
        /// The recovery's base.
        base: Height,
        /// The height before the block.
        before: Height,
    },
    /// The recovery is not valid (11).
    #[error("the recovery is not valid: {0}")]
    Recovery(#[from] RecoveryError),
    /// The certificate is for another block.
    #[error("the certificate is for another block")]
    OtherCertificate,
    /// The certificate is not good.
    #[error("{0}")]
    Certificate(#[from] CertificateError),
}

/// Why a block does not belong where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Another network.
    #[error("it is of network {got}")]
    Network {
        /// The network it names.
        got: Digest,
    },
    /// Another height.
    #[error("it has height {got}, {before} comes before it")]
    Height {
        /// Its height.
        got: Height,
        /// The height before.
        before: Height,
    },
    /// Another block before.
    #[error("it follows block {got}, {expected} comes before it")]
    Previous {
        /// The hash that it names.
        got: Digest,
        /// The hash of the header before.
        expected: Digest,
    },
    /// Another epoch than the committee's.
    #[error("it is of epoch {got}, the committee of epoch {expected}")]
    Epoch {
        /// Its epoch.
        got: Epoch,
        /// The committee's.
        expected: Epoch,
    },
    /// Another protocol than the committee's.
    #[error("it is of protocol {got}, the committee of protocol {expected}")]
    Protocol {
        /// Its protocol.
        got: u32,
        /// The committee's.
        expected: u32,
    },
    /// The committee is not the one that seals this height.
    #[error("committee {expected} seals this height, not {got}")]
    Committee {
        /// The digest of the committee that it was looked at with.
        got: Digest,
        /// The digest that the header before names, or the recovery's committee has.
        expected: Digest,
    },
}

impl BlockError {
    /// The stable code (section 23).
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } | Self::Texts { .. } => "encoding",
            Self::Place(_) => "place",
            Self::ChainRoot { .. } => "chain_root",
            Self::OtherProposal | Self::Proposal(_) | Self::NotAsPlanned => "proposal",
            Self::Timestamp { .. } => "timestamp",
            Self::OtherBatches | Self::Batch { .. } => "batches",
            Self::Positions | Self::Executed => "executed",
            Self::Log { .. } => "log",
            Self::State { .. } => "state",
            Self::NextCommittee { .. } => "next_committee",
            Self::OtherBase { .. } | Self::Recovery(_) => "recovery",
            Self::OtherCertificate | Self::Certificate(_) => "certificate",
        }
    }

    /// With the code `batches`: the batch's code.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Batch { error, .. } => Some(error.code()),
            _ => None,
        }
    }
}

impl CertifiedBlock {
    /// Checks that the certificate is this block's and good under `committee`. A verdict on this copy: no
    /// hash covers the seals.
    pub fn verify_certificate(&self, network: Digest, committee: &Committee) -> Result<(), BlockError> {
        if !self.is_certified_by_its_own() {
            return Err(BlockError::OtherCertificate);
        }
        let certificate = &self.v1().certificate;
        certificate
            .verify(network, committee)
            .map_err(BlockError::Certificate)
    }
}

impl Block {
    /// Checks conditions 7 to 10 against the block that executing the same proposal on the same state gave.
    /// Conditions before these must hold.
    pub fn check_execution(&self, executed: &Block) -> Result<(), BlockError> {
        let (own, expected) = (self.header(), executed.header());
        if self.v1().executed != executed.v1().executed {
            return Err(BlockError::Executed);
        }
        if (own.log_size, own.log_root) != (expected.log_size, expected.log_root) {
            return Err(BlockError::Log {
                size: expected.log_size,
                root: expected.log_root,
            });
        }
        if own.state_root != expected.state_root {
            return Err(BlockError::State {
                got: own.state_root,
                expected: expected.state_root,
            });
        }
        check_next_committee(own, expected.next_committee)
    }
}

/// Checks what can be seen without batch checks, state and execution: conditions 1 to 5, the digests of 6,
/// the positions of 7, 8, 10 as far as the next committee is known, and that a recovery builds on the block
/// before. The certificate is checked by [`CertifiedBlock::verify_certificate`].
pub fn check_block(certified: &CertifiedBlock, rules: &BlockRules<'_>) -> Result<Appended, BlockError> {
    check_header(certified, rules)?;
    check_log(certified, rules)
}

/// Checks conditions 1 to 5.
pub fn check_header(certified: &CertifiedBlock, rules: &BlockRules<'_>) -> Result<(), BlockError> {
    check_limits(certified)?;
    let block = certified.v1().block.v1();
    let header = block.header.v1();
    check_place(block, rules)?;
    let expected = rules.parent.chain.root();
    if header.chain_root != expected {
        return Err(BlockError::ChainRoot {
            got: header.chain_root,
            expected,
        });
    }
    check_proposal(block, rules)?;
    let least = Timestamp(rules.parent.timestamp.0.saturating_add(1));
    let expected = block.proposal.timestamp().max(least);
    if header.timestamp != expected {
        return Err(BlockError::Timestamp {
            got: header.timestamp,
            expected,
        });
    }
    Ok(())
}

/// Checks condition 6 but for clients' signatures, which each batch's
/// [groups](FormedBatch::signature_groups) give: the batches are the proposal's, and each passes the batch
/// check by the block's epoch, or, where a recovery's plan decides, by the epoch before.
pub fn form_batches(
    certified: &CertifiedBlock,
    rules: &BlockRules<'_>,
) -> Result<Vec<FormedBatch>, BlockError> {
    if !certified.has_the_proposals_batches() {
        return Err(BlockError::OtherBatches);
    }
    let form = |(batch, signed): (usize, &SignedBatch)| {
        let old = rules.planned.map(|planned| planned.old);
        let of_old = old.filter(|old| old.epoch() == signed.batch().epoch);
        let rules = BatchRules {
            network: rules.network,
            committee: of_old.unwrap_or(rules.committee),
            parameters: rules.parameters,
        };
        FormedBatch::from_signed(signed.clone(), &rules).map_err(|error| BlockError::Batch {
            batch,
            error: Box::new(error),
        })
    };
    certified.v1().batches.iter().enumerate().map(form).collect()
}

/// Checks the digests of condition 6, the positions of 7, condition 8, condition 10 as far as the next
/// committee is known, and of 11 that a recovery builds on the block before. Whether it is valid, its
/// [form](crate::SignedRecovery::check_form) and the state say.
pub fn check_log(certified: &CertifiedBlock, rules: &BlockRules<'_>) -> Result<Appended, BlockError> {
    if !certified.has_the_proposals_batches() {
        return Err(BlockError::OtherBatches);
    }
    if !certified.has_positions_in_order() {
        return Err(BlockError::Positions);
    }
    let block = certified.v1().block.v1();
    let header = block.header.v1();
    let entries = certified.log_entries().ok_or(BlockError::Positions)?;
    let mut log = rules.parent.log.clone();
    for entry in &entries {
        log.push_hash(entry.leaf_hash());
    }
    let (size, root) = (log.length(), log.root());
    if (header.log_size, header.log_root) != (size, root) {
        return Err(BlockError::Log { size, root });
    }
    if let Some(expected) = rules.next_committee {
        check_next_committee(header, expected)?;
    }
    if let Some(signed) = &block.recovery {
        let recovery = signed.recovery();
        if (recovery.base, recovery.block) != (rules.parent.height, rules.parent.hash) {
            return Err(BlockError::OtherBase {
                base: recovery.base,
                before: rules.parent.height,
            });
        }
    }
    Ok(Appended { entries, log })
}

/// Checks condition 1 as far as decoding does not.
fn check_limits(certified: &CertifiedBlock) -> Result<(), BlockError> {
    let CertifiedBlockV1 {
        block,
        batches,
        texts,
        ..
    } = certified.v1();
    let BlockV1 {
        header,
        recovery,
        proposal,
        executed,
    } = block.v1();
    // Two variants' bytes: the block's, and that there is no recovery.
    let length = 2 + encoded_length(header) + encoded_length(proposal) + encoded_length(executed);
    if length > MAX_BLOCK_BYTES {
        return Err(BlockError::TooLong {
            part: "block",
            length,
            limit: MAX_BLOCK_BYTES,
        });
    }
    if let Some((part, length, limit)) = recovery.as_ref().and_then(|signed| signed.over_limit()) {
        return Err(BlockError::TooLong { part, length, limit });
    }
    let (got, batches) = (texts.len(), batches.len());
    if got != batches {
        return Err(BlockError::Texts { got, batches });
    }
    Ok(())
}

/// Checks condition 2.
fn check_place(block: &BlockV1, rules: &BlockRules<'_>) -> Result<(), PlaceError> {
    let header = block.header.v1();
    let parent = &rules.parent;
    if header.network != *rules.network {
        return Err(PlaceError::Network { got: header.network });
    }
    if parent.height.0.checked_add(1) != Some(header.height.0) {
        return Err(PlaceError::Height {
            got: header.height,
            before: parent.height,
        });
    }
    if header.previous != parent.hash {
        return Err(PlaceError::Previous {
            got: header.previous,
            expected: parent.hash,
        });
    }
    let epoch = rules.committee.epoch();
    if header.epoch != epoch {
        return Err(PlaceError::Epoch {
            got: header.epoch,
            expected: epoch,
        });
    }
    let protocol = rules.committee.protocol_version();
    if header.protocol != protocol {
        return Err(PlaceError::Protocol {
            got: header.protocol,
            expected: protocol,
        });
    }
    let got = rules.committee.digest();
    let expected = match &block.recovery {
        Some(signed) => signed.recovery().committee.digest(),
        None => parent.next_committee,
    };
    if got != expected {
        return Err(PlaceError::Committee { got, expected });
    }
    Ok(())
}

/// Checks condition 4.
fn check_proposal(block: &BlockV1, rules: &BlockRules<'_>) -> Result<(), BlockError> {
    let proposal = &block.proposal;
    if proposal.digest() != block.header.v1().proposal {
        return Err(BlockError::OtherProposal);
    }
    proposal.check_form(rules.parameters)?;
    match rules.planned {
        Some(planned) if planned.proposal != proposal => Err(BlockError::NotAsPlanned),
        _ => Ok(()),
    }
}

fn check_next_committee(header: &HeaderV1, expected: Digest) -> Result<(), BlockError> {
    let got = header.next_committee;
    if got != expected {
        return Err(BlockError::NextCommittee { got, expected });
    }
    Ok(())
}
