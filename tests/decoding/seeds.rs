//! Encodings to begin with: one of every kind, small and good.

use quorate_client::schema::OperationView;
use quorate_consensus::recording::{
    Beginning, Entry as RecordedEntry, Fingerprint, Frame, FrameV1, MAGIC, Recorded, Segment,
};
use quorate_consensus::{Config, Input, Message, Record, TimerRange, Timing, Verified};
use quorate_crypto::{
    Certificate, CertificateV1, Digest, Epoch, Height, Protocol, Seal, SealContent, ValidatorIndex, keyfile,
    sha256,
};
use quorate_genesis::{Draft, DraftAsset, DraftBalance, DraftV1, Join, JoinKeys};
use quorate_ledger::{
    Account, AccountV1, Agreement, AgreementV1, Amount, Asset, AssetBalance, AssetV1, Balance, BalanceV1,
    Batch, BatchV1, Block, BlockV1, CertifiedBlock, CertifiedBlockV1, Executed, Header, HeaderV1, Intent,
    IntentV1, Operation, Outcome, Parameters, ProofLeaf, ProofStep, Proposal, Receipt, ReceiptV1, Rejoin,
    Seat, SeatV1, SignedBatch, Signer, Signers, StateProof, StateProofV1, Timestamp, Transaction, decode,
    encode,
};

use crate::binary::{NETWORK, committee, committee_of, key};

/// Golden encodings of consensus messages, as the engine's own tests keep them.
const MESSAGES: [&str; 3] = [
    include_str!("../../node/consensus/tests/pbft/snapshots/pbft__encodings__golden_encodings.snap"),
    include_str!("../../node/consensus/tests/raft/snapshots/raft__encodings__golden_encodings.snap"),
    include_str!("../../node/consensus/tests/paxos/snapshots/paxos__encodings__golden_encodings.snap"),
];

fn operations() -> Vec<Operation> {
    let (to, asset) = (key(9).public().address(), "QRT".parse().unwrap());
    let amount = Amount(5);
    vec![
        Operation::CreateAsset {
            code: asset,
            decimals: 2,
            description: "Test".to_owned(),
        },
        Operation::Mint { asset, to, amount },
        Operation::Burn { asset, amount },
        Operation::Transfer {
            to,
            asset,
            amount,
            memo: "rent".to_owned(),
        },
        Operation::PutRecord {
            sha256: Digest([3; 32]),
            label: "deed".to_owned(),
            metadata: vec![1, 2],
        },
        Operation::SetSigners {
            signers: vec![Signer {
                key: key(9).public(),
                weight: 1,
            }],
            threshold: 1,
        },
        Operation::Rejoin {
            validator: key(1).public(),
            token: Digest([4; 32]),
        },
    ]
}

fn signed(operations: Vec<Operation>) -> Transaction {
    let intent = Intent::V1(IntentV1 {
        network: NETWORK,
        sender: key(8).public().address(),
        expires_at: Timestamp(9),
        salt: [1; 16],
        operations,
        memo: "memo".to_owned(),
    });
    intent.sign([&key(8), &key(9)])
}

fn signed_batch() -> SignedBatch {
    let transactions = operations()
        .into_iter()
        .map(|operation| signed(vec![operation]))
        .collect();
    let batch = Batch::V1(BatchV1 {
        network: NETWORK,
        epoch: Epoch(0),
        author: ValidatorIndex(0),
        number: 300,
        transactions,
    });
    batch.sign(&key(1))
}

fn certified_block() -> CertifiedBlock {
    let batch = signed_batch();
    let proposal = Proposal::new(Timestamp(8), vec![batch.digest()]);
    let header = Header::V1(HeaderV1 {
        network: NETWORK,
        epoch: Epoch(0),
        height: Height(1),
        previous: NETWORK,
        chain_root: Digest([2; 32]),
        proposal: proposal.digest(),
        timestamp: Timestamp(8),
        transaction_count: 1,
        transactions_root: Digest([3; 32]),
        receipts_root: Digest([4; 32]),
        state_root: Digest([5; 32]),
        next_committee: committee().digest(),
    });
    let certificate = certificate(header.hash());
    let executed = vec![Executed {
        position: 3,
        outcome: Outcome::Success,
    }];
    CertifiedBlock::V1(CertifiedBlockV1 {
        block: Block::V1(BlockV1 {
            header,
            proposal,
            executed,
        }),
        certificate,
        batches: vec![batch],
    })
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

pub(crate) fn transactions() -> Vec<Vec<u8>> {
    vec![
        encode(&signed(operations())),
        encode(&signed(operations()[3..4].to_vec())),
    ]
}

pub(crate) fn batches() -> Vec<Vec<u8>> {
    vec![encode(&signed_batch())]
}

pub(crate) fn proposals() -> Vec<Vec<u8>> {
    vec![
        encode(&Proposal::new(
            Timestamp(8),
            vec![Digest([1; 32]), Digest([2; 32])],
        )),
        encode(&Proposal::null()),
    ]
}

pub(crate) fn headers() -> Vec<Vec<u8>> {
    vec![encode(&certified_block().v1().block.v1().header)]
}

pub(crate) fn certified_blocks() -> Vec<Vec<u8>> {
    vec![encode(&certified_block())]
}

pub(crate) fn certificates() -> Vec<Vec<u8>> {
    vec![encode(&certificate(Digest([6; 32])))]
}

pub(crate) fn receipts() -> Vec<Vec<u8>> {
    let transaction = Digest([1; 32]);
    let code = quorate_ledger::ErrorCode::InsufficientBalance;
    [Outcome::Success, Outcome::Failed { code, operation: 2 }]
        .map(|outcome| encode(&Receipt::V1(ReceiptV1 { transaction, outcome })))
        .to_vec()
}

pub(crate) fn state_values() -> Vec<Vec<u8>> {
    let asset = "QRT".parse().unwrap();
    let account = Account::V1(AccountV1 {
        transactions: 3,
        history: Digest([1; 32]),
        last: Height(9),
        signers: Some(Signers {
            threshold: 1,
            signers: vec![Signer {
                key: key(9).public(),
                weight: 1,
            }],
        }),
        balances: vec![AssetBalance {
            asset,
            amount: Amount(5),
        }],
        other_balances: 1,
    });
    let made = Asset::V1(AssetV1 {
        code: asset,
        issuer: key(9).public().address(),
        decimals: 2,
        supply: Amount(5),
        description: "Test".to_owned(),
    });
    let agreement = Agreement::V1(AgreementV1 {
        epoch: Epoch(1),
        engine: Protocol::Pbft,
        protocol_version: 1,
        first: Height(2),
        last: Some(Height(3)),
        validators: vec![key(1).public()],
    });
    let seat = Seat::V1(SeatV1 {
        member: key(9).public().address(),
        rejoin: Some(Rejoin {
            token: Digest([4; 32]),
            epoch: Epoch(1),
            timestamp: Timestamp(5),
        }),
    });
    vec![
        encode(&agreement),
        encode(&seat),
        encode(&account),
        encode(&made),
        encode(&Balance::V1(BalanceV1 { amount: Amount(5) })),
        encode(&Parameters::default()),
    ]
}

pub(crate) fn state_proofs() -> Vec<Vec<u8>> {
    let step = |depth| ProofStep {
        depth,
        sibling: Digest([depth; 32]),
    };
    let proof = StateProof::V1(StateProofV1 {
        path: vec![step(1), step(7), step(255)],
        leaf: Some(ProofLeaf {
            key: quorate_ledger::StateKey([0x5a; 32]),
            value: Digest([9; 32]),
        }),
    });
    vec![encode(&proof)]
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
                Record::Own(message.clone()),
                Record::Accepted(message.clone()),
                Record::Entered(message),
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
    [Protocol::Pbft, Protocol::Raft, Protocol::Paxos]
        .map(record)
        .to_vec()
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
    let hello = [&[0][..], NETWORK.as_bytes(), &[1, 0, 0, 0], b"\x0bquorate/0.1"].concat();
    vec![
        hello,
        vec![0, 0],
        vec![0, 1, 5, 0, 0, 0, 0, 0, 0, 0],
        b"\0\x03\x17/ip4/127.0.0.1/tcp/9100".to_vec(),
        b"\0\x04\x02/a\x01\x02no".to_vec(),
    ]
}

pub(crate) fn geneses() -> Vec<Vec<u8>> {
    let draft = Draft::V1(DraftV1 {
        network: "interbank".to_owned(),
        engine: Protocol::Pbft,
        time: Timestamp(1_769_860_800_000),
        members: vec!["alpha".to_owned()],
        parameters: Parameters::default(),
        assets: vec![DraftAsset {
            code: "QRT".parse().unwrap(),
            decimals: 2,
            description: "Test".to_owned(),
            issuer: key(9).public().address(),
            balances: vec![DraftBalance {
                address: key(9).public().address(),
                amount: Amount(1_050),
            }],
        }],
    });
    let keys = JoinKeys {
        validator: &key(1),
        node: &key(2),
        member: &key(3),
    };
    let join = Join::sign(&draft, "alpha", keys, vec!["/ip4/127.0.0.1/tcp/9100".to_owned()]).unwrap();
    let (draft, join) = (draft.to_toml(), join.to_toml());
    let whole = format!("{draft}\n{join}");
    vec![draft.into_bytes(), join.into_bytes(), whole.into_bytes()]
}

pub(crate) fn key_files() -> Vec<Vec<u8>> {
    let plain = keyfile::to_pem(&key(1), None).unwrap();
    let encrypted = keyfile::to_pem(&key(1), Some("word")).unwrap();
    vec![plain.as_bytes().to_vec(), encrypted.as_bytes().to_vec()]
}

pub(crate) fn addresses() -> Vec<Vec<u8>> {
    let address = key(1).public().address().to_string();
    vec![
        address.to_uppercase().into_bytes(),
        address.into_bytes(),
        b"QRT".to_vec(),
    ]
}

pub(crate) fn amounts() -> Vec<Vec<u8>> {
    [
        "\x0212.50",
        "\x00340282366920938463463374607431768211455",
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

pub(crate) fn submissions() -> Vec<Vec<u8>> {
    let one = hex::encode(&transactions()[1]);
    let mut seeds = vec![
        serde_json::json!({ "transaction": one }),
        serde_json::json!({ "transactions": [one] }),
    ];
    let views = operations().iter().map(OperationView::from).collect::<Vec<_>>();
    seeds.extend(views.iter().map(|view| serde_json::to_value(view).unwrap()));
    seeds.iter().map(|seed| seed.to_string().into_bytes()).collect()
}

pub(crate) fn events() -> Vec<Vec<u8>> {
    vec![b": hello\nevent: block\nid: 7\ndata: {\"height\":7}\ndata: x\r\n\n\ndata\n\n".to_vec()]
}
