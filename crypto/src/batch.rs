//! Clients' signatures in batches (`docs/formats.md`, section 2).
//!
//! A batch of Ed25519 signatures is one equation over random multiples of all of them, several times cheaper than the
//! same signatures one by one. When it holds, each would be accepted alone; when it fails, smaller groups are tried,
//! and those that fail too are judged one by one. So the set that is accepted is exactly that of
//! [`KeySignature::verify`], and bad signatures can at most double the work of checking everything one by one. P-256
//! has no such equation: its signatures are checked one by one, which is what their cost says.

use ed25519_zebra::batch::{Item, Verifier};
use ed25519_zebra::{Signature as ZebraSignature, VerificationKeyBytes};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use crate::key::is_edwards_of_good_form;
use crate::signing::verify_ed25519;
use crate::{KeySignature, ecdsa};

/// Signatures checked by one equation: beyond this a group gets hardly cheaper, and a bad one dearer.
const GROUP: usize = 1_024;

/// Signatures below which a group is not worth dividing between two threads: one twice as large is a
/// twentieth cheaper for each of its signatures.
const WORTH_A_THREAD: usize = 256;

/// The groups that a failed group is divided into.
const SMALL_GROUP: usize = 16;

/// An Ed25519 signature, whose key is of good form: the batch equation says nothing about that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EdwardsItem<'a> {
    /// Its place among all that are judged.
    place: usize,
    pub(crate) key: &'a [u8; 32],
    pub(crate) signature: &'a [u8; 64],
    pub(crate) preimage: &'a [u8],
}

/// Checks many clients' signatures, each over the bytes beside it (a tag's [preimage](crate::Tag::preimage)), each
/// with its own verdict, in the same order.
///
/// Each verdict is that of [`KeySignature::verify`].
pub fn verify_clients(items: &[(&KeySignature, &[u8])]) -> Vec<bool> {
    judge(items, verify_group, ecdsa::verify)
}

/// How many of `count` signatures to check at once where `threads` share them: each gets its part if that
/// pays, and no part is larger than one equation.
pub fn signature_group(count: usize, threads: usize) -> usize {
    let shared = (count / WORTH_A_THREAD).clamp(1, threads.max(1));
    count.div_ceil(shared.max(count.div_ceil(GROUP))).max(1)
}

/// Hands Ed25519 signatures in groups to `group`, P-256's one by one to `single`, and puts the verdicts in order.
pub(crate) fn judge<'a>(
    items: &[(&'a KeySignature, &'a [u8])],
    group: impl Fn(&[EdwardsItem<'a>]) -> Vec<bool>,
    single: impl Fn(&[u8; 33], &[u8; 64], &[u8]) -> bool,
) -> Vec<bool> {
    let mut verdicts = vec![false; items.len()];
    let mut edwards = Vec::with_capacity(items.len());
    for (place, &(signature, preimage)) in items.iter().enumerate() {
        match signature {
            KeySignature::Ed25519 { key, signature } => {
                if is_edwards_of_good_form(key) {
                    edwards.push(EdwardsItem {
                        place,
                        key,
                        signature,
                        preimage,
                    });
                }
            }
            KeySignature::P256 { key, signature } => verdicts[place] = single(key, signature, preimage),
        }
    }
    for items in edwards.chunks(GROUP) {
        for (item, verdict) in items.iter().zip(group(items)) {
            verdicts[item.place] = verdict;
        }
    }
    verdicts
}

/// The verdicts of one group.
pub(crate) fn verify_group(group: &[EdwardsItem<'_>]) -> Vec<bool> {
    if let [item] = group {
        return vec![item.verify()];
    }
    let items: Vec<Item> = group.iter().map(EdwardsItem::queued).collect();
    if holds(&items) {
        return vec![true; group.len()];
    }
    let mut verdicts = Vec::with_capacity(group.len());
    for (group, items) in group.chunks(SMALL_GROUP).zip(items.chunks(SMALL_GROUP)) {
        if holds(items) {
            verdicts.resize(verdicts.len() + group.len(), true);
        } else {
            verdicts.extend(group.iter().map(EdwardsItem::verify));
        }
    }
    verdicts
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

impl EdwardsItem<'_> {
    fn verify(&self) -> bool {
        verify_ed25519(self.key, self.signature, self.preimage)
    }

    fn queued(&self) -> Item {
        Item::from((
            VerificationKeyBytes::from(*self.key),
            ZebraSignature::from(*self.signature),
            self.preimage,
        ))
    }
}
