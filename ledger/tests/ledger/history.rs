//! Accounts' histories: who gets an entry, and the running hash.

use quorate_crypto::{Domain, merkle};
use quorate_ledger::{Digest, Height, Receipt, ReceiptV1, encode};

use crate::world::{World, address, transfer};

#[test]
fn a_success_is_in_the_history_of_all_it_touched_and_a_failure_in_its_senders_alone() {
    let mut world = World::new();
    let success = world.signed(
        0,
        0,
        vec![transfer(2, 1), transfer(1, 1), transfer(2, 1), transfer(0, 1)],
    );
    let failure = world.signed(2, 0, vec![transfer(1, 1), transfer(0, 100)]);
    let execution = world.commit(vec![success.clone(), failure.clone()]);
    let found: Vec<_> = execution
        .histories
        .iter()
        .map(|entry| (entry.address, entry.number, entry.id, entry.index))
        .collect();
    let mut recipients = [address(1), address(2)];
    recipients.sort();
    let expected = vec![
        (address(0), 1, success.id(), 0),
        (recipients[0], 1, success.id(), 0),
        (recipients[1], 1, success.id(), 0),
        (address(2), 2, failure.id(), 1),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_running_hash_follows_the_entries() {
    let mut world = World::new();
    let mut history = Digest::ZERO;
    let mut number = 0_u64;
    for salt in 0..3 {
        let transactions = vec![
            world.signed(0, 2 * salt, vec![transfer(1, 1)]),
            world.signed(0, 2 * salt + 1, vec![transfer(1, u128::MAX)]),
        ];
        let execution = world.commit(transactions);
        for (index, item) in (0_u32..).zip(&execution.transactions) {
            number += 1;
            let receipt = Receipt::V1(ReceiptV1 {
                transaction: item.id,
                outcome: item.outcome,
            });
            let Height(height) = execution.tip.height;
            let content = [
                &history.0[..],
                &number.to_le_bytes(),
                &item.id.0,
                &height.to_le_bytes(),
                &index.to_le_bytes(),
                &merkle::leaf_hash(&encode(&receipt)).0,
            ]
            .concat();
            history = Domain::HISTORY.hash(&content);
        }
    }
    let account = world.account(0).unwrap();
    assert_eq!((account.transactions, account.history), (6, history));
    assert_eq!(world.account(1).unwrap().transactions, 3);
}
