//! The HTTP API, its event streams, and the block explorer.
//!
//! Two routers: [`client_router`] for wallets, programs and browsers, [`operations_router`] for whoever
//! runs the node. Both see it through [`Node`] alone. [`serve`] puts a router on a listener.

mod activity;
mod app;
mod config;
mod events;
mod explorer;
mod facts;
mod input;
mod node;
mod openapi;
mod operations;
mod problem;
mod router;
mod routes;
mod serve;
mod shape;
mod shares;
mod submit;
mod turns;

pub use config::{ApiConfig, Bound, OperationsConfig};
pub use facts::{
    AccountFacts, Admission, AssetFacts, BlockFacts, BlockRef, EpochFacts, EvidenceFacts, ExecutedFacts,
    HistoryFacts, MemberFacts, NetworkFacts, PeerFacts, PendingFacts, RecordFacts, RecordPlace, Refusal,
    Settled, SignersFacts, Skip, StatusFacts, TipFacts, TransactionFacts, Unready, ValidatorFacts,
};
pub use node::{Answer, Fault, Node, Snapshot};
pub use operations::operations_router;
pub use quorate_client::schema::{SlownessView, VotingView};
pub use router::client_router;
pub use serve::{Bounds, serve};
pub use shares::ClientAddress;
