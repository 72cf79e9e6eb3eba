//! The runtime: joins engine, ledger, storage, network and API into a running node.

pub mod config;

pub use config::NodeConfig;
