//! Signed notes (C2SP signed-note): a text, and lines with signatures under it.
//!
//! ```text
//! text, ended by a line feed
//!
//! — name base64(id ‖ signature)
//! ```
//!
//! Reading says nothing of the signatures; a [`VerifierKey`](crate::VerifierKey) checks its own.

use std::fmt;

use crate::key::{KeyId, KeyName};
use crate::number::{from_base64, to_base64};

/// Bytes of a note at most: room for signatures of other kinds, which are larger.
pub const MAX_NOTE_BYTES: usize = 256 << 10;

/// Signature lines of a note at most.
pub const MAX_SIGNATURES: usize = 512;

/// Bytes of a key's name at most.
pub const MAX_NAME_BYTES: usize = 255;

/// Bytes of one signature at most, without the id before it.
pub const MAX_SIGNATURE_BYTES: usize = 8_192;

/// What a signature line begins with: an em dash and a space.
const LINE: &str = "\u{2014} ";

/// A text with signatures. It has the form of a note: so it is written as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A line under a note.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoteSignature {
    /// The name of the key that is said to have signed.
    pub name: KeyName,
    /// The key's id.
    pub id: KeyId,
    /// What the key made: 64 bytes of Ed25519, 72 of a cosignature, 1 to 8,192 of another kind.
    pub signature: Vec<u8>,
}

/// Why something is no note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than any.
    #[error("a note has at most {MAX_NOTE_BYTES} bytes, this has {length}")]
    TooLong {
        /// Its bytes.
        length: usize,
    },
    /// Not UTF-8, or with a control character other than line feeds.
    #[error("a note is UTF-8 without control characters but line feeds")]
    Character,
    /// Without an empty line before its signatures, without any signature, or without an end of the last line.
    #[error("a note is a text, an empty line, and one signature line or more, each ended by a line feed")]
    NoSignatures,
    /// More lines than are read.
    #[error("a note has at most {MAX_SIGNATURES} signature lines")]
    TooManySignatures,
    /// A line that is no signature's.
    #[error("signature line {place} is not an em dash, a key's name, and base64 of an id and a signature")]
    Line {
        /// Which one, from 0.
        place: usize,
    },
}

impl Note {
    /// A note with this text and these signatures.
    ///
    /// # Errors
    /// If it would not be read again: a text that does not end in a line feed, or has other control characters; no
    /// signature, or too many.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        if !is_printed(&text) {
            return Err(NoteError::Character);
        }
        if !text.ends_with('\n') || signatures.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        let too_long =
            |signature: &NoteSignature| !(1..=MAX_SIGNATURE_BYTES).contains(&signature.signature.len());
        if let Some(place) = signatures.iter().position(too_long) {
            return Err(NoteError::Line { place });
        }
        let note = Self { text, signatures };
        let length = note.to_string().len();
        match length <= MAX_NOTE_BYTES {
            true => Ok(note),
            false => Err(NoteError::TooLong { length }),
        }
    }

    /// The note that these bytes are. Nothing is said of its signatures.
    ///
    /// # Errors
    /// If they are none, or beyond a limit.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let length = bytes.len();
        if length > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong { length });
        }
        let whole = str::from_utf8(bytes).map_err(|_| NoteError::Character)?;
        if !is_printed(whole) {
            return Err(NoteError::Character);
        }
        // The text may have empty lines of its own: the last one parts it from the signatures.
        let parted = whole.rfind("\n\n").map(|end| whole.split_at(end + 1));
        let (text, lines) = parted.ok_or(NoteError::NoSignatures)?;
        let lines = lines
            .strip_prefix('\n')
            .and_then(|lines| lines.strip_suffix('\n'));
        let lines = lines.ok_or(NoteError::NoSignatures)?;
        let mut signatures = Vec::new();
        for (place, line) in lines.split('\n').enumerate() {
            if place == MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures);
            }
            signatures.push(NoteSignature::parse(line).ok_or(NoteError::Line { place })?);
        }
        Ok(Self {
            text: text.to_owned(),
            signatures,
        })
    }

    /// The text, with the line feed at its end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in their order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

impl NoteSignature {
    /// What a line without its line feed says; none if it is no signature's.
    fn parse(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix(LINE)?.split_once(' ')?;
        // Four characters for three bytes, so that no more is decoded than may be.
        if base64.len() > (MAX_SIGNATURE_BYTES + 4).div_ceil(3) * 4 {
            return None;
        }
        let bytes = from_base64(base64)?;
        let (id, signature) = bytes.split_first_chunk()?;
        if !(1..=MAX_SIGNATURE_BYTES).contains(&signature.len()) {
            return None;
        }
        Some(Self {
            name: name.parse().ok()?,
            id: KeyId(*id),
            signature: signature.to_vec(),
        })
    }
}

/// Whether a text has no control character but line feeds.
fn is_printed(text: &str) -> bool {
    text.chars().all(|letter| letter >= ' ' || letter == '\n')
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.id.0.as_slice(), &self.signature].concat();
        write!(f, "{LINE}{} {}", self.name, to_base64(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Go's package `note`, whose author has the key.
    const EXAMPLE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn parse(text: &str) -> Result<Note, NoteError> {
        Note::parse(text.as_bytes())
    }

    #[test]
    fn a_note_is_written_as_it_was_read() {
        let note = parse(EXAMPLE).unwrap();
        assert!(note.text().ends_with("your problem is.\n"));
        let [line] = note.signatures() else {
            panic!("one line");
        };
        assert_eq!(
            (line.name.as_str(), line.id.to_string().as_str()),
            ("PeterNeumann", "c74f20a3")
        );
        assert_eq!(line.signature.len(), 64);
        assert_eq!(note.to_string(), EXAMPLE);
        let again = Note::new(note.text().to_owned(), note.signatures().to_vec());
        assert_eq!(again.unwrap(), note);
    }

    #[test]
    fn the_last_empty_line_ends_the_text() {
        let note = parse("one\n\ntwo\n\n— a AAAAAAA=\n").unwrap();
        assert_eq!(note.text(), "one\n\ntwo\n");
        assert_eq!(note.signatures()[0].signature, [0]);
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let line = "— a AAAAAAA=\n";
        for (text, error) in [
            (String::new(), NoteError::NoSignatures),
            ("text\n".to_owned(), NoteError::NoSignatures),
            (format!("text\n{line}"), NoteError::NoSignatures),
            ("text\n\n".to_owned(), NoteError::NoSignatures),
            (format!("text\n\n{}", line.trim_end()), NoteError::NoSignatures),
            (format!("te\txt\n\n{line}"), NoteError::Character),
            (format!("text\r\n\n{line}"), NoteError::Character),
            (
                format!("text\n\n{line}- a AAAAAAA=\n"),
                NoteError::Line { place: 1 },
            ),
            ("text\n\n—a AAAAAAA=\n".to_owned(), NoteError::Line { place: 0 }),
            ("text\n\n— a  AAAAAAA=\n".to_owned(), NoteError::Line { place: 0 }),
            ("text\n\n—  AAAAAAA=\n".to_owned(), NoteError::Line { place: 0 }),
            (
                "text\n\n— a+b AAAAAAA=\n".to_owned(),
                NoteError::Line { place: 0 },
            ),
            (
                "text\n\n— a\u{a0}b AAAAAAA=\n".to_owned(),
                NoteError::Line { place: 0 },
            ),
            // An id alone, and less than that.
            ("text\n\n— a AAAAAA==\n".to_owned(), NoteError::Line { place: 0 }),
            ("text\n\n— a AAAA\n".to_owned(), NoteError::Line { place: 0 }),
            // Trailing bits that are not 0: another text of the same bytes.
            ("text\n\n— a AAAAAAB=\n".to_owned(), NoteError::Line { place: 0 }),
            (
                format!("text\n\n{}", line.repeat(MAX_SIGNATURES + 1)),
                NoteError::TooManySignatures,
            ),
        ] {
            assert_eq!(parse(&text), Err(error), "{text:?}");
        }
        assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteError::Character));
        assert!(parse(&format!("text\n\n{}", line.repeat(MAX_SIGNATURES))).is_ok());
        let long = "a".repeat(MAX_NOTE_BYTES);
        assert!(matches!(parse(&long), Ok(_) | Err(NoteError::NoSignatures)));
        let longer = format!("{long}a");
        assert!(matches!(parse(&longer), Err(NoteError::TooLong { .. })));
    }

    #[test]
    fn what_would_not_be_read_again_is_not_made() {
        let line = parse(EXAMPLE).unwrap().signatures()[0].clone();
        let of = |text: &str, lines: Vec<NoteSignature>| Note::new(text.to_owned(), lines);
        assert_eq!(of("text", vec![line.clone()]), Err(NoteError::NoSignatures));
        assert_eq!(of("text\n", Vec::new()), Err(NoteError::NoSignatures));
        assert_eq!(of("te\rxt\n", vec![line.clone()]), Err(NoteError::Character));
        let many = vec![line.clone(); MAX_SIGNATURES + 1];
        assert_eq!(of("text\n", many), Err(NoteError::TooManySignatures));
        let empty = NoteSignature {
            signature: Vec::new(),
            ..line
        };
        assert_eq!(of("text\n", vec![empty]), Err(NoteError::Line { place: 0 }));
    }
}
