//! What a witness keeps in its folder (`docs/checkpoints.md`, section 6). All of it is on disk when a call returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use quorate_checkpoint::{MAX_NOTE_BYTES, Note};
use quorate_client::text::rfc3339_of;
use quorate_files::write_durably;
use quorate_ledger::{CertifiedHeader, Timestamp, decode, encode};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// The newest whole note.
const CHECKPOINT: &str = "checkpoint";

/// The newest header with seals.
const HEAD: &str = "head";

/// Why the witness stopped.
const ALARM: &str = "alarm";

/// Locked while it runs.
const LOCK: &str = "lock";

/// All notes.
const NOTES: &str = "notes";

/// What it found out.
const EVIDENCE: &str = "evidence";

/// Bytes of a header with a seal of each validator that a committee may have, and some more.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// Letters of a day in a time.
const DAY: usize = 10;

/// Letters of a time up to its seconds.
const SECONDS: usize = 19;

/// The folder of a witness that runs.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    notes: Option<NotesFile>,
    _lock: File,
}

/// What a witness knew when it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The newest header that it saw.
    pub head: Option<CertifiedHeader>,
    /// The newest note that it cosigned.
    pub note: Option<Note>,
}

/// The file that takes the notes of a day.
#[derive(Debug)]
struct NotesFile {
    day: String,
    file: File,
}

/// Why a folder is of no use.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("another witness runs in {}", .dir.display())]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// This witness stopped, and nobody has said that it may go on.
    #[error("this witness stopped: {}", .reason.trim_end())]
    Stopped {
        /// Where that is said.
        file: PathBuf,
        /// What it found.
        reason: String,
    },
    /// It cannot be read or written.
    #[error("{}: {reason}", .path.display())]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// What is in it is not what a witness with this key writes.
    #[error("{}: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Store {
    /// Takes a folder, and makes it if it is not there.
    ///
    /// # Errors
    /// If another process has it, the witness in it stopped, or it cannot be written.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        for folder in [NOTES, EVIDENCE] {
            let folder = dir.join(folder);
            fs::create_dir_all(&folder).map_err(unusable(&folder))?;
        }
        sync(dir).map_err(unusable(dir))?;
        if let Some(around) = around(dir) {
            // One that may not be read was not made here.
            let _ = sync(around);
        }
        let path = dir.join(LOCK);
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(unusable(&path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(StoreError::InUse { dir: dir.to_owned() }),
            Err(errno) => return Err(unusable(&path)(errno.into())),
        }
        let store = Self {
            dir: dir.to_owned(),
            notes: None,
            _lock: lock,
        };
        match store.read_file(ALARM, MAX_NOTE_BYTES)? {
            None => Ok(store),
            Some(reason) => Err(StoreError::Stopped {
                file: store.dir.join(ALARM),
                reason: String::from_utf8_lossy(&reason).into_owned(),
            }),
        }
    }

    /// What was kept when the witness ended.
    ///
    /// # Errors
    /// If it cannot be read, or is nothing that a witness keeps.
    pub fn read(&self) -> Result<Kept, StoreError> {
        let head = self.read_file(HEAD, MAX_HEAD_BYTES)?;
        let head = head.map(|bytes| decode(&bytes, MAX_HEAD_BYTES)).transpose();
        let note = self.read_file(CHECKPOINT, MAX_NOTE_BYTES)?;
        let note = note.map(|bytes| Note::parse(&bytes)).transpose();
        Ok(Kept {
            head: head.map_err(|error| self.damaged(HEAD, error))?,
            note: note.map_err(|error| self.damaged(CHECKPOINT, error))?,
        })
    }

    /// That the note is none that this witness could have written.
    pub(crate) fn foreign_note(&self, reason: &str) -> StoreError {
        self.damaged(CHECKPOINT, reason)
    }

    /// Keeps a header as the newest one.
    pub(crate) fn keep_head(&self, head: &CertifiedHeader) -> Result<(), StoreError> {
        write(&self.dir.join(HEAD), &encode(head))
    }

    /// Keeps a note that was cosigned at this time, in seconds since 1970: among all, and then as the newest one.
    pub(crate) fn keep_note(&mut self, note: &str, time: u64) -> Result<(), StoreError> {
        let folder = self.dir.join(NOTES);
        let time = rfc3339_of(Timestamp(time.saturating_mul(1_000)));
        let day = time.get(..DAY).unwrap_or(&time).to_owned();
        if self.notes.as_ref().is_none_or(|open| open.day != day) {
            // Another file at each start: what a crash tore is the end of a file then.
            let name = time.get(..SECONDS).unwrap_or(&time).replace(':', "-");
            let path = unused(&folder, &name, "");
            let file = OpenOptions::new().append(true).create_new(true).open(&path);
            let file = file.map_err(unusable(&path))?;
            sync(&folder).map_err(unusable(&folder))?;
            self.notes = Some(NotesFile { day, file });
        }
        if let Some(open) = &mut self.notes {
            let framed = format!("note {}\n{note}", note.len());
            let written = open
                .file
                .write_all(framed.as_bytes())
                .and_then(|()| open.file.sync_data());
            written.map_err(unusable(&folder))?;
        }
        write(&self.dir.join(CHECKPOINT), note.as_bytes())
    }

    /// Keeps a file that shows what validators did, beside those that are there.
    pub(crate) fn keep_evidence(&self, name: &str, ending: &str, text: &str) -> Result<PathBuf, StoreError> {
        let path = unused(&self.dir.join(EVIDENCE), name, ending);
        write(&path, text.as_bytes())?;
        Ok(path)
    }

    /// Says why the witness stops, so that it does not start again by itself.
    pub(crate) fn keep_alarm(&self, reason: &str) -> Result<(), StoreError> {
        write(&self.dir.join(ALARM), reason.as_bytes())
    }

    /// A file's bytes, if it is there; more than `most` are damage.
    fn read_file(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.dir.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(&path)(error)),
        };
        let mut bytes = Vec::new();
        file.take(most as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(unusable(&path))?;
        match bytes.len() <= most {
            true => Ok(Some(bytes)),
            false => Err(self.damaged(name, format!("it has more than {most} bytes"))),
        }
    }

    fn damaged(&self, name: &str, reason: impl ToString) -> StoreError {
        StoreError::Damaged {
            path: self.dir.join(name),
            reason: reason.to_string(),
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_durably(path, bytes).map_err(unusable(path))
}

/// A name in a folder that no file has.
fn unused(folder: &Path, name: &str, ending: &str) -> PathBuf {
    let mut path = folder.join(format!("{name}{ending}"));
    let mut number = 1_u64;
    while path.exists() {
        number += 1;
        path = folder.join(format!("{name}-{number}{ending}"));
    }
    path
}

/// The folder that a folder's name is in; none if it is the root.
fn around(dir: &Path) -> Option<&Path> {
    let around = dir.parent()?;
    match around.as_os_str().is_empty() {
        true => Some(Path::new(".")),
        false => Some(around),
    }
}

/// Makes a folder's names durable.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn unusable(path: &Path) -> impl Fn(io::Error) -> StoreError {
    move |error| StoreError::Unusable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_around_a_relative_one_is_the_one_that_it_is_run_in() {
        for (dir, expected) in [
            ("witness", Some(".")),
            ("./witness", Some(".")),
            ("a/witness", Some("a")),
            ("/witness", Some("/")),
            ("/", None),
        ] {
            assert_eq!(around(Path::new(dir)), expected.map(Path::new), "{dir}");
        }
        assert!(sync(Path::new(".")).is_ok());
    }
}
