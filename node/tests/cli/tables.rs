//! Tables from outside: written from a bundle of the block that `docs/formats.md` prints, checked, and altered.

use std::fs;

use crate::chain::{BLOCK, GENESIS, altered, audit, block, bundle, json};
use crate::run;

/// A command that writes the tables of a bundle.
const WRITE: [&str; 5] = ["tables", "--bundle", "chain.bundle", "--out", "tables"];

#[test]
fn tables_are_written_from_a_bundle_and_checked_by_the_genesis_document() {
    let dir = tempfile::tempdir().unwrap();
    bundle(dir.path(), "chain.bundle", block());
    let written = json(dir.path(), &[&WRITE[..], &["--csv"]].concat(), 0);
    assert_eq!(written["head"]["hash"], BLOCK);
    assert_eq!((&written["days"], &written["written"]), (&1.into(), &1.into()));
    let csv = "tables/csv/transactions/day=2026-01-01/part-0.csv";
    let csv = fs::read_to_string(dir.path().join(csv)).unwrap();
    assert_eq!(csv.lines().count(), 3, "{csv}");
    let verdict = json(dir.path(), &["verify", "tables"], 0);
    let file = &verdict["files"][0];
    assert_eq!((&file["is"], &file["result"]), (&"tables".into(), &"good".into()));
    assert_eq!(file["tables"]["rows"]["transactions"], 2);
    let (text, _) = audit(dir.path(), &["verify", "tables"], 0);
    assert!(
        text.contains("every cell is as the certified chain has it"),
        "{text}"
    );
    // What is there already is written again as it was.
    let manifest = dir.path().join("tables/manifest.json");
    let before = fs::read(&manifest).unwrap();
    let (text, _) = audit(dir.path(), &WRITE, 0);
    assert!(text.ends_with("the tables are in tables\n"), "{text}");
    assert_eq!(fs::read(&manifest).unwrap(), before);
}

#[test]
fn tables_that_were_altered_are_named() {
    let dir = tempfile::tempdir().unwrap();
    bundle(dir.path(), "chain.bundle", block());
    audit(dir.path(), &WRITE, 0);
    let transfers = dir.path().join("tables/transfers/day=2026-01-01/part-0.parquet");
    let mut bytes = fs::read(&transfers).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&transfers, bytes).unwrap();
    let (text, stderr) = audit(dir.path(), &["verify", "tables"], 7);
    assert!(text.starts_with("tables: changed\n"), "{text}");
    assert!(text.contains("transfers, 2026-01-01"), "{text}");
    assert!(stderr.contains("1 of 1 file is not good"), "{stderr}");
    let verdict = json(dir.path(), &["verify", "tables"], 7);
    let finding = &verdict["files"][0]["tables"]["findings"][0];
    assert_eq!(finding["table"], "transfers");
}

#[test]
fn what_is_no_chain_becomes_no_tables() {
    let dir = tempfile::tempdir().unwrap();
    bundle(dir.path(), "chain.bundle", altered());
    let (_, stderr) = audit(dir.path(), &WRITE, 7);
    // As audit chain says it: both execute it alike.
    assert!(stderr.contains("block 1, the header's state_root"), "{stderr}");
    assert!(stderr.contains("(state)"), "{stderr}");
    assert!(!dir.path().join("tables/manifest.json").exists());
    // A folder that has none, and one that has them, without the document that they are checked against.
    fs::create_dir_all(dir.path().join("empty")).unwrap();
    let (text, _) = audit(dir.path(), &["verify", "empty"], 2);
    assert!(text.contains("a folder without manifest.json"), "{text}");
    bundle(dir.path(), "chain.bundle", block());
    audit(dir.path(), &WRITE, 0);
    let trusted = format!("1:{BLOCK}");
    let (text, _) = run(
        dir.path(),
        &["audit", "verify", "tables", "--trusted", &trusted],
        2,
    );
    assert!(text.contains("name it with --genesis"), "{text}");
    let both = [
        "audit",
        "verify",
        "tables",
        "--trusted",
        &trusted,
        "--genesis",
        GENESIS,
    ];
    run(dir.path(), &both, 0);
}
