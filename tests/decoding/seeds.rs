//! Encodings to begin with, all good.

use quorate_audit::{Auditor, BundleWriter, CertifiedState, Depth};
use quorate_client::schema::{self, TextState};
use quorate_consensus::recording::{
    Beginning, Entry as RecordedEntry, Fingerprint, Frame, FrameV1, MAGIC, Recorded, Segment,
};
use quorate_consensus::{Config, Input, Message, Record as JournalRecord, TimerRange, Timing, Verified};
use quorate_crypto::keyfile::{self, client, secret};
use quorate_crypto::{
    Address, Certificate, CertificateV1, ClientSigningKey, Digest, Engine, Epoch, Height, Key, Seal,
    SealContent, SigningKey, ValidatorIndex, sha256,
};
use quorate_genesis::Genesis;
use quorate_ledger::{
    Block, BlockV1, CertifiedBlock, CertifiedBlockV1, Erased, Erasure, ErasureV1, ErrorCode, Found, LogEntry,
    LogEntryV1, LoggedRecovery, LoggedTransaction, Outcome, Parameters, Place, Proposal, Record, RecordV1,
    SignedRecovery, StateKey, StateValue, Submission, Timestamp, Transaction, decode, encode,
};
use quorate_verifier::{Proof, ProofBody, ProvenDecimals, Travelling};

use crate::binary::{NETWORK, committee_of, key};
use crate::printed::{self, CHAINS};

/// Golden encodings of consensus messages, as the engine's own tests keep them.
const MESSAGES: [&str; 3] = [
    include_str!("../../node/consensus/tests/pbft/snapshots/pbft__encodings__golden_encodings.snap"),
    include_str!("../../node/consensus/tests/raft/snapshots/raft__encodings__golden_encodings.snap"),
    include_str!("../../node/consensus/tests/paxos/snapshots/paxos__encodings__golden_encodings.snap"),
];

/// Genesis documents, as files of another package's tests.
const GENESIS_TEXTS: [&str; 2] = [
    include_str!("../../genesis/tests/vectors/genesis.toml"),
    include_str!("../../genesis/tests/vectors/wide.toml"),
];

macro_rules! key_files {
    ($($name:literal),*) => {
        [$(include_str!(concat!("../../crypto/tests/keys/", $name, ".pem"))),*]
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

pub(crate) fn transactions() -> Vec<Vec<u8>> {
    printed::transactions()
        .into_iter()
        .chain(contents("transaction"))
        .collect()
}

/// The page's transaction 1 with its text, put together as the page says, and the vectors'.
pub(crate) fn submissions() -> Vec<Vec<u8>> {
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
pub(crate) fn batches() -> Vec<Vec<u8>> {
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

/// Those of all blocks, and the null proposal.
pub(crate) fn proposals() -> Vec<Vec<u8>> {
    let of_blocks = printed::blocks()
        .into_iter()
        .map(|block| encode(&block.v1().block.v1().proposal));
    let other = Proposal::new(Timestamp(8), vec![Digest([1; 32]), Digest([2; 32])]);
    of_blocks
        .chain([encode(&other), encode(&Proposal::null())])
        .collect()
}

/// Those of all blocks.
pub(crate) fn headers() -> Vec<Vec<u8>> {
    let blocks = printed::blocks();
    blocks
        .iter()
        .map(|block| encode(&block.v1().block.v1().header))
        .collect()
}

/// Those of all blocks, and one of the network of the seeds of consensus.
pub(crate) fn certificates() -> Vec<Vec<u8>> {
    let blocks = printed::blocks();
    let of_blocks = blocks.iter().map(|block| encode(&block.v1().certificate));
    of_blocks.chain([encode(&certificate(Digest([6; 32])))]).collect()
}

fn certificate(block: Digest) -> Certificate {
    let content = SealContent::new(NETWORK, Epoch(0), Height(1), block);
    let seals = (0..3).map(|index| Seal {
        validator: ValidatorIndex(index),
        signature: content.sign(&key(u8::try_from(index).unwrap() + 1)),
    });
    Certificate::V1(CertificateV1 {
        epoch: Epoch(0),
        height: Height(1),
        block,
        seals: seals.collect(),
    })
}

/// Those of all blocks, a failure with a code that nobody knows, and a recovery's.
pub(crate) fn log_entries() -> Vec<Vec<u8>> {
    let blocks = printed::blocks();
    let of_blocks = blocks.iter().filter_map(CertifiedBlock::log_entries).flatten();
    let failed = LogEntryV1::Transaction(LoggedTransaction {
        height: Height(1),
        timestamp: Timestamp(8),
        position: 300,
        id: Digest([1; 32]),
        expires_at: Timestamp(9),
        signed: Digest([2; 32]),
        outcome: Outcome::Failed {
            code: ErrorCode(6),
            operation: 2,
        },
    });
    let recovery = LogEntryV1::Recovery(LoggedRecovery {
        height: Height(1),
        timestamp: Timestamp(8),
        document: Digest([3; 32]),
    });
    of_blocks
        .chain([failed, recovery].map(LogEntry::V1))
        .map(|entry| encode(&entry))
        .collect()
}

/// All blocks, and the page's with a recovery.
pub(crate) fn certified_blocks() -> Vec<Vec<u8>> {
    let blocks = printed::blocks();
    let CertifiedBlock::V1(mut recovered) = blocks[0].clone();
    let Block::V1(BlockV1 { recovery, .. }) = &mut recovered.block;
    *recovery = printed::proofs().iter().find_map(document);
    assert!(recovery.is_some());
    let recovered = CertifiedBlock::V1(recovered);
    blocks.iter().chain([&recovered]).map(encode).collect()
}

/// The page's block in a bundle; and the state after it.
pub(crate) fn bundles() -> Vec<Vec<u8>> {
    let (genesis, auditor) = audited();
    let mut writer = BundleWriter::begin(Vec::new(), genesis, Height(1), Height(1)).unwrap();
    writer.block(encode(&printed::blocks()[0])).unwrap();
    let state = auditor.state().write(Vec::new(), genesis).unwrap();
    vec![writer.finish().unwrap().0, state.unwrap().0]
}

/// What a check of the page's block found.
pub(crate) fn parts() -> Vec<Vec<u8>> {
    vec![audited().1.part().write().into_bytes()]
}

/// The page's network, and the check of its block.
fn audited() -> (&'static Genesis, Auditor) {
    let genesis = &CHAINS[0].genesis;
    let mut auditor = Auditor::new(CertifiedState::genesis(genesis).unwrap(), Depth::Whole);
    auditor.check(&encode(&printed::blocks()[0])).unwrap();
    (genesis, auditor)
}

fn document(proof: &Proof) -> Option<SignedRecovery> {
    match &proof.v1().body {
        ProofBody::TwoRecoveries { first, .. } => Some(first.document.clone()),
        _ => None,
    }
}

/// The leaves of both states at genesis, those of all proofs, and kinds that none of these has.
pub(crate) fn state_values() -> Vec<Vec<u8>> {
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

pub(crate) fn state_proofs() -> Vec<Vec<u8>> {
    printed::state_proofs().iter().map(encode).collect()
}

pub(crate) fn geneses() -> Vec<Vec<u8>> {
    std::iter::once(printed::genesis_bytes())
        .chain(contents("genesis"))
        .collect()
}

/// Both documents as people write them, the vectors' as they are written out, its draft and a join.
pub(crate) fn genesis_texts() -> Vec<Vec<u8>> {
    let [_, of_vectors] = &*CHAINS;
    let genesis = &of_vectors.genesis;
    let mut texts = Vec::from(GENESIS_TEXTS.map(str::to_owned));
    texts.push(genesis.to_toml());
    texts.push(genesis.draft().to_toml());
    texts.push(genesis.joins()[0].to_toml());
    texts.into_iter().map(String::into_bytes).collect()
}

pub(crate) fn proofs() -> Vec<Vec<u8>> {
    printed::proofs().iter().map(Proof::encode).collect()
}

pub(crate) fn proof_files() -> Vec<Vec<u8>> {
    printed::proof_files()
}

/// Files, and the bytes in them.
pub(crate) fn travelling() -> Vec<Vec<u8>> {
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

pub(crate) fn key_files() -> Vec<Vec<u8>> {
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

/// The golden encodings of one kind.
fn golden(kind: &str) -> Vec<Vec<u8>> {
    let lines = MESSAGES.into_iter().flat_map(str::lines);
    let of_kind = lines.filter_map(|line| line.trim().strip_prefix(kind)?.strip_prefix(' '));
    of_kind.filter_map(|bytes| hex::decode(bytes).ok()).collect()
}

pub(crate) fn messages() -> Vec<Vec<u8>> {
    golden("message")
}

pub(crate) fn records() -> Vec<Vec<u8>> {
    messages()
        .iter()
        .map(|bytes| decode::<Message>(bytes, bytes.len()).unwrap())
        .flat_map(|message| {
            [
                JournalRecord::Own(message.clone()),
                JournalRecord::Accepted(message.clone()),
                JournalRecord::Entered(message),
            ]
        })
        .map(|record| encode(&record))
        .chain(golden("record"))
        .collect()
}

/// An engine of each kind that has been given a few things, and each of its frames.
fn recorded() -> Vec<Vec<Frame>> {
    let range = TimerRange {
        from_ms: 50,
        to_ms: 100,
    };
    let record = |engine| {
        let (mut engine, _) = quorate_consensus::Engine::start(Config {
            network: NETWORK,
            committee: committee_of(engine),
            index: Some(ValidatorIndex(0)),
            parameters: Parameters::default(),
            epoch_start: Height::GENESIS,
            epoch_end: None,
            certified: Height::GENESIS,
            certificate: None,
            inquiry: None,
            timing: Timing {
                resend: range,
                progress: range,
                progress_cap_ms: 1_000,
                heartbeat: range,
                election: range,
            },
        });
        let mut frames = Vec::new();
        let inputs = messages()
            .iter()
            .map(|bytes| Input::Message(Verified::trusted(decode(bytes, bytes.len()).unwrap())))
            .take(3)
            .chain([Input::BatchesAvailable(vec![Digest([6; 32])]), Input::Stopping])
            .collect::<Vec<_>>();
        for (number, input) in (0..).zip(inputs) {
            let step = engine.step(Timestamp(number), input.clone());
            frames.push(Frame::V1(FrameV1::Entry(Box::new(RecordedEntry {
                epoch: Epoch(0),
                now: Timestamp(number),
                offset_us: number,
                input,
                outcome: Some(Fingerprint::of(&step)),
            }))));
        }
        let segment = Segment {
            software: "0.1.0".to_owned(),
            beginning: Beginning::Start,
            network: NETWORK,
            began: Timestamp(9),
            names: vec!["alpha".to_owned()],
            own: ValidatorIndex(0),
            engines: vec![Recorded::of(&engine)],
        };
        frames.insert(0, Frame::V1(FrameV1::Segment(Box::new(segment))));
        frames
    };
    [Engine::Pbft, Engine::Raft, Engine::Paxos].map(record).to_vec()
}

pub(crate) fn recording_frames() -> Vec<Vec<u8>> {
    recorded().iter().flatten().map(encode).collect()
}

pub(crate) fn recordings() -> Vec<Vec<u8>> {
    let file = |frames: &Vec<Frame>| {
        let mut file = MAGIC.to_vec();
        for payload in frames.iter().map(encode) {
            file.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
            file.extend_from_slice(&payload);
            file.extend_from_slice(&sha256(&payload).0[..8]);
        }
        file
    };
    recorded().iter().map(file).collect()
}

pub(crate) fn frames() -> Vec<Vec<u8>> {
    let frame = |content: &[u8]| [&u32::try_from(content.len()).unwrap().to_le_bytes(), content].concat();
    vec![[frame(b""), frame(b"one"), frame(&[7; 300])].concat()]
}

pub(crate) fn handshakes() -> Vec<Vec<u8>> {
    let hello = [&[0][..], NETWORK.as_bytes(), &[1, 1, 0, 0, 0], b"\x0bquorate/0.1"].concat();
    vec![
        hello,
        vec![0, 0],
        vec![0, 1, 5, 0, 0, 0, 0, 0, 0, 0],
        b"\0\x03\x17/ip4/127.0.0.1/tcp/9100".to_vec(),
        b"\0\x04\x02/a\x01\x02no".to_vec(),
    ]
}

pub(crate) fn addresses() -> Vec<Vec<u8>> {
    let address = Key::from(key(1).public()).address().to_string();
    vec![
        address.to_uppercase().into_bytes(),
        address.into_bytes(),
        b"QRT".to_vec(),
    ]
}

pub(crate) fn amounts() -> Vec<Vec<u8>> {
    [
        "\x0212.50",
        "\x0099999999999999999999999999999999999999",
        "\x120.000000000000000001",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

pub(crate) fn times() -> Vec<Vec<u8>> {
    [
        "2026-01-31T12:00:00.5Z",
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999Z",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// Bodies around a submission, and transactions as the API shows them: all their operations, with texts and without.
pub(crate) fn api_inputs() -> Vec<Vec<u8>> {
    let submissions = submissions();
    let one = hex::encode(&submissions[0]);
    let mut seeds = vec![
        serde_json::json!({ "transaction": one }),
        serde_json::json!({ "transactions": [one] }),
    ];
    for bytes in &submissions {
        let submission: Submission = decode(bytes, bytes.len()).unwrap();
        let (transaction, items) = submission.into_parts();
        let texts: Vec<TextState> = items.into_iter().map(TextState::from).collect();
        let shown = schema::Transaction::pending(transaction.id(), &transaction, &texts);
        seeds.push(serde_json::to_value(&shown).unwrap());
    }
    for bytes in transactions() {
        let transaction: Transaction = decode(&bytes, bytes.len()).unwrap();
        let shown = schema::Transaction::pending(transaction.id(), &transaction, &[]);
        let acts = shown.operations.iter();
        seeds.extend(acts.map(|act| serde_json::to_value(act).unwrap()));
    }
    seeds.iter().map(|seed| seed.to_string().into_bytes()).collect()
}

pub(crate) fn events() -> Vec<Vec<u8>> {
    vec![b": hello\nevent: block\nid: 7\ndata: {\"height\":7}\ndata: x\r\n\n\ndata\n\n".to_vec()]
}
