//! Members change their running network together: its parameters, its engine and back, and a key, with payments after
//! each change and no restart.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::time::Duration;

use crate::Cluster;
use crate::wait::until;

/// How long an epoch may take to end on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn key_of(cluster: &Cluster, member: u16) -> String {
    cluster
        .dir()
        .join(format!("validator-{member}.member.key"))
        .display()
        .to_string()
}

/// Puts a change to the vote, has three of four members say yes, and waits until all nodes are in the epoch after it.
#[track_caller]
fn decide(cluster: &Cluster, proposal: u64, change: &[&str]) {
    let before = cluster.epoch(1).unwrap();
    let first = key_of(cluster, 1);
    let mut propose = vec!["gov", "propose"];
    propose.extend(change);
    propose.extend(["--key", &first, "-y"]);
    assert_eq!(cluster.expect(0, &propose).json()["proposal"], proposal);
    let number = proposal.to_string();
    for member in 1..=3 {
        let shown = cluster.expect(0, &["gov", "show", &number]).json();
        assert_eq!(shown["state"], "open", "after {} votes", member - 1);
        let key = key_of(cluster, member);
        cluster.expect(0, &["gov", "vote", &number, "yes", "--key", &key, "-y"]);
    }
    begun(cluster, before);
    let shown = cluster.expect(0, &["gov", "show", &number]).json();
    assert_eq!(shown["state"], "executed");
}

#[track_caller]
fn begun(cluster: &Cluster, after: u64) {
    until("all four are in the next epoch", PATIENCE, || {
        (1..=4)
            .all(|number| cluster.epoch(number).is_some_and(|epoch| epoch > after))
            .then_some(())
    });
}

fn engine(cluster: &Cluster, number: u16) -> String {
    let api = cluster.api(number);
    let status = cluster.expect(0, &["query", "status", "--node", &api]).json();
    status["consensus"].as_str().unwrap().to_owned()
}

#[test]
fn members_change_parameters_engine_and_a_key_of_their_running_network() {
    let cluster = Cluster::up_governed();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");

    decide(&cluster, 0, &["parameters", "window=64"]);
    cluster.pay(&alice, "1");

    decide(&cluster, 1, &["engine", "raft"]);
    assert!((1..=4).all(|number| engine(&cluster, number) == "raft"));
    cluster.pay(&alice, "1");

    // The new key of a running node's seat votes from the next epoch on.
    let next = cluster.dir().join("validator-2/next");
    DirBuilder::new().mode(0o700).create(&next).unwrap();
    let file = next.join("validator.key").display().to_string();
    cluster.expect(0, &["keys", "new", &file, "--no-passphrase"]);
    let before = cluster.epoch(1).unwrap();
    let second = key_of(&cluster, 2);
    cluster.expect(
        0,
        &[
            "gov",
            "set-seat",
            "1",
            "--validator-key",
            &file,
            "--key",
            &second,
            "-y",
        ],
    );
    begun(&cluster, before);
    cluster.pay(&alice, "1");

    decide(&cluster, 2, &["engine", "pbft"]);
    assert!((1..=4).all(|number| engine(&cluster, number) == "pbft"));
    // Without another validator the new key's vote is needed.
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "up", "--detach"]);

    // Nor does a restart forget any of it.
    cluster.expect(0, &["localnet", "down"]);
    cluster.expect(0, &["localnet", "up", "--detach"]);
    cluster.pay(&alice, "1");
    let tip = cluster.common_tip();
    assert_eq!(cluster.balance(2, &alice), 600);
    cluster.expect(0, &["localnet", "down"]);
    let (home, genesis) = (
        cluster.dir().join("validator-2"),
        cluster.dir().join("genesis.toml"),
    );
    let (home, genesis) = (home.display().to_string(), genesis.display().to_string());
    let audited = cluster
        .expect(0, &["audit", "chain", "--home", &home, "--genesis", &genesis])
        .json();
    assert_eq!(audited["verdict"], "good");
    assert_eq!(audited["part"]["to"], tip.height);
}
