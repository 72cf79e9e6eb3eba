//! The chain database: what goes in together, what is refused, and what is read back.

use std::path::Path;

use quorate_crypto::Certificate;
use quorate_ledger::{
    Address, BatchRules, BatchTexts, CheckedBatch, Digest, Execution, Height, HistoryOwner, LogEntry,
    Outcome, Prefix, StateKey, StateReader, Timestamp, Transaction, decode, encode,
};
use quorate_storage::{Chain, Location, Snapshot, StorageError, StorageOptions};
use tempfile::TempDir;

use crate::network::{Network, code, create, mint, transfer};

/// Small bounds, so that tests open many databases.
pub(crate) fn options() -> StorageOptions {
    StorageOptions {
        cache_bytes: 1 << 20,
        write_buffer_bytes: 4 << 20,
        ..StorageOptions::default()
    }
}

pub(crate) fn open(path: &Path, network: Digest) -> Result<Chain, StorageError> {
    Chain::open(path, network, &options())
}

/// A chain on disk and the network that feeds it.
pub(crate) struct Fixture {
    pub(crate) network: Network,
    pub(crate) chain: Chain,
    pub(crate) folder: TempDir,
}

impl Fixture {
    pub(crate) fn new(accounts: u32) -> Self {
        Self::of(Network::new(accounts))
    }

    pub(crate) fn of(network: Network) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chain = Chain::create(folder.path(), &network.genesis, &network.tip, &options()).unwrap();
        Self {
            network,
            chain,
            folder,
        }
    }

    /// The same after a restart.
    pub(crate) fn reopen(self) -> Self {
        let Self {
            network,
            chain,
            folder,
        } = self;
        drop(chain);
        let chain = open(folder.path(), network.id()).unwrap();
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

    /// Makes and writes a block of copies of batches, stored beforehand.
    pub(crate) fn order(&mut self, copies: &[(CheckedBatch, Option<BatchTexts>)]) -> Execution {
        self.chain.write_copies(copies).unwrap();
        let batches: Vec<CheckedBatch> = copies.iter().map(|(batch, _)| batch.clone()).collect();
        let (execution, certificate) = self.network.execute(&self.chain.reader(), &batches);
        self.chain.write_block(&execution, &certificate).unwrap();
        execution
    }

    /// Makes and writes a block of one batch of these.
    pub(crate) fn commit(&mut self, transactions: Vec<Transaction>) -> Execution {
        let batch = self.network.batch(transactions);
        let (execution, certificate) = self.execute(&[batch]);
        self.chain.write_block(&execution, &certificate).unwrap();
        execution
    }

    /// Makes and writes a block with one payment.
    pub(crate) fn pay(&mut self, from: usize, to: usize) -> Execution {
        self.pay_all(&[(from, to)])
    }

    /// Makes and writes a block with payments from and to these accounts.
    pub(crate) fn pay_all(&mut self, payments: &[(usize, usize)]) -> Execution {
        let payments = payments.iter().map(|(from, to)| self.network.payment(*from, *to));
        let payments = payments.collect();
        self.commit(payments)
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.chain.snapshot().unwrap()
    }
}

#[test]
fn a_new_chain_has_the_genesis_state_and_no_block() {
    let fixture = Fixture::new(3);
    let snapshot = fixture.snapshot();
    assert_eq!(snapshot.tip(), &fixture.network.tip);
    assert_eq!(snapshot.height(), Height::GENESIS);
    assert_eq!(snapshot.block(Height(1)).unwrap(), None);
    assert_eq!(
        fixture.chain.load_state_tree().unwrap().root(),
        fixture.network.genesis.root
    );
    assert_eq!(snapshot.assets(None, 10).unwrap(), [code("QRT")]);
    assert_eq!(snapshot.asset(0).unwrap(), Some(code("QRT")));
    assert_eq!(snapshot.holders(&code("QRT"), None, 10).unwrap().len(), 3);
    let owner = HistoryOwner::Account(fixture.network.address(0));
    assert_eq!(snapshot.history_of(&owner, None, 10).unwrap(), []);
    // It keeps the database open.
    drop(snapshot);
    let fixture = fixture.reopen();
    assert_eq!(fixture.chain.tip(), fixture.network.tip);
    fixture.chain.load_state_tree().unwrap();
}

#[test]
fn a_block_is_read_back_whole_after_a_restart() {
    let mut fixture = Fixture::new(3);
    let payments = [fixture.network.payment(0, 1), fixture.network.payment(1, 2)];
    let overdraft = transfer(fixture.network.address(0), "NONE", 1);
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

    let fixture = fixture.reopen();
    let (network, chain) = (&fixture.network, &fixture.chain);
    assert_eq!(chain.tip(), network.tip);
    assert_eq!(chain.flushed_height(), Height(1));
    assert_eq!(chain.load_state_tree().unwrap().root(), network.tree.root());
    let snapshot = fixture.snapshot();
    assert_eq!(snapshot.transaction_count(), 3);
    assert_eq!(
        snapshot.block(Height(1)).unwrap().as_ref(),
        Some(&execution.block)
    );
    assert_eq!(
        snapshot.header(Height(1)).unwrap().as_ref(),
        Some(&execution.block.v1().header)
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
    assert_eq!(bytes, encode(&certified), "put together from its parts");
    assert_eq!(decode(&bytes, 1 << 20), Ok(certified));

    // The copy at position 2 was skipped, so the failing one at position 3 has index 2.
    let location = snapshot.transaction(&failing.id()).unwrap().unwrap();
    let (height, index) = (Height(1), 2);
    assert_eq!(location, Location { height, index });
    let found = snapshot.transaction_at(location).unwrap().unwrap();
    assert_eq!(found.transaction, failing);
    assert_eq!(found.ordinal, 2);
    assert_eq!(found.timestamp, network.tip.timestamp);
    assert!(matches!(found.outcome, Outcome::Failed { operation: 0, .. }));
    let all = snapshot.transactions_at(Height(1), 0, 10).unwrap();
    let transactions: Vec<_> = all.into_iter().map(|found| found.transaction).collect();
    assert_eq!(
        transactions,
        [payments[0].clone(), payments[1].clone(), failing.clone()]
    );
    let second = &snapshot.transactions_at(Height(1), 1, 1).unwrap()[0];
    assert_eq!(second.transaction, payments[1]);
    for (height, index) in [(Height(1), 3), (Height(2), 0)] {
        let location = Location { height, index };
        assert_eq!(snapshot.transaction_at(location).unwrap(), None);
    }
    for (key, value) in &execution.changes {
        assert_eq!(&snapshot.value(key).unwrap(), value);
    }
}

#[test]
fn the_log_is_read_by_ids_and_by_ordinals() {
    let mut fixture = Fixture::new(3);
    let executions: Vec<Execution> = (0..4)
        .map(|_| fixture.pay_all(&[(0, 1), (1, 2), (2, 0)]))
        .collect();
    let failing = failing(&mut fixture.network);
    fixture.commit(vec![failing]);
    let fixture = fixture.reopen();
    let snapshot = fixture.snapshot();
    let logged = executions.iter().flat_map(|execution| &execution.log);
    for (ordinal, logged) in (0..).zip(logged) {
        assert_eq!(snapshot.entry(ordinal).unwrap().as_ref(), Some(&logged.entry));
        let id = logged.entry.transaction().unwrap().id;
        assert_eq!(snapshot.ordinal_of(&id).unwrap(), Some(ordinal));
    }
    let last = snapshot.entry(12).unwrap();
    let last = last.as_ref().and_then(LogEntry::transaction).unwrap();
    assert!(matches!(last.outcome, Outcome::Failed { .. }));
    assert_eq!(snapshot.entry(13).unwrap(), None);
    assert_eq!(snapshot.ordinal_of(&Digest([9; 32])).unwrap(), None);
}

/// A transaction that fails.
fn failing(network: &mut Network) -> Transaction {
    let to = network.address(0);
    network.transaction(1, vec![transfer(to, "NONE", 1)])
}

#[test]
fn an_id_is_spent_until_its_transaction_expires() {
    let mut fixture = Fixture::new(3);
    let mut ids = Vec::new();
    let mut expiries = Vec::new();
    for _ in 0..3 {
        for executed in fixture.pay_all(&[(0, 1), (1, 2)]).transactions {
            ids.push(executed.id);
            expiries.push(executed.expires_at);
        }
    }
    // One that was never executed, and one asked for twice.
    ids.extend([Digest([9; 32]), ids[0]]);
    expiries.extend([Timestamp(0), expiries[0]]);
    let snapshot = fixture.snapshot();
    let reader = fixture.chain.reader();
    for at in [
        Timestamp(0),
        expiries[0],
        expiries[2],
        Timestamp(expiries[5].0 - 1),
        expiries[5],
    ] {
        let expected: Vec<bool> = expiries.iter().map(|expires_at| *expires_at > at).collect();
        assert_eq!(snapshot.spent_at(&ids, at).unwrap(), expected, "{at}");
        assert_eq!(reader.spent_at(&ids, at).unwrap(), expected, "{at}");
    }
    assert_eq!(reader.spent_at(&[], Timestamp(0)).unwrap(), [false; 0]);
}

#[test]
fn no_more_than_so_many_blocks_are_looked_into_for_what_is_spent() {
    let mut fixture = Fixture::new(2);
    let blocks = (0..260).map(|_| fixture.pay(0, 1).transactions[0].id);
    let ids: Vec<Digest> = blocks.collect();
    let reader = fixture.chain.reader();
    assert_eq!(
        reader.spent_at(&ids, fixture.network.tip.timestamp).unwrap(),
        [true; 260]
    );
    // All have expired then, so whether they count changes nothing.
    let late = Timestamp(fixture.network.tip.timestamp.0 + 100_000_000);
    let spent = reader.spent_at(&ids, late).unwrap();
    assert!(spent[..256].iter().all(|spent| !spent));
    assert!(spent[256..].iter().all(|spent| *spent));
    assert_eq!(reader.spent_at(&ids[256..], late).unwrap(), [false; 4]);
}

#[test]
fn a_stored_block_is_written_again_without_effect() {
    let mut fixture = Fixture::new(2);
    let first = fixture.pay(0, 1);
    fixture.pay(0, 1);
    let certificate = fixture.network.certify(&first.tip);
    fixture.chain.write_block(&first, &certificate).unwrap();
    assert_eq!(fixture.chain.tip(), fixture.network.tip);
    assert_eq!(fixture.snapshot().transaction_count(), 2);
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
    assert_eq!(fixture.snapshot().block(Height(2)).unwrap(), None);
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
    assert!(fixture.snapshot().certified_block(Height(1)).unwrap().is_some());
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
    assert_eq!(fixture.snapshot().transaction_count(), 1);
}

#[test]
fn a_snapshot_does_not_see_later_blocks() {
    let mut fixture = Fixture::new(2);
    fixture.pay(0, 1);
    let sender = StateKey::account(&fixture.network.address(0));
    let before = fixture.snapshot();
    let value = before.value(&sender).unwrap();
    let second = fixture.pay(0, 1);
    assert_eq!(before.height(), Height(1));
    assert_eq!(before.value(&sender).unwrap(), value);
    assert_eq!(before.block(Height(2)).unwrap(), None);
    assert_eq!(before.blocks(None, 10).unwrap().len(), 1);
    assert_eq!(before.ordinal_of(&second.transactions[0].id).unwrap(), None);
    let history = before.history(&fixture.network.address(0), None, 10).unwrap();
    assert_eq!(history.len(), 1);
    let after = fixture.snapshot();
    assert_eq!(after.height(), Height(2));
    assert_ne!(after.value(&sender).unwrap(), value);
    // A snapshot keeps the database open for as long as somebody reads it.
    let Fixture { chain, .. } = fixture;
    drop(chain);
    assert_eq!(before.value(&sender).unwrap(), value);
}

#[test]
fn snapshots_are_of_one_height_while_blocks_are_written() {
    let mut fixture = Fixture::new(3);
    let mut roots = vec![fixture.network.tip.log.root()];
    let mut blocks = Vec::new();
    for _ in 0..60 {
        let payments = (0..9).map(|_| fixture.network.payment(0, 1)).collect();
        let batch = fixture.network.batch(payments);
        // Executed on the state that is written, so one after the other.
        let (execution, certificate) = fixture.execute(&[batch]);
        roots.push(execution.tip.log.root());
        fixture.chain.write_block(&execution, &certificate).unwrap();
        blocks.push((execution, certificate));
    }
    let folder = tempfile::tempdir().unwrap();
    let network = Network::new(3);
    let chain = Chain::create(folder.path(), &network.genesis, &network.tip, &options()).unwrap();
    let id = network.id();
    let rules = BatchRules {
        network: &id,
        committee: &network.committee,
        parameters: network.document.parameters().v1(),
    };
    for (execution, _) in &blocks {
        for digest in execution.block.v1().proposal.batches() {
            let bytes = fixture.chain.batch(digest).unwrap().unwrap();
            let batch = CheckedBatch::check(bytes, &rules).unwrap();
            chain.write_batches(&[batch]).unwrap();
        }
    }
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for (execution, certificate) in &blocks {
                chain.write_block(execution, certificate).unwrap();
            }
        });
        while !writing.is_finished() {
            let snapshot = chain.snapshot().unwrap();
            let height = usize::try_from(snapshot.height().0).unwrap();
            assert_eq!(snapshot.tip().log.root(), roots[height]);
            assert_eq!(snapshot.transaction_count(), 9 * snapshot.height().0);
        }
    });
    assert_eq!(chain.tip(), fixture.network.tip);
}

#[test]
fn statistics_see_what_was_written() {
    let mut fixture = Fixture::new(2);
    fixture.pay(0, 1);
    let statistics = fixture.chain.statistics().unwrap();
    assert_eq!(statistics.transactions, 1);
    assert_eq!(statistics.unpurged, 0);
    assert!(statistics.write_buffer_bytes > 0);
    assert_eq!(statistics.table_bytes, 0);
    let fixture = fixture.reopen();
    assert!(fixture.chain.statistics().unwrap().table_bytes > 0);
}

#[test]
fn an_accounts_values_are_its_leaf_and_its_further_balances() {
    let mut fixture = Fixture::new(3);
    let to = fixture.network.address(1);
    for text in ["A", "B", "C", "D", "E"] {
        let transaction = fixture
            .network
            .transaction(0, vec![create(text), mint(to, text, 5)]);
        fixture.commit(vec![transaction]);
    }
    let snapshot = fixture.snapshot();
    let keys: Vec<StateKey> = snapshot.state_of(&to).map(|entry| entry.unwrap().0).collect();
    // QRT and three more lie in the leaf.
    let expected = [
        StateKey::account(&to),
        StateKey::balance(&to, &code("D")),
        StateKey::balance(&to, &code("E")),
    ];
    assert_eq!(keys, expected);
    let under: Vec<_> = snapshot.state_of(&to).map(Result::unwrap).collect();
    assert_eq!(snapshot.values_under(&Prefix::account(&to)).unwrap(), under);
    let reader = fixture.chain.reader();
    assert_eq!(reader.values_under(&Prefix::account(&to)).unwrap(), under);
    for (key, value) in under {
        assert_eq!(reader.value(&key).unwrap(), Some(value));
    }
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
