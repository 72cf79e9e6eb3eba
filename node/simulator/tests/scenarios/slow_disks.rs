//! Disks that take longer than timeouts: they cost latency, and never the ability to elect or to keep a leader.

use quorate_consensus::{TimerRange, Timing};
use quorate_crypto::Protocol;
use quorate_simulator::chart::{Happening, NoteKind};
use quorate_simulator::{Command, Report, Scenario, Simulation};

const PROTOCOLS: [Protocol; 3] = [Protocol::Pbft, Protocol::Raft, Protocol::Paxos];

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

/// Four validators with fast links, each of whose flushes takes so long; a batch every 250 ms for 40 s.
fn with_flushes_of(ms: u64, protocol: Protocol, seed: u64) -> Scenario {
    let mut scenario = Scenario::calm(4, seed).ordered_by(protocol).without_batches();
    scenario.timing = SHIPPED;
    scenario.links.delay_us = 1_000;
    scenario.machines.least_flush_us = ms * 1_000;
    scenario.machines.flush_us = ms * 1_000;
    scenario.faults_end_ms = 40_000;
    scenario.patience_ms = 60_000;
    for place in 0..160 {
        let who = u16::try_from(place % 4).expect("there are four");
        scenario = scenario.at(500 + 250 * place, Command::Submit(who, 1));
    }
    scenario
}

fn run(scenario: Scenario) -> Report {
    Simulation::new(scenario).run().expect_success()
}

/// How often somebody began to lead, the first time included.
fn leaders(report: &Report) -> usize {
    let notes = report.chart.happenings.iter();
    let leads =
        notes.filter(|happening| matches!(happening, Happening::Note(note) if note.event == NoteKind::Leads));
    leads.count()
}

/// Paxos has no better bound yet: its first accepts wait for the proposer's own disk, and others lose patience.
#[test]
fn flushes_of_300_ms_everywhere_cost_few_changes_of_leader() {
    for (protocol, bound) in [(Protocol::Pbft, 3), (Protocol::Raft, 2), (Protocol::Paxos, 5)] {
        let runs = (0..10).map(|seed| {
            let report = Simulation::new(with_flushes_of(300, protocol, seed)).chart();
            leaders(&report.expect_success())
        });
        let runs: Vec<usize> = runs.collect();
        println!("{protocol:?}: {runs:?} leaders in 40 s");
        assert!(
            runs.iter().all(|leaders| *leaders <= bound),
            "{protocol:?}: {runs:?}"
        );
    }
}

#[test]
fn flushes_of_two_seconds_everywhere_stop_nobody() {
    for protocol in PROTOCOLS {
        for seed in 0..10 {
            let report = run(with_flushes_of(2_000, protocol, seed));
            println!("{protocol:?} seed {seed}: reign {}", report.view);
        }
    }
}

#[test]
fn a_leader_whose_flushes_take_two_seconds_is_replaced() {
    for protocol in PROTOCOLS {
        for seed in 0..10 {
            let mut scenario = with_flushes_of(1, protocol, seed);
            for who in 0..4 {
                // Whoever leads first: in PBFT the first one.
                if who == 0 {
                    scenario = scenario.with_slow_disk(who, 2_000);
                }
            }
            let report = run(scenario);
            println!(
                "{protocol:?} seed {seed}: reign {}, longest wait {} ms",
                report.view, report.longest_wait_ms
            );
        }
    }
}
