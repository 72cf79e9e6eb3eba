//! Proofs that transactions were executed, with all that can be shown of them.

use quorate_crypto::{Digest, Height};
use quorate_ledger::{LogEntryV1, Place};
use quorate_prover::{ProveError, Show, ShowTexts, Source, prove_block, prove_entry, prove_transaction};
use quorate_verifier::{Facts, Proof, ProofBody, ShownFacts, TextFacts, TransactionFacts, Verifier};

use crate::random::Random;
use crate::scenario::{LONG, SHORT, Scenario};

/// Everything that can be asked for of a transaction with texts at the usual places.
fn all_shows() -> Vec<Show> {
    let places = [
        Place::Memo,
        Place::Operation { index: 0, field: 0 },
        Place::Operation { index: 0, field: 1 },
        Place::Operation { index: 1, field: 0 },
    ];
    let texts = [ShowTexts::Nothing, ShowTexts::All, ShowTexts::Withheld].into_iter();
    let texts = texts.chain(places.map(ShowTexts::Alone));
    let shows = texts.flat_map(|texts| [Show::Intent(texts), Show::Transaction(texts)]);
    shows.chain([Show::Nothing]).collect()
}

fn facts(verifier: &Verifier, proof: &Proof) -> TransactionFacts {
    match verifier.verify(proof) {
        Ok(verdict) => match verdict.facts {
            Facts::Transaction(facts) => facts,
            other => panic!("{other:?}"),
        },
        Err(refusal) => panic!("{refusal}"),
    }
}

/// Proves and verifies what is asked of the transaction with this ordinal, and compares it with the plain list.
fn check(
    scenario: &Scenario,
    verifier: &Verifier,
    head: Height,
    ordinal: u64,
    show: Show,
) -> Option<ShownFacts> {
    let plain = &scenario.world.plain;
    let executed = &plain.executed[usize::try_from(ordinal).unwrap()];
    let id = executed.logged.id;
    let proof = match prove_transaction(&scenario.world.chain, head, &id, show) {
        Ok(proof) => proof,
        Err(ProveError::NoLeaf { .. }) => {
            assert!(ordinal >= plain.block(head).log_size);
            return None;
        }
        Err(ProveError::NoTexts { id: of }) => {
            assert_eq!(of, id);
            assert_eq!(plain.shown_texts(executed, show.texts()), None);
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    assert!(ordinal < plain.block(head).log_size);
    assert!(
        plain.shown_texts(executed, show.texts()).is_some(),
        "what lacks is not left out in silence"
    );
    let found = facts(verifier, &proof);
    assert_eq!(found.ordinal, ordinal);
    assert_eq!(found.entry, LogEntryV1::Transaction(executed.logged.clone()));
    assert_eq!(found.shown, plain.shown(ordinal, show));
    Some(found.shown)
}

#[test]
fn every_transaction_under_some_head() {
    let verifier = LONG.world.verifier();
    let mut random = Random::new(3);
    let tip = LONG.world.chain.height();
    for (ordinal, executed) in (0..).zip(&LONG.world.plain.executed) {
        let later = tip.0 - executed.height.0;
        let head = Height(executed.height.0 + random.below(later + 1));
        assert!(check(&LONG, &verifier, head, ordinal, Show::Nothing).is_some());
        let before = Height((executed.height.0 - 1).max(1));
        check(&LONG, &verifier, before, ordinal, Show::Nothing);
    }
}

#[test]
fn all_that_can_be_shown_of_a_transaction() {
    let verifier = SHORT.world.verifier();
    let tip = SHORT.world.chain.height();
    let mut kinds = [0; 3];
    for ordinal in (0..SHORT.world.plain.block(tip).log_size).step_by(3) {
        for show in all_shows() {
            let Some(shown) = check(&SHORT, &verifier, tip, ordinal, show) else {
                continue;
            };
            match shown.texts {
                TextFacts::Nothing => kinds[0] += 1,
                TextFacts::All(_) => kinds[1] += 1,
                TextFacts::Alone { .. } => kinds[2] += 1,
            }
        }
    }
    assert!(kinds.iter().all(|count| *count > 5), "{kinds:?}");
}

#[test]
fn what_the_log_has_not_got_is_not_proven() {
    let (chain, tip) = (&SHORT.world.chain, SHORT.world.chain.height());
    let id = Digest([5; 32]);
    assert_eq!(
        prove_transaction(chain, tip, &id, Show::Nothing),
        Err(ProveError::UnknownTransaction { id })
    );
    let size = SHORT.world.plain.block(tip).log_size;
    for (ordinal, head) in [(size, tip), (u64::MAX, tip), (0, tip)] {
        let proof = prove_entry(chain, head, ordinal, Show::Nothing);
        let expected = (ordinal >= size).then_some(ProveError::NoLeaf { ordinal, head });
        assert_eq!(proof.err(), expected);
    }
    let height = tip.next();
    assert_eq!(
        prove_entry(chain, height, 0, Show::Nothing),
        Err(ProveError::NoBlock { height })
    );
    let height = Height::GENESIS;
    assert_eq!(
        prove_entry(chain, height, 0, Show::Nothing),
        Err(ProveError::NoBlock { height })
    );
}

#[test]
fn the_seals_are_a_quorum_of_the_lowest_validators() {
    let (chain, tip) = (&SHORT.world.chain, SHORT.world.chain.height());
    for height in 1..=tip.0 {
        let certificate = chain.certificate(Height(height)).unwrap().unwrap();
        let proof = prove_block(chain, Height(height), Show::Nothing).unwrap();
        let ProofBody::Block { head, .. } = &proof.v1().body else {
            panic!("another body");
        };
        assert_eq!(head.seals, certificate.seals()[..3]);
    }
}
