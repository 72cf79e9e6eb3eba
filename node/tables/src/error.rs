//! Why tables cannot be written, or not even be looked at. What is wrong with tables that are read is a finding, and
//! no error.

use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use quorate_ledger::{Digest, Height};

/// Why the folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file or folder could not be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A table's file could not be written or read.
    #[error("{}: {reason}", path.display())]
    Parquet {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A manifest, or the proof of the head, is not one.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl FolderError {
    pub(crate) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            error,
        }
    }

    pub(crate) fn parquet(path: &Path, error: &ParquetError) -> Self {
        Self::Parquet {
            path: path.to_owned(),
            reason: error.to_string(),
        }
    }

    pub(crate) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError<E> {
    /// The chain could not be read.
    #[error("the chain cannot be read: {0}")]
    Source(E),
    /// The tables could not be written.
    #[error("{0}")]
    Write(#[from] WriteError),
}

/// Why tables could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder could not be used.
    #[error("{0}")]
    Folder(#[from] FolderError),
    /// Two exports would write over each other's files.
    #[error("another export is writing into the folder")]
    Busy,
    /// The folder has the tables of another network.
    #[error("the folder has the tables of the network {found}, the chain is of {network}")]
    OtherNetwork {
        /// The folder's.
        found: Digest,
        /// The chain's.
        network: Digest,
    },
    /// The folder has the tables of another chain of the network.
    #[error(
        "block {height} is {found} in the folder and {expected} on the chain: an altered manifest, or two histories of \
         one network"
    )]
    OtherChain {
        /// The height.
        height: Height,
        /// The folder's hash.
        found: Digest,
        /// The chain's.
        expected: Digest,
    },
    /// The chain begins after what the folder has.
    #[error("the tables go on after block {after}, and the source begins after block {from}")]
    StartsLate {
        /// Where the closed days end.
        after: Height,
        /// The height before the source's first block.
        from: Height,
    },
    /// The chain ends before the folder does.
    #[error("the folder goes to block {folder}, the chain ends with block {chain}")]
    EndsEarly {
        /// The folder's head.
        folder: Height,
        /// The chain's.
        chain: Height,
    },
    /// There is nothing that tables could hang on.
    #[error("the chain has no block yet")]
    NoBlock,
    /// A block is not the next one.
    #[error("block {got} comes after block {before}")]
    Gap {
        /// Its height.
        got: Height,
        /// The one before.
        before: Height,
    },
    /// What no cell can hold, or what contradicts itself.
    #[error("block {height}: {reason}")]
    Unfit {
        /// The block.
        height: Height,
        /// What does not fit.
        reason: String,
    },
}
