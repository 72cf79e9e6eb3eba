//! Paxos, one replica at a time, by hand, by the papers' rules. Whole networks are in the simulator.
#![expect(clippy::unwrap_used, reason = "in a test, a surprise is a failure")]

#[path = "../lab/crash_tolerant.rs"]
mod crash_tolerant;
mod duels;
mod encodings;
mod epoch_end;
mod lab;
mod learning;
mod phase_1;
mod phase_2;
mod recovery;
#[path = "../lab/mod.rs"]
mod shared;
mod yielding;
