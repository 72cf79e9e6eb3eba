//! The state tree at size: what a distinct key updated in a block costs, and what an account takes of
//! memory.
//!
//! The figures are per block: divide by the updates. Values are hashed as execution hashes them.

use quorate_crypto::{Digest, Height, sha256};
use quorate_ledger::{Prefix, StateKey, StateTree, value_hash};

fn main() {
    // Not where the benchmarks are only tried, as tests.
    if std::env::args().any(|argument| argument == "--bench") {
        print_memory(1_000_000);
    }
    divan::main();
}

/// Bytes of a typical account's value.
const VALUE: [u8; 110] = [7; 110];

fn key(number: u64) -> StateKey {
    let owner = sha256(&number.to_le_bytes());
    let mut key = [0; 32];
    key[0] = 0x01;
    key[1..21].copy_from_slice(&owner.0[..20]);
    StateKey(key)
}

fn tree_of(keys: u64) -> StateTree {
    StateTree::load(Height(0), (0..keys).map(|number| (key(number), Digest([1; 32]))))
}

/// Bytes of memory that this process has in use, by the kernel's count.
fn resident() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4_096)
}

/// Prints by how much a tree of so many accounts, loaded in the order of their keys as a node loads it, makes
/// this process grow. It is the first thing that the process does: memory that was in use before and is free
/// again would be in use again.
fn print_memory(accounts: u64) {
    let mut keys: Vec<StateKey> = (0..accounts).map(key).collect();
    keys.sort_unstable();
    let before = resident();
    let tree = StateTree::load(Height(0), keys.iter().map(|key| (*key, Digest([1; 32]))));
    let after = resident();
    assert_eq!(tree.len(), keys.len());
    if let (Some(before), Some(after)) = (before, after) {
        let grown = after.saturating_sub(before);
        println!(
            "{accounts} accounts: {} MiB, {} bytes each",
            grown >> 20,
            grown / accounts
        );
    }
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

/// Inserts as many keys as make the tree double its buckets many times, in blocks of 10,000.
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

/// What an account has, with all its balances, for one of a million.
#[divan::bench]
fn prove_under_1_000_000_keys(bencher: divan::Bencher<'_, '_>) {
    let tree = tree_of(1_000_000);
    let mut number = 0;
    bencher
        .with_inputs(|| {
            number += 1;
            let mut prefix = Prefix::of_key(&key(number));
            prefix.bits = 168;
            prefix
        })
        .bench_local_refs(|prefix| tree.prove(prefix));
}
