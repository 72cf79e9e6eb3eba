//! Who may do what in protocol 2: each permission allowed and denied, in execution and in the trial, and the operations
//! that grant rights and take them back, condition by condition.

use quorate_ledger::{Grant, GrantV1, Keep, Operation, Right, Scope, StateKey, read_value};

use crate::erasing::{erase, with_memo};
use crate::second::{
    Granted, Row, assign, check_row, check_rows, create_with, grant, of_asset, of_member, revoke, row,
    second, second_of,
};
use crate::world::{
    World, address, burn, create, hold, mint, paid, put_record, refund, release, set_signers, success,
    transfer,
};

const NETWORK: Scope = Scope::Network;

/// A network in which accounts without a member may do what these bits say.
fn with_strangers(strangers: u8, granted: Granted<'_>) -> World {
    second_of(|rules| rules.strangers = strangers, granted)
}

/// The code of a permission, or none.
fn unless(may: bool, code: u16) -> u16 {
    if may { 0 } else { code }
}

#[test]
fn strangers_do_what_the_bits_say_and_members_all() {
    for bits in 0..8_u8 {
        let mut world = with_strangers(bits, &[]);
        let until = world.after(60_000);
        let (may_hold, may_send, may_create) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
        let held = unless(may_hold, 20);
        let sent = unless(may_send, 21);
        let created = unless(may_create, 21);
        check_rows(
            &mut world,
            [
                row("a transfer to a stranger", held, 0, transfer(4, "EUR", 5)),
                row("a mint to a stranger", held, 0, mint(6, "EUR", 5)),
                row("a hold for a stranger", held, 0, hold(8, "EUR", 5, until)),
                row("a transfer to a member's", 0, 0, transfer(50, "EUR", 5)),
                row("a mint to a member's", 0, 0, mint(50, "EUR", 5)),
                row("a hold for a member's", 0, 0, hold(50, "EUR", 5, until)),
                row("a stranger's transfer", sent, 2, transfer(0, "SEA", 1)),
                row("a stranger's burn", sent, 2, burn("SEA", 1)),
                row("a stranger's mint", sent, 2, mint(0, "SEA", 1)),
                row("a stranger's hold", sent, 2, hold(0, "SEA", 1, until)),
                row("a transfer to oneself", sent, 2, transfer(2, "SEA", 1)),
                row("before all else", if may_send { 1 } else { 21 }, 2, burn("NO", 1)),
                row("a stranger's asset", created, 2, create("NEW")),
                row("its record", created, 2, put_record(1, Keep::Own)),
                row("its claim", created, 2, put_record(1, Keep::Unique)),
                row("its record in the log", 0, 2, put_record(1, Keep::Log)),
                row("a member's record", 0, 50, put_record(2, Keep::Own)),
                row("a member's claim", 0, 103, put_record(2, Keep::Unique)),
                row("a member's asset", created, 103, create("MEM")),
                row("a stranger's signers", 0, 2, set_signers(&[(2, 1)], 1)),
            ],
        );
        let to_itself = match (may_send, may_hold) {
            (false, _) => 21,
            (true, false) => 20,
            (true, true) => 0,
        };
        check_row(
            &mut world,
            row("a mint to oneself", to_itself, 2, mint(2, "SEA", 1)),
        );
    }
}

#[test]
fn a_release_or_a_refund_asks_for_no_right() {
    let mut world = with_strangers(0, &[]);
    let until = world.after(60_000);
    let due = world.make_hold(0, hold(50, "EUR", 5, until));
    assert_eq!(world.run(0, vec![transfer(50, "EUR", 7)]), success());
    let given = world.make_hold(50, hold(0, "EUR", 7, until));
    // Account 50 leaves its member, and may neither send nor hold any more.
    assert_eq!(world.run(50, vec![assign(50, None)]), success());
    check_rows(
        &mut world,
        [
            row("to it", 20, 0, transfer(50, "EUR", 1)),
            row("by it", 21, 50, transfer(0, "EUR", 1)),
        ],
    );
    assert_eq!(world.run(50, vec![release(&due, Some(2), &[])]), paid(&[2]));
    assert_eq!(world.run(0, vec![refund(&given)]), paid(&[7]));
    assert_eq!(world.funds(50, "EUR"), (9, 0, 1));
}

#[test]
fn a_participant_holds_and_sends_but_creates_nothing() {
    let granted = [(2, Right::Participate, NETWORK), (4, Right::Participate, NETWORK)];
    let mut world = with_strangers(0, &granted);
    check_rows(
        &mut world,
        [
            row("to a participant", 0, 2, transfer(4, "SEA", 5)),
            row("by a participant", 0, 4, transfer(2, "SEA", 1)),
            row("to another one", 20, 4, transfer(6, "SEA", 1)),
            row("its asset", 21, 4, create("NEW")),
            row("its record", 21, 4, put_record(1, Keep::Own)),
        ],
    );
}

#[test]
fn rights_let_create_assets() {
    let right = Right::CreateAsset;
    let own = |who| (who, right, NETWORK);
    let of = |who, member| (who, right, of_member(member));
    let cases: [(&str, Granted<'_>, u8, bool); 10] = [
        ("nobody", &[], 2, false),
        ("a stranger", &[own(2)], 2, true),
        ("a member's account", &[own(101)], 101, true),
        (
            "an account of the member, without a right of its own",
            &[own(101)],
            50,
            false,
        ),
        ("what the member does not have itself", &[of(50, 1)], 50, false),
        ("what the member handed on", &[own(101), of(50, 1)], 50, true),
        ("by another member", &[own(101), own(102), of(50, 2)], 50, false),
        (
            "not to accounts that are not its own",
            &[own(101), of(2, 1)],
            2,
            false,
        ),
        ("an account of a member by its own right", &[own(50)], 50, true),
        ("a member by itself", &[of(101, 1)], 101, false),
    ];
    for (what, granted, who, may) in cases {
        let mut world = with_strangers(3, granted);
        check_row(&mut world, row(what, unless(may, 21), who, create_with("NEW", 3)));
        assert_eq!(world.asset("NEW").is_some(), may);
    }
}

#[test]
fn rights_let_put_records() {
    let mut world = with_strangers(3, &[(2, Right::PutRecord, NETWORK)]);
    check_rows(
        &mut world,
        [
            row("with the right", 0, 2, put_record(1, Keep::Own)),
            row("with the right", 0, 2, put_record(1, Keep::Unique)),
            row("without", 21, 4, put_record(3, Keep::Own)),
            row("before what else is wrong", 21, 4, put_record(1, Keep::Unique)),
            row("a member's", 16, 50, put_record(1, Keep::Unique)),
        ],
    );
}

#[test]
fn rights_let_mint() {
    let granted = [
        (4, Right::Mint, of_asset("EUR")),
        (101, Right::Mint, of_asset("EUR")),
        (6, Right::Mint, of_asset("OIL")),
    ];
    let mut world = with_strangers(3, &granted);
    check_rows(
        &mut world,
        [
            row("with the right", 0, 4, mint(8, "EUR", 1)),
            row("for this asset alone", 4, 4, mint(8, "OIL", 1)),
            row("for another one", 4, 6, mint(8, "EUR", 1)),
            row("a member", 0, 101, mint(8, "EUR", 1)),
            row("an account of it", 0, 50, mint(8, "EUR", 1)),
            row("an account of another one", 4, 102, mint(8, "EUR", 1)),
            row("none", 1, 102, mint(8, "NO", 1)),
            row("too much", 5, 4, mint(8, "EUR", 10_u128.pow(38) - 1)),
        ],
    );
    assert_eq!(world.free(8, "EUR"), 3);
    // Minting is sending, too.
    let mut world = with_strangers(1, &granted);
    check_row(&mut world, row("no participant", 21, 4, mint(8, "EUR", 1)));
}

#[test]
fn rights_let_erase() {
    let granted = [(4, Right::Erase, NETWORK), (101, Right::Erase, NETWORK)];
    let mut world = with_strangers(3, &granted);
    for (what, who, may) in [
        ("with the right", 4, true),
        ("a member", 101, true),
        ("an account of it", 50, true),
        ("one of another member", 102, false),
        ("a stranger", 6, false),
        ("who is named", 9, true),
    ] {
        let intent = with_memo(&mut world, 0);
        check_row(&mut world, row(what, unless(may, 28), who, erase(&intent)));
    }
}

#[test]
fn flag_1_asks_for_admission_of_holders() {
    let right = Right::HoldAsset;
    let granted = [
        (4, right, of_asset("ADM")),
        (101, right, of_asset("ADM")),
        (6, right, of_asset("BOTH")),
    ];
    let mut world = with_strangers(3, &granted);
    let until = world.after(60_000);
    check_rows(
        &mut world,
        [
            row("admitted", 0, 0, transfer(4, "ADM", 5)),
            row("not", 20, 0, transfer(8, "ADM", 5)),
            row("for another one", 20, 0, transfer(6, "ADM", 5)),
            row("for this one", 0, 0, transfer(6, "BOTH", 5)),
            row("a member's right", 0, 0, transfer(50, "ADM", 5)),
            row("a member without", 20, 0, transfer(102, "ADM", 5)),
            row("a mint", 20, 0, mint(102, "ADM", 5)),
            row("a hold", 20, 0, hold(102, "ADM", 5, until)),
            row("a mint to who is admitted", 0, 0, mint(101, "ADM", 5)),
            row("a hold for who is admitted", 0, 0, hold(4, "ADM", 5, until)),
            row("the issuer always", 0, 4, transfer(0, "ADM", 1)),
            row("no flag 1", 0, 0, transfer(8, "ICE", 5)),
            row("nor any flag", 0, 0, transfer(8, "EUR", 5)),
            // In the order of the table: the amount before the holder.
            row("more than there is", 3, 0, transfer(8, "ADM", 10_000)),
            row("more than there is", 3, 0, hold(8, "ADM", 10_000, until)),
            row("an admission", 0, 0, grant(8, right, of_asset("ADM"))),
            row("admitted now", 0, 0, transfer(8, "ADM", 5)),
            row("no longer", 0, 0, revoke(8, right, of_asset("ADM"))),
            row("no longer", 20, 0, transfer(8, "ADM", 5)),
            row("what it has it can give", 0, 8, transfer(0, "ADM", 5)),
        ],
    );
    // Admission does not make a participant.
    let mut world = with_strangers(0, &granted);
    check_row(&mut world, row("a stranger", 20, 0, transfer(4, "ADM", 5)));
}

/// The grant under this key.
fn granted(world: &World, account: u8, right: Right, scope: Scope) -> Option<GrantV1> {
    let key = StateKey::grant(&address(account), right, &scope);
    let found: Option<Grant> = read_value(&world.state, &key).unwrap();
    found.map(|Grant::V1(grant)| grant)
}

#[test]
fn grants_name_who_gave_them_and_revoking_removes_them() {
    let mut world = second();
    let scope = of_member(1);
    let transaction = world.signed(101, vec![grant(7, Right::Operate, scope)]);
    let execution = world.commit(vec![transaction]);
    let expected = GrantV1 {
        account: address(7),
        right: Right::Operate,
        scope,
        by: address(101),
        ordinal: execution.transactions[0].ordinal,
    };
    assert_eq!(granted(&world, 7, Right::Operate, scope), Some(expected));
    // It is nobody's leaf: only who signed has a step, and the account does not appear.
    assert_eq!((execution.histories.len(), world.account(7)), (1, None));
    assert_eq!(world.run(101, vec![revoke(7, Right::Operate, scope)]), success());
    assert_eq!(granted(&world, 7, Right::Operate, scope), None);
}

#[test]
fn grants_and_revocations_condition_by_condition() {
    let mut world = second_of(|_| {}, &[(0, Right::Freeze, NETWORK)]);
    let (admin, operate) = (Right::Administrate, Right::Operate);
    for make in [grant, revoke] {
        check_rows(
            &mut world,
            [
                row("no such member", 64, 101, make(7, operate, of_member(9))),
                row("no such asset", 1, 0, make(7, Right::Mint, of_asset("NO"))),
                row("another member", 21, 100, make(7, operate, of_member(1))),
                row("an account of the member", 21, 50, make(7, operate, of_member(1))),
                row("not the issuer", 21, 101, make(7, Right::Mint, of_asset("EUR"))),
                row(
                    "the network by nobody",
                    21,
                    100,
                    make(7, Right::Participate, NETWORK),
                ),
                row("nor by who has it", 21, 0, make(7, Right::Freeze, NETWORK)),
            ],
        );
    }
    check_rows(
        &mut world,
        [
            row("of a member", 0, 101, grant(7, operate, of_member(1))),
            row("again", 68, 101, grant(7, operate, of_member(1))),
            row("of an asset", 0, 0, grant(7, Right::Mint, of_asset("EUR"))),
            row("again", 68, 0, grant(7, Right::Mint, of_asset("EUR"))),
            row(
                "who has a right does not grant it",
                21,
                7,
                grant(9, Right::Mint, of_asset("EUR")),
            ),
            row("nor an operator", 21, 7, grant(9, operate, of_member(1))),
            row("not there", 68, 101, revoke(9, operate, of_member(1))),
            row("not there", 68, 0, revoke(9, Right::Mint, of_asset("EUR"))),
            row("the member's account", 69, 101, revoke(101, admin, of_member(1))),
            row("an administrator", 0, 101, grant(7, admin, of_member(1))),
            row("grants, too", 0, 7, grant(9, admin, of_member(1))),
            row("but not for others", 21, 7, grant(9, admin, of_member(2))),
            row(
                "not the member's account",
                69,
                9,
                revoke(101, admin, of_member(1)),
            ),
            row("but each other", 0, 9, revoke(7, admin, of_member(1))),
            row("and is none any more", 21, 7, grant(11, admin, of_member(1))),
            row("itself", 0, 9, revoke(9, admin, of_member(1))),
            row("and is none any more", 21, 9, grant(11, admin, of_member(1))),
            row("of a member", 0, 101, revoke(7, operate, of_member(1))),
            row("of an asset", 0, 0, revoke(7, Right::Mint, of_asset("EUR"))),
        ],
    );
}

#[test]
fn a_failing_transaction_takes_grants_back() {
    let mut world = second();
    let acts =
        |operations: Vec<Operation>| operations.into_iter().map(|operation| (101, operation)).collect();
    let scope = of_member(1);
    let first = grant(7, Right::Operate, scope);
    check_row(
        &mut world,
        Row {
            what: "the second one fails",
            code: 68,
            parties: vec![101],
            operations: acts(vec![first.clone(), first.clone()]),
        },
    );
    check_row(
        &mut world,
        Row {
            what: "there and away again",
            code: 68,
            parties: vec![101],
            operations: acts(vec![
                first,
                revoke(7, Right::Operate, scope),
                revoke(7, Right::Operate, scope),
            ]),
        },
    );
}
