//! All that a block executed (rule 15): its entries lead from the log before it to the log after it.

use quorate_crypto::Digest;
use quorate_crypto::merkle::Frontier;
use quorate_ledger::{Header, HeaderV1, LogEntry, LogEntryV1};

use super::shown as showing;
use crate::at::At;
use crate::facts::{BlockEntry, BlockFacts};
use crate::proof::Shown;
use crate::verdict::{Code, Refusal, refuse};

/// The log before an accepted block, once it is known to be that.
pub(super) fn check_before(
    network: &Digest,
    header: &HeaderV1,
    before: Option<&Header>,
    log: &Frontier,
    at: At<'_>,
) -> Result<Frontier, Refusal> {
    if header.height.0 == 1 {
        if before.is_some() || header.previous != *network || log.length() > 0 {
            return refuse(
                Code::BadPath,
                at.field("before"),
                "nothing is before the first block",
            );
        }
        return Ok(Frontier::new());
    }
    let Some(before) = before.filter(|before| before.hash() == header.previous) else {
        return refuse(Code::BadPath, at.field("before"), "it is not the header before");
    };
    let before = before.v1();
    if log.length() != before.log_size || log.root() != before.log_root {
        return refuse(
            Code::BadPath,
            at.field("log"),
            "it is not the log of the header before",
        );
    }
    Ok(log.clone())
}

/// The facts of an accepted block with these entries after the log before it.
pub(super) fn check(
    header: &HeaderV1,
    log: Frontier,
    entries: &[LogEntry],
    shown: &[Shown],
    at: At<'_>,
) -> Result<BlockFacts, Refusal> {
    let first_ordinal = log.length();
    check_entries(header, log, entries, at.field("entries"))?;
    let entries = check_shown(entries, shown, at.field("shown"))?;
    Ok(BlockFacts {
        height: header.height,
        first_ordinal,
        entries,
    })
}

fn check_entries(
    header: &HeaderV1,
    mut log: Frontier,
    entries: &[LogEntry],
    at: At<'_>,
) -> Result<(), Refusal> {
    let mut position: Option<u32> = None;
    for (place, entry) in entries.iter().enumerate() {
        if entry.height() != header.height || entry.timestamp() != header.timestamp {
            return refuse(
                Code::OtherLeaf,
                at.item(place),
                "its height or time is not the block's",
            );
        }
        match entry.v1() {
            LogEntryV1::Recovery(_) if place > 0 => {
                return refuse(Code::Gap, at.item(place), "a recovery that is not the first");
            }
            LogEntryV1::Recovery(_) => {}
            LogEntryV1::Transaction(transaction) => {
                if position.is_some_and(|before| transaction.position <= before) {
                    return refuse(Code::Gap, at.item(place), "the positions do not ascend");
                }
                position = Some(transaction.position);
            }
        }
        // A list ends before 2^64 leaves; a header that says otherwise was never made by execution.
        if log.length() == u64::MAX {
            return refuse(Code::Gap, at.item(place), "no log is so long");
        }
        log.push_hash(entry.leaf_hash());
    }
    if log.length() != header.log_size || log.root() != header.log_root {
        return refuse(Code::Gap, at, "with these the log is not the head's");
    }
    Ok(())
}

fn check_shown(entries: &[LogEntry], shown: &[Shown], at: At<'_>) -> Result<Vec<BlockEntry>, Refusal> {
    if shown.is_empty() {
        let entries = entries.iter().map(|entry| BlockEntry {
            entry: entry.v1().clone(),
            shown: None,
        });
        return Ok(entries.collect());
    }
    if shown.len() != entries.len() {
        return refuse(Code::NotCanonical, at, "not one for each entry");
    }
    if shown.iter().all(|item| *item == Shown::Nothing) {
        return refuse(Code::NotCanonical, at, "it shows nothing, so it is empty");
    }
    let checked = entries
        .iter()
        .zip(shown)
        .enumerate()
        .map(|(place, (entry, item))| {
            let shown = match entry.v1() {
                LogEntryV1::Transaction(transaction) => {
                    Some(showing::check(transaction, item, at.item(place))?)
                }
                LogEntryV1::Recovery(_) if *item == Shown::Nothing => None,
                LogEntryV1::Recovery(_) => {
                    let reason = "a recovery has no transaction to show";
                    return refuse(Code::NotCanonical, at.item(place), reason);
                }
            };
            Ok(BlockEntry {
                entry: entry.v1().clone(),
                shown,
            })
        });
    checked.collect()
}
