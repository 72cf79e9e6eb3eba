//! The tables as CSV, made from the Parquet files: for spreadsheets. No hash covers them.

use std::io::BufWriter;
use std::path::Path;

use quorate_ledger::Timestamp;

use crate::error::FolderError;
use crate::folder::{Folder, create_partial, partial, put_in_place, read_bounded};
use crate::manifest::{DayLine, MAX_MANIFEST_BYTES, Manifest};
use crate::reading::{ReadError, TableReader};
use crate::rows::{Cell, Rows};
use crate::table::{Kind, Table};

/// Writes each file that is not there as CSV: whoever writes one again removes it as CSV.
pub(crate) fn write(folder: &Folder) -> Result<(), FolderError> {
    let path = folder.manifest();
    let text = read_bounded(&path, MAX_MANIFEST_BYTES)?;
    let manifest = Manifest::read(&text).map_err(|reason| FolderError::malformed(&path, reason))?;
    for DayLine { day, .. } in &manifest.days {
        for table in Table::ALL {
            let (from, to) = (folder.table(table, *day), folder.csv(table, *day));
            if from.is_file() && !to.is_file() {
                convert(table, &from, &to)?;
            }
        }
    }
    Ok(())
}

fn convert(table: Table, from: &Path, to: &Path) -> Result<(), FolderError> {
    let aside = partial(to);
    let file = create_partial(to)?;
    let mut writer = csv::Writer::from_writer(BufWriter::new(file));
    let unwritable = |error: csv::Error| FolderError::io(&aside, error.into());
    let columns: Vec<usize> = shown(table).collect();
    let names = columns.iter().map(|column| table.columns()[*column].name);
    writer.write_record(names).map_err(unwritable)?;
    let unreadable = |error: ReadError| FolderError::Parquet {
        path: from.to_owned(),
        reason: error.to_string(),
    };
    let mut reader = TableReader::open(from, table).map_err(unreadable)?;
    while let Some((rows, _)) = reader.next().map_err(unreadable)? {
        for row in 0..rows.len() {
            let cells = columns.iter().map(|column| text(&rows, row, *column));
            writer.write_record(cells).map_err(unwritable)?;
        }
    }
    let flushed = writer.flush();
    flushed.map_err(|error| FolderError::io(&aside, error))?;
    drop(writer);
    put_in_place(to)
}

/// The columns that a spreadsheet has a use for.
fn shown(table: Table) -> impl Iterator<Item = usize> {
    let columns = table.columns().iter().enumerate();
    columns
        .filter(|(_, column)| column.kind != Kind::Bytes)
        .map(|(place, _)| place)
}

fn text(rows: &Rows, row: usize, column: usize) -> String {
    let kind = rows.table().columns()[column].kind;
    match (rows.cell(row, column), kind) {
        (Cell::Null, _) => String::new(),
        (Cell::Number(number), Kind::Time) => match u64::try_from(number) {
            Ok(milliseconds) => Timestamp(milliseconds).to_string(),
            Err(_) => number.to_string(),
        },
        (Cell::Number(number), _) => number.to_string(),
        (Cell::Amount(amount), _) => amount.to_string(),
        (Cell::Text(text), _) => text.to_owned(),
        (Cell::Bytes(bytes), _) => hex::encode(bytes),
        (Cell::Flag(flag), _) => flag.to_string(),
    }
}
