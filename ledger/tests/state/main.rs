//! The state as its users see it: keys, values, the tree and its proofs.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

mod golden;
mod kinds;
mod memory;
mod model;
mod page;
mod proofs;
mod tree;
mod values;
