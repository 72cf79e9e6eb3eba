//! Folders for what a command needs while it runs: for their owner alone, and gone when it ends, also by Ctrl-C.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The most names that are tried: other processes may have left folders behind.
const TRIES: u32 = 1_000;

/// The folders that there are.
static THERE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A folder among the temporary files, which is removed with all that is in it when this is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one whose name begins so.
    ///
    /// # Errors
    /// If the folder for temporary files (`TMPDIR`) cannot be written.
    pub fn new(name: &str) -> io::Result<Self> {
        let parent = std::env::temp_dir();
        for number in 0..TRIES {
            let path = parent.join(format!("{name}-{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {
                    there().push(path.clone());
                    return Ok(Self(path));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(io::Error::new(
                        error.kind(),
                        format!("{}: {error}", parent.display()),
                    ));
                }
            }
        }
        let words = format!("{} has too many folders {name}-…", parent.display());
        Err(io::Error::new(io::ErrorKind::AlreadyExists, words))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.0);
        there().retain(|path| *path != self.0);
    }
}

/// Removes all of them, as the process is about to end.
pub(crate) fn remove_all() {
    for path in there().drain(..) {
        remove(&path);
    }
}

fn there() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    THERE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn remove(path: &Path) {
    // A thread that is still at work there may make a file meanwhile.
    for _ in 0..3 {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_its_owners_alone_and_goes_with_all_that_is_in_it() {
        let (one, other) = (
            Scratch::new("quorate-test").unwrap(),
            Scratch::new("quorate-test").unwrap(),
        );
        assert_ne!(one.path(), other.path());
        let mode = fs::metadata(one.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::create_dir(one.path().join("deeper")).unwrap();
        fs::write(one.path().join("deeper/file"), "x").unwrap();
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists());
        assert!(other.path().exists());
    }
}
