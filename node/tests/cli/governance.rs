//! What is wrong usage of the commands of governance, before anything is asked or sent, and what needs a network.

use std::fs;

use crate::{key, run};

/// Nothing listens on port 1 of this machine.
const NOBODY: &str = "http://127.0.0.1:1";

const ADDRESS: &str = "qr15tzgy4ccda564vjjzu7fkpfxquldr67zfg7ue3";

#[test]
fn what_is_no_vote_change_or_right_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    key(dir.path(), "a.key");
    fs::write(dir.path().join("seat.toml"), "member = 4\n").unwrap();
    let signed = ["--key", "a.key", "--node", NOBODY];
    for (arguments, said) in [
        (["gov", "vote", "3", "maybe"].as_slice(), "maybe"),
        (&["gov", "vote", "three", "yes"], "three"),
        (&["gov", "propose", "parameters", "window"], "KEY=VALUE"),
        (&["gov", "propose", "parameters"], "KEY=VALUE"),
        (&["gov", "propose", "engine", "tendermint"], "tendermint"),
        (
            &["gov", "propose", "admit", ".hidden", ADDRESS],
            "a member's name",
        ),
        (&["gov", "propose", "admit", "name", "qr1x"], "qr1x"),
        (
            &["gov", "propose", "expel", "no body"],
            "by its number or its name",
        ),
        (&["gov", "propose", "quota"], "--of"),
        (
            &["gov", "propose", "quota", "--of", "1", "--bytes", "5"],
            "--leaves",
        ),
        (&["gov", "propose", "leave", "--days", "91"], "91"),
        (
            &["gov", "propose", "grant", ADDRESS, "king"],
            "a right is administrator",
        ),
        (&["gov", "propose", "add-seat", "seat.toml"], "seat.toml"),
        (&["gov", "report-dormant"], "MEMBER"),
        (&["wallet", "grant", ADDRESS, "mint"], "--for-asset"),
        (
            &[
                "wallet",
                "grant",
                ADDRESS,
                "mint",
                "--for-asset",
                "EUR",
                "--for-member",
                "1",
            ],
            "--for-member",
        ),
        (&["wallet", "assign", ADDRESS], "--to"),
        (
            &[
                "wallet",
                "guardians",
                "set",
                "--guardian",
                ADDRESS,
                "--threshold",
                "2",
            ],
            "the threshold is 2, and there is 1 guardian",
        ),
        (
            &[
                "wallet",
                "guardians",
                "set",
                "--guardian",
                ADDRESS,
                "--guardian",
                ADDRESS,
            ],
            "a guardian is given twice",
        ),
        (&["wallet", "guardians", "decide", ADDRESS], "--accept"),
    ] {
        let (_, stderr) = run(dir.path(), &[arguments, &signed].concat(), 2);
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_reason_and_an_explanation_have_bounds() {
    let dir = tempfile::tempdir().unwrap();
    key(dir.path(), "a.key");
    let (reason, explanation) = ("r".repeat(257), "e".repeat(1_025));
    let freeze = ["wallet", "freeze", ADDRESS, "--asset", "EUR", "--reason", &reason];
    let leave = ["gov", "propose", "leave", "--explanation", &explanation];
    for (arguments, said) in [
        (
            freeze.as_slice(),
            "the reason has 257 bytes, at most 256 are allowed",
        ),
        (&leave, "the explanation has 1025 bytes, at most 1024 are allowed"),
    ] {
        let signed = [arguments, &["--key", "a.key", "--node", NOBODY]].concat();
        let (_, stderr) = run(dir.path(), &signed, 2);
        assert!(stderr.contains(said), "{stderr}");
    }
}

#[test]
fn what_acts_is_signed_by_a_key_or_written_to_a_file() {
    let dir = tempfile::tempdir().unwrap();
    for command in [
        ["gov", "vote", "3", "yes"].as_slice(),
        &["gov", "withdraw", "3"],
        &["gov", "propose", "leave"],
        &["wallet", "unfreeze", ADDRESS],
    ] {
        let (_, neither) = run(dir.path(), command, 2);
        assert!(neither.contains("--key"), "{command:?}: {neither}");
        let nobody = [command, &["--out", "x.qtx", "--node", NOBODY]].concat();
        let (_, nobody) = run(dir.path(), &nobody, 2);
        assert!(nobody.contains("--account ADDRESS"), "{command:?}: {nobody}");
    }
}

#[test]
fn a_network_out_of_reach_is_six_and_an_answer_that_nobody_proves_is_seven() {
    let dir = tempfile::tempdir().unwrap();
    key(dir.path(), "a.key");
    for arguments in [
        ["gov", "list"].as_slice(),
        &["gov", "show", "3"],
        &["gov", "vote", "3", "yes", "--key", "a.key"],
        &["gov", "propose", "leave", "--key", "a.key"],
        &["gov", "answer", "--key", "a.key"],
        &["wallet", "freeze", ADDRESS, "--key", "a.key"],
    ] {
        run(dir.path(), &[arguments, &["--node", NOBODY]].concat(), 6);
    }
    for arguments in [["gov", "list"].as_slice(), &["gov", "show", "3"]] {
        let proven = [arguments, &["--genesis", "genesis.toml", "--node", NOBODY]].concat();
        let (_, stderr) = run(dir.path(), &proven, 7);
        assert!(stderr.contains("no node proves this"), "{stderr}");
    }
}
