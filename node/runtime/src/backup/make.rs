//! Making a backup.

use std::fs;
use std::path::{Path, PathBuf};

use quorate_crypto::{Digest, keyfile};
use quorate_genesis::Genesis;
use quorate_ledger::Timestamp;
use quorate_storage::{Chain, HomeLock, StorageError, StorageOptions};

use super::contents::{CHAIN_HEAD, Contents, LOCK, make_folder, make_folders};
use super::copier::Copier;
use super::draft::Draft;
use super::{BackupError, ChainTip, FILES_FOLDER, FileEntry, KeyState, Manifest, Progress};
use crate::config::Home;
use crate::error::NodeError;
use crate::home::{public_key_at, read_genesis};
use crate::process::keep_files_private;

/// What is to be backed up, and where to.
#[derive(Clone, Copy, Debug)]
pub struct BackupPlan<'a> {
    /// The home.
    pub home: &'a Home,
    /// The folder to make.
    pub out: &'a Path,
    /// Whether keys go into the backup.
    pub with_keys: bool,
    /// Whether the chain does. If so, no node may run on the home.
    pub with_chain: bool,
    /// The groups that may read the home's keys besides their owner.
    pub groups: &'a [u32],
    /// What time it is.
    pub now: Timestamp,
}

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Where it is.
    pub backup: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
    /// By what it is known: whoever keeps this elsewhere recognises an altered one.
    pub digest: Digest,
    /// What of the home is not in it.
    pub left_out: Vec<String>,
    /// How many validators of the network may go without a vote, if that is known.
    pub spare: Option<usize>,
}

/// Makes a backup. All of it is on disk when this returns; if it fails, there is none.
pub fn back_up(plan: &BackupPlan<'_>, progress: Progress<'_>) -> Result<Made, BackupError> {
    keep_files_private();
    let home = plan.home;
    if !home.config().is_file() {
        return Err(BackupError::NotAHome {
            home: home.path().to_owned(),
        });
    }
    refuse_inside(home, plan.out)?;
    // All but the chain stays as it is while a node runs.
    let lock = plan.with_chain.then(|| HomeLock::acquire(home.path()));
    let _lock = lock.transpose().map_err(NodeError::from)?;
    let draft = Draft::begin(plan.out)?;

    let genesis = match home.genesis().exists() {
        true => Some(read_genesis(home)?.0),
        false => None,
    };
    let validator_key = public_key_at(&home.validator_key(), plan.groups);
    let validator = genesis.as_ref().and_then(|genesis| {
        let mut validators = genesis.validators();
        let own = validators.find(|validator| Some(validator.validator_key) == validator_key)?;
        Some(own.name.to_owned())
    });
    let has_chain = plan.with_chain && home.path().join(CHAIN_HEAD).exists();
    let mut manifest = Manifest {
        network: genesis.as_ref().map(Genesis::network_id),
        validator,
        validator_key,
        chain: has_chain.then(|| tip_of(home)).transpose()?,
        keys: match plan.with_keys {
            true => key_state(home, plan.groups)?,
            false => KeyState::Absent,
        },
        ..Manifest::new(plan.now)
    };

    let contents = Contents::of(home, plan.with_keys, has_chain)?;
    draft.check_room(contents.bytes())?;
    let folder = draft.path().join(FILES_FOLDER);
    make_folder(&folder)?;
    make_folders(&folder, contents.files.iter().map(|file| file.path.as_str()))?;
    let mut copier = Copier::new(contents.bytes(), progress);
    for file in contents.files {
        let (bytes, sha256) = copier.copy(&file.from, &folder.join(&file.path), file.mode)?;
        manifest.files.push(FileEntry {
            path: file.path,
            bytes,
            mode: file.mode,
            sha256,
        });
    }
    // Last: a backup without a manifest is none.
    let digest = manifest.write(draft.path())?;
    let backup = draft.publish()?;
    // It is in nobody's way if it stays.
    let _ = fs::remove_file(backup.join(LOCK));
    Ok(Made {
        backup,
        manifest,
        digest,
        left_out: contents.left_out,
        spare: genesis.as_ref().map(spare),
    })
}

/// How many validators of a network may go without a vote: the others are a quorum.
pub(super) fn spare(genesis: &Genesis) -> usize {
    let committee = genesis.committee();
    committee.size().saturating_sub(committee.quorum())
}

fn refuse_inside(home: &Home, out: &Path) -> Result<(), BackupError> {
    // Where a folder is not there, what is made in it fails later.
    let Ok(absolute) = std::path::absolute(out) else {
        return Ok(());
    };
    let around = absolute.parent().map(fs::canonicalize);
    match (around, fs::canonicalize(home.path())) {
        (Some(Ok(around)), Ok(inner)) if around.starts_with(&inner) => Err(BackupError::InsideHome {
            out: out.to_owned(),
            home: home.path().to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The chain's tip. The chain is opened as a start opens it, so that no damaged one is backed up: a block and
/// certificate must be there for the tip, and the stored state must have the tip's root.
fn tip_of(home: &Home) -> Result<ChainTip, BackupError> {
    let network = read_genesis(home)?.0.network_id();
    let open = || -> Result<ChainTip, StorageError> {
        let chain = Chain::open(home.chain(), network, &StorageOptions::default())?;
        chain.load_state_tree()?;
        let tip = chain.tip();
        Ok(ChainTip {
            height: tip.height,
            block_hash: tip.block_hash,
            state_root: tip.state_root,
        })
    };
    Ok(open().map_err(NodeError::from)?)
}

/// What protects the keys; loose files are refused, as they are everywhere.
fn key_state(home: &Home, groups: &[u32]) -> Result<KeyState, BackupError> {
    let mut state = KeyState::Absent;
    for path in [home.validator_key(), home.node_key(), home.witness_key()] {
        if !path.exists() {
            continue;
        }
        let (encrypted, _) =
            keyfile::look(&path, groups).map_err(|source| NodeError::Key { path, source })?;
        state = match (state, encrypted) {
            (KeyState::Absent | KeyState::Encrypted, true) => KeyState::Encrypted,
            _ => KeyState::Plain,
        };
    }
    Ok(state)
}
