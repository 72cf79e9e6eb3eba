//! What seeds are made of and decoders judge against: what the page prints in section 24, and vectors of the verifier in
//! Python. `vectors.jsonl` has a part of what `tests/verifier/generate.py --seed 1 --scale 0` writes: the genesis
//! document in its first line, then proofs, transactions and others, all good, by their names there.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use quorate_crypto::{Committee, Digest, Height};
use quorate_genesis::Genesis;
use quorate_ledger::{CertifiedBlock, CertifiedHeader, StateProof, decode};
use quorate_verifier::{Anchor, CommitteeStep, Pin, Proof, ProofBody, ProofFile, Verifier};
use serde_json::Value;

const PAGE: &str = include_str!("../../docs/formats.md");
const VECTORS: &str = include_str!("vectors.jsonl");

/// The kinds of proofs of which the page prints one.
const PRINTED_PROOFS: [&str; 4] = ["transaction", "state", "statement", "block"];

/// The vector from which the committees of the vectors' chain are learnt.
const COMMITTEES: &str = "1 committees";

/// A network's beginning.
pub(crate) struct Chain {
    pub(crate) genesis: Genesis,
    pub(crate) committee: Committee,
}

/// A vector.
pub(crate) struct Vector {
    name: String,
    pub(crate) content: Vec<u8>,
    pin: Option<Pin>,
}

/// The page's network and the vectors'.
pub(crate) static CHAINS: LazyLock<[Chain; 2]> = LazyLock::new(|| {
    let of_vectors = hex::decode(lines()[0]["genesis"].as_str().unwrap()).unwrap();
    [genesis_bytes(), of_vectors].map(|bytes| {
        let genesis = Genesis::decode(&bytes).unwrap();
        let committee = genesis.committee();
        Chain { genesis, committee }
    })
});

/// Verifiers that rest on genesis, on pins, on both, and one that has learnt committees.
pub(crate) static VERIFIERS: LazyLock<Vec<Verifier>> = LazyLock::new(|| {
    let [of_page, of_vectors] = &*CHAINS;
    let verifier = |chain: &Chain, pin| {
        Verifier::new(Anchor {
            genesis: Some(chain.genesis.clone()),
            pin,
        })
    };
    let pin = Pin {
        height: Height(1),
        hash: table("block hash").parse().unwrap(),
    };
    let pinned = Verifier::new(Anchor {
        genesis: None,
        pin: Some(pin),
    });
    let vectors = vectors("proof");
    let committees = vectors.iter().find(|vector| vector.name == COMMITTEES).unwrap();
    let mut learnt = verifier(of_vectors, None);
    learnt.check_file(&committees.content).unwrap();
    let mut all = vec![
        verifier(of_page, None),
        verifier(of_page, Some(pin)),
        pinned,
        verifier(of_vectors, None),
        learnt,
    ];
    let pins = vectors.iter().filter_map(|vector| vector.pin);
    all.extend(pins.map(|pin| verifier(of_vectors, Some(pin))));
    all
});

/// The hashes of all blocks of which there are seals in proofs and blocks: nobody can seal others.
pub(crate) static SEALED: LazyLock<BTreeSet<Digest>> = LazyLock::new(|| {
    let proofs = proofs();
    let of_proofs = proofs.iter().flat_map(heads).map(CertifiedHeader::hash);
    let blocks = blocks();
    let of_blocks = blocks.iter().map(|block| block.v1().block.hash());
    of_proofs.chain(of_blocks).collect()
});

/// The state roots of all heads of proofs of the state.
pub(crate) static STATE_ROOTS: LazyLock<BTreeSet<Digest>> = LazyLock::new(|| {
    let root = |proof: &Proof| match &proof.v1().body {
        ProofBody::State { head, .. } => Some(head.v1().state_root),
        ProofBody::Statement(statement) => Some(statement.head.v1().state_root),
        _ => None,
    };
    proofs().iter().filter_map(root).collect()
});

/// The page's files that begin with these words.
fn page_file(beginning: &str) -> Vec<u8> {
    let mut fenced = PAGE.split("\n```file\n").skip(1);
    let found = fenced.find(|text| text.starts_with(beginning) && !text.contains("\nBASE64"));
    let (file, _) = found.unwrap().split_once("```").unwrap();
    file.as_bytes().to_vec()
}

/// The bytes of the first block of hex behind these words of the page.
fn page_hex(words: &str) -> Vec<u8> {
    let (_, behind) = PAGE.split_once(words).unwrap();
    let (_, block) = behind.split_once("```hex\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let digits: String = block.lines().flat_map(|line| line.split('#').next()).collect();
    hex::decode(digits.replace(' ', "")).unwrap()
}

/// What the page's table says.
fn table(what: &str) -> &'static str {
    let row = format!("\n| {what} | `");
    let (_, behind) = PAGE.split_once(row.as_str()).unwrap();
    behind.split_once('`').unwrap().0
}

/// The page's `bcs(Genesis)`.
pub(crate) fn genesis_bytes() -> Vec<u8> {
    page_hex("**Genesis** (`bcs(Genesis)`)")
}

/// The page's two transactions.
pub(crate) fn transactions() -> [Vec<u8>; 2] {
    ["**Transaction 1**", "**Transaction 2**"].map(page_hex)
}

/// The page's transaction that travels.
pub(crate) fn travelling() -> Vec<u8> {
    page_file("quorate transaction 2\n")
}

/// The page's block and the vectors'.
pub(crate) fn blocks() -> Vec<CertifiedBlock> {
    let of_page = page_hex("**Block 1**");
    let of_vectors = vectors("block").into_iter().map(|vector| vector.content);
    std::iter::once(of_page)
        .chain(of_vectors)
        .map(|bytes| decode(&bytes, bytes.len()).unwrap())
        .collect()
}

/// The page's files of proofs and the vectors'.
pub(crate) fn proof_files() -> Vec<Vec<u8>> {
    let of_page = PRINTED_PROOFS.map(|kind| page_file(&format!("quorate proof 2 {kind}\n")));
    let of_vectors = vectors("proof").into_iter().map(|vector| vector.content);
    of_page.into_iter().chain(of_vectors).collect()
}

/// All proofs in these files.
pub(crate) fn proofs() -> Vec<Proof> {
    let mut proofs = Vec::new();
    for file in proof_files() {
        let ProofFile { proof, committees } = ProofFile::read(&file).unwrap();
        proofs.push(proof);
        proofs.extend(committees);
    }
    proofs
}

/// All proofs of the state in these proofs.
pub(crate) fn state_proofs() -> Vec<StateProof> {
    let of = |proof: &Proof| match &proof.v1().body {
        ProofBody::State { leaves, .. } => leaves.clone(),
        ProofBody::Statement(statement) => {
            [std::slice::from_ref(&statement.leaf), statement.beside.as_slice()].concat()
        }
        _ => Vec::new(),
    };
    proofs().iter().flat_map(of).collect()
}

/// The vectors of a kind.
pub(crate) fn vectors(kind: &str) -> Vec<Vector> {
    let of_kind = lines().iter().filter(|line| line["kind"] == kind);
    of_kind.map(Vector::of_line).collect()
}

fn lines() -> &'static [Value] {
    static LINES: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let lines = VECTORS.lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    });
    &LINES
}

impl Vector {
    fn of_line(line: &Value) -> Self {
        let content = match line["file"].as_str() {
            Some(file) => file.as_bytes().to_vec(),
            None => hex::decode(line["bytes"].as_str().unwrap()).unwrap(),
        };
        let pin = line["trusted"].as_str().map(|trusted| {
            let (height, hash) = trusted.split_once(':').unwrap();
            Pin {
                height: Height(height.parse().unwrap()),
                hash: hash.parse().unwrap(),
            }
        });
        Self {
            name: line["name"].as_str().unwrap().to_owned(),
            content,
            pin,
        }
    }
}

/// The headers in a proof that have seals.
fn heads(proof: &Proof) -> Vec<&CertifiedHeader> {
    match &proof.v1().body {
        ProofBody::Transaction { head, .. }
        | ProofBody::State { head, .. }
        | ProofBody::Block { head, .. } => vec![head],
        ProofBody::Statement(statement) | ProofBody::NotExecuted { statement, .. } => vec![&statement.head],
        ProofBody::TwoHistories { first, second, .. } => vec![first, second],
        ProofBody::TwoRecoveries { first, second } => [first, second]
            .into_iter()
            .filter_map(|step| step.base.as_ref())
            .collect(),
        ProofBody::Committees { steps, .. } => steps.iter().filter_map(head_of_step).collect(),
    }
}

fn head_of_step(step: &CommitteeStep) -> Option<&CertifiedHeader> {
    match step {
        CommitteeStep::Certificate { head, .. } => Some(head),
        CommitteeStep::Recovery(step) => step.base.as_ref(),
    }
}
