//! A network of one validator.

use quorate_simulator::{Command, Scenario};

use crate::run;

#[test]
fn pitfall_10_one_validator_needs_no_peers() {
    let scenario = Scenario::calm(1, 0)
        .at(300, Command::Crash(0))
        .at(400, Command::Start(0));
    for report in run(&scenario) {
        assert!(report.height > 0);
        assert_eq!(report.view, 0);
        assert_eq!(report.messages, 0);
    }
}
