//! Raft, one replica at a time, by hand, by the paper's sections. Whole networks are in the simulator.
#![expect(clippy::unwrap_used, reason = "in a test, a surprise is a failure")]

#[path = "../lab/crash_tolerant.rs"]
mod crash_tolerant;
mod election;
mod encodings;
mod epoch_end;
mod lab;
mod persistence;
mod recovery;
mod replication;
#[path = "../lab/mod.rs"]
mod shared;
mod transfer;
