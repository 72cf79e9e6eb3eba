//! The model of two heights can fail: it finds broken rules, of agreement and of going on.

use quorate_consensus::broken::Rule;
use quorate_model_broken::two::Two;
use stateright::{Checker, HasDiscoveries, Model};

/// Checks until the property is broken, and prints the shortest way there.
fn is_found(rule: Rule, model: Two, property: &'static str) {
    let checker = model
        .breaking(rule)
        .checker()
        .finish_when(HasDiscoveries::AnyOf([property].into()))
        .target_state_count(4_000_000)
        .spawn_bfs()
        .join();
    let path = checker.discovery(property);
    let (states, distinct) = (checker.state_count(), checker.unique_state_count());
    let path = path.unwrap_or_else(|| panic!("{property} is broken, not so in {states} states ({distinct})"));
    let steps = path.into_actions();
    println!(
        "| {rule:?} | {property} | {states} states | {} steps |",
        steps.len()
    );
    for step in steps {
        println!("    {step}");
    }
}

#[test]
fn a_new_view_above_the_lowest_certified_height() {
    is_found(Rule::BaseLowered, Two::new(3, 1, 1, 2), "agreement");
}

#[test]
fn pitfall_01_null_requests_in_place_of_what_was_prepared() {
    is_found(Rule::NullCarriedOver, Two::new(3, 1, 0, 2), "agreement");
}

#[test]
fn pitfall_02_view_changes_that_unlock_what_was_prepared() {
    is_found(Rule::PreparedDropped, Two::new(3, 1, 0, 2), "agreement");
}

#[test]
fn a_view_change_whose_blocks_nobody_gives_that_counts() {
    is_found(
        Rule::UnservableCounted,
        Two::new(3, 0, 2, 2).going_on(),
        "the network goes on",
    );
}
