//! A validator that was away.

use quorate_simulator::{Command, Scenario};

use crate::run;

#[test]
fn pitfall_09_a_validator_that_was_away_catches_up_by_certified_blocks() {
    let mut scenario = Scenario::calm(4, 0)
        .at(50, Command::Crash(3))
        .at(1_900, Command::Start(3));
    scenario.batches = 200;
    scenario.faults_end_ms = 2_000;
    for report in run(&scenario) {
        // Far more heights than a window of 8.
        assert!(report.height > 30, "height {}", report.height);
        assert_eq!(report.view, 0);
    }
}

#[test]
fn pitfall_07_a_validator_that_is_cut_off_drives_no_views_up() {
    let scenario = Scenario::calm(4, 0)
        .at(100, Command::Isolate(vec![2]))
        .at(9_900, Command::Heal);
    let scenario = Scenario {
        faults_end_ms: 10_000,
        batches: 100,
        ..scenario
    };
    for report in run(&scenario) {
        assert_eq!(
            report.view, 0,
            "its complaints alone move nobody, itself included"
        );
    }
}
