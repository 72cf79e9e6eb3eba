//! Counting what became of transactions.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::Schedule;
use crate::bench::report::{latencies, millis};

/// Seconds of which is kept what happened in each: a chart shows no more.
const MAX_SECONDS: usize = 3_600;

/// Transactions of which is kept when each was due: hours at a rate that one machine takes.
const MAX_ANSWERS: usize = 1 << 22;

/// A transaction that was certified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// When it should have been sent.
    pub(crate) due: Instant,
    /// When its answer came.
    pub(crate) answered: Instant,
}

/// What an answer says about one transaction.
pub(super) enum Settled {
    /// Certified, with success.
    Committed,
    /// Certified, and failed.
    Failed(String),
    /// Not taken, for a reason that another try does not change.
    Refused(String),
    /// Not decided at the deadline.
    Unknown,
}

/// What became of one transaction.
pub(super) struct Settlement {
    /// When it should have been sent.
    pub(super) due: Instant,
    /// When its answer came.
    pub(super) answered: Instant,
    /// The answer.
    pub(super) settled: Settled,
}

/// Counts of what became of transactions that were due after the warm-up; those answered within the
/// counted time are counted whenever they were due.
pub(crate) struct Tally {
    /// Transactions that were due.
    pub(crate) offered: u64,
    /// Certified with success.
    pub(crate) committed: u64,
    /// Of these, certified before the time was over.
    pub(crate) committed_in_time: u64,
    /// Answered as certified with success within the counted time.
    pub(crate) answered: u64,
    /// Certified and failed, by code.
    pub(crate) failed: BTreeMap<String, u64>,
    /// Refused, by code.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Answers that there was no room, after which it was tried again.
    pub(crate) busy: u64,
    /// Undecided at the deadline.
    pub(crate) unknown: u64,
    /// Calls that could not leave when they should have, as too many were open.
    pub(crate) held_back: u64,
    /// In microseconds, from when it was due.
    pub(crate) latencies: Histogram<u64>,
    /// By second since the load began, the warm-up included.
    pub(crate) seconds: Vec<Second>,
    /// Each that was certified, the warm-up included; none unless they are asked for.
    pub(crate) answers: Option<Vec<Answer>>,
}

/// What was answered as certified within one second.
pub(crate) struct Second {
    /// How many transactions.
    pub(crate) committed: u64,
    latencies: Histogram<u64>,
}

impl Second {
    /// A quantile of the latency of what was answered, in milliseconds.
    pub(crate) fn latency(&self, quantile: f64) -> f64 {
        millis(&self.latencies, quantile)
    }
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self {
            offered: 0,
            committed: 0,
            committed_in_time: 0,
            answered: 0,
            failed: BTreeMap::new(),
            refused: BTreeMap::new(),
            busy: 0,
            unknown: 0,
            held_back: 0,
            latencies: latencies(),
            seconds: Vec::new(),
            answers: None,
        }
    }

    /// Keeps each transaction that is certified.
    pub(super) fn keeping_answers(mut self) -> Self {
        self.answers = Some(Vec::new());
        self
    }

    /// Counts one transaction.
    pub(super) fn count(&mut self, settlement: Settlement, schedule: &Schedule) {
        let Settlement {
            due,
            answered,
            settled,
        } = settlement;
        let is_counted = due >= schedule.counted_from;
        self.offered += u64::from(is_counted);
        if let Settled::Committed = settled {
            if let Some(answers) = self.answers.as_mut().filter(|kept| kept.len() < MAX_ANSWERS) {
                answers.push(Answer { due, answered });
            }
            let micros = u64::try_from((answered - due).as_micros())
                .unwrap_or(u64::MAX)
                .max(1);
            self.on_committed(answered, micros, schedule);
            if is_counted {
                self.committed += 1;
                self.committed_in_time += u64::from(answered <= schedule.end);
                self.latencies.saturating_record(micros);
            }
            return;
        }
        if !is_counted {
            return;
        }
        match settled {
            Settled::Failed(code) => *self.failed.entry(code).or_default() += 1,
            Settled::Refused(code) => *self.refused.entry(code).or_default() += 1,
            Settled::Unknown => self.unknown += 1,
            Settled::Committed => {}
        }
    }

    fn on_committed(&mut self, answered: Instant, micros: u64, schedule: &Schedule) {
        if answered >= schedule.counted_from && answered <= schedule.end {
            self.answered += 1;
        }
        if answered > schedule.end {
            return;
        }
        let second = usize::try_from((answered - schedule.start).as_secs()).unwrap_or(0);
        if second >= MAX_SECONDS {
            return;
        }
        while self.seconds.len() <= second {
            self.seconds.push(Second {
                committed: 0,
                latencies: latencies(),
            });
        }
        let second = &mut self.seconds[second];
        second.committed += 1;
        second.latencies.saturating_record(micros);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::load::Rate;

    #[test]
    fn what_was_due_in_the_warm_up_counts_for_throughput_alone() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let schedule = Schedule {
            start,
            counted_from: at(1_000),
            end: at(3_000),
            rate: Rate::Max,
        };
        let mut tally = Tally::new();
        for (due, answered) in [(100, 200), (900, 1_100), (1_500, 1_600), (2_900, 3_100)] {
            let settled = Settled::Committed;
            let settlement = Settlement {
                due: at(due),
                answered: at(answered),
                settled,
            };
            tally.count(settlement, &schedule);
        }
        assert_eq!(
            (
                tally.offered,
                tally.committed,
                tally.committed_in_time,
                tally.answered
            ),
            (2, 2, 1, 2)
        );
        let by_second: Vec<u64> = tally.seconds.iter().map(|second| second.committed).collect();
        assert_eq!(by_second, [1, 2]);
        assert!((tally.seconds[0].latency(0.5) - 100.0).abs() < 1.0);
    }
}
