//! `quorate node backup` and `restore`: whatever a validator signed after the backup, the restored one does not
//! contradict it.

use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::Cluster;
use crate::cluster::{PATIENCE, Ran};
use crate::quarantine::{NAME, sealed};
use crate::rejoin::{in_epoch, rejoin};
use crate::wait::until;

/// A node that is no process of the localnet, ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn back_up(cluster: &Cluster, out: &Path, more: &[&str]) -> Ran {
    let (home, out) = (cluster.dir().join(NAME), out.display().to_string());
    let home = home.display().to_string();
    cluster.run(
        &[
            ["node", "backup", "--home", &home, "--out", &out].as_slice(),
            more,
        ]
        .concat(),
    )
}

/// Restores the backup that has this digest.
#[track_caller]
fn restore(cluster: &Cluster, backup: &Path, home: &Path, digest: &Value) {
    let (backup, home) = (backup.display().to_string(), home.display().to_string());
    let digest = digest.as_str().unwrap();
    let restored = cluster.expect(
        0,
        &["node", "restore", &backup, "--home", &home, "--digest", digest],
    );
    assert_eq!(restored.json()["votes"], false);
}

/// Commits blocks that need the validator's votes and seals: others hold them then.
fn let_it_sign(cluster: &Cluster, payee: &str) {
    cluster.expect(0, &["localnet", "kill", "validator-3"]);
    for _ in 0..2 {
        cluster.pay(payee, "1");
    }
    cluster.expect(0, &["localnet", "restart", "validator-3"]);
}

/// Waits until the validator says that it does not vote because it was restored, by its readiness and its status.
#[track_caller]
fn observes(cluster: &Cluster) {
    until("it says that it does not vote", PATIENCE, || {
        let status = cluster.run(&["query", "status", "--node", &cluster.api(4)]);
        let status: Value = serde_json::from_str(&status.stdout).ok()?;
        let reason = status["does_not_vote"].as_str()?;
        reason.contains("restored from a backup").then_some(())
    });
    let operations = cluster.ports.api + 100 + 3;
    let ready = crate::http::send(operations, "GET", "/readyz", "text/plain", b"");
    assert_eq!(
        (ready.status, ready.code().as_str()),
        (Some(503), "does_not_vote")
    );
}

/// Lets it rejoin from its home, and sees that nothing is committed without its vote then.
#[track_caller]
fn votes_again(cluster: &Cluster, home: &Path, payee: &str) {
    let rejoined = rejoin(cluster, home, 4);
    assert_eq!(rejoined.code, Some(0), "{}", rejoined.stderr);
    in_epoch(cluster, 1, &[1, 2, 3, 4]);
    until("the file is gone", PATIENCE, || {
        (!home.join("quarantined").exists()).then_some(())
    });
    let before = cluster.common_tip().height;
    let_it_sign(cluster, payee);
    cluster.common_tip();
    assert!(!sealed(cluster, before).is_empty());
    let evidence = cluster.expect(0, &["query", "evidence"]).json();
    assert_eq!(evidence["evidence"].as_array().unwrap().len(), 0, "{evidence}");
}

#[test]
fn pitfall_27_a_validator_restored_by_the_command_observes_until_it_rejoins() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    let backup = cluster.folder().join("backup");
    let busy = back_up(&cluster, &backup, &[]);
    assert_eq!(busy.code, Some(1), "{}", busy.stderr);
    assert!(busy.stderr.contains("--without-chain"), "{}", busy.stderr);
    cluster.expect(0, &["localnet", "kill", NAME]);
    let made = back_up(&cluster, &backup, &[]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let made = made.json();
    assert_eq!(made["validator"], NAME);
    assert!(made["height"].as_u64().unwrap() > 0, "{made}");
    cluster.expect(0, &["localnet", "restart", NAME]);
    let_it_sign(&cluster, &alice);
    let before = cluster.common_tip().height;

    cluster.expect(0, &["localnet", "kill", NAME]);
    let home = cluster.dir().join(NAME);
    std::fs::remove_dir_all(&home).unwrap();
    restore(&cluster, &backup, &home, &made["digest"]);
    assert!(!home.join("journal").exists());
    cluster.expect(0, &["localnet", "restart", NAME]);
    observes(&cluster);
    // It follows: the others go on, and it has what they have.
    cluster.pay(&alice, "1");
    assert!(cluster.common_tip().height > before);
    assert_eq!(cluster.balance(4, &alice), 400);
    assert_eq!(sealed(&cluster, before), Vec::<u64>::new());
    // To remove what shows it undoes nothing.
    cluster.expect(0, &["localnet", "kill", NAME]);
    std::fs::remove_file(home.join("quarantined")).unwrap();
    cluster.expect(0, &["localnet", "restart", NAME]);
    observes(&cluster);
    votes_again(&cluster, &home, &alice);
}

#[test]
fn pitfall_27_so_does_one_restored_elsewhere_without_its_chain() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    let backup = cluster.folder().join("backup");
    let made = back_up(&cluster, &backup, &["--without-chain"]);
    assert_eq!(made.code, Some(0), "while it runs: {}", made.stderr);
    let_it_sign(&cluster, &alice);
    let before = cluster.common_tip().height;

    // Its machine is gone. Another one, where the keys are in another place.
    cluster.expect(0, &["localnet", "kill", NAME]);
    let elsewhere = cluster.folder().join("elsewhere");
    restore(&cluster, &backup, &elsewhere, &made.json()["digest"]);
    let home = elsewhere.display().to_string();
    let mut command = cluster.command(&["node", "run", "--home", &home]);
    let _node = Running(command.stderr(Stdio::null()).spawn().unwrap());
    observes(&cluster);
    cluster.pay(&alice, "1");
    assert!(cluster.common_tip().height > before);
    assert_eq!(cluster.balance(4, &alice), 400);
    assert_eq!(sealed(&cluster, before), Vec::<u64>::new());
    let doctor = cluster.run(&["node", "doctor", "--home", &home, "--look", "1"]);
    assert_eq!(doctor.code, Some(7), "{}", doctor.stdout);
    assert!(
        doctor.stdout.contains("restored from a backup"),
        "{}",
        doctor.stdout
    );
    votes_again(&cluster, &elsewhere, &alice);
}
