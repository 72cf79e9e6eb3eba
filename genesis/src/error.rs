//! What can be wrong with a genesis document, said with the line and its meaning.

use std::fmt;

use quorate_crypto::{Digest, KeyError};
use quorate_ledger::AssetCode;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Why a draft, a join file or a genesis document is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// More bytes than a document may have.
    #[error("the document has {bytes} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Bytes given.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not TOML, a key that is unknown or missing, or a value of the wrong form.
    #[error("line {line}: {reason}")]
    Form {
        /// The line, from 1.
        line: usize,
        /// What was found there.
        reason: String,
    },
    /// A value that must not be.
    #[error("{}{place}: {problem}", Line(*line))]
    Invalid {
        /// The line, from 1, if the value was read from a text.
        line: Option<usize>,
        /// What the value is.
        place: Place,
        /// What is wrong with it.
        problem: Problem,
    },
    /// One of the join files to be assembled is refused.
    #[error("join file {number}: {error}")]
    JoinFile {
        /// Which one, in the order given, from 1.
        number: usize,
        /// Why.
        error: Box<GenesisError>,
    },
}

/// What is wrong with one value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A document of another version.
    #[error("version {got}; this program reads version 1")]
    UnknownVersion {
        /// The version given.
        got: u32,
    },
    /// A name that does not fit into logs, tables and file names.
    #[error("a name is 1 to {limit} letters, digits, dots, dashes and underscores (ASCII)")]
    NotAName {
        /// The most characters.
        limit: usize,
    },
    /// A text that is too long or has control characters.
    #[error("a text of at most {limit} bytes without control characters is wanted")]
    NotAText {
        /// The most bytes.
        limit: usize,
    },
    /// Not a time, or not one that the ledger can use.
    #[error("a time is written as 2026-01-31T12:00:00Z: in UTC, from 1970 on, to the millisecond at most")]
    NotATime,
    /// Not an amount.
    #[error("an amount is written as digits, with at most {decimals} after a point")]
    NotAnAmount {
        /// The asset's decimals.
        decimals: u8,
    },
    /// An amount that does not fit into 128 bits.
    #[error("the amount is larger than the largest one, 2^128 - 1 of the smallest unit")]
    AmountTooLarge,
    /// A balance of nothing.
    #[error("a first balance is above zero")]
    ZeroAmount,
    /// The balances of an asset together do not fit into 128 bits.
    #[error("the balances of {asset} together are more than the largest amount")]
    SupplyOverflow {
        /// The asset.
        asset: AssetCode,
    },
    /// More than 18 decimals.
    #[error("an asset has at most {limit} decimals")]
    TooManyDecimals {
        /// The most decimals.
        limit: u8,
    },
    /// A list that is too long.
    #[error("{got} entries, at most {limit} are allowed")]
    TooMany {
        /// Entries given.
        got: usize,
        /// Entries allowed.
        limit: usize,
    },
    /// Nobody to keep the ledger.
    #[error("a network has at least one member")]
    NoMembers,
    /// The same thing twice.
    #[error("{what} stands here a second time")]
    Duplicate {
        /// The name, code, address or key.
        what: String,
    },
    /// A character that a reader of the document does not see.
    #[error(
        "here is the character U+{:04X}, which nobody sees: the document would look other than it is; take it out",
        u32::from(*letter)
    )]
    Unseen {
        /// The character.
        letter: char,
    },
    /// A name that people would take for another.
    #[error("{name} looks like {other}: choose names that nobody takes for each other")]
    LooksLike {
        /// The name.
        name: String,
        /// One before it.
        other: String,
    },
    /// A parameter outside its range.
    #[error("{got} is not between {lowest} and {highest}")]
    OutOfRange {
        /// The value given.
        got: u64,
        /// The smallest value allowed.
        lowest: u64,
        /// The largest value allowed.
        highest: u64,
    },
    /// A key that nobody should use.
    #[error("{error}")]
    BadKey {
        /// Why.
        error: KeyError,
    },
    /// Not an address that others can reach.
    #[error(
        "a listener's address is written as /ip4/192.0.2.1/tcp/9100 or /dns/node.example.org/tcp/9100, \
         with the address that others reach it by"
    )]
    NotAListener,
    /// The join is to another draft.
    #[error("{member} has joined another draft ({got}); this one is {expected}")]
    OtherDraft {
        /// Who joined.
        member: String,
        /// The draft that was signed.
        got: Box<Digest>,
        /// The draft at hand.
        expected: Box<Digest>,
    },
    /// A join by somebody whom the draft does not name.
    #[error("the draft names no member {member}")]
    NotAMember {
        /// Who joined.
        member: String,
    },
    /// A member of the draft has not joined.
    #[error("the join of member {member} is missing")]
    MissingJoin {
        /// Who has not joined.
        member: String,
    },
    /// Something was changed after it was signed.
    #[error(
        "the signature does not fit: {member}'s join was changed after it was signed, or made by other keys"
    )]
    BadSignature {
        /// Whose join.
        member: String,
    },
    /// A draft with joins, which belong into join files.
    #[error("a draft has no joins yet")]
    JoinsInDraft,
    /// A join file with no join or with several.
    #[error("a join file has exactly one [[joins]], not {got}")]
    NotOneJoin {
        /// Joins found.
        got: usize,
    },
}

/// A value's place in a document, such as `assets[2].balances[1].amount`, entries counted from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(Vec<Step>);

/// One step down a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Key(&'static str),
    /// From 0.
    Entry(usize),
}

/// The line in front of a message, if it is known.
struct Line(Option<usize>);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(line) => write!(f, "line {line}: "),
            None => Ok(()),
        }
    }
}

impl Place {
    /// The place of a key of the document.
    pub(crate) fn key(key: &'static str) -> Self {
        Self(vec![Step::Key(key)])
    }

    /// A key below this place.
    pub(crate) fn then(mut self, key: &'static str) -> Self {
        self.0.push(Step::Key(key));
        self
    }

    /// An entry of the list at this place, from 0.
    pub(crate) fn entry(mut self, index: usize) -> Self {
        self.0.push(Step::Entry(index));
        self
    }

    /// The error that something is wrong here.
    pub(crate) fn is(self, problem: Problem) -> GenesisError {
        GenesisError::Invalid {
            line: None,
            place: self,
            problem,
        }
    }

    /// The line of this place in a text, or of what it should stand in.
    fn line_in(&self, text: &str) -> Option<usize> {
        let document = DeTable::parse(text).ok()?;
        let mut steps = self.0.iter();
        let Some(Step::Key(first)) = steps.next() else {
            return None;
        };
        let mut found = document.get_ref().get(*first)?;
        for step in steps {
            let below = match step {
                Step::Key(key) => below_key(found, key),
                Step::Entry(index) => found.get_ref().as_array().and_then(|list| list.get(*index)),
            };
            match below {
                Some(below) => found = below,
                None => break,
            }
        }
        Some(line_of(text, found.span().start))
    }
}

fn below_key<'a, 'i>(value: &'a Spanned<DeValue<'i>>, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
    value.get_ref().as_table().and_then(|table| table.get(key))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if number == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Entry(index) => write!(f, "[{}]", index + 1)?,
            }
        }
        Ok(())
    }
}

impl GenesisError {
    /// The error with the line that its place has in `text`.
    pub(crate) fn located_in(self, text: &str) -> Self {
        match self {
            Self::Invalid {
                line: None,
                place,
                problem,
            } => Self::Invalid {
                line: place.line_in(text),
                place,
                problem,
            },
            other => other,
        }
    }

    /// What TOML's reader found wrong with `text`.
    pub(crate) fn of_toml(error: &toml::de::Error, text: &str) -> Self {
        Self::Form {
            line: error.span().map_or(1, |span| line_of(text, span.start)),
            reason: error.message().to_owned(),
        }
    }
}

/// The line, from 1, of the byte at `offset`.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|byte| **byte == b'\n').count()
}
