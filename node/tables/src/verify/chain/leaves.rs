//! The rows of transactions: that they give the leaves of the log, and all rows of other tables that follow from them.

use quorate_ledger::limits::MAX_TRANSACTION_BYTES;
use quorate_ledger::{Header, HeaderV1, Intent, LogEntry, LogEntryV1, LoggedTransaction, decode};

use super::super::cells::{self, BlockRow};
use super::super::cursor::Cursor;
use super::{OpenBlock, Step, Walk, bad_cell, other_cell};
use crate::finding::{Spot, What};
use crate::making::Place;
use crate::table::Table;

impl Walk<'_, '_> {
    /// Follows one transaction of a block.
    pub(super) fn transaction(&mut self, header: &Header, transactions: &Cursor) -> Step<()> {
        let (spot, number) = (transactions.spot, transactions.number());
        let Some((rows, at)) = transactions.row() else {
            return Ok(());
        };
        let read = cells::transaction(rows, at).map_err(|bad| bad_cell(spot, number, bad))?;
        let intent = decode::<Intent>(&read.intent, MAX_TRANSACTION_BYTES as usize)
            .map_err(|error| spot.finding(What::Cell, Some(number), Some("intent"), error.to_string()))?;
        let fields = header.v1();
        let entry = LoggedTransaction {
            height: fields.height,
            timestamp: fields.timestamp,
            position: read.position,
            id: intent.id(),
            expires_at: intent.v1().expires_at,
            signed: read.signed,
            outcome: read.outcome,
        };
        let place = Place {
            ordinal: self.log.length(),
            height: fields.height,
            timestamp: fields.timestamp,
        };
        let unfit = |reason: String| spot.finding(What::Rows, Some(number), None, reason);
        self.expected.clear();
        self.maker
            .own_row(&mut self.expected, &place, &entry, intent.v1(), &read.intent)
            .map_err(|error| unfit(error.to_string()))?;
        for (column, definition) in Table::Transactions.columns().iter().enumerate() {
            let (found, should) = (rows.cell(at, column), self.expected.cell(0, column));
            if found != should {
                self.findings
                    .push(other_cell(spot, number, definition.name, found, should));
            }
        }
        let leaf = LogEntry::V1(LogEntryV1::Transaction(entry.clone()));
        let effects = self.maker.note(intent.v1(), &entry);
        let effects = effects.map_err(|error| unfit(error.to_string()))?;
        let changed = self.books.book(intent.v1(), effects.succeeded, &effects.events);
        let changed = changed.map_err(|error| unfit(error.to_string()))?;
        self.maker
            .derived_rows(&mut self.rows, &place, intent.v1(), &effects, &changed)
            .map_err(|error| unfit(error.to_string()))?;
        self.log.push_hash(leaf.leaf_hash());
        Ok(())
    }

    /// Checks that a block's transactions lead to the log that its header has.
    pub(super) fn check_log(&mut self, open: &mut OpenBlock, header: &Header, spot: Spot, first: u64) {
        let root = self.log.root();
        if open.computed != open.said && !open.is_explained {
            let other = HeaderV1 {
                log_root: root,
                ..header.v1().clone()
            };
            let mut row = BlockRow {
                header: header.clone(),
                first_ordinal: 0,
                transactions: 0,
                hash: open.said,
            };
            self.explain(open, &mut row, "log_root", Header::V1(other));
        }
        let fields = open.header.v1();
        if self.log_is_broken || (fields.log_size, fields.log_root) == (self.log.length(), root) {
            return;
        }
        self.log_is_broken = true;
        let reason = format!(
            "the transactions of block {} from here on are not those of the certified log; what comes after them is \
             not compared with it",
            fields.height
        );
        self.findings
            .push(spot.finding(What::Rows, Some(first), None, reason));
    }
}
