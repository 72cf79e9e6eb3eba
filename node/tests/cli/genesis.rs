//! Members make a network together, each with keys of its own.

use std::fs;
use std::path::Path;

use crate::{json, key, run};

/// Two members with homes and member keys, a draft, and a join file of each.
fn draft(dir: &Path) -> String {
    let address = key(dir, "issuer.key");
    for member in ["A", "B"] {
        let home = format!("home-{member}");
        run(dir, &["node", "init", "--home", &home, "--no-passphrase"], 0);
        key(dir, &format!("{member}.key"));
    }
    let asset = format!("EUR:2:{address}:Euro");
    let balance = format!("EUR:{address}:1000.50");
    let arguments = [
        "genesis",
        "new",
        "--network",
        "trade",
        "--member",
        "A",
        "--member",
        "B",
        "--asset",
        &asset,
    ];
    run(dir, &[arguments.as_slice(), &["--balance", &balance]].concat(), 0);
    address
}

fn join(dir: &Path, member: &str) {
    let (home, key) = (format!("home-{member}"), format!("{member}.key"));
    let address = format!("/ip4/127.0.0.1/tcp/{}", if member == "A" { 9100 } else { 9101 });
    let arguments = [
        "genesis",
        "join",
        "--member",
        member,
        "--home",
        &home,
        "--member-key",
        &key,
        "--address",
        &address,
    ];
    run(dir, &arguments, 0);
}

pub(crate) fn assembled(dir: &Path) -> String {
    draft(dir);
    join(dir, "A");
    join(dir, "B");
    let made = json(dir, &["genesis", "assemble", "B.join.toml", "A.join.toml"]);
    assert_eq!(made["validators"], serde_json::json!(["A", "B"]));
    made["network"].as_str().unwrap().to_owned()
}

#[test]
fn a_network_is_made_from_a_draft_and_the_join_of_each_member() {
    let dir = tempfile::tempdir().unwrap();
    let network = assembled(dir.path());
    let verified = json(dir.path(), &["genesis", "verify", "--network", &network]);
    assert_eq!(verified["network"], network);
    let shown = json(dir.path(), &["genesis", "show"]);
    assert_eq!(shown["network"], network);
    assert_eq!(shown["assets"][0]["supply"], "100050");
    assert_eq!(
        shown["validators"][1]["addresses"],
        serde_json::json!(["/ip4/127.0.0.1/tcp/9101"])
    );
    let (text, _) = run(dir.path(), &["genesis", "show"], 0);
    assert!(text.contains("1000.50"), "{text}");
    run(dir.path(), &["genesis", "show", "draft.toml"], 0);
}

/// What section 16 of the page lets a draft give to members besides their own accounts.
#[test]
fn a_draft_has_accounts_and_rights_and_shows_them() {
    let dir = tempfile::tempdir().unwrap();
    let address = key(dir.path(), "a.key");
    let asset = format!("EUR:2:{address}");
    let account = format!("{address}:B");
    let (mint, audit) = (
        format!("{address}:mint:asset:EUR"),
        format!("{address}:auditor:network"),
    );
    let members = [
        "genesis",
        "new",
        "--network",
        "trade",
        "--member",
        "A",
        "--member",
        "B",
    ];
    let given = [
        "--asset",
        &asset,
        "--account",
        &account,
        "--grant",
        &mint,
        "--grant",
        &audit,
    ];
    run(dir.path(), &[members.as_slice(), &given].concat(), 0);
    let shown = json(dir.path(), &["genesis", "show", "draft.toml"]);
    let expected = serde_json::json!([{ "address": address, "member": "B" }]);
    assert_eq!(shown["accounts"], expected);
    let right =
        |right: &str, scope: &str| serde_json::json!({ "account": address, "right": right, "scope": scope });
    let expected = serde_json::json!([right("auditor", "network"), right("mint", "asset:EUR")]);
    assert_eq!(shown["grants"], expected);
    let (text, _) = run(dir.path(), &["genesis", "show", "draft.toml"], 0);
    assert!(text.contains("OF MEMBER") && text.contains("asset:EUR"), "{text}");

    let elsewhere = ["--out", "other.toml"];
    for (option, value, code) in [
        ("--account", format!("{address}:C"), 2),
        ("--grant", format!("{address}:king:network"), 2),
        ("--grant", format!("{address}:mint:network"), 2),
        ("--grant", format!("{address}:mint:asset:USD"), 2),
    ] {
        let wrong = [members.as_slice(), &[option, &value], &elsewhere].concat();
        run(dir.path(), &wrong, code);
    }
    assert!(!dir.path().join("other.toml").exists());
}

#[test]
fn a_members_account_may_have_several_signers_who_sign_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    draft(dir);
    join(dir, "B");
    let second = json(
        dir,
        &["keys", "new", "second.key", "--kind", "p256", "--no-passphrase"],
    );
    let first = json(dir, &["keys", "show", "A.key"]);
    let signer = |key: &serde_json::Value, is: char| format!("{}{is}1", key["public_key"].as_str().unwrap());
    // Help names `=`; `:` means the same.
    let (one, two) = (signer(&first, '='), signer(&second, ':'));
    let begin = [
        "genesis",
        "join",
        "--member",
        "A",
        "--home",
        "home-A",
        "--member-key",
        "A.key",
    ];
    let signers = ["--signer", &one, "--signer", &two];
    // A threshold that nobody reaches, and one without signers.
    for wrong in [
        [signers.as_slice(), &["--threshold", "3"]].concat(),
        vec!["--threshold", "1"],
    ] {
        run(dir, &[begin.as_slice(), wrong.as_slice()].concat(), 2);
    }
    let both = [begin.as_slice(), &signers, &["--threshold", "2"]].concat();
    let made = json(dir, &both);
    assert_eq!(made["missing_weight"], 1);
    let assemble = ["genesis", "assemble", "A.join.toml", "B.join.toml"];
    let (_, stderr) = run(dir, &assemble, 2);
    assert!(stderr.contains("more must sign"), "{stderr}");
    let sign = |key: &str, code| {
        let countersign = [
            "genesis",
            "join",
            "--countersign",
            "A.join.toml",
            "--member-key",
            key,
        ];
        run(dir, &countersign, code).1
    };
    let stderr = sign("issuer.key", 2);
    assert!(stderr.contains("none of the signers"), "{stderr}");
    sign("second.key", 0);
    run(dir, &assemble, 0);
    let shown = json(dir, &["genesis", "show"]);
    let member = &shown["validators"][0];
    assert_eq!(member["account"], first["address"]);
    assert_eq!(member["threshold"], 2);
    assert_eq!(member["signers"].as_array().unwrap().len(), 2);
    // Others have their account's key alone.
    assert_eq!(shown["validators"][1]["threshold"], 1);
    let (text, _) = run(dir, &["genesis", "show"], 0);
    assert!(text.contains("signers of A, threshold 2"), "{text}");
}

#[test]
fn a_home_takes_the_genesis_document_that_its_keys_joined_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    assembled(dir.path());
    let init = ["node", "init", "--home", "home-A", "--genesis", "genesis.toml"];
    let made = json(dir.path(), &init);
    assert_eq!(made["validator"], "A");
    run(dir.path(), &["node", "check", "--home", "home-A"], 0);
    run(dir.path(), &init, 0);
    let stranger = [
        "node",
        "init",
        "--home",
        "stranger",
        "--genesis",
        "genesis.toml",
        "--no-passphrase",
    ];
    let (_, stderr) = run(dir.path(), &stranger, 1);
    assert!(stderr.contains("names no validator"), "{stderr}");
}

#[test]
fn a_draft_that_was_changed_after_a_member_signed_it_is_found() {
    let dir = tempfile::tempdir().unwrap();
    draft(dir.path());
    join(dir.path(), "A");
    join(dir.path(), "B");
    let path = dir.path().join("draft.toml");
    let changed = fs::read_to_string(&path).unwrap().replace("1000.50", "9000.50");
    fs::write(&path, changed).unwrap();
    let (_, stderr) = run(
        dir.path(),
        &["genesis", "assemble", "A.join.toml", "B.join.toml"],
        7,
    );
    assert!(stderr.contains("another draft"), "{stderr}");
}

#[test]
fn a_missing_a_doubled_and_a_foreign_join_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    draft(dir.path());
    join(dir.path(), "A");
    let (_, stderr) = run(dir.path(), &["genesis", "assemble", "A.join.toml"], 2);
    assert!(stderr.contains('B'), "{stderr}");
    run(
        dir.path(),
        &["genesis", "assemble", "A.join.toml", "A.join.toml"],
        2,
    );
    let outsider = [
        "genesis",
        "join",
        "--member",
        "C",
        "--home",
        "home-B",
        "--member-key",
        "B.key",
    ];
    run(dir.path(), &outsider, 2);
    assert!(!dir.path().join("genesis.toml").exists());
}

/// O23: whoever assembles the document could choose between two joins of one member.
#[test]
fn a_member_that_joined_twice_finds_which_join_the_document_has() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    draft(dir);
    join(dir, "A");
    join(dir, "B");
    let again = |draft: &str, out: &str| {
        let join = [
            "genesis", "join", "--draft", draft, "--member", "A", "--home", "home-A",
        ];
        let more = [
            "--member-key",
            "A.key",
            "--address",
            "/ip4/127.0.0.1/tcp/9999",
            "--out",
            out,
        ];
        run(dir, &[join.as_slice(), &more].concat(), 0);
    };
    again("draft.toml", "A2.join.toml");
    let assemble = ["genesis", "assemble", "A2.join.toml", "B.join.toml"];
    let both = [assemble.as_slice(), &["A.join.toml"]].concat();
    let (_, stderr) = run(dir, &both, 2);
    assert!(stderr.contains("A.join.toml"), "{stderr}");
    assert!(
        stderr.contains("the join of A stands here a second time"),
        "{stderr}"
    );
    assert!(stderr.contains("which of its joins counts"), "{stderr}");
    assert!(!dir.join("genesis.toml").exists());

    run(dir, &assemble, 0);
    for own in ["A2.join.toml", "B.join.toml"] {
        run(dir, &["genesis", "verify", "--join", own], 0);
    }
    let (stdout, stderr) = run(dir, &["genesis", "verify", "--join", "A.join.toml"], 7);
    assert!(stdout.is_empty(), "{stdout}");
    for said in [
        "another join of A",
        "addresses: /ip4/127.0.0.1/tcp/9999 →",
        "tcp/9100",
    ] {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }

    let other = fs::read_to_string(dir.join("draft.toml")).unwrap();
    fs::write(dir.join("other.toml"), other.replace("1000.50", "7.00")).unwrap();
    again("other.toml", "A3.join.toml");
    let (_, stderr) = run(dir, &["genesis", "verify", "--join", "A3.join.toml"], 7);
    assert!(stderr.contains("another draft"), "{stderr}");
    run(dir, &["genesis", "verify", "--join", "draft.toml"], 2);
    run(dir, &["genesis", "verify", "--join", "none.toml"], 3);
}

#[test]
fn a_tampered_genesis_document_is_refused_with_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let network = assembled(dir.path());
    let text = fs::read_to_string(dir.path().join("genesis.toml")).unwrap();
    fs::write(
        dir.path().join("bad.toml"),
        text.replace("version = 2", "version = 2\nsurprise = 2"),
    )
    .unwrap();
    let (_, stderr) = run(dir.path(), &["genesis", "verify", "bad.toml"], 2);
    assert!(stderr.contains("line"), "{stderr}");
    fs::write(dir.path().join("bad.toml"), text.replace("tcp/9100", "tcp/9999")).unwrap();
    run(dir.path(), &["genesis", "verify", "bad.toml"], 7);
    fs::write(dir.path().join("bad.toml"), [0xff, 0xfe]).unwrap();
    run(dir.path(), &["genesis", "verify", "bad.toml"], 2);
    let other = network.chars().rev().collect::<String>();
    if other != network {
        run(dir.path(), &["genesis", "verify", "--network", &other], 7);
    }
    run(dir.path(), &["genesis", "verify", "--network", "xyz"], 2);
    run(dir.path(), &["genesis", "verify", "none.toml"], 3);
}

#[test]
fn differences_are_named_and_are_exit_code_7() {
    let dir = tempfile::tempdir().unwrap();
    draft(dir.path());
    run(dir.path(), &["genesis", "diff", "draft.toml", "draft.toml"], 0);
    let text = fs::read_to_string(dir.path().join("draft.toml")).unwrap();
    fs::write(dir.path().join("other.toml"), text.replace("1000.50", "7.00")).unwrap();
    let (stdout, _) = run(dir.path(), &["genesis", "diff", "draft.toml", "other.toml"], 7);
    assert!(stdout.contains("1000.50") && stdout.contains("7.00"), "{stdout}");
}

/// W26: whoever reviews a document has to see all of it, its comments too.
#[test]
fn a_document_with_characters_that_nobody_sees_is_refused_with_the_line() {
    let dir = tempfile::tempdir().unwrap();
    assembled(dir.path());
    let text = fs::read_to_string(dir.path().join("genesis.toml")).unwrap();
    for hidden in ["\u{202e}", "\u{200b}", "\u{2066}", "\u{feff}"] {
        fs::write(
            dir.path().join("bad.toml"),
            format!("# fine\n# re{hidden}ad\n{text}"),
        )
        .unwrap();
        for command in [
            ["verify", "bad.toml"].as_slice(),
            &["diff", "genesis.toml", "bad.toml"],
        ] {
            let (_, stderr) = run(dir.path(), &[&["genesis"], command].concat(), 2);
            assert!(stderr.contains("line 2: here is the character U+"), "{stderr}");
            assert!(!stderr.contains(hidden), "{stderr}");
        }
    }
    // A byte order mark at the beginning is an editor's, and so are CRLF.
    let saved = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    fs::write(dir.path().join("saved.toml"), saved).unwrap();
    run(dir.path(), &["genesis", "verify", "saved.toml"], 0);

    let draft = fs::read_to_string(dir.path().join("draft.toml")).unwrap();
    for (bad, line) in [
        (draft.replace("Euro", "Eu\\u200bro"), "assets[1].description"),
        (format!("# \u{202e}\n{draft}"), "line 1"),
    ] {
        fs::write(dir.path().join("draft.toml"), bad).unwrap();
        let join = [
            "genesis",
            "join",
            "--member",
            "A",
            "--home",
            "home-A",
            "--member-key",
            "A.key",
            "--out",
            "j.toml",
        ];
        let (_, stderr) = run(dir.path(), &join, 2);
        assert!(
            stderr.contains(line) && stderr.contains("nobody sees"),
            "{stderr}"
        );
    }
    let asset = format!("GBP:2:{}:po\u{202e}und", key(dir.path(), "b.key"));
    let new = [
        "genesis",
        "new",
        "--network",
        "x",
        "--member",
        "A",
        "--asset",
        &asset,
        "--out",
        "n.toml",
    ];
    run(dir.path(), &new, 2);
    assert!(!dir.path().join("n.toml").exists());
}

/// W26.
#[test]
fn members_whose_names_look_alike_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (one, other) in [("bank-1", "bank-l"), ("O0", "OO"), ("barn", "bam")] {
        let new = [
            "genesis",
            "new",
            "--network",
            "x",
            "--member",
            one,
            "--member",
            other,
        ];
        let (_, stderr) = run(dir.path(), &new, 2);
        assert!(stderr.contains(&format!("{other} looks like {one}")), "{stderr}");
        assert!(!dir.path().join("draft.toml").exists());
    }
    assembled(dir.path());
    let draft = fs::read_to_string(dir.path().join("draft.toml")).unwrap();
    let alike = draft.replace("\"A\"", "\"A1\"").replace("\"B\"", "\"Al\"");
    fs::write(dir.path().join("alike.toml"), alike).unwrap();
    for member in ["A1", "Al"] {
        let join = [
            "genesis",
            "join",
            "--draft",
            "alike.toml",
            "--member",
            member,
            "--home",
            "home-A",
            "--member-key",
            "A.key",
        ];
        let (_, stderr) = run(dir.path(), &join, 2);
        assert!(stderr.contains("members[2]: Al looks like A1"), "{stderr}");
    }
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    assembled(dir.path());
    run(
        dir.path(),
        &["genesis", "new", "--network", "x", "--member", "A"],
        1,
    );
    run(
        dir.path(),
        &["genesis", "assemble", "A.join.toml", "B.join.toml"],
        1,
    );
}
