//! Frozen encodings (`docs/formats.md`, sections 1, 2 and 6). A change here is a change of the format.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use quorate_crypto::merkle::{Frontier, InclusionProof};
use quorate_crypto::{
    Certificate, CertificateError, CertificateV1, Committee, Digest, Domain, Epoch, Height, Protocol,
    PublicKey, Seal, SealContent, Signature, SigningKey, ValidatorIndex,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[track_caller]
fn assert_golden<T>(value: &T, expected: &str)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let bytes = bcs::to_bytes(value).unwrap();
    assert_eq!(hex::encode(&bytes), expected.replace([' ', '\n'], ""));
    assert_eq!(&bcs::from_bytes::<T>(&bytes).unwrap(), value);
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(
        bcs::from_bytes::<T>(&longer).is_err(),
        "trailing bytes are refused"
    );
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

fn committee(engine: Protocol) -> Committee {
    let keys = (1..=4).map(|number| key(number).public()).collect();
    Committee::new(Epoch(7), engine, 3, keys)
}

fn certificate(seals: &[u16]) -> Certificate {
    let content = SealContent::new(Digest([0x11; 32]), Epoch(7), Height(9), Digest([0x22; 32]));
    let seal = |index: &u16| Seal {
        validator: ValidatorIndex(*index),
        signature: content.sign(&key(u8::try_from(*index).unwrap() + 1)),
    };
    Certificate::V1(CertificateV1 {
        epoch: Epoch(7),
        height: Height(9),
        block: Digest([0x22; 32]),
        seals: seals.iter().map(seal).collect(),
    })
}

const KEYS: &str = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c
    8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394
    ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1
    ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c";

#[test]
fn committee_is_frozen() {
    for (engine, number) in [
        (Protocol::Pbft, "00"),
        (Protocol::Raft, "01"),
        (Protocol::Paxos, "02"),
    ] {
        assert_golden(
            &committee(engine),
            &format!("00 0700000000000000 {number} 03000000 04 {KEYS}"),
        );
    }
}

#[test]
fn seal_content_is_frozen() {
    let content = SealContent::new(Digest([0x11; 32]), Epoch(7), Height(9), Digest([0x22; 32]));
    let expected = format!(
        "00 {} 0700000000000000 0900000000000000 {}",
        "11".repeat(32),
        "22".repeat(32)
    );
    assert_golden(&content, &expected);
}

#[test]
fn certificate_is_frozen() {
    let certificate = certificate(&[0, 1, 3]);
    let signatures: Vec<_> = certificate
        .seals()
        .iter()
        .map(|seal| seal.signature.to_string())
        .collect();
    let expected = format!(
        "00 0700000000000000 0900000000000000 {} 03 0000 {} 0100 {} 0300 {}",
        "22".repeat(32),
        signatures[0],
        signatures[1],
        signatures[2]
    );
    assert_golden(&certificate, &expected);
    // Ed25519 is deterministic: `openssl pkeyutl -sign -rawin` over the preimage gives the same.
    assert_eq!(
        signatures[0],
        "619f5217bb773b37a27c5906809f048cb8ce9f46d6b15feb7c97ee8685603ca0\
         55163d3db5a5094b15dee0f9bbb2dba0959a251291cf4353ce01d44e901f0903"
    );
}

#[test]
fn the_committee_digest_is_frozen() {
    assert_eq!(
        committee(Protocol::Pbft).digest().to_string(),
        "d8ac57af78981904c96ae474f841f34613f96a709d798acf0f2a9470b2469e58"
    );
}

#[test]
fn merkle_types_are_frozen() {
    let mut frontier = Frontier::new();
    for leaf in 0..3u8 {
        frontier.push(&[leaf]);
    }
    let pair = "a20bf9a7cc2dc8a08f5f415a71b19f6ac427bab54d24eec868b5d3103449953a";
    let third = "fcf0a6c700dd13e274b6fba8deea8dd9b26e4eedde3495717cac8408c9c5177f";
    assert_golden(&frontier, &format!("0300000000000000 02 {pair} {third}"));
    let proof = InclusionProof {
        index: 1,
        length: 2,
        path: vec![Digest([5; 32])],
    };
    let expected = format!("0100000000000000 0200000000000000 01 {}", "05".repeat(32));
    assert_golden(&proof, &expected);
}

#[test]
fn domain_tags_are_frozen() {
    let tags = [
        (Domain::GENESIS, "quorate/genesis/v1"),
        (Domain::DRAFT, "quorate/draft/v1"),
        (Domain::JOIN, "quorate/join/v1"),
        (Domain::TRANSACTION, "quorate/transaction/v1"),
        (Domain::BATCH, "quorate/batch/v1"),
        (Domain::BATCH_AUTHOR, "quorate/batch-author/v1"),
        (Domain::PROPOSAL, "quorate/proposal/v1"),
        (Domain::BLOCK, "quorate/block/v1"),
        (Domain::SEAL, "quorate/seal/v1"),
        (Domain::COMMITTEE, "quorate/committee/v1"),
        (Domain::HISTORY, "quorate/history/v1"),
        (Domain::ASSET, "quorate/asset/v1"),
        (Domain::PARAMETERS, "quorate/parameters/v1"),
        (Domain::PBFT_PRE_PREPARE, "quorate/pbft/pre-prepare/v1"),
        (Domain::PBFT_PREPARE, "quorate/pbft/prepare/v1"),
        (Domain::PBFT_COMMIT, "quorate/pbft/commit/v1"),
        (Domain::PBFT_COMPLAINT, "quorate/pbft/complaint/v1"),
        (Domain::PBFT_VIEW_CHANGE, "quorate/pbft/view-change/v1"),
        (Domain::PBFT_NEW_VIEW, "quorate/pbft/new-view/v1"),
        (Domain::STATUS, "quorate/status/v1"),
        (Domain::INQUIRY, "quorate/inquiry/v1"),
        (Domain::TESTIMONY, "quorate/testimony/v1"),
    ];
    for (domain, tag) in tags {
        assert_eq!(domain.tag(), tag);
        let preimage = domain.preimage(b"content");
        assert_eq!(
            preimage,
            [&[tag.len() as u8], tag.as_bytes(), b"content"].concat()
        );
        assert_eq!(domain.hash(b"content"), quorate_crypto::sha256(&preimage));
    }
}

#[test]
fn a_certificate_needs_a_quorum_of_this_committee_on_this_block() {
    let committee = committee(Protocol::Pbft);
    let network = Digest([0x11; 32]);
    assert_eq!(certificate(&[0, 1, 3]).verify(network, &committee), Ok(()));
    assert_eq!(certificate(&[0, 1, 2, 3]).verify(network, &committee), Ok(()));
    assert_eq!(
        certificate(&[0, 1]).verify(network, &committee),
        Err(CertificateError::NoQuorum { got: 2, quorum: 3 })
    );
    for disordered in [[1, 0, 2], [0, 1, 1]] {
        assert_eq!(
            certificate(&disordered).verify(network, &committee),
            Err(CertificateError::Unordered)
        );
    }
    let validator = ValidatorIndex(4);
    assert_eq!(
        certificate(&[0, 1, 4]).verify(network, &committee),
        Err(CertificateError::UnknownValidator { validator })
    );
    assert!(matches!(
        certificate(&[0, 1, 2]).verify(Digest([0x12; 32]), &committee),
        Err(CertificateError::BadSeal { .. })
    ));
    let mut other_block = certificate(&[0, 1, 2]);
    let Certificate::V1(content) = &mut other_block;
    content.block = Digest([0x23; 32]);
    assert!(matches!(
        other_block.verify(network, &committee),
        Err(CertificateError::BadSeal { .. })
    ));
    let later = Committee::new(Epoch(8), Protocol::Pbft, 3, vec![key(1).public()]);
    assert_eq!(
        certificate(&[0]).verify(network, &later),
        Err(CertificateError::WrongEpoch {
            got: Epoch(7),
            expected: Epoch(8)
        })
    );
}

/// Lists from outside are refused by their announced length, before they are allocated.
#[test]
fn lists_beyond_their_bound_are_refused() {
    let most = Committee::new(Epoch(0), Protocol::Pbft, 1, vec![PublicKey([1; 32]); 128]);
    let bytes = bcs::to_bytes(&most).unwrap();
    assert_eq!(bcs::from_bytes::<Committee>(&bytes).unwrap(), most);
    let more = Committee::new(Epoch(0), Protocol::Pbft, 1, vec![PublicKey([1; 32]); 129]);
    assert!(bcs::from_bytes::<Committee>(&bcs::to_bytes(&more).unwrap()).is_err());
    // 2^31 - 1 announced, none there.
    let announced = hex::decode("00 0700000000000000 00 03000000 ffffffff07".replace(' ', "")).unwrap();
    let error = bcs::from_bytes::<Committee>(&announced).unwrap_err().to_string();
    assert!(error.contains("2147483647"), "{error}");

    let seal = Seal {
        validator: ValidatorIndex(0),
        signature: Signature([0; 64]),
    };
    let certificate = Certificate::V1(CertificateV1 {
        epoch: Epoch(0),
        height: Height(1),
        block: Digest::ZERO,
        seals: vec![seal; 129],
    });
    assert!(bcs::from_bytes::<Certificate>(&bcs::to_bytes(&certificate).unwrap()).is_err());
    let json = serde_json::to_string(&certificate).unwrap();
    assert!(serde_json::from_str::<Certificate>(&json).is_err());
    let proof = InclusionProof {
        index: 0,
        length: 1,
        path: vec![Digest::ZERO; 65],
    };
    assert!(bcs::from_bytes::<InclusionProof>(&bcs::to_bytes(&proof).unwrap()).is_err());
}
