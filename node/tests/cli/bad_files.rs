//! Files that cannot be what a command takes them for, and places where it cannot write: a clear error with
//! the promised code, and nothing is changed.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

use crate::genesis::assembled;
use crate::skipped::skipped;
use crate::{key, outcome, quorate, quorate_in, run, secret, set_mode};

/// Nothing listens on port 1 of this machine.
const NOBODY: &str = "http://127.0.0.1:1";

/// The binary as a user to whom permissions apply: root is deprived of its power to pass them over.
fn as_a_user(dir: &Path, arguments: &[&str]) -> Command {
    if !rustix::process::geteuid().is_root() {
        return quorate_in(dir, arguments);
    }
    let binary = env!("CARGO_BIN_EXE_quorate");
    under(
        dir,
        "setpriv",
        &["--bounding-set=-dac_override,-dac_read_search", binary],
        arguments,
    )
}

/// The binary with 2 GiB of address space: what reads without end runs out of it.
fn in_little_memory(dir: &Path, arguments: &[&str]) -> Command {
    let limited = "ulimit -v 2097152; exec \"$0\" \"$@\"";
    under(
        dir,
        "bash",
        &["-c", limited, env!("CARGO_BIN_EXE_quorate")],
        arguments,
    )
}

/// The binary's environment, but started by another program.
fn under(dir: &Path, program: &str, before: &[&str], arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in quorate().get_envs() {
        command.env_remove(name);
    }
    command.current_dir(dir).args(before).args(arguments);
    command
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_key_file_that_the_user_may_not_read_is_not_permitted() {
    let dir = tempfile::tempdir().unwrap();
    key(dir.path(), "a.key");
    set_mode(&dir.path().join("a.key"), 0o000);
    for command in [
        ["keys", "show", "a.key"].as_slice(),
        &["wallet", "address", "--key", "a.key"],
    ] {
        let (_, stderr) = outcome(as_a_user(dir.path(), command), 8);
        assert!(stderr.contains("a.key: Permission denied"), "{stderr}");
    }
}

#[test]
fn what_is_a_key_but_not_one_of_ours_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.key");
    for (content, word) in [
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n",
            "OPENSSH PRIVATE KEY",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
            "RSA",
        ),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            "PUBLIC KEY",
        ),
        ("", "not a private key"),
    ] {
        fs::write(&path, content).unwrap();
        set_mode(&path, 0o600);
        let (_, stderr) = run(dir.path(), &["keys", "show", "other.key"], 2);
        assert!(stderr.contains(word), "{stderr}");
    }
    fs::write(&path, vec![b'k'; 20_000]).unwrap();
    let (_, stderr) = run(dir.path(), &["keys", "show", "other.key"], 2);
    assert!(stderr.contains("16384 bytes"), "{stderr}");
    let (_, stderr) = run(dir.path(), &["keys", "show", "."], 2);
    assert!(stderr.contains("not a regular file"), "{stderr}");
}

#[test]
fn files_without_end_are_refused_before_they_fill_the_memory() {
    let dir = tempfile::tempdir().unwrap();
    let address = key(dir.path(), "a.key");
    let endless = "/dev/zero";
    for command in [
        ["genesis", "verify", endless].as_slice(),
        &["genesis", "diff", endless, endless],
        &[
            "node",
            "init",
            "--home",
            "home",
            "--genesis",
            endless,
            "--no-passphrase",
        ],
        &["wallet", "pay", endless, "--key", "a.key", "--node", NOBODY],
        &["wallet", "submit", endless, "--node", NOBODY],
        &["wallet", "sign", endless, "--key", "a.key"],
        &[
            "wallet",
            "build",
            "--account",
            &address,
            "--operations",
            endless,
            "--to",
            "t.json",
            "--node",
            NOBODY,
        ],
    ] {
        let (_, stderr) = outcome(in_little_memory(dir.path(), command), 2);
        assert!(stderr.contains("/dev/zero: more than"), "{command:?}: {stderr}");
    }
    assert!(!dir.path().join("t.json").exists());
}

#[test]
fn text_that_is_none_is_refused_where_text_is_expected() {
    let dir = tempfile::tempdir().unwrap();
    key(dir.path(), "a.key");
    fs::write(dir.path().join("noise"), [0xff, 0xfe, 0x00]).unwrap();
    for command in [
        ["genesis", "verify", "noise"].as_slice(),
        &["wallet", "submit", "noise", "--node", NOBODY],
        &["wallet", "sign", "noise", "--key", "a.key"],
        &["wallet", "pay", "noise", "--key", "a.key", "--node", NOBODY],
        &["keys", "import", "b.key", "--from", "noise", "--no-passphrase"],
    ] {
        run(dir.path(), command, 2);
    }
    assert_eq!(names(dir.path()), ["a.key", "noise"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_exit_code_1_and_stays_empty() {
    let dir = tempfile::tempdir().unwrap();
    let shut = dir.path().join("shut");
    fs::create_dir(&shut).unwrap();
    set_mode(&shut, 0o500);
    for command in [
        ["keys", "new", "shut/a.key", "--no-passphrase"].as_slice(),
        &["wallet", "new", "shut/a.key", "--no-passphrase"],
        &["node", "init", "--home", "shut/home", "--no-passphrase"],
        &["localnet", "up", "--dir", "shut/net", "--detach"],
        &[
            "genesis",
            "new",
            "--network",
            "n",
            "--member",
            "A",
            "--to",
            "shut/draft.toml",
        ],
    ] {
        let (_, stderr) = outcome(as_a_user(dir.path(), command), 1);
        assert!(
            stderr.contains("Permission denied") && stderr.contains("shut/"),
            "{stderr}"
        );
    }
    let (_, stderr) = run(
        dir.path(),
        &["keys", "new", "nowhere/a.key", "--no-passphrase"],
        1,
    );
    assert!(stderr.contains("cannot be written"), "{stderr}");
    assert!(stderr.contains("mkdir -p nowhere"), "{stderr}");
    assert!(names(&shut).is_empty());
}

#[test]
fn a_key_that_cannot_be_replaced_keeps_its_passphrase() {
    let dir = tempfile::tempdir().unwrap();
    let shut = dir.path().join("shut");
    fs::create_dir(&shut).unwrap();
    key(dir.path(), "shut/a.key");
    secret(dir.path(), "word", "word\n");
    set_mode(&shut, 0o500);
    let change = ["keys", "passwd", "shut/a.key", "--new-passphrase-file", "word"];
    outcome(as_a_user(dir.path(), &change), 1);
    assert_eq!(names(&shut), ["a.key"]);
    run(dir.path(), &["wallet", "address", "--key", "shut/a.key"], 0);
}

#[test]
fn a_node_whose_keys_do_not_open_is_not_permitted_to_start() {
    let dir = tempfile::tempdir().unwrap();
    assembled(dir.path());
    run(
        dir.path(),
        &["node", "init", "--home", "home-A", "--genesis", "genesis.toml"],
        0,
    );
    secret(dir.path(), "right", "right\n");
    secret(dir.path(), "wrong", "wrong\n");
    let lock = [
        "keys",
        "passwd",
        "home-A/validator.key",
        "--new-passphrase-file",
        "right",
    ];
    run(dir.path(), &lock, 0);
    for command in ["run", "check"] {
        let start = ["node", command, "--home", "home-A"];
        let (_, stderr) = run(dir.path(), &start, 8);
        assert!(stderr.contains("no terminal"), "{stderr}");
        let wrong = [start.as_slice(), &["--passphrase-file", "wrong"]].concat();
        let (_, stderr) = run(dir.path(), &wrong, 8);
        assert!(stderr.contains("does not open"), "{stderr}");
    }
    assert!(!dir.path().join("home-A/journal").exists());
    let right = ["node", "check", "--home", "home-A", "--passphrase-file", "right"];
    run(dir.path(), &right, 0);
}

/// Case 11: a secret of Kubernetes is a link to a file of root that a group may read. Needs root, who gives files away.
#[test]
fn a_node_takes_keys_that_a_group_of_its_own_may_read_if_that_is_allowed() {
    if !rustix::process::geteuid().is_root() {
        skipped("only root gives files away: keys that a group may read were NOT tested");
        return;
    }
    const GROUP: u32 = 54_321;
    let dir = tempfile::tempdir().unwrap();
    assembled(dir.path());
    run(
        dir.path(),
        &["node", "init", "--home", "home-A", "--genesis", "genesis.toml"],
        0,
    );
    let home = dir.path().join("home-A");
    fs::create_dir_all(home.join("secret/..1")).unwrap();
    for key in ["validator.key", "node.key", "witness.key"] {
        let file = home.join("secret/..1").join(key);
        fs::rename(home.join(key), &file).unwrap();
        std::os::unix::fs::chown(&file, Some(0), Some(GROUP)).unwrap();
        set_mode(&file, 0o440);
        std::os::unix::fs::symlink(format!("secret/..data/{key}"), home.join(key)).unwrap();
    }
    std::os::unix::fs::symlink("..1", home.join("secret/..data")).unwrap();
    let group = GROUP.to_string();
    let binary = env!("CARGO_BIN_EXE_quorate");
    let check = |groups: &[&str], allowed: &[&str], code| {
        let before = [groups, &[binary]].concat();
        let arguments = [["node", "check", "--home", "home-A"].as_slice(), allowed].concat();
        outcome(under(dir.path(), "setpriv", &before, &arguments), code).1
    };
    let effective = ["--regid", &group, "--clear-groups"];
    let supplementary = ["--regid", "0", "--groups", &group];
    let foreign = ["--regid", "0", "--clear-groups"];
    let allowed = ["--allow-group-read"];
    for groups in [effective.as_slice(), &supplementary] {
        let why = check(groups, &[], 8);
        assert!(why.contains("--allow-group-read"), "{why}");
        check(groups, &allowed, 0);
    }
    let why = check(&foreign, &allowed, 8);
    assert!(
        why.contains("group 54321 may read this file (mode 0440)"),
        "{why}"
    );
}

#[test]
fn a_home_without_its_genesis_or_with_a_damaged_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assembled(dir.path());
    run(
        dir.path(),
        &["node", "init", "--home", "home-A", "--genesis", "genesis.toml"],
        0,
    );
    let path = dir.path().join("home-A/genesis.toml");
    let text = fs::read_to_string(&path).unwrap();
    let run_node = ["node", "run", "--home", "home-A"];
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    let (_, stderr) = run(dir.path(), &run_node, 2);
    assert!(stderr.contains("genesis.toml is refused: "), "{stderr}");
    fs::remove_file(&path).unwrap();
    let (_, stderr) = run(dir.path(), &run_node, 1);
    assert!(stderr.contains("cannot read the genesis document"), "{stderr}");
    fs::write(&path, text).unwrap();
    run(dir.path(), &["node", "check", "--home", "home-A"], 0);
}
