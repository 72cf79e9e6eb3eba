//! What a hook keeps on disk: its cursor, and its dead letters. Each is a small file that is written whole.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use quorate_api::StreamCursor;
use quorate_client::schema::DeadLetter;
use quorate_crypto::Digest;
use quorate_ledger::Height;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Bytes of a file: a thousand dead letters take less than half.
const MAX_BYTES: u64 = 8 << 20;

/// Why a hook's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file system refuses.
    #[error("{} cannot be read or written: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is there is not what was written.
    #[error("{} is damaged: {reason}; restore it, or remove it to begin again at the hook's `from`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It is of another network.
    #[error("{} is of network {found}: this home was another network's; remove it", path.display())]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// The network.
        found: Digest,
    },
}

/// How far a hook has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) cursor: StreamCursor,
    pub(crate) disabled: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgressFile {
    network: Digest,
    height: Height,
    index: u32,
    log_from: Option<u64>,
    disabled: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeadFile {
    network: Digest,
    dead: Vec<DeadLetter>,
}

/// The files of one hook.
#[derive(Debug)]
pub(crate) struct HookFiles {
    network: Digest,
    folder: PathBuf,
    name: String,
}

impl HookFiles {
    pub(crate) fn new(network: Digest, folder: &Path, name: &str) -> Self {
        Self {
            network,
            folder: folder.to_owned(),
            name: name.to_owned(),
        }
    }

    fn progress_path(&self) -> PathBuf {
        self.folder.join(format!("{}.cursor", self.name))
    }

    fn dead_path(&self) -> PathBuf {
        self.folder.join(format!("{}.dead", self.name))
    }

    /// How far the hook had come; none if it has never run.
    pub(crate) fn progress(&self) -> Result<Option<Progress>, FileError> {
        let path = self.progress_path();
        let Some(file) = read::<ProgressFile>(&path)? else {
            return Ok(None);
        };
        self.check(&path, file.network)?;
        Ok(Some(Progress {
            cursor: StreamCursor {
                height: file.height.max(Height::GENESIS.next()),
                index: file.index,
                log_from: file.log_from,
            },
            disabled: file.disabled,
        }))
    }

    pub(crate) fn write_progress(&self, progress: Progress) -> Result<(), FileError> {
        let Progress { cursor, disabled } = progress;
        let file = ProgressFile {
            network: self.network,
            height: cursor.height,
            index: cursor.index,
            log_from: cursor.log_from,
            disabled,
        };
        write(&self.progress_path(), &file)
    }

    /// The dead letters.
    pub(crate) fn dead(&self) -> Result<Vec<DeadLetter>, FileError> {
        let path = self.dead_path();
        let Some(file) = read::<DeadFile>(&path)? else {
            return Ok(Vec::new());
        };
        self.check(&path, file.network)?;
        Ok(file.dead)
    }

    pub(crate) fn write_dead(&self, dead: &[DeadLetter]) -> Result<(), FileError> {
        let file = DeadFile {
            network: self.network,
            dead: dead.to_vec(),
        };
        write(&self.dead_path(), &file)
    }

    fn check(&self, path: &Path, found: Digest) -> Result<(), FileError> {
        match found == self.network {
            true => Ok(()),
            false => Err(FileError::OtherNetwork {
                path: path.to_owned(),
                found,
            }),
        }
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let unusable = |source| FileError::Unusable {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(unusable)?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(unusable)?;
    let read = serde_json::from_slice(&bytes).map_err(|error| FileError::Damaged {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(Some(read))
}

/// Writes a whole file, so that after a crash it is there whole, or as it was before.
fn write<T: Serialize>(path: &Path, content: &T) -> Result<(), FileError> {
    let mut bytes = serde_json::to_vec(content).expect("what hooks keep is plain JSON");
    bytes.push(b'\n');
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let written = || {
        let mut file = File::create(&draft)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    written().map_err(|source| FileError::Unusable {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use quorate_ledger::Timestamp;

    use super::*;

    fn files(folder: &Path, network: u8) -> HookFiles {
        HookFiles::new(Digest([network; 32]), folder, "orders")
    }

    fn letter(ordinal: u64) -> DeadLetter {
        DeadLetter {
            id: format!("{}_orders_{ordinal}", Digest([1; 32])),
            height: Height(9),
            index: Some(3),
            ordinal: Some(ordinal),
            log_from: 5,
            attempts: 1_000,
            error: "the receiver answered 500".repeat(8),
            at: Timestamp(1_772_355_600_000),
        }
    }

    #[test]
    fn what_a_hook_keeps_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path(), 1);
        assert_eq!(files.progress().unwrap(), None);
        assert_eq!(files.dead().unwrap(), []);
        for (log_from, disabled) in [(None, false), (Some(17), true)] {
            let progress = Progress {
                cursor: StreamCursor {
                    index: 2,
                    log_from,
                    ..StreamCursor::at(Height(8))
                },
                disabled,
            };
            files.write_progress(progress).unwrap();
            assert_eq!(files.progress().unwrap(), Some(progress));
        }
        // As many and as long as they come.
        let dead: Vec<DeadLetter> = (0..crate::MAX_DEAD as u64).map(letter).collect();
        files.write_dead(&dead).unwrap();
        assert_eq!(files.dead().unwrap(), dead);
    }

    #[test]
    fn a_file_that_is_damaged_or_of_another_network_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let own = files(folder.path(), 1);
        let progress = Progress {
            cursor: StreamCursor::at(Height(8)),
            disabled: false,
        };
        own.write_progress(progress).unwrap();
        let other = files(folder.path(), 2).progress().unwrap_err();
        assert!(matches!(other, FileError::OtherNetwork { .. }), "{other}");
        for content in ["", "{}", "{\"network\":\"", "{\"network\":1}"] {
            fs::write(own.progress_path(), content).unwrap();
            let damaged = own.progress().unwrap_err();
            assert!(matches!(damaged, FileError::Damaged { .. }), "{damaged}");
            assert_eq!(fs::read_to_string(own.progress_path()).unwrap(), content);
        }
    }
}
