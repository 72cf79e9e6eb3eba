//! Benchmarks of networks: short runs, and what their reports have.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::Cluster;
use crate::cluster::command;
use crate::ports::Ports;

/// Runs a benchmark that has to succeed, and gives its report.
#[track_caller]
fn report(mut bench: Command) -> Value {
    let output = bench.args(["--output", "json"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{bench:?}\n{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn number(report: &Value, path: &str) -> f64 {
    let value = report.pointer(path).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("{path} is missing: {report}"))
}

/// A benchmark on the cluster as `--localnet`, which names its nodes and its treasury.
fn on(cluster: &Cluster, arguments: &[&str]) -> Command {
    let mut bench = cluster.command(arguments);
    bench
        .env_remove("QUORATE_NODE")
        .env_remove("QUORATE_KEY")
        .args(["--localnet", "net"]);
    bench
}

/// What every report on a load has, of a network whose processes are looked at.
#[track_caller]
fn check_load(report: &Value) {
    assert_eq!(report["nodes"], 4);
    assert_eq!(
        number(report, "/offered"),
        number(report, "/committed"),
        "{report}"
    );
    assert!(number(report, "/transactions_per_second") > 0.0);
    assert!(number(report, "/share_of_ceiling") > 0.0);
    let latency = |name: &str| number(report, &format!("/latency_ms/{name}"));
    let ascending = ["p50", "p90", "p99", "p99.9", "max"].map(latency);
    assert!(ascending[0] > 0.0 && ascending.is_sorted(), "{report}");
    assert!(!report["by_second"].as_array().unwrap().is_empty());
    let validators = "/usage/validators";
    assert_eq!(number(report, &format!("{validators}/validators")), 4.0);
    for positive in [
        "cpu_seconds",
        "cpu_us_per_transaction",
        "transactions",
        "blocks",
        "transactions_per_block",
        "transactions_per_batch",
        "journal_flushes",
        "chain_flushes",
        "wire_bytes_per_transaction",
        "resident_memory_bytes",
    ] {
        let value = number(report, &format!("{validators}/{positive}"));
        assert!(value > 0.0, "{positive}: {report}");
    }
}

#[test]
fn loads_tell_what_client_and_validators_took() {
    let cluster = Cluster::up();
    let brief = ["--duration", "4", "--warmup", "1", "--accounts", "300"];
    let transfers = [
        ["bench", "transfers", "--in-flight", "2", "--bundle", "10"].as_slice(),
        &["--payments-per-transaction", "3", "--sign-ahead=200"],
        &["--chart", "chart.svg"],
        &brief,
    ];
    let transfers = report(on(&cluster, &transfers.concat()));
    check_load(&transfers);
    assert_eq!(transfers["signed_ahead"], 200);
    assert_eq!(transfers["payments_per_transaction"], 3);
    let ratio = number(&transfers, "/payments_per_second") / number(&transfers, "/transactions_per_second");
    assert!((ratio - 3.0).abs() < 1e-6);
    let chart = fs::read_to_string(cluster.folder().join("chart.svg")).unwrap();
    assert!(chart.starts_with("<svg") && chart.contains("p99"));

    let records = [
        ["bench", "records", "--rate", "20", "--payload", "100"].as_slice(),
        &["--records-per-transaction", "10", "--sign-ahead"],
        &brief,
    ];
    let records = report(on(&cluster, &records.concat()));
    check_load(&records);
    assert_eq!(records["records_per_transaction"], 10);
    // Enough for the warm-up too.
    assert!(number(&records, "/signed_ahead") >= 100.0);
}

#[test]
fn a_new_validator_catches_up_with_what_was_committed_without_it() {
    let (folder, ports) = (tempfile::tempdir().unwrap(), Ports::take());
    let mut bench = command();
    bench
        .current_dir(folder.path())
        .args([
            "bench",
            "sync",
            "--load",
            "1",
            "--dir",
            "net",
            "--chart",
            "chart.svg",
        ])
        .args([
            "--api-port",
            &ports.api.to_string(),
            "--p2p-port",
            &ports.p2p.to_string(),
        ]);
    let report = report(bench);
    for positive in [
        "blocks",
        "transactions",
        "seconds",
        "first_block_seconds",
        "transactions_per_second",
        "chain_bytes",
        "sent_bytes",
        "megabytes_per_second",
        "joiner_cpu_seconds",
    ] {
        assert!(
            number(&report, &format!("/{positive}")) > 0.0,
            "{positive}: {report}"
        );
    }
    let heights = report["heights"].as_array().unwrap();
    assert!(heights.last().unwrap()[1].as_u64() >= report["blocks"].as_u64());
    assert!(
        fs::read_to_string(folder.path().join("chart.svg"))
            .unwrap()
            .starts_with("<svg")
    );
    assert!(!folder.path().join("net").exists());
}
