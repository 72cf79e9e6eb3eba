//! What an order costs: messages, bytes, flushes, and time in message delays and in milliseconds.

use std::collections::BTreeMap;

use quorate_consensus::{TimerRange, Timing};

use super::{Network, quantile};
use crate::meter::{BatchTimes, Count, Measurement};
use crate::scenario::{Command, Links, Machines, Scenario};
use crate::simulation::Simulation;

/// Transactions in each batch.
pub const TRANSACTIONS: u64 = 100;

/// A message's delay where latency is counted in delays, in microseconds.
const DELAY_US: u64 = 20_000;

/// Timers that leave an idle network alone for long enough to look at one batch.
const PATIENT: Timing = Timing {
    resend: TimerRange {
        from_ms: 4_000,
        to_ms: 6_000,
    },
    progress: TimerRange {
        from_ms: 8_000,
        to_ms: 12_000,
    },
    progress_cap_ms: 60_000,
    heartbeat: TimerRange {
        from_ms: 4_000,
        to_ms: 6_000,
    },
    election: TimerRange {
        from_ms: 8_000,
        to_ms: 16_000,
    },
};

/// What one batch costs that comes alone, from its submission until everybody has it certified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alone {
    /// Engines' messages by kind.
    pub kinds: BTreeMap<&'static str, Count>,
    /// All of them.
    pub consensus: Count,
    /// The batch on its way to the others.
    pub batches: Count,
    /// Flushes of journals, all validators together.
    pub flushes: u64,
    /// Tenths of message delays until the first validator decides, if the batch is packed by a follower.
    pub decided_tenths: u64,
    /// Until a validator has a certified block.
    pub certified_tenths: u64,
    /// Until the validator does that packed the batch.
    pub certified_at_author_tenths: u64,
    /// Until everybody does.
    pub certified_everywhere_tenths: u64,
}

/// What a steady load costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steady {
    /// Transactions that were certified.
    pub transactions: u64,
    /// Heights that it took.
    pub heights: u64,
    /// Engines' messages, heartbeats among them.
    pub consensus: Count,
    /// Batches on their way.
    pub batches: Count,
    /// Questions for what is missing, and answers.
    pub catching_up: Count,
    /// Flushes of journals, all validators together.
    pub flushes: u64,
    /// From a batch's submission to the first certified block with it, in microseconds: the median.
    pub median_us: u64,
    /// The 99th percentile.
    pub p99_us: u64,
}

/// How far validators are from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// In one data centre: 0.1 to 0.5 ms a message.
    Near,
    /// On one continent: 10 to 30 ms.
    Far,
}

/// The median of what one batch of [`TRANSACTIONS`] costs on an idle network whose messages take the same
/// time each, whose flushes take next to none, and where a follower packs it.
pub fn alone(network: Network, seeds: u64) -> Alone {
    // The same for each seed, unless a heartbeat falls into the time.
    let mut runs: Vec<Alone> = (0..seeds).filter_map(|seed| one_alone(network, seed)).collect();
    runs.sort_by_key(|run| (run.consensus.messages, run.consensus.bytes));
    let middle = runs.len() / 2;
    runs.into_iter().nth(middle).unwrap_or_default()
}

fn one_alone(network: Network, seed: u64) -> Option<Alone> {
    // Whoever leads by then, one of two that are asked in turn does not.
    let runs = [0, 1]
        .into_iter()
        .filter_map(|author| run_alone(network, author, seed));
    runs.max_by_key(|run| run.certified_everywhere_tenths)
}

fn run_alone(network: Network, author: u16, seed: u64) -> Option<Alone> {
    let at = 40_000;
    let scenario = Scenario {
        faults_end_ms: at + 500,
        links: Links {
            least_delay_us: DELAY_US,
            delay_us: DELAY_US,
            ..Links::default()
        },
        calm_delay_us: DELAY_US,
        machines: Machines::default(),
        timing: PATIENT,
        ..network.calm(seed)
    };
    let scenario = scenario.at(at, Command::SubmitPayments(author, TRANSACTIONS));
    // The slowest engine needs six delays.
    let report = Simulation::new(scenario).measure(Some(7 * DELAY_US));
    let measured = report.measured.filter(|_| report.failure.is_none())?;
    let times = measured.batches_waited.first()?.clone();
    let tenths = |at: Option<u64>| Some((at? - times.submitted_us) * 10 / DELAY_US);
    Some(Alone {
        consensus: measured.votes(),
        batches: measured.batches,
        flushes: measured.flushes,
        decided_tenths: tenths(times.decided_us)?,
        certified_tenths: tenths(times.certified_us)?,
        certified_at_author_tenths: tenths(times.certified_at_author_us)?,
        certified_everywhere_tenths: tenths(times.certified_last_us)?,
        kinds: measured.consensus,
    })
}

/// What `batches` batches of [`TRANSACTIONS`] cost that come at random times at random validators, two
/// hundred in a second, all seeds together.
pub fn steady(network: Network, distance: Distance, batches: u64, seeds: u64) -> Steady {
    let mut sum = Steady::default();
    let mut waits = Vec::new();
    for seed in 0..seeds {
        let Some(measured) = run_steady(network, distance, batches, seed) else {
            continue;
        };
        let certified = measured
            .batches_waited
            .iter()
            .filter(|batch| batch.certified_us.is_some());
        sum.transactions += certified.map(|batch| batch.transactions).sum::<u64>();
        sum.heights += measured.heights;
        sum.consensus = [sum.consensus, measured.votes()].into_iter().sum();
        sum.batches = [sum.batches, measured.batches].into_iter().sum();
        sum.catching_up = [sum.catching_up, measured.catching_up].into_iter().sum();
        sum.flushes += measured.flushes;
        waits.extend(measured.batches_waited.iter().filter_map(BatchTimes::wait_us));
    }
    sum.median_us = quantile(&mut waits, 0.5).unwrap_or(0);
    sum.p99_us = quantile(&mut waits, 0.99).unwrap_or(0);
    sum
}

fn run_steady(network: Network, distance: Distance, batches: u64, seed: u64) -> Option<Measurement> {
    let (from, lasts) = (2_000, batches * 5);
    let (least_delay_us, delay_us) = match distance {
        Distance::Near => (100, 500),
        Distance::Far => (10_000, 30_000),
    };
    let mut scenario = Scenario {
        faults_end_ms: from + lasts,
        links: Links {
            least_delay_us,
            delay_us,
            ..Links::default()
        },
        calm_delay_us: delay_us,
        machines: Machines {
            flush_us: 1_000,
            ..Machines::default()
        },
        ..network.calm(seed)
    };
    let mut random = quorate_lies::Random::new(seed ^ 0x0057_ead1);
    for _ in 0..batches {
        let at = from + random.between(0, lasts);
        let who = random.between(0, network.validators as u64 - 1);
        let who = u16::try_from(who).unwrap_or(0);
        scenario = scenario.at(at, Command::SubmitPayments(who, TRANSACTIONS));
    }
    let report = Simulation::new(scenario).measure(None);
    report.measured.filter(|_| report.failure.is_none())
}
