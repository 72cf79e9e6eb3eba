//! Proofs of all that the state holds under a prefix, or that it holds nothing there
//! (`docs/formats.md`, section 12).
//!
//! A path follows the prefix's bits from the root through every place where keys part. It ends at the
//! leaves under the prefix, all of them, and else at another leaf, which shows that there are none.

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Address, Digest};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Prefix, StateKey, StateValue, ValueError, value_hash};
use crate::AssetCode;
use crate::limits::{self, MAX_VALUE_BYTES};
use crate::tree::rule;

/// The most steps of a path: one for each bit of a key.
pub const MAX_STEPS: usize = limits::MAX_STATE_PROOF_STEPS;

/// The most leaves that a proof shows.
pub const MAX_PROOF_LEAVES: usize = limits::MAX_STATE_PROOF_LEAVES;

/// The most bytes of an encoded proof of the state.
pub const MAX_STATE_PROOF_BYTES: usize = limits::MAX_STATE_PROOF_BYTES;

/// Proof of all that the state holds under a prefix, or that it holds nothing there. One key is a prefix of
/// 256 bits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateProof {
    /// Version 1.
    V1(StateProofV1),
}

/// Version 1 of [`StateProof`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateProofV1 {
    /// What it is about.
    pub prefix: Prefix,
    /// From the root downwards, strictly ascending by depth.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_STEPS>")]
    pub path: Vec<PathStep>,
    /// What is at the path's end.
    pub found: Found,
}

/// A place on the way where keys part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathStep {
    /// The bit in which they part.
    pub depth: u8,
    /// The root of the side that the path leaves aside, never 32 zero bytes.
    pub sibling: Digest,
}

/// What is at a path's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// Nothing: the state is empty.
    Empty,
    /// A leaf that is not under the prefix, so none is.
    Other {
        /// Its key.
        key: StateKey,
        /// The hash of its value ([`value_hash`]).
        value: Digest,
    },
    /// All leaves under the prefix: at least one, strictly ascending by key.
    Leaves(#[serde(deserialize_with = "bounded_vec::<_, _, MAX_PROOF_LEAVES>")] Vec<Leaf>),
}

/// A leaf of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// Where it lies.
    pub key: StateKey,
    /// The value's bytes, at most 32,768.
    #[serde(serialize_with = "serde_bytes::serialize", deserialize_with = "value_bytes")]
    pub value: Vec<u8>,
}

/// Why something proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateProofError {
    /// More bytes, steps or leaves than a proof has.
    #[error("a proof of the state has more than 16 MiB, 256 steps or 65,536 leaves")]
    TooLong,
    /// A prefix of too many bits, or with bits after its end.
    #[error("{prefix} is no prefix of keys")]
    BadPrefix {
        /// The prefix.
        prefix: Prefix,
    },
    /// Steps that do not descend.
    #[error("the steps of the path do not descend strictly")]
    Unordered,
    /// A step beside which there is nothing.
    #[error("a step of the path has an empty side")]
    EmptySide,
    /// No leaves, where there should be at least one, or leaves in another order.
    #[error("the leaves shown are none, or do not ascend strictly by key")]
    UnorderedLeaves,
    /// Something is said to be under the prefix, or not under it, and the keys say otherwise.
    #[error("{key} is shown on the wrong side of the prefix {prefix}")]
    WrongSide {
        /// The leaf's key.
        key: StateKey,
        /// The prefix.
        prefix: Prefix,
    },
    /// A step below the prefix's end.
    #[error("the path has a step at depth {depth}, below the end of the prefix {prefix}")]
    TooDeep {
        /// The step's depth.
        depth: u8,
        /// The prefix.
        prefix: Prefix,
    },
    /// The path ends elsewhere than the prefix's bits lead.
    #[error("the path does not follow the prefix")]
    AnotherPath,
    /// The hashes do not add up to the root.
    #[error("the proof does not fit the state root")]
    WrongRoot,
    /// A value that is none of its key.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// Balances of an account whose own leaf is not there.
    #[error("there are balances of {address}, and not its account")]
    WithoutAccount {
        /// Whose.
        address: Address,
    },
    /// One balance in two leaves.
    #[error("{address} has its balance of {asset} in two leaves")]
    BalanceTwice {
        /// Whose.
        address: Address,
        /// Of what.
        asset: AssetCode,
    },
}

impl StateProofError {
    /// The stable code of section 23.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong
            | Self::BadPrefix { .. }
            | Self::Unordered
            | Self::EmptySide
            | Self::UnorderedLeaves => "not_canonical",
            Self::WrongSide { .. } | Self::TooDeep { .. } | Self::AnotherPath | Self::WrongRoot => "bad_path",
            Self::Value(_) | Self::WithoutAccount { .. } | Self::BalanceTwice { .. } => "other_leaf",
        }
    }
}

/// Reads a value's bytes.
fn value_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let value: Vec<u8> = serde_bytes::deserialize(deserializer)?;
    if value.len() > MAX_VALUE_BYTES {
        return Err(D::Error::invalid_length(
            value.len(),
            &"a value of at most 32,768 bytes",
        ));
    }
    Ok(value)
}

impl StateProof {
    /// Version 1's fields.
    pub fn v1(&self) -> &StateProofV1 {
        let Self::V1(proof) = self;
        proof
    }

    /// What the state with this root has under the prefix, all of it, ascending by key
    /// ([`StateValue::key`]); nothing if it has nothing there.
    ///
    /// # Errors
    /// If the proof is not in its one form, its hashes do not give the root, a value is not its key's, or
    /// balances are shown without their account or one of them twice.
    pub fn verify(&self, root: &Digest) -> Result<Vec<StateValue>, StateProofError> {
        self.check_form()?;
        let proof = self.v1();
        let (bottom, values) = match &proof.found {
            Found::Empty if proof.path.is_empty() => (Digest::ZERO, Vec::new()),
            Found::Empty => return Err(StateProofError::AnotherPath),
            Found::Other { key, value } => (proof.other(key, value)?, Vec::new()),
            Found::Leaves(leaves) => proof.leaves(leaves)?,
        };
        if proof.joined(bottom) != *root {
            return Err(StateProofError::WrongRoot);
        }
        Ok(values)
    }

    /// Whether the proof is in its one form: limits and orders, without a look at any hash.
    ///
    /// # Errors
    /// If it is not; all these have the code `not_canonical`.
    pub fn check_form(&self) -> Result<(), StateProofError> {
        let StateProofV1 { prefix, path, found } = self.v1();
        let leaves: &[Leaf] = match found {
            Found::Leaves(leaves) => leaves.as_slice(),
            Found::Empty | Found::Other { .. } => &[],
        };
        let is_long = path.len() > MAX_STEPS
            || leaves.len() > MAX_PROOF_LEAVES
            || leaves.iter().any(|leaf| leaf.value.len() > MAX_VALUE_BYTES);
        if is_long || !bcs::serialized_size(self).is_ok_and(|bytes| bytes <= MAX_STATE_PROOF_BYTES) {
            return Err(StateProofError::TooLong);
        }
        if !prefix.is_well_formed() {
            return Err(StateProofError::BadPrefix { prefix: *prefix });
        }
        if !path.is_sorted_by(|a, b| a.depth < b.depth) {
            return Err(StateProofError::Unordered);
        }
        if path.iter().any(|step| step.sibling == Digest::ZERO) {
            return Err(StateProofError::EmptySide);
        }
        let shows_none = matches!(found, Found::Leaves(leaves) if leaves.is_empty());
        if shows_none || !leaves.is_sorted_by(|a, b| a.key < b.key) {
            return Err(StateProofError::UnorderedLeaves);
        }
        Ok(())
    }
}

impl StateProofV1 {
    /// The hash of a leaf that shows that nothing is under the prefix.
    fn other(&self, key: &StateKey, value: &Digest) -> Result<Digest, StateProofError> {
        let prefix = self.prefix;
        if prefix.covers(key) {
            return Err(StateProofError::WrongSide { key: *key, prefix });
        }
        let follows = |step: &PathStep| key.bit(step.depth) == prefix.bit(step.depth);
        if !self.path.iter().all(follows) {
            return Err(StateProofError::AnotherPath);
        }
        Ok(rule::leaf_hash(key, value))
    }

    /// The root of the leaves under the prefix, and their values. The leaves ascend.
    fn leaves(&self, leaves: &[Leaf]) -> Result<(Digest, Vec<StateValue>), StateProofError> {
        let prefix = self.prefix;
        let mut values = Vec::with_capacity(leaves.len());
        let mut hashes = Vec::with_capacity(leaves.len());
        for Leaf { key, value } in leaves {
            let key = *key;
            if !prefix.covers(&key) {
                return Err(StateProofError::WrongSide { key, prefix });
            }
            values.push(StateValue::decode(&key, value)?);
            let hash = rule::leaf_hash(&key, &value_hash(value));
            hashes.push(rule::Leaf { key, hash });
        }
        if prefix.has_whole_accounts() {
            check_accounts(&values)?;
        }
        let below = self.path.iter().find(|step| u16::from(step.depth) >= prefix.bits);
        if let Some(&PathStep { depth, .. }) = below {
            return Err(StateProofError::TooDeep { depth, prefix });
        }
        Ok((rule::root(&hashes), values))
    }

    /// The root that the path adds up to, from what is at its end.
    fn joined(&self, bottom: Digest) -> Digest {
        self.path.iter().rev().fold(bottom, |below, step| {
            if self.prefix.bit(step.depth) {
                rule::join(step.depth, &step.sibling, &below)
            } else {
                rule::join(step.depth, &below, &step.sibling)
            }
        })
    }
}

/// Checks that each account's leaf stands before its other balances, and has none of them.
fn check_accounts(values: &[StateValue]) -> Result<(), StateProofError> {
    let mut account = None;
    for value in values {
        match value {
            StateValue::Account(own) => account = Some(own.v1()),
            StateValue::Balance(balance) => {
                let (address, asset) = (balance.v1().address, balance.v1().asset);
                let Some(account) = account.filter(|account| account.address == address) else {
                    return Err(StateProofError::WithoutAccount { address });
                };
                if account.balances.iter().any(|inline| inline.asset == asset) {
                    return Err(StateProofError::BalanceTwice { address, asset });
                }
            }
            _ => {}
        }
    }
    Ok(())
}
