//! Ed25519: RFC 8032's vectors, and batches against single checks.

use proptest::prelude::*;
use quorate_crypto::{
    ClientSignature, Domain, KeyError, KnownKeys, PublicKey, Signature, SigningKey, signature_group,
    verify_client_batch,
};

/// RFC 8032, section 7.1: secret key, public key, message, signature.
const RFC_8032: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
         5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
         18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589\
         09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).unwrap();
    bytes
}

#[test]
fn rfc_8032_keys_and_signatures_come_out() {
    for [secret, public, message, signature] in RFC_8032 {
        let key = SigningKey::from_seed(&bytes(secret));
        assert_eq!(key.public(), PublicKey(bytes(public)));
        // The vectors have no domain tag, so the algorithm beneath is tried, by both libraries in use.
        let message = hex::decode(message).unwrap();
        let expected: [u8; 64] = bytes(signature);
        let dalek = ed25519_dalek::SigningKey::from_bytes(&bytes(secret));
        let made = ed25519_dalek::Signer::sign(&dalek, &message);
        assert_eq!(made.to_bytes(), expected);
        dalek.verifying_key().verify_strict(&message, &made).unwrap();
        let zebra = ed25519_zebra::VerificationKey::try_from(bytes::<32>(public)).unwrap();
        zebra
            .verify(&ed25519_zebra::Signature::from(expected), &message)
            .unwrap();
    }
}

#[test]
fn what_is_signed_is_the_tagged_content() {
    let seed = bytes(RFC_8032[0][0]);
    let signature = SigningKey::from_seed(&seed).sign(Domain::TRANSACTION, b"content");
    let preimage = b"\x16quorate/transaction/v1content";
    let dalek = ed25519_dalek::SigningKey::from_bytes(&seed);
    assert_eq!(
        ed25519_dalek::Signer::sign(&dalek, preimage).to_bytes(),
        signature.0
    );
    let key = dalek.verifying_key().to_bytes();
    let key = PublicKey(key);
    assert_eq!(
        key.verify_client(Domain::TRANSACTION, b"content", &signature),
        Ok(())
    );
    assert_eq!(
        key.verify_validator(Domain::TRANSACTION, b"content", &signature),
        Ok(())
    );
    for (domain, content) in [
        (Domain::BATCH, b"content".as_slice()),
        (Domain::TRANSACTION, b"Content".as_slice()),
    ] {
        assert_eq!(
            key.verify_client(domain, content, &signature),
            Err(KeyError::BadSignature)
        );
        assert_eq!(
            key.verify_validator(domain, content, &signature),
            Err(KeyError::BadSignature)
        );
    }
}

#[test]
fn a_scalar_that_is_not_canonical_is_refused_by_all_checks() {
    let key = SigningKey::from_seed(&[5; 32]);
    let mut signature = key.sign(Domain::TRANSACTION, b"x");
    // s + L, where L is the order of the group.
    let order: [u8; 32] = bytes("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut carry = 0;
    for (byte, add) in signature.0[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    let public = key.public();
    assert_eq!(
        public.verify_client(Domain::TRANSACTION, b"x", &signature),
        Err(KeyError::BadSignature)
    );
    assert_eq!(
        public.verify_validator(Domain::TRANSACTION, b"x", &signature),
        Err(KeyError::BadSignature)
    );
    let item = ClientSignature {
        key: public,
        content: b"x",
        signature,
    };
    assert_eq!(
        verify_client_batch(Domain::TRANSACTION, &[item]),
        [Err(KeyError::BadSignature)]
    );
    assert_eq!(
        KnownKeys::new(1).verify_client_batch(Domain::TRANSACTION, &[item]),
        [Err(KeyError::BadSignature)]
    );
}

#[test]
fn groups_are_shared_between_threads_where_that_pays() {
    let groups = |count: usize, threads| count.div_ceil(signature_group(count, threads));
    assert_eq!([groups(1, 8), groups(511, 8)], [1, 1]);
    assert_eq!([groups(512, 1), groups(512, 2), groups(512, 8)], [1, 2, 2]);
    assert_eq!([groups(2_000, 1), groups(2_000, 2), groups(2_000, 8)], [2, 2, 7]);
    assert_eq!(signature_group(0, 0), 1);
    for count in 1..5_000 {
        assert!((1..=1_024).contains(&signature_group(count, 3)));
    }
}

#[test]
fn a_batch_of_nothing_has_no_verdicts() {
    assert!(verify_client_batch(Domain::TRANSACTION, &[]).is_empty());
}

/// What may be wrong with an item of a batch.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    None,
    OtherContent,
    OtherKey,
    FlippedBit(usize),
    NotAPoint,
}

fn flaw() -> impl Strategy<Value = Flaw> {
    prop_oneof![
        20 => Just(Flaw::None),
        1 => Just(Flaw::OtherContent),
        1 => Just(Flaw::OtherKey),
        1 => (0usize..512).prop_map(Flaw::FlippedBit),
        1 => Just(Flaw::NotAPoint),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_batch_gives_the_verdicts_of_single_checks(
        flaws in prop::collection::vec((flaw(), 0u8..5), 0..300),
        limit in 0_usize..10,
    ) {
        let keys: Vec<_> = (0..5).map(|seed| SigningKey::from_seed(&[seed; 32])).collect();
        let contents: Vec<_> = (0..flaws.len()).map(|n| n.to_le_bytes()).collect();
        let items: Vec<_> = flaws
            .iter()
            .zip(&contents)
            .map(|((flaw, signer), content)| {
                let key = &keys[usize::from(*signer)];
                let mut item = ClientSignature {
                    key: key.public(),
                    content,
                    signature: key.sign(Domain::TRANSACTION, content),
                };
                match flaw {
                    Flaw::None => {}
                    Flaw::OtherContent => item.content = b"other",
                    Flaw::OtherKey => item.key = SigningKey::from_seed(&[9; 32]).public(),
                    Flaw::FlippedBit(bit) => item.signature.0[bit / 8] ^= 1 << (bit % 8),
                    // y = 2 is on no point of the curve.
                    Flaw::NotAPoint => item.key = PublicKey(bytes(&format!("02{}", "00".repeat(31)))),
                }
                item
            })
            .collect();
        let singles: Vec<_> = items
            .iter()
            .map(|item| item.key.verify_client(Domain::TRANSACTION, item.content, &item.signature))
            .collect();
        for (single, (flaw, _)) in singles.iter().zip(&flaws) {
            prop_assert_eq!(single.is_ok(), matches!(flaw, Flaw::None));
        }
        prop_assert_eq!(&verify_client_batch(Domain::TRANSACTION, &items), &singles);
        // In groups of five there are as many keys as signatures, which mostly are known by now.
        let known = KnownKeys::new(limit);
        let verdicts = items.chunks(5).map(|group| known.verify_client_batch(Domain::TRANSACTION, group));
        prop_assert_eq!(verdicts.flatten().collect::<Vec<_>>(), singles);
    }
}

#[test]
fn secrets_are_not_printed() {
    let key = SigningKey::from_seed(&[0xab; 32]);
    assert!(!format!("{key:?}").contains("abab"));
}

#[test]
fn keys_and_signatures_read_what_they_write() {
    let key = SigningKey::from_seed(&[1; 32]);
    let signature = key.sign(Domain::SEAL, b"");
    let public = key.public();
    assert_eq!(public.to_string().parse(), Ok(public));
    assert_eq!("zz".parse::<PublicKey>(), Err(KeyError::NotHex));
    let json = serde_json::to_string(&(public, signature)).unwrap();
    assert_eq!(
        serde_json::from_str::<(PublicKey, Signature)>(&json).unwrap(),
        (public, signature)
    );
    let encoded = bcs::to_bytes(&(public, signature)).unwrap();
    assert_eq!(encoded.len(), 96);
    assert_eq!(
        bcs::from_bytes::<(PublicKey, Signature)>(&encoded).unwrap(),
        (public, signature)
    );
}
