//! Proofs that transactions were not executed.

use quorate_crypto::{Address, Digest, Height};
use quorate_ledger::{Intent, IntentV1, Timestamp};
use quorate_prover::{ProveError, Source, prove_not_executed};
use quorate_verifier::Facts;

use crate::scenario::{LONG, SHORT};
use crate::world::LEAD_MS;

#[test]
fn what_was_signed_and_never_sent() {
    let verifier = LONG.world.verifier();
    let (chain, tip) = (&LONG.world.chain, LONG.world.chain.height());
    let mut entries = 0;
    for intent in &LONG.never {
        let proof = prove_not_executed(chain, tip, intent).unwrap();
        let verdict = verifier
            .verify(&proof)
            .unwrap_or_else(|refusal| panic!("{refusal}"));
        let Facts::NotExecuted(facts) = verdict.facts else {
            panic!("other facts");
        };
        let expires_at = intent.v1().expires_at;
        assert_eq!(facts.id, intent.id());
        assert_eq!((facts.from.0, facts.to), (expires_at.0 - LEAD_MS, expires_at));
        entries += facts.entries;
    }
    assert!(LONG.never.len() > 30 && entries > 100, "{entries}");
}

#[test]
fn the_first_head_past_the_expiry_is_enough() {
    let verifier = SHORT.world.verifier();
    let (chain, plain) = (&SHORT.world.chain, &SHORT.world.plain);
    let intent = &SHORT.never[0];
    let expires_at = intent.v1().expires_at;
    let past = plain
        .blocks
        .iter()
        .position(|block| block.time >= expires_at)
        .unwrap();
    let head = Height(u64::try_from(past).unwrap() + 1);
    let proof = prove_not_executed(chain, head, intent).unwrap();
    assert!(verifier.verify(&proof).is_ok());
    let head = Height(head.0 - 1);
    assert_eq!(
        prove_not_executed(chain, head, intent),
        Err(ProveError::NotExpired {
            head,
            time: plain.block(head).time,
            expires_at,
        })
    );
}

#[test]
fn what_was_executed_is_not_proven_not_to_be() {
    let (chain, tip) = (&SHORT.world.chain, SHORT.world.chain.height());
    for (ordinal, executed) in (0..).zip(&SHORT.world.plain.executed) {
        let intent = Intent::V1(executed.transaction.intent().clone());
        assert_eq!(
            prove_not_executed(chain, tip, &intent),
            Err(ProveError::WasExecuted { ordinal })
        );
    }
}

#[test]
fn an_expiry_before_time_began_or_with_no_account() {
    let verifier = SHORT.world.verifier();
    let (chain, tip) = (&SHORT.world.chain, SHORT.world.chain.height());
    let intent = SHORT.never[0].v1();
    for changed in [
        IntentV1 {
            expires_at: Timestamp(0),
            ..intent.clone()
        },
        IntentV1 {
            expires_at: Timestamp(LEAD_MS + 1),
            ..intent.clone()
        },
        IntentV1 {
            parties: vec![Address([3; 20])],
            ..intent.clone()
        },
    ] {
        let intent = Intent::V1(changed);
        let proof = prove_not_executed(chain, tip, &intent).unwrap();
        assert!(verifier.verify(&proof).is_ok());
    }
}

#[test]
fn an_intent_that_no_network_would_execute() {
    let (chain, tip) = (&SHORT.world.chain, SHORT.world.chain.height());
    let intent = SHORT.never[0].v1();
    let malformed = Intent::V1(IntentV1 {
        operations: Vec::new(),
        ..intent.clone()
    });
    let found = prove_not_executed(chain, tip, &malformed);
    assert!(
        matches!(
            found,
            Err(ProveError::NotWellFormed {
                reason: "operations",
                ..
            })
        ),
        "{found:?}"
    );
    let foreign = Intent::V1(IntentV1 {
        network: Digest([1; 32]),
        ..intent.clone()
    });
    let found = prove_not_executed(chain, tip, &foreign);
    assert!(
        matches!(found, Err(ProveError::NotWellFormed { .. })),
        "{found:?}"
    );
}
