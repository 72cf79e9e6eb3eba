//! The state tree against the rule of `docs/formats.md`, section 12.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use quorate_crypto::{Digest, Height, sha256};
use quorate_ledger::{Found, Prefix, StateKey, StateTree, value_hash};

use crate::model::{Changes, Model, apply, hashes, load, prefix_of, proof_of, root_of, shown, under};

/// Keys of several kinds that crowd: few owners, so that buckets overflow and split, and long common
/// prefixes.
fn crowded_key() -> impl Strategy<Value = StateKey> {
    let kind = prop_oneof![
        4 => Just(0x01_u8),
        2 => Just(0x02),
        1 => Just(0x03),
        1 => Just(0x10),
        1 => any::<u8>(),
    ];
    (kind, 0..3_u8, 0..4_u8, 0..64_u8, 0..3_u8).prop_map(|(kind, first, middle, last, shift)| {
        let mut key = [0; 32];
        key[0] = kind;
        key[1] = first * 0x40;
        key[3] = middle;
        key[20 + usize::from(shift) * 5] = last;
        StateKey(key)
    })
}

fn any_key() -> impl Strategy<Value = StateKey> {
    prop_oneof![4 => crowded_key(), 1 => any::<[u8; 32]>().prop_map(StateKey)]
}

fn any_state(most: usize) -> impl Strategy<Value = Model> {
    btree_map(any_key(), vec(any::<u8>(), 0..4), 0..most)
}

/// What a block changes.
fn block() -> impl Strategy<Value = Changes> {
    let value = prop_oneof![2 => vec(any::<u8>(), 0..4).prop_map(Some), 1 => Just(None)];
    btree_map(any_key(), value, 0..60)
}

/// The proof of what lies under a prefix, checked for what it says.
fn check_proof(tree: &StateTree, height: Height, model: &Model, root: &Digest, prefix: &Prefix) {
    let path = tree.prove_at(height, prefix).unwrap();
    let expected = under(model, prefix);
    let keys: Vec<StateKey> = path.keys().copied().collect();
    if expected.is_empty() {
        assert_eq!(keys.len(), usize::from(!model.is_empty()));
    } else {
        let own: Vec<StateKey> = expected.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, own);
    }
    let proof = proof_of(path, model);
    assert_eq!(proof.v1().prefix, *prefix);
    assert_eq!(shown(&proof, root), Some(expected), "{prefix} at {height}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_root_is_that_of_the_rule_and_goes_back(
        first in any_state(200),
        blocks in vec(block(), 1..8),
        back in 0..8_usize,
        again in block(),
    ) {
        let mut models = vec![first.clone()];
        let mut tree = load(10, &first);
        prop_assert_eq!(tree.root(), root_of(&first));
        for (height, block) in (11..).zip(&blocks) {
            let mut model = models.last().unwrap().clone();
            apply(&mut model, block);
            let root = tree.update(Height(height), hashes(block));
            prop_assert_eq!(root, root_of(&model));
            prop_assert_eq!(tree.root(), root);
            prop_assert_eq!(tree.len(), model.len());
            models.push(model);
        }
        let back = back.min(blocks.len());
        tree.rollback_to(Height(10 + back as u64));
        prop_assert_eq!(tree.height(), Height(10 + back as u64));
        let mut model = models[back].clone();
        prop_assert_eq!(tree.root(), root_of(&model));
        prop_assert_eq!(tree.len(), model.len());
        apply(&mut model, &again);
        prop_assert_eq!(tree.update(Height(100), hashes(&again)), root_of(&model));
    }

    #[test]
    fn proofs_hold_at_every_height_of_the_window(
        first in any_state(100),
        blocks in vec(block(), 0..6),
        others in vec(any_key(), 10),
        bits in 0..=256_u16,
        forget in 0..6_u64,
    ) {
        let mut models = vec![first.clone()];
        let mut tree = load(0, &first);
        for (height, block) in (1..).zip(&blocks) {
            let mut model = models.last().unwrap().clone();
            apply(&mut model, block);
            tree.update(Height(height), hashes(block));
            models.push(model);
        }
        tree.forget_before(Height(forget));
        let floor = forget.min(blocks.len() as u64);
        let changed = blocks.iter().flat_map(|block| block.keys().take(8));
        let known: Vec<&StateKey> = changed.chain(first.keys().take(8)).chain(&others).collect();
        for (height, model) in (0..).zip(&models) {
            let root = root_of(model);
            for (key, bits) in known.iter().flat_map(|key| [8, 168, 256, bits].map(|bits| (key, bits))) {
                let prefix = prefix_of(key, bits);
                if height < floor {
                    prop_assert_eq!(tree.prove_at(Height(height), &prefix), None);
                } else {
                    check_proof(&tree, Height(height), model, &root, &prefix);
                }
            }
        }
        let prefix = Prefix::of_key(&others[0]);
        prop_assert_eq!(tree.prove_at(Height(models.len() as u64), &prefix), None);
    }
}

/// Keys of accounts that nobody chose.
fn account_key(number: u32) -> StateKey {
    let mut key = [0; 32];
    key[0] = 0x01;
    key[1..21].copy_from_slice(&sha256(&number.to_le_bytes()).0[..20]);
    StateKey(key)
}

#[test]
fn a_tree_grows_with_its_leaves_and_keeps_its_root() {
    let mut tree = StateTree::new();
    let mut model = Model::new();
    for block in 0..8_u32 {
        let changes: Changes = (0..1_000)
            .map(|number| (account_key(block * 1_000 + number), Some(vec![1])))
            .collect();
        tree.update(Height(u64::from(block) + 1), hashes(&changes));
        apply(&mut model, &changes);
        assert_eq!(tree.root(), load(0, &model).root());
    }
    assert_eq!(tree.root(), root_of(&model));
    let prefix = Prefix::of_key(&account_key(5_000));
    check_proof(&tree, Height(8), &model, &root_of(&model), &prefix);
    // Going back across the growth.
    tree.rollback_to(Height(1));
    assert_eq!((tree.len(), tree.len_of_kind(0x01)), (1_000, 1_000));
    let first: Vec<StateKey> = (0..1_000).map(account_key).collect();
    model.retain(|key, _| first.contains(key));
    assert_eq!(tree.root(), root_of(&model));
    check_proof(&tree, Height(1), &model, &root_of(&model), &prefix);
}

/// Accounts' keys are held without their zeros, others whole; buckets have both, and change from one to the
/// other.
#[test]
fn however_leaves_came_the_root_is_that_of_all() {
    let key = |number: u32| {
        let StateKey(mut key) = account_key(number);
        if number.is_multiple_of(2) {
            key[1] = 7;
        }
        if number.is_multiple_of(5) {
            key[31] = 1;
        }
        if number.is_multiple_of(7) {
            key[0] = 0x0C;
        }
        StateKey(key)
    };
    let value = |number: u32| value_hash(&number.to_le_bytes());
    let loaded = |numbers: &[u32]| {
        let leaves = numbers.iter().map(|number| (key(*number), value(*number)));
        StateTree::load(Height(0), leaves)
    };
    let all: Vec<u32> = (0..6_000).collect();
    let mut ascending = all.clone();
    ascending.sort_unstable_by_key(|number| key(*number));
    let root = loaded(&all).root();
    assert_eq!(loaded(&ascending).root(), root);

    // Accounts first, so that what has a longer key comes to them and goes again.
    let (others, accounts): (Vec<u32>, Vec<u32>) = all.iter().partition(|number| *number % 5 == 0);
    let mut tree = loaded(&accounts);
    let without = tree.root();
    tree.update(
        Height(1),
        others.iter().map(|number| (key(*number), Some(value(*number)))),
    );
    assert_eq!((tree.root(), tree.len()), (root, all.len()));
    tree.rollback_to(Height(0));
    assert_eq!((tree.root(), tree.len()), (without, accounts.len()));
}

#[test]
fn keys_chosen_to_fill_one_bucket_are_no_burden() {
    let key = |number: u32| {
        let mut key = [7; 32];
        key[16..20].copy_from_slice(&number.to_be_bytes());
        StateKey(key)
    };
    let mut tree = StateTree::new();
    let mut model = Model::new();
    for block in 0..20_u32 {
        let changes: Changes = (0..500)
            .map(|number| {
                let chosen = key((block * 500 + number).wrapping_mul(0x9E37_79B1));
                (chosen, Some(vec![1]))
            })
            .collect();
        tree.update(Height(u64::from(block) + 1), hashes(&changes));
        apply(&mut model, &changes);
    }
    let root = root_of(&model);
    assert_eq!(tree.root(), root);
    let proof = proof_of(tree.prove(&Prefix::of_key(&key(0))), &model);
    let steps = proof.v1().path.len();
    assert!(steps <= 32, "as deep as the chosen bits, {steps} steps");
    // Prefixes that end above the chosen bits, among them and below them.
    for bits in [8, 120, 131, 140, 168] {
        check_proof(&tree, Height(20), &model, &root, &prefix_of(&key(0), bits));
    }
    tree.rollback_to(Height(0));
    assert_eq!((tree.root(), tree.len()), (Digest::ZERO, 0));
}

#[test]
fn all_of_a_kind_is_one_subtree_whatever_other_kinds_there_are() {
    let of = |kind: u8, numbers: std::ops::Range<u32>| {
        numbers.map(move |number| {
            let StateKey(mut key) = account_key(number);
            key[0] = kind;
            (StateKey(key), vec![kind])
        })
    };
    let mut model: Model = of(0x01, 0..2_000).chain(of(0x03, 0..30)).collect();
    model.extend(of(0x04, 0..1));
    model.extend(of(0x10, 0..4));
    let tree = load(0, &model);
    let root = root_of(&model);
    assert_eq!(tree.root(), root);
    assert_eq!(
        [0x00, 0x01, 0x03, 0x04, 0x10].map(|kind| tree.len_of_kind(kind)),
        [0, 2_000, 30, 1, 4]
    );
    for kind in [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x10, 0x11, 0xFF] {
        check_proof(&tree, Height(0), &model, &root, &Prefix::kind(kind));
    }
    // A prefix of the empty key has everything.
    check_proof(&tree, Height(0), &model, &root, &Prefix::new(0, [0; 32]).unwrap());
}

#[test]
fn a_tree_whose_last_leaf_goes_is_as_one_that_never_had_any() {
    let mut tree = StateTree::new();
    let key = account_key(1);
    tree.update(Height(1), [(key, Some(Digest([1; 32])))]);
    assert_eq!(tree.update(Height(2), [(key, None)]), Digest::ZERO);
    assert!(tree.is_empty());
    let path = tree.prove(&Prefix::of_key(&key));
    assert_eq!(path.keys().len(), 0);
    assert_eq!(proof_of(path, &Model::new()).v1().found, Found::Empty);
    // Before that, it was there.
    let path = tree.prove_at(Height(1), &Prefix::kind(0x01)).unwrap();
    assert_eq!(path.keys().collect::<Vec<_>>(), [&key]);
}

#[test]
#[should_panic(expected = "each key once")]
fn a_key_changed_twice_in_a_block_is_a_mistake() {
    let mut tree = StateTree::new();
    let change = (StateKey([1; 32]), Some(Digest([1; 32])));
    tree.update(Height(1), [change, change]);
}

#[test]
#[should_panic(expected = "each key once")]
fn a_key_that_is_loaded_twice_is_a_mistake() {
    let leaf = (StateKey([1; 32]), Digest([1; 32]));
    StateTree::load(Height(0), [leaf, leaf]);
}
