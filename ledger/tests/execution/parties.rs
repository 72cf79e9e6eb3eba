//! Authority: which signatures several parties need, and that copies of a transaction without it are
//! skipped and leave nothing behind.

use quorate_crypto::KeySignature;
use quorate_ledger::{ErrorCode, Intent, IntentV1, Outcome, Transaction, TransactionV1};

use crate::world::{MILLION, World, address, failed, key, set_signers, sign, success, transfer};

/// Commits transactions of which none may be executed, and checks that nothing but the chain moved.
fn commit_nothing(world: &mut World, transactions: Vec<Transaction>) {
    let (root, log) = (world.tip.state_root, world.tip.log.clone());
    let ids: Vec<_> = transactions.iter().map(Transaction::id).collect();
    let execution = world.commit(transactions);
    assert_eq!(execution.transactions, []);
    assert_eq!(execution.histories, []);
    assert!(execution.changes.is_empty());
    assert!(ids.iter().all(|id| !execution.spends(id)));
    assert!(ids.iter().all(|id| execution.spent_until(id).is_none()));
    let header = execution.block.header();
    assert_eq!((header.state_root, header.log_root), (root, log.root()));
    assert_eq!((header.log_size, &execution.tip.log), (log.length(), &log));
}

/// The same transaction with other signatures of its own ones.
fn keeping(transaction: &Transaction, keep: impl Fn(&KeySignature) -> bool) -> Transaction {
    let Transaction::V1(TransactionV1 { intent, signatures }) = transaction.clone();
    let signatures = signatures
        .into_iter()
        .filter(|signature| keep(signature))
        .collect();
    Transaction::V1(TransactionV1 { intent, signatures })
}

/// Account 0 pays 100 EUR to account 1, which gives 7 GOLD for them.
fn exchange(world: &mut World) -> IntentV1 {
    let operations = vec![(0, transfer(1, "EUR", 100)), (1, transfer(0, "GOLD", 7))];
    world.intent(&[0, 1], operations)
}

fn with_gold() -> World {
    let mut world = World::new();
    assert_eq!(world.run(0, vec![transfer(1, "GOLD", 50)]), success());
    world
}

#[test]
fn delivery_against_payment_needs_both() {
    let mut world = with_gold();
    let intent = exchange(&mut world);
    let copies = vec![sign(intent.clone(), &[0]), sign(intent.clone(), &[1])];
    commit_nothing(&mut world, copies);
    assert_eq!(world.run_transaction(sign(intent, &[0, 1])), success());
    assert_eq!((world.free(1, "EUR"), world.free(1, "GOLD")), (100, 43));
    assert_eq!(world.free(0, "GOLD"), MILLION - 43);
}

#[test]
fn all_of_an_exchange_or_none() {
    let mut world = with_gold();
    let operations = vec![(0, transfer(1, "EUR", 100)), (1, transfer(0, "GOLD", 51))];
    assert_eq!(world.run_jointly(&[0, 1], operations), failed(3, 1));
    assert_eq!((world.free(1, "EUR"), world.free(1, "GOLD")), (0, 50));
}

#[test]
fn a_strangers_signature_makes_a_copy_without_authority() {
    let mut world = with_gold();
    let intent = exchange(&mut world);
    for stranger in [2, 3] {
        let copy = sign(intent.clone(), &[0, 1, stranger]);
        commit_nothing(&mut world, vec![copy]);
    }
    // It does not spend the id: the parties' own copy still executes, after it in the same batch even.
    let attached = sign(intent.clone(), &[0, 1, 2]);
    let own = sign(intent, &[0, 1]);
    assert_eq!(attached.id(), own.id());
    let execution = world.commit(vec![attached, own]);
    let positions: Vec<_> = execution.transactions.iter().map(|item| item.position).collect();
    assert_eq!(positions, [1]);
}

#[test]
fn pitfall_32_copies_with_signatures_cut_off_do_not_spend_the_id() {
    let mut world = World::new();
    assert_eq!(world.run(0, vec![set_signers(&[(10, 1), (11, 1)], 2)]), success());
    let intent = world.intent(&[0], vec![(0, transfer(1, "EUR", 1))]);
    let whole = sign(intent, &[10, 11]);
    let cut = keeping(&whole, |signature| signature.key() == key(10).key());
    assert_eq!((cut.id(), cut.signatures().len()), (whole.id(), 1));
    commit_nothing(&mut world, vec![cut.clone()]);
    let execution = world.commit(vec![cut.clone(), whole, cut]);
    let positions: Vec<_> = execution.transactions.iter().map(|item| item.position).collect();
    assert_eq!(positions, [1]);
    assert_eq!(world.free(1, "EUR"), 1);
}

#[test]
fn a_needless_signature_of_a_partys_own_may_stand_or_be_left_out() {
    let outcomes = [&[10_u8][..], &[10, 11]].map(|keys| {
        let mut world = World::new();
        assert_eq!(world.run(0, vec![set_signers(&[(10, 1), (11, 1)], 1)]), success());
        let intent = world.intent(&[0], vec![(0, transfer(1, "EUR", 1))]);
        let execution = world.commit(vec![sign(intent, keys)]);
        assert_eq!(execution.transactions.len(), 1);
        (execution, world)
    });
    let [(few, few_world), (many, many_world)] = outcomes;
    // Only the hash of the signed transaction depends on it, and what is made of its leaf's hash.
    let (few, many) = (&few.transactions[0], &many.transactions[0]);
    assert_eq!((few.id, &few.outcome), (many.id, &many.outcome));
    assert_ne!(few.signed, many.signed);
    let without_hash = |world: &World| {
        let step = world.steps(0).last().unwrap().step.clone();
        (step.number, step.ordinal, step.timestamp, step.changes)
    };
    assert_eq!(without_hash(&few_world), without_hash(&many_world));
    assert_eq!(few_world.free(1, "EUR"), many_world.free(1, "EUR"));
}

#[test]
fn weights_of_the_signers_that_signed_reach_each_threshold() {
    let mut world = World::new();
    assert_eq!(
        world.run(0, vec![set_signers(&[(10, 1), (11, 1), (12, 2)], 2)]),
        success()
    );
    assert_eq!(world.run(1, vec![set_signers(&[(11, 3), (13, 1)], 3)]), success());
    let mut attempt = |keys: &[u8]| {
        let intent = world.intent(&[0, 1], vec![(0, transfer(1, "EUR", 1))]);
        let transaction = sign(intent, keys);
        world.would_run(transaction)
    };
    assert!(
        !attempt(&[10, 11, 0]),
        "the first key no longer signs, and so is a stranger's"
    );
    assert!(attempt(&[10, 11]), "one key signs for both parties");
    assert!(!attempt(&[11]), "which is not enough for the first");
    assert!(!attempt(&[10, 12]), "nobody for the second");
    assert!(!attempt(&[12, 13]), "too little weight for the second");
    assert!(attempt(&[11, 12]), "a heavy signer each");
    assert!(attempt(&[10, 11, 12, 13]), "all of them");
    assert!(!attempt(&[10, 11, 12, 13, 14]), "and a stranger");
}

#[test]
fn a_party_that_acts_in_nothing_consents_to_all() {
    let mut world = World::new();
    let operations = || vec![(0, transfer(1, "EUR", 5))];
    let intent = world.intent(&[0, 3, 2], operations());
    commit_nothing(&mut world, vec![sign(intent.clone(), &[0, 2])]);
    let execution = world.commit(vec![sign(intent, &[0, 2, 3])]);
    let mut others = [address(2), address(3)];
    others.sort_unstable();
    let parties = &execution.transactions[0].parties;
    assert_eq!(*parties, [address(0), others[0], others[1]]);
    assert_eq!((world.steps(2).len(), world.steps(3).len()), (1, 1));
    assert!(world.account(3).unwrap().balances.is_empty());
}

#[test]
fn the_sender_is_a_party_like_the_others() {
    let mut world = World::new();
    // Account 5, which has nothing, sends what account 0 pays.
    assert_eq!(
        world.run_jointly(&[5, 0], vec![(0, transfer(6, "EUR", 1))]),
        success()
    );
    // And cannot, without it.
    let intent = world.intent(&[5], vec![(5, transfer(6, "EUR", 1))]);
    assert_eq!(world.run_transaction(sign(intent, &[5])), failed(3, 0));
}

#[test]
fn signers_are_those_of_the_moment() {
    let mut world = World::new();
    let rotation = world.signed(0, vec![set_signers(&[(10, 1)], 1)]);
    let by_old = world.signed(0, vec![transfer(1, "EUR", 1)]);
    let intent = world.intent(&[0], vec![(0, transfer(1, "EUR", 2))]);
    let by_new = sign(intent, &[10]);
    let execution = world.commit(vec![by_new.clone(), rotation, by_old, by_new]);
    let positions: Vec<_> = execution.transactions.iter().map(|item| item.position).collect();
    assert_eq!(positions, [1, 3]);
    assert_eq!(world.free(0, "EUR"), MILLION - 2);
    // An address stays when keys change.
    assert_eq!(world.account_at(&address(0)).unwrap().entries, 2);
}

#[test]
fn a_transaction_can_change_signers_and_go_on() {
    let mut world = World::new();
    let operations = vec![set_signers(&[(10, 1)], 1), transfer(1, "EUR", 1)];
    assert_eq!(world.run(0, operations), success());
}

#[test]
fn sixteen_parties_and_as_many_signatures() {
    let mut world = World::new();
    let parties: Vec<u8> = (20..36).collect();
    let mut operations: Vec<_> = (21..36).map(|number| (20, transfer(number, "EUR", 1))).collect();
    assert_eq!(world.run(0, vec![transfer(20, "EUR", 15)]), success());
    operations.extend((21..36).map(|number| (number, transfer(20, "EUR", 1))));
    let transaction = world.joint(&parties, operations);
    let execution = world.commit(vec![transaction]);
    // Every party's history grew, and what moved came back: nothing changed.
    assert_eq!(execution.histories.len(), 16);
    assert!(
        execution
            .histories
            .iter()
            .all(|entry| entry.step.changes.is_empty())
    );
    assert!(execution.holders.is_empty());
}

#[test]
fn outcomes_name_the_first_operation_that_fails() {
    let mut world = World::new();
    let operations = vec![
        (0, transfer(1, "EUR", 1)),
        (1, transfer(0, "EUR", 2)),
        (0, transfer(1, "NONE", 1)),
    ];
    let outcome = world.run_jointly(&[0, 1], operations);
    assert_eq!(
        outcome,
        Outcome::Failed {
            code: ErrorCode::INSUFFICIENT_BALANCE,
            operation: 1
        }
    );
    assert_eq!(world.steps(1).len(), 1, "of the failure too");
}

#[test]
fn ids_are_of_intents_alone() {
    let mut world = World::new();
    let intent = world.intent(&[0], vec![(0, transfer(1, "EUR", 1))]);
    let id = Intent::V1(intent.clone()).id();
    let execution = world.commit(vec![sign(intent.clone(), &[0]), sign(intent, &[0])]);
    assert_eq!(execution.transactions.len(), 1);
    assert!(execution.spends(&id));
}
