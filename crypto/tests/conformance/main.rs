//! The crate against the page's vectors, published ones, other tools, naive models and single checks.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod addresses;
mod batches;
mod client_key_files;
mod committees;
mod edwards;
mod golden;
mod key_files;
mod keys;
mod merkle;
mod nist;
mod paths;
mod signatures;
#[path = "../../../tests/skipped.rs"]
mod skipped;
mod small_order;
mod tags;

use std::fs;
use std::path::Path;

use quorate_crypto::{ClientSigningKey, SigningKey};

/// The seed of RFC 8032's first test, whose key the page calls K1.
const K1_SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

/// K1.
const K1: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// The number of RFC 6979's key of A.2.5, which the page calls P.
const P_SCALAR: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";

/// P.
const P: &str = "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";

/// The order of P-256's group.
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/// The bytes of a text in hex, spaces and lines aside.
#[track_caller]
fn bytes<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    all_bytes(text).try_into().unwrap()
}

#[track_caller]
fn all_bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace(char::is_whitespace, "")).unwrap()
}

fn k1() -> ClientSigningKey {
    ClientSigningKey::from_ed25519(SigningKey::from_seed(&bytes(K1_SEED)))
}

fn p() -> ClientSigningKey {
    ClientSigningKey::p256_from_scalar(&bytes(P_SCALAR)).unwrap()
}

/// The text of the page that this crate is written from.
fn page() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = folder.ancestors().map(|folder| folder.join("docs/formats.md"));
    let page = paths.map(fs::read_to_string).find_map(Result::ok);
    page.expect("the page is in docs, above this package")
}
