//! The JSON documents of the HTTP API. Hashes and keys are lower-case hex, addresses bech32m, amounts
//! decimal strings in the asset's smallest unit, times RFC 3339 in UTC with milliseconds.
//!
//! Fields are a promise: they may be added to, and unknown ones are ignored when reading.

mod account;
mod block;
mod consensus;
mod event;
mod governance;
mod network;
mod operation;
mod problem;
mod transaction;
mod webhook;

pub use account::{
    Account, Asset, AssetList, Balance, DocumentRecord, Hold, HoldList, Holder, HolderList, RecordList,
    SignerView, TransactionList,
};
pub use block::{Block, BlockList, SealView};
pub use consensus::{Cause, ConsensusFacts, Diagnosis, Finding, HeightFacts, PeerFindings, Severity};
pub use event::{BlockEvent, TransactionEvent};
pub(crate) use governance::limit_in_words;
pub use governance::{
    AttestedView, BallotView, ChangeItem, ChangeView, CommitteeFigures, CountView, FreezeView, GrantView,
    ImpactView, Member, MemberList, MemberName, MemberStatusView, NextKeysView, NotAState, Proposal,
    ProposalList, ProposalStateView, ReportView, RulesView, SittingSeat,
};
pub use network::{
    CommitteeMember, CommitteeView, EpochView, Evidence, EvidenceList, Network, ParametersView, Peer,
    PeerList, SeatView, SlownessView, Status, Validator, ValidatorList, VotingView,
};
pub use operation::{
    ActView, ConditionLeafView, ConditionView, ErasedPlace, HoldName, KeepView, NotAnOperation,
    OperationKind, OperationView,
};
pub use problem::{PROBLEM_CONTENT_TYPE, Problem};
pub use transaction::{
    SignatureView, SubmitMany, SubmitRequest, Submitted, SubmittedList, SubmittedStatus, TextState,
    Transaction, TransactionStatus, WithheldText,
};
pub use webhook::{DeadLetter, DeadLetterList, Webhook, WebhookList, WebhookState};

/// Content type of canonical bytes: one submission, or a block with certificate and batches.
pub const OCTET_STREAM: &str = "application/octet-stream";

/// Content type of many transactions in one call: the BCS of a sequence of byte strings, each the
/// canonical bytes of one submission.
pub const MANY_TRANSACTIONS: &str = "application/vnd.quorate.transactions";

/// The header that names the certified height an answer was read at.
pub const HEIGHT_HEADER: &str = "quorate-height";
