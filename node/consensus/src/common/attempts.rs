//! How long a replica of Raft or Paxos waits before it tries to lead. An attempt can fail for want of time
//! alone, as disks or links are slow, or as two replicas outbid each other: so the wait grows while nothing
//! comes of attempts (pitfall 6).

use serde::{Deserialize, Serialize};

use crate::contract::{TimerRange, Timing};

/// A range doubles at most so often.
const MAX_DOUBLINGS: u32 = 16;

/// How often in a row the election timer has fired with nobody heard and nothing gained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Attempts(u32);

impl Attempts {
    /// One more came to nothing.
    pub(crate) fn note(&mut self) {
        self.0 = self.0.saturating_add(1);
    }

    /// Those so far say nothing about the next. Gives whether the wait had grown.
    pub(crate) fn forget(&mut self) -> bool {
        std::mem::take(&mut self.0) > 1
    }

    /// The election timeout: the first two attempts wait as long as anybody would, and besides that as long as the
    /// own disk takes; each further one twice as long. On a slow disk it is spread as wide as an election takes, or
    /// votes would split.
    pub(crate) fn timeout(self, timing: &Timing, disk_adds_ms: u32) -> TimerRange {
        let from_ms = timing.election.from_ms.saturating_add(disk_adds_ms);
        let to_ms = timing
            .election
            .to_ms
            .saturating_add(disk_adds_ms.saturating_mul(2));
        let doublings = match breaks!(AttemptsNotDoubled) {
            true => 0,
            false => self.0.saturating_sub(1).min(MAX_DOUBLINGS),
        };
        let cap = timing.progress_cap_ms.max(timing.election.to_ms);
        let scale = |ms: u32| ms.saturating_mul(1 << doublings).min(cap);
        // At the cap it has to be drawn from a range as well.
        TimerRange {
            from_ms: scale(from_ms).min(scale(to_ms) / 2).max(timing.election.from_ms),
            to_ms: scale(to_ms),
        }
    }
}
