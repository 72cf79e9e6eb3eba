//! Clients' keys that signed before, as points of the curve.
//!
//! To find the point of a key takes a fifth of the time of a check in a batch, and those who sign today
//! mostly signed yesterday. ed25519-zebra finds the points anew in each batch, so groups go to
//! ed25519-dalek first, with the points at hand. Its equation lacks the cofactor: what satisfies it for
//! random multiples satisfies [`verify_client_batch`]'s too, but not the other way round. So a group that
//! fails is judged by that, and the verdicts are the same whatever is known.

use std::collections::HashSet;

use ed25519_dalek::{Signature as DalekSignature, VerifyingKey};
use quick_cache::sync::Cache;

use crate::batch::GROUP;
use crate::{ClientSignature, Domain, KeyError, PublicKey, verify_client_batch};

/// Bounded, and shared by all threads that check signatures.
#[derive(Debug)]
pub struct KnownKeys {
    points: Cache<PublicKey, VerifyingKey>,
}

impl KnownKeys {
    /// Knows no key yet, and at most `limit` later: those not seen for long go.
    pub fn new(limit: usize) -> Self {
        Self {
            points: Cache::new(limit),
        }
    }

    /// Checks many clients' signatures under one domain tag, each with its own verdict, in the same order.
    ///
    /// Each verdict is that of [`PublicKey::verify_client`].
    pub fn verify_client_batch(
        &self,
        domain: Domain,
        signatures: &[ClientSignature<'_>],
    ) -> Vec<Result<(), KeyError>> {
        let mut verdicts = Vec::with_capacity(signatures.len());
        for group in signatures.chunks(GROUP) {
            if are_of_many(group) && self.holds(domain, group) {
                verdicts.resize(verdicts.len() + group.len(), Ok(()));
            } else {
                verdicts.append(&mut verify_client_batch(domain, group));
            }
        }
        verdicts
    }

    /// Whether the equation without cofactor holds for all of `group`; if so, its keys are known from now
    /// on.
    fn holds(&self, domain: Domain, group: &[ClientSignature<'_>]) -> bool {
        let mut keys = Vec::with_capacity(group.len());
        let mut new = Vec::new();
        for ClientSignature { key, .. } in group {
            if let Some(known) = self.points.get(key) {
                keys.push(known);
                continue;
            }
            let Ok(point) = VerifyingKey::from_bytes(&key.0) else {
                return false;
            };
            keys.push(point);
            new.push((*key, point));
        }
        let signed: Vec<Vec<u8>> = group.iter().map(|item| domain.preimage(item.content)).collect();
        let signed: Vec<&[u8]> = signed.iter().map(Vec::as_slice).collect();
        let signatures: Vec<_> = group
            .iter()
            .map(|item| DalekSignature::from_bytes(&item.signature.0))
            .collect();
        let holds = ed25519_dalek::verify_batch(&signed, &signatures, &keys).is_ok();
        if holds {
            for (key, point) in new {
                self.points.insert(key, point);
            }
        }
        holds
    }
}

/// Whether there are more keys than half as many as signatures. With fewer, [`verify_client_batch`] is
/// cheaper, as it adds up what one key has to answer for.
fn are_of_many(group: &[ClientSignature<'_>]) -> bool {
    let keys: HashSet<&PublicKey> = group.iter().map(|item| &item.key).collect();
    2 * keys.len() > group.len()
}
