//! What is agreed on: transactions, batches, proposals, blocks, and what executing them means.
//! No disk, no network, no clock. Formats are those of `docs/formats.md`.
//!
//! A transaction reaches a block in these steps: its signers sign its [`Intent`]; a validator packs
//! [`Transaction`]s into a [`Batch`] and signs it; every validator makes a [`CheckedBatch`] of the bytes
//! by itself; consensus decides a [`Proposal`] that names batches; [`execute`] makes of it an
//! [`Execution`]: the [`Block`], and all that it changes in the state and its indexes.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use quorate_crypto::{Committee, Protocol, SigningKey};
//! use quorate_ledger::*;
//!
//! // A network of one validator, whose genesis gives all of an asset to Alice.
//! let [validator, alice, bob] = [1, 2, 3].map(|seed| SigningKey::from_seed(&[seed; 32]));
//! let network = Digest([7; 32]);
//! let committee = Committee::new(Epoch(0), Protocol::Pbft, 1, vec![validator.public()]);
//! let parameters = Parameters::default();
//! let (asset, supply) = ("QRT".parse()?, Amount(1_000));
//! let address = alice.public().address();
//! let description = "units of account".to_owned();
//! let assets = [GenesisAsset { code: asset, decimals: 2, description, issuer: address, supply }];
//! let balances = [GenesisBalance { address, asset, amount: supply }];
//! let seat = GenesisValidator { key: validator.public(), member: address };
//! let seats = GenesisCommittee { engine: Protocol::Pbft, protocol_version: 1, validators: vec![seat] };
//! let genesis = genesis_state(&assets, &balances, &parameters, &seats)?;
//! let mut state = MemoryState::genesis(&genesis);
//! let mut tree = genesis.tree();
//! let tip = Tip::genesis(network, Timestamp(1_000), genesis.root);
//!
//! // Alice pays Bob.
//! let to = bob.public().address();
//! let payment = Operation::Transfer { to, asset, amount: Amount(250), memo: String::new() };
//! let intent = Intent::V1(IntentV1 {
//!     network,
//!     sender: address,
//!     expires_at: Timestamp(60_000),
//!     salt: [0; 16],
//!     operations: vec![payment],
//!     memo: "lunch".to_owned(),
//! });
//! let transaction = intent.sign([&alice]);
//!
//! // The validator packs it; whoever receives the batch checks it.
//! let (epoch, author) = (Epoch(0), ValidatorIndex(0));
//! let batch = Batch::V1(BatchV1 { network, epoch, author, number: 1, transactions: vec![transaction] });
//! let bytes = Bytes::from(encode(&batch.sign(&validator)));
//! let rules = BatchRules { network: &network, committee: &committee, parameters: parameters.v1() };
//! let batch = Arc::new(CheckedBatch::check(bytes, &rules)?);
//!
//! // The decided proposal becomes a block.
//! let proposal = Proposal::new(Timestamp(2_000), vec![batch.digest()]);
//! let input = BlockInput {
//!     tip: &tip,
//!     proposal: &proposal,
//!     batches: &[batch],
//!     parameters: parameters.v1(),
//! };
//! let execution = execute(&input, &state, &mut tree)?;
//! state.apply(&execution);
//! assert_eq!(execution.transactions[0].outcome, Outcome::Success);
//! assert_eq!(execution.histories.len(), 2);
//!
//! // Anyone who trusts the block's header can be shown Bob's account.
//! let key = StateKey::account(&to);
//! let value = state.value(&key)?.ok_or("Bob has an account now")?;
//! let proof = tree.prove(&key).with_value(Some(&value))?;
//! let root = execution.block.header().state_root;
//! assert_eq!(proof.verify(&root, &key)?, Some(value_hash(&value)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod agreement;
mod batch;
mod block;
mod codec;
mod decimal;
mod execution;
pub mod limits;
mod parameters;
mod primitives;
mod proposal;
mod receipt;
mod state;
mod text;
mod transaction;
mod tree;

pub use agreement::{Agreement, AgreementV1, MIN_REJOIN_INTERVAL_MS, Rejoin, Seat, SeatV1};
pub use batch::{
    Batch, BatchBytes, BatchError, BatchRules, BatchTransaction, BatchV1, CheckedBatch, FormedBatch,
    SignatureGroup, SignedBatch, SignedBatchV1, count_transactions,
};
pub use block::{
    Block, BlockV1, CertifiedBlock, CertifiedBlockV1, ContentsError, Executed, Header, HeaderV1,
};
pub use codec::{DecodeError, decode, encode};
pub use decimal::{AmountError, format_amount, parse_amount};
pub use execution::{
    BlockInput, ExecutedTransaction, Execution, HistoryEntry, HistoryStep, RecordEntry, Refusal, Tip,
    TrialRules, Unrooted, execute, execute_unrooted, read_agreement, would_execute,
};
pub use parameters::{ParameterError, Parameters, ParametersV1};
pub use primitives::{Amount, AssetCode, NotAnAssetCode, Timestamp};
pub use proposal::{Proposal, ProposalError, ProposalV1};
pub use quorate_crypto::{Address, Digest, Epoch, Height, ValidatorIndex};
pub use receipt::{ErrorCode, Outcome, Receipt, ReceiptV1};
pub use state::{
    Account, AccountV1, Asset, AssetBalance, AssetV1, Balance, BalanceV1, GenesisAsset, GenesisBalance,
    GenesisCommittee, GenesisState, GenesisStateError, GenesisValidator, MemoryState, Overlay, Signers,
    StateError, StateKey, StateReader, genesis_state, read_value, value_hash, values_over,
};
pub use text::{is_unseen, visible};
pub use transaction::{
    BadSignature, FormError, Intent, IntentV1, KeySignature, Operation, OperationFormError, Signer,
    Transaction, TransactionV1,
};
pub use tree::{
    MAX_STEPS, ProofLeaf, ProofStep, StatePath, StateProof, StateProofError, StateProofV1, StateTree,
};
