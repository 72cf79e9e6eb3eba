//! A few leaves in order, held in as little memory as they need: one exact allocation, in which accounts,
//! which nearly all of them are, have their keys without the zeros at the end. The tree holds all of the
//! state's keys in memory, so what a leaf takes here is most of what an account costs a node.

use quorate_crypto::Digest;

use super::rule::Leaf;
use crate::StateKey;

/// Bytes of a key that say whose it is; for an account the rest is zero.
const OWNER_BYTES: usize = 20;

/// Sorted leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    /// Of accounts alone.
    Accounts(Box<[AccountLeaf]>),
    /// At least one is of something else.
    Mixed(Box<[Leaf]>),
}

/// The leaf of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AccountLeaf {
    owner: [u8; OWNER_BYTES],
    hash: Digest,
}

impl AccountLeaf {
    fn of(leaf: &Leaf) -> Option<Self> {
        let (owner, rest) = leaf.key.0.split_first_chunk()?;
        rest.iter().all(|byte| *byte == 0).then_some(Self {
            owner: *owner,
            hash: leaf.hash,
        })
    }

    fn leaf(&self) -> Leaf {
        let mut key = [0; 32];
        key[..OWNER_BYTES].copy_from_slice(&self.owner);
        Leaf {
            key: StateKey(key),
            hash: self.hash,
        }
    }
}

impl Default for Leaves {
    fn default() -> Self {
        Self::Accounts(Box::default())
    }
}

impl Leaves {
    /// Keeps these leaves.
    pub(super) fn of(leaves: &[Leaf]) -> Self {
        let are_accounts = leaves.iter().all(|leaf| AccountLeaf::of(leaf).is_some());
        if are_accounts {
            Self::Accounts(leaves.iter().filter_map(AccountLeaf::of).collect())
        } else {
            Self::Mixed(leaves.into())
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Accounts(leaves) => leaves.len(),
            Self::Mixed(leaves) => leaves.len(),
        }
    }

    /// Appends all of them.
    pub(super) fn collect_into(&self, all: &mut Vec<Leaf>) {
        match self {
            Self::Accounts(leaves) => all.extend(leaves.iter().map(AccountLeaf::leaf)),
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
            Self::Accounts(own) if own.len() == leaves.len() => {
                for (own, leaf) in own.iter_mut().zip(leaves) {
                    match AccountLeaf::of(leaf) {
                        Some(leaf) => *own = leaf,
                        None => return *self = Self::Mixed(leaves.into()),
                    }
                }
            }
            _ => *self = Self::of(leaves),
        }
    }

    /// The first byte of the first leaf: to look at it brings the memory near.
    pub(super) fn first_byte(&self) -> u8 {
        match self {
            Self::Accounts(leaves) => leaves.first().map_or(0, |leaf| leaf.owner[0]),
            Self::Mixed(leaves) => leaves.first().map_or(0, |leaf| leaf.key.0[0]),
        }
    }
}
