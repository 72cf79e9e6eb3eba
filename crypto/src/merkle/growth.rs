//! How a list grew: its frontier at an earlier length, and the proof that its beginning is still the same. Both are
//! made from the roots of complete subtrees alone, so a list of any length costs as many look-ups as a path is long.

use super::{Frontier, range_root};
use crate::Digest;

/// The frontier that a list had when it had `length` leaves; none if no list is so long.
///
/// `node(level, number)` gives the root of the complete subtree over the `2^level` leaves from `number * 2^level`, and
/// is asked for one for each bit of the length.
///
/// # Errors
/// The first that `node` gives.
pub fn make_frontier<E>(
    length: u64,
    node: &mut impl FnMut(u8, u64) -> Result<Digest, E>,
) -> Result<Option<Frontier>, E> {
    let mut subtrees = Vec::new();
    let mut before = 0;
    for level in (0_u8..64).rev() {
        let leaves = 1_u64 << level;
        if length & leaves != 0 {
            subtrees.push(node(level, before >> level)?);
            before += leaves;
        }
    }
    Ok(Frontier::from_parts(length, subtrees))
}

/// The digests of the proof that the first `old` leaves of a list of `new` leaves are its beginning (RFC 6962's
/// `PROOF(m, D[n])`); none are needed where one of the two is empty or both are one, or if `old` is the longer one.
///
/// `node` is asked as [`make_path`](super::make_path) asks it, for subtrees of the longer list alone.
///
/// # Errors
/// The first that `node` gives.
pub fn make_consistency_path<E>(
    old: u64,
    new: u64,
    node: &mut impl FnMut(u8, u64) -> Result<Digest, E>,
) -> Result<Vec<Digest>, E> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return Ok(path);
    }
    // The subtree in which the old list ends, from the root downwards, and how many of its leaves are the old list's.
    let (mut start, mut length, mut own) = (0, new, old);
    while own < length {
        let level = (length - 1).ilog2();
        let left = 1_u64 << level;
        if own <= left {
            path.push(range_root(start + left, length - left, node)?);
            length = left;
        } else {
            path.push(range_root(start, left, node)?);
            start += left;
            length -= left;
            own -= left;
        }
    }
    // A complete old list is a node of the new one, and its root need not be said.
    if start > 0 {
        path.push(range_root(start, length, node)?);
    }
    path.reverse();
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::merkle::{ConsistencyProof, leaf_hash, root_of_hashes};

    fn leaves(count: u8) -> Vec<Digest> {
        (0..count).map(|number| leaf_hash(&[number])).collect()
    }

    /// Gives complete subtrees of these leaves, and refuses what is beyond them.
    fn node(leaves: &[Digest]) -> impl FnMut(u8, u64) -> Result<Digest, Infallible> {
        move |level, number| {
            let count = 1_usize << level;
            let first = usize::try_from(number).unwrap() << level;
            Ok(root_of_hashes(&leaves[first..first + count]))
        }
    }

    #[test]
    fn a_frontier_is_the_one_that_the_list_had() {
        let leaves = leaves(70);
        let mut grown = Frontier::new();
        for (length, leaf) in (0..).zip(&leaves) {
            let made = make_frontier(length, &mut node(&leaves)).unwrap();
            assert_eq!(made.unwrap(), grown, "{length}");
            grown.push_hash(*leaf);
        }
    }

    #[test]
    fn a_consistency_proof_is_the_one_of_the_rfc() {
        let leaves = leaves(70);
        for new in 0..=leaves.len() {
            for old in 0..=new {
                let expected = ConsistencyProof::new(&leaves[..new], old).unwrap();
                let mut node = node(&leaves[..new]);
                let path = make_consistency_path(old as u64, new as u64, &mut node).unwrap();
                assert_eq!(path, expected.path, "{old} of {new}");
            }
        }
        assert!(
            make_consistency_path(3, 2, &mut node(&leaves))
                .unwrap()
                .is_empty()
        );
    }
}
