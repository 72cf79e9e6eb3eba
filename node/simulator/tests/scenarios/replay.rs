//! Seeds replay.

use quorate_simulator::{Report, Scenario, Simulation};

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..20 {
        let chart = || {
            Simulation::new(Scenario::stormy(4, seed).with_liars())
                .chart()
                .chart
        };
        assert_eq!(chart(), chart());
    }
}

#[test]
fn a_chart_changes_nothing_of_what_happens() {
    for seed in 0..20 {
        let simulation = || Simulation::new(Scenario::stormy(4, seed).with_liars());
        let (plain, drawn) = (simulation().run(), simulation().chart());
        assert!(plain.chart.happenings.is_empty() && !drawn.chart.happenings.is_empty());
        let what = |report: &Report| (report.events, report.messages, report.virtual_ms, report.height);
        assert_eq!(what(&plain), what(&drawn), "seed {seed}");
    }
}
