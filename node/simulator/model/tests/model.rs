//! Every behaviour of four replicas of PBFT, one of which lies, for one height and one view change, and of
//! three of Raft or Paxos in two terms or rounds. With `QUORATE_LONG=1` another view change, or term, follows,
//! as far as ten million states.

use quorate_crypto::Engine;
use quorate_model::Four;
use quorate_model::three::Three;
use stateright::{Checker, Model};

/// Checks two views to the end, or three as far as is bearable.
fn check(liar: u16) {
    check_views(liar, 1, usize::MAX);
    if std::env::var_os("QUORATE_LONG").is_some() {
        check_views(liar, 2, 10_000_000);
    }
}

fn check_views(liar: u16, last_view: u64, most: usize) {
    let model = Four::new(liar, last_view);
    let checker = model
        .clone()
        .checker()
        .target_state_count(most)
        .spawn_bfs()
        .join();
    let (replicas, messages) = model.sizes();
    println!(
        "liar {liar}, views 0 to {last_view}: {} states ({} distinct), depth {}, {replicas} different replicas, \
         {messages} messages, {}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        if checker.state_count() < most {
            "exhaustive"
        } else {
            "bounded"
        },
    );
    checker.assert_properties();
}

#[test]
fn a_first_primary_that_lies() {
    check(0);
}

#[test]
fn a_second_primary_that_lies() {
    check(1);
}

#[test]
fn a_backup_that_lies() {
    check(3);
}

/// Checks terms of Raft or rounds of Paxos, to the end or as far as is told.
fn check_three(engine: Engine, crashes: bool, last_term: u64, most: usize) {
    let model = Three::new(engine, last_term, crashes);
    let checker = model
        .clone()
        .checker()
        .target_state_count(most)
        .spawn_bfs()
        .join();
    let (replicas, messages) = model.sizes();
    println!(
        "{engine}, crashes: {crashes}, terms 1 to {last_term}: {} states ({} distinct), depth {}, {replicas} different \
         replicas, {messages} messages",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
    );
    checker.assert_properties();
}

#[test]
fn raft_two_terms() {
    check_three(Engine::Raft, false, 2, usize::MAX);
}

#[test]
fn raft_two_terms_with_crashes() {
    check_three(Engine::Raft, true, 2, 2_000_000);
    if std::env::var_os("QUORATE_LONG").is_some() {
        check_three(Engine::Raft, true, 2, 10_000_000);
        check_three(Engine::Raft, false, 3, 10_000_000);
    }
}

#[test]
fn paxos_two_rounds() {
    check_three(Engine::Paxos, false, 2, 2_000_000);
}

#[test]
fn paxos_two_rounds_with_crashes() {
    check_three(Engine::Paxos, true, 2, 2_000_000);
    if std::env::var_os("QUORATE_LONG").is_some() {
        check_three(Engine::Paxos, true, 2, 10_000_000);
        check_three(Engine::Paxos, false, 2, 12_000_000);
    }
}
