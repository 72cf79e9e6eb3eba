//! Seeds replay.

use quorate_simulator::{Scenario, Simulation};

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
