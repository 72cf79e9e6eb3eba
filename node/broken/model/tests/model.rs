//! The model checker can fail: it finds broken rules that break agreement for one height.

use quorate_consensus::broken::Rule;
use quorate_crypto::Engine;
use quorate_model_broken::Four;
use quorate_model_broken::three::Three;
use stateright::{Checker, HasDiscoveries, Model};

/// Checks with one liar until agreement is broken, and prints the shortest way there.
fn is_found(rule: Rule, liar: u16) {
    let model = Four::breaking(liar, 1, rule);
    let checker = model
        .checker()
        .finish_when(HasDiscoveries::AnyFailures)
        .target_state_count(4_000_000)
        .spawn_bfs()
        .join();
    let path = checker.discovery("agreement");
    let steps = path.expect("agreement is broken").into_actions();
    let (states, length) = (checker.state_count(), steps.len());
    println!("| {rule:?} | liar {liar} | {states} states | {length} steps |");
    for step in steps {
        println!("    {step}");
    }
}

macro_rules! found {
    ($($name:ident: $rule:expr, $liar:expr;)*) => {
        $(#[test]
        fn $name() {
            is_found($rule, $liar);
        })*
    };
}

found! {
    pitfall_03_a_new_view_that_is_not_checked: Rule::NewViewUnchecked, 1;
    senders_that_count_twice: Rule::SendersCountedTwice, 1;
    pitfall_02_view_changes_that_unlock_what_was_prepared: Rule::PreparedDropped, 0;
    pitfall_01_null_requests_in_place_of_what_was_prepared: Rule::NullCarriedOver, 0;
    commits_without_a_quorum_of_prepares: Rule::CommittedUnprepared, 0;
}

/// Checks three replicas of Raft or Paxos in two terms or rounds until a property is broken, and prints the shortest way there.
fn is_found_in_three(engine: Engine, rule: Rule, crashes: bool, property: &'static str) {
    let model = Three::new(engine, 2, crashes).breaking(rule);
    let checker = model
        .checker()
        .finish_when(HasDiscoveries::AnyFailures)
        .target_state_count(12_000_000)
        .spawn_bfs()
        .join();
    let path = checker.discovery(property);
    let steps = path
        .unwrap_or_else(|| panic!("{property} is broken"))
        .into_actions();
    let (states, length) = (checker.state_count(), steps.len());
    println!("| {rule:?} | {engine} | {states} states | {length} steps |");
    for step in steps {
        println!("    {step}");
    }
}

#[test]
fn raft_a_second_vote_in_a_term() {
    is_found_in_three(Engine::Raft, Rule::VotedTwice, false, "election safety");
}

#[test]
fn raft_a_vote_that_is_forgotten_in_a_restart() {
    is_found_in_three(Engine::Raft, Rule::VoteForgotten, true, "election safety");
}

#[test]
fn raft_a_vote_for_an_older_log() {
    is_found_in_three(Engine::Raft, Rule::OldLogElected, false, "agreement");
}

#[test]
fn raft_a_leader_that_deletes_entries_of_its_own() {
    is_found_in_three(Engine::Raft, Rule::LeaderOverwrites, false, "agreement");
}

#[test]
fn raft_a_follower_that_keeps_what_conflicts() {
    is_found_in_three(Engine::Raft, Rule::ConflictsKept, false, "agreement");
}

#[test]
fn paxos_a_promise_that_is_forgotten_in_a_restart() {
    is_found_in_three(Engine::Paxos, Rule::PromiseForgotten, true, "agreement");
}

#[test]
fn paxos_a_value_that_is_forgotten_in_a_restart() {
    is_found_in_three(Engine::Paxos, Rule::AcceptedForgotten, true, "agreement");
}

#[test]
fn paxos_a_ballot_below_the_promise_that_is_accepted() {
    is_found_in_three(Engine::Paxos, Rule::LowBallotAccepted, false, "agreement");
}

#[test]
fn paxos_an_own_value_where_a_promise_carried_one() {
    is_found_in_three(Engine::Paxos, Rule::OwnValueTaken, false, "agreement");
}

#[test]
fn paxos_a_majority_of_promises_less_one() {
    is_found_in_three(Engine::Paxos, Rule::FewerPromises, false, "agreement");
}

#[test]
fn paxos_a_majority_of_accepts_less_one() {
    is_found_in_three(Engine::Paxos, Rule::FewerAccepts, false, "agreement");
}
