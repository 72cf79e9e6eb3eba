//! A witness over a network of real nodes, the policy that its notes satisfy, and receipts for other tools.

use std::fs::{self, File};
use std::process::{Child, Stdio};

use quorate_checkpoint::{Checkpoint, InclusionFile, Note, Policy};

use crate::Cluster;
use crate::cluster::PATIENCE;
use crate::http::send;
use crate::wait::until;

/// A witness of all nodes, which ends with the test.
pub(crate) struct Witness {
    process: Child,
    pub(crate) port: u16,
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Witness {
    /// Starts it, and gives the key that it says it signs with.
    pub(crate) fn start(cluster: &Cluster) -> (Self, String) {
        let port = cluster.ports.spare();
        let nodes: Vec<String> = (1..=cluster.size()).map(|number| cluster.api(number)).collect();
        let said = cluster.folder().join("witness.log");
        let process = cluster
            .command(&[
                "witness",
                "run",
                "--key",
                "witness.key",
                "--dir",
                "kept",
                "--every",
                "1",
            ])
            .arg("--genesis")
            .arg(cluster.dir().join("genesis.toml"))
            .args([
                "--node",
                &nodes.join(","),
                "--listen",
                &format!("127.0.0.1:{port}"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let witness = Self { process, port };
        let key = until("the witness says what its key is", PATIENCE, || {
            let said = fs::read_to_string(&said).unwrap();
            let line = said.lines().find_map(|line| line.strip_prefix("cosigning as "))?;
            said.ends_with('\n').then(|| line.to_owned())
        });
        (witness, key)
    }

    /// The note that it shows now.
    fn note(&self) -> Option<Note> {
        let answer = send(self.port, "GET", "/checkpoint", "text/plain", b"");
        (answer.status == Some(200)).then(|| Note::parse(&answer.body).unwrap())
    }

    /// The size of the first note from a size on that satisfies a policy.
    #[track_caller]
    fn size_from(&self, size: u64, policy: &Policy) -> u64 {
        until(
            "the witness shows a note that satisfies the policy",
            PATIENCE,
            || {
                let found = policy.check(&self.note()?).ok()?;
                let found = found.checkpoint.size();
                (found >= size).then_some(found)
            },
        )
    }
}

#[test]
fn a_witness_cosigns_what_the_nodes_certify_and_goes_on_after_a_restart() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.key("witness.key");
    cluster.pay(&alice, "12.50");
    let (witness, key) = Witness::start(&cluster);
    let genesis = cluster.dir().join("genesis.toml").display().to_string();
    let policy = ["audit", "policy", "--genesis", &genesis, "--validators", "4"];
    let out = ["--witness", &key, "--out", "log.policy"];
    cluster.expect(0, &[policy.as_slice(), &out].concat());
    let policy = fs::read(cluster.folder().join("log.policy")).unwrap();
    let policy = Policy::parse(&policy).unwrap();
    let first = witness.size_from(1, &policy);
    cluster.pay(&alice, "1");
    assert!(witness.size_from(first + 1, &policy) > first);
    drop(witness);
    let kept = fs::read(cluster.folder().join("kept/checkpoint")).unwrap();
    let kept = Checkpoint::parse(Note::parse(&kept).unwrap().text()).unwrap();
    cluster.pay(&alice, "2");
    let (witness, again) = Witness::start(&cluster);
    assert_eq!(again, key);
    witness.size_from(kept.size() + 1, &policy);
}

#[test]
fn receipts_are_of_entries_whose_hashes_lead_to_a_signed_root() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    let id = cluster.pay(&alice, "12.50")["id"].as_str().unwrap().to_owned();
    let genesis = cluster.dir().join("genesis.toml").display().to_string();
    let receipt = ["audit", "receipt", &id, "--genesis", &genesis];
    let made = cluster
        .expect(0, &[receipt.as_slice(), &["--out", "one.cose"]].concat())
        .json();
    let cose = fs::read(cluster.folder().join("one.cose")).unwrap();
    assert!(cose.starts_with(&[0xd2, 0x84]), "a tagged COSE_Sign1");
    cluster.expect(
        0,
        &[
            receipt.as_slice(),
            &["--form", "tlog-proof", "--out", "one.proof"],
        ]
        .concat(),
    );
    let read = |file: &str| fs::read(cluster.folder().join(file)).unwrap();
    let proof = InclusionFile::parse(&read("one.proof")).unwrap();
    let entry = read("one.proof.entry");
    assert_eq!(entry, read("one.cose.entry"));
    assert_eq!(made["index"], proof.index);
    proof.check(&entry).unwrap();
}
