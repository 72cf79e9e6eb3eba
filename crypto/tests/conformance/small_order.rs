//! Keys of small order in all their encodings, and which keys may be registered.

use std::collections::BTreeSet;

use quorate_crypto::{Key, KeyError, PublicKey};

/// All 14 encodings of the 8 points of small order: 8 canonical ones, then 6 others that decode as well.
const SMALL_ORDER: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

fn encodings() -> Vec<[u8; 32]> {
    SMALL_ORDER
        .iter()
        .map(|text| hex::decode(text).unwrap().try_into().unwrap())
        .collect()
}

/// The list is complete: the multiples of a point of order 8 are its canonical part, and any other
/// encoding of them has a y of at least p (2^255 - 19) or a sign for x = 0.
#[test]
fn the_list_of_encodings_is_complete() {
    let decode = |bytes: &[u8; 32]| {
        ed25519_dalek::VerifyingKey::from_bytes(bytes)
            .unwrap()
            .to_edwards()
    };
    let listed = encodings();
    let generator = decode(&listed[4]);
    let mut multiple = generator;
    let mut canonical = BTreeSet::new();
    for _ in 0..8 {
        canonical.insert(multiple.compress().to_bytes());
        multiple += generator;
    }
    assert_eq!(canonical, listed[..8].iter().copied().collect());

    let mut others = BTreeSet::new();
    for y in 0..19u8 {
        for sign in [0, 0x80] {
            // y + p, little-endian, with both signs.
            let mut bytes = [0xff; 32];
            bytes[0] = 0xed + y;
            bytes[31] = 0x7f | sign;
            others.insert(bytes);
        }
    }
    for mut flipped in listed[..8].iter().copied() {
        flipped[31] ^= 0x80;
        others.insert(flipped);
    }
    let others = others.into_iter().filter(|bytes| {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes);
        !canonical.contains(bytes) && key.is_ok_and(|key| key.is_weak())
    });
    assert_eq!(
        others.collect::<BTreeSet<_>>(),
        listed[8..].iter().copied().collect()
    );
}

#[test]
fn keys_of_small_order_cannot_be_registered() {
    for bytes in encodings() {
        let key = PublicKey(bytes);
        assert!(key.is_small_order());
        assert_eq!(key.check_registrable(), Err(KeyError::SmallOrder));
    }
    let mut other = [0; 32];
    other[0] = 2;
    assert_eq!(PublicKey(other).check_registrable(), Err(KeyError::NotAPoint));
    assert!(!PublicKey(other).is_small_order());
    // y = 3 is that of a point, and is no key where it is written as 3 and the field's prime.
    let mut canonical = [0; 32];
    canonical[0] = 3;
    assert_eq!(PublicKey(canonical).check_registrable(), Ok(()));
    let mut more = [0xff; 32];
    (more[0], more[31]) = (0xf0, 0x7f);
    assert!(ed25519_dalek::VerifyingKey::from_bytes(&more).is_ok());
    assert_eq!(PublicKey(more).check_registrable(), Err(KeyError::NotAPoint));
    for key in [other, canonical, more] {
        let registrable = PublicKey(key).check_registrable().is_ok();
        assert_eq!(registrable, Key::Ed25519(key).is_good());
    }
}
