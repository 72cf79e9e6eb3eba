//! Clocks that are wrong.

use quorate_simulator::{Command, Scenario};

use crate::run;

#[test]
fn pitfall_24_a_primary_far_ahead_of_time_is_replaced() {
    let scenario = Scenario::calm(4, 0).at(1, Command::SetClock(0, 60_000));
    for report in run(&scenario) {
        assert!(report.view >= 1, "nobody prepares its proposals");
    }
}

#[test]
fn pitfall_24_a_clock_behind_delays_no_one_else() {
    // Validator 3 finds every proposal too early; what others certify it takes whatever the time.
    let scenario = Scenario::calm(4, 0).at(1, Command::SetClock(3, -60_000));
    for report in run(&scenario) {
        assert_eq!(report.view, 0);
    }
}

#[test]
fn a_primary_a_little_ahead_is_waited_for() {
    let scenario = Scenario::calm(4, 0).at(1, Command::SetClock(0, 5_300));
    for report in run(&scenario) {
        assert_eq!(report.view, 0, "its proposals are looked at again");
    }
}
