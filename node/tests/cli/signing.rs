//! Signing what others built: what is signed is shown in words that can be trusted, and asked at a terminal.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use quorate_client::wallet::TransactionBuilder;
use quorate_ledger::{Amount, Timestamp};
use quorate_verifier::Travelling;

use crate::genesis::assembled;
use crate::{json, outcome, quorate, quorate_in, run};

/// The address of a key.
fn address(dir: &Path, key: &str) -> String {
    let (stdout, _) = run(dir, &["wallet", "address", "--key", key], 0);
    stdout.trim().to_owned()
}

/// A payment of 12.50 EUR from the issuer to member A that nobody has signed. Gives the address of A.
fn built(dir: &Path) -> String {
    let network = assembled(dir);
    let (issuer, to) = (address(dir, "issuer.key"), address(dir, "A.key"));
    let eur = "EUR".parse().unwrap();
    let unsigned = TransactionBuilder::new(
        network.parse().unwrap(),
        issuer.parse().unwrap(),
        Timestamp(4_000_000_000_000),
        [1; 16],
    )
    .transfer(to.parse().unwrap(), eur, Amount(1_250), "rent")
    .build_with(|_| [2; 16]);
    let travelling = Travelling::new(unsigned.intent, unsigned.texts, &[(eur, 2)].into()).unwrap();
    fs::write(dir.join("t.qtx"), travelling.write()).unwrap();
    to
}

fn read(dir: &Path) -> String {
    fs::read_to_string(dir.join("t.qtx")).unwrap()
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
    let sign = ["wallet", "sign", "t.qtx", "--key", "issuer.key"];
    // The file itself says 12.50, and nobody has proven that.
    let (_, stderr) = run(dir.path(), &sign, 0);
    assert!(
        stderr.contains("asset EUR amount 1250") && !stderr.contains("12.50"),
        "{stderr}"
    );
    assert!(
        stderr.contains("--genesis FILE or --asset-decimals EUR=N"),
        "{stderr}"
    );
    let given = [sign.as_slice(), &["--asset-decimals", "EUR=2"]].concat();
    let (_, stderr) = run(dir.path(), &given, 0);
    assert!(stderr.contains("asset EUR amount 12.50"), "{stderr}");
    let differing = [sign.as_slice(), &["--asset-decimals", "EUR=3"]].concat();
    let (_, stderr) = run(dir.path(), &differing, 7);
    assert!(stderr.contains("EUR has 3 decimals"), "{stderr}");
    let proven = [sign.as_slice(), &["--genesis", "genesis.toml"]].concat();
    let (_, stderr) = run(dir.path(), &proven, 0);
    for said in [
        &format!("transfer to {to} asset EUR amount 12.50") as &str,
        "text 0 0 \"rent\"",
        &format!("{to} is A"),
    ] {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
    let wrong = [proven.as_slice(), &["--asset-decimals", "EUR=3"]].concat();
    let (_, stderr) = run(dir.path(), &wrong, 7);
    assert!(stderr.contains("nothing was signed"), "{stderr}");

    let show = ["wallet", "show", "t.qtx", "--genesis", "genesis.toml"];
    let (stdout, _) = run(dir.path(), &show, 0);
    assert!(
        stdout.contains("12.50") && stdout.contains("signed ed25519:"),
        "{stdout}"
    );
    let shown = json(dir.path(), &show);
    assert_eq!(shown["rows"][0]["amount"], "12.50");
    assert_eq!(shown["rows"][0]["memo"], "rent");

    // Another network's document says nothing about this one.
    let other = tempfile::tempdir().unwrap();
    assembled(other.path());
    let path = other.path().join("genesis.toml").display().to_string();
    let foreign = [sign.as_slice(), &["--genesis", &path]].concat();
    let (_, stderr) = run(dir.path(), &foreign, 7);
    assert!(stderr.contains("other_network"), "{stderr}");
}

/// Section 18: what people read in the file follows from its bytes, so nobody can change the one and not the other.
#[test]
fn the_file_says_beside_the_bytes_what_they_say_and_is_refused_if_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    let to = built(dir.path());
    let sign = ["wallet", "sign", "t.qtx", "--key", "issuer.key"];
    run(dir.path(), &sign, 0);
    let signed = read(dir.path());
    assert!(signed.starts_with("quorate transaction 2\nnetwork "), "{signed}");
    assert!(
        signed.contains(&format!("transfer to {to} asset EUR amount 12.50\n")),
        "{signed}"
    );
    assert_eq!(signed.matches("\n# signed ed25519:").count(), 1);
    for (said, lie) in [
        ("amount 12.50", "amount 1.25"),
        ("\"rent\"", "\"gift\""),
        ("# signed", "# by somebody\n# signed"),
    ] {
        fs::write(dir.path().join("t.qtx"), signed.replacen(said, lie, 1)).unwrap();
        for command in [
            sign.as_slice(),
            &["wallet", "show", "t.qtx"],
            &["wallet", "submit", "t.qtx"],
        ] {
            let (_, stderr) = run(dir.path(), command, 7);
            assert!(stderr.contains("not_canonical"), "{stderr}");
        }
    }
    // What is no such file at all is wrong usage.
    fs::write(dir.path().join("t.qtx"), "{}").unwrap();
    run(dir.path(), &sign, 2);
}

#[test]
fn copies_that_were_signed_apart_are_combined_in_one_order() {
    let dir = tempfile::tempdir().unwrap();
    built(dir.path());
    let issuer = address(dir.path(), "issuer.key");
    for key in ["A", "B"] {
        let copy = format!("{key}.qtx");
        fs::copy(dir.path().join("t.qtx"), dir.path().join(&copy)).unwrap();
        let file = format!("{key}.key");
        let sign = ["wallet", "sign", &copy, "--key", &file, "--account", &issuer];
        run(dir.path(), &sign, 0);
    }
    let combine = |first, second, out| {
        let arguments = ["wallet", "combine", first, second, "--out", out];
        let combined = json(dir.path(), &arguments);
        assert_eq!(combined["signed_by"].as_array().unwrap().len(), 2);
        fs::read(dir.path().join(out)).unwrap()
    };
    let one = combine("A.qtx", "B.qtx", "ab.qtx");
    assert_eq!(one, combine("B.qtx", "A.qtx", "ba.qtx"));
    // What was written is not written over.
    let again = ["wallet", "combine", "A.qtx", "B.qtx", "--out", "ab.qtx"];
    run(dir.path(), &again, 1);
}

/// One signature too many, and the ledger refuses the transaction; no copy gets rid of it.
#[test]
fn a_key_that_nobody_needs_spoils_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let to = built(dir.path());
    let (before, issuer) = (read(dir.path()), address(dir.path(), "issuer.key"));
    // The payee's: it is named in the transaction, and is no party of it.
    let sign = ["wallet", "sign", "t.qtx", "--key", "A.key"];
    for more in [&[][..], &["--account", &to], &["--genesis", "genesis.toml"]] {
        let (_, stderr) = run(dir.path(), &[&sign[..], more].concat(), 2);
        let who = format!("It is to be signed by {issuer}");
        for said in [&who as &str, "nothing was signed", "--account ADDRESS"] {
            assert!(stderr.contains(said), "{said}: {stderr}");
        }
    }
    assert_eq!(read(dir.path()), before);
    run(dir.path(), &[&sign[..], &["--account", &issuer]].concat(), 0);
    assert_ne!(read(dir.path()), before);
}

#[test]
fn at_a_terminal_it_is_asked_before_anything_is_signed() {
    let dir = tempfile::tempdir().unwrap();
    built(dir.path());
    let before = read(dir.path());
    let sign = [
        "wallet",
        "sign",
        "t.qtx",
        "--key",
        "issuer.key",
        "--genesis",
        "genesis.toml",
    ];
    for (typed, code) in [("n\n", 1), ("\n", 1), ("y\n", 0)] {
        let (got, said) = at_a_terminal(dir.path(), &sign, typed);
        assert_eq!(got, Some(code), "{said}");
        let (shown, asked) = (
            said.find("amount 12.50").unwrap(),
            said.find("Sign this? [y/N]").unwrap(),
        );
        assert!(shown < asked, "{said}");
        assert_eq!(read(dir.path()) == before, code != 0, "{said}");
    }
    let (code, said) = at_a_terminal(dir.path(), &[sign.as_slice(), &["--yes"]].concat(), "");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("amount 12.50") && !said.contains("[y/N]"), "{said}");
    // A script has nobody to ask; what it signs is shown all the same.
    let (_, said) = outcome(quorate_in(dir.path(), &sign), 0);
    assert!(said.contains("amount 12.50") && !said.contains("[y/N]"), "{said}");
}
