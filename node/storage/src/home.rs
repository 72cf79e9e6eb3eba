//! The lock on a node's home: two nodes on one home would sign with one key from two memories.
//!
//! The lock is the system's (`flock`), so it ends with the process that holds it, however that ends; the
//! process id inside the file only serves the error message.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// The lock file's name in the home.
const LOCK_FILE: &str = "lock";
/// The file written and removed again to see whether the home can be written.
const PROBE_FILE: &str = ".writable";
/// Longest process id that is read back, in bytes.
const MAX_PID_LENGTH: u64 = 20;

/// Why a home cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Another node runs on it.
    #[error("{} is in use by the process {holder}: one home serves one node", home.display())]
    InUse {
        /// The home.
        home: PathBuf,
        /// The holder's process id as it wrote it, or `unknown`.
        holder: String,
    },
    /// It is not there.
    #[error("{} does not exist", home.display())]
    Missing {
        /// The home.
        home: PathBuf,
    },
    /// It cannot be written.
    #[error("{} cannot be written: {reason}", home.display())]
    Unwritable {
        /// The home.
        home: PathBuf,
        /// What the system said.
        reason: String,
    },
}

/// Holds a home until dropped.
#[derive(Debug)]
pub struct HomeLock {
    home: PathBuf,
    _file: File,
}

impl HomeLock {
    /// Takes the lock, or says which process has it.
    pub fn acquire(home: impl AsRef<Path>) -> Result<Self, HomeError> {
        let home = home.as_ref();
        if !home.is_dir() {
            return Err(HomeError::Missing {
                home: home.to_owned(),
            });
        }
        let unwritable = |error: std::io::Error| HomeError::Unwritable {
            home: home.to_owned(),
            reason: error.to_string(),
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(home.join(LOCK_FILE))
            .map_err(unwritable)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(HomeError::InUse {
                    home: home.to_owned(),
                    holder: holder_of(&mut file),
                });
            }
            Err(errno) => return Err(unwritable(errno.into())),
        }
        file.set_len(0).map_err(unwritable)?;
        file.seek(SeekFrom::Start(0)).map_err(unwritable)?;
        writeln!(file, "{}", std::process::id()).map_err(unwritable)?;
        Ok(Self {
            home: home.to_owned(),
            _file: file,
        })
    }

    /// The home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Writes, flushes and removes a small file, so that an unwritable disk shows before the first vote.
    pub fn check_writable(&self) -> Result<(), HomeError> {
        let probe = self.home.join(PROBE_FILE);
        let written = File::create(&probe).and_then(|mut file| {
            file.write_all(b"quorate\n")?;
            file.sync_all()
        });
        written
            .and_then(|()| fs::remove_file(&probe))
            .map_err(|error| HomeError::Unwritable {
                home: self.home.clone(),
                reason: error.to_string(),
            })
    }
}

fn holder_of(file: &mut File) -> String {
    let mut text = String::new();
    match Read::take(file, MAX_PID_LENGTH).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_node_on_the_same_home_is_refused_and_told_who_holds_it() {
        let home = tempfile::tempdir().unwrap();
        let held = HomeLock::acquire(home.path()).unwrap();
        let error = HomeLock::acquire(home.path()).unwrap_err();
        let HomeError::InUse { holder, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*holder, std::process::id().to_string());
        drop(held);
        HomeLock::acquire(home.path()).unwrap();
    }

    #[test]
    fn a_home_that_is_not_there_is_named() {
        let home = tempfile::tempdir().unwrap();
        let missing = home.path().join("none");
        assert!(matches!(
            HomeLock::acquire(missing),
            Err(HomeError::Missing { .. })
        ));
    }

    #[test]
    fn a_home_that_can_be_written_keeps_nothing_of_the_check() {
        let home = tempfile::tempdir().unwrap();
        let lock = HomeLock::acquire(home.path()).unwrap();
        lock.check_writable().unwrap();
        assert!(!home.path().join(PROBE_FILE).exists());
    }
}
