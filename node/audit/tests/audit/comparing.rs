//! Where two chains part, and two states.

use std::convert::Infallible;

use quorate_audit::{
    BlockSource, CertifiedState, Difference, Finding, NotCompared, Search, first_other_value, first_parting,
    judge,
};
use quorate_ledger::{CertifiedBlock, CertifiedBlockV1, Height, Outcome, StateKey};

use crate::bundles::auditor_at;
use crate::network::{Blocks, LAST, PLAYED, header_of};

/// Counts what is asked for.
struct Counted(Blocks, u64);

impl BlockSource for Counted {
    type Error = Infallible;

    fn block(&mut self, height: Height) -> Result<Option<Vec<u8>>, Infallible> {
        self.1 += 1;
        self.0.block(height)
    }
}

/// The chain after a lying quorum changed a block and all after it, as far as their headers follow.
fn other_history(height: u64, change: impl FnOnce(&mut CertifiedBlockV1)) -> Vec<Vec<u8>> {
    let mut all = PLAYED.altered(height, change);
    for later in height + 1..=LAST {
        let block = PLAYED.altered(later, |block| header_of(block).previous.0[0] ^= 1);
        let place = usize::try_from(later - 1).unwrap();
        all[place] = block[place].clone();
    }
    all
}

/// Where the chain parts from another, by both ways of searching.
fn parting(other: &[Vec<u8>]) -> Option<Difference> {
    let range = (Height(1), Height(LAST));
    let mut found = Vec::new();
    for search in [Search::Halving, Search::Scan] {
        let mut right = Counted(Blocks(other.to_vec()), 0);
        let parting = first_parting(&mut Blocks(PLAYED.bytes()), &mut right, range, search).unwrap();
        found.push(parting.map(|parting| parting.difference));
        if search == Search::Halving {
            assert!(right.1 <= 6, "{} of {LAST} blocks", right.1);
        }
    }
    assert_eq!(found[0], found[1]);
    found.pop().unwrap()
}

#[test]
fn chains_that_are_one_part_nowhere() {
    assert_eq!(parting(&PLAYED.bytes()), None);
}

#[test]
fn the_first_height_is_found_wherever_it_is() {
    for height in 1..=LAST {
        let other = other_history(height, |block| header_of(block).state_root.0[0] ^= 1);
        let difference = parting(&other).unwrap();
        assert_eq!(difference.height, Height(height));
        assert_eq!(difference.fields, ["state_root"]);
        assert_eq!(difference.place, "the header's state_root");
        let own = PLAYED.blocks[usize::try_from(height - 1).unwrap()]
            .v1()
            .block
            .header()
            .state_root;
        assert_eq!(difference.left, own.to_string());
    }
}

#[test]
fn it_says_which_batch_transaction_or_outcome_is_the_first() {
    let at = 10;
    let own = &PLAYED.blocks[9];
    // Another transaction in the second batch.
    let difference = parting(&other_history(at, |block| {
        let taken = block.batches[0].batch().transactions[3].clone();
        let quorate_ledger::SignedBatch::V1(signed) = &mut block.batches[1];
        let quorate_ledger::Batch::V1(batch) = &mut signed.batch;
        batch.transactions[0] = taken;
        PLAYED.batch_again(block, 1);
    }))
    .unwrap();
    assert_eq!(
        (difference.fields.as_slice(), difference.place.as_str()),
        (&["proposal"][..], "batch 1, transaction 0")
    );
    let id = |batch: usize, place: usize| own.v1().batches[batch].batch().transactions[place].id();
    assert_eq!(difference.left, format!("transaction {}", id(1, 0)));
    assert_eq!(difference.right, format!("transaction {}", id(0, 3)));
    // A batch fewer.
    let difference = parting(&other_history(at, |block| {
        block.batches.pop();
        block.texts.pop();
        PLAYED.batch_again(block, 0);
    }))
    .unwrap();
    assert_eq!(
        (difference.place.as_str(), difference.right.as_str()),
        ("batch 1", "no batch")
    );
    // Another outcome, with a log that is another too.
    let difference = parting(&other_history(at, |block| {
        header_of(block).log_root.0[0] ^= 1;
        let quorate_ledger::Block::V1(fields) = &mut block.block;
        fields.executed[2].outcome = Outcome::Failed {
            code: quorate_ledger::ErrorCode::UNKNOWN_ASSET,
            operation: 0,
        };
    }))
    .unwrap();
    assert_eq!(difference.fields, ["log_root"]);
    assert_eq!(difference.place, "executed transaction 2");
    assert_eq!(difference.left, "position 2: it succeeds");
    assert!(difference.right.contains("fails with code 1"), "{difference:?}");
}

#[test]
fn halving_trusts_headers_and_a_scan_does_not() {
    // Altered below a header that is not.
    let other = PLAYED.altered(5, |block| header_of(block).state_root.0[0] ^= 1);
    let range = (Height(1), Height(LAST));
    let found = |search| {
        let (mut left, mut right) = (Blocks(PLAYED.bytes()), Blocks(other.clone()));
        let parting = first_parting(&mut left, &mut right, range, search).unwrap();
        parting.map(|parting| parting.difference.height)
    };
    assert_eq!(found(Search::Halving), None);
    assert_eq!(found(Search::Scan), Some(Height(5)));
}

/// What is wrong with each of two chains that part, as its height and code.
fn judged(left: &[Vec<u8>], right: &[Vec<u8>]) -> [Option<(u64, &'static str)>; 2] {
    let (mut left, mut right) = (Blocks(left.to_vec()), Blocks(right.to_vec()));
    let range = (Height(1), Height(LAST));
    let parting = first_parting(&mut left, &mut right, range, Search::Halving).unwrap();
    let begin = CertifiedState::genesis(&PLAYED.genesis).unwrap();
    let found = judge(&mut left, &mut right, &parting.unwrap(), &begin, 2).unwrap();
    found.map(|finding| finding.map(|Finding { height, code, .. }| (height.0, code)))
}

#[test]
fn what_is_wrong_with_one_copy_below_the_parting_is_not_the_others_fault() {
    let good = PLAYED.bytes();
    let lie = other_history(20, |block| header_of(block).state_root.0[0] ^= 1);
    assert_eq!(judged(&good, &lie), [None, Some((20, "state"))]);
    assert_eq!(judged(&lie, &good), [Some((20, "state")), None]);
    // A seal and an outcome are under no header: they are altered, and the chains part above.
    let with_block = |chain: &[Vec<u8>], at: usize, altered: Vec<Vec<u8>>| {
        let mut chain = chain.to_vec();
        chain[at - 1] = altered[at - 1].clone();
        chain
    };
    let seal = PLAYED.altered(8, |block| {
        let quorate_crypto::Certificate::V1(certificate) = &mut block.certificate;
        certificate.seals[0].signature.0[9] ^= 1;
    });
    let outcome = PLAYED.altered(8, |block| {
        let quorate_ledger::Block::V1(fields) = &mut block.block;
        fields.executed[0].outcome = Outcome::Failed {
            code: quorate_ledger::ErrorCode::UNKNOWN_ASSET,
            operation: 0,
        };
    });
    for (altered, code) in [(seal, "certificate"), (outcome, "executed")] {
        let good_with = with_block(&good, 8, altered.clone());
        let lie_with = with_block(&lie, 8, altered);
        assert_eq!(
            judged(&good_with, &lie),
            [Some((8, code)), Some((20, "state"))],
            "the right one is judged by what it says itself"
        );
        assert_eq!(judged(&lie_with, &good), [Some((8, code)), None]);
        assert_eq!(judged(&lie_with, &good_with), [Some((8, code)); 2]);
        // Of the right one only its own block is looked at where the left one is good.
        assert_eq!(judged(&lie, &good_with), [Some((20, "state")), None]);
    }
}

#[test]
fn a_chain_that_lacks_a_block_or_has_none_is_not_compared() {
    let range = (Height(1), Height(LAST));
    let (mut short, mut broken) = (PLAYED.bytes(), PLAYED.bytes());
    short.truncate(12);
    broken[11] = vec![0; 9];
    let compare = |other: Vec<Vec<u8>>| {
        first_parting(
            &mut Blocks(PLAYED.bytes()),
            &mut Blocks(other),
            range,
            Search::Scan,
        )
        .unwrap_err()
    };
    assert!(matches!(compare(short), NotCompared::Missing(Height(13))));
    assert!(matches!(compare(broken), NotCompared::Unreadable(Height(12), _)));
}

/// Leaves as a state gives them.
fn leaves(height: u64) -> Vec<(StateKey, Vec<u8>)> {
    let auditor = auditor_at(height);
    let leaves = auditor.state().leaves();
    leaves.map(|(key, value)| (*key, value.to_vec())).collect()
}

fn compare(left: &[(StateKey, Vec<u8>)], right: &[(StateKey, Vec<u8>)]) -> Option<(String, String, String)> {
    let (left, right) = (left.iter().cloned(), right.iter().cloned());
    let found = first_other_value(left.map(Ok::<_, Infallible>), right.map(Ok::<_, Infallible>)).unwrap();
    found.map(|found| (found.place, found.left, found.right))
}

#[test]
fn the_first_key_at_which_states_differ_is_found_in_words() {
    let (ten, eleven) = (leaves(10), leaves(11));
    assert_eq!(compare(&ten, &ten), None);
    let (place, left, right) = compare(&ten, &eleven).unwrap();
    assert!(place.starts_with("account qr1"), "{place}");
    assert!(
        left.contains("EUR: free") && right.contains("EUR: free"),
        "{left} {right}"
    );
    for place in [0, 7, ten.len() - 1] {
        let mut fewer = ten.clone();
        fewer.remove(place);
        let (_, left, right) = compare(&ten, &fewer).unwrap();
        assert_ne!(left, "nothing");
        assert_eq!(right, "nothing");
        let (_, left, _) = compare(&fewer, &ten).unwrap();
        assert_eq!(left, "nothing");
    }
    let mut altered = ten.clone();
    altered[4].1.push(0);
    let (place, _, right) = compare(&ten, &altered).unwrap();
    assert!(
        !place.is_empty() && right.contains("bytes with the SHA-256"),
        "{place} {right}"
    );
    // What cannot be read is no difference.
    let failing = ten.clone().into_iter().map(Ok).chain([Err("torn")]);
    assert_eq!(first_other_value(failing, ten.into_iter().map(Ok)), Err("torn"));
}

#[test]
fn blocks_of_one_header_are_one() {
    let CertifiedBlock::V1(mut fewer_seals) = PLAYED.blocks[0].clone();
    let quorate_crypto::Certificate::V1(certificate) = &mut fewer_seals.certificate;
    certificate.seals.pop();
    let fewer_seals = CertifiedBlock::V1(fewer_seals);
    assert_eq!(
        quorate_audit::difference(Height(1), &PLAYED.blocks[0], &fewer_seals),
        None
    );
}
