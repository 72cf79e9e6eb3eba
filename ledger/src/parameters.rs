//! Network parameters: bounds that every validator must share.

use serde::{Deserialize, Serialize};

/// The parameters in force. They are part of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parameters {
    /// Version 1.
    V1(ParametersV1),
}

/// Version 1 of [`Parameters`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ParametersV1 {
    /// Bytes of an encoded transaction, at most 65,536.
    pub max_transaction_bytes: u32,
    /// Bytes of an encoded signed batch, at most 4 MiB.
    pub max_batch_bytes: u32,
    /// Transactions in a batch.
    pub max_batch_transactions: u32,
    /// Batches in a proposal, at most 256.
    pub max_proposal_batches: u32,
    /// How far past a block's time the expiry of a transaction in it may lie, in milliseconds.
    pub max_expiry_lead_ms: u64,
    /// A fresh proposal this far ahead of a validator's clock gets no prepare, in milliseconds.
    pub max_clock_lead_ms: u64,
    /// Heights in flight, 1 to 64.
    pub window: u32,
    /// Unordered batches of one author that are accepted unasked.
    pub author_quota: u32,
}

impl Default for ParametersV1 {
    fn default() -> Self {
        Self {
            max_transaction_bytes: 65_536,
            max_batch_bytes: 524_288,
            max_batch_transactions: 4_096,
            max_proposal_batches: 32,
            max_expiry_lead_ms: 86_400_000,
            max_clock_lead_ms: 5_000,
            window: 32,
            author_quota: 64,
        }
    }
}

impl Parameters {
    /// Version 1's fields.
    pub fn v1(&self) -> &ParametersV1 {
        let Self::V1(parameters) = self;
        parameters
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self::V1(ParametersV1::default())
    }
}
