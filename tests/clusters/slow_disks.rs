//! Disks whose flushes take as long as timeouts or longer, and one that fails.
//!
//! Each node loads `quorate-slowdisk` before the C library; what its flushes meet is said by a file in its home,
//! which changes while it runs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use crate::Cluster;
use crate::cluster::PATIENCE;
use crate::wait::until;

const PROTOCOLS: [&str; 3] = ["pbft", "raft", "paxos"];

/// What the library looks for in a home.
const CONTROL: &str = "disk-trouble";

/// Payments a second that are offered: far below what four validators take with good disks.
const RATE: &str = "60";

/// The library, which Cargo builds beside the tests.
#[track_caller]
fn library() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let library = tests.with_file_name("libquorate_slowdisk.so");
    assert!(library.exists(), "{} is missing", library.display());
    library
}

/// What the flushes of validators meet from now on.
fn trouble(cluster: &Cluster, validators: impl IntoIterator<Item = u16>, what: &str) {
    for number in validators {
        let home = cluster.dir().join(format!("validator-{number}"));
        // Renamed into its place, so that no flush reads half of it.
        let new = home.join("disk-trouble.new");
        std::fs::write(&new, what).unwrap();
        std::fs::rename(new, home.join(CONTROL)).unwrap();
    }
}

/// Four validators whose flushes take so long from their second start on.
#[track_caller]
fn slow_from_the_start(protocol: &str, ms: &str) -> Cluster {
    let cluster = Cluster::up_with(protocol, Some(library()));
    cluster.expect(0, &["localnet", "down"]);
    for number in 1..=4 {
        // Reigns of the first start are none of this story's.
        let log = cluster.dir().join(format!("validator-{number}/node.log"));
        std::fs::write(log, "").unwrap();
    }
    trouble(&cluster, 1..=4, ms);
    cluster.expect(0, &["localnet", "up", "--detach"]);
    cluster
}

/// The reigns that have begun at any validator, by what the logs say.
fn reigns(cluster: &Cluster) -> BTreeSet<u64> {
    let mut reigns = BTreeSet::new();
    for number in 1..=4 {
        let log = cluster.dir().join(format!("validator-{number}/node.log"));
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let begun = text.lines().filter(|line| line.contains("reign begun"));
        reigns.extend(begun.filter_map(|line| {
            let (_, number) = line.split_once("reign=")?;
            number.split_whitespace().next()?.parse::<u64>().ok()
        }));
    }
    reigns
}

/// Whoever leads, once all four say the same.
#[track_caller]
fn leader(cluster: &Cluster) -> u16 {
    until("all four name one leader", PATIENCE, || {
        let names: BTreeSet<Option<String>> = (1..=4)
            .map(|number| {
                let ran = cluster.run(&["query", "status", "--node", &cluster.api(number)]);
                let status = (ran.code == Some(0)).then(|| ran.json())?;
                Some(status["primary"].as_str()?.to_owned())
            })
            .collect();
        let name = names.first()?.as_ref().filter(|_| names.len() == 1)?;
        name.strip_prefix("validator-")?.parse().ok()
    })
}

/// Offers payments for so many seconds.
#[track_caller]
fn offer(cluster: &Cluster, seconds: &str) -> Value {
    let mut bench = cluster.command(&[
        "bench",
        "transfers",
        "--localnet",
        "net",
        "--accounts",
        "40",
        "--rate",
        RATE,
        "--warmup",
        "1",
        "--duration",
        seconds,
        "--output",
        "json",
    ]);
    let output = bench
        .env_remove("QUORATE_NODE")
        .env_remove("QUORATE_KEY")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn number(report: &Value, path: &str) -> f64 {
    let value = report.pointer(path).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("{path} is missing: {report}"))
}

fn said(report: &Value) -> String {
    format!(
        "{:.0} payments/s, p50 {:.0} ms, p99 {:.0} ms",
        number(report, "/transactions_per_second"),
        number(report, "/latency_ms/p50"),
        number(report, "/latency_ms/p99"),
    )
}

/// Everybody's flushes take 300 ms from the first election on: 30 s later the leader has changed once at most.
#[track_caller]
fn all_slow_keep_their_leader(protocol: &str) {
    let cluster = slow_from_the_start(protocol, "300");
    leader(&cluster);
    let before = reigns(&cluster);
    let report = offer(&cluster, "30");
    let after = reigns(&cluster);
    println!("{protocol}: {}; reigns {before:?}, {after:?}", said(&report));
    assert!(number(&report, "/committed") > 0.0, "{report}");
    assert!(after.len() <= before.len() + 1, "{before:?} and then {after:?}");
}

#[test]
fn pbft_keeps_its_primary_where_every_flush_takes_300_ms() {
    all_slow_keep_their_leader("pbft");
}

#[test]
fn raft_keeps_its_leader_where_every_flush_takes_300_ms() {
    all_slow_keep_their_leader("raft");
}

#[test]
fn paxos_keeps_its_proposer_where_every_flush_takes_300_ms() {
    all_slow_keep_their_leader("paxos");
}

#[test]
#[ignore = "a minute for each protocol"]
fn payments_are_committed_where_every_flush_takes_two_seconds() {
    for protocol in PROTOCOLS {
        let cluster = Cluster::up_with(protocol, Some(library()));
        let alice = cluster.key("alice.key");
        cluster.pay(&alice, "1");
        trouble(&cluster, 1..=4, "2000");
        for _ in 0..2 {
            let paid = cluster.transfer(&alice, "1", &["--timeout", "100"]);
            assert_eq!(paid.code, Some(0), "{protocol}: {}", paid.stderr);
        }
        println!("{protocol}: reigns {:?}", reigns(&cluster));
        trouble(&cluster, 1..=4, "0");
        cluster.common_tip();
    }
}

/// The leader's flushes begin to take 2 s, and nobody else's.
#[track_caller]
fn a_slow_leader_is_replaced(protocol: &str) {
    let cluster = Cluster::up_with(protocol, Some(library()));
    let slow = leader(&cluster);
    let before = offer(&cluster, "8");
    let slow = {
        let now = leader(&cluster);
        assert_eq!(now, slow, "nobody has a reason to replace it yet");
        now
    };
    trouble(&cluster, [slow], "2000");
    let during = offer(&cluster, "8");
    until("another leads", PATIENCE, || {
        (leader(&cluster) != slow).then_some(())
    });
    let after = offer(&cluster, "8");
    println!(
        "{protocol}: before {}; at first {}; after {}; reigns {:?}",
        said(&before),
        said(&during),
        said(&after),
        reigns(&cluster)
    );
    let rate = |report| number(report, "/transactions_per_second");
    assert!(rate(&after) >= 0.7 * rate(&before), "{before} {after}");
    trouble(&cluster, [slow], "0");
    cluster.common_tip();
}

#[test]
fn pbft_replaces_a_primary_whose_flushes_take_two_seconds() {
    a_slow_leader_is_replaced("pbft");
}

#[test]
#[ignore = "as for PBFT, three quarters of a minute"]
fn raft_replaces_a_leader_whose_flushes_take_two_seconds() {
    a_slow_leader_is_replaced("raft");
}

#[test]
#[ignore = "as for PBFT, three quarters of a minute"]
fn paxos_replaces_a_proposer_whose_flushes_take_two_seconds() {
    a_slow_leader_is_replaced("paxos");
}

#[test]
fn a_node_whose_disk_fails_says_so_ends_and_has_lost_nothing() {
    let cluster = Cluster::up_with("pbft", Some(library()));
    let alice = cluster.key("alice.key");
    for _ in 0..3 {
        cluster.pay(&alice, "1");
    }
    trouble(&cluster, [4], "fail");
    cluster.pay(&alice, "1");
    until("validator-4 has ended", PATIENCE, || {
        (cluster.states()[3] != "running").then_some(())
    });
    let log = cluster.dir().join("validator-4/node.log");
    let text = std::fs::read_to_string(log).unwrap();
    let last = text.lines().rfind(|line| line.starts_with("quorate: "));
    let last = last.unwrap_or_else(|| panic!("it has not said why: {text}"));
    println!("{last}");
    assert!(last.contains("cannot be written"), "{last}");
    assert!(last.contains("Input/output error"), "{last}");
    // The others go on, and once the disk is good again the node does from where it was.
    cluster.pay(&alice, "1");
    trouble(&cluster, [4], "0");
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    cluster.common_tip();
    assert_eq!(cluster.balance(4, &alice), 500);
    cluster.pay(&alice, "1");
}

#[test]
fn a_home_on_a_disk_that_fails_is_refused_with_its_reason() {
    let cluster = Cluster::up_with("pbft", Some(library()));
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    trouble(&cluster, [4], "fail");
    let home = cluster.dir().join("validator-4");
    let ran = cluster.run(&["node", "run", "--home", &home.display().to_string()]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("Input/output error"), "{}", ran.stderr);
    trouble(&cluster, [4], "0");
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    cluster.common_tip();
}

/// The table of docs/performance.md: what slow disks cost.
#[test]
#[ignore = "it measures for ten minutes and asserts nothing"]
fn table() {
    println!("| engine | flushes | payments/s | p50 ms | p99 ms | changes of leader |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for protocol in PROTOCOLS {
        let all = 1..=4u16;
        for (what, ms) in [
            ("as the disk is", "0"),
            ("20 ms more", "20"),
            ("300 ms more", "300"),
            ("2 s more", "2000"),
            ("2 s more, the leader's alone", "2000"),
        ] {
            let cluster = Cluster::up_with(protocol, Some(library()));
            let leader = leader(&cluster);
            if what.contains("alone") {
                trouble(&cluster, [leader], ms);
            } else {
                trouble(&cluster, all.clone(), ms);
            }
            let before = reigns(&cluster).len();
            let report = offer(&cluster, "20");
            let changes = reigns(&cluster).len() - before;
            println!(
                "| {protocol} | {what} | {:.0} | {:.0} | {:.0} | {changes} |",
                number(&report, "/transactions_per_second"),
                number(&report, "/latency_ms/p50"),
                number(&report, "/latency_ms/p99"),
            );
            trouble(&cluster, all.clone(), "0");
        }
    }
}
