//! The hashing rule of the state root (`docs/formats.md`, section 8), as pure functions over sorted
//! leaves. It does not know how leaves are stored.
//!
//! ```text
//! root(S, d) = 32 zero bytes                                      if S is empty
//!            = SHA-256(00 ‖ key ‖ SHA-256(value))                 if S has one leaf
//!            = join(d, root(S with bit d = 0, d+1), root(S with bit d = 1, d+1))   otherwise
//! ```
//!
//! where `join` passes the other side on if one is empty. So the depth at which a set is looked at
//! does not matter until its keys part, and only there is hashed.

use quorate_crypto::Digest;

use crate::StateKey;

/// A key together with the hash of its leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) key: StateKey,
    pub(super) hash: Digest,
}

/// A step of the way from the root to a leaf: where keys part, and the root of the other side.
pub(super) type Step = (u8, Digest);

/// The hash of a leaf.
pub(super) fn leaf_hash(key: &StateKey, value: &Digest) -> Digest {
    Digest::of_parts(&[&[0], &key.0, &value.0])
}

/// The root of two sets whose keys part at bit `depth`.
pub(super) fn join(depth: u8, left: &Digest, right: &Digest) -> Digest {
    if *left == Digest::ZERO {
        *right
    } else if *right == Digest::ZERO {
        *left
    } else {
        let mut bytes = [0; 66];
        bytes[0] = 1;
        bytes[1] = depth;
        bytes[2..34].copy_from_slice(&left.0);
        bytes[34..].copy_from_slice(&right.0);
        quorate_crypto::sha256(&bytes)
    }
}

/// The root of sorted leaves.
pub(super) fn root(leaves: &[Leaf]) -> Digest {
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

/// Follows the bits of `key` through sorted leaves, adds the steps to `path`, and gives the leaf at
/// its end, if there is any leaf.
pub(super) fn path(mut leaves: &[Leaf], key: &StateKey, path: &mut Vec<Step>) -> Option<Leaf> {
    while leaves.len() > 1 {
        let (depth, middle) = split(leaves);
        let (left, right) = leaves.split_at(middle);
        let (followed, other) = if key.bit(depth) {
            (right, left)
        } else {
            (left, right)
        };
        path.push((depth, root(other)));
        leaves = followed;
    }
    leaves.first().copied()
}

/// The bit in which two or more sorted leaves first part, and the index of the first that has it set.
pub(super) fn split(leaves: &[Leaf]) -> (u8, usize) {
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
