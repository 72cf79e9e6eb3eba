//! P-256: RFC 6979's signatures, the page's vectors, and what is refused.

use p256::ecdsa::signature::Signer as _;
use quorate_crypto::{ClientSigningKey, Key, KeySignature, KnownKeys, Tag, verify_clients};

use crate::{P, P_SCALAR, P256_ORDER, all_bytes, bytes, p};

/// What most vectors sign, under the tag `transaction`.
const CONTENT: &[u8] = b"quorate";

/// The verdict over `preimage`, which all ways to it agree on.
#[track_caller]
fn verdict(signature: &KeySignature, preimage: &[u8]) -> bool {
    let alone = signature.verify(preimage);
    let item = (signature, preimage);
    assert_eq!(verify_clients(&[item, item]), [alone; 2]);
    // The second time the key is known if the signature is good.
    let known = KnownKeys::new(16);
    assert_eq!(known.verify_clients(&[item]), [alone]);
    assert_eq!(known.verify_clients(&[item]), [alone]);
    alone
}

fn signature(key: &str, r: [u8; 32], s: [u8; 32]) -> KeySignature {
    KeySignature::P256 {
        key: bytes(key),
        signature: bytes(&format!("{}{}", hex::encode(r), hex::encode(s))),
    }
}

/// A number below 2^16 in 32 bytes.
fn number(value: u16) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[30..].copy_from_slice(&value.to_be_bytes());
    bytes
}

/// The group's order and a small number.
fn order_and(more: i8) -> [u8; 32] {
    let mut order: [u8; 32] = bytes(P256_ORDER);
    order[31] = order[31].checked_add_signed(more).unwrap();
    order
}

/// r and s of P's signature over `CONTENT`.
fn good() -> ([u8; 32], [u8; 32]) {
    let KeySignature::P256 { signature, .. } = p().sign(Tag::TRANSACTION, CONTENT) else {
        unreachable!()
    };
    (
        signature[..32].try_into().unwrap(),
        signature[32..].try_into().unwrap(),
    )
}

/// The group's order less `s`.
fn negated(s: [u8; 32]) -> [u8; 32] {
    let mut result: [u8; 32] = bytes(P256_ORDER);
    let mut borrow = 0;
    for (byte, take) in result.iter_mut().zip(s).rev() {
        let difference = i16::from(*byte) - i16::from(take) - borrow;
        borrow = i16::from(difference < 0);
        *byte = difference.rem_euclid(256) as u8;
    }
    result
}

/// RFC 6979, A.2.5, with SHA-256. The messages have no tag, so the library beneath is tried. It leaves s as it is.
#[test]
fn rfc_6979_signatures_come_out() {
    let key = p256::ecdsa::SigningKey::from_slice(&bytes::<32>(P_SCALAR)).unwrap();
    for (message, expected) in [
        (
            "sample",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
             f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            "test",
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367\
             019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
        ),
    ] {
        let signature: p256::ecdsa::Signature = key.sign(message.as_bytes());
        assert_eq!(
            signature.to_bytes().as_slice(),
            bytes::<64>(expected),
            "{message}"
        );
    }
}

/// Transaction 2 of the page: a nonce of RFC 6979, s made low.
#[test]
fn the_pages_signature_comes_out() {
    let intent = all_bytes(crate::golden::INTENT_2);
    let expected = KeySignature::P256 {
        key: bytes(P),
        signature: bytes(crate::golden::SIGNATURE_2_OF_P),
    };
    assert_eq!(p().key(), Key::P256(bytes(P)));
    assert_eq!(p().sign(Tag::TRANSACTION, &intent), expected);
    assert!(verdict(&expected, &Tag::TRANSACTION.preimage(&intent)));
    assert!(!verdict(&expected, &Tag::SIGNED.preimage(&intent)));
    assert!(!verdict(&expected, &Tag::TRANSACTION.preimage(&intent[1..])));
    assert_eq!(expected.cost(), 20);
}

#[test]
fn signing_is_deterministic_and_makes_s_low() {
    let half: [u8; 32] = bytes("7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8");
    let keys = [p(), ClientSigningKey::generate_p256()];
    let mut was_high = 0;
    for number in 0..64_u8 {
        for key in &keys {
            let signature = key.sign(Tag::TRANSACTION, &[number]);
            assert_eq!(signature, key.sign(Tag::TRANSACTION, &[number]));
            assert!(signature.signature()[32..] <= half[..]);
            let preimage = Tag::TRANSACTION.preimage(&[number]);
            assert!(signature.verify(&preimage));
            let ClientSigningKey::P256(key) = key else {
                unreachable!()
            };
            // What the library makes is the same but for s.
            let library = p256::ecdsa::SigningKey::from_slice(&*key.scalar()).unwrap();
            let made: p256::ecdsa::Signature = library.sign(&preimage);
            assert_eq!(made.to_bytes()[..32], signature.signature()[..32]);
            was_high += u32::from(made.to_bytes()[32..] > half[..]);
        }
    }
    assert!(was_high > 0, "no nonce of 128 gave a high s");
}

#[test]
fn x_of_r_may_be_the_groups_order_or_more() {
    let key = "036f4799b04f81bb5351906b5a00ffe5be97f22120df5715cf091fc83ebc448f4b";
    let preimage = Tag::TRANSACTION.preimage(CONTENT);
    assert!(verdict(&signature(key, number(3), number(7)), &preimage));
    // r is that x modulo the order, and nothing else.
    assert!(!verdict(&signature(key, order_and(3), number(7)), &preimage));
    assert!(!verdict(&signature(key, number(2), number(7)), &preimage));
    assert!(!verdict(&signature(key, number(3), number(6)), &preimage));
    assert!(!verdict(
        &signature(key, number(3), negated(number(7))),
        &preimage
    ));
    let other_y = key.replacen("03", "02", 1);
    assert!(!verdict(&signature(&other_y, number(3), number(7)), &preimage));
}

#[test]
fn a_high_s_is_refused() {
    let preimage = Tag::TRANSACTION.preimage(CONTENT);
    let (r, s) = good();
    assert!(verdict(&signature(P, r, s), &preimage));
    let high = signature(P, r, negated(s));
    assert!(!verdict(&high, &preimage));
    // The equation holds for it: it is the rule that refuses.
    let library = p256::ecdsa::VerifyingKey::from_sec1_bytes(&bytes::<33>(P)).unwrap();
    let high = p256::ecdsa::Signature::from_slice(high.signature()).unwrap();
    p256::ecdsa::signature::Verifier::verify(&library, &preimage, &high).unwrap();
}

#[test]
fn r_and_s_of_0_and_of_the_groups_order_are_refused() {
    let preimage = Tag::TRANSACTION.preimage(CONTENT);
    let (r, s) = good();
    let beyond = [number(0), order_and(0), order_and(1), [0xff; 32]];
    for bad in beyond {
        assert!(!verdict(&signature(P, bad, s), &preimage));
        assert!(!verdict(&signature(P, r, bad), &preimage));
        for other in beyond {
            assert!(!verdict(&signature(P, bad, other), &preimage));
        }
    }
}

/// With r = -z / d the point R is the one at infinity, which has no x.
#[test]
fn the_point_at_infinity_is_refused() {
    let r = bytes("8cdc462a3860d93e3761b56d6a97984d3ea70afbb227f0366f0d85a00d48dfb8");
    let preimage = Tag::TRANSACTION.preimage(CONTENT);
    for s in 1..40 {
        assert!(!verdict(&signature(P, r, number(s)), &preimage));
    }
}

#[test]
fn keys_without_good_form_or_point_sign_nothing() {
    let preimage = Tag::TRANSACTION.preimage(CONTENT);
    let (r, s) = good();
    for prefix in [0, 1, 2, 4, 5, 6, 7, 0xff] {
        let key = format!("{prefix:02x}{}", &P[2..]);
        // 02 is the key of the point with the other y.
        assert!(!verdict(&signature(&key, r, s), &preimage), "{key}");
    }
    for x in [
        "0000000000000000000000000000000000000000000000000000000000000001",
        "ffffffff00000001000000000000000000000001000000000000000000000004",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ] {
        assert!(!verdict(&signature(&format!("03{x}"), r, s), &preimage), "{x}");
    }
}

#[test]
fn every_bit_of_a_signature_matters() {
    let preimage = Tag::TRANSACTION.preimage(CONTENT);
    let (r, s) = good();
    for bit in 0..256 {
        let (mut other_r, mut other_s) = (r, s);
        other_r[bit / 8] ^= 1 << (bit % 8);
        other_s[bit / 8] ^= 1 << (bit % 8);
        assert!(!signature(P, other_r, s).verify(&preimage), "bit {bit} of r");
        assert!(!signature(P, r, other_s).verify(&preimage), "bit {bit} of s");
    }
}
