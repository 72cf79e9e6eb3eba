//! Encodings, held to `docs/formats.md` byte by byte: each is put together by hand from the page, and
//! its hash under the type's tag is a literal, so that neither can drift.

use quorate_crypto::{Certificate, CertificateV1, Protocol, PublicKey, Seal, Signature, sha256};
use quorate_ledger::{
    Account, AccountV1, Address, Agreement, AgreementV1, Amount, Asset, AssetBalance, AssetV1, Balance,
    BalanceV1, Batch, BatchV1, Block, BlockV1, CertifiedBlock, CertifiedBlockV1, Digest, Epoch, ErrorCode,
    Executed, Header, HeaderV1, Height, Intent, IntentV1, KeySignature, Operation, Outcome, Parameters,
    ProofLeaf, ProofStep, Proposal, Receipt, ReceiptV1, Rejoin, Seat, SeatV1, SignedBatch, SignedBatchV1,
    Signer, Signers, StateKey, StateProof, StateProofV1, Timestamp, Transaction, TransactionV1,
    ValidatorIndex, decode, encode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::world::code;

/// Bytes written as hex, spaces ignored, `xx*n` meaning n times that byte.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        match word.split_once('*') {
            Some((byte, count)) => {
                let byte = u8::from_str_radix(byte, 16).unwrap();
                bytes.extend(vec![byte; count.parse().unwrap()]);
            }
            None => bytes.extend(hex::decode(word).unwrap()),
        }
    }
    bytes
}

#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, expected: &str) {
    let expected = bytes(expected);
    assert_eq!(hex::encode(encode(value)), hex::encode(&expected));
    assert_eq!(&decode::<T>(&expected, expected.len()).unwrap(), value);
    let mut trailing = expected.clone();
    trailing.push(0);
    assert!(
        decode::<T>(&trailing, trailing.len()).is_err(),
        "a trailing byte is refused"
    );
    for cut in 0..expected.len() {
        assert!(
            decode::<T>(&expected[..cut], cut).is_err(),
            "cut after {cut} bytes"
        );
    }
}

fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}

fn operations() -> Vec<Operation> {
    vec![
        Operation::CreateAsset {
            code: code("QRT"),
            decimals: 2,
            description: "é".to_owned(),
        },
        Operation::Mint {
            asset: code("A"),
            to: Address([0xA1; 20]),
            amount: Amount(0x0102),
        },
        Operation::Burn {
            asset: code("ABCDEFGHIJ12"),
            amount: Amount(u128::MAX),
        },
        Operation::Transfer {
            to: Address([0xA2; 20]),
            asset: code("QRT"),
            amount: Amount(1),
            memo: "hi".to_owned(),
        },
        Operation::PutRecord {
            sha256: digest(0xD1),
            label: "l".to_owned(),
            metadata: vec![7; 130],
        },
        Operation::SetSigners {
            signers: vec![Signer {
                key: PublicKey([0xB1; 32]),
                weight: 65_535,
            }],
            threshold: 3,
        },
        Operation::Rejoin {
            validator: PublicKey([0xB3; 32]),
            token: digest(0xD2),
        },
    ]
}

const OPERATIONS: &str = "07
    00 03 515254 02 02 c3a9
    01 01 41 a1*20 0201 00*14
    02 0c 4142434445464748494a3132 ff*16
    03 a2*20 03 515254 01 00*15 02 6869
    04 d1*32 01 6c 8201 07*130
    05 01 b1*32 ffff0000 03000000
    06 b3*32 d2*32";

fn intent() -> Intent {
    Intent::V1(IntentV1 {
        network: digest(0x11),
        sender: Address([0xA0; 20]),
        expires_at: Timestamp(0x0102_0304_0506_0708),
        salt: [0x5A; 16],
        operations: operations(),
        memo: "memo".to_owned(),
    })
}

fn intent_bytes() -> String {
    format!("00 11*32 a0*20 0807060504030201 5a*16 {OPERATIONS} 04 6d656d6f")
}

fn transaction() -> Transaction {
    Transaction::V1(TransactionV1 {
        intent: intent(),
        signatures: vec![KeySignature {
            key: PublicKey([0xB0; 32]),
            signature: Signature([0xC0; 64]),
        }],
    })
}

fn transaction_bytes() -> String {
    format!("00 {} 01 b0*32 c0*64", intent_bytes())
}

fn batch() -> Batch {
    Batch::V1(BatchV1 {
        network: digest(0x11),
        epoch: Epoch(3),
        author: ValidatorIndex(0x0102),
        number: 0x0304_0506_0708_090a,
        transactions: vec![transaction()],
    })
}

fn batch_bytes() -> String {
    format!(
        "00 11*32 0300000000000000 0201 0a09080706050403 01 {}",
        transaction_bytes()
    )
}

fn signed_batch() -> SignedBatch {
    SignedBatch::V1(SignedBatchV1 {
        batch: batch(),
        signature: Signature([0xC1; 64]),
    })
}

fn proposal() -> Proposal {
    Proposal::new(Timestamp(5), vec![digest(0x21), digest(0x22)])
}

const PROPOSAL: &str = "00 0500000000000000 02 21*32 22*32";

fn header() -> Header {
    Header::V1(HeaderV1 {
        network: digest(0x11),
        epoch: Epoch(3),
        height: Height(4),
        previous: digest(0x31),
        chain_root: digest(0x32),
        proposal: digest(0x33),
        timestamp: Timestamp(5),
        transaction_count: 2,
        transactions_root: digest(0x34),
        receipts_root: digest(0x35),
        state_root: digest(0x36),
        next_committee: digest(0x37),
    })
}

const HEADER: &str = "00 11*32 0300000000000000 0400000000000000 31*32 32*32 33*32 0500000000000000
    02000000 34*32 35*32 36*32 37*32";

fn block() -> Block {
    Block::V1(BlockV1 {
        header: header(),
        proposal: proposal(),
        executed: vec![
            Executed {
                position: 1,
                outcome: Outcome::Success,
            },
            Executed {
                position: 0x0102,
                outcome: Outcome::Failed {
                    code: ErrorCode::TooManyBalances,
                    operation: 255,
                },
            },
        ],
    })
}

fn block_bytes() -> String {
    format!("00 {HEADER} {PROPOSAL} 02 01000000 00 02010000 01 0a00 ff00")
}

#[test]
fn transactions() {
    check(&intent(), &intent_bytes());
    check(&transaction(), &transaction_bytes());
    let preimage = [b"\x16quorate/transaction/v1".to_vec(), bytes(&intent_bytes())].concat();
    assert_eq!(intent().id(), sha256(&preimage));
    assert_eq!(
        intent().id().to_string(),
        "20543e55e8bbbbc737df65647245219da9b13aa66b230b4b733e13b99f6865a0"
    );
}

#[test]
fn batches() {
    check(&batch(), &batch_bytes());
    check(&signed_batch(), &format!("00 {} c1*64", batch_bytes()));
    let preimage = [b"\x10quorate/batch/v1".to_vec(), bytes(&batch_bytes())].concat();
    assert_eq!(batch().digest(), sha256(&preimage));
    assert_eq!(
        batch().digest().to_string(),
        "4408bc69e7a386580e299952ece9fae3f19928dc0b00c1798a91e8d49eca1501"
    );
}

#[test]
fn proposals() {
    check(&proposal(), PROPOSAL);
    check(&Proposal::null(), "00 00*8 00");
    let preimage = [b"\x13quorate/proposal/v1".to_vec(), bytes(PROPOSAL)].concat();
    assert_eq!(proposal().digest(), sha256(&preimage));
    assert_eq!(
        Proposal::null().digest().to_string(),
        "fad684d3b5a0e7cc45d7c38c65b612973431c2b81f52df6a8f73f43d5364926d"
    );
}

#[test]
fn blocks() {
    check(&header(), HEADER);
    check(&block(), &block_bytes());
    let preimage = [b"\x10quorate/block/v1".to_vec(), bytes(HEADER)].concat();
    assert_eq!(header().hash(), sha256(&preimage));
    assert_eq!(
        header().hash().to_string(),
        "ce7d9ff4e355cdcf720a8c58ea2480e397364a30f2c977ffebcf45c37a289fd9"
    );
    let certified = CertifiedBlock::V1(CertifiedBlockV1 {
        block: block(),
        certificate: Certificate::V1(CertificateV1 {
            epoch: Epoch(3),
            height: Height(4),
            block: digest(0x41),
            seals: vec![Seal {
                validator: ValidatorIndex(2),
                signature: Signature([0xC2; 64]),
            }],
        }),
        batches: vec![signed_batch()],
    });
    let certificate = "00 0300000000000000 0400000000000000 41*32 01 0200 c2*64";
    let expected = format!("00 {} {certificate} 01 00 {} c1*64", block_bytes(), batch_bytes());
    check(&certified, &expected);
}

#[test]
fn receipts() {
    let receipt = |outcome| {
        Receipt::V1(ReceiptV1 {
            transaction: digest(0x51),
            outcome,
        })
    };
    check(&receipt(Outcome::Success), "00 51*32 00");
    let failed = Outcome::Failed {
        code: ErrorCode::InsufficientBalance,
        operation: 0x0102,
    };
    check(&receipt(failed), "00 51*32 01 0300 0201");
}

#[test]
fn error_codes_are_frozen() {
    let expected = [
        (1, "unknown_asset"),
        (2, "asset_exists"),
        (3, "insufficient_balance"),
        (4, "not_issuer"),
        (5, "supply_overflow"),
        (6, "balance_overflow"),
        (7, "too_many_decimals"),
        (8, "threshold_unreachable"),
        (9, "invalid_key"),
        (10, "too_many_balances"),
        (11, "unknown_validator"),
        (12, "not_its_member"),
        (13, "rejoin_too_soon"),
    ];
    let codes = ErrorCode::ALL.map(|code| (code.number(), code.name()));
    assert_eq!(codes, expected);
    for (code, (number, _)) in ErrorCode::ALL.into_iter().zip(expected) {
        check(&code, &format!("{number:02x}00"));
    }
    assert!(decode::<ErrorCode>(&[0, 0], 2).is_err());
    assert!(decode::<ErrorCode>(&[14, 0], 2).is_err());
}

#[test]
fn state_values() {
    let plain = Account::V1(AccountV1::default());
    check(&plain, "00 00*8 00*32 00*8 00 00 0000");
    let full = Account::V1(AccountV1 {
        transactions: 258,
        history: digest(0x61),
        last: Height(0x0102),
        signers: Some(Signers {
            threshold: 2,
            signers: vec![Signer {
                key: PublicKey([0xB2; 32]),
                weight: 3,
            }],
        }),
        balances: vec![AssetBalance {
            asset: code("QRT"),
            amount: Amount(7),
        }],
        other_balances: 1,
    });
    check(
        &full,
        "00 0201000000000000 61*32 0201000000000000 01 02000000 01 b2*32 03000000 01 03 515254 07 00*15 0100",
    );
    check(&Balance::V1(BalanceV1 { amount: Amount(7) }), "00 07 00*15");
    let agreement = Agreement::V1(AgreementV1 {
        epoch: Epoch(2),
        engine: Protocol::Raft,
        protocol_version: 1,
        first: Height(5),
        last: Some(Height(258)),
        validators: vec![PublicKey([0xB4; 32])],
    });
    check(
        &agreement,
        "00 0200000000000000 01 01000000 0500000000000000 01 0201000000000000 01 b4*32",
    );
    let seat = Seat::V1(SeatV1 {
        member: Address([0xA3; 20]),
        rejoin: Some(Rejoin {
            token: digest(0xD3),
            epoch: Epoch(1),
            timestamp: Timestamp(9),
        }),
    });
    check(&seat, "00 a3*20 01 d3*32 0100000000000000 0900000000000000");
    let asset = Asset::V1(AssetV1 {
        code: code("QRT"),
        issuer: Address([0xA3; 20]),
        decimals: 2,
        supply: Amount(9),
        description: "d".to_owned(),
    });
    check(&asset, "00 03 515254 a3*20 02 09 00*15 01 64");
    check(
        &Parameters::default(),
        "00 00000100 00000800 00100000 20000000 005c260500000000 8813000000000000 20000000 40000000",
    );
}

#[test]
fn state_keys() {
    let address = Address([0xA4; 20]);
    assert_eq!(StateKey::account(&address).0[..], bytes("a4*20 00*12"));
    let balance = StateKey::balance(&address, &code("QRT"));
    assert_eq!(balance.0[..], bytes("a4*20 515254 00*9"));
    let asset = sha256(b"\x10quorate/asset/v1QRT");
    let parameters = sha256(b"\x15quorate/parameters/v1");
    let expect = |digest: Digest, suffix: &str| [&digest.0[..20], &bytes(suffix)].concat();
    assert_eq!(StateKey::asset(&code("QRT")).0[..], expect(asset, "ff*12"));
    assert_eq!(StateKey::parameters().0[..], expect(parameters, "fe*12"));
}

#[test]
fn state_proofs() {
    let proof = StateProof::V1(StateProofV1 {
        path: vec![
            ProofStep {
                depth: 1,
                sibling: digest(0x71),
            },
            ProofStep {
                depth: 255,
                sibling: digest(0x72),
            },
        ],
        leaf: Some(ProofLeaf {
            key: StateKey([0x73; 32]),
            value: digest(0x74),
        }),
    });
    check(&proof, "00 02 01 71*32 ff 72*32 01 73*32 74*32");
    let empty = StateProof::V1(StateProofV1 {
        path: Vec::new(),
        leaf: None,
    });
    check(&empty, "00 00 00");
}

#[test]
fn encodings_that_are_not_canonical_are_refused() {
    let null = bytes("00 00*8 00");
    let refused = |text: &str| decode::<Proposal>(&bytes(text), 1_000).is_err();
    assert!(decode::<Proposal>(&null, null.len()).is_ok());
    assert!(
        decode::<Proposal>(&null, null.len() - 1).is_err(),
        "over the limit"
    );
    assert!(refused("01 00*8 00"), "an unknown version");
    assert!(refused("8000 00*8 00"), "a variant in two bytes");
    assert!(refused("00 00*8 8000"), "a length in two bytes");
    assert!(refused("00 00*8 8102"), "a length over the bound, 257");
    assert!(refused("00 00*8 ffffffff0f"), "a length far over the bound");
    let with_memo = |memo: &str| {
        let text = format!("00 11*32 a0*20 00*8 5a*16 01 02 01 41 01 00*15 {memo}");
        decode::<Intent>(&bytes(&text), 1_000)
    };
    assert!(with_memo("01 61").is_ok());
    assert!(with_memo("01 ff").is_err(), "not UTF-8");
    let with_code = |code: &str| decode::<Operation>(&bytes(&format!("02 {code} 01 00*15")), 1_000);
    assert!(with_code("01 41").is_ok());
    for bad in ["00", "01 61", "02 4100", "0d 41*13", "01 20"] {
        assert!(with_code(bad).is_err(), "{bad}");
    }
}
