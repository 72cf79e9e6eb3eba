//! What of a home belongs into a backup: a list of what does, so that a journal, or what somebody keeps in a home
//! besides, never gets there.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::{BackupError, Mode};
use crate::config::Home;

/// Files that every home has, or will have.
const FILES: [&str; 2] = ["config.toml", "genesis.toml"];
/// Files that are left out if keys are.
const KEYS: [&str; 3] = ["node.key", "validator.key", "witness.key"];
const CHAIN: &str = "chain";
const EVIDENCE: &str = "evidence";
/// How far webhooks have come: without it a restored node would leave out what they had yet to post.
const WEBHOOKS: &str = "webhooks";
/// The file without which a folder is no database.
pub(super) const CHAIN_HEAD: &str = "chain/CURRENT";
/// The lock of a home, and of a folder in the making; what is in it says nothing.
pub(super) const LOCK: &str = "lock";
/// How files of evidence end; others in their folder were never whole.
const EVIDENCE_END: &str = ".evidence";
/// The longest file name of the usual file systems.
const MAX_NAME_BYTES: usize = 255;

/// A file of a home that goes into the backup.
#[derive(Debug)]
pub(super) struct Source {
    /// Its path in the home, as the manifest has it.
    pub(super) path: String,
    /// Where it is.
    pub(super) from: PathBuf,
    pub(super) bytes: u64,
    pub(super) mode: Mode,
}

/// What of a home goes into its backup, and what does not.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// In the order of their paths.
    pub(super) files: Vec<Source>,
    /// Names in the home.
    pub(super) left_out: Vec<String>,
}

impl Contents {
    /// Looks through a home.
    pub(super) fn of(home: &Home, with_keys: bool, with_chain: bool) -> Result<Self, BackupError> {
        let mut contents = Self::default();
        for name in names_in(home.path())? {
            let path = home.path().join(&name);
            if FILES.contains(&name.as_str()) || (with_keys && is_key(&name)) {
                contents.add(name, path)?;
            } else if [EVIDENCE, WEBHOOKS].contains(&name.as_str()) || (with_chain && name == CHAIN) {
                contents.add_folder(&name, &path)?;
            } else if name != LOCK {
                contents.left_out.push(name);
            }
        }
        contents.files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(contents)
    }

    /// Bytes of all files, as they are now.
    pub(super) fn bytes(&self) -> u64 {
        self.files
            .iter()
            .fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    fn add_folder(&mut self, folder: &str, at: &Path) -> Result<(), BackupError> {
        for name in names_in(at)? {
            let (path, from) = (format!("{folder}/{name}"), at.join(&name));
            if is_scratch(folder, &name) {
                continue;
            }
            // A disk of its own may have a folder such as lost+found.
            if from.is_dir() || !belongs(&path) {
                self.left_out.push(path);
            } else {
                self.add(path, from)?;
            }
        }
        Ok(())
    }

    /// Links are followed: a key may be one to where secrets are mounted.
    fn add(&mut self, path: String, from: PathBuf) -> Result<(), BackupError> {
        let metadata = fs::metadata(&from).map_err(|source| BackupError::Unreadable {
            path: from.clone(),
            source,
        })?;
        if !metadata.is_file() {
            return Err(BackupError::NotAFile { path: from });
        }
        let mode = Mode::of(metadata.permissions().mode());
        self.files.push(Source {
            bytes: metadata.len(),
            mode: if is_key(&path) { mode.of_secret() } else { mode },
            path,
            from,
        });
        Ok(())
    }
}

/// Whether a backup can have a file of this path.
pub(super) fn belongs(path: &str) -> bool {
    match path.split_once('/') {
        None => FILES.contains(&path) || is_key(path),
        Some((CHAIN | EVIDENCE | WEBHOOKS, name)) => is_plain(name),
        Some(_) => false,
    }
}

/// Whether this is the path of a key.
pub(super) fn is_key(path: &str) -> bool {
    KEYS.contains(&path)
}

/// Whether this is the path of a file of the chain.
pub(super) fn is_of_chain(path: &str) -> bool {
    matches!(path.split_once('/'), Some((CHAIN, _)))
}

/// Whether a folder of this name can be in a backup's home.
pub(super) fn is_folder(name: &str) -> bool {
    [CHAIN, EVIDENCE, WEBHOOKS].contains(&name)
}

/// Makes the folders in which these paths are.
pub(super) fn make_folders<'a>(home: &Path, paths: impl Iterator<Item = &'a str>) -> Result<(), BackupError> {
    let folders: BTreeSet<&str> = paths
        .filter_map(|path| path.split_once('/').map(|(folder, _)| folder))
        .collect();
    for folder in folders {
        make_folder(&home.join(folder))?;
    }
    Ok(())
}

/// Makes a folder for its owner alone.
pub(super) fn make_folder(path: &Path) -> Result<(), BackupError> {
    let made = DirBuilder::new().mode(0o700).create(path);
    made.map_err(|source| BackupError::Unwritable {
        path: path.to_owned(),
        source,
    })
}

/// The names in a folder, in order. One that is not text is given such that it belongs nowhere.
pub(super) fn names_in(folder: &Path) -> Result<Vec<String>, BackupError> {
    let entries = fs::read_dir(folder).and_then(|entries| {
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<std::io::Result<Vec<_>>>()
    });
    let mut names = entries.map_err(|source| BackupError::Unreadable {
        path: folder.to_owned(),
        source,
    })?;
    names.sort_unstable();
    Ok(names)
}

/// RocksDB's and our own names have no other letters.
fn is_plain(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.starts_with('.') && name.bytes().all(is_letter)
}

/// Whether a file is none of the content of its folder: RocksDB's lock and its own log, evidence or a webhook's place
/// that is being written.
fn is_scratch(folder: &str, name: &str) -> bool {
    match folder {
        CHAIN => name == "LOCK" || name == "LOG" || name.starts_with("LOG.old."),
        WEBHOOKS => name.ends_with(".new"),
        _ => !name.ends_with(EVIDENCE_END),
    }
}
