//! Proofs to the byte (`docs/formats.md`, section 17). Limits of counts are those of section 22; they are looked at
//! before anything is allocated. What else has one form only is in `form.rs`, and looked at by [`Proof::decode`].

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::merkle::Frontier;
use quorate_crypto::{Committee, Digest};
use quorate_ledger::{
    BalanceItem, CertifiedHeader, Header, HistoryOwner, Intent, LogEntry, SignedRecovery, StateProof, Step,
    Text, TextItem, Timestamp, Transaction, encode, limits,
};
use serde::{Deserialize, Serialize};

use crate::at::At;
use crate::form;
use crate::verdict::{Code, Refusal};

/// Bytes of a proof at most.
pub const MAX_PROOF_BYTES: usize = limits::MAX_PROOF_BYTES;

/// Digests of an inclusion path at most.
pub const MAX_PATH: usize = limits::MAX_PATH;

/// State proofs of a `State` proof, and beside a statement, at most.
pub const MAX_STATE_PROOFS: usize = limits::MAX_STATEMENT_BESIDE;

/// Items of a statement at most.
pub const MAX_ITEMS: usize = limits::MAX_STATEMENT_ITEMS;

/// Balances at a statement's start at most: an account has no more.
pub const MAX_START_BALANCES: usize = limits::MAX_START_BALANCES;

/// Steps of a `Committees` proof at most.
pub const MAX_STEPS: usize = limits::MAX_COMMITTEE_STEPS;

/// Leaves of a recovery's step at most.
pub const MAX_RECOVERY_LEAVES: usize = limits::MAX_RECOVERY_STEP_LEAVES;

/// Entries of a `Block` proof at most, and as many of what is shown.
pub const MAX_ENTRIES: usize = limits::MAX_BLOCK_ENTRIES;

/// Places of a transaction's texts at most.
pub const MAX_TEXTS: usize = limits::MAX_PLACES;

/// A proof that somebody who was not there can check, with the genesis document or a pinned block alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// Version 1.
    V1(ProofV1),
}

/// Version 1 of [`Proof`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofV1 {
    /// The network's id.
    pub network: Digest,
    /// What is proven, and by what.
    pub body: ProofBody,
}

/// What is proven. The order is frozen.
#[allow(
    clippy::large_enum_variant,
    reason = "a proof is one value, and the page has no boxes"
)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProofBody {
    /// A transaction was executed (or a recovery began an epoch), where and with what outcome.
    Transaction {
        /// The header under which it is proven, with its seals.
        head: CertifiedHeader,
        /// The entry's place in the log, from 0.
        ordinal: u64,
        /// The entry.
        entry: LogEntry,
        /// Its inclusion path under the head's `log_root`.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_PATH>")]
        path: Vec<Digest>,
        /// What is shown of the transaction.
        shown: Shown,
    },
    /// What the state has under prefixes of keys, each complete.
    State {
        /// The header under which it is proven, with its seals.
        head: CertifiedHeader,
        /// 1 to 1,024, strictly ascending by prefix.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_STATE_PROOFS>")]
        leaves: Vec<StateProof>,
    },
    /// All that happened to an account or an asset in a range of time.
    Statement(Statement),
    /// The committees of epochs, each named by the one before, or by a recovery.
    Committees {
        /// Where it starts.
        trust: Trust,
        /// One for each epoch that it goes on.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_STEPS>")]
        steps: Vec<CommitteeStep>,
    },
    /// All transactions that a block executed.
    Block {
        /// The block's header, with its seals.
        head: CertifiedHeader,
        /// The header before; none at height 1.
        before: Option<Header>,
        /// The log before the block.
        log: Frontier,
        /// What the block appended to it.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_ENTRIES>")]
        entries: Vec<LogEntry>,
        /// Empty, or one for each entry.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_ENTRIES>")]
        shown: Vec<Shown>,
    },
    /// A transaction was not executed, and has expired.
    NotExecuted {
        /// The transaction's intent.
        intent: Intent,
        /// The leaf of the agreement, which says how long an intent may live.
        agreement: StateProof,
        /// The first party's statement over the time in which it could have been executed.
        statement: Statement,
    },
    /// Two certified blocks of which no chain has both: evidence.
    TwoHistories {
        /// Of one height the one with the lower hash, else the lower one.
        first: CertifiedHeader,
        /// The other one.
        second: CertifiedHeader,
        /// Of two heights: what `second`'s chain has in the place of `first`.
        there: Option<There>,
    },
    /// Two valid recoveries of one number: evidence.
    TwoRecoveries {
        /// The one whose document has the lower hash.
        first: RecoveryStep,
        /// The other one.
        second: RecoveryStep,
    },
}

/// What is shown of a transaction.
#[allow(clippy::large_enum_variant, reason = "most proofs show what they are about")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shown {
    /// Nothing but its entry in the log.
    #[default]
    Nothing,
    /// What was executed, without who signed it.
    Intent {
        /// The intent.
        intent: Intent,
        /// What is shown of its texts.
        texts: ShownTexts,
    },
    /// What was executed, with its signatures.
    Transaction {
        /// The transaction.
        transaction: Transaction,
        /// What is shown of its texts.
        texts: ShownTexts,
    },
}

/// What is shown of a transaction's texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShownTexts {
    /// None.
    #[default]
    Nothing,
    /// One item for each place.
    All(#[serde(deserialize_with = "bounded_vec::<_, _, MAX_TEXTS>")] Vec<TextItem>),
    /// One text of at least two, with its path.
    Alone {
        /// Its place's index among the intent's places.
        index: u16,
        /// The text.
        text: Text,
        /// Its inclusion path under the texts' root.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_PATH>")]
        path: Vec<Digest>,
    },
}

/// All that happened to an account or an asset in `[from, to)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The header under which it is proven, with its seals.
    pub head: CertifiedHeader,
    /// Whose it is.
    pub owner: HistoryOwner,
    /// The range's beginning.
    pub from: Timestamp,
    /// The range's end, which is not part of it.
    pub to: Timestamp,
    /// The owner's leaf.
    pub leaf: StateProof,
    /// The last place before the range at which the owner's balances are known.
    pub start: Start,
    /// The steps of the history from there on.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_ITEMS>")]
    pub items: Vec<Item>,
    /// Where the last of them is anchored.
    pub end: End,
    /// What else is shown of the state under the same head.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_STATE_PROOFS>")]
    pub beside: Vec<StateProof>,
}

/// Which header a later chain has in another's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct There {
    /// The hash of the header in the place of `first`.
    pub hash: Digest,
    /// Its inclusion path under `second`'s `chain_root`.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_PATH>")]
    pub path: Vec<Digest>,
}

/// Where a statement begins.
#[allow(clippy::large_enum_variant, reason = "a statement has one")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Start {
    /// With the history.
    Beginning {
        /// The balances that genesis gave the owner.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_START_BALANCES>")]
        balances: Vec<BalanceItem>,
    },
    /// With a waypoint.
    Waypoint {
        /// The hash of the step before.
        before: Digest,
        /// The waypoint's step.
        step: Step,
        /// The balances after it.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_START_BALANCES>")]
        balances: Vec<BalanceItem>,
        /// The inclusion path of the waypoint's hash.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_PATH>")]
        path: Vec<Digest>,
    },
}

/// One step of a history in a statement.
#[allow(clippy::large_enum_variant, reason = "most items are entries")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Item {
    /// Its inner hash alone: after the range.
    Passed(Digest),
    /// The step: before the range, or the one behind it.
    Opened(Step),
    /// The step with its transaction: in the range.
    Entry {
        /// The step.
        step: Step,
        /// The transaction's entry in the log.
        entry: LogEntry,
        /// What is shown of the transaction.
        shown: Shown,
    },
}

/// Where a statement's last item is anchored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// It is the history's last step.
    Last,
    /// It is a waypoint.
    Waypoint {
        /// The inclusion path of its hash.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_PATH>")]
        path: Vec<Digest>,
    },
}

/// Where a proof of committees starts.
#[allow(clippy::large_enum_variant, reason = "a proof has one")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trust {
    /// With the genesis document's committee.
    Genesis,
    /// With the block that the verifier has pinned.
    Pinned {
        /// Its header.
        header: Header,
        /// The committee that the header names.
        committee: Committee,
    },
}

/// How one epoch leads to the next.
#[allow(
    clippy::large_enum_variant,
    reason = "a recovery is rare, and each is checked for itself"
)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommitteeStep {
    /// By its last block, which names the next committee.
    Certificate {
        /// The last header, with its seals.
        head: CertifiedHeader,
        /// The next committee.
        next: Committee,
    },
    /// By a recovery.
    Recovery(RecoveryStep),
}

/// A recovery with what a verifier needs of the state that it builds on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryStep {
    /// The block that it builds on; none if that is genesis.
    pub base: Option<CertifiedHeader>,
    /// The document.
    pub document: SignedRecovery,
    /// Rules, agreement, counters, members, and the accounts of those who sign.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_RECOVERY_LEAVES>")]
    pub leaves: Vec<StateProof>,
}

/// The kinds of proofs, in the order of [`ProofBody`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProofKind {
    /// [`ProofBody::Transaction`].
    Transaction,
    /// [`ProofBody::State`].
    State,
    /// [`ProofBody::Statement`].
    Statement,
    /// [`ProofBody::Committees`].
    Committees,
    /// [`ProofBody::Block`].
    Block,
    /// [`ProofBody::NotExecuted`].
    NotExecuted,
    /// [`ProofBody::TwoHistories`].
    TwoHistories,
    /// [`ProofBody::TwoRecoveries`].
    TwoRecoveries,
}

impl ProofKind {
    /// The name in a file's first line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::State => "state",
            Self::Statement => "statement",
            Self::Committees => "committees",
            Self::Block => "block",
            Self::NotExecuted => "not-executed",
            Self::TwoHistories => "two-histories",
            Self::TwoRecoveries => "two-recoveries",
        }
    }
}

impl Proof {
    /// A proof for a network.
    pub fn new(network: Digest, body: ProofBody) -> Self {
        Self::V1(ProofV1 { network, body })
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &ProofV1 {
        let Self::V1(proof) = self;
        proof
    }

    /// What kind of proof it is.
    pub fn kind(&self) -> ProofKind {
        match self.v1().body {
            ProofBody::Transaction { .. } => ProofKind::Transaction,
            ProofBody::State { .. } => ProofKind::State,
            ProofBody::Statement(_) => ProofKind::Statement,
            ProofBody::Committees { .. } => ProofKind::Committees,
            ProofBody::Block { .. } => ProofKind::Block,
            ProofBody::NotExecuted { .. } => ProofKind::NotExecuted,
            ProofBody::TwoHistories { .. } => ProofKind::TwoHistories,
            ProofBody::TwoRecoveries { .. } => ProofKind::TwoRecoveries,
        }
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The proof whose canonical bytes these are. It has the one form that section 17 allows; what it says is not yet
    /// checked.
    ///
    /// # Errors
    /// `not_canonical`.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let at = At::Whole("proof");
        if bytes.len() > MAX_PROOF_BYTES {
            let reason = format!("{} bytes, at most {MAX_PROOF_BYTES} are allowed", bytes.len());
            return Err(Refusal::new(Code::NotCanonical, at, reason));
        }
        let proof: Self = bcs::from_bytes(bytes)
            .map_err(|error| Refusal::new(Code::NotCanonical, at, error.to_string()))?;
        form::check(proof.v1(), bytes.len())?;
        Ok(proof)
    }
}
