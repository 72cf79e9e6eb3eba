//! The end of an epoch: filled with empty proposals, and nothing is ordered past it.

use quorate_consensus::contract::{Action, Input, Rejection, Step, Timer};
use quorate_consensus::pbft::{Body as Pbft, NewView, SignedClaims, View};
use quorate_consensus::{Body, Holding, Status, Verified};
use quorate_crypto::{Height, Signature, ValidatorIndex};
use quorate_ledger::Proposal;

use crate::lab::*;

/// The heights that a step proposes, each with nothing in it.
fn empty_proposals(said: &[&Body]) -> Vec<u64> {
    let empty = |body: &&Body| match body {
        Body::Pbft(Pbft::PrePrepare { height, proposal, .. }) => {
            assert_eq!(*proposal, Proposal::null());
            Some(height.0)
        }
        _ => None,
    };
    said.iter().filter_map(empty).collect()
}

#[test]
fn the_primary_fills_what_is_left_with_empty_proposals_and_stops_there() {
    let mut primary = replica(4, 0);
    let last = Height(WINDOW + 2);
    let step = drive(&mut primary, Input::EpochEnds(last));
    assert_eq!(empty_proposals(&broadcast(&step)), [1, 2, 3, 4]);
    let step = drive(&mut primary, Input::Synced(certificate_without(0, 4)));
    assert_eq!(empty_proposals(&broadcast(&step)), [5, 6]);
    // What waits is left for the next epoch.
    let step = drive(&mut primary, Input::BatchesAvailable(vec![batch(1)]));
    assert!(broadcast(&step).is_empty());
    let step = drive(&mut primary, Input::EpochEnds(last));
    assert_eq!(step.rejection, Some(Rejection::Duplicate));
}

#[test]
fn what_waits_goes_into_the_heights_that_are_left() {
    let mut primary = replica(4, 0);
    drive(&mut primary, Input::BatchesAvailable(vec![batch(1)]));
    let step = drive(&mut primary, Input::BatchesAvailable(vec![batch(2)]));
    assert_eq!(broadcast(&step).len(), 1);
    let step = drive(&mut primary, Input::EpochEnds(Height(WINDOW)));
    assert_eq!(empty_proposals(&broadcast(&step)), [3, 4]);
}

#[test]
fn nothing_past_the_end_is_kept_or_voted_on() {
    let mut backup = replica(4, 1);
    let late = proposal(1);
    // Of the second window, so it is kept and not acted upon.
    drive_as(&mut backup, 1, from(0, pre_prepare(0, WINDOW + 1, &late)));
    drive_as(&mut backup, 1, Input::EpochEnds(Height(WINDOW)));
    let step = drive_as(&mut backup, 1, Input::Synced(certificate_without(1, WINDOW - 1)));
    assert!(broadcast(&step).is_empty());
    for height in WINDOW + 1..WINDOW + 3 {
        let step = drive_as(&mut backup, 1, from(0, pre_prepare(0, height, &late)));
        assert!(matches!(step.rejection, Some(Rejection::OutsideWindow { .. })));
        assert!(broadcast(&step).is_empty());
    }
    let step = drive_as(&mut backup, 1, from(0, pre_prepare(0, WINDOW, &late)));
    assert!(says(&step, &prepare(0, WINDOW, &late)));
}

#[test]
fn a_primary_that_does_not_fill_the_epoch_is_complained_about() {
    let mut backup = replica(4, 1);
    let step = drive_as(&mut backup, 1, Input::EpochEnds(Height(WINDOW)));
    let timer = Timer::Progress { reign: 0 };
    let set = |action: &Action| matches!(action, Action::SetTimer { timer: set, .. } if *set == timer);
    assert!(step.actions.iter().any(set));
    let step = drive_as(&mut backup, 1, Input::Timeout(timer));
    assert!(says(&step, &complaint(0)));
}

/// It owes them all at once: were each of them progress, it could take a wait for each.
#[test]
fn a_primary_that_fills_the_epoch_one_height_at_a_time_gains_no_time_by_each() {
    let mut backup = replica(4, 1);
    drive_as(&mut backup, 1, Input::EpochEnds(Height(WINDOW)));
    let timer = Timer::Progress { reign: 0 };
    let starts = |step: &Step| {
        let set = |action: &Action| matches!(action, Action::SetTimer { timer: set, .. } if *set == timer);
        step.actions.iter().any(set)
    };
    let null = |height| from(0, pre_prepare(0, height, &Proposal::null()));
    assert!(!starts(&drive_as(&mut backup, 1, null(1))));
    let step = drive_as(&mut backup, 1, Input::Synced(certificate_without(1, 1)));
    assert!(!starts(&step), "three heights have no proposal");
    for height in 2..WINDOW {
        assert!(
            !starts(&drive_as(&mut backup, 1, null(height))),
            "height {height}"
        );
    }
    let step = drive_as(&mut backup, 1, null(WINDOW));
    assert!(starts(&step), "the primary has done its part");
    let step = drive_as(&mut backup, 1, Input::Synced(certificate_without(1, 2)));
    assert!(starts(&step), "the rest is for the votes");
}

#[test]
fn a_finished_replica_is_quiet_and_goes_on_answering() {
    let mut backup = replica(4, 1);
    drive_as(&mut backup, 1, Input::BatchesAvailable(vec![batch(1)]));
    drive_as(&mut backup, 1, Input::EpochEnds(Height(WINDOW)));
    let step = drive_as(&mut backup, 1, Input::Synced(certificate_without(1, WINDOW)));
    for timer in [Timer::Progress { reign: 0 }, Timer::Resend] {
        assert!(step.actions.contains(&Action::CancelTimer(timer)), "{timer:?}");
    }
    let behind = Status {
        reign: 0,
        begun: true,
        certified: Height(WINDOW - 1),
        holds: vec![Holding::default()],
    };
    let status = Input::Message(Verified::trusted(signed(2, Body::Status(behind))));
    let step = drive_as(&mut backup, 1, status);
    let seals = step.actions.iter().filter(|action| {
        matches!(action, Action::Send { message, .. } if matches!(message.v1().body, Body::Seal { .. }))
    });
    assert_eq!(seals.count(), 3);
}

#[test]
fn a_finished_replica_moves_to_no_view_and_keeps_no_record() {
    let mut backup = replica(4, 1);
    drive_as(&mut backup, 1, Input::EpochEnds(Height(WINDOW)));
    drive_as(&mut backup, 1, Input::Synced(certificate(WINDOW)));
    // Some who are behind see no progress, and one of them begins a view: none of it is of use, and a
    // record after those of the next epoch would be taken for newer than they are.
    let mut new_view = NewView {
        view: View(2),
        view_changes: Vec::new(),
        certified: None,
        prepared: Vec::new(),
    };
    for sender in [0, 2, 3] {
        let step = drive_as(&mut backup, 1, from(sender, complaint(0)));
        assert!(step.records.is_empty(), "a complaint of {sender}");
        let step = drive_as(&mut backup, 1, from(sender, empty_change(2)));
        assert!(step.records.is_empty(), "a view-change of {sender}");
        let Pbft::ViewChange(change) = empty_change(2) else {
            unreachable!("it is one")
        };
        new_view.view_changes.push(SignedClaims {
            sender: ValidatorIndex(sender),
            claims: change.claims,
            signature: Signature([7; 64]),
        });
    }
    let step = drive_as(&mut backup, 1, from(2, Pbft::NewView(new_view)));
    assert!(step.records.is_empty(), "a new-view");
    assert_eq!((backup.view(), backup.has_begun()), (View(0), true));
}

#[test]
fn an_epoch_that_finishes_within_a_view_change_leaves_a_quiet_replica() {
    let mut backup = replica(4, 1);
    drive_as(&mut backup, 1, Input::EpochEnds(Height(WINDOW)));
    view_change_of(&mut backup, 1);
    drive_as(&mut backup, 1, from(2, empty_change(1)));
    let step = drive_as(&mut backup, 1, Input::Synced(certificate(WINDOW)));
    let resend = Action::CancelTimer(Timer::Resend);
    assert!(step.actions.contains(&resend), "it has nothing to ask for");
    let step = drive_as(&mut backup, 1, Input::Timeout(Timer::NewReign { reign: 1 }));
    assert!(step.records.is_empty());
}
