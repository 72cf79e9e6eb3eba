//! Machines that crash with their chains far behind their journals.

use quorate_crypto::Engine;
use quorate_simulator::{Command, Scenario, Simulation};

use crate::run;

/// More heights than two windows are certified while the first is being written.
fn lagging(chain_lag_ms: u64) -> Scenario {
    let mut scenario = Scenario::calm(4, 0);
    scenario.parameters.window = 2;
    scenario.machines.chain_lag_us = chain_lag_ms * 1_000;
    scenario.batches = 200;
    scenario.faults_end_ms = 3_000;
    scenario.patience_ms = 15_000;
    scenario
}

#[test]
fn pitfall_08_all_restart_with_chains_far_behind_their_journals() {
    let mut scenario = lagging(700);
    for who in 0..4 {
        scenario = scenario
            .at(1_500, Command::Crash(who))
            .at(1_700 + u64::from(who), Command::Start(who));
    }
    for report in run(&scenario) {
        assert!(report.height > 30, "height {}", report.height);
    }
}

#[test]
fn pitfall_11_votes_above_a_lost_end_of_the_chain_still_bind() {
    for seed in 0..100 {
        let mut scenario = lagging(300);
        scenario.seed = seed;
        scenario.machines.crashes = 12;
        scenario.links.delay_us = 20_000;
        scenario.links.loss = 50;
        Simulation::new(scenario).run().expect_success();
    }
}

#[test]
fn the_end_of_the_chain_is_lost_everywhere_while_liars_lie() {
    for seed in 0..60 {
        let mut scenario = Scenario::stormy(4, seed).with_liars();
        scenario.machines.chain_lag_us = 300_000;
        scenario.machines.crashes += 6;
        Simulation::new(scenario).run().expect_success();
    }
}

/// So many heights are decided while no block is on disk; then all lose their power, and the first stays away.
fn nothing_on_disk(validators: u16, heights: u64) -> Scenario {
    let mut scenario = Scenario::calm(usize::from(validators), 0).without_batches();
    scenario.parameters.max_proposal_batches = 1;
    scenario.machines.chain_lag_us = 5_000_000;
    for batch in 0..heights {
        scenario = scenario.at(200 + 1_400 * batch / heights, Command::Submit(1, 1));
    }
    for who in 0..validators {
        scenario = scenario.at(2_000, Command::Crash(who));
    }
    for who in 1..validators {
        scenario = scenario.at(2_200 + u64::from(who), Command::Start(who));
    }
    scenario.faults_end_ms = 3_000;
    scenario.patience_ms = 30_000;
    scenario
}

/// The last one is cut off meanwhile, so what was decided is to be proposed again in another view, where it can vote
/// on it; and a view has begun above it, in which it is not.
#[test]
fn a_power_loss_of_all_with_a_view_changes_worth_of_heights_unflushed_stops_nobody() {
    let scenario = nothing_on_disk(4, 100)
        .at(100, Command::Isolate(vec![3]))
        .at(1_700, Command::TimeOut(1))
        .at(1_700, Command::TimeOut(2))
        .at(2_100, Command::Heal);
    run(&scenario);
}

#[test]
fn paxos_a_power_loss_of_all_with_a_promises_worth_of_heights_unflushed_stops_nobody() {
    let scenario = nothing_on_disk(3, 200).ordered_by(Engine::Paxos);
    run(&scenario);
}
