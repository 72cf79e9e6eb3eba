//! Proofs that a value is in the state, or that none is under a key.
//!
//! A path follows the key's own bits from the root through every place where keys part. It ends at the
//! key's leaf if the key is present, and else at another leaf, which shows that it is absent.

use quorate_crypto::Digest;
use quorate_crypto::bounded::bounded_vec;
use serde::{Deserialize, Serialize};

use super::rule;
use crate::{StateKey, value_hash};

/// The most steps of a path: one for each bit of a key.
pub const MAX_STEPS: usize = 256;

/// Proof of what the state holds under a key, or that it holds nothing there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateProof {
    /// Version 1.
    V1(StateProofV1),
}

/// Version 1 of [`StateProof`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateProofV1 {
    /// From the root downwards.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_STEPS>")]
    pub path: Vec<ProofStep>,
    /// The leaf at the path's end; none in an empty state.
    pub leaf: Option<ProofLeaf>,
}

/// A place on the way where keys part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofStep {
    /// The bit in which they part.
    pub depth: u8,
    /// The root of the side that the path leaves aside.
    pub sibling: Digest,
}

/// The leaf at a path's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofLeaf {
    /// Its key.
    pub key: StateKey,
    /// The hash of its value.
    pub value: Digest,
}

/// The way from the root to the leaf where a key is or would be. The tree keeps no values, so it
/// becomes a proof with the value of that leaf ([`StatePath::with_value`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatePath {
    pub(super) steps: Vec<rule::Step>,
    pub(super) end: Option<rule::Leaf>,
}

/// Why something proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateProofError {
    /// Steps that do not descend.
    #[error("the steps of the path do not descend strictly")]
    Unordered,
    /// A step beside which there is nothing.
    #[error("a step of the path has an empty side")]
    EmptySide,
    /// The path ends elsewhere than the key's bits lead.
    #[error("the path does not follow the key")]
    AnotherPath,
    /// The hashes do not add up to the root.
    #[error("the proof does not fit the state root")]
    WrongRoot,
}

impl StatePath {
    /// The key of the leaf at the end, whose value makes this a proof; none in an empty state.
    pub fn end(&self) -> Option<&StateKey> {
        self.end.as_ref().map(|leaf| &leaf.key)
    }

    /// The proof, given the value of the leaf at the end, at the same height as this path.
    pub fn with_value(&self, value: Option<&[u8]>) -> Result<StateProof, StateProofError> {
        let leaf = match (self.end, value) {
            (None, None) => None,
            (Some(end), Some(value)) => Some((end, value_hash(value))),
            _ => return Err(StateProofError::WrongRoot),
        };
        if leaf.is_some_and(|(end, value)| rule::leaf_hash(&end.key, &value) != end.hash) {
            return Err(StateProofError::WrongRoot);
        }
        let steps = self.steps.iter();
        Ok(StateProof::V1(StateProofV1 {
            path: steps
                .map(|&(depth, sibling)| ProofStep { depth, sibling })
                .collect(),
            leaf: leaf.map(|(end, value)| ProofLeaf { key: end.key, value }),
        }))
    }
}

impl StateProof {
    /// The hash of the value that the state with this root has under `key`, or none if it has none.
    pub fn verify(&self, root: &Digest, key: &StateKey) -> Result<Option<Digest>, StateProofError> {
        let Self::V1(proof) = self;
        let path = &proof.path;
        if !path.is_sorted_by(|a, b| a.depth < b.depth) {
            return Err(StateProofError::Unordered);
        }
        if path.iter().any(|step| step.sibling == Digest::ZERO) {
            return Err(StateProofError::EmptySide);
        }
        let follows = |leaf: &ProofLeaf| {
            path.iter()
                .all(|step| leaf.key.bit(step.depth) == key.bit(step.depth))
        };
        if !proof.leaf.as_ref().map_or(path.is_empty(), follows) {
            return Err(StateProofError::AnotherPath);
        }
        if proof.root() != *root {
            return Err(StateProofError::WrongRoot);
        }
        Ok(proof.leaf.filter(|leaf| leaf.key == *key).map(|leaf| leaf.value))
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &StateProofV1 {
        let Self::V1(proof) = self;
        proof
    }
}

impl StateProofV1 {
    /// The root that the leaf and the path add up to.
    fn root(&self) -> Digest {
        let Some(leaf) = &self.leaf else {
            return Digest::ZERO;
        };
        let bottom = rule::leaf_hash(&leaf.key, &leaf.value);
        self.path.iter().rev().fold(bottom, |below, step| {
            if leaf.key.bit(step.depth) {
                rule::join(step.depth, &step.sibling, &below)
            } else {
                rule::join(step.depth, &below, &step.sibling)
            }
        })
    }
}
