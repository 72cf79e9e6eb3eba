//! Key files: who may open them, and that nothing prints a secret.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use crate::{key, outcome, quorate_in, run, secret, set_mode};

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
    secret(dir.path(), "right", "correct horse\n");
    secret(dir.path(), "wrong", "battery staple\n");
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

/// W24: whoever reads the passphrase opens the key, so one rule holds for both files.
#[test]
fn a_loose_passphrase_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    secret(dir.path(), "word", "correct horse\n");
    let show = ["keys", "show", "a.key", "--passphrase-file", "word"];
    run(
        dir.path(),
        &["keys", "new", "a.key", "--passphrase-file", "word"],
        0,
    );
    for mode in [0o666, 0o644, 0o660] {
        set_mode(&dir.path().join("word"), mode);
        for command in [
            show.as_slice(),
            &["keys", "new", "b.key", "--passphrase-file", "word"],
            &["keys", "passwd", "a.key", "--new-passphrase-file", "word"],
        ] {
            let mut command = quorate_in(dir.path(), command);
            command.env("QUORATE_PASSPHRASE", "correct horse");
            let (_, stderr) = outcome(command, 8);
            let why = format!("the passphrase file word: others may use this file (mode {mode:04o})");
            assert!(stderr.contains(&why) && stderr.contains("chmod 600"), "{stderr}");
        }
    }
    assert!(!dir.path().join("b.key").exists());
    set_mode(&dir.path().join("word"), 0o400);
    run(dir.path(), &show, 0);
    // systemd gives credentials by an access list, which shows as a right of root's group; nobody else reaches them.
    set_mode(&dir.path().join("word"), 0o440);
    for (folder, code) in [(dir.path().to_owned(), 0), (dir.path().join("other"), 8)] {
        let mut command = quorate_in(dir.path(), &show);
        command.env("CREDENTIALS_DIRECTORY", folder);
        outcome(command, code);
    }
}

/// Case 11 (W20).
#[test]
fn files_that_a_group_of_this_process_may_read_are_taken_where_that_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    secret(dir.path(), "word", "correct horse\n");
    run(
        dir.path(),
        &["keys", "new", "a.key", "--passphrase-file", "word"],
        0,
    );
    for file in ["a.key", "word"] {
        set_mode(&dir.path().join(file), 0o440);
    }
    let show = ["keys", "show", "a.key", "--passphrase-file", "word"];
    let (_, stderr) = run(dir.path(), &show, 8);
    assert!(
        stderr.contains("its group may read this file (mode 0440)") && stderr.contains("--allow-group-read"),
        "{stderr}"
    );
    run(
        dir.path(),
        &[show.as_slice(), &["--allow-group-read"]].concat(),
        0,
    );
    for (value, code) in [("true", 0), ("1", 0), ("false", 8), ("maybe", 2)] {
        let mut command = quorate_in(dir.path(), &show);
        command.env("QUORATE_ALLOW_GROUP_READ", value);
        outcome(command, code);
    }
    let list = crate::json(dir.path(), &["keys", "list"]);
    let problem = list["keys"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("its group may read it (mode 0440)"), "{problem}");
    let list = crate::json(dir.path(), &["keys", "list", "--allow-group-read"]);
    assert_eq!(list["keys"][0]["encrypted"], true);
    for mode in [0o460, 0o444] {
        set_mode(&dir.path().join("a.key"), mode);
        let allowed = [show.as_slice(), &["--allow-group-read"]].concat();
        let (_, stderr) = run(dir.path(), &allowed, 8);
        assert!(stderr.contains("others may use this file"), "{stderr}");
    }
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
    secret(dir.path(), "one", "one\n");
    secret(dir.path(), "two", "two\n");
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

/// Its address does not follow from what is kept beside it, and payments' salts do.
#[test]
fn a_p256_key_has_a_secret_beside_it_that_goes_the_same_ways() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let new = ["keys", "new", "a.key", "--kind", "p256", "--no-passphrase"];
    let made = crate::json(dir, &new);
    assert_eq!(
        (&made["kind"], &made["secret"]),
        (&"p256".into(), &"a.key.secret".into())
    );
    assert!(made["public_key"].as_str().unwrap().starts_with("p256:"));
    for file in ["a.key", "a.key.secret"] {
        let mode = fs::metadata(dir.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    // A secret that is there already is not another key's.
    fs::remove_file(dir.join("a.key")).unwrap();
    let (_, stderr) = run(dir, &new, 1);
    assert!(
        stderr.contains("a.key.secret") && stderr.contains("never overwritten"),
        "{stderr}"
    );
    assert!(!dir.join("a.key").exists());
    fs::remove_file(dir.join("a.key.secret")).unwrap();
    let made = crate::json(dir, &new);

    for (form, file) in [("pem", "a.pem"), ("seed", "a.number")] {
        run(
            dir,
            &["keys", "export", "a.key", "--form", form, "--out", file],
            0,
        );
        let copy = format!("{form}.key");
        let import = [
            "keys",
            "import",
            &copy,
            "--from",
            file,
            "--kind",
            "p256",
            "--no-passphrase",
        ];
        let imported = crate::json(dir, &import);
        assert_eq!(imported["address"], made["address"]);
        assert!(dir.join(format!("{copy}.secret")).exists());
    }
    secret(dir, "one", "one\n");
    run(
        dir,
        &["keys", "passwd", "a.key", "--new-passphrase-file", "one"],
        0,
    );
    for file in ["a.key", "a.key.secret"] {
        run(dir, &["keys", "show", file], 8);
        let opened = crate::json(dir, &["keys", "show", file, "--passphrase-file", "one"]);
        assert_eq!(opened["encrypted"], true);
    }
    let list = crate::json(dir, &["keys", "list"]);
    let kinds: Vec<_> = list["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["kind"])
        .collect();
    assert_eq!(kinds, ["p256", "secret", "p256", "secret", "p256", "secret"]);
    let address = &list["keys"][0]["address"];
    assert_eq!(address, &made["address"]);
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
    secret(dir.path(), "pass", "word\n");
    run(
        dir.path(),
        &["keys", "new", "locked.key", "--passphrase-file", "pass"],
        0,
    );
    let list = crate::json(dir.path(), &["keys", "list"]);
    let keys = list["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[0]["encrypted"], true);
    let opened = ["keys", "show", "locked.key", "--passphrase-file", "pass"];
    let opened = crate::json(dir.path(), &opened);
    assert_eq!(keys[0]["address"], opened["address"]);
    assert_eq!(keys[0]["public_key"], opened["public_key"]);
    assert!(keys[1]["problem"].as_str().unwrap().contains("0644"));
    assert_eq!(keys[2]["address"], address);
}
