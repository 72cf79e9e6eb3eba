//! Merkle trees over lists (RFC 6962, section 2.1), so that standard tools can check them
//! (`docs/formats.md`, section 1).
//!
//! A leaf is `SHA-256(00 ‖ data)`, a node `SHA-256(01 ‖ left ‖ right)`, the root of the empty list
//! `SHA-256("")`. A list of n > 1 leaves splits after the largest power of two smaller than n. Proofs
//! are lists of digests, verified as RFC 9162, sections 2.1.3.2 and 2.1.4.2 do.

mod growth;

use serde::{Deserialize, Serialize};

use crate::bounded::bounded_vec;
use crate::{Digest, sha256};

pub use growth::{make_consistency_path, make_frontier};

/// The most digests of an inclusion proof: one per bit of the list's length.
pub const MAX_INCLUSION_PATH: usize = 64;

/// The most digests of a consistency proof: one more than of an inclusion proof.
pub const MAX_CONSISTENCY_PATH: usize = 65;

/// The hash of a leaf with this data.
pub fn leaf_hash(data: &[u8]) -> Digest {
    Digest::of_parts(&[&[0], data])
}

/// The hash of a node above `left` and `right`.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of_parts(&[&[1], &left.0, &right.0])
}

/// The root of the empty list.
pub fn empty_root() -> Digest {
    sha256(b"")
}

/// The root over a list of leaf data, in one pass and with memory for one path only.
pub fn root<I>(leaves: I) -> Digest
where
    I: IntoIterator,
    I::Item: AsRef<[u8]>,
{
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.push(leaf.as_ref());
    }
    frontier.root()
}

/// The root over a list of leaf hashes.
pub fn root_of_hashes(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root_of_hashes(left), &root_of_hashes(right))
        }
    }
}

/// The largest power of two smaller than `length`, which is at least 2.
fn split(length: usize) -> usize {
    1 << (length - 1).ilog2()
}

/// What must be kept of a list to append to it and to know its root: the roots of the complete
/// subtrees that it falls into, one for each bit that is set in its length, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedFrontier")]
pub struct Frontier {
    length: u64,
    subtrees: Vec<Digest>,
}

/// A frontier as it was read: its parts may not fit together.
#[derive(Deserialize)]
#[serde(rename = "Frontier")]
struct UncheckedFrontier {
    length: u64,
    #[serde(deserialize_with = "bounded_vec::<_, _, 64>")]
    subtrees: Vec<Digest>,
}

/// Why something is no frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrontier {
    /// Its subtrees do not fit its length.
    #[error("a frontier of length {length} has {expected} subtrees, not {got}")]
    Subtrees {
        /// The length given.
        length: u64,
        /// Subtrees of a list of that length.
        expected: u32,
        /// Subtrees given.
        got: usize,
    },
    /// No list is so long.
    #[error(
        "a frontier of length {length} is of no list: none has more than {} leaves",
        Frontier::MAX_LENGTH
    )]
    TooLong {
        /// The length given.
        length: u64,
    },
}

impl TryFrom<UncheckedFrontier> for Frontier {
    type Error = BadFrontier;

    fn try_from(unchecked: UncheckedFrontier) -> Result<Self, BadFrontier> {
        let UncheckedFrontier { length, subtrees } = unchecked;
        Self::check(length, &subtrees)?;
        Ok(Self { length, subtrees })
    }
}

impl Frontier {
    /// The longest list that is read: half of what its length could say, so that to append to what came from outside
    /// cannot fail.
    pub const MAX_LENGTH: u64 = u64::MAX >> 1;

    /// The frontier of the empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// The frontier of a list of this length with these subtrees, largest first; none if they do not fit the length,
    /// or if it is above [`MAX_LENGTH`](Self::MAX_LENGTH).
    pub fn from_parts(length: u64, subtrees: Vec<Digest>) -> Option<Self> {
        Self::check(length, &subtrees).ok()?;
        Some(Self { length, subtrees })
    }

    fn check(length: u64, subtrees: &[Digest]) -> Result<(), BadFrontier> {
        if length > Self::MAX_LENGTH {
            return Err(BadFrontier::TooLong { length });
        }
        let (expected, got) = (length.count_ones(), subtrees.len());
        if u32::try_from(got) == Ok(expected) {
            Ok(())
        } else {
            Err(BadFrontier::Subtrees {
                length,
                expected,
                got,
            })
        }
    }

    /// How many leaves were appended.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The roots of the complete subtrees, largest first.
    pub fn subtrees(&self) -> &[Digest] {
        &self.subtrees
    }

    /// Appends a leaf with this data.
    pub fn push(&mut self, data: &[u8]) {
        self.push_hash(leaf_hash(data));
    }

    /// Appends a leaf by its hash.
    ///
    /// # Panics
    /// After 2^63 leaves that were appended one by one.
    pub fn push_hash(&mut self, leaf: Digest) {
        // Each trailing one of the length is a complete subtree that the new leaf completes a larger one with.
        let mut subtree = leaf;
        for _ in 0..self.length.trailing_ones() {
            let left = self
                .subtrees
                .pop()
                .expect("there is a subtree for each bit of the length");
            subtree = node_hash(&left, &subtree);
        }
        self.subtrees.push(subtree);
        self.length = self.length.checked_add(1).expect("nobody appends 2^63 leaves");
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Digest {
        let mut subtrees = self.subtrees.iter().rev();
        let Some(smallest) = subtrees.next() else {
            return empty_root();
        };
        subtrees.fold(*smallest, |right, left| node_hash(left, &right))
    }
}

/// Proof that a leaf stands at an index of a list whose root and length are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InclusionProof {
    /// The leaf's index, from 0.
    pub index: u64,
    /// The list's length.
    pub length: u64,
    /// The siblings of the path from the leaf to the root, lowest first.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_INCLUSION_PATH>")]
    pub path: Vec<Digest>,
}

/// Proof that a list is the beginning of a longer one, given both roots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsistencyProof {
    /// The shorter list's length.
    pub old_length: u64,
    /// The longer list's length.
    pub new_length: u64,
    /// The nodes of RFC 6962's `PROOF(m, D[n])`.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_CONSISTENCY_PATH>")]
    pub path: Vec<Digest>,
}

/// Why a Merkle proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index is past the list's end, or the old list is longer than the new one.
    #[error("the proof is about position {position} of a list of {length}")]
    OutOfRange {
        /// The index, or the shorter list's length.
        position: u64,
        /// The list's length.
        length: u64,
    },
    /// Too many or too few digests for these numbers.
    #[error("the proof has {got} digests, which is not the number that its lengths need")]
    WrongLength {
        /// Digests given.
        got: usize,
    },
    /// The path leads to another root.
    #[error("the proof leads to another root")]
    WrongRoot,
    /// The path does not start from the shorter list's root.
    #[error("the proof does not lead to the shorter list's root")]
    WrongOldRoot,
}

impl InclusionProof {
    /// The proof for the leaf at `index` of the list with these leaf hashes; none if there is no such leaf.
    pub fn new(leaves: &[Digest], index: usize) -> Option<Self> {
        if index >= leaves.len() {
            return None;
        }
        let mut path = Vec::new();
        inclusion_path(leaves, index, &mut path);
        Some(Self {
            index: index as u64,
            length: leaves.len() as u64,
            path,
        })
    }

    /// Checks that a leaf with this data stands at the proof's index of the list with this root.
    ///
    /// The proof's length is a claim of whoever made it: compare it with what is known otherwise.
    pub fn verify(&self, root: &Digest, data: &[u8]) -> Result<(), ProofError> {
        self.verify_hash(root, leaf_hash(data))
    }

    /// As [`verify`](Self::verify), for a leaf known by its hash.
    pub fn verify_hash(&self, root: &Digest, leaf: Digest) -> Result<(), ProofError> {
        if self.index >= self.length {
            return Err(ProofError::OutOfRange {
                position: self.index,
                length: self.length,
            });
        }
        let wrong_length = ProofError::WrongLength { got: self.path.len() };
        let found = path_root(leaf, self.index, self.length, &self.path).ok_or(wrong_length)?;
        if found == *root {
            Ok(())
        } else {
            Err(ProofError::WrongRoot)
        }
    }
}

/// RFC 6962's `PATH(m, D[n])`.
fn inclusion_path(leaves: &[Digest], index: usize, path: &mut Vec<Digest>) {
    if leaves.len() < 2 {
        return;
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    if index < middle {
        inclusion_path(left, index, path);
        path.push(root_of_hashes(right));
    } else {
        inclusion_path(right, index - middle, path);
        path.push(root_of_hashes(left));
    }
}

impl ConsistencyProof {
    /// The proof that the first `old_length` of these leaf hashes are the list's beginning; none if
    /// there are fewer. An empty and an equal beginning need no digests.
    pub fn new(leaves: &[Digest], old_length: usize) -> Option<Self> {
        if old_length > leaves.len() {
            return None;
        }
        let mut path = Vec::new();
        if old_length > 0 {
            consistency_path(leaves, old_length, true, &mut path);
        }
        Some(Self {
            old_length: old_length as u64,
            new_length: leaves.len() as u64,
            path,
        })
    }

    /// Checks that the list with `old_root` is the beginning of the list with `new_root`.
    ///
    /// The proof's lengths are a claim of whoever made it: compare them with what is known otherwise.
    pub fn verify(&self, old_root: &Digest, new_root: &Digest) -> Result<(), ProofError> {
        let wrong_length = ProofError::WrongLength { got: self.path.len() };
        if self.old_length > self.new_length {
            return Err(ProofError::OutOfRange {
                position: self.old_length,
                length: self.new_length,
            });
        }
        if self.old_length == 0 || self.old_length == self.new_length {
            if !self.path.is_empty() {
                return Err(wrong_length);
            }
            if self.old_length == 0 && *old_root != empty_root() {
                return Err(ProofError::WrongOldRoot);
            }
            if self.old_length == self.new_length && old_root != new_root {
                return Err(ProofError::WrongRoot);
            }
            return Ok(());
        }
        let mut nodes = self.path.iter();
        // A complete old list is a node of the new one, and its root needs not be said.
        let first = if self.old_length.is_power_of_two() {
            old_root
        } else {
            nodes.next().ok_or(wrong_length)?
        };
        let (mut place, mut last) = (self.old_length - 1, self.new_length - 1);
        while place & 1 == 1 {
            place >>= 1;
            last >>= 1;
        }
        let (mut old, mut new) = (*first, *first);
        for node in nodes {
            if last == 0 {
                return Err(wrong_length);
            }
            if place & 1 == 1 || place == last {
                old = node_hash(node, &old);
                new = node_hash(node, &new);
                while place & 1 == 0 && place != 0 {
                    place >>= 1;
                    last >>= 1;
                }
            } else {
                new = node_hash(&new, node);
            }
            place >>= 1;
            last >>= 1;
        }
        if last != 0 {
            Err(wrong_length)
        } else if old != *old_root {
            Err(ProofError::WrongOldRoot)
        } else if new != *new_root {
            Err(ProofError::WrongRoot)
        } else {
            Ok(())
        }
    }
}

/// RFC 6962's `SUBPROOF(m, D[n], b)`; `whole` says that the old list is all of the subtree seen so far.
fn consistency_path(leaves: &[Digest], old_length: usize, whole: bool, path: &mut Vec<Digest>) {
    if old_length == leaves.len() {
        if !whole {
            path.push(root_of_hashes(leaves));
        }
        return;
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    if old_length <= middle {
        consistency_path(left, old_length, whole, path);
        path.push(root_of_hashes(right));
    } else {
        consistency_path(right, old_length - middle, false, path);
        path.push(root_of_hashes(left));
    }
}

/// The root of a list of `size` leaves of which the one at `index`, from 0, has the hash `leaf` and this inclusion
/// path, lowest first; none if there is no such place in the list, or if the path has another length than that place
/// needs.
///
/// Index and size are a claim of whoever made the path: compare them with what is known otherwise.
pub fn path_root(leaf: Digest, index: u64, size: u64, path: &[Digest]) -> Option<Digest> {
    if index >= size {
        return None;
    }
    let (mut place, mut last) = (index, size - 1);
    let mut node = leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            node = node_hash(sibling, &node);
            // A last node without a sibling moves up unchanged.
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            node = node_hash(&node, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(node)
}

/// The inclusion path, lowest first, of the leaf at `index`, from 0, of a list of `size` leaves; empty if there is no
/// such leaf.
///
/// `node(level, number)` gives the root of the complete subtree over the `2^level` leaves from `number * 2^level`, and
/// is asked for such subtrees of this list alone: at most twice as many as the path can be long.
///
/// # Errors
/// The first that `node` gives.
pub fn make_path<E>(
    size: u64,
    index: u64,
    node: &mut impl FnMut(u8, u64) -> Result<Digest, E>,
) -> Result<Vec<Digest>, E> {
    let mut path = Vec::new();
    if index >= size {
        return Ok(path);
    }
    // The subtree that the leaf is in, from the root downwards.
    let (mut start, mut length) = (0, size);
    while length > 1 {
        let level = (length - 1).ilog2();
        let left = 1_u64 << level;
        if index - start < left {
            path.push(range_root(start + left, length - left, node)?);
            length = left;
        } else {
            path.push(range_root(start, left, node)?);
            start += left;
            length -= left;
        }
    }
    path.reverse();
    Ok(path)
}

/// The root of the `length` leaves from `start`, at least one, where `start` is a multiple of a power of two that is
/// not below `length`: so the complete subtrees that they fall into are such of the whole list.
fn range_root<E>(
    start: u64,
    length: u64,
    node: &mut impl FnMut(u8, u64) -> Result<Digest, E>,
) -> Result<Digest, E> {
    let mut rest = length;
    let mut root = None;
    // From the right, the smallest first.
    while rest > 0 {
        let level = rest.trailing_zeros();
        rest &= rest - 1;
        let level_byte = u8::try_from(level).expect("a length has 64 bits");
        let subtree = node(level_byte, (start + rest) >> level)?;
        root = Some(match root {
            None => subtree,
            Some(right) => node_hash(&subtree, &right),
        });
    }
    Ok(root.unwrap_or_else(empty_root))
}
