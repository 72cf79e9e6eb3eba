//! What happened to each row, written beside the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use quorate_client::spreadsheet::cell;
use quorate_client::wallet::format_amount;
use quorate_crypto::sha256;
use quorate_files::Draft;
use quorate_ledger::{AssetCode, Digest, Height, encode};
use quorate_tools::failure::Failure;
use serde::Serialize;

use super::file::Row;
use super::journal::{Paid, with_suffix};
use super::plan::Batch;

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

/// The last column: which payment a result is of.
const PAYMENT: &str = "payment";

/// What names a payment in a result and in the name of its file: who pays which rows where, under which label.
fn name_of(batch: &Batch) -> String {
    let parts = (batch.network, batch.sender, batch.file, batch.label.as_str());
    sha256(&encode(&parts)).to_string()
}

/// Where the result goes: beside the file, unless the result there is of another payment. That of another payer, of
/// a file that had the same name, or under another label, is all that its payer has.
fn place_of(payments: &Path, name: &str) -> PathBuf {
    let path = with_suffix(payments, ".result.csv");
    let reader = csv::Reader::from_path(&path);
    let Ok(mut reader) = reader else {
        // It is not there, or cannot be read, which writing will tell.
        return path;
    };
    let column = reader.headers().ok().and_then(|headers| {
        let mut columns = headers.iter();
        columns.position(|column| column == PAYMENT)
    });
    let first = reader.records().next().and_then(Result::ok);
    let is_own = column
        .zip(first)
        .is_some_and(|(column, row)| row.get(column) == Some(name));
    if is_own {
        return path;
    }
    let short: String = name.chars().take(SHORT).collect();
    with_suffix(payments, &format!(".{short}.result.csv"))
}

/// Digits of a payment's name that are enough to tell it from others of files with one name.
const SHORT: usize = 16;

/// Writes the results of all rows, whole or not at all, with what each was to pay, so that the file can be
/// reconciled without the one that it is about. Rows and lines are numbered from 1.
pub(crate) fn write(
    payments: &Path,
    batch: &Batch,
    rows: &[Row],
    decimals: &BTreeMap<AssetCode, u8>,
    results: &[RowResult],
) -> Result<PathBuf, Failure> {
    let name = name_of(batch);
    let path = place_of(payments, &name);
    let failed = |error: std::io::Error| Failure::unwritable(&path, &error);
    let as_io = |error: csv::Error| std::io::Error::other(error);
    let mut writer = csv::Writer::from_writer(Draft::begin(&path).map_err(failed)?);
    writer
        .write_record([
            "row", "status", "id", "height", "index", "code", "line", "to", "amount", "asset", "memo",
            "payer", PAYMENT,
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
                text(result.code.as_deref().map(cell)),
                row.line.to_string(),
                row.to.to_string(),
                format_amount(row.amount, decimals),
                row.asset.to_string(),
                cell(&row.memo),
                batch.sender.to_string(),
                name.clone(),
            ])
            .map_err(|error| failed(as_io(error)))?;
    }
    let draft = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    draft.put_in_place().map_err(failed)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use quorate_ledger::{Address, Amount, WalletSecret};

    use super::*;

    fn batch(sender: u8, file: u8, label: &str) -> Batch {
        Batch {
            network: Digest([1; 32]),
            sender: Address([sender; 20]),
            file: Digest([file; 32]),
            label: label.to_owned(),
            secret: WalletSecret::from_bytes(&[3; 32]),
            max_expiry_lead_ms: 0,
        }
    }

    #[test]
    fn no_result_takes_the_place_of_another_payments() {
        let folder = tempfile::tempdir().unwrap();
        let payments = folder.path().join("p.csv");
        let asset: AssetCode = "QRT".parse().unwrap();
        let row = Row {
            line: 2,
            to: Address([9; 20]),
            amount: Amount(1),
            asset,
            memo: String::new(),
        };
        let decimals = [(asset, 0)].into();
        let result = |batch: &Batch| {
            write(
                &payments,
                batch,
                std::slice::from_ref(&row),
                &decimals,
                &[RowResult::NOT_SENT],
            )
            .unwrap()
        };
        let first = batch(1, 1, "");
        assert_eq!(result(&first), folder.path().join("p.csv.result.csv"));
        let kept = std::fs::read(result(&first)).unwrap();
        // Another payer, other rows, another label: each has a file of its own, and keeps it.
        let others = [batch(2, 1, ""), batch(1, 2, ""), batch(1, 1, "again")];
        let places: Vec<PathBuf> = others.iter().map(&result).collect();
        for (place, other) in places.iter().zip(&others) {
            assert_eq!(places.iter().filter(|path| *path == place).count(), 1);
            assert_eq!(*place, result(other));
            assert!(std::fs::read_to_string(place).unwrap().contains(&name_of(other)));
        }
        assert_eq!(std::fs::read(result(&first)).unwrap(), kept);
        // One of an older version does not say whose it is.
        std::fs::write(result(&first), "row,status\n1,committed\n").unwrap();
        assert_ne!(result(&first), folder.path().join("p.csv.result.csv"));
    }

    /// Who opens a result in a spreadsheet need not be who wrote its memos.
    #[test]
    fn no_memo_in_a_result_begins_a_formula() {
        let folder = tempfile::tempdir().unwrap();
        let asset: AssetCode = "QRT".parse().unwrap();
        let row = |memo: &str| Row {
            line: 2,
            to: Address([9; 20]),
            amount: Amount(1),
            asset,
            memo: memo.to_owned(),
        };
        let memos = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "rent, March"];
        let path = write(
            &folder.path().join("p.csv"),
            &batch(1, 1, ""),
            &memos.map(row),
            &[(asset, 0)].into(),
            &memos.map(|_| RowResult::NOT_SENT),
        )
        .unwrap();
        let mut reader = csv::Reader::from_path(path).unwrap();
        let column = reader.headers().unwrap().iter().position(|name| name == "memo");
        let written: Vec<String> = reader
            .records()
            .map(|row| row.unwrap()[column.unwrap()].to_owned())
            .collect();
        assert_eq!(
            written,
            [
                "\\u{3d}1+1",
                "\\u{2b}1",
                "\\u{2d}1",
                "\\u{40}SUM(A1)",
                "\\u{9}\\u{3d}1",
                "\\u{d}\\u{3d}1",
                "rent, March"
            ]
        );
    }
}
