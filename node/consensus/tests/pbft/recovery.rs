//! Restarts.

use quorate_consensus::contract::{Action, Input, Record, Rejection, Step};
use quorate_consensus::pbft::{Halted, Replica};
use quorate_consensus::{Body, Verified};

use crate::lab::*;

/// A backup that has prepared and committed height 1, and its journal.
fn journal() -> Vec<Record> {
    let mut backup = replica(4, 1);
    let proposal = proposal(1);
    let mut records = drive_as(&mut backup, 1, from(0, pre_prepare(0, 1, &proposal))).records;
    records.extend(drive_as(&mut backup, 1, from(2, prepare(0, 1, &proposal))).records);
    records
}

#[test]
fn a_recovered_replica_says_the_same_again_and_nothing_else() {
    let (mut backup, _) = Replica::recover(config(4, 1), journal());
    let step = drive_as(&mut backup, 1, from(0, pre_prepare(0, 1, &proposal(2))));
    assert!(matches!(step.rejection, Some(Rejection::Contradiction { .. })));
    assert!(broadcast(&step).is_empty());
    // Asked, it sends the stored bytes.
    let status = quorate_consensus::Status {
        reign: 0,
        begun: true,
        certified: quorate_crypto::Height(0),
        holds: Vec::new(),
    };
    let ask = Input::Message(Verified::trusted(signed(3, Body::Status(status))));
    let step = backup.step(NOW, ask);
    for said in [prepare(0, 1, &proposal(1)), commit(0, 1, &proposal(1))] {
        let message = signed(1, Body::Pbft(said));
        let to = quorate_crypto::ValidatorIndex(3);
        assert!(step.actions.contains(&Action::Send { to, message }));
    }
}

#[test]
fn pitfall_12_no_vote_leaks_out_of_recovery() {
    let (_, step) = Replica::recover(config(4, 1), journal());
    let silent = |action: &Action| {
        matches!(
            action,
            Action::Sign(Body::Status(_)) | Action::SetTimer { .. } | Action::RequireBatches { .. }
        )
    };
    assert!(step.actions.iter().all(silent), "{:?}", step.actions);
}

#[test]
fn pitfall_27_a_replica_that_forgot_what_it_signed_votes_no_more() {
    let mut amnesiac = replica(4, 1);
    let message = signed(1, Body::Pbft(prepare(0, 1, &proposal(1))));
    let step = amnesiac.step(NOW, Input::Message(Verified::trusted(message.clone())));
    assert!(step.actions.contains(&Action::Forgotten(message)));
    assert_eq!(amnesiac.halted(), Some(Halted::Forgotten));
    let step = drive_as(&mut amnesiac, 1, from(0, pre_prepare(0, 1, &proposal(2))));
    assert!(broadcast(&step).is_empty());
}

#[test]
fn a_replica_remembers_what_its_journal_has() {
    let (mut backup, _) = Replica::recover(config(4, 1), journal());
    for said in [prepare(0, 1, &proposal(1)), commit(0, 1, &proposal(1))] {
        let echo = signed(1, Body::Pbft(said));
        let step: Step = backup.step(NOW, Input::Message(Verified::trusted(echo)));
        assert_eq!(step.rejection, Some(Rejection::Duplicate));
    }
    assert_eq!(backup.halted(), None);
}

#[test]
fn a_vote_whose_batches_were_lost_never_left_and_does_not_bind() {
    let kept = Record::without_unsent(journal(), |_| false);
    assert!(kept.iter().all(|record| !matches!(
        record,
        Record::Own(message) if matches!(&message.v1().body, Body::Pbft(quorate_consensus::pbft::Body::Prepare { .. }))
    )));
    let kept = Record::without_unsent(journal(), |_| true);
    assert_eq!(kept, journal());
}

#[test]
fn a_primary_fills_the_gap_that_a_crash_has_left() {
    let mut primary = replica(4, 0);
    let mut records = Vec::new();
    for number in 1..=2 {
        let step = drive(&mut primary, Input::BatchesAvailable(vec![batch(number)]));
        records.push(step.records);
    }
    let second = records.pop().unwrap();
    let (mut primary, step) = Replica::recover(config(4, 0), second);
    let filler = quorate_ledger::Proposal::null();
    let asked_at_once = asked(&step).contains(&&pre_prepare(0, 1, &filler));
    let step = primary.step(NOW, Input::BatchesAvailable(Vec::new()));
    assert!(asked_at_once || asked(&step).contains(&&pre_prepare(0, 1, &filler)));
}

#[test]
fn of_two_own_votes_in_the_journal_the_later_binds() {
    // The first was journaled, its batches were lost in a crash, and they came again later.
    let mut records = vec![
        Record::Accepted(signed(0, Body::Pbft(pre_prepare(0, 1, &proposal(2))))),
        Record::Own(signed(1, Body::Pbft(prepare(0, 1, &proposal(2))))),
    ];
    records.extend(journal());
    let (mut backup, _) = Replica::recover(config(4, 1), records);
    let said = signed(1, Body::Pbft(prepare(0, 1, &proposal(1))));
    let step = backup.step(NOW, Input::Message(Verified::trusted(said)));
    assert_eq!(step.rejection, Some(Rejection::Duplicate));
    assert_eq!(backup.halted(), None);
}
