//! What is done about batches that a proposal names and that are not here.

use std::collections::BTreeSet;

use quorate_consensus::{Body, Input, pbft};
use quorate_crypto::{Digest, Height, sha256};

use crate::lab::{Lab, MS, PBFT, batch, pre_prepare};

#[test]
fn what_is_missing_is_fetched_from_one_peer_after_the_other() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.message(
        "the primary proposes",
        0,
        0,
        pre_prepare(1, &[batch(1), batch(2)]),
    );
    assert_eq!(*lab.around.wanted.borrow(), BTreeSet::from([batch(1), batch(2)]));
    lab.tick(50 * MS);
    lab.store(batch(1));
    lab.tick(50 * MS);
    lab.store(batch(2));
    lab.tick(50 * MS);
    assert_eq!(*lab.around.wanted.borrow(), BTreeSet::new());
    insta::assert_snapshot!(lab.shown());
}

/// A primary names batches that nobody has, height by height: none of that makes a later event look through them all.
#[test]
fn what_an_event_costs_goes_by_the_batches_that_it_is_about() {
    let mut lab = Lab::new(4, 1, PBFT);
    let named = |height: u8| -> Vec<Digest> { (0..20).map(|place| sha256(&[height, place])).collect() };
    for height in 1..=10 {
        lab.message(
            "the primary proposes",
            0,
            0,
            pre_prepare(height.into(), &named(height)),
        );
        lab.tick(MS);
    }
    assert_eq!(lab.around.wanted.borrow().len(), 200);
    assert_eq!((lab.around.told.get(), lab.around.looks.get()), (200, 200));
    // Those of the first height are due 50 ms after it came, those of the next a millisecond later.
    lab.tick(40 * MS);
    assert_eq!(lab.around.looks.get(), 220);
    assert_eq!(lab.log.matches("fetch 20 batches").count(), 1, "{}", lab.log);
    lab.tick(MS);
    assert_eq!(lab.around.looks.get(), 240);
    // What comes costs no look at the rest, and what a proposal that is complete had named is let go.
    for batch in named(1) {
        lab.store(batch);
    }
    assert_eq!((lab.around.told.get(), lab.around.looks.get()), (200, 240));
    assert_eq!(lab.around.wanted.borrow().len(), 180);
    let steps = lab.around.steps.borrow();
    let available = steps
        .iter()
        .filter(|(_, input)| matches!(input, Input::ProposalAvailable { .. }));
    assert_eq!(available.count(), 1);
}

#[test]
fn what_is_missing_is_fetched_from_who_voted_for_it_too() {
    let mut lab = Lab::new(4, 1, PBFT);
    let pre_prepare = pre_prepare(1, &[batch(1)]);
    let Body::Pbft(pbft::Body::PrePrepare { proposal, .. }) = &pre_prepare else {
        panic!("it proposes");
    };
    let proposal = proposal.digest();
    lab.message("the primary proposes", 0, 0, pre_prepare);
    let prepare = pbft::Body::Prepare {
        view: pbft::View(0),
        height: Height(1),
        proposal,
    };
    lab.message("a backup votes for it", 0, 3, Body::Pbft(prepare));
    lab.tick(50 * MS);
    let fetched = |from: &str| lab.log.contains(&format!("fetch 1 batches from {from}"));
    assert!(fetched("3") && fetched("0") && !fetched("2"), "{}", lab.log);
}
