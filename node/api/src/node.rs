//! The one window through which the API sees a node: it answers in the documents of the schema. The runtime
//! implements it; so does the fake that the API is tested against.
//!
//! Reads of the chain go through a [`Snapshot`], which stays at one certified height however long it is
//! held. They may touch the disk and are called on threads where that is allowed. What may wait for the
//! network is a future, and dropping it gives up waiting, nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use quorate_checkpoint::TilePath;
use quorate_client::schema::{
    Account, Asset, Balance, Block, DeadLetter, Diagnosis, DocumentRecord, Evidence, Hold, Holder, Network,
    Peer, Status, Transaction, ValidatorList, Webhook,
};
use quorate_crypto::Key;
use quorate_ledger::{
    Address, AssetCode, BalanceChange, Digest, ErrorCode, Height, HoldRef, Outcome, Prefix, StateKey,
    StateValue, Timestamp,
};
use tokio::sync::watch;

/// A boxed future, so that the trait can be used behind a pointer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The node itself failed to answer; the text is for its log, never for clients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// A running node.
pub trait Node: Send + Sync + 'static {
    /// Where the node and its network are.
    fn status(&self) -> Status;

    /// Genesis, committees, and the parameters that the node started with: those in force are in the state.
    fn network(&self) -> Result<Network, Fault>;

    /// The genesis document's canonical bytes, whose hash is the network id.
    fn genesis_bytes(&self) -> Vec<u8>;

    /// The committee in force.
    fn validators(&self) -> ValidatorList;

    /// Connections to other members.
    fn peers(&self) -> Vec<Peer>;

    /// Names of those who are known here to have sealed the last blocks since the node's start: in their certificates
    /// or, being slower than a quorum, afterwards.
    fn sealers(&self) -> BTreeMap<Height, BTreeSet<String>>;

    /// How long the last blocks with transactions took from the time that their leader gave them to their certificate
    /// here, by both clocks; ascending by height. Those that were fetched are not among them.
    fn certified_after(&self) -> Vec<(Height, Duration)>;

    /// Misbehaviour seen, latest last.
    fn evidence(&self) -> Vec<Evidence>;

    /// The chain as of now.
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Fault>;

    /// The certified height as it grows. A snapshot taken after a value was seen is not below it.
    fn heights(&self) -> watch::Receiver<Height>;

    /// A transaction that was admitted here and is in no certified block.
    fn pending(&self, id: &Digest) -> Option<Transaction>;

    /// Admits submissions, given as their canonical bytes; the answers are in the same order.
    fn submit(&self, transactions: Vec<Bytes>) -> Answer<'_, Vec<Admission>>;

    /// The note of the newest checkpoint that this node's validator signed, or of the one of a size; none if it has
    /// signed none, or no longer has it.
    fn checkpoint(&self, size: Option<u64>) -> Option<String>;

    /// The root of the same checkpoint, signed for COSE.
    fn signed_root(&self, size: Option<u64>) -> Option<Vec<u8>>;

    /// Resolves once the outcome of a transaction is certified, at once if it is already, and never
    /// for one that nobody submits. Waiting begins with the call, not with the first poll.
    fn settled(&self, id: Digest) -> Answer<'_, Result<Settled, Fault>>;

    /// Whether the node serves and votes, else why not.
    fn ready(&self) -> Result<(), Unready>;

    /// Metrics in the Prometheus text format.
    fn metrics(&self) -> String;

    /// Counts an answer. The route is the template of the call's path, `/v1/blocks/{block}`, or `other` for what is
    /// none, so that there are few.
    fn answered(&self, route: &str, status: u16, took: Duration);

    /// What each height in flight is waiting for, by validator name, and why.
    fn debug_consensus(&self) -> Diagnosis;

    /// Changes what is logged, in the syntax of the configuration's `log.level`.
    fn set_log_level(&self, directives: &str) -> Result<(), String>;

    /// From now on refuses connections with exactly these peers, by name.
    fn deny_peers(&self, names: Vec<String>) -> Result<(), String>;

    /// The webhooks, and how far each has come.
    fn webhooks(&self) -> Vec<Webhook>;

    /// What a webhook has given up, as it came; none if there is no webhook of this name.
    fn dead_letters(&self, webhook: &str) -> Option<Vec<DeadLetter>>;

    /// Has a webhook try again at once, with all that it has given up. Gives the webhook as it was; none if there is
    /// no webhook of this name.
    fn retry_webhook(&self, webhook: &str) -> Option<Webhook>;
}

/// The chain at one certified height.
pub trait Snapshot {
    /// The height; 0 before the first block.
    fn height(&self) -> Height;

    /// A block without the ids of its transactions, of which there may be thousands ([`Self::ids_at`]).
    fn block(&self, block: BlockRef) -> Result<Option<Block>, Fault>;

    /// The canonical bytes of a block with certificate and batches (`CertifiedBlock`).
    fn certified_block(&self, height: Height) -> Result<Option<Vec<u8>>, Fault>;

    /// The canonical bytes of a header with exactly a quorum of seals (`CertifiedHeader`).
    fn certified_header(&self, height: Height) -> Result<Option<Vec<u8>>, Fault>;

    /// A static file of the log: hashes of its tree, or entries; none if the log does not have them all.
    fn log_file(&self, path: &TilePath) -> Result<Option<Vec<u8>>, Fault>;

    /// A transaction.
    fn transaction(&self, id: &Digest) -> Result<Option<Transaction>, Fault>;

    /// An executed transaction in canonical bytes: its leaf of the log, the transaction, and what there is of its
    /// texts.
    fn transaction_bytes(&self, id: &Digest) -> Result<Option<Vec<u8>>, Fault>;

    /// Executed transactions of a block in their order, from the one at index `from` on.
    fn transactions_at(&self, height: Height, from: u32, limit: usize) -> Result<Vec<Transaction>, Fault>;

    /// The ids of these, without what they say.
    fn ids_at(&self, height: Height, from: u32, limit: usize) -> Result<Vec<Digest>, Fault>;

    /// An account, without what it was granted and what it is frozen for.
    fn account(&self, address: &Address) -> Result<Account, Fault>;

    /// An account's transactions, numbered, newest first: those with numbers below `before`.
    fn history(
        &self,
        address: &Address,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Transaction>, Fault>;

    /// What these entries changed of an account's balances, as [`Self::history`] numbers them: newest first.
    fn changes(
        &self,
        address: &Address,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<EntryChanges>, Fault>;

    /// What an account had after the entry with this number, which it has; ascending by code, none empty. With 0: what
    /// genesis gave it.
    fn balances_after(&self, address: &Address, number: u64) -> Result<Vec<Balance>, Fault>;

    /// Hashes that begin with these hexadecimal digits: so many of blocks, of executed transactions and of recorded
    /// documents at most, each ascending.
    fn beginning_with(&self, digits: &HexDigits, limit: usize) -> Result<Beginnings, Fault>;

    /// An account's open holds after `after`, ascending by their keys in the state.
    fn holds(&self, address: &Address, after: Option<HoldRef>, limit: usize) -> Result<Vec<Hold>, Fault>;

    /// The canonical bytes of a value of the state.
    fn state_value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, Fault>;

    /// Values of the state under a prefix, ascending by key: so many at most.
    fn state_under(&self, prefix: &Prefix, limit: usize) -> Result<Vec<StateValue>, Fault>;

    /// Proves something at this height: the text of a file that whoever has the genesis document can check.
    fn proof(&self, request: &ProofRequest) -> Result<Result<String, NoProof>, Fault>;

    /// An asset.
    fn asset(&self, code: &AssetCode) -> Result<Option<Asset>, Fault>;

    /// Assets after `after`, ascending by code.
    fn assets(&self, after: Option<AssetCode>, limit: usize) -> Result<Vec<Asset>, Fault>;

    /// Who holds an asset: accounts after `after`, ascending by address.
    fn holders(&self, code: &AssetCode, after: Option<Address>, limit: usize) -> Result<Vec<Holder>, Fault>;

    /// Who recorded a document's hash: places after `after`, earliest first.
    fn records(
        &self,
        sha256: &Digest,
        after: Option<RecordPlace>,
        limit: usize,
    ) -> Result<Vec<DocumentRecord>, Fault>;
}

/// Why a node is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unready {
    /// It follows the chain and answers, and does not vote until somebody acts.
    DoesNotVote {
        /// Why.
        reason: String,
    },
    /// So many validators observe that the others are no quorum.
    NoQuorumLeft {
        /// How many, and what that means.
        reason: String,
    },
    /// It is on its way, or waits for others.
    NotYet {
        /// For what.
        reason: String,
    },
}

/// Which block is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockRef {
    /// The one at this height.
    Height(Height),
    /// The one with this hash.
    Hash(Digest),
}

/// What an entry of an account's history changed of its balances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryChanges {
    /// Its number, from 1.
    pub number: u64,
    /// Ascending by asset; none if it changed nothing.
    pub changes: Vec<BalanceChange>,
}

/// The beginning of a hash: 1 to 64 hexadecimal digits in small letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HexDigits(String);

impl HexDigits {
    /// Reads digits; capital letters are taken, too.
    pub fn read(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The lowest and the highest hash that begin with them.
    pub fn bounds(&self) -> (Digest, Digest) {
        let filled = |digit: u8| {
            let mut bytes = [digit << 4 | digit; 32];
            for (place, found) in self.0.bytes().enumerate() {
                let value = match found {
                    b'0'..=b'9' => found - b'0',
                    _ => found - b'a' + 10,
                };
                if let Some(byte) = bytes.get_mut(place / 2) {
                    *byte = match place % 2 {
                        0 => value << 4 | (*byte & 0x0f),
                        _ => (*byte & 0xf0) | value,
                    };
                }
            }
            Digest(bytes)
        };
        (filled(0), filled(0xf))
    }
}

/// What has a hash that begins so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beginnings {
    /// Certified blocks, by hash and height.
    pub blocks: Vec<(Digest, Height)>,
    /// Executed transactions, by id.
    pub transactions: Vec<Digest>,
    /// Recorded documents, by SHA-256.
    pub records: Vec<Digest>,
}

/// Where on the chain a record was put. Orders as the chain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordPlace {
    /// The transaction's place in the log.
    pub ordinal: u64,
    /// The operation's place in the transaction.
    pub operation: u8,
}

/// What is to be proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofRequest {
    /// That a transaction was executed, where and with what outcome, with the transaction and what there is of its
    /// texts.
    Transaction {
        /// Its id.
        id: Digest,
    },
    /// Which texts of a transaction were erased, by whom and when, or that none was.
    Erasure {
        /// The transaction's id.
        id: Digest,
    },
    /// An account's leaf and all its balances and holds, or that it is not in the state.
    Account {
        /// The account.
        address: Address,
    },
    /// All of an account's entries in a time, with the balances before and after.
    Statement {
        /// The account.
        address: Address,
        /// From this block time on.
        from: Timestamp,
        /// To before this one.
        to: Timestamp,
    },
    /// An asset's leaf, or that there is none.
    Asset {
        /// Its code.
        code: AssetCode,
    },
    /// A document's records that have leaves of their own, or that there are none.
    Record {
        /// The document's hash.
        sha256: Digest,
        /// The account whose own record it would be; none: only who claims it.
        by: Option<Address>,
    },
    /// All that a block executed, in order, with what each transaction did.
    Block {
        /// Its height.
        height: Height,
    },
    /// The committees from genesis on.
    Committees {
        /// Up to the epoch of this height; none: of the last.
        to: Option<Height>,
    },
}

/// Why something cannot be proven.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProof {
    /// It is not so, as of this height: no such transaction was executed, no such epoch has begun.
    #[error("{0}")]
    NotSo(String),
    /// What was asked for makes no sense: an empty range of time.
    #[error("{0}")]
    Malformed(String),
    /// It would be longer than a proof may be: ask for less at once.
    #[error("{0}")]
    TooLong(String),
    /// This node does not have what the proof needs, or no longer.
    #[error("{0}")]
    NotAtHand(String),
}

/// What became of a submitted transaction.
#[derive(Clone, Debug)]
pub enum Admission {
    /// It is in the pool, by this call or an earlier one.
    Pending {
        /// Its id.
        id: Digest,
    },
    /// It was executed before.
    Executed(OutcomeAt),
    /// It was not admitted.
    Refused {
        /// Its id, if it could be decoded.
        id: Option<Digest>,
        /// Why.
        refusal: Refusal,
    },
}

/// The outcome of an executed transaction, and where. It is no document, as one is made for each transaction of
/// each block, whether anybody waits or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeAt {
    /// Its id.
    pub id: Digest,
    /// The block.
    pub height: Height,
    /// The place in the block.
    pub index: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// How waiting for a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// A certified block executed it.
    Executed(OutcomeAt),
    /// The certified time is past its expiry: it will never be executed.
    Expired,
    /// A certified block skipped it, and this node dropped it.
    Dropped(Skip),
}

/// Why a block skipped a transaction that had neither been executed nor expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Its signers no longer have authority.
    Unauthorised,
    /// Its expiry lay too far past the block's time.
    ExpiryTooFar,
}

/// Why a transaction was not admitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not the canonical encoding of a transaction, or one that breaks a rule of form.
    #[error("the transaction is malformed: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// Its texts are not here, not those that were signed, or none that may stand on the ledger.
    #[error("the transaction's texts are refused: {reason}")]
    Texts {
        /// Which of these: `texts_missing`, `texts_unfit` or `text_refused` (`docs/formats.md`, section 23).
        code: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Too many bytes.
    #[error("the transaction has {length} bytes, this network allows {limit}")]
    TooLarge {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// An attached signature does not fit.
    #[error("the signature of key {key} does not fit the transaction")]
    BadSignature {
        /// Whose.
        key: Key,
    },
    /// It is for another network.
    #[error("the transaction is for network {got}, this is network {expected}")]
    WrongNetwork {
        /// The transaction's network.
        got: Digest,
        /// This one.
        expected: Digest,
    },
    /// It has expired.
    #[error("the transaction has expired: build and sign a new one")]
    Expired,
    /// It expires further in the future than the network allows.
    #[error("the transaction expires too far in the future: at most {limit_ms} ms ahead are allowed")]
    ExpiryTooFar {
        /// The parameter `max_expiry_lead_ms`.
        limit_ms: u64,
    },
    /// The signers' weights do not reach a party's threshold.
    #[error("the signatures have weight {weight} for {party}, its threshold is {threshold}")]
    Unauthorised {
        /// The party.
        party: Address,
        /// Weight of the signatures that count.
        weight: u64,
        /// Weight needed.
        threshold: u32,
    },
    /// A signature is of a key that signs for none of the parties.
    #[error("the key {key} signs for none of the transaction's parties: sign with their signers alone")]
    NeedlessSignature {
        /// Whose.
        key: Key,
    },
    /// This node takes nothing from strangers.
    #[error(
        "this node takes transactions of accounts alone that hold something or that the genesis document names; \
         {sender} does neither: have somebody pay it first, or ask the node's operator (api.senders)"
    )]
    UnknownSender {
        /// Whose transaction it is.
        sender: Address,
    },
    /// Its sender's quota of today does not suffice.
    #[error(
        "today's quota of the sender's member, or of accounts without one, does not suffice for the transaction: send it on the next day (UTC, by the chain's time), or have the members vote on a larger one"
    )]
    OverQuota,
    /// Executed now, it would fail.
    #[error("operation {operation} would fail: {code}")]
    WouldFail {
        /// Why.
        code: ErrorCode,
        /// Which operation, from 0.
        operation: u8,
    },
    /// The pool is full.
    #[error("this node has as many pending transactions as it takes")]
    PoolFull {
        /// When to try again.
        retry_after_ms: u64,
    },
    /// The sender has as many pending transactions as one account may.
    #[error("this account has as many pending transactions here as one account may")]
    QuotaFull {
        /// When to try again.
        retry_after_ms: u64,
    },
    /// The node takes no transactions now (it is starting, stopping, or has stopped voting).
    #[error("this node takes no transactions now: {reason}")]
    Unavailable {
        /// Why.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_between_the_bounds_are_those_that_begin_so() {
        for (text, low, high) in [
            ("7", "70", "7f"),
            ("0aB", "0ab0", "0abf"),
            ("0abc", "0abc", "0abc"),
        ] {
            let (lowest, highest) = HexDigits::read(text).unwrap().bounds();
            assert_eq!(lowest.to_string(), format!("{low:0<64}"));
            assert_eq!(highest.to_string(), format!("{high:f<64}"));
        }
        let whole = "5".repeat(64);
        let (lowest, highest) = HexDigits::read(&whole).unwrap().bounds();
        assert_eq!(
            [lowest.to_string(), highest.to_string()],
            [whole.clone(), whole.clone()]
        );
        for other in ["", "0x7", "g", &format!("{whole}5"), "ä"] {
            assert_eq!(HexDigits::read(other), None, "{other}");
        }
    }
}
