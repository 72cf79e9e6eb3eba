//! The end of an epoch.

use quorate_consensus::contract::Input;
use quorate_consensus::paxos::Body as Paxos;
use quorate_crypto::Height;
use quorate_ledger::Proposal;

use crate::lab::*;

fn heights(step: &quorate_consensus::Step) -> Vec<(u64, bool)> {
    let mut heights = Vec::new();
    for body in said(step) {
        if let Paxos::Accept(accept) = body {
            let values = accept.values.iter();
            heights.extend(values.map(|value| (value.height.0, value.proposal == Proposal::null())));
        }
    }
    heights
}

#[test]
fn a_distinguished_proposer_fills_what_is_left_with_null() {
    let mut proposer = replica(3, 0);
    lead(&mut proposer, 3, &[]);
    let step = drive(&mut proposer, 0, Input::EpochEnds(Height(3)));
    assert_eq!(heights(&step), [(1, true), (2, true), (3, true)]);
    let step = drive(
        &mut proposer,
        0,
        Input::BatchesAvailable(vec![batch(ballot(1, 0), 9)]),
    );
    assert!(heights(&step).is_empty(), "nothing is ordered past it");
}

#[test]
fn one_that_begins_carries_over_and_fills_up_to_the_end() {
    let mut proposer = replica(3, 0);
    drive(&mut proposer, 0, Input::EpochEnds(Height(3)));
    let (_, step) = lead(&mut proposer, 3, &[(2, ballot(1, 1))]);
    assert_eq!(heights(&step), [(1, true), (2, false), (3, true)]);
}

#[test]
fn what_is_past_the_end_is_not_accepted() {
    let mut acceptor = replica(3, 1);
    drive(&mut acceptor, 1, Input::EpochEnds(Height(3)));
    let step = drive(&mut acceptor, 1, from(0, accept(ballot(1, 0), &[3, 4])));
    assert!(said(&step).contains(&&accepted(ballot(1, 0), &[3])));
    assert_eq!(acceptor.accepted().count(), 1);
}

#[test]
fn nothing_is_said_once_the_last_height_is_certified() {
    let mut replica = replica(3, 1);
    drive(&mut replica, 1, Input::EpochEnds(Height(3)));
    drive(&mut replica, 1, Input::Synced(certificate(3)));
    let inputs = [
        from(0, prepare(ballot(9, 0), 3)),
        from(0, accept(ballot(9, 0), &[])),
    ];
    let mut steps: Vec<_> = inputs
        .into_iter()
        .map(|input| drive(&mut replica, 1, input))
        .collect();
    steps.push(time_out(&mut replica, 1));
    for step in steps {
        assert!(said(&step).is_empty());
        assert!(step.records.is_empty(), "the journal is the next epoch's");
    }
}
