//! Disks that fill up or lie: the node stops with a clear word, and the others go on.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Cluster;
use crate::cluster::PATIENCE;
use crate::http::send;
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

/// Turns a byte around in the first row of a table of an index, which RocksDB names among the table's properties.
fn flip_a_row(chain: &Path, index: &str) -> String {
    let name = [
        &[4, u8::try_from(index.len()).unwrap()],
        format!("name{index}").as_bytes(),
    ]
    .concat();
    let files = fs::read_dir(chain).unwrap().map(|entry| entry.unwrap().path());
    let mut tables = files.filter(|path| path.extension().is_some_and(|end| end == "sst"));
    let table = tables.find_map(|path| {
        let bytes = fs::read(&path).unwrap();
        let is_of_index = bytes.windows(name.len()).any(|window| window == name);
        is_of_index.then_some((path, bytes))
    });
    let (path, mut bytes) = table.unwrap();
    bytes[20] ^= 0x10;
    fs::write(&path, bytes).unwrap();
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn damage_that_a_start_does_not_meet_is_found_by_the_running_node_which_goes_on() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    for _ in 0..5 {
        cluster.pay(&alice, "1");
    }
    cluster.common_tip();
    let name = "validator-4";
    let home = cluster.dir().join(name);
    let operations = cluster.ports.api + 103;
    let metrics = || {
        let answer = send(operations, "GET", "/metrics", "text/plain", b"");
        String::from_utf8(answer.body).unwrap()
    };
    let says = |line: &str| metrics().lines().any(|said| said == line);
    // A start turns what the chain's log holds into tables.
    cluster.expect(0, &["localnet", "kill", name]);
    cluster.expect(0, &["localnet", "restart", name]);
    until("a whole pass finds nothing", PATIENCE, || {
        let ended = !says("quorate_self_check_passes_total 0");
        (ended && says("quorate_self_check_damages 0")).then_some(())
    });
    let doctor = ["node", "doctor", "--home", home.to_str().unwrap(), "--look", "1"];
    cluster.expect(0, &doctor);
    cluster.expect(0, &["localnet", "kill", name]);
    let file = flip_a_row(&home.join("chain"), "hashes");
    let before = log_of(&home).len();
    cluster.expect(0, &["localnet", "restart", name]);
    until("the damage is found", PATIENCE, || {
        says("quorate_self_check_damages 1").then_some(())
    });
    let said = log_of(&home)[before..].to_owned();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("DAMAGED")).collect();
    let [line] = lines.as_slice() else {
        panic!("{said}");
    };
    for part in ["ERROR", "the index `hashes`", &file, "docs/operations.md"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let report = cluster.expect(7, &doctor).json();
    let mut findings = report["findings"].as_array().unwrap().iter();
    let found = findings.find(|finding| finding["cause"] == "damage").unwrap();
    assert_eq!(found["severity"], "error");
    let what = found["what"].as_str().unwrap();
    assert!(
        what.contains("the index `hashes`") && what.contains(&file),
        "{what}"
    );

    // It goes on, and is as ready as before; and a restart forgets nothing, wherever the next pass begins.
    cluster.pay(&alice, "1");
    cluster.common_tip();
    until("it is ready", PATIENCE, || {
        let answer = send(operations, "GET", "/readyz", "text/plain", b"");
        (answer.status == Some(200)).then_some(())
    });
    cluster.expect(0, &["localnet", "kill", name]);
    cluster.expect(0, &["localnet", "restart", name]);
    assert!(says("quorate_self_check_damages 1"), "{}", metrics());
}
