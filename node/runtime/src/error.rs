//! Why a node does not start or stops, with the exit code that the command line promises.

use std::net::SocketAddr;
use std::path::PathBuf;

use quorate_crypto::keyfile::KeyFileError;
use quorate_crypto::{Digest, Epoch, PublicKey};
use quorate_genesis::GenesisError;
use quorate_ledger::StateError;
use quorate_network::NetworkError;
use quorate_storage::{HomeError, StorageError};

use crate::config::ConfigError;
use crate::logging::LogError;

/// Why a node does not start or stops.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The system lets the process open too few files.
    #[error(
        "this process may open {limit} files, and a node of this network needs {needed} at least: raise the hard \
         limit (LimitNOFILE= of the systemd unit, --ulimit nofile= of the container, ulimit -n of the shell)"
    )]
    FewDescriptors {
        /// What it may open.
        limit: u64,
        /// What it needs.
        needed: u64,
    },
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log settings are refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The home is in use or cannot be written.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The genesis document cannot be read.
    #[error("cannot read the genesis document {}: {source}", path.display())]
    GenesisUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The genesis document is refused.
    #[error("the genesis document {} is refused: {source}", path.display())]
    Genesis {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<GenesisError>,
    },
    /// A key file is refused.
    #[error("the key file {} cannot be used: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyFileError,
    },
    /// The epoch under way has rules that this program does not know.
    #[error(
        "epoch {epoch} runs protocol {needed}, and this program knows no later one than {highest}: install a newer \
         version; all blocks before that epoch are here"
    )]
    UnknownProtocol {
        /// The epoch.
        epoch: Epoch,
        /// Its protocol.
        needed: u32,
        /// The latest that is known.
        highest: u32,
    },
    /// The node key is not the one that the validator joined with.
    #[error("the node key {got} is not the one that validator {name} joined with ({expected})")]
    WrongNodeKey {
        /// The validator's name.
        name: String,
        /// The key found.
        got: PublicKey,
        /// The key in the genesis document.
        expected: PublicKey,
    },
    /// There is no witness key.
    #[error(
        "{} is not there: validator {name} cannot sign published checkpoints; put the key there that joined the \
         network, a backup of the home has it", path.display()
    )]
    NoWitnessKey {
        /// Where it should be.
        path: PathBuf,
        /// The validator's name.
        name: String,
    },
    /// The witness key is not the one that the validator joined with.
    #[error("the witness key {got} is not the one that validator {name} joined with ({expected})")]
    WrongWitnessKey {
        /// The validator's name.
        name: String,
        /// The key found.
        got: PublicKey,
        /// The key in the genesis document.
        expected: PublicKey,
    },
    /// A webhook that cannot be used.
    #[error("the webhook `{name}` would post nothing: {reason}")]
    UnusableWebhook {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// A configured peer is unknown.
    #[error("the configuration names the peer `{name}`, which is not a validator in the genesis document")]
    UnknownPeer {
        /// The name.
        name: String,
    },
    /// The stored genesis state is not the document's.
    #[error(
        "the state before the first block has root {stored}, the genesis document gives {expected}: the \
         database belongs to another genesis document"
    )]
    WrongGenesisState {
        /// What is stored.
        stored: Digest,
        /// What the document gives.
        expected: Digest,
    },
    /// A database cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What the chain database holds is not what was written.
    #[error("the chain database is damaged: {reason}; keep it for inspection")]
    DamagedChain {
        /// What is wrong with it.
        reason: String,
    },
    /// A journal record cannot be read.
    #[error("the journal holds a record that cannot be read ({reason}); keep it for inspection")]
    Journal {
        /// What is wrong with it.
        reason: String,
    },
    /// The network does not start.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A listener's address is taken or not allowed.
    #[error("cannot listen on {address} for the {purpose}: {source} (is another node running there?)")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What for.
        purpose: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// Something of the operating system failed.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl NodeError {
    /// The exit code of the command: 8 for keys that may not be used, 7 for a damaged database, 2 for malformed files and for
    /// rules that this program does not know, else 1. What starts a node again after it has failed need not do so after 2, 7 and 8: only a person mends that.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Key { source, .. } if source.is_permission() => 8,
            _ if self.is_damage() => DAMAGED,
            // What a check of a home is for; a node that runs does not look.
            Self::NoWitnessKey { .. } | Self::WrongWitnessKey { .. } | Self::UnusableWebhook { .. } => 7,
            Self::Config(ConfigError::Malformed { .. })
            | Self::Log(_)
            | Self::Genesis { .. }
            | Self::UnknownPeer { .. }
            | Self::UnknownProtocol { .. } => 2,
            _ => 1,
        }
    }
}

/// The exit code of a node whose database is damaged: a check of it has failed.
pub(crate) const DAMAGED: u8 = 7;

/// What fails at a database: the disk may be full today and not tomorrow, but what is damaged stays so.
pub(crate) trait DatabaseError: std::fmt::Display {
    /// Whether what is stored is not what was written.
    fn is_damage(&self) -> bool;
}

impl DatabaseError for StorageError {
    fn is_damage(&self) -> bool {
        // The type's own.
        Self::is_damage(self)
    }
}

impl DatabaseError for StateError<StorageError> {
    fn is_damage(&self) -> bool {
        match self {
            Self::Read(error) => error.is_damage(),
            Self::Damaged { .. } => true,
        }
    }
}

impl DatabaseError for NodeError {
    fn is_damage(&self) -> bool {
        match self {
            Self::Storage(error) => error.is_damage(),
            Self::DamagedChain { .. } | Self::Journal { .. } => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use quorate_crypto::Height;

    use super::*;

    #[test]
    fn what_no_restart_mends_has_an_exit_code_after_which_the_unit_starts_no_node_again() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
        let page = std::fs::read_to_string(page).unwrap();
        let mut lines = page.lines();
        let kept = lines.find_map(|line| line.strip_prefix("RestartPreventExitStatus="));
        let kept: Vec<u8> = kept
            .unwrap()
            .split(' ')
            .map(|code| code.parse().unwrap())
            .collect();
        let path = || "chain".into();
        let reason = || "block checksum mismatch".to_owned();
        let zero = Digest([0; 32]);
        for error in [
            NodeError::Storage(StorageError::Corrupted {
                path: path(),
                reason: reason(),
            }),
            NodeError::Storage(StorageError::StateMismatch {
                height: Height(7),
                expected: zero,
                rebuilt: zero,
            }),
            NodeError::Storage(StorageError::MissingBatch {
                height: Height(7),
                batch: zero,
            }),
            NodeError::DamagedChain { reason: reason() },
            NodeError::Journal { reason: reason() },
        ] {
            assert_eq!(error.exit_code(), DAMAGED, "{error}");
            assert!(kept.contains(&error.exit_code()), "{error}");
        }
        let peer = NodeError::UnknownPeer {
            name: "bank-x".to_owned(),
        };
        assert_eq!(peer.exit_code(), 2);
        assert!(kept.contains(&2));
        // What another start may find mended.
        let full = NodeError::Storage(StorageError::DiskFull {
            path: path(),
            reason: reason(),
        });
        assert_eq!(full.exit_code(), 1);
        assert!(!kept.contains(&1));
    }
}
