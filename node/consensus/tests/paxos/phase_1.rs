//! Phase 1: prepare and promise (Lamport 2001, section 2.2), for all heights at once (section 3).

use quorate_consensus::contract::{Action, Input, Record, Rejection};
use quorate_consensus::paxos::{self, Body as Paxos};
use quorate_consensus::{Body, Message};
use quorate_crypto::Epoch;

use crate::lab::*;

fn promised(ballot: paxos::Ballot) -> Record {
    Record::Paxos(Epoch(0), paxos::Record::Promised(ballot))
}

#[test]
fn ballots_are_ordered_by_round_then_by_proposer() {
    assert!(ballot(1, 2) < ballot(2, 0));
    assert!(ballot(2, 0) < ballot(2, 1));
    assert!(paxos::Ballot::default() < ballot(1, 0));
}

#[test]
fn a_timeout_prepares_a_ballot_above_all_that_were_heard_of() {
    let mut proposer = replica(3, 0);
    drive(&mut proposer, 0, from(1, prepare(ballot(4, 1), 0)));
    let step = time_out(&mut proposer, 0);
    assert_eq!(said(&step), [&prepare(ballot(5, 0), 0)]);
}

#[test]
fn pitfall_11_a_promise_is_durable_before_it_leaves() {
    let mut acceptor = replica(3, 0);
    let step = acceptor.step(NOW, from(1, prepare(ballot(1, 1), 0)));
    assert_eq!(step.records, [promised(ballot(1, 1))]);
    assert!(
        said(&step).is_empty(),
        "nothing leaves before it comes back signed"
    );
    let own = signed(0, Body::Paxos(promise(ballot(1, 1), 0, &[])));
    let step = acceptor.step(NOW, Input::Own(own));
    assert_eq!(said(&step), [&promise(ballot(1, 1), 0, &[])]);
}

#[test]
fn a_promise_carries_the_highest_accepted_value_of_each_height() {
    let journal = journal(
        ballot(3, 2),
        &[(1, ballot(1, 1)), (1, ballot(3, 2)), (4, ballot(2, 1))],
    );
    let mut acceptor = recovered(3, 0, journal);
    let step = drive(&mut acceptor, 0, from(1, prepare(ballot(4, 1), 0)));
    let told = [(1, ballot(3, 2)), (4, ballot(2, 1))];
    assert_eq!(said(&step), [&promise(ballot(4, 1), 0, &told)]);
    let step = drive(&mut acceptor, 0, from(2, prepare(ballot(4, 2), 2)));
    assert_eq!(said(&step), [&promise(ballot(4, 2), 2, &told[1..])]);
}

#[test]
fn a_lower_prepare_is_refused_and_the_same_answered_again() {
    let mut acceptor = replica(3, 0);
    drive(&mut acceptor, 0, from(1, prepare(ballot(2, 1), 0)));
    let step = drive(&mut acceptor, 0, from(2, prepare(ballot(1, 2), 0)));
    assert_eq!(said(&step), [&nack(ballot(1, 2), ballot(2, 1))]);
    let step = drive(&mut acceptor, 0, from(1, prepare(ballot(2, 1), 0)));
    assert_eq!(said(&step), [&promise(ballot(2, 1), 0, &[])]);
}

#[test]
fn a_proposer_that_lacks_blocks_gets_no_promise_but_a_status() {
    let mut acceptor = replica(3, 0);
    drive(&mut acceptor, 0, Input::Synced(certificate(3)));
    let step = drive(&mut acceptor, 0, from(1, prepare(ballot(1, 1), 2)));
    assert!(said(&step).is_empty());
    let status = |action: &Action| matches!(action, Action::Send { message: Message::V1(message), .. } if matches!(message.body, Body::Status(_)));
    assert!(step.actions.iter().any(status));
    let step = drive(&mut acceptor, 0, from(1, prepare(ballot(1, 1), 3)));
    assert_eq!(said(&step), [&promise(ballot(1, 1), 3, &[])]);
}

#[test]
fn whoever_hears_the_distinguished_proposer_promises_nobody_else() {
    let mut acceptor = replica(3, 0);
    drive(&mut acceptor, 0, from(1, accept(ballot(1, 1), &[])));
    let step = drive(&mut acceptor, 0, from(2, prepare(ballot(2, 2), 0)));
    assert!(said(&step).is_empty());
    time_out(&mut acceptor, 0);
    let step = drive(&mut acceptor, 0, from(2, prepare(ballot(3, 2), 0)));
    assert_eq!(said(&step), [&promise(ballot(3, 2), 0, &[])]);
}

#[test]
fn the_own_promise_comes_last_and_is_needed() {
    let mut proposer = replica(5, 0);
    time_out(&mut proposer, 0);
    let own = ballot(1, 0);
    let step = drive(&mut proposer, 0, from(1, promise(own, 0, &[])));
    assert!(step.records.is_empty());
    let step = proposer.step(NOW, from(2, promise(own, 0, &[])));
    assert_eq!(step.records, [promised(own)]);
    // Four of five have promised, and it has not: a later life of it could take the ballot again.
    proposer.step(NOW, from(3, promise(own, 0, &[])));
    proposer.step(NOW, from(4, promise(own, 0, &[])));
    assert!(!proposer.is_leading());
    let mine = signed(0, Body::Paxos(promise(own, 0, &[])));
    proposer.step(NOW, Input::Own(mine));
    assert!(proposer.is_leading());
}

/// It was sent to a former life of the proposer, which had certified more than is on its disk now.
#[test]
fn a_promise_about_fewer_heights_than_are_asked_about_is_not_counted() {
    let mut proposer = replica(3, 0);
    time_out(&mut proposer, 0);
    let step = drive(&mut proposer, 0, from(1, promise(ballot(1, 0), 5, &[])));
    assert_eq!(step.rejection, Some(Rejection::Unasked));
    assert!(!proposer.is_leading());
    drive(&mut proposer, 0, from(1, promise(ballot(1, 0), 0, &[])));
    assert!(proposer.is_leading());
}

#[test]
fn pitfall_07_a_ballot_that_nobody_answers_is_prepared_again() {
    let mut proposer = replica(3, 0);
    for _ in 0..5 {
        let step = time_out(&mut proposer, 0);
        assert_eq!(said(&step), [&prepare(ballot(1, 0), 0)]);
    }
    // It has promised that to nobody, and accepts what others propose below it.
    let step = drive(&mut proposer, 0, from(1, accept(ballot(1, 1), &[1])));
    assert!(step.records.contains(&promised(ballot(1, 1))));
}

#[test]
fn pitfall_18_a_promise_signed_for_a_ballot_that_was_left_is_not_sent() {
    let mut acceptor = replica(3, 0);
    acceptor.step(NOW, from(1, prepare(ballot(1, 1), 0)));
    acceptor.step(NOW, from(2, prepare(ballot(1, 2), 0)));
    let own = signed(0, Body::Paxos(promise(ballot(1, 1), 0, &[])));
    let step = acceptor.step(NOW, Input::Own(own));
    assert!(said(&step).is_empty());
}

#[test]
fn a_prepare_of_anothers_ballot_is_refused() {
    let mut acceptor = replica(3, 0);
    for body in [prepare(ballot(1, 1), 0), accept(ballot(1, 1), &[1])] {
        let step = drive(&mut acceptor, 0, from(2, body));
        assert!(matches!(step.rejection, Some(Rejection::NotLeader { .. })));
        assert!(step.records.is_empty());
    }
}

#[test]
fn a_promise_that_cannot_tell_all_is_not_given() {
    let accepted: Vec<_> = (1..=paxos::MAX_PROMISED as u64 + 1)
        .map(|height| (height, ballot(1, 1)))
        .collect();
    let mut acceptor = recovered(3, 0, journal(ballot(1, 1), &accepted));
    let step = drive(&mut acceptor, 0, from(2, prepare(ballot(2, 2), 0)));
    assert!(said(&step).is_empty());
    let step = drive(&mut acceptor, 0, from(2, prepare(ballot(2, 2), 1)));
    assert!(matches!(said(&step)[..], [Paxos::Promise(_)]));
}
