//! Lists: frontiers from outside, and inclusion paths as plain lists of digests.

use std::collections::BTreeMap;
use std::convert::Infallible;

use proptest::prelude::*;
use quorate_crypto::Digest;
use quorate_crypto::merkle::{
    Frontier, InclusionProof, empty_root, leaf_hash, make_path, node_hash, path_root, root_of_hashes,
};

fn leaves(count: usize) -> Vec<Digest> {
    (0..count)
        .map(|number| leaf_hash(&number.to_le_bytes()))
        .collect()
}

/// The path, from the roots of complete subtrees as a table of them would give. Nothing else may be asked for.
fn path_of(leaves: &[Digest], index: u64) -> Vec<Digest> {
    let size = leaves.len() as u64;
    let mut asked = 0;
    let path = make_path(size, index, &mut |level, number| {
        asked += 1;
        let (from, to) = (number << level, (number + 1) << level);
        assert!(
            to <= size,
            "subtree {number} of level {level} in a list of {size}"
        );
        let subtree = &leaves[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
        Ok::<_, Infallible>(root_of_hashes(subtree))
    });
    let path = path.unwrap();
    assert!(asked <= 2 * 64);
    path
}

#[test]
fn every_path_of_short_lists_is_the_proofs_and_holds_nowhere_else() {
    for size in 1..=35 {
        let leaves = leaves(size);
        let root = root_of_hashes(&leaves);
        for index in 0..size {
            let path = path_of(&leaves, index as u64);
            assert_eq!(
                path,
                InclusionProof::new(&leaves, index).unwrap().path,
                "{index} of {size}"
            );
            for other in 0..size {
                let found = path_root(leaves[index], other as u64, size as u64, &path);
                assert_eq!(
                    found == Some(root),
                    other == index,
                    "{index} as {other} of {size}"
                );
            }
        }
    }
}

#[test]
fn a_path_of_another_length_gives_no_root() {
    for size in 1..=20 {
        let leaves = leaves(size);
        for index in 0..size {
            let path = path_of(&leaves, index as u64);
            let longer = [path.as_slice(), &[Digest::ZERO]].concat();
            assert_eq!(path_root(leaves[index], index as u64, size as u64, &longer), None);
            if let [shorter @ .., _] = path.as_slice() {
                assert_eq!(path_root(leaves[index], index as u64, size as u64, shorter), None);
            }
        }
    }
}

#[test]
fn there_is_no_path_outside_a_list() {
    let leaf = leaf_hash(b"x");
    for (index, size) in [(0, 0), (1, 1), (7, 7), (8, 7), (u64::MAX, u64::MAX)] {
        assert_eq!(path_root(leaf, index, size, &[]), None);
        let path = make_path(size, index, &mut |_, _| Err(()));
        assert_eq!(path, Ok(Vec::new()));
    }
    // A list of one leaf is that leaf.
    assert_eq!(path_root(leaf, 0, 1, &[]), Some(leaf));
    assert_eq!(make_path(1, 0, &mut |_, _| Err(())), Ok(Vec::new()));
}

#[test]
fn what_cannot_be_had_ends_a_path() {
    let mut asked = 0;
    let path = make_path(100, 37, &mut |_, _| {
        asked += 1;
        if asked == 3 { Err("gone") } else { Ok(Digest::ZERO) }
    });
    assert_eq!((path, asked), (Err("gone"), 3));
}

/// The longest list there is, and one more than half of it.
#[test]
fn paths_of_the_longest_lists_do_not_overflow() {
    for size in [u64::MAX, (1 << 63) + 1, 1 << 63] {
        for index in [0, size / 2, size - 1] {
            let mut deepest = 0;
            let path = make_path(size, index, &mut |level, number| {
                deepest = deepest.max(level);
                assert!(u128::from(number + 1) << level <= u128::from(size));
                Ok::<_, Infallible>(Digest([level; 32]))
            });
            let path = path.unwrap();
            assert!(path.len() <= 64 && deepest < 64);
            assert!(path_root(Digest::ZERO, index, size, &path).is_some());
        }
    }
}

#[test]
fn a_frontier_has_its_parts() {
    let leaves = leaves(70);
    let mut frontier = Frontier::new();
    assert_eq!(frontier.root(), empty_root());
    for (count, leaf) in leaves.iter().enumerate() {
        assert_eq!(frontier.length(), count as u64);
        assert_eq!(frontier.root(), root_of_hashes(&leaves[..count]));
        assert_eq!(frontier.subtrees().len(), count.count_ones() as usize);
        let again = Frontier::from_parts(frontier.length(), frontier.subtrees().to_vec());
        assert_eq!(again.as_ref(), Some(&frontier));
        let stored = bcs::to_bytes(&frontier).unwrap();
        assert_eq!(bcs::from_bytes(&stored), Ok(frontier.clone()));
        frontier.push_hash(*leaf);
    }
}

#[test]
fn a_frontier_with_parts_that_do_not_fit_is_refused() {
    let some = |count| vec![Digest::ZERO; count];
    assert!(Frontier::from_parts(7, some(3)).is_some());
    for count in [0, 2, 4] {
        assert_eq!(Frontier::from_parts(7, some(count)), None);
        let encoding = bcs::to_bytes(&(7_u64, some(count))).unwrap();
        assert!(bcs::from_bytes::<Frontier>(&encoding).is_err());
    }
    // The longest can be appended to.
    let mut longest = Frontier::from_parts(Frontier::MAX_LENGTH, some(63)).unwrap();
    longest.push_hash(Digest::ZERO);
    assert_eq!(longest.length(), 1 << 63);
    for (length, count) in [(1 << 63, 1), (u64::MAX, 64)] {
        assert_eq!(Frontier::from_parts(length, some(count)), None);
        let encoding = bcs::to_bytes(&(length, some(count))).unwrap();
        assert!(bcs::from_bytes::<Frontier>(&encoding).is_err());
    }
}

proptest! {
    /// The table of subtrees' roots is made as a log would make it: each as soon as its last leaf is there.
    #[test]
    fn paths_from_a_table_lead_to_the_frontiers_root(size in 1_u64..600, place in any::<prop::sample::Index>()) {
        let leaves = leaves(usize::try_from(size).unwrap());
        let mut table = BTreeMap::new();
        let mut frontier = Frontier::new();
        for (number, leaf) in (0_u64..).zip(&leaves) {
            table.insert((0_u8, number), *leaf);
            let (mut level, mut right) = (0_u8, number);
            while right & 1 == 1 {
                let above = node_hash(&table[&(level, right - 1)], &table[&(level, right)]);
                (level, right) = (level + 1, right >> 1);
                table.insert((level, right), above);
            }
            frontier.push_hash(*leaf);
        }
        let index = place.index(leaves.len());
        let path = make_path(size, index as u64, &mut |level, number| {
            table.get(&(level, number)).copied().ok_or((level, number))
        });
        let path = path.unwrap();
        prop_assert_eq!(path_root(leaves[index], index as u64, size, &path), Some(frontier.root()));
    }

    #[test]
    fn no_path_panics(index: u64, size: u64, path in prop::collection::vec(any::<[u8; 32]>(), 0..66)) {
        let path: Vec<_> = path.into_iter().map(Digest).collect();
        let root = path_root(Digest::ZERO, index, size, &path);
        prop_assert!(root.is_none() || path.len() <= 64);
    }
}
