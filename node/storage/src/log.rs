//! The transaction log as it lies on disk: which block has a leaf, and what the leaf says.
//!
//! A block's leaves are one row, which is read from its front. So what several answers come from is read once.

use std::ops::Range;

use quorate_ledger::{Digest, Header, Height, LogEntry, Timestamp, decode};

use crate::StorageError;
use crate::database::DatabaseSnapshot;
use crate::families::{BLOCKS, LOG, LogRecord, ORDINALS, TRANSACTIONS, height_key, ordinal_key};
use crate::rows::{LogRows, RowError, decode_number};

/// Rows that are read at most to find out until when ids are spent: see [`spent_at`].
const MAX_ROWS_LOOKED_INTO: usize = 256;

/// What a block appended to the log.
#[derive(Debug)]
pub(crate) struct LogRow {
    height: Height,
    timestamp: Timestamp,
    ordinals: Range<u64>,
    record: Vec<u8>,
    /// Where in the record the leaves begin.
    start: usize,
}

impl LogRow {
    /// What the block at this height appended; none if it has no leaves, or is not there.
    pub(crate) fn read(view: &DatabaseSnapshot, height: Height) -> Result<Option<Self>, StorageError> {
        let path = view.database().path();
        let Some(record) = view.get(LOG, &height_key(height))? else {
            return Ok(None);
        };
        let damage = |reason: &str| StorageError::corrupted(path, format!("the log at {height}: {reason}"));
        let (first, length) = match bcs::from_bytes(&record) {
            Ok(LogRecord::V1 { first, rows }) => (first, rows.len()),
            Err(error) => return Err(damage(&error.to_string())),
        };
        let header = header(view, height)?.ok_or_else(|| damage("its block is missing"))?;
        Ok(Some(Self {
            height,
            timestamp: header.v1().timestamp,
            ordinals: first..header.v1().log_size,
            start: record.len() - length,
            record,
        }))
    }

    /// The row that has the leaf with this ordinal, which the log has.
    pub(crate) fn with(view: &DatabaseSnapshot, ordinal: u64) -> Result<Self, StorageError> {
        let row = match height_of(view, ordinal)? {
            Some(height) => Self::read(view, height)?,
            None => None,
        };
        row.filter(|row| row.ordinals.contains(&ordinal)).ok_or_else(|| {
            let reason = format!("leaf {ordinal} of the log is missing");
            StorageError::corrupted(view.database().path(), reason)
        })
    }

    /// The places of its leaves in the log.
    pub(crate) fn ordinals(&self) -> &Range<u64> {
        &self.ordinals
    }

    /// The leaves, in order.
    pub(crate) fn rows(&self) -> LogRows<'_> {
        LogRows::new(&self.record[self.start..], self.height, self.timestamp)
    }

    /// The leaves with these ordinals, which strictly ascend; those that are not the block's are left out.
    pub(crate) fn entries(&self, ordinals: &[u64]) -> Result<Vec<LogEntry>, RowError> {
        let own = ordinals.iter().filter(|ordinal| self.ordinals.contains(*ordinal));
        let places: Vec<u64> = own.map(|ordinal| *ordinal - self.ordinals.start).collect();
        self.rows().entries(&places)
    }
}

/// The header of the block at a height, without the rest of the block.
pub(crate) fn header(view: &DatabaseSnapshot, height: Height) -> Result<Option<Header>, StorageError> {
    // A block begins with its version and its header.
    let front = view.get_front(BLOCKS, &height_key(height), 1 + Header::BYTES)?;
    let Some(front) = front else {
        return Ok(None);
    };
    let header = front.split_first().filter(|(version, _)| **version == 0);
    let header = header.and_then(|(_, header)| decode(header, Header::BYTES).ok());
    header.map(Some).ok_or_else(|| {
        let reason = format!("block {height} does not begin with a header");
        StorageError::corrupted(view.database().path(), reason)
    })
}

/// How many leaves the log has after the block at a height.
pub(crate) fn size_at(view: &DatabaseSnapshot, height: Height) -> Result<u64, StorageError> {
    if height == Height::GENESIS {
        return Ok(0);
    }
    let header = header(view, height)?.ok_or_else(|| {
        StorageError::corrupted(view.database().path(), format!("block {height} is missing"))
    })?;
    Ok(header.v1().log_size)
}

/// Hands over the entries with these ordinals, which the log has, in order. Each block's row is read once.
pub(crate) fn read_entries(
    view: &DatabaseSnapshot,
    ordinals: Range<u64>,
    mut take: impl FnMut(LogEntry),
) -> Result<(), StorageError> {
    let of_row = |error: RowError| StorageError::of_row(view.database().path(), "log", &error);
    let mut next = ordinals.start;
    while next < ordinals.end {
        let row = LogRow::with(view, next)?;
        for (ordinal, entry) in row.ordinals().clone().zip(row.rows().iter()) {
            if ordinal >= ordinals.end {
                break;
            }
            let entry = entry.map_err(of_row)?;
            if ordinal >= ordinals.start {
                take(entry);
            }
        }
        // A row has leaves, so this goes on.
        next = row.ordinals().end;
    }
    Ok(())
}

/// The height of the block that has the leaf with this ordinal; if the log is shorter, of the last that has any.
pub(crate) fn height_of(view: &DatabaseSnapshot, ordinal: u64) -> Result<Option<Height>, StorageError> {
    let Some((_, value)) = view.floor(ORDINALS, &ordinal_key(ordinal))? else {
        return Ok(None);
    };
    crate::chain::decode_stored(view.database().path(), "ordinals", &value).map(Some)
}

/// The ordinal of the transaction with this id, if it was executed.
pub(crate) fn ordinal_of(view: &DatabaseSnapshot, id: &Digest) -> Result<Option<u64>, StorageError> {
    let value = view.get(TRANSACTIONS, id.as_bytes())?;
    value.map(|value| read_ordinal(view, &value)).transpose()
}

fn read_ordinal(view: &DatabaseSnapshot, value: &[u8]) -> Result<u64, StorageError> {
    let path = view.database().path();
    decode_number(value).map_err(|error| StorageError::of_row(path, "transactions", &error))
}

/// Whether transactions with these ids were executed and are not expired at a time.
///
/// When one expires stands in its leaf, and so in its block's row. No more than [`MAX_ROWS_LOOKED_INTO`] of these
/// are read: copies of what was executed in as many different blocks would else hold up a node. Ids beyond count
/// as spent. That changes nothing: an id says when its transaction expires, so whoever would execute a copy of
/// one that has expired skips it for that.
pub(crate) fn spent_at(
    view: &DatabaseSnapshot,
    ids: &[Digest],
    at: Timestamp,
) -> Result<Vec<bool>, StorageError> {
    let keys = ids.iter().map(|id| id.as_bytes().as_slice());
    let found = view.get_each(TRANSACTIONS, keys)?;
    let mut executed: Vec<(u64, usize)> = Vec::new();
    for (place, value) in found.iter().enumerate() {
        if let Some(value) = value {
            executed.push((read_ordinal(view, value)?, place));
        }
    }
    executed.sort_unstable();
    let mut spent: Vec<bool> = found.iter().map(Option::is_some).collect();
    let mut rest = executed.as_slice();
    for _ in 0..MAX_ROWS_LOOKED_INTO {
        let Some((ordinal, _)) = rest.first() else {
            break;
        };
        let row = LogRow::with(view, *ordinal)?;
        let own;
        (own, rest) = rest.split_at(rest.partition_point(|(ordinal, _)| *ordinal < row.ordinals.end));
        let mut ordinals: Vec<u64> = own.iter().map(|(ordinal, _)| *ordinal).collect();
        // An id that was asked for twice.
        ordinals.dedup();
        let entries = row
            .entries(&ordinals)
            .map_err(|error| StorageError::of_row(view.database().path(), "log", &error))?;
        for (ordinal, place) in own {
            let entry = ordinals
                .binary_search(ordinal)
                .ok()
                .and_then(|at| entries.get(at));
            spent[*place] = entry
                .and_then(LogEntry::transaction)
                .is_some_and(|logged| logged.expires_at > at);
        }
    }
    Ok(spent)
}
