//! Proofs of chains that were executed, checked by quorate-verifier and compared with what happened.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

mod blocks;
mod committees;
mod damage;
mod golden;
mod lies;
mod not_executed;
mod people;
mod plain;
mod random;
mod scenario;
mod sizes;
mod statements;
mod states;
mod synthetic;
mod transactions;
mod world;
