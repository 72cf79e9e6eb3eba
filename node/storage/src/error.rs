//! What can go wrong with the disk, each with a word that says what to do.
//!
//! After any error from a write the caller stops the node: what was written before is whole, what failed
//! has left nothing that a later start would take for whole.

use std::path::{Path, PathBuf};

use quorate_ledger::{Digest, Height};

use crate::rows::RowError;
use crate::tiles::TileError;
use crate::waypoint_nodes::WaypointError;

/// Why a database could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Another process has the database open.
    #[error("{} is in use by another process", path.display())]
    Locked {
        /// The database's folder.
        path: PathBuf,
    },
    /// The database belongs to another network.
    #[error("{} belongs to network {stored}, not to {expected} of the genesis document", path.display())]
    WrongNetwork {
        /// The database's folder.
        path: PathBuf,
        /// The network it was made for.
        stored: Digest,
        /// The network that was asked for.
        expected: Digest,
    },
    /// A newer release wrote the database.
    #[error("{} has format {found}; this release reads format {supported}", path.display())]
    UnknownFormat {
        /// The database's folder.
        path: PathBuf,
        /// What was found.
        found: String,
        /// What this release reads.
        supported: u32,
    },
    /// There is no database here, or its first write never happened.
    #[error("{} holds no chain yet", path.display())]
    NotInitialised {
        /// The database's folder.
        path: PathBuf,
    },
    /// There is a chain here already.
    #[error("{} holds a chain already", path.display())]
    AlreadyInitialised {
        /// The database's folder.
        path: PathBuf,
    },
    /// What is stored is not what was written.
    #[error("{} is damaged: {reason}; nothing was changed, restore it or synchronise again", path.display())]
    Corrupted {
        /// The database's folder.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// No room is left.
    #[error("the disk of {} is full: {reason}", path.display())]
    DiskFull {
        /// The database's folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The folder may not be written.
    #[error("{} cannot be written: {reason}", path.display())]
    Unwritable {
        /// The database's folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The disk, or RocksDB, failed otherwise.
    #[error("{}: {reason}", path.display())]
    Failed {
        /// The database's folder.
        path: PathBuf,
        /// What was said.
        reason: String,
    },
    /// A block does not follow the stored tip.
    #[error("block {got} does not follow the stored tip {tip}")]
    Gap {
        /// The stored tip's height.
        tip: Height,
        /// The block's height.
        got: Height,
    },
    /// A block contradicts the stored chain: one of the two was never certified.
    #[error("block {height} is {got}, the stored chain expects {stored}")]
    Conflict {
        /// The block's height.
        height: Height,
        /// The stored block's hash, or the tip's that the block should name as its parent.
        stored: Digest,
        /// What the block has in its place.
        got: Digest,
    },
    /// A certificate is of another block than the one it came with.
    #[error(
        "the certificate is of block {certified} at height {certified_height}, not of {block} at {height}"
    )]
    WrongCertificate {
        /// The block's height.
        height: Height,
        /// The block's hash.
        block: Digest,
        /// The certificate's height.
        certified_height: Height,
        /// The certificate's block.
        certified: Digest,
    },
    /// A block names a batch that is not stored.
    #[error("block {height} names batch {batch}, which is not stored")]
    MissingBatch {
        /// The block's height.
        height: Height,
        /// The batch's digest.
        batch: Digest,
    },
    /// The stored state does not have the root that the tip's header names.
    #[error("the state at height {height} has root {rebuilt}, the stored header names {expected}")]
    StateMismatch {
        /// The tip's height.
        height: Height,
        /// The root in the header.
        expected: Digest,
        /// The root of what is stored.
        rebuilt: Digest,
    },
}

impl StorageError {
    /// Whether what is stored is not what was written, or not all of it: no restart mends that.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Corrupted { .. } | Self::MissingBatch { .. } | Self::StateMismatch { .. }
        )
    }

    /// Sorts RocksDB's error by what it means for the operator.
    pub(crate) fn of_rocksdb(path: &Path, error: &rocksdb::Error) -> Self {
        let path = path.to_owned();
        let reason = error.to_string();
        let says = |word: &str| reason.contains(word);
        if says("While lock file") || says("lock hold by current process") {
            Self::Locked { path }
        } else if says("No space left") || says("Disk quota exceeded") || says("File too large") {
            Self::DiskFull { path, reason }
        } else if says("Permission denied") || says("Read-only file system") {
            Self::Unwritable { path, reason }
        } else if says("Column families not opened") {
            Self::UnknownFormat {
                path,
                found: reason,
                supported: crate::FORMAT_VERSION,
            }
        } else if error.kind() == rocksdb::ErrorKind::Corruption || says("No such file or directory") {
            Self::Corrupted { path, reason }
        } else {
            Self::Failed { path, reason }
        }
    }

    /// Sorts the system's error by what it means for the operator.
    pub(crate) fn of_system(path: &Path, error: &std::io::Error) -> Self {
        let path = path.to_owned();
        let reason = error.to_string();
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path, reason }
            }
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Self::Unwritable { path, reason }
            }
            _ => Self::Failed { path, reason },
        }
    }

    /// What is wrong with a row of `family`.
    pub(crate) fn of_row(path: &Path, family: &str, error: &RowError) -> Self {
        Self::corrupted(path, format!("an entry of `{family}`: {error}"))
    }

    /// What is wrong with tiles.
    pub(crate) fn of_tiles(path: &Path, error: TileError<Self>) -> Self {
        match error {
            TileError::Read(error) => error,
            other => Self::corrupted(path, other.to_string()),
        }
    }

    /// What is wrong with waypoints.
    pub(crate) fn of_waypoints(path: &Path, error: WaypointError<Self>) -> Self {
        match error {
            WaypointError::Read(error) => error,
            other => Self::corrupted(path, other.to_string()),
        }
    }

    pub(crate) fn corrupted(path: &Path, reason: impl Into<String>) -> Self {
        Self::Corrupted {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}
