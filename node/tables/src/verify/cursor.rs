//! One row after the other of a day's file.

use crate::finding::Spot;
use crate::folder::Folder;
use crate::reading::{ReadError, TableReader};
use crate::rows::Rows;

/// A place in a file's rows.
pub(super) struct Cursor {
    pub(super) spot: Spot,
    reader: Option<TableReader>,
    rows: Option<Rows>,
    /// The row in `rows`.
    at: usize,
    /// Rows before it in the file.
    passed: u64,
}

impl Cursor {
    /// Before the first row. Of a day that has no such file there are no rows.
    pub(super) fn open(folder: &Folder, spot: Spot, is_there: bool) -> Result<Self, ReadError> {
        let path = folder.table(spot.table, spot.day);
        let reader = is_there.then(|| TableReader::open(&path, spot.table));
        Ok(Self {
            spot,
            reader: reader.transpose()?,
            rows: None,
            at: 0,
            passed: 0,
        })
    }

    /// Goes to the next row; false at the end.
    pub(super) fn advance(&mut self) -> Result<bool, ReadError> {
        if let Some(rows) = &self.rows {
            self.passed = self.passed.saturating_add(1);
            self.at += 1;
            if self.at < rows.len() {
                return Ok(true);
            }
        }
        self.at = 0;
        self.rows = match &mut self.reader {
            Some(reader) => reader.next()?.map(|(rows, _)| rows),
            None => None,
        };
        Ok(self.rows.is_some())
    }

    /// The rows that are at hand, and which of them it is.
    pub(super) fn row(&self) -> Option<(&Rows, usize)> {
        self.rows.as_ref().map(|rows| (rows, self.at))
    }

    /// The row's number in the file.
    pub(super) fn number(&self) -> u64 {
        self.passed
    }
}
