//! Backups of homes: what is in them, that a damaged one is refused, and that nothing is overwritten.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::genesis::assembled;
use crate::{json, run, set_mode};

/// A home of one of two members, with a chain before its first block.
fn home(dir: &Path) {
    assembled(dir);
    run(
        dir,
        &["node", "init", "--home", "home-A", "--genesis", "genesis.toml"],
        0,
    );
    // A check begins the chain, as a start does.
    run(dir, &["node", "check", "--home", "home-A"], 0);
}

/// Every file below a folder, by its path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                walk(&entry.path(), &format!("{path}/"), found);
            } else {
                found.insert(path, fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, "", &mut found);
    found
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

const BACKUP: [&str; 6] = ["node", "backup", "--home", "home-A", "--out", "backup"];
const RESTORE: [&str; 5] = ["node", "restore", "backup", "--home", "restored"];
const CHECK: [&str; 4] = ["node", "restore", "backup", "--check"];

#[test]
fn a_home_comes_back_from_its_backup_and_does_not_vote() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    home(dir);
    fs::create_dir(dir.join("home-A/journal")).unwrap();
    fs::write(dir.join("home-A/journal/CURRENT"), "votes").unwrap();
    let made = json(dir, &BACKUP);
    assert_eq!(made["validator"], "A");
    assert_eq!(made["height"], 0);
    assert_eq!(made["keys"], "plain");
    assert_eq!(made["left_out"], serde_json::json!(["journal"]));
    // Of two validators neither may go without a vote.
    let warning = made["warnings"][0].as_str().unwrap();
    assert!(warning.contains("every validator has to vote"), "{warning}");
    let digest = made["digest"].as_str().unwrap();

    let checked = json(dir, &[CHECK.as_slice(), &["--digest", digest]].concat());
    assert_eq!(checked["block_hash"], made["block_hash"]);
    let restored = json(dir, &[RESTORE.as_slice(), &["--digest", digest]].concat());
    assert_eq!(restored["votes"], false);
    assert_eq!(restored["network"], made["network"]);

    let mut copied = files(&dir.join("restored"));
    let reason = copied.remove("quarantined").unwrap();
    let reason = String::from_utf8(reason).unwrap();
    assert!(reason.contains("restored from a backup"), "{reason}");
    copied.remove("lock").unwrap();
    assert!(
        copied.keys().all(|path| !path.starts_with("journal")),
        "{copied:?}"
    );
    assert!(copied.contains_key("chain/CURRENT"));
    let mut original = files(&dir.join("home-A"));
    original.retain(|path, _| copied.contains_key(path));
    assert_eq!(copied, original);
    // The whole of it opens: configuration, genesis, keys and chain fit.
    run(dir, &["node", "check", "--home", "restored"], 0);
}

#[test]
fn what_a_backup_has_is_said_to_people_too() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    home(dir);
    let (stdout, _) = run(dir, &BACKUP, 0);
    for words in [
        "NOT encrypted",
        "node rejoin",
        "quorate node restore",
        "--check --digest",
    ] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
    let (stdout, _) = run(dir, &RESTORE, 0);
    for words in [
        "does not vote",
        "no other process uses its keys",
        "quorate node run --home",
        "node rejoin",
    ] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
}

#[test]
fn a_backup_without_chain_and_keys_says_what_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    home(dir);
    let made = json(
        dir,
        &[BACKUP.as_slice(), &["--without-chain", "--without-keys"]].concat(),
    );
    assert_eq!(made["keys"], "absent");
    assert_eq!(made["height"], serde_json::Value::Null);
    assert_eq!(
        made["left_out"],
        serde_json::json!(["chain", "node.key", "validator.key", "witness.key"])
    );
    let (stdout, _) = run(dir, &RESTORE, 0);
    assert!(stdout.contains("--validator-key FILE"), "{stdout}");
    assert!(stdout.contains("--witness-key FILE"), "{stdout}");
    let restored = files(&dir.join("restored"));
    assert!(!restored.contains_key("validator.key"));
    // There is no chain to show that the journal is gone: a new journal remembers it.
    assert!(restored.contains_key("journal/CURRENT"));
    run(
        dir,
        &[
            "node",
            "init",
            "--home",
            "restored",
            "--validator-key",
            "home-A/validator.key",
            "--node-key",
            "home-A/node.key",
            "--witness-key",
            "home-A/witness.key",
        ],
        0,
    );
    run(dir, &["node", "check", "--home", "restored"], 0);
}

#[test]
fn a_damaged_backup_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    home(dir);
    run(dir, &BACKUP, 0);
    let before = names(dir);
    let backup = dir.join("backup");
    let chain = files(&backup.join("home/chain"));
    let largest = chain.iter().max_by_key(|(_, content)| content.len()).unwrap().0;
    let largest = format!("home/chain/{largest}");
    for path in [
        largest.as_str(),
        "home/chain/CURRENT",
        "home/validator.key",
        "manifest.json",
    ] {
        let path = backup.join(path);
        let whole = fs::read(&path).unwrap();
        let mut altered = whole.clone();
        altered[whole.len() / 2] ^= 0x10;
        for content in [altered.as_slice(), &whole[..whole.len() / 2]] {
            fs::write(&path, content).unwrap();
            for command in [CHECK.as_slice(), &RESTORE] {
                let (_, stderr) = run(dir, command, 7);
                assert!(stderr.contains("damaged or was altered"), "{stderr}");
            }
        }
        fs::remove_file(&path).unwrap();
        run(dir, &RESTORE, 7);
        fs::write(&path, &whole).unwrap();
    }
    fs::create_dir(backup.join("home/journal")).unwrap();
    run(dir, &RESTORE, 7);
    fs::remove_dir(backup.join("home/journal")).unwrap();
    let other = "00".repeat(32);
    let (_, stderr) = run(dir, &[RESTORE.as_slice(), &["--digest", &other]].concat(), 7);
    assert!(stderr.contains("another one"), "{stderr}");
    assert_eq!(names(dir), before);
    // Modes that a copy over another file system lost are those of the manifest again.
    set_mode(&backup.join("home/validator.key"), 0o644);
    run(dir, &RESTORE, 0);
    run(dir, &["node", "check", "--home", "restored"], 0);
}

#[test]
fn a_chain_that_is_damaged_is_not_backed_up() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    home(dir);
    let chain = dir.join("home-A/chain");
    let manifest = names(&chain)
        .into_iter()
        .find(|name| name.starts_with("MANIFEST"))
        .unwrap();
    fs::write(chain.join(manifest), "no manifest of RocksDB's").unwrap();
    run(dir, &BACKUP, 7);
    assert!(!dir.join("backup").exists());
    assert!(!dir.join(".backup.unfinished").exists());
    // What nobody else has still can be.
    run(dir, &[BACKUP.as_slice(), &["--without-chain"]].concat(), 0);
}

#[test]
fn nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    home(dir);
    run(dir, &BACKUP, 0);
    let before = files(dir);
    let (_, stderr) = run(dir, &BACKUP, 1);
    assert!(stderr.contains("backup exists"), "{stderr}");
    let onto_home = ["node", "restore", "backup", "--home", "home-A"];
    let (_, stderr) = run(dir, &onto_home, 1);
    assert!(stderr.contains("home-A exists"), "{stderr}");
    // A lock of the home is taken for the backup.
    let mut after = files(dir);
    for (path, content) in &before {
        if !path.ends_with("lock") {
            assert_eq!(after.remove(path).as_ref(), Some(content), "{path}");
        }
    }
    after.retain(|path, _| !path.ends_with("lock"));
    assert!(after.is_empty(), "{:?}", after.keys());
}

#[test]
fn what_is_missing_or_not_permitted_has_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    home(dir);
    let backup = |home: &str, out: &str, code: i32| {
        run(dir, &["node", "backup", "--home", home, "--out", out], code).1
    };
    let stderr = backup("none", "backup", 3);
    assert!(stderr.contains("node init"), "{stderr}");
    backup("home-A", "home-A/backup", 2);
    backup("home-A", "none/backup", 1);
    set_mode(&dir.join("home-A/node.key"), 0o644);
    backup("home-A", "backup", 8);
    set_mode(&dir.join("home-A/node.key"), 0o600);
    run(dir, &RESTORE, 3);
    run(dir, &["node", "restore", "home-A", "--home", "restored"], 7);
    run(dir, &["node", "restore", "backup"], 2);
    run(dir, &[RESTORE.as_slice(), &["--digest", "nonsense"]].concat(), 2);
    assert!(!dir.join("restored").exists());
    assert!(!dir.join("backup").exists());
}

#[test]
fn a_backup_into_a_folder_that_is_not_there_says_which_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    home(dir);
    let missing = [
        "node",
        "backup",
        "--home",
        "home-A",
        "--out",
        "disk/backups/monday",
    ];
    let (_, stderr) = run(dir, &missing, 1);
    let folder = dir.join("disk/backups");
    let named = format!("the folder {} is not there", folder.display());
    assert!(stderr.contains(&named), "{stderr}");
    assert!(
        stderr.contains(&format!("mkdir -p {}", folder.display())),
        "{stderr}"
    );
    assert!(!dir.join("disk").exists());
}
