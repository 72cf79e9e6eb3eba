//! Entries of the log and steps of histories.

use quorate_ledger::{BalanceChange, BalanceItem, LogEntryV1, LoggedRecovery, LoggedTransaction, Outcome};

use super::operation::Fields;
use super::{Plain, ToPlain, plain_struct};

plain_struct!(BalanceItem { asset, free, held });
plain_struct!(BalanceChange {
    asset,
    free_before,
    free_after,
    held_before,
    held_after,
});

impl ToPlain for Outcome {
    fn plain(&self) -> Plain {
        match self {
            Self::Success { results } => Plain::Fields {
                name: "Success",
                fields: vec![("results", results.plain())],
            },
            // A code is its number: a newer one has no name here.
            Self::Failed { code, operation } => Plain::Fields {
                name: "Failed",
                fields: vec![("code", code.0.plain()), ("operation", operation.plain())],
            },
        }
    }
}

/// An entry's fields, its kind first.
pub(crate) fn entry_fields(entry: &LogEntryV1) -> Fields {
    match entry {
        LogEntryV1::Transaction(LoggedTransaction {
            height,
            timestamp,
            position,
            id,
            expires_at,
            signed,
            outcome,
        }) => vec![
            ("kind", Plain::text("transaction")),
            ("height", height.plain()),
            ("timestamp", timestamp.plain()),
            ("position", position.plain()),
            ("id", id.plain()),
            ("expires_at", expires_at.plain()),
            ("signed", signed.plain()),
            ("outcome", outcome.plain()),
        ],
        LogEntryV1::Recovery(LoggedRecovery {
            height,
            timestamp,
            document,
        }) => vec![
            ("kind", Plain::text("recovery")),
            ("height", height.plain()),
            ("timestamp", timestamp.plain()),
            ("document", document.plain()),
        ],
    }
}
