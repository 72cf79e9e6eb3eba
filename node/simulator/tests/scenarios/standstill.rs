//! A process that is stopped and goes on.

use quorate_simulator::{Command, Scenario};

use crate::run;

#[test]
fn pitfall_35_a_stopped_validator_that_goes_on_disturbs_nobody() {
    let scenario = Scenario::calm(4, 0)
        .at(200, Command::Pause(2))
        .at(2_800, Command::Resume(2));
    let scenario = Scenario {
        faults_end_ms: 3_000,
        batches: 60,
        ..scenario
    };
    for report in run(&scenario) {
        assert_eq!(report.view, 0, "what was received is stepped before timers");
    }
}

#[test]
fn a_stopped_primary_is_replaced() {
    let scenario = Scenario::calm(4, 0)
        .at(200, Command::Pause(0))
        .at(2_800, Command::Resume(0));
    let scenario = Scenario {
        faults_end_ms: 3_000,
        batches: 60,
        ..scenario
    };
    for report in run(&scenario) {
        assert!(report.view >= 1);
    }
}
