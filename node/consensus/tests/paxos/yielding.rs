//! The distinguished proposer that stops hands over.

use quorate_consensus::Engine;
use quorate_consensus::contract::Input;
use quorate_consensus::paxos::{Accept, Body as Paxos};
use quorate_crypto::Height;

use crate::lab::*;

#[test]
fn a_proposer_that_stops_names_a_successor_that_answers_and_proposes_nothing_more() {
    let mut proposer = replica(3, 0);
    let (own, _) = lead(&mut proposer, 3, &[]);
    drive(&mut proposer, 0, from(1, accepted(own, &[])));
    let step = drive(&mut proposer, 0, Input::Stopping);
    assert_eq!(said(&step), [&accept(own, &[]), &yields(own, 1)]);
    assert!(Engine::Paxos(Box::new(proposer.clone())).is_handing_over());
    let step = drive(&mut proposer, 0, Input::BatchesAvailable(vec![batch(own, 1)]));
    assert!(said(&step).is_empty());
    assert!(said(&beat(&mut proposer, 0)).is_empty(), "nor is it heard");
    let step = drive(&mut proposer, 0, from(1, prepare(ballot(2, 1), 0)));
    assert_eq!(said(&step), [&promise(ballot(2, 1), 0, &[])]);
    assert!(!Engine::Paxos(Box::new(proposer)).is_handing_over());
}

#[test]
fn a_successor_prepares_at_once_and_others_promise_though_they_heard_the_proposer() {
    let old = ballot(1, 0);
    let (mut successor, mut other) = (replica(3, 1), replica(3, 2));
    for (acceptor, index) in [(&mut successor, 1), (&mut other, 2)] {
        drive(acceptor, index, from(0, accept(old, &[1])));
    }
    let step = drive(&mut other, 2, from(1, prepare(ballot(2, 1), 0)));
    assert!(said(&step).is_empty(), "it hears another");
    let step = drive(&mut other, 2, from(0, yields(old, 1)));
    assert!(said(&step).is_empty() && !other.has_begun());
    let step = drive(&mut successor, 1, from(0, yields(old, 1)));
    let asks = prepare(ballot(2, 1), 0);
    assert_eq!(said(&step), [&asks]);
    let step = drive(&mut other, 2, from(1, asks));
    let tells = promise(ballot(2, 1), 0, &[(1, old)]);
    assert_eq!(said(&step), [&tells], "of what was proposed last");
    drive(&mut successor, 1, from(2, tells));
    assert!(successor.is_leading());
}

/// Links do not keep the order.
#[test]
fn what_a_proposer_said_before_it_yielded_does_not_hold_up_its_successor() {
    let old = ballot(1, 0);
    let mut successor = replica(3, 1);
    drive(&mut successor, 1, from(0, accept(old, &[])));
    drive(&mut successor, 1, from(0, yields(old, 1)));
    let step = drive(&mut successor, 1, from(0, accept(old, &[1])));
    assert_eq!(said(&step), [&accepted(old, &[1])], "it may still be chosen");
    drive(&mut successor, 1, from(2, promise(ballot(2, 1), 0, &[])));
    assert!(successor.is_leading());
}

/// Acceptors promise nothing to who lacks blocks that they have.
#[test]
fn a_successor_that_lacks_a_block_of_the_proposers_waits_for_it() {
    let old = ballot(1, 1);
    let mut successor = replica(3, 0);
    let heartbeat = Paxos::Accept(Accept {
        ballot: old,
        certified: Height(1),
        values: Vec::new(),
    });
    drive(&mut successor, 0, from(1, heartbeat));
    let step = drive(&mut successor, 0, from(1, yields(old, 0)));
    assert!(said(&step).is_empty());
    let step = drive(&mut successor, 0, Input::Synced(certificate(1)));
    assert_eq!(said(&step), [&prepare(ballot(2, 0), 1)]);
}

#[test]
fn nobody_but_the_proposer_of_the_ballot_yields_it() {
    let mut acceptor = replica(3, 1);
    drive(&mut acceptor, 1, from(0, accept(ballot(2, 0), &[])));
    for (sender, word) in [
        (2, yields(ballot(2, 0), 1)),
        (0, yields(ballot(1, 0), 1)),
        (2, yields(ballot(3, 2), 1)),
    ] {
        let step = drive(&mut acceptor, 1, from(sender, word));
        assert!(said(&step).is_empty() && acceptor.has_begun());
    }
}

#[test]
fn a_proposer_whose_successor_does_not_take_over_goes_on() {
    let mut proposer = replica(3, 0);
    let (own, _) = lead(&mut proposer, 3, &[]);
    drive(&mut proposer, 0, from(1, accepted(own, &[])));
    drive(&mut proposer, 0, Input::Stopping);
    drive(&mut proposer, 0, from(1, accepted(own, &[])));
    time_out(&mut proposer, 0);
    let step = drive(&mut proposer, 0, Input::BatchesAvailable(vec![batch(own, 1)]));
    assert_eq!(said(&step), [&accept(own, &[1])]);
    assert!(proposer.has_begun());
}
