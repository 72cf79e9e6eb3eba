//! That a transaction was executed, or a recovery began an epoch.

use quorate_crypto::Digest;
use quorate_ledger::{HeaderV1, LogEntry, LogEntryV1};

use super::{leads_to, shown as showing};
use crate::at::At;
use crate::facts::{ShownFacts, TransactionFacts};
use crate::proof::Shown;
use crate::verdict::{Code, Refusal, refuse};

/// The facts under an accepted head.
pub(super) fn check(
    header: &HeaderV1,
    ordinal: u64,
    entry: &LogEntry,
    path: &[Digest],
    shown: &Shown,
    at: At<'_>,
) -> Result<TransactionFacts, Refusal> {
    if !leads_to(
        &header.log_root,
        entry.leaf_hash(),
        ordinal,
        header.log_size,
        path,
    ) {
        return refuse(
            Code::BadPath,
            at.field("path"),
            "it does not lead to the log's root",
        );
    }
    if entry.height() > header.height || entry.timestamp() > header.timestamp {
        return refuse(Code::OtherLeaf, at.field("entry"), "it is later than the head");
    }
    let shown = match entry.v1() {
        LogEntryV1::Transaction(transaction) => showing::check(transaction, shown, at.field("shown"))?,
        LogEntryV1::Recovery(_) if *shown == Shown::Nothing => ShownFacts::default(),
        LogEntryV1::Recovery(_) => {
            let reason = "a recovery has no transaction to show";
            return refuse(Code::NotCanonical, at.field("shown"), reason);
        }
    };
    Ok(TransactionFacts {
        ordinal,
        entry: entry.v1().clone(),
        shown,
    })
}
