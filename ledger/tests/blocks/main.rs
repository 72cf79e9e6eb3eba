//! Batches, blocks, the log, histories and recoveries, as users of the ledger see them.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

mod batch_check;
mod block_check;
mod certificates;
mod golden;
mod outcomes;
mod plans;
mod recoveries;
mod recovery_encodings;
mod vectors;
mod whole_copies;
mod world;
