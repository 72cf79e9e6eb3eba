//! What operations do.

use quorate_crypto::PublicKey;
use quorate_ledger::{Amount, ErrorCode, Operation, Outcome, Signer, StateKey, StateReader, Timestamp};

use crate::world::{
    GENESIS_TIME, SUPPLY, World, address, burn, code, create, key, mint, qrt, transfer, transfer_of,
};

fn failed(code: ErrorCode, operation: u16) -> Outcome {
    Outcome::Failed { code, operation }
}

#[test]
fn a_transfer_moves_units_and_makes_the_recipients_account() {
    let mut world = World::new();
    assert_eq!(world.account(1), None);
    assert_eq!(world.run(0, vec![transfer(1, 250)]), Outcome::Success);
    assert_eq!((world.balance(0), world.balance(1)), (SUPPLY - 250, 250));
}

#[test]
fn a_transfer_of_everything_leaves_no_balance_behind() {
    let mut world = World::new();
    world.run(0, vec![transfer(1, SUPPLY)]);
    let account = world.account(0).unwrap();
    assert_eq!((account.balances.len(), account.transactions), (0, 1));
    assert_eq!(world.balance(1), SUPPLY);
}

#[test]
fn a_transfer_to_oneself_needs_the_balance_and_changes_none() {
    let mut world = World::new();
    let too_much = failed(ErrorCode::InsufficientBalance, 0);
    assert_eq!(world.run(0, vec![transfer(0, SUPPLY)]), Outcome::Success);
    assert_eq!(world.run(0, vec![transfer(0, SUPPLY + 1)]), too_much);
    assert_eq!(world.run(1, vec![transfer(1, 1)]), too_much);
    assert_eq!(world.balance(0), SUPPLY);
    assert_eq!(world.account(0).unwrap().transactions, 2);
}

#[test]
fn overspending_fails_with_its_code_and_changes_only_the_senders_history() {
    let mut world = World::new();
    let outcome = world.run(0, vec![transfer(1, SUPPLY + 1)]);
    assert_eq!(outcome, failed(ErrorCode::InsufficientBalance, 0));
    assert_eq!(world.account(1), None);
    assert_eq!(world.account(0).unwrap().transactions, 1);
}

#[test]
fn a_failing_operation_undoes_those_before_it() {
    let mut world = World::new();
    let before = world.account(0).unwrap();
    let signers = Operation::SetSigners {
        signers: vec![Signer {
            key: key(5).public(),
            weight: 1,
        }],
        threshold: 1,
    };
    let operations = vec![
        create("NEW"),
        mint("NEW", 1, 10),
        mint("QRT", 1, 10),
        burn("QRT", 1),
        transfer(2, 100),
        signers,
        transfer(3, SUPPLY),
    ];
    assert_eq!(
        world.run(0, operations),
        failed(ErrorCode::InsufficientBalance, 6)
    );
    let after = world.account(0).unwrap();
    assert_eq!((after.balances, after.signers), (before.balances, None));
    assert_eq!(world.asset("NEW"), None);
    assert_eq!(world.asset("QRT").unwrap().v1().supply, Amount(SUPPLY));
    assert_eq!((world.account(1), world.account(2)), (None, None));
}

#[test]
fn later_operations_see_earlier_ones() {
    let mut world = World::new();
    let operations = vec![create("NEW"), mint("NEW", 0, 10), transfer_of(code("NEW"), 1, 10)];
    assert_eq!(world.run(0, operations), Outcome::Success);
    assert_eq!(world.balance_of(code("NEW"), 1), 10);
}

#[test]
fn an_asset_is_created_once_and_minted_by_its_issuer_alone() {
    let mut world = World::new();
    assert_eq!(world.run(1, vec![create("GOLD")]), Outcome::Success);
    assert_eq!(
        world.run(2, vec![create("GOLD")]),
        failed(ErrorCode::AssetExists, 0)
    );
    assert_eq!(
        world.run(2, vec![mint("GOLD", 2, 1)]),
        failed(ErrorCode::NotIssuer, 0)
    );
    assert_eq!(world.run(1, vec![mint("GOLD", 2, 7)]), Outcome::Success);
    let asset = world.asset("GOLD").unwrap();
    assert_eq!((asset.v1().supply, asset.v1().issuer), (Amount(7), address(1)));
}

#[test]
fn an_asset_has_at_most_18_decimals() {
    let mut world = World::new();
    let with = |decimals| {
        vec![Operation::CreateAsset {
            code: code(&format!("D{decimals}")),
            decimals,
            description: String::new(),
        }]
    };
    assert_eq!(world.run(0, with(18)), Outcome::Success);
    assert_eq!(world.run(0, with(19)), failed(ErrorCode::TooManyDecimals, 0));
}

#[test]
fn unknown_assets_are_refused_by_every_operation() {
    let mut world = World::new();
    let unknown = failed(ErrorCode::UnknownAsset, 0);
    assert_eq!(world.run(0, vec![mint("NONE", 1, 1)]), unknown);
    assert_eq!(world.run(0, vec![burn("NONE", 1)]), unknown);
    assert_eq!(world.run(0, vec![transfer_of(code("NONE"), 1, 1)]), unknown);
}

#[test]
fn burning_lowers_the_supply_and_needs_the_balance() {
    let mut world = World::new();
    assert_eq!(world.run(0, vec![burn("QRT", 400)]), Outcome::Success);
    assert_eq!(world.asset("QRT").unwrap().v1().supply, Amount(SUPPLY - 400));
    assert_eq!(world.balance(0), SUPPLY - 400);
    assert_eq!(
        world.run(1, vec![burn("QRT", 1)]),
        failed(ErrorCode::InsufficientBalance, 0)
    );
}

#[test]
fn the_supply_stays_within_128_bits() {
    let mut world = World::new();
    let rest = u128::MAX - SUPPLY;
    assert_eq!(
        world.run(0, vec![mint("QRT", 1, rest + 1)]),
        failed(ErrorCode::SupplyOverflow, 0)
    );
    assert_eq!(world.run(0, vec![mint("QRT", 1, rest)]), Outcome::Success);
    assert_eq!(world.run(0, vec![transfer(1, SUPPLY)]), Outcome::Success);
    assert_eq!(world.balance(1), u128::MAX);
    assert_eq!(
        world.run(0, vec![mint("QRT", 1, 1)]),
        failed(ErrorCode::SupplyOverflow, 0)
    );
}

#[test]
fn the_fifth_asset_lies_under_a_key_of_its_own_and_stays_there() {
    let mut world = World::new();
    for name in ["E", "D", "C", "B", "A"] {
        assert_eq!(
            world.run(0, vec![create(name), mint(name, 1, 10)]),
            Outcome::Success
        );
    }
    let account = world.account(1).unwrap();
    let inline: Vec<_> = account.balances.iter().map(|balance| balance.asset).collect();
    assert_eq!(inline, ["B", "C", "D", "E"].map(code));
    assert_eq!(account.other_balances, 1);
    let other = StateKey::balance(&address(1), &code("A"));
    assert!(world.state.value(&other).unwrap().is_some());

    // Nothing moves when there is room again, nor when the balance changes.
    world.run(1, vec![transfer_of(code("C"), 2, 10)]);
    world.run(0, vec![mint("A", 1, 5)]);
    let account = world.account(1).unwrap();
    assert_eq!((account.balances.len(), account.other_balances), (3, 1));
    assert_eq!(world.balance_of(code("A"), 1), 15);

    // It goes with the last unit, and comes back where there is room.
    world.run(1, vec![transfer_of(code("A"), 2, 15)]);
    assert_eq!(world.state.value(&other).unwrap(), None);
    assert_eq!(world.account(1).unwrap().other_balances, 0);
    world.run(2, vec![transfer_of(code("A"), 1, 1)]);
    let account = world.account(1).unwrap();
    assert_eq!((account.balances.len(), account.other_balances), (4, 0));
}

#[test]
fn taking_back_puts_a_balance_where_it_was() {
    let mut world = World::new();
    for name in ["A", "B", "C", "D", "E"] {
        world.run(0, vec![create(name), mint(name, 1, 10)]);
    }
    let before = world.account(1).unwrap();
    // Both an inline and another balance fall to zero, so there is room in the leaf when all is undone.
    let operations = vec![
        transfer_of(code("B"), 2, 10),
        transfer_of(code("E"), 2, 10),
        transfer_of(code("E"), 2, 1),
    ];
    assert_eq!(
        world.run(1, operations),
        failed(ErrorCode::InsufficientBalance, 2)
    );
    let after = world.account(1).unwrap();
    assert_eq!(
        (after.balances, after.other_balances),
        (before.balances, before.other_balances)
    );
    assert_eq!(world.balance_of(code("E"), 1), 10);
}

#[test]
fn an_account_holds_at_most_1_024_assets() {
    let mut world = World::new();
    for block in 0..4 {
        let operations = |batch: u32| {
            let names = (0..128).map(move |place| format!("N{}", block * 256 + batch * 128 + place));
            names
                .flat_map(|name| [create(&name), mint(&name, 1, 1)])
                .collect()
        };
        let transactions =
            (0..2).map(|batch| world.signed(0, block as u8 * 2 + batch as u8, operations(batch)));
        let transactions = transactions.collect();
        let execution = world.commit(transactions);
        assert!(
            execution
                .transactions
                .iter()
                .all(|item| item.outcome == Outcome::Success)
        );
    }
    assert_eq!(world.account(1).unwrap().holdings(), 1_024);
    assert_eq!(
        world.run(0, vec![transfer(1, 1)]),
        failed(ErrorCode::TooManyBalances, 0)
    );
    assert_eq!(world.run(0, vec![mint("N0", 1, 1)]), Outcome::Success);
}

#[test]
fn signers_replace_the_first_key() {
    let mut world = World::new();
    let signers = |keys: &[(u8, u32)], threshold| {
        let mut signers: Vec<Signer> = keys
            .iter()
            .map(|(number, weight)| Signer {
                key: key(*number).public(),
                weight: *weight,
            })
            .collect();
        signers.sort_by_key(|signer| signer.key);
        Operation::SetSigners { signers, threshold }
    };
    assert_eq!(
        world.run(0, vec![signers(&[(10, 1), (11, 1), (12, 2)], 2)]),
        Outcome::Success
    );
    let attempt = |world: &mut World, salt: u8, keys: &[u8]| {
        let intent = quorate_ledger::Intent::V1(world.intent(0, salt, vec![transfer(1, 1)]));
        let keys: Vec<_> = keys.iter().map(|number| key(*number)).collect();
        let transaction = intent.sign(&keys);
        world.commit(vec![transaction]).transactions.len() == 1
    };
    assert!(!attempt(&mut world, 101, &[0]), "the first key no longer signs");
    assert!(!attempt(&mut world, 102, &[10]), "one weight of two");
    assert!(attempt(&mut world, 103, &[10, 11]), "two weights of two");
    assert!(attempt(&mut world, 104, &[12]), "a heavy signer alone");
    assert!(
        attempt(&mut world, 105, &[10, 11, 20]),
        "a stranger's signature neither counts nor harms"
    );
    assert_eq!(world.balance(1), 3);
}

#[test]
fn signers_that_could_lock_the_account_are_refused() {
    let mut world = World::new();
    let set = |key: PublicKey, weight, threshold| {
        vec![Operation::SetSigners {
            signers: vec![Signer { key, weight }],
            threshold,
        }]
    };
    let good = key(3).public();
    let unreachable = failed(ErrorCode::ThresholdUnreachable, 0);
    let invalid = failed(ErrorCode::InvalidKey, 0);
    assert_eq!(world.run(0, set(good, 5, 0)), unreachable);
    assert_eq!(world.run(0, set(good, 5, 6)), unreachable);
    let identity = PublicKey(*b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(world.run(0, set(identity, 1, 1)), invalid);
    let no_point = PublicKey([2; 32]);
    assert!(no_point.check_registrable().is_err());
    assert_eq!(world.run(0, set(no_point, 1, 1)), invalid);
    assert_eq!(world.run(0, set(good, 5, 5)), Outcome::Success);
}

#[test]
fn records_are_listed_by_operation_and_touch_no_state_but_the_senders() {
    let mut world = World::new();
    let record = |byte: u8| Operation::PutRecord {
        sha256: quorate_ledger::Digest([byte; 32]),
        label: format!("document {byte}"),
        metadata: vec![byte; 1_024],
    };
    let first = world.signed(1, 0, vec![record(7), record(8)]);
    let second = world.signed(2, 0, vec![record(7)]);
    let failing = world.signed(3, 0, vec![record(9), transfer(0, 1)]);
    let execution = world.commit(vec![failing, first, second]);
    let found: Vec<_> = execution
        .records
        .iter()
        .map(|record| (record.sha256.0[0], record.sender, record.index, record.operation))
        .collect();
    assert_eq!(
        found,
        [
            (7, address(1), 1, 0),
            (8, address(1), 1, 1),
            (7, address(2), 2, 0)
        ]
    );
    let keys: Vec<_> = execution.changes.keys().copied().collect();
    let mut senders = [1, 2, 3].map(|number| StateKey::account(&address(number)));
    senders.sort();
    assert_eq!(keys, senders);
}

#[test]
fn holders_tell_who_begins_and_who_ceases_to_hold_an_asset() {
    let mut world = World::new();
    let execution = {
        let away = world.signed(0, 0, vec![transfer(1, SUPPLY)]);
        let through = world.signed(1, 0, vec![transfer(2, 5)]);
        let back = world.signed(2, 0, vec![transfer(1, 5)]);
        let failing = world.signed(1, 1, vec![transfer(3, 5), burn("NONE", 1)]);
        world.commit(vec![away, through, back, failing])
    };
    let mut expected = vec![(qrt(), address(0), false), (qrt(), address(1), true)];
    expected.sort();
    assert_eq!(execution.holders, expected);
    assert_eq!(execution.assets, []);
    let created = world.signed(1, 2, vec![create("Z"), create("A"), mint("Z", 3, 1)]);
    let execution = world.commit(vec![created]);
    assert_eq!(execution.assets, [code("A"), code("Z")]);
    assert_eq!(execution.holders, [(code("Z"), address(3), true)]);
}

#[test]
fn time_moves_at_least_a_millisecond_and_never_back() {
    let mut world = World::new();
    let at = |world: &mut World, time: u64| {
        let execution = world.execute_at(Timestamp(time), &[]);
        world.state.apply(&execution);
        world.tip = execution.tip.clone();
        world.tip.timestamp.0
    };
    let start = GENESIS_TIME.0;
    assert_eq!(at(&mut world, 0), start + 1);
    assert_eq!(at(&mut world, start + 500), start + 500);
    assert_eq!(at(&mut world, start + 400), start + 501);
    assert_eq!(at(&mut world, u64::MAX), u64::MAX);
    assert_eq!(at(&mut world, 0), u64::MAX);
}

#[test]
fn headers_chain_and_their_roots_cover_all_earlier_ones() {
    let mut world = World::new();
    let mut hashes = Vec::new();
    let mut previous = world.tip.block_hash;
    for salt in 0..5 {
        let transaction = world.signed(0, salt, vec![transfer(1, 1)]);
        let execution = world.commit(vec![transaction]);
        let header = execution.block.header();
        assert_eq!(header.height.0, u64::from(salt) + 1);
        assert_eq!(header.previous, previous);
        assert_eq!(header.chain_root, quorate_crypto::merkle::root(&hashes));
        assert_eq!(execution.block_hash, execution.block.hash());
        assert_eq!(header.state_root, world.tree.root());
        previous = execution.block_hash;
        hashes.push(previous);
    }
}

#[test]
fn equal_inputs_give_equal_blocks() {
    let blocks = || {
        let mut world = World::new();
        let transactions =
            (0..20).map(|salt| world.signed(0, salt, vec![transfer(salt, 3), transfer(40 - salt, 2)]));
        let transactions = transactions.collect();
        let execution = world.commit(transactions);
        (
            execution.block_hash,
            execution.changes,
            execution.histories,
            execution.holders,
        )
    };
    assert_eq!(blocks(), blocks());
}

#[test]
fn a_damaged_value_stops_execution_and_leaves_the_tree() {
    use quorate_ledger::{BlockInput, Proposal, StateError, execute};
    struct Damaged;
    impl StateReader for Damaged {
        type Error = std::convert::Infallible;
        fn value(&self, _: &StateKey) -> Result<Option<Vec<u8>>, Self::Error> {
            Ok(Some(vec![0xFF]))
        }
        fn is_spent(&self, _: &quorate_ledger::Digest) -> Result<bool, Self::Error> {
            Ok(false)
        }
    }
    let mut world = World::new();
    let batch = world.batch(vec![world.signed(0, 0, vec![transfer(1, 1)])]);
    let proposal = Proposal::new(Timestamp(0), vec![batch.digest()]);
    let input = BlockInput {
        tip: &world.tip,
        proposal: &proposal,
        batches: &[batch],
        parameters: world.parameters.v1(),
    };
    let root = world.tree.root();
    let error = execute(&input, &Damaged, &mut world.tree).unwrap_err();
    // The first value that is read.
    let key = StateKey::agreement();
    assert_eq!(error, StateError::Damaged { key });
    assert_eq!(world.tree.root(), root);
}

/// A world in which account 1 holds four assets in its leaf and `QRT` under a key of its own.
fn world_with_another_balance() -> World {
    let mut world = World::new();
    for name in ["A", "B", "C", "D"] {
        world.run(0, vec![create(name), mint(name, 1, 1)]);
    }
    world.run(0, vec![transfer(1, 5)]);
    assert_eq!(world.account(1).unwrap().other_balances, 1);
    world
}

#[test]
fn a_transfer_to_oneself_moves_no_balance_to_another_place() {
    let mut world = world_with_another_balance();
    let key = StateKey::balance(&address(1), &qrt());
    let all = vec![transfer_of(code("A"), 0, 1), transfer(1, 5)];
    assert_eq!(world.run(1, all), Outcome::Success);
    assert!(world.state.value(&key).unwrap().is_some());
    let account = world.account(1).unwrap();
    assert_eq!((account.balances.len(), account.other_balances), (3, 1));
}

#[test]
fn a_block_writes_only_what_changed() {
    let mut world = world_with_another_balance();
    // Looked at, changed and changed back; looked at and not there; looked at only.
    let there_and_back = world.signed(1, 100, vec![transfer(0, 5), transfer(9, 1)]);
    let absent = world.signed(1, 101, vec![transfer_of(code("E"), 0, 5)]);
    let looked_at = world.signed(1, 102, vec![transfer(1, 5)]);
    let execution = world.commit(vec![there_and_back, absent, looked_at]);
    assert_eq!(execution.transactions.len(), 3);
    let keys: Vec<_> = execution.changes.keys().copied().collect();
    assert_eq!(keys, [StateKey::account(&address(1))]);
}
