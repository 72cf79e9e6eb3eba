//! Checking proofs, statements and transactions that travel, without any node: what `docs/formats.md` prints in section
//! 24 is good, and what was changed in it is not.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use serde_json::Value;

use crate::run;

/// The page.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/formats.md");

/// The page for auditors.
const AUDIT: &str = include_str!("../../../docs/audit.md");

/// The page's genesis document as text, and that of another network.
const GENESIS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../genesis/tests/vectors/genesis.toml"
);
const OTHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../genesis/tests/vectors/wide.toml");

/// The page's statement as CSV and as HTML, the latter with words for its style and its proof.
const CSV: &str = include_str!("../../statement/tests/statements/golden/k1.csv");
const HTML: &str = include_str!("../../statement/tests/statements/golden/k1.html");
const STYLE: &str = include_str!("../../statement/src/page/style.css");
const CAMT: &str = include_str!("../../statement/tests/statements/golden/k1.xml");

const NETWORK: &str = "f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618";
const BLOCK: &str = "68327b0c4cca7bc1ed729f79a4e565cd9c62e4e1b7093f652e35186c2c4e6abf";
const ID: &str = "4e1a6d7026445cd638bf2e70f92c96399ffed50752de9d05dfa32d5235bcbc57";
const K1: &str = "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6";

/// Nothing listens on port 1 of this machine.
const NOBODY: &str = "http://127.0.0.1:1";

/// The page's file that begins with these words.
fn page_file(beginning: &str) -> String {
    let page = fs::read_to_string(PAGE).unwrap();
    let blocks = page.split("\n```file\n").skip(1);
    let mut files = blocks.map(|block| block.split_once("```").unwrap().0.to_owned());
    files
        .find(|file| file.starts_with(beginning) && !file.contains("BASE64"))
        .unwrap()
}

fn proof(kind: &str) -> String {
    page_file(&format!("quorate proof 2 {kind}\nnetwork {NETWORK}\n"))
}

fn travelling() -> String {
    page_file(&format!("quorate transaction 2\nnetwork {NETWORK}\n"))
}

fn html() -> String {
    let page = HTML.replace("STYLE", STYLE).replace("PROOF", &proof("statement"));
    by_genesis(&page)
}

fn camt() -> String {
    by_genesis(&CAMT.replace("PROOF", &proof("statement")))
}

/// A statement with the owner's name that the page's genesis document has.
fn by_genesis(statement: &str) -> String {
    statement.replace(">Alice</", ">alpha</")
}

fn write(dir: &Path, file: &str, text: &str) {
    fs::write(dir.join(file), text).unwrap();
}

/// Verifies files against the page's genesis document, and gives standard output and standard error.
fn verify(dir: &Path, files: &[&str], code: i32) -> (String, String) {
    let arguments = [["audit", "verify", "--genesis", GENESIS].as_slice(), files].concat();
    run(dir, &arguments, code)
}

/// Does the same with the answer as JSON.
fn verdicts(dir: &Path, files: &[&str], code: i32) -> Vec<Value> {
    let (stdout, _) = verify(dir, &[files, &["--output", "json"]].concat(), code);
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    answer["files"].as_array().unwrap().clone()
}

#[test]
fn the_proofs_of_the_page_are_good_and_say_what_they_establish() {
    let dir = tempfile::tempdir().unwrap();
    let kinds = ["transaction", "state", "statement", "block"];
    for kind in kinds {
        write(dir.path(), kind, &proof(kind));
    }
    let found = verdicts(dir.path(), &kinds, 0);
    for (kind, file) in kinds.iter().zip(&found) {
        assert_eq!((&file["is"], &file["result"]), (&"proof".into(), &"good".into()));
        assert_eq!(file["verdicts"][0]["kind"], *kind);
        assert_eq!(file["verdicts"][0]["head"]["hash"], BLOCK);
    }
    assert_eq!(found[2]["verdicts"][0]["verdict"], "complete_up_to");
    let (text, _) = verify(dir.path(), &kinds, 0);
    // What the page for auditors shows.
    let shown = AUDIT.split_once("```text\n").unwrap().1;
    let (_, shown) = shown.split_once('\n').unwrap();
    let shown = shown.split_once("```").unwrap().0;
    assert!(text.contains(shown), "{text}");
    assert!(!text.contains('{') && !text.contains("Transfer("), "{text}");
    for words in [
        "transaction: good\n",
        &format!("account {K1}"),
        "no such account",
        "the key that the address was made from",
        "HOLDS FOR IT",
        &format!("proven: transaction {ID}"),
        &format!("as of block 1 of 2026-01-01T00:00:01Z, epoch 0, {BLOCK}"),
        "invoice 17",
        "nothing is there",
        "ASSET    FREE  HELD",
        "EUR    487.50  0.00",
        "GOLD        2     0",
        "complete up to 2026-01-01T00:00:01Z, that included, and no further",
        &format!("Statement of account {K1}"),
    ] {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
}

#[test]
fn what_was_changed_in_a_proof_is_refused_with_a_stable_code() {
    let dir = tempfile::tempdir().unwrap();
    let good = proof("transaction");
    let asks_otherwise = good.replacen(&format!("about {ID}"), &format!("about {BLOCK}"), 1);
    // One letter in the middle of the base64.
    let place = good.len() / 2;
    let letter = if good.as_bytes()[place] == b'B' { "C" } else { "B" };
    let mut bytes = good.clone();
    bytes.replace_range(place..=place, letter);
    for (name, text) in [
        ("about", asks_otherwise),
        ("bytes", bytes),
        ("cut", good[..good.len() - 1].to_owned()),
        ("windows", good.replace('\n', "\r\n")),
    ] {
        write(dir.path(), name, &text);
        let found = verdicts(dir.path(), &[name], 7);
        assert_eq!(found[0]["result"], "refused", "{name}");
        assert!(found[0]["refusal"]["code"].is_string(), "{name}");
    }
    write(dir.path(), "good", &good);
    let arguments = ["audit", "verify", "good", "--genesis", OTHER];
    let (text, stderr) = run(dir.path(), &arguments, 7);
    assert!(text.contains("other_network"), "{text}");
    assert!(stderr.contains("1 of 1 file is not good"), "{stderr}");
}

#[test]
fn with_a_trusted_block_proofs_start_from_that_block_alone() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "one", &proof("transaction"));
    // Genesis's committee is not taken then, and the file has no other way to one.
    let trusted = format!("1:{BLOCK}");
    let with_both = ["one", "--trusted", &trusted];
    let found = verdicts(dir.path(), &with_both, 7);
    assert_eq!(found[0]["refusal"]["code"], "unknown_committee");
    let alone = ["audit", "verify", "one", "--trusted", &trusted];
    let (text, _) = run(dir.path(), &alone, 7);
    assert!(text.contains("unknown_committee"), "{text}");
    for wrong in ["1", &format!("0:{BLOCK}"), &format!("{BLOCK}:1"), "1:ab"] {
        run(dir.path(), &["audit", "verify", "one", "--trusted", wrong], 2);
    }
}

#[test]
fn a_statement_is_good_if_its_figures_are_its_proofs() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "k1.csv", CSV);
    write(dir.path(), "k1.csv.proof", &proof("statement"));
    write(dir.path(), "k1.html", &html());
    write(dir.path(), "k1.xml", &camt());
    let files = ["k1.csv", "k1.html", "k1.xml"];
    let found = verdicts(dir.path(), &files, 0);
    for (file, form) in found.iter().zip(["csv", "html", "camt053"]) {
        assert_eq!((&file["result"], &file["form"]), (&"good".into(), &form.into()));
        assert_eq!(
            file["verdicts"][0]["facts"]["entries"].as_array().unwrap().len(),
            2
        );
    }
    // Four letters are no currency's.
    assert_eq!(found[2]["assets_left_out"], serde_json::json!(["GOLD"]));
    let (text, _) = verify(dir.path(), &["k1.csv"], 0);
    assert!(
        text.contains("its figures are those that its proof establishes"),
        "{text}"
    );
    let names = "names beside addresses are those of whoever made the statement: not all of them are proven";
    assert!(text.contains(names), "{text}");
    write(dir.path(), "k1.csv", &CSV.replace("\"Bob & Söhne\"", ""));
    let (text, _) = verify(dir.path(), &["k1.csv"], 0);
    assert!(!text.contains(names), "{text}");
}

#[test]
fn a_statement_with_another_name_of_a_member_or_a_forged_one_is_not_good() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "k1.html", &html().replace(">alpha</", ">beta</"));
    let found = verdicts(dir.path(), &["k1.html"], 7);
    let said = format!("the name beside {K1} is `beta`, by the genesis document `alpha`");
    assert_eq!(found[0]["differences"], serde_json::json!([said]));

    write(dir.path(), "k1.csv.proof", &proof("statement"));
    for name in ["=HYPERLINK(0)", "Bob\r\nclosing,,,,,,,,EUR,2,,9.00", K1] {
        write(dir.path(), "k1.csv", &CSV.replace("Bob & Söhne", name));
        let found = verdicts(dir.path(), &["k1.csv"], 7);
        assert_eq!(found[0]["result"], "changed", "{name}");
    }
}

#[test]
fn a_statement_with_another_figure_is_not_good() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "more.csv", &CSV.replacen("-12.50", "-21.50", 1));
    write(dir.path(), "more.csv.proof", &proof("statement"));
    let found = verdicts(dir.path(), &["more.csv"], 7);
    assert_eq!(found[0]["result"], "changed");
    let difference = found[0]["differences"][0].as_str().unwrap();
    assert!(
        difference.contains("-21.50") && difference.contains("-12.50"),
        "{difference}"
    );

    let text = html();
    let (before, table) = text.split_once("<h2>Entries</h2>").unwrap();
    let altered = format!("{before}<h2>Entries</h2>{}", table.replacen("12.50", "99.50", 1));
    write(dir.path(), "more.html", &altered);
    assert_eq!(verdicts(dir.path(), &["more.html"], 7)[0]["result"], "changed");

    // A figure that cannot be read was changed, too.
    write(dir.path(), "less.csv", &CSV.replacen("-12.50", "none", 1));
    write(dir.path(), "less.csv.proof", &proof("statement"));
    assert_eq!(verdicts(dir.path(), &["less.csv"], 7)[0]["result"], "changed");

    // A good proof of something else is none of this statement.
    write(dir.path(), "k1.csv", CSV);
    write(dir.path(), "k1.csv.proof", &proof("transaction"));
    assert_eq!(verdicts(dir.path(), &["k1.csv"], 7)[0]["result"], "changed");
}

#[test]
fn a_transaction_that_travels_is_shown_by_what_is_signed() {
    let dir = tempfile::tempdir().unwrap();
    let good = travelling();
    write(dir.path(), "good", &good);
    write(dir.path(), "two", &format!("{good}{good}"));
    let found = verdicts(dir.path(), &["good", "two"], 0);
    assert_eq!(found[0]["transactions"][0]["id"], ID);
    assert_eq!(found[1]["transactions"].as_array().unwrap().len(), 2);
    let (text, _) = verify(dir.path(), &["good"], 0);
    for words in [
        "with 1 signature, each of them good",
        "asset EUR amount 12.50",
        "invoice 17",
    ] {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
    let altered = good.replacen("amount 12.50", "amount 1.50", 1);
    write(dir.path(), "altered", &altered);
    let found = verdicts(dir.path(), &["altered"], 7);
    assert_eq!(found[0]["refusal"]["code"], "not_canonical");
}

#[test]
fn each_file_is_judged_and_the_worst_says_the_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "good", &proof("block"));
    write(dir.path(), "bad", "quorate proof 2 block\n");
    write(dir.path(), "letter", "Dear Sir or Madam,\n");
    fs::write(dir.path().join("binary"), [0xff, 0xfe, 0x00]).unwrap();
    write(dir.path(), "alone.csv", CSV);
    write(dir.path(), "table.txt", &format!("Statement of account {K1}\n"));
    for unreadable in ["letter", "binary", "table.txt"] {
        let found = verdicts(dir.path(), &["good", unreadable], 2);
        assert_eq!(found[0]["result"], "good");
        assert_eq!(found[1]["result"], "unreadable", "{unreadable}");
    }
    for missing in ["nowhere", "alone.csv"] {
        let found = verdicts(dir.path(), &[missing, "good"], 3);
        assert_eq!(
            (&found[0]["result"], &found[1]["result"]),
            (&"missing".into(), &"good".into())
        );
    }
    let (text, stderr) = verify(dir.path(), &["nowhere", "letter", "bad", "good"], 7);
    assert!(
        text.contains("bad: refused") && text.contains("good: good"),
        "{text}"
    );
    assert!(stderr.contains("1 of 4 files is not good"), "{stderr}");
}

#[test]
fn nothing_is_checked_against_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "good", &proof("block"));
    let (_, stderr) = run(dir.path(), &["audit", "verify", "good"], 2);
    assert!(stderr.contains("--genesis"), "{stderr}");
    run(dir.path(), &["audit", "verify", "--genesis", GENESIS], 2);
    let none = ["audit", "verify", "good", "--genesis", "none.toml"];
    run(dir.path(), &none, 3);
}

#[test]
fn a_proof_overwrites_nothing_and_is_not_asked_for_in_vain() {
    let dir = tempfile::tempdir().unwrap();
    let node = ["--node", NOBODY];
    let transaction = ["audit", "transaction", ID];
    run(dir.path(), &[transaction.as_slice(), &node].concat(), 6);
    let taken = format!("transaction-{}.proof", &ID[..8]);
    assert!(!dir.path().join(&taken).exists());
    write(dir.path(), &taken, "mine");
    let (_, stderr) = run(dir.path(), &[transaction.as_slice(), &node].concat(), 1);
    assert!(stderr.contains("is not overwritten"), "{stderr}");
    assert_eq!(fs::read_to_string(dir.path().join(&taken)).unwrap(), "mine");

    // With CSV, the proof's name must be free, too.
    let days = ["--from", "2026-01-01", "--to", "2026-02-01"];
    let statement = ["wallet", "statement", K1, "--format", "csv", "--out", "k1.csv"];
    write(dir.path(), "k1.csv.proof", "mine");
    run(dir.path(), &[statement.as_slice(), &days, &node].concat(), 1);
    assert!(!dir.path().join("k1.csv").exists());
}

/// A node that gives this answer, whatever it is asked, as long as the test runs.
fn node_that_says(answer: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let reply = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    );
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            // A question fits into one piece.
            let mut question = [0; 4096];
            if matches!(client.read(&mut question), Ok(1..)) {
                client.write_all(reply.as_bytes()).unwrap();
            }
        }
    });
    url
}

#[test]
fn a_proof_as_of_an_older_block_than_was_asked_for_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (of_statement, of_state) = (
        node_that_says(&proof("statement")),
        node_that_says(&proof("state")),
    );
    let range = ["--from", "2026-01-01", "--to", "2026-01-01T00:00:01.001Z"];
    for (question, node) in [
        ([&["audit", "statement", K1][..], &range].concat(), &of_statement),
        ([&["wallet", "statement", K1][..], &range].concat(), &of_statement),
        (vec!["audit", "account", K1], &of_state),
    ] {
        let ask = |height: &str, code: i32| {
            let how = [
                "--out",
                height,
                "--genesis",
                GENESIS,
                "--node",
                node,
                "--min-height",
            ];
            run(dir, &[&question[..], &how, &[height]].concat(), code)
        };
        let (_, stderr) = ask("2", 7);
        assert!(
            stderr.contains("the proof is of height 1, one of height 2 or later was asked for"),
            "{stderr}"
        );
        assert!(!dir.join("2").exists());
        if *node == of_statement {
            ask("1", 0);
            fs::remove_file(dir.join("1")).unwrap();
        }
    }
}

#[test]
fn questions_without_a_meaning_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for wrong in [
        ["audit", "transaction", "4e1a"].as_slice(),
        &["audit", "account", "qr1nobody"],
        &["audit", "asset", "eur"],
        &["audit", "statement", K1, "--from", "2026-01-01"],
        &[
            "audit",
            "statement",
            K1,
            "--from",
            "2026-01-01",
            "--to",
            "2026-01-01",
        ],
        &[
            "wallet",
            "statement",
            K1,
            "--from",
            "2026-02-01",
            "--to",
            "2026-01-01",
        ],
        &[
            "wallet",
            "statement",
            K1,
            "--from",
            "January",
            "--to",
            "2026-02-01",
        ],
        &[
            "wallet",
            "statement",
            K1,
            "--from",
            "2026-01-01",
            "--to",
            "2026-02-01",
            "--asset",
            "EUR",
        ],
    ] {
        run(dir.path(), wrong, 2);
    }
    run(dir.path(), &["audit", "record", "nowhere.pdf"], 3);
    let home = ["audit", "committees", "--home", "nowhere"];
    run(dir.path(), &home, 3);
}
