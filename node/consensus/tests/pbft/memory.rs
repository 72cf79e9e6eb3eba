//! What is kept is bounded, whatever comes.

use quorate_consensus::contract::{Action, Input, Rejection, Timer};
use quorate_consensus::message::Status;
use quorate_consensus::pbft::MAX_ANSWER;
use quorate_consensus::{Body, Verified};
use quorate_crypto::Height;

use crate::lab::*;

#[test]
fn pitfall_23_the_next_windows_messages_are_kept() {
    let mut backup = replica(4, 1);
    let above = WINDOW + 1;
    let proposal = proposal(1);
    let step = backup.step(NOW, from(0, pre_prepare(0, above, &proposal)));
    assert!(
        step.actions
            .iter()
            .all(|action| !matches!(action, Action::RequireBatches { .. }))
    );
    let step = backup.step(NOW, Input::Synced(certificate_without(1, 1)));
    assert!(
        step.actions
            .iter()
            .any(|action| matches!(action, Action::RequireBatches { .. }))
    );
}

#[test]
fn pitfall_07_far_heights_are_not_kept() {
    let mut backup = replica(4, 1);
    for height in [2 * WINDOW + 1, 1_000, u64::MAX] {
        for body in [
            pre_prepare(0, height, &proposal(1)),
            prepare(0, height, &proposal(1)),
            commit(0, height, &proposal(1)),
        ] {
            let step = backup.step(NOW, from(0, body));
            assert!(matches!(step.rejection, Some(Rejection::OutsideWindow { .. })));
        }
    }
    assert_eq!(backup.window_occupancy().0, 0);
}

#[test]
fn pitfall_07_votes_of_far_views_take_one_slot_and_drive_nobody() {
    let mut backup = replica(4, 1);
    for view in (1..1_000).chain([u64::MAX]) {
        backup.step(NOW, from(2, prepare(view, 1, &proposal(1))));
        backup.step(
            NOW,
            from(
                2,
                quorate_consensus::pbft::Body::Complaint {
                    view: quorate_consensus::pbft::View(view),
                },
            ),
        );
    }
    backup.check_invariants();
    assert_eq!(backup.view().0, 0);
}

#[test]
fn answers_to_a_status_are_bounded_and_not_repeated_within_a_period() {
    let mut backup = replica(4, 1);
    for height in 1..=WINDOW {
        let proposal = proposal(u8::try_from(height).unwrap());
        drive_as(&mut backup, 1, from(0, pre_prepare(0, height, &proposal)));
        drive_as(&mut backup, 1, from(2, prepare(0, height, &proposal)));
    }
    let status = Status {
        reign: 0,
        begun: true,
        certified: Height(0),
        holds: Vec::new(),
    };
    let ask = || Input::Message(Verified::trusted(signed(3, Body::Status(status.clone()))));
    let sent = |step: quorate_consensus::Step| {
        step.actions
            .iter()
            .filter(|action| matches!(action, Action::Send { .. }))
            .count()
    };
    let first = sent(backup.step(NOW, ask()));
    assert!((1..=MAX_ANSWER).contains(&first), "{first} messages");
    assert_eq!(sent(backup.step(NOW, ask())), 0);
}

#[test]
fn a_timer_that_was_overtaken_does_nothing() {
    let mut backup = replica(4, 1);
    for timer in [
        Timer::Progress { reign: 9 },
        Timer::NewReign { reign: 9 },
        Timer::Heartbeat { reign: 9 },
    ] {
        let step = backup.step(NOW, Input::Timeout(timer));
        assert_eq!(step.rejection, Some(Rejection::StaleTimer));
        assert!(
            step.actions
                .iter()
                .all(|action| !matches!(action, Action::Sign(_)))
        );
    }
}

/// A view-change holds 64 certificates, and after a crash the journal brings back all that the chain lacks.
#[test]
fn nothing_is_committed_that_a_view_change_could_not_claim_after_a_crash() {
    let mut backup = replica(4, 1);
    drive_as(&mut backup, 1, Input::Synced(certificate_without(1, 62)));
    let mut prepared = |height: u64| {
        let proposal = proposal(u8::try_from(height).unwrap());
        drive_as(&mut backup, 1, from(0, pre_prepare(0, height, &proposal)));
        let step = drive_as(&mut backup, 1, from(2, prepare(0, height, &proposal)));
        says(&step, &commit(0, height, &proposal))
    };
    assert!(prepared(64));
    assert!(!prepared(65), "nothing is known to be on disk");
    let step = drive_as(&mut backup, 1, Input::OnDisk(Height(1)));
    assert!(says(&step, &commit(0, 65, &proposal(65))));
}
