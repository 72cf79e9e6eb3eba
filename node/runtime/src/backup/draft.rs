//! A folder in the making. It gets its own name once all of it is on disk, and only if nothing has that name; until
//! then it has another, beside it, that begins with a dot. So whatever interrupts its making, there is never half of
//! it under its own name.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use quorate_storage::{HomeError, HomeLock};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::BackupError;
use super::contents::{LOCK, names_in};
use crate::diagnosis::free_bytes;
use crate::error::NodeError;

/// How the name ends that a folder has in the making.
const SUFFIX: &str = ".unfinished";
/// Bytes that are left for what else is on the disk.
const RESERVE: u64 = 16 << 20;

/// A folder in the making; what was not published is removed.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    target: PathBuf,
    parent: PathBuf,
    is_published: bool,
    /// Its own lock; before it that of what an interrupted process left, as somebody may have opened that.
    _locks: Vec<HomeLock>,
}

impl Draft {
    /// Begins a folder that will be at `target`, where nothing may be. The folder around it must be there: one that is
    /// not may be a disk that is not mounted. What an interrupted process left under the passing name is removed.
    pub(super) fn begin(target: &Path) -> Result<Self, BackupError> {
        let unwritable = |source| BackupError::Unwritable {
            path: target.to_owned(),
            source,
        };
        let absolute = std::path::absolute(target).map_err(unwritable)?;
        let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(BackupError::Exists { path: absolute });
        };
        let mut passing = OsString::from(".");
        passing.push(name);
        passing.push(SUFFIX);
        let (path, target) = (parent.join(passing), parent.join(name));
        if fs::metadata(parent).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Err(BackupError::NoFolder {
                path: target,
                folder: parent.to_owned(),
            });
        }
        if fs::symlink_metadata(&target).is_ok() {
            return Err(BackupError::Exists { path: target });
        }
        let mut locks = Vec::new();
        if let Err(error) = make(&path) {
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(unwritable(error));
            }
            // A folder of that name that was never ours is not removed.
            let names = names_in(&path)?;
            if !names.is_empty() && !names.iter().any(|name| name == LOCK) {
                return Err(BackupError::Exists { path });
            }
            locks.push(lock(&path)?);
            fs::remove_dir_all(&path)
                .and_then(|()| make(&path))
                .map_err(unwritable)?;
        }
        locks.push(lock(&path)?);
        Ok(Self {
            path,
            target,
            parent: parent.to_owned(),
            is_published: false,
            _locks: locks,
        })
    }

    /// Where it is until it is published.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses to begin what the disk has no room for.
    pub(super) fn check_room(&self, bytes: u64) -> Result<(), BackupError> {
        let needed = bytes.saturating_add(RESERVE);
        match free_bytes(&self.parent) {
            Some(free) if free < needed => Err(BackupError::LittleRoom {
                path: self.parent.clone(),
                free,
                needed,
            }),
            _ => Ok(()),
        }
    }

    /// Gives the folder its name, which it has after a loss of power too when this returns. Its files are on disk.
    pub(super) fn publish(mut self) -> Result<PathBuf, BackupError> {
        let unwritable = |source| BackupError::Unwritable {
            path: self.target.clone(),
            source,
        };
        sync_folders(&self.path).map_err(unwritable)?;
        rename_where_nothing_is(&self.path, &self.target).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists {
                path: self.target.clone(),
            },
            _ => unwritable(source),
        })?;
        let synced = sync(&self.parent).map_err(unwritable);
        self.is_published = true;
        synced.map(|()| self.target.clone())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_published {
            // What cannot be removed now is when the next one begins.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

fn lock(path: &Path) -> Result<HomeLock, BackupError> {
    HomeLock::acquire(path).map_err(|error| match error {
        HomeError::InUse { home, holder } => BackupError::InProgress { path: home, holder },
        other => BackupError::Node(NodeError::Home(other)),
    })
}

/// Flushes a folder and those in it: what names their files have.
fn sync_folders(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    sync(path)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn rename_where_nothing_is(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems cannot look and rename at once.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => match fs::symlink_metadata(to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
        },
        renamed => Ok(renamed?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        names_in(folder).unwrap()
    }

    #[test]
    fn a_folder_has_its_name_only_once_it_is_published() {
        let around = tempfile::tempdir().unwrap();
        let target = around.path().join("home");
        let draft = Draft::begin(&target).unwrap();
        fs::write(draft.path().join("file"), "x").unwrap();
        assert_eq!(names(around.path()), [".home.unfinished"]);
        assert_eq!(draft.publish().unwrap(), target);
        assert_eq!(names(around.path()), ["home"]);
        assert_eq!(fs::read(target.join("file")).unwrap(), b"x");
    }

    #[test]
    fn what_was_not_published_is_removed() {
        let around = tempfile::tempdir().unwrap();
        drop(Draft::begin(&around.path().join("home")).unwrap());
        assert_eq!(names(around.path()), Vec::<String>::new());
    }

    #[test]
    fn nothing_that_exists_is_overwritten_however_late_it_came() {
        let around = tempfile::tempdir().unwrap();
        let target = around.path().join("home");
        let draft = Draft::begin(&target).unwrap();
        // An empty folder would be replaced by a plain rename.
        fs::create_dir(&target).unwrap();
        assert!(matches!(draft.publish(), Err(BackupError::Exists { .. })));
        assert_eq!(names(around.path()), ["home"]);
        assert_eq!(names(&target), Vec::<String>::new());
        assert!(matches!(Draft::begin(&target), Err(BackupError::Exists { .. })));
        fs::remove_dir(&target).unwrap();
        std::os::unix::fs::symlink("nowhere", &target).unwrap();
        assert!(matches!(Draft::begin(&target), Err(BackupError::Exists { .. })));
        assert!(matches!(
            Draft::begin(Path::new("/")),
            Err(BackupError::Exists { .. })
        ));
    }

    #[test]
    fn what_an_interrupted_process_left_is_removed_and_what_another_makes_is_not() {
        let around = tempfile::tempdir().unwrap();
        let target = around.path().join("home");
        let left = around.path().join(".home.unfinished");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("half"), "x").unwrap();
        // Somebody else's, as far as can be seen.
        assert!(matches!(Draft::begin(&target), Err(BackupError::Exists { .. })));
        assert!(left.join("half").exists());
        fs::write(left.join(LOCK), "1\n").unwrap();
        let draft = Draft::begin(&target).unwrap();
        assert!(!left.join("half").exists());
        let error = Draft::begin(&target).unwrap_err();
        assert!(
            matches!(&error, BackupError::InProgress { holder, .. } if *holder == std::process::id().to_string()),
            "{error}"
        );
        draft.publish().unwrap();
        assert!(target.exists());
    }

    #[test]
    fn a_folder_around_it_that_is_not_there_is_not_made() {
        let around = tempfile::tempdir().unwrap();
        let error = Draft::begin(&around.path().join("disk/home")).unwrap_err();
        assert!(matches!(error, BackupError::NoFolder { .. }), "{error}");
        assert_eq!(names(around.path()), Vec::<String>::new());
    }
}
