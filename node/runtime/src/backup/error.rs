//! Why no backup was made or restored, with the exit code that the command line promises.

use std::io;
use std::path::PathBuf;

use quorate_crypto::Digest;

use crate::error::NodeError;

/// Why no backup was made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The folder to back up is no home.
    #[error("{} is not a node's home: it has no config.toml", home.display())]
    NotAHome {
        /// The folder.
        home: PathBuf,
    },
    /// There is no such backup.
    #[error("{} is not there", path.display())]
    NotFound {
        /// Where it should be.
        path: PathBuf,
    },
    /// The backup would be a part of what it is a copy of.
    #[error("{} is inside the home {}: a backup has to survive its home", out.display(), home.display())]
    InsideHome {
        /// Where the backup was to be.
        out: PathBuf,
        /// The home.
        home: PathBuf,
    },
    /// Something is there already.
    #[error("{} exists, and nothing is overwritten", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// The folder around it is not there.
    #[error("{} cannot be made: the folder {} is not there", path.display(), folder.display())]
    NoFolder {
        /// What was to be made.
        path: PathBuf,
        /// The folder that it would be in.
        folder: PathBuf,
    },
    /// Another process makes the same folder.
    #[error("{} is being made by the process {holder}", path.display())]
    InProgress {
        /// The folder.
        path: PathBuf,
        /// The process id, or `unknown`.
        holder: String,
    },
    /// The backup is not as it was made.
    #[error("the backup {} is damaged or was altered: {what}", backup.display())]
    Damaged {
        /// The backup.
        backup: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The backup is another than the one that was asked for.
    #[error("the backup {} has the digest {found}, not {expected}: it is another one, or was altered", backup.display())]
    OtherDigest {
        /// The backup.
        backup: PathBuf,
        /// Its digest.
        found: Digest,
        /// The digest that was asked for.
        expected: Digest,
    },
    /// Another release made the backup.
    #[error("the backup {} has format {found}; this release reads format {supported}", backup.display())]
    OtherFormat {
        /// The backup.
        backup: PathBuf,
        /// Its format.
        found: u32,
        /// What this release reads.
        supported: u32,
    },
    /// The disk is too small.
    #[error("the disk of {} has {free} bytes left, and {needed} are needed", path.display())]
    LittleRoom {
        /// Where the copy was to be.
        path: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes of the copy.
        needed: u64,
    },
    /// A file of the home is a folder, a pipe or a device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Something cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Unwritable {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The home is in use, its keys are loose, or its chain is damaged.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl BackupError {
    /// The exit code of the command: 7 for a backup that is not as it was made or a damaged chain, 3 for a backup that
    /// is not there, 2 for a place that is none, 8 for keys that may not be used, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotAHome { .. } | Self::NotFound { .. } => 3,
            Self::InsideHome { .. } => 2,
            Self::Damaged { .. } | Self::OtherDigest { .. } => 7,
            Self::Node(error) => error.exit_code(),
            Self::Exists { .. }
            | Self::NoFolder { .. }
            | Self::InProgress { .. }
            | Self::OtherFormat { .. }
            | Self::LittleRoom { .. }
            | Self::NotAFile { .. }
            | Self::Unreadable { .. }
            | Self::Unwritable { .. } => 1,
        }
    }
}
