//! What time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use quorate_ledger::Timestamp;

use crate::failure::Failure;

/// This machine's clock.
pub fn now() -> Result<Timestamp, Failure> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .map(Timestamp)
        .ok_or_else(|| Failure::failed("this machine's clock is before 1970"))
}
