//! The two documents in `tests/vectors` with their bytes and states, and section 24 of the page.

use quorate_genesis::Genesis;

struct Vector {
    toml: &'static str,
    hex: &'static str,
    leaves: &'static str,
}

macro_rules! vector {
    ($name:literal) => {
        Vector {
            toml: include_str!(concat!("../vectors/", $name, ".toml")),
            hex: include_str!(concat!("../vectors/", $name, ".hex")),
            leaves: include_str!(concat!("../vectors/", $name, ".leaves")),
        }
    };
}

const GENESIS: Vector = vector!("genesis");
const WIDE: Vector = vector!("wide");

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        let digits: String = self.hex.split_whitespace().collect();
        hex::decode(digits).unwrap()
    }
}

#[test]
fn texts_give_the_bytes() {
    for vector in [GENESIS, WIDE] {
        let genesis = Genesis::parse(vector.toml).unwrap();
        assert_eq!(
            hex::encode(genesis.canonical_bytes()),
            hex::encode(vector.bytes())
        );
    }
}

#[test]
fn bytes_give_the_document_and_its_text() {
    for vector in [GENESIS, WIDE] {
        let genesis = Genesis::decode(&vector.bytes()).unwrap();
        assert_eq!(genesis, Genesis::parse(vector.toml).unwrap());
        let written = Genesis::parse(&genesis.to_toml()).unwrap();
        assert_eq!(written, genesis);
        assert_eq!(written.canonical_bytes(), vector.bytes());
    }
}

#[test]
fn the_state_has_exactly_these_leaves() {
    for vector in [GENESIS, WIDE] {
        let leaves = Genesis::parse(vector.toml).unwrap().leaves();
        let found: Vec<String> = leaves
            .iter()
            .map(|(key, value)| format!("{} {}", hex::encode(key.0), hex::encode(value)))
            .collect();
        let expected: Vec<&str> = vector.leaves.lines().collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn hashes_are_those_of_the_page() {
    let genesis = Genesis::parse(GENESIS.toml).unwrap();
    assert_eq!(
        genesis.draft().digest().to_string(),
        "1c26f4729427562f348eea832ec2f47c5e792ca9ea87ca321437216b09e9dc9c"
    );
    assert_eq!(
        genesis.id().to_string(),
        "f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618"
    );
    assert_eq!(genesis.network_id(), genesis.id());
    assert_eq!(
        genesis.committee().digest().to_string(),
        "22c2d5c64a5f7d39c51a8195d2f3efb5560c2875ed5ef13d480ac2db815d2762"
    );
    assert_eq!(genesis.leaves().len(), 15);
    assert_eq!(
        genesis.state().root.to_string(),
        "405c2ee80dedb0a4b2ae83cd31f1ca37b619f30c7a4ba532d61d030ac1d7db98"
    );
}

/// The draft of `wide` has this hash in its joins, which another program signed.
#[test]
fn the_wide_draft_has_the_hash_that_was_signed() {
    let genesis = Genesis::parse(WIDE.toml).unwrap();
    assert_eq!(
        genesis.draft().digest().to_string(),
        "d8b5d0d0335c1facf4bf8d9ad46e2397afc7d3363bd523432a8b9825826e7da4"
    );
}

/// Nothing in the bytes is free: what is not signed is a signature, or follows from the rest.
#[test]
fn no_byte_can_be_another() {
    for vector in [GENESIS, WIDE] {
        let good = vector.bytes();
        for place in 0..good.len() {
            let mut bytes = good.clone();
            bytes[place] ^= if place % 2 == 0 { 0x01 } else { 0x80 };
            assert!(Genesis::decode(&bytes).is_err(), "byte {place}");
        }
        for end in 0..good.len() {
            assert!(Genesis::decode(&good[..end]).is_err(), "cut at {end}");
        }
    }
}
