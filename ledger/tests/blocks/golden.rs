//! The worked example of the page (section 24), put together by hand and compared with its bytes.

use quorate_crypto::merkle;
use quorate_crypto::{
    Address, Certificate, CertificateV1, Digest, Epoch, Height, Seal, SealContent, Signature, ValidatorIndex,
};
use quorate_ledger::{
    Amount, AssetCode, BalanceChange, BalanceItem, Batch, BatchTexts, BatchV1, Block, BlockV1,
    CertifiedBlock, CertifiedBlockV1, CertifiedHeader, Executed, Header, HeaderV1, HistoryOwner,
    HistoryStart, LogEntry, LogEntryV1, LoggedTransaction, Outcome, Parameters, Proposal, SignedBatch,
    SignedBatchV1, Step, Text, TextItem, Timestamp, Transaction, balances_root, decode, encode, history_hash,
};

use crate::vectors;
use crate::world::{bytes, committee, digest, network, signing_key};

/// Block 1's time: a second after genesis.
const BLOCK_TIME: Timestamp = Timestamp(0x019b_76da_abe8);

/// When both transactions expire: a minute after genesis.
const EXPIRY: Timestamp = Timestamp(0x019b_76db_9260);

const AUTHOR_SIGNATURE: &str = "1e3480b6f42d2c10a1cd9064f3fdc1eb6c8ff1dac9c784bf66fcea519d3579c4
    eaac3d28a5a9119918c73e0158dcea7d74923761dd009727bdfefc801ef94101";

const SEAL: &str = "8863662c178daab0b7f2b8cb3bdf1ab689f96a308961b57143a1fa256cf0b272
    bc1ef043a47606ad2ad9974881381ba6547d5b79df34f21b0c480c6f0ddd4d00";

fn signature(text: &str) -> Signature {
    Signature(bytes(text).try_into().unwrap())
}

fn transaction(text: &str) -> Transaction {
    decode(&bytes(text), 65_536).unwrap()
}

fn batch() -> Batch {
    Batch::V1(BatchV1 {
        network: network(),
        epoch: Epoch(0),
        author: ValidatorIndex(0),
        number: 1,
        transactions: vec![
            transaction(vectors::TRANSACTION_1),
            transaction(vectors::TRANSACTION_2),
        ],
    })
}

fn signed_batch() -> SignedBatch {
    SignedBatch::V1(SignedBatchV1 {
        batch: batch(),
        signature: signature(AUTHOR_SIGNATURE),
    })
}

fn proposal() -> Proposal {
    Proposal::new(BLOCK_TIME, vec![digest(vectors::BATCH)])
}

fn header() -> Header {
    Header::V1(HeaderV1 {
        network: network(),
        protocol: 1,
        epoch: Epoch(0),
        height: Height(1),
        previous: network(),
        chain_root: merkle::empty_root(),
        proposal: digest(vectors::PROPOSAL),
        timestamp: BLOCK_TIME,
        log_size: 2,
        log_root: digest(vectors::LOG_ROOT),
        state_root: digest(vectors::STATE_ROOT_1),
        next_committee: digest(vectors::COMMITTEE),
    })
}

fn success() -> Outcome {
    Outcome::Success { results: Vec::new() }
}

fn certificate() -> Certificate {
    Certificate::V1(CertificateV1 {
        epoch: Epoch(0),
        height: Height(1),
        block: digest(vectors::BLOCK_HASH),
        seals: vec![Seal {
            validator: ValidatorIndex(0),
            signature: signature(SEAL),
        }],
    })
}

/// The texts of the batch: the memo of transaction 1's transfer.
fn texts() -> BatchTexts {
    BatchTexts::new(vec![TextItem::Shown(Text {
        salt: std::array::from_fn(|place| 0x10 + place as u8),
        text: b"invoice 17".to_vec(),
    })])
}

pub(crate) fn certified() -> CertifiedBlock {
    let executed = |position| Executed {
        position,
        outcome: success(),
    };
    CertifiedBlock::V1(CertifiedBlockV1 {
        block: Block::V1(BlockV1 {
            header: header(),
            recovery: None,
            proposal: proposal(),
            executed: vec![executed(0), executed(1)],
        }),
        certificate: certificate(),
        batches: vec![signed_batch()],
        texts: vec![Some(texts())],
    })
}

/// The entry of a transaction of block 1.
fn entry(position: u32, id: &str, signed: Digest) -> LogEntry {
    LogEntry::V1(LogEntryV1::Transaction(LoggedTransaction {
        height: Height(1),
        timestamp: BLOCK_TIME,
        position,
        id: digest(id),
        expires_at: EXPIRY,
        signed,
        outcome: success(),
    }))
}

fn entries() -> [LogEntry; 2] {
    let signed_2 = transaction(vectors::TRANSACTION_2).signed_hash();
    [
        entry(0, vectors::ID_1, digest(vectors::SIGNED_1)),
        entry(1, vectors::ID_2, signed_2),
    ]
}

fn change(asset: &str, before: u128, after: u128) -> BalanceChange {
    BalanceChange {
        asset: asset.parse().unwrap(),
        free_before: Amount(before),
        free_after: Amount(after),
        held_before: Amount(0),
        held_after: Amount(0),
    }
}

fn step_1() -> Step {
    Step {
        number: 1,
        ordinal: 0,
        timestamp: BLOCK_TIME,
        leaf: digest(vectors::LOG_LEAF_0),
        changes: vec![change("EUR", 100_000, 98_750)],
        balances: None,
    }
}

#[test]
fn digests_of_batch_proposal_and_header_are_those_of_the_page() {
    assert_eq!(batch().digest(), digest(vectors::BATCH));
    assert_eq!(proposal().digest(), digest(vectors::PROPOSAL));
    assert_eq!(header().hash(), digest(vectors::BLOCK_HASH));
    assert_eq!(committee().digest(), digest(vectors::COMMITTEE));
}

#[test]
fn a_header_has_261_bytes_in_the_order_of_its_fields() {
    let fields = [
        "00",
        vectors::NETWORK,
        "01000000",
        "00*8",
        "0100000000000000",
        vectors::NETWORK,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        vectors::PROPOSAL,
        "e8abda769b010000",
        "0200000000000000",
        vectors::LOG_ROOT,
        vectors::STATE_ROOT_1,
        vectors::COMMITTEE,
    ];
    let expected = bytes(&fields.join(" "));
    assert_eq!(expected.len(), Header::BYTES);
    assert_eq!(encode(&header()), expected);
    assert_eq!(decode::<Header>(&expected, Header::BYTES).unwrap(), header());
    // There is no block 0.
    let mut genesis = expected.clone();
    genesis[1 + 32 + 4 + 8] = 0;
    assert!(decode::<Header>(&genesis, Header::BYTES).is_err());
}

#[test]
fn the_author_and_the_validator_sign_as_the_page_says() {
    assert_eq!(batch().sign(&signing_key(0x11)), signed_batch());
    let content = SealContent::new(network(), Epoch(0), Height(1), digest(vectors::BLOCK_HASH));
    assert_eq!(content.sign(&signing_key(0x11)), signature(SEAL));
    let head = CertifiedHeader::new(header(), &certificate(), &committee());
    assert_eq!(head.check(network(), &committee()), Ok(()));
    assert!(head.is_exact_quorum(&committee()));
}

#[test]
fn block_1_has_the_bytes_of_the_page() {
    let expected = bytes(vectors::BLOCK_1);
    assert_eq!(hex::encode(encode(&certified())), hex::encode(&expected));
    let parameters = Parameters::default();
    let decoded = CertifiedBlock::decode(&expected, parameters.v1()).unwrap();
    assert_eq!(decoded, certified());
    assert_eq!(decoded.verify_contents(), Ok(()));
    for cut in 0..expected.len() {
        assert!(
            CertifiedBlock::decode(&expected[..cut], parameters.v1()).is_err(),
            "cut after {cut} bytes"
        );
    }
    let mut trailing = expected;
    trailing.push(0);
    assert!(CertifiedBlock::decode(&trailing, parameters.v1()).is_err());
}

#[test]
fn the_log_of_block_1_is_that_of_the_page() {
    let entries = entries();
    assert_eq!(entries[0].leaf_hash(), digest(vectors::LOG_LEAF_0));
    let mut log = merkle::Frontier::new();
    for entry in &entries {
        log.push_hash(entry.leaf_hash());
    }
    assert_eq!((log.length(), log.root()), (2, digest(vectors::LOG_ROOT)));
    assert_eq!(certified().log_entries().unwrap(), entries);
    let ids: Vec<Digest> = entries
        .iter()
        .map(|entry| entry.transaction().unwrap().id)
        .collect();
    assert_eq!(ids, [digest(vectors::ID_1), digest(vectors::ID_2)]);
}

#[test]
fn the_history_of_k1_is_that_of_the_page() {
    let expected = bytes(vectors::STEP_1);
    assert_eq!(hex::encode(encode(&step_1())), hex::encode(&expected));
    assert_eq!(decode::<Step>(&expected, expected.len()).unwrap(), step_1());
    assert_eq!(step_1().inner(), digest(vectors::INNER_1));

    let start = [BalanceItem {
        asset: "EUR".parse().unwrap(),
        free: Amount(100_000),
        held: Amount(0),
    }];
    let owner = "6667b111cc79f20ce34185c687163f463bea690d";
    let owner = Address(bytes(owner).try_into().unwrap());
    let h_0 = HistoryStart::new(network(), HistoryOwner::Account(owner), &start).hash();
    assert_eq!(h_0, digest(vectors::H_0));
    let h_1 = history_hash(&h_0, &step_1().inner());
    assert_eq!(h_1, digest(vectors::H_1));

    let [_, second] = entries();
    let step_2 = Step {
        number: 2,
        ordinal: 1,
        leaf: second.leaf_hash(),
        changes: vec![change("EUR", 98_750, 48_750), change("GOLD", 0, 2)],
        ..step_1()
    };
    assert_eq!(history_hash(&h_1, &step_2.inner()), digest(vectors::H_2));
}

#[test]
fn every_32nd_step_is_a_waypoint() {
    let at = |number| Step { number, ..step_1() }.is_waypoint();
    let found: Vec<u64> = (0..100).filter(|number| at(*number)).collect();
    assert_eq!(found, [32, 64, 96]);
    assert_eq!(balances_root(&[]), merkle::empty_root());
}

#[test]
fn owners_order_as_on_disk() {
    let account = |byte| HistoryOwner::Account(Address([byte; 20]));
    let asset = |code: &str| HistoryOwner::Asset(code.parse::<AssetCode>().unwrap());
    // GOLD comes before Z, though its encoding is longer.
    let owners = [account(0), account(0xff), asset("0"), asset("GOLD"), asset("Z")];
    assert!(owners.is_sorted_by(|a, b| a < b));
    assert_eq!(encode(&account(0xa0)), bytes("00 a0*20"));
    assert_eq!(encode(&asset("GOLD")), bytes("01 04 474f4c44"));
}

#[test]
fn the_limit_of_a_block_depends_on_whether_it_has_a_recovery() {
    let parameters = Parameters::default();
    let plain = bytes(vectors::BLOCK_1);
    let limit = 3 * 32 * 524_288 + 65_536;
    assert_eq!(CertifiedBlock::limit(&plain, parameters.v1()), limit);
    assert_eq!(CertifiedBlock::max_bytes(parameters.v1()), limit);
    let mut with_recovery = plain;
    with_recovery[263] = 1;
    assert_eq!(
        CertifiedBlock::limit(&with_recovery, parameters.v1()),
        limit + (128 << 20)
    );
    assert_eq!(CertifiedBlock::limit(&[], parameters.v1()), limit);
}
