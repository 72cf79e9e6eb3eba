//! What must be so for a hold to be released (`docs/formats.md`, section 11; rule 24).

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Address, Digest};
use serde::{Deserialize, Serialize};

use crate::codec::encode;
use crate::limits::MAX_CONDITION_LEAVES;
use crate::primitives::Timestamp;

/// So many of these leaves must be met: "all of" is as many as there are, "any of" is 1. Conditions do not nest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// How many of the leaves must be met: 1 to their number.
    pub need: u8,
    /// 1 to 8, strictly ascending by encoding.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_CONDITION_LEAVES>")]
    pub leaves: Vec<ConditionLeaf>,
}

/// One thing that is so or not. The order of the variants is frozen.
///
/// It has no `Ord`: leaves ascend by encoding, in which the lowest byte of a time comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConditionLeaf {
    /// This account is a party of the releasing transaction.
    Signs(Address),
    /// The block's time is this or later.
    From(Timestamp),
    /// The releasing operation shows 32 bytes with this SHA-256.
    Preimage(Digest),
    /// This account has an own record of this hash.
    Record {
        /// The document's hash.
        sha256: Digest,
        /// Whose record.
        by: Address,
    },
}

/// Why a condition is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// No leaf, or more than 8.
    #[error("the condition has {count} leaves, 1 to 8 are allowed")]
    LeafCount {
        /// Leaves found.
        count: usize,
    },
    /// Leaves out of order, or one twice.
    #[error("the condition's leaves are not strictly ascending by their encodings")]
    Unordered,
    /// It needs none of its leaves, or more than it has.
    #[error("the condition needs {need} of {count} leaves")]
    Need {
        /// How many it needs.
        need: u8,
        /// How many it has.
        count: usize,
    },
}

impl Condition {
    /// The condition that `need` of these leaves are met, put in order, each once.
    pub fn new(need: u8, mut leaves: Vec<ConditionLeaf>) -> Self {
        leaves.sort_by_cached_key(encode);
        leaves.dedup();
        Self { need, leaves }
    }

    /// Checks number and order of the leaves, and that as many as are needed can be met.
    pub fn check_form(&self) -> Result<(), ConditionError> {
        let count = self.leaves.len();
        if !(1..=MAX_CONDITION_LEAVES).contains(&count) {
            return Err(ConditionError::LeafCount { count });
        }
        let encoded: Vec<Vec<u8>> = self.leaves.iter().map(encode).collect();
        if !encoded.is_sorted_by(|a, b| a < b) {
            return Err(ConditionError::Unordered);
        }
        let need = self.need;
        if (1..=count).contains(&usize::from(need)) {
            Ok(())
        } else {
            Err(ConditionError::Need { need, count })
        }
    }
}
