//! Proofs of what the state has under prefixes, or has not.

use std::collections::BTreeMap;

use quorate_crypto::{Address, Digest, Height, MemberNumber, SeatNumber};
use quorate_ledger::{Prefix, StateKey, StateReader};
use quorate_prover::{ProveError, Source, prove_state};
use quorate_verifier::{Facts, MAX_STATE_PROOFS, PrefixFacts, Proof, Verifier};

use crate::random::Random;
use crate::scenario::{LONG, SHORT};

fn facts(verifier: &Verifier, proof: &Proof) -> Vec<PrefixFacts> {
    match verifier.verify(proof) {
        Ok(verdict) => match verdict.facts {
            Facts::State(facts) => facts,
            other => panic!("{other:?}"),
        },
        Err(refusal) => panic!("{refusal}"),
    }
}

/// Every leaf of the newest state, as one that is looked at by its key alone.
fn leaves(prefix: &Prefix) -> BTreeMap<StateKey, Vec<u8>> {
    let all = LONG.world.state.values().filter(|(key, _)| prefix.covers(key));
    all.map(|(key, value)| (*key, value.to_vec())).collect()
}

#[test]
fn all_that_lies_under_a_prefix() {
    let verifier = LONG.world.verifier();
    let (chain, tip) = (&LONG.world.chain, LONG.world.chain.height());
    let people = LONG.people.addresses().flat_map(|address| {
        [
            Prefix::account(&address),
            Prefix::holds(&address),
            Prefix::of_key(&StateKey::account(&address)),
        ]
    });
    let prefixes = people.chain((1..=0x10).map(Prefix::kind)).chain([
        Prefix::account(&Address([7; 20])),
        Prefix::of_key(&StateKey::account(&Address([0; 20]))),
        Prefix::of_key(&StateKey::unique_record(&Digest([7; 32]))),
        Prefix::of_key(&StateKey::member(MemberNumber(2))),
        Prefix::of_key(&StateKey::seat(SeatNumber(9))),
        Prefix::of_key(&StateKey::agreement()),
    ]);
    for prefix in prefixes {
        let proof = prove_state(chain, tip, &[prefix]).unwrap();
        let found = facts(&verifier, &proof);
        let [found] = found.as_slice() else {
            panic!("one prefix was asked for");
        };
        assert_eq!(found.prefix, prefix);
        let shown = found.leaves.iter().map(|leaf| (leaf.key, leaf.value.encode()));
        assert_eq!(shown.collect::<BTreeMap<_, _>>(), leaves(&prefix), "{prefix}");
    }
}

#[test]
fn the_state_under_every_head() {
    let verifier = LONG.world.verifier();
    let (chain, tip) = (&LONG.world.chain, LONG.world.chain.height());
    let mut random = Random::new(9);
    for _ in 0..60 {
        let head = Height(1 + random.below(tip.0));
        let address = LONG.people.address(random.place(LONG.people.count()));
        let proof = prove_state(chain, head, &[Prefix::account(&address)]).unwrap();
        let found = facts(&verifier, &proof);
        let expected = chain.state_value(head, &StateKey::account(&address)).unwrap();
        let shown = found[0].leaves.first().map(|leaf| leaf.value.encode());
        assert_eq!(shown, expected);
    }
}

#[test]
fn prefixes_stand_in_order_and_once() {
    let verifier = SHORT.world.verifier();
    let (chain, tip) = (&SHORT.world.chain, SHORT.world.chain.height());
    let asked = [
        Prefix::kind(7),
        Prefix::of_key(&StateKey::seat(SeatNumber(0))),
        Prefix::account(&SHORT.people.address(3)),
        Prefix::kind(7),
        Prefix::account(&SHORT.people.address(2)),
    ];
    let proof = prove_state(chain, tip, &asked).unwrap();
    let mut reversed = asked;
    reversed.reverse();
    assert_eq!(prove_state(chain, tip, &reversed).unwrap(), proof);
    assert_eq!(facts(&verifier, &proof).len(), 4);
}

#[test]
fn what_cannot_be_asked_for() {
    let (chain, tip) = (&SHORT.world.chain, SHORT.world.chain.height());
    assert_eq!(prove_state(chain, tip, &[]), Err(ProveError::NoPrefix));
    let key = StateKey::account(&SHORT.people.address(0)).0;
    for prefix in [
        Prefix {
            bits: 9,
            key: [0; 32],
        },
        Prefix {
            bits: 0,
            key: [0; 32],
        },
        Prefix { bits: 8, key },
        Prefix {
            bits: 256,
            key: [0x11; 32],
        },
        Prefix { bits: 300, key },
        Prefix::kind(0),
    ] {
        assert_eq!(
            prove_state(chain, tip, &[prefix]),
            Err(ProveError::NoQuestion { prefix }),
            "{prefix}"
        );
    }
    let many: Vec<Prefix> = (0..1_025)
        .map(|number| Prefix::of_key(&StateKey::proposal(number)))
        .collect();
    assert_eq!(
        prove_state(chain, tip, &many),
        Err(ProveError::TooMany {
            what: "prefixes",
            count: 1_025,
            limit: u64::try_from(MAX_STATE_PROOFS).unwrap(),
        })
    );
    assert!(prove_state(chain, tip, &many[1..]).is_ok());
    assert!(SHORT.world.state.value(&StateKey::proposal(0)).unwrap().is_none());
}
