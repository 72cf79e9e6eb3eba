//! A validator that was away over the ends of two epochs, and whose driver hears of them while its executor is
//! past both. It was told of the second end before it had begun the first epoch, and fell mute.

use quorate_crypto::Engine;
use quorate_simulator::{Command, Scenario, Simulation};

/// Validator 3 is away while two epochs end; then another dies, so that its vote is needed.
fn away_over_two_ends(protocol: Engine, seed: u64, flush_us: u64) -> Scenario {
    let mut scenario = Scenario::calm(4, seed)
        .ordered_by(protocol)
        .without_batches()
        .at(100, Command::Crash(3))
        .at(300, Command::Rejoin(0, 1))
        .at(900, Command::Rejoin(1, 2))
        .at(1_600, Command::Start(3))
        .at(2_400, Command::Crash(2))
        .at(2_600, Command::Submit(0, 3));
    scenario.faults_end_ms = 4_000;
    scenario.patience_ms = 10_000;
    scenario.machines.least_flush_us = flush_us / 2;
    scenario.machines.flush_us = flush_us;
    scenario
}

#[test]
fn a_validator_that_was_away_over_two_ends_votes_in_the_third_epoch() {
    for protocol in [Engine::Pbft, Engine::Raft, Engine::Paxos] {
        for seed in 0..10 {
            for flush_us in [500, 2_000, 10_000, 50_000] {
                let scenario = away_over_two_ends(protocol, seed, flush_us);
                let report = Simulation::new(scenario).run().expect_success();
                assert_eq!(
                    report.epoch, 2,
                    "{protocol:?}, seed {seed}, flushes of {flush_us} us"
                );
            }
        }
    }
}

/// The chain is flushed long after the journal: what is said in the new epoch must not outlive its beginning.
#[test]
fn a_power_cut_right_after_an_epoch_began_loses_nothing_that_binds() {
    for protocol in [Engine::Pbft, Engine::Raft, Engine::Paxos] {
        for ms in 0..40 {
            let mut scenario = Scenario::calm(4, ms)
                .ordered_by(protocol)
                .at(300, Command::Rejoin(2, 1))
                .at(310 + 5 * ms, Command::Crash(0))
                .at(311 + 5 * ms, Command::Crash(1))
                .at(700, Command::Start(0))
                .at(700, Command::Start(1));
            scenario.machines.chain_flush_us = 100_000;
            scenario.patience_ms = 15_000;
            Simulation::new(scenario).run().expect_success();
        }
    }
}

/// One comes back after the epoch's end, and all lose their power while it fetches blocks of the next one: its engine
/// began at the epoch's last block, all of it on disk, whatever it had fetched by then.
#[test]
fn a_power_cut_while_who_was_away_fetches_past_an_epochs_end_loses_nothing_that_binds() {
    for protocol in [Engine::Pbft, Engine::Raft, Engine::Paxos] {
        let (validators, away) = match protocol {
            Engine::Pbft => (4, 3),
            Engine::Raft | Engine::Paxos => (3, 2),
        };
        for ms in 0..60 {
            let mut scenario = Scenario::calm(usize::from(validators), ms)
                .ordered_by(protocol)
                .without_batches()
                .at(100, Command::Crash(away))
                .at(300, Command::Rejoin(0, 1))
                .at(1_000, Command::Start(away));
            for at in (900..1_500).step_by(10) {
                scenario = scenario.at(at, Command::Submit(0, 1));
            }
            for who in 0..validators {
                scenario = scenario
                    .at(1_001 + 3 * ms, Command::Crash(who))
                    .at(1_600, Command::Start(who));
            }
            // A leader that is elected among the others alone must not decide otherwise.
            scenario = scenario
                .at(1_601, Command::Isolate(vec![0]))
                .at(2_600, Command::Heal);
            scenario.faults_end_ms = 3_000;
            scenario.patience_ms = 15_000;
            scenario.machines.least_flush_us = 1_000;
            scenario.machines.flush_us = 5_000;
            scenario.machines.chain_flush_us = 30_000;
            Simulation::new(scenario).run().expect_success();
        }
    }
}

/// One comes back when the next epoch is more than a window old, on a disk so slow that one flush covers the former
/// epoch's end and all that came since. Its new engine has to hear how far its chain is on disk, or it commits nothing;
/// and another dies, so that its vote is needed.
#[test]
fn who_comes_back_a_window_after_an_epochs_end_votes_though_one_flush_covers_both() {
    for (protocol, validators) in [(Engine::Pbft, 4), (Engine::Raft, 3), (Engine::Paxos, 3)] {
        for flush_ms in [30, 300, 1_000] {
            for seed in 0..5 {
                let scenario = back_after_a_window(protocol, validators, flush_ms, seed);
                let report = Simulation::new(scenario).run().expect_success();
                assert_eq!(
                    report.epoch, 1,
                    "{protocol:?}, seed {seed}, flushes of {flush_ms} ms"
                );
            }
        }
    }
}

fn back_after_a_window(protocol: Engine, validators: u16, flush_ms: u64, seed: u64) -> Scenario {
    let away = validators - 1;
    let mut scenario = Scenario::calm(usize::from(validators), seed)
        .ordered_by(protocol)
        .without_batches()
        .at(100, Command::Crash(away))
        .at(300, Command::Rejoin(0, 1))
        .at(7_000, Command::Start(away))
        .at(10_000, Command::Crash(away - 1))
        .at(10_100, Command::Submit(0, 3));
    for at in (1_500..6_500).step_by(25) {
        scenario = scenario.at(at, Command::Submit(0, 1));
    }
    let mut scenario = scenario.with_slow_disk(away, flush_ms);
    scenario.faults_end_ms = 10_500;
    scenario.patience_ms = 20_000;
    scenario
}
