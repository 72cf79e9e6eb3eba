//! Time of signatures, one by one and many at once, and of Merkle trees.
//!
//! What a signature costs is part of the format (`docs/formats.md`, section 2, "Cost"): 1 for Ed25519, 20 for P-256.
//! The 16 is meant to be at least the quotient of the times of two rows here, on one thread, with all keys known:
//! `p256_one_by_one_of_1024_known_keys` by `ed25519_batch_of_1024_known_keys`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use quorate_crypto::merkle::{Frontier, root};
use quorate_crypto::{
    ClientSigningKey, Digest, KeySignature, KnownKeys, SigningKey, Tag, sign_strict, verify_clients,
    verify_strict,
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
        Self::by_some(make, count, count)
    }

    /// So many signatures, by `keys` keys in turn.
    fn by_some(make: fn() -> ClientSigningKey, count: usize, keys: usize) -> Self {
        let keys: Vec<_> = (0..keys).map(|_| make()).collect();
        let contents: Vec<_> = (0..count)
            .map(|number| [number.to_le_bytes().as_slice(), &[0; 192]].concat())
            .collect();
        let preimages = contents
            .iter()
            .map(|content| Tag::TRANSACTION.preimage(content))
            .collect();
        let signatures = contents
            .iter()
            .zip(keys.iter().cycle())
            .map(|(content, key)| key.sign(Tag::TRANSACTION, content))
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

/// Batches of other sizes, some with several signatures of a key.
#[divan::bench(args = [(16, 16), (64, 1), (64, 64), (128, 16), (128, 128), (1024, 16), (1024, 512)])]
fn ed25519_batch(bencher: Bencher<'_, '_>, (count, keys): (usize, usize)) {
    let signed = Signed::by_some(ClientSigningKey::generate_ed25519, count, keys);
    let items = signed.items();
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| verify_clients(black_box(&items)));
}

/// The same with keys that are known.
#[divan::bench(args = [(16, 16), (128, 128), (1024, 512)])]
fn ed25519_batch_of_known_keys(bencher: Bencher<'_, '_>, (count, keys): (usize, usize)) {
    let signed = Signed::by_some(ClientSigningKey::generate_ed25519, count, keys);
    let items = signed.items();
    let known = KnownKeys::new(4 * MANY);
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| known.verify_clients(black_box(&items)));
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

/// One client's signature by itself.
#[divan::bench]
fn verify_one_client(bencher: Bencher<'_, '_>) {
    let signed = Signed::by(ClientSigningKey::generate_ed25519, 1);
    let (signature, preimage) = signed.items()[0];
    bencher.bench_local(|| signature.verify(black_box(preimage)));
}

#[divan::bench]
fn merkle_root_of_4096_leaves_of_250_bytes(bencher: Bencher<'_, '_>) {
    let leaves = vec![[7u8; 250]; 4096];
    bencher
        .counter(ItemsCount::new(4096usize))
        .bench_local(|| root(black_box(&leaves)));
}

#[divan::bench]
fn frontier_of_a_million_and_one_more(bencher: Bencher<'_, '_>) {
    let mut frontier = Frontier::new();
    for number in 0..1_000_000u32 {
        frontier.push(&number.to_le_bytes());
    }
    bencher.bench_local(|| {
        let mut next = frontier.clone();
        next.push_hash(Digest([3; 32]));
        next.root()
    });
}
