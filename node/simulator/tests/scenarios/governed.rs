//! Members change the network: engine, seats, keys and parameters, each with an epoch of its own, in real transactions
//! of protocol 2, under load and under faults.

use quorate_simulator::{Report, Scenario, Shift, Simulation};

fn run(scenario: Scenario) -> Report {
    Simulation::new(scenario).run().expect_success()
}

#[test]
fn engine_seats_keys_and_parameters_change_under_load() {
    for seed in 0..3 {
        let report = run(Scenario::governed(seed));
        // Admitting a member alone ends no epoch.
        assert_eq!(report.epoch, 7, "seed {seed}");
    }
}

#[test]
fn they_change_under_faults() {
    for seed in 0..3 {
        let report = run(Scenario::governed_in_storms(seed));
        assert!(report.epoch >= 4, "seed {seed} comes to epoch {}", report.epoch);
    }
}

#[test]
fn a_committee_of_one_grows_and_shrinks_again() {
    let scenario = Scenario {
        changes: vec![
            Shift::Admit(1),
            Shift::AddSeat {
                machine: 1,
                generation: 0,
            },
            Shift::RemoveSeat(0),
        ],
        faults_end_ms: 15_000,
        patience_ms: 30_000,
        ..Scenario::calm(1, 3)
    };
    let report = run(scenario);
    assert_eq!(report.epoch, 2);
}
