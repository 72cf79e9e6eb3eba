//! What can be checked of a certified block without executing it.

use quorate_crypto::{Digest, Height, merkle};

use super::{BlockV1, CertifiedBlock, CertifiedBlockV1, Executed};
use crate::{DecodeError, ParametersV1, Receipt, ReceiptV1, SignedBatch, Transaction, decode, encode};

/// Bytes of an encoded block without its executed transactions: header, proposal, lengths.
const MAX_BLOCK_FRAME_BYTES: usize = 1_024 + 256 * 32;

/// Bytes of an executed transaction in a block.
const MAX_EXECUTED_BYTES: usize = 4 + 1 + 2 + 2;

/// Bytes of a certificate of the largest committee.
const MAX_CERTIFICATE_BYTES: usize = 64 + 128 * 66;

/// Why a block's parts do not belong together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentsError {
    /// The certificate is for another block.
    #[error("the certificate is for block {certified} at height {height}, not for this block")]
    AnotherBlock {
        /// The hash that it certifies.
        certified: Digest,
        /// The height that it certifies.
        height: Height,
    },
    /// The proposal is not the header's.
    #[error("the proposal does not fit the header")]
    Proposal,
    /// The batches are not the proposal's.
    #[error("the batches are not those of the proposal")]
    Batches,
    /// A batch of another network or epoch.
    #[error("batch {batch} is of another network or epoch than the block")]
    ForeignBatch {
        /// The batch's digest.
        batch: Digest,
    },
    /// Positions that do not ascend or that lie outside the batches.
    #[error("the executed transactions are not in order or not in the batches")]
    Positions,
    /// The executed transactions are not as many as the header says.
    #[error("the block lists {got} executed transactions, its header says {expected}")]
    Count {
        /// Transactions listed.
        got: usize,
        /// The header's count.
        expected: u32,
    },
    /// The executed transactions do not add up to the header's root.
    #[error("the executed transactions do not fit the header")]
    Transactions,
    /// The outcomes do not add up to the header's root.
    #[error("the outcomes do not fit the header")]
    Receipts,
}

impl CertifiedBlock {
    /// The certified block whose canonical bytes these are. It is not yet checked.
    pub fn decode(bytes: &[u8], parameters: &ParametersV1) -> Result<Self, DecodeError> {
        decode(bytes, Self::max_bytes(parameters))
    }

    /// Bytes that no certified block of an epoch with these parameters exceeds.
    pub fn max_bytes(parameters: &ParametersV1) -> usize {
        let batches = parameters.max_proposal_batches as usize;
        let executed = parameters.max_batch_transactions as usize * MAX_EXECUTED_BYTES;
        let batch = parameters.max_batch_bytes as usize;
        MAX_BLOCK_FRAME_BYTES + MAX_CERTIFICATE_BYTES + batches.saturating_mul(executed.saturating_add(batch))
    }

    /// Checks that certificate, header, proposal, batches and outcomes belong together, as far as this
    /// can be seen without executing the block. The seals are checked by
    /// [`Certificate::verify`](quorate_crypto::Certificate::verify), clients' signatures and the state
    /// root not at all.
    pub fn verify_contents(&self) -> Result<(), ContentsError> {
        let CertifiedBlockV1 {
            block,
            certificate,
            batches,
        } = self.v1();
        let header = block.header();
        let fits = certificate.block() == block.hash()
            && certificate.height() == header.height
            && certificate.epoch() == header.epoch;
        if !fits {
            return Err(ContentsError::AnotherBlock {
                certified: certificate.block(),
                height: certificate.height(),
            });
        }
        let proposal = &block.v1().proposal;
        if proposal.digest() != header.proposal {
            return Err(ContentsError::Proposal);
        }
        let digests = batches.iter().map(SignedBatch::digest);
        if !digests.eq(proposal.batches().iter().copied()) {
            return Err(ContentsError::Batches);
        }
        for (batch, digest) in batches.iter().zip(proposal.batches()) {
            let batch = batch.batch();
            if batch.network != header.network || batch.epoch != header.epoch {
                return Err(ContentsError::ForeignBatch { batch: *digest });
            }
        }
        self.verify_executed()
    }

    /// The executed transactions with what became of them, in order; none if a position lies outside
    /// the batches.
    pub fn executed(&self) -> Option<Vec<(&Transaction, &Executed)>> {
        let batches = self.v1().batches.iter();
        let all: Vec<&Transaction> = batches.flat_map(|batch| &batch.batch().transactions).collect();
        let executed = self.v1().block.v1().executed.iter();
        executed
            .map(|item| Some((*all.get(item.position as usize)?, item)))
            .collect()
    }

    fn verify_executed(&self) -> Result<(), ContentsError> {
        let BlockV1 { header, executed, .. } = self.v1().block.v1();
        let header = header.v1();
        let (got, expected) = (executed.len(), header.transaction_count);
        if u32::try_from(got) != Ok(expected) {
            return Err(ContentsError::Count { got, expected });
        }
        if !executed.is_sorted_by(|a, b| a.position < b.position) {
            return Err(ContentsError::Positions);
        }
        let executed = self.executed().ok_or(ContentsError::Positions)?;
        let mut transactions = merkle::Frontier::new();
        let mut receipts = merkle::Frontier::new();
        for (transaction, item) in executed {
            let receipt = ReceiptV1 {
                transaction: transaction.id(),
                outcome: item.outcome,
            };
            transactions.push_hash(transaction.leaf());
            receipts.push(&encode(&Receipt::V1(receipt)));
        }
        if transactions.root() != header.transactions_root {
            return Err(ContentsError::Transactions);
        }
        if receipts.root() != header.receipts_root {
            return Err(ContentsError::Receipts);
        }
        Ok(())
    }
}
