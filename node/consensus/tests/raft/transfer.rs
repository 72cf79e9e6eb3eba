//! Leadership transfer (thesis, 3.10).

use quorate_consensus::contract::Input;
use quorate_consensus::raft::{Body as Raft, Term};
use quorate_crypto::ValidatorIndex;

use crate::lab::*;

fn timeout_now(successor: u16) -> Raft {
    Raft::TimeoutNow {
        term: Term(1),
        successor: ValidatorIndex(successor),
    }
}

#[test]
fn a_leader_that_stops_hands_over_to_one_that_has_everything() {
    let mut leader = replica(3, 0);
    elect(&mut leader, 3, 0);
    drive(&mut leader, 0, Input::BatchesAvailable(vec![batch(1, 1)]));
    drive(&mut leader, 0, from(1, appended(1, 0, true, 0)));
    let step = drive(&mut leader, 0, Input::Stopping);
    assert!(said(&step).is_empty(), "nobody has everything yet");
    drive(&mut leader, 0, Input::BatchesAvailable(vec![batch(1, 2)]));
    assert_eq!(terms(&leader).len(), 1, "it proposes nothing more");
    let step = drive(&mut leader, 0, from(2, appended(1, 0, true, 1)));
    assert!(said(&step).contains(&&timeout_now(2)));
    let step = drive(&mut leader, 0, from(1, appended(1, 0, true, 1)));
    assert!(!said(&step).contains(&&timeout_now(1)), "one successor is enough");
}

#[test]
fn a_successor_asks_for_votes_at_once_though_it_hears_the_leader() {
    let mut successor = replica(3, 2);
    drive(&mut successor, 2, from(0, append(1, (0, 0), &[], 0)));
    let step = drive(&mut successor, 2, from(0, timeout_now(2)));
    assert_eq!(said(&step), [&asks(2, false, 0, (0, 0))]);
    let mut other = replica(3, 1);
    drive(&mut other, 1, from(0, append(1, (0, 0), &[], 0)));
    let step = drive(&mut other, 1, from(2, asks(2, false, 0, (0, 0))));
    assert_eq!(said(&step), [&vote(2, 2, false, true)]);
}

#[test]
fn nobody_but_the_leader_names_a_successor() {
    let mut follower = replica(3, 2);
    drive(&mut follower, 2, from(0, append(1, (0, 0), &[], 0)));
    for (sender, successor) in [(1, 2), (0, 1)] {
        let step = drive(&mut follower, 2, from(sender, timeout_now(successor)));
        assert!(said(&step).is_empty());
    }
}

#[test]
fn a_leader_whose_successor_does_not_take_over_goes_on() {
    let mut leader = replica(3, 0);
    elect(&mut leader, 3, 0);
    drive(&mut leader, 0, from(1, appended(1, 0, true, 0)));
    drive(&mut leader, 0, Input::Stopping);
    drive(&mut leader, 0, timeout(1));
    let step = drive(&mut leader, 0, Input::BatchesAvailable(vec![batch(1, 1)]));
    assert_eq!(said(&step), [&append(1, (0, 0), &[1], 0)]);
}
