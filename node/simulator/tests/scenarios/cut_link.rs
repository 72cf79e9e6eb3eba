//! One link that is cut.

use quorate_simulator::{Command, Scenario};

use crate::run;

#[test]
fn pitfall_05_one_bad_link_leaves_nobody_outside_the_view() {
    let scenario = Scenario::calm(4, 0)
        .at(50, Command::CutOneWay(0, 3))
        .at(50, Command::CutOneWay(3, 0))
        .at(3_900, Command::Heal);
    let scenario = Scenario {
        faults_end_ms: 4_000,
        batches: 60,
        ..scenario
    };
    for report in run(&scenario) {
        assert_eq!(report.view, 0, "a complaint of one binds nobody");
    }
}
