//! The commands of `docs/api.md` that ask for proofs are run as they stand there, with names filled in; and what an auditor
//! does with a home alone. `docs/audit.md` is a session, which `pages` runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use crate::Cluster;
use crate::binary::quorate;
use crate::cluster::Ran;

const API: &str = include_str!("../../docs/api.md");

/// Where somebody audits, who has the genesis document and a contract.
struct Auditor<'a> {
    cluster: &'a Cluster,
    folder: PathBuf,
    /// What stands on the pages, and what it is here.
    names: Vec<(&'static str, String)>,
}

impl Auditor<'_> {
    /// Runs a block of commands, all of which must be done.
    #[track_caller]
    fn run(&self, block: &str) {
        let mut script = block.to_owned();
        for (shown, real) in &self.names {
            script = script.replace(shown, real);
        }
        let programs = self.cluster.folder().join("programs");
        let path = std::env::var("PATH").unwrap();
        let mut bash = Command::new("bash");
        for (name, _) in crate::cluster::command().get_envs() {
            bash.env_remove(name);
        }
        let ran = bash
            .args(["-euo", "pipefail", "-c", &script])
            .current_dir(&self.folder)
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("QUORATE_NODE", self.cluster.api(1))
            .output()
            .unwrap();
        let ran = Ran::of(ran);
        assert_eq!(ran.code, Some(0), "{script}\n{}\n{}", ran.stdout, ran.stderr);
    }
}

/// The blocks of commands on a page.
fn blocks(page: &'static str) -> Vec<&'static str> {
    let blocks = page.split("```sh\n").skip(1);
    blocks.filter_map(|block| block.split("```").next()).collect()
}

#[test]
fn the_commands_of_the_page_on_the_api_that_ask_for_proofs_run() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let paid = cluster.transfer(&alice, "12.50", &["--memo", "invoice 17"]);
    assert_eq!(paid.code, Some(0), "{}", paid.stderr);
    let id = paid.json()["id"].as_str().unwrap().to_owned();
    let folder = cluster.folder().join("audit");
    fs::create_dir(&folder).unwrap();
    let contract = folder.join("contract.pdf").display().to_string();
    fs::write(&contract, "so be it").unwrap();
    let notarize = ["wallet", "notarize", &contract, "--keep", "unique"];
    cluster.expect(0, &[&notarize[..], &["--key", "alice.key"]].concat());
    cluster.common_tip();
    // The home without a node.
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    let genesis = folder.join("genesis.toml");
    fs::copy(cluster.dir().join("genesis.toml"), &genesis).unwrap();
    let programs = cluster.folder().join("programs");
    fs::create_dir(&programs).unwrap();
    symlink(quorate().canonicalize().unwrap(), programs.join("quorate")).unwrap();
    let home = cluster.dir().join("validator-4").display().to_string();
    let auditor = Auditor {
        cluster: &cluster,
        names: vec![
            ("http://127.0.0.1:8100", cluster.api(1)),
            ("4e1a6d70…", id),
            ("$ADDRESS", alice),
            ("/var/lib/quorate", home),
        ],
        folder: folder.clone(),
    };

    let of_api = blocks(API)
        .into_iter()
        .find(|block| block.contains("/v1/proofs/"));
    auditor.run(of_api.unwrap());
    // An old proof, which goes with the committees that were just asked for.
    auditor.run("quorate audit asset QRT --genesis genesis.toml --out old.proof");
    auditor.run(
        "quorate audit account $ADDRESS --home /var/lib/quorate --genesis genesis.toml --out home.proof",
    );
    auditor.run("quorate audit verify old.proof home.proof --genesis genesis.toml");
}

/// Where somebody audits who has a bundle and the genesis document, and no node.
struct Desk {
    folder: PathBuf,
    /// Where its temporary files are.
    temporary: PathBuf,
}

impl Desk {
    fn run(&self, arguments: &[&str]) -> Ran {
        let mut quorate = crate::cluster::command();
        quorate
            .args(arguments)
            .current_dir(&self.folder)
            .env("TMPDIR", &self.temporary)
            .env_remove("QUORATE_NODE");
        Ran::of(quorate.output().unwrap())
    }

    #[track_caller]
    fn expect(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(
            ran.code,
            Some(code),
            "{arguments:?}\n{}\n{}",
            ran.stdout,
            ran.stderr
        );
        // Whatever came of it, nothing stays behind.
        let left: Vec<_> = fs::read_dir(&self.temporary).unwrap().collect();
        assert!(left.is_empty(), "{arguments:?} left {left:?}");
        ran
    }

    /// The facts of a proof file.
    #[track_caller]
    fn facts(&self, file: &str) -> serde_json::Value {
        let checked = self.expect(
            0,
            &[
                "audit",
                "verify",
                file,
                "--genesis",
                "genesis.toml",
                "--output",
                "json",
            ],
        );
        let mut document: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
        document["files"][0]["verdicts"].take()
    }
}

#[test]
fn everything_is_proven_from_a_bundle_alone() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let paid = cluster.transfer(&alice, "12.50", &["--memo", "invoice 17"]);
    assert_eq!(paid.code, Some(0), "{}", paid.stderr);
    let id = paid.json()["id"].as_str().unwrap().to_owned();
    let contract = cluster.folder().join("contract.pdf").display().to_string();
    fs::write(&contract, "so be it").unwrap();
    let notarize = [
        "wallet",
        "notarize",
        &contract,
        "--keep",
        "own",
        "--key",
        "alice.key",
    ];
    cluster.expect(0, &notarize);
    cluster.common_tip();

    let desk = Desk {
        folder: cluster.folder().join("desk"),
        temporary: cluster.folder().join("tmp"),
    };
    for folder in [&desk.folder, &desk.temporary] {
        fs::create_dir(folder).unwrap();
    }
    fs::copy(
        cluster.dir().join("genesis.toml"),
        desk.folder.join("genesis.toml"),
    )
    .unwrap();
    fs::copy(&contract, desk.folder.join("contract.pdf")).unwrap();
    let questions: [(&str, Vec<&str>); 7] = [
        ("transaction", vec![&id]),
        ("erasure", vec![&id]),
        ("account", vec![&alice]),
        (
            "statement",
            vec![&alice, "--from", "2020-01-01", "--to", "2100-01-01"],
        ),
        ("asset", vec!["QRT"]),
        ("record", vec!["contract.pdf", "--by", &alice]),
        ("committees", vec![]),
    ];
    // What a node proves, while there is one.
    let node = cluster.api(1);
    for (kind, question) in &questions {
        let out = format!("{kind}.of-node");
        let rest = ["--genesis", "genesis.toml", "--node", &node, "--out", &out];
        desk.expect(0, &[&["audit", kind], &question[..], &rest[..]].concat());
    }
    let bundle = [
        "audit",
        "export",
        "--node",
        &node,
        "--genesis",
        "genesis.toml",
        "--out",
        "all.bundle",
    ];
    desk.expect(0, &bundle);
    let late = [
        "audit",
        "export",
        "--node",
        &node,
        "--genesis",
        "genesis.toml",
        "--from",
        "2",
        "--out",
        "late.bundle",
    ];
    desk.expect(0, &late);
    cluster.expect(0, &["localnet", "down"]);

    let alone = ["--bundle", "all.bundle", "--genesis", "genesis.toml"];
    desk.expect(0, &[&["audit", "chain"], &alone[..]].concat());
    for (kind, question) in &questions {
        let out = format!("{kind}.proof");
        desk.expect(
            0,
            &[&["audit", kind], &question[..], &alone[..], &["--out", &out]].concat(),
        );
        assert_eq!(desk.facts(&out), desk.facts(&format!("{kind}.of-node")), "{kind}");
    }
    for (format, file) in [("csv", "year.csv"), ("html", "year.html"), ("camt", "year.xml")] {
        let range = [
            "--from",
            "2020-01-01",
            "--to",
            "2100-01-01",
            "--format",
            format,
            "--out",
            file,
        ];
        desk.expect(
            0,
            &[&["wallet", "statement", &alice], &range[..], &alone[..]].concat(),
        );
        let checked = desk.expect(0, &["audit", "verify", file, "--genesis", "genesis.toml"]);
        assert!(
            checked
                .stdout
                .contains("its figures are those that its proof establishes"),
            "{}",
            checked.stdout
        );
    }

    // What a bundle, or whoever asks, cannot have.
    let unknown = "00".repeat(32);
    let ask = |rest: &[&'static str]| [&["audit", "transaction", &id, "--out", "no.proof"], rest].concat();
    let none = ["audit", "transaction", &unknown, "--out", "no.proof"];
    desk.expect(3, &[&none[..], &alone[..]].concat());
    desk.expect(2, &ask(&["--bundle", "all.bundle"]));
    desk.expect(2, &[&ask(&alone)[..], &["--node", &node]].concat());
    desk.expect(2, &[&ask(&alone)[..], &["--home", "home"]].concat());
    let refused = desk.expect(7, &ask(&["--bundle", "late.bundle", "--genesis", "genesis.toml"]));
    assert!(
        refused.stderr.contains("begins with block 2"),
        "{}",
        refused.stderr
    );

    // A byte in the last block's bytes, and a file that was cut off.
    let mut bytes = fs::read(desk.folder.join("all.bundle")).unwrap();
    let (length, place) = (bytes.len(), bytes.len() - 400);
    fs::write(desk.folder.join("torn.bundle"), &bytes[..length - 100]).unwrap();
    bytes[place] ^= 1;
    fs::write(desk.folder.join("altered.bundle"), &bytes).unwrap();
    for bad in ["torn.bundle", "altered.bundle"] {
        let refused = desk.expect(7, &ask(&["--bundle", bad, "--genesis", "genesis.toml"]));
        assert!(refused.stderr.contains("block "), "{}", refused.stderr);
    }
    assert!(!desk.folder.join("no.proof").exists());
}
