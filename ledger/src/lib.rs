//! What is agreed on: transactions, batches, proposals, blocks, and what executing them means.
//! No disk, no network, no clock. Formats are those of `docs/formats.md`.
//!
//! A transaction reaches a block in these steps: its parties sign its [`Intent`]; a validator packs
//! [`Transaction`]s into a [`Batch`] and signs it; every validator makes a [`CheckedBatch`] of the bytes
//! by itself; consensus decides a [`Proposal`] that names batches; [`execute`] makes of it an
//! [`Execution`]: the [`Block`], and all that it changes in the state, the log and the histories.

mod agreement;
mod batch;
mod block;
mod codec;
mod decimal;
mod execution;
mod governance;
mod history;
pub mod limits;
mod log;
mod outcome;
mod parameters;
mod primitives;
mod proposal;
mod recovery;
mod rules;
mod salts;
mod state;
mod text;
mod transaction;
mod tree;

pub use agreement::{
    Agreement, AgreementV1, MIN_REJOIN_INTERVAL_MS, NextEpoch, NextKeys, Rejoin, Seat, SeatV1,
};
pub use batch::{
    Batch, BatchBytes, BatchError, BatchRules, BatchTexts, BatchTextsV1, BatchTransaction, BatchV1,
    CheckedBatch, FormedBatch, NotWhole, SignatureGroup, SignedBatch, SignedBatchV1, UnfitTexts, WholeCopy,
    count_transactions,
};
pub use block::{
    Appended, Block, BlockError, BlockRules, BlockV1, CertifiedBlock, CertifiedBlockV1, CertifiedHeader,
    ContentsError, Executed, Header, HeaderV1, Parent, PlaceError, PlannedHeight, check_block, check_header,
    check_log, form_batches,
};
pub(crate) use codec::encode_into;
pub use codec::{DecodeError, decode, encode};
pub use decimal::{AmountError, ExactAmountError, format_amount, parse_amount, parse_exact_amount};
pub use execution::{
    BlockInput, ExecutedTransaction, Execution, HistoryEntry, LoggedEntry, PROTOCOL, PROTOCOLS, RecordEntry,
    Refusal, Tip, TrialRules, Unrooted, Waypoint, execute, execute_unrooted, read_agreement, would_execute,
};
pub use governance::{
    AddressesError, Attestation, AttestationV1, Ballot, Change, ChangeError, Limit, NotARight, Right, Scope,
    ScopeError, SeatKeys, check_addresses, is_listener,
};
pub use history::{
    BalanceChange, BalanceItem, HistoryOwner, HistoryStart, Step, WAYPOINT_INTERVAL, balances_root,
    history_hash,
};
pub use log::{LogEntry, LogEntryV1, LoggedRecovery, LoggedTransaction};
pub use outcome::{ErrorCode, Outcome};
pub use parameters::{ParameterError, Parameters, ParametersV1};
pub use primitives::{
    Amount, AssetCode, NotATime, NotAnAmount, NotAnAssetCode, Timestamp, format_time, parse_time,
};
pub use proposal::{Proposal, ProposalError, ProposalV1};
pub use quorate_crypto::{Address, Digest, Epoch, Height, ValidatorIndex};
pub use recovery::{
    AcceptedValue, Ballot as PaxosBallot, Entry, Loss, LossFault, LossV1, MAX_PLANNED_HEIGHTS,
    MemberSignatures, Open, PrepareSignature, PreparedCertificate, RaftEntry, Recovery, RecoveryError,
    RecoveryV1, SignatureFault, SignedLoss, SignedRecovery, SignedRecoveryV1, SignedStandDown, StandDown,
    StandDownFault, StandDownV1, Term, View, evidence_hash, plan,
};
pub use rules::{Majority, Rules, RulesV1};
pub use salts::{LongSaltLabel, MAX_SALT_LABEL_BYTES, SaltLabel, WalletSecret};
pub use state::{
    Account, AccountV1, Asset, AssetV1, Attested, Attesting, Balance, BalanceV1, Cast, Counters, CountersV1,
    Erased, Erasure, ErasureV1, Found, Freeze, FreezeV1, GenesisAsset, GenesisGrant, GenesisLists,
    GenesisMember, GenesisState, GenesisStateError, GovernanceProposal, GovernanceProposalV1, Grant, GrantV1,
    Guardians, GuardiansV1, Hold, HoldV1, InUse, InUseV1, Inline, Leaf, MAX_PROOF_LEAVES,
    MAX_STATE_PROOF_BYTES, MAX_STEPS, Member, MemberStatus, MemberV1, MemoryState, Overlay, Owner, PathStep,
    Prefix, ProposalState, Quota, QuotaShare, QuotaShareV1, QuotaV1, Record, RecordV1, RecoveryMark,
    RecoveryMarkV1, Report, Request, StateError, StateKey, StateProof, StateProofError, StateProofV1,
    StateReader, StateValue, Taken, ValueError, genesis_state, read_value, value_hash, values_over,
};
pub use text::{IllegalText, is_name, is_refused, is_unseen, legal_text, spreadsheet_cell, visible};
pub use transaction::{
    Act, Condition, ConditionError, ConditionLeaf, FormError, HoldRef, Intent, IntentV1, Keep, Operation,
    OperationFormError, Place, PlacesError, Signer, Signers, SignersError, Submission, SubmissionError,
    SubmissionV1, Text, TextError, TextItem, TextRule, Texts, Transaction, TransactionV1,
};
pub use tree::{PrefixPath, StateTree};
