//! One distinguished proposer (Lamport 2001, section 2.4): duels end, and whoever is of no use gives way.

use quorate_consensus::Step;
use quorate_consensus::contract::{Action, Input, Timer};
use quorate_consensus::paxos::Body as Paxos;

use crate::lab::*;

/// How long the election timer that a step sets runs at most.
fn longest(step: &Step) -> u32 {
    let mut longest = 0;
    for action in &step.actions {
        if let Action::SetTimer {
            timer: Timer::Progress { .. },
            after,
        } = action
        {
            longest = after.to_ms;
        }
    }
    longest
}

#[test]
fn of_two_that_prepare_at_once_the_higher_ballot_leads_and_the_other_waits() {
    let (mut low, mut high) = (replica(2, 0), replica(2, 1));
    time_out(&mut low, 0);
    time_out(&mut high, 1);
    drive(&mut high, 1, from(0, prepare(ballot(1, 0), 0)));
    let step = drive(&mut low, 0, from(1, prepare(ballot(1, 1), 0)));
    assert_eq!(said(&step), [&promise(ballot(1, 1), 0, &[])]);
    // What the other had promised is of no use any more.
    let step = drive(&mut low, 0, from(1, promise(ballot(1, 0), 0, &[])));
    assert!(said(&step).is_empty());
    assert!(!low.is_leading());
}

#[test]
fn a_proposer_that_was_outbid_waits_for_its_timeout() {
    let mut proposer = replica(3, 0);
    lead(&mut proposer, 3, &[]);
    let step = drive(&mut proposer, 0, from(1, nack(ballot(1, 0), ballot(1, 1))));
    assert!(said(&step).is_empty());
    assert!(!proposer.is_leading());
    let step = time_out(&mut proposer, 0);
    assert_eq!(said(&step), [&prepare(ballot(2, 0), 0)]);
}

#[test]
fn one_that_a_majority_answers_outbids_at_once() {
    let mut proposer = replica(3, 0);
    let (own, _) = lead(&mut proposer, 3, &[]);
    drive(&mut proposer, 0, from(1, accepted(own, &[])));
    let step = drive(&mut proposer, 0, from(2, nack(own, ballot(7, 2))));
    assert_eq!(said(&step), [&prepare(ballot(8, 0), 0)]);
}

#[test]
fn pitfall_06_timeouts_double_up_to_a_cap_and_fall_back() {
    let mut proposer = replica(3, 0);
    let mut tos = Vec::new();
    for _ in 0..6 {
        tos.push(longest(&time_out(&mut proposer, 0)));
    }
    assert_eq!(tos, [1_000, 2_000, 4_000, 4_000, 4_000, 4_000]);
    let step = drive(
        &mut proposer,
        0,
        Input::Connected(quorate_crypto::ValidatorIndex(1)),
    );
    assert_eq!(longest(&step), 1_000, "somebody is back");
    time_out(&mut proposer, 0);
    time_out(&mut proposer, 0);
    let step = drive(&mut proposer, 0, from(1, accept(ballot(3, 1), &[])));
    assert_eq!(longest(&step), 1_000, "a distinguished proposer is heard");
}

#[test]
fn one_that_no_majority_answers_gives_way() {
    let mut proposer = replica(3, 0);
    let (own, _) = lead(&mut proposer, 3, &[]);
    drive(&mut proposer, 0, from(1, accepted(own, &[])));
    time_out(&mut proposer, 0);
    assert!(proposer.is_leading());
    time_out(&mut proposer, 0);
    assert!(!proposer.is_leading() && !proposer.has_begun());
}

/// A value was told of in phase 1 whose batches nobody has who is left.
#[test]
fn one_of_which_nothing_is_chosen_prepares_again() {
    let mut proposer = replica(3, 0);
    let (own, _) = lead(&mut proposer, 3, &[(1, ballot(0, 1))]);
    for again in [false, true] {
        drive(&mut proposer, 0, from(1, accepted(own, &[])));
        let step = time_out(&mut proposer, 0);
        let prepares = said(&step).iter().any(|body| matches!(body, Paxos::Prepare(_)));
        assert_eq!(prepares, again);
    }
    // Others promise again, and know nothing of it.
    let next = ballot(2, 0);
    let step = drive(&mut proposer, 0, from(1, promise(next, 0, &[])));
    assert!(proposer.is_leading());
    assert!(!said(&step).is_empty());
}

#[test]
fn pitfall_10_one_validator_asks_nobody() {
    let mut alone = replica(1, 0);
    assert!(alone.is_leading());
    let step = drive(
        &mut alone,
        0,
        Input::BatchesAvailable(vec![batch(ballot(1, 0), 1)]),
    );
    assert_eq!(decided(&step).len(), 1);
}
