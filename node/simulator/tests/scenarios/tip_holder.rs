//! What the simulator found: after a restart, the only validator that had certified some heights holds
//! the certificate of the last one alone. Those who executed these heights and lack its seal fetch the
//! blocks from it.

use quorate_simulator::{Lie, Scenario, Simulation};

#[test]
fn seals_lost_in_a_restart_are_made_up_for_by_blocks() {
    let of_seven = Scenario::stormy(7, 213)
        .with_liar(1, Lie::Equivocator)
        .with_liar(0, Lie::Equivocator);
    let of_ten = Scenario::stormy(10, 298)
        .with_liar(2, Lie::Equivocator)
        .with_liar(0, Lie::Hoarder)
        .with_liar(1, Lie::Twins);
    for scenario in [of_seven, of_ten] {
        let report = Simulation::new(scenario).run().expect_success();
        assert!(
            report.settled_ms < 6_000,
            "settled after {} ms",
            report.settled_ms
        );
    }
}
