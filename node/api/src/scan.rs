//! Looking for transactions, a bounded part of the chain at a time.
//!
//! A call looks at so many transactions and blocks, whatever it finds. What it has found by then is its page, with a
//! place to go on from, which callers turn into a cursor of their list: the page may be short, or empty, and not the
//! last. So a filter that takes hardly anything costs many calls, each with its turn, and none of them holds a read up.

mod records;

use std::fmt;
use std::ops::Range;

use quorate_client::schema::{ActView, OperationView, Transaction, TransactionList};
use quorate_client::{TransactionFilter, When};
use quorate_ledger::{Address, Height, Timestamp};

use crate::config::{LOOK_CHUNK, MAX_BLOCKS_LOOKED_AT, MAX_ENTRIES_LOOKED_AT, MAX_LOOKED_AT, MAX_PAGE_BYTES};
use crate::holds::MadeHolds;
use crate::input::{Place, whole_number};
use crate::node::{BlockRef, Fault, Snapshot};
use crate::problem::Failure;

pub(crate) use records::{FoundRecord, RecordMark, RecordPage, recorded};

/// A page in the making.
pub(crate) struct Page {
    transactions: Vec<Transaction>,
    limit: usize,
    bytes: usize,
}

impl Page {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            transactions: Vec::new(),
            limit,
            bytes: 0,
        }
    }

    pub(crate) fn push(&mut self, transaction: Transaction) {
        self.bytes = self.bytes.saturating_add(length(&transaction));
        self.transactions.push(transaction);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// How many more it takes, unless they are long.
    pub(crate) fn room(&self) -> usize {
        match self.bytes < MAX_PAGE_BYTES {
            true => self.limit.saturating_sub(self.transactions.len()),
            false => 0,
        }
    }

    pub(crate) fn before(self, next: Option<String>) -> TransactionList {
        TransactionList {
            transactions: self.transactions,
            next,
        }
    }
}

/// About how many bytes of JSON a transaction is.
fn length(transaction: &Transaction) -> usize {
    let of_act = |act: &ActView| {
        460 + match &act.operation {
            OperationView::CreateAsset { description, .. } => description.len(),
            OperationView::Transfer { memo, .. } => memo.len(),
            OperationView::PutRecord { label, metadata, .. } => label.len() + 2 * metadata.len(),
            OperationView::SetSigners { signers, .. } => 110 * signers.len(),
            OperationView::Hold { condition, memo, .. } => 150 * condition.of.len() + memo.len(),
            OperationView::Release { preimages, .. } => 70 * preimages.len(),
            OperationView::Erase { texts, .. } => 40 * texts.len(),
            OperationView::Mint { .. }
            | OperationView::Burn { .. }
            | OperationView::Rejoin { .. }
            | OperationView::Refund { .. } => 0,
            OperationView::Governance {
                words, change, text, ..
            } => {
                // A change of all parameters or rules is told with what depends on each.
                let items = change.as_ref().map_or(0, |change| change.items.len());
                2 * words.len() + 300 * items + text.len()
            }
        }
    };
    let operations: usize = transaction.operations.iter().map(of_act).sum();
    let beside = 60 * transaction.parties.len()
        + 260 * transaction.signatures.len()
        + 280 * transaction.withheld.len()
        + 45 * transaction.paid.len();
    700 + transaction.memo.len() + beside + operations
}

/// Where a list of transactions goes on: below a place on the chain, or below a number of an account's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Place(Place),
    Number(u64),
}

impl Mark {
    /// Reads a place in the list that a filter leaves.
    pub(crate) fn read(filter: &TransactionFilter, text: &str) -> Option<Self> {
        match filter.history() {
            Some(_) => whole_number(text).map(Self::Number),
            None => Place::read(text).map(Self::Place),
        }
    }

    /// Where the list goes on after an executed transaction that it has.
    pub(crate) fn after(filter: &TransactionFilter, transaction: &Transaction) -> Result<Self, Fault> {
        let mark = match filter.history() {
            Some(_) => transaction.number.map(Self::Number),
            None => {
                let place = transaction.height.zip(transaction.index);
                place.map(|(height, index)| Self::Place(Place { height, index }))
            }
        };
        mark.ok_or_else(|| Fault(format!("transaction {} has no place in the list", transaction.id)))
    }

    /// Where it goes on with the transaction that it goes on after.
    fn with_it(self) -> Self {
        match self {
            Self::Place(place) => Self::Place(Place {
                index: place.index.saturating_add(1),
                ..place
            }),
            Self::Number(number) => Self::Number(number.saturating_add(1)),
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(place) => write!(f, "{place}"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// The transactions that a filter leaves below a mark, newest first: of an account, or of the whole chain.
pub(crate) fn list(
    snapshot: &dyn Snapshot,
    filter: &TransactionFilter,
    before: Option<Mark>,
    limit: usize,
) -> Result<TransactionList, Failure> {
    match filter.history() {
        Some(account) => {
            let before = before.and_then(|mark| match mark {
                Mark::Number(number) => Some(number),
                Mark::Place(_) => None,
            });
            history(snapshot, &account, filter, before, limit)
        }
        None => {
            let before = before.and_then(|mark| match mark {
                Mark::Place(place) => Some(place),
                Mark::Number(_) => None,
            });
            chain(snapshot, filter, before, limit)
        }
    }
}

/// Transactions of the whole chain below a place, newest first.
fn chain(
    snapshot: &dyn Snapshot,
    filter: &TransactionFilter,
    before: Option<Place>,
    limit: usize,
) -> Result<TransactionList, Failure> {
    let (first, last) = heights(snapshot, filter)?;
    let mut page = Page::new(limit);
    let above = Place {
        height: last.next(),
        index: 0,
    };
    let mut below = before.map_or(above, |before| before.min(above));
    let (mut looked_at, mut blocks) = (0, 0);
    let mut holds = MadeHolds::default();
    loop {
        // What is left of the block, or all of the one before it.
        let height = match below.index {
            0 => Height(below.height.0.saturating_sub(1)),
            _ => below.height,
        };
        if height < first || height == Height::GENESIS {
            return Ok(page.before(None));
        }
        if page.is_full() || looked_at >= MAX_LOOKED_AT || blocks >= MAX_BLOCKS_LOOKED_AT {
            return Ok(page.before(Some(below.to_string())));
        }
        // Blocks pruned here end the list.
        let Some(block) = snapshot.block(BlockRef::Height(height))? else {
            return Ok(page.before(None));
        };
        blocks += 1;
        let mut end = match below.index {
            0 => block.transaction_count,
            index => index.min(block.transaction_count),
        };
        while end > 0 && !page.is_full() && looked_at < MAX_LOOKED_AT {
            let wanted = if filter.selects() {
                LOOK_CHUNK
            } else {
                LOOK_CHUNK.min(page.room())
            };
            let start = end.saturating_sub(u32::try_from(wanted).unwrap_or(u32::MAX));
            let piece = snapshot.transactions_at(height, start, (end - start) as usize)?;
            if piece.len() != (end - start) as usize {
                return Err(cut_short(height).into());
            }
            for transaction in piece.into_iter().rev() {
                if page.is_full() {
                    break;
                }
                end -= 1;
                looked_at += 1;
                if holds.are_taken(snapshot, filter, &transaction)? {
                    page.push(transaction);
                }
            }
        }
        below = Place { height, index: end };
    }
}

/// Transactions of an account's history below a number, newest first.
pub(crate) fn history(
    snapshot: &dyn Snapshot,
    account: &Address,
    filter: &TransactionFilter,
    before: Option<u64>,
    limit: usize,
) -> Result<TransactionList, Failure> {
    let (first, last) = heights(snapshot, filter)?;
    let count = snapshot.account(account)?.transactions;
    let above = match filter.to {
        Some(_) => above(snapshot, account, count, last)?,
        None => count.saturating_add(1),
    };
    let mut page = Page::new(limit);
    let mut below = before.map_or(above, |before| before.min(above));
    let mut looked_at = 0;
    let mut holds = MadeHolds::default();
    while below > 1 {
        if page.is_full() || looked_at >= MAX_ENTRIES_LOOKED_AT {
            return Ok(page.before(Some(below.to_string())));
        }
        let wanted = if filter.selects() {
            LOOK_CHUNK
        } else {
            LOOK_CHUNK.min(page.room())
        };
        let piece = snapshot.history(account, Some(below), wanted)?;
        if piece.is_empty() {
            break;
        }
        for transaction in piece {
            if page.is_full() {
                break;
            }
            if transaction.height.is_some_and(|height| height < first) {
                return Ok(page.before(None));
            }
            // Downwards, or the list would have no end.
            let number = transaction.number.filter(|number| *number < below);
            below = number.ok_or_else(|| Fault(format!("the history of {account} has no numbers")))?;
            looked_at += 1;
            if holds.are_taken(snapshot, filter, &transaction)? {
                page.push(transaction);
            }
        }
    }
    Ok(page.before(None))
}

/// The number above those of an account's entries at or below a height.
fn above(snapshot: &dyn Snapshot, account: &Address, count: u64, last: Height) -> Result<u64, Failure> {
    first_number(1, count.saturating_add(1), |number| {
        let entry = snapshot
            .history(account, number.checked_add(1), 1)?
            .pop()
            .and_then(|entry| entry.height);
        Ok(entry.is_none_or(|height| height > last))
    })
}

/// The numbers of an account's entries between two points, both themselves included.
pub(crate) fn numbers(
    snapshot: &dyn Snapshot,
    account: &Address,
    from: Option<When>,
    to: Option<When>,
) -> Result<Range<u64>, Failure> {
    let filter = TransactionFilter {
        from,
        to,
        ..TransactionFilter::default()
    };
    let (first, last) = heights(snapshot, &filter)?;
    let count = snapshot.account(account)?.transactions;
    let low = match from {
        Some(_) => above(snapshot, account, count, Height(first.0.saturating_sub(1)))?,
        None => 1,
    };
    let high = match to {
        Some(_) => above(snapshot, account, count, last)?,
        None => count.saturating_add(1),
    };
    Ok(low..high.max(low))
}

/// The first of an account's entries with these numbers, which it has; oldest first.
pub(crate) fn entries(
    snapshot: &dyn Snapshot,
    account: &Address,
    numbers: &Range<u64>,
    limit: usize,
) -> Result<Vec<Transaction>, Fault> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut below = numbers.end.min(numbers.start.saturating_add(limit));
    let mut entries = Vec::new();
    while below > numbers.start {
        let left = usize::try_from(below - numbers.start).unwrap_or(usize::MAX);
        let piece = snapshot.history(account, Some(below), left.min(LOOK_CHUNK))?;
        let lowest = piece.last().and_then(|entry| entry.number);
        let lowest = lowest.filter(|lowest| (numbers.start..below).contains(lowest));
        below =
            lowest.ok_or_else(|| Fault(format!("the history of {account} lacks entries below {below}")))?;
        entries.extend(piece);
    }
    entries.reverse();
    Ok(entries)
}

/// The first and the last height that a filter leaves; the last is below the first if it leaves none.
fn heights(snapshot: &dyn Snapshot, filter: &TransactionFilter) -> Result<(Height, Height), Failure> {
    let first = match filter.from {
        None => Height(1),
        Some(When::Height(height)) => height.max(Height(1)),
        Some(When::Time(time)) => first_height(snapshot, |at| at >= time)?,
    };
    Ok((first, last_height(snapshot, filter.to)?))
}

/// The last height up to a point, itself included; 0 if all blocks are later.
pub(crate) fn last_height(snapshot: &dyn Snapshot, to: Option<When>) -> Result<Height, Failure> {
    let tip = snapshot.height();
    Ok(match to {
        None => tip,
        Some(When::Height(height)) => height.min(tip),
        Some(When::Time(time)) => Height(first_height(snapshot, |at| at > time)?.0.saturating_sub(1)),
    })
}

/// The first height whose time is late enough, or the one above the last. Times rise from block to block.
fn first_height(snapshot: &dyn Snapshot, is_late: impl Fn(Timestamp) -> bool) -> Result<Height, Failure> {
    let above = snapshot.height().0.saturating_add(1);
    let height = first_number(1, above, |height| {
        let block = snapshot.block(BlockRef::Height(Height(height)))?;
        // Pruned blocks are the oldest.
        Ok(block.is_some_and(|block| is_late(block.timestamp)))
    })?;
    Ok(Height(height))
}

/// The first number from `low` on that is late, or `high`; whatever follows a late one is late.
fn first_number(
    mut low: u64,
    mut high: u64,
    mut is_late: impl FnMut(u64) -> Result<bool, Failure>,
) -> Result<u64, Failure> {
    while low < high {
        let middle = low + (high - low) / 2;
        if is_late(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

/// That a block has fewer transactions than its header says.
pub(crate) fn cut_short(height: Height) -> Fault {
    Fault(format!(
        "block {height} has fewer transactions than its header says"
    ))
}

#[cfg(test)]
mod tests;
