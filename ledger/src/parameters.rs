//! Network parameters: bounds that every validator must share.

use serde::{Deserialize, Serialize};

use crate::limits::{
    MAX_BATCH_BYTES, MAX_BATCH_TRANSACTIONS, MAX_PROPOSAL_BATCHES, MAX_TRANSACTION_BYTES, MAX_WINDOW,
};

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

/// A parameter outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter} is {got}, {lowest} to {highest} are allowed")]
pub struct ParameterError {
    /// Its name.
    pub parameter: &'static str,
    /// The value given.
    pub got: u64,
    /// The least it may be.
    pub lowest: u64,
    /// The most it may be.
    pub highest: u64,
}

/// Milliseconds of a year: no lead in time may be longer.
const MAX_LEAD_MS: u64 = 366 * 86_400_000;

/// The most bytes that the batches of one proposal may have together.
const MAX_PROPOSAL_BYTES: u64 = 32 << 20;

/// The most unordered batches of one author that may be accepted unasked.
const MAX_AUTHOR_QUOTA: u32 = 4_096;

impl ParametersV1 {
    /// Checks that every parameter is in its range.
    pub fn check(&self) -> Result<(), ParameterError> {
        // A batch must have room for the largest transaction and its own frame.
        let batch_bytes = u64::from(self.max_transaction_bytes) + 256;
        // A block with its batches must fit into one answer of block sync.
        let batches = MAX_PROPOSAL_BYTES / u64::from(self.max_batch_bytes.max(1));
        let ranges = [
            (
                "max_transaction_bytes",
                self.max_transaction_bytes.into(),
                1_024,
                MAX_TRANSACTION_BYTES.into(),
            ),
            (
                "max_batch_bytes",
                self.max_batch_bytes.into(),
                batch_bytes,
                MAX_BATCH_BYTES.into(),
            ),
            (
                "max_batch_transactions",
                self.max_batch_transactions.into(),
                1,
                MAX_BATCH_TRANSACTIONS.into(),
            ),
            (
                "max_proposal_batches",
                self.max_proposal_batches.into(),
                1,
                u64::from(MAX_PROPOSAL_BATCHES).min(batches),
            ),
            ("max_expiry_lead_ms", self.max_expiry_lead_ms, 1_000, MAX_LEAD_MS),
            ("max_clock_lead_ms", self.max_clock_lead_ms, 1, MAX_LEAD_MS),
            ("window", self.window.into(), 1, MAX_WINDOW.into()),
            (
                "author_quota",
                self.author_quota.into(),
                1,
                MAX_AUTHOR_QUOTA.into(),
            ),
        ];
        for (parameter, got, lowest, highest) in ranges {
            if !(lowest..=highest).contains(&got) {
                return Err(ParameterError {
                    parameter,
                    got,
                    lowest,
                    highest,
                });
            }
        }
        Ok(())
    }
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
