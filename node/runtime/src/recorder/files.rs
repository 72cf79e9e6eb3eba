//! The two files of a recording: the current one, and the one before.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use quorate_consensus::recording::{Ending, FILES, Frames, MAGIC};

/// A folder with them.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    /// None until the first frames are written, if there is none to go on with.
    current: Option<File>,
    length: usize,
}

impl Files {
    /// Goes on with the current file of a folder, where it is a recording and has no more bytes than `limit`:
    /// what a process left that died is what one wants to see afterwards. What it did not write whole is cut
    /// off.
    pub(super) fn open(folder: PathBuf, limit: usize) -> io::Result<Self> {
        if !folder.is_dir() {
            DirBuilder::new().mode(0o700).create(&folder)?;
        }
        for path in FILES.map(|name| folder.join(name)) {
            if length_of(&path)? > limit {
                fs::remove_file(path)?;
            }
        }
        let path = folder.join(FILES[1]);
        let length = match length_of(&path)? {
            0 => 0,
            _ => whole_length(&fs::read(&path)?),
        };
        let current = match length {
            0 => None,
            length => {
                let file = OpenOptions::new().append(true).open(&path)?;
                file.set_len(u64::try_from(length).unwrap_or(u64::MAX))?;
                Some(file)
            }
        };
        Ok(Self {
            folder,
            current,
            length,
        })
    }

    /// Bytes that the current file had when it was opened; 0 if it is to begin anew.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Writes whole frames, at the beginning of another file if they begin one.
    pub(super) fn write(&mut self, frames: &[u8], anew: bool) -> io::Result<()> {
        match &mut self.current {
            Some(current) if !anew => current.write_all(frames),
            current => current.insert(begin(&self.folder)?).write_all(frames),
        }
    }
}

fn length_of(path: &Path) -> io::Result<usize> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(usize::try_from(metadata.len()).unwrap_or(usize::MAX)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// How many of these bytes are whole frames; 0 if they are no recording, or a damaged one.
fn whole_length(bytes: &[u8]) -> usize {
    let Ok(mut frames) = Frames::of(bytes) else {
        return 0;
    };
    while frames.next().is_some() {}
    match frames.ending() {
        Ending::Whole | Ending::Torn => frames.at(),
        Ending::Damaged { .. } => 0,
    }
}

/// Begins another current file; the former one, if anything is in it, is the previous one from now on.
fn begin(folder: &Path) -> io::Result<File> {
    let [previous, current] = FILES.map(|name| folder.join(name));
    let empty = u64::try_from(MAGIC.len()).unwrap_or(u64::MAX);
    match fs::metadata(&current) {
        Ok(metadata) if metadata.len() <= empty => fs::remove_file(&current)?,
        Ok(_) => fs::rename(&current, previous)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut options = OpenOptions::new();
    let mut file = options.append(true).create_new(true).mode(0o600).open(&current)?;
    file.write_all(&MAGIC)?;
    Ok(file)
}
