//! Restarts, kills, pauses and partitions.

use std::time::Duration;

use crate::Cluster;
use crate::cluster::{PATIENCE, Tip};
use crate::wait::until;

#[test]
fn stop_and_start_of_all_four_gives_the_same_tip_and_state() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    for _ in 0..5 {
        cluster.pay(&alice, "1");
    }
    let before = cluster.common_tip();
    cluster.expect(0, &["localnet", "down"]);
    assert_eq!(cluster.states(), ["stopped"; 4]);
    cluster.expect(0, &["localnet", "up", "--detach"]);
    assert_eq!(cluster.common_tip(), before);
    cluster.pay(&alice, "1");
    assert_eq!(cluster.balance(3, &alice), 600);
}

#[test]
fn kill_of_all_four_at_once_loses_nothing_that_was_committed() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    for _ in 0..5 {
        cluster.pay(&alice, "1");
    }
    let names = ["validator-1", "validator-2", "validator-3", "validator-4"];
    cluster.expect(0, &[["localnet", "kill"].as_slice(), &names].concat());
    cluster.expect(0, &["localnet", "up", "--detach"]);
    cluster.common_tip();
    assert_eq!(cluster.balance(1, &alice), 500);
    cluster.pay(&alice, "1");
}

/// Kills one validator, goes on without it, and starts it again.
fn kill_and_catch_up(number: u16) {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let name = format!("validator-{number}");
    let other = cluster.api(number % 4 + 1);
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "kill", &name]);
    let first = cluster.transfer(&alice, "1", &["--node", &other, "--timeout", "60"]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    for _ in 0..4 {
        let paid = cluster.transfer(&alice, "1", &["--node", &other]);
        assert_eq!(paid.code, Some(0), "{}", paid.stderr);
    }
    assert_eq!(cluster.tip(number), None);
    cluster.expect(0, &["localnet", "restart", &name]);
    let tip: Tip = cluster.common_tip();
    assert!(tip.height >= 6);
    assert_eq!(cluster.balance(number, &alice), 600);
}

#[test]
fn a_killed_backup_leaves_the_others_committing_and_catches_up() {
    kill_and_catch_up(3);
}

#[test]
fn a_killed_primary_is_replaced_and_catches_up() {
    kill_and_catch_up(1);
}

#[test]
fn a_paused_validator_is_shown_and_goes_on_where_it_was() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.expect(0, &["localnet", "pause", "validator-4"]);
    assert_eq!(cluster.states()[3], "paused");
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "resume", "validator-4"]);
    cluster.common_tip();
    assert_eq!(cluster.balance(4, &alice), 100);
}

#[test]
fn without_a_quorum_nothing_is_committed_and_after_healing_it_is() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    cluster.expect(0, &["localnet", "partition", "validator-3", "validator-4"]);
    let stuck = cluster.transfer(&alice, "1", &["--timeout", "3"]);
    assert_eq!(stuck.code, Some(5), "{}", stuck.stderr);
    assert_eq!(cluster.balance(1, &alice), 100);
    cluster.expect(0, &["localnet", "heal"]);
    until("the stuck transfer is committed", Duration::from_secs(60), || {
        (cluster.balance(1, &alice) == 200).then_some(())
    });
    cluster.common_tip();
}

#[test]
fn one_validator_cut_off_catches_up_after_healing() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.expect(0, &["localnet", "partition", "validator-2"]);
    for _ in 0..3 {
        cluster.pay(&alice, "1");
    }
    assert_eq!(cluster.balance(2, &alice), 0);
    cluster.expect(0, &["localnet", "heal"]);
    until("validator-2 has caught up", PATIENCE, || {
        (cluster.balance(2, &alice) == 300).then_some(())
    });
}

#[test]
fn commands_on_validators_that_are_not_there_or_do_not_run_say_so() {
    let cluster = Cluster::up();
    let missing = cluster.expect(3, &["localnet", "kill", "validator-9"]);
    assert!(missing.stderr.contains("validator-1"), "{}", missing.stderr);
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    cluster.expect(1, &["localnet", "kill", "validator-4"]);
    cluster.expect(1, &["localnet", "pause", "validator-4"]);
    cluster.expect(2, &["localnet", "up", "--detach", "--validators", "7"]);
    assert_eq!(cluster.states(), ["running", "running", "running", "stopped"]);
}

#[test]
fn pitfall_28_a_validator_whose_journal_is_gone_follows_and_does_not_vote() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    let home = cluster.lose_journal("validator-4");
    assert!(home.join("quarantined").exists());
    cluster.pay(&alice, "1");
    let tip = cluster.common_tip();
    assert!(tip.height >= 2);
    assert_eq!(cluster.balance(4, &alice), 200);
    // Still so after another restart, with a journal that is not new any more.
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    assert!(home.join("quarantined").exists());
    // Without its vote three are a quorum, and two are not.
    cluster.expect(0, &["localnet", "kill", "validator-3"]);
    let unpaid = cluster.transfer(&alice, "1", &["--node", &cluster.api(1), "--timeout", "4"]);
    assert_eq!(unpaid.code, Some(5), "{}", unpaid.stderr);
}
