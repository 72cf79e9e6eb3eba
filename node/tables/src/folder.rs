//! The folder: where things lie, how they are read with a bound, and how they are put in place (`docs/tables.md`,
//! section 1).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use quorate_crypto::sha256;
use quorate_ledger::Digest;

use crate::day::Day;
use crate::error::FolderError;
use crate::manifest::file_name;
use crate::table::Table;

/// The name of the manifest, by which a folder of tables is known.
pub const MANIFEST: &str = "manifest.json";

/// The name of the head's proof.
pub(crate) const HEAD_PROOF: &str = "head.proof";

/// The folder of the days' manifests.
const DAYS: &str = "days";

/// The folder of the tables as CSV.
const CSV: &str = "csv";

/// What the name of a file that is being written ends with. It begins with a point, so that readers pass over it.
const PARTIAL: &str = ".partial";

/// What is locked by whoever writes into the folder.
const LOCK: &str = ".lock";

/// What the names of tables' files end with.
const PARQUET: &str = ".parquet";

/// A folder of tables.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.path.join(MANIFEST)
    }

    pub(crate) fn head_proof(&self) -> PathBuf {
        self.path.join(HEAD_PROOF)
    }

    pub(crate) fn day(&self, day: Day) -> PathBuf {
        self.path.join(DAYS).join(format!("{day}.json"))
    }

    pub(crate) fn marks(&self, day: Day) -> PathBuf {
        self.path.join(DAYS).join(format!("{day}.rows"))
    }

    pub(crate) fn table(&self, table: Table, day: Day) -> PathBuf {
        self.path.join(file_name(table, day))
    }

    pub(crate) fn csv(&self, table: Table, day: Day) -> PathBuf {
        let parquet = self.path.join(CSV).join(file_name(table, day));
        parquet.with_extension("csv")
    }

    /// Makes the folder, and keeps others from writing into it until what this gives is dropped. None: another export is
    /// writing into it.
    pub(crate) fn lock(&self) -> Result<Option<File>, FolderError> {
        fs::create_dir_all(&self.path).map_err(|error| FolderError::io(&self.path, error))?;
        let path = self.path.join(LOCK);
        let mut options = File::options();
        let opened = options.write(true).create(true).truncate(false).open(&path);
        let file = opened.map_err(|error| FolderError::io(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(FolderError::io(&path, error)),
        }
    }

    /// Makes durable that the tables' folders and those of their days are there. What is in these already is.
    pub(crate) fn sync(&self) -> Result<(), FolderError> {
        let tables = Table::ALL.iter().map(|table| self.path.join(table.name()));
        for path in tables.filter(|path| path.is_dir()) {
            sync_folder(&path)?;
        }
        sync_folder(&self.path)
    }

    /// Hands on, as paths in the folder, what no manifest names and a reader might take for a part of the tables. Only
    /// files at the top are passed over, hidden ones, and what is under `csv`; but no link, as what is behind it can be
    /// another tomorrow, and nothing that is called as the tables' files are.
    pub(crate) fn strays(
        &self,
        named: &BTreeSet<String>,
        found: &mut dyn FnMut(String),
    ) -> Result<(), FolderError> {
        let mut folders = vec![self.path.clone()];
        while let Some(folder) = folders.pop() {
            let unread = |error| FolderError::io(&folder, error);
            for entry in fs::read_dir(&folder).map_err(unread)? {
                let entry = entry.map_err(unread)?;
                let (path, kind) = (entry.path(), entry.file_type().map_err(unread)?);
                if kind.is_dir() {
                    folders.push(path);
                    continue;
                }
                let inside = path.strip_prefix(&self.path).unwrap_or(&path);
                let name = inside.to_string_lossy().into_owned();
                if kind.is_symlink() || (!named.contains(&name) && is_taken_for_a_part(&name)) {
                    found(name);
                }
            }
        }
        Ok(())
    }

    /// Whether there is a manifest.
    pub(crate) fn has_manifest(&self) -> bool {
        self.manifest().is_file()
    }
}

/// Whether a reader might take a file for a part of the tables, by its path in the folder.
fn is_taken_for_a_part(name: &str) -> bool {
    if name.to_ascii_lowercase().ends_with(PARQUET) {
        return true;
    }
    let is_at_the_top = !name.contains('/');
    let is_csv = name.split('/').next() == Some(CSV);
    let is_hidden = name.split('/').any(|part| part.starts_with('.'));
    !(is_at_the_top || is_csv || is_hidden)
}

/// Whether this is a folder of tables: one with a manifest.
pub fn is_tables(path: &Path) -> bool {
    Folder::new(path).has_manifest()
}

/// Opens a file to be read. A link is none, as what is behind it can be another tomorrow; nor is a pipe or a device, which
/// might keep the reader waiting, or give bytes for ever.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_file() {
        File::open(path)
    } else {
        let words = "it is a link, a folder or a device, and no file";
        Err(io::Error::new(io::ErrorKind::InvalidInput, words))
    }
}

/// A file's bytes, at most so many.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, FolderError> {
    let file = open(path).map_err(|error| FolderError::io(path, error))?;
    let mut bytes = Vec::new();
    let mut bounded = file.take(limit.saturating_add(1));
    bounded
        .read_to_end(&mut bytes)
        .map_err(|error| FolderError::io(path, error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        return Err(FolderError::malformed(
            path,
            format!("it has more than {limit} bytes"),
        ));
    }
    Ok(bytes)
}

/// Makes the folder that a file is in.
fn make_parent(path: &Path) -> Result<(), FolderError> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(|error| FolderError::io(parent, error)),
        None => Ok(()),
    }
}

/// Where a file is written before it is put in place. Readers pass over it, as it is hidden.
pub(crate) fn partial(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(PARTIAL);
    path.with_file_name(name)
}

/// Begins a file that is put in place later. What an export left there that was interrupted is removed, and so is a link.
pub(crate) fn create_partial(path: &Path) -> Result<File, FolderError> {
    let aside = partial(path);
    make_parent(&aside)?;
    remove(&aside)?;
    File::create_new(&aside).map_err(|error| FolderError::io(&aside, error))
}

/// Puts a file that was written in place, in one move, which is durable then.
pub(crate) fn put_in_place(path: &Path) -> Result<(), FolderError> {
    fs::rename(partial(path), path).map_err(|error| FolderError::io(path, error))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes durable what a folder has.
fn sync_folder(path: &Path) -> Result<(), FolderError> {
    let synced = File::open(path).and_then(|folder| folder.sync_all());
    synced.map_err(|error| FolderError::io(path, error))
}

/// Writes a small file, so that it is there as a whole or not at all. Gives its hash.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<Digest, FolderError> {
    let mut file = create_partial(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|error| FolderError::io(&partial(path), error))?;
    put_in_place(path)?;
    Ok(sha256(bytes))
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), FolderError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FolderError::io(path, error)),
        _ => Ok(()),
    }
}
