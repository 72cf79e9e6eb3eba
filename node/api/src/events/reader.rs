//! What is certified as one sequence of events, read from any place on: for the streams of the API, and for webhooks.
//!
//! Whoever reads keeps a cursor and nothing else. One read looks at a bounded part of the chain and gives the events
//! of one piece of one block at most.
//!
//! Each event names the part of the transaction log that it speaks for: from `log_from` to its own entry, or to the
//! block's `log_size`, there is nothing else that the filter takes. These parts follow each other without a gap,
//! whatever the filter; so a reader knows that it has missed nothing.

use quorate_client::TransactionFilter;
use quorate_client::schema::{
    Block, BlockEvent, OperationKind, OperationView, Transaction, TransactionEvent, TransactionStatus,
};
use quorate_ledger::{Address, AssetCode, Height};
use serde::Serialize;

use crate::config::CHUNK;
use crate::holds::MadeHolds;
use crate::node::{BlockRef, Fault, Snapshot};
use crate::routes::blocks::with_ids;
use crate::scan::cut_short;

/// Pieces of a block that one read skips, when the filter leaves nothing of them.
const SKIP_BUDGET: usize = 64;

/// Which events to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamFilter {
    /// Those of blocks, of each block whatever else is asked for.
    pub blocks: bool,
    /// Those of transactions.
    pub transactions: bool,
    /// Of these, those that this account is a party of, or receives something or is given a claim by.
    pub account: Option<Address>,
    /// Those with an operation about this asset.
    pub asset: Option<AssetCode>,
    /// Those with an operation of this kind; with an asset too, one operation has to be both.
    pub kind: Option<OperationKind>,
}

/// Where to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamCursor {
    /// The block, which need not be certified yet.
    pub height: Height,
    /// The transaction in it, from 0; past the last one the block's own event is next.
    pub index: u32,
    /// From which entry of the log on the next event speaks; none: from the place itself.
    pub log_from: Option<u64>,
}

impl StreamCursor {
    /// At the beginning of a block.
    pub fn at(height: Height) -> Self {
        Self {
            height,
            index: 0,
            log_from: None,
        }
    }
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventPlace {
    /// A transaction of a certified block; it comes before its block's own event.
    Transaction {
        /// The block.
        height: Height,
        /// Its place in the block, from 0.
        index: u32,
        /// Its place in the transaction log, from 0.
        ordinal: u64,
    },
    /// A certified block.
    Block {
        /// The block.
        height: Height,
    },
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamedEvent {
    /// What it is about.
    pub place: EventPlace,
    /// From which entry of the log on it speaks.
    pub log_from: u64,
    /// The JSON of a [`TransactionEvent`] or of a [`BlockEvent`], in one line.
    pub data: String,
    /// Where to read on after it.
    pub after: StreamCursor,
}

/// Reads from the cursor on until there is an event, the certified chain ends, or enough was looked at; and says where
/// to read on.
pub fn read_stream(
    snapshot: &dyn Snapshot,
    filter: &StreamFilter,
    mut cursor: StreamCursor,
) -> Result<(Vec<StreamedEvent>, StreamCursor), Fault> {
    let tip = snapshot.height();
    let mut holds = MadeHolds::default();
    let mut events = Vec::new();
    for _ in 0..SKIP_BUDGET {
        if cursor.height > tip || !events.is_empty() {
            break;
        }
        let block = block_at(snapshot, cursor.height)?;
        let mut log_from = match cursor.log_from {
            Some(log_from) => log_from,
            None => log_at(snapshot, cursor, &block)?,
        };
        if filter.transactions && cursor.index < block.transaction_count {
            let piece = snapshot.transactions_at(cursor.height, cursor.index, CHUNK)?;
            if piece.is_empty() {
                return Err(cut_short(cursor.height));
            }
            for transaction in piece {
                let (height, index) = (cursor.height, cursor.index);
                cursor.index = cursor.index.saturating_add(1);
                cursor.log_from = Some(log_from);
                if !filter.takes(snapshot, &mut holds, &transaction)? {
                    continue;
                }
                let ordinal = ordinal_of(&transaction)?;
                let event = TransactionEvent {
                    transaction,
                    log_from,
                };
                let next = ordinal.saturating_add(1);
                cursor.log_from = Some(next);
                events.push(StreamedEvent {
                    place: EventPlace::Transaction {
                        height,
                        index,
                        ordinal,
                    },
                    log_from,
                    data: json(&event)?,
                    after: cursor,
                });
                log_from = next;
            }
        }
        if !filter.transactions || cursor.index >= block.transaction_count {
            let log_size = block.log_size;
            cursor = StreamCursor {
                log_from: Some(if filter.blocks { log_size } else { log_from }),
                ..StreamCursor::at(block.height.next())
            };
            if filter.blocks {
                let event = BlockEvent {
                    block: with_ids(snapshot, block)?,
                    log_from,
                };
                events.push(StreamedEvent {
                    place: EventPlace::Block {
                        height: event.block.height,
                    },
                    log_from,
                    data: json(&event)?,
                    after: cursor,
                });
            }
        }
    }
    Ok((events, cursor))
}

fn block_at(snapshot: &dyn Snapshot, height: Height) -> Result<Block, Fault> {
    let block = snapshot.block(BlockRef::Height(height))?;
    block.ok_or_else(|| Fault(format!("block {height} is below the tip and not on the chain")))
}

/// The first entry of the log at or after a cursor's place.
fn log_at(snapshot: &dyn Snapshot, cursor: StreamCursor, block: &Block) -> Result<u64, Fault> {
    if let Some(before) = cursor.index.checked_sub(1) {
        if before >= block.transaction_count {
            return Ok(block.log_size);
        }
        let before = snapshot.transactions_at(block.height, before, 1)?.pop();
        let before = before.ok_or_else(|| cut_short(block.height))?;
        return Ok(ordinal_of(&before)?.saturating_add(1));
    }
    let former = Height(block.height.0.saturating_sub(1));
    if former == Height::GENESIS {
        return Ok(0);
    }
    Ok(match snapshot.block(BlockRef::Height(former))? {
        Some(former) => former.log_size,
        // Pruned here: nobody goes on from it.
        None => block.log_size.saturating_sub(u64::from(block.transaction_count)),
    })
}

fn ordinal_of(transaction: &Transaction) -> Result<u64, Fault> {
    transaction
        .ordinal
        .ok_or_else(|| Fault(format!("transaction {} has no place in the log", transaction.id)))
}

fn json<T: Serialize>(event: &T) -> Result<String, Fault> {
    serde_json::to_string(event).map_err(|error| Fault(format!("an event cannot be written: {error}")))
}

impl StreamFilter {
    /// All events.
    pub const ALL: Self = Self {
        blocks: true,
        transactions: true,
        account: None,
        asset: None,
        kind: None,
    };

    fn takes(
        &self,
        snapshot: &dyn Snapshot,
        holds: &mut MadeHolds,
        transaction: &Transaction,
    ) -> Result<bool, Fault> {
        let of_lists = TransactionFilter {
            asset: self.asset,
            kind: self.kind,
            ..TransactionFilter::default()
        };
        if !holds.are_taken(snapshot, &of_lists, transaction)? {
            return Ok(false);
        }
        match &self.account {
            Some(account) => concerns(snapshot, holds, transaction, account),
            None => Ok(true),
        }
    }
}

/// Whether an account is a party of the transaction, or receives something or is given a claim by it.
fn concerns(
    snapshot: &dyn Snapshot,
    holds: &mut MadeHolds,
    transaction: &Transaction,
    account: &Address,
) -> Result<bool, Fault> {
    if transaction.parties.contains(account) {
        return Ok(true);
    }
    for act in &transaction.operations {
        let concerned = match &act.operation {
            OperationView::Mint { to, .. } | OperationView::Transfer { to, .. } => to == account,
            OperationView::Hold { beneficiary, .. } => beneficiary == account,
            OperationView::Release { hold, .. } | OperationView::Refund { hold } => {
                // Of what failed no hold is looked up: it paid nobody.
                let is_done = transaction.status == TransactionStatus::Committed;
                let made = if is_done {
                    holds.find(snapshot, hold)?
                } else {
                    None
                };
                hold.owner == *account || made.is_some_and(|made| made.beneficiary == *account)
            }
            _ => false,
        };
        if concerned {
            return Ok(true);
        }
    }
    Ok(false)
}
