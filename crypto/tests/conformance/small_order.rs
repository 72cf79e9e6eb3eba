//! ZIP-215's edge cases: keys and points of small order in all their encodings.

use std::collections::BTreeSet;

use quorate_crypto::{
    ClientSignature, Domain, KeyError, KnownKeys, PublicKey, Signature, verify_client_batch,
};

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
fn all_196_cases_are_accepted_from_clients_and_refused_from_validators() {
    let mut items = Vec::new();
    for key in encodings() {
        for point in encodings() {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&point);
            items.push(ClientSignature {
                key: PublicKey(key),
                content: b"Zcash",
                signature: Signature(signature),
            });
        }
    }
    assert_eq!(items.len(), 196);
    for item in &items {
        let client = item
            .key
            .verify_client(Domain::TRANSACTION, item.content, &item.signature);
        assert_eq!(client, Ok(()), "{item:?}");
        let strict = item
            .key
            .verify_validator(Domain::TRANSACTION, item.content, &item.signature);
        assert_eq!(strict, Err(KeyError::BadSignature), "{item:?}");
        assert_eq!(
            verify_client_batch(Domain::TRANSACTION, &[*item]),
            [Ok(())],
            "{item:?}"
        );
    }
    assert_eq!(
        verify_client_batch(Domain::TRANSACTION, &items),
        vec![Ok(()); 196]
    );
    // Most do not satisfy the equation without cofactor.
    let known = KnownKeys::new(16);
    for item in &items {
        let verdicts = known.verify_client_batch(Domain::TRANSACTION, &[*item]);
        assert_eq!(verdicts, [Ok(())], "{item:?}");
    }
    // The same verdicts where a bad signature makes the equations fail.
    let mut spoiled = items;
    spoiled[77].signature.0[32] = 1;
    let verdicts = verify_client_batch(Domain::TRANSACTION, &spoiled);
    for (place, verdict) in verdicts.into_iter().enumerate() {
        assert_eq!(verdict.is_err(), place == 77, "{place}");
    }
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
}
