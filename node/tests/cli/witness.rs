//! Witnesses: what is refused before one asks anybody, and evidence that one leaves.

use std::fs;
use std::path::Path;

use quorate_checkpoint::{Checkpoint, Inconsistent, Note, origin, sign_checkpoint};
use quorate_crypto::{SeatNumber, SigningKey, sha256};
use quorate_genesis::Genesis;
use serde_json::{Value, json};

use crate::{json as answer, key, run};

/// A document whose one validator has a witness key of 32 bytes `33`, and that of another network.
const GENESIS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../genesis/tests/vectors/genesis.toml"
);
const OTHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../genesis/tests/vectors/wide.toml");

/// Nothing listens on port 1 of this machine.
const NOBODY: &str = "http://127.0.0.1:1";

/// What the validator signs of a log of two entries with this root.
fn note(root: &[u8]) -> Note {
    let genesis = Genesis::parse(&fs::read_to_string(GENESIS).unwrap()).unwrap();
    let network = genesis.id();
    let checkpoint = Checkpoint::new(origin(&network), 2, sha256(root));
    let witness = SigningKey::from_seed(&[0x33; 32]);
    sign_checkpoint(&network, SeatNumber(0), &witness, &checkpoint, 1_767_225_600)
}

fn write(dir: &Path, file: &str, one: &[u8], other: &[u8]) {
    let evidence = Inconsistent::of_one_size(note(one), note(other));
    fs::write(dir.join(file), evidence.to_string()).unwrap();
}

#[test]
fn evidence_is_checked_and_says_who_signed_both() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(dir, "two.notes", b"one", b"another");
    let check = ["witness", "check", "two.notes", "--genesis", GENESIS];
    let shown: Value = answer(dir, &check);
    assert_eq!(shown["signed_both"], json!([0]));
    let (text, _) = run(dir, &check, 0);
    assert!(text.contains(&sha256(b"another").to_string()), "{text}");
    // It shows nothing of another network, and one note is no two.
    let elsewhere = ["witness", "check", "two.notes", "--genesis", OTHER];
    run(dir, &elsewhere, 7);
    write(dir, "one.notes", b"one", b"one");
    run(dir, &["witness", "check", "one.notes", "--genesis", GENESIS], 7);
    fs::write(dir.join("no.notes"), note(b"one").to_string()).unwrap();
    run(dir, &["witness", "check", "no.notes", "--genesis", GENESIS], 2);
}

#[test]
fn a_witness_that_stopped_does_not_start_again() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    key(dir, "witness.key");
    fs::create_dir(dir.join("kept")).unwrap();
    fs::write(
        dir.join("kept/alarm"),
        "there are two certificates for height 3\n",
    )
    .unwrap();
    let arguments = [
        "witness",
        "run",
        "--genesis",
        GENESIS,
        "--key",
        "witness.key",
        "--dir",
        "kept",
        "--node",
        NOBODY,
    ];
    let (_, stderr) = run(dir, &arguments, 7);
    assert!(stderr.contains("two certificates for height 3"), "{stderr}");
    assert!(stderr.contains("alarm"), "{stderr}");
}

#[test]
fn a_policy_or_a_name_that_is_none_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    key(dir, "witness.key");
    fs::write(dir.join("bad.policy"), "quorum nobody\n").unwrap();
    let run_with = |more: &[&str]| {
        let first = [
            "witness",
            "run",
            "--genesis",
            GENESIS,
            "--key",
            "witness.key",
            "--dir",
            "kept",
        ];
        let arguments = [first.as_slice(), &["--node", NOBODY], more].concat();
        run(dir, &arguments, 2).1
    };
    let said = run_with(&["--policy", "bad.policy"]);
    assert!(said.contains("line 1 of the policy"), "{said}");
    run_with(&["--name", "two words"]);
    run_with(&["--every", "0"]);
    assert!(!dir.join("kept").exists());
}

#[test]
fn a_receipt_needs_something_to_check_the_node_against() {
    let dir = tempfile::tempdir().unwrap();
    let id = sha256(b"a transaction").to_string();
    let receipt = ["audit", "receipt", id.as_str(), "--node", NOBODY];
    let (_, stderr) = run(dir.path(), &receipt, 2);
    assert!(stderr.contains("--genesis"), "{stderr}");
    for form in ["cose", "tlog-proof"] {
        let asked = [receipt.as_slice(), &["--genesis", GENESIS, "--form", form]].concat();
        run(dir.path(), &asked, 6);
    }
    fs::write(dir.path().join("there.entry"), "kept").unwrap();
    let asked = [receipt.as_slice(), &["--genesis", GENESIS, "--out", "there"]].concat();
    let (_, stderr) = run(dir.path(), &asked, 1);
    assert!(stderr.contains("there.entry is there already"), "{stderr}");
}

#[test]
fn a_policy_is_of_a_committee_that_somebody_proves() {
    let dir = tempfile::tempdir().unwrap();
    let policy = ["audit", "policy", "--node", NOBODY];
    let (_, stderr) = run(dir.path(), &policy, 2);
    assert!(stderr.contains("--genesis"), "{stderr}");
    run(
        dir.path(),
        &[policy.as_slice(), &["--genesis", GENESIS]].concat(),
        6,
    );
    let bad = [policy.as_slice(), &["--genesis", GENESIS, "--witness", "no+key"]].concat();
    run(dir.path(), &bad, 2);
}
