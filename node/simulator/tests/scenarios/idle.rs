//! Networks with nothing to do.

use quorate_simulator::{Censorship, Command, Lie, Scenario};

use crate::run;

#[test]
fn pitfall_17_a_silent_primary_of_an_idle_network_is_found_out() {
    let scenario = Scenario::calm(4, 0).without_batches().at(500, Command::Crash(0));
    let scenario = Scenario {
        faults_end_ms: 3_000,
        linger_ms: 1_000,
        ..scenario
    };
    for report in run(&scenario) {
        assert!(report.view >= 1, "its heartbeats are missed");
        assert_eq!(report.height, 0, "no block is empty");
    }
}

#[test]
fn an_idle_network_is_quiet() {
    let scenario = Scenario {
        linger_ms: 10_000,
        ..Scenario::calm(4, 0)
    };
    for report in run(&scenario) {
        // A heartbeat to three peers at most every 150 ms, and nothing else.
        assert!(
            report.idle_messages <= 3 * 70,
            "{} messages in ten seconds",
            report.idle_messages
        );
        assert_eq!(report.view, 0);
    }
}

#[test]
fn pitfall_34_what_is_submitted_after_an_idle_while_is_ordered() {
    let scenario = Scenario::calm(4, 0)
        .without_batches()
        .at(9_000, Command::Submit(2, 3));
    let scenario = Scenario {
        faults_end_ms: 9_500,
        ..scenario
    };
    for report in run(&scenario) {
        assert!(report.height > 0);
        assert_eq!(report.view, 0);
    }
}

#[test]
fn an_idle_network_makes_no_empty_blocks_whoever_leads() {
    let scenario = Scenario {
        faults_end_ms: 10_000,
        ..Scenario::calm(4, 0).without_batches()
    };
    for report in run(&scenario.with_liar(0, Lie::Censor(Censorship::Empty))) {
        assert_eq!(report.height, 0, "no block is empty");
        assert!(report.view >= 1, "who proposes what nobody needs is replaced");
    }
}

#[test]
fn hiccups_of_two_validators_far_apart_change_no_view() {
    let scenario = Scenario {
        faults_end_ms: 61_000,
        ..Scenario::calm(4, 0)
            .without_batches()
            .at(500, Command::TimeOut(1))
            .at(60_000, Command::TimeOut(2))
    };
    for report in run(&scenario) {
        assert_eq!(report.view, 0, "what was complained of is over");
    }
}
