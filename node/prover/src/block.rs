//! All that a block executed (`docs/formats.md`, section 17, Block; rule 15).

use quorate_crypto::Height;
use quorate_crypto::merkle::Frontier;
use quorate_ledger::{HeaderV1, LogEntry, LoggedTransaction};
use quorate_verifier::{MAX_ENTRIES, Proof, ProofBody, Shown};

use crate::error::{Failure, check_count};
use crate::shown::{Show, exhibits};
use crate::{Part, ProveError, Source, finish, head, log};

/// Proves all transactions that the block at a height executed, in order. Texts that are to be shown and are not at hand
/// are left out.
///
/// # Errors
/// If there is no such block, or the proof would be too long.
pub fn prove_block<S: Source>(source: &S, height: Height, show: Show) -> Result<Proof, ProveError<S::Error>> {
    let head = head::certified(source, height)?;
    let header = head.header.v1();
    let before = match height.0.checked_sub(1).filter(|before| *before > 0) {
        Some(before) => Some(head::header(source, Height(before))?),
        None => None,
    };
    let first = before.as_ref().map_or(0, |before| before.v1().log_size);
    let log = log::frontier(source, first)?;
    let entries = entries_from(source, header, first)?;
    check_log::<S>(header, &log, &entries)?;
    let shown = shown_of(source, header.height, first, &entries, show)?;
    let body = ProofBody::Block {
        head,
        before,
        log,
        entries,
        shown,
    };
    finish(source, body)
}

/// The entries of a block whose first one has this ordinal.
fn entries_from<S: Source>(source: &S, header: &HeaderV1, first: u64) -> Result<Vec<LogEntry>, Failure<S>> {
    let count = header.log_size.saturating_sub(first);
    check_count::<S>(
        "entries",
        usize::try_from(count).unwrap_or(usize::MAX),
        MAX_ENTRIES,
    )?;
    let ordinals: Vec<u64> = (first..header.log_size).collect();
    if ordinals.is_empty() {
        return Ok(Vec::new());
    }
    log::entries(source, header.height, &ordinals)
}

fn check_log<S: Source>(header: &HeaderV1, log: &Frontier, entries: &[LogEntry]) -> Result<(), Failure<S>> {
    let mut after = log.clone();
    for entry in entries {
        after.push_hash(entry.leaf_hash());
    }
    if after.length() == header.log_size && after.root() == header.log_root {
        Ok(())
    } else {
        Err(ProveError::damaged(Part::Entry, log.length()))
    }
}

/// One for each entry, or none at all if nothing is shown of any.
fn shown_of<S: Source>(
    source: &S,
    height: Height,
    first: u64,
    entries: &[LogEntry],
    show: Show,
) -> Result<Vec<Shown>, Failure<S>> {
    let logged: Vec<(u64, &LoggedTransaction)> = (first..)
        .zip(entries)
        .filter_map(|(ordinal, entry)| log::transaction_of(entry).map(|logged| (ordinal, logged)))
        .collect();
    if show == Show::Nothing || logged.is_empty() {
        return Ok(Vec::new());
    }
    let exhibits = exhibits(source, height, &logged, |_| show)?;
    // A recovery, which can only be the first entry, has no transaction.
    let recoveries = entries.len() - logged.len();
    let nothing = std::iter::repeat_n(Shown::Nothing, recoveries);
    Ok(nothing
        .chain(exhibits.into_iter().map(|exhibit| exhibit.shown))
        .collect())
}
