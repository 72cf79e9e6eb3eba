//! Restarts: what the journal tells, and what a replica asks before it says anything new.

use quorate_consensus::contract::{Action, Input, Record};
use quorate_consensus::paxos::{self, Body as Paxos, Replica};
use quorate_consensus::{Body, Inquiry, Statement, Testimony};
use quorate_crypto::{Epoch, Height, ValidatorIndex, sha256};

use crate::crash_tolerant::{asking_after, testimony};
use crate::lab::*;

#[test]
fn a_restart_keeps_promises() {
    let mut acceptor = replica(3, 0);
    let step = drive(&mut acceptor, 0, from(2, prepare(ballot(2, 2), 0)));
    let mut acceptor = recovered(3, 0, step.records);
    let step = drive(&mut acceptor, 0, from(1, accept(ballot(1, 1), &[1])));
    assert_eq!(said(&step), [&nack(ballot(1, 1), ballot(2, 2))]);
    let step = drive(&mut acceptor, 0, from(1, prepare(ballot(2, 1), 0)));
    assert_eq!(said(&step), [&nack(ballot(2, 1), ballot(2, 2))]);
}

#[test]
fn a_restart_keeps_what_was_accepted() {
    let mut acceptor = replica(3, 0);
    let mut records = drive(&mut acceptor, 0, from(1, accept(ballot(1, 1), &[1]))).records;
    records.extend(drive(&mut acceptor, 0, from(1, accept(ballot(1, 1), &[2]))).records);
    let mut acceptor = recovered(3, 0, records);
    let step = drive(&mut acceptor, 0, from(2, prepare(ballot(2, 2), 0)));
    let told = [(1, ballot(1, 1)), (2, ballot(1, 1))];
    assert_eq!(said(&step), [&promise(ballot(2, 2), 0, &told)]);
}

#[test]
fn a_promise_is_recorded_before_what_is_accepted_in_its_ballot() {
    let mut acceptor = replica(3, 0);
    let null = quorate_ledger::Proposal::null();
    let body = accept_values(ballot(1, 1), vec![(1, null, false)]);
    let step = acceptor.step(NOW, from(1, body));
    let kinds: Vec<bool> = step
        .records
        .iter()
        .map(|record| matches!(record, Record::Paxos(_, paxos::Record::Promised(_))))
        .collect();
    assert_eq!(kinds, [true, false]);
}

#[test]
fn a_restarted_proposer_takes_another_ballot() {
    let mut proposer = replica(3, 0);
    time_out(&mut proposer, 0);
    let step = drive(&mut proposer, 0, from(1, promise(ballot(1, 0), 0, &[])));
    assert!(proposer.is_leading());
    let mut proposer = recovered(3, 0, step.records);
    assert!(!proposer.is_leading());
    let step = time_out(&mut proposer, 0);
    assert_eq!(said(&step), [&prepare(ballot(2, 0), 0)]);
}

#[test]
fn pitfall_12_no_vote_leaks_out_of_recovery() {
    let (_, step) = Replica::recover(config(3, 0), journal(ballot(3, 1), &[(1, ballot(1, 1))]));
    assert!(asked(&step).is_empty());
    assert!(step.records.is_empty());
}

/// Nobody had been told of it, so what was accepted before it counts again.
#[test]
fn a_value_whose_batches_a_crash_has_lost_counts_as_never_accepted() {
    let records = journal(ballot(2, 2), &[(1, ballot(1, 1)), (1, ballot(2, 2))]);
    let lost = batch(ballot(2, 2), 1);
    let kept = Record::without_unsent(records, |batch| *batch != lost);
    let acceptor = recovered(3, 0, kept);
    assert_eq!(acceptor.ballot(), ballot(2, 2));
    let accepted: Vec<_> = acceptor.accepted().collect();
    assert_eq!(accepted, [accepted_value(1, ballot(1, 1))]);
}

#[test]
fn the_last_promise_in_the_journal_counts() {
    let mut records = journal(ballot(1, 1), &[(1, ballot(1, 1))]);
    records.extend(journal(ballot(4, 1), &[]));
    records.extend(journal(ballot(5, 2), &[]));
    let kept = pruned(records);
    assert_eq!(kept.len(), 2);
    assert_eq!(recovered(3, 0, kept).ballot(), ballot(5, 2));
}

#[test]
fn what_is_certified_is_forgotten() {
    let mut config = config(3, 0);
    config.certified = Height(2);
    config.certificate = Some(certificate(2));
    let told = [(1, ballot(1, 1)), (2, ballot(1, 1)), (3, ballot(1, 1))];
    let (acceptor, _) = Replica::recover(config, journal(ballot(1, 1), &told));
    assert_eq!(acceptor.accepted().count(), 1);
}

fn asking() -> Replica {
    asking_after(journal(ballot(2, 1), &[(1, ballot(2, 1))]))
}

#[test]
fn pitfall_27_nothing_is_signed_before_somebody_has_told_what_was() {
    let mut replica = asking();
    for input in [
        from(1, prepare(ballot(3, 1), 0)),
        from(2, accept(ballot(3, 2), &[2])),
    ] {
        let step = drive(&mut replica, 0, input);
        assert!(said(&step).is_empty());
        assert!(step.records.is_empty());
    }
    drive(&mut replica, 0, testimony(Vec::new()));
    let step = drive(&mut replica, 0, from(1, prepare(ballot(3, 1), 0)));
    assert_eq!(said(&step), [&promise(ballot(3, 1), 0, &[(1, ballot(2, 1))])]);
}

/// A peer has answered, and has certified this much.
fn answers(replica: &mut Replica, peer: u16, certified: u64) {
    let body = Body::Testimony(Testimony {
        about: ValidatorIndex(0),
        nonce: sha256(b"nonce"),
        certified: Height(certified),
        said: Vec::new(),
    });
    let message = quorate_consensus::Verified::trusted(signed(peer, body));
    drive(replica, 0, Input::Message(message));
}

fn promises(replica: &mut Replica) -> bool {
    let step = drive(replica, 0, from(1, prepare(ballot(3, 1), 0)));
    matches!(said(&step)[..], [Paxos::Promise(_)])
}

/// It has told of all that it holds above the height asked about, and may have lost the blocks in a crash since.
#[test]
fn blocks_that_whoever_answered_has_no_more_are_not_waited_for() {
    let mut replica = asking();
    answers(&mut replica, 1, 8);
    assert!(!promises(&mut replica), "its blocks are still to come");
    let status = quorate_consensus::Status {
        reign: 0,
        begun: false,
        certified: Height(0),
        holds: Vec::new(),
    };
    let status = quorate_consensus::Verified::trusted(signed(1, Body::Status(status)));
    drive(&mut replica, 0, Input::Message(status));
    assert!(promises(&mut replica));
}

/// It lost them, and says nothing more. The other one's answer would have been enough.
#[test]
fn blocks_of_somebody_who_answered_and_is_gone_are_not_waited_for() {
    let mut replica = asking();
    answers(&mut replica, 2, 8);
    assert!(!promises(&mut replica), "its blocks are still to come");
    answers(&mut replica, 1, 0);
    assert!(promises(&mut replica));
}

#[test]
fn pitfall_27_what_was_promised_proposed_or_accepted_and_is_not_remembered_silences() {
    let statement = |body: Paxos| match body {
        Paxos::Promise(promise) => Statement::Promise(promise),
        Paxos::Accept(accept) => Statement::Accept(accept),
        Paxos::Accepted(accepted) => Statement::Accepted(accepted),
        body => panic!("{body:?} binds nobody"),
    };
    let silences = |body: Paxos| {
        let mut replica = asking();
        let step = drive(&mut replica, 0, testimony(vec![statement(body)]));
        let forgotten = |action: &Action| matches!(action, Action::Forgotten { .. });
        step.actions.iter().any(forgotten)
    };
    // Its journal has promised 2.1, and accepted a value of that at height 1.
    assert!(silences(promise(ballot(2, 2), 0, &[])));
    assert!(!silences(promise(ballot(1, 2), 0, &[])));
    assert!(silences(accept(ballot(3, 0), &[1])));
    assert!(!silences(accept(ballot(2, 0), &[1])));
    assert!(silences(accepted(ballot(2, 1), &[2])));
    assert!(silences(accepted(ballot(3, 1), &[1])));
    assert!(!silences(accepted(ballot(2, 1), &[1])));
    assert!(
        !silences(accepted(ballot(1, 1), &[1])),
        "it has accepted in a higher ballot since"
    );
}

#[test]
fn pitfall_28_others_tell_what_they_heard() {
    let mut proposer = replica(3, 0);
    let (own, _) = lead(&mut proposer, 3, &[]);
    drive(&mut proposer, 0, Input::BatchesAvailable(vec![batch(own, 1)]));
    drive(&mut proposer, 0, from(1, accepted(own, &[1])));
    let inquiry = Body::Inquiry(Inquiry {
        nonce: sha256(b"nonce"),
        certified: Height(0),
    });
    let input = Input::Message(quorate_consensus::Verified::trusted(signed(1, inquiry)));
    let step = proposer.step(NOW, input);
    let told = step.actions.iter().find_map(|action| match action {
        Action::Sign(Body::Testimony(testimony)) => Some(testimony.said.len()),
        _ => None,
    });
    assert_eq!(told, Some(2), "its promise, and what it accepted");
}

#[test]
fn records_name_their_epoch_and_height() {
    let accepted = Record::Paxos(Epoch(2), paxos::Record::Accepted(accepted_value(4, ballot(1, 1))));
    assert_eq!(
        (accepted.epoch(), accepted.height()),
        (Some(Epoch(2)), Some(Height(4)))
    );
    let promised = Record::Paxos(Epoch(2), paxos::Record::Promised(ballot(1, 1)));
    assert_eq!((promised.epoch(), promised.height()), (Some(Epoch(2)), None));
}
