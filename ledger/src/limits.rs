//! Bounds that are part of the format: no parameter moves them.

/// Signatures of a transaction.
pub const MAX_SIGNATURES: usize = 16;

/// Operations of a transaction.
pub const MAX_OPERATIONS: usize = 256;

/// Bytes of a transaction's memo.
pub const MAX_MEMO_BYTES: usize = 256;

/// Bytes of a transfer's memo.
pub const MAX_TRANSFER_MEMO_BYTES: usize = 128;

/// Bytes of a record's label.
pub const MAX_LABEL_BYTES: usize = 128;

/// Bytes of a record's metadata.
pub const MAX_METADATA_BYTES: usize = 1_024;

/// Bytes of an asset's description.
pub const MAX_DESCRIPTION_BYTES: usize = 128;

/// Digits after an asset's decimal point.
pub const MAX_DECIMALS: u8 = 18;

/// Signers of an account.
pub const MAX_SIGNERS: usize = 16;

/// A signer's weight.
pub const MAX_WEIGHT: u32 = 65_535;

/// Different assets that an account holds.
pub const MAX_BALANCES: usize = 1_024;

/// Balances that share the account's own leaf.
pub const MAX_INLINE_BALANCES: usize = 4;

/// Bytes of an encoded transaction, whatever the parameters say.
pub const MAX_TRANSACTION_BYTES: u32 = 65_536;

/// Bytes of an encoded signed batch, whatever the parameters say.
pub const MAX_BATCH_BYTES: u32 = 4 << 20;

/// Transactions in a batch, whatever the parameters say.
pub const MAX_BATCH_TRANSACTIONS: u32 = 32_768;

/// Batches in a proposal, whatever the parameters say.
pub const MAX_PROPOSAL_BATCHES: u32 = 256;

/// Heights in flight, whatever the parameters say.
pub const MAX_WINDOW: u32 = 64;

/// Bytes of a value of the state: the epoch under way with all validators has fewer, and an account with
/// all its signers.
pub const MAX_VALUE_BYTES: usize = 8_192;
