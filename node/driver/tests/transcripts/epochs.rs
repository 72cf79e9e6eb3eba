//! How one epoch follows another.

use quorate_consensus::{Body, Input, pbft};
use quorate_crypto::{Epoch, Height};
use quorate_driver::Event;

use crate::lab::{Lab, PBFT, batch, committee, config, pre_prepare};

/// A validator that was away over two epochs' ends hears of the second while it has not begun the first.
#[test]
fn two_ends_in_a_row_begin_two_epochs_one_after_the_other() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.synced(0, 1, Some(3));
    lab.synced(0, 2, None);
    lab.written(0, 3);
    lab.synced(0, 3, None);
    // The executor is in epoch 1, and soon past it.
    lab.written(1, 4);
    lab.synced(1, 4, Some(5));
    lab.written(1, 5);
    lab.synced(1, 5, None);
    assert_eq!(lab.driver.epoch(), Epoch(0));
    lab.chain(0, 5);
    let ready = |epoch, last| Event::EpochReady(Box::new(config(committee(epoch, 4, PBFT), 1, last)));
    lab.on("epoch 1 is prepared", ready(1, 3));
    assert_eq!(
        (lab.driver.epoch(), lab.driver.epoch_end()),
        (Epoch(1), Some(Height(5)))
    );
    lab.on("epoch 2 is prepared", ready(2, 5));
    assert_eq!((lab.driver.epoch(), lab.driver.epoch_end()), (Epoch(2), None));
    let ends = lab.around.steps.borrow();
    let ends: Vec<_> = ends
        .iter()
        .filter_map(|(epoch, input)| match input {
            Input::EpochEnds(last) => Some((epoch.0, last.0)),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [(0, 3), (1, 5)], "each engine hears of its own epoch's end");
    insta::assert_snapshot!(lab.log);
}

#[test]
fn an_epoch_is_prepared_when_its_last_block_is_on_disk() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.synced(0, 1, Some(2));
    lab.chain(0, 1);
    lab.written(0, 2);
    assert!(!lab.log.contains("prepare the epoch"), "{}", lab.log);
    lab.chain(0, 2);
    assert!(lab.log.contains("prepare the epoch after 2"), "{}", lab.log);
}

/// One flush covered an epoch's last block and blocks of the next, and no other comes for them: were its engine not
/// told, it would commit nothing more than a window above the epoch's beginning.
#[test]
fn the_engine_of_a_new_epoch_hears_of_a_flush_that_covered_its_blocks_too() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.synced(0, 1, Some(2));
    lab.written(0, 2);
    lab.synced(0, 2, None);
    lab.written(1, 3);
    lab.synced(1, 3, None);
    lab.chain(0, 3);
    let committee = committee(1, 4, PBFT);
    lab.on(
        "epoch 1 is prepared",
        Event::EpochReady(Box::new(config(committee, 1, 2))),
    );
    let steps = lab.around.steps.borrow();
    assert!(
        steps.contains(&(Epoch(1), Input::OnDisk(Height(3)))),
        "{}",
        lab.log
    );
}

/// The epoch ends while a vote waits for its batch: the flush that covers the last block began before the batch was
/// written. As long as the next epoch has no block, others may need that vote; then they fetch blocks.
#[test]
fn a_vote_of_the_epoch_before_leaves_when_it_is_on_disk_unless_the_next_has_a_block() {
    for has_block in [false, true] {
        let mut lab = Lab::new(4, 1, PBFT);
        lab.synced(0, 1, Some(3));
        lab.store(batch(1));
        lab.message("the primary proposes", 0, 0, pre_prepare(2, &[batch(1)]));
        lab.journal(99);
        assert!(lab.log.contains("own prepare of 2"), "{}", lab.log);
        lab.synced(0, 2, None);
        lab.synced(0, 3, None);
        lab.written(0, 3);
        lab.chain(0, 3);
        let next = config(committee(1, 4, PBFT), 1, 3);
        lab.on("epoch 1 is prepared", Event::EpochReady(Box::new(next)));
        assert_eq!(lab.driver.epoch(), Epoch(1));
        if has_block {
            lab.written(1, 4);
        }
        assert!(!lab.log.contains("broadcast prepare"), "{}", lab.log);
        lab.chain(1, 3);
        let is_sent = lab.log.contains("broadcast prepare of 2");
        assert_eq!(is_sent, !has_block, "{}", lab.log);
    }
}

#[test]
fn messages_of_a_later_epoch_are_kept_up_to_a_bound() {
    let mut lab = Lab::new(4, 1, PBFT);
    for _ in 0..5_000 {
        lab.message(
            "early",
            1,
            0,
            Body::Pbft(pbft::Body::Complaint { view: pbft::View(0) }),
        );
    }
    lab.synced(0, 1, Some(2));
    lab.written(0, 2);
    lab.synced(0, 2, None);
    lab.chain(0, 2);
    let committee = committee(1, 4, PBFT);
    lab.on(
        "epoch 1 is prepared",
        Event::EpochReady(Box::new(config(committee, 1, 2))),
    );
    let steps = lab.around.steps.borrow();
    let heard = steps
        .iter()
        .filter(|(epoch, input)| *epoch == Epoch(1) && matches!(input, Input::Message(_)));
    assert_eq!(heard.count(), 4_096);
}
