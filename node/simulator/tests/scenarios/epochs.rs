//! Epochs that rejoins end.

use quorate_crypto::ValidatorIndex;
use quorate_simulator::{Command, Lie, Loss, Lost, Scenario, Simulation};

use crate::run;

#[test]
fn a_rejoin_ends_the_epoch_and_the_next_goes_on_where_it_ended() {
    let scenario = Scenario::calm(4, 0).at(300, Command::Rejoin(2, 1));
    for report in run(&scenario) {
        assert_eq!((report.epoch, report.view), (1, 0));
    }
}

#[test]
fn one_epoch_after_another_ends_under_load() {
    let mut scenario = Scenario::calm(7, 0);
    for who in 0..6 {
        scenario = scenario.at(100 + 400 * u64::from(who), Command::Rejoin(who, 6 - who));
    }
    scenario.batches = 200;
    scenario.faults_end_ms = 3_000;
    for report in run(&scenario) {
        assert_eq!(report.epoch, 6);
    }
}

#[test]
fn two_rejoins_in_one_epoch_end_it_once() {
    let scenario = Scenario::calm(4, 0)
        .without_batches()
        .at(300, Command::Rejoin(1, 2))
        .at(300, Command::Rejoin(2, 2));
    for report in run(&scenario) {
        assert_eq!(report.epoch, 1);
    }
}

#[test]
fn one_validator_alone_goes_from_epoch_to_epoch() {
    let scenario = Scenario::calm(1, 0)
        .at(300, Command::Rejoin(0, 0))
        .at(700, Command::Crash(0))
        .at(800, Command::Start(0));
    for report in run(&scenario) {
        assert_eq!(report.epoch, 1);
    }
}

#[test]
fn an_idle_network_is_quiet_after_the_end_of_an_epoch_too() {
    let scenario = Scenario {
        linger_ms: 10_000,
        ..Scenario::calm(4, 0)
            .without_batches()
            .at(300, Command::Rejoin(2, 1))
    };
    for report in run(&scenario) {
        // A heartbeat to three peers at most every 150 ms, and nothing else.
        assert!(
            report.idle_messages <= 3 * 70,
            "{} messages in ten seconds",
            report.idle_messages
        );
        assert_eq!((report.epoch, report.view), (1, 0));
    }
}

#[test]
fn a_primary_that_dies_at_the_end_of_an_epoch_is_replaced() {
    for ms in 0..10 {
        let scenario = Scenario::calm(4, ms)
            .at(300, Command::Rejoin(2, 1))
            .at(300 + 2 * ms, Command::Crash(0));
        let report = Simulation::new(scenario).run().expect_success();
        assert_eq!(report.epoch, 1);
    }
}

#[test]
fn a_silent_liar_delays_the_end_of_an_epoch_and_stops_it_not() {
    let scenario = Scenario::calm(4, 0)
        .with_liar(0, Lie::Silent)
        .at(300, Command::Rejoin(2, 1));
    for report in run(&scenario) {
        assert_eq!(report.epoch, 1);
    }
}

#[test]
fn a_validator_that_was_away_over_several_epochs_finds_into_the_last() {
    let mut scenario = Scenario::calm(4, 0)
        .at(50, Command::Crash(3))
        .at(1_900, Command::Start(3));
    for who in 0..3 {
        scenario = scenario.at(200 + 500 * u64::from(who), Command::Rejoin(who, 0));
    }
    scenario.faults_end_ms = 2_000;
    for report in run(&scenario) {
        assert_eq!(report.epoch, 3);
    }
}

#[test]
fn pitfall_20_an_epoch_goes_on_without_the_validator_that_rejoined() {
    // It is gone again before the epoch begins, or has never come back, or has nothing when it begins.
    let gone = |loss| {
        Scenario::calm(4, 0)
            .at(300, Command::Lose(3, loss))
            .at(320, Command::Start(3))
            .at(340, Command::Crash(3))
            .at(400, Command::Rejoin(3, 1))
    };
    let away = Scenario::calm(4, 0)
        .at(300, Command::Lose(3, Loss::noticed(Lost::Everything)))
        .at(400, Command::Rejoin(3, 1));
    // A rejoin ends what the validator said when it started: it has to be there before.
    let behind = gone(Loss::noticed(Lost::Everything)).at(2_900, Command::Start(3));
    for mut scenario in [
        gone(Loss::noticed(Lost::Journal)),
        gone(Loss::noticed(Lost::Everything)),
        away,
        behind,
    ] {
        scenario.batches = 100;
        scenario.faults_end_ms = 3_000;
        for report in run(&scenario) {
            assert_eq!(report.epoch, 1);
            assert_eq!(report.view, 0, "nobody waits for it");
            assert!(
                report.settled_ms < 1_500,
                "settled after {} ms",
                report.settled_ms
            );
            assert!(
                report.longest_wait_ms < 500,
                "waited {} ms",
                report.longest_wait_ms
            );
        }
    }
}

/// The validator that comes back is needed afterwards: another dies.
fn comes_back(loss: Loss) {
    let mut scenario = Scenario::calm(4, 0)
        .at(200, Command::BackUp(3))
        .at(400, Command::Lose(3, loss))
        .at(500, Command::Start(3))
        .at(1_200, Command::Crash(1));
    scenario.batches = 60;
    scenario.faults_end_ms = 2_000;
    for report in run(&scenario) {
        assert_eq!(report.epoch, 1);
    }
}

#[test]
fn pitfall_27_a_validator_restored_from_a_backup_votes_again_in_the_next_epoch() {
    comes_back(Loss::noticed(Lost::SinceBackup));
}

#[test]
fn pitfall_28_a_validator_that_lost_its_journal_or_all_votes_again_in_the_next_epoch() {
    comes_back(Loss::noticed(Lost::Journal));
    comes_back(Loss::noticed(Lost::Everything));
}

/// Journal and chain know of each other: whichever is left at a start shows that the other is gone.
#[test]
fn pitfall_28_a_journal_or_a_chain_that_is_gone_is_missed_by_the_other() {
    for of in [Lost::Journal, Lost::Chain] {
        comes_back(Loss::unnoticed(of));
    }
}

/// It is started again and again, with all of its peers or one of them, and its member lets it not rejoin.
#[test]
fn pitfall_28_a_quarantine_outlives_restarts() {
    for of in [Lost::Journal, Lost::Chain, Lost::Everything] {
        let mut scenario = Scenario::calm(4, 0).at(400, Command::Lose(3, Loss::unnoticed(of)));
        for at in [500, 800, 1_100] {
            scenario = scenario.at(at, Command::Start(3)).at(at + 200, Command::Crash(3));
        }
        scenario = scenario
            .at(1_350, Command::Isolate(vec![0, 3]))
            .at(1_400, Command::Start(3))
            .at(1_700, Command::Heal);
        scenario.batches = 100;
        scenario.faults_end_ms = 2_000;
        scenario.members_wait = true;
        for report in run(&scenario) {
            assert_eq!(
                (report.epoch, report.quarantined),
                (0, [ValidatorIndex(3)].into())
            );
        }
    }
}

#[test]
fn crashes_around_the_end_of_epochs_lose_nothing_that_binds() {
    for seed in 0..80 {
        let mut scenario = Scenario::calm(4, seed);
        for who in 0..4 {
            scenario = scenario.at(200 + 600 * u64::from(who), Command::Rejoin(who, (who + 1) % 4));
        }
        scenario.parameters.window = if seed.is_multiple_of(2) { 2 } else { 8 };
        scenario.machines.chain_lag_us = 300_000;
        scenario.machines.flush_us = 20_000;
        scenario.machines.crashes = 20;
        scenario.links.delay_us = 20_000;
        scenario.links.loss = 50;
        scenario.batches = 100;
        scenario.faults_end_ms = 3_000;
        scenario.patience_ms = 20_000;
        Simulation::new(scenario).run().expect_success();
    }
}
