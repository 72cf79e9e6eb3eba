//! Guardians give an account new signers, after a delay in which it can refuse.

use quorate_crypto::{Address, Key};
use quorate_ledger::{
    Guardians, GuardiansV1, Keep, Operation, Request, Signer, Signers, StateKey, Timestamp, read_value,
};

use crate::second::{Row, check_row, check_rows, row, second};
use crate::world::{DAY, World, address, key, put_record, set_signers, sign, success};

/// The least delay of the usual rules.
const WEEK: u64 = 7 * DAY;

fn sorted(accounts: &[u8]) -> Vec<Address> {
    let mut accounts: Vec<Address> = accounts.iter().map(|number| address(*number)).collect();
    accounts.sort_unstable();
    accounts
}

pub(crate) fn set_guardians(accounts: &[u8], threshold: u8, delay_ms: u64) -> Operation {
    Operation::SetGuardians {
        guardians: sorted(accounts),
        threshold,
        delay_ms,
    }
}

fn signers(numbers: &[(u8, u16)], threshold: u32) -> Signers {
    match set_signers(numbers, threshold) {
        Operation::SetSigners { signers } => signers,
        _ => unreachable!(),
    }
}

/// Asks that the key of one account sign for another.
fn request(account: u8, signer: u8) -> Operation {
    request_all(account, signers(&[(signer, 1)], 1))
}

fn request_all(account: u8, signers: Signers) -> Operation {
    Operation::RequestSigners {
        account: address(account),
        signers,
    }
}

fn decide(account: u8, accept: bool) -> Operation {
    Operation::DecideRequest {
        account: address(account),
        accept,
    }
}

fn guardians(world: &World, account: u8) -> Option<GuardiansV1> {
    let found: Option<Guardians> = read_value(&world.state, &StateKey::guardians(&address(account))).unwrap();
    found.map(|Guardians::V1(guardians)| guardians)
}

fn under_way(world: &World, account: u8) -> Option<Request> {
    guardians(world, account)?.request
}

/// A row at a time.
fn at(world: &mut World, time: Timestamp, row: Row<'_>) {
    world.wait_until(Timestamp(time.0 - 1_000));
    check_row(world, row);
    assert_eq!(world.now(), time);
}

/// A network in which two of the accounts 4, 6 and 8 guard account 10.
fn guarded() -> World {
    let mut world = second();
    assert_eq!(world.run(10, vec![set_guardians(&[4, 6, 8], 2, WEEK)]), success());
    world
}

#[test]
fn naming_guardians_condition_by_condition() {
    let mut world = second();
    check_rows(
        &mut world,
        [
            row("none, and none before", 68, 10, set_guardians(&[], 0, 0)),
            row(
                "too short, and itself",
                74,
                10,
                set_guardians(&[4, 10], 1, WEEK - 1),
            ),
            row("itself", 21, 10, set_guardians(&[4, 10], 1, WEEK)),
            row("well", 0, 10, set_guardians(&[4, 6], 1, WEEK)),
            row("the same", 68, 10, set_guardians(&[4, 6], 1, WEEK)),
            row("another threshold", 0, 10, set_guardians(&[4, 6], 2, WEEK)),
            row("another delay", 0, 10, set_guardians(&[4, 6], 2, WEEK + 1)),
            row("others", 0, 10, set_guardians(&[4, 8], 2, WEEK)),
            row("none", 0, 10, set_guardians(&[], 0, 0)),
            row("none again", 68, 10, set_guardians(&[], 0, 0)),
        ],
    );
    assert_eq!(guardians(&world, 10), None);
    // A request ends with new guardians, and with the same ones.
    let mut world = guarded();
    check_rows(
        &mut world,
        [
            row("a request", 0, 4, request(10, 12)),
            row("the same guardians", 0, 10, set_guardians(&[4, 6, 8], 2, WEEK)),
            row("it is gone", 68, 6, decide(10, true)),
            row("another request", 0, 4, request(10, 12)),
            row("fewer guardians", 0, 10, set_guardians(&[4, 6], 2, WEEK)),
            row("it is gone", 68, 6, decide(10, true)),
        ],
    );
    let expected = GuardiansV1 {
        account: address(10),
        guardians: sorted(&[4, 6]),
        threshold: 2,
        delay_ms: WEEK,
        request: None,
    };
    assert_eq!(guardians(&world, 10), Some(expected));
}

#[test]
fn asking_for_signers_condition_by_condition() {
    let mut world = guarded();
    let unreachable = || signers(&[(12, 1)], 2);
    let bad = Signers {
        threshold: 1,
        signers: vec![Signer {
            key: Key::Ed25519([2; 32]),
            weight: 1,
        }],
    };
    check_rows(
        &mut world,
        [
            row("nobody guards it", 21, 4, request(12, 14)),
            row("no guardian", 21, 12, request(10, 14)),
            row("not the account", 21, 10, request(10, 14)),
            row(
                "no guardian, and unreachable",
                21,
                12,
                request_all(10, unreachable()),
            ),
            row("unreachable", 8, 4, request_all(10, unreachable())),
            row("a bad key", 9, 4, request_all(10, bad)),
            row("well", 0, 4, request(10, 14)),
            row("the same", 68, 4, request(10, 14)),
            row("another one takes its place", 0, 6, request(10, 16)),
            row("and back", 0, 4, request(10, 14)),
        ],
    );
    let only_4 = Request {
        signers: signers(&[(14, 1)], 1),
        accepted: sorted(&[4]),
        since: world.now(),
    };
    assert_eq!(under_way(&world, 10), Some(only_4.clone()));
    // Who asks for the same accepts it, and nothing else: not what had taken its place meanwhile.
    check_row(&mut world, row("the same by another one", 0, 6, request(10, 14)));
    let both = Request {
        accepted: sorted(&[4, 6]),
        since: world.now(),
        ..only_4
    };
    assert_eq!(under_way(&world, 10), Some(both));
    check_rows(
        &mut world,
        [
            row("enough have accepted", 68, 8, request(10, 14)),
            row("so it stays", 68, 8, request(10, 16)),
        ],
    );
}

#[test]
fn deciding_condition_by_condition() {
    let mut world = guarded();
    check_rows(
        &mut world,
        [
            row("nobody guards it", 21, 4, decide(12, true)),
            row("nor itself", 68, 12, decide(12, false)),
            row("the account accepts nothing", 21, 10, decide(10, true)),
            row("nothing to refuse", 68, 10, decide(10, false)),
            row("no guardian", 21, 12, decide(10, true)),
            row("nothing to accept", 68, 4, decide(10, true)),
            row("nothing to take back", 68, 4, decide(10, false)),
            row("a request", 0, 4, request(10, 14)),
            row("no guardian", 21, 12, decide(10, false)),
            row("not accepted", 68, 6, decide(10, false)),
            row("one is not enough", 68, 4, decide(10, true)),
            row("the account accepts nothing", 21, 10, decide(10, true)),
            row("it refuses", 0, 10, decide(10, false)),
            row("once", 68, 10, decide(10, false)),
            row("a request", 0, 4, request(10, 14)),
            row("taken back", 0, 4, decide(10, false)),
            row("by the last, it ends", 68, 6, decide(10, true)),
            row("a request", 0, 4, request(10, 14)),
            row("a second one", 0, 6, decide(10, true)),
            row("too soon", 76, 4, decide(10, true)),
            row("a third one", 0, 8, decide(10, true)),
            row("the account refuses even so", 0, 10, decide(10, false)),
        ],
    );
    assert_eq!(under_way(&world, 10), None);
}

#[test]
fn after_the_delay_the_account_has_new_signers() {
    let mut world = guarded();
    let start = world.after(DAY);
    let steps = world.steps(10).len();
    at(&mut world, start, row("a request", 0, 4, request(10, 14)));
    // From the second one on time runs, not from the request.
    let settled = Timestamp(start.0 + 3 * DAY);
    at(&mut world, settled, row("a second one", 0, 6, decide(10, true)));
    assert_eq!(under_way(&world, 10).unwrap().since, settled);
    // A third one does not begin it again.
    let later = Timestamp(settled.0 + DAY);
    at(&mut world, later, row("a third one", 0, 8, decide(10, true)));
    assert_eq!(under_way(&world, 10).unwrap().since, settled);
    let due = Timestamp(settled.0 + WEEK);
    let early = Timestamp(due.0 - 1);
    at(
        &mut world,
        early,
        row("a millisecond early", 76, 6, decide(10, true)),
    );
    world.wait_until(Timestamp(due.0 + 5_000));
    let transaction = world.signed(8, vec![decide(10, true)]);
    let execution = world.commit(vec![transaction]);
    assert_eq!(execution.transactions[0].outcome, success());
    let account = world.account(10).unwrap();
    assert_eq!(account.signers, Some(signers(&[(14, 1)], 1)));
    assert_eq!(under_way(&world, 10), None);
    // Its leaf changed, so its history grew, without a balance.
    assert_eq!((execution.histories.len(), world.steps(10).len()), (2, steps + 1));
    assert!(world.steps(10)[steps].step.changes.is_empty());
    let intent = world.intent(&[10], vec![(10, put_record(1, Keep::Log))]);
    assert!(!world.would_run(sign(intent.clone(), &[10])));
    assert!(world.would_run(sign(intent, &[14])));
    assert_eq!(key(14).key().address(), address(14));
    let again = row("once", 68, 4, decide(10, true));
    check_row(&mut world, again);
}

#[test]
fn who_takes_back_an_acceptance_stops_the_time() {
    let mut world = guarded();
    let start = world.after(DAY);
    at(&mut world, start, row("a request", 0, 4, request(10, 14)));
    let then = Timestamp(start.0 + DAY);
    at(&mut world, then, row("a second one", 0, 6, decide(10, true)));
    let then = Timestamp(start.0 + 9 * DAY);
    at(&mut world, then, row("taken back", 0, 6, decide(10, false)));
    check_row(&mut world, row("one is not enough", 68, 4, decide(10, true)));
    let again = Timestamp(start.0 + 10 * DAY);
    at(&mut world, again, row("accepted again", 0, 6, decide(10, true)));
    assert_eq!(under_way(&world, 10).unwrap().since, again);
    check_row(&mut world, row("the time begins again", 76, 4, decide(10, true)));
    let due = Timestamp(again.0 + WEEK);
    at(&mut world, due, row("on time", 0, 4, decide(10, true)));
}

#[test]
fn a_failing_transaction_takes_guardians_back() {
    let mut world = guarded();
    let operations = |operations: Vec<Operation>| operations.into_iter().map(|it| (10, it)).collect();
    check_row(
        &mut world,
        Row {
            what: "none twice",
            code: 68,
            parties: vec![10],
            operations: operations(vec![set_guardians(&[], 0, 0), set_guardians(&[], 0, 0)]),
        },
    );
    assert_eq!(guardians(&world, 10).unwrap().threshold, 2);
}
