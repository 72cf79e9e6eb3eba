//! Bounds that are part of the format (`docs/formats.md`, section 22): no parameter moves them.
//!
//! Names that end in `_BYTES` count bytes of an encoding, or of a text; all others count items.

/// One MiB.
const MIB: usize = 1 << 20;

// Amounts and assets (sections 1, 3 and 12).

/// Amounts of operations and supplies of assets are below this (10^38), so no sum of balances of one asset overflows.
pub const AMOUNT_LIMIT: u128 = 10_u128.pow(38);

/// Digits after an asset's decimal point (judged in execution).
pub const MAX_DECIMALS: u8 = 18;

/// An asset's flags are below this.
pub const ASSET_FLAGS_LIMIT: u8 = 4;

/// Different assets of which an account has a record of a balance.
pub const MAX_BALANCES: usize = 256;

/// Balances that share the account's own leaf: those of assets numbered 0 to 3.
pub const MAX_INLINE_BALANCES: usize = 4;

/// Open holds of an owner.
pub const MAX_OPEN_HOLDS: usize = 256;

// Transactions (sections 3 and 11).

/// Bytes of an encoded transaction, and of an encoded submission, whatever the parameters say.
pub const MAX_TRANSACTION_BYTES: u32 = 65_536;

/// Bytes of an encoded intent that has texts, and of the one that an `erase` carries.
pub const MAX_INTENT_WITH_TEXTS_BYTES: usize = 16_384;

/// Parties of an intent.
pub const MAX_PARTIES: usize = 16;

/// Operations of a transaction.
pub const MAX_OPERATIONS: usize = 256;

/// Signatures of a transaction.
pub const MAX_SIGNATURES: usize = 64;

/// What the signatures of a transaction may cost together.
pub const MAX_SIGNATURE_COST: u32 = 512;

/// Signers of an account.
pub const MAX_SIGNERS: usize = 16;

/// A signer's weight.
pub const MAX_WEIGHT: u16 = u16::MAX;

/// Leaves of a hold's condition.
pub const MAX_CONDITION_LEAVES: usize = 8;

/// Preimages that a release shows.
pub const MAX_PREIMAGES: usize = 8;

/// Guardians of an account.
pub const MAX_GUARDIANS: usize = 16;

// Texts (section 4).

/// Places of an intent: its memo, and two fields of each of 256 operations.
pub const MAX_PLACES: usize = 513;

/// Bytes of a transaction's memo.
pub const MAX_MEMO_BYTES: usize = 256;

/// Bytes of a transfer's memo.
pub const MAX_TRANSFER_MEMO_BYTES: usize = 128;

/// Bytes of a hold's memo.
pub const MAX_HOLD_MEMO_BYTES: usize = 128;

/// Bytes of a record's label.
pub const MAX_LABEL_BYTES: usize = 128;

/// Bytes of a record's metadata.
pub const MAX_METADATA_BYTES: usize = 1_024;

/// Bytes of an asset's description.
pub const MAX_DESCRIPTION_BYTES: usize = 128;

/// Bytes of the reason of a freeze, and of an unfreeze.
pub const MAX_REASON_BYTES: usize = 256;

/// Bytes of a proposal's explanation.
pub const MAX_EXPLANATION_BYTES: usize = 1_024;

// Batches, proposals and blocks (sections 5 to 9).

/// Bytes of an encoded signed batch, and of its texts, whatever the parameters say.
pub const MAX_BATCH_BYTES: u32 = 4 << 20;

/// Transactions in a batch, whatever the parameters say.
pub const MAX_BATCH_TRANSACTIONS: u32 = 32_768;

/// What the signatures of a batch may cost together, whatever the parameters say.
pub const MAX_BATCH_SIGNATURE_COST: u32 = 65_536;

/// Bytes of a batch around one transaction of the longest encoding, with what its texts count more in a whole copy
/// than in a submission.
pub const BATCH_FRAME_BYTES: u32 = 8_192;

/// Batches in a proposal, whatever the parameters say.
pub const MAX_PROPOSAL_BATCHES: u32 = 256;

/// Bytes that the batches of one proposal may have together.
pub const MAX_PROPOSED_BYTES: u32 = 32 << 20;

/// Heights in flight, whatever the parameters say.
pub const MAX_WINDOW: u32 = 64;

/// Bytes of an encoded proposal.
pub const MAX_PROPOSAL_BYTES: usize = 8_203;

/// Bytes of an encoded committee.
pub const MAX_COMMITTEE_BYTES: usize = 14_000;

/// Seats of a committee.
pub const MAX_SEATS: usize = 128;

/// Bytes of an encoded certificate.
pub const MAX_CERTIFICATE_BYTES: usize = 8_512;

/// Seals of a certificate, and of a certified header.
pub const MAX_SEALS: usize = 128;

/// Bytes of an encoded header, exactly.
pub const HEADER_BYTES: usize = 261;

/// Bytes of an encoded block without `recovery`.
pub const MAX_BLOCK_BYTES: usize = 8_512 + 32 * MIB;

/// Results of an outcome.
pub const MAX_RESULTS: usize = 256;

/// Bytes of an encoded entry of the transaction log.
pub const MAX_LOG_ENTRY_BYTES: usize = 4_224;

// Recovery (section 15).

/// Bytes of an encoded signed recovery.
pub const MAX_RECOVERY_BYTES: usize = 128 * MIB;

/// Bytes of an encoded stand-down.
pub const MAX_STAND_DOWN_BYTES: usize = 4 * MIB;

/// Stand-downs of a recovery.
pub const MAX_STAND_DOWNS: usize = 128;

/// Losses of a recovery.
pub const MAX_LOSSES: usize = 128;

/// Heights in a stand-down's `open`.
pub const MAX_OPEN_HEIGHTS: usize = 128;

/// Members that sign a recovery.
pub const MAX_RECOVERY_MEMBERS: usize = 65_536;

// State and governance (sections 12 and 15).

/// Bytes of a value of the state.
pub const MAX_VALUE_BYTES: usize = 32_768;

/// Bytes of an encoded change.
pub const MAX_CHANGE_BYTES: usize = 4_096;

/// Addresses of a seat.
pub const MAX_ADDRESSES: usize = 8;

/// Bytes of an address of a seat.
pub const MAX_ADDRESS_BYTES: usize = 280;

/// Proofs of new keys in one operation or change: validator, node and witness.
pub const MAX_KEY_PROOFS: usize = 3;

/// Characters of a member's name.
pub const MAX_NAME_BYTES: usize = 32;

/// Characters of a network's name.
pub const MAX_NETWORK_NAME_BYTES: usize = 64;

/// Members that have not left.
pub const MAX_MEMBERS: usize = 1_024;

/// Open proposals of a member.
pub const MAX_OPEN_PROPOSALS: usize = 8;

/// Proposals that wait for the epoch's end.
pub const MAX_PENDING: usize = 1_024;

/// How far ahead of its block's time a proposal may expire, in milliseconds: 90 days.
pub const MAX_PROPOSAL_LEAD_MS: u64 = 90 * 86_400_000;

/// How long a member that was reported as dormant can answer, in milliseconds.
pub const MAX_ANSWER_MS: u64 = 14 * 86_400_000;

/// How many heights below the present one an attestation's block, or a named batch of a seat, may be.
pub const MAX_ATTESTED_BELOW: u64 = 1_000;

/// Bytes of an encoded genesis document, and of its text.
pub const MAX_GENESIS_BYTES: usize = 4 * MIB;

// Proofs and files (sections 12, 17 and 18).

/// Bytes of an encoded proof of the state.
pub const MAX_STATE_PROOF_BYTES: usize = 16 * MIB;

/// Steps of a proof of the state.
pub const MAX_STATE_PROOF_STEPS: usize = 256;

/// Leaves of a proof of the state.
pub const MAX_STATE_PROOF_LEAVES: usize = 65_536;

/// Digests of an inclusion path.
pub const MAX_PATH: usize = 64;

/// Subtrees of a frontier.
pub const MAX_SUBTREES: usize = 64;

/// Items of a statement.
pub const MAX_STATEMENT_ITEMS: usize = 1_000_000;

/// Prefixes beside a statement.
pub const MAX_STATEMENT_BESIDE: usize = 1_024;

/// Balances of a statement's start.
pub const MAX_START_BALANCES: usize = 256;

/// Changes of a step: an operation changes at most one balance of an account.
pub const MAX_STEP_CHANGES: usize = 256;

/// Steps of a proof of committees.
pub const MAX_COMMITTEE_STEPS: usize = 65_536;

/// Leaves of a recovery's step in a proof of committees.
pub const MAX_RECOVERY_STEP_LEAVES: usize = 65_544;

/// Entries of a block's proof, and as many shown.
pub const MAX_BLOCK_ENTRIES: usize = 262_144;

/// Bytes of an encoded proof.
pub const MAX_PROOF_BYTES: usize = 256 * MIB;

/// Bytes of a proof file.
pub const MAX_PROOF_FILE_BYTES: usize = 512 * MIB;

/// Bytes of an encoded transaction that travels for signatures.
pub const MAX_TRAVELLING_BYTES: usize = 131_072;

/// Bytes of its file.
pub const MAX_TRAVELLING_FILE_BYTES: usize = MIB;

/// Bytes of an encoded message between validators.
pub const MAX_MESSAGE_BYTES: usize = 2 * MIB;
