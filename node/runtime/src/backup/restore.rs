//! Restoring a backup, and checking one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use quorate_client::text::rfc3339_of;
use quorate_crypto::Digest;

use super::contents::{is_folder, is_key, make_folders, names_in};
use super::copier::Copier;
use super::draft::Draft;
use super::make::spare;
use super::{BackupError, FILES_FOLDER, FileEntry, Manifest, Progress};
use crate::config::Home;
use crate::home::read_genesis;
use crate::process::keep_files_private;
use crate::quarantine;

/// What is to be restored, and where to.
#[derive(Clone, Copy, Debug)]
pub struct RestorePlan<'a> {
    /// The backup.
    pub backup: &'a Path,
    /// The home to make.
    pub home: &'a Path,
    /// The digest that the backup must have.
    pub digest: Option<Digest>,
}

/// A home that was restored. Its validator does not vote.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The home.
    pub home: PathBuf,
    /// What was in the backup.
    pub manifest: Manifest,
    /// The backup's digest.
    pub digest: Digest,
    /// How many validators of the network may go without a vote, if that is known.
    pub spare: Option<usize>,
}

/// Reads all of a backup and compares it with its manifest.
pub fn verify(
    backup: &Path,
    digest: Option<Digest>,
    progress: Progress<'_>,
) -> Result<(Manifest, Digest), BackupError> {
    let (manifest, digest) = open(backup, digest)?;
    let mut copier = Copier::new(manifest.bytes(), progress);
    for file in &manifest.files {
        let found = copier.hash(&source_of(backup, file))?;
        compare(backup, file, found)?;
    }
    Ok((manifest, digest))
}

/// Makes a home of a backup. All of it is on disk when this returns; if it fails, there is none.
pub fn restore(plan: &RestorePlan<'_>, progress: Progress<'_>) -> Result<Restored, BackupError> {
    keep_files_private();
    let backup = plan.backup;
    let draft = Draft::begin(plan.home)?;
    let (manifest, digest) = open(backup, plan.digest)?;
    draft.check_room(manifest.bytes())?;
    // Before any key is there: nobody may vote by half a home, even where somebody finds it under its passing name.
    let made = rfc3339_of(manifest.made);
    let reason = match &manifest.chain {
        Some(tip) => format!(
            "it was restored from a backup of {made}, at height {}",
            tip.height
        ),
        None => format!("it was restored from a backup of {made}, without its chain"),
    };
    let home = Home::new(draft.path());
    // A chain shows by itself that its journal is gone. Without one, a journal has to remember.
    let journal = match (&manifest.chain, manifest.network, manifest.validator_key) {
        (None, Some(network), Some(validator)) => Some((network, validator)),
        _ => None,
    };
    quarantine::begin_in(&home, &reason, journal)?;
    make_folders(home.path(), manifest.files.iter().map(|file| file.path.as_str()))?;
    let mut copier = Copier::new(manifest.bytes(), progress);
    for file in &manifest.files {
        let mode = if is_key(&file.path) {
            file.mode.of_secret()
        } else {
            file.mode
        };
        let found = copier.copy(&source_of(backup, file), &home.path().join(&file.path), mode)?;
        compare(backup, file, found)?;
    }
    let genesis = read_genesis(&home).ok();
    Ok(Restored {
        home: draft.publish()?,
        manifest,
        digest,
        spare: genesis.map(|(genesis, _)| spare(&genesis)),
    })
}

/// Reads the manifest, and finds exactly the files that it lists, of the right length.
fn open(backup: &Path, digest: Option<Digest>) -> Result<(Manifest, Digest), BackupError> {
    let (manifest, digest) = Manifest::read(backup, digest)?;
    let mut missing: BTreeMap<&str, u64> = manifest
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.bytes))
        .collect();
    let damaged = |path: &str, what: &str| BackupError::Damaged {
        backup: backup.to_owned(),
        what: format!("{FILES_FOLDER}/{path} {what}"),
    };
    let folder = backup.join(FILES_FOLDER);
    if !folder.is_dir() {
        return Err(damaged("", "is missing"));
    }
    let mut paths = Vec::new();
    for name in names_in(&folder)? {
        let kind = kind_of(&folder.join(&name))?;
        if kind.is_dir() && is_folder(&name) {
            let inside = names_in(&folder.join(&name))?;
            paths.extend(inside.into_iter().map(|inner| format!("{name}/{inner}")));
        } else {
            paths.push(name);
        }
    }
    for path in &paths {
        let metadata = kind_of(&folder.join(path))?;
        let Some(bytes) = missing.remove(path.as_str()) else {
            return Err(damaged(path, "is not in the manifest"));
        };
        if !metadata.is_file() {
            return Err(damaged(path, "is not a regular file"));
        }
        if metadata.len() != bytes {
            let what = format!("has {} bytes instead of {bytes}", metadata.len());
            return Err(damaged(path, &what));
        }
    }
    match missing.keys().next() {
        Some(path) => Err(damaged(path, "is missing")),
        None => Ok((manifest, digest)),
    }
}

/// What is at a path; a link is a link.
fn kind_of(path: &Path) -> Result<fs::Metadata, BackupError> {
    fs::symlink_metadata(path).map_err(|source| BackupError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn source_of(backup: &Path, file: &FileEntry) -> PathBuf {
    backup.join(FILES_FOLDER).join(&file.path)
}

fn compare(backup: &Path, file: &FileEntry, found: (u64, Digest)) -> Result<(), BackupError> {
    if found == (file.bytes, file.sha256) {
        return Ok(());
    }
    Err(BackupError::Damaged {
        backup: backup.to_owned(),
        what: format!(
            "{FILES_FOLDER}/{} is not what was backed up (its SHA-256 is {}, not {})",
            file.path, found.1, file.sha256
        ),
    })
}
