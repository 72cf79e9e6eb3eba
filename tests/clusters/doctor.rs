//! `quorate node doctor` on faults that were made: each is found, with its cause and by name.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::wait::until;
use crate::{Cluster, http};

/// How long a fault may take until it shows: a peer that is silent is given up after six seconds.
const SHOWN: Duration = Duration::from_secs(40);

fn home(cluster: &Cluster, number: u16) -> String {
    cluster
        .dir()
        .join(format!("validator-{number}"))
        .display()
        .to_string()
}

/// The doctor's word on a validator, once it has this exit code and a finding of this cause.
#[track_caller]
fn doctor(cluster: &Cluster, number: u16, code: i32, cause: &str) -> (Value, Value) {
    until(&format!("the doctor finds: {cause}"), SHOWN, || {
        let ran = cluster.run(&["node", "doctor", "--home", &home(cluster, number), "--look", "2"]);
        let report = ran.json();
        let findings = report["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["cause"] == cause).cloned();
        found
            .filter(|_| ran.code == Some(code))
            .map(|found| (report, found))
    })
}

#[test]
fn a_healthy_node_passes_and_one_killed_is_named() {
    let cluster = Cluster::up();
    let report = cluster
        .expect(0, &["node", "doctor", "--home", &home(&cluster, 1)])
        .json();
    assert_eq!(report["findings"], serde_json::json!([]));
    cluster.expect(0, &["localnet", "kill", "validator-3"]);
    let (_, link) = doctor(&cluster, 1, 0, "link");
    assert_eq!(link["validators"], serde_json::json!(["validator-3"]));
    let (_, process) = doctor(&cluster, 3, 6, "process");
    assert!(
        process["what"].as_str().unwrap().contains("no node runs"),
        "{process}"
    );
}

#[test]
fn without_a_quorum_the_missing_are_named_and_the_step_too() {
    let cluster = Cluster::up();
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    cluster.expect(0, &["localnet", "pause", "validator-3"]);
    let alice = cluster.key("alice.key");
    cluster.transfer(&alice, "1", &["--no-wait"]);
    let (report, quorum) = doctor(&cluster, 1, 7, "quorum");
    assert_eq!(report["verdict"], "standing");
    assert_eq!(
        quorum["validators"],
        serde_json::json!(["validator-3", "validator-4"])
    );
    let (_, process) = doctor(&cluster, 3, 6, "process");
    assert!(process["what"].as_str().unwrap().contains("paused"), "{process}");
    let heights = &report["consensus"]["heights"];
    assert!(
        heights.as_array().is_some_and(|heights| !heights.is_empty()),
        "{report}"
    );
    // Once it has lasted, nobody is told to wait, and the explorer says the same.
    let stall = || {
        let page = http::send(cluster.ports.api, "GET", "/", "text/html", b"").body;
        let page = String::from_utf8(page).unwrap();
        let (_, stall) = page.split_once("id=\"stall\"")?;
        Some(stall.split_once("</section>")?.0.to_owned())
    };
    until("the overview tells of the stall and its reason", SHOWN, || {
        stall().filter(|told| told.contains("2 of 4 validators reach each other"))
    });
    let (report, _) = doctor(&cluster, 1, 7, "quorum");
    let remedies: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|finding| finding["remedy"].as_str())
        .collect();
    assert!(
        remedies.iter().all(|remedy| !remedy.starts_with("wait")),
        "{remedies:?}"
    );
    // What nodes answer is told in words.
    let status = cluster.expect(0, &["localnet", "status"]).json();
    let reason = status["validators"][0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("not ready: ") && !reason.contains('{'),
        "{reason}"
    );
    cluster.expect(0, &["localnet", "resume", "validator-3"]);
    until("the stall is over", SHOWN, || stall().is_none().then_some(()));
}

#[test]
fn a_partition_is_seen_from_both_sides() {
    let cluster = Cluster::up();
    cluster.expect(0, &["localnet", "partition", "validator-2"]);
    let (_, alone) = doctor(&cluster, 2, 7, "quorum");
    assert_eq!(alone["validators"].as_array().unwrap().len(), 3);
    let (_, link) = doctor(&cluster, 1, 0, "link");
    assert_eq!(link["validators"], serde_json::json!(["validator-2"]));
    cluster.expect(0, &["localnet", "heal"]);
}

#[test]
fn a_lost_journal_is_told_before_and_after_the_start() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    fs::remove_dir_all(cluster.dir().join("validator-4/journal")).unwrap();
    doctor(&cluster, 4, 6, "quarantine");
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    let (report, quarantine) = doctor(&cluster, 4, 7, "quarantine");
    assert_eq!(report["verdict"], "idle");
    assert_eq!(quarantine["validators"], serde_json::json!(["validator-4"]));
}

#[test]
fn another_genesis_document_of_the_same_members_is_named() {
    let cluster = Cluster::up();
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    other_genesis(&cluster);
    let own = cluster.dir().join("validator-4");
    fs::copy(cluster.folder().join("genesis.toml"), own.join("genesis.toml")).unwrap();
    for database in ["chain", "journal"] {
        fs::remove_dir_all(own.join(database)).unwrap();
    }
    let mut node = cluster.command(&["node", "run", "--home", own.to_str().unwrap()]);
    let mut node = node.spawn().unwrap();
    let (_, genesis) = doctor(&cluster, 1, 0, "genesis");
    assert_eq!(genesis["validators"], serde_json::json!(["validator-4"]));
    node.kill().unwrap();
    node.wait().unwrap();
}

/// A document with the members and keys of the network, and another name.
fn other_genesis(cluster: &Cluster) {
    let names: Vec<String> = (1..=4).map(|number| format!("validator-{number}")).collect();
    let members = names.iter().flat_map(|name| ["--member", name]);
    let arguments: Vec<&str> = ["genesis", "new", "--network", "other"]
        .into_iter()
        .chain(members)
        .collect();
    cluster.expect(0, &arguments);
    for (port, name) in (cluster.ports.p2p..).zip(&names) {
        let (home, key) = (
            cluster.dir().join(name),
            cluster.dir().join(format!("{name}.member.key")),
        );
        let address = format!("/ip4/127.0.0.1/tcp/{port}");
        let join = [
            "genesis",
            "join",
            "--member",
            name,
            "--home",
            home.to_str().unwrap(),
        ];
        let with = ["--member-key", key.to_str().unwrap(), "--address", &address];
        cluster.expect(0, &[join.as_slice(), &with].concat());
    }
    let joins: Vec<String> = names.iter().map(|name| format!("{name}.join.toml")).collect();
    let mut assemble = vec!["genesis", "assemble"];
    assemble.extend(joins.iter().map(String::as_str));
    cluster.expect(0, &assemble);
}
