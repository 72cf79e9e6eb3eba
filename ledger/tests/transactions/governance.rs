//! What governance names: rights in their scopes, changes, attestations and the keys of seats.

use quorate_crypto::{Engine, Height, MemberNumber, SeatNumber, SigningKey, sha256};
use quorate_ledger::{
    Attestation, AttestationV1, Change, Limit, Parameters, Right, Rules, Scope, SeatKeys, encode,
};

use crate::operations::{public, signature};
use crate::parameters::{PARAMETERS, RULES};
use crate::world::{address, bytes, check, code, digest, network};

/// Section 15: each right's name, and whether its scope can be the network, a member, an asset.
const RIGHTS: [(&str, [bool; 3]); 10] = [
    ("administrator", [false, true, false]),
    ("operator", [false, true, false]),
    ("auditor", [true, true, false]),
    ("participant", [true, false, false]),
    ("issuer", [true, true, false]),
    ("mint", [false, false, true]),
    ("freeze", [true, false, true]),
    ("put-record", [true, false, false]),
    ("hold-asset", [false, false, true]),
    ("erase", [true, false, false]),
];

#[test]
fn rights_have_numbers_names_and_legal_scopes() {
    let scopes = [
        Scope::Network,
        Scope::Member(MemberNumber(0)),
        Scope::Asset(code("EUR")),
    ];
    for (number, (name, legal)) in RIGHTS.into_iter().enumerate() {
        let right = Right::ALL[number];
        assert_eq!(usize::from(right.number()), number);
        check(&right, &format!("{number:02x}"));
        assert_eq!(right.name(), name);
        assert_eq!(name.parse(), Ok(right));
        assert_eq!(scopes.map(|scope| scope.legal_for(right)), legal, "{name}");
        for (scope, legal) in scopes.into_iter().zip(legal) {
            assert_eq!(scope.check_legal_for(right).is_ok(), legal);
        }
    }
    assert!("Mint".parse::<Right>().is_err());
    assert!("administrate".parse::<Right>().is_err());
}

#[test]
fn scopes_have_numbers() {
    let scopes = [
        (Scope::Network, "00"),
        (Scope::Member(MemberNumber(0x0102)), "01 02010000"),
        (Scope::Asset(code("EUR")), "02 03 455552"),
    ];
    for (number, (scope, expected)) in scopes.into_iter().enumerate() {
        check(&scope, expected);
        assert_eq!(usize::from(scope.number()), number);
    }
    let message = Scope::Network
        .check_legal_for(Right::Mint)
        .unwrap_err()
        .to_string();
    assert_eq!(message, "the right mint cannot have the scope network");
}

/// Changes and their encodings, all variants among them.
pub(crate) fn changes() -> Vec<(Change, String)> {
    let member = MemberNumber(1);
    let account = address(0xA1);
    let mut changes = vec![
        (
            Change::AdmitMember {
                name: "beta".to_owned(),
                account,
            },
            "00 04 62657461 a1*20",
        ),
        (Change::ExpelMember(member), "01 01000000"),
        (Change::ReinstateMember(member), "02 01000000"),
        (Change::MemberLeaves(member), "03 01000000"),
        (
            Change::AddSeat {
                member,
                validator: public(0xB1),
                node: public(0xB2),
                witness: public(0xB3),
                addresses: vec!["/dns/a/tcp/9".to_owned()],
                proofs: [0xC1, 0xC2, 0xC3].map(signature).to_vec(),
            },
            "04 01000000 b1*32 b2*32 b3*32 01 0c 2f646e732f612f7463702f39 03 c1*64 c2*64 c3*64",
        ),
        (Change::RemoveSeat(SeatNumber(2)), "05 02000000"),
        (Change::Engine(Engine::Raft), "08 01"),
        (Change::Protocol(2), "09 02000000"),
        (
            Change::Grant {
                account,
                right: Right::CreateAsset,
                scope: Scope::Network,
            },
            "0a a1*20 04 00",
        ),
        (
            Change::Revoke {
                account,
                right: Right::Mint,
                scope: Scope::Asset(code("EUR")),
            },
            "0b a1*20 05 02 03 455552",
        ),
    ];
    changes.extend(changes_of_quotas_and_freezes());
    let mut changes: Vec<(Change, String)> = changes
        .into_iter()
        .map(|(change, expected)| (change, expected.to_owned()))
        .collect();
    changes.push((
        Change::Parameters(Parameters::default()),
        format!("06 {PARAMETERS}"),
    ));
    changes.push((Change::Rules(Rules::default()), format!("07 {RULES}")));
    changes
}

fn changes_of_quotas_and_freezes() -> Vec<(Change, &'static str)> {
    let account = address(0xA1);
    let (bytes, leaves) = (5, 6);
    vec![
        (
            Change::Quota {
                member: None,
                limit: None,
            },
            "0c 00 00",
        ),
        (
            Change::Quota {
                member: Some(MemberNumber(3)),
                limit: Some(Limit { bytes, leaves }),
            },
            "0c 01 03000000 01 0500000000000000 06000000",
        ),
        (Change::Freeze { account, asset: None }, "0d a1*20 00"),
        (
            Change::Unfreeze {
                account,
                asset: Some(code("EUR")),
            },
            "0e a1*20 01 03 455552",
        ),
    ]
}

#[test]
fn changes_have_the_bytes_of_the_page() {
    let changes = changes();
    let mut numbers: Vec<u8> = changes.iter().map(|(_, expected)| bytes(expected)[0]).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(
        numbers,
        (0..15).collect::<Vec<u8>>(),
        "all changes are in the list"
    );
    for (change, expected) in changes {
        check(&change, &expected);
        assert_eq!(change.check_form(), Ok(()));
    }
}

#[test]
fn a_change_is_known_by_its_hash_under_its_tag() {
    for (change, expected) in changes() {
        let preimage = [b"\x11quorate/change/v2".to_vec(), bytes(&expected)].concat();
        assert_eq!(change.digest(), sha256(&preimage));
    }
}

fn attestation(validator: &SigningKey) -> AttestationV1 {
    AttestationV1 {
        network: network(),
        proposal: 2,
        validator: validator.public(),
        height: Height(3),
        block: digest(0xE1),
        lowest: 1,
        highest: 2,
    }
}

#[test]
fn attestations_are_signed_by_the_validator_they_name() {
    let [validator, other] = [1, 2].map(|seed| SigningKey::from_seed(&[seed; 32]));
    let content = Attestation::V1(attestation(&validator));
    let signature = content.sign(&validator);
    assert!(content.is_signed_by_its_validator(&signature));
    assert!(!content.is_signed_by_its_validator(&content.sign(&other)));
    let mut changed = attestation(&validator);
    changed.highest = 3;
    assert!(!Attestation::V1(changed).is_signed_by_its_validator(&signature));
    // Under its own tag alone.
    let preimage = [b"\x16quorate/attestation/v2".to_vec(), encode(&content)].concat();
    let tag = &preimage[1..23];
    assert_eq!(tag, quorate_crypto::Tag::ATTESTATION.as_str().as_bytes());
    let elsewhere =
        quorate_crypto::sign_strict(&validator, quorate_crypto::Tag::SEAT_KEYS, &encode(&content));
    assert!(!content.is_signed_by_its_validator(&elsewhere));
}

#[test]
fn keys_of_seats_prove_themselves_for_one_seat() {
    let [validator, node, witness] = [1, 2, 3].map(|seed| SigningKey::from_seed(&[seed; 32]));
    let keys = SeatKeys {
        network: network(),
        member: MemberNumber(1),
        validator: validator.public(),
        node: node.public(),
        witness: witness.public(),
    };
    for key in [&validator, &node, &witness] {
        let proof = keys.prove(key);
        assert!(keys.is_proven_by(&key.public(), &proof));
        let elsewhere = SeatKeys {
            member: MemberNumber(2),
            ..keys
        };
        assert!(!elsewhere.is_proven_by(&key.public(), &proof));
        let moved = SeatKeys {
            node: witness.public(),
            ..keys
        };
        assert!(!moved.is_proven_by(&key.public(), &proof));
    }
    assert!(!keys.is_proven_by(&node.public(), &keys.prove(&witness)));
    let encoded = SeatKeys {
        network: digest(0x11),
        member: MemberNumber(1),
        validator: public(0xB1),
        node: public(0xB2),
        witness: public(0xB3),
    };
    check(&encoded, "11*32 01000000 b1*32 b2*32 b3*32");
}
