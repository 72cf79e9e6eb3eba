//! What a plain payment takes of the disk in the long run, everything included.

use std::fs;
use std::path::Path;

use crate::chain::Fixture;

/// The most bytes that one may take.
const LIMIT: u64 = 480;

/// More than a block has steps of histories: who stands in a block once costs most there.
const ACCOUNTS: usize = 5_000;
const BLOCKS: usize = 50;
const BLOCK: usize = 2_000;

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files.map(|path| fs::metadata(path).unwrap().len()).sum()
}

/// Bytes of the files whose names end so.
fn bytes_of(folder: &Path, extension: &str) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|own| own == extension));
    files.map(|path| fs::metadata(path).unwrap().len()).sum()
}

/// Payments of one unit between accounts that follow from their number, in full blocks, with salts that look random.
#[test]
fn a_plain_payment_takes_no_more_than_its_limit() {
    let mut fixture = Fixture::new(u32::try_from(ACCOUNTS).unwrap());
    fixture.chain.settle().unwrap();
    let empty = bytes_in(fixture.folder.path());
    let mut made = 0_usize;
    for _ in 0..BLOCKS {
        let payments: Vec<(usize, usize)> = (0..BLOCK)
            .map(|_| {
                made += 1;
                // Neighbours, so each account once in as many payments as there are pairs.
                (made * 2 % ACCOUNTS, (made * 2 + 1) % ACCOUNTS)
            })
            .collect();
        fixture.pay_all(&payments);
        let before = fixture.network.tip.height;
        fixture.network.tree.forget_before(before);
    }
    assert_eq!(fixture.snapshot().transaction_count(), made as u64);
    fixture.chain.settle().unwrap();
    fixture.chain.compact().unwrap();
    let folder = fixture.folder.path();
    let (all, payments) = (bytes_in(folder).saturating_sub(empty), made as u64);
    println!(
        "{} bytes a plain payment on disk: {} in tables, {} in blob files ({payments} payments of {ACCOUNTS} accounts)",
        all / payments,
        bytes_of(folder, "sst") / payments,
        bytes_of(folder, "blob") / payments,
    );
    assert!(all / payments <= LIMIT, "{all} bytes for {payments} payments");
}
