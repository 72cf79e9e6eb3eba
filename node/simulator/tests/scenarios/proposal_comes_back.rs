//! What the simulator found: a proposal was voted on, gave way to another in the next view and came back
//! in a later one. A replica that had itself proposed the other did not ask about the first again, and so
//! never voted on it again.

use quorate_simulator::{Lie, Scenario, Simulation};

#[test]
fn a_proposal_that_comes_back_is_prepared_again() {
    let scenario = Scenario::stormy(7, 27_742)
        .with_liar(3, Lie::Hoarder)
        .with_liar(4, Lie::Hoarder);
    Simulation::new(scenario).run().expect_success();
}
