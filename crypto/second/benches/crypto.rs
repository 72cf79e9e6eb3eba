//! Time of signatures, one by one and many at once.
//!
//! What a signature costs is part of the format (`docs/formats-2.md`, section 2, "Cost"): 1 for Ed25519, 16 for P-256.
//! The 16 is meant to be at least the quotient of the times of two rows here, on one thread, with all keys known:
//! `p256_one_by_one_of_1024_known_keys` by `ed25519_batch_of_1024_known_keys`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use quorate_crypto_second::{
    ClientSigningKey, KeySignature, KnownKeys, SigningKey, Tag, sign_strict, verify_clients, verify_strict,
};

fn main() {
    divan::main();
}

/// How many signatures the quotient is about, of as many keys.
const MANY: usize = 1_024;

/// Signatures and what they are over: 200 bytes each, under the tag of transactions.
struct Signed {
    signatures: Vec<KeySignature>,
    preimages: Vec<Vec<u8>>,
}

impl Signed {
    /// So many signatures, each by a key of its own.
    fn by(make: fn() -> ClientSigningKey, count: usize) -> Self {
        let contents: Vec<_> = (0..count)
            .map(|number| [number.to_le_bytes().as_slice(), &[0; 192]].concat())
            .collect();
        let preimages = contents
            .iter()
            .map(|content| Tag::TRANSACTION.preimage(content))
            .collect();
        let signatures = contents
            .iter()
            .map(|content| make().sign(Tag::TRANSACTION, content))
            .collect();
        Self {
            signatures,
            preimages,
        }
    }

    fn items(&self) -> Vec<(&KeySignature, &[u8])> {
        let preimages = self.preimages.iter().map(Vec::as_slice);
        self.signatures.iter().zip(preimages).collect()
    }
}

/// Checks what `make`'s keys signed, all of them known.
fn verify_known(bencher: Bencher<'_, '_>, make: fn() -> ClientSigningKey) {
    let signed = Signed::by(make, MANY);
    let items = signed.items();
    // A cache in parts, each of which must have room for its part of the keys.
    let known = KnownKeys::new(4 * MANY);
    assert!(known.verify_clients(&items).into_iter().all(|verdict| verdict));
    bencher
        .counter(ItemsCount::new(MANY))
        .bench_local(|| known.verify_clients(black_box(&items)));
}

#[divan::bench]
fn ed25519_batch_of_1024_known_keys(bencher: Bencher<'_, '_>) {
    verify_known(bencher, ClientSigningKey::generate_ed25519);
}

#[divan::bench]
fn p256_one_by_one_of_1024_known_keys(bencher: Bencher<'_, '_>) {
    verify_known(bencher, ClientSigningKey::generate_p256);
}

/// The same with keys that nobody knows.
fn verify_unknown(bencher: Bencher<'_, '_>, make: fn() -> ClientSigningKey) {
    let signed = Signed::by(make, MANY);
    let items = signed.items();
    bencher
        .counter(ItemsCount::new(MANY))
        .bench_local(|| verify_clients(black_box(&items)));
}

#[divan::bench]
fn ed25519_batch_of_1024_unknown_keys(bencher: Bencher<'_, '_>) {
    verify_unknown(bencher, ClientSigningKey::generate_ed25519);
}

#[divan::bench]
fn p256_one_by_one_of_1024_unknown_keys(bencher: Bencher<'_, '_>) {
    verify_unknown(bencher, ClientSigningKey::generate_p256);
}

/// Every `step`-th signature of 1,024 by as many keys is bad.
#[divan::bench(args = [1, 16, 128, 1024])]
fn ed25519_batch_with_bad(bencher: Bencher<'_, '_>, step: usize) {
    let mut signed = Signed::by(ClientSigningKey::generate_ed25519, MANY);
    for signature in signed.signatures.iter_mut().step_by(step) {
        let KeySignature::Ed25519 { signature, .. } = signature else {
            unreachable!("all are Ed25519")
        };
        signature[40] ^= 1;
    }
    let items = signed.items();
    bencher
        .counter(ItemsCount::new(MANY))
        .bench_local(|| verify_clients(black_box(&items)));
}

fn sign(bencher: Bencher<'_, '_>, key: &ClientSigningKey) {
    bencher.bench_local(|| key.sign(Tag::TRANSACTION, black_box(&[0; 200])));
}

#[divan::bench]
fn sign_ed25519(bencher: Bencher<'_, '_>) {
    sign(bencher, &ClientSigningKey::generate_ed25519());
}

#[divan::bench]
fn sign_p256(bencher: Bencher<'_, '_>) {
    sign(bencher, &ClientSigningKey::generate_p256());
}

#[divan::bench]
fn verify_one_validator(bencher: Bencher<'_, '_>) {
    let key = SigningKey::generate();
    let signature = sign_strict(&key, Tag::SEAL, &[0; 105]);
    let public = key.public();
    bencher.bench_local(|| verify_strict(&public, Tag::SEAL, black_box(&[0; 105]), &signature));
}
