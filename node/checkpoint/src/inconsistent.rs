//! Evidence that validators signed two checkpoints of which no log has both (`docs/checkpoints.md`, section 6): a file
//! with both notes, and of two sizes a proof that the larger log has another root at the smaller size.

use std::fmt;

use quorate_crypto::merkle::{ConsistencyProof, MAX_CONSISTENCY_PATH, ProofError};
use quorate_crypto::{Digest, SeatNumber};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::key::BadSignature;
use crate::network::{Signer, signed_by};
use crate::note::{MAX_NOTE_BYTES, Note, NoteError};
use crate::number::{decimal, hash_from_base64, to_base64};

/// Bytes of a file at most.
pub const MAX_INCONSISTENT_BYTES: usize = 1 << 20;

/// The first line.
const FIRST: &str = "quorate inconsistent 1";

/// Two notes of which no log has both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inconsistent {
    first: Note,
    second: Note,
    growth: Option<Growth>,
}

/// What the larger log was at the smaller size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// The root that it had.
    pub root: Digest,
    /// The proof that the larger log begins with that; at most 65 hashes.
    pub path: Vec<Digest>,
}

/// What two notes show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The checkpoints, that of the smaller size first.
    pub checkpoints: [Checkpoint; 2],
    /// Who signed each, by seats.
    pub signed_by: [Vec<SeatNumber>; 2],
    /// Who signed both.
    pub signed_both: Vec<SeatNumber>,
}

/// Why a file is no evidence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InconsistentError {
    /// Not such a file.
    #[error("the file does not have the form of two notes that are inconsistent")]
    Form,
    /// A note is none.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A note is no checkpoint's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A note is of another log.
    #[error("a note is of {got}, and not of {expected}")]
    OtherLog {
        /// Its origin.
        got: String,
        /// The network's.
        expected: String,
    },
    /// A signature of a validator is not good.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// No validator that is known signed a note.
    #[error("no validator of the committees that are known has signed one of the notes")]
    Unsigned,
    /// Both are of one log.
    #[error("the notes do not contradict each other: the roots are one, or the sizes are in another order")]
    Consistent,
    /// The proof leads elsewhere.
    #[error(transparent)]
    Path(#[from] ProofError),
}

impl Inconsistent {
    /// Two notes of one size, in either order.
    pub fn of_one_size(one: Note, other: Note) -> Self {
        let root = |note: &Note| {
            Checkpoint::parse(note.text())
                .map(|checkpoint| checkpoint.root())
                .ok()
        };
        let (first, second) = match root(&one) <= root(&other) {
            true => (one, other),
            false => (other, one),
        };
        Self {
            first,
            second,
            growth: None,
        }
    }

    /// A note, and one of a larger size whose log was another at the smaller one.
    pub fn of_two_sizes(smaller: Note, larger: Note, growth: Growth) -> Self {
        Self {
            first: smaller,
            second: larger,
            growth: Some(growth),
        }
    }

    /// The evidence in a file. What it shows is yet to be checked.
    ///
    /// # Errors
    /// If it has not the one form.
    pub fn parse(bytes: &[u8]) -> Result<Self, InconsistentError> {
        let form = || InconsistentError::Form;
        if bytes.len() > MAX_INCONSISTENT_BYTES {
            return Err(form());
        }
        let text = str::from_utf8(bytes).map_err(|_| form())?;
        let rest = text
            .strip_prefix(FIRST)
            .and_then(|rest| rest.strip_prefix('\n'))
            .ok_or_else(form)?;
        let (first, rest) = take_note(rest, "first ")?;
        let (second, rest) = take_note(rest, "second ")?;
        if rest.is_empty() {
            return Ok(Self {
                first,
                second,
                growth: None,
            });
        }
        let lines = rest
            .strip_prefix("root ")
            .and_then(|rest| rest.strip_suffix('\n'));
        let mut lines = lines.ok_or_else(form)?.split('\n');
        let root = lines.next().and_then(hash_from_base64).ok_or_else(form)?;
        let mut path = Vec::new();
        for line in lines {
            if path.len() == MAX_CONSISTENCY_PATH {
                return Err(form());
            }
            path.push(hash_from_base64(line).ok_or_else(form)?);
        }
        Ok(Self {
            first,
            second,
            growth: Some(Growth { root, path }),
        })
    }

    /// What it shows of the log with this origin, whose signers these are: those of all committees that are known.
    ///
    /// # Errors
    /// If it shows nothing.
    pub fn check(&self, origin: &str, signers: &[Signer]) -> Result<Contradiction, InconsistentError> {
        let (first, first_by) = check_note(&self.first, origin, signers)?;
        let (second, second_by) = check_note(&self.second, origin, signers)?;
        match &self.growth {
            // Of one size the note with the lower root comes first, so that there is one file.
            None => {
                if first.size() != second.size() || first.root() >= second.root() {
                    return Err(InconsistentError::Consistent);
                }
            }
            Some(growth) => {
                if first.size() >= second.size() || first.root() == growth.root {
                    return Err(InconsistentError::Consistent);
                }
                let proof = ConsistencyProof {
                    old_length: first.size(),
                    new_length: second.size(),
                    path: growth.path.clone(),
                };
                proof.verify(&growth.root, &second.root())?;
            }
        }
        let both = first_by.iter().filter(|seat| second_by.contains(seat));
        Ok(Contradiction {
            signed_both: both.copied().collect(),
            checkpoints: [first, second],
            signed_by: [first_by, second_by],
        })
    }
}

/// The checkpoint of a note, and who signed it.
fn check_note(
    note: &Note,
    origin: &str,
    signers: &[Signer],
) -> Result<(Checkpoint, Vec<SeatNumber>), InconsistentError> {
    let checkpoint = Checkpoint::parse(note.text())?;
    if checkpoint.origin() != origin {
        return Err(InconsistentError::OtherLog {
            got: checkpoint.origin().to_owned(),
            expected: origin.to_owned(),
        });
    }
    let mut seats: Vec<SeatNumber> = signed_by(note, signers)?
        .iter()
        .map(|signed| signed.seat)
        .collect();
    // A seat is in the committee of each of its epochs.
    seats.sort_unstable();
    seats.dedup();
    match seats.is_empty() {
        true => Err(InconsistentError::Unsigned),
        false => Ok((checkpoint, seats)),
    }
}

/// The note behind a line that says how long it is, and what follows it.
fn take_note<'a>(text: &'a str, label: &str) -> Result<(Note, &'a str), InconsistentError> {
    let parted = text.strip_prefix(label).and_then(|rest| rest.split_once('\n'));
    let (length, rest) = parted.ok_or(InconsistentError::Form)?;
    let length = decimal(length).and_then(|length| usize::try_from(length).ok());
    let length = length.filter(|length| *length <= MAX_NOTE_BYTES);
    let split = length.and_then(|length| rest.split_at_checked(length));
    let (note, rest) = split.ok_or(InconsistentError::Form)?;
    Ok((Note::parse(note.as_bytes())?, rest))
}

impl fmt::Display for Inconsistent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST}")?;
        for (label, note) in [("first", &self.first), ("second", &self.second)] {
            let note = note.to_string();
            write!(f, "{label} {}\n{note}", note.len())?;
        }
        if let Some(growth) = &self.growth {
            writeln!(f, "root {}", to_base64(growth.root.as_bytes()))?;
            for hash in &growth.path {
                writeln!(f, "{}", to_base64(hash.as_bytes()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::merkle::{leaf_hash, root_of_hashes};
    use quorate_crypto::{SigningKey, sha256};

    use super::*;
    use crate::network::{cosigner, log_key, origin, sign_checkpoint};

    /// Two logs that part after five entries.
    fn log(name: u8) -> Vec<Digest> {
        let entry = |number: u8| if number < 5 { [0, number] } else { [name, number] };
        (0..12).map(|number| leaf_hash(&entry(number))).collect()
    }

    fn network() -> Digest {
        sha256(b"genesis")
    }

    fn key(seat: u32) -> SigningKey {
        SigningKey::from_seed(&[u8::try_from(seat).unwrap() + 1; 32])
    }

    fn signers(count: u32) -> Vec<Signer> {
        let signer = |seat: u32| {
            let (seat, key) = (SeatNumber(seat), key(seat).public());
            Signer {
                seat,
                log: log_key(&network(), key),
                cosigner: cosigner(&network(), seat, key),
            }
        };
        (0..count).map(signer).collect()
    }

    fn note(seat: u32, log: &[Digest]) -> Note {
        let checkpoint = Checkpoint::new(origin(&network()), log.len() as u64, root_of_hashes(log));
        sign_checkpoint(&network(), SeatNumber(seat), &key(seat), &checkpoint, 17)
    }

    fn check(evidence: &Inconsistent) -> Result<Contradiction, InconsistentError> {
        let text = evidence.to_string();
        let read = Inconsistent::parse(text.as_bytes()).unwrap();
        assert_eq!(&read, evidence);
        read.check(&origin(&network()), &signers(2))
    }

    fn seats(numbers: &[u32]) -> Vec<SeatNumber> {
        numbers.iter().map(|number| SeatNumber(*number)).collect()
    }

    #[test]
    fn two_roots_of_one_size_are_evidence_in_either_order() {
        let notes = [note(0, &log(1)[..7]), note(0, &log(2)[..7])];
        let [one, other] = notes.clone();
        let evidence = Inconsistent::of_one_size(one, other);
        let [one, other] = notes;
        assert_eq!(Inconsistent::of_one_size(other, one), evidence);
        let found = check(&evidence).unwrap();
        assert_eq!(found.signed_both, seats(&[0]));
        assert_eq!(found.checkpoints.map(|checkpoint| checkpoint.size()), [7, 7]);
    }

    #[test]
    fn a_larger_log_that_was_another_is_evidence() {
        let (small, large) = (log(1), log(2));
        // A power of two, whose root is a node of the larger tree, and others.
        for size in [6, 7, 8, 11] {
            let path = ConsistencyProof::new(&large, size).unwrap().path;
            let root = root_of_hashes(&large[..size]);
            let growth = Growth { root, path };
            let (first, second) = (note(0, &small[..size]), note(1, &large));
            let evidence = Inconsistent::of_two_sizes(first.clone(), second.clone(), growth.clone());
            let found = check(&evidence).unwrap();
            assert_eq!(found.signed_by, [seats(&[0]), seats(&[1])]);
            assert!(found.signed_both.is_empty());
            // The other log's root at that size is not the larger one's.
            let other = Growth {
                root: sha256(b"another"),
                ..growth
            };
            let evidence = Inconsistent::of_two_sizes(first, second, other);
            assert!(
                matches!(check(&evidence), Err(InconsistentError::Path(_))),
                "{size}"
            );
        }
    }

    #[test]
    fn what_is_one_log_is_no_evidence() {
        let one = log(1);
        let same = Inconsistent::of_one_size(note(0, &one), note(1, &one));
        assert_eq!(check(&same), Err(InconsistentError::Consistent));
        // Up to five entries the two are one.
        let path = ConsistencyProof::new(&log(2), 5).unwrap().path;
        let root = root_of_hashes(&one[..5]);
        let grown = Inconsistent::of_two_sizes(note(0, &one[..5]), note(1, &log(2)), Growth { root, path });
        assert_eq!(check(&grown), Err(InconsistentError::Consistent));
        let apart = Inconsistent::of_one_size(note(0, &one[..5]), note(1, &log(2)[..6]));
        assert_eq!(check(&apart), Err(InconsistentError::Consistent));
    }

    #[test]
    fn notes_of_strangers_and_of_other_logs_are_no_evidence() {
        let stranger = Inconsistent::of_one_size(note(0, &log(1)), note(2, &log(2)));
        assert_eq!(check(&stranger), Err(InconsistentError::Unsigned));
        let evidence = Inconsistent::of_one_size(note(0, &log(1)), note(0, &log(2)));
        let elsewhere = evidence.check("quorate/elsewhere", &signers(2));
        assert!(matches!(elsewhere, Err(InconsistentError::OtherLog { .. })));
        let text = evidence.to_string().replace("\n12\n", "\n13\n");
        let altered = Inconsistent::parse(text.as_bytes()).unwrap();
        let refused = altered.check(&origin(&network()), &signers(2));
        assert!(
            matches!(refused, Err(InconsistentError::Signature(_))),
            "{refused:?}"
        );
    }

    #[test]
    fn what_has_not_the_form_is_refused() {
        let large = log(2);
        let path = ConsistencyProof::new(&large, 7).unwrap().path;
        let root = root_of_hashes(&large[..7]);
        let evidence =
            Inconsistent::of_two_sizes(note(0, &log(1)[..7]), note(0, &large), Growth { root, path });
        let text = evidence.to_string();
        let many = format!("{}\n", to_base64(&[0; 32])).repeat(MAX_CONSISTENCY_PATH);
        for other in [
            String::new(),
            text.replace("inconsistent 1", "inconsistent 2"),
            text.replace("first ", "first 0"),
            text.replace("second ", "third "),
            text.replace("root ", "root  "),
            text.trim_end().to_owned(),
            format!("{text}\n"),
            format!("{text}{many}"),
        ] {
            let read = Inconsistent::parse(other.as_bytes());
            assert!(read.is_err(), "{other}");
        }
    }
}
