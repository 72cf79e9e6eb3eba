//! Every behaviour of four replicas, one of which lies, for one height and one view change. With
//! `QUORATE_LONG=1` another view change follows, as far as ten million states.

use quorate_simulator::model::Four;
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
