//! A batch that reaches nobody but a primary that ignores it, or nobody at all.

use quorate_crypto::ValidatorIndex;
use quorate_simulator::{Censorship, Command, Lie, Scenario};

use crate::run;

fn watched(faults_end_ms: u64) -> Scenario {
    Scenario {
        faults_end_ms,
        patience_ms: 5_000,
        ..Scenario::calm(4, 0).without_batches()
    }
}

fn is_soon_ordered(scenario: &Scenario) {
    for report in run(scenario) {
        assert!(
            report.longest_wait_ms < 4_000,
            "a batch waited for {} ms",
            report.longest_wait_ms
        );
    }
}

#[test]
fn a_batch_that_only_a_choosy_primary_has_is_heard_of_by_all_in_the_end() {
    let scenario = watched(10_000)
        .with_liar(0, Lie::Censor(Censorship::LeaveOut(ValidatorIndex(2))))
        .at(500, Command::CutOneWay(2, 1))
        .at(500, Command::CutOneWay(2, 3))
        .at(510, Command::Submit(2, 1))
        .at(700, Command::Heal);
    is_soon_ordered(&scenario);
}

#[test]
fn a_batch_whose_author_has_no_link_to_the_primary_goes_by_the_others() {
    let scenario = watched(10_000)
        .at(500, Command::CutOneWay(2, 0))
        .at(500, Command::CutOneWay(2, 1))
        .at(500, Command::CutOneWay(2, 3))
        .at(510, Command::Submit(2, 1))
        .at(660, Command::Heal)
        .at(660, Command::CutOneWay(2, 0));
    is_soon_ordered(&scenario);
}
