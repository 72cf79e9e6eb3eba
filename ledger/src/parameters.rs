//! Network parameters (`docs/formats.md`, section 14): bounds that every validator must share.

use serde::{Deserialize, Serialize};

use crate::limits::{
    BATCH_FRAME_BYTES, MAX_BATCH_BYTES, MAX_BATCH_SIGNATURE_COST, MAX_BATCH_TRANSACTIONS,
    MAX_PROPOSAL_BATCHES, MAX_PROPOSED_BYTES, MAX_RECOVERY_BYTES, MAX_SIGNATURE_COST, MAX_TRANSACTION_BYTES,
    MAX_WINDOW,
};

/// The parameters in force. They are part of the state and change at an epoch's end alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parameters {
    /// Version 1.
    V1(ParametersV1),
}

/// Version 1 of [`Parameters`]. Its [`Default`] is what they are at first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ParametersV1 {
    /// Bytes of an encoded transaction, and of an encoded submission: 32,768 to 65,536.
    pub max_transaction_bytes: u32,
    /// Bytes of an encoded signed batch with its texts: `max_transaction_bytes` + 8,192 to 4 MiB.
    pub max_batch_bytes: u32,
    /// Transactions in a batch: 1 to 32,768.
    pub max_batch_transactions: u32,
    /// What the signatures of a batch may cost together: 512 to 65,536.
    pub max_batch_signature_cost: u32,
    /// Batches in a proposal: 1 to 256, and at most 32 MiB ÷ `max_batch_bytes`.
    pub max_proposal_batches: u32,
    /// How far past a block's time the expiry of a transaction in it may lie, in milliseconds: 1,000 to 366 days.
    pub max_expiry_lead_ms: u64,
    /// How far past a block's time the end of a hold made in it may lie, in milliseconds: 1,000 to 3,660 days.
    pub max_hold_ms: u64,
    /// A fresh proposal this far ahead of a validator's clock gets no vote, in milliseconds: 1 to 600,000.
    pub max_clock_lead_ms: u64,
    /// In PBFT, one this far behind it gets none either, in milliseconds: 1,000 to 600,000.
    pub max_clock_lag_ms: u64,
    /// Heights in flight: 1 to 64.
    pub window: u32,
    /// Unordered batches of one author that are accepted unasked: 1 to 4,096.
    pub author_quota: u32,
    /// In PBFT, how many times as long as an exchange of votes a primary may take: 2 to 64.
    pub slowness_factor: u32,
    /// In PBFT, how much longer than that it may take, in milliseconds: 1 to 10,000.
    pub slowness_floor_ms: u32,
    /// In PBFT, the part of the shortest wait that its slowness may add up to, as a divisor (2 is a half): 1 to 16.
    pub slowness_share: u32,
}

/// A parameter, or a rule, outside its range.
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

/// Milliseconds of a day.
pub(crate) const DAY_MS: u64 = 86_400_000;

/// A name, its value, and the least and the most that it may be.
pub(crate) type Ranged = (&'static str, u64, u64, u64);

fn of_u32(name: &'static str, got: u32, lowest: u32, highest: u32) -> Ranged {
    (name, got.into(), lowest.into(), highest.into())
}

/// Finds the first value outside its range.
pub(crate) fn check_ranges(ranges: impl IntoIterator<Item = Ranged>) -> Result<(), ParameterError> {
    let wrong = ranges
        .into_iter()
        .find(|(_, got, lowest, highest)| !(lowest..=highest).contains(&got));
    match wrong {
        Some((parameter, got, lowest, highest)) => Err(ParameterError {
            parameter,
            got,
            lowest,
            highest,
        }),
        None => Ok(()),
    }
}

impl ParametersV1 {
    /// Checks that every parameter is in its range.
    pub fn check(&self) -> Result<(), ParameterError> {
        check_ranges(self.ranges())
    }

    /// Every parameter: its name, its value, and the least and the most that it may be beside the others.
    pub fn ranges(&self) -> [(&'static str, u64, u64, u64); 14] {
        // A batch must have room for the largest transaction and its own frame, with texts counted as in a copy.
        let batch_bytes = u64::from(self.max_transaction_bytes) + u64::from(BATCH_FRAME_BYTES);
        // A block with its batches must fit into one answer of block sync.
        let batches = u64::from(MAX_PROPOSED_BYTES) / u64::from(self.max_batch_bytes.max(1));
        let largest = MAX_TRANSACTION_BYTES;
        [
            of_u32(
                "max_transaction_bytes",
                self.max_transaction_bytes,
                32_768,
                largest,
            ),
            (
                "max_batch_bytes",
                self.max_batch_bytes.into(),
                batch_bytes,
                MAX_BATCH_BYTES.into(),
            ),
            of_u32(
                "max_batch_transactions",
                self.max_batch_transactions,
                1,
                MAX_BATCH_TRANSACTIONS,
            ),
            of_u32(
                "max_batch_signature_cost",
                self.max_batch_signature_cost,
                MAX_SIGNATURE_COST,
                MAX_BATCH_SIGNATURE_COST,
            ),
            (
                "max_proposal_batches",
                self.max_proposal_batches.into(),
                1,
                u64::from(MAX_PROPOSAL_BATCHES).min(batches),
            ),
            ("max_expiry_lead_ms", self.max_expiry_lead_ms, 1_000, 366 * DAY_MS),
            ("max_hold_ms", self.max_hold_ms, 1_000, 3_660 * DAY_MS),
            ("max_clock_lead_ms", self.max_clock_lead_ms, 1, 600_000),
            ("max_clock_lag_ms", self.max_clock_lag_ms, 1_000, 600_000),
            of_u32("window", self.window, 1, MAX_WINDOW),
            of_u32("author_quota", self.author_quota, 1, 4_096),
            of_u32("slowness_factor", self.slowness_factor, 2, 64),
            of_u32("slowness_floor_ms", self.slowness_floor_ms, 1, 10_000),
            of_u32("slowness_share", self.slowness_share, 1, 16),
        ]
    }

    /// The most bytes of an encoded `CertifiedBlock` under these parameters (section 22); one with a recovery may have
    /// [`MAX_RECOVERY_BYTES`] more.
    pub fn max_certified_block_bytes(&self, with_recovery: bool) -> u64 {
        let batches = u64::from(self.max_proposal_batches).saturating_mul(self.max_batch_bytes.into());
        let recovery = if with_recovery {
            MAX_RECOVERY_BYTES as u64
        } else {
            0
        };
        batches.saturating_mul(3).saturating_add(65_536 + recovery)
    }
}

impl Default for ParametersV1 {
    fn default() -> Self {
        Self {
            max_transaction_bytes: 65_536,
            max_batch_bytes: 524_288,
            max_batch_transactions: 4_096,
            max_batch_signature_cost: 8_192,
            max_proposal_batches: 32,
            max_expiry_lead_ms: DAY_MS,
            max_hold_ms: 366 * DAY_MS,
            max_clock_lead_ms: 5_000,
            max_clock_lag_ms: 30_000,
            window: 32,
            author_quota: 64,
            slowness_factor: 4,
            slowness_floor_ms: 20,
            slowness_share: 2,
        }
    }
}

impl Parameters {
    /// Version 1's fields.
    pub fn v1(&self) -> &ParametersV1 {
        let Self::V1(parameters) = self;
        parameters
    }

    /// Checks that every parameter is in its range.
    pub fn check(&self) -> Result<(), ParameterError> {
        self.v1().check()
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self::V1(ParametersV1::default())
    }
}
