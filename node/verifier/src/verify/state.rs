//! What the state has under prefixes, each complete (section 12).

use quorate_crypto::Digest;
use quorate_ledger::{Found, Prefix, StateKey, StateProof, StateValue};

use crate::at::At;
use crate::facts::{LeafFacts, PrefixFacts};
use crate::verdict::{Code, Refusal, refuse};

/// The values of all leaves under the proof's prefix in the state with this root, ascending by key.
pub(super) fn values(proof: &StateProof, root: &Digest, at: At<'_>) -> Result<Vec<StateValue>, Refusal> {
    proof.verify(root).map_err(|error| {
        let code = Code::named(error.code()).unwrap_or(Code::BadPath);
        Refusal::new(code, at, error.to_string())
    })
}

/// The value under one key, none if it is absent; the proof must be about this key with 256 bits.
pub(super) fn single(
    proof: &StateProof,
    root: &Digest,
    key: &StateKey,
    at: At<'_>,
) -> Result<Option<StateValue>, Refusal> {
    if proof.v1().prefix != Prefix::of_key(key) {
        let reason = format!("the proof is not of the key {}", hex::encode(key.0));
        return refuse(Code::OtherLeaf, at, reason);
    }
    Ok(values(proof, root, at)?.pop())
}

/// What several proofs found under one root. They ascend strictly by prefix, and are of prefixes that may be asked for.
pub(super) fn check_sorted(
    proofs: &[StateProof],
    root: &Digest,
    at: At<'_>,
) -> Result<Vec<PrefixFacts>, Refusal> {
    let mut found: Vec<PrefixFacts> = Vec::with_capacity(proofs.len());
    for (place, proof) in proofs.iter().enumerate() {
        let at = at.item(place);
        let prefix = &proof.v1().prefix;
        if found
            .last()
            .is_some_and(|before| order(&before.prefix) >= order(prefix))
        {
            return refuse(Code::NotCanonical, at, "the prefixes do not ascend strictly");
        }
        if !prefix.check_question() {
            return refuse(Code::NotCanonical, at, "nobody asks for such a prefix");
        }
        let values = values(proof, root, at)?;
        let leaves = match &proof.v1().found {
            Found::Leaves(leaves) => leaves.as_slice(),
            Found::Empty | Found::Other { .. } => &[],
        };
        let leaves = leaves
            .iter()
            .zip(values)
            .map(|(leaf, value)| LeafFacts { key: leaf.key, value });
        found.push(PrefixFacts {
            prefix: prefix.to_owned(),
            leaves: leaves.collect(),
        });
    }
    Ok(found)
}

/// Refuses prefixes of which one covers another: so nothing is shown twice.
pub(super) fn check_apart<'a>(
    proofs: impl Iterator<Item = &'a StateProof>,
    at: At<'_>,
) -> Result<(), Refusal> {
    let mut prefixes: Vec<&Prefix> = proofs.map(|proof| &proof.v1().prefix).collect();
    // In this order all that a prefix covers comes right behind it.
    prefixes.sort_by_key(|prefix| order(prefix));
    let mut pairs = prefixes.iter().zip(prefixes.iter().skip(1));
    match pairs.find(|(wide, narrow)| wide.covers(&StateKey(narrow.key))) {
        Some((wide, _)) => refuse(
            Code::NotCanonical,
            at,
            format!("the prefix {wide} covers another"),
        ),
        None => Ok(()),
    }
}

/// The order of prefixes: key, then bits.
fn order(prefix: &Prefix) -> ([u8; 32], u16) {
    (prefix.key, prefix.bits)
}
