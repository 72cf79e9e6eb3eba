//! Clocks that are wrong.

use quorate_simulator::{Command, Lie, Scenario};

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

#[test]
fn a_primary_that_holds_back_time_is_replaced() {
    let scenario = Scenario::calm(4, 0).with_liar(0, Lie::Backdater { ms: 60_000 });
    for report in run(&scenario) {
        assert!(report.view >= 1, "nobody prepares its proposals");
        let wait = report.longest_wait_ms;
        assert!(wait < 2_000, "a batch waited {wait} ms");
    }
}

#[test]
fn a_primary_far_behind_time_is_replaced() {
    let scenario = Scenario::calm(4, 0).at(1, Command::SetClock(0, -60_000));
    for report in run(&scenario) {
        assert!(report.view >= 1, "nobody prepares its proposals");
    }
}

#[test]
fn a_primary_within_the_lag_leads_on() {
    // Half a minute is allowed; what is older by less is voted on as what is of now.
    let scenario = Scenario::calm(4, 0).at(1, Command::SetClock(0, -20_000));
    for report in run(&scenario) {
        assert_eq!(report.view, 0);
    }
}
