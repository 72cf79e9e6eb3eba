//! A liar that says again what a validator asked before it restarted.

use quorate_simulator::{Command, Lie, Scenario};

use crate::run;

#[test]
fn old_questions_of_a_validator_do_not_use_up_the_answers_to_its_new_ones() {
    // The liar votes no more once the other has restarted, so nothing is ordered until that one votes.
    let scenario = Scenario::calm(4, 0)
        .at(1_000, Command::Crash(2))
        .at(1_100, Command::Start(2))
        .at(1_500, Command::Submit(1, 5))
        .with_liar(3, Lie::Pesterer);
    let scenario = Scenario {
        faults_end_ms: 2_000,
        ..scenario
    };
    for report in run(&scenario) {
        assert!(
            report.longest_wait_ms < 1_000,
            "a batch waited for {} ms",
            report.longest_wait_ms
        );
    }
}
