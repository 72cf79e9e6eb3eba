//! The timers an engine has set: values with deadlines, restarted rather than fired after a gap.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use quorate_consensus::{Timer, TimerRange};
use quorate_crypto::Epoch;

/// A gap in the driver's own loop longer than this means that the process was stopped or starved:
/// peers are not to blame for what it did not hear (pitfall 35).
const GAP: Duration = Duration::from_millis(500);

/// The running timers.
#[derive(Debug, Default)]
pub(super) struct Timers {
    running: BTreeMap<(Epoch, Timer), Running>,
    random: u64,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    deadline: Instant,
    range: TimerRange,
}

impl Timers {
    /// No timer; durations are drawn from `seed` on, which should differ between validators.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            running: BTreeMap::new(),
            random: seed | 1,
        }
    }

    /// Starts or restarts `timer` of the engine of `epoch`.
    pub(super) fn set(&mut self, epoch: Epoch, timer: Timer, range: TimerRange, now: Instant) {
        let deadline = now + self.draw(range);
        self.running.insert((epoch, timer), Running { deadline, range });
    }

    /// Stops `timer`, if it runs.
    pub(super) fn cancel(&mut self, epoch: Epoch, timer: Timer) {
        self.running.remove(&(epoch, timer));
    }

    /// Stops all timers of epochs before this one.
    pub(super) fn cancel_before(&mut self, epoch: Epoch) {
        self.running.retain(|(of, _), _| *of >= epoch);
    }

    /// When the next timer fires.
    pub(super) fn next(&self) -> Option<Instant> {
        self.running.values().map(|running| running.deadline).min()
    }

    /// A timer that is due, taken out.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(Epoch, Timer)> {
        let due = self
            .running
            .iter()
            .find(|(_, running)| running.deadline <= now)
            .map(|(timer, _)| *timer)?;
        self.running.remove(&due);
        Some(due)
    }

    /// After the loop slept from before `expected` until `now`: restarts all timers if that was a gap,
    /// and says so.
    pub(super) fn restart_after_gap(&mut self, expected: Instant, now: Instant) -> bool {
        if now.saturating_duration_since(expected) < GAP {
            return false;
        }
        let timers: Vec<_> = self
            .running
            .iter()
            .map(|(timer, running)| (*timer, running.range))
            .collect();
        for ((epoch, timer), range) in timers {
            self.set(epoch, timer, range, now);
        }
        true
    }

    /// A duration within `range`. Xorshift: spread between validators is all that is asked of it.
    fn draw(&mut self, range: TimerRange) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let width = u64::from(range.to_ms.saturating_sub(range.from_ms)) + 1;
        Duration::from_millis(u64::from(range.from_ms) + self.random % width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: TimerRange = TimerRange {
        from_ms: 100,
        to_ms: 200,
    };

    #[test]
    fn pitfall_35_timers_restart_after_a_gap_instead_of_firing() {
        let start = Instant::now();
        let mut timers = Timers::new(7);
        timers.set(Epoch(0), Timer::Resend, RANGE, start);
        timers.set(Epoch(0), Timer::Progress { reign: 0 }, RANGE, start);
        let expected = timers.next().unwrap();
        let woken = expected + Duration::from_secs(10);
        assert!(timers.restart_after_gap(expected, woken));
        assert_eq!(timers.take_due(woken), None);
        assert!(timers.take_due(woken + Duration::from_millis(201)).is_some());
    }

    #[test]
    fn durations_stay_within_their_range() {
        let start = Instant::now();
        let mut timers = Timers::new(99);
        for _ in 0..1_000 {
            timers.set(Epoch(0), Timer::Resend, RANGE, start);
            let after = timers.next().unwrap() - start;
            assert!((100..=200).contains(&(after.as_millis() as u32)), "{after:?}");
        }
    }
}
