//! Homes: what is refused before a node starts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::genesis::assembled;
use crate::{outcome, quorate_in, run};

#[test]
fn a_home_that_is_not_there_is_not_found() {
    let dir = tempfile::tempdir().unwrap();
    let (_, stderr) = run(dir.path(), &["node", "run", "--home", "none"], 3);
    assert!(stderr.contains("node init"), "{stderr}");
    run(dir.path(), &["node", "check", "--home", "none"], 3);
}

/// The running node does not need it, so nothing else would notice before somebody wants a checkpoint signed.
#[test]
fn a_witness_key_that_is_gone_or_anothers_is_found_by_a_check() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    assembled(dir);
    run(
        dir,
        &["node", "init", "--home", "home-A", "--genesis", "genesis.toml"],
        0,
    );
    let check = ["node", "check", "--home", "home-A"];
    run(dir, &check, 0);
    let witness = dir.join("home-A/witness.key");
    fs::rename(&witness, dir.join("kept.key")).unwrap();
    let (_, stderr) = run(dir, &check, 7);
    assert!(stderr.contains("witness.key is not there"), "{stderr}");
    run(dir, &["keys", "new", "home-A/witness.key", "--no-passphrase"], 0);
    let (_, stderr) = run(dir, &check, 7);
    assert!(
        stderr.contains("is not the one that validator A joined with"),
        "{stderr}"
    );
    fs::rename(dir.join("kept.key"), &witness).unwrap();
    run(dir, &check, 0);
}

/// A node agrees without its webhooks, so a start would say it in the log alone.
#[test]
fn a_webhook_whose_secret_cannot_be_used_is_found_by_a_check() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    assembled(dir);
    run(
        dir,
        &["node", "init", "--home", "home-A", "--genesis", "genesis.toml"],
        0,
    );
    let config = dir.join("home-A/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let hook =
        "[[webhooks]]\nname = \"orders\"\nurl = \"http://127.0.0.1:9/\"\nsecret_file = \"orders.secret\"\n";
    fs::write(&config, format!("{text}\n{hook}")).unwrap();
    let check = ["node", "check", "--home", "home-A"];
    let (_, stderr) = run(dir, &check, 7);
    assert!(
        stderr.contains("`orders` would post nothing") && stderr.contains("orders.secret"),
        "{stderr}"
    );
    let secret = dir.join("home-A/orders.secret");
    let line = format!("whsec_{}\n", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz");
    fs::write(&secret, line).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    run(dir, &check, 7);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    run(dir, &check, 0);
    assert!(!dir.join("home-A/webhooks").exists(), "a check writes nothing");
}

#[test]
fn an_unknown_key_in_the_configuration_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        &["node", "init", "--home", "home", "--no-passphrase"],
        0,
    );
    let path = dir.path().join("home/config.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}\n[api2]\nlisten = 1\n")).unwrap();
    for command in ["run", "check"] {
        let (_, stderr) = run(dir.path(), &["node", command, "--home", "home"], 2);
        assert!(stderr.contains("api2"), "{stderr}");
    }
}

#[test]
fn settings_are_written_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let init = [
        "node",
        "init",
        "--home",
        "home",
        "--no-passphrase",
        "--api-listen",
        "127.0.0.1:7777",
    ];
    run(dir.path(), &init, 0);
    let text = fs::read_to_string(dir.path().join("home/config.toml")).unwrap();
    assert!(text.contains("127.0.0.1:7777"), "{text}");
    run(
        dir.path(),
        &["node", "init", "--home", "home", "--api-listen", "127.0.0.1:8888"],
        0,
    );
    assert_eq!(
        fs::read_to_string(dir.path().join("home/config.toml")).unwrap(),
        text
    );
}

#[test]
fn a_malformed_setting_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = quorate_in(dir.path(), &["node", "run", "--home", "home"]);
    command.env("QUORATE_API_LISTEN", "nonsense");
    outcome(command, 2);
}

#[test]
fn a_local_network_is_made_only_where_nothing_is() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("full")).unwrap();
    fs::write(dir.path().join("full/precious"), "x").unwrap();
    let (_, stderr) = run(dir.path(), &["localnet", "up", "--dir", "full", "--detach"], 1);
    assert!(stderr.contains("nothing was touched"), "{stderr}");
    let left: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["full"]);
    run(dir.path(), &["localnet", "status", "--dir", "none"], 3);
    for arguments in [
        ["--validators", "0"].as_slice(),
        &["--validators", "101"],
        &["--api-port", "65500"],
    ] {
        let up = ["localnet", "up", "--dir", "new", "--detach"].as_slice();
        run(dir.path(), &[up, arguments].concat(), 2);
        assert!(!dir.path().join("new").exists());
    }
}

#[test]
fn a_flag_stands_above_its_variable_and_both_above_the_default() {
    let dir = tempfile::tempdir().unwrap();
    let init = ["node", "init", "--no-passphrase", "--home"];
    for (home, flags, expected) in [
        ("default", [].as_slice(), "listen = \"127.0.0.1:8100\""),
        ("variable", &[], "listen = \"127.0.0.1:7777\""),
        (
            "flag",
            &["--api-listen", "127.0.0.1:8888"],
            "listen = \"127.0.0.1:8888\"",
        ),
    ] {
        let mut command = quorate_in(dir.path(), &[&init, [home].as_slice(), flags].concat());
        if home != "default" {
            command.env("QUORATE_API_LISTEN", "127.0.0.1:7777");
        }
        outcome(command, 0);
        let text = fs::read_to_string(dir.path().join(home).join("config.toml")).unwrap();
        assert!(text.contains(&format!("\n{expected}\n")), "{text}");
    }
}

#[test]
fn the_page_on_configuration_has_every_flag_and_variable_of_a_node() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = fs::read_to_string(page).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (help, _) = run(dir.path(), &["node", "run", "--help"], 0);
    let words = help.split(|letter: char| letter.is_whitespace() || "[]=,".contains(letter));
    let of_every_command = ["--help", "--version", "--output", "QUORATE_OUTPUT"];
    let words: Vec<&str> = words
        .filter(|word| word.starts_with("--") || word.starts_with("QUORATE_"))
        .filter(|word| !of_every_command.contains(word))
        .collect();
    assert!(words.len() > 14, "{words:?}");
    for word in words {
        assert!(page.contains(&format!("`{word}")), "{word}");
    }
}
