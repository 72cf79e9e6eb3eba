//! What is agreed on: transactions, batches, proposals, blocks, and what executing them means.
//! No disk, no network, no clock. Formats are those of `docs/formats.md`.

mod batch;
mod block;
mod codec;
mod execution;
pub mod limits;
mod parameters;
mod primitives;
mod proposal;
mod receipt;
mod state;
mod transaction;
mod tree;

pub use batch::{
    Batch, BatchError, BatchRules, BatchTransaction, BatchV1, CheckedBatch, FormedBatch, SIGNATURE_GROUP,
    SignatureGroup, SignedBatch, SignedBatchV1,
};
pub use block::{
    Block, BlockV1, CertifiedBlock, CertifiedBlockV1, ContentsError, Executed, Header, HeaderV1,
};
pub use codec::{DecodeError, decode, encode};
pub use execution::{
    BlockInput, ExecutedTransaction, Execution, HistoryEntry, RecordEntry, Refusal, Tip, TrialRules, execute,
    would_execute,
};
pub use parameters::{ParameterError, Parameters, ParametersV1};
pub use primitives::{Amount, AssetCode, NotAnAssetCode, Timestamp};
pub use proposal::{Proposal, ProposalError, ProposalV1};
pub use quorate_crypto::{Address, Digest, Epoch, Height, ValidatorIndex};
pub use receipt::{ErrorCode, Outcome, Receipt, ReceiptV1};
pub use state::{
    Account, AccountV1, Asset, AssetBalance, AssetV1, Balance, BalanceV1, GenesisAsset, GenesisBalance,
    GenesisState, GenesisStateError, MemoryState, Overlay, Signers, StateError, StateKey, StateReader,
    genesis_state, value_hash,
};
pub use transaction::{
    BadSignature, FormError, Intent, IntentV1, KeySignature, Operation, OperationFormError, Signer,
    Transaction, TransactionV1,
};
pub use tree::{
    MAX_STEPS, ProofLeaf, ProofStep, StatePath, StateProof, StateProofError, StateProofV1, StateTree,
};
