//! A driver that must not vote any more says nothing.

use quorate_consensus::{Body, pbft};
use quorate_crypto::{Digest, Epoch, Height, Signature};
use quorate_driver::{Effect, Event, Refusal};
use quorate_ledger::{Proposal, Timestamp};

use crate::lab::{Lab, PBFT, batch, committee, config, pre_prepare};

#[test]
fn a_signer_that_refuses_halts_the_driver() {
    let mut lab = Lab::new(1, 0, PBFT);
    lab.signs = false;
    lab.store(batch(1));
    let Some(Effect::Sign { number, .. }) = lab.unsigned.pop_front() else {
        panic!("a signature is asked for");
    };
    let why = Refusal("it has signed something else".to_owned());
    lab.on("it refuses", Event::SignRefused { number, why });
    let signature = Signature([0; 64]);
    lab.on("it signs all the same", Event::Signed { number, signature });
    lab.chain(1, 0);
    lab.journal(9);
    lab.store(batch(2));
    insta::assert_snapshot!(lab.shown());
}

#[test]
fn a_halted_driver_says_nothing_that_waited() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.store(batch(1));
    lab.message("the primary proposes", 0, 0, pre_prepare(1, &[batch(1)]));
    let forgotten = Body::Pbft(pbft::Body::Commit {
        view: pbft::View(0),
        height: Height(5),
        proposal: Digest([9; 32]),
    });
    lab.message("its own vote comes back", 0, 1, forgotten);
    lab.journal(9);
    lab.chain(1, 0);
    assert!(!lab.log.contains("broadcast prepare"), "{}", lab.log);
    insta::assert_snapshot!(lab.shown());
}

/// It finds out that it has forgotten something after it has asked who agrees next, and the answer does not know.
#[test]
fn pitfall_28_a_halt_outlives_an_answer_that_is_older_than_it() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.synced(0, 1, Some(2));
    lab.written(0, 2);
    lab.chain(0, 2);
    assert!(lab.log.contains("prepare the epoch after 2"), "{}", lab.log);
    let forgotten = Body::Pbft(pbft::Body::Commit {
        view: pbft::View(0),
        height: Height(2),
        proposal: Digest([9; 32]),
    });
    lab.message("its own vote comes back", 0, 1, forgotten);
    assert!(!lab.driver.standing().votes, "{}", lab.log);
    let next = config(committee(1, 4, PBFT), 1, 2);
    lab.on("epoch 1 is prepared", Event::EpochReady(Box::new(next)));
    assert_eq!(lab.driver.epoch(), Epoch(1));
    assert!(!lab.driver.standing().votes, "{}", lab.log);
}

/// It was quarantined for something else before, and the answer lets it vote after its rejoin.
#[test]
fn who_has_diverged_does_not_vote_in_the_next_epoch() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.synced(0, 1, Some(2));
    let forgotten = Body::Pbft(pbft::Body::Commit {
        view: pbft::View(0),
        height: Height(2),
        proposal: Digest([9; 32]),
    });
    lab.message("its own vote comes back", 0, 1, forgotten);
    lab.written(0, 2);
    lab.on(
        "a block differs",
        Event::Diverged {
            height: Height(2),
            ours: Digest([1; 32]),
            certified: Digest([2; 32]),
        },
    );
    lab.chain(0, 2);
    let next = config(committee(1, 4, PBFT), 1, 2);
    lab.on("epoch 1 is prepared", Event::EpochReady(Box::new(next)));
    assert_eq!(lab.driver.epoch(), Epoch(1));
    assert!(!lab.driver.standing().votes, "{}", lab.log);
}

/// What it finds out does not wait for the disk behind the vote that it is to stop.
#[test]
fn pitfall_28_a_halt_does_not_wait_behind_a_vote() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.store(batch(1));
    lab.message("the primary proposes", 0, 0, pre_prepare(1, &[batch(1)]));
    lab.chain(1, 0);
    lab.journal(2);
    assert!(lab.log.contains("broadcast prepare"), "{}", lab.log);
    let (view, proposal) = (
        pbft::View(0),
        Proposal::new(Timestamp(1_000), vec![batch(1)]).digest(),
    );
    for who in [2, 3] {
        let height = Height(1);
        let prepare = pbft::Body::Prepare {
            view,
            height,
            proposal,
        };
        lab.message("somebody prepares", 0, who, Body::Pbft(prepare));
    }
    assert!(lab.log.contains("own commit of 1"), "{}", lab.log);
    let forgotten = Body::Pbft(pbft::Body::Commit {
        view,
        height: Height(5),
        proposal: Digest([9; 32]),
    });
    lab.message("its own vote comes back", 0, 1, forgotten);
    assert!(!lab.driver.standing().votes, "{}", lab.log);
    lab.journal(99);
    assert!(!lab.log.contains("broadcast commit"), "{}", lab.log);
}
