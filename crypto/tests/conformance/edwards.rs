//! Ed25519: ZIP-215's cases for clients, the strict check for everybody else.
//!
//! Vectors are made by a program in Python, from the equations alone: K1's secret number `a`, `k` the hash of R, key
//! and preimage, and `s = r + k a`, where R is `r` times the base point, with or without a point of small order.

use quorate_crypto::{
    ClientSigningKey, Key, KeySignature, KnownKeys, PublicKey, Signature, SigningKey, Tag, sign_strict,
    verify_clients, verify_strict,
};

use crate::{K1, K1_SEED, bytes};

/// What the vectors sign, under the tag `transaction`.
const CONTENT: &[u8] = b"quorate";

/// All 14 encodings of points of small order as R, and the s that goes with it: `k a`.
const SMALL_R: [[&str; 2]; 14] = [
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "295671e86c4ba2624bf8d3e77f0225da6616f1baaccc01dd8f7d143887af9a03",
    ],
    [
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "546a44f3efe48ee4f338883d48bbd2173e2a860e368a51a865d34464faf23608",
    ],
    [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "1680c87d8be341cff089f240b0cd9f8920646b7ab0bd2335e8bdd08a7bd01804",
    ],
    [
        "0000000000000000000000000000000000000000000000000000000000000080",
        "fdc1ef9c7be1efcd5c01f48e95e376780328353fc4bba0b0befa52cd1f0f7205",
    ],
    [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "2b040257ae5176a7d418cd368eea5d77eefd34fc78c8ec3825da896302d65508",
    ],
    [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "021f80df00a1bffddbe4601af487b21a6557df3bd4d4f9a0ae8fd11e6892210a",
    ],
    [
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "61859b74ea6074298ac0bdcca8108f39424982b827af22855c4e88c7ff57c20a",
    ],
    [
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ef06ff98580716ce1766a6a91ddbfcd6380d3cf7a82ec51f7d46add1bbcfda01",
    ],
    [
        "0100000000000000000000000000000000000000000000000000000000000080",
        "a96b880498df0b053bb6b8dbc3836fce7c819048f0c680221fa04e038cf1950b",
    ],
    [
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "9726dd227a0235ea749ac1df9f9b38cc779edfdb0858621932fea2641a46fa03",
    ],
    [
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "4019c5517551c6914251c149c225bb3925ece3c7c2c4490432f37d46ed38880e",
    ],
    [
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "76793a2c1e6db526e4bf2188ab8458c4c65be9d5cef3cf8e78016d64d6881f0d",
    ],
    [
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "bb36a50296820f22571dad4a6a48b50dd067fb1a1621b26922ac2784331c5e09",
    ],
    [
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "bf57539273e2a9bd5fb731ae8217ad279241ef9fc32be9358b7734d40ebfc105",
    ],
];

/// R is the sum of a multiple of the base point and a point of order 8.
const MIXED_R: &str = "4c261951fba9f4ba7ece40431f212269f58becc2473c54cecda0e8f1e6f9d253\
    3a5d4fe3e4911c1a203d36882f2e2b46f7521e6f82c575e03608b4ed9eab8205";

/// K1 and a point of order 8, added.
const MIXED_KEY: &str = "3b5b475c4b82dd1572799fc546f4c6c03e478c6654aa4c7f945b347ea32af60d";

/// A signature by it that lacks the part of order 8: `k` is 4 modulo 8.
const BY_MIXED_KEY: &str = "b31b20f50426242514d81b383548bd90de72fd0b8cf2382a88f9f52ce5076b23\
    2e539a9ba8f0b11175bc7ba08b79e4946424bdb714fcd0bcd374da900378e206";

/// Another with a `k` that is a multiple of 8, so that it lacks nothing.
const BY_MIXED_KEY_WHOLE: &str = "8e0315b4196e52c98cb6dd129f0e55c2b9e24acc34fa0c4bfe2d16903cb5d957\
    1067602df1691e6307a15ae02f79f13eeacdd17fb0250ff1fbeb729d3134d505";

fn signature(key: &str, signature: [u8; 64]) -> KeySignature {
    KeySignature::Ed25519 {
        key: bytes(key),
        signature,
    }
}

/// R and s.
fn parts(first: &str, second: &str) -> [u8; 64] {
    bytes(&format!("{first}{second}"))
}

/// The vectors: whether a client's is good, and whether it would be one that is checked strictly.
fn vectors() -> Vec<(KeySignature, bool, bool)> {
    let mut vectors: Vec<_> = SMALL_R
        .iter()
        .map(|[first, second]| (signature(K1, parts(first, second)), true, false))
        .collect();
    vectors.push((signature(K1, bytes(MIXED_R)), true, false));
    vectors.push((signature(MIXED_KEY, bytes(BY_MIXED_KEY)), true, false));
    vectors.push((signature(MIXED_KEY, bytes(BY_MIXED_KEY_WHOLE)), true, true));
    let honest = ClientSigningKey::from_ed25519(SigningKey::from_seed(&bytes(K1_SEED)));
    vectors.push((honest.sign(Tag::TRANSACTION, CONTENT), true, true));
    for place in [0, 31, 32, 63] {
        let KeySignature::Ed25519 { key, mut signature } = honest.sign(Tag::TRANSACTION, CONTENT) else {
            unreachable!()
        };
        signature[place] ^= 1;
        vectors.push((KeySignature::Ed25519 { key, signature }, false, false));
    }
    vectors
}

fn strictly(signature: &KeySignature) -> bool {
    let KeySignature::Ed25519 { key, signature } = *signature else {
        unreachable!()
    };
    verify_strict(&PublicKey(key), Tag::TRANSACTION, CONTENT, &Signature(signature))
}

#[test]
fn clients_are_judged_with_the_cofactor_and_everybody_else_without() {
    let preimage = Tag::TRANSACTION.preimage(CONTENT);
    // What is known is tried without the cofactor first.
    let known = KnownKeys::new(16);
    for (signature, client, strict) in vectors() {
        let verdicts = known.verify_clients(&[(&signature, preimage.as_slice())]);
        assert_eq!(verdicts, [client], "{signature:?}");
        assert_eq!(signature.verify(&preimage), client, "{signature:?}");
        assert_eq!(strictly(&signature), strict, "{signature:?}");
        assert_eq!(
            verify_clients(&[(&signature, preimage.as_slice())]),
            [client],
            "{signature:?}"
        );
    }
}

#[test]
fn all_of_them_together_have_the_same_verdicts() {
    let preimage = Tag::TRANSACTION.preimage(CONTENT);
    let vectors = vectors();
    let items: Vec<_> = vectors
        .iter()
        .map(|(item, ..)| (item, preimage.as_slice()))
        .collect();
    let expected: Vec<_> = vectors.iter().map(|(_, client, _)| *client).collect();
    assert_eq!(verify_clients(&items), expected);
    assert_eq!(KnownKeys::new(16).verify_clients(&items), expected);
    // Without the bad ones the equation holds at once.
    let good: Vec<_> = items
        .iter()
        .zip(&expected)
        .filter(|(_, good)| **good)
        .map(|(item, _)| *item)
        .collect();
    assert_eq!(verify_clients(&good), vec![true; good.len()]);
}

/// With such a key anybody can sign whatever is asked: R of small order and s of 0 satisfy ZIP-215's equation.
#[test]
fn nothing_is_signed_by_a_key_of_small_order() {
    let preimage = Tag::TRANSACTION.preimage(CONTENT);
    let mut items = Vec::new();
    for [key, _] in SMALL_R {
        for [first, _] in SMALL_R {
            items.push(signature(key, parts(first, &"00".repeat(32))));
        }
    }
    for item in &items {
        let KeySignature::Ed25519 { key, signature } = item else {
            unreachable!()
        };
        let zebra = ed25519_zebra::VerificationKey::try_from(*key).unwrap();
        zebra
            .verify(&ed25519_zebra::Signature::from(*signature), &preimage)
            .unwrap();
        assert!(!item.verify(&preimage), "{item:?}");
        assert!(!strictly(item), "{item:?}");
        assert_eq!(
            verify_clients(&[(item, preimage.as_slice())]),
            [false],
            "{item:?}"
        );
    }
    let items: Vec<_> = items.iter().map(|item| (item, preimage.as_slice())).collect();
    assert_eq!(verify_clients(&items), vec![false; 196]);
    let known = KnownKeys::new(16);
    assert_eq!(known.verify_clients(&items), vec![false; 196]);
    // One by one, each would be known from now on if it were good.
    for item in items {
        assert_eq!(known.verify_clients(&[item]), [false]);
    }
}

#[test]
fn s_is_below_the_groups_order() {
    let KeySignature::Ed25519 { key, mut signature } = crate::k1().sign(Tag::TRANSACTION, CONTENT) else {
        unreachable!()
    };
    // s + L, which is s modulo L.
    let order: [u8; 32] = bytes("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry as u8;
        carry >>= 8;
    }
    let item = KeySignature::Ed25519 { key, signature };
    let preimage = Tag::TRANSACTION.preimage(CONTENT);
    assert!(!item.verify(&preimage));
    assert!(!strictly(&item));
    assert_eq!(verify_clients(&[(&item, preimage.as_slice()); 2]), [false, false]);
    assert_eq!(
        KnownKeys::new(1).verify_clients(&[(&item, preimage.as_slice())]),
        [false]
    );
}

#[test]
fn a_strict_signature_is_of_its_key_tag_and_content() {
    let key = SigningKey::from_seed(&[3; 32]);
    let signature = sign_strict(&key, Tag::SEAL, CONTENT);
    assert!(verify_strict(&key.public(), Tag::SEAL, CONTENT, &signature));
    assert!(!verify_strict(&key.public(), Tag::BLOCK, CONTENT, &signature));
    assert!(!verify_strict(&key.public(), Tag::SEAL, b"Quorate", &signature));
    let other = SigningKey::from_seed(&[4; 32]).public();
    assert!(!verify_strict(&other, Tag::SEAL, CONTENT, &signature));
    // It is RFC 8032's over the tagged content.
    let dalek = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
    let expected = ed25519_dalek::Signer::sign(&dalek, b"\x0fquorate/seal/v2quorate");
    assert_eq!(signature.0, expected.to_bytes());
}

#[test]
fn keys_that_are_no_points_sign_nothing_and_no_panic() {
    let preimage = Tag::TRANSACTION.preimage(CONTENT);
    let mut off_the_curve = [0; 32];
    off_the_curve[0] = 2;
    assert!(!Key::Ed25519(off_the_curve).is_good());
    let item = KeySignature::Ed25519 {
        key: off_the_curve,
        signature: [0; 64],
    };
    assert!(!item.verify(&preimage));
    assert!(!strictly(&item));
    assert_eq!(verify_clients(&[(&item, preimage.as_slice()); 2]), [false, false]);
}
