//! Keys, leaves, roots and proofs against the bytes of `docs/formats.md`, section 24.

use quorate_crypto::{Digest, Height, MemberNumber, sha256};
use quorate_ledger::{
    Account, AccountV1, Amount, Found, Inline, MemoryState, Prefix, StateKey, StateProof, StateTree,
    StateValue, Taken, decode, encode, value_hash,
};

use crate::model::{Model, code, load, proof_of, root_of, shown, under};
use crate::page::{
    EUR, GENESIS_LEAVES, GENESIS_ROOT, GOLD, H_2, ID_1, K1, K1_LEAF, K1_WITH_BALANCES, K2,
    NOTHING_UNDER_ZERO, ROOT_1, WIDE_LEAVES, bytes, digest,
};

#[test]
fn keys_are_those_of_the_table() {
    let nothing = sha256(b"");
    for (key, expected) in [
        (
            StateKey::account(&K1),
            "016667b111cc79f20ce34185c687163f463bea690d0000000000000000000000",
        ),
        (
            StateKey::hold(&K1, &digest(ID_1), 0),
            "026667b111cc79f20ce34185c687163f463bea690d9d35d76cbd9b316dccdd46",
        ),
        (
            StateKey::own_record(&K1, &nothing),
            "0466420fb19f64bb7c529a6e79a9e6c1a36611852ec8cbc283d236a47ea34678",
        ),
        (
            StateKey::unique_record(&nothing),
            "055a83ee3f65e9571a71f962b1634cff64c53d32385cafa49565ac3810a9d7c1",
        ),
        (
            StateKey::erasure(&digest(ID_1)),
            "0e6835fe2a5d26434e1a8eb2fb79f1e37bd798715977190e3877916d83556f75",
        ),
        // With b37 of the table.
        (
            StateKey::asset(&code("EUR")),
            "032727df71b02fbb060000000000000000000000000000000000000000000000",
        ),
        (
            StateKey::asset(&code("ZZZZZZZZZZZZ")),
            "035b5b57f8a98a5dd00000000000000000000000000000000000000000000000",
        ),
        (
            StateKey::balance(&K1, &code("Z")),
            "016667b111cc79f20ce34185c687163f463bea690d00000058e340d64417ec94",
        ),
        (
            StateKey::freeze(&K2, Some(&code("EUR"))),
            "0a2d8feb05653f0aa04f75fcd0972b257746e6d5f50000002727df71b02fbb06",
        ),
        // By section 12 alone.
        (
            StateKey::quota(None),
            "0d00ffffffff0000000000000000000000000000000000000000000000000000",
        ),
        (
            StateKey::quota(Some(MemberNumber(258))),
            "0d00000001020000000000000000000000000000000000000000000000000000",
        ),
        (
            StateKey::counters(),
            "1003000000000000000000000000000000000000000000000000000000000000",
        ),
    ] {
        assert_eq!(key.to_string(), expected);
        assert_eq!(format!("{:02x}", key.kind()), expected[..2]);
    }
    let name = StateKey::in_use(&Taken::Name("alpha".to_owned()));
    assert!(leaves(GENESIS_LEAVES).contains_key(&name));
}

#[test]
fn the_leaf_of_an_account_is_what_is_printed() {
    let inline = |asset, free| Inline {
        asset: code(asset),
        free: Amount(free),
        held: Amount(0),
        incoming: 0,
    };
    let account = Account::V1(AccountV1 {
        address: K1,
        signers: None,
        member: Some(MemberNumber(0)),
        frozen: false,
        holds: 0,
        others: 0,
        balances: vec![inline("EUR", 48_750), inline("GOLD", 2)],
        entries: 2,
        last: digest(H_2),
        waypoints: Vec::new(),
    });
    assert_eq!(encode(&account), bytes(K1_LEAF));
    let value = StateValue::decode(&StateKey::account(&K1), &bytes(K1_LEAF));
    assert_eq!(value, Ok(StateValue::Account(account)));
}

fn leaves(text: &str) -> Model {
    let lines = text.lines().map(|line| {
        let (key, value) = line.split_once(' ').unwrap();
        (StateKey(bytes(key).try_into().unwrap()), bytes(value))
    });
    lines.collect()
}

#[test]
fn every_leaf_at_genesis_is_a_value_of_its_key() {
    for (text, count) in [(GENESIS_LEAVES, 15), (WIDE_LEAVES, 40)] {
        let model = leaves(text);
        assert_eq!(model.len(), count);
        for (key, bytes) in &model {
            let value = StateValue::decode(key, bytes).unwrap();
            assert_eq!((value.key(), value.encode()), (*key, bytes.clone()));
        }
        assert!(MemoryState::from_leaves(model.clone()).values().count() == count);
    }
}

#[test]
fn the_root_at_genesis_is_that_of_the_table() {
    let model = leaves(GENESIS_LEAVES);
    let loaded = load(0, &model);
    assert_eq!(loaded.root(), digest(GENESIS_ROOT));
    assert_eq!(root_of(&model), digest(GENESIS_ROOT));
    let mut grown = StateTree::new();
    let hashes = model.iter().map(|(key, value)| (*key, Some(value_hash(value))));
    assert_eq!(grown.update(Height(1), hashes), digest(GENESIS_ROOT));

    let wide = leaves(WIDE_LEAVES);
    assert_eq!(load(0, &wide).root(), root_of(&wide));
    for key in wide.keys() {
        for prefix in [Prefix::of_key(key), Prefix::kind(key.kind())] {
            let proof = proof_of(load(0, &wide).prove(&prefix), &wide);
            let values = proof.verify(&root_of(&wide)).unwrap();
            let pairs: Vec<_> = values.iter().map(|value| (value.key(), value.encode())).collect();
            assert_eq!(pairs, under(&wide, &prefix));
        }
    }
}

/// The proof that is printed, which must have one encoding.
fn printed(text: &str) -> StateProof {
    let bytes = bytes(text);
    let proof: StateProof = decode(&bytes, bytes.len()).unwrap();
    assert_eq!(encode(&proof), bytes);
    proof
}

#[test]
fn printed_proofs_hold_under_the_root_after_block_1() {
    let root = digest(ROOT_1);
    let nothing = printed(NOTHING_UNDER_ZERO);
    assert_eq!(
        nothing.v1().prefix.to_string(),
        "0100000000000000000000000000000000000000000000000000000000000000/168"
    );
    let other = StateKey::account(&K2);
    assert!(matches!(nothing.v1().found, Found::Other { key, .. } if key == other));
    assert_eq!(nothing.verify(&root), Ok(Vec::new()));

    let account = printed(K1_WITH_BALANCES);
    assert_eq!(account.v1().prefix, Prefix::account(&K1));
    let leaf = StateValue::decode(&StateKey::account(&K1), &bytes(K1_LEAF)).unwrap();
    assert_eq!(account.verify(&root), Ok(vec![leaf]));

    for (text, asset, supply) in [(EUR, "EUR", 100_000), (GOLD, "GOLD", 5)] {
        let proof = printed(text);
        assert_eq!(proof.v1().prefix, Prefix::of_key(&StateKey::asset(&code(asset))));
        let values = proof.verify(&root).unwrap();
        let [StateValue::Asset(found)] = values.as_slice() else {
            panic!("one asset");
        };
        assert_eq!(
            (found.v1().code, found.v1().supply),
            (code(asset), Amount(supply))
        );
    }
    for text in [NOTHING_UNDER_ZERO, K1_WITH_BALANCES, EUR, GOLD] {
        assert!(shown(&printed(text), &root).is_some());
        assert_eq!(shown(&printed(text), &Digest([1; 32])), None);
    }
}
