//! The checker must be able to fail: histories that no order explains.

use std::time::Duration;

use super::{History, Operation, Outcome, Place, What};

fn operation(begun: u64, ended: u64, what: What) -> Operation {
    Operation {
        begun: Duration::from_millis(begun),
        ended: Some(Duration::from_millis(ended)),
        what,
    }
}

/// Account 0 pays 10 to account 1.
fn paid(begun: u64, ended: u64, outcome: Outcome) -> Operation {
    let what = What::Payment {
        from: 0,
        to: 1,
        amount: 10,
        outcome,
    };
    operation(begun, ended, what)
}

fn read(begun: u64, ended: u64, account: usize, balance: u128, height: u64) -> Operation {
    let what = What::Read {
        account,
        balance,
        height,
    };
    operation(begun, ended, what)
}

fn check(operations: &[Operation]) -> Result<(), String> {
    let history = History {
        opening: vec![25, 0],
        operations: operations.to_vec(),
    };
    history.check()
}

#[track_caller]
fn refuse(operations: &[Operation], word: &str) {
    let error = check(operations).expect_err("no order explains this history");
    assert!(error.contains(word), "{error}");
}

const FIRST: Place = (1, 0);

#[test]
fn what_one_order_explains_passes() {
    let unanswered = Operation {
        ended: None,
        ..paid(25, 0, Outcome::Paid((2, 0)))
    };
    let history = [
        paid(0, 10, Outcome::Paid(FIRST)),
        read(5, 20, 0, 25, 0),
        read(11, 20, 0, 15, 1),
        unanswered,
        read(30, 40, 1, 20, 2),
        paid(41, 50, Outcome::Failed((3, 0))),
        paid(51, 60, Outcome::Nothing),
    ];
    assert_eq!(check(&history), Ok(()));
}

#[test]
fn a_read_from_before_an_acknowledged_payment_is_stale() {
    refuse(
        &[paid(0, 10, Outcome::Paid(FIRST)), read(11, 20, 0, 25, 0)],
        "lies before it",
    );
}

#[test]
fn a_payment_placed_before_one_that_was_answered_before_it_began_is_out_of_order() {
    let history = [
        paid(0, 10, Outcome::Paid((5, 0))),
        paid(11, 20, Outcome::Paid((4, 9))),
    ];
    refuse(&history, "lies before it");
    // Side by side, the same places are fine.
    assert_eq!(
        check(&[
            paid(0, 12, Outcome::Paid((5, 0))),
            paid(11, 20, Outcome::Paid((4, 9)))
        ]),
        Ok(())
    );
}

#[test]
fn a_payment_into_a_block_that_was_read_before_it_began_changes_the_past() {
    let history = [read(0, 10, 0, 25, 3), paid(11, 20, Outcome::Paid((3, 0)))];
    refuse(&history, "lies before it");
}

#[test]
fn an_acknowledged_payment_that_no_balance_shows_is_lost() {
    let history = [paid(0, 10, Outcome::Paid(FIRST)), read(11, 20, 1, 0, 4)];
    refuse(&history, "should have read 10");
}

#[test]
fn a_payment_executed_twice_shows() {
    let history = [paid(0, 10, Outcome::Paid(FIRST)), read(11, 20, 1, 20, 4)];
    refuse(&history, "should have read 10");
}

#[test]
fn two_payments_in_one_place_are_two_histories() {
    let history = [
        paid(0, 10, Outcome::Paid(FIRST)),
        paid(5, 10, Outcome::Paid(FIRST)),
    ];
    refuse(&history, "have one place");
}

#[test]
fn money_that_was_not_there_or_was_shows() {
    let three = [1, 2, 3].map(|height| paid(0, 10, Outcome::Paid((height, 0))));
    refuse(&three, "paid what was not there");
    refuse(&[paid(0, 10, Outcome::Failed(FIRST))], "at hand");
}
