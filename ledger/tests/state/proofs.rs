//! Proofs of the state: what they show, and what they cannot be made to show.

use std::convert::Infallible;

use proptest::prelude::*;
use quorate_crypto::{Digest, Height};
use quorate_ledger::{
    Account, Found, Leaf, PathStep, Prefix, StateKey, StateProof, StateProofError, StateProofV1, StateTree,
    StateValue, ValueError, decode, encode, value_hash,
};

use crate::model::{
    Changes, Model, account, address, apply, code, hashes, hold, load, prefix_of, proof_of, root_of, shown,
    small_state, under,
};

fn prove(model: &Model, prefix: &Prefix) -> StateProof {
    proof_of(load(0, model).prove(prefix), model)
}

/// What a verified proof says, as leaves.
fn pairs(values: &[StateValue]) -> Vec<(StateKey, Vec<u8>)> {
    values.iter().map(|value| (value.key(), value.encode())).collect()
}

/// Prefixes of all that is asked for: of what is there, and of what is not.
fn questions(model: &Model) -> Vec<Prefix> {
    let mut questions: Vec<Prefix> = (0x01..=0x10).map(Prefix::kind).collect();
    questions.extend(model.keys().map(Prefix::of_key));
    for number in 0..25 {
        let owner = address(number);
        questions.extend([
            Prefix::account(&owner),
            Prefix::holds(&owner),
            Prefix::grants(&owner),
            Prefix::freezes(&owner),
            Prefix::of_key(&StateKey::account(&owner)),
            Prefix::of_key(&StateKey::balance(&owner, &code("NONE"))),
            Prefix::of_key(&StateKey::unique_record(&Digest([number; 32]))),
        ]);
    }
    questions
}

#[test]
fn every_question_has_a_proof_of_all_that_is_there() {
    let model = small_state();
    let root = root_of(&model);
    let tree = load(0, &model);
    for prefix in questions(&model) {
        assert!(prefix.check_question(), "{prefix}");
        let proof = proof_of(tree.prove(&prefix), &model);
        let values = proof.verify(&root).unwrap();
        assert_eq!(pairs(&values), under(&model, &prefix), "{prefix}");
        assert_eq!(shown(&proof, &root), Some(under(&model, &prefix)));
        assert_eq!(proof.verify(&Digest([1; 32])), Err(StateProofError::WrongRoot));
        let bytes = encode(&proof);
        assert_eq!(decode(&bytes, bytes.len()), Ok(proof));
    }
}

#[test]
fn an_account_is_shown_as_it_was_at_an_earlier_height() {
    let mut model = small_state();
    let mut tree = load(0, &model);
    let before = model.clone();
    // Account 0 loses two of its balances, account 3 gets one, all its holds go, and a new account comes.
    let mut changes = Changes::new();
    for text in ["BOND", "OIL"] {
        changes.insert(StateKey::balance(&address(0), &code(text)), None);
    }
    for value in account(3, &["OIL"]).into_iter().chain(account(40, &["Z"])) {
        changes.insert(value.key(), Some(value.encode()));
    }
    for operation in 0..3 {
        changes.insert(hold(5, operation).key(), None);
    }
    tree.update(Height(1), hashes(&changes));
    apply(&mut model, &changes);
    for number in [0, 3, 5, 7, 40] {
        for prefix in [Prefix::account(&address(number)), Prefix::holds(&address(number))] {
            for (height, model) in [(0, &before), (1, &model)] {
                let path = tree.prove_at(Height(height), &prefix).unwrap();
                let values = proof_of(path, model).verify(&root_of(model)).unwrap();
                assert_eq!(pairs(&values), under(model, &prefix), "{prefix} at {height}");
            }
        }
    }
    tree.rollback_to(Height(0));
    assert_eq!(tree.root(), root_of(&before));
}

#[test]
fn an_empty_state_proves_that_nothing_is_there() {
    let tree = StateTree::new();
    let prefix = Prefix::account(&address(1));
    let proof = proof_of(tree.prove(&prefix), &Model::new());
    assert_eq!(proof.v1().found, Found::Empty);
    assert_eq!(proof.verify(&Digest::ZERO), Ok(Vec::new()));
    assert_eq!(proof.verify(&Digest([1; 32])), Err(StateProofError::WrongRoot));
    // Nor can a state that has something be said to be empty.
    let StateProof::V1(mut lie) = prove(&small_state(), &prefix);
    lie.found = Found::Empty;
    let error = StateProof::V1(lie).verify(&root_of(&small_state())).unwrap_err();
    assert_eq!(
        (&error, error.code()),
        (&StateProofError::AnotherPath, "bad_path")
    );
}

#[test]
fn a_path_becomes_a_proof_with_the_right_values_alone() {
    let model = small_state();
    let tree = load(0, &model);
    let path = tree.prove(&Prefix::account(&address(0)));
    assert_eq!(path.keys().len(), 4);
    let mut asked = Vec::new();
    let proof = path.clone().with_values(|key| {
        asked.push(*key);
        Ok::<_, Infallible>(model[key].clone())
    });
    assert_eq!(asked, path.keys().copied().collect::<Vec<_>>());
    assert!(proof.unwrap().verify(&root_of(&model)).is_ok());
    // The values of another height.
    let mut later = model.clone();
    for value in account(0, &["BOND", "OIL"]) {
        later.insert(value.key(), value.encode());
    }
    let mixed = proof_of(path.clone(), &later);
    assert_eq!(mixed.verify(&root_of(&model)), Err(StateProofError::WrongRoot));
    assert_eq!(path.with_values(|_| Err("gone")), Err("gone"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whoever changes bytes of a proof has no proof, or one of something that is true too.
    #[test]
    fn a_mutant_of_a_proof_shows_nothing_but_the_truth(
        place in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let model = small_state();
        let root = root_of(&model);
        let all = questions(&model);
        let proof = prove(&model, &all[place.index(all.len())]);
        let bytes = encode(&proof);
        for at in 0..bytes.len() {
            let mut mutant = bytes.clone();
            mutant[at] ^= flip;
            let cut = [&bytes[..at], &bytes[at + 1..]].concat();
            let doubled = [&bytes[..=at], &bytes[at..]].concat();
            for mutant in [mutant, cut, doubled] {
                let Ok(mutant) = decode::<StateProof>(&mutant, mutant.len()) else {
                    continue;
                };
                if let Ok(values) = mutant.verify(&root) {
                    let prefix = mutant.v1().prefix;
                    prop_assert_eq!(pairs(&values), under(&model, &prefix), "byte {} of {:?}", at, &proof);
                    prop_assert_ne!(&prefix, &proof.v1().prefix);
                    prop_assert_eq!(shown(&mutant, &root), Some(under(&model, &prefix)));
                }
            }
        }
    }
}

/// The refusal of a changed proof under the root of the small state, and its code.
fn refusal(proof: &StateProof, change: impl FnOnce(&mut StateProofV1)) -> (StateProofError, &'static str) {
    let StateProof::V1(mut changed) = proof.clone();
    change(&mut changed);
    let changed = StateProof::V1(changed);
    let root = root_of(&small_state());
    let error = changed.verify(&root).unwrap_err();
    let is_form = error.code() == "not_canonical";
    assert_eq!(changed.check_form().is_err(), is_form);
    let code = error.code();
    (error, code)
}

#[test]
fn a_proof_has_one_form() {
    let model = small_state();
    let proof = prove(&model, &Prefix::account(&address(0)));
    let refused = |change: fn(&mut StateProofV1)| refusal(&proof, change);
    assert_eq!(
        refused(|proof| proof.path.swap(0, 1)),
        (StateProofError::Unordered, "not_canonical")
    );
    assert_eq!(
        refused(|proof| proof.path.insert(0, proof.path[0])),
        (StateProofError::Unordered, "not_canonical")
    );
    // A step beside which there is nothing would change no hash.
    let beside_nothing = PathStep {
        depth: 167,
        sibling: Digest::ZERO,
    };
    let padded = refusal(&proof, |proof| proof.path.push(beside_nothing));
    assert_eq!(padded, (StateProofError::EmptySide, "not_canonical"));
    assert_eq!(
        refused(|proof| proof.found = Found::Leaves(Vec::new())),
        (StateProofError::UnorderedLeaves, "not_canonical")
    );
    let reversed = refused(|proof| {
        if let Found::Leaves(leaves) = &mut proof.found {
            leaves.reverse();
        }
    });
    assert_eq!(reversed, (StateProofError::UnorderedLeaves, "not_canonical"));
    let twice = refused(|proof| {
        if let Found::Leaves(leaves) = &mut proof.found {
            leaves.insert(0, leaves[0].clone());
        }
    });
    assert_eq!(twice, (StateProofError::UnorderedLeaves, "not_canonical"));
    for (bits, last) in [(257, 0), (u16::MAX, 0), (168, 1)] {
        let (error, code) = refusal(&proof, |proof| {
            proof.prefix.bits = bits;
            proof.prefix.key[31] = last;
        });
        assert!(matches!(error, StateProofError::BadPrefix { .. }));
        assert_eq!(code, "not_canonical");
    }
    let long = refused(|proof| {
        if let Found::Leaves(leaves) = &mut proof.found {
            leaves[1].value = vec![0; 32_769];
        }
    });
    assert_eq!(long, (StateProofError::TooLong, "not_canonical"));
}

#[test]
fn what_lies_under_a_prefix_is_shown_whole() {
    let model = small_state();
    for prefix in [
        Prefix::kind(0x03),
        Prefix::account(&address(0)),
        Prefix::holds(&address(2)),
    ] {
        let proof = prove(&model, &prefix);
        let Found::Leaves(leaves) = &proof.v1().found else {
            panic!("there is something under {prefix}");
        };
        // The first leaf of an account is itself, without which its balances are refused.
        for left_out in usize::from(prefix.bits == 168)..leaves.len() {
            let mut fewer = leaves.clone();
            fewer.remove(left_out);
            let refused = refusal(&proof, |proof| proof.found = Found::Leaves(fewer));
            assert_eq!(refused, (StateProofError::WrongRoot, "bad_path"));
        }
        // The half of them on one side of where they part, with the other half as a step.
        let half = prove(&model, &Prefix::of_key(&leaves[0].key));
        let StateProofV1 { path, found, .. } = half.v1().clone();
        let (error, code) = refusal(&proof, |proof| {
            (proof.path, proof.found) = (path, found);
        });
        assert!(matches!(error, StateProofError::TooDeep { .. }), "{error}");
        assert_eq!(code, "bad_path");
    }
}

#[test]
fn another_leaf_shows_absence_only_where_it_is_on_the_way() {
    let model = small_state();
    let absent = prove(&model, &Prefix::of_key(&StateKey::asset(&code("NONE"))));
    let present = prove(&model, &Prefix::of_key(&StateKey::asset(&code("EUR"))));
    assert!(matches!(absent.v1().found, Found::Other { .. }));
    // A leaf that is there, said to be absent: by the proof of another, and by itself.
    let key = StateKey::asset(&code("EUR"));
    let (error, reason) = refusal(&absent, |proof| proof.prefix = Prefix::of_key(&key));
    assert_eq!(reason, "bad_path", "{error}");
    let value = value_hash(&model[&key]);
    let (error, reason) = refusal(&present, |proof| proof.found = Found::Other { key, value });
    assert!(matches!(error, StateProofError::WrongSide { .. }));
    assert_eq!(reason, "bad_path");
    // The other leaf shown as if it were under the prefix.
    let Found::Other { key: other, .. } = absent.v1().found else {
        panic!("another leaf");
    };
    let leaf = Leaf {
        key: other,
        value: model[&other].clone(),
    };
    let (error, reason) = refusal(&absent, |proof| proof.found = Found::Leaves(vec![leaf]));
    assert!(matches!(error, StateProofError::WrongSide { .. }));
    assert_eq!(reason, "bad_path");
    // A path that leads elsewhere than the prefix.
    let elsewhere = Prefix::kind(0xFF);
    let (error, _) = refusal(&absent, |proof| proof.prefix = elsewhere);
    assert_eq!(error, StateProofError::AnotherPath);
}

/// A state in which somebody has put other values.
fn forged(changes: &[(StateKey, Option<Vec<u8>>)]) -> Model {
    let mut model = small_state();
    apply(&mut model, &changes.iter().cloned().collect());
    model
}

#[test]
fn balances_without_their_account_are_refused() {
    let own = StateKey::account(&address(0));
    let model = forged(&[(own, None)]);
    let root = root_of(&model);
    let expected = StateProofError::WithoutAccount { address: address(0) };
    assert_eq!(expected.code(), "other_leaf");
    for prefix in [Prefix::account(&address(0)), Prefix::kind(0x01)] {
        let proof = prove(&model, &prefix);
        assert!(shown(&proof, &root).is_some());
        assert_eq!(proof.verify(&root), Err(expected.clone()));
    }
    // One of them alone is shown as what it is, and others' accounts are none of this.
    let one = Prefix::of_key(&StateKey::balance(&address(0), &code("BOND")));
    assert_eq!(prove(&model, &one).verify(&root).unwrap().len(), 1);
    assert!(prove(&model, &Prefix::account(&address(1))).verify(&root).is_ok());
    // An account that has nothing anywhere is absent, and that can be shown.
    let nobody = prove(&model, &Prefix::account(&address(99)));
    assert_eq!(nobody.verify(&root), Ok(Vec::new()));
}

#[test]
fn a_balance_in_two_leaves_is_refused() {
    let key = StateKey::account(&address(0));
    let StateValue::Account(Account::V1(mut own)) = StateValue::decode(&key, &small_state()[&key]).unwrap()
    else {
        panic!("an account");
    };
    own.balances[0].asset = code("OIL");
    let model = forged(&[(key, Some(encode(&Account::V1(own))))]);
    let root = root_of(&model);
    let expected = StateProofError::BalanceTwice {
        address: address(0),
        asset: code("OIL"),
    };
    assert_eq!(expected.code(), "other_leaf");
    for prefix in [Prefix::account(&address(0)), Prefix::kind(0x01)] {
        assert_eq!(prove(&model, &prefix).verify(&root), Err(expected.clone()));
    }
    // Its own leaf alone shows nothing of that.
    assert!(prove(&model, &Prefix::of_key(&key)).verify(&root).is_ok());
}

#[test]
fn a_value_of_another_key_is_refused_though_its_hashes_fit() {
    let small = small_state();
    let eur = StateKey::asset(&code("EUR"));
    let new = StateKey::asset(&code("NEW"));
    let model = forged(&[(new, Some(small[&eur].clone()))]);
    let root = root_of(&model);
    let error = prove(&model, &Prefix::of_key(&new)).verify(&root).unwrap_err();
    let other = ValueError::OtherKey { key: new, of: eur };
    assert_eq!(error, StateProofError::Value(other));
    assert_eq!(error.code(), "other_leaf");
    // All assets together are refused with it, all others are not.
    assert_eq!(
        prove(&model, &Prefix::kind(0x03)).verify(&root),
        Err(error.clone())
    );
    assert!(prove(&model, &Prefix::of_key(&eur)).verify(&root).is_ok());
    // Somebody else's account.
    let (mine, yours) = (StateKey::account(&address(1)), StateKey::account(&address(2)));
    let model = forged(&[(mine, Some(small[&yours].clone()))]);
    let error = prove(&model, &Prefix::of_key(&mine))
        .verify(&root_of(&model))
        .unwrap_err();
    assert_eq!(error.code(), "other_leaf");
}

#[test]
fn prefixes_are_asked_for_in_three_lengths() {
    let key = StateKey::asset(&code("EUR"));
    for (prefix, is_asked) in [
        (Prefix::kind(0x01), true),
        (Prefix::kind(0x10), true),
        (Prefix::kind(0x00), false),
        (Prefix::kind(0x11), false),
        (Prefix::of_key(&key), true),
        (Prefix::account(&address(1)), true),
        (Prefix::holds(&address(1)), true),
        (Prefix::grants(&address(1)), true),
        (Prefix::freezes(&address(1)), true),
        (prefix_of(&key, 168), false),
        (prefix_of(&key, 0), false),
        (prefix_of(&key, 16), false),
        (prefix_of(&key, 255), false),
        (
            Prefix {
                bits: 257,
                key: key.0,
            },
            false,
        ),
        (Prefix { bits: 8, key: key.0 }, false),
    ] {
        assert_eq!(prefix.check_question(), is_asked, "{prefix}");
    }
    assert_eq!(Prefix::new(257, [0; 32]), None);
    assert_eq!(Prefix::new(8, key.0), None);
    assert_eq!(Prefix::new(256, key.0), Some(Prefix::of_key(&key)));
}

#[test]
fn prefixes_are_ordered_by_key_and_then_by_bits() {
    let own = StateKey::account(&address(1));
    let (wide, account, leaf) = (
        Prefix::kind(0x01),
        Prefix::account(&address(1)),
        Prefix::of_key(&own),
    );
    assert!(wide < account && account < leaf && leaf < Prefix::kind(0x02));
    for (one, other, overlaps) in [
        (wide, account, true),
        (leaf, account, true),
        (leaf, leaf, true),
        (account, Prefix::account(&address(2)), false),
        (account, Prefix::holds(&address(1)), false),
        (Prefix::of_key(&StateKey::account(&address(2))), account, false),
    ] {
        assert_eq!(one.overlaps(&other), overlaps);
        assert_eq!(other.overlaps(&one), overlaps);
    }
    assert!(account.covers(&StateKey::balance(&address(1), &code("Z"))));
    assert!(!leaf.covers(&StateKey::balance(&address(1), &code("Z"))));
}
