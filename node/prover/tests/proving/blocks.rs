//! Proofs of all that a block executed.

use quorate_crypto::Height;
use quorate_ledger::{LogEntryV1, Place};
use quorate_prover::{ProveError, Show, ShowTexts, Source, prove_block};
use quorate_verifier::{Facts, ProofBody, ShownFacts};

use crate::scenario::LONG;

#[test]
fn all_transactions_of_every_block() {
    let verifier = LONG.world.verifier();
    let plain = &LONG.world.plain;
    let mut empty = 0;
    for height in 1..=LONG.world.chain.height().0 {
        let show = match height % 3 {
            0 => Show::Nothing,
            1 => Show::Intent(ShowTexts::All),
            _ => Show::Transaction(ShowTexts::Withheld),
        };
        let proof = prove_block(&LONG.world.chain, Height(height), show).unwrap();
        let ProofBody::Block { shown, before, .. } = &proof.v1().body else {
            panic!("another body");
        };
        assert_eq!(before.is_none(), height == 1);
        let verdict = verifier.verify(&proof);
        let verdict = verdict.unwrap_or_else(|refusal| panic!("block {height}: {refusal}"));
        let Facts::Block(facts) = verdict.facts else {
            panic!("other facts");
        };
        let of_block = (0..)
            .zip(&plain.executed)
            .filter(|(_, executed)| executed.height.0 == height);
        let expected: Vec<(u64, LogEntryV1)> = of_block
            .map(|(ordinal, executed)| (ordinal, LogEntryV1::Transaction(executed.logged.clone())))
            .collect();
        let found: Vec<LogEntryV1> = facts.entries.iter().map(|entry| entry.entry.clone()).collect();
        let wanted: Vec<LogEntryV1> = expected.iter().map(|(_, entry)| entry.clone()).collect();
        assert_eq!(found, wanted);
        for (entry, (ordinal, _)) in facts.entries.iter().zip(&expected) {
            let wanted = (show != Show::Nothing).then(|| plain.shown(*ordinal, show));
            assert_eq!(entry.shown, wanted);
        }
        let first = expected
            .first()
            .map_or(facts.first_ordinal, |(ordinal, _)| *ordinal);
        assert_eq!((facts.height.0, facts.first_ordinal), (height, first));
        let shows_nothing = show == Show::Nothing || expected.is_empty();
        assert_eq!(shown.is_empty(), shows_nothing, "nothing shown has one form");
        empty += usize::from(expected.is_empty());
    }
    assert!(empty > 5, "empty blocks are proven too");
}

#[test]
fn texts_that_are_not_at_hand_are_left_out() {
    let verifier = LONG.world.verifier();
    let (plain, show) = (&LONG.world.plain, Show::Intent(ShowTexts::Alone(Place::Memo)));
    let height = plain.executed[0].height;
    let proof = prove_block(&LONG.world.chain, height, show).unwrap();
    let Facts::Block(facts) = verifier.verify(&proof).unwrap().facts else {
        panic!("other facts");
    };
    for (ordinal, entry) in (facts.first_ordinal..).zip(&facts.entries) {
        let shown: &ShownFacts = entry.shown.as_ref().unwrap();
        assert_eq!(*shown, plain.shown(ordinal, show));
    }
}

#[test]
fn a_block_that_is_not_there() {
    for height in [
        Height::GENESIS,
        LONG.world.chain.height().next(),
        Height(u64::MAX),
    ] {
        assert_eq!(
            prove_block(&LONG.world.chain, height, Show::Nothing),
            Err(ProveError::NoBlock { height })
        );
    }
}
