//! Key files: who may open them, and that nothing prints a secret.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use crate::{key, outcome, quorate_in, run};

#[test]
fn a_new_key_is_for_its_owner_alone_and_shows_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let address = key(dir.path(), "a.key");
    assert!(address.starts_with("qr1"));
    let mode = fs::metadata(dir.path().join("a.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    run(
        dir.path(),
        &["keys", "export", "a.key", "--form", "seed", "--to", "seed"],
        0,
    );
    let seed = fs::read_to_string(dir.path().join("seed")).unwrap();
    for command in [
        ["keys", "show", "a.key"].as_slice(),
        &["keys", "list"],
        &["keys", "export", "a.key"],
    ] {
        let (stdout, stderr) = run(dir.path(), command, 0);
        assert!(
            !stdout.contains(seed.trim()) && !stderr.contains(seed.trim()),
            "{command:?}"
        );
    }
}

#[test]
fn keys_are_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let address = key(dir.path(), "a.key");
    let (_, stderr) = run(dir.path(), &["keys", "new", "a.key", "--no-passphrase"], 1);
    assert!(stderr.contains("never overwritten"), "{stderr}");
    let (stdout, _) = run(dir.path(), &["wallet", "address", "--key", "a.key"], 0);
    assert_eq!(stdout.trim(), address);
}

#[test]
fn a_loose_key_file_is_refused_by_every_command_that_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let address = key(dir.path(), "a.key");
    for mode in [0o644, 0o640, 0o604, 0o660] {
        fs::set_permissions(dir.path().join("a.key"), Permissions::from_mode(mode)).unwrap();
        for command in [
            ["keys", "show", "a.key"].as_slice(),
            &["keys", "passwd", "a.key", "--no-passphrase"],
            &["wallet", "address", "--key", "a.key"],
            &[
                "wallet", "transfer", "--key", "a.key", "--to", &address, "--amount", "1", "--asset", "QRT",
            ],
        ] {
            let (_, stderr) = run(dir.path(), command, 8);
            assert!(stderr.contains("chmod 600"), "{stderr}");
        }
    }
}

#[test]
fn passphrases_come_from_a_file_or_the_environment_and_a_wrong_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("right"), "correct horse\n").unwrap();
    fs::write(dir.path().join("wrong"), "battery staple\n").unwrap();
    run(
        dir.path(),
        &["keys", "new", "a.key", "--passphrase-file", "right"],
        0,
    );
    run(
        dir.path(),
        &["keys", "show", "a.key", "--passphrase-file", "right"],
        0,
    );
    let (_, stderr) = run(
        dir.path(),
        &["keys", "show", "a.key", "--passphrase-file", "wrong"],
        8,
    );
    assert!(stderr.contains("does not open"), "{stderr}");

    let mut command = quorate_in(dir.path(), &["keys", "show", "a.key"]);
    command.env("QUORATE_PASSPHRASE", "correct horse");
    outcome(command, 0);
    let mut command = quorate_in(dir.path(), &["keys", "show", "a.key"]);
    command.env("QUORATE_PASSPHRASE", "wrong");
    outcome(command, 8);

    let (_, stderr) = run(dir.path(), &["keys", "show", "a.key"], 8);
    assert!(stderr.contains("no terminal"), "{stderr}");
}

#[test]
fn no_option_takes_a_passphrase_itself() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &["keys", "new", "a.key", "--passphrase", "secret"], 2);
}

#[test]
fn a_key_without_a_passphrase_must_be_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (_, stderr) = run(dir.path(), &["keys", "new", "a.key"], 8);
    assert!(stderr.contains("--no-passphrase"), "{stderr}");
    assert!(!dir.path().join("a.key").exists());
    let mut command = quorate_in(dir.path(), &["keys", "new", "a.key"]);
    command.env("QUORATE_PASSPHRASE", "");
    outcome(command, 2);
}

#[test]
fn passphrases_can_be_changed_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let address = key(dir.path(), "a.key");
    fs::write(dir.path().join("one"), "one\n").unwrap();
    fs::write(dir.path().join("two"), "two\n").unwrap();
    run(
        dir.path(),
        &["keys", "passwd", "a.key", "--new-passphrase-file", "one"],
        0,
    );
    let change = [
        "keys",
        "passwd",
        "a.key",
        "--passphrase-file",
        "one",
        "--new-passphrase-file",
        "two",
    ];
    run(dir.path(), &change, 0);
    run(dir.path(), &change, 8);
    run(
        dir.path(),
        &[
            "keys",
            "passwd",
            "a.key",
            "--passphrase-file",
            "two",
            "--no-passphrase",
        ],
        0,
    );
    let (stdout, _) = run(dir.path(), &["wallet", "address", "--key", "a.key"], 0);
    assert_eq!(stdout.trim(), address);
}

#[test]
fn an_exported_key_can_be_imported_and_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let address = key(dir.path(), "a.key");
    for (form, file) in [("pem", "a.pem"), ("seed", "a.seed")] {
        run(
            dir.path(),
            &["keys", "export", "a.key", "--form", form, "--to", file],
            0,
        );
        let copy = format!("{form}.key");
        run(
            dir.path(),
            &["keys", "import", &copy, "--from", file, "--no-passphrase"],
            0,
        );
        let (stdout, _) = run(dir.path(), &["wallet", "address", "--key", &copy], 0);
        assert_eq!(stdout.trim(), address);
    }
    run(dir.path(), &["keys", "export", "a.key", "--form", "pem"], 2);
}

#[test]
fn what_is_no_key_is_wrong_usage_and_what_is_not_there_is_not_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.key");
    fs::write(&path, "nonsense").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    run(dir.path(), &["keys", "show", "bad.key"], 2);
    run(dir.path(), &["keys", "show", "none.key"], 3);
    run(
        dir.path(),
        &["keys", "import", "b.key", "--from", "bad.key", "--no-passphrase"],
        2,
    );
    assert!(!dir.path().join("b.key").exists());
}

#[test]
fn a_listing_names_loose_and_locked_keys() {
    let dir = tempfile::tempdir().unwrap();
    let address = key(dir.path(), "plain.key");
    key(dir.path(), "loose.key");
    fs::set_permissions(dir.path().join("loose.key"), Permissions::from_mode(0o644)).unwrap();
    fs::write(dir.path().join("pass"), "word\n").unwrap();
    run(
        dir.path(),
        &["keys", "new", "locked.key", "--passphrase-file", "pass"],
        0,
    );
    let list = crate::json(dir.path(), &["keys", "list"]);
    let keys = list["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[0]["encrypted"], true);
    assert!(keys[1]["problem"].as_str().unwrap().contains("0644"));
    assert_eq!(keys[2]["address"], address);
}
