//! Time of signatures, one by one and in batches, and of Merkle trees.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use quorate_crypto::merkle::{Frontier, root};
use quorate_crypto::{
    ClientSignature, Digest, Domain, KnownKeys, PublicKey, Signature, SigningKey, verify_client_batch,
};

fn main() {
    divan::main();
}

/// Signatures over 200 bytes each, by `keys` keys in turn.
fn signatures(count: usize, keys: usize) -> Vec<(PublicKey, Vec<u8>, Signature)> {
    let keys: Vec<_> = (0..keys).map(|_| SigningKey::generate()).collect();
    let signers = keys.iter().cycle();
    let signed = signers.zip(0..count).map(|(key, number)| {
        let content = [number.to_le_bytes().as_slice(), &[0; 192]].concat();
        let signature = key.sign(Domain::TRANSACTION, &content);
        (key.public(), content, signature)
    });
    signed.collect()
}

fn items(signatures: &[(PublicKey, Vec<u8>, Signature)]) -> Vec<ClientSignature<'_>> {
    signatures
        .iter()
        .map(|(key, content, signature)| ClientSignature {
            key: *key,
            content,
            signature: *signature,
        })
        .collect()
}

#[divan::bench]
fn sign(bencher: Bencher<'_, '_>) {
    let key = SigningKey::generate();
    bencher.bench(|| key.sign(Domain::TRANSACTION, black_box(&[0; 200])));
}

#[divan::bench]
fn verify_one_client(bencher: Bencher<'_, '_>) {
    let signed = signatures(1, 1);
    let (key, content, signature) = &signed[0];
    bencher.bench(|| key.verify_client(Domain::TRANSACTION, black_box(content), signature));
}

#[divan::bench]
fn verify_one_validator(bencher: Bencher<'_, '_>) {
    let signed = signatures(1, 1);
    let (key, content, signature) = &signed[0];
    bencher.bench(|| key.verify_validator(Domain::TRANSACTION, black_box(content), signature));
}

#[divan::bench(args = [(16, 16), (64, 1), (64, 64), (128, 16), (128, 128), (1024, 16), (1024, 1024)])]
fn verify_batch(bencher: Bencher<'_, '_>, (count, keys): (usize, usize)) {
    let signed = signatures(count, keys);
    let items = items(&signed);
    bencher
        .counter(ItemsCount::new(count))
        .bench(|| verify_client_batch(Domain::TRANSACTION, black_box(&items)));
}

#[divan::bench(args = [(16, 16), (128, 128), (1024, 512), (1024, 1024)])]
fn verify_batch_of_known_keys(bencher: Bencher<'_, '_>, (count, keys): (usize, usize)) {
    let signed = signatures(count, keys);
    let items = items(&signed);
    let known = KnownKeys::new(2_048);
    bencher
        .counter(ItemsCount::new(count))
        .bench(|| known.verify_client_batch(Domain::TRANSACTION, black_box(&items)));
}

/// Every `step`-th signature of 1,024 by as many keys is bad.
#[divan::bench(args = [1, 16, 128, 1024])]
fn verify_batch_with_bad(bencher: Bencher<'_, '_>, step: usize) {
    let signed = signatures(1024, 1024);
    let mut items = items(&signed);
    for item in items.iter_mut().step_by(step) {
        item.signature.0[40] ^= 1;
    }
    bencher
        .counter(ItemsCount::new(1024usize))
        .bench(|| verify_client_batch(Domain::TRANSACTION, black_box(&items)));
}

#[divan::bench]
fn merkle_root_of_4096_leaves_of_250_bytes(bencher: Bencher<'_, '_>) {
    let leaves = vec![[7u8; 250]; 4096];
    bencher
        .counter(ItemsCount::new(4096usize))
        .bench(|| root(black_box(&leaves)));
}

#[divan::bench]
fn frontier_of_a_million_and_one_more(bencher: Bencher<'_, '_>) {
    let mut frontier = Frontier::new();
    for number in 0..1_000_000u32 {
        frontier.push(&number.to_le_bytes());
    }
    bencher.bench(|| {
        let mut next = frontier.clone();
        next.push_hash(Digest([3; 32]));
        next.root()
    });
}
