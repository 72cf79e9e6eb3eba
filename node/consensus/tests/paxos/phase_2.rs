//! Phase 2: accept and accepted (Lamport 2001, sections 2.2 and 3).

use quorate_consensus::contract::{Action, Input, Record, Rejection};
use quorate_consensus::paxos::{self, Body as Paxos, Replica};
use quorate_consensus::{Body, Engine};
use quorate_crypto::{Epoch, Height};
use quorate_ledger::{Proposal, Timestamp};

use crate::lab::*;

/// The values that a step proposes.
fn proposed(step: &quorate_consensus::Step) -> Vec<(u64, Proposal, bool)> {
    let mut proposed = Vec::new();
    for body in said(step) {
        if let Paxos::Accept(accept) = body {
            let values = accept.values.iter();
            proposed.extend(values.map(|value| (value.height.0, value.proposal.clone(), value.fresh)));
        }
    }
    proposed
}

#[test]
fn p2c_a_proposer_takes_the_value_of_the_highest_ballot() {
    let mut proposer = recovered(3, 0, journal(ballot(1, 1), &[(1, ballot(1, 1))]));
    let (ballot_led, step) = lead(&mut proposer, 3, &[(1, ballot(2, 2))]);
    assert_eq!(ballot_led, ballot(2, 0));
    assert_eq!(proposed(&step), [(1, value(ballot(2, 2), 1), false)]);
    // The same, whoever tells of it first.
    let mut proposer = recovered(3, 0, journal(ballot(3, 1), &[(1, ballot(3, 1))]));
    let (_, step) = lead(&mut proposer, 3, &[(1, ballot(2, 2))]);
    assert_eq!(proposed(&step), [(1, value(ballot(3, 1), 1), false)]);
}

#[test]
fn p2c_a_proposer_is_free_where_no_promise_tells_of_anything() {
    let mut proposer = replica(3, 0);
    let waits = batch(ballot(9, 9), 1);
    drive(&mut proposer, 0, Input::BatchesAvailable(vec![waits]));
    let (_, step) = lead(&mut proposer, 3, &[]);
    assert_eq!(proposed(&step), [(1, Proposal::new(NOW, vec![waits]), true)]);
}

#[test]
fn gaps_are_filled_with_null_and_batches_come_after_them() {
    let mut proposer = replica(3, 0);
    let waits = batch(ballot(9, 9), 1);
    drive(&mut proposer, 0, Input::BatchesAvailable(vec![waits]));
    let (_, step) = lead(&mut proposer, 3, &[(2, ballot(1, 1)), (4, ballot(1, 2))]);
    let expected = [
        (1, Proposal::null(), false),
        (2, value(ballot(1, 1), 2), false),
        (3, Proposal::null(), false),
        (4, value(ballot(1, 2), 4), false),
    ];
    assert_eq!(proposed(&step), expected, "four are under way: the batch waits");
    let null = || Proposal::null();
    let own = proposer.ballot();
    let chosen_now = vec![(1, null()), (2, value(ballot(1, 1), 2))];
    let step = drive(&mut proposer, 0, from(1, accepted_values(own, chosen_now)));
    assert_eq!(proposed(&step), [(5, Proposal::new(NOW, vec![waits]), true)]);
}

#[test]
fn what_is_carried_over_from_above_the_window_waits_for_it() {
    let far = WINDOW + 1;
    let mut proposer = replica(3, 0);
    let (_, step) = lead(&mut proposer, 3, &[(far, ballot(1, 1))]);
    assert_eq!(proposed(&step).last().map(|(height, ..)| *height), Some(WINDOW));
    let step = drive(&mut proposer, 0, Input::Synced(certificate(1)));
    assert_eq!(proposed(&step), [(far, value(ballot(1, 1), far), false)]);
}

#[test]
fn p1a_what_is_below_the_promise_is_not_accepted() {
    let mut acceptor = replica(3, 0);
    drive(&mut acceptor, 0, from(2, prepare(ballot(2, 2), 0)));
    let step = drive(&mut acceptor, 0, from(1, accept(ballot(1, 1), &[1])));
    assert!(step.records.is_empty());
    assert_eq!(said(&step), [&nack(ballot(1, 1), ballot(2, 2))]);
    let step = drive(&mut acceptor, 0, from(2, accept(ballot(2, 2), &[1])));
    assert_eq!(said(&step), [&accepted(ballot(2, 2), &[1])]);
}

#[test]
fn p1_what_nothing_forbids_is_accepted_and_promised_by_that() {
    let mut acceptor = replica(3, 0);
    let step = drive(&mut acceptor, 0, from(1, accept(ballot(3, 1), &[])));
    assert_eq!(said(&step), [&accepted(ballot(3, 1), &[])]);
    let step = drive(&mut acceptor, 0, from(1, accept(ballot(3, 1), &[2])));
    assert_eq!(said(&step), [&accepted(ballot(3, 1), &[2])]);
    let step = drive(&mut acceptor, 0, from(2, prepare(ballot(2, 2), 0)));
    assert_eq!(said(&step), [&nack(ballot(2, 2), ballot(3, 1))]);
}

#[test]
fn a_later_ballots_value_replaces_an_earlier_ones() {
    let mut acceptor = replica(3, 0);
    drive(&mut acceptor, 0, from(1, accept(ballot(1, 1), &[1])));
    drive(&mut acceptor, 0, from(2, accept(ballot(2, 2), &[1])));
    let kept: Vec<_> = acceptor.accepted().collect();
    assert_eq!(kept, [accepted_value(1, ballot(2, 2))]);
}

#[test]
fn heights_are_in_flight_together_and_chosen_in_any_order() {
    let mut proposer = replica(3, 0);
    let (own, _) = lead(&mut proposer, 3, &[]);
    let mut proposals = Vec::new();
    for number in 1..=3 {
        let step = drive(
            &mut proposer,
            0,
            Input::BatchesAvailable(vec![batch(own, number)]),
        );
        let [(height, proposal, true)] = &proposed(&step)[..] else {
            panic!("each is proposed at once");
        };
        assert_eq!(*height, number);
        proposals.push(proposal.clone());
    }
    let step = drive(&mut proposer, 0, from(1, accepted(own, &[3])));
    assert_eq!(decided(&step), [(3, &proposals[2])]);
    let step = drive(&mut proposer, 0, from(2, accepted(own, &[1, 2])));
    assert_eq!(decided(&step), [(1, &proposals[0]), (2, &proposals[1])]);
}

#[test]
fn a_value_is_accepted_when_its_batches_are_here() {
    let mut acceptor = replica(3, 0);
    let step = acceptor.step(NOW, from(1, accept(ballot(1, 1), &[1])));
    let accepts = |record: &Record| matches!(record, Record::Paxos(_, paxos::Record::Accepted(_)));
    assert!(!step.records.iter().any(accepts));
    assert!(asked(&step).is_empty());
    let step = acceptor.step(NOW, from(1, accept(ballot(1, 1), &[1])));
    assert_eq!(
        asked(&step),
        [&accepted(ballot(1, 1), &[])],
        "asked again, it shows that it hears"
    );
    let (height, proposal) = (Height(1), value(ballot(1, 1), 1).digest());
    let step = acceptor.step(NOW, Input::ProposalAvailable { height, proposal });
    assert!(step.records.iter().any(accepts));
    assert_eq!(asked(&step), [&accepted(ballot(1, 1), &[1])]);
}

#[test]
fn what_says_that_a_value_is_accepted_vouches_for_its_batches() {
    let both = [
        accepted(ballot(1, 1), &[1]),
        promise(ballot(2, 2), 0, &[(1, ballot(1, 1))]),
    ];
    let vouched = |acceptor: &Replica, body: &Paxos| {
        let engine = Engine::Paxos(Box::new(acceptor.clone()));
        engine.vouched(&Body::Paxos(body.clone()))
    };
    let mut acceptor = accepting(1);
    for body in &both {
        assert_eq!(vouched(&acceptor, body), [batch(ballot(1, 1), 1)]);
    }
    assert!(vouched(&acceptor, &accept(ballot(1, 1), &[1])).is_empty());
    // What is known to be on disk waits for no flush again.
    acceptor.step(NOW, Input::Own(signed(0, Body::Paxos(both[0].clone()))));
    assert!(both.iter().all(|body| vouched(&acceptor, body).is_empty()));
    let restarted = recovered(3, 0, journal(ballot(1, 1), &[(1, ballot(1, 1))]));
    assert!(both.iter().all(|body| vouched(&restarted, body).is_empty()));
}

/// An acceptor that has accepted this height's value, and does not know that to be durable yet.
fn accepting(height: u64) -> Replica {
    let mut acceptor = replica(3, 0);
    acceptor.step(NOW, from(1, accept(ballot(1, 1), &[height])));
    let (height, proposal) = (Height(height), value(ballot(1, 1), height).digest());
    acceptor.step(NOW, Input::ProposalAvailable { height, proposal });
    acceptor
}

/// Found by review: a proposer says again what is not chosen, and each answer to that waited for the batches that
/// were being written, so a disk slower than an election timeout unseated it.
#[test]
fn a_proposer_is_answered_at_once_while_a_value_is_on_its_way_to_the_disk() {
    let mut acceptor = accepting(2);
    let again = || from(1, accept(ballot(1, 1), &[2]));
    let step = acceptor.step(NOW, again());
    let heard = accepted(ballot(1, 1), &[]);
    assert_eq!(asked(&step), [&heard]);
    assert!(acceptor.vouched(&heard.clone().into()).is_empty() && !heard.follows_records());
    let told = accepted(ballot(1, 1), &[2]);
    acceptor.step(NOW, Input::Own(signed(0, Body::Paxos(told.clone()))));
    let step = acceptor.step(NOW, again());
    assert_eq!(asked(&step), [&told], "what was lost is said again");
    assert!(acceptor.vouched(&told.clone().into()).is_empty());
    // One of two is durable: that is told, and that the proposer is heard whatever the disk does.
    acceptor.step(NOW, from(1, accept(ballot(1, 1), &[3])));
    let (height, proposal) = (Height(3), value(ballot(1, 1), 3).digest());
    acceptor.step(NOW, Input::ProposalAvailable { height, proposal });
    let step = acceptor.step(NOW, from(1, accept(ballot(1, 1), &[2, 3])));
    assert_eq!(asked(&step), [&heard, &told]);
}

#[test]
fn values_whose_batches_come_after_a_higher_promise_are_not_accepted() {
    let mut acceptor = replica(3, 0);
    acceptor.step(NOW, from(1, accept(ballot(1, 1), &[1])));
    time_out(&mut acceptor, 0);
    drive(&mut acceptor, 0, from(2, prepare(ballot(2, 2), 0)));
    let (height, proposal) = (Height(1), value(ballot(1, 1), 1).digest());
    let step = acceptor.step(NOW, Input::ProposalAvailable { height, proposal });
    assert_eq!(step.rejection, Some(Rejection::Unasked));
    assert!(step.records.is_empty());
}

#[test]
fn pitfall_23_a_value_above_the_window_is_accepted_when_it_comes_in() {
    let mut acceptor = replica(3, 0);
    let above = WINDOW + 1;
    let step = drive(&mut acceptor, 0, from(1, accept(ballot(1, 1), &[above])));
    assert!(said(&step).is_empty());
    let step = drive(&mut acceptor, 0, Input::Synced(certificate(1)));
    assert_eq!(said(&step), [&accepted(ballot(1, 1), &[above])]);
}

#[test]
fn pitfall_07_values_above_two_windows_are_not_kept() {
    let mut acceptor = replica(3, 0);
    let step = drive(&mut acceptor, 0, from(1, accept(ballot(1, 1), &[2 * WINDOW + 1])));
    let requires = |action: &Action| matches!(action, Action::RequireBatches { .. });
    assert!(!step.actions.iter().any(requires));
}

#[test]
fn what_is_not_chosen_is_said_again() {
    let mut proposer = replica(3, 0);
    let (own, _) = lead(&mut proposer, 3, &[]);
    drive(&mut proposer, 0, Input::BatchesAvailable(vec![batch(own, 1)]));
    let step = beat(&mut proposer, 0);
    assert!(proposed(&step).is_empty(), "it was said a moment ago");
    let step = beat(&mut proposer, 0);
    assert_eq!(proposed(&step).len(), 1);
    drive(&mut proposer, 0, from(1, accepted(own, &[1])));
    let step = beat(&mut proposer, 0);
    assert_eq!(said(&step), [&accept(own, &[])]);
}

#[test]
fn an_accept_request_leaves_without_a_record_and_the_own_acceptor_answers_like_any() {
    let mut proposer = replica(3, 0);
    let (own, _) = lead(&mut proposer, 3, &[]);
    let step = proposer.step(NOW, Input::BatchesAvailable(vec![batch(own, 1)]));
    let request = asked(&step)[0].clone();
    assert!(step.records.is_empty());
    let step = proposer.step(NOW, Input::Own(signed(0, Body::Paxos(request))));
    assert_eq!(said(&step), [&accept(own, &[1])]);
    assert!(step.records.is_empty());
    // One other acceptor of three is no majority before the own one has it durably.
    let step = drive(&mut proposer, 0, from(1, accepted(own, &[1])));
    assert!(decided(&step).is_empty());
    let (height, proposal) = (Height(1), value(own, 1).digest());
    let step = proposer.step(NOW, Input::ProposalAvailable { height, proposal });
    let record = paxos::Record::Accepted(accepted_value(1, own));
    assert_eq!(step.records, [Record::Paxos(Epoch(0), record)]);
    let step = proposer.step(NOW, Input::Own(signed(0, Body::Paxos(accepted(own, &[1])))));
    assert_eq!(decided(&step), [(1, &value(own, 1))]);
}

#[test]
fn pitfall_15_what_is_carried_over_is_not_judged_by_time_again() {
    let early = Proposal::new(Timestamp(NOW.0 + 3_600_000), vec![batch(ballot(1, 1), 1)]);
    let mut acceptor = replica(3, 0);
    let fresh = accept_values(ballot(1, 1), vec![(1, early.clone(), true)]);
    let step = drive(&mut acceptor, 0, from(1, fresh));
    assert!(matches!(step.rejection, Some(Rejection::BadProposal { .. })));
    assert!(
        !acceptor.has_begun(),
        "it is not heard, so another takes its place"
    );
    let carried = accept_values(ballot(2, 2), vec![(1, early.clone(), false)]);
    let step = drive(&mut acceptor, 0, from(2, carried));
    assert_eq!(said(&step), [&accepted_values(ballot(2, 2), vec![(1, early)])]);
}

/// A value may have waited out a partition.
#[test]
fn what_lies_far_behind_is_accepted() {
    let behind = Proposal::new(Timestamp(1), vec![batch(ballot(1, 1), 1)]);
    let mut acceptor = replica(3, 0);
    let fresh = accept_values(ballot(1, 1), vec![(1, behind.clone(), true)]);
    let step = drive(&mut acceptor, 0, from(1, fresh));
    assert_eq!(said(&step), [&accepted_values(ballot(1, 1), vec![(1, behind)])]);
}

/// Found by review: one value that came too early, and the proposer counted as silent for the rest of its
/// ballot, though clocks were right again.
#[test]
fn pitfall_24_a_proposer_is_heard_again_once_clocks_agree() {
    let mut acceptor = replica(3, 0);
    let later = Timestamp(NOW.0 + 3_600_000);
    let early = Proposal::new(later, vec![batch(ballot(1, 1), 1)]);
    let heartbeat = || from(1, accept(ballot(1, 1), &[]));
    acceptor.step(NOW, from(1, accept_values(ballot(1, 1), vec![(1, early, true)])));
    acceptor.step(NOW, heartbeat());
    assert!(!acceptor.has_begun());
    acceptor.step(later, heartbeat());
    assert!(acceptor.has_begun(), "its clock has come up to that value");
}
