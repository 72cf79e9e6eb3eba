//! A primary that dies.

use quorate_simulator::{Command, Scenario};

use crate::run;

#[test]
fn a_dead_primary_is_replaced_and_work_goes_on() {
    let scenario = Scenario::calm(4, 0).at(500, Command::Crash(0));
    for report in run(&scenario) {
        assert!(report.view >= 1);
        assert!(
            report.settled_ms < 2_000,
            "settled after {} ms",
            report.settled_ms
        );
    }
}

#[test]
fn two_dead_primaries_of_seven_are_replaced_in_turn() {
    let scenario = Scenario::calm(7, 0)
        .at(500, Command::Crash(0))
        .at(500, Command::Crash(1));
    for report in run(&scenario) {
        assert!(report.view >= 2);
    }
}

#[test]
fn a_primary_that_comes_back_follows_the_new_one() {
    let scenario = Scenario::calm(4, 0)
        .at(300, Command::Crash(0))
        .at(1_800, Command::Start(0));
    let scenario = Scenario {
        faults_end_ms: 2_000,
        batches: 40,
        ..scenario
    };
    for report in run(&scenario) {
        assert!(report.view >= 1);
    }
}
