//! A primary must be good enough: what counts against it, and what does not.

use std::ops::Range;

use quorate_consensus::contract::{Action, Input, Step, Timer, TimerRange};
use quorate_consensus::message::Status;
use quorate_consensus::pbft::{Body as Pbft, EAGER_PROPOSALS, Replica, View};
use quorate_consensus::{Body, Inquiry, Verified};
use quorate_crypto::{Digest, Height, ValidatorIndex, sha256};
use quorate_ledger::{Parameters, ParametersV1, Proposal, Timestamp};

use crate::lab::*;
use crate::shared;

/// How long an exchange of votes takes here, in milliseconds.
const EXCHANGE_MS: u64 = 5;
/// How long a primary may take by that: 4 times as long, and 20 ms, as the parameters are at first.
const BOUND_MS: u64 = 4 * EXCHANGE_MS + 20;
/// How much it may be slower in all: a half of the laboratory's shortest wait for progress, which is 500 ms.
const LIMIT_MS: u64 = 500 / 2;

fn after(ms: u64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

fn look(backup: &mut Replica, ms: u64) -> Step {
    drive_at(
        backup,
        1,
        after(ms),
        Input::Timeout(Timer::Judgement { reign: 0 }),
    )
}

/// Two of the others show that they are there.
fn hear_others(backup: &mut Replica, ms: u64) -> bool {
    let mut complains = false;
    for sender in [2, 3] {
        let status = Body::Status(Status {
            reign: 0,
            begun: true,
            certified: backup.certified(),
            holds: Vec::new(),
        });
        let message = Verified::trusted(signed(sender, status));
        complains |= complained(&drive_at(backup, 1, after(ms), Input::Message(message)));
    }
    complains
}

fn complained(step: &Step) -> bool {
    let complaint = |body: &&Body| matches!(body, Body::Pbft(Pbft::Complaint { .. }));
    broadcast(step).iter().any(complaint)
}

fn handed_over(step: &Step) -> Vec<Digest> {
    let handed = step.actions.iter().filter_map(|action| match action {
        Action::HandOver { to, batches } => {
            assert_eq!(*to, ValidatorIndex(0), "whoever leads gets them");
            Some(batches.clone())
        }
        _ => None,
    });
    handed.flatten().collect()
}

/// A height is proposed at this time and certified; others commit a while after this replica's vote. Gives whether
/// the backup complains.
fn order(backup: &mut Replica, ms: u64, height: u64, proposal: &Proposal) -> bool {
    let mut steps = vec![drive_at(
        backup,
        1,
        after(ms),
        from(0, pre_prepare(0, height, proposal)),
    )];
    let ms = ms + EXCHANGE_MS;
    for sender in [0, 2, 3] {
        steps.push(drive_at(
            backup,
            1,
            after(ms),
            from(sender, commit(0, height, proposal)),
        ));
    }
    let (height, block) = (Height(height), sha256(&height.to_le_bytes()));
    steps.push(drive_at(backup, 1, after(ms), Input::Executed { height, block }));
    for sender in [0, 2] {
        let seal = Verified::trusted(signed(sender, Body::Seal { height, block }));
        steps.push(drive_at(backup, 1, after(ms), Input::Message(seal)));
    }
    assert_eq!(backup.certified(), height);
    steps.iter().any(complained)
}

/// A backup that knows how long an exchange takes, and has waited long enough for a batch to hand it over.
fn waiting() -> (Replica, u64) {
    waiting_as(replica(4, 1))
}

fn waiting_as(mut backup: Replica) -> (Replica, u64) {
    order(&mut backup, 0, 1, &proposal(1));
    drive_at(&mut backup, 1, after(20), Input::BatchesAvailable(vec![batch(2)]));
    let step = look(&mut backup, 30);
    assert_eq!(handed_over(&step), vec![batch(2)]);
    (backup, 30)
}

/// A pause that began then makes the backup complain as soon as it is too long, and no sooner.
fn counts_from(backup: Replica, from_ms: u64) {
    counts_up_to(backup, from_ms, BOUND_MS + LIMIT_MS);
}

fn counts_up_to(mut backup: Replica, from_ms: u64, bearable_ms: u64) {
    let enough = from_ms + bearable_ms;
    for ms in (from_ms + 50..enough).step_by(100) {
        assert!(!complained(&look(&mut backup, ms)), "after {ms} ms");
        assert!(!hear_others(&mut backup, ms), "after {ms} ms");
    }
    assert!(!complained(&look(&mut backup, enough)));
    assert!(complained(&look(&mut backup, enough + 1)));
}

#[test]
fn a_pause_of_the_primary_counts_from_when_a_batch_was_handed_over_to_it() {
    let (backup, from_ms) = waiting();
    counts_from(backup, from_ms);
}

#[test]
fn how_slow_a_primary_may_be_is_for_the_parameters_to_say() {
    let mut config = config(4, 1);
    config.parameters = Parameters::V1(ParametersV1 {
        slowness_factor: 8,
        slowness_floor_ms: 50,
        slowness_share: 4,
        ..config.parameters.v1().clone()
    });
    let (backup, from_ms) = waiting_as(shared::recovered_with(config, 1, Vec::new()));
    counts_up_to(backup, from_ms, 8 * EXCHANGE_MS + 50 + 500 / 4);
}

#[test]
fn who_hears_nobody_may_be_the_one_that_is_cut_off() {
    let (mut backup, from_ms) = waiting();
    for ms in (from_ms..from_ms + 5_000).step_by(100) {
        assert!(!complained(&look(&mut backup, ms)), "after {ms} ms");
    }
    assert!(
        !hear_others(&mut backup, from_ms + 5_000),
        "what passed in silence does not count"
    );
}

#[test]
fn time_in_which_this_replica_stood_still_does_not_count() {
    let (mut backup, from_ms) = waiting();
    hear_others(&mut backup, from_ms + 50);
    assert!(!complained(&look(
        &mut backup,
        from_ms + BOUND_MS + LIMIT_MS + 50
    )));
}

#[test]
fn nothing_counts_before_votes_were_exchanged_in_the_view() {
    let mut backup = replica(4, 1);
    drive_at(&mut backup, 1, after(0), Input::BatchesAvailable(vec![batch(1)]));
    for ms in (0..2_000).step_by(100) {
        let step = look(&mut backup, ms);
        assert!(
            handed_over(&step).is_empty() && !complained(&step),
            "after {ms} ms"
        );
        assert!(!hear_others(&mut backup, ms));
    }
}

#[test]
fn a_proposal_that_leaves_out_what_the_primary_has_ends_no_pause() {
    let (mut backup, from_ms) = waiting();
    let mut complains = false;
    for (place, ms) in (from_ms + 90..from_ms + 600).step_by(90).enumerate() {
        let own = Proposal::new(NOW, vec![sha256(&[place as u8, 99])]);
        complains |= order(&mut backup, ms, 2 + place as u64, &own);
        complains |= complained(&look(&mut backup, ms + 50)) | hear_others(&mut backup, ms + 50);
    }
    assert!(complains, "its own batches buy it no time");
}

/// A primary may show each proposal to some first, and vote on it itself.
#[test]
fn such_a_proposal_on_which_others_vote_before_it_is_here_ends_no_pause() {
    let (mut backup, from_ms) = waiting();
    let mut complains = false;
    for (place, ms) in (from_ms + 90..from_ms + 600).step_by(90).enumerate() {
        let height = 2 + place as u64;
        let own = Proposal::new(NOW, vec![sha256(&[place as u8, 99])]);
        for sender in [0, 2] {
            let step = drive_at(&mut backup, 1, after(ms), from(sender, prepare(0, height, &own)));
            complains |= complained(&step);
        }
        complains |= order(&mut backup, ms, height, &own);
        complains |= complained(&look(&mut backup, ms + 50)) | hear_others(&mut backup, ms + 50);
    }
    assert!(complains, "that others were shown them buys it no time");
}

/// It is late each time, and shows its proposal to this replica after the others have voted on it, or decided it.
#[test]
fn a_pause_counts_where_others_vote_or_decide_before_the_proposal_is_here() {
    let votes: [fn(u64, u64, &Proposal) -> Pbft; 2] = [prepare, commit];
    for vote in votes {
        let mut backup = replica(4, 1);
        order(&mut backup, 0, 1, &proposal(1));
        let mut complains = false;
        for number in 2..4_u8 {
            let (ms, height) = (u64::from(number) * 400, u64::from(number));
            complains |= hear_others(&mut backup, ms);
            let batches = Input::BatchesAvailable(vec![batch(number)]);
            drive_at(&mut backup, 1, after(ms), batches);
            assert_eq!(handed_over(&look(&mut backup, ms + 10)), vec![batch(number)]);
            complains |= hear_others(&mut backup, ms + 130);
            let late = ms + 10 + BOUND_MS + 200;
            for sender in [0, 2, 3] {
                let vote = from(sender, vote(0, height, &proposal(number)));
                complains |= complained(&drive_at(&mut backup, 1, after(late), vote));
            }
            complains |= order(&mut backup, late, height, &proposal(number));
        }
        assert!(complains, "200 ms twice are more than {LIMIT_MS} ms");
    }
}

/// At this time the primary proposes these heights, each with so many batches of its own. Nobody else has voted yet.
fn propose_own(backup: &mut Replica, ms: u64, heights: Range<u64>, batches: u8) -> Vec<Proposal> {
    let propose = |height: u64| {
        let own = (0..batches).map(|number| sha256(&[height as u8, number, 99]));
        let own = Proposal::new(NOW, own.collect());
        let step = drive_at(backup, 1, after(ms), from(0, pre_prepare(0, height, &own)));
        assert!(says(&step, &prepare(0, height, &own)), "height {height}");
        own
    };
    heights.map(propose).collect()
}

/// As many as the primary has under way when it gathers batches, above the first height.
const EAGER: Range<u64> = 2..2 + EAGER_PROPOSALS as u64;

#[test]
fn proposals_under_way_that_leave_out_what_the_primary_has_end_no_pause() {
    let (mut backup, from_ms) = waiting();
    propose_own(&mut backup, from_ms + BOUND_MS + 1, EAGER, 1);
    counts_from(backup, from_ms);
}

#[test]
fn a_window_full_of_such_proposals_ends_no_pause_when_it_is_decided() {
    let (mut backup, from_ms) = waiting();
    let ms = from_ms + BOUND_MS + 1;
    let proposed = propose_own(&mut backup, ms, 2..2 + WINDOW, 1);
    for (height, own) in (2..).zip(&proposed) {
        for sender in [0, 2, 3] {
            let commit = from(sender, commit(0, height, own));
            drive_at(&mut backup, 1, after(ms + EXCHANGE_MS), commit);
        }
    }
    assert_eq!(backup.certified(), Height(1), "nothing was executed");
    counts_from(backup, from_ms);
}

/// They were made before the primary had it, or are full.
#[test]
fn proposals_under_way_that_cannot_have_what_waits_are_a_reason_to_wait() {
    let full = config(4, 1).parameters.v1().max_proposal_batches;
    for (after_ms, batches) in [(BOUND_MS, 1), (BOUND_MS + 1, full as u8)] {
        let (mut backup, from_ms) = waiting();
        propose_own(&mut backup, from_ms + after_ms, EAGER, batches);
        for ms in (from_ms + 100..from_ms + 2_000).step_by(100) {
            assert!(!complained(&look(&mut backup, ms)), "after {ms} ms");
            assert!(!hear_others(&mut backup, ms), "after {ms} ms");
        }
    }
}

/// A primary that always has some would never be given anything that counts.
#[test]
fn what_waits_behind_proposals_under_way_is_handed_over_after_the_bound() {
    let mut backup = replica(4, 1);
    order(&mut backup, 0, 1, &proposal(1));
    propose_own(&mut backup, 10, EAGER, 1);
    drive_at(&mut backup, 1, after(20), Input::BatchesAvailable(vec![batch(2)]));
    assert!(handed_over(&look(&mut backup, 20 + BOUND_MS - 1)).is_empty());
    assert_eq!(handed_over(&look(&mut backup, 20 + BOUND_MS)), vec![batch(2)]);
}

/// It could be slow to one replica after the other, each of which would have lost its patience alone.
#[test]
fn who_was_found_too_slow_stays_so_while_its_view_lasts() {
    let (mut backup, from_ms) = waiting();
    hear_others(&mut backup, from_ms + 50);
    let mut ms = from_ms + 50;
    while !complained(&look(&mut backup, ms)) {
        assert!(!hear_others(&mut backup, ms) && ms < 2_000);
        ms += 100;
    }
    order(&mut backup, ms + 10, 2, &proposal(2));
    let longest = u64::from(config(4, 1).timing.progress_cap_ms);
    assert!(!hear_others(&mut backup, ms + longest - 100));
    assert!(hear_others(&mut backup, ms + longest + 10));
    assert!(!hear_others(&mut backup, ms + longest + 100), "once in each wait");
}

/// A primary may show one replica alone what nobody orders: it is not in flight once its height is certified.
#[test]
fn what_a_proposal_named_that_came_to_nothing_waits_again() {
    let mut backup = replica(4, 1);
    order(&mut backup, 0, 1, &proposal(1));
    drive_at(
        &mut backup,
        1,
        after(10),
        from(0, pre_prepare(0, 2, &proposal(9))),
    );
    drive_at(&mut backup, 1, after(15), Input::BatchesAvailable(vec![batch(9)]));
    assert!(handed_over(&look(&mut backup, 60)).is_empty(), "it is in flight");
    let certificate = certificate_without(1, 2);
    let step = drive_at(&mut backup, 1, after(70), Input::Synced(certificate));
    assert_eq!(handed_over(&step), vec![batch(9)]);
}

#[test]
fn a_primary_that_keeps_within_the_bound_is_left_alone() {
    let mut backup = replica(4, 1);
    order(&mut backup, 0, 1, &proposal(1));
    for height in 2..60_u8 {
        let ms = u64::from(height) * 100;
        let step = Input::BatchesAvailable(vec![batch(height)]);
        assert!(!complained(&drive_at(&mut backup, 1, after(ms), step)));
        assert_eq!(handed_over(&look(&mut backup, ms + 10)), vec![batch(height)]);
        assert!(!order(
            &mut backup,
            ms + 10 + BOUND_MS,
            height.into(),
            &proposal(height)
        ));
        assert!(!hear_others(&mut backup, ms + 80));
    }
}

#[test]
fn what_is_too_slow_each_time_adds_up_and_each_complaint_doubles_the_bound() {
    let mut backup = replica(4, 1);
    order(&mut backup, 0, 1, &proposal(1));
    let (mut complaints, slower_by) = (Vec::new(), 35);
    for height in 2..200_u8 {
        let ms = u64::from(height) * 200;
        drive_at(
            &mut backup,
            1,
            after(ms),
            Input::BatchesAvailable(vec![batch(height)]),
        );
        look(&mut backup, ms + 10);
        let at = ms + 10 + BOUND_MS + slower_by;
        let proposal = Proposal::new(after(at), vec![batch(height)]);
        let complains = order(&mut backup, at, height.into(), &proposal);
        if complains | hear_others(&mut backup, ms + 150) {
            complaints.push(height);
        }
    }
    // After one complaint the bound is longer than what it takes: it is said again, and there is no other.
    assert!(complaints[0] <= 12, "{complaints:?}");
    let longest = u64::from(config(4, 1).timing.progress_cap_ms);
    let mut between = complaints.windows(2).map(|two| u64::from(two[1] - two[0]) * 200);
    assert!(
        between.all(|ms| (longest..longest + 200).contains(&ms)),
        "{complaints:?}"
    );
}

#[test]
fn a_proposal_that_others_vote_on_is_asked_for_at_once_from_them() {
    let mut backup = replica(7, 1);
    let missing = proposal(1);
    for sender in [2, 3] {
        let step = drive(&mut backup, from(sender, prepare(0, 1, &missing)));
        assert_eq!(asked_of(&step), vec![], "f liars may vote on nothing");
    }
    let step = drive_as(&mut backup, 1, from(4, prepare(0, 1, &missing)));
    let voters = [2, 3, 4].map(ValidatorIndex);
    assert_eq!(asked_of(&step), voters);
    let step = drive_as(&mut backup, 1, from(5, prepare(0, 1, &missing)));
    assert_eq!(asked_of(&step), vec![], "once for each height");
}

/// To whom a status is sent.
fn asked_of(step: &Step) -> Vec<ValidatorIndex> {
    let sent = step.actions.iter().filter_map(|action| match action {
        Action::Send { to, message } => matches!(message.v1().body, Body::Status(_)).then_some(*to),
        _ => None,
    });
    sent.collect()
}

/// It has no height and no time in it: a former one could be said again whenever it suits a liar.
#[test]
fn a_complaint_counts_only_over_the_link_of_who_signed_it() {
    let said = signed(2, Body::Pbft(complaint(0)));
    assert!(said.may_come_from(ValidatorIndex(2)));
    assert!(!said.may_come_from(ValidatorIndex(3)));
    let vote = signed(2, Body::Pbft(prepare(0, 1, &proposal(1))));
    assert!(
        vote.may_come_from(ValidatorIndex(3)),
        "what binds may be passed on"
    );
}

/// Each is answered only so often per signer, so whoever could say a former one again would use the answers up.
#[test]
fn statuses_and_inquiries_are_taken_over_the_link_of_who_signed_them() {
    let status = Body::Status(Status {
        reign: 0,
        begun: true,
        certified: Height(0),
        holds: Vec::new(),
    });
    let inquiry = Body::Inquiry(Inquiry {
        nonce: Digest([7; 32]),
        certified: Height(0),
    });
    for body in [status, inquiry] {
        let said = signed(2, body);
        assert!(said.may_come_from(ValidatorIndex(2)));
        assert!(!said.may_come_from(ValidatorIndex(3)));
    }
}

/// A primary that is heard is not down. A validator with slow links learns to wait, however often f liars and its
/// own complaint change the view.
#[test]
fn the_wait_for_progress_grows_where_the_primary_was_heard() {
    let waited = |heard: bool| {
        let mut backup = replica(4, 1);
        let first = drive_at(&mut backup, 1, after(0), Input::BatchesAvailable(vec![batch(1)]));
        if heard {
            hear_primary(&mut backup, 400);
        }
        let timeout = Input::Timeout(Timer::Progress { reign: 0 });
        let second = drive_at(&mut backup, 1, after(500), timeout);
        assert!(complained(&second));
        (wait(&first), wait(&second))
    };
    let (first, second) = waited(false);
    assert_eq!(first, second);
    let (first, second) = waited(true);
    assert_eq!(
        second.map(|range| range.from_ms),
        first.map(|range| 2 * range.from_ms)
    );
}

/// The replica of the epoch after the one of `former`.
fn in_next_epoch(former: &Replica, own: u16) -> Replica {
    let mut next = replica(4, own);
    next.follow(former);
    next
}

#[test]
fn who_was_replaced_is_complained_about_when_the_next_epoch_begins() {
    let mut former = replica(4, 2);
    view_change_of(&mut former, 2);
    assert_eq!(former.view(), View(1));
    let mut next = in_next_epoch(&former, 2);
    let step = drive_as(&mut next, 2, Input::Connected(ValidatorIndex(3)));
    assert!(says(&step, &complaint(0)));
    let step = drive_as(&mut next, 2, Input::Connected(ValidatorIndex(1)));
    assert!(!says(&step, &complaint(0)), "it is said once");
    assert_eq!(next.view(), View(0), "one complaint moves nobody");
    drive_as(&mut next, 2, from(3, complaint(0)));
    assert_eq!(next.view(), View(1));
    // Whether the second epoch got there or not.
    for former in [in_next_epoch(&former, 2), next] {
        let mut third = in_next_epoch(&former, 2);
        let step = drive_as(&mut third, 2, Input::Connected(ValidatorIndex(3)));
        assert!(says(&step, &complaint(0)));
    }
}

#[test]
fn a_primary_that_led_to_the_end_leads_on() {
    let mut next = in_next_epoch(&replica(4, 2), 2);
    let step = drive_as(&mut next, 2, Input::Connected(ValidatorIndex(3)));
    assert!(!complained(&step));
    // Its own word against whoever was the first is none: it is that one.
    let mut former = replica(4, 0);
    view_change_of(&mut former, 0);
    let mut next = in_next_epoch(&former, 0);
    let step = drive_as(&mut next, 0, Input::Connected(ValidatorIndex(3)));
    assert!(!complained(&step));
}

#[test]
fn who_was_found_too_slow_is_so_in_the_next_epoch() {
    let (mut former, from_ms) = waiting();
    hear_others(&mut former, from_ms + 50);
    let mut ms = from_ms + 50;
    while !complained(&look(&mut former, ms)) {
        assert!(!hear_others(&mut former, ms) && ms < 2_000);
        ms += 100;
    }
    let mut next = in_next_epoch(&former, 1);
    assert!(hear_others(&mut next, ms + 100));
}

#[test]
fn an_epochs_end_makes_nobody_less_patient() {
    let first_wait = |backup: &mut Replica| {
        let batches = Input::BatchesAvailable(vec![batch(1)]);
        wait(&drive_at(backup, 1, after(0), batches)).map(|range| range.from_ms)
    };
    let mut former = replica(4, 1);
    let before = first_wait(&mut former);
    hear_primary(&mut former, 400);
    drive_at(
        &mut former,
        1,
        after(500),
        Input::Timeout(Timer::Progress { reign: 0 }),
    );
    let mut next = in_next_epoch(&former, 1);
    assert_eq!(first_wait(&mut next), before.map(|ms| 2 * ms));
}

/// The primary of view 0 shows that it is there.
fn hear_primary(backup: &mut Replica, ms: u64) {
    let status = Body::Status(Status {
        reign: 0,
        begun: true,
        certified: Height(0),
        holds: Vec::new(),
    });
    let message = Verified::trusted(signed(0, status));
    drive_at(backup, 1, after(ms), Input::Message(message));
}

/// How long the progress timer runs that a step starts.
fn wait(step: &Step) -> Option<TimerRange> {
    step.actions.iter().find_map(|action| match action {
        Action::SetTimer {
            timer: Timer::Progress { .. },
            after,
        } => Some(*after),
        _ => None,
    })
}

/// A validator that sends junk is not listened to for a while. As a primary it would stand still until the wait for
/// progress is over.
#[test]
fn a_primary_that_is_held_back_is_complained_about_at_once_and_no_backup_is() {
    let mut backup = replica(4, 1);
    let held_back = |peer| Input::HeldBack(ValidatorIndex(peer));
    assert!(!complained(&drive_as(&mut backup, 1, held_back(2))));
    assert!(complained(&drive_as(&mut backup, 1, held_back(0))));
    // Not by itself, and not while another view is to begin.
    let mut primary = replica(4, 0);
    assert!(!complained(&drive_as(&mut primary, 0, held_back(0))));
    let mut moving = replica(4, 2);
    view_change_of(&mut moving, 2);
    assert!(!complained(&drive_as(&mut moving, 2, held_back(1))));
}
