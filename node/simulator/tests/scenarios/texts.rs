//! Texts travel with batches and blocks, and whoever lacks some asks until they are there: a run ends only when no
//! honest validator lacks any.

use quorate_simulator::chart::Happening;
use quorate_simulator::{Command, Lie, Report, Scenario, Simulation};

use crate::run;

/// One of four is away while hundreds of transactions are ordered, and comes back.
fn away() -> Scenario {
    let mut scenario = Scenario::calm(4, 0)
        .at(50, Command::Crash(2))
        .at(1_900, Command::Start(2));
    scenario.batches = 200;
    scenario.faults_end_ms = 2_000;
    scenario
}

/// Messages whose words begin so.
fn messages(report: &Report, beginning: &str) -> usize {
    let begins = |happening: &&Happening| match happening {
        Happening::Message(transfer) => transfer.label.starts_with(beginning),
        Happening::Note(_) => false,
    };
    report.chart.happenings.iter().filter(begins).count()
}

#[test]
fn texts_come_with_blocks() {
    for seed in 0..10 {
        let scenario = Scenario { seed, ..away() };
        let report = Simulation::new(scenario).chart().expect_success();
        assert!(messages(&report, "blocks ") > 0, "who was away fetches blocks");
        assert_eq!(
            messages(&report, "wants texts"),
            0,
            "and all that belongs to them"
        );
    }
}

#[test]
fn texts_that_did_not_come_with_their_blocks_are_asked_for() {
    let asked = (0..10).map(|seed| {
        let scenario = Scenario { seed, ..away() }.with_liar(3, Lie::Spoiler);
        let report = Simulation::new(scenario).chart().expect_success();
        messages(&report, "wants texts")
    });
    let asked: usize = asked.sum();
    assert!(asked > 0, "in one of ten runs the liar serves blocks");
}

/// Whatever is wrong with their texts, its batches are not that: nobody has them, and nobody waits for them.
#[test]
fn batches_of_which_no_copy_is_whole_are_never_ordered() {
    let scenario = Scenario::calm(4, 0)
        .without_batches()
        .with_liar(2, Lie::Spoiler)
        .at(300, Command::Submit(2, 5))
        .at(600, Command::Submit(1, 5));
    for seed in 0..10 {
        let scenario = Scenario {
            seed,
            ..scenario.clone()
        };
        let report = Simulation::new(scenario).measure(None).expect_success();
        assert_eq!(report.view, 0, "its batches are no reason to replace anybody");
        let measured = report.measured.expect("it was measured");
        let (of_liar, of_honest) = measured.batches_waited.split_at(5);
        assert!(of_liar.iter().all(|batch| batch.certified_us.is_none()));
        assert!(of_honest.iter().all(|batch| batch.certified_us.is_some()));
    }
}

#[test]
fn a_primary_that_proposes_what_nobody_has_whole_is_replaced() {
    let scenario = Scenario::calm(4, 0)
        .without_batches()
        .with_liar(0, Lie::Spoiler)
        .at(300, Command::Submit(0, 3))
        .at(310, Command::Submit(1, 3));
    for report in run(&scenario) {
        assert!(report.view >= 1, "nobody votes on its proposals");
        let wait = report.longest_wait_ms;
        assert!(wait < 4_000, "a batch waited {wait} ms");
    }
}
