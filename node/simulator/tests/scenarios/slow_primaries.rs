//! Primaries that keep within their timers, and are not good enough.

use quorate_consensus::{TimerRange, Timing};
use quorate_simulator::{Command, Lie, Report, Scenario, Simulation};

/// The durations that a node has by default.
const SHIPPED: Timing = {
    const fn range(from_ms: u32, to_ms: u32) -> TimerRange {
        TimerRange { from_ms, to_ms }
    }
    Timing {
        resend: range(320, 480),
        progress: range(800, 1_200),
        progress_cap_ms: 60_000,
        heartbeat: range(400, 600),
        election: range(250, 500),
    }
};

/// Fast links and disks, and a batch every `every_ms` at one validator after the other.
fn loaded(validators: usize, seed: u64, every_ms: u64, until_ms: u64) -> Scenario {
    let mut scenario = Scenario::calm(validators, seed).without_batches();
    scenario.timing = SHIPPED;
    scenario.links.delay_us = 1_000;
    scenario.faults_end_ms = until_ms;
    scenario.patience_ms = 20_000;
    scenario.parameters.window = 32;
    for (place, at) in (1_000..until_ms).step_by(every_ms as usize).enumerate() {
        let who = (place % validators) as u16;
        scenario = scenario.at(at, Command::Submit(who, 1));
    }
    scenario
}

fn measured(scenario: Scenario) -> Report {
    Simulation::new(scenario).measure(None).expect_success()
}

/// How long batches of others than liars waited at their authors that were packed from then on: the 99th of a
/// hundred, and the longest, in milliseconds.
fn waits(report: &Report, from_ms: u64) -> (u64, u64) {
    let measured = report.measured.as_ref().unwrap();
    let times = measured.batches_waited.iter();
    let late = times.filter(|times| times.submitted_us >= from_ms * 1_000);
    let mut waits: Vec<u64> = late
        .filter_map(|times| Some(times.certified_at_author_us? - times.submitted_us))
        .collect();
    waits.sort_unstable();
    let place = waits.len() * 99 / 100;
    let longest = waits.last().copied().unwrap_or(0);
    (
        waits.get(place).copied().unwrap_or(longest) / 1_000,
        longest / 1_000,
    )
}

#[test]
fn probe_lies() {
    for lie in [
        None,
        Some(Lie::Silent),
        Some(Lie::Late { ms: 50 }),
        Some(Lie::Late { ms: 100 }),
        Some(Lie::Late { ms: 200 }),
        Some(Lie::Late { ms: 400 }),
        Some(Lie::Late { ms: 700 }),
        Some(Lie::Choosy { shows: 1 }),
        Some(Lie::Choosy { shows: 2 }),
        Some(Lie::Trickle { every_ms: 50 }),
        Some(Lie::Trickle { every_ms: 750 }),
        Some(Lie::Complainer),
        Some(Lie::Flagging { until_ms: 6_000 }),
    ] {
        for every in [25, 300] {
            for seed in 0..2 {
                let mut scenario = loaded(4, seed, every, 12_000);
                if let Some(lie) = lie {
                    scenario = scenario.with_liar(0, lie);
                }
                let report = measured(scenario);
                println!(
                    "{lie:?} every {every}: reigns {:?}, waits {:?} then {:?}",
                    report.reigns,
                    waits(&report, 0),
                    waits(&report, 5_000)
                );
            }
        }
    }
}

/// One honest validator, the last, whose links or disk are the worst.
#[derive(Clone, Copy, Debug)]
enum Worst {
    Nothing,
    SlowToAll(u64),
    SlowToOne(u64),
    SlowDisk(u64),
}

fn with_worst(scenario: Scenario, worst: Worst) -> Scenario {
    let last = scenario.validators as u16 - 1;
    match worst {
        Worst::Nothing => scenario,
        Worst::SlowToAll(ms) => scenario.with_slow_link(last, None, ms),
        Worst::SlowToOne(ms) => scenario.with_slow_link(last, Some(0), ms),
        Worst::SlowDisk(ms) => scenario.with_slow_disk(last, ms),
    }
}

fn with_liars(scenario: Scenario, lie: Lie) -> Scenario {
    let f = (scenario.validators as u16 - 1) / 3;
    (1..=f).fold(scenario, |scenario, who| scenario.with_liar(who, lie))
}

#[test]
fn probe_worst() {
    for size in [2, 3, 4, 7, 10, 13, 16] {
        for worst in [
            Worst::Nothing,
            Worst::SlowToAll(20),
            Worst::SlowToAll(100),
            Worst::SlowToAll(500),
            Worst::SlowToOne(100),
            Worst::SlowToOne(500),
            Worst::SlowDisk(100),
            Worst::SlowDisk(1_000),
        ] {
            let scenario = with_worst(loaded(size, 1, 40, 20_000), worst);
            let calm = waits(&Simulation::new(scenario.clone()).measure(None), 1_000);
            for lie in [Lie::Complainer, Lie::Flagging { until_ms: 4_000 }] {
                let report = Simulation::new(with_liars(scenario.clone(), lie)).measure(None);
                let last = report.reigns.last().unwrap().2;
                println!(
                    "n {size} {worst:?} {lie:?}: {} reigns, last at {last}, waits {:?} then {:?}, calm {calm:?} {:?}",
                    report.reigns.len(),
                    waits(&report, 0),
                    waits(&report, 12_000),
                    report.failure,
                );
            }
        }
    }
}
