//! How long proofs are after a million transactions, with 16 validators.

use quorate_ledger::{Timestamp, encode};
use quorate_prover::{Beside, Show, StatementRequest, prove_entry, prove_statement};
use quorate_verifier::{Facts, Finding, Item, ProofBody};

use crate::synthetic::{PER_BLOCK, Synthetic};

const STEPS: u64 = 1_000_000;

#[test]
fn after_a_million_transactions() {
    let synthetic = Synthetic::new(STEPS);
    let (chain, tip) = (&synthetic.chain, synthetic.tip);
    let verifier = synthetic.verifier();

    let proof = prove_entry(chain, tip, 333_333, Show::Nothing).unwrap();
    verifier.verify(&proof).unwrap();
    let transaction = proof.to_file().len();
    println!("transaction: {transaction} bytes");
    assert!(transaction <= 3_000, "{transaction}");

    // Steps come in blocks of five. Behind this waypoint 31 steps fill blocks, and then comes the range: so as many as
    // possible are opened, and as many as possible are passed over.
    let start = 32 * 15_002;
    assert_eq!((start + 31) % PER_BLOCK, 0);
    let (from, to) = (Synthetic::time_of(start + 32), Synthetic::time_of(start + 37));
    let request = StatementRequest {
        beside: Beside {
            assets: true,
            ..Beside::default()
        },
        ..StatementRequest::new(synthetic.owner, from, to)
    };
    let proof = prove_statement(chain, tip, &request).unwrap();
    let Facts::Statement(facts) = verifier.verify(&proof).unwrap().facts else {
        panic!("other facts");
    };
    assert_eq!((facts.before.len(), facts.entries.len()), (31, 5));
    let ProofBody::Statement(statement) = &proof.v1().body else {
        panic!("another body");
    };
    let entries = statement
        .items
        .iter()
        .filter(|item| matches!(item, Item::Entry { .. }));
    let entries: usize = entries.map(|item| encode(item).len()).sum();
    // Base64 has four letters for three bytes, and an end of line after 76.
    let besides = proof.to_file().len() - entries * 4 / 3 * 77 / 76;
    println!("statement besides its entries: {besides} bytes ({entries} bytes of entries)");
    assert!(besides <= 15_000, "{besides}");

    // The very last, which a recent question is about.
    let request = StatementRequest::new(
        synthetic.owner,
        Synthetic::time_of(STEPS - 4),
        Timestamp(u64::MAX),
    );
    let proof = prove_statement(chain, tip, &request).unwrap();
    let verdict = verifier.verify(&proof).unwrap();
    assert!(matches!(verdict.finding, Finding::CompleteUpTo(_)));
    println!("statement of the last block: {} bytes", proof.to_file().len());
}

#[test]
fn synthetic_steps_are_those_of_a_history() {
    let synthetic = Synthetic::new(1_000);
    let verifier = synthetic.verifier();
    for (first, last) in [(1, 1), (1, 1_000), (30, 40), (33, 64), (500, 700), (996, 1_000)] {
        let (from, to) = (
            Synthetic::time_of(first),
            Timestamp(Synthetic::time_of(last).0 + 1),
        );
        let request = StatementRequest::new(synthetic.owner, from, to);
        let proof = prove_statement(&synthetic.chain, synthetic.tip, &request).unwrap();
        let verdict = verifier
            .verify(&proof)
            .unwrap_or_else(|refusal| panic!("{first} to {last}: {refusal}"));
        let Facts::Statement(facts) = verdict.facts else {
            panic!("other facts");
        };
        let blocks = last.div_ceil(PER_BLOCK) - first.div_ceil(PER_BLOCK) + 1;
        assert_eq!(u64::try_from(facts.entries.len()).unwrap(), blocks * PER_BLOCK);
    }
}
