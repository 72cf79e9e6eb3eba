//! A validator that hears one of the others late: these have agreed on a height, and on others after it, before it has
//! what they agreed by.

use std::ops::Range;

use quorate_consensus::Timing;
use quorate_simulator::chart::Phase;
use quorate_simulator::{Command, Scenario, Simulation};

/// A batch every 4 ms at two of four validators. The last hears the second 20 ms late, and two seals of a height long
/// before its third vote, if its own is none: it is overtaken at every height.
fn overtaken(seed: u64, load_ms: Range<u64>) -> Scenario {
    let mut scenario = Scenario::calm(4, seed)
        .without_batches()
        .with_slow_link(3, Some(1), 20);
    scenario.timing = Timing::SHIPPED;
    scenario.links.delay_us = 1_000;
    scenario.parameters.window = 32;
    for (at, who) in load_ms.step_by(4).zip([0, 2].into_iter().cycle()) {
        scenario = scenario.at(at, Command::Submit(who, 1));
    }
    scenario
}

/// It starts while nobody hears it, so the question that it asks before its first vote is lost. No link comes up for it
/// afterwards: its timer is all that makes it ask again.
#[test]
fn a_question_that_was_lost_is_asked_again_by_who_is_overtaken_at_every_height() {
    const HEARD_MS: u64 = 2_000;
    for seed in 0..10 {
        let mut scenario = overtaken(seed, 700..3_500)
            .at(500, Command::Crash(3))
            .at(600, Command::CutOneWay(3, 0))
            .at(600, Command::CutOneWay(3, 1))
            .at(600, Command::CutOneWay(3, 2))
            .at(610, Command::Start(3))
            .at(HEARD_MS, Command::Heal)
            .at(4_000, Command::Submit(0, 1));
        scenario.faults_end_ms = 4_200;
        let report = Simulation::new(scenario).chart().expect_success();
        let voted = report
            .chart
            .messages()
            .find(|message| {
                let heard = message.sent_us >= HEARD_MS * 1_000;
                heard && message.from == 3 && message.phase == Phase::Prepare
            })
            .expect("it votes on the last batch");
        let after_ms = voted.sent_us / 1_000 - HEARD_MS;
        assert!(after_ms < 250, "seed {seed}: it votes after {after_ms} ms");
    }
}

/// Each proposal is ahead of its clock, so it prepares none; what the others have agreed on it takes all the same.
#[test]
fn a_clock_that_is_far_behind_keeps_nobody_from_following_a_busy_network() {
    for seed in 0..3 {
        let mut scenario = overtaken(seed, 1_000..4_000).at(1, Command::SetClock(3, -60_000));
        scenario.faults_end_ms = 4_000;
        let report = Simulation::new(scenario).measure(None).expect_success();
        assert_eq!(report.view, 0, "seed {seed}");
        let measured = report.measured.expect("it was measured");
        let waits = measured
            .batches_waited
            .iter()
            .filter_map(|times| Some(times.certified_last_us? - times.submitted_us));
        let longest_ms = waits.max().expect("batches were ordered") / 1_000;
        assert!(
            longest_ms < 500,
            "seed {seed}: the last has a batch after {longest_ms} ms"
        );
    }
}
