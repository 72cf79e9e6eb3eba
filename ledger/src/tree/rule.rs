//! The hashing rule of the state root (`docs/formats.md`, section 12), as pure functions over sorted
//! leaves. It does not know how leaves are stored, nor of kinds.
//!
//! ```text
//! root(S, d) = 32 zero bytes                                      if S is empty
//!            = SHA-256(02 ‖ key ‖ SHA-256(04 ‖ value))            if S has one leaf
//!            = join(d, root(S with bit d = 0, d+1), root(S with bit d = 1, d+1))   otherwise
//! ```
//!
//! where `join` passes the other side on if one is empty, and is else `SHA-256(03 ‖ u8(d) ‖ left ‖ right)`.
//! So the depth at which a set is looked at does not matter until its keys part, and only there is hashed.

use quorate_crypto::{Digest, sha256};

use crate::{Prefix, StateKey};

/// A key together with the hash of its leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) key: StateKey,
    pub(crate) hash: Digest,
}

/// A step of the way from the root to a leaf: where keys part, and the root of the other side.
pub(crate) type Step = (u8, Digest);

/// What the bits of a prefix lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A leaf that is not under it: then none is.
    Other(Leaf),
    /// All leaves under it, at least one, sorted.
    Leaves(Vec<Leaf>),
}

/// The hash of a leaf, given that of its value.
pub(crate) fn leaf_hash(key: &StateKey, value: &Digest) -> Digest {
    Digest::of_parts(&[&[2], &key.0, &value.0])
}

/// The root of two sets whose keys part at bit `depth`.
pub(crate) fn join(depth: u8, left: &Digest, right: &Digest) -> Digest {
    if *left == Digest::ZERO {
        *right
    } else if *right == Digest::ZERO {
        *left
    } else {
        let mut bytes = [0; 66];
        bytes[0] = 3;
        bytes[1] = depth;
        bytes[2..34].copy_from_slice(&left.0);
        bytes[34..].copy_from_slice(&right.0);
        sha256(&bytes)
    }
}

/// The root of sorted leaves.
pub(crate) fn root(leaves: &[Leaf]) -> Digest {
    match leaves {
        [] => Digest::ZERO,
        [leaf] => leaf.hash,
        [left, right] => join(parting(leaves), &left.hash, &right.hash),
        _ => {
            let (depth, middle) = split(leaves);
            let (left, right) = leaves.split_at(middle);
            join(depth, &root(left), &root(right))
        }
    }
}

/// Follows the bits of `prefix` through sorted leaves to its end, adds the steps to `path`, and gives what
/// is there, if there is any leaf.
pub(crate) fn find(mut leaves: &[Leaf], prefix: &Prefix, path: &mut Vec<Step>) -> Option<Found> {
    while leaves.len() > 1 {
        let (depth, middle) = split(leaves);
        if u16::from(depth) >= prefix.bits && prefix.covers(&leaves[0].key) {
            break;
        }
        let (left, right) = leaves.split_at(middle);
        let (followed, other) = if prefix.bit(depth) {
            (right, left)
        } else {
            (left, right)
        };
        path.push((depth, root(other)));
        leaves = followed;
    }
    let first = leaves.first()?;
    Some(if prefix.covers(&first.key) {
        Found::Leaves(leaves.to_vec())
    } else {
        Found::Other(*first)
    })
}

/// The bit in which two or more sorted leaves first part, and the index of the first that has it set.
pub(crate) fn split(leaves: &[Leaf]) -> (u8, usize) {
    let depth = parting(leaves);
    (depth, leaves.partition_point(|leaf| !leaf.key.bit(depth)))
}

fn parting(leaves: &[Leaf]) -> u8 {
    let (Some(first), Some(last)) = (leaves.first(), leaves.last()) else {
        unreachable!("only two or more leaves part");
    };
    first
        .key
        .parting(&last.key)
        .expect("sorted leaves have distinct keys")
}
