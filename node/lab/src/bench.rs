//! Measuring this machine and a network on it.
//!
//! Latency is counted from the moment a transaction was meant to be sent to the moment a node answered
//! that it is certified; so a stall shows in every transaction that should have been sent meanwhile, not
//! only in the one that was. Throughput counts certified answers within the counted time. Signature checks
//! set the ceiling that throughput is compared with; it is measured in the same run.

pub(crate) mod accounts;
pub(crate) mod attack;
pub(crate) mod audit;
pub(crate) mod blocks;
pub(crate) mod ceiling;
pub(crate) mod chart;
pub(crate) mod failover;
pub(crate) mod load;
pub(crate) mod machine;
pub(crate) mod network;
pub(crate) mod payers;
pub(crate) mod report;
pub(crate) mod sync;
pub(crate) mod usage;
pub(crate) mod workload;
