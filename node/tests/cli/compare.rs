//! The comparison of the protocols: what it refuses, and a short one that starts no network.

use std::fs;

use crate::{json, run};

#[test]
fn a_comparison_refuses_what_makes_no_sense_before_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, word) in [
        (["--tolerate", "0"].as_slice(), "--tolerate"),
        (&["--validators", "3"], "--validators"),
        (&["--validators", "4", "--tolerate", "1"], "--tolerate"),
        (&["--seeds", "0"], "--seeds"),
        (&["--simulation-only", "--networks-only"], "--networks-only"),
    ] {
        let (stdout, stderr) = run(dir.path(), &[&["compare"], arguments].concat(), 2);
        assert!(stderr.contains(word), "{arguments:?}: {stderr}");
        assert!(stdout.is_empty());
    }
    let (_, stderr) = run(dir.path(), &["compare", "--networks-only", "--dir", "none"], 1);
    assert!(stderr.contains("none is not a directory"), "{stderr}");
    fs::write(dir.path().join("file"), "").unwrap();
    run(
        dir.path(),
        &["compare", "--simulation-only", "--charts", "file"],
        1,
    );
}

#[test]
fn a_short_comparison_says_what_each_protocol_costs_and_outlives() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = [
        "compare",
        "--simulation-only",
        "--tolerate",
        "1",
        "--seeds",
        "2",
        "--trials",
        "4",
        "--charts",
        "charts",
    ];
    let report = json(dir.path(), &arguments);
    assert!(report["measured"].is_null());
    let networks = report["simulated"]["groups"][0]["networks"].as_array().unwrap();
    let of = |field: &str| -> Vec<u64> {
        let values = networks
            .iter()
            .map(|network| network["one_batch"][field].as_f64());
        values.map(|value| value.unwrap() as u64).collect()
    };
    // Four validators of PBFT, three of Raft and of Paxos.
    assert_eq!(of("messages")[0], 3 + 9 + 12 + 12);
    assert_eq!(of("messages")[2], 2 + 2 + 2 + 6);
    assert_eq!(of("delays_to_certified_everywhere"), [5, 5, 5]);
    let outcome = |network: usize, fault: &str, field: &str| {
        let faults = networks[network]["faults"].as_array().unwrap();
        let found = faults.iter().find(|found| found["fault"] == fault).unwrap();
        found[field].as_u64().unwrap()
    };
    for network in 0..3 {
        assert_eq!(outcome(network, "leader_crashes", "went_on"), 2);
        assert_eq!(outcome(network, "no_quorum", "stood_still"), 2);
    }
    assert_eq!(outcome(0, "leader_lies", "certified_differently"), 0);
    assert!(outcome(2, "leader_lies", "decided_differently") > 0);
    // What honest validators certified twice, a witness proves to whoever knows the first block.
    for network in [1, 2] {
        let faults = networks[network]["faults"].as_array().unwrap();
        let lies = faults
            .iter()
            .find(|found| found["fault"] == "leader_lies")
            .unwrap();
        let witness = &lies["witness"];
        let found = witness["found"].as_u64().unwrap_or(0);
        assert_eq!(
            found,
            outcome(network, "leader_lies", "certified_differently"),
            "{lies}"
        );
        if let Some(proof) = witness["proof"].as_str() {
            fs::write(dir.path().join("two-histories.proof"), proof).unwrap();
            let trusted = witness["trusted"].as_str().unwrap();
            let verify = ["audit", "verify", "two-histories.proof", "--trusted", trusted];
            let verdict = json(dir.path(), &verify);
            assert!(verdict.to_string().contains("sealed_both"), "{verdict}");
        }
    }
    for (chart, word) in [
        ("messages.svg", "Paxos 3"),
        ("latency.svg", "message delays"),
        ("elections-raft.svg", "150-155 ms"),
        ("elections-paxos.svg", "150-155 ms"),
    ] {
        let svg = fs::read_to_string(dir.path().join("charts").join(chart)).unwrap();
        assert!(svg.contains(word), "{chart}");
        assert!(svg.len() < 60_000, "{chart} has {} bytes", svg.len());
    }
}
