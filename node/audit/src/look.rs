//! What of a block can be checked without the state before it: encoding, certificate, batches with all their signatures,
//! texts. So any core can do it for any block, ahead of the thread that executes them in order.

use std::sync::Arc;

use quorate_crypto::merkle::Frontier;
use quorate_crypto::{Committee, KnownKeys};
use quorate_ledger::{
    BatchError, BlockError, BlockRules, CertifiedBlock, CheckedBatch, DecodeError, Digest, Epoch,
    FormedBatch, Height, Parameters, Parent, SignatureGroup, Timestamp, decode, form_batches,
};
use rayon::prelude::*;

use crate::bundle::MAX_CERTIFIED_BLOCK_BYTES;
use crate::part::Counts;

/// What blocks of an epoch are checked by.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) network: Digest,
    pub(crate) committee: Committee,
    pub(crate) parameters: Parameters,
}

/// How much is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Everything.
    #[default]
    Whole,
    /// Everything but clients' signatures, which then are a quorum's word: enough for whoever wants to have the state
    /// and leaves the check to others.
    WithoutSignatures,
}

/// A block that was looked at.
#[derive(Debug)]
pub(crate) enum Looked {
    /// Bytes that are not a block.
    Unreadable(DecodeError),
    /// A block of another epoch than the one whose rules were at hand.
    OfAnotherEpoch {
        block: Box<CertifiedBlock>,
        /// How many bytes it had.
        length: usize,
    },
    /// A block, with what was found.
    Seen(Box<Seen>),
}

/// What was found of a block by the rules of an epoch.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) block: CertifiedBlock,
    /// The epoch whose rules these were.
    pub(crate) epoch: Epoch,
    /// Whether all of condition 6 holds.
    pub(crate) batches: Result<Vec<Arc<CheckedBatch>>, BlockError>,
    /// Whether it is certified.
    pub(crate) certificate: Result<(), BlockError>,
    /// How much was checked.
    pub(crate) counts: Counts,
}

/// Looks at the bytes of a block.
pub(crate) fn look(bytes: &[u8], rules: &Rules, keys: &KnownKeys, depth: Depth) -> Looked {
    // How long it may be is known once its epoch is.
    let block: CertifiedBlock = match decode(bytes, MAX_CERTIFIED_BLOCK_BYTES) {
        Ok(block) => block,
        Err(error) => return Looked::Unreadable(error),
    };
    let length = bytes.len();
    if block.v1().block.header().epoch != rules.committee.epoch() {
        let block = Box::new(block);
        return Looked::OfAnotherEpoch { block, length };
    }
    match rules.check_length(&block, length) {
        Ok(()) => Looked::Seen(Box::new(look_at(block, rules, keys, depth))),
        Err(error) => Looked::Unreadable(error),
    }
}

impl Rules {
    /// Checks that a block of the epoch is not longer than it may be in all.
    pub(crate) fn check_length(&self, block: &CertifiedBlock, length: usize) -> Result<(), DecodeError> {
        let with_recovery = block.v1().block.v1().recovery.is_some();
        let limit = self.parameters.v1().max_certified_block_bytes(with_recovery);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if length > limit {
            return Err(DecodeError::TooLong { length, limit });
        }
        Ok(())
    }
}

/// Looks at a block by these rules, whatever its epoch.
pub(crate) fn look_at(block: CertifiedBlock, rules: &Rules, keys: &KnownKeys, depth: Depth) -> Seen {
    let Rules {
        network,
        committee,
        parameters,
    } = rules;
    let certificate = block.verify_certificate(*network, committee);
    let nothing = Frontier::new();
    let by = BlockRules {
        network,
        // For batches nothing of what came before matters.
        parent: Parent {
            height: Height::GENESIS,
            hash: *network,
            timestamp: Timestamp(0),
            next_committee: committee.digest(),
            chain: &nothing,
            log: &nothing,
        },
        committee,
        parameters: parameters.v1(),
        planned: None,
        next_committee: None,
    };
    let mut counts = Counts {
        blocks: 1,
        seals: block.v1().certificate.seals().len() as u64,
        unfit_texts: unfit_texts(&block, rules),
        ..Counts::default()
    };
    let batches = form_batches(&block, &by).and_then(|formed| {
        counts.batches = formed.len() as u64;
        counts.transactions = formed.iter().map(|batch| batch.transactions().len() as u64).sum();
        if depth == Depth::Whole {
            counts.signatures = check_signatures(&formed, keys)?;
        }
        let checked = formed.into_iter().map(FormedBatch::with_signatures_checked);
        Ok(checked.map(Arc::new).collect())
    });
    Seen {
        epoch: committee.epoch(),
        batches,
        certificate,
        counts,
        block,
    }
}

/// Checks all clients' signatures of a block's batches on the cores of this thread's pool, and says how many there are.
fn check_signatures(formed: &[FormedBatch], keys: &KnownKeys) -> Result<u64, BlockError> {
    let threads = rayon::current_num_threads();
    let groups: Vec<(usize, SignatureGroup<'_>)> = formed
        .iter()
        .enumerate()
        .flat_map(|(batch, formed)| {
            let groups = formed.signature_groups(threads).into_iter();
            groups.map(move |group| (batch, group))
        })
        .collect();
    let verdicts: Vec<Result<(), BatchError>> = groups
        .par_iter()
        .map(|(_, group)| group.verify_knowing(keys))
        .collect();
    let bad = groups.iter().zip(verdicts).find_map(|((batch, _), verdict)| {
        let error = Box::new(verdict.err()?);
        Some(BlockError::Batch { batch: *batch, error })
    });
    match bad {
        Some(error) => Err(error),
        None => Ok(groups.iter().map(|(_, group)| group.len() as u64).sum()),
    }
}

/// Of how many batches the texts that are there do not fit.
fn unfit_texts(block: &CertifiedBlock, rules: &Rules) -> u64 {
    let fitting = block.fitting_texts(rules.parameters.v1());
    let given = block.v1().texts.iter();
    let unfit = given
        .zip(fitting)
        .filter(|(given, fitting)| given.is_some() && fitting.is_none());
    unfit.count() as u64
}
