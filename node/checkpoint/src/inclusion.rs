//! That an entry is in a log, as a file for other tools (C2SP tlog-proof): its index, its path, and a note.

use std::fmt;

use quorate_crypto::Digest;
use quorate_crypto::merkle::{InclusionProof, MAX_INCLUSION_PATH, ProofError};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::note::{MAX_NOTE_BYTES, Note, NoteError};
use crate::number::{decimal, from_base64, hash_from_base64, to_base64};

/// The first line.
const FIRST: &str = "c2sp.org/tlog-proof@v1";

/// Bytes of what others put beside a proof, at most.
const MAX_EXTRA_BYTES: usize = 65_536;

/// Bytes of a file at most.
const MAX_BYTES: usize = MAX_NOTE_BYTES + MAX_EXTRA_BYTES * 2;

/// An entry's index and path, and the note whose root the path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionFile {
    /// The entry's place in the log, from 0.
    pub index: u64,
    /// The siblings of the path from the entry to the root, lowest first; at most 64.
    pub path: Vec<Digest>,
    /// The note. Its signatures are yet to be checked.
    pub note: Note,
}

/// Why a file is no such proof, or proves something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InclusionFileError {
    /// Not such a file.
    #[error(
        "a proof of inclusion has the line {FIRST}, then `index` and a number, then hashes, an empty line, and a note"
    )]
    Form,
    /// The note is none.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note is no checkpoint's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The path leads to another root.
    #[error(transparent)]
    Path(#[from] ProofError),
}

impl InclusionFile {
    /// The proof in a file. What others put beside it (`extra`) is passed over.
    ///
    /// # Errors
    /// If there is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, InclusionFileError> {
        let form = InclusionFileError::Form;
        if bytes.len() > MAX_BYTES {
            return Err(form);
        }
        let text = str::from_utf8(bytes).map_err(|_| form)?;
        let (proof, note) = text.split_once("\n\n").ok_or(form)?;
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(FIRST) {
            return Err(form);
        }
        if let Some(extra) = lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            let extra = from_base64(extra).filter(|extra| extra.len() <= MAX_EXTRA_BYTES);
            extra.ok_or(form)?;
            lines.next();
        }
        let index = lines
            .next()
            .and_then(|line| decimal(line.strip_prefix("index ")?));
        let index = index.ok_or(form)?;
        let mut path = Vec::new();
        for line in lines {
            if path.len() == MAX_INCLUSION_PATH {
                return Err(form);
            }
            path.push(hash_from_base64(line).ok_or(form)?);
        }
        let note = Note::parse(note.as_bytes())?;
        Ok(Self { index, path, note })
    }

    /// Checks that this entry is in the log that the note speaks of, and gives what the note says. Who signed it is for
    /// the caller to check.
    ///
    /// # Errors
    /// If the path leads elsewhere, or the note is no checkpoint's.
    pub fn check(&self, entry: &[u8]) -> Result<Checkpoint, InclusionFileError> {
        let checkpoint = Checkpoint::parse(self.note.text())?;
        let proof = InclusionProof {
            index: self.index,
            length: checkpoint.size(),
            path: self.path.clone(),
        };
        proof.verify(&checkpoint.root(), entry)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for InclusionFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FIRST}\nindex {}\n", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", to_base64(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::SigningKey;
    use quorate_crypto::merkle::root;

    use super::*;
    use crate::key::sign;

    const ENTRIES: [&[u8]; 3] = [b"one", b"two", b"three"];

    fn file(index: usize) -> InclusionFile {
        let leaves = ENTRIES.map(quorate_crypto::merkle::leaf_hash);
        let proof = InclusionProof::new(&leaves, index).unwrap();
        let text = Checkpoint::new("log.example".to_owned(), 3, root(ENTRIES)).to_string();
        let line = sign(
            &SigningKey::from_seed(&[1; 32]),
            &"log.example".parse().unwrap(),
            &text,
        );
        InclusionFile {
            index: proof.index,
            path: proof.path,
            note: Note::new(text, vec![line]).unwrap(),
        }
    }

    #[test]
    fn each_entry_is_proven_and_no_other_in_its_place() {
        for (index, entry) in ENTRIES.iter().enumerate() {
            let file = file(index);
            let read = InclusionFile::parse(file.to_string().as_bytes()).unwrap();
            assert_eq!(read, file);
            assert_eq!(read.check(entry).unwrap().size(), 3);
            for (place, other) in ENTRIES.iter().enumerate() {
                assert_eq!(read.check(other).is_ok(), place == index);
            }
            let moved = InclusionFile {
                index: 3,
                ..file.clone()
            };
            assert!(matches!(moved.check(entry), Err(InclusionFileError::Path(_))));
        }
    }

    #[test]
    fn what_others_put_beside_it_is_passed_over() {
        let text = file(2).to_string();
        let with = text.replacen("\nindex", "\nextra AAAA\nindex", 1);
        assert_eq!(InclusionFile::parse(with.as_bytes()).unwrap(), file(2));
        let bad = text.replacen("\nindex", "\nextra AAA\nindex", 1);
        assert_eq!(
            InclusionFile::parse(bad.as_bytes()),
            Err(InclusionFileError::Form)
        );
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        let text = file(1).to_string();
        for other in [
            text.replace("proof@v1", "proof@v2"),
            text.replace("index 1", "index 01"),
            text.replace("index 1\n", ""),
            text.replacen("\n\n", "\n", 1),
            text.replacen("\n\n", "\nAAAA\n\n", 1),
            text.replacen("index 1\n", &format!("index 1\n{}", hash_lines(64)), 1),
            String::new(),
        ] {
            let read = InclusionFile::parse(other.as_bytes());
            assert_eq!(read, Err(InclusionFileError::Form), "{other}");
        }
        let unsigned = text.split_once('\u{2014}').unwrap().0;
        let read = InclusionFile::parse(unsigned.as_bytes());
        assert!(matches!(read, Err(InclusionFileError::Note(_))), "{read:?}");
    }

    fn hash_lines(count: usize) -> String {
        format!("{}\n", to_base64(&[0; 32])).repeat(count)
    }
}
