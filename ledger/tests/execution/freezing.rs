//! Freezes: who may, what a frozen account cannot do, and what is written of it.

use quorate_ledger::{Freeze, FreezeV1, Keep, Right, Scope, StateKey, read_value};

use crate::second::{Row, check_row, check_rows, create_with, freeze, of_asset, row, second_of, unfreeze};
use crate::world::{
    World, address, burn, code, create, failed, hold, mint, paid, put_record, refund, release, set_signers,
    success, transfer,
};

/// Account 7 freezes anything, 9 for ICE, account 50 as one of member 1, which does for BOTH.
fn frosty() -> World {
    let right = Right::Freeze;
    second_of(
        |rules| rules.strangers = 7,
        &[
            (7, right, Scope::Network),
            (9, right, of_asset("ICE")),
            (101, right, of_asset("BOTH")),
        ],
    )
}

fn freeze_of(world: &World, account: u8, asset: &str) -> Option<FreezeV1> {
    let asset = (!asset.is_empty()).then(|| code(asset));
    let key = StateKey::freeze(&address(account), asset.as_ref());
    let found: Option<Freeze> = read_value(&world.state, &key).unwrap();
    found.map(|Freeze::V1(freeze)| freeze)
}

#[test]
fn freezes_condition_by_condition() {
    let mut world = frosty();
    for make in [freeze, unfreeze] {
        check_rows(
            &mut world,
            [
                row("no such asset", 1, 4, make(8, "NO")),
                row("a stranger", 21, 4, make(8, "ICE")),
                row("a stranger, wholly", 21, 4, make(8, "")),
                row("the issuer, wholly", 21, 0, make(8, "")),
                row("for one asset, wholly", 21, 9, make(8, "")),
                row("for another asset", 21, 9, make(8, "BOTH")),
                row("another member", 21, 102, make(8, "BOTH")),
            ],
        );
    }
    check_rows(
        &mut world,
        [
            row("no flag 2", 21, 0, freeze(8, "EUR")),
            row("flag 1 is not enough", 21, 7, freeze(8, "ADM")),
            row("not frozen", 68, 0, unfreeze(8, "EUR")),
            row("not frozen", 68, 0, unfreeze(8, "ICE")),
            row("not frozen", 68, 7, unfreeze(8, "")),
            row("by the issuer", 0, 0, freeze(8, "ICE")),
            row("again", 68, 9, freeze(8, "ICE")),
            row("not wholly", 68, 7, unfreeze(8, "")),
            row("by the right for it", 0, 9, unfreeze(8, "ICE")),
            row("by the right for it", 0, 9, freeze(8, "ICE")),
            row("by the right for all", 0, 7, unfreeze(8, "ICE")),
            row("by the right for all", 0, 7, freeze(8, "ICE")),
            row("a member's right", 0, 50, freeze(8, "BOTH")),
            row("a member's right", 0, 101, unfreeze(8, "BOTH")),
            row("wholly", 0, 7, freeze(8, "")),
            row("again", 68, 7, freeze(8, "")),
            row("wholly", 0, 7, unfreeze(8, "")),
        ],
    );
}

#[test]
fn a_frozen_account_cannot_use_what_it_has() {
    let mut world = frosty();
    let until = world.after(600_000);
    let operations = vec![
        transfer(8, "EUR", 100),
        transfer(8, "ICE", 100),
        transfer(8, "BOND", 100),
    ];
    assert_eq!(world.run(0, operations), success());
    let given = world.make_hold(8, hold(10, "EUR", 5, until));
    let due = world.make_hold(0, hold(8, "EUR", 5, until));
    assert_eq!(world.run(8, vec![create_with("OWN", 0)]), success());
    check_rows(
        &mut world,
        [
            row("it is frozen", 0, 7, freeze(8, "")),
            row("create", 19, 8, create("NEW")),
            row("create what is there", 19, 8, create("EUR")),
            row("mint", 19, 8, mint(0, "OWN", 1)),
            row("burn", 19, 8, burn("EUR", 1)),
            row("transfer", 19, 8, transfer(0, "EUR", 1)),
            row("under a key of its own", 19, 8, transfer(0, "BOND", 1)),
            row("to itself", 19, 8, transfer(8, "EUR", 1)),
            row("hold", 19, 8, hold(10, "EUR", 1, until)),
            row("before everything else", 19, 8, burn("NO", 1)),
            row("others give it", 0, 0, transfer(8, "EUR", 1)),
            row("a record", 0, 8, put_record(1, Keep::Own)),
            row("signers", 0, 8, set_signers(&[(8, 1)], 1)),
        ],
    );
    assert_eq!(world.run(10, vec![release(&given, Some(1), &[])]), paid(&[1]));
    assert_eq!(world.run(8, vec![release(&due, Some(2), &[])]), paid(&[2]));
    assert_eq!(world.run(8, vec![refund(&due)]), paid(&[3]));
    check_rows(
        &mut world,
        [
            row("it thaws", 0, 7, unfreeze(8, "")),
            row("transfer", 0, 8, transfer(0, "EUR", 1)),
            row("mint", 0, 8, mint(0, "OWN", 1)),
        ],
    );
}

#[test]
fn a_freeze_for_an_asset_is_for_that_one_alone() {
    let mut world = frosty();
    let until = world.after(600_000);
    let operations = vec![
        transfer(8, "EUR", 100),
        transfer(8, "ICE", 100),
        transfer(8, "BOTH", 10),
    ];
    // For BOTH it is not admitted.
    assert_eq!(world.run(0, operations), failed(20, 2));
    let operations = vec![transfer(8, "EUR", 100), transfer(8, "ICE", 100)];
    assert_eq!(world.run(0, operations), success());
    check_rows(
        &mut world,
        [
            row("it is frozen", 0, 0, freeze(8, "ICE")),
            row("transfer", 19, 8, transfer(0, "ICE", 1)),
            row("too much, too", 19, 8, transfer(0, "ICE", 1_000)),
            row("burn", 19, 8, burn("ICE", 1)),
            row("hold", 19, 8, hold(10, "ICE", 1, until)),
            row("mint", 19, 8, mint(0, "ICE", 1)),
            row("of another asset", 0, 8, transfer(0, "EUR", 1)),
            row("create", 0, 8, create("NEW")),
            row("another account", 0, 0, transfer(10, "ICE", 1)),
            row("it receives", 0, 0, transfer(8, "ICE", 1)),
            row("it thaws", 0, 0, unfreeze(8, "ICE")),
            row("transfer", 0, 8, transfer(0, "ICE", 101)),
        ],
    );
    assert!(!world.account(8).unwrap().frozen);
}

#[test]
fn what_is_not_permitted_comes_before_what_is_frozen() {
    let mut world = second_of(|rules| rules.strangers = 1, &[(7, Right::Freeze, Scope::Network)]);
    check_rows(
        &mut world,
        [
            row("frozen", 0, 7, freeze(2, "")),
            row("21 before 19", 21, 2, burn("SEA", 1)),
            row("21 before 19", 21, 2, create("NEW")),
        ],
    );
}

#[test]
fn a_whole_freeze_marks_the_account_and_its_history() {
    let mut world = frosty();
    // Nobody knows account 30 yet.
    let transaction = world.signed(7, vec![freeze(30, "")]);
    let execution = world.commit(vec![transaction]);
    let expected = FreezeV1 {
        account: address(30),
        asset: None,
        by: address(7),
        ordinal: execution.transactions[0].ordinal,
        timestamp: world.now(),
    };
    assert_eq!(freeze_of(&world, 30, ""), Some(expected));
    let account = world.account(30).unwrap();
    assert!(account.frozen);
    assert_eq!((account.entries, world.steps(30).len()), (1, 1));
    assert!(world.steps(30)[0].step.changes.is_empty());

    let execution_of = |world: &mut World, operations| {
        let transaction = world.signed(7, operations);
        world.commit(vec![transaction])
    };
    // There and back changes no leaf.
    let execution = execution_of(&mut world, vec![unfreeze(30, ""), freeze(30, "")]);
    assert_eq!((execution.histories.len(), world.steps(30).len()), (1, 1));
    execution_of(&mut world, vec![unfreeze(30, "")]);
    assert_eq!((freeze_of(&world, 30, ""), world.steps(30).len()), (None, 2));
    assert!(!world.account(30).unwrap().frozen);
    // A freeze for an asset is in no account's leaf.
    let transaction = world.signed(0, vec![freeze(30, "ICE")]);
    let execution = world.commit(vec![transaction]);
    assert_eq!((execution.histories.len(), world.steps(30).len()), (1, 2));
    assert_eq!(freeze_of(&world, 30, "ICE").unwrap().asset, Some(code("ICE")));
    assert_eq!(freeze_of(&world, 30, ""), None);
}

#[test]
fn a_failing_transaction_takes_freezes_back() {
    let mut world = frosty();
    let operations = vec![(7, freeze(30, "")), (7, freeze(8, "ICE")), (7, freeze(30, ""))];
    let parties = || vec![7];
    check_row(
        &mut world,
        Row {
            what: "frozen already",
            code: 68,
            parties: parties(),
            operations,
        },
    );
    assert_eq!(world.account(30), None);
    assert_eq!(world.run(7, vec![freeze(30, "")]), success());
    let operations = vec![(7, unfreeze(30, "")), (7, unfreeze(8, "ICE"))];
    check_row(
        &mut world,
        Row {
            what: "not frozen",
            code: 68,
            parties: parties(),
            operations,
        },
    );
    assert!(world.account(30).unwrap().frozen);
}
