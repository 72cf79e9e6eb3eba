//! The state tree against the rule of `docs/formats.md`, section 8, written down once more as naively as
//! it stands there.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use quorate_crypto::sha256;
use quorate_ledger::{
    Digest, Height, ProofStep, StateKey, StateProof, StateProofError, StateProofV1, StateTree, value_hash,
};

type Model = BTreeMap<StateKey, Vec<u8>>;

fn bit(key: &StateKey, depth: usize) -> bool {
    key.0[depth / 8] >> (7 - depth % 8) & 1 == 1
}

/// `root(S, d)` of the page, word for word.
fn naive_root(leaves: &[(&StateKey, &Vec<u8>)], depth: usize) -> Digest {
    match leaves {
        [] => Digest::ZERO,
        [(key, value)] => sha256(&[&[0][..], &key.0, &sha256(value).0].concat()),
        _ => {
            let (ones, zeros): (Vec<_>, Vec<_>) = leaves.iter().partition(|(key, _)| bit(key, depth));
            let (left, right) = (naive_root(&zeros, depth + 1), naive_root(&ones, depth + 1));
            if left == Digest::ZERO {
                right
            } else if right == Digest::ZERO {
                left
            } else {
                sha256(&[&[1, u8::try_from(depth).unwrap()][..], &left.0, &right.0].concat())
            }
        }
    }
}

fn model_root(model: &Model) -> Digest {
    naive_root(&model.iter().collect::<Vec<_>>(), 0)
}

fn load(height: u64, model: &Model) -> StateTree {
    StateTree::load(
        Height(height),
        model.iter().map(|(key, value)| (*key, value_hash(value))),
    )
}

/// Keys that crowd: few prefixes, so that buckets overflow and split, and long common prefixes.
fn crowded_key() -> impl Strategy<Value = StateKey> {
    (0..3_u8, 0..4_u8, 0..64_u8, 0..3_u8).prop_map(|(first, middle, last, shift)| {
        let mut key = [0; 32];
        key[0] = first * 0x40;
        key[2] = middle;
        key[19 + usize::from(shift) * 6] = last;
        StateKey(key)
    })
}

fn any_key() -> impl Strategy<Value = StateKey> {
    prop_oneof![crowded_key(), any::<[u8; 32]>().prop_map(StateKey)]
}

/// What a block changes: keys with a new value, or none.
fn block() -> impl Strategy<Value = BTreeMap<StateKey, Option<Vec<u8>>>> {
    let value = prop_oneof![2 => vec(any::<u8>(), 0..4).prop_map(Some), 1 => Just(None)];
    btree_map(any_key(), value, 0..60)
}

fn apply(model: &mut Model, block: &BTreeMap<StateKey, Option<Vec<u8>>>) {
    for (key, value) in block {
        match value {
            Some(value) => model.insert(*key, value.clone()),
            None => model.remove(key),
        };
    }
}

/// The proof of `key` in the model's state, checked for what it says.
fn check_proof(tree: &StateTree, height: Height, model: &Model, key: &StateKey) -> StateProof {
    let path = tree.prove_at(height, key).unwrap();
    let value = path.end().map(|end| model[end].as_slice());
    let proof = path.with_value(value).unwrap();
    let expected = model.get(key).map(|value| value_hash(value));
    assert_eq!(proof.verify(&model_root(model), key), Ok(expected));
    proof
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_root_is_that_of_the_rule_and_goes_back(
        first in btree_map(any_key(), vec(any::<u8>(), 0..4), 0..200),
        blocks in vec(block(), 1..8),
        back in 0..8_usize,
        again in block(),
    ) {
        let mut models = vec![first.clone()];
        let mut tree = load(10, &first);
        prop_assert_eq!(tree.root(), model_root(&first));
        for (height, block) in (11..).zip(&blocks) {
            let mut model = models.last().unwrap().clone();
            apply(&mut model, block);
            let changes = block.iter().map(|(key, value)| (*key, value.as_deref().map(value_hash)));
            let root = tree.update(Height(height), changes);
            prop_assert_eq!(root, model_root(&model));
            prop_assert_eq!(tree.root(), root);
            prop_assert_eq!(tree.len(), model.len());
            models.push(model);
        }
        let back = back.min(blocks.len());
        tree.rollback_to(Height(10 + back as u64));
        prop_assert_eq!(tree.height(), Height(10 + back as u64));
        let mut model = models[back].clone();
        prop_assert_eq!(tree.root(), model_root(&model));
        prop_assert_eq!(tree.len(), model.len());
        apply(&mut model, &again);
        let changes = again.iter().map(|(key, value)| (*key, value.as_deref().map(value_hash)));
        prop_assert_eq!(tree.update(Height(100), changes), model_root(&model));
    }

    #[test]
    fn proofs_hold_at_every_height_of_the_window(
        first in btree_map(any_key(), vec(any::<u8>(), 0..4), 0..100),
        blocks in vec(block(), 0..6),
        others in vec(any_key(), 10),
        forget in 0..6_u64,
    ) {
        let mut models = vec![first.clone()];
        let mut tree = load(0, &first);
        for (height, block) in (1..).zip(&blocks) {
            let mut model = models.last().unwrap().clone();
            apply(&mut model, block);
            tree.update(Height(height), block.iter().map(|(key, value)| (*key, value.as_deref().map(value_hash))));
            models.push(model);
        }
        tree.forget_before(Height(forget));
        let floor = forget.min(blocks.len() as u64);
        for (height, model) in (0..).zip(&models) {
            let known = blocks.iter().flat_map(|block| block.keys()).chain(first.keys()).chain(&others);
            for key in known {
                if height < floor {
                    prop_assert_eq!(tree.prove_at(Height(height), key), None);
                } else {
                    check_proof(&tree, Height(height), model, key);
                }
            }
        }
        prop_assert_eq!(tree.prove_at(Height(models.len() as u64), &others[0]), None);
    }

    #[test]
    fn a_tampered_proof_never_verifies(
        model in btree_map(any_key(), vec(any::<u8>(), 0..4), 1..60),
        other in any_key(),
        place in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let tree = load(0, &model);
        let root = tree.root();
        let present = *model.keys().nth(place.index(model.len())).unwrap();
        for key in [present, other] {
            let proof = check_proof(&tree, Height(0), &model, &key);
            let truth = proof.verify(&root, &key);
            let bytes = quorate_ledger::encode(&proof);
            for at in 0..bytes.len() {
                let mut tampered = bytes.clone();
                tampered[at] ^= flip;
                let Ok(tampered) = quorate_ledger::decode::<StateProof>(&tampered, bytes.len()) else {
                    continue;
                };
                prop_assert!(tampered.verify(&root, &key).is_err(), "byte {} of {:?}", at, proof);
            }
            // A proof shows nothing but the truth about any key that it is shown for.
            for asked in model.keys().chain([&other, &key]) {
                if let Ok(shown) = proof.verify(&root, asked) {
                    prop_assert_eq!(shown, model.get(asked).map(|value| value_hash(value)));
                }
            }
            prop_assert!(truth.is_ok());
            prop_assert_eq!(proof.verify(&Digest([1; 32]), &key), Err(StateProofError::WrongRoot));
        }
    }
}

#[test]
fn a_tree_grows_with_its_leaves_and_keeps_its_root() {
    let key = |number: u32| {
        let mut key = sha256(&number.to_le_bytes()).0;
        key[20..].fill(0);
        StateKey(key)
    };
    let mut tree = StateTree::new();
    let mut model = Model::new();
    for block in 0..8_u32 {
        let changes: Vec<_> = (0..1_000)
            .map(|number| (key(block * 1_000 + number), vec![1]))
            .collect();
        let hashes = changes.iter().map(|(key, value)| (*key, Some(value_hash(value))));
        tree.update(Height(u64::from(block) + 1), hashes);
        model.extend(changes);
        assert_eq!(tree.root(), load(0, &model).root());
    }
    assert_eq!(tree.root(), model_root(&model));
    // Going back across the growth.
    tree.rollback_to(Height(1));
    assert_eq!(tree.len(), 1_000);
    model.retain(|key_, _| (0..1_000).any(|number| key(number) == *key_));
    assert_eq!(tree.root(), model_root(&model));
}

/// Accounts' keys are held without their zeros, others whole; buckets have both, and change from one to the
/// other.
#[test]
fn however_leaves_came_the_root_is_that_of_all() {
    let key = |number: u32| {
        let mut key = [0; 32];
        key[..20].copy_from_slice(&sha256(&number.to_le_bytes()).0[..20]);
        if number.is_multiple_of(2) {
            key[0] = 7;
        }
        if number.is_multiple_of(5) {
            key[31] = 1;
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
        let changes: Vec<_> = (0..500)
            .map(|number| (key((block * 500 + number).wrapping_mul(0x9E37_79B1)), vec![1]))
            .collect();
        let hashes = changes.iter().map(|(key, value)| (*key, Some(value_hash(value))));
        tree.update(Height(u64::from(block) + 1), hashes);
        model.extend(changes);
    }
    assert_eq!(tree.root(), model_root(&model));
    let steps = tree
        .prove(&key(0))
        .with_value(Some(&[1]))
        .unwrap()
        .v1()
        .path
        .len();
    assert!(steps <= 32, "as deep as the chosen bits, {steps} steps");
    tree.rollback_to(Height(0));
    assert_eq!((tree.root(), tree.len()), (Digest::ZERO, 0));
}

#[test]
fn an_empty_state_proves_that_nothing_is_there() {
    let tree = StateTree::new();
    assert_eq!(tree.root(), Digest::ZERO);
    let key = StateKey([5; 32]);
    let proof = tree.prove(&key).with_value(None).unwrap();
    assert_eq!(proof.verify(&Digest::ZERO, &key), Ok(None));
    assert_eq!(
        proof.verify(&Digest([1; 32]), &key),
        Err(StateProofError::WrongRoot)
    );
}

#[test]
fn a_path_becomes_a_proof_with_the_right_value_alone() {
    let model = Model::from([(StateKey([1; 32]), vec![1]), (StateKey([2; 32]), vec![2])]);
    let tree = load(0, &model);
    let path = tree.prove(&StateKey([1; 32]));
    assert!(path.with_value(Some(&[1])).is_ok());
    assert_eq!(path.with_value(Some(&[2])), Err(StateProofError::WrongRoot));
    assert_eq!(path.with_value(None), Err(StateProofError::WrongRoot));
}

#[test]
#[should_panic(expected = "each key once")]
fn a_key_changed_twice_in_a_block_is_a_mistake() {
    let mut tree = StateTree::new();
    let change = (StateKey([1; 32]), Some(Digest([1; 32])));
    tree.update(Height(1), [change, change]);
}

#[test]
fn the_rule_lets_a_subtree_stand_for_all_keys_of_an_address() {
    // All leaves under one address have one root, which the whole state's root is built from: the same
    // steps lead to it whatever other accounts there are.
    let mut model = Model::new();
    for owner in 0..40_u8 {
        for suffix in 0..5_u8 {
            let mut key = [0; 32];
            key[..20].copy_from_slice(&sha256(&[owner]).0[..20]);
            key[31] = suffix;
            model.insert(StateKey(key), vec![owner, suffix]);
        }
    }
    let tree = load(0, &model);
    let owner = &sha256(&[3]).0[..20];
    let own: Vec<_> = model.iter().filter(|(key, _)| key.0[..20] == *owner).collect();
    let subtree = naive_root(&own, 160);
    let path = tree.prove(own[0].0);
    let proof = path.with_value(Some(own[0].1)).unwrap();
    let above = proof.v1().path.iter().filter(|step| step.depth < 160).rev();
    let root = above.fold(subtree, |below, step| {
        let (left, right) = if bit(own[0].0, step.depth.into()) {
            (step.sibling, below)
        } else {
            (below, step.sibling)
        };
        sha256(&[&[1, step.depth][..], &left.0, &right.0].concat())
    });
    assert_eq!(root, tree.root());
}

#[test]
fn a_proof_has_one_form() {
    let model: Model = (0..20)
        .map(|byte| (StateKey(sha256(&[byte]).0), vec![byte]))
        .collect();
    let tree = load(0, &model);
    let key = *model.keys().next().unwrap();
    let StateProof::V1(proof) = check_proof(&tree, Height(0), &model, &key);
    let verify = |proof: &StateProofV1| StateProof::V1(proof.clone()).verify(&tree.root(), &key);
    assert!(verify(&proof).is_ok());

    let mut swapped = proof.clone();
    swapped.path.swap(0, 1);
    assert_eq!(verify(&swapped), Err(StateProofError::Unordered));
    let mut repeated = proof.clone();
    repeated.path.insert(0, proof.path[0]);
    assert_eq!(verify(&repeated), Err(StateProofError::Unordered));
    // A step beside which there is nothing would change no hash.
    let mut padded = proof.clone();
    padded.path.push(ProofStep {
        depth: 255,
        sibling: Digest::ZERO,
    });
    assert_eq!(verify(&padded), Err(StateProofError::EmptySide));
    let mut bare = proof;
    bare.leaf = None;
    assert_eq!(verify(&bare), Err(StateProofError::AnotherPath));
}
