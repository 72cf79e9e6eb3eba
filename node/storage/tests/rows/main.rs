//! Rows of the chain's database: their bytes, what they say, and the hashes of long lists.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

mod disk;
mod histories;
mod log;
mod mutants;
mod numbers;
mod owners;
mod page;
mod random;
mod tiles;
mod waypoint_nodes;
