//! What can go wrong between a client and its nodes. Each kind has one exit code of the command line.

use quorate_ledger::Digest;

use crate::schema::Problem;

/// The code of a proof that this node has too little for.
const NOT_AT_HAND: &str = "not_at_hand";

/// The code of a proof that would be longer than one may be.
const PROOF_TOO_LONG: &str = "proof_too_long";

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// What was asked is malformed; nothing was changed.
    #[error("{reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// There is no such thing.
    #[error("{detail}")]
    NotFound {
        /// What was looked for.
        detail: String,
    },
    /// The ledger refuses the transaction, or would.
    #[error("refused by the ledger ({code}): {detail}")]
    Refused {
        /// The stable code.
        code: String,
        /// Why, in words.
        detail: String,
        /// The transaction, if it was read.
        id: Option<Digest>,
        /// The failing operation, from 0.
        operation: Option<u16>,
    },
    /// Something was sent and its outcome is not known; sending the same bytes again is safe.
    #[error("the outcome is unknown: {reason}; sending the same signed transaction again is safe")]
    Unknown {
        /// Why.
        reason: String,
    },
    /// No node could be reached, or none takes calls; nothing was sent.
    #[error("no node could be reached: {reason}")]
    Unreachable {
        /// What each said.
        reason: String,
    },
    /// The node has no room for more just now; nothing was admitted.
    #[error("the node is busy: {detail}")]
    Busy {
        /// What is full.
        detail: String,
        /// When to try again.
        retry_after_ms: u64,
    },
    /// What a node said does not fit the genesis document or its own certificate.
    #[error("the node's answer was checked and is false: {reason}")]
    Unverified {
        /// What does not fit.
        reason: String,
    },
    /// The node cannot prove what was asked: it does not have what the proof needs, or the proof would be too long.
    #[error("the node cannot prove it: {reason}")]
    Unproven {
        /// Why not.
        reason: String,
    },
    /// Anything else a node said no to.
    #[error("{}: {}", .0.title, .0.detail)]
    Problem(Box<Problem>),
    /// A node answered with something that is not an answer.
    #[error("{node} does not answer like a Quorate node: {reason}")]
    Protocol {
        /// Which node.
        node: String,
        /// What it said.
        reason: String,
    },
}

impl ClientError {
    /// The exit code that the command line promises for this.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Problem(_) | Self::Protocol { .. } => 1,
            Self::Malformed { .. } => 2,
            Self::NotFound { .. } => 3,
            Self::Refused { .. } => 4,
            Self::Unknown { .. } => 5,
            Self::Unreachable { .. } | Self::Busy { .. } => 6,
            Self::Unverified { .. } | Self::Unproven { .. } => 7,
        }
    }

    /// The error that a problem document means.
    pub fn from_problem(problem: Problem) -> Self {
        if matches!(problem.code.as_str(), NOT_AT_HAND | PROOF_TOO_LONG) {
            return Self::Unproven {
                reason: problem.detail,
            };
        }
        match problem.status {
            400 | 405 | 406 | 413 | 414 | 415 => Self::Malformed {
                reason: problem.detail,
            },
            404 => Self::NotFound {
                detail: problem.detail,
            },
            422 => Self::Refused {
                code: problem.code,
                detail: problem.detail,
                id: problem.id,
                operation: problem.operation,
            },
            429 => Self::Busy {
                detail: problem.detail,
                retry_after_ms: problem.retry_after_ms.unwrap_or(1_000),
            },
            503 => Self::Unreachable {
                reason: problem.detail,
            },
            _ => Self::Problem(Box::new(problem)),
        }
    }
}
