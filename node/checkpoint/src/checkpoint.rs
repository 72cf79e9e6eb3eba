//! Checkpoints (C2SP tlog-checkpoint): the text of a note that says how long a log is and what its root is.

use std::fmt;

use quorate_crypto::Digest;
use quorate_crypto::merkle::Frontier;

use crate::number::{decimal, hash_from_base64, to_base64};

/// The longest log.
pub const MAX_SIZE: u64 = Frontier::MAX_LENGTH;

/// Extension lines of a checkpoint at most. Quorate's have none.
pub const MAX_EXTENSIONS: usize = 16;

/// Bytes of an extension line, and of an origin, at most.
pub const MAX_EXTENSION_BYTES: usize = 1_024;

/// A log's root at a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Digest,
    extensions: Vec<String>,
}

/// Why a text is no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Fewer than three lines, an empty one, or a last one that does not end.
    #[error("a checkpoint has at least three lines, none empty, each ended by a line feed")]
    Lines,
    /// The origin is too long.
    #[error("an origin has at most {MAX_EXTENSION_BYTES} bytes")]
    Origin,
    /// The second line is no size.
    #[error("the second line of a checkpoint is a size, 0 to {MAX_SIZE}, in decimal without leading zeros")]
    Size,
    /// The third line is no hash.
    #[error("the third line of a checkpoint is the base64 of 32 bytes")]
    Root,
    /// Too many lines, or too long ones.
    #[error("a checkpoint has at most {MAX_EXTENSIONS} extension lines of {MAX_EXTENSION_BYTES} bytes")]
    Extensions,
}

impl Checkpoint {
    /// A checkpoint without extension lines. `origin` is one line, and not empty; `size` is at most [`MAX_SIZE`].
    pub fn new(origin: String, size: u64, root: Digest) -> Self {
        Self {
            origin,
            size,
            root,
            extensions: Vec::new(),
        }
    }

    /// The checkpoint with this text.
    ///
    /// # Errors
    /// If the text is none's.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n');
        let mut line = || {
            lines
                .next()
                .filter(|line| !line.is_empty())
                .ok_or(CheckpointError::Lines)
        };
        let (origin, size, root) = (line()?, line()?, line()?);
        if origin.len() > MAX_EXTENSION_BYTES {
            return Err(CheckpointError::Origin);
        }
        let size = decimal(size).filter(|size| *size <= MAX_SIZE);
        let mut extensions = Vec::new();
        for line in lines {
            if line.is_empty() {
                return Err(CheckpointError::Lines);
            }
            if extensions.len() == MAX_EXTENSIONS || line.len() > MAX_EXTENSION_BYTES {
                return Err(CheckpointError::Extensions);
            }
            extensions.push(line.to_owned());
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: size.ok_or(CheckpointError::Size)?,
            root: hash_from_base64(root).ok_or(CheckpointError::Root)?,
            extensions,
        })
    }

    /// Which log it is of.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many entries the log has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its root.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// Lines that mean something to others; none in Quorate's.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

/// The text that is signed, with the line feed at its end.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = to_base64(self.root.as_bytes());
        write!(f, "{}\n{}\n{root}\n", self.origin, self.size)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of tlog-checkpoint.
    const SOFA: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn a_checkpoint_is_three_lines() {
        let checkpoint = Checkpoint::parse(SOFA).unwrap();
        assert_eq!(checkpoint.origin(), "example.com/behind-the-sofa");
        assert_eq!(checkpoint.size(), 20_852_163);
        assert!(checkpoint.root().to_string().starts_with("0ac5186a"));
        assert!(checkpoint.extensions().is_empty());
        assert_eq!(checkpoint.to_string(), SOFA);
        let made = Checkpoint::new(
            checkpoint.origin().to_owned(),
            checkpoint.size(),
            checkpoint.root(),
        );
        assert_eq!(made, checkpoint);
    }

    #[test]
    fn extension_lines_are_kept() {
        let text = format!("{SOFA}one\ntwo\n");
        let checkpoint = Checkpoint::parse(&text).unwrap();
        assert_eq!(checkpoint.extensions(), ["one", "two"]);
        assert_eq!(checkpoint.to_string(), text);
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let many = |count: usize| format!("{SOFA}{}", "x\n".repeat(count));
        assert!(Checkpoint::parse(&many(MAX_EXTENSIONS)).is_ok());
        for (text, error) in [
            (String::new(), CheckpointError::Lines),
            ("a\n1\n".to_owned(), CheckpointError::Lines),
            (SOFA.trim_end().to_owned(), CheckpointError::Lines),
            (format!("\n{SOFA}"), CheckpointError::Lines),
            (format!("{SOFA}\n"), CheckpointError::Lines),
            (format!("{SOFA}\nx\n"), CheckpointError::Lines),
            (SOFA.replace("20852163", "020852163"), CheckpointError::Size),
            (SOFA.replace("20852163", "-1"), CheckpointError::Size),
            (
                SOFA.replace("20852163", "9223372036854775808"),
                CheckpointError::Size,
            ),
            (SOFA.replace("CsUY", "CsU"), CheckpointError::Root),
            (format!("{}{SOFA}", "a".repeat(1_024)), CheckpointError::Origin),
            (many(MAX_EXTENSIONS + 1), CheckpointError::Extensions),
            (
                format!("{SOFA}{}\n", "x".repeat(1_025)),
                CheckpointError::Extensions,
            ),
        ] {
            assert_eq!(Checkpoint::parse(&text), Err(error), "{text:?}");
        }
    }
}
