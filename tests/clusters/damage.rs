//! Disks that fill up or lie: the node stops with a clear word, and the others go on.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Cluster;
use crate::skipped::skipped;
use crate::wait::until;

/// A file system of its own on a folder, until dropped.
struct Disk(PathBuf);

impl Disk {
    /// None if this process may not mount.
    fn mount(folder: &Path, size: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder);
        let mounted = mount.status().is_ok_and(|status| status.success());
        mounted.then(|| Self(folder.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a node may still have it open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn log_of(home: &Path) -> String {
    fs::read_to_string(home.join("node.log")).unwrap()
}

#[test]
fn a_node_whose_disk_is_full_stops_and_goes_on_once_there_is_room() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    let (home, kept) = (cluster.dir().join("validator-4"), cluster.folder().join("kept"));
    fs::rename(&home, &kept).unwrap();
    fs::create_dir(&home).unwrap();
    let Some(_disk) = Disk::mount(&home, "48m") else {
        skipped("this process may not mount a file system: the full disk was NOT tested");
        fs::remove_dir(&home).unwrap();
        fs::rename(&kept, &home).unwrap();
        return;
    };
    let copied = Command::new("cp")
        .arg("-a")
        .arg(kept.join("."))
        .arg(&home)
        .status();
    assert!(copied.unwrap().success());
    // The log would be cut short by the same disk; a link leads it away.
    let log = cluster.folder().join("validator-4.log");
    fs::remove_file(home.join("node.log")).unwrap();
    File::create(&log).unwrap();
    std::os::unix::fs::symlink(&log, home.join("node.log")).unwrap();
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    cluster.pay(&alice, "1");
    cluster.common_tip();

    let mut ballast = File::create(home.join("ballast")).unwrap();
    while ballast.write_all(&[1; 4096]).is_ok() {}
    until("the node has stopped", Duration::from_secs(60), || {
        cluster.pay(&alice, "1");
        (cluster.states()[3] == "stopped").then_some(())
    });
    let said = log_of(&home);
    assert!(said.contains("No space left"), "{said}");
    cluster.pay(&alice, "1");
    drop(ballast);
    fs::remove_file(home.join("ballast")).unwrap();
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    cluster.common_tip();
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
}

/// Turns one byte around in the middle of each of the folder's files that end so.
fn flip_a_byte(folder: &Path, extension: &str) {
    let mut flipped = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap_or_default();
        if path.extension().is_some_and(|found| found == extension) && bytes.len() > 64 {
            let place = bytes.len() / 3;
            bytes[place] ^= 0xff;
            fs::write(&path, bytes).unwrap();
            flipped += 1;
        }
    }
    assert!(flipped > 0, "{} has no file *.{extension}", folder.display());
}

/// Damages files of validator-4 while it is down: it must not start, and say why; the others go on.
fn damaged(database: &str, extension: &str) {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    for _ in 0..5 {
        cluster.pay(&alice, "1");
    }
    cluster.common_tip();
    let name = "validator-4";
    // A start turns what the chain's log holds into tables.
    cluster.expect(0, &["localnet", "kill", name]);
    cluster.expect(0, &["localnet", "restart", name]);
    // Its votes are needed, so that its journal holds some.
    cluster.expect(0, &["localnet", "kill", "validator-3"]);
    for _ in 0..5 {
        cluster.pay(&alice, "1");
    }
    cluster.expect(0, &["localnet", "restart", "validator-3"]);
    cluster.common_tip();
    cluster.expect(0, &["localnet", "kill", name]);
    let home = cluster.dir().join(name);
    flip_a_byte(&home.join(database), extension);
    let before = log_of(&home).len();
    let refused = cluster.run(&["localnet", "restart", name]);
    let said = log_of(&home)[before..].to_lowercase();
    assert_eq!(refused.code, Some(1), "{} {said}", refused.stderr);
    assert!(
        said.contains("damaged") || said.contains("corrupt"),
        "{} {said}",
        refused.stderr
    );
    // What starts nodes again can tell that this does not help.
    let run = cluster.expect(7, &["node", "run", "--home", home.to_str().unwrap()]);
    assert!(run.stderr.to_lowercase().contains("damaged"), "{}", run.stderr);
    cluster.pay(&alice, "1");
}

#[test]
fn a_damaged_table_of_the_chain_stops_the_start() {
    damaged("chain", "sst");
}

#[test]
fn damage_in_the_middle_of_the_journal_stops_the_start() {
    damaged("journal", "log");
}
