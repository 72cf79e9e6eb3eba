//! Learning what is chosen (Lamport 2001, section 2.3).

use quorate_consensus::contract::{Action, Input};
use quorate_consensus::message::{Holding, Status};
use quorate_consensus::{Body, Message, Verified};
use quorate_crypto::{Height, sha256};
use quorate_ledger::Proposal;

use crate::lab::*;

#[test]
fn a_value_is_chosen_by_a_majority_of_accepts_in_one_ballot() {
    let mut proposer = replica(5, 0);
    let (own, _) = lead(&mut proposer, 5, &[]);
    drive(&mut proposer, 0, Input::BatchesAvailable(vec![batch(own, 1)]));
    let step = drive(&mut proposer, 0, from(1, accepted(own, &[1])));
    assert!(decided(&step).is_empty(), "two of five");
    let step = drive(&mut proposer, 0, from(1, accepted(own, &[1])));
    assert!(decided(&step).is_empty(), "an acceptor counts once");
    let step = drive(&mut proposer, 0, from(2, accepted(ballot(9, 1), &[1])));
    assert!(decided(&step).is_empty(), "of another ballot");
    let step = drive(&mut proposer, 0, from(3, accepted(own, &[1])));
    assert_eq!(decided(&step), [(1, &value(own, 1))]);
    assert!(said(&step).contains(&&chosen(own, 1, value(own, 1))));
}

#[test]
fn a_learner_that_has_accepted_nothing_learns_what_is_chosen() {
    let mut learner = replica(3, 2);
    let step = drive(
        &mut learner,
        2,
        from(0, chosen(ballot(4, 0), 1, Proposal::null())),
    );
    assert_eq!(decided(&step), [(1, &Proposal::null())]);
    let step = drive(
        &mut learner,
        2,
        from(0, chosen(ballot(4, 0), 1, Proposal::null())),
    );
    assert!(decided(&step).is_empty(), "each once");
}

#[test]
fn what_is_chosen_above_the_window_is_decided_when_it_comes_in() {
    let mut learner = replica(3, 2);
    let above = WINDOW + 1;
    let step = drive(
        &mut learner,
        2,
        from(0, chosen(ballot(1, 0), above, Proposal::null())),
    );
    assert!(decided(&step).is_empty());
    let step = drive(&mut learner, 2, Input::Synced(certificate(1)));
    assert_eq!(decided(&step), [(above, &Proposal::null())]);
}

fn status(holds: Vec<Holding>) -> Input {
    let status = Status {
        reign: 1,
        begun: true,
        certified: Height(0),
        holds,
    };
    Input::Message(Verified::trusted(signed(2, Body::Status(status))))
}

#[test]
fn a_late_learner_is_told_by_whoever_knows() {
    let word = chosen(ballot(1, 0), 1, Proposal::null());
    let told = |holds| {
        let mut learner = replica(3, 1);
        drive(&mut learner, 1, from(0, word.clone()));
        let step = drive(&mut learner, 1, status(holds));
        let is_word = |message: &Message| message.v1().body == Body::Paxos(word.clone());
        step.actions
            .iter()
            .any(|action| matches!(action, Action::Send { message, .. } if is_word(message)))
    };
    assert!(told(Vec::new()));
    let knows = Holding {
        second: 0b111,
        ..Holding::default()
    };
    assert!(!told(vec![knows]));
}

#[test]
fn an_observer_learns_and_says_nothing() {
    let config = quorate_consensus::Config {
        index: None,
        ..config(3, 2)
    };
    let (mut observer, _) = quorate_consensus::paxos::Replica::start(config);
    for input in [
        from(0, prepare(ballot(1, 0), 0)),
        from(0, accept(ballot(1, 0), &[1])),
    ] {
        let step = drive(&mut observer, 2, input);
        assert!(said(&step).is_empty() && step.records.is_empty());
    }
    let step = drive(
        &mut observer,
        2,
        from(0, chosen(ballot(1, 0), 1, value(ballot(1, 0), 1))),
    );
    assert_eq!(decided(&step), [(1, &value(ballot(1, 0), 1))]);
}

/// It was told what is chosen, and has accepted nothing: after a crash its journal would not explain its seal.
#[test]
fn a_seal_that_a_crash_could_leave_unexplained_is_recorded() {
    let seal = |accepts: bool| {
        let mut learner = replica(3, 1);
        let height = Height(1);
        if accepts {
            drive(&mut learner, 1, from(0, accept(ballot(1, 0), &[1])));
        }
        learner.step(NOW, from(0, chosen(ballot(1, 0), 1, value(ballot(1, 0), 1))));
        let block = sha256(b"block");
        learner.step(NOW, Input::Executed { height, block });
        let own = signed(1, Body::Seal { height, block });
        learner.step(NOW, Input::Own(own)).records.len()
    };
    assert_eq!(seal(false), 1);
    assert_eq!(seal(true), 0);
}

/// The same where the others' seals are here first and the epoch is over by that.
#[test]
fn the_seal_of_an_epochs_last_height_that_nothing_explains_is_recorded() {
    let mut learner = replica(3, 1);
    let (height, block) = (Height(1), sha256(b"block"));
    learner.step(NOW, Input::EpochEnds(height));
    learner.step(NOW, from(0, chosen(ballot(1, 0), 1, value(ballot(1, 0), 1))));
    let seal = Body::Seal { height, block };
    for other in [0, 2] {
        let sealed = Verified::trusted(signed(other, seal.clone()));
        learner.step(NOW, Input::Message(sealed));
    }
    learner.step(NOW, Input::Executed { height, block });
    assert_eq!(learner.certified(), height);
    assert_eq!(learner.step(NOW, Input::Own(signed(1, seal))).records.len(), 1);
}
