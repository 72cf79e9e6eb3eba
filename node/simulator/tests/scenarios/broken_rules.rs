//! The simulator can fail: each deliberately broken rule is found.

use quorate_simulator::{Broken, Scenario, Simulation};

/// Tries seeds until a broken rule shows, and tells which one showed it.
fn is_found(rule: Broken, within: u64, scenario: impl Fn(u64) -> Scenario) {
    let shows = |seed: &u64| {
        let report = Simulation::new(scenario(*seed).breaking(rule)).run();
        report.failure.inspect(|failure| {
            println!("{rule:?}: found by seed {seed}: {failure}");
        })
    };
    let found = (0..within).any(|seed| shows(&seed).is_some());
    assert!(found, "{rule:?} was not found within {within} seeds");
}

fn with_liars(seed: u64) -> Scenario {
    let size = if seed.is_multiple_of(2) { 4 } else { 7 };
    Scenario::stormy(size, seed).with_liars()
}

/// Machines that crash often while their disks are slow.
fn crashing(seed: u64) -> Scenario {
    let size = if seed.is_multiple_of(2) { 1 } else { 4 };
    let mut scenario = Scenario::calm(size, seed);
    scenario.batches = 60;
    scenario.faults_end_ms = 4_000;
    scenario.machines.crashes = 20;
    scenario.machines.flush_us = 20_000;
    scenario
}

#[test]
fn pitfall_11_votes_sent_before_they_are_durable_are_found() {
    is_found(Broken::SentBeforeDurable, 500, crashing);
}

#[test]
fn a_quorum_that_is_too_small_is_found() {
    is_found(Broken::QuorumTooSmall, 1_000, with_liars);
}

#[test]
fn pitfall_8_a_journal_forgotten_before_its_block_is_written_is_found() {
    is_found(Broken::ForgottenTooEarly, 500, crashing);
}

#[test]
fn pitfall_28_a_lost_journal_is_found() {
    is_found(Broken::JournalLost, 500, with_liars);
}

#[test]
fn votes_that_never_left_and_bind_are_found() {
    is_found(Broken::UnsentKept, 500, crashing);
}

#[test]
fn votes_for_batches_that_are_not_durable_are_found() {
    is_found(Broken::BatchesNotDurable, 500, crashing);
}

#[test]
fn unverified_signatures_are_found() {
    is_found(Broken::Unverified, 500, with_liars);
}

#[test]
fn pitfall_3_an_unchecked_new_view_is_found() {
    is_found(Broken::NewViewUnchecked, 500, with_liars);
}
