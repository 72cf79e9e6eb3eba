//! The one window through which the API sees a node. The runtime implements it; so does the fake that
//! the API is tested against.
//!
//! Reads of the chain go through a [`Snapshot`], which stays at one certified height however long it is
//! held. They may touch the disk and are called on threads where that is allowed. What may wait for the
//! network is a future, and dropping it gives up waiting, nothing else.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use quorate_client::schema::Diagnosis;
use quorate_ledger::{Address, Amount, AssetCode, Digest, Height};
use tokio::sync::watch;

use crate::facts::{
    AccountFacts, Admission, AssetFacts, BlockFacts, BlockRef, EvidenceFacts, HistoryFacts, MemberFacts,
    NetworkFacts, PeerFacts, PendingFacts, RecordFacts, RecordPlace, Settled, StatusFacts, TipFacts,
    TransactionFacts, Unready, ValidatorFacts,
};

/// A boxed future, so that the trait can be used behind a pointer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The node itself failed to answer; the text is for its log, never for clients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// A running node.
pub trait Node: Send + Sync + 'static {
    /// Where the node and its network are.
    fn status(&self) -> StatusFacts;

    /// Genesis, parameters, committees.
    fn network(&self) -> NetworkFacts;

    /// The committee in force, in its order.
    fn validators(&self) -> Vec<ValidatorFacts>;

    /// Connections to other members.
    fn peers(&self) -> Vec<PeerFacts>;

    /// Misbehaviour seen, latest last.
    fn evidence(&self) -> Vec<EvidenceFacts>;

    /// The consortium's members.
    fn members(&self) -> Vec<MemberFacts>;

    /// The chain as of now.
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Fault>;

    /// The certified height as it grows. A snapshot taken after a value was seen is not below it.
    fn heights(&self) -> watch::Receiver<Height>;

    /// A transaction that was admitted here and is in no certified block.
    fn pending(&self, id: &Digest) -> Option<PendingFacts>;

    /// Admits transactions, given as their canonical bytes; the answers are in the same order.
    fn submit(&self, transactions: Vec<Bytes>) -> Answer<'_, Vec<Admission>>;

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
}

/// The chain at one certified height.
pub trait Snapshot {
    /// The last block.
    fn tip(&self) -> TipFacts;

    /// A block.
    fn block(&self, block: BlockRef) -> Result<Option<BlockFacts>, Fault>;

    /// The canonical bytes of a block with certificate and batches (`CertifiedBlock`).
    fn certified_block(&self, height: Height) -> Result<Option<Vec<u8>>, Fault>;

    /// A transaction.
    fn transaction(&self, id: &Digest) -> Result<Option<TransactionFacts>, Fault>;

    /// Executed transactions of a block in their order, from the one at index `from` on.
    fn transactions_at(
        &self,
        height: Height,
        from: u32,
        limit: usize,
    ) -> Result<Vec<TransactionFacts>, Fault>;

    /// An account.
    fn account(&self, address: &Address) -> Result<AccountFacts, Fault>;

    /// An account's history, newest first: entries with numbers below `before`.
    fn history(
        &self,
        address: &Address,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<HistoryFacts>, Fault>;

    /// An asset.
    fn asset(&self, code: &AssetCode) -> Result<Option<AssetFacts>, Fault>;

    /// Assets after `after`, ascending by code.
    fn assets(&self, after: Option<AssetCode>, limit: usize) -> Result<Vec<AssetFacts>, Fault>;

    /// Who holds an asset: accounts after `after`, ascending by address.
    fn holders(
        &self,
        code: &AssetCode,
        after: Option<Address>,
        limit: usize,
    ) -> Result<Vec<(Address, Amount)>, Fault>;

    /// Who recorded a document's hash: places after `after`, earliest first.
    fn records(
        &self,
        sha256: &Digest,
        after: Option<RecordPlace>,
        limit: usize,
    ) -> Result<Vec<RecordFacts>, Fault>;
}
