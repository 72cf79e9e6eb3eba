//! Files that are written once and never over others.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use quorate_tools::failure::Failure;

/// What the name of a proof's file that stands beside another file ends with.
const BESIDE: &str = ".proof";

/// Refuses a name that a file has already. Asked before any work is done for it.
pub(crate) fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Ok(_) => Err(exists(path)),
        Err(_) => Ok(()),
    }
}

/// Writes a file of text that must not exist.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    write_new_bytes(path, text.as_bytes())
}

/// Writes a file that must not exist.
pub(crate) fn write_new_bytes(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let file = fs::OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = file.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => Failure::unwritable(path, &error),
    })?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // What is torn must not be taken for a proof.
        let _ = fs::remove_file(path);
        Failure::unwritable(path, &error)
    })
}

/// The file that has the proof of another one.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(BESIDE);
    PathBuf::from(name)
}

fn exists(path: &Path) -> Failure {
    Failure::failed(format!(
        "{} is there already, and is not overwritten",
        path.display()
    ))
    .hint("name another file with --out")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.proof");
        refuse_existing(&path).unwrap();
        write_new(&path, "first").unwrap();
        assert!(refuse_existing(&path).is_err());
        let said = write_new(&path, "second").unwrap_err().to_string();
        assert!(said.contains("is not overwritten"), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
    }

    #[test]
    fn a_proof_stands_beside_its_file() {
        assert_eq!(
            beside(Path::new("a/january.csv")),
            Path::new("a/january.csv.proof")
        );
    }
}
