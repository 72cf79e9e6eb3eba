//! `docs/signing.md` followed: a program in Python, which knows nothing but that page, pays on a real network.
//!
//! Python is that of `QUORATE_PYTHON`, or Debian's; it needs the package `cryptography`.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Cluster;
use crate::binary::quorate;
use crate::cluster::{PATIENCE, Ran};
use crate::http::call;
use crate::programs::python;

const PAGE: &str = include_str!("../../docs/signing.md");

/// Of all payments.
const MEMO: &str = "Café, Zürich";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// Runs the program.
fn sign(cluster: &Cluster, arguments: &[&str], input: &str) -> Ran {
    let mut child = Command::new(python())
        .arg(root().join("tests/signing/sign.py"))
        .args(arguments)
        .current_dir(cluster.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    Ran::of(child.wait_with_output().unwrap())
}

fn network(cluster: &Cluster) -> String {
    let status = cluster.expect(0, &["query", "status"]).json();
    status["network"].as_str().unwrap().to_owned()
}

/// Pays from the accounts of these key files, the first of which is the payer's.
fn pay(cluster: &Cluster, keys: &[&str], to: &str, amount: &str) -> Ran {
    let (network, node) = (network(cluster), cluster.api(2));
    // Nothing listens there, so the next node is asked.
    let nobody = format!("http://127.0.0.1:{}", cluster.ports.spare());
    let mut arguments = vec!["pay", "--network", &network, "--node", &nobody, "--node", &node];
    for key in keys {
        arguments.extend(["--key", key]);
    }
    arguments.extend([
        "--to",
        to,
        "--amount",
        amount,
        "--decimals",
        "2",
        "--asset",
        "QRT",
        "--memo",
        MEMO,
    ]);
    sign(cluster, &arguments, "")
}

#[test]
fn a_program_written_from_the_signing_page_pays_and_is_executed_once() {
    let cluster = Cluster::up();
    let treasury = cluster.dir().join("treasury.key").display().to_string();
    let alice = cluster.key("alice.key");
    let paid = pay(&cluster, &[&treasury], &alice, "12.50");
    assert_eq!(paid.code, Some(0), "{}\n{}", paid.stdout, paid.stderr);
    let outcome = paid.json();
    assert_eq!(outcome["status"], "committed");
    let height = outcome["height"].as_u64().unwrap();

    // Another node has it, once it has that height, and the wallet finds it certified.
    let path = format!("/v1/accounts/{alice}?min_height={height}");
    let account = call(cluster.nodes()[2], "GET", &path, b"", PATIENCE)
        .unwrap()
        .json();
    assert_eq!(account["balances"][0]["amount"], "1250", "{account}");
    let id = outcome["id"].as_str().unwrap();
    let genesis = cluster.dir().join("genesis.toml").display().to_string();
    cluster.expect(0, &["wallet", "wait", id, "--genesis", &genesis]);
    let shown = cluster.expect(0, &["query", "transaction", id]).json();
    assert_eq!(shown["operations"][0]["memo"], MEMO, "{shown}");
    assert_eq!(shown["withheld"], serde_json::json!([]), "{shown}");

    // What it printed before it sent is all that is needed to send it again, and that pays nothing.
    let bytes = paid.stderr.lines().last().unwrap();
    let again = sign(&cluster, &["submit", "--node", &cluster.api(4)], bytes);
    assert_eq!(again.code, Some(0), "{}\n{}", again.stdout, again.stderr);
    assert_eq!(again.json(), outcome);
    assert_eq!(cluster.balance(4, &alice), 1250);
}

#[test]
fn an_account_of_two_signers_pays_when_both_have_signed() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.key("bob.key");
    cluster.pay(&alice, "10");
    let signer = |file: &str| {
        let key = cluster.expect(0, &["keys", "show", file]).json();
        format!("{}:1", key["public_key"].as_str().unwrap())
    };
    let (first, second) = (signer("alice.key"), signer("bob.key"));
    let signers = ["--signer", &first, "--signer", &second, "--threshold", "2"];
    let set = ["wallet", "signers", "set", "--key", "alice.key"];
    cluster.expect(0, &[set.as_slice(), &signers].concat());

    let carol = cluster.key("carol.key");
    let alone = pay(&cluster, &["alice.key"], &carol, "1");
    assert_eq!(alone.code, Some(4), "{}\n{}", alone.stdout, alone.stderr);
    assert_eq!(alone.json()["code"], "unauthorised");
    let together = pay(&cluster, &["alice.key", "bob.key"], &carol, "1");
    assert_eq!(together.code, Some(0), "{}\n{}", together.stdout, together.stderr);
    assert_eq!(cluster.balance(2, &carol), 100);
}

#[test]
fn the_mistakes_of_the_signing_page_are_answered_as_it_says() {
    let cluster = Cluster::up();
    let treasury = cluster.dir().join("treasury.key").display().to_string();
    let before = cluster.expect(0, &["wallet", "balance"]).json();
    let page = root().join("docs/signing.md").display().to_string();
    let arguments = ["mistakes", &page, "--node", &cluster.api(1), "--key", &treasury];
    let made = sign(&cluster, &arguments, "");
    assert_eq!(made.code, Some(0), "{}\n{}", made.stdout, made.stderr);
    assert!(made.stdout.lines().count() > 40, "{}", made.stdout);
    assert_eq!(cluster.expect(0, &["wallet", "balance"]).json(), before);
}

#[test]
fn every_command_of_the_signing_page_runs() {
    let cluster = Cluster::up();
    let programs = cluster.folder().join("programs");
    std::fs::create_dir(&programs).unwrap();
    symlink(python(), programs.join("python3")).unwrap();
    symlink(quorate().canonicalize().unwrap(), programs.join("quorate")).unwrap();
    let path = std::env::var("PATH").unwrap();
    let blocks: Vec<&str> = PAGE.split("```sh\n").skip(1).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let script = block.split("```").next().unwrap();
        let ran = Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(root())
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("NODE", cluster.api(1))
            .env("NET", cluster.dir())
            .output()
            .unwrap();
        let ran = Ran::of(ran);
        assert_eq!(ran.code, Some(0), "{script}\n{}\n{}", ran.stdout, ran.stderr);
    }
}
