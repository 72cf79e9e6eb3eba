//! What the simulator found: after a restart, the only validator that had certified some heights holds
//! the certificate of the last one alone. Those who executed these heights and lack its seal fetch the
//! blocks from it.

use quorate_simulator::{Scenario, Simulation};

#[test]
fn seals_lost_in_a_restart_are_made_up_for_by_blocks() {
    for (size, seed) in [(7, 213), (10, 298)] {
        let scenario = Scenario::stormy(size, seed).with_liars();
        let report = Simulation::new(scenario).run().expect_success();
        assert!(
            report.settled_ms < 6_000,
            "settled after {} ms",
            report.settled_ms
        );
    }
}
