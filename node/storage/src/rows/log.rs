//! Rows of the family `log`: what a block appended to the transaction log.
//!
//! For each leaf in order: a byte for its kind (0 transaction, 1 recovery); of a transaction its position less the one
//! before (the first: the position), id, `expires_at` less the block's time, hash of the signed transaction, and
//! outcome: `00`, the number of results and each, or `01`, code, operation. Of a recovery the document's hash.

use quorate_crypto::{Digest, Height};
use quorate_ledger::limits::MAX_RESULTS;
use quorate_ledger::{
    Amount, ErrorCode, LogEntry, LogEntryV1, LoggedRecovery, LoggedTransaction, Outcome, Timestamp,
};

use super::RowError;
use super::varint::{Reader, put_count, put_number};

const TRANSACTION: u8 = 0;
const RECOVERY: u8 = 1;

const SUCCESS: u8 = 0;
const FAILED: u8 = 1;

/// Bytes of a plain payment's leaf and some more, so that a row is not moved while it grows.
const USUAL_LEAF_BYTES: usize = 80;

/// The `rows` of a block's leaves, in their order; `block_time` is the header's.
///
/// # Panics
/// If they are not what executing a block gives: positions ascend, a transaction expires after the block's time at the
/// earliest, and a recovery is the first leaf. A row that nobody can read must not be written.
pub fn encode_log<'a>(entries: impl IntoIterator<Item = &'a LogEntry>, block_time: Timestamp) -> Vec<u8> {
    let entries = entries.into_iter();
    let mut bytes = Vec::with_capacity(entries.size_hint().0.saturating_mul(USUAL_LEAF_BYTES));
    let mut before = None;
    for entry in entries {
        match entry.v1() {
            LogEntryV1::Transaction(logged) => {
                put_transaction(&mut bytes, logged, before, block_time);
                before = Some(logged.position);
            }
            LogEntryV1::Recovery(logged) => {
                assert!(bytes.is_empty(), "a recovery is the first leaf of its block");
                bytes.push(RECOVERY);
                bytes.extend_from_slice(&logged.document.0);
            }
        }
    }
    bytes
}

fn put_transaction(
    bytes: &mut Vec<u8>,
    logged: &LoggedTransaction,
    before: Option<u32>,
    block_time: Timestamp,
) {
    let position = match before {
        None => logged.position,
        Some(before) => logged
            .position
            .checked_sub(before)
            .filter(|gap| *gap > 0)
            .expect("a block's transactions are executed in the order of their positions"),
    };
    let lead = logged
        .expires_at
        .0
        .checked_sub(block_time.0)
        .expect("what is executed has not expired");
    bytes.push(TRANSACTION);
    put_number(bytes, position);
    bytes.extend_from_slice(&logged.id.0);
    put_number(bytes, lead);
    bytes.extend_from_slice(&logged.signed.0);
    match &logged.outcome {
        Outcome::Success { results } => {
            bytes.push(SUCCESS);
            put_count(bytes, results.len());
            for result in results {
                put_number(bytes, result.0);
            }
        }
        Outcome::Failed { code, operation } => {
            bytes.push(FAILED);
            put_number(bytes, code.0);
            put_number(bytes, *operation);
        }
    }
}

/// A row's leaves, read as entries of the log: height and time are the header's.
#[derive(Clone, Copy, Debug)]
pub struct LogRows<'a> {
    bytes: &'a [u8],
    height: Height,
    timestamp: Timestamp,
}

impl<'a> LogRows<'a> {
    /// The leaves that these `rows` of the block at `height` have; `timestamp` is the block's time. Nothing is looked
    /// at yet.
    pub fn new(bytes: &'a [u8], height: Height, timestamp: Timestamp) -> Self {
        Self {
            bytes,
            height,
            timestamp,
        }
    }

    /// The leaf at this place of the block, from 0: its ordinal less the block's first.
    ///
    /// # Errors
    /// If there is none, or if the row is damaged up to there. What stands behind is not looked at.
    pub fn get(&self, index: u64) -> Result<LogEntry, RowError> {
        let mut found = self.entries(&[index])?;
        Ok(found.pop().expect("there is one for each that was asked for"))
    }

    /// The leaves at these places, which strictly ascend; all in one pass.
    ///
    /// # Errors
    /// As for one of them, or if they do not ascend.
    pub fn entries(&self, indices: &[u64]) -> Result<Vec<LogEntry>, RowError> {
        let mut found = Vec::new();
        let mut leaves = self.iter();
        // The place of the next leaf.
        let mut next = 0;
        for &index in indices {
            if index < next {
                return Err(RowError::AskedBack { index });
            }
            loop {
                let missing = RowError::NoEntry { index, entries: next };
                let entry = leaves.next().ok_or(missing)??;
                next += 1;
                if next > index {
                    found.push(entry);
                    break;
                }
            }
        }
        Ok(found)
    }

    /// All leaves, in order. After an error there is nothing more.
    pub fn iter(&self) -> LogIter<'a> {
        LogIter {
            reader: Reader::new(self.bytes),
            height: self.height,
            timestamp: self.timestamp,
            position: None,
        }
    }
}

impl<'a> IntoIterator for &LogRows<'a> {
    type Item = Result<LogEntry, RowError>;
    type IntoIter = LogIter<'a>;

    fn into_iter(self) -> LogIter<'a> {
        self.iter()
    }
}

/// The leaves of a row, one after the other.
#[derive(Clone, Debug)]
pub struct LogIter<'a> {
    reader: Reader<'a>,
    height: Height,
    timestamp: Timestamp,
    /// That of the last transaction.
    position: Option<u32>,
}

impl Iterator for LogIter<'_> {
    type Item = Result<LogEntry, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_at_end() {
            return None;
        }
        let entry = self.entry();
        if entry.is_err() {
            self.reader.finish();
        }
        Some(entry)
    }
}

impl LogIter<'_> {
    fn entry(&mut self) -> Result<LogEntry, RowError> {
        let at = self.reader.at();
        let entry = match self.reader.byte()? {
            TRANSACTION => LogEntryV1::Transaction(self.transaction()?),
            RECOVERY if at == 0 => LogEntryV1::Recovery(LoggedRecovery {
                height: self.height,
                timestamp: self.timestamp,
                document: Digest(self.reader.array()?),
            }),
            RECOVERY => return Err(RowError::RecoveryNotFirst { at }),
            found => {
                return Err(RowError::Unknown {
                    what: "leaf",
                    found,
                    at,
                });
            }
        };
        Ok(LogEntry::V1(entry))
    }

    fn transaction(&mut self) -> Result<LoggedTransaction, RowError> {
        let position = self.next_position()?;
        let id = Digest(self.reader.array()?);
        let at = self.reader.at();
        let lead = self.reader.number()?;
        let expires_at = self.timestamp.0.checked_add(lead).map(Timestamp);
        Ok(LoggedTransaction {
            height: self.height,
            timestamp: self.timestamp,
            position,
            id,
            expires_at: expires_at.ok_or(RowError::TooLarge { at })?,
            signed: Digest(self.reader.array()?),
            outcome: self.outcome()?,
        })
    }

    fn next_position(&mut self) -> Result<u32, RowError> {
        let at = self.reader.at();
        let number: u32 = self.reader.number()?;
        let position = match self.position {
            None => number,
            Some(_) if number == 0 => {
                return Err(RowError::NotAscending {
                    what: "positions",
                    at,
                });
            }
            Some(before) => before.checked_add(number).ok_or(RowError::TooLarge { at })?,
        };
        self.position = Some(position);
        Ok(position)
    }

    fn outcome(&mut self) -> Result<Outcome, RowError> {
        let at = self.reader.at();
        match self.reader.byte()? {
            SUCCESS => {
                let at = self.reader.at();
                let count: usize = self.reader.number()?;
                if count > MAX_RESULTS {
                    return Err(RowError::TooLarge { at });
                }
                let results = (0..count).map(|_| self.reader.number().map(Amount));
                Ok(Outcome::Success {
                    results: results.collect::<Result<_, _>>()?,
                })
            }
            FAILED => Ok(Outcome::Failed {
                code: ErrorCode(self.reader.number()?),
                operation: self.reader.number()?,
            }),
            found => Err(RowError::Unknown {
                what: "outcome",
                found,
                at,
            }),
        }
    }
}
