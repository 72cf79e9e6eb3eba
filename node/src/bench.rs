//! Measuring a network from outside.
//!
//! Latency is counted from the moment a transaction was meant to be sent to the moment a node answered
//! that it is certified; so a stall shows in every transaction that should have been sent meanwhile, not
//! only in the one that was.

pub(crate) mod accounts;
pub(crate) mod failover;
pub(crate) mod load;
pub(crate) mod report;
