//! Holds: each code of their own with the smallest case, and what a claim keeps. All ends of a hold,
//! against the page's table, are in `hold_table`.

use quorate_crypto::{Digest, sha256};
use quorate_ledger::{
    Account, AccountV1, Amount, Balance, BalanceV1, ConditionLeaf, Hold, HoldRef, HoldV1, Inline, Keep,
    StateKey, Timestamp, decode, encode,
};

use crate::world::{
    MILLION, World, address, any_of, burn, code, create, failed, hold, hold_if, mint, paid, put_record,
    refund, release, some_of, success, transfer,
};

const SECRET: [u8; 32] = [5; 32];

/// A hold of 100 EUR of account 0 for account 1, which the hash of a secret releases.
fn hashed(world: &mut World, until: Timestamp) -> HoldRef {
    let condition = any_of(vec![ConditionLeaf::Preimage(sha256(&SECRET))]);
    world.make_hold(0, hold_if(1, "EUR", 100, until, condition))
}

#[test]
fn a_hold_puts_units_aside_and_a_release_pays_them() {
    let mut world = World::new();
    let until = world.after(60_000);
    let reference = hashed(&mut world, until);
    assert_eq!(world.funds(0, "EUR"), (MILLION - 100, 100, 0));
    assert_eq!(world.funds(1, "EUR"), (0, 0, 1));
    assert_eq!(world.account(0).unwrap().holds, 1);
    let there = world.hold_of(&reference).unwrap();
    assert_eq!((there.owner, there.beneficiary), (address(0), address(1)));
    assert_eq!((there.transaction, there.operation), (reference.transaction, 0));
    assert_eq!((there.amount.0, there.until), (100, until));
    // Anybody can, with what the condition asks for.
    assert_eq!(
        world.run(7, vec![release(&reference, None, &[SECRET])]),
        paid(&[100])
    );
    assert_eq!(world.funds(0, "EUR"), (MILLION - 100, 0, 0));
    assert_eq!(world.funds(1, "EUR"), (100, 0, 0));
    assert_eq!(world.account(0).unwrap().holds, 0);
    assert_eq!(world.hold_of(&reference), None);
    assert_eq!(world.asset("EUR").unwrap().supply.0, MILLION);
}

#[test]
fn code_18_an_end_that_is_no_end() {
    let mut world = World::new();
    let longest = world.parameters.v1().max_hold_ms;
    // The block will be a second from now.
    for back in [0, 1, 1_000] {
        let until = Timestamp(world.after(1_000).0 - back);
        assert_eq!(world.run(0, vec![hold(1, "EUR", 1, until)]), failed(18, 0));
    }
    let until = Timestamp(world.after(1_000).0 + longest + 1);
    assert_eq!(world.run(0, vec![hold(1, "EUR", 1, until)]), failed(18, 0));
    assert_eq!(
        world.run(0, vec![hold(1, "EUR", 1, Timestamp(u64::MAX))]),
        failed(18, 0)
    );
    let until = Timestamp(world.after(1_000).0 + longest);
    assert_eq!(world.run(0, vec![hold(1, "EUR", 1, until)]), success());
    let until = Timestamp(world.after(1_000).0 + 1);
    assert_eq!(world.run(0, vec![hold(1, "EUR", 1, until)]), success());
    // No such asset comes first; too little free, after.
    assert_eq!(world.run(0, vec![hold(1, "NONE", 1, Timestamp(0))]), failed(1, 0));
    assert_eq!(world.run(0, vec![hold(1, "OIL", 1, Timestamp(0))]), failed(18, 0));
}

#[test]
fn code_22_no_such_hold() {
    let mut world = World::new();
    let until = world.after(60_000);
    let open = hashed(&mut world, until);
    let others = [
        HoldRef {
            owner: address(1),
            ..open
        },
        HoldRef {
            transaction: Digest([1; 32]),
            ..open
        },
        HoldRef { operation: 1, ..open },
    ];
    for other in &others {
        assert_eq!(world.run(1, vec![release(other, None, &[SECRET])]), failed(22, 0));
        assert_eq!(world.run(1, vec![refund(other)]), failed(22, 0));
    }
    assert_eq!(world.run(1, vec![refund(&open)]), paid(&[100]));
    assert_eq!(world.run(1, vec![refund(&open)]), failed(22, 0));
    assert_eq!(world.run(1, vec![release(&open, None, &[SECRET])]), failed(22, 0));
}

#[test]
fn codes_23_and_24_release_before_the_time_and_refund_from_it_on() {
    let mut world = World::new();
    let until = world.after(10_000);
    let reference = hashed(&mut world, until);
    let last_moment = Timestamp(until.0 - 1);
    let at = |world: &mut World, time: Timestamp, operation| {
        let transaction = world.signed(7, vec![operation]);
        let batch = world.batch(vec![transaction]);
        let execution = world.execute_at(time, &[batch]);
        world.tree.rollback_to(world.tip.height);
        execution.transactions[0].outcome.clone()
    };
    let releasing = || release(&reference, None, &[SECRET]);
    let refunding = || refund(&reference);
    assert_eq!(at(&mut world, last_moment, releasing()), paid(&[100]));
    assert_eq!(at(&mut world, last_moment, refunding()), failed(24, 0));
    assert_eq!(at(&mut world, until, releasing()), failed(23, 0));
    assert_eq!(at(&mut world, until, refunding()), paid(&[100]));
}

#[test]
fn code_24_but_the_beneficiary_gives_its_claim_up_any_time() {
    let mut world = World::new();
    let until = world.after(60_000);
    let reference = hashed(&mut world, until);
    assert_eq!(world.run(0, vec![refund(&reference)]), failed(24, 0));
    // As a party it need not be the one that acts.
    assert_eq!(
        world.run_jointly(&[7, 1], vec![(7, refund(&reference))]),
        paid(&[100])
    );
    assert_eq!(world.funds(0, "EUR"), (MILLION, 0, 0));
    assert_eq!(world.funds(1, "EUR"), (0, 0, 0));
}

#[test]
fn code_25_too_few_leaves_of_the_condition() {
    let mut world = World::new();
    let until = world.after(60_000);
    let from = world.after(5_000);
    let condition = some_of(
        2,
        vec![
            ConditionLeaf::Signs(address(3)),
            ConditionLeaf::From(from),
            ConditionLeaf::Preimage(sha256(&SECRET)),
            ConditionLeaf::Record {
                sha256: Digest([8; 32]),
                by: address(4),
            },
        ],
    );
    let reference = world.make_hold(0, hold_if(1, "EUR", 100, until, condition));
    let whole = |preimages: &[[u8; 32]]| release(&reference, None, preimages);
    assert_eq!(world.run(7, vec![whole(&[])]), failed(25, 0));
    assert_eq!(world.run(3, vec![whole(&[])]), failed(25, 0), "one of two");
    // Another's record is none, nor is a unique one, nor one of the log.
    assert_eq!(world.run(1, vec![put_record(8, Keep::Own)]), success());
    assert_eq!(world.run(4, vec![put_record(8, Keep::Unique)]), success());
    assert_eq!(world.run(4, vec![put_record(8, Keep::Log)]), success());
    let later = world.now();
    assert!(later >= from, "the time has come meanwhile");
    assert_eq!(world.run(7, vec![whole(&[])]), failed(25, 0), "the time alone");
    assert_eq!(
        world.run(4, vec![put_record(8, Keep::Own), whole(&[])]),
        paid(&[100])
    );
}

#[test]
fn a_leaf_of_time_is_met_from_its_moment_on() {
    let mut world = World::new();
    let until = world.after(60_000);
    let from = world.after(10_000);
    let condition = any_of(vec![ConditionLeaf::From(from)]);
    let reference = world.make_hold(0, hold_if(1, "EUR", 100, until, condition));
    let mut at = |time: Timestamp| {
        let transaction = world.signed(7, vec![release(&reference, None, &[])]);
        let batch = world.batch(vec![transaction]);
        let execution = world.execute_at(time, &[batch]);
        world.tree.rollback_to(world.tip.height);
        execution.transactions[0].outcome.clone()
    };
    assert_eq!(at(Timestamp(from.0 - 1)), failed(25, 0));
    assert_eq!(at(from), paid(&[100]));
}

#[test]
fn code_26_a_preimage_that_nobody_asked_for() {
    let mut world = World::new();
    let until = world.after(60_000);
    let reference = hashed(&mut world, until);
    let wrong = [6; 32];
    assert_eq!(
        world.run(7, vec![release(&reference, None, &[wrong])]),
        failed(26, 0)
    );
    assert_eq!(
        world.run(7, vec![release(&reference, None, &[SECRET, wrong])]),
        failed(26, 0)
    );
    let plain = world.make_hold(0, hold(1, "EUR", 5, until));
    assert_eq!(
        world.run(1, vec![release(&plain, None, &[SECRET])]),
        failed(26, 0)
    );
    assert_eq!(world.run(1, vec![release(&plain, None, &[])]), paid(&[5]));
}

#[test]
fn codes_27_and_30_parts_are_the_beneficiarys() {
    let mut world = World::new();
    let until = world.after(60_000);
    let reference = hashed(&mut world, until);
    let part = |amount: u128| release(&reference, Some(amount), &[SECRET]);
    assert_eq!(world.run(7, vec![part(30)]), failed(30, 0));
    assert_eq!(world.run(7, vec![part(101)]), failed(27, 0));
    assert_eq!(world.run(1, vec![part(101)]), failed(27, 0));
    assert_eq!(world.run(1, vec![part(30)]), paid(&[30]));
    assert_eq!(world.hold_of(&reference).unwrap().amount.0, 70);
    assert_eq!(world.funds(0, "EUR"), (MILLION - 100, 70, 0));
    assert_eq!(world.funds(1, "EUR"), (30, 0, 1));
    assert_eq!(world.run(1, vec![part(71)]), failed(27, 0));
    // Several in one transaction; results are in the order of operations, and the last closes the hold.
    let operations = vec![
        (1, part(20)),
        (7, part(10)),
        (1, release(&reference, None, &[SECRET])),
    ];
    assert_eq!(world.run_jointly(&[7, 1], operations), paid(&[20, 10, 40]));
    assert_eq!(world.hold_of(&reference), None);
    assert_eq!(world.funds(1, "EUR"), (100, 0, 0));
    assert_eq!(world.account(0).unwrap().holds, 0);
}

#[test]
fn a_part_that_is_all_closes_the_hold() {
    let mut world = World::new();
    let until = world.after(60_000);
    let reference = hashed(&mut world, until);
    assert_eq!(
        world.run(1, vec![release(&reference, Some(100), &[SECRET])]),
        paid(&[100])
    );
    assert_eq!(world.hold_of(&reference), None);
    assert_eq!(world.funds(1, "EUR"), (100, 0, 0));
}

#[test]
fn code_31_at_most_256_open_holds() {
    let mut world = World::new();
    let until = world.after(600_000);
    let many = |count: usize| (0..count).map(|_| hold(1, "EUR", 1, until)).collect::<Vec<_>>();
    let transaction = world.signed(0, many(256));
    let id = transaction.id();
    assert_eq!(world.run_transaction(transaction), success());
    assert_eq!(world.account(0).unwrap().holds, 256);
    assert_eq!(world.funds(1, "EUR"), (0, 0, 256));
    assert_eq!(world.run(0, many(1)), failed(31, 0));
    // Of a beneficiary they are no bound.
    assert_eq!(world.run(0, vec![transfer(2, "EUR", 5)]), success());
    assert_eq!(world.run(2, many(1)), success());
    let last = HoldRef {
        owner: address(0),
        transaction: id,
        operation: 255,
    };
    assert_eq!(world.run(1, vec![refund(&last)]), paid(&[1]));
    assert_eq!(world.run(0, many(1)), success());
}

#[test]
fn code_17_where_another_hold_has_the_key() {
    let mut world = World::new();
    let until = world.after(60_000);
    let transaction = world.signed(0, vec![hold(1, "EUR", 1, until)]);
    let key = StateKey::hold(&address(0), &transaction.id(), 0);
    let other = Hold::V1(HoldV1 {
        owner: address(0),
        transaction: Digest([1; 32]),
        operation: 3,
        beneficiary: address(1),
        asset: code("EUR"),
        amount: Amount(5),
        until,
        condition: any_of(vec![ConditionLeaf::Signs(address(1))]),
    });
    let mut world = World::with_leaves(|leaves| {
        leaves.insert(key, encode(&other));
    });
    let reference = HoldRef {
        owner: address(0),
        transaction: transaction.id(),
        operation: 0,
    };
    assert_eq!(world.run_transaction(transaction), failed(17, 0));
    // It is not what that reference means, either.
    assert_eq!(world.run(1, vec![release(&reference, None, &[])]), failed(22, 0));
}

#[test]
fn code_10_a_claim_too_many() {
    let full = |inline: bool| {
        move |leaves: &mut std::collections::BTreeMap<StateKey, Vec<u8>>| {
            let key = StateKey::account(&address(100));
            let Account::V1(account) = decode(&leaves[&key], 32_768).unwrap();
            let incoming = u32::MAX;
            let (free, held) = (Amount(0), Amount(0));
            let asset = code(if inline { "EUR" } else { "BOND" });
            let address = address(100);
            if inline {
                let balances = vec![Inline {
                    asset,
                    free,
                    held,
                    incoming,
                }];
                let account = AccountV1 { balances, ..account };
                leaves.insert(key, encode(&Account::V1(account)));
            } else {
                let account = AccountV1 { others: 1, ..account };
                leaves.insert(key, encode(&Account::V1(account)));
                let balance = BalanceV1 {
                    address,
                    asset,
                    free,
                    held,
                    incoming,
                };
                let key = StateKey::balance(&address, &asset);
                leaves.insert(key, encode(&Balance::V1(balance)));
            }
        }
    };
    for (inline, asset) in [(true, "EUR"), (false, "BOND")] {
        let mut world = World::with_leaves(full(inline));
        let until = world.after(60_000);
        assert_eq!(world.funds(100, asset), (0, 0, u32::MAX));
        assert_eq!(world.run(0, vec![hold(100, asset, 1, until)]), failed(10, 0));
        assert_eq!(world.run(0, vec![transfer(100, asset, 1)]), success());
    }
}

/// The beneficiary's place is kept from the hold's beginning to its end, however its other balances go.
#[test]
fn incoming_keeps_the_place() {
    let mut world = World::new();
    let until = world.after(3_600_000);
    let reference = world.make_hold(0, hold(7, "BOND", 9, until));
    // Account 7 fills all other places, of genesis's assets and its own.
    let names: Vec<String> = (0..251).map(|number| format!("A{number}")).collect();
    assert_eq!(
        world.run(0, names.iter().map(|name| create(name)).collect()),
        success()
    );
    let minted: Vec<_> = names.iter().map(|name| mint(7, name, 1)).collect();
    assert_eq!(world.run(0, minted), success());
    let rest = ["EUR", "OIL", "GOLD", "USD"].map(|asset| mint(7, asset, 1));
    assert_eq!(world.run(0, rest.to_vec()), success());
    let account = world.account(7).unwrap();
    assert_eq!((account.balances.len(), account.others), (4, 252));
    assert_eq!(world.run(0, vec![mint(7, "ALU", 1)]), failed(10, 0));
    // What it was promised comes in, in parts and at last, and nothing else can take the place between.
    assert_eq!(world.run(7, vec![release(&reference, Some(4), &[])]), paid(&[4]));
    assert_eq!(world.run(7, vec![burn("BOND", 4)]), success());
    assert_eq!(world.funds(7, "BOND"), (0, 0, 1));
    assert_eq!(world.run(0, vec![mint(7, "ALU", 1)]), failed(10, 0));
    assert_eq!(world.run(7, vec![release(&reference, None, &[])]), paid(&[5]));
    assert_eq!(world.funds(7, "BOND"), (5, 0, 0));
    // With the last unit the place is free.
    assert_eq!(world.run(7, vec![burn("BOND", 5)]), success());
    assert_eq!(world.run(0, vec![mint(7, "ALU", 1)]), success());
}

#[test]
fn a_refund_frees_the_place() {
    let mut world = World::new();
    let until = world.after(10_000);
    let reference = world.make_hold(0, hold(7, "BOND", 9, until));
    assert_eq!(world.account(7).unwrap().others, 1);
    world.wait_until(until);
    assert_eq!(world.run(3, vec![refund(&reference)]), paid(&[9]));
    let account = world.account(7).unwrap();
    assert_eq!((account.others, account.entries), (0, 2));
    assert!(!world.has(&StateKey::balance(&address(7), &code("BOND"))));
}

#[test]
fn a_hold_is_of_whoever_acts_in_the_place_that_it_has() {
    let mut world = World::new();
    assert_eq!(world.run(0, vec![transfer(1, "EUR", 50)]), success());
    let until = world.after(60_000);
    let operations = vec![
        (0, hold(1, "EUR", 1, until)),
        (1, hold(0, "EUR", 2, until)),
        (1, hold(2, "EUR", 3, until)),
    ];
    let transaction = world.joint(&[0, 1], operations);
    let id = transaction.id();
    assert_eq!(world.run_transaction(transaction), success());
    for (owner, operation, amount) in [(0, 0, 1), (1, 1, 2), (1, 2, 3)] {
        let reference = HoldRef {
            owner: address(owner),
            transaction: id,
            operation,
        };
        assert_eq!(world.hold_of(&reference).unwrap().amount.0, amount);
    }
    assert_eq!(world.funds(0, "EUR"), (MILLION - 51, 1, 1));
    assert_eq!(world.funds(1, "EUR"), (45, 5, 1));
}
