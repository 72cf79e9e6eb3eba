//! The leaves below one entry of the flat upper tree: a few in a sorted list, or, where somebody
//! chose addresses to fill one bucket, a binary tree of such lists, so that an update stays cheap.

use quorate_crypto::Digest;

use super::leaves::Leaves;
use super::rule::{self, Found, Leaf, Step};
use crate::{Prefix, StateKey};

/// A leaf's new hash, or its removal.
pub(super) type Change = (StateKey, Option<Digest>);

/// The most leaves of a list. Beyond that hashing all of them again costs more than a tree does.
const MAX_LEAVES: usize = 16;

/// A tree of lists becomes a list again when it has no more leaves than this.
const FEW_LEAVES: usize = 8;

/// Leaves that share a prefix, sorted by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bucket {
    Leaves(Leaves),
    Split(Box<Split>),
}

/// Two nonempty sets of leaves whose keys part at bit `depth`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Split {
    depth: u8,
    /// Any key below: all agree in the bits before `depth`.
    prefix: StateKey,
    roots: [Digest; 2],
    children: [Bucket; 2],
}

impl Default for Bucket {
    fn default() -> Self {
        Self::Leaves(Leaves::default())
    }
}

impl Bucket {
    /// A bucket of sorted leaves.
    pub(super) fn of(leaves: &[Leaf]) -> Self {
        if leaves.len() <= MAX_LEAVES {
            return Self::Leaves(Leaves::of(leaves));
        }
        let (depth, middle) = rule::split(leaves);
        let (left, right) = leaves.split_at(middle);
        Self::split(depth, leaves[0].key, [Self::of(left), Self::of(right)])
    }

    fn split(depth: u8, prefix: StateKey, children: [Self; 2]) -> Self {
        let roots = [children[0].root(), children[1].root()];
        Self::Split(Box::new(Split {
            depth,
            prefix,
            roots,
            children,
        }))
    }

    /// The root of all leaves.
    pub(super) fn root(&self) -> Digest {
        match self {
            Self::Leaves(leaves) => rule::root(&leaves.to_vec()),
            Self::Split(split) => rule::join(split.depth, &split.roots[0], &split.roots[1]),
        }
    }

    /// Follows the bits of `prefix`, as [`rule::find`] does.
    pub(super) fn find(&self, prefix: &Prefix, path: &mut Vec<Step>) -> Option<Found> {
        match self {
            Self::Leaves(leaves) => rule::find(&leaves.to_vec(), prefix, path),
            Self::Split(split) => {
                if u16::from(split.depth) >= prefix.bits && prefix.covers(&split.prefix) {
                    let mut leaves = Vec::new();
                    self.collect_into(&mut leaves);
                    return Some(Found::Leaves(leaves));
                }
                let side = usize::from(prefix.bit(split.depth));
                path.push((split.depth, split.roots[1 - side]));
                split.children[side].find(prefix, path)
            }
        }
    }

    /// A byte that lies where the leaves do: to look at it brings them near.
    pub(super) fn first_byte(&self) -> u8 {
        match self {
            Self::Leaves(leaves) => leaves.first_byte(),
            Self::Split(split) => split.depth,
        }
    }

    /// Appends all leaves in order.
    pub(super) fn collect_into(&self, leaves: &mut Vec<Leaf>) {
        match self {
            Self::Leaves(own) => own.collect_into(leaves),
            Self::Split(split) => {
                split.children[0].collect_into(leaves);
                split.children[1].collect_into(leaves);
            }
        }
    }

    /// Applies changes that are sorted by key, none twice, appends what the leaves were before to `before`,
    /// and gives the new root. Removing what is not there changes nothing.
    pub(super) fn apply(&mut self, changes: &[Change], before: &mut Vec<Change>) -> Digest {
        if changes.is_empty() {
            return self.root();
        }
        match self {
            Self::Leaves(leaves) => {
                let mut changed = leaves.to_vec();
                for (key, hash) in changes {
                    before.push((*key, change_leaf(&mut changed, key, *hash)));
                }
                if changed.len() <= MAX_LEAVES {
                    leaves.replace(&changed);
                    return rule::root(&changed);
                }
                *self = Self::of(&changed);
            }
            Self::Split(split) => match split.earliest_parting(changes) {
                None => {
                    let middle = changes.partition_point(|(key, _)| !key.bit(split.depth));
                    split.apply(0, &changes[..middle], before);
                    split.apply(1, &changes[middle..], before);
                    self.simplify();
                }
                Some(depth) => self.branch(depth, changes, before),
            },
        }
        self.root()
    }

    /// Applies changes some of which part from all leaves at bit `depth`, above the split.
    fn branch(&mut self, depth: u8, changes: &[Change], before: &mut Vec<Change>) {
        let Self::Split(split) = self else {
            unreachable!("only a split has a prefix to part from");
        };
        let prefix = split.prefix;
        let middle = changes.partition_point(|(key, _)| !key.bit(depth));
        let (zeros, ones) = changes.split_at(middle);
        let mut new = Self::default();
        if prefix.bit(depth) {
            new.apply(zeros, before);
            self.apply(ones, before);
        } else {
            self.apply(zeros, before);
            new.apply(ones, before);
        }
        if new.is_empty() {
            return;
        }
        if self.is_empty() {
            *self = new;
            return;
        }
        let old = std::mem::take(self);
        let children = if prefix.bit(depth) { [new, old] } else { [old, new] };
        *self = Self::split(depth, prefix, children);
        self.simplify();
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Leaves(leaves) if leaves.len() == 0)
    }

    /// Restores what holds of every split: two nonempty sides, and not just a few leaves.
    fn simplify(&mut self) {
        let Self::Split(split) = self else {
            return;
        };
        let [left, right] = &mut split.children;
        if right.is_empty() {
            *self = std::mem::take(left);
        } else if left.is_empty() {
            *self = std::mem::take(right);
        } else if let (Self::Leaves(left), Self::Leaves(right)) = (left, right)
            && left.len() + right.len() <= FEW_LEAVES
        {
            let mut leaves = left.to_vec();
            right.collect_into(&mut leaves);
            *self = Self::Leaves(Leaves::of(&leaves));
        }
    }
}

impl Split {
    /// The first bit before `depth` in which a changed key differs from all leaves.
    fn earliest_parting(&self, changes: &[Change]) -> Option<u8> {
        // Sorted keys depart earliest from a common prefix at their ends.
        let ends = [changes.first(), changes.last()];
        let partings = ends
            .into_iter()
            .flatten()
            .filter_map(|(key, _)| self.prefix.parting(key));
        partings.min().filter(|parting| *parting < self.depth)
    }

    fn apply(&mut self, side: usize, changes: &[Change], before: &mut Vec<Change>) {
        if !changes.is_empty() {
            self.roots[side] = self.children[side].apply(changes, before);
        }
    }
}

/// Sets or removes the leaf with this key, and gives its hash before.
fn change_leaf(leaves: &mut Vec<Leaf>, key: &StateKey, hash: Option<Digest>) -> Option<Digest> {
    let place = leaves.binary_search_by_key(key, |leaf| leaf.key);
    match (place, hash) {
        (Ok(at), Some(hash)) => Some(std::mem::replace(&mut leaves[at].hash, hash)),
        (Ok(at), None) => Some(leaves.remove(at).hash),
        (Err(at), Some(hash)) => {
            leaves.insert(at, Leaf { key: *key, hash });
            None
        }
        (Err(_), None) => None,
    }
}
