//! Liars that alone have the certificates of several heights. A view-change that claims the highest of them
//! would let everybody skip the heights below, though nobody honest can serve their blocks.

use quorate_crypto::ValidatorIndex;
use quorate_simulator::{Command, Lie, Report, Scenario, Simulation};

/// How many seeds each scenario is run with.
const SEEDS: u64 = 10;

/// Nobody is given its blocks.
const HOARDER: Lie = Lie::SealHoarder { serves: None };

/// One validator alone is given them.
fn serving(holder: u16) -> Lie {
    let serves = Some(ValidatorIndex(holder));
    Lie::SealHoarder { serves }
}

/// So many batches are decided, one a height, while the last honest validator is away: without the liars the
/// others have one seal too few. It comes back when they have left the view.
fn hoarded(validators: u16, heights: u64) -> Scenario {
    let mut scenario = while_away(validators, heights, &[validators - 1]);
    for liar in 2..2 + (validators - 1) / 3 {
        scenario = scenario.with_liar(liar, HOARDER);
    }
    scenario
}

fn while_away(validators: u16, heights: u64, away: &[u16]) -> Scenario {
    let mut scenario = Scenario::calm(usize::from(validators), 0).without_batches();
    for who in away {
        scenario = scenario
            .at(200, Command::Crash(*who))
            .at(3_000, Command::Start(*who));
    }
    for batch in 0..heights {
        scenario = scenario.at(300 + 60 * batch, Command::Submit(1, 1));
    }
    scenario.faults_end_ms = 6_000;
    scenario.patience_ms = 30_000;
    scenario
}

/// Runs it with several seeds, none of which may be stuck.
fn stops_nobody(scenario: &Scenario) -> Vec<Report> {
    let run = |seed| {
        let scenario = scenario.clone();
        Simulation::new(Scenario { seed, ..scenario }).run()
    };
    let reports: Vec<Report> = (0..SEEDS).map(run).collect();
    let failed = reports.iter().filter_map(|report| report.failure.as_ref());
    let failed: Vec<&String> = failed.collect();
    let count = failed.len();
    assert!(
        failed.is_empty(),
        "{count} of {SEEDS} seeds: {}",
        failed.first().map_or("", |first| first.as_str())
    );
    reports
}

#[test]
fn two_certificates_that_a_liar_keeps_for_itself_stop_nobody() {
    stops_nobody(&hoarded(4, 2));
}

#[test]
fn one_certificate_that_a_liar_keeps_for_itself_stops_nobody() {
    stops_nobody(&hoarded(4, 1));
}

#[test]
fn a_window_of_certificates_that_a_liar_keeps_for_itself_stops_nobody() {
    stops_nobody(&hoarded(4, 8));
}

#[test]
fn certificates_that_two_liars_of_seven_keep_for_themselves_stop_nobody() {
    stops_nobody(&hoarded(7, 2));
}

#[test]
fn certificates_that_three_liars_of_ten_keep_for_themselves_stop_nobody() {
    stops_nobody(&hoarded(10, 3));
}

#[test]
fn those_who_decided_may_restart_one_after_the_other() {
    for first in [1_800, 3_200] {
        let scenario = hoarded(4, 2)
            .at(first, Command::Crash(0))
            .at(first + 200, Command::Start(0))
            .at(first + 400, Command::Crash(1))
            .at(first + 600, Command::Start(1));
        stops_nobody(&scenario);
    }
}

#[test]
fn those_who_decided_may_restart_together() {
    for at in [1_800, 3_200] {
        let scenario = hoarded(4, 2)
            .at(at, Command::Crash(0))
            .at(at, Command::Crash(1))
            .at(at + 200, Command::Start(0))
            .at(at + 200, Command::Start(1));
        stops_nobody(&scenario);
    }
}

/// The liar of seven serves one validator, which leads the next views in its turn on the ground of these blocks
/// and dies for good at some time: nobody else honest has them then.
#[test]
fn the_only_honest_holder_may_die_after_its_new_view() {
    for holder in [1, 6] {
        for dies in [3_100, 3_600, 4_400, 5_600] {
            let scenario = while_away(7, 2, &[5, 6])
                .with_liar(2, serving(holder))
                .at(dies, Command::Crash(holder));
            stops_nobody(&scenario);
        }
    }
}
