//! What restarts the progress timer, and what does not: pitfall 17 and its kin.

use quorate_consensus::contract::{Action, Input, Step, Timer};
use quorate_consensus::pbft::{Body as Pbft, NewView, OVERTAKING_BATCHES, OVERTAKING_WAITS, Replica, View};
use quorate_consensus::{Body, Verified};
use quorate_crypto::{Digest, Height, sha256};
use quorate_ledger::{Proposal, Timestamp};

use crate::lab::*;

/// A batch that nobody orders unless told.
fn left_out() -> Digest {
    sha256(b"left out")
}

fn of(batches: &[Digest]) -> Proposal {
    if batches.is_empty() {
        Proposal::null()
    } else {
        Proposal::new(NOW, batches.to_vec())
    }
}

/// The primary proposes, everybody votes, executes and seals. Gives whether the backup's progress
/// timer was started again when the height was certified.
fn certify(backup: &mut Replica, height: u64, proposal: &Proposal) -> bool {
    certify_at(backup, NOW, height, proposal)
}

/// As [`certify`], at this time.
fn certify_at(backup: &mut Replica, now: Timestamp, height: u64, proposal: &Proposal) -> bool {
    drive_at(backup, 1, now, from(0, pre_prepare(0, height, proposal)));
    for sender in [0, 2, 3] {
        drive_at(backup, 1, now, from(sender, commit(0, height, proposal)));
    }
    let (height, block) = (Height(height), sha256(&height.to_le_bytes()));
    drive_at(backup, 1, now, Input::Executed { height, block });
    let mut restarted = false;
    for sender in [0, 2] {
        let seal = Verified::trusted(signed(sender, Body::Seal { height, block }));
        restarted |= restarts(&drive_at(backup, 1, now, Input::Message(seal)));
    }
    assert_eq!(backup.certified(), height);
    restarted
}

fn restarts(step: &Step) -> bool {
    step.actions.iter().any(|action| {
        matches!(
            action,
            Action::SetTimer {
                timer: Timer::Progress { .. },
                ..
            }
        )
    })
}

fn wait_for(backup: &mut Replica, batches: &[Digest]) -> Step {
    drive_as(backup, 1, Input::BatchesAvailable(batches.to_vec()))
}

#[test]
fn a_backlog_that_gets_smaller_is_no_reason_to_complain() {
    let mut backup = replica(4, 1);
    let backlog: Vec<Digest> = (0..40).map(batch).collect();
    wait_for(&mut backup, &backlog);
    for (height, batches) in (1..).zip(backlog.chunks(4)) {
        assert!(certify(&mut backup, height, &of(batches)), "height {height}");
    }
}

#[test]
fn batches_that_come_late_are_no_reason_to_complain() {
    let mut backup = replica(4, 1);
    wait_for(&mut backup, &[left_out()]);
    for height in 1..20 {
        let late = batch(u8::try_from(height).unwrap());
        assert!(certify(&mut backup, height, &of(&[late])), "height {height}");
        wait_for(&mut backup, &[late]);
    }
}

#[test]
fn pitfall_17_empty_proposals_are_no_progress_while_a_batch_waits() {
    let mut backup = replica(4, 1);
    assert!(restarts(&wait_for(&mut backup, &[left_out()])));
    for height in 1..20 {
        assert!(!certify(&mut backup, height, &of(&[])), "height {height}");
    }
    let step = drive_as(&mut backup, 1, Input::Timeout(Timer::Progress { reign: 0 }));
    assert!(
        broadcast(&step)
            .iter()
            .any(|body| matches!(body, Body::Pbft(Pbft::Complaint { .. })))
    );
}

#[test]
fn the_same_again_is_no_progress_while_a_batch_waits() {
    let mut backup = replica(4, 1);
    wait_for(&mut backup, &[left_out(), batch(1)]);
    assert!(certify(&mut backup, 1, &of(&[batch(1)])));
    for height in 2..20 {
        assert!(!certify(&mut backup, height, &of(&[batch(1)])), "height {height}");
    }
}

#[test]
fn empty_proposals_are_progress_while_nothing_waits() {
    let mut backup = replica(4, 1);
    for height in 1..20 {
        assert!(certify(&mut backup, height, &of(&[])), "height {height}");
    }
    assert!(
        restarts(&wait_for(&mut backup, &[left_out()])),
        "what comes now gets its whole time"
    );
}

#[test]
fn a_batch_that_many_later_ones_overtake_is_left_out() {
    let mut backup = replica(4, 1);
    wait_for(&mut backup, &[left_out()]);
    let mut height = 0;
    for number in 0..=OVERTAKING_BATCHES {
        let later = sha256(&number.to_le_bytes());
        wait_for(&mut backup, &[later]);
        height += 1;
        let restarted = certify(&mut backup, height, &of(&[later]));
        assert_eq!(restarted, number < OVERTAKING_BATCHES, "batch {number}");
    }
    assert!(
        certify(&mut backup, height + 1, &of(&[left_out()])),
        "and not once it is ordered"
    );
}

/// The longest wait in the laboratory before any view change, in milliseconds.
const WAIT_MS: u64 = 1_000;

#[test]
fn a_batch_that_a_much_later_one_overtakes_is_left_out_at_any_rate() {
    let mut backup = replica(4, 1);
    let waiting: Vec<Digest> = (0..4).map(batch).collect();
    wait_for(&mut backup, &waiting);
    for height in 1..20 {
        let now = Timestamp(NOW.0 + height * 750);
        // Now and then the oldest is ordered, so that another is the oldest.
        let own = sha256(&height.to_le_bytes());
        let ordered = match height {
            4 | 8 => of(&[own, waiting[usize::try_from(height / 4).unwrap() - 1]]),
            _ => of(&[own]),
        };
        let bound = OVERTAKING_WAITS * WAIT_MS;
        let restarted = certify_at(&mut backup, now, height, &ordered);
        assert_eq!(restarted, height * 750 <= bound, "height {height}");
    }
}

#[test]
fn a_backlog_of_any_age_that_is_ordered_as_it_came_is_no_reason_to_complain() {
    let mut backup = replica(4, 1);
    let minute = 60_000;
    for number in 0..40 {
        let now = Timestamp(NOW.0 + u64::from(number) * 500);
        drive_at(&mut backup, 1, now, Input::BatchesAvailable(vec![batch(number)]));
    }
    for height in 1..=40 {
        let now = Timestamp(NOW.0 + minute + height * 500);
        let oldest = batch(u8::try_from(height).unwrap() - 1);
        let proposal = Proposal::new(now, vec![oldest]);
        assert!(certify_at(&mut backup, now, height, &proposal), "height {height}");
    }
}

#[test]
fn batches_that_need_no_ordering_any_more_count_as_ordered() {
    let mut backup = replica(4, 1);
    wait_for(&mut backup, &[left_out(), batch(1)]);
    drive_as(&mut backup, 1, Input::BatchesObsolete(vec![batch(1)]));
    assert!(certify(&mut backup, 1, &of(&[])));
    assert!(!certify(&mut backup, 2, &of(&[])));
}

#[test]
fn what_a_new_view_carries_over_is_progress_though_it_orders_nothing() {
    // Heights 1 and 2 are null requests below a height that was prepared.
    let mut ahead = replica(4, 2);
    drive_as(&mut ahead, 2, from(0, pre_prepare(0, 3, &proposal(1))));
    drive_as(&mut ahead, 2, from(3, prepare(0, 3, &proposal(1))));
    let mut primary = replica(4, 1);
    wait_for(&mut primary, &[left_out()]);
    let change = view_change_of(&mut ahead, 2);
    drive_as(&mut primary, 1, Input::Message(Verified::trusted(change)));
    let step = drive_as(&mut primary, 1, from(3, empty_change(1)));
    assert!(restarts(&step), "the view begins");
    for height in 1..=2 {
        let null = Proposal::null();
        for sender in [0, 2, 3] {
            drive_as(&mut primary, 1, from(sender, commit(1, height, &null)));
        }
        let (height, block) = (Height(height), sha256(&height.to_le_bytes()));
        drive_as(&mut primary, 1, Input::Executed { height, block });
        let seals = [0, 2].map(|sender| signed(sender, Body::Seal { height, block }));
        let last = seals
            .map(|seal| drive_as(&mut primary, 1, Input::Message(Verified::trusted(seal))))
            .into_iter()
            .next_back()
            .unwrap();
        assert!(restarts(&last), "height {height}");
    }
}

#[test]
fn pitfall_17_a_height_that_is_proposed_and_not_certified_runs_the_timer() {
    // Nothing waits here, not even the batches of the proposal.
    let mut backup = replica(4, 1);
    let step = backup.step(NOW, from(0, pre_prepare(0, 1, &proposal(1))));
    assert!(restarts(&step));
    for sender in [0, 2, 3] {
        drive_as(&mut backup, 1, from(sender, commit(0, 1, &proposal(1))));
    }
    // Decided and not certified is not done either.
    let step = drive_as(&mut backup, 1, Input::Timeout(Timer::Progress { reign: 0 }));
    assert!(restarts(&step));
}

#[test]
fn pitfall_06_timeouts_fall_back_after_progress() {
    let patience = |step: &Step| {
        step.actions.iter().find_map(|action| match action {
            Action::SetTimer {
                timer: Timer::NewReign { .. } | Timer::Progress { .. },
                after,
            } => Some(after.to_ms),
            _ => None,
        })
    };
    let mut backup = replica(4, 2);
    let mut last = None;
    for view in 1..=7 {
        for sender in [0, 1, 3] {
            let step = drive_as(&mut backup, 2, from(sender, empty_change(view)));
            last = patience(&step).or(last);
        }
    }
    assert_eq!(last, Some(4_000), "the cap, after seven views");
    let new_view = NewView {
        view: View(8),
        view_changes: Vec::new(),
        certified: None,
        prepared: Vec::new(),
    };
    drive_as(&mut backup, 2, from(0, Pbft::NewView(new_view)));
    assert!(backup.has_begun());
    drive_as(&mut backup, 2, Input::BatchesAvailable(vec![batch(1)]));
    drive_as(&mut backup, 2, from(0, pre_prepare(8, 1, &proposal(1))));
    for sender in [0, 1, 3] {
        drive_as(&mut backup, 2, from(sender, commit(8, 1, &proposal(1))));
    }
    let (height, block) = (Height(1), sha256(b"block"));
    drive_as(&mut backup, 2, Input::Executed { height, block });
    let mut certified = Step::default();
    for sender in [0, 1] {
        let seal = Verified::trusted(signed(sender, Body::Seal { height, block }));
        certified = drive_as(&mut backup, 2, Input::Message(seal));
    }
    assert_eq!(patience(&certified), Some(1_000), "the first wait again");
}
