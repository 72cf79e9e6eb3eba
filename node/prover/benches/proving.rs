//! Time of proofs as of a block after a million transactions, all of one account: it does not depend on them.
//!
//! Two limits are looked at before the rows are made: a statement of 1,000 entries takes less than 100 ms, a
//! transaction's proof less than 1 ms.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up shall panic")]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use divan::{Bencher, black_box};
use quorate_crypto::Height;
use quorate_ledger::{HistoryOwner, Prefix};
use quorate_prover::{Show, StatementRequest, prove_block, prove_entry, prove_state, prove_statement};
use quorate_verifier::Proof;

#[path = "../tests/proving/synthetic.rs"]
mod synthetic;

use synthetic::Synthetic;

/// Steps of the history, and leaves of the log.
const STEPS: u64 = 1_000_000;

static CHAIN: LazyLock<Synthetic> = LazyLock::new(|| Synthetic::new(STEPS));

fn main() {
    let verifier = CHAIN.verifier();
    verifier.verify(&statement(400_000, 1_000)).unwrap();
    verifier.verify(&transaction(400_000)).unwrap();
    check("a statement of 1,000 entries", Duration::from_millis(100), || {
        statement(400_000, 1_000)
    });
    check("a transaction's proof", Duration::from_millis(1), || {
        transaction(400_000)
    });
    divan::main();
}

/// Compares the median of 21 runs with a limit.
fn check(name: &str, limit: Duration, run: impl Fn() -> Proof) {
    let mut times: Vec<Duration> = (0..21)
        .map(|_| {
            let began = Instant::now();
            black_box(run());
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    let median = times[10];
    println!("{name}: {median:?}, at most {limit:?} is allowed");
    assert!(
        median < limit,
        "{name} takes {median:?}, at most {limit:?} is allowed"
    );
}

/// The statement of so many entries from the block with this step on.
fn statement(first: u64, entries: u64) -> Proof {
    let (from, to) = (Synthetic::time_of(first), Synthetic::time_of(first + entries));
    let request = StatementRequest::new(CHAIN.owner, from, to);
    prove_statement(&CHAIN.chain, CHAIN.tip, &request).unwrap()
}

fn transaction(ordinal: u64) -> Proof {
    prove_entry(&CHAIN.chain, CHAIN.tip, ordinal, Show::Nothing).unwrap()
}

#[divan::bench(args = [1, 100, 1_000, 10_000])]
fn statement_of_entries(bencher: Bencher<'_, '_>, entries: u64) {
    bencher.bench(|| statement(black_box(400_000), entries));
}

#[divan::bench(args = [100, 10_000, 990_000])]
fn statement_from_a_step(bencher: Bencher<'_, '_>, first: u64) {
    bencher.bench(|| statement(black_box(first), 1_000));
}

#[divan::bench(args = [0, 500_000, 999_999])]
fn transaction_of_ordinal(bencher: Bencher<'_, '_>, ordinal: u64) {
    bencher.bench(|| transaction(black_box(ordinal)));
}

#[divan::bench]
fn account(bencher: Bencher<'_, '_>) {
    let HistoryOwner::Account(address) = CHAIN.owner else {
        panic!("an account");
    };
    let prefixes = [Prefix::account(&address)];
    bencher.bench(|| prove_state(&CHAIN.chain, CHAIN.tip, black_box(&prefixes)).unwrap());
}

#[divan::bench]
fn block(bencher: Bencher<'_, '_>) {
    let tip: Height = CHAIN.tip;
    bencher.bench(|| prove_block(&CHAIN.chain, black_box(tip), Show::Nothing).unwrap());
}
