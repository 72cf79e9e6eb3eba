//! Homes that go back to a former state: an old backup must not vote against what was signed since.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Cluster;
use crate::cluster::PATIENCE;
use crate::wait::until;

const NAME: &str = "validator-4";

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

/// Copies the home of a stopped validator.
fn back_up(cluster: &Cluster) -> PathBuf {
    cluster.expect(0, &["localnet", "kill", NAME]);
    let backup = cluster.folder().join("backup");
    copy(&cluster.dir().join(NAME), &backup);
    cluster.expect(0, &["localnet", "restart", NAME]);
    backup
}

/// Puts the copy in the place of a stopped validator's home, but for the log, which goes on.
fn restore(cluster: &Cluster, backup: &Path) -> PathBuf {
    let home = cluster.dir().join(NAME);
    let log = std::fs::read(home.join("node.log")).unwrap();
    std::fs::remove_dir_all(&home).unwrap();
    copy(backup, &home);
    std::fs::write(home.join("node.log"), log).unwrap();
    home
}

/// The heights whose certificates have a seal of the validator, from one height on.
fn sealed_by_the_restored(cluster: &Cluster, from: u64) -> Vec<u64> {
    let tip = cluster.tip(1).unwrap().height;
    let sealed = |height: &u64| {
        let block = cluster.expect(0, &["query", "block", &height.to_string()]).json();
        let seals = block["seals"].as_array().unwrap();
        seals.iter().any(|seal| seal["validator"] == NAME)
    };
    (from..=tip).filter(sealed).collect()
}

#[test]
fn pitfall_27_a_validator_restored_from_a_backup_is_silent_before_it_signs_anything() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    let backup = back_up(&cluster);
    // Its votes and seals are needed now: they are among what the others hold.
    cluster.expect(0, &["localnet", "kill", "validator-3"]);
    for _ in 0..3 {
        cluster.pay(&alice, "1");
    }
    cluster.expect(0, &["localnet", "restart", "validator-3"]);
    let before = cluster.common_tip();
    assert_eq!(sealed_by_the_restored(&cluster, before.height), [before.height]);
    cluster.expect(0, &["localnet", "kill", NAME]);
    let home = restore(&cluster, &backup);
    assert!(!home.join("quarantined").exists());
    cluster.expect(0, &["localnet", "restart", NAME]);
    until("it has found out", PATIENCE, || {
        home.join("quarantined").exists().then_some(())
    });
    let reason = std::fs::read_to_string(home.join("quarantined")).unwrap();
    assert!(reason.contains("does not remember"), "{reason}");
    let doctor = cluster.run(&["node", "doctor", "--home", &home.display().to_string()]);
    assert!(doctor.stdout.contains("does not remember"), "{}", doctor.stdout);
    // The others go on, it follows, and it has signed nothing.
    for _ in 0..3 {
        cluster.pay(&alice, "1");
    }
    let after = cluster.common_tip();
    assert!(after.height > before.height);
    assert_eq!(cluster.balance(4, &alice), 700);
    assert_eq!(
        sealed_by_the_restored(&cluster, before.height + 1),
        Vec::<u64>::new()
    );
    let evidence = cluster.expect(0, &["query", "evidence"]).json();
    assert_eq!(evidence["evidence"].as_array().unwrap().len(), 0, "{evidence}");
}

#[test]
fn pitfall_27_so_is_one_whose_peers_have_restarted_since() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    let backup = back_up(&cluster);
    cluster.expect(0, &["localnet", "kill", "validator-3"]);
    for _ in 0..3 {
        cluster.pay(&alice, "1");
    }
    // All that the others know of its votes is in the certificates of their blocks.
    cluster.expect(0, &["localnet", "restart", "validator-3"]);
    cluster.common_tip();
    cluster.expect(0, &["localnet", "down"]);
    let home = restore(&cluster, &backup);
    cluster.expect(0, &["localnet", "up", "--detach"]);
    until("it has found out", PATIENCE, || {
        home.join("quarantined").exists().then_some(())
    });
    cluster.pay(&alice, "1");
    cluster.common_tip();
}

#[test]
fn pitfall_28_a_validator_whose_whole_home_was_wiped_but_for_its_keys_is_silent() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "kill", "validator-3"]);
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "restart", "validator-3"]);
    cluster.common_tip();
    cluster.expect(0, &["localnet", "kill", NAME]);
    let home = cluster.dir().join(NAME);
    for database in ["journal", "chain"] {
        std::fs::remove_dir_all(home.join(database)).unwrap();
    }
    cluster.expect(0, &["localnet", "restart", NAME]);
    until("it has found out", PATIENCE, || {
        home.join("quarantined").exists().then_some(())
    });
    cluster.pay(&alice, "1");
    cluster.common_tip();
    assert_eq!(cluster.balance(4, &alice), 300);
}
