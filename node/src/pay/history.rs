//! Finding in the sender's history what of a file was executed, for a wallet without its journal.

use std::collections::BTreeMap;

use quorate_client::schema::{OperationView, Transaction, TransactionStatus};
use quorate_client::{Client, Page};
use quorate_ledger::Height;
use quorate_tools::failure::Failure;
use quorate_tools::wallet::{Fate, Ledger};

use super::file::Row;
use super::journal::{How, Journal, Known, Names, Paid};
use super::plan::{Batch, Unit};

/// How many transactions are asked for at a time.
const PAGE: u32 = 200;

/// A transaction of the file that was executed.
pub(crate) struct Found {
    /// The rows that it is for.
    pub(crate) unit: Unit,
    /// The transaction.
    pub(crate) view: Transaction,
    /// Where it was executed.
    pub(crate) place: Paid,
}

/// What the history says about a file.
#[derive(Default)]
pub(crate) struct Findings {
    /// The file's own transactions.
    pub(crate) executed: Vec<Found>,
    /// Chunks, by first row, of which is noted that they are paid row by row.
    pub(crate) row_by_row: Vec<usize>,
}

/// Reads the sender's history, as it is at height `at` or later, back to what was executed at `down_to`.
pub(crate) async fn search(
    ledger: &Ledger,
    client: &Client,
    names: &Names,
    rows: &[Row],
    (at, down_to): (Height, Height),
    mut on_page: impl FnMut(u64),
) -> Result<Findings, Failure> {
    let by_salt = |salt: fn(&Batch, usize) -> [u8; 16]| -> BTreeMap<[u8; 16], usize> {
        [&names.rows, &names.bytes]
            .into_iter()
            .flat_map(|batch| (0..rows.len()).map(move |row| (salt(batch, row), row)))
            .collect()
    };
    let (salts, notes) = (by_salt(Batch::salt), by_salt(Batch::note_salt));
    let sender = names.rows.sender;
    let client = client.at_least(at);
    let mut findings = Findings::default();
    let mut cursor = None;
    loop {
        let page = Page {
            limit: Some(PAGE),
            cursor,
        };
        let list = client.account_transactions(&sender, &page).await?;
        on_page(list.transactions.len() as u64);
        for view in list.transactions {
            if view.height.is_some_and(|height| height <= down_to) {
                return Ok(findings);
            }
            if view.sender != sender {
                continue;
            }
            if let Some(&first) = salts.get(&view.salt) {
                // A salt alone proves nothing: the operations must be the rows'.
                if let Some(found) = matching(first, rows, view) {
                    ledger.confirm(&Fate::of_view(&found.view)).await?;
                    findings.executed.push(found);
                }
            } else if let Some(&first) = notes.get(&view.salt)
                && view.status == TransactionStatus::Committed
            {
                findings.row_by_row.push(first);
            }
        }
        cursor = list.next;
        if cursor.is_none() {
            return Ok(findings);
        }
    }
}

fn matching(first: usize, rows: &[Row], view: Transaction) -> Option<Found> {
    let unit = Unit {
        first,
        count: view.operations.len(),
    };
    let paid = rows.get(unit.range())?;
    let same = paid
        .iter()
        .map(|row| OperationView::from(&row.operation()))
        .eq(view.operations.iter().cloned());
    let place = Paid {
        id: view.id,
        height: view.height?,
        index: view.index?,
    };
    same.then_some(Found { unit, view, place })
}

impl Findings {
    /// Adds them to what is known, and to the journal.
    /// Without one nothing is written: what is known is only looked at.
    pub(crate) fn note(&self, known: &mut Known, mut journal: Option<&mut Journal>) -> Result<(), Failure> {
        for found in &self.executed {
            let how = match found.view.status {
                TransactionStatus::Committed => How::Committed,
                TransactionStatus::Failed => How::Failed,
                TransactionStatus::Pending | TransactionStatus::Expired => continue,
            };
            let Found { unit, place, .. } = *found;
            if let Some(journal) = &mut journal {
                journal.found(unit, found.view.expires_at, how, place)?;
            }
            match how {
                How::Failed => {
                    known
                        .failed
                        .entry(unit)
                        .or_default()
                        .insert(found.view.expires_at);
                    if unit.count > 1 {
                        known.row_by_row.insert(unit.first);
                    }
                }
                _ => known.paid.extend(unit.range().map(|row| (row, place))),
            }
        }
        for &first in &self.row_by_row {
            if let Some(journal) = &mut journal {
                journal.row_by_row(first)?;
            }
            known.row_by_row.insert(first);
        }
        Ok(())
    }
}
