//! Trials: what would become of a transaction, told without executing it.

use quorate_ledger::{ErrorCode, Keep, Refusal, Timestamp, Transaction, would_execute};

use crate::rejoining::rejoin;
use crate::world::{
    MILLION, World, address, hold, key, put_record, refund, set_signers, sign, success, transfer,
};

fn tried(world: &World, transaction: &Transaction) -> Result<(), Refusal> {
    tried_at(world, transaction, world.now())
}

/// Tried by a clock that shows this.
fn tried_at(world: &World, transaction: &Transaction, clock: Timestamp) -> Result<(), Refusal> {
    let mut rules = world.trial_rules();
    rules.clock = clock;
    would_execute(transaction, &transaction.id(), &rules, &world.state).unwrap()
}

fn would_fail(code: u16, operation: u8) -> Result<(), Refusal> {
    Err(Refusal::Failed {
        code: ErrorCode(code),
        operation,
    })
}

#[test]
fn a_trial_tells_what_execution_would_do_and_changes_nothing() {
    let mut world = World::new();
    let good = world.signed(0, vec![transfer(1, "EUR", 1)]);
    let before = world.values();
    assert_eq!(tried(&world, &good), Ok(()));
    assert_eq!(world.values(), before);

    let dear = world.signed(0, vec![transfer(1, "EUR", 1), transfer(1, "EUR", MILLION)]);
    assert_eq!(tried(&world, &dear), would_fail(3, 1));
    assert_eq!(world.values(), before);

    world.commit(vec![good.clone()]);
    assert_eq!(tried(&world, &good), Err(Refusal::AlreadyExecuted));
}

#[test]
fn authority_is_looked_at_before_execution() {
    let mut world = World::new();
    let intent = world.intent(&[0, 1], vec![(0, transfer(1, "NONE", 1))]);
    let lacking = Refusal::Unauthorised { party: address(1) };
    assert_eq!(tried(&world, &sign(intent.clone(), &[0])), Err(lacking));
    let lacking = Refusal::Unauthorised { party: address(0) };
    assert_eq!(tried(&world, &sign(intent.clone(), &[1])), Err(lacking));
    assert_eq!(lacking.reason(), "unauthorised");
    let needless = Refusal::NeedlessSignature { key: key(2).key() };
    assert_eq!(tried(&world, &sign(intent.clone(), &[0, 1, 2])), Err(needless));
    assert_eq!(needless.reason(), "needless_signature");
    assert_eq!(tried(&world, &sign(intent, &[0, 1])), would_fail(1, 0));
    // The signers are those of the state.
    assert_eq!(world.run(0, vec![set_signers(&[(10, 1)], 1)]), success());
    let intent = world.intent(&[0], vec![(0, transfer(1, "EUR", 1))]);
    let lacking = Refusal::Unauthorised { party: address(0) };
    assert_eq!(tried(&world, &sign(intent.clone(), &[0])), Err(lacking));
    assert_eq!(tried(&world, &sign(intent, &[10])), Ok(()));
}

#[test]
fn refusals_have_the_pages_codes() {
    let failed = |code: u16| Refusal::Failed {
        code: ErrorCode(code),
        operation: 0,
    };
    let cases = [
        (Refusal::Expired, "expired"),
        (Refusal::ExpiresTooLate { latest_ms: 1 }, "expiry_too_far"),
        (Refusal::AlreadyExecuted, "already_executed"),
        (failed(3), "insufficient_balance"),
        (failed(14), "not_yet"),
        (failed(24), "hold_not_ended"),
    ];
    for (refusal, code) in cases {
        assert_eq!(refusal.reason(), code);
    }
}

#[test]
fn pitfall_34_expiry_is_judged_by_certified_time_alone() {
    let mut world = World::new();
    let mut intent = world.intent(&[0], vec![(0, transfer(1, "EUR", 1))]);
    intent.expires_at = Timestamp(world.now().0 + 1);
    let transaction = sign(intent, &[0]);
    assert_eq!(tried_at(&world, &transaction, world.after(1_000_000)), Ok(()));
    let mut rules = world.trial_rules();
    rules.certified = Timestamp(rules.certified.0 + 1);
    let refusal = would_execute(&transaction, &transaction.id(), &rules, &world.state).unwrap();
    assert_eq!(refusal, Err(Refusal::Expired));
}

#[test]
fn pitfall_37_a_chain_that_idled_accepts_what_is_fresh_by_the_clock() {
    let mut world = World::new();
    let lead = world.parameters.v1().max_expiry_lead_ms;
    let clock = world.after(10 * lead);
    let mut intent = world.intent(&[0], vec![(0, transfer(1, "EUR", 1))]);
    intent.expires_at = Timestamp(clock.0 + lead);
    assert_eq!(tried_at(&world, &sign(intent.clone(), &[0]), clock), Ok(()));
    intent.expires_at.0 += 1;
    let latest_ms = clock.0 + lead;
    let refusal = tried_at(&world, &sign(intent, &[0]), clock);
    assert_eq!(refusal, Err(Refusal::ExpiresTooLate { latest_ms }));
}

#[test]
fn times_in_operations_follow_the_later_of_certified_time_and_clock() {
    let mut world = World::new();
    let until = world.after(60_000);
    let open = world.make_hold(0, hold(1, "EUR", 5, until));
    let refunding = world.signed(7, vec![refund(&open)]);
    assert_eq!(tried(&world, &refunding), would_fail(24, 0));
    assert_eq!(tried_at(&world, &refunding, until), Ok(()));
    // A clock that is behind changes nothing.
    let new_hold = world.signed(0, vec![hold(1, "EUR", 5, world.now())]);
    assert_eq!(tried_at(&world, &new_hold, Timestamp(0)), would_fail(18, 0));

    assert_eq!(world.run(102, vec![rejoin(2, 1)]), success());
    let again = world.signed(102, vec![rejoin(2, 2)]);
    assert_eq!(tried(&world, &again), would_fail(13, 0));
    assert_eq!(tried_at(&world, &again, world.after(600_000)), Ok(()));
}

#[test]
fn an_account_that_is_not_there_can_be_tried() {
    let mut world = World::new();
    let transaction = world.signed(9, vec![put_record(1, Keep::Unique)]);
    assert_eq!(tried(&world, &transaction), Ok(()));
}
