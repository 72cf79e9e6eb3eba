//! Wrong usage is exit code 2 and reaches no network; a network out of reach is 6.

use std::fs;

use crate::{key, outcome, quorate, quorate_in, run};

/// Nothing listens on port 1 of this machine.
const NOBODY: &str = "http://127.0.0.1:1";

const ADDRESS: &str = "qr15tzgy4ccda564vjjzu7fkpfxquldr67zfg7ue3";

#[test]
fn the_version_says_which_commit_was_built() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [["--version"].as_slice(), &["node", "run", "--version"]] {
        let (stdout, _) = run(dir.path(), arguments, 0);
        let (_, version) = stdout.trim().split_once(' ').unwrap();
        let commit = version.strip_prefix(concat!(env!("CARGO_PKG_VERSION"), " (commit "));
        let commit = commit.and_then(|rest| rest.strip_suffix(')'));
        let commit = commit.unwrap_or_else(|| panic!("{stdout}"));
        let is_hash = commit.len() == 12 && commit.bytes().all(|digit| digit.is_ascii_hexdigit());
        let checkout = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../.git");
        assert!(is_hash || (commit == "unknown" && !checkout.exists()), "{stdout}");
    }
}

#[test]
fn unknown_commands_and_options_are_wrong_usage() {
    for arguments in [
        ["walet"].as_slice(),
        &["query", "status", "--nod", "x"],
        &["keys", "new", "a", "b"],
    ] {
        let mut command = quorate();
        command.args(arguments);
        outcome(command, 2);
    }
}

#[test]
fn a_rejoin_is_signed_by_a_key_or_written_to_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let rejoin = ["node", "rejoin", "--home", "home"];
    let (_, neither) = run(dir.path(), &rejoin, 2);
    assert!(neither.contains("--key"), "{neither}");
    let late = [&rejoin[..], &["--key", "a.key", "--sign-within", "60"]].concat();
    let (_, late) = run(dir.path(), &late, 2);
    assert!(late.contains("--out"), "{late}");
}

#[test]
fn a_malformed_transfer_is_refused_before_anything_is_asked_or_sent() {
    let dir = tempfile::tempdir().unwrap();
    key(dir.path(), "a.key");
    let mistyped = ADDRESS.replace("tzgy", "tzgz");
    let transfer = |to: &str, amount: &str, asset: &str, more: &[&str]| {
        let arguments = [
            [
                "wallet", "transfer", "--key", "a.key", "--node", NOBODY, "--to", to,
            ]
            .as_slice(),
            &["--amount", amount, "--asset", asset],
            more,
        ]
        .concat();
        run(dir.path(), &arguments, 2).1
    };
    assert!(transfer(&mistyped, "1", "QRT", &[]).contains("mistyped"));
    assert!(transfer("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "1", "QRT", &[]).contains("address"));
    for amount in [
        "",
        "abc",
        "1,5",
        "-1",
        "1e3",
        "0",
        "0.00",
        "1.1234567890123456789",
    ] {
        transfer(ADDRESS, amount, "QRT", &[]);
    }
    for asset in ["", "qrt", "TOOLONGANASSETCODE", "A-B"] {
        transfer(ADDRESS, "1", asset, &[]);
    }
    assert!(transfer(ADDRESS, "1", "QRT", &["--memo", &"m".repeat(257)]).contains("256"));
}

/// W19: a negative amount was an "unexpected argument".
#[test]
fn a_negative_amount_is_told_as_one_that_is_none() {
    let dir = tempfile::tempdir().unwrap();
    key(dir.path(), "a.key");
    let transfer = ["wallet", "transfer", "--to", ADDRESS, "--asset", "QRT"];
    let mint = ["wallet", "asset", "mint", "QRT"];
    let burn = ["wallet", "asset", "burn", "QRT"];
    for command in [transfer.as_slice(), &mint, &burn] {
        for amount in ["-5", "-1.50"] {
            let more = ["--amount", amount, "--key", "a.key", "--node", NOBODY];
            let (_, stderr) = run(dir.path(), &[command, &more].concat(), 2);
            assert!(
                stderr.contains(&format!("`{amount}` is not an amount")),
                "{stderr}"
            );
        }
    }
}

/// W19: where a file is written, the option is `--out`; `--to` is who is paid. Scripts that say `--to` go on.
#[test]
fn an_option_means_one_thing_in_every_command() {
    let dir = tempfile::tempdir().unwrap();
    key(dir.path(), "a.key");
    for command in [
        ["keys", "export"].as_slice(),
        &["genesis", "new"],
        &["genesis", "join"],
        &["genesis", "assemble"],
        &["wallet", "build"],
    ] {
        let (help, _) = run(dir.path(), &[command, &["--help"]].concat(), 0);
        assert!(help.contains("--out ") && !help.contains("--to "), "{help}");
    }
    for (option, file) in [("--out", "new.pem"), ("--to", "old.pem")] {
        run(
            dir.path(),
            &["keys", "export", "a.key", "--form", "pem", option, file],
            0,
        );
        assert!(dir.path().join(file).exists());
    }
}

#[test]
fn nodes_out_of_reach_are_exit_code_6() {
    let dir = tempfile::tempdir().unwrap();
    key(dir.path(), "a.key");
    fs::write(
        dir.path().join("p.csv"),
        format!("to,amount,asset\n{ADDRESS},1,QRT\n"),
    )
    .unwrap();
    for arguments in [
        ["query", "status"].as_slice(),
        &["query", "block"],
        &["wallet", "balance", ADDRESS],
        &[
            "wallet", "transfer", "--key", "a.key", "--to", ADDRESS, "--amount", "1", "--asset", "QRT",
        ],
        &["wallet", "pay", "p.csv", "--key", "a.key"],
        #[cfg(feature = "lab")]
        &["bench", "transfers", "--key", "a.key"],
    ] {
        let arguments = [arguments, &["--node", NOBODY]].concat();
        let (_, stderr) = run(dir.path(), &arguments, 6);
        assert!(stderr.contains("no node could be reached"), "{stderr}");
    }
    assert!(!dir.path().join("p.csv.journal").exists());
}

/// One of the two was passed over without a word.
#[test]
fn a_node_beside_a_home_or_a_bundle_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    crate::genesis::assembled(dir.path());
    let account = ["account", ADDRESS, "--genesis", "genesis.toml"];
    let chain = ["chain", "--genesis", "genesis.toml"];
    let tables = ["tables", "--genesis", "genesis.toml", "--out", "tables"];
    for (command, source) in [
        (&account[..], ["--home", "nowhere"]),
        (&chain[..], ["--home", "nowhere"]),
        (&chain[..], ["--bundle", "nowhere"]),
        (&tables[..], ["--home", "nowhere"]),
    ] {
        let command = [&["audit"][..], command, &source].concat();
        let (_, stderr) = run(dir.path(), &[&command[..], &["--node", NOBODY]].concat(), 2);
        let said = format!("--node and {} are two sources", source[0]);
        assert!(stderr.contains(&said), "{stderr}");
        // One that the environment names for all commands is no contradiction.
        let mut alone = quorate_in(dir.path(), &command);
        alone.env("QUORATE_NODE", NOBODY);
        outcome(alone, 3);
    }
}

/// With the genesis document nothing that is a node's word passes for more.
#[test]
fn what_no_node_proves_is_not_asked_where_proofs_are_wanted() {
    let dir = tempfile::tempdir().unwrap();
    crate::genesis::assembled(dir.path());
    let proven = ["--genesis", "genesis.toml", "--node", NOBODY];
    for query in [
        ["status"].as_slice(),
        &["blocks"],
        &["peers"],
        &["asset", "EUR", "--holders"],
    ] {
        let (_, stderr) = run(dir.path(), &[["query"].as_slice(), query, &proven].concat(), 7);
        assert!(stderr.contains("no node proves this"), "{stderr}");
    }
    for query in [
        ["account", ADDRESS].as_slice(),
        &["holds", ADDRESS],
        &["asset", "EUR"],
        &["record", "--file", "genesis.toml"],
    ] {
        run(dir.path(), &[["query"].as_slice(), query, &proven].concat(), 6);
    }
}

#[test]
fn a_node_url_that_is_none_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    for url in ["localhost:8100", "ftp://127.0.0.1", "http://127.0.0.1:99999", ""] {
        run(dir.path(), &["query", "status", "--node", url], 2);
    }
}

#[test]
fn variables_stand_in_for_options_and_options_above_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = quorate_in(dir.path(), &["query", "status"]);
    command.env("QUORATE_NODE", NOBODY);
    outcome(command, 6);
    let mut command = quorate_in(dir.path(), &["query", "status", "--node", NOBODY]);
    command.env("QUORATE_NODE", "nonsense");
    outcome(command, 6);
}

#[test]
fn bad_rows_of_a_payment_file_are_all_named_and_nothing_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    key(dir.path(), "a.key");
    let text =
        format!("to,amount,asset,memo\n{ADDRESS},1,QRT,\n{ADDRESS},x,QRT,\nqr1bad,1,QRT,\n{ADDRESS},1,,\n");
    fs::write(dir.path().join("p.csv"), text).unwrap();
    let arguments = ["wallet", "pay", "p.csv", "--key", "a.key", "--node", NOBODY];
    let (_, stderr) = run(dir.path(), &arguments, 2);
    for line in ["line 3:", "line 4:", "line 5:"] {
        assert!(stderr.contains(line), "{stderr}");
    }
    assert!(!stderr.contains("line 2:"), "{stderr}");
    assert!(!dir.path().join("p.csv.journal").exists());
    run(
        dir.path(),
        &["wallet", "pay", "none.csv", "--key", "a.key", "--node", NOBODY],
        3,
    );
}

#[test]
fn a_bulk_payment_needs_a_key_unless_others_sign_or_nothing_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("p.csv"),
        format!("to,amount,asset\n{ADDRESS},1,QRT\n"),
    )
    .unwrap();
    let pay = ["wallet", "pay", "p.csv", "--node", NOBODY];
    let refused = |more: &[&str]| run(dir.path(), &[&pay[..], more].concat(), 2).1;
    assert!(refused(&[]).contains("--key"));
    assert!(refused(&["--account", ADDRESS]).contains("--build"));
    let both = ["--account", ADDRESS, "--build", "b.json", "--dry-run"];
    assert!(refused(&both).contains("cannot be used with"));
    let since = ["--account", ADDRESS, "--dry-run", "--history-since", "yesterday"];
    assert!(refused(&since).contains("2026-11-01"));
    for more in [&["--dry-run"][..], &["--build", "b.json"]] {
        let more = [&pay[..], &["--account", ADDRESS], more].concat();
        run(dir.path(), &more, 6);
    }
    assert!(!dir.path().join("b.json").exists());
    let combine = ["wallet", "combine", "one.json", "--out", "both.json"];
    run(dir.path(), &combine, 2);
}

#[test]
fn messages_go_to_standard_error_and_json_to_standard_output() {
    let dir = tempfile::tempdir().unwrap();
    let (stdout, stderr) = run(
        dir.path(),
        &["query", "status", "--node", NOBODY, "--output", "json"],
        6,
    );
    assert!(stdout.is_empty());
    assert!(stderr.starts_with("error: "));
    assert!(!stderr.contains('\u{1b}'));
}
