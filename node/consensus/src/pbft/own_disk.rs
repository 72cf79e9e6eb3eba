//! How long this replica's own disk takes, so that nobody else is blamed for it.
//!
//! Measured on its commits: from when one is asked to be signed until it comes back, signed and on disk. No
//! peer has a part in that, so none can stretch it. On a disk that is slow the wait for a primary grows by what
//! a height takes where all disks are as slow.

use std::collections::BTreeMap;

use quorate_crypto::Height;
use quorate_ledger::Timestamp;
use serde::{Deserialize, Serialize};

/// Flushes that a height takes in a row: the pre-prepare's, the prepare's and the commit's, each of which may find
/// one under way.
const FLUSHES_A_HEIGHT: u64 = 6;

/// One measure in so many is forgotten with each new one, so that a disk is slow for as long as it is slow.
const FORGETS: u64 = 8;

/// What is known of the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct OwnDisk {
    /// When commits were asked for that have not come back; one a height of the window.
    asked: BTreeMap<Height, Timestamp>,
    /// What a flush takes, in milliseconds.
    flush_ms: u64,
}

impl OwnDisk {
    /// A commit is asked for.
    pub(super) fn on_asked(&mut self, height: Height, now: Timestamp) {
        self.asked.insert(height, now);
    }

    /// It has come back.
    pub(super) fn on_back(&mut self, height: Height, now: Timestamp) {
        if let Some(asked) = self.asked.remove(&height) {
            let took = now.0.saturating_sub(asked.0);
            self.flush_ms = took.max(self.flush_ms - self.flush_ms.div_ceil(FORGETS));
        }
    }

    /// Heights up to this one are certified.
    pub(super) fn forget_up_to(&mut self, height: Height) {
        self.asked = self.asked.split_off(&height.next());
    }

    /// What it adds to a height, in milliseconds.
    pub(super) fn delay_ms(&self) -> u32 {
        u32::try_from(self.flush_ms.saturating_mul(FLUSHES_A_HEIGHT)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_slow_for_as_long_as_it_is_slow() {
        let mut disk = OwnDisk::default();
        assert_eq!(disk.delay_ms(), 0);
        disk.on_asked(Height(1), Timestamp(1_000));
        disk.on_back(Height(1), Timestamp(1_300));
        assert_eq!(disk.delay_ms(), 1_800);
        for height in 2..100 {
            disk.on_asked(Height(height), Timestamp(2_000));
            disk.on_back(Height(height), Timestamp(2_000));
        }
        assert_eq!(disk.delay_ms(), 0);
    }

    #[test]
    fn a_clock_that_goes_back_and_commits_that_never_return_measure_nothing() {
        let mut disk = OwnDisk::default();
        disk.on_asked(Height(1), Timestamp(1_000));
        disk.on_back(Height(1), Timestamp(400));
        disk.on_back(Height(9), Timestamp(9_000));
        disk.on_asked(Height(2), Timestamp(1_000));
        disk.forget_up_to(Height(2));
        disk.on_back(Height(2), Timestamp(9_000));
        assert_eq!(disk, OwnDisk::default());
    }
}
