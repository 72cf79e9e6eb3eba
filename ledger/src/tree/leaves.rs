//! A few leaves in order, held in as little memory as they need: one exact allocation, in which accounts,
//! which nearly all of them are, have their keys without the byte of kind, which they share, and without the
//! zeros at the end. The tree holds all of the state's keys in memory, so what a leaf takes here is most of
//! what an account costs a node.

use quorate_crypto::Digest;

use super::rule::Leaf;
use crate::StateKey;

/// Bytes of a key after its first that say whose it is; for an account the rest is zero.
const OWNER_BYTES: usize = 20;

/// Sorted leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    /// Of accounts alone, or whatever else has short keys.
    Short {
        /// The first byte of all their keys. It fits beside the variant, so it takes no memory.
        first: u8,
        /// The rest.
        leaves: Box<[ShortLeaf]>,
    },
    /// At least one is of something else.
    Mixed(Box<[Leaf]>),
}

/// A leaf whose key is zero after its first 21 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShortLeaf {
    owner: [u8; OWNER_BYTES],
    hash: Digest,
}

impl ShortLeaf {
    /// The leaf, if its key has this first byte and is short.
    fn of(first: u8, leaf: &Leaf) -> Option<Self> {
        let (own, rest) = leaf.key.0.split_first()?;
        let (owner, rest) = rest.split_first_chunk()?;
        let is_short = *own == first && rest.iter().all(|byte| *byte == 0);
        is_short.then_some(Self {
            owner: *owner,
            hash: leaf.hash,
        })
    }

    fn leaf(&self, first: u8) -> Leaf {
        let mut key = [0; 32];
        key[0] = first;
        key[1..=OWNER_BYTES].copy_from_slice(&self.owner);
        Leaf {
            key: StateKey(key),
            hash: self.hash,
        }
    }
}

impl Default for Leaves {
    fn default() -> Self {
        Self::Short {
            first: 0,
            leaves: Box::default(),
        }
    }
}

impl Leaves {
    /// Keeps these leaves.
    pub(super) fn of(leaves: &[Leaf]) -> Self {
        let first = leaves.first().map_or(0, |leaf| leaf.key.0[0]);
        let are_short = leaves.iter().all(|leaf| ShortLeaf::of(first, leaf).is_some());
        if are_short {
            let leaves = leaves.iter().filter_map(|leaf| ShortLeaf::of(first, leaf));
            Self::Short {
                first,
                leaves: leaves.collect(),
            }
        } else {
            Self::Mixed(leaves.into())
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Short { leaves, .. } => leaves.len(),
            Self::Mixed(leaves) => leaves.len(),
        }
    }

    /// Appends all of them.
    pub(super) fn collect_into(&self, all: &mut Vec<Leaf>) {
        match self {
            Self::Short { first, leaves } => all.extend(leaves.iter().map(|leaf| leaf.leaf(*first))),
            Self::Mixed(leaves) => all.extend_from_slice(leaves),
        }
    }

    /// All of them.
    pub(super) fn to_vec(&self) -> Vec<Leaf> {
        let mut all = Vec::with_capacity(self.len());
        self.collect_into(&mut all);
        all
    }

    /// Keeps these leaves instead, where it can in the same memory.
    pub(super) fn replace(&mut self, leaves: &[Leaf]) {
        match self {
            Self::Short { first, leaves: own } if own.len() == leaves.len() => {
                for (own, leaf) in own.iter_mut().zip(leaves) {
                    match ShortLeaf::of(*first, leaf) {
                        Some(leaf) => *own = leaf,
                        None => return *self = Self::of(leaves),
                    }
                }
            }
            _ => *self = Self::of(leaves),
        }
    }

    /// The first byte of the first leaf: to look at it brings the memory near.
    pub(super) fn first_byte(&self) -> u8 {
        match self {
            Self::Short { leaves, .. } => leaves.first().map_or(0, |leaf| leaf.owner[0]),
            Self::Mixed(leaves) => leaves.first().map_or(0, |leaf| leaf.key.0[0]),
        }
    }
}
