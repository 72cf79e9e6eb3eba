//! A network cut in halves.

use quorate_simulator::{Command, Scenario};

use crate::run;

#[test]
fn pitfall_06_halves_go_on_soon_after_they_meet_again() {
    let scenario = Scenario::calm(4, 0)
        .at(200, Command::Isolate(vec![0, 1]))
        .at(20_000, Command::Heal);
    let scenario = Scenario {
        faults_end_ms: 20_000,
        batches: 60,
        patience_ms: 10_000,
        ..scenario
    };
    for report in run(&scenario) {
        assert!(
            report.settled_ms < 5_000,
            "settled after {} ms",
            report.settled_ms
        );
        assert!(report.view < 40, "view {}", report.view);
    }
}

#[test]
fn pitfall_04_a_view_change_before_links_are_up_is_said_again() {
    // Nobody hears anybody at first, and the first primary never comes up.
    let scenario = Scenario::calm(4, 0)
        .at(0, Command::Isolate(vec![1]))
        .at(0, Command::Isolate(vec![2]))
        .at(0, Command::Crash(0))
        .at(2_500, Command::Heal);
    let scenario = Scenario {
        faults_end_ms: 3_000,
        patience_ms: 10_000,
        ..scenario
    };
    for report in run(&scenario) {
        assert!(report.view >= 1);
    }
}
