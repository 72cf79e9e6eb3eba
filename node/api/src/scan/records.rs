//! Records of documents wherever they are on the chain: the transactions that record something are looked for as any
//! other kind is, and their records are listed.

use std::fmt;

use quorate_client::TransactionFilter;
use quorate_client::schema::{
    ActView, DocumentRecord, OperationKind, OperationView, TransactionStatus, WithheldText,
};

use super::{Mark, list};
use crate::input::whole_number;
use crate::node::{Fault, Snapshot};
use crate::problem::Failure;

/// A page of records, newest first, and the place where the next begins; none at the end.
pub(crate) struct RecordPage {
    pub(crate) records: Vec<FoundRecord>,
    pub(crate) next: Option<String>,
}

/// A record, and those of its texts that are not shown.
pub(crate) struct FoundRecord {
    pub(crate) record: DocumentRecord,
    pub(crate) withheld: Vec<WithheldText>,
}

/// Where a list of records goes on: at a mark of the transactions, and in the first below it at an operation, where a
/// page has ended within a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordMark {
    transactions: Mark,
    /// Those operations of it that are below this one.
    operation: Option<u16>,
}

impl RecordMark {
    /// Reads a place in the list that a filter leaves.
    pub(crate) fn read(filter: &TransactionFilter, text: &str) -> Option<Self> {
        let (transactions, operation) = match text.split_once('-') {
            Some((transactions, operation)) => {
                let operation = whole_number(operation)?.try_into().ok()?;
                (transactions, Some(operation))
            }
            None => (text, None),
        };
        Some(Self {
            transactions: Mark::read(filter, transactions)?,
            operation,
        })
    }
}

impl fmt::Display for RecordMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.transactions)?;
        match self.operation {
            Some(operation) => write!(f, "-{operation}"),
            None => Ok(()),
        }
    }
}

/// Records below a mark, newest first, of the transactions that a filter leaves. A failed one has recorded nothing.
/// The filter's sender is who recorded: the party that acts, which need not be the first of its transaction's.
pub(crate) fn recorded(
    snapshot: &dyn Snapshot,
    filter: &TransactionFilter,
    before: Option<RecordMark>,
    limit: usize,
) -> Result<RecordPage, Failure> {
    let recorder = filter.sender;
    // A party has all transactions in its history, whether it sent them or not.
    let filter = TransactionFilter {
        account: filter.account.or(recorder),
        sender: None,
        kind: Some(OperationKind::PutRecord),
        ..*filter
    };
    let found = list(snapshot, &filter, before.map(|mark| mark.transactions), limit)?;
    let mut records = Vec::new();
    for transaction in &found.transactions {
        if transaction.status != TransactionStatus::Committed {
            continue;
        }
        let place = transaction
            .height
            .zip(transaction.index)
            .zip(transaction.timestamp);
        let ((height, index), timestamp) = place.ok_or_else(|| {
            Fault(format!(
                "transaction {} has no place on the chain",
                transaction.id
            ))
        })?;
        let with_it = Mark::after(&filter, transaction)?.with_it();
        let begun = before.filter(|mark| mark.transactions == with_it);
        let below = begun.and_then(|mark| mark.operation);
        let numbered: Vec<(u16, &ActView)> = (0..).zip(&transaction.operations).collect();
        for (
            operation,
            ActView {
                by,
                operation: content,
            },
        ) in numbered.into_iter().rev()
        {
            let OperationView::PutRecord {
                sha256,
                keep,
                label,
                metadata,
            } = content
            else {
                continue;
            };
            let is_wanted = recorder.is_none_or(|recorder| recorder == *by);
            if !is_wanted || below.is_some_and(|below| operation >= below) {
                continue;
            }
            if records.len() >= limit {
                let rest = RecordMark {
                    transactions: with_it,
                    operation: Some(operation.saturating_add(1)),
                };
                let next = Some(rest.to_string());
                return Ok(RecordPage { records, next });
            }
            let record = DocumentRecord {
                sha256: *sha256,
                sender: *by,
                keep: *keep,
                height,
                index,
                operation,
                transaction: transaction.id,
                timestamp,
                label: label.clone(),
                metadata: metadata.clone(),
            };
            let withheld = transaction.withheld.iter();
            let withheld = withheld.filter(|text| text.operation == Some(operation));
            records.push(FoundRecord {
                record,
                withheld: withheld.cloned().collect(),
            });
        }
    }
    let next = found.next;
    Ok(RecordPage { records, next })
}
