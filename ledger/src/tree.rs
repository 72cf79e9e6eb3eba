//! The authenticated state tree: the state root of every block, and proofs under it.
//!
//! The rule of what is hashed stands in `tree/rule.rs`; this is one way to keep it. Leaves, as pairs of
//! key and leaf hash, lie in an array of buckets for each kind, which is a key's first byte
//! (`tree/array.rs`); the few roots of kinds are joined here. All of it is in memory and is rebuilt at
//! start from the stored values, which are the leaves: nothing of the tree itself needs to be written. A
//! block updates each of its distinct keys once, in key order, so that what they share is hashed once.
//!
//! For heights that are not yet certified the tree keeps what each of them changed, so that it can go
//! back ([`StateTree::rollback_to`]) and prove at an earlier height ([`StateTree::prove_at`]).

use std::collections::{BTreeMap, VecDeque};

use quorate_crypto::{Digest, Height};

use crate::{Prefix, StateKey};

mod array;
mod bucket;
mod leaves;
mod path;
pub(crate) mod rule;

use array::{BucketArray, Loading};
use bucket::Change;
pub use path::PrefixPath;
use rule::{Found, Leaf};

/// The state tree, in memory.
#[derive(Clone, Debug)]
pub struct StateTree {
    /// All leaves, by their keys' first byte. One that has become empty may be there.
    kinds: BTreeMap<u8, BucketArray>,
    root: Digest,
    /// The lowest height to go back to and to prove at.
    floor: Height,
    /// What each height above the floor replaced, ascending; heights that changed nothing may lack.
    undo: VecDeque<Undo>,
    /// The height of the newest state.
    height: Height,
}

/// The leaves that a height changed, as they were before it, sorted by key.
#[derive(Clone, Debug)]
struct Undo {
    height: Height,
    before: Vec<Change>,
}

impl Default for StateTree {
    fn default() -> Self {
        Self::new()
    }
}

impl StateTree {
    /// The tree of an empty state, before height 1.
    pub fn new() -> Self {
        Self::load(Height::GENESIS, [])
    }

    /// The tree of the state after `height`, given by its keys, each once, and the hashes of their
    /// values ([`value_hash`](crate::value_hash)). Any order will do; in ascending order it needs least
    /// memory.
    ///
    /// # Panics
    /// If a key comes twice.
    pub fn load(height: Height, values: impl IntoIterator<Item = (StateKey, Digest)>) -> Self {
        let mut loading: BTreeMap<u8, Loading> = BTreeMap::new();
        for (key, value) in values {
            let hash = rule::leaf_hash(&key, &value);
            loading.entry(key.kind()).or_default().push(Leaf { key, hash });
        }
        let kinds: BTreeMap<u8, BucketArray> = loading
            .into_iter()
            .map(|(kind, leaves)| (kind, leaves.finish()))
            .collect();
        let mut tree = Self {
            kinds,
            root: Digest::ZERO,
            floor: height,
            undo: VecDeque::new(),
            height,
        };
        tree.root = join_kinds(&tree.roots_after(&[]));
        tree
    }

    /// The state root.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.kinds.values().map(BucketArray::len).sum()
    }

    /// How many keys of a kind there are, which is their first byte. A proof of all of a kind shows at most
    /// [`MAX_PROOF_LEAVES`](crate::MAX_PROOF_LEAVES) of them, so whoever makes one looks here first.
    pub fn len_of_kind(&self, kind: u8) -> usize {
        self.kinds.get(&kind).map_or(0, BucketArray::len)
    }

    /// Whether the state is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The height of the newest state.
    pub fn height(&self) -> Height {
        self.height
    }

    /// Applies what the block at `height` changed: the hash of each changed key's new value, or none
    /// for a key that is removed. Gives the new state root.
    ///
    /// # Panics
    /// If a key comes twice, or a height that is not above the newest.
    pub fn update(
        &mut self,
        height: Height,
        changes: impl IntoIterator<Item = (StateKey, Option<Digest>)>,
    ) -> Digest {
        assert!(self.height < height, "heights ascend");
        let mut changes: Vec<Change> = changes
            .into_iter()
            .map(|(key, value)| (key, value.map(|value| rule::leaf_hash(&key, &value))))
            .collect();
        if !changes.is_sorted_by_key(|(key, _)| *key) {
            changes.sort_unstable_by_key(|(key, _)| *key);
        }
        let distinct = changes.is_sorted_by(|(a, _), (b, _)| a < b);
        assert!(distinct, "a block changes each key once");
        let before = self.apply(&changes);
        self.undo.push_back(Undo { height, before });
        self.height = height;
        for array in self.kinds.values_mut() {
            array.grow();
        }
        self.root
    }

    /// Takes back every height above `height`.
    ///
    /// # Panics
    /// If `height` is forgotten.
    pub fn rollback_to(&mut self, height: Height) {
        assert!(
            height >= self.floor,
            "only what is not forgotten can be taken back"
        );
        while let Some(undo) = self.undo.pop_back_if(|undo| undo.height > height) {
            self.apply(&undo.before);
        }
        self.height = self.height.min(height);
    }

    /// Forgets how to go back to heights before `height`, or before the newest if that is lower: from
    /// now on it is the lowest to prove at.
    pub fn forget_before(&mut self, height: Height) {
        let floor = height.min(self.height);
        while self.undo.pop_front_if(|undo| undo.height <= floor).is_some() {}
        self.floor = self.floor.max(floor);
    }

    /// The way to what lies under `prefix` in the newest state. All keys under it are in the answer, however
    /// many ([`Self::len_of_kind`]).
    pub fn prove(&self, prefix: &Prefix) -> PrefixPath {
        self.prove_with(prefix, &[])
    }

    /// The way to what lies under `prefix` in the state after `height`; none if that is forgotten or yet to
    /// come. It costs more, the more keys were changed since: only what they did not touch is at hand.
    pub fn prove_at(&self, height: Height, prefix: &Prefix) -> Option<PrefixPath> {
        if height < self.floor || height > self.height {
            return None;
        }
        let mut before = BTreeMap::new();
        let later = self.undo.iter().rev().take_while(|undo| undo.height > height);
        for undo in later {
            before.extend(undo.before.iter().copied());
        }
        let before: Vec<Change> = before.into_iter().collect();
        Some(self.prove_with(prefix, &before))
    }

    /// Applies sorted changes and gives what the changed leaves were before.
    fn apply(&mut self, changes: &[Change]) -> Vec<Change> {
        let mut before = Vec::with_capacity(changes.len());
        for own in changes.chunk_by(|(a, _), (b, _)| a.kind() == b.kind()) {
            let kind = own[0].0.kind();
            let array = self.kinds.entry(kind).or_default();
            array.apply(own, &mut before);
        }
        self.root = join_kinds(&self.roots_after(&[]));
        before
    }

    /// The roots of all kinds that are not empty after sorted `changes`, ascending.
    fn roots_after(&self, changes: &[Change]) -> Vec<(u8, Digest)> {
        let roots = self.kinds.iter().map(|(kind, array)| {
            let own = of_kind(changes, *kind);
            (*kind, array.root_after(own))
        });
        roots.filter(|(_, root)| *root != Digest::ZERO).collect()
    }

    /// The way to what lies under `prefix` after sorted `changes`, which are of kinds that are there.
    fn prove_with(&self, prefix: &Prefix, changes: &[Change]) -> PrefixPath {
        let roots = self.roots_after(changes);
        let mut kinds = roots.as_slice();
        let mut steps = Vec::new();
        let is_under = |kind: u8| prefix.overlaps(&Prefix::kind(kind));
        while let [(first, _), .., (last, _)] = kinds {
            let depth = parting(*first, *last);
            if u16::from(depth) >= prefix.bits && is_under(*first) {
                break;
            }
            let (zeros, ones) = split_kinds(kinds, depth);
            let (followed, other) = if prefix.bit(depth) {
                (ones, zeros)
            } else {
                (zeros, ones)
            };
            steps.push((depth, join_kinds(other)));
            kinds = followed;
        }
        let found = match kinds {
            [] => None,
            [(kind, _)] => {
                let own = of_kind(changes, *kind);
                self.kinds[kind].find(prefix, !is_under(*kind), own, &mut steps)
            }
            several => {
                let all = several.iter().flat_map(|(kind, _)| {
                    let own = of_kind(changes, *kind);
                    self.kinds[kind].leaves_after(own)
                });
                Some(Found::Leaves(all.collect()))
            }
        };
        PrefixPath {
            prefix: *prefix,
            steps,
            found,
        }
    }
}

/// Those of sorted changes that are of a kind.
fn of_kind(changes: &[Change], kind: u8) -> &[Change] {
    let start = changes.partition_point(|(key, _)| key.kind() < kind);
    let end = changes.partition_point(|(key, _)| key.kind() <= kind);
    &changes[start..end]
}

/// The root over the roots of kinds, ascending by kind, none empty.
fn join_kinds(kinds: &[(u8, Digest)]) -> Digest {
    match kinds {
        [] => Digest::ZERO,
        [(_, root)] => *root,
        [(first, _), .., (last, _)] => {
            let depth = parting(*first, *last);
            let (zeros, ones) = split_kinds(kinds, depth);
            rule::join(depth, &join_kinds(zeros), &join_kinds(ones))
        }
    }
}

/// The first bit in which two different kinds differ.
fn parting(one: u8, other: u8) -> u8 {
    u8::try_from((one ^ other).leading_zeros()).expect("a byte has eight bits")
}

/// A kind and the root over its leaves.
type KindRoot = (u8, Digest);

/// Kinds without a bit, and those with it.
fn split_kinds(kinds: &[KindRoot], depth: u8) -> (&[KindRoot], &[KindRoot]) {
    kinds.split_at(kinds.partition_point(|(kind, _)| kind >> (7 - depth) & 1 == 0))
}
