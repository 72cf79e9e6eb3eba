//! Why there is no proof.

use std::fmt;

use quorate_crypto::{Digest, Epoch, Height};
use quorate_ledger::{HistoryOwner, Prefix, Timestamp};

use crate::Source;

/// Why something was not proven. A proof that a verifier would refuse is never given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveError<E> {
    /// A read failed.
    #[error("the chain cannot be read: {0}")]
    Source(E),
    /// Something that a whole chain has is not there, or does not fit the rest.
    #[error("{part} {number} of the stored chain is missing, or does not fit the rest of it")]
    Damaged {
        /// What it is.
        part: Part,
        /// Which one.
        number: u64,
    },
    /// There is no block at the height.
    #[error("there is no certified block {height} here")]
    NoBlock {
        /// The height.
        height: Height,
    },
    /// The state after that block is not at hand.
    #[error("the state after block {head} is not at hand: a node proves as of its certified height")]
    NoState {
        /// The block's height.
        head: Height,
    },
    /// No transaction with this id was executed.
    #[error("no transaction with the id {id} was executed")]
    UnknownTransaction {
        /// The id.
        id: Digest,
    },
    /// The log has no such leaf as of the head.
    #[error("the log has no leaf {ordinal} as of block {head}")]
    NoLeaf {
        /// The leaf's ordinal.
        ordinal: u64,
        /// The head's height.
        head: Height,
    },
    /// Texts that were to be shown are not at hand.
    #[error(
        "the texts of {id} that are to be shown are not at hand: erased, missing, or there is none at that place"
    )]
    NoTexts {
        /// The transaction's id.
        id: Digest,
    },
    /// A range that ends where it begins, or before.
    #[error("the range from {from} to {to} is empty")]
    EmptyRange {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        to: Timestamp,
    },
    /// A range that begins after the head.
    #[error("block {head} is of {time}, and the range begins at {from} only")]
    RangeAfterHead {
        /// The head's height.
        head: Height,
        /// Its time.
        time: Timestamp,
        /// The range's beginning.
        from: Timestamp,
    },
    /// No prefixes.
    #[error("a proof of the state is about one prefix at least")]
    NoPrefix,
    /// A prefix that nobody asks for.
    #[error("{prefix} is no prefix to ask for: a kind, an account within its kind, or one key")]
    NoQuestion {
        /// The prefix.
        prefix: Prefix,
    },
    /// A prefix of what is to stand beside a statement has its owner's leaf under it.
    #[error("what lies under {prefix} cannot stand beside a statement of {owner}, whose leaf is among it")]
    CoversOwner {
        /// The prefix.
        prefix: Prefix,
        /// The owner.
        owner: HistoryOwner,
    },
    /// More than a proof may have.
    #[error("the proof would have {count} {what}, at most {limit} are allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// An epoch that has not begun, or that is before the block to start from.
    #[error("no committees lead from there to epoch {epoch}")]
    NoEpoch {
        /// The epoch.
        epoch: Epoch,
    },
    /// An intent that could not have been executed on this network at any time.
    #[error("the intent is not well-formed: {words}")]
    NotWellFormed {
        /// The stable reason of section 23.
        reason: &'static str,
        /// The same in words.
        words: String,
    },
    /// What was to be proven not executed was.
    #[error("the transaction was executed, as leaf {ordinal} of the log")]
    WasExecuted {
        /// The leaf's ordinal.
        ordinal: u64,
    },
    /// What was to be proven not executed may still be.
    #[error("block {head} is of {time}, and the transaction expires at {expires_at} only")]
    NotExpired {
        /// The head's height.
        head: Height,
        /// Its time.
        time: Timestamp,
        /// When the transaction expires.
        expires_at: Timestamp,
    },
}

/// A part of a stored chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A block's header, by height.
    Header,
    /// A block's certificate, by height.
    Certificate,
    /// An epoch, by number.
    Epoch,
    /// A leaf of the log, by ordinal.
    Entry,
    /// An inner hash of the log, by its index in its level.
    LogNode,
    /// A transaction, by its leaf's ordinal.
    Transaction,
    /// The texts of a transaction, by its leaf's ordinal.
    Texts,
    /// What a block added to a history, by height.
    HistoryRow,
    /// A step of a history, by number.
    Step,
    /// A waypoint, by its step's number.
    Waypoint,
    /// An inner hash of a list of waypoints, by its index in its level.
    WaypointNode,
    /// The state, by the head's height.
    State,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Certificate => "certificate",
            Self::Epoch => "epoch",
            Self::Entry => "log entry",
            Self::LogNode => "log hash",
            Self::Transaction => "the transaction of leaf",
            Self::Texts => "the texts of leaf",
            Self::HistoryRow => "history row",
            Self::Step => "history step",
            Self::Waypoint => "waypoint",
            Self::WaypointNode => "waypoint hash",
            Self::State => "the state at height",
        })
    }
}

/// Why something was not proven from a source of this type.
pub(crate) type Failure<S> = ProveError<<S as Source>::Error>;

impl<E> ProveError<E> {
    /// A part that is missing or does not fit.
    pub(crate) fn damaged(part: Part, number: u64) -> Self {
        Self::Damaged { part, number }
    }
}

/// Refuses more of something than a proof may have.
pub(crate) fn check_count<S: Source>(
    what: &'static str,
    count: usize,
    limit: usize,
) -> Result<(), Failure<S>> {
    if count <= limit {
        return Ok(());
    }
    let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
    Err(ProveError::TooMany {
        what,
        count: number(count),
        limit: number(limit),
    })
}
