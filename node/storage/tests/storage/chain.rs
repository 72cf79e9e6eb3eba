//! The chain database: what goes in together, what is refused, and what is read back.

use std::path::Path;

use quorate_crypto::Certificate;
use quorate_ledger::{
    Address, CheckedBatch, Digest, Execution, Height, Operation, Outcome, StateKey, StateReader, encode,
};
use quorate_storage::{Chain, Location, Snapshot, StorageError, StorageOptions};
use tempfile::TempDir;

use crate::network::{NETWORK, Network, code};

/// Small bounds, so that tests open many databases.
pub(crate) fn options() -> StorageOptions {
    StorageOptions {
        cache_bytes: 1 << 20,
        write_buffer_bytes: 4 << 20,
        ..StorageOptions::default()
    }
}

pub(crate) fn open(path: &Path) -> Result<Chain, StorageError> {
    Chain::open(path, NETWORK, &options())
}

/// A chain on disk and the network that feeds it.
pub(crate) struct Fixture {
    pub(crate) network: Network,
    pub(crate) chain: Chain,
    pub(crate) folder: TempDir,
}

impl Fixture {
    pub(crate) fn new(accounts: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = Network::new(accounts);
        let chain = Chain::create(folder.path(), &network.genesis, &network.tip, &options()).unwrap();
        Self {
            network,
            chain,
            folder,
        }
    }

    /// Makes the next block of these batches, stored beforehand, and does not write it.
    pub(crate) fn execute(&mut self, batches: &[CheckedBatch]) -> (Execution, Certificate) {
        self.chain.write_batches(batches).unwrap();
        self.network.execute(&self.chain.reader(), batches)
    }

    /// Makes and writes a block with one payment.
    pub(crate) fn pay(&mut self, from: usize, to: usize) -> Execution {
        self.pay_all(&[(from, to)])
    }

    /// Makes and writes a block with payments from and to these accounts.
    fn pay_all(&mut self, payments: &[(usize, usize)]) -> Execution {
        let payments = payments.iter().map(|(from, to)| self.network.payment(*from, *to));
        let payments = payments.collect();
        let batch = self.network.batch(payments);
        let (execution, certificate) = self.execute(&[batch]);
        self.chain.write_block(&execution, &certificate).unwrap();
        execution
    }
}

#[test]
fn a_new_chain_has_the_genesis_state_and_no_block() {
    let fixture = Fixture::new(3);
    let snapshot = fixture.chain.snapshot().unwrap();
    assert_eq!(snapshot.tip(), &fixture.network.tip);
    assert_eq!(snapshot.height(), Height::GENESIS);
    assert_eq!(snapshot.block(Height(1)).unwrap(), None);
    assert_eq!(
        fixture.chain.load_state_tree().unwrap().root(),
        fixture.network.genesis.root
    );
    assert_eq!(snapshot.assets(None, 10).unwrap(), [code("QRT")]);
    assert_eq!(snapshot.holders(&code("QRT"), None, 10).unwrap().len(), 3);
}

#[test]
fn a_block_is_read_back_whole_after_a_restart() {
    let mut fixture = Fixture::new(3);
    let payments = [fixture.network.payment(0, 1), fixture.network.payment(1, 2)];
    let overdraft = Operation::Transfer {
        to: fixture.network.address(0),
        asset: code("NONE"),
        amount: quorate_ledger::Amount(1),
        memo: String::new(),
    };
    let failing = fixture.network.transaction(2, vec![overdraft]);
    let copy = payments[0].clone();
    let batches = [
        fixture.network.batch(payments.to_vec()),
        fixture.network.batch(vec![copy, failing.clone()]),
    ];
    let (execution, certificate) = fixture.execute(&batches);
    fixture.chain.write_block(&execution, &certificate).unwrap();
    assert_eq!(fixture.chain.flushed_height(), Height(0));
    assert_eq!(fixture.chain.sync().unwrap(), Height(1));
    assert_eq!(fixture.chain.flushed_height(), Height(1));

    let Fixture {
        network,
        chain,
        folder,
    } = fixture;
    drop(chain);
    let chain = open(folder.path()).unwrap();
    assert_eq!(chain.tip(), network.tip);
    assert_eq!(chain.flushed_height(), Height(1));
    assert_eq!(chain.load_state_tree().unwrap().root(), network.tree.root());
    let snapshot = chain.snapshot().unwrap();
    assert_eq!(snapshot.transaction_count(), 3);
    assert_eq!(
        snapshot.block(Height(1)).unwrap().as_ref(),
        Some(&execution.block)
    );
    assert_eq!(
        snapshot.certificate(Height(1)).unwrap(),
        Some(certificate.clone())
    );
    assert_eq!(
        snapshot.height_of(&execution.block_hash).unwrap(),
        Some(Height(1))
    );

    let certified = snapshot.certified_block(Height(1)).unwrap().unwrap();
    let signed: Vec<_> = batches.iter().map(|batch| batch.signed().clone()).collect();
    assert_eq!(certified.v1().batches, signed);
    let bytes = snapshot.certified_block_bytes(Height(1)).unwrap().unwrap();
    assert_eq!(bytes, encode(&certified), "put together without decoding");

    // The copy at position 2 was skipped, so the failing one at position 3 has index 2.
    let location = snapshot.transaction(&failing.id()).unwrap().unwrap();
    assert_eq!(
        location,
        Location {
            height: Height(1),
            index: 2
        }
    );
    let found = snapshot.transaction_at(location).unwrap().unwrap();
    assert_eq!(found.transaction, failing);
    assert_eq!(found.timestamp, network.tip.timestamp);
    assert!(matches!(found.outcome, Outcome::Failed { operation: 0, .. }));
    let all = snapshot.transactions_at(Height(1), 0, 10).unwrap();
    let transactions: Vec<_> = all.into_iter().map(|found| found.transaction).collect();
    assert_eq!(
        transactions,
        [payments[0].clone(), payments[1].clone(), failing.clone()]
    );
    assert_eq!(
        snapshot.transactions_at(Height(1), 1, 1).unwrap()[0].transaction,
        payments[1]
    );
    assert_eq!(
        snapshot
            .transaction_at(Location {
                height: Height(1),
                index: 3
            })
            .unwrap(),
        None
    );
    assert_eq!(
        snapshot
            .transaction_at(Location {
                height: Height(2),
                index: 0
            })
            .unwrap(),
        None
    );

    assert!(snapshot.is_spent(&failing.id()).unwrap());
    assert!(!snapshot.is_spent(&Digest([9; 32])).unwrap());
    for (key, value) in &execution.changes {
        assert_eq!(&snapshot.value(key).unwrap(), value);
    }
}

#[test]
fn a_stored_block_is_written_again_without_effect() {
    let mut fixture = Fixture::new(2);
    let first = fixture.pay(0, 1);
    fixture.pay(0, 1);
    let certificate = fixture.network.certify(&first.tip);
    fixture.chain.write_block(&first, &certificate).unwrap();
    assert_eq!(fixture.chain.tip(), fixture.network.tip);
    assert_eq!(fixture.chain.snapshot().unwrap().transaction_count(), 2);
    assert_eq!(
        fixture.chain.load_state_tree().unwrap().root(),
        fixture.network.tree.root()
    );
}

#[test]
fn a_gap_is_refused_and_changes_nothing() {
    let mut fixture = Fixture::new(2);
    let genesis = fixture.network.tip.clone();
    fixture.execute(&[]);
    let (second, certificate) = fixture.execute(&[]);
    let error = fixture.chain.write_block(&second, &certificate).unwrap_err();
    assert!(
        matches!(
            error,
            StorageError::Gap {
                tip: Height(0),
                got: Height(2)
            }
        ),
        "{error}"
    );
    assert_eq!(fixture.chain.tip(), genesis);
    assert_eq!(fixture.chain.snapshot().unwrap().block(Height(2)).unwrap(), None);
}

#[test]
fn a_block_that_contradicts_the_chain_is_refused() {
    let mut fixture = Fixture::new(2);
    let mut other = Network::new(2);
    let (fork, fork_certificate) = {
        let payment = other.payment(1, 0);
        let batch = other.batch(vec![payment]);
        fixture.chain.write_batches(std::slice::from_ref(&batch)).unwrap();
        other.execute(&fixture.chain.reader(), &[batch])
    };
    let (child, child_certificate) = other.execute(&fixture.chain.reader(), &[]);
    fixture.pay(0, 1);
    let tip = fixture.chain.tip();
    for (block, certificate) in [(&fork, &fork_certificate), (&child, &child_certificate)] {
        let error = fixture.chain.write_block(block, certificate).unwrap_err();
        assert!(matches!(error, StorageError::Conflict { .. }), "{error}");
    }
    let error = fixture.chain.write_block(&child, &fork_certificate).unwrap_err();
    assert!(matches!(error, StorageError::WrongCertificate { .. }), "{error}");
    assert_eq!(fixture.chain.tip(), tip);
}

#[test]
fn a_block_without_its_batches_is_refused() {
    let mut fixture = Fixture::new(2);
    let payment = fixture.network.payment(0, 1);
    let batch = fixture.network.batch(vec![payment]);
    let batches = [batch.clone()];
    let (execution, certificate) = fixture.network.execute(&fixture.chain.reader(), &batches);
    let error = fixture.chain.write_block(&execution, &certificate).unwrap_err();
    assert!(matches!(error, StorageError::MissingBatch { batch: missing, .. } if missing == batch.digest()));
    fixture.chain.write_batches(&batches).unwrap();
    fixture.chain.write_block(&execution, &certificate).unwrap();
}

#[test]
fn batches_are_unordered_until_a_block_names_them() {
    let mut fixture = Fixture::new(2);
    let payments = [fixture.network.payment(0, 1), fixture.network.payment(1, 0)];
    let [ordered, left] = payments.map(|payment| fixture.network.batch(vec![payment]));
    let both = [ordered.clone(), left.clone()];
    fixture.chain.write_batches(&both).unwrap();
    fixture.chain.write_batches(&both).unwrap();
    assert_eq!(fixture.chain.unordered_batches().unwrap().len(), 2);
    assert_eq!(
        fixture.chain.batch(&left.digest()).unwrap().as_ref(),
        Some(left.bytes())
    );

    let (execution, certificate) = fixture.execute(std::slice::from_ref(&ordered));
    fixture.chain.write_block(&execution, &certificate).unwrap();
    fixture.chain.write_batches(&both).unwrap();
    let unordered = fixture.chain.unordered_batches().unwrap();
    assert_eq!(unordered.len(), 1);
    assert_eq!(unordered[0].digest, left.digest());
    assert_eq!(unordered[0].length as usize, left.bytes().len());
    assert_eq!(
        fixture.chain.ordered_at(&ordered.digest()).unwrap(),
        Some(Height(1))
    );
    assert_eq!(fixture.chain.ordered_at(&left.digest()).unwrap(), None);

    fixture
        .chain
        .remove_unordered(&[ordered.digest(), left.digest()])
        .unwrap();
    assert!(
        fixture.chain.has_batch(&ordered.digest()).unwrap(),
        "a block names it"
    );
    assert!(!fixture.chain.has_batch(&left.digest()).unwrap());
    assert_eq!(fixture.chain.batch(&left.digest()).unwrap(), None);
    assert!(
        fixture
            .chain
            .snapshot()
            .unwrap()
            .certified_block(Height(1))
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_batch_ordered_twice_keeps_its_first_height() {
    let mut fixture = Fixture::new(2);
    let payment = fixture.network.payment(0, 1);
    let batch = [fixture.network.batch(vec![payment])];
    for _ in 0..2 {
        let (execution, certificate) = fixture.execute(&batch);
        fixture.chain.write_block(&execution, &certificate).unwrap();
    }
    assert_eq!(
        fixture.chain.ordered_at(&batch[0].digest()).unwrap(),
        Some(Height(1))
    );
    assert_eq!(fixture.chain.snapshot().unwrap().transaction_count(), 1);
}

#[test]
fn a_snapshot_does_not_see_later_blocks() {
    let mut fixture = Fixture::new(2);
    fixture.pay(0, 1);
    let sender = StateKey::account(&fixture.network.address(0));
    let before = fixture.chain.snapshot().unwrap();
    let value = before.value(&sender).unwrap();
    let second = fixture.pay(0, 1);
    assert_eq!(before.height(), Height(1));
    assert_eq!(before.value(&sender).unwrap(), value);
    assert_eq!(before.block(Height(2)).unwrap(), None);
    assert_eq!(before.blocks(None, 10).unwrap().len(), 1);
    assert!(!before.is_spent(&second.transactions[0].id).unwrap());
    assert_eq!(
        before
            .history(&fixture.network.address(0), None, 10)
            .unwrap()
            .len(),
        1
    );
    let after = fixture.chain.snapshot().unwrap();
    assert_eq!(after.height(), Height(2));
    assert_ne!(after.value(&sender).unwrap(), value);
    // A snapshot keeps the database open for as long as somebody reads it.
    let Fixture { chain, .. } = fixture;
    drop(chain);
    assert_eq!(before.value(&sender).unwrap(), value);
}

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
    let snapshot = fixture.chain.snapshot().unwrap();
    assert_eq!(numbers(&snapshot, &address), [5, 4, 3, 2, 1]);
    assert_eq!(numbers(&snapshot, &Address([9; 20])), []);
    let item = snapshot.history_from(&address, 3, 1).unwrap()[0];
    assert_eq!(item.number, 3);
    assert_eq!(item.id, executions[2].transactions[0].id);
    assert_eq!(
        item.location,
        Location {
            height: Height(3),
            index: 0
        }
    );
    let rest = snapshot.history_from(&address, 3, 100).unwrap();
    assert_eq!(rest.iter().map(|item| item.number).collect::<Vec<_>>(), [3, 4, 5]);
}

#[test]
fn a_long_history_is_read_from_anywhere() {
    let mut fixture = Fixture::new(3);
    for height in 0..70 {
        // Every fourth block leaves the account alone, every third has two of its payments.
        match height % 4 {
            3 => fixture.pay(0, 2),
            _ if height % 3 == 0 => fixture.pay_all(&[(0, 1), (1, 0), (2, 0)]),
            _ => fixture.pay(0, 1),
        };
    }
    let address = fixture.network.address(1);
    let snapshot = fixture.chain.snapshot().unwrap();
    let all = snapshot.history(&address, None, 1_000).unwrap();
    let count = all.len() as u64;
    assert!(count > 64, "{count} entries are none too many");
    assert!(all.iter().map(|item| item.number).eq((1..=count).rev()));
    for item in &all {
        let executed = snapshot.transaction_at(item.location).unwrap().unwrap();
        assert_eq!(executed.transaction.id(), item.id);
        let below = snapshot.history(&address, Some(item.number), 3).unwrap();
        let rest = &all[usize::try_from(count - item.number).unwrap() + 1..];
        assert_eq!(below, rest[..rest.len().min(3)]);
        let from = snapshot.history_from(&address, item.number, 2).unwrap();
        let numbers: Vec<_> = from.iter().map(|item| item.number).collect();
        let expected: Vec<_> = (item.number..=count).take(2).collect();
        assert_eq!(numbers, expected);
    }
    assert_eq!(snapshot.history_from(&address, count + 1, 5).unwrap(), []);
}

#[test]
fn blocks_page_from_the_tip_down() {
    let mut fixture = Fixture::new(2);
    for _ in 0..5 {
        fixture.pay(0, 1);
    }
    let snapshot = fixture.chain.snapshot().unwrap();
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
    let put = |label: &str, sha256| Operation::PutRecord {
        sha256,
        label: label.to_owned(),
        metadata: vec![1, 2],
    };
    for (sender, labels) in [(0, ["a", "b"]), (1, ["c", "d"]), (0, ["e", "f"])] {
        let mut operations: Vec<_> = labels.iter().map(|label| put(label, document)).collect();
        operations.push(put("other", Digest([6; 32])));
        let transaction = fixture.network.transaction(sender, operations);
        let batch = fixture.network.batch(vec![transaction]);
        let (execution, certificate) = fixture.execute(&[batch]);
        fixture.chain.write_block(&execution, &certificate).unwrap();
    }
    let snapshot = fixture.chain.snapshot().unwrap();
    let items = pages(|last: Option<&quorate_storage::RecordItem>| {
        snapshot
            .records(&document, last.map(|item| item.place), 2)
            .unwrap()
    });
    let labels: Vec<&str> = items.iter().map(|item| item.label.as_str()).collect();
    assert_eq!(labels, ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(items[2].sender, fixture.network.address(1));
    let location = snapshot.transaction(&items[3].transaction).unwrap().unwrap();
    assert_eq!(
        (location.height, location.index),
        (items[3].place.height, items[3].place.index)
    );
    assert_eq!(items[3].place.operation, 1);
    assert_eq!(snapshot.records(&Digest([4; 32]), None, 10).unwrap(), []);
}

#[test]
fn assets_and_holders_page_and_holders_leave() {
    let mut fixture = Fixture::new(5);
    let create = |text: &str| Operation::CreateAsset {
        code: code(text),
        decimals: 0,
        description: String::new(),
    };
    let to = fixture.network.address(1);
    let mint = Operation::Mint {
        asset: code("EUR"),
        to,
        amount: quorate_ledger::Amount(5),
    };
    let transaction = fixture
        .network
        .transaction(0, vec![create("EUR"), create("EURO"), create("A"), mint]);
    let burn = Operation::Burn {
        asset: code("EUR"),
        amount: quorate_ledger::Amount(5),
    };
    let burnt = fixture.network.transaction(1, vec![burn]);
    for transaction in [transaction, burnt] {
        let batch = fixture.network.batch(vec![transaction]);
        let (execution, certificate) = fixture.execute(&[batch]);
        fixture.chain.write_block(&execution, &certificate).unwrap();
        let holders = fixture
            .chain
            .snapshot()
            .unwrap()
            .holders(&code("EUR"), None, 10)
            .unwrap();
        let expected: &[Address] = if execution.tip.height == Height(1) {
            &[to]
        } else {
            &[]
        };
        assert_eq!(holders, expected);
    }
    let snapshot = fixture.chain.snapshot().unwrap();
    let assets = pages(|last| snapshot.assets(last, 2).unwrap());
    assert_eq!(assets, ["A", "EUR", "EURO", "QRT"].map(code));
    let holders = pages(|last| snapshot.holders(&code("QRT"), last, 2).unwrap());
    let mut addresses: Vec<Address> = (0..5).map(|account| fixture.network.address(account)).collect();
    addresses.sort();
    assert_eq!(holders, addresses);
}

#[test]
fn a_page_is_bounded_whatever_is_asked_for() {
    let mut fixture = Fixture::new(2);
    let payments = (0..1_100).map(|_| fixture.network.payment(0, 1)).collect();
    let batch = fixture.network.batch(payments);
    let (execution, certificate) = fixture.execute(&[batch]);
    fixture.chain.write_block(&execution, &certificate).unwrap();
    let snapshot = fixture.chain.snapshot().unwrap();
    let page = snapshot
        .history(&fixture.network.address(0), None, usize::MAX)
        .unwrap();
    assert_eq!(page.len(), quorate_storage::MAX_PAGE);
    let page = snapshot.transactions_at(Height(1), 50, usize::MAX).unwrap();
    assert_eq!(page.len(), quorate_storage::MAX_PAGE);
}

#[test]
fn statistics_see_what_was_written() {
    let mut fixture = Fixture::new(2);
    fixture.pay(0, 1);
    let statistics = fixture.chain.statistics().unwrap();
    assert_eq!(statistics.transactions, 1);
    assert!(statistics.write_buffer_bytes > 0);
    assert_eq!(statistics.table_bytes, 0);
    let Fixture { chain, folder, .. } = fixture;
    drop(chain);
    assert!(open(folder.path()).unwrap().statistics().unwrap().table_bytes > 0);
}

#[test]
fn an_accounts_values_are_its_leaf_and_its_further_balances() {
    let mut fixture = Fixture::new(3);
    let to = fixture.network.address(1);
    for text in ["A", "B", "C", "D", "E"] {
        let create = Operation::CreateAsset {
            code: code(text),
            decimals: 0,
            description: String::new(),
        };
        let mint = Operation::Mint {
            asset: code(text),
            to,
            amount: quorate_ledger::Amount(5),
        };
        let transaction = fixture.network.transaction(0, vec![create, mint]);
        let batch = fixture.network.batch(vec![transaction]);
        let (execution, certificate) = fixture.execute(&[batch]);
        fixture.chain.write_block(&execution, &certificate).unwrap();
    }
    let snapshot = fixture.chain.snapshot().unwrap();
    let keys: Vec<StateKey> = snapshot.state_of(&to).map(|entry| entry.unwrap().0).collect();
    // QRT and three more lie in the leaf.
    let expected = [
        StateKey::account(&to),
        StateKey::balance(&to, &code("D")),
        StateKey::balance(&to, &code("E")),
    ];
    assert_eq!(keys, expected);
}

#[test]
fn many_values_looked_up_at_once_are_those_of_each_key() {
    let mut fixture = Fixture::new(600);
    fixture.pay_all(&[(1, 2), (599, 0)]);
    let stored = (0..600).map(|account| fixture.network.address(account));
    let unknown = (0..100).map(|number| Address([number; 20]));
    let mut keys: Vec<StateKey> = stored
        .chain(unknown)
        .map(|address| StateKey::account(&address))
        .collect();
    keys.sort_unstable();
    let reader = fixture.chain.reader();
    for count in [0, 1, 255, 256, 257, keys.len()] {
        let each: Vec<_> = keys[..count]
            .iter()
            .map(|key| reader.value(key).unwrap())
            .collect();
        assert_eq!(reader.values_of(&keys[..count]).unwrap(), each);
    }
}
