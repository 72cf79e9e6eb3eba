//! Of the state.

use quorate_crypto::Digest;
use quorate_ledger::{
    Account, AccountV1, Found, Leaf, Prefix, StateKey, StateProof, StateReader, decode, encode,
};
use quorate_prover::{Source, prove_state};
use quorate_verifier::ProofBody;

use super::{Good, fields, flip};
use crate::scenario::SHORT;

fn leaves(body: &mut ProofBody) -> &mut Vec<StateProof> {
    match body {
        ProofBody::State { leaves, .. } => leaves,
        other => panic!("{other:?}"),
    }
}

/// The leaves that one of the proofs shows.
fn found(body: &mut ProofBody, place: usize) -> &mut Vec<Leaf> {
    match &mut fields(&mut leaves(body)[place]).found {
        Found::Leaves(leaves) => leaves,
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_the_state() {
    let (chain, tip) = (&SHORT.world.chain, SHORT.world.chain.height());
    let address = SHORT.people.address(0);
    // In their order: the account with its balances, all assets, nothing.
    let asked = [
        Prefix::account(&address),
        Prefix::kind(3),
        Prefix::of_key(&StateKey::unique_record(&Digest([7; 32]))),
    ];
    let good = Good::new(prove_state(chain, tip, &asked).unwrap(), SHORT.world.verifier());
    good.lies_about_the_head(|body| match body {
        ProofBody::State { head, .. } => head,
        other => panic!("{other:?}"),
    });
    good.lie("not_canonical", "none at all", |body| leaves(body).clear());
    good.lie("not_canonical", "another order", |body| leaves(body).swap(0, 1));
    good.lie("not_canonical", "one twice", |body| {
        let again = leaves(body)[1].clone();
        leaves(body).insert(1, again);
    });
    good.lie("not_canonical", "a prefix that nobody asks for", |body| {
        fields(&mut leaves(body)[1]).prefix.bits = 9;
    });
    good.lie("bad_path", "another sibling", |body| {
        flip(&mut fields(&mut leaves(body)[0]).path[0].sibling);
    });
    good.lie("not_canonical", "steps in another order", |body| {
        fields(&mut leaves(body)[0]).path.swap(0, 1);
    });
    good.lie("not_canonical", "an empty sibling", |body| {
        fields(&mut leaves(body)[0]).path[0].sibling = Digest::ZERO;
    });
    good.lie("bad_path", "another value", |body| {
        let leaf = &mut found(body, 0)[0];
        let Account::V1(account) = decode(&leaf.value, 32_768).unwrap();
        leaf.value = encode(&Account::V1(AccountV1 {
            frozen: true,
            ..account
        }));
    });
    good.lie("other_leaf", "a value of another key", |body| {
        let other = StateKey::account(&SHORT.people.address(1));
        found(body, 0)[0].value = SHORT.world.state.value(&other).unwrap().unwrap();
    });
    good.lie("other_leaf", "a value that is none", |body| {
        found(body, 0)[0].value.push(0)
    });
    good.lie("bad_path", "an asset less", |body| {
        found(body, 1).pop();
    });
    good.lie("not_canonical", "assets in another order", |body| {
        found(body, 1).swap(0, 1)
    });
    good.lie("other_leaf", "balances without their account", |body| {
        found(body, 0).remove(0);
    });
    good.lie("bad_path", "nothing where something is", |body| {
        fields(&mut leaves(body)[0]).found = Found::Empty;
    });
    good.lie(
        "bad_path",
        "another leaf where nothing is",
        |body| match &mut fields(&mut leaves(body)[2]).found {
            Found::Other { value, .. } => flip(value),
            other => panic!("{other:?}"),
        },
    );
}
