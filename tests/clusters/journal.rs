//! A wallet's journal (`docs/formats.md`, section 18), read as another program would: what it signed, on disk before it
//! was sent; and the file beside it, which has what became of that.

use std::fs;
use std::path::{Path, PathBuf};

use quorate_crypto::sha256;
use quorate_ledger::{Submission, decode};
use serde::Deserialize;

use crate::Cluster;

/// Its first line.
const FIRST: &[u8] = b"quorate journal 2\n";

/// What a frame says.
#[derive(Deserialize)]
enum Entry {
    V1(Signed),
}

/// A transaction that was signed for rows of a file.
#[derive(Deserialize)]
pub(crate) struct Signed {
    /// The first of them.
    _row: u64,
    /// How many.
    _rows: u64,
    submission: Vec<u8>,
}

impl Signed {
    /// What was signed.
    pub(crate) fn submission(&self) -> Submission {
        decode(&self.submission, self.submission.len()).unwrap()
    }
}

/// The journal of a file in the network's folder.
pub(crate) fn path(cluster: &Cluster, file: &str) -> PathBuf {
    cluster.folder().join(format!("{file}.journal"))
}

/// What became of that, a line of JSON each.
fn outcomes(cluster: &Cluster, file: &str) -> PathBuf {
    cluster.folder().join(format!("{file}.outcomes"))
}

/// Takes both away.
pub(crate) fn lose(cluster: &Cluster, file: &str) {
    fs::remove_file(path(cluster, file)).unwrap();
    fs::remove_file(outcomes(cluster, file)).unwrap();
}

/// What a journal has; nothing if it is not there. A frame that is not whole yet does not count.
pub(crate) fn signed(path: &Path) -> Vec<Signed> {
    let bytes = fs::read(path).unwrap_or_default();
    let Some(mut rest) = bytes.strip_prefix(FIRST) else {
        // Its first line may be under way.
        assert!(FIRST.starts_with(&bytes), "{} is no journal", path.display());
        return Vec::new();
    };
    let mut found = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some((payload, behind)) = behind.split_at_checked(length) else {
            break;
        };
        let Some((check, behind)) = behind.split_first_chunk::<8>() else {
            break;
        };
        assert_eq!(check, &sha256(payload).0[..8], "{} is damaged", path.display());
        let Entry::V1(signed) = decode(payload, length).unwrap();
        found.push(signed);
        rest = behind;
    }
    found
}

/// Leaves of both what was there before anything was signed: that payments were looked for, and none was found.
pub(crate) fn forget_signed(cluster: &Cluster, file: &str) {
    let (path, outcomes) = (path(cluster, file), outcomes(cluster, file));
    assert!(!signed(&path).is_empty());
    fs::write(path, FIRST).unwrap();
    let text = fs::read_to_string(&outcomes).unwrap();
    let (before, _) = text.split_once("{\"signed\":").unwrap();
    assert!(before.ends_with("\"ready\"\n"), "{text}");
    fs::write(outcomes, before).unwrap();
}
