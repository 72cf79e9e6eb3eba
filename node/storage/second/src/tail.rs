//! A log's tail that never reached the disk.
//!
//! After a loss of power a file can have its full length and zeros where its last pages were never written.
//! RocksDB takes a record that ends in such zeros for damage. It is a torn tail like any other: nothing that
//! was flushed ends in a run of zeros that goes up to the end of the file and breaks a checksum. So the zeros
//! are cut off and the log is read once more; if it is damaged still, they are put back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The shortest run of zeros that is looked at: the smallest piece that a disk writes, in bytes.
const SECTOR: u64 = 512;

/// Bytes read at a time, from the end.
const CHUNK: u64 = 64 << 10;

/// A log without the zeros at its end, until it is known whether that healed it.
#[derive(Debug)]
pub(crate) struct Trimmed {
    path: PathBuf,
    file: File,
    length: u64,
    kept: u64,
}

impl Trimmed {
    /// Cuts the zeros off the end of the newest log in the folder; none if there are too few.
    pub(crate) fn newest_log(folder: &Path) -> io::Result<Option<Self>> {
        let Some(path) = newest_log(folder)? else {
            return Ok(None);
        };
        let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
        let length = file.metadata()?.len();
        let kept = length_without_zeros(&mut file, length)?;
        if length - kept < SECTOR {
            return Ok(None);
        }
        file.set_len(kept)?;
        file.sync_all()?;
        Ok(Some(Self {
            path,
            file,
            length,
            kept,
        }))
    }

    /// It is healed: the zeros stay away.
    pub(crate) fn keep(self) {
        tracing::warn!(
            log = %self.path.display(),
            bytes = self.length - self.kept,
            "the end of the log had not reached the disk before the last stop; it was never promised, and is dropped"
        );
    }

    /// It is damaged otherwise: the file becomes what it was.
    pub(crate) fn put_back(self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.sync_all()
    }
}

/// The log with the highest number that is not empty.
fn newest_log(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_suffix(".log"))
            .and_then(|number| number.parse().ok());
        let Some(number) = number else { continue };
        if entry.metadata()?.len() > 0 && newest.as_ref().is_none_or(|(before, _)| *before < number) {
            newest = Some((number, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

fn length_without_zeros(file: &mut File, length: u64) -> io::Result<u64> {
    let mut end = length;
    let mut chunk = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(CHUNK);
        file.seek(SeekFrom::Start(start))?;
        chunk.clear();
        file.take(end - start).read_to_end(&mut chunk)?;
        if let Some(last) = chunk.iter().rposition(|byte| *byte != 0) {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
