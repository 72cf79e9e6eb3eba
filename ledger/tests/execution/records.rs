//! Records: in the log alone, an account's own, and unique ones.

use quorate_crypto::Digest;
use quorate_ledger::{Keep, Record, RecordV1, StateKey, encode, read_value};

use crate::world::{World, address, failed, put_record, success, transfer};

fn record_at(world: &World, key: &StateKey) -> Option<RecordV1> {
    let found: Option<Record> = read_value(&world.state, key).unwrap();
    found.map(|Record::V1(record)| record)
}

#[test]
fn a_record_of_the_log_has_no_leaf() {
    let mut world = World::new();
    let transaction = world.signed(1, vec![put_record(7, Keep::Log), put_record(7, Keep::Log)]);
    let execution = world.commit(vec![transaction]);
    assert_eq!(execution.transactions[0].outcome, success());
    assert_eq!(
        execution.changes.keys().collect::<Vec<_>>(),
        [&StateKey::account(&address(1))]
    );
    let found: Vec<_> = execution
        .records
        .iter()
        .map(|entry| {
            (
                entry.sha256,
                entry.address,
                entry.keep,
                entry.ordinal,
                entry.operation,
            )
        })
        .collect();
    let digest = Digest([7; 32]);
    let expected = [
        (digest, address(1), Keep::Log, 0, 0),
        (digest, address(1), Keep::Log, 0, 1),
    ];
    assert_eq!(found, expected);
}

#[test]
fn own_records_are_each_accounts_and_code_15_once() {
    let mut world = World::new();
    let transaction = world.signed(1, vec![transfer(1, "EUR", 1)]);
    world.commit(vec![transaction]);
    let transaction = world.signed(1, vec![put_record(8, Keep::Log), put_record(7, Keep::Own)]);
    let id = transaction.id();
    let execution = world.commit(vec![transaction]);
    assert_eq!(execution.records.len(), 2);
    let key = StateKey::own_record(&address(1), &Digest([7; 32]));
    let expected = RecordV1 {
        address: address(1),
        sha256: Digest([7; 32]),
        id,
        ordinal: 1,
        timestamp: world.now(),
    };
    assert_eq!(record_at(&world, &key), Some(expected));
    assert_eq!(world.run(1, vec![put_record(7, Keep::Own)]), failed(15, 0));
    assert_eq!(
        world.run(1, vec![put_record(9, Keep::Own), put_record(9, Keep::Own)]),
        failed(15, 1)
    );
    assert_eq!(world.run(1, vec![put_record(9, Keep::Own)]), success());
    assert_eq!(world.run(2, vec![put_record(7, Keep::Own)]), success());
    assert_eq!(world.run(1, vec![put_record(7, Keep::Log)]), success());
}

#[test]
fn unique_records_are_code_16_for_everybody_else() {
    let mut world = World::new();
    assert_eq!(world.run(2, vec![put_record(7, Keep::Own)]), success());
    assert_eq!(world.run(1, vec![put_record(7, Keep::Unique)]), success());
    let record = record_at(&world, &StateKey::unique_record(&Digest([7; 32]))).unwrap();
    assert_eq!((record.address, record.ordinal), (address(1), 1));
    assert_eq!(world.run(2, vec![put_record(7, Keep::Unique)]), failed(16, 0));
    assert_eq!(world.run(1, vec![put_record(7, Keep::Unique)]), failed(16, 0));
    assert_eq!(world.run(1, vec![put_record(7, Keep::Own)]), success());
}

#[test]
fn code_17_where_other_material_has_the_key() {
    let digest = Digest([7; 32]);
    let record = |who: u8, byte: u8| {
        encode(&Record::V1(RecordV1 {
            address: address(who),
            sha256: Digest([byte; 32]),
            id: Digest::ZERO,
            ordinal: 0,
            timestamp: crate::world::GENESIS_TIME,
        }))
    };
    let mut world = World::with_leaves(|leaves| {
        leaves.insert(StateKey::own_record(&address(1), &digest), record(1, 8));
        leaves.insert(StateKey::own_record(&address(2), &digest), record(3, 7));
        leaves.insert(StateKey::unique_record(&digest), record(1, 9));
    });
    assert_eq!(world.run(1, vec![put_record(7, Keep::Own)]), failed(17, 0));
    assert_eq!(world.run(2, vec![put_record(7, Keep::Own)]), failed(17, 0));
    assert_eq!(world.run(1, vec![put_record(7, Keep::Unique)]), failed(17, 0));
}

#[test]
fn records_of_failures_are_put_by_nobody() {
    let mut world = World::new();
    let operations = vec![
        put_record(7, Keep::Unique),
        put_record(8, Keep::Log),
        transfer(2, "EUR", 1),
    ];
    let failing = world.signed(1, operations);
    let after = world.signed(2, vec![put_record(7, Keep::Unique)]);
    let execution = world.commit(vec![failing, after]);
    assert_eq!(execution.transactions[0].outcome, failed(3, 2));
    assert_eq!(execution.records.len(), 1);
    let record = record_at(&world, &StateKey::unique_record(&Digest([7; 32]))).unwrap();
    assert_eq!((record.address, record.ordinal), (address(2), 1));
}
