//! A day's files while they are written. They are put in place when the day is finished, so that an export that is
//! interrupted leaves the days before it as they were.

use quorate_ledger::Digest;

use crate::day::Day;
use crate::error::FolderError;
use crate::folder::{Folder, put_in_place, remove, write_whole};
use crate::making::RowSet;
use crate::manifest::{DayLine, DayManifest, FileLine, Span};
use crate::table::Table;
use crate::writing::{GROUP_ROWS, TableWriter};

/// A day's files.
pub(super) struct DayFiles<'a> {
    folder: &'a Folder,
    network: Digest,
    day: Day,
    span: Span,
    /// Those of tables that have rows.
    writers: Vec<Option<TableWriter>>,
    /// Rows that are not written yet.
    pending: RowSet,
}

impl<'a> DayFiles<'a> {
    /// Begins a day, whose first block and transaction these are.
    pub(super) fn begin(folder: &'a Folder, network: Digest, day: Day, span: Span) -> Self {
        Self {
            folder,
            network,
            day,
            span,
            writers: Table::ALL.iter().map(|_| None).collect(),
            pending: RowSet::new(),
        }
    }

    pub(super) fn day(&self) -> Day {
        self.day
    }

    /// Where rows go.
    pub(super) fn rows(&mut self) -> &mut RowSet {
        &mut self.pending
    }

    /// Counts a block whose rows are all there, and writes what is enough for a row group.
    pub(super) fn end_block(&mut self, hash: Digest, transactions: u64) -> Result<(), FolderError> {
        self.span.blocks = self.span.blocks.saturating_add(1);
        self.span.transactions = self.span.transactions.saturating_add(transactions);
        self.span.last = hash;
        for table in Table::ALL {
            if self.pending.of(table).len() >= GROUP_ROWS {
                self.write(table)?;
            }
        }
        Ok(())
    }

    /// Puts the files in place. Gives the day's line, and how many rows it has.
    pub(super) fn finish(mut self) -> Result<(DayLine, u64), FolderError> {
        let (mut lines, mut marks, mut rows) = (Vec::new(), Vec::new(), 0_u64);
        for table in Table::ALL {
            self.write(table)?;
            let path = self.folder.table(table, self.day);
            // It would be of other rows: it is made again.
            remove(&self.folder.csv(table, self.day))?;
            let Some(writer) = self.writers[table.place()].take() else {
                // The chain gives no rows, whatever lies there.
                remove(&path)?;
                continue;
            };
            let written = writer.finish()?;
            put_in_place(&path)?;
            rows = rows.saturating_add(written.digests.rows);
            for mark in &written.digests.marks {
                marks.extend_from_slice(mark);
            }
            lines.push(FileLine::new(
                table,
                self.day,
                written.bytes,
                written.sha256,
                &written.digests,
            ));
        }
        let marks = write_whole(&self.folder.marks(self.day), &marks)?;
        let manifest = DayManifest::new(self.network, self.day, &self.span, marks, lines);
        let sha256 = write_whole(&self.folder.day(self.day), manifest.write().as_bytes())?;
        Ok((DayLine::new(self.day, &self.span, sha256), rows))
    }

    /// Writes the rows that are pending of a table as a row group.
    fn write(&mut self, table: Table) -> Result<(), FolderError> {
        let rows = self.pending.of_mut(table);
        if rows.is_empty() {
            return Ok(());
        }
        let slot = &mut self.writers[table.place()];
        let writer = match slot {
            Some(writer) => writer,
            None => {
                let path = self.folder.table(table, self.day);
                slot.insert(TableWriter::create(&path, table)?)
            }
        };
        writer.write(rows)?;
        rows.clear();
        Ok(())
    }
}
