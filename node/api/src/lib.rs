//! The HTTP API, its event streams, and the block explorer.
//!
//! Two routers: [`client_router`] for wallets, programs and browsers, [`operations_router`] for whoever
//! runs the node. Both see it through [`Node`] alone. [`serve`] puts a router on a listener.

mod activity;
mod app;
mod config;
mod cors;
mod cursor;
mod events;
mod explorer;
mod governance;
mod holds;
mod hosts;
mod input;
mod node;
mod openapi;
mod operations;
mod problem;
mod router;
mod routes;
mod scan;
mod serve;
mod shares;
mod sizes;
mod submit;
mod turns;

pub use config::{ApiConfig, Bound, OperationsConfig};
pub use events::{EventPlace, StreamCursor, StreamFilter, StreamedEvent, read_stream};
pub use node::{
    Admission, Answer, Beginnings, BlockRef, EntryChanges, Fault, HexDigits, NoProof, Node, OutcomeAt,
    ProofRequest, RecordPlace, Refusal, Settled, Skip, Snapshot, Unready,
};
pub use operations::operations_router;
pub use router::client_router;
pub use serve::{Bounds, serve};
pub use shares::ClientAddress;
