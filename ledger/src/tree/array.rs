//! The leaves of all keys with one first byte, which are all of a kind. As pairs of key and leaf hash they
//! lie in 2^k buckets by the k bits after that byte; above the buckets is a flat binary tree.
//!
//! Each kind has an array of its own: in one array for all of them, by the first bits of whole keys, nearly
//! all leaves would be accounts and share 1/256 of the buckets.

use std::collections::BTreeMap;

use quorate_crypto::Digest;

use super::bucket::{Bucket, Change};
use super::leaves::Leaves;
use super::rule::{self, Found, Leaf, Step};
use crate::{Prefix, StateKey};

/// Bits that all keys here share.
const KIND_BITS: u8 = 8;

/// Buckets of the largest array: 2 to this. Beyond it they only grow longer.
const MAX_LEVELS: u8 = 28;

/// Leaves in a bucket, on average, beyond which there are twice as many buckets. More of them in a bucket
/// mean more hashing, as all of a bucket is hashed anew; fewer mean more memory, as each bucket takes about
/// a hundred bytes beside its leaves.
const MAX_MEAN: usize = 6;

/// While an array is loaded its leaves are in 2 to this many lists, by the byte after the first.
const LIST_BITS: u8 = 8;

/// While an array is loaded, leaves are packed away once so many have come to a list.
const PACKED_AT_ONCE: usize = 1024;

/// Changes whose way through the array is looked at before the first of them is made.
const WARMED_AT_ONCE: usize = 256;

/// All leaves of keys with one first byte.
#[derive(Clone, Debug)]
pub(super) struct BucketArray {
    /// There are 2^levels buckets.
    levels: u8,
    nodes: Nodes,
    buckets: Vec<Bucket>,
    leaves: usize,
}

/// A heap of roots: that of all at 1, below node i the nodes 2i and 2i + 1, those of the buckets from
/// 2^levels on. Siblings share a cache line, as the two are always needed together.
#[derive(Clone, Debug)]
struct Nodes(Vec<Siblings>);

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Siblings([Digest; 2]);

/// Leaves that come in any order, by the byte after their first, packed: a list at a time is taken apart
/// again, so that they are not all in memory twice.
#[derive(Debug)]
pub(super) struct Loading {
    packed: Vec<Vec<Leaves>>,
    open: Vec<Vec<Leaf>>,
    leaves: usize,
}

/// A walk to what lies under a prefix.
struct Search<'a> {
    array: &'a BucketArray,
    prefix: &'a Prefix,
    /// Steps above the buckets, from below.
    upper: Vec<Step>,
    /// Steps in a bucket, from above.
    lower: Vec<Step>,
}

impl Default for BucketArray {
    fn default() -> Self {
        Self {
            levels: 0,
            nodes: Nodes::new(1),
            buckets: vec![Bucket::default()],
            leaves: 0,
        }
    }
}

impl Default for Loading {
    fn default() -> Self {
        Self {
            packed: vec![Vec::new(); 1 << LIST_BITS],
            open: vec![Vec::new(); 1 << LIST_BITS],
            leaves: 0,
        }
    }
}

impl Loading {
    /// Takes a leaf.
    pub(super) fn push(&mut self, leaf: Leaf) {
        let list = usize::from(leaf.key.0[1]);
        let open = &mut self.open[list];
        open.push(leaf);
        self.leaves += 1;
        if open.len() == PACKED_AT_ONCE {
            self.packed[list].push(Leaves::of(open));
            open.clear();
        }
    }

    /// The array of all of them.
    ///
    /// # Panics
    /// If a key came twice.
    pub(super) fn finish(self) -> BucketArray {
        let mut levels = 0;
        while levels < MAX_LEVELS && self.leaves > MAX_MEAN << levels {
            levels += 1;
        }
        let mut array = BucketArray {
            levels,
            nodes: Nodes::new(1 << levels),
            buckets: Vec::with_capacity(1 << levels),
            leaves: self.leaves,
        };
        // Either some lists make a bucket, or some buckets a list.
        let lists_at_once = 1_usize << LIST_BITS.saturating_sub(levels);
        let buckets_at_once = 1_usize << levels.saturating_sub(LIST_BITS);
        let mut lists = self.packed.into_iter().zip(self.open);
        let mut list: Vec<Leaf> = Vec::new();
        for _ in 0..1_usize << levels.min(LIST_BITS) {
            list.clear();
            for (packed, open) in lists.by_ref().take(lists_at_once) {
                list.reserve(packed.len() * PACKED_AT_ONCE + open.len());
                for leaves in &packed {
                    leaves.collect_into(&mut list);
                }
                list.extend(open);
            }
            list.sort_unstable_by_key(|leaf| leaf.key);
            let distinct = list.is_sorted_by(|a, b| a.key < b.key);
            assert!(distinct, "a state has each key once");
            array.append_buckets(&list, buckets_at_once);
        }
        array.join_all();
        array
    }
}

impl BucketArray {
    /// How many leaves there are.
    pub(super) fn len(&self) -> usize {
        self.leaves
    }

    /// Applies changes that are sorted by key, none twice, and appends what the changed leaves were before to
    /// `before`.
    pub(super) fn apply(&mut self, changes: &[Change], before: &mut Vec<Change>) {
        let width = self.buckets.len();
        let start = before.len();
        let mut changed = Vec::new();
        let mut rest = changes;
        let mut warm = 0;
        while let Some((first, _)) = rest.first() {
            let done = before.len() - start;
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
            let root = self.buckets[place].apply(own, before);
            for ((_, new), (_, old)) in own.iter().zip(&before[start + done..]) {
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
    }

    /// Makes more buckets where there are many leaves. The root stays what it is.
    pub(super) fn grow(&mut self) {
        while self.leaves > MAX_MEAN << self.levels && self.levels < MAX_LEVELS {
            self.double_buckets();
        }
    }

    /// The root after sorted `changes`.
    pub(super) fn root_after(&self, changes: &[Change]) -> Digest {
        self.root_with(1, changes)
    }

    /// All leaves after sorted `changes`, sorted.
    pub(super) fn leaves_after(&self, changes: &[Change]) -> Vec<Leaf> {
        self.leaves_below(1, changes)
    }

    /// Follows the bits of `prefix` after sorted `changes`, adds the steps to `path`, and gives what is at its
    /// end, if there is any leaf. `strayed` says that no key here is under the prefix, whatever its bits after
    /// the first eight.
    pub(super) fn find(
        &self,
        prefix: &Prefix,
        strayed: bool,
        changes: &[Change],
        path: &mut Vec<Step>,
    ) -> Option<Found> {
        let mut search = Search {
            array: self,
            prefix,
            upper: Vec::new(),
            lower: Vec::new(),
        };
        let found = search.descend(1, strayed, changes);
        path.extend(search.upper.into_iter().rev());
        path.append(&mut search.lower);
        found
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

    /// The root of what is below `node` after sorted `changes` to it.
    fn root_with(&self, node: usize, changes: &[Change]) -> Digest {
        if changes.is_empty() {
            return self.nodes.root(node);
        }
        if let Some(bucket) = self.bucket(node) {
            return bucket.clone().apply(changes, &mut Vec::new());
        }
        let depth = depth_of(node);
        let (zeros, ones) = changes.split_at(changes.partition_point(|(key, _)| !key.bit(depth)));
        let left = self.root_with(2 * node, zeros);
        let right = self.root_with(2 * node + 1, ones);
        rule::join(depth, &left, &right)
    }

    /// All leaves below `node` after sorted `changes` to it, sorted.
    fn leaves_below(&self, node: usize, changes: &[Change]) -> Vec<Leaf> {
        let below = u32::from(self.levels) - node.ilog2();
        let first = (node << below) - self.buckets.len();
        let mut leaves = Vec::new();
        for bucket in &self.buckets[first..first + (1_usize << below)] {
            bucket.collect_into(&mut leaves);
        }
        if changes.is_empty() {
            return leaves;
        }
        let mut changed: BTreeMap<StateKey, Digest> =
            leaves.into_iter().map(|leaf| (leaf.key, leaf.hash)).collect();
        for (key, hash) in changes {
            match hash {
                Some(hash) => changed.insert(*key, *hash),
                None => changed.remove(key),
            };
        }
        changed
            .into_iter()
            .map(|(key, hash)| Leaf { key, hash })
            .collect()
    }

    /// The bucket whose root is at `node`, if it is not above the buckets.
    fn bucket(&self, node: usize) -> Option<&Bucket> {
        let place = node.checked_sub(self.buckets.len())?;
        self.buckets.get(place)
    }

    fn place(&self, key: &StateKey) -> usize {
        let leading = u32::from_be_bytes([key.0[1], key.0[2], key.0[3], key.0[4]]);
        (u64::from(leading) >> (32 - self.levels)) as usize
    }
}

impl Search<'_> {
    /// Finds what the bits of the prefix lead to below `node` after sorted `changes` to it, and adds the steps.
    /// `strayed` says that the way has already left these bits, where no key follows them.
    fn descend(&mut self, node: usize, strayed: bool, changes: &[Change]) -> Option<Found> {
        let (array, prefix) = (self.array, self.prefix);
        if changes.is_empty() && array.nodes.root(node) == Digest::ZERO {
            return None;
        }
        let depth = depth_of(node);
        if !strayed && u16::from(depth) >= prefix.bits {
            let leaves = array.leaves_below(node, changes);
            return (!leaves.is_empty()).then_some(Found::Leaves(leaves));
        }
        if let Some(bucket) = array.bucket(node) {
            if changes.is_empty() {
                return bucket.find(prefix, &mut self.lower);
            }
            let mut bucket = bucket.clone();
            bucket.apply(changes, &mut Vec::new());
            return bucket.find(prefix, &mut self.lower);
        }
        let (zeros, ones) = changes.split_at(changes.partition_point(|(key, _)| !key.bit(depth)));
        let (followed, other) = if prefix.bit(depth) {
            (ones, zeros)
        } else {
            (zeros, ones)
        };
        let child = 2 * node + usize::from(prefix.bit(depth));
        match self.descend(child, strayed, followed) {
            Some(found) => {
                let sibling = array.root_with(child ^ 1, other);
                if sibling != Digest::ZERO {
                    self.upper.push((depth, sibling));
                }
                Some(found)
            }
            // Keys do not part here: all are on the other side.
            None => self.descend(child ^ 1, true, other),
        }
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
        let Siblings([left, right]) = &self.0[node];
        let root = rule::join(depth_of(node), left, right);
        self.set(node, root);
    }
}

/// The bit by which what is below a node is told apart.
fn depth_of(node: usize) -> u8 {
    let level = u8::try_from(node.ilog2()).expect("the levels fit into a byte");
    KIND_BITS + level
}
