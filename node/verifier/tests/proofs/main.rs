//! The verifier against the page's printed bytes, against the vectors that `tests/verifier` makes, and against mutants.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

mod chain;
mod golden;
mod judge;
mod mutants;
mod page;
mod python;
mod random;
mod recovered;
mod travelling;
mod trust;
mod vectors;
mod web;
