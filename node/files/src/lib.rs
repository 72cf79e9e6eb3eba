//! Files that are there whole or not at all, whatever interrupts their writing: a [`Draft`] is written beside the place
//! that it is for, flushed, and renamed into that place, and the folder is flushed too, as its names are in that.
//!
//! ```
//! use std::io::Write as _;
//!
//! use quorate_files::{Draft, write_durably};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("total");
//! write_durably(&path, b"12")?;
//! let mut draft = Draft::begin(&path)?;
//! draft.write_all(b"13")?;
//! assert_eq!(std::fs::read(&path)?, b"12");
//! draft.put_in_place()?;
//! assert_eq!(std::fs::read(&path)?, b"13");
//! # Ok::<(), std::io::Error>(())
//! ```

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What a draft's name has behind that of its place.
const DRAFT: &str = ".new";

/// Bytes that are gathered before they are written.
const GATHERED: usize = 1 << 20;

/// A file in the making. It is removed unless it is put in place.
#[derive(Debug)]
pub struct Draft {
    place: PathBuf,
    path: PathBuf,
    file: BufWriter<File>,
}

impl Draft {
    /// Begins the file that is to be in this place, where another one may be. A draft that was left there is removed, and
    /// so is a link that somebody else may have put there.
    ///
    /// # Errors
    /// If there can be no file.
    pub fn begin(place: &Path) -> io::Result<Self> {
        let mut path = place.as_os_str().to_owned();
        path.push(DRAFT);
        let path = PathBuf::from(path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => (),
        }
        let file = File::create_new(&path)?;
        Ok(Self {
            place: place.to_owned(),
            path,
            file: BufWriter::with_capacity(GATHERED, file),
        })
    }

    /// Says who may use the file.
    ///
    /// # Errors
    /// If that cannot be said.
    pub fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        self.file.get_ref().set_permissions(permissions)
    }

    /// Puts the file in place of the one that may be there. It is on the disk when this returns, and so is its name.
    ///
    /// # Errors
    /// If it could not all be written; then what was there is there.
    pub fn put_in_place(mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(&self.path, &self.place)?;
        sync_folder(&self.place)
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename there is nothing to remove; else the name alone is left over, which harms nobody.
        let _ = fs::remove_file(&self.path);
    }
}

/// Writes a whole file in the place of one that may be there.
///
/// # Errors
/// As for [`Draft::begin`] and [`Draft::put_in_place`].
pub fn write_durably(place: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = Draft::begin(place)?;
    draft.write_all(bytes)?;
    draft.put_in_place()
}

/// Flushes the folder in which this is, or was.
///
/// # Errors
/// If the disk does not take it.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_draft_that_is_given_up_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("one.bundle");
        write_durably(&place, b"before").unwrap();
        let mut draft = Draft::begin(&place).unwrap();
        draft.write_all(&vec![7; 2 * GATHERED]).unwrap();
        assert_eq!(names(folder.path()), ["one.bundle", "one.bundle.new"]);
        drop(draft);
        assert_eq!(names(folder.path()), ["one.bundle"]);
        assert_eq!(fs::read(&place).unwrap(), b"before");
    }

    #[test]
    fn what_is_where_a_draft_goes_is_not_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("state");
        fs::write(folder.path().join("other"), "somebody's").unwrap();
        std::os::unix::fs::symlink("other", folder.path().join("state.new")).unwrap();
        let mut draft = Draft::begin(&place).unwrap();
        for part in [&b"first, "[..], b"second"] {
            draft.write_all(part).unwrap();
        }
        draft.put_in_place().unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"first, second");
        assert_eq!(names(folder.path()), ["other", "state"]);
        assert_eq!(fs::read(folder.path().join("other")).unwrap(), b"somebody's");
    }

    #[test]
    fn a_folder_that_is_not_there_gets_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write_durably(&folder.path().join("none/file"), b"").is_err());
        assert!(names(folder.path()).is_empty());
    }
}
