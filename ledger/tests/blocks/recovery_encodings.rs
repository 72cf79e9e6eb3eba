//! Recovery's types to the byte, put together by hand from the page (sections 15 and 19), and what is
//! signed of them.

use quorate_crypto::{
    Committee, CommitteeSeat, CommitteeV1, Digest, Engine, Epoch, Height, KeySignature, MemberNumber,
    PublicKey, SeatNumber, Signature, Tag, ValidatorIndex,
};
use quorate_ledger::{
    AcceptedValue, Block, BlockV1, CertifiedBlock, Entry, Loss, LossV1, MemberSignatures, Open,
    PrepareSignature, PreparedCertificate, Proposal, RaftEntry, Recovery, RecoveryV1, SignedLoss,
    SignedRecovery, SignedRecoveryV1, SignedStandDown, StandDown, StandDownV1, Term, Timestamp, View, decode,
    encode, evidence_hash,
};

use crate::golden::certified;
use crate::world::{bytes, signing_key};

#[track_caller]
fn check<T>(value: &T, expected: &str)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let expected = bytes(expected);
    assert_eq!(hex::encode(encode(value)), hex::encode(&expected));
    assert_eq!(&decode::<T>(&expected, expected.len()).unwrap(), value);
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

fn proposal() -> Proposal {
    Proposal::new(Timestamp(0x0102), vec![digest(0xd9)])
}

const PROPOSAL: &str = "00 0201000000000000 01 d9*32";

fn open_pbft() -> Open {
    Open::Pbft(vec![PreparedCertificate {
        view: View(5),
        height: Height(6),
        proposal: proposal(),
        pre_prepare: Some(Signature([0xe1; 64])),
        prepares: vec![PrepareSignature {
            validator: ValidatorIndex(0x0102),
            signature: Signature([0xe2; 64]),
        }],
    }])
}

fn open_pbft_bytes() -> String {
    format!("00 01 0500000000000000 0600000000000000 {PROPOSAL} 01 e1*64 01 0201 e2*64")
}

fn stand_down() -> StandDown {
    StandDown::V1(StandDownV1 {
        network: digest(0xa0),
        epoch: Epoch(3),
        validator: ValidatorIndex(2),
        certified: None,
        open: open_pbft(),
    })
}

fn stand_down_bytes() -> String {
    format!("00 a0*32 0300000000000000 0200 00 {}", open_pbft_bytes())
}

fn loss() -> Loss {
    Loss::V1(LossV1 {
        network: digest(0xa0),
        epoch: Epoch(3),
        seat: SeatNumber(7),
        validator: PublicKey([0xb1; 32]),
    })
}

const LOSS: &str = "00 a0*32 0300000000000000 07000000 b1*32";

fn signatures() -> Vec<KeySignature> {
    let signature = [0xe3; 64];
    vec![
        KeySignature::Ed25519 {
            key: [0xb2; 32],
            signature,
        },
        KeySignature::P256 {
            key: [0xb3; 33],
            signature,
        },
    ]
}

const SIGNATURES: &str = "02 00 b2*32 e3*64 01 b3*33 e3*64";

fn recovery() -> Recovery {
    Recovery::V1(RecoveryV1 {
        network: digest(0xa0),
        number: 1,
        old_epoch: Epoch(3),
        new_epoch: Epoch(4),
        base: Height(9),
        block: digest(0xa1),
        committee: Committee::V1(CommitteeV1 {
            epoch: Epoch(4),
            engine: Engine::Paxos,
            protocol: 2,
            seats: vec![CommitteeSeat {
                member: MemberNumber(1),
                seat: SeatNumber(8),
                validator: PublicKey([0xb4; 32]),
                node: PublicKey([0xb5; 32]),
                witness: PublicKey([0xb6; 32]),
            }],
        }),
        evidence: digest(0xa2),
    })
}

const RECOVERY: &str = "00 a0*32 01000000 0300000000000000 0400000000000000 0900000000000000 a1*32
    00 0400000000000000 02 02000000 01 01000000 08000000 b4*32 b5*32 b6*32
    a2*32";

fn signed_recovery() -> SignedRecovery {
    SignedRecovery::V1(SignedRecoveryV1 {
        recovery: recovery(),
        stand_downs: vec![SignedStandDown {
            stand_down: stand_down(),
            signature: Signature([0xe4; 64]),
        }],
        losses: vec![SignedLoss {
            loss: loss(),
            signatures: signatures(),
        }],
        members: vec![MemberSignatures {
            member: MemberNumber(1),
            signatures: signatures(),
        }],
        validators: vec![Signature([0xe5; 64])],
    })
}

fn signed_recovery_bytes() -> String {
    format!(
        "00 {RECOVERY} 01 {} e4*64 01 {LOSS} {SIGNATURES} 01 01000000 {SIGNATURES} 01 e5*64",
        stand_down_bytes()
    )
}

#[test]
fn open_work_of_each_engine() {
    check(&open_pbft(), &open_pbft_bytes());
    let entry = RaftEntry {
        index: Height(6),
        entry: Entry {
            term: Term(5),
            proposal: proposal(),
        },
    };
    check(
        &Open::Raft(vec![entry]),
        &format!("01 01 0600000000000000 0500000000000000 {PROPOSAL}"),
    );
    let mut value = AcceptedValue {
        height: Height(6),
        ballot: Default::default(),
        proposal: proposal(),
    };
    value.ballot.round = 5;
    value.ballot.proposer = ValidatorIndex(0x0102);
    assert_eq!(value.ballot.to_string(), "5.258");
    check(
        &Open::Paxos(vec![value]),
        &format!("02 01 0600000000000000 0500000000000000 0201 {PROPOSAL}"),
    );
}

#[test]
fn stand_downs_and_losses() {
    check(&stand_down(), &stand_down_bytes());
    check(&loss(), LOSS);
    let signed = SignedLoss {
        loss: loss(),
        signatures: signatures(),
    };
    check(&signed, &format!("{LOSS} {SIGNATURES}"));
}

#[test]
fn recoveries() {
    check(&recovery(), RECOVERY);
    check(&signed_recovery(), &signed_recovery_bytes());
}

#[test]
fn a_block_says_at_byte_263_whether_it_has_a_recovery() {
    let CertifiedBlock::V1(mut certified) = certified();
    let Block::V1(block) = &mut certified.block;
    let without = encode(&Block::V1(block.clone()));
    let header = encode(&block.header);
    block.recovery = Some(signed_recovery());
    let BlockV1 {
        proposal, executed, ..
    } = block.clone();
    let mut expected = vec![0];
    expected.extend(&header);
    expected.push(1);
    expected.extend(bytes(&signed_recovery_bytes()));
    expected.extend(encode(&proposal));
    expected.extend(encode(&executed));
    assert_eq!(hex::encode(encode(&certified.block)), hex::encode(&expected));
    let with = encode(&CertifiedBlock::V1(certified));
    assert_eq!((without[262], with[263]), (0, 1));
}

#[test]
fn what_is_signed_and_hashed_is_the_encoding_under_its_tag() {
    let key = signing_key(1);
    let signed = stand_down().sign(&key);
    let preimage = [
        b"\x15quorate/stand-down/v2".as_slice(),
        &bytes(&stand_down_bytes()),
    ]
    .concat();
    assert_eq!(
        Tag::STAND_DOWN.preimage(&signed.stand_down.signed_bytes()),
        preimage
    );
    let document = [b"\x13quorate/recovery/v2".as_slice(), &bytes(RECOVERY)].concat();
    assert_eq!(recovery().hash(), quorate_crypto::sha256(&document));
    assert_eq!(signed_recovery().document_hash(), recovery().hash());
    let SignedRecoveryV1 {
        stand_downs, losses, ..
    } = signed_recovery().v1().clone();
    let evidence = format!("01 {} e4*64 01 {LOSS} {SIGNATURES}", stand_down_bytes());
    let evidence = [b"\x16quorate/stand-downs/v2".as_slice(), &bytes(&evidence)].concat();
    assert_eq!(
        evidence_hash(&stand_downs, &losses),
        quorate_crypto::sha256(&evidence)
    );
}
