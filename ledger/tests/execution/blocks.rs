//! Blocks: their time, their chain, what they write, and that equal inputs give equal ones.

use std::cell::RefCell;
use std::convert::Infallible;

use quorate_crypto::{Digest, SeatNumber, merkle};
use quorate_ledger::{
    BlockInput, HoldRef, Keep, MemoryState, Prefix, Proposal, StateError, StateKey, StateReader, Timestamp,
    execute, execute_unrooted,
};

use crate::world::{
    ASSETS, GENESIS_TIME, MILLION, World, address, burn, code, create, hold, mint, put_record, refund,
    release, success, transfer,
};

#[test]
fn time_moves_at_least_a_millisecond_and_never_back() {
    let mut world = World::new();
    let at = |world: &mut World, time: u64| {
        let execution = world.commit_at(Timestamp(time), &[]);
        assert_eq!(execution.block.header().timestamp, execution.tip.timestamp);
        world.now().0
    };
    let start = GENESIS_TIME.0;
    assert_eq!(at(&mut world, 0), start + 1);
    assert_eq!(at(&mut world, start + 500), start + 500);
    assert_eq!(at(&mut world, start + 500), start + 501);
    assert_eq!(at(&mut world, start + 400), start + 502);
    assert_eq!(at(&mut world, u64::MAX), u64::MAX);
    assert_eq!(at(&mut world, 0), u64::MAX);
}

#[test]
fn the_null_proposal_makes_a_block_of_its_own_time() {
    let mut world = World::new();
    let proposal = Proposal::null();
    let input = BlockInput {
        tip: &world.tip,
        proposal: &proposal,
        batches: &[],
        parameters: world.parameters.v1(),
    };
    let execution = execute(&input, &world.state, &mut world.tree).unwrap();
    assert_eq!(execution.tip.timestamp, Timestamp(GENESIS_TIME.0 + 1));
    assert!(execution.changes.is_empty() && execution.transactions.is_empty());
    assert_eq!(execution.tip.state_root, world.tip.state_root);
}

#[test]
fn headers_chain_and_their_roots_cover_all_earlier_ones() {
    let mut world = World::new();
    let mut hashes = Vec::new();
    let mut previous = world.tip.block_hash;
    assert_eq!(previous, world.tip.network);
    for number in 1..6 {
        let transaction = world.signed(0, vec![transfer(1, "EUR", 1)]);
        let execution = world.commit(vec![transaction]);
        let header = execution.block.header();
        assert_eq!((header.height.0, header.previous), (number, previous));
        assert_eq!(header.chain_root, merkle::root(&hashes));
        assert_eq!(execution.block_hash, execution.block.hash());
        assert_eq!(header.state_root, world.tree.root());
        assert_eq!((header.protocol, header.network), (1, world.tip.network));
        assert_eq!(header.next_committee, world.committee.digest());
        assert!(execution.block.v1().recovery.is_none());
        previous = execution.block_hash;
        hashes.push(previous);
    }
}

#[test]
fn equal_inputs_give_equal_blocks() {
    let blocks = || {
        let mut world = World::new();
        let until = world.after(60_000);
        let mut transactions = Vec::new();
        for number in 10..30 {
            let operations = vec![
                transfer(number, "EUR", 3),
                transfer(60 - number, "BOND", 2),
                hold(number, "GOLD", 1, until),
                put_record(number, Keep::Own),
            ];
            transactions.push(world.signed(0, operations));
        }
        let execution = world.commit(transactions);
        (
            execution.block_hash,
            execution.changes,
            execution.histories,
            execution.holders,
            execution.records,
        )
    };
    assert_eq!(blocks(), blocks());
}

#[test]
fn a_block_without_its_root_is_rooted_later() {
    let mut world = World::new();
    let transaction = world.signed(0, vec![transfer(1, "EUR", 1)]);
    let batch = world.batch(vec![transaction]);
    let proposal = Proposal::new(world.after(1_000), vec![batch.digest()]);
    let batches = [batch];
    let input = BlockInput {
        tip: &world.tip,
        proposal: &proposal,
        batches: &batches,
        parameters: world.parameters.v1(),
    };
    let unrooted = execute_unrooted(&input, &world.state).unwrap();
    assert_eq!(world.tree.root(), world.tip.state_root, "the tree has not moved");
    let later = unrooted.root(&mut world.tree);
    world.tree.rollback_to(world.tip.height);
    let at_once = execute(&input, &world.state, &mut world.tree).unwrap();
    assert_eq!(later.block, at_once.block);
    assert_eq!(later.tip, at_once.tip);
}

#[test]
fn holders_tell_who_begins_and_who_ceases_to_have_an_asset() {
    let mut world = World::new();
    let away = world.signed(0, vec![transfer(1, "EUR", MILLION), transfer(1, "BOND", MILLION)]);
    let through = world.signed(1, vec![transfer(2, "EUR", 5)]);
    let back = world.signed(2, vec![transfer(1, "EUR", 5)]);
    let failing = world.signed(1, vec![transfer(3, "EUR", 5), burn("NONE", 1)]);
    let execution = world.commit(vec![away, through, back, failing]);
    let mut expected = vec![
        (code("EUR"), address(0), false),
        (code("EUR"), address(1), true),
        (code("BOND"), address(0), false),
        (code("BOND"), address(1), true),
    ];
    expected.sort_unstable();
    assert_eq!(execution.holders, expected);

    // What is held counts, a claim does not.
    let until = world.after(60_000);
    let transaction = world.signed(1, vec![hold(4, "EUR", MILLION, until)]);
    let reference = HoldRef {
        owner: address(1),
        transaction: transaction.id(),
        operation: 0,
    };
    assert_eq!(world.commit(vec![transaction]).holders, []);
    let transaction = world.signed(4, vec![release(&reference, Some(1), &[])]);
    let execution = world.commit(vec![transaction]);
    assert_eq!(execution.holders, [(code("EUR"), address(4), true)]);
    let transaction = world.signed(4, vec![refund(&reference), transfer(1, "EUR", 1)]);
    let execution = world.commit(vec![transaction]);
    assert_eq!(execution.holders, [(code("EUR"), address(4), false)]);
}

#[test]
fn assets_are_numbered_as_they_are_created() {
    let mut world = World::new();
    let first = world.signed(1, vec![create("Z"), create("A"), mint(3, "Z", 1)]);
    let failing = world.signed(1, vec![create("F"), create("EUR")]);
    let second = world.signed(2, vec![create("M")]);
    let execution = world.commit(vec![first, failing, second]);
    assert_eq!(execution.assets, [(6, code("Z")), (7, code("A")), (8, code("M"))]);
    assert_eq!(execution.holders, [(code("Z"), address(3), true)]);
    assert_eq!(world.run(1, vec![create("F")]), success());
    assert_eq!(world.asset("F").unwrap().number, 9);
}

#[test]
fn a_block_writes_only_what_changed() {
    let mut world = World::new();
    assert_eq!(
        world.run(0, vec![transfer(1, "BOND", 5), transfer(1, "EUR", 5)]),
        success()
    );
    let until = world.after(60_000);
    let open = world.make_hold(0, hold(1, "GOLD", 5, until));
    // Changed and changed back; looked at and not there; looked at only.
    let operations = vec![
        (1, transfer(0, "BOND", 5)),
        (0, transfer(1, "BOND", 5)),
        (0, mint(0, "ALU", 1)),
        (0, burn("ALU", 1)),
    ];
    let there_and_back = world.joint(&[1, 0], operations);
    let absent = world.signed(1, vec![transfer(0, "ALU", 5)]);
    let looked_at = world.signed(1, vec![transfer(1, "EUR", 5)]);
    let failing = world.signed(1, vec![transfer(1, "BOND", 5), burn("GOLD", 1)]);
    let execution = world.commit(vec![there_and_back, absent, looked_at, failing]);
    assert_eq!(execution.transactions.len(), 4);
    let keys: Vec<StateKey> = execution.changes.keys().copied().collect();
    let mut expected = [0, 1].map(|number| StateKey::account(&address(number)));
    expected.sort_unstable();
    assert_eq!(keys, expected);
    // A hold made and given up within a block was never there.
    let transaction = world.signed(0, vec![hold(1, "EUR", 5, until)]);
    let reference = HoldRef {
        owner: address(0),
        transaction: transaction.id(),
        operation: 0,
    };
    let given_up = world.signed(1, vec![refund(&reference)]);
    let execution = world.commit(vec![transaction, given_up]);
    let keys: Vec<StateKey> = execution.changes.keys().copied().collect();
    assert_eq!(keys, expected);
    assert!(world.hold_of(&open).is_some());
}

/// A state that has bytes of no value under one key.
struct Damaged<'a> {
    state: &'a MemoryState,
    key: StateKey,
}

impl StateReader for Damaged<'_> {
    type Error = Infallible;

    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, Infallible> {
        if *key == self.key {
            return Ok(Some(vec![0xFF]));
        }
        self.state.value(key)
    }

    fn values_of(&self, keys: &[StateKey]) -> Result<Vec<Option<Vec<u8>>>, Infallible> {
        keys.iter().map(|key| self.value(key)).collect()
    }

    fn spent_at(&self, ids: &[Digest], at: Timestamp) -> Result<Vec<bool>, Infallible> {
        self.state.spent_at(ids, at)
    }

    fn block_hash(&self, height: quorate_ledger::Height) -> Result<Option<Digest>, Infallible> {
        self.state.block_hash(height)
    }

    fn values_under(&self, prefix: &Prefix) -> Result<Vec<(StateKey, Vec<u8>)>, Infallible> {
        self.state.values_under(prefix)
    }
}

#[test]
fn a_damaged_value_stops_execution_and_leaves_the_tree() {
    let mut world = World::new();
    let until = world.after(60_000);
    let open = world.make_hold(0, hold(1, "EUR", 5, until));
    let operations = vec![
        create("NEW"),
        transfer(1, "BOND", 1),
        put_record(1, Keep::Own),
        refund(&open),
    ];
    let transaction = world.signed(0, operations);
    let batch = world.batch(vec![transaction]);
    let proposal = Proposal::new(world.after(1_000), vec![batch.digest()]);
    let batches = [batch];
    let keys = [
        StateKey::agreement(),
        StateKey::counters(),
        StateKey::account(&address(0)),
        StateKey::asset(&code("BOND")),
        StateKey::balance(&address(0), &code("BOND")),
        StateKey::own_record(&address(0), &Digest([1; 32])),
        StateKey::hold(&open.owner, &open.transaction, open.operation),
        StateKey::seat(SeatNumber(0)),
    ];
    for key in keys {
        let input = BlockInput {
            tip: &world.tip,
            proposal: &proposal,
            batches: &batches,
            parameters: world.parameters.v1(),
        };
        let reader = Damaged {
            state: &world.state,
            key,
        };
        let error = execute(&input, &reader, &mut world.tree).unwrap_err();
        assert_eq!(error, StateError::Damaged { key });
        assert_eq!(world.tree.root(), world.tip.state_root);
    }
}

#[test]
fn all_that_an_account_has_is_found_under_its_address() {
    let mut world = World::new();
    let minted = ASSETS.iter().map(|asset| mint(1, asset, 1)).collect();
    assert_eq!(world.run(0, minted), success());
    let mut found = world.state.values_under(&Prefix::account(&address(1))).unwrap();
    found.retain(|(key, _)| *key != StateKey::account(&address(1)));
    found.sort_unstable();
    let keys: Vec<StateKey> = found.into_iter().map(|(key, _)| key).collect();
    let mut expected = ["BOND", "ALU"].map(|asset| StateKey::balance(&address(1), &code(asset)));
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

/// Notes the keys that are looked up one by one.
struct Noting<'a> {
    state: &'a MemoryState,
    single: RefCell<Vec<StateKey>>,
}

impl StateReader for Noting<'_> {
    type Error = Infallible;

    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, Infallible> {
        self.single.borrow_mut().push(*key);
        self.state.value(key)
    }

    fn values_of(&self, keys: &[StateKey]) -> Result<Vec<Option<Vec<u8>>>, Infallible> {
        assert!(keys.is_sorted_by(|a, b| a < b), "keys ascend");
        self.state.values_of(keys)
    }

    fn spent_at(&self, ids: &[Digest], at: Timestamp) -> Result<Vec<bool>, Infallible> {
        self.state.spent_at(ids, at)
    }

    fn block_hash(&self, height: quorate_ledger::Height) -> Result<Option<Digest>, Infallible> {
        self.state.block_hash(height)
    }

    fn values_under(&self, prefix: &Prefix) -> Result<Vec<(StateKey, Vec<u8>)>, Infallible> {
        self.state.values_under(prefix)
    }
}

#[test]
fn accounts_balances_and_holds_are_read_ahead() {
    let mut world = World::new();
    let until = world.after(60_000);
    assert_eq!(
        world.run(0, vec![transfer(1, "EUR", 50), transfer(1, "BOND", 50)]),
        success()
    );
    let open = world.make_hold(0, hold(1, "BOND", 5, until));
    let transactions = vec![
        world.signed(0, vec![transfer(1, "EUR", 1), transfer(5, "EUR", 1)]),
        world.signed(1, vec![transfer(2, "BOND", 1), burn("BOND", 1)]),
        world.signed(1, vec![release(&open, None, &[])]),
        world.joint(&[0, 2], vec![(0, hold(3, "BOND", 1, until))]),
    ];
    let batch = world.batch(transactions);
    let proposal = Proposal::new(world.after(1_000), vec![batch.digest()]);
    let batches = [batch];
    let input = BlockInput {
        tip: &world.tip,
        proposal: &proposal,
        batches: &batches,
        parameters: world.parameters.v1(),
    };
    let reader = Noting {
        state: &world.state,
        single: RefCell::default(),
    };
    let execution = execute(&input, &reader, &mut world.tree).unwrap();
    let paying = execution
        .transactions
        .iter()
        .filter(|item| item.outcome != success());
    assert_eq!(paying.count(), 1, "the release alone has a result");
    let mut single = reader.single.into_inner();
    single.retain(|key| key.kind() <= 2);
    // The key of the new hold is known with its turn alone.
    assert_eq!(single.len(), 1);
    assert_eq!(single[0].kind(), 2);
}
