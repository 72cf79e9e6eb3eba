//! What a certified block shows of itself, without what came before it and without executing it.

use quorate_crypto::{Digest, Height};

use super::{BlockV1, CertifiedBlock, CertifiedBlockV1, Executed};
use crate::{
    BatchTexts, DecodeError, LogEntry, LogEntryV1, LoggedRecovery, LoggedTransaction, ParametersV1,
    SignedBatch, Transaction, decode,
};

/// Where a certified block's bytes say whether there is a recovery: after the variants of certified block
/// and block, and the header.
const PLACE_OF_RECOVERY: usize = 1 + 1 + super::Header::BYTES;

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
    /// There is not one entry of texts for each batch.
    #[error("there are texts for {got} batches, the block has {batches}")]
    Texts {
        /// Entries found.
        got: usize,
        /// Batches.
        batches: usize,
    },
    /// A batch of another network or epoch.
    #[error("batch {batch} is of another network or epoch than the block")]
    ForeignBatch {
        /// The batch's digest.
        batch: Digest,
    },
    /// Positions that do not ascend or that lie outside the batches.
    #[error("the executed transactions are not in order or not in the batches")]
    Positions,
}

impl CertifiedBlock {
    /// The certified block whose canonical bytes these are. It is not yet checked.
    pub fn decode(bytes: &[u8], parameters: &ParametersV1) -> Result<Self, DecodeError> {
        decode(bytes, Self::limit(bytes, parameters))
    }

    /// Bytes that no certified block without a recovery, of an epoch with these parameters, exceeds.
    pub fn max_bytes(parameters: &ParametersV1) -> usize {
        usize::try_from(parameters.max_certified_block_bytes(false)).unwrap_or(usize::MAX)
    }

    /// Bytes that a certified block may have which begins with `bytes`: one with a recovery may be 128 MiB
    /// longer. 264 bytes are enough to see it.
    pub fn limit(bytes: &[u8], parameters: &ParametersV1) -> usize {
        let with_recovery = bytes.get(PLACE_OF_RECOVERY) == Some(&1);
        usize::try_from(parameters.max_certified_block_bytes(with_recovery)).unwrap_or(usize::MAX)
    }

    /// Checks that certificate, header, proposal, batches and positions belong together, as far as this can
    /// be seen from the block alone. The seals are checked by
    /// [`Certificate::verify`](quorate_crypto::Certificate::verify), what follows from the block
    /// before by [`check_block`](crate::check_block), signatures and the state root not at all.
    pub fn verify_contents(&self) -> Result<(), ContentsError> {
        let CertifiedBlockV1 {
            block,
            certificate,
            batches,
            texts,
        } = self.v1();
        let header = block.header();
        if !self.is_certified_by_its_own() {
            return Err(ContentsError::AnotherBlock {
                certified: certificate.block(),
                height: certificate.height(),
            });
        }
        if block.v1().proposal.digest() != header.proposal {
            return Err(ContentsError::Proposal);
        }
        if !self.has_the_proposals_batches() {
            return Err(ContentsError::Batches);
        }
        let (got, batches_named) = (texts.len(), batches.len());
        if got != batches_named {
            return Err(ContentsError::Texts {
                got,
                batches: batches_named,
            });
        }
        for batch in batches {
            let contents = batch.batch();
            // What a recovery's plan decides can be of the epoch before.
            let of_epoch =
                contents.epoch == header.epoch || contents.epoch.0.checked_add(1) == Some(header.epoch.0);
            if contents.network != header.network || !of_epoch {
                return Err(ContentsError::ForeignBatch {
                    batch: batch.digest(),
                });
            }
        }
        if self.has_positions_in_order() {
            Ok(())
        } else {
            Err(ContentsError::Positions)
        }
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

    /// The entries that the block appends to the log, in order (section 9): the recovery's if there is one,
    /// then one for each executed transaction. None if a position lies outside the batches.
    pub fn log_entries(&self) -> Option<Vec<LogEntry>> {
        let BlockV1 { header, recovery, .. } = self.v1().block.v1();
        let (height, timestamp) = (header.v1().height, header.v1().timestamp);
        let recovery = recovery.iter().map(|signed| {
            LogEntryV1::Recovery(LoggedRecovery {
                height,
                timestamp,
                document: signed.document_hash(),
            })
        });
        let executed = self.executed()?.into_iter().map(|(transaction, item)| {
            LogEntryV1::Transaction(LoggedTransaction {
                height,
                timestamp,
                position: item.position,
                id: transaction.id(),
                expires_at: transaction.intent().expires_at,
                signed: transaction.signed_hash(),
                outcome: item.outcome.clone(),
            })
        });
        Some(recovery.chain(executed).map(LogEntry::V1).collect())
    }

    /// For each batch its texts, if they are there and fit (section 5). Which of the withheld ones are
    /// erased, only the state says.
    pub fn fitting_texts(&self, parameters: &ParametersV1) -> Vec<Option<&BatchTexts>> {
        let limit = parameters.max_batch_bytes as usize;
        let CertifiedBlockV1 { batches, texts, .. } = self.v1();
        let fitting = |batch: &SignedBatch, texts: &BatchTexts| {
            super::encoded_length(texts) <= limit && texts.fit(batch.batch()).is_ok()
        };
        batches
            .iter()
            .zip(texts)
            .map(|(batch, texts)| texts.as_ref().filter(|texts| fitting(batch, texts)))
            .collect()
    }

    /// Whether the certificate names the block's epoch, height and hash.
    pub(super) fn is_certified_by_its_own(&self) -> bool {
        let CertifiedBlockV1 {
            block, certificate, ..
        } = self.v1();
        let header = block.header();
        certificate.block() == block.hash()
            && certificate.height() == header.height
            && certificate.epoch() == header.epoch
    }

    /// Whether the batches are those that the proposal names, in its order.
    pub(super) fn has_the_proposals_batches(&self) -> bool {
        let CertifiedBlockV1 { block, batches, .. } = self.v1();
        let digests = batches.iter().map(SignedBatch::digest);
        digests.eq(block.v1().proposal.batches().iter().copied())
    }

    /// Whether the executed transactions ascend strictly by position, all in the batches.
    pub(super) fn has_positions_in_order(&self) -> bool {
        let CertifiedBlockV1 { block, batches, .. } = self.v1();
        let executed = &block.v1().executed;
        let count: usize = batches.iter().map(|batch| batch.batch().transactions.len()).sum();
        executed.is_sorted_by(|a, b| a.position < b.position)
            && executed
                .last()
                .is_none_or(|last| (last.position as usize) < count)
    }
}
