//! What a check finds wrong: where, by a stable code, and in words.

use std::fmt;

use quorate_crypto::CertificateError;
use quorate_ledger::{BatchError, Block, BlockError, CertifiedBlock, Executed, Height, Outcome, PlaceError};
use serde::Serialize;

/// The first thing that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The height of the block that should be there, whatever the one found says of itself. Of a state: the height of the
    /// block after which it is said to be.
    pub height: Height,
    /// Which part of it.
    pub place: String,
    /// The stable code (`docs/formats.md`, sections 23 and 30).
    pub code: &'static str,
    /// The code after it, of a batch or a proof.
    pub reason: Option<&'static str>,
    /// What is wrong, for people; no program should depend on its words.
    pub words: String,
    /// Whether a quorum sealed what is wrong: the certificate is good, and what is wrong is under the block's hash. If
    /// not, it may be this copy alone that was altered. None where there is no block that could be looked at.
    pub sealed: Option<bool>,
}

impl Finding {
    /// What is wrong with the block at a height, and whether it is certified all the same.
    pub(crate) fn of_block(
        height: Height,
        block: &CertifiedBlock,
        error: &BlockError,
        certified: bool,
    ) -> Self {
        Self {
            height,
            place: place_of(block, error),
            code: error.code(),
            reason: error.reason(),
            words: error.to_string(),
            sealed: Some(certified && is_under_hash(error)),
        }
    }

    /// That executing a block's batches gives other outcomes than the block lists, and which is the first.
    pub(crate) fn of_outcomes(
        height: Height,
        block: &CertifiedBlock,
        executed: &Block,
        certified: bool,
    ) -> Self {
        let mut finding = Self::of_block(height, block, &BlockError::Executed, certified);
        // The log's root says what was sealed, not the list.
        let log_of = |block: &Block| (block.header().log_size, block.header().log_root);
        finding.sealed = Some(certified && log_of(&block.v1().block) != log_of(executed));
        let (listed, ours) = (&block.v1().block.v1().executed, &executed.v1().executed);
        let first = listed.iter().zip(ours).position(|(listed, ours)| listed != ours);
        let first = first.unwrap_or_else(|| listed.len().min(ours.len()));
        let (listed, ours) = (listed.get(first), ours.get(first));
        // Of two that part, the one with the lower position is of a transaction that the other skips.
        let position = listed
            .into_iter()
            .chain(ours)
            .map(|executed| executed.position)
            .min();
        if let Some(position) = position {
            let at = |executed: Option<&Executed>| {
                let own = executed.filter(|executed| executed.position == position);
                words_of(own.map(|executed| &executed.outcome))
            };
            finding.place = format!("the outcomes, {}", transaction_at(block, position));
            finding.words = format!("the block lists that {}; executing it, {}", at(listed), at(ours));
        }
        finding
    }

    /// That there is no block at a height.
    pub(crate) fn missing(height: Height) -> Self {
        Self {
            height,
            place: "the chain".to_owned(),
            code: "missing",
            reason: None,
            words: "the block is not there".to_owned(),
            sealed: None,
        }
    }

    /// What is wrong with a state that a check begins with.
    pub(crate) fn of_state(height: Height, code: &'static str, words: impl Into<String>) -> Self {
        Self {
            height,
            place: "the state that the check begins with".to_owned(),
            code,
            reason: None,
            words: words.into(),
            sealed: None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            height,
            place,
            code,
            words,
            ..
        } = self;
        write!(f, "block {height}, {place}: {words} ({code}")?;
        match self.reason {
            Some(reason) => write!(f, ", {reason})"),
            None => f.write_str(")"),
        }
    }
}

/// Whether an error is about something that the block's hash covers.
fn is_under_hash(error: &BlockError) -> bool {
    match error {
        BlockError::Place(_)
        | BlockError::ChainRoot { .. }
        | BlockError::Proposal(_)
        | BlockError::NotAsPlanned
        | BlockError::Timestamp { .. }
        | BlockError::Log { .. }
        | BlockError::State { .. }
        | BlockError::NextCommittee { .. } => true,
        BlockError::Batch { error, .. } => !error.is_of_one_copy(),
        BlockError::TooLong { .. }
        | BlockError::Texts { .. }
        | BlockError::OtherProposal
        | BlockError::OtherBatches
        | BlockError::Positions
        | BlockError::Executed
        | BlockError::OtherBase { .. }
        | BlockError::Recovery(_)
        | BlockError::OtherCertificate
        | BlockError::Certificate(_) => false,
    }
}

/// Which part of a block an error is about.
fn place_of(block: &CertifiedBlock, error: &BlockError) -> String {
    match error {
        BlockError::TooLong { part, .. } => format!("the {part}"),
        BlockError::Texts { .. } => "the texts".to_owned(),
        BlockError::Place(place) => format!("the header's {}", field_of(place)),
        BlockError::ChainRoot { .. } => "the header's chain_root".to_owned(),
        BlockError::OtherProposal | BlockError::Proposal(_) | BlockError::NotAsPlanned => {
            "the proposal".to_owned()
        }
        BlockError::Timestamp { .. } => "the header's timestamp".to_owned(),
        BlockError::OtherBatches => first_other_batch(block),
        BlockError::Batch { batch, error } => match &**error {
            BatchError::Form { transaction, .. } | BatchError::BadSignature { transaction } => {
                in_batch(block, *batch, *transaction)
            }
            _ => format!("batch {batch}"),
        },
        BlockError::Positions | BlockError::Executed => "the outcomes".to_owned(),
        BlockError::Log { .. } => "the header's log_size or log_root".to_owned(),
        BlockError::State { .. } => "the header's state_root".to_owned(),
        BlockError::NextCommittee { .. } => "the header's next_committee".to_owned(),
        BlockError::OtherBase { .. } | BlockError::Recovery(_) => "the recovery".to_owned(),
        BlockError::OtherCertificate => "the certificate".to_owned(),
        BlockError::Certificate(error) => match error {
            CertificateError::BadSeal { validator } | CertificateError::UnknownValidator { validator } => {
                format!("the certificate, the seal of validator {validator}")
            }
            _ => "the certificate".to_owned(),
        },
    }
}

fn field_of(error: &PlaceError) -> &'static str {
    match error {
        PlaceError::Network { .. } => "network",
        PlaceError::Height { .. } => "height",
        PlaceError::Previous { .. } => "previous",
        PlaceError::Epoch { .. } => "epoch",
        PlaceError::Protocol { .. } => "protocol",
        PlaceError::Committee { .. } => "committee",
    }
}

/// The first batch that is not the one that the proposal names in its place.
fn first_other_batch(block: &CertifiedBlock) -> String {
    let named = block.v1().block.v1().proposal.batches();
    let batches = &block.v1().batches;
    let pairs = named.iter().zip(batches);
    let first = pairs
        .enumerate()
        .find(|(_, (named, batch))| **named != batch.digest());
    match first {
        Some((place, _)) => format!("batch {place}"),
        None => format!("batch {}", named.len().min(batches.len())),
    }
}

fn in_batch(block: &CertifiedBlock, batch: usize, transaction: usize) -> String {
    let found = block.v1().batches.get(batch);
    let found = found.and_then(|signed| signed.batch().transactions.get(transaction));
    match found {
        Some(found) => format!("batch {batch}, transaction {transaction} ({})", found.id()),
        None => format!("batch {batch}, transaction {transaction}"),
    }
}

/// The transaction in this place among those of all batches.
fn transaction_at(block: &CertifiedBlock, position: u32) -> String {
    let mut left = position as usize;
    for (batch, signed) in block.v1().batches.iter().enumerate() {
        let count = signed.batch().transactions.len();
        if left < count {
            return format!("position {position}, {}", in_batch(block, batch, left));
        }
        left -= count;
    }
    format!("position {position}")
}

/// What became of a transaction, or that it was not executed.
pub(crate) fn words_of(outcome: Option<&Outcome>) -> String {
    match outcome {
        None => "it is skipped".to_owned(),
        Some(Outcome::Success { results }) if results.is_empty() => "it succeeds".to_owned(),
        Some(Outcome::Success { results }) => {
            let paid: Vec<String> = results.iter().map(|amount| amount.0.to_string()).collect();
            format!("it succeeds and pays {}", paid.join(", "))
        }
        Some(Outcome::Failed { code, operation }) => {
            format!("operation {operation} fails with code {}: {code}", code.0)
        }
    }
}
