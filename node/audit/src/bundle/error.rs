//! Why a file is no good bundle. None of it says anything of a chain.

use std::io;

use quorate_ledger::{Digest, Height};

use super::After;
use crate::Finding;

/// Why a bundle cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The system could not read it.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It begins otherwise.
    #[error("it does not begin as a bundle does")]
    NotABundle,
    /// It ends too early.
    #[error("it is torn: it ends {after}, in the frame at byte {at}, and not with an end record")]
    Torn {
        /// The last thing that was whole.
        after: After,
        /// Where the frame begins that is not there, or not whole.
        at: u64,
    },
    /// A frame's check fails.
    #[error("the frame at byte {at}, {after}, is damaged: its bytes are not those that were written")]
    Damaged {
        /// The last thing that was whole.
        after: After,
        /// Where the frame begins.
        at: u64,
    },
    /// A frame that may not be so, or not be there.
    #[error("the frame at byte {at}, {after}, is malformed: {reason}")]
    Malformed {
        /// The last thing that was whole.
        after: After,
        /// Where the frame begins.
        at: u64,
        /// What is wrong.
        reason: String,
    },
    /// Another number of blocks.
    #[error("it says that it has {said} blocks, and has {found}")]
    Count {
        /// By its opening, or its end record.
        said: u64,
        /// Blocks found.
        found: u64,
    },
    /// Another hash.
    #[error("its end record has the SHA-256 {said}, the bytes before it have {found}")]
    Hash {
        /// By its end record.
        said: Digest,
        /// Of the bytes found.
        found: Digest,
    },
}

impl BundleError {
    /// The stable code (section 30); none if the system failed.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Read(_) => None,
            Self::NotABundle => Some("not_a_bundle"),
            Self::Torn { .. } => Some("torn"),
            Self::Damaged { .. } => Some("damaged"),
            Self::Malformed { .. } => Some("malformed"),
            Self::Count { .. } => Some("count"),
            Self::Hash { .. } => Some("hash"),
        }
    }

    /// The same as a finding, by whoever was about to check the block at a height; none if the system failed.
    pub fn finding(&self, height: Height) -> Option<Finding> {
        let code = self.code()?;
        Some(Finding {
            height,
            place: "the bundle".to_owned(),
            code,
            reason: None,
            words: self.to_string(),
            sealed: None,
        })
    }
}
