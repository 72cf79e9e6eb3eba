//! Accounts become a member's, as both want it, and nobody's, as one of them wants it.

use quorate_crypto::MemberNumber;
use quorate_ledger::{Keep, Operation, Right, StateKey};

use crate::second::{Row, assign, check_row, check_rows, divide, grant, of_member, row, second, second_of};
use crate::world::{World, address, failed, put_record, success};

/// A row of two parties, of which the first acts.
fn both(what: &'static str, code: u16, parties: &'static [u8], operation: Operation) -> Row<'static> {
    Row {
        what,
        code,
        parties: parties.to_vec(),
        operations: vec![(parties[0], operation)],
    }
}

fn member_of(world: &World, account: u8) -> Option<MemberNumber> {
    world.account(account).and_then(|account| account.member)
}

#[test]
fn assignments_condition_by_condition() {
    let mut world = second();
    check_rows(
        &mut world,
        [
            both("no such member", 64, &[101, 7], assign(7, Some(9))),
            both("nobody asked it", 21, &[101], assign(7, Some(1))),
            both("nobody asked the member", 21, &[7], assign(7, Some(1))),
            both("the account acts", 21, &[7, 101], assign(7, Some(1))),
            both("another member", 21, &[102, 7], assign(7, Some(1))),
            both("an account of the member", 21, &[50, 7], assign(7, Some(1))),
            both("both want it", 0, &[101, 7], assign(7, Some(1))),
            both("it is so", 68, &[101, 7], assign(7, Some(1))),
            both("another one's", 68, &[102, 7], assign(7, Some(2))),
            both("a member's own account", 68, &[102, 101], assign(101, Some(2))),
            both("of none", 68, &[101], assign(9, None)),
            both("another member ends it", 21, &[102], assign(7, None)),
            both("an account of the member ends it", 21, &[50], assign(7, None)),
            both("the member's own", 69, &[101], assign(101, None)),
            both("the member ends it", 0, &[101], assign(7, None)),
            both("of none", 68, &[101], assign(7, None)),
            both("it comes back", 0, &[101, 7], assign(7, Some(1))),
            both("and ends it itself", 0, &[7], assign(7, None)),
            both("to another one", 0, &[102, 7], assign(7, Some(2))),
            both(
                "an administrator",
                0,
                &[102],
                grant(7, Right::Administrate, of_member(2)),
            ),
            both("takes others in", 0, &[7, 9], assign(9, Some(2))),
            both("and lets them go", 0, &[7], assign(9, None)),
            both("but not the member's own", 69, &[7], assign(102, None)),
        ],
    );
}

#[test]
fn an_assigned_account_has_its_members_rights_and_a_step() {
    let mut world = second_of(|rules| rules.strangers = 3, &[]);
    check_row(
        &mut world,
        row("a stranger's record", 21, 8, put_record(1, Keep::Own)),
    );
    assert_eq!(
        world.run_jointly(&[101, 8], vec![(101, assign(8, Some(1)))]),
        success()
    );
    assert_eq!(member_of(&world, 8), Some(MemberNumber(1)));
    check_row(
        &mut world,
        row("a member's record", 0, 8, put_record(1, Keep::Own)),
    );
    let steps = world.steps(8).len();
    // The member lets it go without it: its leaf changes, and its history says so.
    let transaction = world.signed(101, vec![assign(8, None)]);
    let execution = world.commit(vec![transaction]);
    assert_eq!((execution.histories.len(), world.steps(8).len()), (2, steps + 1));
    assert!(world.steps(8)[steps].step.changes.is_empty());
    assert_eq!(member_of(&world, 8), None);
    check_row(
        &mut world,
        row("a stranger again", 21, 8, put_record(2, Keep::Own)),
    );
}

#[test]
fn an_assignment_that_fails_later_leaves_no_trace() {
    let mut world = second();
    check_row(
        &mut world,
        Row {
            what: "of none by then",
            code: 68,
            parties: vec![101],
            operations: vec![(101, assign(50, None)), (101, assign(50, None))],
        },
    );
    assert_eq!(member_of(&world, 50), Some(MemberNumber(1)));
    let operations = vec![(101, assign(7, Some(1))), (101, assign(7, Some(1)))];
    assert_eq!(world.run_jointly(&[101, 7], operations), failed(68, 1));
    assert_eq!(member_of(&world, 7), None);
}

#[test]
fn a_share_ends_with_the_assignment() {
    let mut world = second();
    let key = StateKey::quota_share(&address(50));
    assert_eq!(world.run(101, vec![divide(50, 1_000_000, 100)]), success());
    assert!(world.has(&key));
    assert_eq!(world.run(50, vec![assign(50, None)]), success());
    assert!(!world.has(&key), "a share of a member's quota is no stranger's");
    assert_eq!(
        world.run_jointly(&[102, 50], vec![(102, assign(50, Some(2)))]),
        success()
    );
    assert!(!world.has(&key));
}
