//! A chain that goes on from a copy of its files.

use std::path::Path;
use std::sync::Arc;

use quorate_ledger::{
    BlockInput, Digest, Height, Prefix, Proposal, StateKey, StateReader, Timestamp, execute,
};

use crate::chain::{Fixture, open};

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// A chain that has its state and has lost the ids of what was executed.
struct WithoutIds<R>(R);

impl<R: StateReader> StateReader for WithoutIds<R> {
    type Error = R::Error;

    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, R::Error> {
        self.0.value(key)
    }

    fn spent_at(&self, ids: &[Digest], _: Timestamp) -> Result<Vec<bool>, R::Error> {
        Ok(vec![false; ids.len()])
    }

    fn block_hash(&self, height: Height) -> Result<Option<Digest>, R::Error> {
        self.0.block_hash(height)
    }

    fn values_under(&self, prefix: &Prefix) -> Result<Vec<(StateKey, Vec<u8>)>, R::Error> {
        self.0.values_under(prefix)
    }
}

#[test]
fn pitfall_36_a_restored_chain_refuses_what_was_executed_before_the_copy() {
    let mut fixture = Fixture::new(3);
    let first = fixture.network.payment(0, 1);
    fixture.commit(vec![first.clone()]);
    let Fixture {
        mut network,
        chain,
        folder,
    } = fixture;
    drop(chain);
    let copy = tempfile::tempdir().unwrap();
    copy_files(folder.path(), copy.path());

    // The same transaction comes again in another batch, long before it expires, beside a new one.
    let before = network.tip.clone();
    let fresh = network.payment(1, 2);
    let again = network.batch(vec![first, fresh.clone()]);
    let chain = open(folder.path(), network.id()).unwrap();
    chain.write_batches(std::slice::from_ref(&again)).unwrap();
    let (original, _) = network.execute(&chain.reader(), std::slice::from_ref(&again));
    let executed = &original.block.v1().executed;
    assert_eq!(executed.len(), 1, "only the new one");

    let restored = open(copy.path(), network.id()).unwrap();
    restored.write_batches(std::slice::from_ref(&again)).unwrap();
    let batches = [Arc::new(again.clone())];
    let proposal = Proposal::new(Timestamp(before.timestamp.0 + 10), vec![again.digest()]);
    let input = BlockInput {
        tip: &before,
        proposal: &proposal,
        batches: &batches,
        parameters: network.document.parameters().v1(),
    };
    let mut tree = restored.load_state_tree().unwrap();
    let execution = execute(&input, &restored.reader(), &mut tree).unwrap();
    assert_eq!(execution.tip, original.tip, "the same block and the same state");
    // Were the ids no part of the copy, it would be another block.
    let mut tree = restored.load_state_tree().unwrap();
    let without = execute(&input, &WithoutIds(restored.reader()), &mut tree).unwrap();
    assert_ne!(without.tip.state_root, original.tip.state_root);
}

#[test]
fn a_copy_made_while_the_chain_runs_is_a_chain() {
    let mut fixture = Fixture::new(3);
    fixture.pay(0, 1);
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    fixture.chain.copy_to(&copy).unwrap();
    let tip = fixture.network.tip.clone();
    fixture.pay(1, 2);
    let copied = open(&copy, fixture.network.id()).unwrap();
    assert_eq!(copied.tip(), tip);
    assert_eq!(copied.load_state_tree().unwrap().root(), tip.state_root);
}
