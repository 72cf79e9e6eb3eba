//! The state tree at size: what a distinct key updated in a block costs.
//!
//! The figures are per block: divide by the updates. Values are hashed as execution hashes them.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up shall panic")]

use quorate_ledger::{Digest, Height, StateKey, StateTree, value_hash};

fn main() {
    divan::main();
}

/// Bytes of a typical account's value.
const VALUE: [u8; 70] = [7; 70];

fn key(number: u64) -> StateKey {
    let owner = quorate_crypto::sha256(&number.to_le_bytes());
    let mut key = [0; 32];
    key[..20].copy_from_slice(&owner.0[..20]);
    StateKey(key)
}

fn tree_of(keys: u64) -> StateTree {
    StateTree::load(Height(0), (0..keys).map(|number| (key(number), Digest([1; 32]))))
}

/// Updates `updates` keys spread over a tree of `keys`, in a new block each time.
fn update(bencher: divan::Bencher<'_, '_>, keys: u64, updates: u64) {
    let mut tree = tree_of(keys);
    let mut block = 0;
    bencher
        .with_inputs(|| {
            block += 1;
            let mut chosen: Vec<StateKey> = (0..updates)
                .map(|number| key((block * updates + number).wrapping_mul(0x9E37_79B9_7F4A_7C15) % keys))
                .collect();
            chosen.sort_unstable();
            chosen.dedup();
            (Height(block), chosen)
        })
        .bench_local_refs(|(height, chosen)| {
            let changes = chosen.iter().map(|key| (*key, Some(value_hash(&VALUE))));
            let root = tree.update(*height, changes);
            tree.forget_before(*height);
            root
        });
}

#[divan::bench(args = [1_000, 10_000], sample_count = 100)]
fn of_100_000_keys(bencher: divan::Bencher<'_, '_>, updates: u64) {
    update(bencher, 100_000, updates);
}

#[divan::bench(args = [1_000, 10_000], sample_count = 100)]
fn of_1_000_000_keys(bencher: divan::Bencher<'_, '_>, updates: u64) {
    update(bencher, 1_000_000, updates);
}

#[divan::bench(args = [10_000], sample_count = 100)]
fn of_10_000_000_keys(bencher: divan::Bencher<'_, '_>, updates: u64) {
    update(bencher, 10_000_000, updates);
}

#[divan::bench(sample_count = 3)]
fn load_1_000_000_keys() -> StateTree {
    tree_of(1_000_000)
}

/// Inserts as many keys as make the tree double its buckets twice, in blocks of 10,000.
#[divan::bench(sample_count = 3)]
fn grow_to_1_000_000_keys() -> StateTree {
    let mut tree = StateTree::new();
    for block in 0..100 {
        let changes = (0..10_000).map(|number| (key(block * 10_000 + number), Some(Digest([1; 32]))));
        tree.update(Height(block + 1), changes);
        tree.forget_before(Height(block + 1));
    }
    tree
}

#[divan::bench]
fn prove_under_1_000_000_keys(bencher: divan::Bencher<'_, '_>) {
    let tree = tree_of(1_000_000);
    let mut number = 0;
    bencher
        .with_inputs(|| {
            number += 1;
            key(number)
        })
        .bench_local_refs(|key| tree.prove(key));
}
