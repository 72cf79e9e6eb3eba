//! Disks that take longer than timeouts: they cost latency, and never the ability to elect or to keep a leader.

use quorate_consensus::Timing;
use quorate_crypto::Engine;
use quorate_simulator::chart::{Happening, NoteKind};
use quorate_simulator::{BatchTimes, Befalls, Command, Report, Scenario, Simulation, Whom};

const PROTOCOLS: [Engine; 3] = [Engine::Pbft, Engine::Raft, Engine::Paxos];

/// Four validators with fast links, each of whose flushes takes so long; a batch every 250 ms for 40 s.
fn with_flushes_of(ms: u64, protocol: Engine, seed: u64) -> Scenario {
    let mut scenario = Scenario::calm(4, seed).ordered_by(protocol).without_batches();
    scenario.timing = Timing::SHIPPED;
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

/// Who began to lead, with the time in milliseconds, the first included.
fn leaders(report: &Report) -> Vec<(u64, Option<usize>)> {
    let notes = report.chart.happenings.iter();
    let leads = notes.filter_map(|happening| match happening {
        Happening::Note(note) if note.event == NoteKind::Leads => Some((note.at_us / 1_000, note.lane)),
        _ => None,
    });
    leads.collect()
}

#[test]
fn flushes_of_300_ms_everywhere_change_the_leader_once_at_most() {
    for protocol in PROTOCOLS {
        let runs = (0..10).map(|seed| {
            let report = Simulation::new(with_flushes_of(300, protocol, seed)).chart();
            leaders(&report.expect_success()).len() - 1
        });
        let runs: Vec<usize> = runs.collect();
        println!("{protocol:?}: changes of leader in 40 s: {runs:?}");
        assert!(runs.iter().all(|changes| *changes <= 1), "{protocol:?}: {runs:?}");
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

/// How many batches the network certifies in a second, at the offered load, from a time to another.
fn rate(batches: &[BatchTimes], from_s: u64, to_s: u64) -> u64 {
    let within = |at: u64| (from_s * 1_000_000..to_s * 1_000_000).contains(&at);
    let certified = batches.iter().filter_map(|batch| batch.certified_us);
    certified.filter(|at| within(*at)).count() as u64 / (to_s - from_s)
}

/// When the leader of the moment becomes slow, in seconds.
const SLOWED_AT: u64 = 6;

/// Four validators with good disks that are given twenty batches a second for 18 s. Whoever leads after
/// [`SLOWED_AT`] has a disk whose flushes take 2 s from then on.
fn with_a_leader_slowed(protocol: Engine, seed: u64) -> Scenario {
    let mut scenario = Scenario::calm(4, seed).ordered_by(protocol).without_batches();
    scenario.timing = Timing::SHIPPED;
    scenario.links.delay_us = 1_000;
    scenario.faults_end_ms = 18_000;
    scenario.patience_ms = 60_000;
    for place in 0..360 {
        let who = u16::try_from(place % 4).expect("there are four");
        scenario = scenario.at(50 * place + 1, Command::Submit(who, 1));
    }
    let slow = Command::Befall(Whom::Leader, Befalls::SlowDisk(2_000));
    scenario.at(SLOWED_AT * 1_000, slow)
}

#[test]
fn a_leader_whose_flushes_begin_to_take_two_seconds_is_replaced_and_the_rate_comes_back() {
    let mut failed = Vec::new();
    for protocol in PROTOCOLS {
        for seed in 0..3 {
            let scenario = with_a_leader_slowed(protocol, seed);
            let led = leaders(&Simulation::new(scenario.clone()).chart().expect_success());
            let measured = Simulation::new(scenario).measure(None).expect_success().measured;
            let batches = measured.expect("it was measured").batches_waited;
            let before = rate(&batches, 3, SLOWED_AT);
            let after = rate(&batches, SLOWED_AT + 4, SLOWED_AT + 12);
            let is_back = |second: &u64| rate(&batches, *second, second + 1) * 10 >= before * 7;
            let back = (SLOWED_AT..SLOWED_AT + 12).find(is_back);
            let slow = led.iter().rfind(|(at, _)| *at < SLOWED_AT * 1_000);
            let slow = slow.expect("somebody led").1;
            println!(
                "{protocol:?} seed {seed}: {before} and then {after} batches a second, back in second {back:?}; \
                 slow is {slow:?}, leaders {led:?}"
            );
            let leads = led.last().and_then(|(_, lane)| *lane);
            if after * 10 < before * 7 || leads == slow {
                failed.push((protocol, seed));
            }
        }
    }
    assert_eq!(failed, []);
}
