//! The ledger's tests, as its users see it.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

mod batch_check;
mod contents;
mod execution;
mod form;
mod genesis_state;
mod golden;
mod history;
mod overlay;
mod properties;
mod rejoining;
mod skipping;
mod state_tree;
mod trial;
mod world;
