//! Quarantine that holds: whatever is removed from a home, its validator does not vote in that epoch. And
//! where so many observe that no quorum is left, every node says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Cluster;
use crate::cluster::PATIENCE;
use crate::wait::until;

/// The validator that is put into quarantine.
pub(crate) const NAME: &str = "validator-4";

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

fn log_of(cluster: &Cluster, name: &str) -> String {
    fs::read_to_string(cluster.dir().join(name).join("node.log")).unwrap()
}

/// Copies the home of a stopped validator.
fn back_up(cluster: &Cluster, name: &str) -> PathBuf {
    cluster.expect(0, &["localnet", "kill", name]);
    let backup = cluster.folder().join(format!("{name}.backup"));
    copy(&cluster.dir().join(name), &backup);
    backup
}

/// Puts the copy in the place of a stopped validator's home, but for the log, which goes on.
fn restore(cluster: &Cluster, name: &str, backup: &Path) {
    let home = cluster.dir().join(name);
    let log = fs::read(home.join("node.log")).unwrap();
    fs::remove_dir_all(&home).unwrap();
    copy(backup, &home);
    fs::write(home.join("node.log"), log).unwrap();
}

/// What the operations listener says of a validator's readiness: a code, or `ready`; nothing while there is
/// no answer.
fn readiness(cluster: &Cluster, number: u16) -> Option<(String, String)> {
    let status = cluster.expect(0, &["localnet", "status"]).json();
    let validator = &status["validators"][usize::from(number) - 1];
    if validator["ready"] == true {
        return Some(("ready".to_owned(), String::new()));
    }
    let reason = validator["reason"].as_str()?;
    let told = reason.strip_prefix("not ready: ")?;
    let port = cluster.ports.api + 100 + number - 1;
    let problem = crate::http::send(port, "GET", "/readyz", "text/plain", b"").json();
    let detail = problem["detail"].as_str()?;
    // Something may have changed between the two answers.
    (told == detail).then(|| (problem["code"].as_str().unwrap().to_owned(), detail.to_owned()))
}

/// The heights above this one whose certificates have a seal of the validator.
pub(crate) fn sealed(cluster: &Cluster, above: u64) -> Vec<u64> {
    let tip = cluster.tip(1).unwrap().height;
    let sealed = |height: &u64| {
        let block = cluster.expect(0, &["query", "block", &height.to_string()]).json();
        let seals = block["seals"].as_array().unwrap();
        seals.iter().any(|seal| seal["validator"] == NAME)
    };
    (above + 1..=tip).filter(sealed).collect()
}

/// Starts the validator; with too few peers up it may not come to serve, which is as it should be.
fn start(cluster: &Cluster) {
    cluster.run(&["localnet", "restart", NAME]);
}

/// Takes parts of a quarantined validator's home away, and starts it with all peers up, then once more with one
/// peer up. In neither does it vote.
fn holds(remove: impl Fn(&Cluster, &Path)) {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    back_up(&cluster, NAME);
    cluster.expect(0, &["localnet", "restart", NAME]);
    // Its votes and seals are needed now, so that a backup is behind what it signed.
    cluster.expect(0, &["localnet", "kill", "validator-3"]);
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "restart", "validator-3"]);
    cluster.common_tip();
    let home = cluster.lose_journal(NAME);
    assert!(home.join("quarantined").exists());
    cluster.pay(&alice, "1");
    let before = cluster.common_tip().height;

    // All peers up.
    cluster.expect(0, &["localnet", "kill", NAME]);
    remove(&cluster, &home);
    start(&cluster);
    until("it says that it does not vote", PATIENCE, || {
        let (code, _) = readiness(&cluster, 4)?;
        (code == "does_not_vote").then_some(())
    });
    assert!(home.join("quarantined").exists(), "shown again");
    let metrics = metrics(&cluster, 4);
    for line in ["quorate_votes 0", "quorate_quarantined 1"] {
        assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
    }
    cluster.pay(&alice, "1");
    cluster.common_tip();
    assert_eq!(sealed(&cluster, before), Vec::<u64>::new());
    // Without one other nothing is certified, rather than with its seal.
    cluster.expect(0, &["localnet", "pause", "validator-3"]);
    let unpaid = cluster.transfer(&alice, "1", &["--timeout", "4"]);
    assert_eq!(unpaid.code, Some(5), "{}", unpaid.stderr);

    // One peer up while it starts; then two, who are no quorum without it.
    cluster.expect(0, &["localnet", "pause", "validator-2"]);
    cluster.expect(0, &["localnet", "kill", NAME]);
    remove(&cluster, &home);
    start(&cluster);
    cluster.expect(0, &["localnet", "resume", "validator-2"]);
    let height = cluster.tip(1).unwrap().height;
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(
        cluster.tip(1).unwrap().height,
        height,
        "nothing is certified with its seal"
    );
    cluster.expect(0, &["localnet", "resume", "validator-3"]);
    until("it says so again", PATIENCE, || {
        let (code, _) = readiness(&cluster, 4)?;
        (code == "does_not_vote").then_some(())
    });
    cluster.pay(&alice, "1");
    cluster.common_tip();
    assert_eq!(sealed(&cluster, before), Vec::<u64>::new());
    assert_eq!(cluster.epoch(1), Some(0));
    let evidence = cluster.expect(0, &["query", "evidence"]).json();
    assert_eq!(evidence["evidence"].as_array().unwrap().len(), 0, "{evidence}");
}

fn remove_all(home: &Path, names: &[&str]) {
    for name in names {
        let path = home.join(name);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else if path.exists() {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn pitfall_28_to_delete_the_file_undoes_no_quarantine() {
    holds(|_, home| remove_all(home, &["quarantined"]));
}

#[test]
fn pitfall_28_to_delete_the_journal_undoes_no_quarantine() {
    holds(|_, home| remove_all(home, &["journal"]));
}

#[test]
fn pitfall_28_to_delete_file_and_journal_undoes_no_quarantine() {
    holds(|_, home| remove_all(home, &["quarantined", "journal"]));
}

#[test]
fn pitfall_28_to_delete_file_and_chain_undoes_no_quarantine() {
    holds(|_, home| remove_all(home, &["quarantined", "chain"]));
}

#[test]
fn pitfall_28_to_delete_everything_undoes_no_quarantine() {
    holds(|_, home| remove_all(home, &["quarantined", "chain", "journal"]));
}

#[test]
fn pitfall_27_a_home_from_before_the_quarantine_undoes_it_not() {
    holds(|cluster, _| {
        let backup = cluster.folder().join(format!("{NAME}.backup"));
        restore(cluster, NAME, &backup);
    });
}

#[test]
fn where_no_quorum_is_left_to_vote_every_node_says_so() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    // Backups of different ages: of two validators here, of the two others after what those have signed since.
    let old = ["validator-1", "validator-2"].map(|name| {
        let backup = back_up(&cluster, name);
        cluster.expect(0, &["localnet", "restart", name]);
        (name, backup)
    });
    for away in ["validator-4", "validator-3"] {
        cluster.expect(0, &["localnet", "kill", away]);
        cluster.pay(&alice, "1");
        cluster.expect(0, &["localnet", "restart", away]);
        cluster.common_tip();
    }
    cluster.expect(0, &["localnet", "down"]);
    for (name, backup) in &old {
        restore(&cluster, name, backup);
    }
    cluster.expect(0, &["localnet", "up", "--detach"]);
    for number in [1, 2] {
        until("it has found out", PATIENCE, || {
            (readiness(&cluster, number)?.0 == "does_not_vote").then_some(())
        });
    }
    let counted = "2 of 4 validators vote, and a quorum needs 3";
    for number in 1..=4 {
        let expected = if number <= 2 {
            "does_not_vote"
        } else {
            "no_quorum_left"
        };
        until("it counts those who vote", PATIENCE, || {
            let (code, detail) = readiness(&cluster, number)?;
            (code == expected && detail.contains(counted)).then_some(())
        });
        let name = format!("validator-{number}");
        let status = cluster
            .run(&["query", "status", "--node", &cluster.api(number)])
            .json();
        assert_eq!(
            status["observing"],
            serde_json::json!(["validator-1", "validator-2"])
        );
        assert!(
            status["no_quorum_left"].as_str().unwrap().contains(counted),
            "{status}"
        );
        let home = cluster.dir().join(&name).display().to_string();
        let doctor = cluster.run(&["node", "doctor", "--home", &home, "--look", "1"]);
        assert_eq!(doctor.code, Some(7), "{}", doctor.stdout);
        assert!(doctor.stdout.contains(counted), "{}", doctor.stdout);
        assert!(
            doctor.stdout.contains("eep all homes as they are"),
            "{}",
            doctor.stdout
        );
        let lines = log_of(&cluster, &name);
        assert!(lines.contains(counted), "{name} logs nothing of it");
        let metrics = metrics(&cluster, number);
        let has = |line: &str| assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
        has("quorate_quorum_left 0");
        has("quorate_validator_votes{validator=\"validator-1\"} 0");
        has("quorate_validator_votes{validator=\"validator-3\"} 1");
    }
    let network = cluster.expect(0, &["localnet", "status"]).json();
    assert!(
        network["no_quorum_left"].as_str().unwrap().contains(counted),
        "{network}"
    );
    // Whoever would send something hears it at once, and not after the time that an outcome may take.
    let begun = Instant::now();
    let unpaid = cluster.transfer(&alice, "1", &[]);
    assert_eq!(unpaid.code, Some(1), "{}", unpaid.stderr);
    assert!(unpaid.stderr.contains("nothing was sent"), "{}", unpaid.stderr);
    assert!(unpaid.stderr.contains(counted), "{}", unpaid.stderr);
    let home = cluster.dir().join("validator-1").display().to_string();
    let key = cluster.dir().join("validator-1.member.key").display().to_string();
    let rejoin = cluster.run(&["node", "rejoin", "--home", &home, "--key", &key]);
    assert_eq!(rejoin.code, Some(1), "{}", rejoin.stderr);
    assert!(rejoin.stderr.contains(counted), "{}", rejoin.stderr);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

/// What a validator measures.
fn metrics(cluster: &Cluster, number: u16) -> String {
    let status = cluster.expect(0, &["localnet", "status"]).json();
    let ops = status["validators"][usize::from(number) - 1]["ops"]
        .as_str()
        .unwrap()
        .to_owned();
    let port: u16 = ops.rsplit(':').next().unwrap().parse().unwrap();
    let answer = crate::http::send(port, "GET", "/metrics", "text/plain", b"");
    String::from_utf8(answer.body).unwrap()
}
