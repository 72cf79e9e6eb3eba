//! Epochs that a rejoin ends: who was silent votes again, and nobody is left behind.

use std::path::Path;

use crate::Cluster;
use crate::cluster::{PATIENCE, Ran};
use crate::wait::until;

fn rejoin(cluster: &Cluster, home: &Path, member: u16) -> Ran {
    let key = cluster.dir().join(format!("validator-{member}.member.key"));
    let (home, key) = (home.display().to_string(), key.display().to_string());
    cluster.run(&["node", "rejoin", "--home", &home, "--key", &key])
}

/// Waits until these validators are in this epoch.
#[track_caller]
fn in_epoch(cluster: &Cluster, epoch: u64, validators: &[u16]) {
    until("they are in the next epoch", PATIENCE, || {
        let there = |number: &u16| cluster.epoch(*number) == Some(epoch);
        validators.iter().all(there).then_some(())
    });
}

#[test]
fn pitfall_28_a_validator_that_lost_its_journal_votes_again_after_a_rejoin() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    let home = cluster.lose_journal("validator-4");
    // Another member's word is none: it speaks for its own validator, whose token this is not.
    let mistaken = rejoin(&cluster, &home, 3);
    assert_eq!(mistaken.code, Some(0), "{}", mistaken.stderr);
    in_epoch(&cluster, 1, &[1, 2, 3, 4]);
    assert!(home.join("quarantined").exists());
    let rejoined = rejoin(&cluster, &home, 4);
    assert_eq!(rejoined.code, Some(0), "{}", rejoined.stderr);
    in_epoch(&cluster, 2, &[1, 2, 3, 4]);
    until("the file is gone", PATIENCE, || {
        (!home.join("quarantined").exists()).then_some(())
    });
    // Once more is not possible, nor needed.
    let again = rejoin(&cluster, &home, 4);
    assert_eq!(again.code, Some(3), "{}", again.stderr);
    // With one of the others gone, its vote is needed, and is there, after a restart too.
    cluster.expect(0, &["localnet", "kill", "validator-3"]);
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "restart", "validator-3"]);
    cluster.common_tip();
    assert_eq!(cluster.balance(4, &alice), 300);
    let network = cluster.expect(0, &["query", "validators"]).stdout;
    assert!(network.contains("validator-4"), "{network}");
}

#[test]
fn a_validator_that_was_away_over_the_end_of_an_epoch_finds_into_the_next() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    cluster.expect(0, &["localnet", "kill", "validator-3"]);
    // Nobody has to be silent for a member to end an epoch: any token does.
    let home = cluster.folder().join("home");
    std::fs::create_dir(&home).unwrap();
    let genesis = cluster.dir().join("validator-4/genesis.toml");
    std::fs::copy(genesis, home.join("genesis.toml")).unwrap();
    let token = "ab".repeat(32);
    std::fs::write(
        home.join("quarantined"),
        format!("reason = \"a test\"\ntoken = \"{token}\"\n"),
    )
    .unwrap();
    let rejoined = rejoin(&cluster, &home, 4);
    assert_eq!(rejoined.code, Some(0), "{}", rejoined.stderr);
    in_epoch(&cluster, 1, &[1, 2, 4]);
    // The former epoch is over for them once the new one has a block.
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "restart", "validator-3"]);
    in_epoch(&cluster, 1, &[3]);
    cluster.common_tip();
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    cluster.common_tip();
    let network = cluster.expect(0, &["query", "status"]).json();
    assert_eq!(network["epoch"], 1);
    // Who believes no node follows the committees from the genesis document.
    let genesis = cluster
        .dir()
        .join("validator-1/genesis.toml")
        .display()
        .to_string();
    let checked = cluster.transfer(&alice, "1", &["--genesis", &genesis]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}
