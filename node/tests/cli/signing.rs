//! Signing what others built: what is signed is shown in words that can be trusted, and asked at a terminal.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use quorate_client::wallet::TransactionBuilder;
use quorate_ledger::{Amount, Timestamp, Transaction, encode};
use serde_json::{Value, json};

use crate::genesis::assembled;
use crate::{outcome, quorate, quorate_in, run};

/// A payment of 12.50 EUR from the issuer to member A that nobody has signed, as earlier versions wrote it: without
/// contents. Gives the address of A.
fn built(dir: &Path) -> String {
    let network = assembled(dir);
    let address = |key| {
        let (stdout, _) = run(dir, &["wallet", "address", "--key", key], 0);
        stdout.trim().to_owned()
    };
    let (issuer, to) = (address("issuer.key"), address("A.key"));
    let intent = TransactionBuilder::new(
        network.parse().unwrap(),
        issuer.parse().unwrap(),
        Timestamp(4_000_000_000_000),
        [1; 16],
    )
    .transfer(to.parse().unwrap(), "EUR".parse().unwrap(), Amount(1_250), "rent")
    .build();
    let transaction = Transaction::new(intent, Vec::new());
    let file = json!({
        "id": transaction.id(),
        "transaction": hex::encode(encode(&transaction)),
    });
    fs::write(dir.join("t.json"), file.to_string()).unwrap();
    to
}

fn read(dir: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(dir.join("t.json")).unwrap()).unwrap()
}

/// The exit code of a command at a terminal, where this is typed, and what stands there then.
fn at_a_terminal(dir: &Path, arguments: &[&str], typed: &str) -> (Option<i32>, String) {
    let line = [[env!("CARGO_BIN_EXE_quorate")].as_slice(), arguments]
        .concat()
        .join(" ");
    let mut terminal = Command::new("timeout");
    terminal.args(["60", "script", "-qec", &line, "/dev/null"]);
    for (name, _) in quorate().get_envs() {
        terminal.env_remove(name);
    }
    terminal
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = terminal.spawn().unwrap();
    // Open to the end: a terminal does not hang up after the first line.
    let mut keyboard = child.stdin.take().unwrap();
    keyboard.write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(keyboard);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// W10: `wallet sign` showed smallest units and bare addresses.
#[test]
fn what_is_signed_is_shown_in_the_decimals_and_names_of_the_genesis_document() {
    let dir = tempfile::tempdir().unwrap();
    let to = built(dir.path());
    let sign = ["wallet", "sign", "t.json", "--key", "issuer.key"];
    let (_, stderr) = run(dir.path(), &sign, 0);
    assert!(stderr.contains("pay 1250 smallest units of EUR"), "{stderr}");
    assert!(
        stderr.contains("--genesis FILE or --asset-decimals EUR=N"),
        "{stderr}"
    );
    let (_, stderr) = run(
        dir.path(),
        &[sign.as_slice(), &["--asset-decimals", "EUR=3"]].concat(),
        0,
    );
    assert!(stderr.contains("pay 1.250 EUR"), "{stderr}");
    let proven = [sign.as_slice(), &["--genesis", "genesis.toml"]].concat();
    let (_, stderr) = run(dir.path(), &proven, 0);
    assert!(
        stderr.contains(&format!("pay 12.50 EUR to {to} (A) (rent)")),
        "{stderr}"
    );
    let wrong = [proven.as_slice(), &["--asset-decimals", "EUR=3"]].concat();
    let (_, stderr) = run(dir.path(), &wrong, 7);
    assert!(stderr.contains("nothing was signed"), "{stderr}");

    let show = ["wallet", "show", "t.json", "--genesis", "genesis.toml"];
    let (stdout, _) = run(dir.path(), &show, 0);
    assert!(
        stdout.contains("12.50 EUR") && stdout.contains("signed by"),
        "{stdout}"
    );

    // Another network's document says nothing about this one.
    let other = tempfile::tempdir().unwrap();
    assembled(other.path());
    let path = other.path().join("genesis.toml").display().to_string();
    let foreign = [sign.as_slice(), &["--genesis", &path]].concat();
    let (_, stderr) = run(dir.path(), &foreign, 7);
    assert!(stderr.contains("is for network"), "{stderr}");
}

#[test]
fn the_file_says_beside_the_bytes_what_they_say_and_is_refused_if_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    let to = built(dir.path());
    let sign = ["wallet", "sign", "t.json", "--key", "issuer.key"];
    run(dir.path(), &sign, 0);
    let mut file = read(dir.path());
    let operation = json!({ "type": "transfer", "to": to, "asset": "EUR", "amount": "1250", "memo": "rent" });
    assert_eq!(file["contents"]["operations"], json!([operation]));
    assert_eq!(file["contents"]["signed_by"].as_array().unwrap().len(), 1);
    file["contents"]["operations"][0]["amount"] = json!("12");
    fs::write(dir.path().join("t.json"), file.to_string()).unwrap();
    for command in [
        sign.as_slice(),
        &["wallet", "show", "t.json"],
        &["wallet", "submit", "t.json"],
    ] {
        let (_, stderr) = run(dir.path(), command, 2);
        assert!(stderr.contains("one of them was changed"), "{stderr}");
    }
}

#[test]
fn at_a_terminal_it_is_asked_before_anything_is_signed() {
    let dir = tempfile::tempdir().unwrap();
    built(dir.path());
    let before = read(dir.path());
    let sign = [
        "wallet",
        "sign",
        "t.json",
        "--key",
        "issuer.key",
        "--genesis",
        "genesis.toml",
    ];
    for (typed, code) in [("n\n", 1), ("\n", 1), ("y\n", 0)] {
        let (got, said) = at_a_terminal(dir.path(), &sign, typed);
        assert_eq!(got, Some(code), "{said}");
        let (shown, asked) = (
            said.find("12.50 EUR").unwrap(),
            said.find("Sign this? [y/N]").unwrap(),
        );
        assert!(shown < asked, "{said}");
        assert_eq!(read(dir.path()) == before, code != 0, "{said}");
    }
    let (code, said) = at_a_terminal(dir.path(), &[sign.as_slice(), &["--yes"]].concat(), "");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("12.50 EUR") && !said.contains("[y/N]"), "{said}");
    // A script has nobody to ask; what it signs is shown all the same.
    let (_, said) = outcome(quorate_in(dir.path(), &sign), 0);
    assert!(said.contains("12.50 EUR") && !said.contains("[y/N]"), "{said}");
}
