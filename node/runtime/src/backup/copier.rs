//! Copying files and hashing them in one pass, while somebody watches.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use quorate_crypto::Digest;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{BackupError, Mode, Progress};

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// Copies and hashes files of one backup.
pub(super) struct Copier<'a> {
    /// Keys without a passphrase pass through it.
    buffer: Zeroizing<Vec<u8>>,
    done: u64,
    total: u64,
    progress: Progress<'a>,
}

impl<'a> Copier<'a> {
    /// One for files of about `total` bytes together.
    pub(super) fn new(total: u64, progress: Progress<'a>) -> Self {
        Self {
            buffer: Zeroizing::new(vec![0; CHUNK]),
            done: 0,
            total,
            progress,
        }
    }

    /// Copies a file to where none may be, and gives the length and hash of what was copied. It is on disk, but for
    /// its folder, when this returns.
    pub(super) fn copy(&mut self, from: &Path, to: &Path, mode: Mode) -> Result<(u64, Digest), BackupError> {
        let unwritable = |source| BackupError::Unwritable {
            path: to.to_owned(),
            source,
        };
        // Nobody else's until it is whole.
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)
            .map_err(unwritable)?;
        let copied = self.pass(from, |piece| file.write_all(piece).map_err(unwritable))?;
        file.set_permissions(Permissions::from_mode(mode.bits()))
            .and_then(|()| file.sync_all())
            .map_err(unwritable)?;
        Ok(copied)
    }

    /// The length and hash of a file.
    pub(super) fn hash(&mut self, from: &Path) -> Result<(u64, Digest), BackupError> {
        self.pass(from, |_| Ok(()))
    }

    fn pass(
        &mut self,
        from: &Path,
        mut take: impl FnMut(&[u8]) -> Result<(), BackupError>,
    ) -> Result<(u64, Digest), BackupError> {
        let unreadable = |source| BackupError::Unreadable {
            path: from.to_owned(),
            source,
        };
        let mut file = File::open(from).map_err(unreadable)?;
        let mut hasher = Sha256::new();
        let mut length = 0;
        loop {
            let read = file.read(&mut self.buffer).map_err(unreadable)?;
            if read == 0 {
                return Ok((length, Digest(hasher.finalize().into())));
            }
            let piece = &self.buffer[..read];
            hasher.update(piece);
            take(piece)?;
            length += read as u64;
            self.done += read as u64;
            (self.progress)(self.done, self.total);
        }
    }
}
