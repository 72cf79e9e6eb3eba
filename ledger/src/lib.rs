//! What is agreed on: transactions, batches, proposals, blocks, and what executing them means.
//! No disk, no network, no clock. Formats are those of `docs/formats.md`.

mod batch;
mod block;
mod codec;
mod parameters;
mod primitives;
mod proposal;
mod receipt;
mod transaction;

pub use batch::{Batch, BatchV1, SignedBatch, SignedBatchV1};
pub use block::{Block, BlockV1, CertifiedBlock, CertifiedBlockV1, Executed, Header, HeaderV1};
pub use codec::{DecodeError, decode, encode};
pub use parameters::{Parameters, ParametersV1};
pub use primitives::{Amount, AssetCode, Timestamp};
pub use proposal::{Proposal, ProposalV1};
pub use quorate_crypto::{Address, Digest, Epoch, Height, ValidatorIndex};
pub use receipt::{ErrorCode, Outcome, Receipt, ReceiptV1};
pub use transaction::{Intent, IntentV1, KeySignature, Operation, Signer, Transaction, TransactionV1};
