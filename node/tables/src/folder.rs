//! The folder: where things lie, how they are read with a bound, and how they are put in place (`docs/tables.md`,
//! section 1).

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
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

/// What the name of a file that is being written ends with.
const PARTIAL: &str = ".partial";

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

    /// All Parquet files under the tables' folders, and all of the days' manifests, as paths in the folder, ascending.
    pub(crate) fn files(&self) -> Result<Vec<String>, FolderError> {
        let mut found = Vec::new();
        for table in Table::ALL {
            self.list(&self.path.join(table.name()), &mut found)?;
        }
        self.list(&self.path.join(DAYS), &mut found)?;
        found.sort();
        Ok(found)
    }

    /// Adds all files under a folder that may not be there.
    fn list(&self, folder: &Path, found: &mut Vec<String>) -> Result<(), FolderError> {
        if !folder.is_dir() {
            return Ok(());
        }
        let entries = fs::read_dir(folder).map_err(|error| FolderError::io(folder, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| FolderError::io(folder, error))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| FolderError::io(&path, error))?;
            if kind.is_dir() {
                self.list(&path, found)?;
                continue;
            }
            let inside = path.strip_prefix(&self.path).unwrap_or(&path);
            let name = inside.to_string_lossy().into_owned();
            if !name.ends_with(PARTIAL) {
                found.push(name);
            }
        }
        Ok(())
    }

    /// Whether there is a manifest.
    pub(crate) fn has_manifest(&self) -> bool {
        self.manifest().is_file()
    }
}

/// Whether this is a folder of tables: one with a manifest.
pub fn is_tables(path: &Path) -> bool {
    Folder::new(path).has_manifest()
}

/// A file's bytes, at most so many.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, FolderError> {
    let file = File::open(path).map_err(|error| FolderError::io(path, error))?;
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
pub(crate) fn make_parent(path: &Path) -> Result<(), FolderError> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(|error| FolderError::io(parent, error)),
        None => Ok(()),
    }
}

/// Where a file is written before it is put in place.
pub(crate) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PARTIAL);
    PathBuf::from(name)
}

/// Puts a file that was written in place, in one move.
pub(crate) fn put_in_place(path: &Path) -> Result<(), FolderError> {
    fs::rename(partial(path), path).map_err(|error| FolderError::io(path, error))
}

/// Writes a small file, so that it is there as a whole or not at all. Gives its hash.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<Digest, FolderError> {
    make_parent(path)?;
    let aside = partial(path);
    let write = || {
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| FolderError::io(&aside, error))?;
    put_in_place(path)?;
    Ok(sha256(bytes))
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), FolderError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FolderError::io(path, error)),
        _ => Ok(()),
    }
}
