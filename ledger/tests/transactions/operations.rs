//! Every operation's encoding, put together by hand from the table of section 3, and what is said of each there.

use std::collections::BTreeMap;

use quorate_crypto::{Engine, Height, Key, MemberNumber, PublicKey, SeatNumber, Signature};
use quorate_ledger::{
    Act, Address, Amount, Attestation, AttestationV1, Ballot, Change, Condition, ConditionLeaf, HoldRef,
    Keep, Operation, Place, Right, Scope, Signer, Signers, Timestamp, decode, encode,
};

use crate::world::{address, bytes, check, code, digest, intent};

pub(crate) fn public(byte: u8) -> PublicKey {
    PublicKey([byte; 32])
}

pub(crate) fn signature(byte: u8) -> Signature {
    Signature([byte; 64])
}

fn p256_key(byte: u8) -> Key {
    let mut key = [byte; 33];
    key[0] = 2;
    Key::P256(key)
}

fn hold_ref(operation: u8) -> HoldRef {
    HoldRef {
        owner: address(0xA6),
        transaction: digest(0xD5),
        operation,
    }
}

/// Operations and their encodings, all variants among them.
pub(crate) fn all() -> Vec<(Operation, &'static str)> {
    let mut all = first_protocol();
    all.extend(settlement());
    all.extend(rights());
    all.extend(ballots());
    all.extend(seats_and_signers());
    all
}

fn first_protocol() -> Vec<(Operation, &'static str)> {
    let record = |keep| Operation::PutRecord {
        sha256: digest(0xD1),
        keep,
    };
    vec![
        (
            Operation::CreateAsset {
                code: code("QRT"),
                decimals: 2,
                flags: 3,
            },
            "00 03 515254 02 03",
        ),
        (
            Operation::Mint {
                to: address(0xA1),
                asset: code("A"),
                amount: Amount(0x0102),
            },
            "01 a1*20 01 41 0201 00*14",
        ),
        (
            Operation::Burn {
                asset: code("ABCDEFGHIJ12"),
                amount: Amount(u128::MAX),
            },
            "02 0c 4142434445464748494a3132 ff*16",
        ),
        (
            Operation::Transfer {
                to: address(0xA2),
                asset: code("QRT"),
                amount: Amount(1),
            },
            "03 a2*20 03 515254 01 00*15",
        ),
        (record(Keep::Log), "04 d1*32 00"),
        (record(Keep::Own), "04 d1*32 01"),
        (record(Keep::Unique), "04 d1*32 02"),
        (
            Operation::SetSigners {
                signers: Signers {
                    threshold: 3,
                    signers: vec![
                        Signer {
                            key: Key::Ed25519([0xB1; 32]),
                            weight: 65_535,
                        },
                        Signer {
                            key: p256_key(0xB2),
                            weight: 1,
                        },
                    ],
                },
            },
            "05 03000000 02 00 b1*32 ffff 01 02 b2*32 0100",
        ),
        (
            Operation::Rejoin {
                validator: public(0xB3),
                token: digest(0xD2),
            },
            "06 b3*32 d2*32",
        ),
    ]
}

fn settlement() -> Vec<(Operation, &'static str)> {
    vec![
        (
            Operation::Hold {
                beneficiary: address(0xA3),
                asset: code("QRT"),
                amount: Amount(7),
                until: Timestamp(0x0102_0304_0506_0708),
                condition: Condition {
                    need: 2,
                    leaves: vec![
                        ConditionLeaf::Signs(address(0xA4)),
                        ConditionLeaf::From(Timestamp(0x0100)),
                        ConditionLeaf::Preimage(digest(0xD3)),
                        ConditionLeaf::Record {
                            sha256: digest(0xD4),
                            by: address(0xA5),
                        },
                    ],
                },
            },
            "07 a3*20 03 515254 07 00*15 0807060504030201
             02 04 00 a4*20 01 0001 00*6 02 d3*32 03 d4*32 a5*20",
        ),
        (
            Operation::Release {
                hold: hold_ref(255),
                amount: Some(Amount(5)),
                preimages: vec![[0xC1; 32], [0xC2; 32]],
            },
            "08 a6*20 d5*32 ff 01 05 00*15 02 c1*32 c2*32",
        ),
        (
            Operation::Release {
                hold: hold_ref(0),
                amount: None,
                preimages: Vec::new(),
            },
            "08 a6*20 d5*32 00 00 00",
        ),
        (Operation::Refund { hold: hold_ref(1) }, "09 a6*20 d5*32 01"),
        (
            Operation::Erase {
                intent: vec![7; 130],
                places: vec![
                    Place::Memo,
                    Place::Operation { index: 0, field: 0 },
                    Place::Operation { index: 255, field: 1 },
                ],
            },
            "0a 8201 07*130 03 00 01 0000 01 ff01",
        ),
    ]
}

fn rights() -> Vec<(Operation, &'static str)> {
    let account = address(0xA7);
    vec![
        (
            Operation::Grant {
                account,
                right: Right::CreateAsset,
                scope: Scope::Network,
            },
            "0b a7*20 04 00",
        ),
        (
            Operation::Grant {
                account,
                right: Right::HoldAsset,
                scope: Scope::Asset(code("QRT")),
            },
            "0b a7*20 08 02 03 515254",
        ),
        (
            Operation::Revoke {
                account,
                right: Right::Administrate,
                scope: Scope::Member(MemberNumber(0x0102_0304)),
            },
            "0c a7*20 00 01 04030201",
        ),
        (
            Operation::Freeze {
                account,
                asset: Some(code("QRT")),
            },
            "0d a7*20 01 03 515254",
        ),
        (Operation::Unfreeze { account, asset: None }, "0e a7*20 00"),
        (
            Operation::Assign {
                account,
                member: Some(MemberNumber(1)),
            },
            "0f a7*20 01 01000000",
        ),
        (
            Operation::Assign {
                account,
                member: None,
            },
            "0f a7*20 00",
        ),
    ]
}

fn ballots() -> Vec<(Operation, &'static str)> {
    let vote = |ballot| Operation::Vote {
        proposal: 0x0102,
        ballot,
    };
    vec![
        (
            Operation::Propose {
                change: Change::Protocol(2),
                expires_at: Timestamp(9),
            },
            "10 09 02000000 09 00*7",
        ),
        (
            Operation::Propose {
                change: Change::Engine(Engine::Paxos),
                expires_at: Timestamp(9),
            },
            "10 08 02 09 00*7",
        ),
        (vote(Ballot::Yes), "11 0201 00*6 00"),
        (vote(Ballot::No), "11 0201 00*6 01"),
        (vote(Ballot::Withdrawn), "11 0201 00*6 02"),
        (Operation::Withdraw { proposal: 1 }, "12 01 00*7"),
        (
            Operation::Attest {
                attestation: Attestation::V1(AttestationV1 {
                    network: digest(0x11),
                    proposal: 2,
                    validator: public(0xB4),
                    height: Height(3),
                    block: digest(0xE1),
                    lowest: 1,
                    highest: 2,
                }),
                signature: signature(0xC3),
            },
            "13 00 11*32 02 00*7 b4*32 03 00*7 e1*32 01000000 02000000 c3*64",
        ),
    ]
}

fn seats_and_signers() -> Vec<(Operation, &'static str)> {
    let seat = SeatNumber(4);
    let account = address(0xA8);
    let member = MemberNumber(5);
    vec![
        (
            Operation::SetSeat {
                seat,
                validator: Some(public(0xB5)),
                node: None,
                witness: Some(public(0xB6)),
                addresses: Some(vec!["/ip4/192.0.2.1/tcp/1".to_owned()]),
                proofs: vec![signature(0xC4), signature(0xC5)],
            },
            "14 04000000 01 b5*32 00 01 b6*32
             01 01 14 2f6970342f3139322e302e322e312f7463702f31 02 c4*64 c5*64",
        ),
        (
            Operation::SetSeat {
                seat,
                validator: None,
                node: Some(public(0xB7)),
                witness: None,
                addresses: None,
                proofs: vec![signature(0xC6)],
            },
            "14 04000000 00 01 b7*32 00 00 01 c6*64",
        ),
        (
            Operation::SetSeat {
                seat,
                validator: None,
                node: None,
                witness: None,
                addresses: Some(Vec::new()),
                proofs: Vec::new(),
            },
            "14 04000000 00 00 00 01 00 00",
        ),
        (
            Operation::SetGuardians {
                guardians: vec![address(0xAA), address(0xAB)],
                threshold: 2,
                delay_ms: 0x0102,
            },
            "15 02 aa*20 ab*20 02 0201 00*6",
        ),
        (
            Operation::SetGuardians {
                guardians: Vec::new(),
                threshold: 0,
                delay_ms: 0,
            },
            "15 00 00 00*8",
        ),
        (
            Operation::RequestSigners {
                account,
                signers: Signers::sole(Key::Ed25519([0xB8; 32])),
            },
            "16 a8*20 01000000 01 00 b8*32 0100",
        ),
        (
            Operation::DecideRequest {
                account,
                accept: true,
            },
            "17 a8*20 01",
        ),
        (
            Operation::DecideRequest {
                account,
                accept: false,
            },
            "17 a8*20 00",
        ),
        (Operation::ReportDormant { member }, "18 05000000"),
        (Operation::Answer { member }, "19 05000000"),
        (
            Operation::DivideQuota {
                account,
                bytes: 0x0102,
                leaves: 3,
            },
            "1a a8*20 0201 00*6 03000000",
        ),
    ]
}

/// The table of section 3: name and protocol, in the order of the numbers.
const TABLE: [(&str, u32); 27] = [
    ("create asset", 1),
    ("mint", 1),
    ("burn", 1),
    ("transfer", 1),
    ("put record", 1),
    ("set signers", 1),
    ("rejoin", 1),
    ("hold", 1),
    ("release", 1),
    ("refund", 1),
    ("erase", 1),
    ("grant", 2),
    ("revoke", 2),
    ("freeze", 2),
    ("unfreeze", 2),
    ("assign", 2),
    ("propose", 2),
    ("vote", 2),
    ("withdraw", 2),
    ("attest", 2),
    ("set seat", 2),
    ("set guardians", 2),
    ("request signers", 2),
    ("decide request", 2),
    ("report dormant", 2),
    ("answer", 2),
    ("divide quota", 2),
];

#[test]
fn operations_have_the_bytes_of_the_page() {
    for (operation, expected) in all() {
        check(&operation, expected);
    }
}

#[test]
fn names_and_protocols_are_those_of_the_table() {
    let mut seen = BTreeMap::new();
    for (operation, expected) in all() {
        let number = bytes(expected)[0];
        let (name, protocol) = TABLE[usize::from(number)];
        assert_eq!(operation.name(), name);
        // Flags wait for the second protocol.
        let protocol = if number == 0 { 2 } else { protocol };
        assert_eq!(operation.protocol(), protocol, "{name}");
        *seen.entry(number).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), TABLE.len(), "all operations are in the list");
    let plain = Operation::CreateAsset {
        code: code("QRT"),
        decimals: 2,
        flags: 0,
    };
    assert_eq!(plain.protocol(), 1);
}

#[test]
fn unknown_operations_and_variants_in_them_are_refused() {
    let refused = |text: &str| decode::<Operation>(&bytes(text), 1_000).is_err();
    assert!(refused("1b"), "no operation has the number 27");
    assert!(refused("80 00"), "a number in two bytes");
    assert!(refused("04 d1*32 03"), "a fourth way to keep a record");
    assert!(refused("11 00*8 03"), "a fourth ballot");
    assert!(refused("0b a7*20 0a 00"), "an eleventh right");
    assert!(refused("0b a7*20 04 03"), "a fourth scope");
    assert!(refused("10 0f 00*8"), "a sixteenth change");
    assert!(refused("17 a8*20 02"), "a bool of 2");
    assert!(refused("0e a7*20 02"), "an option of 2");
    for bad in ["00", "01 61", "02 4100", "0d 41*13", "01 20", "02 c384"] {
        assert!(refused(&format!("02 {bad} 01 00*15")), "the code {bad}");
    }
}

#[test]
fn who_receives_and_who_is_named_follows_from_the_fields() {
    let hold_owner = Some(address(0xA6));
    for (operation, _) in all() {
        let (receiver, named): (Option<Address>, Option<Address>) = match operation.name() {
            "mint" => (Some(address(0xA1)), Some(address(0xA1))),
            "transfer" => (Some(address(0xA2)), Some(address(0xA2))),
            "hold" => (Some(address(0xA3)), Some(address(0xA3))),
            "release" | "refund" => (None, hold_owner),
            "grant" | "revoke" | "freeze" | "unfreeze" | "assign" => (None, Some(address(0xA7))),
            "request signers" | "decide request" | "divide quota" => (None, Some(address(0xA8))),
            // Nothing deeper counts: no condition, change or erased intent.
            _ => (None, None),
        };
        assert_eq!(operation.receiver(), receiver, "{}", operation.name());
        assert_eq!(operation.named(), named, "{}", operation.name());
    }
}

#[test]
fn an_intent_names_its_parties_and_whom_its_operations_name() {
    let operations = all().into_iter().map(|(operation, _)| operation).collect();
    let mut intent = intent(operations);
    intent.parties.push(address(0xEE));
    for named in [0xA0, 0xEE, 0xA1, 0xA2, 0xA3, 0xA6, 0xA7, 0xA8] {
        assert!(intent.names(&address(named)), "{named:x}");
    }
    // In a condition, and a guardian.
    for deeper in [0xA4, 0xA5, 0xAA] {
        assert!(!intent.names(&address(deeper)), "{deeper:x}");
    }
}

#[test]
fn every_operation_that_adds_a_result_has_at_least_55_bytes() {
    for (operation, _) in all() {
        if matches!(operation.name(), "release" | "refund") {
            let act = Act { party: 0, operation };
            assert!(encode(&act).len() >= 55);
        }
    }
}
