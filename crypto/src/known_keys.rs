//! Clients' keys that signed before, as points of their curves.
//!
//! To find the point of a key takes a fifth of the time of an Ed25519 check in a batch, and a part of that of a P-256
//! check; and those who sign today mostly signed yesterday. ed25519-zebra finds the points anew in each batch, so
//! groups go to ed25519-dalek first, with the points at hand. Its equation lacks the cofactor: what satisfies it for
//! random multiples satisfies [`verify_clients`](crate::verify_clients)'s too, but not the other way round. So a group
//! that fails is judged by that, and the verdicts are the same whatever is known.

use std::collections::HashSet;

use ed25519_dalek::{Signature as DalekSignature, VerifyingKey as EdwardsPoint};
use p256::ecdsa::VerifyingKey as P256Point;
use quick_cache::sync::Cache;

use crate::batch::{EdwardsItem, judge, verify_group};
use crate::{KeySignature, ecdsa};

/// Bounded, and shared by all threads that check signatures.
#[derive(Debug)]
pub struct KnownKeys {
    edwards: Cache<[u8; 32], EdwardsPoint>,
    p256: Cache<[u8; 33], P256Point>,
}

impl KnownKeys {
    /// Knows no key yet, and at most `limit` of each kind later: those not seen for long go.
    pub fn new(limit: usize) -> Self {
        Self {
            edwards: Cache::new(limit),
            p256: Cache::new(limit),
        }
    }

    /// Checks many clients' signatures, each over the bytes beside it (a tag's [preimage](crate::Tag::preimage)), each
    /// with its own verdict, in the same order.
    ///
    /// Each verdict is that of [`KeySignature::verify`].
    pub fn verify_clients(&self, items: &[(&KeySignature, &[u8])]) -> Vec<bool> {
        judge(
            items,
            |group| {
                if are_of_many(group) && self.holds(group) {
                    vec![true; group.len()]
                } else {
                    verify_group(group)
                }
            },
            |key, signature, preimage| self.verify_p256(key, signature, preimage),
        )
    }

    /// Whether the equation without cofactor holds for all of `group`; if so, its keys are known from now on.
    fn holds(&self, group: &[EdwardsItem<'_>]) -> bool {
        let mut keys = Vec::with_capacity(group.len());
        let mut new = Vec::new();
        for EdwardsItem { key, .. } in group {
            if let Some(known) = self.edwards.get(*key) {
                keys.push(known);
                continue;
            }
            let Ok(point) = EdwardsPoint::from_bytes(key) else {
                return false;
            };
            keys.push(point);
            new.push((**key, point));
        }
        let signed: Vec<&[u8]> = group.iter().map(|item| item.preimage).collect();
        let signatures: Vec<_> = group
            .iter()
            .map(|item| DalekSignature::from_bytes(item.signature))
            .collect();
        let holds = ed25519_dalek::verify_batch(&signed, &signatures, &keys).is_ok();
        if holds {
            for (key, point) in new {
                self.edwards.insert(key, point);
            }
        }
        holds
    }

    /// Whether a P-256 signature is good; if so, its key is known from now on.
    fn verify_p256(&self, key: &[u8; 33], signature: &[u8; 64], preimage: &[u8]) -> bool {
        let Some(signature) = ecdsa::read(signature) else {
            return false;
        };
        if let Some(point) = self.p256.get(key) {
            return ecdsa::holds(&point, &signature, preimage);
        }
        let Some(point) = ecdsa::point(key) else {
            return false;
        };
        let holds = ecdsa::holds(&point, &signature, preimage);
        if holds {
            self.p256.insert(*key, point);
        }
        holds
    }
}

/// Whether there are more keys than half as many as signatures. With fewer, [`verify_group`] is cheaper, as it adds up
/// what one key has to answer for.
fn are_of_many(group: &[EdwardsItem<'_>]) -> bool {
    let keys: HashSet<&[u8; 32]> = group.iter().map(|item| item.key).collect();
    2 * keys.len() > group.len()
}
