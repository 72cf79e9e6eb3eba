//! What is skipped leaves nothing behind, and an id executes at most once.

use quorate_ledger::{Intent, Operation, Outcome, Signer, StateReader, Timestamp, Transaction};

use crate::world::{SUPPLY, World, key, transfer};

/// Commits transactions of which none may be executed, and checks that nothing but the chain moved.
fn commit_nothing(world: &mut World, transactions: Vec<Transaction>) {
    let root = world.tree.root();
    let ids: Vec<_> = transactions.iter().map(Transaction::id).collect();
    let spent: Vec<_> = ids.iter().map(|id| world.state.is_spent(id).unwrap()).collect();
    let execution = world.commit(transactions);
    assert_eq!(execution.transactions, []);
    assert_eq!(execution.histories, []);
    assert!(execution.changes.is_empty());
    assert!(ids.iter().all(|id| !execution.spends(id)));
    let header = execution.block.header();
    assert_eq!(header.transaction_count, 0);
    assert_eq!(header.transactions_root, quorate_crypto::merkle::empty_root());
    assert_eq!(header.receipts_root, quorate_crypto::merkle::empty_root());
    assert_eq!(header.state_root, root);
    let after: Vec<_> = ids.iter().map(|id| world.state.is_spent(id).unwrap()).collect();
    assert_eq!(spent, after);
}

#[test]
fn a_replay_is_skipped_within_a_block_and_in_later_ones() {
    let mut world = World::new();
    let transaction = world.signed(0, 0, vec![transfer(1, 5)]);
    let execution = world.commit(vec![transaction.clone(), transaction.clone()]);
    assert_eq!(execution.transactions.len(), 1);
    commit_nothing(&mut world, vec![transaction]);
    assert_eq!(world.balance(1), 5);
}

#[test]
fn a_failed_transaction_is_executed_once_too() {
    let mut world = World::new();
    let transaction = world.signed(1, 0, vec![transfer(0, 5)]);
    let execution = world.commit(vec![transaction.clone()]);
    assert!(matches!(
        execution.transactions[0].outcome,
        Outcome::Failed { .. }
    ));
    world.run(0, vec![transfer(1, 5)]);
    commit_nothing(&mut world, vec![transaction]);
}

#[test]
fn an_expired_transaction_is_skipped() {
    let mut world = World::new();
    let with_expiry = |world: &World, expires_at: u64| {
        let mut intent = world.intent(0, 0, vec![transfer(1, 1)]);
        intent.expires_at = Timestamp(expires_at);
        Intent::V1(intent).sign([&key(0)])
    };
    // The next block's time is one second after the tip's: expiry at that time is too early.
    let next = world.tip.timestamp.0 + 1_000;
    let transaction = with_expiry(&world, next);
    commit_nothing(&mut world, vec![transaction]);
    let next = world.tip.timestamp.0 + 1_000;
    let transaction = with_expiry(&world, next + 1);
    assert_eq!(world.commit(vec![transaction]).transactions.len(), 1);
}

#[test]
fn a_transaction_that_expires_too_late_is_skipped() {
    let mut world = World::new();
    let lead = world.parameters.v1().max_expiry_lead_ms;
    let with_lead = |world: &World, lead: u64| {
        let mut intent = world.intent(0, 0, vec![transfer(1, 1)]);
        intent.expires_at = Timestamp(world.tip.timestamp.0 + 1_000 + lead);
        Intent::V1(intent).sign([&key(0)])
    };
    let transaction = with_lead(&world, lead + 1);
    commit_nothing(&mut world, vec![transaction]);
    let transaction = with_lead(&world, lead);
    assert_eq!(world.commit(vec![transaction]).transactions.len(), 1);
}

#[test]
fn a_stranger_cannot_act_for_an_account() {
    let mut world = World::new();
    let intent = Intent::V1(world.intent(0, 0, vec![transfer(1, 1)]));
    let stranger = intent.clone().sign([&key(1), &key(2)]);
    commit_nothing(&mut world, vec![stranger]);
    // The owner's own copy, with the same id, still executes.
    assert_eq!(world.commit(vec![intent.sign([&key(0)])]).transactions.len(), 1);
}

#[test]
fn pitfall_32_copies_with_signatures_cut_off_do_not_spend_the_id() {
    let mut world = World::new();
    let mut signers: Vec<Signer> = [10, 11]
        .map(|number| Signer {
            key: key(number).public(),
            weight: 1,
        })
        .to_vec();
    signers.sort_by_key(|signer| signer.key);
    world.run(
        0,
        vec![Operation::SetSigners {
            signers,
            threshold: 2,
        }],
    );

    let whole = Intent::V1(world.intent(0, 77, vec![transfer(1, 1)])).sign([&key(10), &key(11)]);
    let Transaction::V1(parts) = &whole;
    let cut = Transaction::new(parts.intent.clone(), parts.signatures[..1].to_vec());
    assert_eq!(cut.id(), whole.id());
    assert_ne!(cut.leaf(), whole.leaf());
    commit_nothing(&mut world, vec![cut.clone()]);
    let execution = world.commit(vec![cut.clone(), whole.clone(), cut]);
    let positions: Vec<_> = execution.transactions.iter().map(|item| item.position).collect();
    assert_eq!(positions, [1]);
    assert_eq!(world.balance(1), 1);
}

#[test]
fn authority_is_that_of_the_moment() {
    let mut world = World::new();
    let rotate = Operation::SetSigners {
        signers: vec![Signer {
            key: key(10).public(),
            weight: 1,
        }],
        threshold: 1,
    };
    let rotation = world.signed(0, 0, vec![rotate]);
    let by_old = world.signed(0, 1, vec![transfer(1, 1)]);
    let by_new = Intent::V1(world.intent(0, 2, vec![transfer(1, 2)])).sign([&key(10)]);
    let execution = world.commit(vec![by_new.clone(), rotation, by_old, by_new]);
    let positions: Vec<_> = execution.transactions.iter().map(|item| item.position).collect();
    assert_eq!(positions, [1, 3]);
    assert_eq!(world.balance(0), SUPPLY - 2);
}

#[test]
fn positions_count_through_all_batches() {
    let mut world = World::new();
    let first = world.batch(vec![
        world.signed(0, 0, vec![transfer(1, 1)]),
        world.signed(0, 1, vec![transfer(1, 1)]),
    ]);
    let second = world.batch(vec![
        world.signed(0, 1, vec![transfer(1, 1)]),
        world.signed(0, 2, vec![transfer(1, 1)]),
    ]);
    let execution = world.commit_batches(&[first, second]);
    let positions: Vec<_> = execution.transactions.iter().map(|item| item.position).collect();
    assert_eq!(positions, [0, 1, 3]);
}
