//! Trials: what would become of a transaction, told without executing it.

use quorate_ledger::{ErrorCode, Intent, Refusal, Timestamp, would_execute};

use crate::world::{SUPPLY, World, key, transfer};

#[test]
fn a_trial_tells_what_execution_would_do_and_changes_nothing() {
    let mut world = World::new();
    let good = world.signed(0, 0, vec![transfer(1, 1)]);
    let before = world.state.clone();
    let rules = world.trial_rules();
    let tried = |transaction| would_execute(transaction, &transaction.id(), &rules, &world.state).unwrap();
    assert_eq!(tried(&good), Ok(()));
    assert_eq!(world.state, before);

    let dear = world.signed(0, 1, vec![transfer(1, 1), transfer(1, SUPPLY)]);
    let refusal = Refusal::Failed {
        code: ErrorCode::InsufficientBalance,
        operation: 1,
    };
    assert_eq!(tried(&dear), Err(refusal));

    let foreign = Intent::V1(world.intent(0, 2, vec![transfer(1, 1)])).sign([&key(1)]);
    assert_eq!(tried(&foreign), Err(Refusal::Unauthorised));

    let added = Intent::V1(world.intent(0, 3, vec![transfer(1, 1)])).sign([&key(0), &key(1)]);
    let needless = Refusal::NeedlessSignature { key: key(1).public() };
    assert_eq!(tried(&added), Err(needless));

    world.commit(vec![good.clone()]);
    let again = would_execute(&good, &good.id(), &world.trial_rules(), &world.state).unwrap();
    assert_eq!(again, Err(Refusal::AlreadyExecuted));
}

#[test]
fn pitfall_34_expiry_is_judged_by_certified_time_alone() {
    let world = World::new();
    let mut intent = world.intent(0, 0, vec![transfer(1, 1)]);
    intent.expires_at = Timestamp(world.tip.timestamp.0 + 1);
    let transaction = Intent::V1(intent).sign([&key(0)]);
    let mut rules = world.trial_rules();
    rules.clock = Timestamp(rules.certified.0 + 1_000_000);
    assert_eq!(
        would_execute(&transaction, &transaction.id(), &rules, &world.state).unwrap(),
        Ok(())
    );
    rules.certified = Timestamp(rules.certified.0 + 1);
    let refusal = would_execute(&transaction, &transaction.id(), &rules, &world.state).unwrap();
    assert_eq!(refusal, Err(Refusal::Expired));
}

#[test]
fn pitfall_37_a_chain_that_idled_accepts_what_is_fresh_by_the_clock() {
    let world = World::new();
    let mut rules = world.trial_rules();
    let lead = rules.parameters.max_expiry_lead_ms;
    rules.clock = Timestamp(rules.certified.0 + 10 * lead);
    let mut intent = world.intent(0, 0, vec![transfer(1, 1)]);
    intent.expires_at = Timestamp(rules.clock.0 + lead);
    let fresh = Intent::V1(intent.clone()).sign([&key(0)]);
    assert_eq!(
        would_execute(&fresh, &fresh.id(), &rules, &world.state).unwrap(),
        Ok(())
    );
    intent.expires_at.0 += 1;
    let late = Intent::V1(intent).sign([&key(0)]);
    let latest_ms = rules.clock.0 + lead;
    let refusal = would_execute(&late, &late.id(), &rules, &world.state).unwrap();
    assert_eq!(refusal, Err(Refusal::ExpiresTooLate { latest_ms }));
}
