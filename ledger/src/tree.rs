//! The authenticated state tree: the state root of every block, and proofs under it.
//!
//! The rule of what is hashed stands in `tree/rule.rs`; this is one way to keep it. Leaves, as pairs of
//! key and leaf hash, lie in 2^k buckets by the first k bits of their keys; above the buckets is a flat
//! binary tree. All of it is in memory and is rebuilt at start from the stored values, which are the
//! leaves: nothing of the tree itself needs to be written. A block updates each of its distinct keys
//! once, in key order, so that what they share is hashed once.
//!
//! For heights that are not yet certified the tree keeps what each of them changed, so that it can go
//! back ([`StateTree::rollback_to`]) and prove at an earlier height ([`StateTree::prove_at`]).

use std::collections::{BTreeMap, VecDeque};

use quorate_crypto::{Digest, Height};

use crate::StateKey;

mod bucket;
mod leaves;
mod proof;
mod rule;

use bucket::{Bucket, Change};
use leaves::Leaves;
pub use proof::{MAX_STEPS, ProofLeaf, ProofStep, StatePath, StateProof, StateProofError, StateProofV1};
use rule::{Leaf, Step};

/// Buckets of an empty tree: 2 to this, one for each first byte of a key.
const MIN_LEVELS: u8 = 8;

/// Buckets of the largest tree: 2 to this. Beyond it they only grow longer.
const MAX_LEVELS: u8 = 28;

/// Leaves in a bucket, on average, beyond which there are twice as many buckets. More of them in a bucket
/// mean more hashing, as all of a bucket is hashed anew; fewer mean more memory, as each bucket takes about
/// a hundred bytes beside its leaves.
const MAX_MEAN: usize = 6;

/// While a tree is loaded, leaves are packed away once so many have come that share their first byte.
const PACKED_AT_ONCE: usize = 1024;

/// Changes whose way through the tree is looked at before the first of them is made.
const WARMED_AT_ONCE: usize = 256;

/// The state tree, in memory.
#[derive(Clone, Debug)]
pub struct StateTree {
    /// There are 2^levels buckets.
    levels: u8,
    nodes: Nodes,
    buckets: Vec<Bucket>,
    leaves: usize,
    /// The lowest height to go back to and to prove at.
    floor: Height,
    /// What each height above the floor replaced, ascending; heights that changed nothing may lack.
    undo: VecDeque<Undo>,
    /// The height of the newest state.
    height: Height,
}

/// A heap of roots: that of all at 1, below node i the nodes 2i and 2i + 1, those of the buckets from
/// 2^levels on. Siblings share a cache line, as the two are always needed together.
#[derive(Clone, Debug)]
struct Nodes(Vec<Siblings>);

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Siblings([Digest; 2]);

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
        // Leaves by their keys' first byte, packed: a list at a time is taken apart again, so that they are
        // not all in memory twice.
        let mut lists: Vec<Vec<Leaves>> = vec![Vec::new(); 1 << MIN_LEVELS];
        let mut open: Vec<Vec<Leaf>> = vec![Vec::new(); 1 << MIN_LEVELS];
        let mut leaves = 0;
        for (key, value) in values {
            let list = usize::from(key.0[0]);
            let hash = rule::leaf_hash(&key, &value);
            open[list].push(Leaf { key, hash });
            leaves += 1;
            if open[list].len() == PACKED_AT_ONCE {
                lists[list].push(Leaves::of(&open[list]));
                open[list].clear();
            }
        }
        let mut levels = MIN_LEVELS;
        while levels < MAX_LEVELS && leaves > MAX_MEAN << levels {
            levels += 1;
        }
        let mut tree = Self {
            levels,
            nodes: Nodes::new(1 << levels),
            buckets: Vec::with_capacity(1 << levels),
            leaves,
            floor: height,
            undo: VecDeque::new(),
            height,
        };
        for (packed, open) in lists.into_iter().zip(open) {
            let mut list = Vec::with_capacity(packed.len() * PACKED_AT_ONCE + open.len());
            for leaves in &packed {
                leaves.collect_into(&mut list);
            }
            drop(packed);
            list.extend(open);
            list.sort_unstable_by_key(|leaf| leaf.key);
            let distinct = list.is_sorted_by(|a, b| a.key < b.key);
            assert!(distinct, "a state has each key once");
            tree.append_buckets(&list, 1 << (levels - MIN_LEVELS));
        }
        tree.join_all();
        tree
    }

    /// The state root.
    pub fn root(&self) -> Digest {
        self.nodes.root(1)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.leaves
    }

    /// Whether the state is empty.
    pub fn is_empty(&self) -> bool {
        self.leaves == 0
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
        while self.leaves > MAX_MEAN << self.levels && self.levels < MAX_LEVELS {
            self.double_buckets();
        }
        self.root()
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

    /// The way to `key` in the newest state.
    pub fn prove(&self, key: &StateKey) -> StatePath {
        self.prove_with(key, &[])
    }

    /// The way to `key` in the state after `height`; none if that is forgotten or yet to come. It costs
    /// more, the more keys were changed since: only what they did not touch is at hand.
    pub fn prove_at(&self, height: Height, key: &StateKey) -> Option<StatePath> {
        if height < self.floor || height > self.height {
            return None;
        }
        let mut before = BTreeMap::new();
        let later = self.undo.iter().rev().take_while(|undo| undo.height > height);
        for undo in later {
            before.extend(undo.before.iter().copied());
        }
        let before: Vec<Change> = before.into_iter().collect();
        Some(self.prove_with(key, &before))
    }

    /// Applies sorted changes and gives what the changed leaves were before.
    fn apply(&mut self, changes: &[Change]) -> Vec<Change> {
        let width = self.buckets.len();
        let mut before = Vec::with_capacity(changes.len());
        let mut changed = Vec::new();
        let mut rest = changes;
        let mut warm = 0;
        while let Some((first, _)) = rest.first() {
            let done = before.len();
            if done >= warm {
                warm = done + WARMED_AT_ONCE;
                self.warm_buckets(&changes[done..warm.min(changes.len())]);
            }
            let place = self.place(first);
            let end = rest
                .iter()
                .take_while(|(key, _)| self.place(key) == place)
                .count();
            let (own, others) = rest.split_at(end);
            let root = self.buckets[place].apply(own, &mut before);
            for ((_, new), (_, old)) in own.iter().zip(&before[done..]) {
                self.leaves = self.leaves + usize::from(new.is_some()) - usize::from(old.is_some());
            }
            self.nodes.set(width + place, root);
            changed.push(width + place);
            rest = others;
        }
        for _ in 0..self.levels {
            for node in &mut changed {
                *node /= 2;
            }
            changed.dedup();
            for nodes in changed.chunks(WARMED_AT_ONCE) {
                self.nodes.warm(nodes);
                for node in nodes {
                    self.nodes.join_below(*node);
                }
            }
        }
        before
    }

    /// Looks at all buckets that changes go to: what is far away in memory then comes at the same time, and
    /// not one after the other between the hashing.
    fn warm_buckets(&self, changes: &[Change]) {
        let seen = changes.iter().fold(0, |seen, (key, _)| {
            let place = self.place(key);
            let root = self.nodes.root(self.buckets.len() + place).0[0];
            seen ^ root ^ self.buckets[place].first_byte()
        });
        std::hint::black_box(seen);
    }

    /// Splits every bucket in two. The roots above the buckets stay what they are.
    fn double_buckets(&mut self) {
        let width = 2 * self.buckets.len();
        self.levels += 1;
        self.nodes.widen(width);
        let mut leaves = Vec::new();
        for bucket in std::mem::replace(&mut self.buckets, Vec::with_capacity(width)) {
            leaves.clear();
            bucket.collect_into(&mut leaves);
            drop(bucket);
            self.append_buckets(&leaves, 2);
        }
    }

    /// Appends the next `count` buckets, which have these sorted leaves between them.
    fn append_buckets(&mut self, mut leaves: &[Leaf], count: usize) {
        let width = 1_usize << self.levels;
        for _ in 0..count {
            let place = self.buckets.len();
            let own = leaves.partition_point(|leaf| self.place(&leaf.key) <= place);
            let (own, others) = leaves.split_at(own);
            self.nodes.set(width + place, rule::root(own));
            self.buckets.push(Bucket::of(own));
            leaves = others;
        }
        assert!(leaves.is_empty(), "every leaf has its bucket");
    }

    /// Sets all roots above those of the buckets.
    fn join_all(&mut self) {
        for node in (1..self.buckets.len()).rev() {
            self.nodes.join_below(node);
        }
    }

    /// The way to `key` after sorted `changes`.
    fn prove_with(&self, key: &StateKey, changes: &[Change]) -> StatePath {
        let mut upper = Vec::new();
        let mut lower = Vec::new();
        let end = self.descend(1, 0, key, changes, (&mut upper, &mut lower));
        upper.reverse();
        upper.append(&mut lower);
        StatePath { steps: upper, end }
    }

    /// Finds the leaf to which the bits of `key` lead below `node`, and adds the steps to it: those
    /// above the buckets from below, those in a bucket from above.
    fn descend(
        &self,
        node: usize,
        depth: u8,
        key: &StateKey,
        changes: &[Change],
        steps: (&mut Vec<Step>, &mut Vec<Step>),
    ) -> Option<Leaf> {
        let (upper, lower) = steps;
        if changes.is_empty() && self.nodes.root(node) == Digest::ZERO {
            return None;
        }
        if depth == self.levels {
            let mut bucket = self.buckets[node - self.buckets.len()].clone();
            bucket.apply(changes, &mut Vec::new());
            return bucket.path(key, lower);
        }
        let (zeros, ones) = changes.split_at(changes.partition_point(|(key, _)| !key.bit(depth)));
        let (followed, other) = if key.bit(depth) {
            (ones, zeros)
        } else {
            (zeros, ones)
        };
        let child = 2 * node + usize::from(key.bit(depth));
        match self.descend(child, depth + 1, key, followed, (upper, lower)) {
            Some(leaf) => {
                let sibling = self.root_with(child ^ 1, depth + 1, other);
                if sibling != Digest::ZERO {
                    upper.push((depth, sibling));
                }
                Some(leaf)
            }
            // Keys do not part here: all are on the other side.
            None => self.descend(child ^ 1, depth + 1, key, other, (upper, lower)),
        }
    }

    /// The root of what is below `node`, at `depth`, after sorted `changes` to it.
    fn root_with(&self, node: usize, depth: u8, changes: &[Change]) -> Digest {
        if changes.is_empty() {
            return self.nodes.root(node);
        }
        if depth == self.levels {
            let mut bucket = self.buckets[node - self.buckets.len()].clone();
            return bucket.apply(changes, &mut Vec::new());
        }
        let (zeros, ones) = changes.split_at(changes.partition_point(|(key, _)| !key.bit(depth)));
        let left = self.root_with(2 * node, depth + 1, zeros);
        let right = self.root_with(2 * node + 1, depth + 1, ones);
        rule::join(depth, &left, &right)
    }

    fn place(&self, key: &StateKey) -> usize {
        let leading = u32::from_be_bytes([key.0[0], key.0[1], key.0[2], key.0[3]]);
        (u64::from(leading) >> (32 - self.levels)) as usize
    }
}

impl Nodes {
    /// The roots above `width` empty buckets.
    fn new(width: usize) -> Self {
        Self(vec![Siblings([Digest::ZERO; 2]); width])
    }

    /// Makes room for the roots of `width` buckets.
    fn widen(&mut self, width: usize) {
        self.0.resize(width, Siblings([Digest::ZERO; 2]));
    }

    fn root(&self, node: usize) -> Digest {
        self.0[node / 2].0[node % 2]
    }

    fn set(&mut self, node: usize, root: Digest) {
        self.0[node / 2].0[node % 2] = root;
    }

    /// Looks at what is right below these nodes, so that it comes near all at the same time.
    fn warm(&self, nodes: &[usize]) {
        let seen = nodes.iter().fold(0, |seen, node| seen ^ self.0[*node].0[0].0[0]);
        std::hint::black_box(seen);
    }

    /// Sets the root of `node` from those below it.
    fn join_below(&mut self, node: usize) {
        let depth = u8::try_from(node.ilog2()).expect("the levels fit into a byte");
        let Siblings([left, right]) = &self.0[node];
        let root = rule::join(depth, left, right);
        self.set(node, root);
    }
}
