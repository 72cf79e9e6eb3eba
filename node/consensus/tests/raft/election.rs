//! Sections 5.1, 5.2 and 5.4.1, and pre-vote (thesis, 9.6).

use quorate_consensus::contract::{Action, Input, Rejection};
use quorate_crypto::ValidatorIndex;

use crate::lab::*;

#[test]
fn section_5_2_a_follower_that_hears_nobody_asks_before_it_stands() {
    let mut follower = replica(3, 0);
    let step = drive(&mut follower, 0, timeout(0));
    assert_eq!(said(&step), [&asks(1, true, 0, (0, 0))]);
    assert_eq!(follower.term().0, 0, "asking moves nobody");
    assert!(step.records.is_empty(), "and binds nobody");
}

#[test]
fn section_5_2_a_quorum_of_votes_elects() {
    let mut candidate = replica(5, 0);
    drive(&mut candidate, 0, timeout(0));
    for voter in [1, 2] {
        drive(&mut candidate, 0, from(voter, vote(1, 0, true, true)));
    }
    assert_eq!(candidate.term().0, 1);
    drive(&mut candidate, 0, from(1, vote(1, 0, false, true)));
    drive(&mut candidate, 0, from(1, vote(1, 0, false, true)));
    drive(&mut candidate, 0, from(3, vote(1, 0, false, false)));
    assert!(!candidate.is_leading(), "two of five, however often they say it");
    let step = drive(&mut candidate, 0, from(2, vote(1, 0, false, true)));
    assert!(candidate.is_leading());
    assert_eq!(
        said(&step),
        [&append(1, (0, 0), &[], 0)],
        "it shows itself at once"
    );
}

#[test]
fn section_5_2_one_vote_a_term_first_come_first_served() {
    let mut voter = replica(3, 0);
    let step = drive(&mut voter, 0, from(1, asks(1, false, 0, (0, 0))));
    assert_eq!(said(&step), [&vote(1, 1, false, true)]);
    let step = drive(&mut voter, 0, from(2, asks(1, false, 0, (0, 0))));
    assert_eq!(said(&step), [&vote(1, 2, false, false)]);
    let step = drive(&mut voter, 0, from(1, asks(1, false, 0, (0, 0))));
    assert_eq!(
        said(&step),
        [&vote(1, 1, false, true)],
        "the same again is the same vote"
    );
    let step = drive(&mut voter, 0, from(2, asks(2, false, 0, (0, 0))));
    assert_eq!(
        said(&step),
        [&vote(2, 2, false, true)],
        "the next term is another"
    );
}

#[test]
fn section_5_1_a_leader_that_hears_of_a_higher_term_follows() {
    let mut leader = replica(3, 0);
    elect(&mut leader, 3, 0);
    drive(&mut leader, 0, from(1, appended(7, 0, false, 0)));
    assert!(!leader.is_leading());
    assert_eq!(leader.term().0, 7);
}

#[test]
fn section_5_1_a_leader_of_a_former_term_is_told() {
    let mut follower = recovered(3, 0, journal(4, &[]));
    let step = drive(&mut follower, 0, from(1, append(3, (0, 0), &[3], 1)));
    assert_eq!(said(&step), [&appended(4, 1, false, 0)]);
    assert!(terms(&follower).is_empty());
}

#[test]
fn section_5_4_1_votes_are_for_logs_that_are_as_up_to_date() {
    // The voter's log ends with an entry of term 3 at index 4.
    let grants = |certified, last| {
        let mut voter = recovered(3, 0, journal(3, &[1, 1, 2, 3]));
        let step = drive(&mut voter, 0, from(1, asks(4, false, certified, last)));
        said(&step) == [&vote(4, 1, false, true)]
    };
    assert!(grants(0, (4, 3)), "the same log");
    assert!(grants(0, (2, 4)), "a shorter one of a later term");
    assert!(!grants(0, (9, 2)), "a longer one of a former term");
    assert!(!grants(0, (3, 3)), "a shorter one of the same term");
    assert!(grants(4, (4, 0)), "all that the voter has are blocks there");
    assert!(
        !grants(3, (3, 0)),
        "the voter may have helped to commit the entry above them"
    );
}

#[test]
fn section_5_4_1_a_vote_needs_the_blocks_that_the_voter_has() {
    let mut voter = replica(3, 0);
    drive(&mut voter, 0, quorate_consensus::Input::Synced(certificate(5)));
    let step = drive(&mut voter, 0, from(1, asks(1, false, 4, (9, 3))));
    assert_eq!(said(&step), [&vote(1, 1, false, false)]);
    let step = drive(&mut voter, 0, from(2, asks(1, false, 5, (5, 0))));
    assert_eq!(said(&step), [&vote(1, 2, false, true)]);
}

#[test]
fn thesis_9_6_who_hears_a_leader_helps_nobody_to_replace_it() {
    let mut follower = replica(3, 0);
    drive(&mut follower, 0, from(1, append(1, (0, 0), &[], 0)));
    let step = drive(&mut follower, 0, from(2, asks(2, true, 0, (0, 0))));
    assert_eq!(said(&step), [&vote(1, 2, true, false)]);
    assert_eq!(
        (follower.term().0, follower.leader()),
        (1, Some(ValidatorIndex(1)))
    );
    drive(&mut follower, 0, timeout(1));
    let step = drive(&mut follower, 0, from(2, asks(2, true, 0, (0, 0))));
    assert_eq!(said(&step), [&vote(2, 2, true, true)]);
    assert_eq!(follower.term().0, 1, "a pre-vote moves nobody");
    assert!(step.records.is_empty());
}

#[test]
fn thesis_9_6_one_that_was_cut_off_comes_back_without_a_fuss() {
    let mut away = replica(3, 2);
    for _ in 0..9 {
        drive(&mut away, 2, timeout(0));
    }
    assert_eq!(away.term().0, 0);
    drive(&mut away, 2, from(0, append(1, (0, 0), &[1], 0)));
    assert_eq!(terms(&away), [1]);
}

#[test]
fn thesis_6_2_a_leader_that_reaches_no_quorum_gives_way() {
    let mut leader = replica(5, 0);
    elect(&mut leader, 5, 0);
    drive(&mut leader, 0, from(1, appended(1, 0, true, 0)));
    drive(&mut leader, 0, from(2, appended(1, 0, true, 0)));
    drive(&mut leader, 0, timeout(1));
    assert!(leader.is_leading());
    drive(&mut leader, 0, from(1, appended(1, 0, true, 0)));
    drive(&mut leader, 0, timeout(1));
    assert!(!leader.is_leading(), "two of five are no quorum");
    assert_eq!(leader.term().0, 1);
}

/// Found by review: with a journal that took longer to flush than a timeout, the own vote came too late for every
/// candidacy, and nobody was elected for ever.
#[test]
fn who_stands_waits_for_answers_from_when_its_request_has_left() {
    let mut candidate = replica(3, 0);
    let own = |step: &quorate_consensus::Step| {
        let body = asked(step)[0].clone();
        Input::Own(signed(0, quorate_consensus::Body::Raft(body)))
    };
    let step = candidate.step(NOW, timeout(0));
    assert_eq!(election_timeout(&step), None, "what it asks has not left");
    let step = candidate.step(NOW, own(&step));
    assert!(election_timeout(&step).is_some());
    let step = candidate.step(NOW, from(1, vote(1, 0, true, true)));
    assert_eq!(
        election_timeout(&step),
        None,
        "its vote is on its way to the disk"
    );
    let stale = candidate.step(NOW, timeout(0));
    assert_eq!(
        stale.rejection,
        Some(Rejection::StaleTimer),
        "however long that takes"
    );
    let step = candidate.step(NOW, own(&step));
    assert!(election_timeout(&step).is_some());
    candidate.step(NOW, from(2, vote(1, 0, false, true)));
    assert!(candidate.is_leading());
}

#[test]
fn pitfall_06_election_timeouts_double_up_to_a_cap_and_fall_back() {
    let mut candidate = replica(3, 0);
    let longest = |step| election_timeout(&step).unwrap().to_ms;
    let tos: Vec<u32> = (0..6)
        .map(|_| longest(drive(&mut candidate, 0, timeout(0))))
        .collect();
    assert_eq!(tos, [1_000, 2_000, 4_000, 4_000, 4_000, 4_000]);
    let step = drive(&mut candidate, 0, Input::Connected(ValidatorIndex(1)));
    assert_eq!(longest(step), 1_000, "somebody is back");
    for _ in 0..3 {
        drive(&mut candidate, 0, timeout(0));
    }
    let step = drive(&mut candidate, 0, from(1, append(3, (0, 0), &[], 0)));
    assert_eq!(longest(step), 1_000, "a leader is heard");
}

#[test]
fn one_of_one_leads_at_once() {
    let mut alone = replica(1, 0);
    assert!(alone.is_leading());
    let batches = quorate_consensus::Input::BatchesAvailable(vec![batch(1, 1)]);
    let step = drive(&mut alone, 0, batches);
    assert_eq!(decided(&step), [1]);
    assert!(
        !step
            .actions
            .iter()
            .any(|action| matches!(action, Action::SetTimer { timer, .. }
        if !matches!(timer, quorate_consensus::Timer::Resend)))
    );
}
