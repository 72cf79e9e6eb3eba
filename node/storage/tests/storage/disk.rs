//! A disk that takes no more: a child process may write files only up to a size, and its parent looks at what
//! it left.

use std::path::PathBuf;
use std::process::Command;

use quorate_ledger::{Digest, Height};
use quorate_storage::{Chain, Journal, StorageError, StorageOptions};

use crate::chain::{open, options};
use crate::network::Network;

/// Of the journal.
const NETWORK: Digest = Digest([7; 32]);

/// Where the child writes.
const HOME: &str = "QUORATE_TEST_HOME";
/// Largest file of the child, in blocks of 512 bytes.
const FILE_BLOCKS: &str = "1200";

/// Runs an ignored test of this file in a child with bounded files, and gives what it printed last.
fn run_with_bounded_files(test: &str, home: &std::path::Path) -> u64 {
    let script = format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS}; exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(HOME, home)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let written = text.split("written ").nth(1).unwrap_or_else(|| panic!("{text}"));
    written.split_whitespace().next().unwrap().parse().unwrap()
}

fn home() -> PathBuf {
    std::env::var_os(HOME).expect("the parent says where").into()
}

#[test]
fn a_chain_on_a_full_disk_says_so_and_keeps_whole_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let written = run_with_bounded_files("disk::fill_a_chain", folder.path());
    assert!(written > 2, "{written} blocks fit");
    let chain = open(&folder.path().join("chain"), Network::new(2).id()).unwrap();
    assert_eq!(chain.tip().height, Height(written));
    chain.load_state_tree().unwrap();
    assert!(
        chain
            .snapshot()
            .unwrap()
            .certified_block(Height(written))
            .unwrap()
            .is_some()
    );
}

#[test]
#[ignore = "the child of a_chain_on_a_full_disk_says_so_and_keeps_whole_blocks"]
fn fill_a_chain() {
    let mut network = Network::new(2);
    let chain = Chain::create(home().join("chain"), &network.genesis, &network.tip, &options()).unwrap();
    let mut written = Height::GENESIS;
    let error = loop {
        let payments = (0..100).map(|_| network.payment(0, 1)).collect();
        let batches = [network.batch(payments)];
        if let Err(error) = chain.write_batches(&batches) {
            break error;
        }
        let (execution, certificate) = network.execute(&chain.reader(), &batches);
        if let Err(error) = chain.write_block(&execution, &certificate) {
            break error;
        }
        written = execution.tip.height;
        assert!(written < Height(10_000), "the disk never filled");
    };
    assert!(matches!(error, StorageError::DiskFull { .. }), "{error}");
    assert_eq!(chain.tip().height, written);
    assert!(chain.sync().is_err(), "after a failure nothing is called durable");
    assert!(
        chain.remove_unordered(&[]).is_err(),
        "after a failure nothing is written"
    );
    println!("written {}", written.0);
}

#[test]
fn a_journal_on_a_full_disk_says_so_and_keeps_its_records() {
    let folder = tempfile::tempdir().unwrap();
    let written = run_with_bounded_files("disk::fill_a_journal", folder.path());
    let path = folder.path().join("journal");
    let journal = Journal::open(path, NETWORK, &StorageOptions::journal()).unwrap();
    let records: Vec<_> = journal.replay().collect::<Result<_, _>>().unwrap();
    assert!(records.iter().all(|(_, record)| record.len() == 1_000));
    assert_eq!(records.len() as u64, written);
}

#[test]
#[ignore = "the child of a_journal_on_a_full_disk_says_so_and_keeps_its_records"]
fn fill_a_journal() {
    let journal = Journal::open(home().join("journal"), NETWORK, &StorageOptions::journal()).unwrap();
    let mut written = 0;
    let error = loop {
        match journal.append(&[[7; 1_000]]) {
            Ok(last) => written = last,
            Err(error) => break error,
        }
        assert!(written < 10_000, "the disk never filled");
    };
    assert!(matches!(error, StorageError::DiskFull { .. }), "{error}");
    assert!(
        journal.sync().is_err(),
        "after a failure nothing is called durable"
    );
    assert!(journal.append(&[[7; 1]]).is_err());
    println!("written {written}");
}
