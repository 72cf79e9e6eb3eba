//! Histories: whose grow by a transaction and in which order, and what a step says.

use quorate_ledger::{
    BalanceChange, ConditionLeaf, Execution, HistoryEntry, HistoryOwner, HoldRef, Keep, Step,
};

use crate::world::{
    MILLION, World, address, any_of, burn, code, create, failed, hold, hold_if, mint, put_record, refund,
    release, set_signers, success, transfer,
};

/// Accounts by number, ascending by address.
fn by_address(numbers: &[u8]) -> Vec<HistoryOwner> {
    let mut addresses: Vec<_> = numbers.iter().map(|number| address(*number)).collect();
    addresses.sort_unstable();
    addresses.into_iter().map(HistoryOwner::Account).collect()
}

fn owners(execution: &Execution) -> Vec<HistoryOwner> {
    execution.histories.iter().map(|entry| entry.owner).collect()
}

/// Changes as (asset, free before, free after, held before, held after).
fn changes(step: &Step) -> Vec<(String, [u128; 4])> {
    let of = |change: &BalanceChange| {
        let amounts = [
            change.free_before.0,
            change.free_after.0,
            change.held_before.0,
            change.held_after.0,
        ];
        (change.asset.to_string(), amounts)
    };
    step.changes.iter().map(of).collect()
}

fn change(asset: &str, free: [u128; 2], held: [u128; 2]) -> (String, [u128; 4]) {
    (asset.to_owned(), [free[0], free[1], held[0], held[1]])
}

fn last_of(entries: &[HistoryEntry]) -> &Step {
    &entries.last().unwrap().step
}

#[test]
fn parties_in_their_order_then_the_others_by_address_then_assets_by_code() {
    let mut world = World::new();
    let operations = vec![
        (0, create("ZINC")),
        (0, mint(7, "ZINC", 5)),
        (0, mint(8, "ALU", 5)),
        (0, transfer(6, "EUR", 1)),
        (0, transfer(5, "EUR", 1)),
        (0, transfer(9, "EUR", 1)),
        (0, transfer(2, "EUR", 1)),
        (0, create("AGE")),
    ];
    let transaction = world.joint(&[3, 0, 2, 1], operations);
    let execution = world.commit(vec![transaction]);
    let mut expected = by_address(&[3]);
    expected.extend(by_address(&[0, 2, 1]));
    expected.extend(by_address(&[5, 6, 7, 8, 9]));
    expected.extend(["AGE", "ALU", "ZINC"].map(|text| HistoryOwner::Asset(code(text))));
    assert_eq!(owners(&execution), expected);
}

#[test]
fn a_failure_grows_the_parties_histories_alone_without_changes() {
    let mut world = World::new();
    let operations = vec![
        (0, transfer(2, "EUR", 1)),
        (0, mint(3, "EUR", 1)),
        (0, hold(4, "EUR", 1, world.after(60_000))),
        (0, create("NEW")),
        (1, transfer(0, "EUR", 100)),
    ];
    let before = world.values();
    let transaction = world.joint(&[0, 1], operations);
    let execution = world.commit(vec![transaction]);
    assert_eq!(execution.transactions[0].outcome, failed(3, 4));
    let expected = [0, 1].map(|number| HistoryOwner::Account(address(number)));
    assert_eq!(owners(&execution), expected);
    assert!(
        execution
            .histories
            .iter()
            .all(|entry| entry.step.changes.is_empty())
    );
    world.only_histories_grew(&before, &[0, 1]);
    assert_eq!(world.account(2), None, "a recipient appears by a success alone");
}

#[test]
fn a_step_has_balances_before_the_transaction_and_after_it() {
    let mut world = World::new();
    let operations = vec![
        transfer(1, "EUR", 10),
        transfer(1, "BOND", 5),
        transfer(1, "EUR", 20),
        hold(1, "GOLD", 7, world.after(60_000)),
        hold(2, "EUR", 3, world.after(60_000)),
        mint(0, "ALU", 4),
        burn("ALU", 1),
    ];
    assert_eq!(world.run(0, operations), success());
    let expected = [
        change("ALU", [0, 3], [0, 0]),
        change("BOND", [MILLION, MILLION - 5], [0, 0]),
        change("EUR", [MILLION, MILLION - 33], [0, 3]),
        change("GOLD", [MILLION, MILLION - 7], [0, 7]),
    ];
    assert_eq!(changes(last_of(world.steps(0))), expected);
    let received = [change("BOND", [0, 5], [0, 0]), change("EUR", [0, 30], [0, 0])];
    assert_eq!(changes(last_of(world.steps(1))), received);
    assert_eq!(changes(last_of(world.steps(2))), []);
    let supply = [change("ALU", [0, 3], [0, 0])];
    assert_eq!(changes(last_of(world.asset_steps("ALU"))), supply);
    assert!(world.asset_steps("EUR").is_empty(), "its supply did not change");
}

#[test]
fn what_moved_there_and_back_did_not_change() {
    let mut world = World::new();
    assert_eq!(
        world.run(0, vec![transfer(1, "EUR", 5), transfer(1, "BOND", 5)]),
        success()
    );
    // Through accounts that are not parties nothing can come back, so through those that are.
    let operations = vec![
        (1, transfer(0, "EUR", 5)),
        (0, transfer(1, "EUR", 5)),
        (1, transfer(0, "BOND", 5)),
        (0, transfer(1, "BOND", 5)),
        (0, mint(0, "OIL", 3)),
        (0, burn("OIL", 3)),
    ];
    let transaction = world.joint(&[0, 1], operations);
    let execution = world.commit(vec![transaction]);
    assert_eq!(owners(&execution).len(), 2, "the parties, and no asset");
    assert!(
        execution
            .histories
            .iter()
            .all(|entry| entry.step.changes.is_empty())
    );
    assert!(world.asset_steps("OIL").is_empty());
    assert!(execution.holders.is_empty());
}

#[test]
fn an_asset_that_is_made_has_a_first_step_with_or_without_a_change() {
    let mut world = World::new();
    assert_eq!(world.run(0, vec![create("BARE")]), success());
    assert_eq!(changes(last_of(world.asset_steps("BARE"))), []);
    assert_eq!(world.run(0, vec![create("RICH"), mint(1, "RICH", 9)]), success());
    let expected = [change("RICH", [0, 9], [0, 0])];
    assert_eq!(changes(last_of(world.asset_steps("RICH"))), expected);
    assert_eq!(
        world.run(0, vec![create("GONE"), mint(0, "GONE", 9), burn("GONE", 9)]),
        success()
    );
    assert_eq!(changes(last_of(world.asset_steps("GONE"))), []);
    assert_eq!(world.asset("GONE").unwrap().entries, 1);
    assert_eq!(world.run(0, vec![mint(1, "BARE", 2)]), success());
    assert_eq!(world.asset("BARE").unwrap().entries, 2);
    assert_eq!(
        world.asset("BARE").unwrap().last,
        world.asset_steps("BARE")[1].hash
    );
}

#[test]
fn holds_grow_their_owners_and_their_beneficiaries_histories() {
    let mut world = World::new();
    let until = world.after(60_000);
    let condition = any_of(vec![ConditionLeaf::Signs(address(3))]);
    let transaction = world.signed(0, vec![hold_if(1, "EUR", 100, until, condition)]);
    let reference = HoldRef {
        owner: address(0),
        transaction: transaction.id(),
        operation: 0,
    };
    let execution = world.commit(vec![transaction]);
    // The beneficiary's record of a balance is new; units did not move to it.
    let [owner, beneficiary] = [0, 1].map(|number| HistoryOwner::Account(address(number)));
    assert_eq!(owners(&execution), [owner, beneficiary]);
    assert_eq!(changes(&execution.histories[1].step), []);

    // Released by a third account, which is the party.
    let transaction = world.signed(3, vec![release(&reference, None, &[])]);
    let execution = world.commit(vec![transaction]);
    let mut expected = by_address(&[3]);
    expected.extend(by_address(&[0, 1]));
    assert_eq!(owners(&execution), expected);
    let expected = [change("EUR", [MILLION - 100, MILLION - 100], [100, 0])];
    assert_eq!(changes(last_of(world.steps(0))), expected);
    assert_eq!(
        changes(last_of(world.steps(1))),
        [change("EUR", [0, 100], [0, 0])]
    );
    assert_eq!(changes(last_of(world.steps(3))), []);
}

#[test]
fn a_refund_by_a_stranger_grows_both_ends() {
    let mut world = World::new();
    let until = world.after(10_000);
    let reference = world.make_hold(0, hold(1, "BOND", 100, until));
    world.wait_until(until);
    let transaction = world.signed(3, vec![refund(&reference)]);
    let execution = world.commit(vec![transaction]);
    let mut expected = by_address(&[3]);
    expected.extend(by_address(&[0, 1]));
    assert_eq!(owners(&execution), expected);
    let expected = [change("BOND", [MILLION - 100, MILLION], [100, 0])];
    assert_eq!(changes(last_of(world.steps(0))), expected);
    // Its record of the balance, which was there for the claim alone, is gone.
    assert_eq!(changes(last_of(world.steps(1))), []);
    assert_eq!(world.account(1).unwrap().others, 0);
}

#[test]
fn a_beneficiary_grows_though_its_leaf_ends_as_it_was() {
    let mut world = World::new();
    let ended = world.after(10_000);
    let old = world.make_hold(0, hold(1, "EUR", 100, ended));
    world.wait_until(ended);
    // One claim goes, another comes: the count is as before.
    let operations = vec![refund(&old), hold(1, "EUR", 50, world.after(60_000))];
    let transaction = world.signed(0, operations);
    let execution = world.commit(vec![transaction]);
    assert_eq!(owners(&execution).len(), 2);
    assert_eq!(world.funds(1, "EUR"), (0, 0, 1));
    assert_eq!(world.steps(1).len(), 2);
}

#[test]
fn records_and_signers_are_their_accounts_alone() {
    let mut world = World::new();
    let operations = vec![
        put_record(1, Keep::Log),
        put_record(1, Keep::Own),
        put_record(1, Keep::Unique),
        set_signers(&[(1, 1)], 1),
    ];
    let transaction = world.signed(0, operations);
    let execution = world.commit(vec![transaction]);
    assert_eq!(owners(&execution), by_address(&[0]));
    assert_eq!(changes(&execution.histories[0].step), []);
}

#[test]
fn steps_are_numbered_and_name_their_transactions() {
    let mut world = World::new();
    for _ in 0..3 {
        let first = world.signed(0, vec![transfer(1, "EUR", 1)]);
        let second = world.signed(2, vec![transfer(1, "EUR", 1)]);
        let third = world.signed(1, vec![transfer(0, "EUR", 1)]);
        world.commit(vec![first, second, third]);
    }
    let numbers = |world: &World, who: u8| -> Vec<(u64, u64)> {
        let steps = world.steps(who).iter();
        steps
            .map(|entry| (entry.step.number, entry.step.ordinal))
            .collect()
    };
    let both = [(1, 0), (2, 2), (3, 3), (4, 5), (5, 6), (6, 8)];
    assert_eq!(numbers(&world, 0), both);
    assert_eq!(numbers(&world, 1), both);
    assert_eq!(numbers(&world, 2), [(1, 1), (2, 4), (3, 7)]);
    let account = world.account(1).unwrap();
    assert_eq!((account.entries, account.last), (6, world.steps(1)[5].hash));
}
