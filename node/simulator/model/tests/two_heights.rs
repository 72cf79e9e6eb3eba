//! Two heights of four replicas of PBFT, one of which lies and hoards seals: that the honest never differ, and that
//! they get on once everything arrives. With `QUORATE_LONG=1` with more that goes wrong.

use quorate_model::two::Two;
use stateright::{Checker, HasDiscoveries, Model};

/// Checks to the end, or as far as so many states.
fn check(words: &str, model: &Two, most: usize) {
    let checker = model
        .clone()
        .checker()
        .finish_when(HasDiscoveries::AnyFailures)
        .target_state_count(most)
        .spawn_bfs()
        .join();
    let (replicas, messages, futures) = model.sizes();
    println!(
        "{words}: {} states ({} distinct), depth {}, {replicas} different replicas, {messages} messages, \
         {futures} fair continuations, {}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        if checker.state_count() < most {
            "exhaustive"
        } else {
            "bounded"
        },
    );
    for (property, path) in checker.discoveries() {
        if !property.starts_with("certified") {
            println!("{}", model.explain(path.last_state()));
        }
    }
    checker.assert_properties();
}

fn is_long() -> bool {
    std::env::var_os("QUORATE_LONG").is_some()
}

/// Three views, in which nobody restarts.
fn check_three_views(liar: u16) {
    let words = |cuts: u8| format!("liar {liar}, views 0 to 2, cuts {cuts}");
    check(&words(1), &Two::new(liar, 2, 0, 1), usize::MAX);
    if is_long() {
        check(&words(2), &Two::new(liar, 2, 0, 2), 5_000_000);
    }
}

/// Whether the network goes on after view 0, and after view 1.
fn check_going_on(liar: u16, restarts: u8, cuts: u8) {
    let words = format!("liar {liar}, view 0, restarts {restarts}, cuts {cuts}, going on");
    check(&words, &Two::new(liar, 0, restarts, cuts).going_on(), usize::MAX);
    let words = format!("liar {liar}, views 0 and 1, going on");
    check(&words, &Two::new(liar, 1, 0, 0).going_on(), usize::MAX);
    if is_long() {
        let words = format!("liar {liar}, views 0 and 1, restarts 1, cuts 1, going on");
        check(&words, &Two::new(liar, 1, 1, 1).going_on(), usize::MAX);
    }
}

#[test]
fn a_first_primary_that_lies() {
    check_three_views(0);
}

#[test]
fn a_second_primary_that_lies() {
    check_three_views(1);
}

#[test]
fn a_third_primary_that_lies() {
    check_three_views(2);
}

#[test]
fn a_backup_that_lies() {
    check_three_views(3);
}

#[test]
fn a_first_primary_that_hoards_seals_stops_nobody() {
    check_going_on(0, 2, 1);
}

#[test]
fn a_second_primary_that_hoards_seals_stops_nobody() {
    check_going_on(1, 2, 2);
}

#[test]
fn a_backup_that_hoards_seals_stops_nobody() {
    check_going_on(3, 2, 2);
}
