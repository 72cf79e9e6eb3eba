//! Clients' signatures in batches, under ZIP-215.
//!
//! A batch is one equation over random multiples of all its signatures, several times cheaper than
//! the same signatures one by one. When it holds, each would be accepted alone; when it fails, smaller
//! groups are tried, and those that fail too are judged one by one. So the set that is accepted is
//! exactly that of [`PublicKey::verify_client`], and bad signatures can at most double the work of
//! checking everything one by one.

use ed25519_zebra::batch::{Item, Verifier};
use ed25519_zebra::{Signature as ZebraSignature, VerificationKeyBytes};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use crate::{Domain, KeyError, PublicKey, Signature};

/// Signatures checked by one equation: beyond this a group gets hardly cheaper, and a bad one dearer.
pub(crate) const GROUP: usize = 1_024;

/// Signatures below which a group is not worth dividing between two threads: one twice as large is a
/// twentieth cheaper for each of its signatures.
const WORTH_A_THREAD: usize = 256;

/// The groups that a failed group is divided into.
const SMALL_GROUP: usize = 16;

/// One signature to check.
#[derive(Clone, Copy, Debug)]
pub struct ClientSignature<'a> {
    /// The key that is said to have signed.
    pub key: PublicKey,
    /// What is said to be signed, without the domain tag.
    pub content: &'a [u8],
    /// The signature.
    pub signature: Signature,
}

/// Checks many clients' signatures under one domain tag, each with its own verdict, in the same order.
///
/// Each verdict is that of [`PublicKey::verify_client`].
pub fn verify_client_batch(domain: Domain, signatures: &[ClientSignature<'_>]) -> Vec<Result<(), KeyError>> {
    let mut verdicts = vec![Ok(()); signatures.len()];
    for (signatures, verdicts) in signatures.chunks(GROUP).zip(verdicts.chunks_mut(GROUP)) {
        let items: Vec<Item> = signatures
            .iter()
            .map(|signature| item(domain, signature))
            .collect();
        if holds(&items) {
            continue;
        }
        let groups = signatures
            .chunks(SMALL_GROUP)
            .zip(items.chunks(SMALL_GROUP))
            .zip(verdicts.chunks_mut(SMALL_GROUP));
        for ((signatures, items), verdicts) in groups {
            if holds(items) {
                continue;
            }
            for (signature, verdict) in signatures.iter().zip(verdicts) {
                *verdict = signature
                    .key
                    .verify_client(domain, signature.content, &signature.signature);
            }
        }
    }
    verdicts
}

/// How many of `count` signatures to check at once where `threads` share them: each gets its part if that
/// pays, and no part is larger than one equation.
pub fn signature_group(count: usize, threads: usize) -> usize {
    let shared = (count / WORTH_A_THREAD).clamp(1, threads.max(1));
    count.div_ceil(shared.max(count.div_ceil(GROUP))).max(1)
}

fn item(domain: Domain, signature: &ClientSignature<'_>) -> Item {
    Item::from((
        VerificationKeyBytes::from(signature.key.0),
        ZebraSignature::from(signature.signature.0),
        &domain.preimage(signature.content),
    ))
}

/// Whether the batch equation holds for all of `items`.
fn holds(items: &[Item]) -> bool {
    let mut verifier = Verifier::new();
    for item in items {
        verifier.queue(item.clone());
    }
    // Without randomness an attacker could make errors cancel out, so a failing source ends the process.
    verifier.verify(UnwrapErr(SysRng)).is_ok()
}
