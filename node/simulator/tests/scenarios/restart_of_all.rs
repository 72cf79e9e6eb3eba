//! All validators restarted at once.

use quorate_simulator::{Command, Scenario};

use crate::run;

#[test]
fn pitfall_08_a_network_goes_on_after_a_restart_of_all() {
    let mut scenario = Scenario::calm(4, 0);
    for who in 0..4 {
        scenario = scenario
            .at(500, Command::Crash(who))
            .at(700 + u64::from(who), Command::Start(who));
    }
    scenario.batches = 100;
    for report in run(&scenario) {
        assert!(
            report.settled_ms < 1_000,
            "settled after {} ms",
            report.settled_ms
        );
    }
}
