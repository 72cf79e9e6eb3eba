//! Section 4.4, one replica at a time.

use quorate_consensus::contract::{Action, Input, Record, Rejection, Timer};
use quorate_consensus::pbft::{
    Body as Pbft, Claims, NewView, PreparedCertificate, Replica, SignedClaims, View,
};
use quorate_consensus::{Body, Message, Verified};
use quorate_crypto::{Height, Signature, ValidatorIndex};
use quorate_ledger::{Proposal, Timestamp};

use crate::lab::*;

/// A backup that prepared and committed height 1 in view 0.
fn prepared(index: u16) -> Replica {
    let mut backup = replica(4, index);
    let proposal = proposal(1);
    drive_as(&mut backup, index, from(0, pre_prepare(0, 1, &proposal)));
    let other = if index == 2 { 3 } else { 2 };
    drive_as(&mut backup, index, from(other, prepare(0, 1, &proposal)));
    backup
}

#[test]
fn a_timeout_complains_and_binds_nothing() {
    let mut backup = prepared(2);
    let step = drive_as(&mut backup, 2, Input::Timeout(Timer::Progress { reign: 0 }));
    assert!(says(&step, &complaint(0)));
    assert_eq!(backup.view(), View(0));
    assert!(backup.has_begun());
    assert!(step.records.is_empty(), "a complaint need not be durable");
}

#[test]
fn pitfall_07_one_liar_moves_nobody() {
    let mut backup = replica(4, 2);
    for view in 1..50 {
        drive_as(&mut backup, 2, from(3, empty_change(view)));
        drive_as(&mut backup, 2, from(3, complaint(view)));
    }
    assert_eq!(backup.view(), View(0));
}

#[test]
fn f_plus_one_complaints_move_a_replica() {
    let mut backup = prepared(2);
    drive_as(&mut backup, 2, from(1, complaint(0)));
    assert!(backup.has_begun());
    let step = drive_as(&mut backup, 2, from(3, complaint(0)));
    assert_eq!((backup.view(), backup.has_begun()), (View(1), false));
    assert!(step.records.iter().any(|record| matches!(
        record,
        Record::Own(message) if matches!(&message.v1().body, Body::Pbft(Pbft::ViewChange(_)))
    )));
}

/// The longest wait in the laboratory, in milliseconds.
const LONGEST_WAIT_MS: u64 = 4_000;

fn later(ms: u64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

#[test]
fn a_complaint_that_is_not_said_again_lapses() {
    let mut backup = prepared(2);
    drive_as(&mut backup, 2, from(1, complaint(0)));
    let long_after = later(2 * LONGEST_WAIT_MS + 1);
    drive_at(&mut backup, 2, long_after, from(3, complaint(0)));
    assert!(backup.has_begun(), "one complains now");
    drive_at(&mut backup, 2, long_after, from(1, complaint(0)));
    assert_eq!((backup.view(), backup.has_begun()), (View(1), false));
}

#[test]
fn a_complaint_that_is_said_again_in_each_wait_counts() {
    let mut backup = prepared(2);
    for wait in 0..10 {
        let again = from(1, complaint(0));
        drive_at(&mut backup, 2, later(wait * LONGEST_WAIT_MS), again);
    }
    drive_at(&mut backup, 2, later(11 * LONGEST_WAIT_MS), from(3, complaint(0)));
    assert_eq!((backup.view(), backup.has_begun()), (View(1), false));
}

#[test]
fn an_own_complaint_lapses_and_counts_again_when_it_is_said_again() {
    let mut backup = prepared(2);
    drive_as(&mut backup, 2, Input::Timeout(Timer::Progress { reign: 0 }));
    let long_after = later(2 * LONGEST_WAIT_MS + 1);
    drive_at(&mut backup, 2, long_after, from(3, complaint(0)));
    assert!(backup.has_begun(), "the own one is old");
    let again = Input::Timeout(Timer::Progress { reign: 0 });
    drive_at(&mut backup, 2, long_after, again);
    assert_eq!((backup.view(), backup.has_begun()), (View(1), false));
}

#[test]
fn f_plus_one_view_changes_are_joined_at_the_smallest_view() {
    let mut backup = replica(4, 2);
    drive_as(&mut backup, 2, from(1, empty_change(9)));
    drive_as(&mut backup, 2, from(3, empty_change(4)));
    assert_eq!((backup.view(), backup.has_begun()), (View(4), false));
}

#[test]
fn after_its_view_change_a_replica_says_nothing_below() {
    let mut backup = prepared(2);
    view_change_of(&mut backup, 2);
    let proposal = proposal(2);
    let step = drive_as(&mut backup, 2, from(0, pre_prepare(0, 2, &proposal)));
    assert!(matches!(step.rejection, Some(Rejection::WrongReign { .. })));
    assert!(broadcast(&step).is_empty());
}

#[test]
fn pitfall_18_a_vote_signed_for_a_view_that_was_left_is_not_sent() {
    let mut backup = replica(4, 2);
    let proposal = proposal(1);
    backup.step(NOW, from(0, pre_prepare(0, 1, &proposal)));
    let step = backup.step(NOW, available(1, &proposal));
    assert_eq!(asked(&step), vec![&prepare(0, 1, &proposal)]);
    view_change_of(&mut backup, 2);
    let late = signed(2, Body::Pbft(prepare(0, 1, &proposal)));
    let step = backup.step(NOW, Input::Own(late));
    assert!(broadcast(&step).is_empty());
    assert!(matches!(
        step.rejection,
        Some(Rejection::WrongReign { got: 0, current: 1 })
    ));
}

/// Three view-changes at the primary of view 1, two of which prepared height 1: what it then says.
fn new_view() -> (Replica, Message) {
    let mut primary = replica(4, 1);
    let two = view_change_of(&mut prepared(2), 2);
    let three = view_change_of(&mut prepared(3), 3);
    drive_as(&mut primary, 1, Input::Message(Verified::trusted(two)));
    let step = drive_as(&mut primary, 1, Input::Message(Verified::trusted(three)));
    let body = broadcast(&step)
        .into_iter()
        .find(|body| matches!(body, Body::Pbft(Pbft::NewView(_))))
        .expect("a quorum of view-changes is in")
        .clone();
    (primary, signed(1, body))
}

#[test]
fn pitfall_01_a_prepared_proposal_is_proposed_again_in_the_next_view() {
    let (primary, new_view) = new_view();
    assert_eq!((primary.view(), primary.has_begun()), (View(1), true));
    let mut backup = replica(4, 0);
    let step = drive_as(
        &mut backup,
        0,
        Input::Message(Verified::trusted(new_view.clone())),
    );
    assert_eq!(step.records.first(), Some(&Record::Entered(new_view)));
    assert!(
        says(&step, &prepare(1, 1, &proposal(1))),
        "the height is prepared again, in view 1"
    );
}

#[test]
fn pitfall_15_what_is_carried_over_is_not_judged_by_time_again() {
    let (_, new_view) = new_view();
    for now in [Timestamp(1), later(3_600_000)] {
        let mut backup = replica(4, 0);
        backup.step(now, Input::Message(Verified::trusted(new_view.clone())));
        let step = backup.step(now, available(1, &proposal(1)));
        assert_eq!(asked(&step), vec![&prepare(1, 1, &proposal(1))]);
    }
}

#[test]
fn a_carried_over_height_takes_no_fresh_proposal() {
    let (_, new_view) = new_view();
    let mut backup = replica(4, 0);
    drive_as(&mut backup, 0, Input::Message(Verified::trusted(new_view)));
    let step = drive_as(&mut backup, 0, from(1, pre_prepare(1, 1, &proposal(2))));
    assert_eq!(step.rejection, Some(Rejection::BadProposal { height: Height(1) }));
}

#[test]
fn gaps_are_filled_with_the_null_proposal() {
    let mut ahead = replica(4, 2);
    let proposal = proposal(1);
    drive_as(&mut ahead, 2, from(0, pre_prepare(0, 3, &proposal)));
    drive_as(&mut ahead, 2, from(3, prepare(0, 3, &proposal)));
    let change = view_change_of(&mut ahead, 2);
    let mut primary = replica(4, 1);
    drive_as(&mut primary, 1, Input::Message(Verified::trusted(change)));
    let step = drive_as(&mut primary, 1, from(3, empty_change(1)));
    let null = Proposal::null();
    for (height, expected) in [(1, &null), (2, &null), (3, &proposal)] {
        assert!(says(&step, &prepare(1, height, expected)), "height {height}");
    }
}

#[test]
fn pitfall_05_a_certificate_moves_the_height_and_never_the_view() {
    let mut backup = prepared(2);
    view_change_of(&mut backup, 2);
    backup.step(NOW, Input::Synced(certificate_without(1, 3)));
    assert_eq!(backup.certified(), Height(3));
    assert_eq!((backup.view(), backup.has_begun()), (View(1), false));
    // The new-view takes it back in, though it begins below.
    let (_, new_view) = new_view();
    drive_as(&mut backup, 2, Input::Message(Verified::trusted(new_view)));
    assert!(backup.has_begun());
}

#[test]
fn pitfall_06_timeouts_double_up_to_a_cap() {
    let mut backup = replica(4, 2);
    let mut waits = Vec::new();
    for view in 1..80 {
        for sender in [0, 1, 3] {
            let step = drive_as(&mut backup, 2, from(sender, empty_change(view)));
            waits.extend(step.actions.iter().filter_map(|action| match action {
                Action::SetTimer {
                    timer: Timer::NewReign { .. },
                    after,
                } => Some(after.to_ms),
                _ => None,
            }));
        }
    }
    assert_eq!(waits[..4], [1_000, 2_000, 4_000, 4_000]);
    assert!(waits.iter().all(|wait| *wait <= 4_000));
}

#[test]
fn the_last_view_change_in_the_journal_says_which_view_was_reached() {
    let mut backup = replica(4, 2);
    let mut records = Vec::new();
    for view in 1..20 {
        for sender in [0, 1, 3] {
            records.extend(drive_as(&mut backup, 2, from(sender, empty_change(view))).records);
        }
    }
    assert!(records.len() >= 19);
    let kept = pruned(records);
    assert_eq!(kept.len(), 1);
    let (recovered, _) = Replica::recover(config(4, 2), kept);
    assert_eq!((recovered.view(), recovered.has_begun()), (View(19), false));
}

#[test]
fn a_view_change_that_hides_a_commit_is_evidence() {
    let mut backup = replica(4, 2);
    drive_as(&mut backup, 2, from(3, commit(0, 1, &proposal(1))));
    let step = drive_as(&mut backup, 2, from(3, empty_change(1)));
    assert!(
        step.actions
            .iter()
            .any(|action| matches!(action, Action::Accuse(_)))
    );
    // In the other order too.
    let mut backup = replica(4, 2);
    drive_as(&mut backup, 2, from(3, empty_change(1)));
    let step = drive_as(&mut backup, 2, from(3, commit(0, 1, &proposal(1))));
    assert!(
        step.actions
            .iter()
            .any(|action| matches!(action, Action::Accuse(_)))
    );
}

/// A new-view of validator 0 that carries this over.
fn carrying(view: u64, certificate: &PreparedCertificate) -> Input {
    let claims = Claims {
        view: View(view),
        certified: Height(0),
        prepared: vec![certificate.claim()],
    };
    let signed = (0..3).map(|sender| SignedClaims {
        sender: ValidatorIndex(sender),
        claims: claims.clone(),
        signature: Signature([7; 64]),
    });
    let new_view = NewView {
        view: View(view),
        view_changes: signed.collect(),
        certified: None,
        prepared: vec![certificate.clone()],
    };
    from(0, Pbft::NewView(new_view))
}

/// A certificate that nobody checks here.
fn certified(view: u64, proposal: &Proposal) -> PreparedCertificate {
    PreparedCertificate {
        view: View(view),
        height: Height(1),
        proposal: proposal.clone(),
        pre_prepare: None,
        prepares: Vec::new(),
    }
}

fn asks(step: &quorate_consensus::Step, wanted: &Proposal) -> bool {
    step.actions.iter().any(
        |action| matches!(action, Action::RequireBatches { proposal, .. } if *proposal == wanted.digest()),
    )
}

#[test]
fn a_proposal_that_comes_back_after_another_is_asked_about_again() {
    for between in [proposal(2), Proposal::null()] {
        let mut backup = replica(4, 3);
        assert!(asks(
            &backup.step(NOW, from(0, pre_prepare(0, 1, &proposal(1)))),
            &proposal(1)
        ));
        backup.step(NOW, available(1, &proposal(1)));
        backup.step(NOW, carrying(4, &certified(0, &between)));
        backup.step(NOW, available(1, &between));
        let step = backup.step(NOW, carrying(8, &certified(4, &proposal(1))));
        assert!(asks(&step, &proposal(1)), "{:?}", step.actions);
    }
}

#[test]
fn a_proposal_that_comes_back_after_an_own_one_is_asked_about_again() {
    let mut primary = replica(4, 1);
    drive_as(&mut primary, 1, from(0, pre_prepare(0, 1, &proposal(1))));
    drive_as(&mut primary, 1, Input::BatchesAvailable(vec![batch(2)]));
    for sender in [2, 3] {
        drive_as(&mut primary, 1, from(sender, empty_change(1)));
    }
    assert!(primary.has_begun());
    let step = primary.step(NOW, carrying(4, &certified(0, &proposal(1))));
    assert!(asks(&step, &proposal(1)), "{:?}", step.actions);
}

#[test]
fn an_answer_about_a_former_proposal_is_not_taken_for_one_about_the_current() {
    let mut backup = replica(4, 3);
    backup.step(NOW, from(0, pre_prepare(0, 1, &proposal(1))));
    backup.step(NOW, carrying(4, &certified(0, &proposal(2))));
    let step = backup.step(NOW, available(1, &proposal(2)));
    assert_eq!(asked(&step), vec![&prepare(4, 1, &proposal(2))]);
    let mut backup = replica(4, 3);
    backup.step(NOW, from(0, pre_prepare(0, 1, &proposal(1))));
    backup.step(NOW, carrying(4, &certified(0, &proposal(2))));
    let step = backup.step(NOW, available(1, &proposal(1)));
    assert_eq!(step.rejection, Some(Rejection::Unasked));
    let step = backup.step(NOW, available(1, &proposal(2)));
    assert_eq!(asked(&step), vec![&prepare(4, 1, &proposal(2))]);
}
