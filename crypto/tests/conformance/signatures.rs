//! Ed25519: RFC 8032's vectors, what is signed, and how keys and signatures are written.

use quorate_crypto::{
    ClientSigningKey, KeyError, KeySignature, PublicKey, Signature, SigningKey, Tag, sign_strict,
    sign_untagged, signature_group, verify_strict, verify_untagged,
};

use crate::bytes;

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

#[test]
fn rfc_8032_keys_and_signatures_come_out() {
    for [secret, public, message, signature] in RFC_8032 {
        let key = SigningKey::from_seed(&bytes(secret));
        assert_eq!(key.public(), PublicKey(bytes(public)));
        // The vectors have no tag, so the algorithm beneath is tried, by both libraries in use.
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
    let key = SigningKey::from_seed(&bytes(RFC_8032[0][0]));
    let preimage = b"\x16quorate/transaction/v2content";
    let dalek = ed25519_dalek::SigningKey::from_bytes(&bytes(RFC_8032[0][0]));
    let expected = ed25519_dalek::Signer::sign(&dalek, preimage).to_bytes();
    let strict = sign_strict(&key, Tag::TRANSACTION, b"content");
    assert_eq!(strict.0, expected);
    let client = ClientSigningKey::from_ed25519(key.clone()).sign(Tag::TRANSACTION, b"content");
    let (key, signature) = (key.public(), expected);
    assert_eq!(
        client,
        KeySignature::Ed25519 {
            key: key.0,
            signature
        }
    );

    assert!(client.verify(preimage));
    assert!(verify_strict(&key, Tag::TRANSACTION, b"content", &strict));
    for (tag, content) in [
        (Tag::BATCH, b"content".as_slice()),
        (Tag::TRANSACTION, b"Content".as_slice()),
    ] {
        assert!(!client.verify(&tag.preimage(content)));
        assert!(!verify_strict(&key, tag, content, &strict));
    }
}

#[test]
fn what_other_formats_fix_is_signed_without_a_tag_and_is_never_a_preimage() {
    // Those of the RFC's messages that begin like no tag's length.
    for [seed, public, message, signature] in [RFC_8032[1], RFC_8032[2]] {
        let key = SigningKey::from_seed(&bytes(seed));
        let message = hex::decode(message).unwrap();
        let made = sign_untagged(&key, &message);
        assert_eq!(made.to_string(), signature);
        assert_eq!(key.public().to_string(), public);
        assert!(verify_untagged(&key.public(), &message, &made));
        assert!(!verify_untagged(&key.public(), b"another", &made));
    }
    let key = SigningKey::from_seed(&[1; 32]);
    let preimage = Tag::SEAL.preimage(b"content");
    let seal = sign_strict(&key, Tag::SEAL, b"content");
    assert!(!verify_untagged(&key.public(), &preimage, &seal));
    assert!(!verify_untagged(&key.public(), b"", &seal));
    for message in [preimage.as_slice(), b""] {
        assert!(std::panic::catch_unwind(|| sign_untagged(&key, message)).is_err());
    }
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
fn secrets_are_not_printed() {
    let key = SigningKey::from_seed(&[0xab; 32]);
    assert!(!format!("{key:?}").contains("abab"));
}

#[test]
fn keys_and_signatures_read_what_they_write() {
    let key = SigningKey::from_seed(&[1; 32]);
    let signature = sign_strict(&key, Tag::SEAL, b"");
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
