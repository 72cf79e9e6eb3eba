//! Finding in the sender's history what of a file was executed, for a wallet without its journal.

use std::collections::BTreeMap;

use quorate_client::Page;
use quorate_client::schema::{OperationView, Transaction, TransactionStatus};
use quorate_ledger::Height;

use super::file::Row;
use super::journal::{Known, Paid};
use super::plan::{Batch, Unit};
use crate::failure::Failure;
use crate::wallet::{Ledger, Outcome};

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

/// Reads the sender's history back to its beginning, at `height` or above.
pub(crate) async fn search(
    ledger: &Ledger,
    batch: &Batch,
    rows: &[Row],
    height: Height,
    mut on_page: impl FnMut(u64),
) -> Result<Findings, Failure> {
    let salts: BTreeMap<[u8; 16], usize> = (0..rows.len()).map(|row| (batch.salt(row), row)).collect();
    let notes: BTreeMap<[u8; 16], usize> = (0..rows.len()).map(|row| (batch.note_salt(row), row)).collect();
    let client = ledger.client().at_least(height);
    let mut findings = Findings::default();
    let mut cursor = None;
    loop {
        let page = Page {
            limit: Some(PAGE),
            cursor,
        };
        let list = client.account_transactions(&batch.sender, &page).await?;
        on_page(list.transactions.len() as u64);
        for view in list.transactions {
            if view.sender != batch.sender {
                continue;
            }
            if let Some(&first) = salts.get(&view.salt) {
                // A salt alone proves nothing: the operations must be the rows'.
                if let Some(found) = matching(first, rows, view) {
                    ledger.confirm(&Outcome::of_view(&found.view)).await?;
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

impl Known {
    /// What the findings amount to.
    pub(crate) fn of_findings(findings: &Findings) -> Self {
        let mut known = Self::default();
        known.row_by_row.extend(&findings.row_by_row);
        for found in &findings.executed {
            match found.view.status {
                TransactionStatus::Committed => {
                    known
                        .paid
                        .extend(found.unit.range().map(|row| (row, found.place)));
                }
                TransactionStatus::Failed => {
                    known
                        .failed
                        .entry(found.unit)
                        .or_default()
                        .insert(found.view.expires_at);
                    if found.unit.count > 1 {
                        known.row_by_row.insert(found.unit.first);
                    }
                }
                TransactionStatus::Pending | TransactionStatus::Expired => {}
            }
        }
        known
    }
}
