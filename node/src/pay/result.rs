//! What happened to each row, written beside the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use quorate_client::wallet::format_amount;
use quorate_ledger::{AssetCode, Digest, Height};
use serde::Serialize;

use super::file::Row;
use super::journal::{Paid, with_suffix};
use crate::failure::Failure;

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowStatus {
    /// It is paid.
    Committed,
    /// The ledger refused it, and nothing was paid.
    Refused,
    /// It was sent, and what became of it is not known yet.
    Unknown,
    /// It was not sent.
    NotSent,
}

/// One row's line of the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RowResult {
    /// What happened.
    pub(crate) status: RowStatus,
    /// The transaction.
    pub(crate) id: Option<Digest>,
    /// The block.
    pub(crate) height: Option<Height>,
    /// The transaction's place in the block.
    pub(crate) index: Option<u32>,
    /// Why it was refused.
    pub(crate) code: Option<String>,
}

impl RowResult {
    /// A row that nothing happened to yet.
    pub(crate) const NOT_SENT: Self = Self {
        status: RowStatus::NotSent,
        id: None,
        height: None,
        index: None,
        code: None,
    };

    /// A paid row.
    pub(crate) fn paid(place: Paid) -> Self {
        Self {
            status: RowStatus::Committed,
            id: Some(place.id),
            height: Some(place.height),
            index: Some(place.index),
            code: None,
        }
    }

    /// A refused row.
    pub(crate) fn refused(id: Digest, place: Option<Paid>, code: &str) -> Self {
        Self {
            status: RowStatus::Refused,
            id: Some(id),
            height: place.map(|place| place.height),
            index: place.map(|place| place.index),
            code: Some(code.to_owned()),
        }
    }

    /// A row whose transaction was sent, with no answer.
    pub(crate) fn unknown(id: Digest) -> Self {
        Self {
            status: RowStatus::Unknown,
            id: Some(id),
            ..Self::NOT_SENT
        }
    }
}

/// Writes the results of all rows, whole or not at all, with what each was to pay, so that the file can be
/// reconciled without the one that it is about. Rows and lines are numbered from 1.
pub(crate) fn write(
    payments: &Path,
    rows: &[Row],
    decimals: &BTreeMap<AssetCode, u8>,
    results: &[RowResult],
) -> Result<PathBuf, Failure> {
    let path = with_suffix(payments, ".result.csv");
    let passing = with_suffix(payments, ".result.csv.writing");
    let failed = |error: std::io::Error| Failure::unwritable(&path, &error);
    let as_io = |error: csv::Error| std::io::Error::other(error);
    let file = File::create(&passing).map_err(failed)?;
    let mut writer = csv::Writer::from_writer(file);
    writer
        .write_record([
            "row", "status", "id", "height", "index", "code", "line", "to", "amount", "asset", "memo",
        ])
        .map_err(|error| failed(as_io(error)))?;
    for (place, (result, row)) in results.iter().zip(rows).enumerate() {
        let decimals = decimals.get(&row.asset).copied().unwrap_or_default();
        let text = |value: Option<String>| value.unwrap_or_default();
        let status = match result.status {
            RowStatus::Committed => "committed",
            RowStatus::Refused => "refused",
            RowStatus::Unknown => "unknown",
            RowStatus::NotSent => "not_sent",
        };
        writer
            .write_record([
                (place + 1).to_string(),
                status.to_owned(),
                text(result.id.map(|id| id.to_string())),
                text(result.height.map(|height| height.to_string())),
                text(result.index.map(|index| index.to_string())),
                text(result.code.clone()),
                row.line.to_string(),
                row.to.to_string(),
                format_amount(row.amount, decimals),
                row.asset.to_string(),
                row.memo.clone(),
            ])
            .map_err(|error| failed(as_io(error)))?;
    }
    let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all()
        .and_then(|()| std::fs::rename(&passing, &path))
        .map_err(failed)?;
    Ok(path)
}
