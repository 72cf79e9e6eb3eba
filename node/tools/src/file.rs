//! Files that a command is given by name: read whole, but no more of them than their kind may have.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::failure::Failure;

/// The content of a file of at most `limit` bytes. Its length is counted while it is read: a device or a
/// pipe does not tell it beforehand.
pub fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|error| Failure::io(path, &error))?;
    if bytes.len() as u64 > limit {
        let size = match limit >> 20 {
            0 => format!("{} KiB", limit >> 10),
            mebibytes => format!("{mebibytes} MiB"),
        };
        return Err(Failure::usage(format!(
            "{}: more than {size}, which no such file has",
            path.display()
        )));
    }
    Ok(bytes)
}

/// Does the same for text.
pub fn read_text(path: &Path, limit: u64) -> Result<String, Failure> {
    String::from_utf8(read_bytes(path, limit)?)
        .map_err(|_| Failure::usage(format!("{}: not text in UTF-8", path.display())))
}
