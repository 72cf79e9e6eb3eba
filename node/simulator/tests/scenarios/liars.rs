//! Named lies.

use quorate_crypto::ValidatorIndex;
use quorate_simulator::{Lie, Scenario, Simulation};

use crate::run;

/// Each half of the network is told another proposal, so nobody has both before it asks who voted otherwise.
#[test]
fn an_equivocating_primary_splits_nobody_and_is_accused() {
    let scenario = Scenario {
        batches: 60,
        faults_end_ms: 4_000,
        patience_ms: 20_000,
        ..Scenario::calm(4, 0)
    };
    for report in run(&scenario.with_liar(0, Lie::Equivocator)) {
        let (seed, liar) = (report.scenario.seed, ValidatorIndex(0));
        assert!(report.accused.contains(&liar), "seed {seed} leaves no evidence");
    }
}

/// Two instances with one key, each of which some of the others hear.
#[test]
fn twins_that_lead_split_nobody() {
    let scenario = Scenario {
        batches: 60,
        faults_end_ms: 4_000,
        patience_ms: 20_000,
        ..Scenario::calm(4, 0)
    };
    run(&scenario.with_liar(0, Lie::Twins));
}

#[test]
fn a_silent_primary_is_replaced() {
    for report in run(&Scenario::calm(4, 0).with_liar(0, Lie::Silent)) {
        assert!(report.view >= 1);
    }
}

#[test]
fn pitfall_02_two_liars_of_seven_do_not_unlock_what_was_committed() {
    for seed in 0..40 {
        let scenario = Scenario::stormy(7, seed)
            .with_liar(0, Lie::Mutant)
            .with_liar(1, Lie::Twins);
        Simulation::new(scenario).run().expect_success();
    }
}
