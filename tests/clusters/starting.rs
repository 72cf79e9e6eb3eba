//! What keeps a node from starting: said clearly, with exit code 1, and nothing harmed.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Cluster;
use crate::binary::quorate;
use crate::wait::until;

/// Runs a node that is expected to end by itself, and gives what it said.
#[track_caller]
fn refused(mut command: Command) -> String {
    let mut node = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("the node has ended", Duration::from_secs(20), || {
        node.try_wait().unwrap()
    });
    let output = node.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    stderr
}

fn node_run(cluster: &Cluster, name: &str) -> Command {
    let home = cluster.dir().join(name);
    cluster.command(&["node", "run", "--home", home.to_str().unwrap()])
}

#[test]
fn a_second_node_on_the_same_home_is_refused() {
    let cluster = Cluster::up();
    let said = refused(node_run(&cluster, "validator-1"));
    assert!(said.contains("in use by"), "{said}");
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
}

#[test]
fn a_port_in_use_is_named() {
    let cluster = Cluster::up();
    cluster.expect(0, &["localnet", "kill", "validator-2"]);
    let port = cluster.ports.api + 1;
    let held = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let said = refused(node_run(&cluster, "validator-2"));
    assert!(said.contains(&port.to_string()), "{said}");
    let up = cluster.expect(1, &["localnet", "up", "--detach"]);
    assert!(up.stderr.contains(&port.to_string()), "{}", up.stderr);
    assert_eq!(cluster.states(), ["running", "stopped", "running", "running"]);
    drop(held);
    cluster.expect(0, &["localnet", "up", "--detach"]);
}

#[test]
fn another_networks_genesis_is_refused_and_the_chain_is_left_alone() {
    let (cluster, other) = (Cluster::up(), Cluster::up());
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    let genesis = cluster.dir().join("validator-4/genesis.toml");
    let own = fs::read(&genesis).unwrap();
    fs::copy(other.dir().join("genesis.toml"), &genesis).unwrap();
    let said = refused(node_run(&cluster, "validator-4"));
    assert!(said.contains("genesis"), "{said}");

    // The keys of the other network's member do not make its chain this network's.
    for key in ["validator.key", "node.key", "witness.key"] {
        let (mine, theirs) = (cluster.dir().join("validator-4"), other.dir().join("validator-4"));
        fs::rename(mine.join(key), mine.join(format!("{key}.own"))).unwrap();
        fs::copy(theirs.join(key), mine.join(key)).unwrap();
    }
    refused(node_run(&cluster, "validator-4"));
    for key in ["validator.key", "node.key", "witness.key"] {
        let mine = cluster.dir().join("validator-4");
        fs::rename(mine.join(format!("{key}.own")), mine.join(key)).unwrap();
    }
    fs::write(&genesis, own).unwrap();
    cluster.expect(0, &["localnet", "up", "--detach"]);
    assert_eq!(cluster.balance(4, &alice), 100);
}

#[test]
fn a_disk_that_cannot_be_written_stops_the_start() {
    let cluster = Cluster::up();
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    let home = cluster.dir().join("validator-4");
    // A limit of no bytes a file refuses every write, to root too.
    let mut limited = Command::new("bash");
    limited
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 0; exec \"$0\" node run --home \"$1\"",
        ])
        .arg(quorate())
        .arg(&home);
    let said = refused(limited);
    assert!(said.contains("cannot be written"), "{said}");
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    cluster.common_tip();
}

/// A witness key is not opened by the running node; that it is missing or another's is said before it is needed.
#[test]
fn a_home_without_its_witness_key_is_found_by_the_check() {
    let (cluster, other) = (Cluster::up(), Cluster::up());
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    let home = cluster.dir().join("validator-4");
    let key = home.join("witness.key");
    let check = ["node", "check", "--home", home.to_str().unwrap()];
    let own = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let missing = cluster.run(&check);
    assert_ne!(missing.code, Some(0), "{}", missing.stdout);
    let said = format!("{}{}", missing.stdout, missing.stderr);
    assert!(said.contains("witness.key"), "{said}");
    fs::copy(other.dir().join("validator-4/witness.key"), &key).unwrap();
    let foreign = cluster.run(&check);
    assert_ne!(foreign.code, Some(0), "{}", foreign.stdout);
    let said = format!("{}{}", foreign.stdout, foreign.stderr);
    assert!(said.contains("witness"), "{said}");
    fs::write(&key, own).unwrap();
    cluster.expect(0, &check);
}

#[test]
fn a_loose_validator_key_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let cluster = Cluster::up();
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    let key = cluster.dir().join("validator-4/validator.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let home = cluster.dir().join("validator-4");
    cluster.expect(8, &["node", "run", "--home", home.to_str().unwrap()]);
    cluster.expect(8, &["node", "check", "--home", home.to_str().unwrap()]);
}

#[test]
fn a_home_can_be_checked_while_its_node_is_stopped() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    let tip = cluster.common_tip();
    let home = cluster.dir().join("validator-2");
    let home = home.to_str().unwrap();
    cluster.expect(1, &["node", "check", "--home", home]);
    cluster.expect(0, &["localnet", "down"]);
    let report = cluster.expect(0, &["node", "check", "--home", home]).json();
    assert_eq!(report["height"], tip.height);
    assert_eq!(report["state_root"], tip.state.as_str());
    assert_eq!(report["validator"], "validator-2");
}
