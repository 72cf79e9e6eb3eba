//! Salts that a wallet derives (section 4). What is expected was computed from the page by Python's `hmac`:
//!
//! ```text
//! import hashlib, hmac
//! def preimage(tag, content): return bytes([len(tag)]) + tag + content
//! def code(secret, tag, content): return hmac.new(secret, preimage(tag, content), hashlib.sha256).digest()
//! def salt(secret, file, row, label, place):
//!     content = network + file + row.to_bytes(8, "little") + bytes([len(label)]) + label + place
//!     return code(secret, b"quorate/wallet-salt/v2", content)[:16].hex()
//! network = bytes.fromhex("f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618")
//! file = hashlib.sha256(b"payments").digest()
//! k1 = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
//! kept, derived = bytes(range(32)), code(k1, b"quorate/wallet-secret/v2", b"")
//! none, memo = b"\0", b"\1\0"                                            # Option<Place>
//! def operation(index, field): return bytes([1, 1, index, field])
//! for secret in kept, derived:
//!     print(salt(secret, file, 0, b"", none), salt(secret, file, 0, b"", memo))
//!     print(salt(secret, file, 0, b"", operation(0, 0)), salt(secret, file, 0, b"", operation(0, 1)))
//!     print(salt(secret, file, 1, b"", operation(255, 1)), salt(secret, file, 2**64 - 1, b"second run", memo))
//!     print(salt(secret, file, 1, b"x" * 255, none))
//! ```

use quorate_crypto::{ClientSigningKey, Digest, SigningKey, sha256};
use quorate_ledger::{LongSaltLabel, Place, SaltLabel, WalletSecret};

/// The page's network.
const NETWORK: &str = "f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618";

/// The seed of RFC 8032's first test, whose key the page calls K1.
const K1_SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

/// By a kept secret, and by the one that follows from K1.
const SALTS: [[&str; 7]; 2] = [
    [
        "9f2d606cd6dd261e11eb223625052c89",
        "922eb7036d12a63242c6ecefb94dc47b",
        "7eb17676bf21412e890e3e31e3e8fe6c",
        "ad958a716c61734b9921457f9e90c27f",
        "59ff168e3fbccf9068a817d7d9418743",
        "4a69f4b89e471ef5f527868f080bd76d",
        "4e5dacef26aab51be19461c2bb854e2b",
    ],
    [
        "03a294d22c88a7ac31465a12abc650d0",
        "ab79e5615f7a1356fe248bec20c607c7",
        "37b7f438d04b7f5fa0f4fd38da0bea8c",
        "528b64ac71a4f0fbd11a81592daf9cd2",
        "b109b80a1993af9cfb7be9e13861825f",
        "86ff0e9df637e6a8d73d39c48cf43830",
        "bfcaaf8a35523d077893fc9e31489359",
    ],
];

fn bytes(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn kept() -> WalletSecret {
    WalletSecret::from_bytes(&std::array::from_fn(|place| place as u8))
}

fn k1() -> SigningKey {
    SigningKey::from_seed(&bytes(K1_SEED))
}

fn operation(index: u8, field: u8) -> Option<Place> {
    Some(Place::Operation { index, field })
}

#[test]
fn salts_are_the_pages() {
    let (network, file) = (Digest(bytes(NETWORK)), sha256(b"payments"));
    let long = "x".repeat(255);
    let none = SaltLabel::default();
    let cases = [
        (0, none, None),
        (0, none, Some(Place::Memo)),
        (0, none, operation(0, 0)),
        (0, none, operation(0, 1)),
        (1, none, operation(255, 1)),
        (u64::MAX, SaltLabel::new("second run").unwrap(), Some(Place::Memo)),
        (1, SaltLabel::new(&long).unwrap(), None),
    ];
    for (secret, expected) in [kept(), WalletSecret::from_ed25519(&k1())].iter().zip(SALTS) {
        for ((row, label, place), expected) in cases.into_iter().zip(expected) {
            let salt = secret.salt(&network, &file, row, label, place);
            assert_eq!(hex::encode(salt), expected, "row {row}, {label:?}, {place:?}");
        }
    }
}

#[test]
fn an_ed25519_key_has_a_secret_and_a_p256_key_has_none() {
    let derived = "431540d62a956729b765efe51b9dd86b52cd98df35ac1967b1da0ff783d45c6d";
    assert_eq!(hex::encode(WalletSecret::from_ed25519(&k1()).bytes()), derived);
    let of_key = WalletSecret::of_key(&ClientSigningKey::from_ed25519(k1())).unwrap();
    assert_eq!(hex::encode(of_key.bytes()), derived);
    assert!(WalletSecret::of_key(&ClientSigningKey::generate_p256()).is_none());
}

#[test]
fn each_part_makes_another_salt() {
    let (network, file) = (Digest([1; 32]), Digest([2; 32]));
    let (none, label) = (SaltLabel::default(), SaltLabel::new("a").unwrap());
    let secret = kept();
    let salts = [
        secret.salt(&network, &file, 7, none, None),
        WalletSecret::generate().salt(&network, &file, 7, none, None),
        secret.salt(&file, &network, 7, none, None),
        secret.salt(&network, &network, 7, none, None),
        secret.salt(&network, &file, 8, none, None),
        secret.salt(&network, &file, 7, label, None),
        secret.salt(&network, &file, 7, none, Some(Place::Memo)),
    ];
    for (place, salt) in salts.iter().enumerate() {
        assert!(!salts[..place].contains(salt), "{place}");
    }
}

#[test]
fn a_label_has_at_most_255_bytes() {
    // 128 letters of two bytes.
    let label = "é".repeat(128);
    assert_eq!(SaltLabel::new(&label), Err(LongSaltLabel { length: 256 }));
    assert!(SaltLabel::new(&label[..254]).is_ok());
}

#[test]
fn a_secret_is_not_printed() {
    assert_eq!(format!("{:?}", kept()), "WalletSecret");
}
