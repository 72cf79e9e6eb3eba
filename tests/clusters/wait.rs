//! Waiting for what happens in other processes.

use std::time::{Duration, Instant};

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(50);

/// Looks until `look` finds something, and fails the test if it has not by the deadline.
#[track_caller]
pub(crate) fn until<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        std::thread::sleep(EVERY);
    }
}
