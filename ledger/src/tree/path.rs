//! The way from the state root to what lies under a prefix.

use super::rule;
use crate::state::{Found, Leaf, PathStep, StateProof, StateProofV1, value_hash};
use crate::{Prefix, StateKey};

/// The way from the state root to all leaves under a prefix, or to one that shows that there are none. The
/// tree keeps no values, so it becomes a proof with those of these leaves ([`PrefixPath::with_values`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixPath {
    pub(super) prefix: Prefix,
    pub(super) steps: Vec<rule::Step>,
    /// None in an empty state.
    pub(super) found: Option<rule::Found>,
}

impl PrefixPath {
    /// The keys, ascending, whose values make this a proof.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &StateKey> {
        let leaves: &[rule::Leaf] = match &self.found {
            None => &[],
            Some(rule::Found::Other(leaf)) => std::slice::from_ref(leaf),
            Some(rule::Found::Leaves(leaves)) => leaves.as_slice(),
        };
        leaves.iter().map(|leaf| &leaf.key)
    }

    /// The proof, given the values under [`Self::keys`] at the same height as this path; with other values it
    /// is none. It is asked for them in that order, each once.
    ///
    /// # Errors
    /// If a value cannot be had.
    pub fn with_values<E>(
        self,
        mut value_of: impl FnMut(&StateKey) -> Result<Vec<u8>, E>,
    ) -> Result<StateProof, E> {
        let found = match self.found {
            None => Found::Empty,
            Some(rule::Found::Other(leaf)) => Found::Other {
                key: leaf.key,
                value: value_hash(&value_of(&leaf.key)?),
            },
            Some(rule::Found::Leaves(leaves)) => {
                let mut shown = Vec::with_capacity(leaves.len());
                for rule::Leaf { key, .. } in leaves {
                    let value = value_of(&key)?;
                    shown.push(Leaf { key, value });
                }
                Found::Leaves(shown)
            }
        };
        let steps = self.steps.into_iter();
        Ok(StateProof::V1(StateProofV1 {
            prefix: self.prefix,
            path: steps
                .map(|(depth, sibling)| PathStep { depth, sibling })
                .collect(),
            found,
        }))
    }
}
