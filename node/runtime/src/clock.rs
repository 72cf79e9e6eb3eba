//! The node's clock: handed to engines with every input, never read in execution.

use std::time::{SystemTime, UNIX_EPOCH};

use quorate_ledger::Timestamp;

/// Milliseconds since 1970, 0 for a clock before that.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
