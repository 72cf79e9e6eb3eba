//! The HTTP API, its event streams, and the block explorer.

mod facts;
mod node;

pub use facts::{
    AccountFacts, Admission, AssetFacts, BlockFacts, BlockRef, EpochFacts, EvidenceFacts, ExecutedFacts,
    HistoryFacts, MemberFacts, NetworkFacts, PeerFacts, PendingFacts, RecordFacts, RecordPlace, Refusal,
    Settled, SignersFacts, StatusFacts, TipFacts, TransactionFacts, ValidatorFacts,
};
pub use node::{Answer, Fault, Node, Snapshot};
