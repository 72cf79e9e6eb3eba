//! What can be wrong with a genesis document, said with the line, the place and what to do about it.

use std::fmt;

use quorate_crypto::Digest;
use quorate_ledger::AssetCode;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Why a draft, a join file or a genesis document is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// More bytes than a document may have, as text or as encoding.
    #[error("the document has {bytes} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Bytes given.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not TOML, or a key that is unknown.
    #[error("line {line}: {reason}")]
    Form {
        /// The line, from 1.
        line: usize,
        /// What was found there.
        reason: String,
    },
    /// Bytes that are no canonical encoding of a genesis document.
    #[error("the bytes are no genesis document: {reason}; get the document again from another member")]
    Encoding {
        /// What was found.
        reason: String,
    },
    /// A value that must not be, or one that is missing.
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
    /// A key without which there is no document.
    #[error("this is missing")]
    Missing,
    /// A value of another kind.
    #[error("expected {expected}, found a TOML {got}")]
    WrongKind {
        /// What must stand there.
        expected: &'static str,
        /// What stands there, in TOML's words.
        got: &'static str,
    },
    /// A number in one of TOML's other forms.
    #[error("write the number in decimal digits alone, such as 32: without sign, underscore, point or 0x")]
    NotDecimal,
    /// A number that its field cannot hold.
    #[error("expected a whole number from 0 to {highest}")]
    NumberTooLarge {
        /// The largest number that fits.
        highest: u64,
    },
    /// A document of another version.
    #[error(
        "version {got}; this program reads version 2, and a draft of another version must be drafted again"
    )]
    UnknownVersion {
        /// The version given.
        got: u32,
    },
    /// A name that does not fit into logs, tables and file names.
    #[error(
        "a name is 1 to {limit} letters, digits, dots, dashes and underscores (ASCII), \
         and begins with no dot or dash"
    )]
    NotAName {
        /// The most characters.
        limit: usize,
    },
    /// A protocol that is not known.
    #[error("a consensus protocol is \"pbft\", \"raft\" or \"paxos\"")]
    NotAnEngine,
    /// A text that is too long.
    #[error("the text has {got} bytes, at most {limit} are allowed")]
    TextTooLong {
        /// Bytes given.
        got: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A character that may change how a text is shown.
    #[error("no text may have the character U+{:04X}: take it out", u32::from(*letter))]
    RefusedCharacter {
        /// The character.
        letter: char,
    },
    /// Not the text of a time.
    #[error(
        "a time is written as \"2026-01-31T12:00:00Z\", or with .250 before the Z for milliseconds: \
         in UTC, from 1970 to 9999"
    )]
    NotATime,
    /// Not the text of an amount.
    #[error("an amount of this asset is written as {}, and with no leading zero", amount_form(*decimals))]
    NotAnAmount {
        /// The asset's decimals.
        decimals: u8,
    },
    /// An amount beyond all supplies.
    #[error("the amount is too large: below 10^38 of the smallest unit are allowed")]
    AmountTooLarge,
    /// A balance of nothing.
    #[error("a first balance is above zero: leave this one out")]
    ZeroAmount,
    /// The balances of an asset together are too much.
    #[error("the balances of {asset} together are not below 10^38 of the smallest unit: lower them")]
    SupplyOverflow {
        /// The asset.
        asset: AssetCode,
    },
    /// Not the text of an asset's code.
    #[error("an asset's code is 1 to 12 of A-Z and 0-9")]
    NotAnAssetCode,
    /// More than 18 decimals.
    #[error("an asset has at most {limit} decimals")]
    TooManyDecimals {
        /// The most decimals.
        limit: u8,
    },
    /// Flags that the network's first protocol does not know.
    #[error("flags {got} need protocol 2: leave them out, or write `protocol = 2` below the engine")]
    FlagsTooEarly {
        /// The flags given.
        got: u8,
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
    #[error("a network has at least one member: name one")]
    NoMembers,
    /// The same thing twice.
    #[error("{what} stands here a second time")]
    Duplicate {
        /// The name, code, address or key.
        what: String,
    },
    /// Entries of an encoding that are not in the one order they may have.
    #[error("{what} is not in its place: the bytes have another order than the format's")]
    NotInOrder {
        /// The entry that should stand earlier.
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
    /// A parameter or rule outside its range.
    #[error("{got} is not between {lowest} and {highest}")]
    OutOfRange {
        /// The value given.
        got: u64,
        /// The smallest value allowed.
        lowest: u64,
        /// The largest value allowed.
        highest: u64,
    },
    /// Not the text of a majority.
    #[error("a majority is \"half\" (more than half), \"two thirds\" (at least) or \"all\"")]
    NotAMajority,
    /// Not the text of an address.
    #[error(
        "`{text}` is no address: those are 41 characters in lower case and begin with qr1; \
         copy it again, one may be mistyped"
    )]
    NotAnAddress {
        /// The text, cut if it is long.
        text: String,
    },
    /// Not hex of the right length.
    #[error("expected {digits} hexadecimal digits in lower case")]
    NotHex {
        /// How many.
        digits: usize,
    },
    /// Not the text of an account's key.
    #[error("a key is written as \"ed25519:\" and 64 hexadecimal digits, or \"p256:\" and 66, in lower case")]
    NotAKey,
    /// A key that nobody should use.
    #[error(
        "{key} is no good key: it is no point of its curve in the one form for it, or anybody can sign for it; \
         make another"
    )]
    BadKey {
        /// The key, in hex.
        key: String,
    },
    /// Not the name of a right.
    #[error("there is no right `{text}`; those that there are: {}", crate::rights::all())]
    NotARight {
        /// The text, cut if it is long.
        text: String,
    },
    /// Not the text of a scope.
    #[error("a scope is written as \"network\", \"member:NAME\" or \"asset:CODE\"")]
    NotAScope,
    /// A scope that its right does not have.
    #[error("the right {right} is given for {legal}, not for {got}")]
    ScopeNotLegal {
        /// The right.
        right: &'static str,
        /// The scopes that it has, in words.
        legal: &'static str,
        /// The scope given, in words.
        got: &'static str,
    },
    /// An asset that the draft does not make.
    #[error("the draft has no asset {asset}: add it, or take this out")]
    NoSuchAsset {
        /// Its code.
        asset: AssetCode,
    },
    /// A member's number that is too large.
    #[error("the draft has no member number {number}, it numbers them from 0")]
    NoSuchMember {
        /// The number.
        number: u32,
    },
    /// A grant that is made for every member.
    #[error("every member's account administers it without being told: take this grant out")]
    GrantOfGenesis,
    /// An account that is a member's by its join.
    #[error("this is {member}'s own account, which needs no entry here: take it out")]
    AccountOfMember {
        /// Whose account.
        member: String,
    },
    /// Not an address that others can reach.
    #[error(
        "a listener's address is written as /ip4/192.0.2.1/tcp/9100 or /dns/node.example.org/tcp/9100, \
         in its shortest form and lower case, with the address that others reach it by"
    )]
    NotAListener,
    /// A list of signers with nobody in it.
    #[error("an account has at least one signer: name one, or leave signers out")]
    NoSigners,
    /// A signer whose signature would count for nothing.
    #[error("the signer {key} has weight 0, at least 1 is wanted")]
    ZeroWeight {
        /// The signer.
        key: String,
    },
    /// A threshold that is nothing, or that nobody can reach.
    #[error("the threshold {threshold} is not from 1 to {sum}, the sum of the signers' weights")]
    BadThreshold {
        /// The threshold given.
        threshold: u32,
        /// What all signers have together.
        sum: u64,
    },
    /// A threshold of no signers.
    #[error("a threshold stands here without signers: name them, or take it out")]
    ThresholdAlone,
    /// The key of the account is not among its signers.
    #[error("{key}, which gives the account its address, is none of its signers: name it among them")]
    AccountKeyNotASigner {
        /// The key.
        key: String,
    },
    /// The key of the account did not sign.
    #[error("{key}, which gives the account its address, has not signed: it must, whatever the threshold")]
    AccountKeyDidNotSign {
        /// The key.
        key: String,
    },
    /// A signature by somebody who does not sign for the account.
    #[error("{key} signed and is none of the account's signers: take its signature out")]
    NotASigner {
        /// The key.
        key: String,
    },
    /// Too few administrators signed.
    #[error(
        "those who signed have weight {got} together, the account's threshold is {threshold}: more must sign"
    )]
    BelowThreshold {
        /// The weights of those who signed.
        got: u64,
        /// The weight wanted.
        threshold: u32,
    },
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
    /// A member whom the draft does not name.
    #[error("the draft names no member {member}")]
    NotAMember {
        /// Its name, cut if it is long.
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

/// How amounts with so many decimals are written.
fn amount_form(decimals: u8) -> String {
    let zeros = "0".repeat(decimals.into());
    match decimals {
        0 => "\"12\", without a point".to_owned(),
        1 => format!("\"12.{zeros}\", with 1 digit after the point"),
        _ => format!("\"12.{zeros}\", with {decimals} digits after the point"),
    }
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

    /// True if this is the document as a whole.
    pub(crate) fn is_document(&self) -> bool {
        self.0.is_empty()
    }

    /// The error that something is wrong here.
    pub(crate) fn is(self, problem: Problem) -> GenesisError {
        GenesisError::Invalid {
            line: None,
            place: self,
            problem,
        }
    }

    /// The same place in a document that has the entries of its list `key` in another order; `order` has
    /// each entry's index there.
    pub(crate) fn reordered(mut self, key: &str, order: &[usize]) -> Self {
        if let [Step::Key(list), Step::Entry(index), ..] = self.0.as_mut_slice()
            && *list == key
            && let Some(there) = order.get(*index)
        {
            *index = *there;
        }
        self
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

    /// The error with its place as [`Place::reordered`] gives it.
    pub(crate) fn reordered(self, key: &str, order: &[usize]) -> Self {
        match self {
            Self::Invalid { line, place, problem } => Self::Invalid {
                line,
                place: place.reordered(key, order),
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
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|byte| **byte == b'\n').count()
}
