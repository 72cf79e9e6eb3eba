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
