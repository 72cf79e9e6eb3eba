//! Expiry, and ids that are spent until then (rule 14).

use std::convert::Infallible;

use quorate_crypto::Digest;
use quorate_ledger::{
    BlockInput, Execution, Header, Height, Intent, MemoryState, Prefix, Proposal, StateKey, StateReader,
    Timestamp, Transaction, execute,
};

use crate::world::{World, failed, sign, transfer};

/// A state whose memory of ids is gone.
struct Forgetful<'a>(&'a MemoryState);

impl StateReader for Forgetful<'_> {
    type Error = Infallible;

    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, Infallible> {
        self.0.value(key)
    }

    fn values_of(&self, keys: &[StateKey]) -> Result<Vec<Option<Vec<u8>>>, Infallible> {
        self.0.values_of(keys)
    }

    fn spent_at(&self, ids: &[Digest], _: Timestamp) -> Result<Vec<bool>, Infallible> {
        Ok(vec![false; ids.len()])
    }

    fn block_hash(&self, height: Height) -> Result<Option<Digest>, Infallible> {
        self.0.block_hash(height)
    }

    fn values_under(&self, prefix: &Prefix) -> Result<Vec<(StateKey, Vec<u8>)>, Infallible> {
        self.0.values_under(prefix)
    }
}

/// A payment that expires at this time.
fn expiring(world: &mut World, expires_at: Timestamp) -> Transaction {
    let mut intent = world.intent(&[0], vec![(0, transfer(1, "EUR", 1))]);
    intent.expires_at = expires_at;
    sign(intent, &[0])
}

/// The block with these transactions at this time, from a state that remembers ids or one that does not;
/// nothing moves.
fn executed_at(world: &mut World, time: Timestamp, transaction: &Transaction, remembers: bool) -> Execution {
    let batch = world.batch(vec![transaction.clone()]);
    let proposal = Proposal::new(time, vec![batch.digest()]);
    let input = BlockInput {
        tip: &world.tip,
        proposal: &proposal,
        batches: &[batch],
        parameters: world.parameters.v1(),
    };
    let execution = if remembers {
        execute(&input, &world.state, &mut world.tree).unwrap()
    } else {
        execute(&input, &Forgetful(&world.state), &mut world.tree).unwrap()
    };
    let height = world.tip.height;
    world.tree.rollback_to(height);
    execution
}

#[test]
fn an_id_is_executed_at_most_once() {
    let mut world = World::new();
    let transaction = world.signed(0, vec![transfer(1, "EUR", 5)]);
    let execution = world.commit(vec![transaction.clone(), transaction.clone()]);
    assert_eq!(execution.transactions.len(), 1);
    assert!(execution.spends(&transaction.id()));
    assert_eq!(world.commit(vec![transaction]).transactions, []);
    assert_eq!(world.free(1, "EUR"), 5);
}

#[test]
fn a_failed_transaction_is_executed_once_too() {
    let mut world = World::new();
    let transaction = world.signed(1, vec![transfer(0, "EUR", 5)]);
    let execution = world.commit(vec![transaction.clone()]);
    assert_eq!(execution.transactions[0].outcome, failed(3, 0));
    world.run(0, vec![transfer(1, "EUR", 5)]);
    assert_eq!(world.commit(vec![transaction]).transactions, []);
}

#[test]
fn an_id_is_spent_until_it_expires() {
    let mut world = World::new();
    let expires_at = world.after(30_000);
    let transaction = expiring(&mut world, expires_at);
    let id = transaction.id();
    let execution = world.commit(vec![transaction.clone()]);
    assert_eq!(execution.spent_until(&id), Some(expires_at));
    let just_before = Timestamp(expires_at.0 - 1);
    let spent = |world: &World, at: Timestamp| world.state.spent_at(&[id], at).unwrap();
    assert_eq!(spent(&world, just_before), [true]);
    assert_eq!(spent(&world, expires_at), [false]);

    // Just before its expiry a copy is skipped for its id alone: whoever forgot that would execute it again.
    let block = executed_at(&mut world, just_before, &transaction, true);
    assert_eq!(block.transactions, []);
    let block = executed_at(&mut world, just_before, &transaction, false);
    assert_eq!(block.transactions.len(), 1);

    // From its expiry on it is skipped for that, and whoever forgot its id makes the same block.
    for time in [expires_at, Timestamp(expires_at.0 + 1)] {
        let remembered = executed_at(&mut world, time, &transaction, true);
        let forgotten = executed_at(&mut world, time, &transaction, false);
        assert_eq!(remembered.transactions, []);
        assert_eq!(
            remembered.block.v1().header,
            forgotten_header(&forgotten, &remembered)
        );
    }
}

/// The header of a block of another batch of the same transaction, with the proposal's digest replaced.
fn forgotten_header(block: &Execution, other: &Execution) -> Header {
    let Header::V1(mut header) = block.block.v1().header.clone();
    header.proposal = other.block.header().proposal;
    Header::V1(header)
}

#[test]
fn a_transaction_is_skipped_from_its_expiry_on() {
    let mut world = World::new();
    let next = world.after(1_000);
    let transaction = expiring(&mut world, next);
    assert_eq!(world.commit(vec![transaction]).transactions, []);
    let later = Timestamp(world.after(1_000).0 + 1);
    let transaction = expiring(&mut world, later);
    assert_eq!(world.commit(vec![transaction]).transactions.len(), 1);
}

#[test]
fn a_transaction_that_expires_too_late_is_skipped() {
    let mut world = World::new();
    let lead = world.parameters.v1().max_expiry_lead_ms;
    let latest = Timestamp(world.after(1_000).0 + lead);
    let transaction = expiring(&mut world, Timestamp(latest.0 + 1));
    assert_eq!(world.commit(vec![transaction.clone()]).transactions, []);
    // A second later it is early enough: nothing of it was left behind.
    assert_eq!(world.commit(vec![transaction]).transactions.len(), 1);
    let latest = Timestamp(world.after(1_000).0 + lead);
    let transaction = expiring(&mut world, latest);
    assert_eq!(world.commit(vec![transaction]).transactions.len(), 1);
    let transaction = expiring(&mut world, Timestamp(u64::MAX));
    assert_eq!(world.commit(vec![transaction]).transactions, []);
}

#[test]
fn positions_count_through_all_batches_and_ordinals_what_was_executed() {
    let mut world = World::new();
    let twice = world.signed(0, vec![transfer(1, "EUR", 1)]);
    let first = vec![world.signed(0, vec![transfer(1, "EUR", 1)]), twice.clone()];
    let first = world.batch(first);
    let second = vec![twice, world.signed(0, vec![transfer(1, "EUR", 1)])];
    let second = world.batch(second);
    let execution = world.commit_batches(&[first, second]);
    let places = execution
        .transactions
        .iter()
        .map(|item| (item.position, item.ordinal));
    assert_eq!(places.collect::<Vec<_>>(), [(0, 0), (1, 1), (3, 2)]);
    let listed = execution.block.v1().executed.iter().map(|item| item.position);
    assert_eq!(listed.collect::<Vec<_>>(), [0, 1, 3]);
    // Ordinals count since genesis.
    let transaction = world.signed(0, vec![transfer(1, "EUR", 1)]);
    let execution = world.commit(vec![transaction]);
    let item = &execution.transactions[0];
    assert_eq!((item.position, item.ordinal), (0, 3));
}

#[test]
fn what_is_signed_twice_differently_is_two_transactions() {
    let mut world = World::new();
    let intent = world.intent(&[0], vec![(0, transfer(1, "EUR", 1))]);
    let mut other = intent.clone();
    other.salt[15] ^= 1;
    assert_ne!(Intent::V1(intent.clone()).id(), Intent::V1(other.clone()).id());
    let execution = world.commit(vec![sign(intent, &[0]), sign(other, &[0])]);
    assert_eq!(execution.transactions.len(), 2);
}
