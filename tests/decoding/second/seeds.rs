//! Encodings to begin with, all good.

use quorate_crypto_second::keyfile::{self, client, secret};
use quorate_crypto_second::{Address, ClientSigningKey, Digest, SigningKey};
use quorate_ledger_second::{
    Block, BlockV1, CertifiedBlock, CertifiedBlockV1, Erased, Erasure, ErasureV1, Found, Place, Record,
    RecordV1, SignedRecovery, StateKey, StateValue, Timestamp, encode,
};
use quorate_verifier::{Proof, ProofBody, ProvenDecimals, Travelling};

use super::printed::{self, CHAINS};

/// Genesis documents, as files of another package's tests.
const GENESIS_TEXTS: [&str; 2] = [
    include_str!("../../../genesis/tests/second/vectors/genesis.toml"),
    include_str!("../../../genesis/tests/second/vectors/wide.toml"),
];

macro_rules! key_files {
    ($($name:literal),*) => {
        [$(include_str!(concat!("../../../crypto/second/tests/keys/", $name, ".pem"))),*]
    };
}

/// Keys that OpenSSL wrote.
const KEY_FILES: [&str; 10] = key_files![
    "ed25519",
    "ed25519-scrypt",
    "p256",
    "p256-compressed",
    "p256-explicit",
    "p256-pbkdf2",
    "p256-parameters",
    "p256-sec1",
    "p256-without-public",
    "p384"
];

fn contents(kind: &str) -> impl Iterator<Item = Vec<u8>> {
    printed::vectors(kind).into_iter().map(|vector| vector.content)
}

pub(super) fn transactions() -> Vec<Vec<u8>> {
    printed::transactions()
        .into_iter()
        .chain(contents("transaction"))
        .collect()
}

/// The page's transaction 1 with its text, put together as the page says, and the vectors'.
pub(super) fn submissions() -> Vec<Vec<u8>> {
    let [first, _] = printed::transactions();
    let salt: Vec<u8> = (0x10..0x20).collect();
    let submission = [
        &[0],
        first.as_slice(),
        &[1],
        salt.as_slice(),
        &[10],
        b"invoice 17",
    ]
    .concat();
    std::iter::once(submission)
        .chain(contents("submission"))
        .collect()
}

/// The batches of all blocks with their texts.
pub(super) fn batches() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for block in printed::blocks() {
        let CertifiedBlockV1 { batches, texts, .. } = block.v1();
        for (batch, texts) in batches.iter().zip(texts) {
            let batch = encode(batch);
            let length = u32::try_from(batch.len()).unwrap().to_le_bytes();
            let texts = texts.as_ref().map(encode).unwrap_or_default();
            seeds.push([length.as_slice(), batch.as_slice(), texts.as_slice()].concat());
        }
    }
    seeds
}

/// All blocks, and the page's with a recovery.
pub(super) fn certified_blocks() -> Vec<Vec<u8>> {
    let blocks = printed::blocks();
    let CertifiedBlock::V1(mut recovered) = blocks[0].clone();
    let Block::V1(BlockV1 { recovery, .. }) = &mut recovered.block;
    *recovery = printed::proofs().iter().find_map(document);
    assert!(recovery.is_some());
    let recovered = CertifiedBlock::V1(recovered);
    blocks.iter().chain([&recovered]).map(encode).collect()
}

fn document(proof: &Proof) -> Option<SignedRecovery> {
    match &proof.v1().body {
        ProofBody::TwoRecoveries { first, .. } => Some(first.document.clone()),
        _ => None,
    }
}

/// The leaves of both states at genesis, those of all proofs, and kinds that none of these has.
pub(super) fn state_values() -> Vec<Vec<u8>> {
    let of_genesis = CHAINS.iter().flat_map(|chain| chain.genesis.leaves());
    let proofs = printed::state_proofs();
    let of_proofs = proofs.iter().flat_map(|proof| match &proof.v1().found {
        Found::Leaves(leaves) => leaves.clone(),
        Found::Empty | Found::Other { .. } => Vec::new(),
    });
    let of_proofs = of_proofs.map(|leaf| (leaf.key, leaf.value));
    let others = records_and_an_erasure();
    let others = others.iter().map(|value| (value.key(), value.encode()));
    let all = of_genesis.chain(of_proofs).chain(others);
    all.map(|(StateKey(key), value)| [key.as_slice(), value.as_slice()].concat())
        .collect()
}

fn records_and_an_erasure() -> [StateValue; 3] {
    let (address, digest, timestamp) = (Address([1; 20]), Digest([2; 32]), Timestamp(3));
    let record = Record::V1(RecordV1 {
        address,
        sha256: digest,
        id: digest,
        ordinal: 4,
        timestamp,
    });
    let erased = |place| Erased {
        place,
        by: address,
        ordinal: 5,
        timestamp,
    };
    let erasure = Erasure::V1(ErasureV1 {
        id: digest,
        erased: vec![
            erased(Place::Memo),
            erased(Place::Operation { index: 2, field: 1 }),
        ],
    });
    [
        StateValue::OwnRecord(record),
        StateValue::UniqueRecord(record),
        StateValue::Erasure(erasure),
    ]
}

pub(super) fn state_proofs() -> Vec<Vec<u8>> {
    printed::state_proofs().iter().map(encode).collect()
}

pub(super) fn geneses() -> Vec<Vec<u8>> {
    std::iter::once(printed::genesis_bytes())
        .chain(contents("genesis"))
        .collect()
}

/// Both documents as people write them, the vectors' as they are written out, its draft and a join.
pub(super) fn genesis_texts() -> Vec<Vec<u8>> {
    let [_, of_vectors] = &*CHAINS;
    let genesis = &of_vectors.genesis;
    let mut texts = Vec::from(GENESIS_TEXTS.map(str::to_owned));
    texts.push(genesis.to_toml());
    texts.push(genesis.draft().to_toml());
    texts.push(genesis.joins()[0].to_toml());
    texts.into_iter().map(String::into_bytes).collect()
}

pub(super) fn proofs() -> Vec<Vec<u8>> {
    printed::proofs().iter().map(Proof::encode).collect()
}

pub(super) fn proof_files() -> Vec<Vec<u8>> {
    printed::proof_files()
}

/// Files, and the bytes in them.
pub(super) fn travelling() -> Vec<Vec<u8>> {
    let files = std::iter::once(printed::travelling()).chain(contents("travelling"));
    let files: Vec<Vec<u8>> = files.collect();
    let inside: Vec<Vec<u8>> = files.iter().map(|file| bytes_in(file)).collect();
    files.into_iter().chain(inside).collect()
}

fn bytes_in(file: &[u8]) -> Vec<u8> {
    let read = CHAINS.iter().find_map(|chain| {
        let network = chain.genesis.id();
        Travelling::read(file, &network, &ProvenDecimals::new()).ok()
    });
    encode(&read.unwrap())
}

pub(super) fn key_files() -> Vec<Vec<u8>> {
    let written = [
        keyfile::to_pem(&SigningKey::from_seed(&[1; 32]), Some("word")),
        client::to_pem(
            &ClientSigningKey::p256_from_scalar(&[1; 32]).unwrap(),
            Some("word"),
        ),
        secret::to_pem(&[1; 32], None),
    ];
    let written = written.map(|text| text.unwrap().as_bytes().to_vec());
    let made = KEY_FILES.map(|text| text.as_bytes().to_vec());
    written.into_iter().chain(made).collect()
}
