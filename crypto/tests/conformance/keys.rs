//! Keys: good form, good keys, texts, encodings and order.

use proptest::prelude::*;
use quorate_crypto::{ClientSigningKey, Key, KeyTextError, PublicKey};

use crate::{K1, P, bytes};

/// The points of small order by their canonical encodings, section 2 of the page.
const SMALL_ORDER: [&str; 5] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/// The y below 19 of points that are not of small order: with the field's prime added, they fit into 255 bits too.
const NOT_CANONICAL: [u8; 10] = [3, 4, 5, 6, 9, 10, 14, 15, 16, 18];

/// The prime of P-256's field, and the x below 12 of points: with the prime added, they fit into 256 bits too.
const P256_FIELD: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
const P256_ON_CURVE: [u8; 5] = [0, 5, 6, 8, 9];
const P256_OFF_CURVE: [u8; 7] = [1, 2, 3, 4, 7, 10, 11];

/// y and the sign of x.
fn edwards(y: u8, sign: u8) -> Key {
    let mut key = [0; 32];
    key[0] = y;
    key[31] = sign;
    Key::Ed25519(key)
}

fn p256(prefix: u8, x: [u8; 32]) -> Key {
    let mut key = [prefix; 33];
    key[1..].copy_from_slice(&x);
    Key::P256(key)
}

/// P-256's prime and a small number.
fn beyond_the_field(more: u8) -> [u8; 32] {
    let mut x: [u8; 32] = bytes(P256_FIELD);
    let mut carry = u16::from(more);
    for byte in x.iter_mut().rev() {
        carry += u16::from(*byte);
        *byte = carry as u8;
        carry >>= 8;
    }
    x
}

#[test]
fn keys_of_small_order_have_no_good_form_whatever_their_top_bit() {
    for text in SMALL_ORDER {
        for top in [0, 0x80] {
            let mut key: [u8; 32] = bytes(text);
            key[31] |= top;
            assert!(!Key::Ed25519(key).is_of_good_form(), "{text} {top}");
            assert!(!Key::Ed25519(key).is_good());
        }
    }
    // One bit elsewhere makes others of them.
    for text in &SMALL_ORDER[2..4] {
        let mut key: [u8; 32] = bytes(text);
        key[7] ^= 1;
        assert!(Key::Ed25519(key).is_of_good_form(), "{text}");
    }
}

#[test]
fn ed25519_keys_that_are_not_canonical_have_no_good_form() {
    for more in 0..19_u8 {
        for last in [0x7f, 0xff] {
            let mut key = [0xff; 32];
            key[0] = 0xed + more;
            key[31] = last;
            assert!(!Key::Ed25519(key).is_of_good_form(), "p + {more}");
            assert!(!Key::Ed25519(key).is_good());
            // What a library reads as a point is no reason.
            let is_point = ed25519_dalek::VerifyingKey::from_bytes(&key).is_ok();
            assert_eq!(is_point, more < 2 || NOT_CANONICAL.contains(&more), "p + {more}");
        }
    }
    // The largest canonical y but for that of order 2, with both signs of x.
    for last in [0x7f, 0xff] {
        let mut key = [0xff; 32];
        (key[0], key[31]) = (0xeb, last);
        assert!(Key::Ed25519(key).is_of_good_form());
    }
}

#[test]
fn an_ed25519_key_of_good_form_is_good_if_it_is_a_point() {
    for y in 2..19 {
        for sign in [0, 0x80] {
            let key = edwards(y, sign);
            assert!(key.is_of_good_form(), "{y}");
            assert_eq!(key.is_good(), NOT_CANONICAL.contains(&y), "{y}");
        }
    }
    assert!(Key::Ed25519(bytes(K1)).is_good());
}

#[test]
fn a_key_of_mixed_order_is_good() {
    // K1 and a point of order 8, added.
    let key = bytes("3b5b475c4b82dd1572799fc546f4c6c03e478c6654aa4c7f945b347ea32af60d");
    assert!(Key::Ed25519(key).is_good());
}

#[test]
fn a_p256_key_has_a_prefix_of_compressed_points() {
    let Key::P256([_, x @ ..]) = Key::P256(bytes(P)) else {
        unreachable!()
    };
    for prefix in 0..=255 {
        let key = p256(prefix, x);
        // 5 is the prefix of a form that is as long.
        assert_eq!(key.is_of_good_form(), prefix == 2 || prefix == 3, "{prefix}");
        assert_eq!(key.is_good(), prefix == 2 || prefix == 3, "{prefix}");
    }
}

#[test]
fn x_of_a_p256_key_is_below_the_fields_prime() {
    for x in P256_ON_CURVE {
        for prefix in [2, 3] {
            let mut small = [0; 32];
            small[31] = x;
            assert!(p256(prefix, small).is_good(), "{x}");
            let key = p256(prefix, beyond_the_field(x));
            assert!(!key.is_of_good_form(), "p + {x}");
            assert!(!key.is_good(), "p + {x}");
        }
    }
    let mut largest = beyond_the_field(0);
    largest[31] -= 1;
    assert!(p256(2, largest).is_of_good_form());
    assert!(!p256(2, [0xff; 32]).is_of_good_form());
}

#[test]
fn a_p256_key_of_good_form_is_good_if_it_is_a_point() {
    for x in P256_OFF_CURVE {
        for prefix in [2, 3] {
            let mut small = [0; 32];
            small[31] = x;
            let key = p256(prefix, small);
            assert!(key.is_of_good_form(), "{x}");
            assert!(!key.is_good(), "{x}");
        }
    }
}

#[test]
fn encodings_are_a_variant_and_the_bytes() {
    for (key, encoding) in [
        (Key::Ed25519(bytes(K1)), format!("00{K1}")),
        (Key::P256(bytes(P)), format!("01{P}")),
    ] {
        let encoding = hex::decode(encoding).unwrap();
        assert_eq!(bcs::to_bytes(&key).unwrap(), encoding);
        assert_eq!(bcs::from_bytes::<Key>(&encoding), Ok(key));
        assert_eq!(key.as_bytes(), &encoding[1..]);
        assert!(bcs::from_bytes::<Key>(&encoding[..encoding.len() - 1]).is_err());
        assert!(bcs::from_bytes::<Key>(&[encoding.as_slice(), &[0]].concat()).is_err());
        let mut other = encoding.clone();
        other[0] = 2;
        assert!(bcs::from_bytes::<Key>(&other).is_err());
    }
}

#[test]
fn texts_are_read_in_one_form_alone() {
    let (ed25519, p256) = (Key::Ed25519(bytes(K1)), Key::P256(bytes(P)));
    assert_eq!(ed25519.to_string(), format!("ed25519:{K1}"));
    assert_eq!(p256.to_string(), format!("p256:{P}"));
    for key in [ed25519, p256] {
        assert_eq!(key.to_string().parse(), Ok(key));
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(json, format!("\"{key}\""));
        assert_eq!(serde_json::from_str::<Key>(&json).unwrap(), key);
    }
    for text in [
        K1.to_owned(),
        format!("Ed25519:{K1}"),
        format!(" ed25519:{K1}"),
        format!("p-256:{P}"),
        String::new(),
    ] {
        assert_eq!(text.parse::<Key>(), Err(KeyTextError::UnknownKind), "{text}");
    }
    for text in [
        format!("ed25519:{}", K1.to_uppercase()),
        format!("ed25519:{P}"),
        format!("ed25519:{K1} "),
        format!("ed25519: {K1}"),
        format!("ed25519::{K1}"),
    ] {
        assert_eq!(
            text.parse::<Key>(),
            Err(KeyTextError::NotHex { digits: 64 }),
            "{text}"
        );
    }
    for text in [format!("p256:{K1}"), format!("p256:{}", P.to_uppercase())] {
        assert_eq!(
            text.parse::<Key>(),
            Err(KeyTextError::NotHex { digits: 66 }),
            "{text}"
        );
    }
}

#[test]
fn secrets_are_not_printed() {
    let key = ClientSigningKey::p256_from_scalar(&[0x5a; 32]).unwrap();
    assert!(!format!("{key:?}").contains("5a5a"));
}

#[test]
fn a_number_of_p256_is_neither_0_nor_the_groups_order_or_more() {
    let mut order: [u8; 32] = bytes(crate::P256_ORDER);
    for number in [[0; 32], order, [0xff; 32]] {
        assert!(ClientSigningKey::p256_from_scalar(&number).is_none());
    }
    order[31] -= 1;
    let ClientSigningKey::P256(key) = ClientSigningKey::p256_from_scalar(&order).unwrap() else {
        unreachable!()
    };
    assert_eq!(*key.scalar(), order);
    assert!(ClientSigningKey::generate_p256().key().is_good());
    assert!(ClientSigningKey::generate_ed25519().key().is_good());
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(Key::Ed25519),
        (any::<[u8; 32]>(), any::<u8>()).prop_map(|(x, prefix)| p256(prefix, x)),
    ]
}

proptest! {
    #[test]
    fn keys_are_ordered_as_their_encodings(first in any_key(), second in any_key()) {
        let encodings = (bcs::to_bytes(&first).unwrap(), bcs::to_bytes(&second).unwrap());
        prop_assert_eq!(first.cmp(&second), encodings.0.cmp(&encodings.1));
    }

    #[test]
    fn keys_read_what_they_write(key in any_key()) {
        prop_assert_eq!(key.to_string().parse::<Key>(), Ok(key));
        prop_assert_eq!(bcs::from_bytes::<Key>(&bcs::to_bytes(&key).unwrap()), Ok(key));
        // No text makes the reader panic.
        let _ = key.to_string()[..20].parse::<Key>();
    }

    #[test]
    fn good_keys_have_a_good_form(key in any_key()) {
        prop_assert!(key.is_of_good_form() || !key.is_good());
    }
}

#[test]
fn a_public_key_is_a_key() {
    let key = PublicKey(bytes(K1));
    assert_eq!(Key::from(key), Key::Ed25519(key.0));
}
