//! A batch that reaches nobody but a primary that ignores it, or nobody at all.

use quorate_consensus::Timing;
use quorate_crypto::ValidatorIndex;
use quorate_simulator::chart::{Happening, NoteKind};
use quorate_simulator::{Censorship, Command, Lie, Scenario, Simulation};

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

/// The last of four says nothing to the third. All keep batches slowly, some of them more slowly than the others agree
/// without them: the third can certify nothing without the late vote of one of these.
#[test]
fn a_validator_that_does_not_hear_one_of_the_others_is_told_every_vote_of_the_rest() {
    let waited = (0..100).map(|seed| {
        let mut scenario = Scenario {
            faults_end_ms: 3_000,
            timing: Timing::SHIPPED,
            ..Scenario::calm(4, seed).without_batches()
        };
        scenario.links.delay_us = 500;
        scenario.machines.chain_flush_us = 100_000;
        let scenario = scenario
            .at(0, Command::CutOneWay(3, 2))
            .at(500, Command::Submit(0, 1));
        let report = Simulation::new(scenario).chart().expect_success();
        let certifies = |happening: &Happening| match happening {
            Happening::Note(note) if note.event == NoteKind::Certifies => Some(note.at_us / 1_000),
            _ => None,
        };
        let times: Vec<u64> = report.chart.happenings.iter().filter_map(certifies).collect();
        assert_eq!(times.len(), 4);
        times[3] - 500
    });
    let waited: Vec<u64> = waited.collect();
    assert!(
        waited.iter().all(|ms| *ms < 300),
        "all have a batch after {waited:?} ms"
    );
}
