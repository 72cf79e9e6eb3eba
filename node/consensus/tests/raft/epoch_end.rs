//! The end of an epoch.

use quorate_consensus::contract::Input;
use quorate_crypto::Height;

use crate::lab::*;

#[test]
fn a_leader_fills_what_is_left_with_empty_proposals() {
    let mut leader = replica(3, 0);
    elect(&mut leader, 3, 0);
    drive(&mut leader, 0, Input::EpochEnds(Height(3)));
    assert_eq!(terms(&leader), [1, 1, 1]);
    drive(&mut leader, 0, Input::BatchesAvailable(vec![batch(1, 9)]));
    assert_eq!(terms(&leader).len(), 3, "nothing is ordered past it");
}

#[test]
fn an_entry_past_the_end_commits_what_is_before_it_and_is_never_decided() {
    let mut leader = recovered(3, 0, journal(1, &[1, 1, 1]));
    drive(&mut leader, 0, Input::EpochEnds(Height(3)));
    elect(&mut leader, 3, 0);
    assert_eq!(terms(&leader), [1, 1, 1, 2]);
    let step = drive(&mut leader, 0, from(1, appended(2, 0, true, 4)));
    assert_eq!(decided(&step), [1, 2, 3]);
}

#[test]
fn nothing_is_said_once_the_last_height_is_certified() {
    let mut replica = replica(3, 1);
    drive(&mut replica, 1, Input::EpochEnds(Height(3)));
    drive(&mut replica, 1, Input::Synced(certificate(3)));
    let inputs = [
        from(0, asks(9, false, 3, (3, 0))),
        from(0, append(9, (3, 1), &[], 3)),
        timeout(0),
    ];
    for input in inputs {
        let step = drive(&mut replica, 1, input);
        assert!(said(&step).is_empty());
        assert!(step.records.is_empty(), "the journal is the next epoch's");
    }
}
