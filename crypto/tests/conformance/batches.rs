//! Many clients' signatures at once: their verdicts are those of single checks.

use proptest::prelude::*;
use quorate_crypto::{ClientSigningKey, Key, KeySignature, KnownKeys, SigningKey, Tag, verify_clients};

use crate::bytes;

/// What may be wrong with an item.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    None,
    OtherContent,
    OtherKey,
    FlippedBit(usize),
    SmallOrder,
    NotAPoint,
    HighS,
}

fn flaw() -> impl Strategy<Value = Flaw> {
    prop_oneof![
        20 => Just(Flaw::None),
        1 => Just(Flaw::OtherContent),
        1 => Just(Flaw::OtherKey),
        1 => (0_usize..512).prop_map(Flaw::FlippedBit),
        1 => Just(Flaw::SmallOrder),
        1 => Just(Flaw::NotAPoint),
        1 => Just(Flaw::HighS),
    ]
}

/// Five keys of Ed25519, then two of P-256.
fn keys() -> Vec<ClientSigningKey> {
    let edwards = (0..5).map(|seed| ClientSigningKey::from_ed25519(SigningKey::from_seed(&[seed; 32])));
    let p256 = (1..3).map(|scalar| ClientSigningKey::p256_from_scalar(&[scalar; 32]).unwrap());
    edwards.chain(p256).collect()
}

/// The signature with another key.
fn by(key: Key, signature: KeySignature) -> KeySignature {
    match (key, *signature.signature()) {
        (Key::Ed25519(key), signature) => KeySignature::Ed25519 { key, signature },
        (Key::P256(key), signature) => KeySignature::P256 { key, signature },
    }
}

/// A signature over `content` with a flaw, and whether it is good nevertheless.
fn spoiled(key: &ClientSigningKey, content: &[u8], flaw: Flaw) -> (KeySignature, bool) {
    let made = key.sign(Tag::TRANSACTION, content);
    let is_p256 = matches!(made, KeySignature::P256 { .. });
    match flaw {
        Flaw::None => (made, true),
        Flaw::OtherContent => (key.sign(Tag::TRANSACTION, b"other"), false),
        Flaw::OtherKey if is_p256 => {
            let other = ClientSigningKey::p256_from_scalar(&[9; 32]).unwrap();
            (by(other.key(), made), false)
        }
        Flaw::OtherKey => {
            let other = SigningKey::from_seed(&[9; 32]);
            (by(other.public().into(), made), false)
        }
        Flaw::FlippedBit(bit) => {
            let mut signature = *made.signature();
            signature[bit / 8] ^= 1 << (bit % 8);
            let spoiled = match made {
                KeySignature::Ed25519 { key, .. } => KeySignature::Ed25519 { key, signature },
                KeySignature::P256 { key, .. } => KeySignature::P256 { key, signature },
            };
            (spoiled, false)
        }
        // Under ZIP-215 alone, R of small order and an s of 0 would be good.
        Flaw::SmallOrder => {
            let mut signature = [0; 64];
            signature[0] = 1;
            let key = bytes(&format!("01{}", "00".repeat(31)));
            (KeySignature::Ed25519 { key, signature }, false)
        }
        Flaw::NotAPoint if is_p256 => {
            let key = bytes(&format!("02{}01", "00".repeat(31)));
            (by(Key::P256(key), made), false)
        }
        Flaw::NotAPoint => {
            let key = bytes(&format!("02{}", "00".repeat(31)));
            (by(Key::Ed25519(key), made), false)
        }
        Flaw::HighS => {
            let KeySignature::P256 { key, mut signature } = made else {
                return (made, true);
            };
            // The top bit of s, which a low one has not.
            signature[32] |= 0x80;
            (KeySignature::P256 { key, signature }, false)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn many_have_the_verdicts_of_single_checks(
        flaws in prop::collection::vec((flaw(), prop_oneof![9 => 0_usize..5, 1 => 5_usize..7]), 0..200),
        limit in 0_usize..10,
    ) {
        let keys = keys();
        let preimages: Vec<_> = (0..flaws.len()).map(|n| Tag::TRANSACTION.preimage(&n.to_le_bytes())).collect();
        let made: Vec<_> = flaws
            .iter()
            .enumerate()
            .map(|(n, (flaw, signer))| spoiled(&keys[*signer], &n.to_le_bytes(), *flaw))
            .collect();
        let items: Vec<_> = made
            .iter()
            .zip(&preimages)
            .map(|((signature, _), preimage)| (signature, preimage.as_slice()))
            .collect();
        let expected: Vec<_> = made.iter().map(|(_, is_good)| *is_good).collect();
        let singles: Vec<_> = items.iter().map(|(signature, preimage)| signature.verify(preimage)).collect();
        prop_assert_eq!(&singles, &expected);
        prop_assert_eq!(&verify_clients(&items), &expected);
        // In groups of five there are as many keys as signatures, which mostly are known by now.
        let known = KnownKeys::new(limit);
        let verdicts = items.chunks(5).flat_map(|group| known.verify_clients(group));
        prop_assert_eq!(&verdicts.collect::<Vec<_>>(), &expected);
        prop_assert_eq!(&known.verify_clients(&items), &expected);
    }
}

#[test]
fn nothing_has_no_verdicts() {
    assert!(verify_clients(&[]).is_empty());
    assert!(KnownKeys::new(4).verify_clients(&[]).is_empty());
}

/// More than one group of 1,024, with one bad one.
#[test]
fn a_bad_one_spoils_no_other_of_many() {
    let keys = keys();
    let preimages: Vec<_> = (0..1_100_u32)
        .map(|n| Tag::TRANSACTION.preimage(&n.to_le_bytes()))
        .collect();
    let mut made: Vec<_> = (0..1_100_u32)
        .zip(keys[..5].iter().cycle())
        .map(|(n, key)| key.sign(Tag::TRANSACTION, &n.to_le_bytes()))
        .collect();
    made.swap(40, 1_080);
    let items: Vec<_> = made
        .iter()
        .zip(&preimages)
        .map(|(item, preimage)| (item, preimage.as_slice()))
        .collect();
    let verdicts = verify_clients(&items);
    assert_eq!(verdicts.len(), 1_100);
    for (place, verdict) in verdicts.into_iter().enumerate() {
        assert_eq!(verdict, place != 40 && place != 1_080, "{place}");
    }
}

#[test]
fn known_keys_are_of_their_kind_and_know_no_more_than_signatures_do() {
    let known = KnownKeys::new(64);
    let preimage = Tag::TRANSACTION.preimage(b"quorate");
    for key in keys() {
        let good = key.sign(Tag::TRANSACTION, b"quorate");
        let bad = key.sign(Tag::TRANSACTION, b"Quorate");
        // Whatever came before: a bad one, a good one that makes the key known, a bad one of a known key.
        for (item, expected) in [(&bad, false), (&good, true), (&bad, false), (&good, true)] {
            assert_eq!(
                known.verify_clients(&[(item, preimage.as_slice())]),
                [expected],
                "{key:?}"
            );
        }
    }
}

#[test]
fn encodings_and_texts_name_the_kind_once() {
    let keys = keys();
    for (key, variant, length) in [(&keys[0], 0, 97), (&keys[5], 1, 98)] {
        let signature = key.sign(Tag::TRANSACTION, b"quorate");
        let encoding = bcs::to_bytes(&signature).unwrap();
        assert_eq!(encoding.len(), length);
        assert_eq!(encoding[0], variant);
        let parts = [&encoding[..1], signature.key().as_bytes(), signature.signature()].concat();
        assert_eq!(encoding, parts);
        assert_eq!(bcs::from_bytes::<KeySignature>(&encoding), Ok(signature));
        assert!(bcs::from_bytes::<KeySignature>(&encoding[..length - 1]).is_err());
        assert!(bcs::from_bytes::<KeySignature>(&[encoding.as_slice(), &[0]].concat()).is_err());

        let json = serde_json::to_string(&signature).unwrap();
        let text = hex::encode(signature.signature());
        assert_eq!(
            json,
            format!("{{\"key\":\"{}\",\"signature\":\"{text}\"}}", signature.key())
        );
        assert_eq!(serde_json::from_str::<KeySignature>(&json).unwrap(), signature);
        for other in [
            json.replace(&text, &text.to_uppercase()),
            json.replace(&text, &text[2..]),
            json.replace("\"key\"", "\"other\":1,\"key\""),
        ] {
            assert!(serde_json::from_str::<KeySignature>(&other).is_err(), "{other}");
        }
    }
    // The other kind's number with the same bytes is another signature, or none.
    let mut encoding = bcs::to_bytes(&keys[0].sign(Tag::TRANSACTION, b"quorate")).unwrap();
    encoding[0] = 1;
    assert!(bcs::from_bytes::<KeySignature>(&encoding).is_err());
}
