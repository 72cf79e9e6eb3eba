//! Validators that lost what they signed, and whose members do not let them rejoin.

use quorate_simulator::{Command, Loss, Lost, Scenario, Simulation};

use crate::run;

#[test]
fn an_observer_that_missed_the_last_blocks_of_an_idle_network_gets_them() {
    let mut scenario = Scenario::calm(4, 0)
        .without_batches()
        .at(100, Command::Submit(1, 3))
        .at(300, Command::Lose(3, Loss::noticed(Lost::Journal)))
        .at(350, Command::Start(3))
        .at(600, Command::Submit(2, 1));
    for peer in 0..3 {
        // Not a word reaches it of what is ordered meanwhile; nobody notices, so nobody connects anew.
        scenario = scenario.at(580, Command::CutOneWay(peer, 3));
    }
    scenario.members_wait = true;
    scenario.faults_end_ms = 900;
    for report in run(&scenario) {
        assert!(report.height > 1, "height {}", report.height);
    }
}

#[test]
fn an_observer_follows_a_lossy_network_that_idles_at_the_end() {
    Simulation::new(Scenario::stormy(4, 63).with_epochs())
        .run()
        .expect_success();
}

#[test]
fn so_does_one_that_has_found_out_that_it_forgot_and_cannot_ask_any_more() {
    Simulation::new(Scenario::stormy(5, 5045).with_epochs())
        .run()
        .expect_success();
}
