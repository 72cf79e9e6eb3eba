//! Members that sign nothing for long: who may say so, what ends it, and when they count no more.

use quorate_crypto::MemberNumber;
use quorate_ledger::{
    Change, GenesisGrant, GovernanceProposal, Keep, Limit, MemberStatus, Operation, Report, Right, StateKey,
    Timestamp, read_value,
};

use crate::second::{Granted, Row, check_row, check_rows, grant, of_member, row, second_of};
use crate::world::{DAY, GENESIS_TIME, World, address, burn, failed, lists, put_record, success, transfer};

/// The shortest time that rules allow.
const MONTH: u64 = 30 * DAY;
const ANSWER: u64 = 14 * DAY;

fn sleepy(granted: Granted<'_>) -> World {
    second_of(|rules| rules.dormant_after_ms = MONTH, granted)
}

fn report(member: u32) -> Operation {
    Operation::ReportDormant {
        member: MemberNumber(member),
    }
}

fn answer(member: u32) -> Operation {
    Operation::Answer {
        member: MemberNumber(member),
    }
}

/// A proposal that fits and changes little.
fn propose(world: &World, bytes: u64) -> Operation {
    Operation::Propose {
        change: Change::Quota {
            member: None,
            limit: Some(Limit { bytes, leaves: 9 }),
        },
        expires_at: world.after(30 * DAY),
    }
}

fn electorate(world: &World, proposal: u64) -> Vec<u32> {
    let found: Option<GovernanceProposal> = read_value(&world.state, &StateKey::proposal(proposal)).unwrap();
    let GovernanceProposal::V1(proposal) = found.unwrap();
    proposal.electorate.iter().map(|member| member.0).collect()
}

/// A block of nothing, so that the next one has this time.
fn before(world: &mut World, time: Timestamp) {
    world.wait_until(Timestamp(time.0 - 1_000));
}

/// What is written of a report on a member.
fn reported(world: &World, member: u32) -> Option<(u32, Timestamp)> {
    world
        .member(member)
        .reported
        .map(|Report { by, timestamp }| (by.0, timestamp))
}

#[test]
fn reports_condition_by_condition() {
    let mut world = sleepy(&[]);
    let due = Timestamp(GENESIS_TIME.0 + MONTH);
    before(&mut world, Timestamp(due.0 - 1));
    check_rows(
        &mut world,
        [
            row("a millisecond early", 76, 101, report(2)),
            row("a stranger", 21, 7, report(2)),
            row("a stranger on nobody", 21, 7, report(9)),
            row("an account of a member", 21, 50, report(2)),
            row("on nobody", 64, 101, report(9)),
            row("in time", 0, 101, report(2)),
            row("twice", 68, 103, report(2)),
        ],
    );
    let (by, timestamp) = reported(&world, 2).unwrap();
    assert_eq!((by, timestamp.0), (1, due.0 - 1 + 5_000));
    // Who reported has signed.
    check_row(&mut world, row("on who just signed", 76, 103, report(1)));
}

#[test]
fn the_time_counts_to_the_millisecond() {
    let mut world = sleepy(&[]);
    before(&mut world, Timestamp(GENESIS_TIME.0 + MONTH));
    check_row(&mut world, row("on time", 0, 101, report(2)));
    assert_eq!(reported(&world, 2), Some((1, Timestamp(GENESIS_TIME.0 + MONTH))));
}

#[test]
fn answers_condition_by_condition() {
    // Account 7 administers member 2 without being of it, so it is no sign of life.
    let mut world = sleepy(&[(7, Right::Administrate, of_member(2))]);
    let signed = world.member(2).signed;
    before(&mut world, Timestamp(GENESIS_TIME.0 + MONTH));
    check_rows(
        &mut world,
        [
            row("nobody", 64, 7, answer(9)),
            row("another member", 21, 101, answer(2)),
            row("a stranger", 21, 9, answer(2)),
            row("not reported", 68, 7, answer(2)),
            row("a report", 0, 101, report(2)),
            row("another member", 21, 101, answer(2)),
            row("an answer", 0, 7, answer(2)),
            row("twice", 68, 7, answer(2)),
        ],
    );
    assert_eq!((reported(&world, 2), world.member(2).signed), (None, signed));
    check_rows(
        &mut world,
        [
            row("a report", 0, 101, report(2)),
            row("the member itself", 0, 102, answer(2)),
        ],
    );
    assert_eq!((reported(&world, 2), world.member(2).signed), (None, world.now()));
}

#[test]
fn a_sign_of_life_ends_a_report() {
    // Account 50 administers member 1, which it is of.
    let mut world = sleepy(&[(50, Right::Administrate, of_member(1))]);
    before(&mut world, Timestamp(GENESIS_TIME.0 + MONTH));
    check_rows(
        &mut world,
        [1, 2, 3].map(|member| row("a report", 0, 100, report(member))),
    );
    assert!([1, 2, 3].iter().all(|member| reported(&world, *member).is_some()));
    assert_eq!(world.run(50, vec![put_record(1, Keep::Log)]), success());
    assert_eq!((reported(&world, 1), world.member(1).signed), (None, world.now()));
    // Be it a failure.
    assert_eq!(world.run(102, vec![burn("NO", 1)]), failed(1, 0));
    assert_eq!((reported(&world, 2), world.member(2).signed), (None, world.now()));
    // Or a batch of its seat.
    let transaction = world.signed(0, vec![transfer(1, "EUR", 1)]);
    let batch = world.batch_by(3, vec![transaction]);
    world.commit_batches(&[batch]);
    assert_eq!((reported(&world, 3), world.member(3).signed), (None, world.now()));
    // None of them is dormant later, and each can be reported again.
    let again = world.after(MONTH + DAY);
    before(&mut world, again);
    let proposal = propose(&world, 1);
    check_row(&mut world, row("a proposal", 0, 100, proposal));
    assert_eq!(electorate(&world, 0), [0, 1, 2, 3]);
    check_row(&mut world, row("a report again", 0, 100, report(2)));
}

#[test]
fn other_accounts_of_a_member_are_no_sign_of_life() {
    let mut world = sleepy(&[]);
    before(&mut world, Timestamp(GENESIS_TIME.0 + MONTH));
    check_row(&mut world, row("a report", 0, 102, report(1)));
    assert_eq!(world.run(50, vec![put_record(1, Keep::Log)]), success());
    assert_eq!(
        (reported(&world, 1).is_some(), world.member(1).signed),
        (true, GENESIS_TIME)
    );
    // Who reports itself lives.
    check_row(&mut world, row("on oneself", 0, 103, report(3)));
    assert_eq!((reported(&world, 3), world.member(3).signed), (None, world.now()));
}

#[test]
fn who_does_not_answer_is_dormant_at_the_next_proposal() {
    let mut world = sleepy(&[(7, Right::Administrate, of_member(2))]);
    before(&mut world, Timestamp(GENESIS_TIME.0 + MONTH));
    check_row(&mut world, row("a report", 0, 101, report(2)));
    let over = Timestamp(world.now().0 + ANSWER);
    before(&mut world, Timestamp(over.0 - 1));
    let proposal = propose(&world, 1);
    check_row(&mut world, row("a millisecond early", 0, 100, proposal));
    assert_eq!(electorate(&world, 0), [0, 1, 2, 3]);
    assert_eq!(world.member(2).status, MemberStatus::Active);
    let proposal = propose(&world, 2);
    check_row(&mut world, row("a proposal", 0, 100, proposal));
    assert_eq!(electorate(&world, 1), [0, 1, 3]);
    assert_eq!(world.member(2).status, MemberStatus::Dormant);
    check_rows(
        &mut world,
        [
            row("dormant already", 68, 101, report(2)),
            row("too late for an answer", 68, 7, answer(2)),
            row("a dormant member reports nobody", 21, 102, report(3)),
            row("and grants still", 0, 102, grant(9, Right::Operate, of_member(2))),
        ],
    );
    assert_eq!(world.member(2).status, MemberStatus::Dormant);
}

#[test]
fn an_answer_in_time_is_enough() {
    let mut world = sleepy(&[(7, Right::Administrate, of_member(2))]);
    before(&mut world, Timestamp(GENESIS_TIME.0 + MONTH));
    check_row(&mut world, row("a report", 0, 101, report(2)));
    let late = world.after(2 * ANSWER);
    before(&mut world, late);
    // Nothing happens by time alone.
    check_row(
        &mut world,
        row("late, but before anybody counts", 0, 7, answer(2)),
    );
    let proposal = propose(&world, 1);
    check_row(&mut world, row("a proposal", 0, 100, proposal));
    assert_eq!(electorate(&world, 0), [0, 1, 2, 3]);
}

#[test]
fn a_failing_transaction_takes_reports_back() {
    let mut world = sleepy(&[]);
    before(&mut world, Timestamp(GENESIS_TIME.0 + MONTH));
    check_row(
        &mut world,
        Row {
            what: "reported by then",
            code: 68,
            parties: vec![101],
            operations: vec![(101, report(2)), (101, report(2))],
        },
    );
    assert_eq!(reported(&world, 2), None);
}

#[test]
fn administrators_are_a_sign_of_life_from_protocol_2_on() {
    let mut lists = lists();
    lists.grants.push(GenesisGrant {
        account: address(50),
        right: Right::Administrate,
        scope: of_member(1),
    });
    let mut first = World::of(&lists);
    let mut second = sleepy(&[(50, Right::Administrate, of_member(1))]);
    for world in [&mut first, &mut second] {
        world.wait_until(Timestamp(GENESIS_TIME.0 + 2 * DAY));
        assert_eq!(world.run(50, vec![put_record(1, Keep::Log)]), success());
    }
    assert_eq!(first.member(1).signed, GENESIS_TIME);
    assert_eq!(second.member(1).signed, second.now());
}
