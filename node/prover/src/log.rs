//! The transaction log: entries, inclusion paths, frontiers (`docs/formats.md`, sections 1 and 9).

use quorate_crypto::merkle::{Frontier, make_frontier, make_path};
use quorate_crypto::{Digest, Height};
use quorate_ledger::{LogEntry, LogEntryV1, LoggedTransaction};

use crate::error::Failure;
use crate::{Part, ProveError, Source};

/// The entries with these ordinals, which ascend and are of the block at this height.
pub(crate) fn entries<S: Source>(
    source: &S,
    height: Height,
    ordinals: &[u64],
) -> Result<Vec<LogEntry>, Failure<S>> {
    let found = source.entries(height, ordinals).map_err(ProveError::Source)?;
    let first = ordinals.first().copied().unwrap_or_default();
    if found.len() != ordinals.len() || found.iter().any(|entry| entry.height() != height) {
        return Err(ProveError::damaged(Part::Entry, first));
    }
    Ok(found)
}

/// The entry with this ordinal.
pub(crate) fn entry<S: Source>(source: &S, height: Height, ordinal: u64) -> Result<LogEntry, Failure<S>> {
    let mut found = entries(source, height, &[ordinal])?;
    found.pop().ok_or(Failure::<S>::damaged(Part::Entry, ordinal))
}

/// What an entry says of a transaction, if it is one's.
pub(crate) fn transaction_of(entry: &LogEntry) -> Option<&LoggedTransaction> {
    match entry.v1() {
        LogEntryV1::Transaction(logged) => Some(logged),
        LogEntryV1::Recovery(_) => None,
    }
}

/// The root of a complete subtree.
pub(crate) fn node<S: Source>(source: &S, level: u8, index: u64) -> Result<Digest, Failure<S>> {
    let found = source.log_node(level, index).map_err(ProveError::Source)?;
    found.ok_or(Failure::<S>::damaged(Part::LogNode, index))
}

/// The inclusion path of a leaf in the log when it had `size` leaves.
pub(crate) fn path<S: Source>(source: &S, size: u64, ordinal: u64) -> Result<Vec<Digest>, Failure<S>> {
    make_path(size, ordinal, &mut |level: u8, index: u64| {
        node(source, level, index)
    })
}

/// The log's frontier when it had `size` leaves.
pub(crate) fn frontier<S: Source>(source: &S, size: u64) -> Result<Frontier, Failure<S>> {
    let made = make_frontier(size, &mut |level: u8, index: u64| node(source, level, index))?;
    made.ok_or(Failure::<S>::damaged(Part::LogNode, size))
}
