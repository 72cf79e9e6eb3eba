//! The timers an engine has set: values with deadlines, restarted rather than fired after a gap.

use std::collections::BTreeMap;
use std::time::Duration;

use quorate_consensus::{Timer, TimerRange};
use quorate_crypto::Epoch;

/// A gap in the driver's own loop longer than this means that the process was stopped or starved:
/// peers are not to blame for what it did not hear (pitfall 35).
const GAP: Duration = Duration::from_millis(500);

/// The running timers.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    running: BTreeMap<(Epoch, Timer), Running>,
    random: u64,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    deadline: Duration,
    range: TimerRange,
}

impl Timers {
    /// No timer; durations are drawn from `seed` on, which should differ between validators.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            running: BTreeMap::new(),
            random: seed | 1,
        }
    }

    /// Starts or restarts `timer` of the engine of `epoch`.
    pub(crate) fn set(&mut self, epoch: Epoch, timer: Timer, range: TimerRange, now: Duration) {
        let deadline = now + self.draw(range);
        self.running.insert((epoch, timer), Running { deadline, range });
    }

    /// Stops `timer`, if it runs.
    pub(crate) fn cancel(&mut self, epoch: Epoch, timer: Timer) {
        self.running.remove(&(epoch, timer));
    }

    /// Stops all timers of epochs before this one.
    pub(crate) fn cancel_before(&mut self, epoch: Epoch) {
        self.running.retain(|(of, _), _| *of >= epoch);
    }

    /// When the next timer fires.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.running.values().map(|running| running.deadline).min()
    }

    /// A timer that is due, taken out.
    pub(crate) fn take_due(&mut self, now: Duration) -> Option<(Epoch, Timer)> {
        let due = self
            .running
            .iter()
            .find(|(_, running)| running.deadline <= now)
            .map(|(timer, _)| *timer)?;
        self.running.remove(&due);
        Some(due)
    }

    /// A timer by which an engine gives up on whoever leads, taken out.
    pub(crate) fn take_giving_up(&mut self) -> Option<(Epoch, Timer)> {
        let gives_up = |timer: &Timer| matches!(timer, Timer::Progress { .. } | Timer::NewReign { .. });
        let found = self.running.keys().find(|(_, timer)| gives_up(timer)).copied()?;
        self.running.remove(&found);
        Some(found)
    }

    /// After the loop slept from before `expected` until `now`: restarts all timers if that was a gap,
    /// and says so.
    pub(crate) fn restart_after_gap(&mut self, expected: Duration, now: Duration) -> bool {
        if now.saturating_sub(expected) < GAP {
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
        let width_us = u64::from(range.to_ms.saturating_sub(range.from_ms)) * 1_000 + 1;
        Duration::from_micros(u64::from(range.from_ms) * 1_000 + self.random % width_us)
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
        let start = Duration::from_secs(5);
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
        let start = Duration::from_secs(5);
        let mut timers = Timers::new(99);
        for _ in 0..1_000 {
            timers.set(Epoch(0), Timer::Resend, RANGE, start);
            let after = timers.next().unwrap() - start;
            assert!((100..=200).contains(&(after.as_millis() as u32)), "{after:?}");
        }
    }
}
