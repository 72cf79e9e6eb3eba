//! Merkle trees over lists (RFC 6962, section 2.1), so that standard tools can check them
//! (`docs/formats-2.md`, section 1).
//!
//! A leaf is `SHA-256(00 ‖ data)`, a node `SHA-256(01 ‖ left ‖ right)`, the root of the empty list
//! `SHA-256("")`. A list of n > 1 leaves splits after the largest power of two smaller than n. Proofs
//! are lists of digests, verified as RFC 9162, sections 2.1.3.2 and 2.1.4.2 do.

use quorate_crypto::Digest;
use serde::{Deserialize, Serialize};

use crate::bounded::bounded_vec;

pub use quorate_crypto::merkle::{
    ConsistencyProof, InclusionProof, MAX_CONSISTENCY_PATH, MAX_INCLUSION_PATH, ProofError, empty_root,
    leaf_hash, node_hash, root, root_of_hashes,
};

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
