//! Compact rows of the families `log` and `histories` (`docs/formats.md`, section 20, "Compact rows"; rule 23).
//!
//! A block has one row of each. No id and no address stands twice in them, and what stands in the block's header is
//! left out: height, time, the first ordinal. From both follow the entries of the transaction log and the steps of
//! histories, without decoding a batch. All numbers are ULEB128 up to 128 bits in their shortest form; kinds and flags
//! are bytes.
//!
//! Rows are read from the front, as what is in them has no fixed length: a single look-up reads past what stands
//! before it. Every value has one form: whatever is read is written back as the same bytes, and all else is refused.

use quorate_crypto::Address;
use quorate_ledger::{AssetCode, HistoryOwner};

mod histories;
mod log;
mod varint;

pub use histories::{
    HistoryIter, HistoryRows, OwnerRows, StepRest, StoredChange, StoredStep, encode_histories,
};
pub use log::{LogIter, LogRows, encode_log};
pub(crate) use varint::put_number;
pub use varint::{MAX_NUMBER_BYTES, decode_number, encode_number};

/// What an account's key begins with, in rows and in the keys of `waypoints` and `waypoint_nodes`.
const ACCOUNT: u8 = 0;

/// What an asset's key begins with.
const ASSET: u8 = 1;

/// Why bytes are not a row, or do not have what was asked for. Places count bytes from the row's first one, 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The row was cut off.
    #[error("the row ends after {length} bytes, in the middle of something")]
    Truncated {
        /// Bytes of the row.
        length: usize,
    },
    /// Something stands after the end.
    #[error("the row goes on after its end, from byte {at} on")]
    Trailing {
        /// The first byte too many.
        at: usize,
    },
    /// A number is written with more bytes than it needs.
    #[error("the number at byte {at} is not in its shortest form")]
    NotShortest {
        /// Where it begins.
        at: usize,
    },
    /// A number is above what can stand there.
    #[error("the number at byte {at} is larger than any that can stand there")]
    TooLarge {
        /// Where it begins.
        at: usize,
    },
    /// A byte that says what follows is not one of the format's.
    #[error("byte {at} is {found}, which stands for no {what}")]
    Unknown {
        /// What it should say.
        what: &'static str,
        /// What it is.
        found: u8,
        /// Where it stands.
        at: usize,
    },
    /// What ascends in every block does not.
    #[error("{what} do not ascend at byte {at}")]
    NotAscending {
        /// What should.
        what: &'static str,
        /// Where the smaller or equal one begins.
        at: usize,
    },
    /// A recovery that is not its block's first leaf.
    #[error("the leaf at byte {at} is a recovery, which can be a block's first leaf alone")]
    RecoveryNotFirst {
        /// Where it begins.
        at: usize,
    },
    /// A number that is no asset's code.
    #[error("the 8 bytes from {at} on are the number of no asset code")]
    NotACode {
        /// Where it begins.
        at: usize,
    },
    /// An owner without steps, or whose first has the number 0.
    #[error("the owner at byte {at} has no steps, or steps that are not numbered from 1 on")]
    NoSteps {
        /// Where the numbers begin.
        at: usize,
    },
    /// The first step of a history has none before it, and every other one has.
    #[error(
        "the height at byte {at} does not fit the number of the step: only the first step has none before it"
    )]
    StepBefore {
        /// Where the height begins.
        at: usize,
    },
    /// Flags that do not say what the amounts do, or a change that changes nothing.
    #[error("the flags at byte {at} do not fit the amounts, or these do not differ")]
    Flags {
        /// Where they stand.
        at: usize,
    },
    /// The row has fewer entries.
    #[error("there is no entry {index}: the row has {entries}")]
    NoEntry {
        /// Its place, from 0.
        index: u64,
        /// Entries of the row.
        entries: u64,
    },
    /// Entries were asked for that do not ascend.
    #[error("entry {index} was asked for after a later one")]
    AskedBack {
        /// Its place, from 0.
        index: u64,
    },
    /// No asset has this number.
    #[error("no asset has the number {number}")]
    UnknownAsset {
        /// The number.
        number: u32,
    },
    /// The assets that a step changed are not in the order of their codes.
    #[error("the changes of the step at ordinal {ordinal} are not in the order of assets' codes")]
    ChangesOrder {
        /// The step's ordinal.
        ordinal: u64,
    },
    /// A root over all balances was given for a step that has none, or the other way round.
    #[error("step {number} has a root over all balances if and only if its number is a multiple of 32")]
    BalancesRoot {
        /// The step's number.
        number: u64,
    },
}

/// An owner as it stands in a row of `histories`, and at the beginning of keys of `waypoints` and `waypoint_nodes`:
/// `00 ‖ address` or `01 ‖ b37(code)`. Such bytes order as owners do.
pub fn owner_key(owner: &HistoryOwner) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(21);
    put_owner(&mut bytes, owner);
    bytes
}

fn put_owner(bytes: &mut Vec<u8>, owner: &HistoryOwner) {
    match owner {
        HistoryOwner::Account(address) => {
            bytes.push(ACCOUNT);
            bytes.extend_from_slice(address.as_bytes());
        }
        HistoryOwner::Asset(code) => {
            bytes.push(ASSET);
            bytes.extend_from_slice(&code.b37());
        }
    }
}

/// The owner that a row goes on with.
fn read_owner(reader: &mut varint::Reader<'_>) -> Result<HistoryOwner, RowError> {
    let at = reader.at();
    match reader.byte()? {
        ACCOUNT => Ok(HistoryOwner::Account(Address(reader.array()?))),
        ASSET => {
            let at = reader.at();
            let code = code_of_b37(&reader.array()?).ok_or(RowError::NotACode { at })?;
            Ok(HistoryOwner::Asset(code))
        }
        found => Err(RowError::Unknown {
            what: "owner",
            found,
            at,
        }),
    }
}

/// The asset code that has this number in base 37 ([`AssetCode::b37`]); none if no code has.
pub fn code_of_b37(bytes: &[u8; 8]) -> Option<AssetCode> {
    let mut number = u64::from_be_bytes(*bytes);
    let mut text = [0_u8; AssetCode::MAX_LENGTH];
    for place in text.iter_mut().rev() {
        let digit = u8::try_from(number % 37).ok()?;
        number /= 37;
        *place = match digit {
            0 => 0,
            1..=10 => b'0' + (digit - 1),
            _ => b'A' + (digit - 11),
        };
    }
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    let code: AssetCode = std::str::from_utf8(&text[..end]).ok()?.parse().ok()?;
    // Else something stands behind a missing character, or before the first digit.
    (code.b37() == *bytes).then_some(code)
}
