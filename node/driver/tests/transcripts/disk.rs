//! What leaves when: what it follows from has to be on disk.

use quorate_consensus::Input;
use quorate_crypto::{Height, Signature};
use quorate_driver::{Effect, Event};

use crate::lab::{Lab, PBFT, batch, pre_prepare};

/// One validator alone takes a batch through a whole block.
#[test]
fn nothing_leaves_before_what_it_follows_from_is_on_disk() {
    let mut lab = Lab::new(1, 0, PBFT);
    lab.store(batch(1));
    lab.journal(1);
    lab.chain(1, 0);
    lab.journal(2);
    lab.journal(3);
    lab.journal(4);
    lab.executed(0, 1, None);
    lab.written(0, 1);
    lab.chain(1, 1);
    insta::assert_snapshot!(lab.shown());
}

/// A backup of four: the vote waits for the journal and for the batch, which come in any order.
#[test]
fn a_prepare_waits_for_its_record_and_for_its_batches() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.store(batch(1));
    lab.message("the primary proposes", 0, 0, pre_prepare(1, &[batch(1)]));
    lab.chain(0, 0);
    lab.journal(9);
    assert!(!lab.log.contains("broadcast prepare"), "{}", lab.log);
    lab.chain(1, 0);
    insta::assert_snapshot!(lab.shown());
}

#[test]
fn a_signer_that_takes_its_time_holds_back_what_comes_after_it() {
    let mut lab = Lab::new(1, 0, PBFT);
    lab.signs = false;
    lab.store(batch(1));
    lab.chain(1, 0);
    assert!(!lab.log.contains("append"), "{}", lab.log);
    let Some(Effect::Sign { number, .. }) = lab.unsigned.pop_front() else {
        panic!("a signature is asked for");
    };
    let signature = Signature([0; 64]);
    lab.on("it signs", Event::Signed { number, signature });
    lab.journal(1);
    insta::assert_snapshot!(lab.shown());
}

#[test]
fn an_engine_of_raft_hears_of_a_fetched_block_when_it_is_on_disk() {
    for (protocol, at_once) in [(PBFT, true), (quorate_crypto::Engine::Raft, false)] {
        let mut lab = Lab::new(3, 1, protocol);
        let heard = |lab: &Lab| {
            let steps = lab.around.steps.borrow();
            steps.iter().any(|(_, input)| matches!(input, Input::Synced(_)))
        };
        lab.synced(0, 1, None);
        assert_eq!(heard(&lab), at_once, "{protocol:?}");
        lab.chain(0, 1);
        assert!(heard(&lab));
    }
}

#[test]
fn an_engine_hears_how_far_its_chain_is_on_disk() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.synced(0, 1, None);
    lab.written(0, 1);
    let heard = |lab: &Lab| {
        let steps = lab.around.steps.borrow();
        steps.iter().any(|(_, input)| *input == Input::OnDisk(Height(1)))
    };
    assert!(!heard(&lab), "a block that is written may be lost");
    lab.chain(0, 1);
    assert!(heard(&lab));
}
