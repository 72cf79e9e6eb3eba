//! Benchmarks: what is refused before anything is measured, and short runs of those that need no network.

use std::fs;

use crate::{json, key, outcome, quorate_in, run};

/// Nothing listens on port 1 of this machine.
const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn benchmarks_refuse_what_makes_no_sense_before_they_measure() {
    let dir = tempfile::tempdir().unwrap();
    key(dir.path(), "a.key");
    for (arguments, word) in [
        (["transfers"].as_slice(), "--key"),
        (&["transfers", "--key", "a.key", "--rate", "fast"], "max"),
        (&["transfers", "--key", "a.key", "--sign-ahead=some"], "enough"),
        (&["transfers", "--key", "a.key", "--accounts", "1"], "--accounts"),
        (&["transfers", "--localnet", "net", "--node", NOBODY], "--node"),
        (&["transfers", "--key", "a.key", "--chart", "chart.png"], ".svg"),
        (&["records", "--payload", "31"], "32 bytes of hash"),
        (&["records", "--payload", "1057"], "1056"),
        (
            &["records", "--payload", "1024", "--records-per-transaction", "64"],
            "at most 62 records",
        ),
        (&["signatures", "--each", "1"], "--each"),
        (&["signatures", "--validators", "0"], "--validators"),
        (&["blocks", "--accounts", "1"], "--accounts"),
        (&["blocks", "--per-block", "0"], "--per-block"),
        (&["audit", "--transactions", "1000001"], "--transactions"),
        (&["audit", "--parts", "0"], "--parts"),
        (&["sync", "--validators", "3"], "--validators"),
        (&["failover", "--rounds", "0"], "--rounds"),
    ] {
        let (stdout, stderr) = run(dir.path(), &[&["bench"], arguments].concat(), 2);
        assert!(stderr.contains(word), "{arguments:?}: {stderr}");
        assert!(stdout.is_empty());
    }
}

#[test]
fn benchmarks_name_what_they_do_not_find_or_cannot_make() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &["bench", "transfers", "--localnet", "none"], 3);
    run(dir.path(), &["bench", "records", "--node", NOBODY], 6);
    let chart = ["bench", "signatures", "--chart", "none/chart.svg"];
    let (_, stderr) = run(dir.path(), &chart, 1);
    assert!(stderr.contains("none is not a directory"), "{stderr}");
    fs::create_dir(dir.path().join("taken")).unwrap();
    for bench in ["sync", "failover"] {
        let (_, stderr) = run(dir.path(), &["bench", bench, "--dir", "taken"], 1);
        assert!(stderr.contains("taken exists"), "{stderr}");
    }
}

#[test]
fn signatures_are_measured_by_size_of_batch_and_give_the_ceiling() {
    let dir = tempfile::tempdir().unwrap();
    let report = json(
        dir.path(),
        &[
            "bench",
            "signatures",
            "--each",
            "10",
            "--validators",
            "5",
            "--chart",
            "chart.svg",
        ],
    );
    let rates = report["rates"].as_array().unwrap();
    assert_eq!(rates[0]["batch"], 1);
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    for rate in rates {
        assert!(number(&rate["one_core"]) > 0.0 && number(&rate["all_cores"]) > 0.0);
    }
    let ceiling = &report["ceiling"];
    assert_eq!(ceiling["validators"], 5);
    let expected = number(&ceiling["cores"]) / 5.0 * number(&ceiling["checks_per_second_per_core"]);
    assert!((number(&ceiling["transactions_per_second"]) / expected - 1.0).abs() < 1e-6);
    let chart = fs::read_to_string(dir.path().join("chart.svg")).unwrap();
    assert!(chart.starts_with("<svg") && chart.contains("checks/s"));
}

#[test]
fn a_store_of_blocks_is_made_once_and_no_run_changes_it() {
    let dir = tempfile::tempdir().unwrap();
    let bench = [
        "bench",
        "blocks",
        "--accounts",
        "300",
        "--transactions",
        "250",
        "--per-block",
        "100",
        "--store",
        "kept",
    ];
    let first = json(dir.path(), &bench);
    assert_eq!(first["blocks"], 3);
    assert!(first["transactions_per_second"].as_f64().unwrap() > 0.0);
    for step in ["batches", "execute", "tree", "write", "flush", "total"] {
        assert!(
            first["us_per_transaction"][step].as_f64().unwrap() > 0.0,
            "{step}"
        );
    }
    assert!(first["disk_bytes_per_transaction"].as_f64().unwrap() > 0.0);
    assert!(first["start_up"]["tree_seconds"].as_f64().unwrap() > 0.0);
    assert!(first["memory_bytes"]["peak"].as_u64() >= first["memory_bytes"]["resident"].as_u64());
    let second = json(dir.path(), &bench);
    assert_eq!((&first["height"], &second["height"]), (&1.into(), &1.into()));
    let kept: Vec<_> = fs::read_dir(dir.path().join("kept"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].to_string_lossy().starts_with("accounts-300.format-"));
}

#[test]
fn blocks_without_a_store_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let bench = [
        "bench",
        "blocks",
        "--accounts",
        "2",
        "--transactions",
        "10",
        "--per-block",
        "4",
    ];
    let mut command = quorate_in(dir.path(), &bench);
    command.env("TMPDIR", dir.path());
    let (text, _) = outcome(command, 0);
    for word in ["transactions/s", "state tree", "B/transaction", "to open"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_chain_of_real_payments_is_checked_whole_in_parts_and_as_tables() {
    let dir = tempfile::tempdir().unwrap();
    let bench = [
        "bench",
        "audit",
        "--accounts",
        "300",
        "--transactions",
        "250",
        "--per-block",
        "50",
        "--parts",
        "3",
    ];
    let mut command = quorate_in(dir.path(), &[&bench[..], &["--output", "json"]].concat());
    command.env("TMPDIR", dir.path());
    let (stdout, _) = outcome(command, 0);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    // Two transactions of 256 and 44 operations fund the accounts, each in a block of its own.
    assert_eq!(
        (&report["transactions"], &report["blocks"]),
        (&252.into(), &7.into())
    );
    assert_eq!(report["alone"]["signatures"], 252);
    for check in ["from_bundle", "from_home", "on_one_core"] {
        let check = &report[check];
        assert_eq!(
            (&check["transactions"], &check["signatures"]),
            (&252.into(), &252.into())
        );
        assert!(check["share"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(report["parts"]["count"], 3);
    assert!(report["parts_factor"].as_f64().unwrap() > 0.0);
    assert!(report["tables"]["rows"].as_u64().unwrap() > 252);
    assert!(report["rows_per_second_per_core"].as_f64().unwrap() > 0.0);
    let mut command = quorate_in(dir.path(), &bench);
    command.env("TMPDIR", dir.path());
    let (text, _) = outcome(command, 0);
    for words in [
        "what both allow",
        "3 parts, each on a core",
        "audit tables",
        "rows/s and core",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");
}
