//! What streams and webhooks carry: the documents of the reading calls, each with the part of the transaction log that
//! it speaks for. These parts follow each other without a gap, whatever was asked for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Block, Transaction};

/// The data of an event about a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransactionEvent {
    /// The transaction.
    #[serde(flatten)]
    pub transaction: Transaction,
    /// From this entry of the transaction log to the one before its `ordinal` there is nothing that was asked for. The
    /// next event speaks from the entry after `ordinal` on.
    pub log_from: u64,
}

/// The data of an event about a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockEvent {
    /// The block.
    #[serde(flatten)]
    pub block: Block,
    /// From this entry of the transaction log to the end of the block there is nothing that was asked for. The next
    /// event speaks from the entry `log_size` on.
    pub log_from: u64,
}
