//! Lists, a page at a time: histories, blocks, records, assets, holders.

use std::collections::BTreeSet;

use quorate_ledger::{
    Address, Amount, Condition, ConditionLeaf, Digest, Execution, Height, HistoryOwner, HoldRef, Keep,
    Operation, Timestamp,
};
use quorate_storage::{Location, MAX_PAGE, RecordItem, Snapshot};

use crate::chain::Fixture;
use crate::network::{burn, code, create, mint};

/// Reads pages of two until the list ends.
fn pages<T>(mut next: impl FnMut(Option<&T>) -> Vec<T>) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let page = next(all.last());
        assert!(page.len() <= 2);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn numbers(snapshot: &Snapshot, address: &Address) -> Vec<u64> {
    pages(|last: Option<&u64>| {
        let page = snapshot.history(address, last.copied(), 2).unwrap();
        page.into_iter().map(|item| item.number).collect()
    })
}

#[test]
fn histories_page_from_the_newest_and_from_the_oldest() {
    let mut fixture = Fixture::new(3);
    let executions: Vec<Execution> = (0..5).map(|_| fixture.pay(0, 1)).collect();
    fixture.pay(2, 2);
    let address = fixture.network.address(1);
    let snapshot = fixture.snapshot();
    assert_eq!(numbers(&snapshot, &address), [5, 4, 3, 2, 1]);
    assert_eq!(numbers(&snapshot, &Address([9; 20])), [0_u64; 0]);
    let items = snapshot.history_from(&address, 3, 1).unwrap();
    let [item] = items.as_slice() else {
        panic!("{items:?}");
    };
    assert_eq!((item.number, item.ordinal), (3, 2));
    assert_eq!(item.id, executions[2].transactions[0].id);
    let (height, index) = (Height(3), 0);
    assert_eq!(item.location, Location { height, index });
    let [change] = item.changes.as_slice() else {
        panic!("{item:?}");
    };
    assert_eq!(change.asset, code("QRT"));
    assert_eq!(
        (change.free_before.0, change.free_after.0),
        (1_000_002, 1_000_003)
    );
    let rest = snapshot.history_from(&address, 3, 100).unwrap();
    assert_eq!(rest.iter().map(|item| item.number).collect::<Vec<_>>(), [3, 4, 5]);
}

#[test]
fn a_long_history_is_read_from_anywhere() {
    let mut fixture = Fixture::new(3);
    for height in 0..70 {
        // Every fourth block leaves the account alone, every third has three of its payments.
        match height % 4 {
            3 => fixture.pay(0, 2),
            _ if height % 3 == 0 => fixture.pay_all(&[(0, 1), (1, 0), (2, 0), (1, 2)]),
            _ => fixture.pay(0, 1),
        };
    }
    let address = fixture.network.address(1);
    let fixture = fixture.reopen();
    let snapshot = fixture.snapshot();
    let all = snapshot.history(&address, None, 1_000).unwrap();
    let count = all.len() as u64;
    assert!(count > 64, "{count} steps are none too many");
    assert!(all.iter().map(|item| item.number).eq((1..=count).rev()));
    for item in &all {
        let executed = snapshot.transaction_at(item.location).unwrap().unwrap();
        assert_eq!(executed.transaction.id(), item.id);
        assert_eq!(executed.ordinal, item.ordinal);
        let below = snapshot.history(&address, Some(item.number), 3).unwrap();
        let rest = &all[usize::try_from(count - item.number).unwrap() + 1..];
        assert_eq!(below, rest[..rest.len().min(3)]);
        let from = snapshot.history_from(&address, item.number, 2).unwrap();
        let numbers: Vec<_> = from.iter().map(|item| item.number).collect();
        let expected: Vec<_> = (item.number..=count).take(2).collect();
        assert_eq!(numbers, expected);
    }
    assert_eq!(snapshot.history_from(&address, count + 1, 5).unwrap(), []);
    // Each step begins where the one before ended.
    let balances: Vec<(u128, u128)> = all
        .iter()
        .rev()
        .flat_map(|item| &item.changes)
        .map(|change| (change.free_before.0, change.free_after.0))
        .collect();
    assert!(balances.windows(2).all(|pair| pair[0].1 == pair[1].0));
}

#[test]
fn an_assets_history_is_of_its_supply() {
    let mut fixture = Fixture::new(2);
    let to = fixture.network.address(1);
    let created = fixture
        .network
        .transaction(0, vec![create("EUR"), mint(to, "EUR", 5)]);
    fixture.commit(vec![created]);
    let burnt = fixture.network.transaction(1, vec![burn("EUR", 2)]);
    let paid = fixture.network.payment(0, 1);
    fixture.commit(vec![paid, burnt.clone()]);
    let snapshot = fixture.snapshot();
    let owner = HistoryOwner::Asset(code("EUR"));
    let items = snapshot.history_of_from(&owner, 1, 10).unwrap();
    let steps: Vec<_> = items
        .iter()
        .map(|item| {
            let change = &item.changes[0];
            (item.number, change.free_before.0, change.free_after.0)
        })
        .collect();
    assert_eq!(steps, [(1, 0, 5), (2, 5, 3)]);
    assert_eq!(items[1].id, burnt.id());
    assert_eq!(items[1].location.index, 1);
}

#[test]
fn blocks_page_from_the_tip_down() {
    let mut fixture = Fixture::new(2);
    for _ in 0..5 {
        fixture.pay(0, 1);
    }
    let snapshot = fixture.snapshot();
    let heights = pages(|last: Option<&Height>| {
        let page = snapshot.blocks(last.copied(), 2).unwrap();
        page.iter().map(|block| block.header().height).collect()
    });
    assert_eq!(heights, [5, 4, 3, 2, 1].map(Height));
}

#[test]
fn records_page_in_the_chains_order() {
    let mut fixture = Fixture::new(2);
    let document = Digest([5; 32]);
    let put = |keep, sha256| Operation::PutRecord { sha256, keep };
    let other = put(Keep::Own, Digest([6; 32]));
    let mut expected = Vec::new();
    for (sender, keeps) in [
        (0, [Keep::Log, Keep::Own]),
        (1, [Keep::Unique, Keep::Log]),
        (0, [Keep::Log, Keep::Log]),
    ] {
        let mut operations: Vec<_> = keeps.iter().map(|keep| put(*keep, document)).collect();
        if sender == 1 {
            operations.push(other.clone());
        }
        let paid = fixture.network.payment(1, 0);
        let transaction = fixture.network.transaction(sender, operations);
        let execution = fixture.commit(vec![paid, transaction.clone()]);
        let address = fixture.network.address(sender);
        expected.extend((0_u8..).zip(keeps).map(|(operation, keep)| {
            let ordinal = execution.transactions[1].ordinal;
            (
                ordinal,
                operation,
                address,
                keep,
                transaction.id(),
                execution.tip.height,
            )
        }));
    }
    let snapshot = fixture.snapshot();
    let items = pages(|last: Option<&RecordItem>| {
        snapshot
            .records(&document, last.map(|item| item.place), 2)
            .unwrap()
    });
    let found: Vec<_> = items
        .iter()
        .map(|item| {
            let (ordinal, operation) = (item.place.ordinal, item.place.operation);
            (
                ordinal,
                operation,
                item.address,
                item.keep,
                item.transaction,
                item.height,
            )
        })
        .collect();
    assert_eq!(found, expected);
    for item in &items {
        let block = snapshot.block(item.height).unwrap().unwrap();
        assert_eq!(item.timestamp, block.header().timestamp);
    }
    assert_eq!(snapshot.records(&Digest([6; 32]), None, 10).unwrap().len(), 1);
    assert_eq!(snapshot.records(&Digest([4; 32]), None, 10).unwrap(), []);
}

#[test]
fn hashes_are_found_between_two_and_each_document_once() {
    let mut fixture = Fixture::new(2);
    let put = |byte| Operation::PutRecord {
        sha256: Digest([byte; 32]),
        keep: Keep::Log,
    };
    for _ in 0..3 {
        let operations = vec![put(5), put(6), put(5), put(0xff)];
        let transaction = fixture.network.transaction(0, operations);
        fixture.commit(vec![transaction]);
    }
    let snapshot = fixture.snapshot();
    let (lowest, highest) = (Digest::ZERO, Digest([0xff; 32]));
    let documents =
        |low: Digest, high: Digest, limit| snapshot.documents_between(&low, &high, limit).unwrap();
    assert_eq!(
        documents(lowest, highest, 10),
        [5, 6, 0xff].map(|byte| Digest([byte; 32]))
    );
    assert_eq!(documents(lowest, highest, 1), [Digest([5; 32])]);
    assert_eq!(documents(Digest([5; 32]), Digest([5; 32]), 10), [Digest([5; 32])]);
    assert_eq!(documents(Digest([7; 32]), Digest([8; 32]), 10), []);
    let mut blocks: Vec<(Digest, Height)> = (1..=3)
        .map(Height)
        .map(|height| (snapshot.block(height).unwrap().unwrap().hash(), height))
        .collect();
    blocks.sort_unstable();
    assert_eq!(snapshot.blocks_between(&lowest, &highest, 10).unwrap(), blocks);
    let (first, _) = blocks[0];
    assert_eq!(snapshot.blocks_between(&first, &first, 10).unwrap(), blocks[..1]);
    let ids = snapshot.transactions_between(&lowest, &highest, 10).unwrap();
    assert_eq!(ids.len(), 3);
    assert!(ids.is_sorted());
    assert_eq!(
        snapshot.transactions_between(&ids[1], &ids[1], 10).unwrap(),
        ids[1..2]
    );
}

#[test]
fn a_record_that_fails_is_in_no_list() {
    let mut fixture = Fixture::new(2);
    let put = || Operation::PutRecord {
        sha256: Digest([5; 32]),
        keep: Keep::Unique,
    };
    for sender in [0, 1] {
        let transaction = fixture.network.transaction(sender, vec![put()]);
        fixture.commit(vec![transaction]);
    }
    let items = fixture.snapshot().records(&Digest([5; 32]), None, 10).unwrap();
    let addresses: Vec<Address> = items.iter().map(|item| item.address).collect();
    assert_eq!(addresses, [fixture.network.address(0)]);
}

#[test]
fn assets_page_by_code_and_are_found_by_number() {
    let mut fixture = Fixture::new(2);
    let created = fixture
        .network
        .transaction(0, vec![create("EUR"), create("EURO"), create("A")]);
    fixture.commit(vec![created]);
    let snapshot = fixture.snapshot();
    let assets = pages(|last| snapshot.assets(last, 2).unwrap());
    assert_eq!(assets, ["A", "EUR", "EURO", "QRT"].map(code));
    for (number, text) in (0..).zip(["QRT", "EUR", "EURO", "A"]) {
        assert_eq!(snapshot.asset(number).unwrap(), Some(code(text)));
    }
    assert_eq!(snapshot.asset(4).unwrap(), None);
}

#[test]
fn holders_page_and_leave_with_their_last_unit() {
    let mut fixture = Fixture::new(5);
    let to = fixture.network.address(1);
    let minted = fixture
        .network
        .transaction(0, vec![create("EUR"), create("EURO"), mint(to, "EUR", 5)]);
    let burnt = fixture.network.transaction(1, vec![burn("EUR", 5)]);
    let held = |fixture: &Fixture| fixture.snapshot().holders(&code("EUR"), None, 10).unwrap();
    fixture.commit(vec![minted]);
    assert_eq!(held(&fixture), [to]);
    fixture.commit(vec![burnt]);
    assert_eq!(held(&fixture), []);
    let snapshot = fixture.snapshot();
    let holders = pages(|last| snapshot.holders(&code("QRT"), last, 2).unwrap());
    let mut addresses: Vec<Address> = (0..5).map(|account| fixture.network.address(account)).collect();
    addresses.sort();
    assert_eq!(holders, addresses);
}

#[test]
fn who_has_all_units_in_holds_is_a_holder_and_who_is_only_promised_some_is_none() {
    let mut fixture = Fixture::new(3);
    let [owner, beneficiary] = [1, 2].map(|account| fixture.network.address(account));
    let until = Timestamp(fixture.network.tip.timestamp.0 + 1_000_000);
    let hold = Operation::Hold {
        beneficiary,
        asset: code("EUR"),
        amount: Amount(5),
        until,
        condition: Condition {
            need: 1,
            leaves: vec![ConditionLeaf::Signs(beneficiary)],
        },
    };
    let minted = fixture
        .network
        .transaction(0, vec![create("EUR"), mint(owner, "EUR", 5)]);
    fixture.commit(vec![minted]);
    let held = fixture.network.transaction(1, vec![hold]);
    fixture.commit(vec![held.clone()]);
    let holders = |fixture: &Fixture| fixture.snapshot().holders(&code("EUR"), None, 10).unwrap();
    assert_eq!(holders(&fixture), [owner]);
    // Its history has grown all the same.
    let history = fixture.snapshot().history(&beneficiary, None, 10).unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].changes, []);
    let release = Operation::Release {
        hold: HoldRef {
            owner,
            transaction: held.id(),
            operation: 0,
        },
        amount: None,
        preimages: Vec::new(),
    };
    let released = fixture.network.transaction(2, vec![release]);
    fixture.commit(vec![released]);
    assert_eq!(holders(&fixture), [beneficiary]);
}

#[test]
fn a_page_is_bounded_whatever_is_asked_for() {
    let mut fixture = Fixture::new(2);
    let payments = (0..1_100).map(|_| fixture.network.payment(0, 1)).collect();
    fixture.commit(payments);
    let snapshot = fixture.snapshot();
    let page = snapshot
        .history(&fixture.network.address(0), None, usize::MAX)
        .unwrap();
    assert_eq!(page.len(), MAX_PAGE);
    assert_eq!(page[0].number, 1_100);
    let page = snapshot.transactions_at(Height(1), 50, usize::MAX).unwrap();
    assert_eq!(page.len(), MAX_PAGE);
    let ordinals: BTreeSet<u64> = page.iter().map(|found| found.ordinal).collect();
    assert!(ordinals.into_iter().eq(50_u64..1_050));
    assert_eq!(
        snapshot.history(&fixture.network.address(0), None, 0).unwrap(),
        []
    );
}
