//! Primaries that stay in office by proposing, and leave somebody's batches out.

use quorate_crypto::ValidatorIndex;
use quorate_simulator::{Censorship, Command, Lie, Report, Scenario};

use crate::run;

fn under(censorship: Censorship, faults_end_ms: u64) -> Scenario {
    Scenario {
        faults_end_ms,
        patience_ms: 10_000,
        ..Scenario::calm(4, 0).without_batches()
    }
    .with_liar(0, Lie::Censor(censorship))
}

fn is_replaced(reports: &[Report]) {
    for report in reports {
        assert!(report.view >= 1, "the primary is replaced");
        assert!(
            report.longest_wait_ms < 4_000,
            "a batch waited for {} ms",
            report.longest_wait_ms
        );
    }
}

#[test]
fn a_primary_that_proposes_nothing_for_ever_is_replaced() {
    let scenario = under(Censorship::Empty, 10_000).at(500, Command::Submit(2, 5));
    is_replaced(&run(&scenario));
}

#[test]
fn a_primary_that_proposes_the_same_for_ever_is_replaced() {
    let scenario = under(Censorship::Repeat, 10_000)
        .at(100, Command::Submit(1, 1))
        .at(500, Command::Submit(2, 5));
    is_replaced(&run(&scenario));
}

#[test]
fn a_primary_that_leaves_out_one_author_for_ever_is_replaced() {
    let mut scenario = under(Censorship::LeaveOut(ValidatorIndex(2)), 6_000).at(500, Command::Submit(2, 1));
    for ms in (0..6_000).step_by(20) {
        scenario = scenario.at(ms, Command::Submit(1, 4));
    }
    is_replaced(&run(&scenario));
}

#[test]
fn a_primary_that_leaves_out_one_author_at_a_trickle_is_replaced() {
    let mut scenario = under(Censorship::LeaveOut(ValidatorIndex(2)), 20_000).at(500, Command::Submit(2, 4));
    for ms in (0..20_000).step_by(350) {
        scenario = scenario.at(ms, Command::Submit(1, 1));
    }
    is_replaced(&run(&scenario));
}
