//! Restarts: what the journal tells, and what a replica asks before it says anything new.

use quorate_consensus::contract::{Action, Config, Input, Record};
use quorate_consensus::raft::{self, Body as Raft, Replica, RequestVote, Term};
use quorate_consensus::{Body, Halted, Inquiry, SignedStatement, Statement};
use quorate_crypto::{Epoch, Height, ValidatorIndex, sha256};

use crate::crash_tolerant::{asking_after, testimony};
use crate::lab::*;

#[test]
fn a_restarted_voter_keeps_its_vote() {
    let mut voter = replica(3, 0);
    let step = drive(&mut voter, 0, from(1, asks(1, false, 0, (0, 0))));
    let mut voter = recovered(3, 0, step.records);
    let step = drive(&mut voter, 0, from(2, asks(1, false, 0, (0, 0))));
    assert_eq!(said(&step), [&vote(1, 2, false, false)]);
    let step = drive(&mut voter, 0, from(1, asks(1, false, 0, (0, 0))));
    assert_eq!(said(&step), [&vote(1, 1, false, true)]);
}

#[test]
fn a_restarted_leader_follows() {
    let mut leader = replica(3, 0);
    let mut records = elect(&mut leader, 3, 0).records;
    records.extend(drive(&mut leader, 0, Input::BatchesAvailable(vec![batch(1, 1)])).records);
    let leader = recovered(3, 0, records);
    assert!(!leader.is_leading());
    assert_eq!((leader.term().0, terms(&leader)), (1, vec![1]));
}

#[test]
fn pitfall_12_no_vote_leaks_out_of_recovery() {
    let (_, step) = Replica::recover(config(3, 0), journal(3, &[1, 2]));
    assert!(asked(&step).is_empty());
    assert!(step.records.is_empty());
}

#[test]
fn an_entry_whose_batches_a_crash_has_lost_is_left_out_with_all_that_follow_it() {
    let records = journal(2, &[1, 2, 2]);
    let lost = batch(2, 2);
    let kept = Record::without_unsent(records, |batch| *batch != lost);
    assert_eq!(kept.len(), 2);
    assert_eq!(terms(&recovered(3, 0, kept)), [1]);
}

/// That an entry of this term was appended after one of the term `previous`.
fn appended_at(index: u64, previous: u64, term: u64) -> Record {
    let entry = raft::Record::Entry {
        index: Height(index),
        previous: Term(previous),
        entry: entry(term, index),
    };
    Record::Raft(Epoch(0), entry)
}

/// Found by review: what followed a lost entry stayed in the journal, as its own batches were there, and took
/// the place of what a later life had appended and acknowledged.
#[test]
fn what_followed_a_lost_entry_does_not_come_back() {
    let mut records = journal(5, &[]);
    records.extend(
        [(1, 0, 1), (2, 1, 1), (1, 0, 2), (2, 2, 2), (3, 2, 4)].map(|(i, p, t)| appended_at(i, p, t)),
    );
    let lost = batch(2, 1);
    let mut kept = Record::without_unsent(records.clone(), |batch| *batch != lost);
    assert_eq!(kept, records[..3]);
    assert_eq!(terms(&recovered(3, 0, kept.clone())), [1, 1]);
    // The next life goes on from there, and acknowledges it. Then block 1 is written, and the batch turns up.
    kept.extend([(3, 1, 1), (4, 1, 3), (5, 3, 5)].map(|(i, p, t)| appended_at(i, p, t)));
    let kept = Record::without_unsent(kept, |_| true);
    let config = Config {
        certified: Height(1),
        certificate: Some(certificate(1)),
        ..config(3, 0)
    };
    let (replica, _) = Replica::recover(config, kept);
    assert_eq!(terms(&replica), [1, 1, 3, 5]);
}

#[test]
fn what_followed_a_lost_entry_is_not_taken_for_what_follows_another_of_the_same_term() {
    let mut records = journal(4, &[]);
    records.extend(
        [(1, 0, 1), (2, 1, 1), (1, 0, 2), (2, 2, 1), (3, 1, 3), (4, 3, 4)]
            .map(|(i, p, t)| appended_at(i, p, t)),
    );
    let lost = batch(2, 1);
    let kept = Record::without_unsent(records, |batch| *batch != lost);
    assert_eq!(terms(&recovered(3, 0, kept)), [1, 1]);
}

#[test]
fn what_took_the_place_of_a_lost_entry_counts_with_all_that_follows_it() {
    let mut records = journal(3, &[1, 2, 2]);
    records.extend([(2, 1, 3), (3, 3, 3)].map(|(i, p, t)| appended_at(i, p, t)));
    let lost = batch(2, 2);
    let kept = Record::without_unsent(records, |batch| *batch != lost);
    assert_eq!(kept.len(), 4);
    assert_eq!(terms(&recovered(3, 0, kept)), [1, 3, 3]);
}

/// Found by review: it was left out in silence, and the replica voted as if it had never acknowledged anything there.
#[test]
fn an_entry_that_follows_nothing_silences() {
    let mut records = journal(2, &[1]);
    records.push(appended_at(3, 2, 2));
    let start = |records: Vec<Record>, index, certified: u64| {
        let config = Config {
            index,
            certified: Height(certified),
            certificate: Some(certificate(certified)).filter(|_| certified > 0),
            inquiry: Some(sha256(b"nonce")),
            ..config(3, 0)
        };
        Replica::recover(config, records)
    };
    let lost = Action::Lost { height: Height(3) };
    let own = Some(ValidatorIndex(0));
    let (mut replica, step) = start(records.clone(), own, 0);
    assert!(step.actions.contains(&lost));
    assert_eq!(replica.halted(), Some(Halted::Forgotten));
    drive(&mut replica, 0, testimony(Vec::new()));
    let step = drive(&mut replica, 0, from(1, asks(3, false, 0, (9, 9))));
    assert!(said(&step).is_empty());
    // Block 2 was on disk when it was appended, or it is a block itself, or nobody counts on who only observes.
    for (index, certified) in [(own, 2), (own, 3), (None, 0)] {
        let (replica, step) = start(records.clone(), index, certified);
        assert!(!step.actions.contains(&lost));
        assert_eq!(replica.halted(), None);
    }
}

#[test]
fn a_term_that_was_written_anew_after_a_later_one_is_not_gone_back_to() {
    let voted = |term: u64, voted_for: Option<u16>| {
        let (term, voted_for) = (Term(term), voted_for.map(ValidatorIndex));
        Record::Raft(Epoch(0), raft::Record::Term { term, voted_for })
    };
    let records = vec![voted(3, None), voted(4, Some(1)), voted(3, None), voted(4, None)];
    let mut voter = recovered(3, 0, records);
    let step = drive(&mut voter, 0, from(2, asks(4, false, 0, (0, 0))));
    assert_eq!(said(&step), [&vote(4, 2, false, false)]);
}

#[test]
fn the_last_term_in_the_journal_counts() {
    let mut records = journal(1, &[1]);
    records.extend(journal(4, &[]));
    records.extend(journal(5, &[]));
    let kept = pruned(records);
    assert_eq!(kept.len(), 2);
    assert_eq!(recovered(3, 0, kept).term().0, 5);
}

fn asking() -> Replica {
    asking_after(journal(2, &[1]))
}

#[test]
fn pitfall_27_nothing_is_signed_before_somebody_has_told_what_was() {
    let mut replica = asking();
    for input in [
        from(1, asks(3, false, 0, (1, 1))),
        from(2, append(3, (1, 1), &[3], 0)),
    ] {
        let step = drive(&mut replica, 0, input);
        assert!(said(&step).is_empty());
        assert!(step.records.is_empty());
    }
    drive(&mut replica, 0, testimony(Vec::new()));
    let step = drive(&mut replica, 0, from(1, asks(3, false, 0, (1, 1))));
    assert_eq!(said(&step), [&vote(3, 1, false, true)]);
}

#[test]
fn pitfall_27_a_vote_an_append_or_a_candidacy_that_is_not_remembered_silences() {
    let statement = |body: Raft| match body {
        Raft::RequestVote(request) => Statement::RequestVote(request),
        Raft::VoteReply(reply) => Statement::VoteReply(reply),
        Raft::AppendReply(reply) => Statement::AppendReply(reply),
        body => panic!("{body:?} binds nobody"),
    };
    let silences = |body: Raft| {
        let mut replica = asking();
        let step = drive(&mut replica, 0, testimony(vec![statement(body)]));
        let forgotten = |action: &Action| matches!(action, Action::Forgotten { .. });
        step.actions.iter().any(forgotten)
    };
    // Its journal is of term 2, in which it voted for nobody, and holds one entry.
    assert!(silences(vote(2, 1, false, true)));
    assert!(silences(vote(3, 1, false, true)));
    assert!(silences(asks(2, false, 0, (1, 1))));
    assert!(silences(appended(2, 1, true, 2)));
    assert!(silences(appended(3, 1, true, 1)));
    assert!(
        !silences(vote(1, 1, false, true)),
        "no vote in term 1 is given any more"
    );
    assert!(
        !silences(appended(1, 1, true, 9)),
        "a later leader may have deleted that"
    );
    assert!(!silences(appended(2, 1, true, 1)));
}

#[test]
fn pitfall_28_others_tell_what_they_heard() {
    let mut leader = replica(3, 0);
    elect(&mut leader, 3, 0);
    drive(&mut leader, 0, from(1, appended(1, 0, true, 0)));
    let inquiry = Body::Inquiry(Inquiry {
        nonce: sha256(b"nonce"),
        certified: Height(0),
    });
    let input = Input::Message(quorate_consensus::Verified::trusted(signed(1, inquiry)));
    let step = leader.step(NOW, input);
    let told = step.actions.iter().find_map(|action| match action {
        Action::Sign(Body::Testimony(testimony)) => Some(testimony.said.len()),
        _ => None,
    });
    assert_eq!(
        told,
        Some(1),
        "its vote; an append up to 0 is about no open height"
    );
}

#[test]
fn what_a_pre_vote_says_is_no_statement() {
    let request = RequestVote {
        term: Term(3),
        pre_vote: true,
        certified: Height(0),
        last: position(0, 0),
    };
    let message = signed(0, Body::Raft(Raft::RequestVote(request)));
    assert_eq!(SignedStatement::of(&message), None);
}

#[test]
fn records_name_their_epoch_and_height() {
    let entry = raft::Record::Entry {
        index: Height(4),
        previous: Term(1),
        entry: entry(1, 4),
    };
    let record = Record::Raft(Epoch(2), entry);
    assert_eq!(
        (record.epoch(), record.height()),
        (Some(Epoch(2)), Some(Height(4)))
    );
    let term = Record::Raft(
        Epoch(2),
        raft::Record::Term {
            term: Term(1),
            voted_for: None,
        },
    );
    assert_eq!((term.epoch(), term.height()), (Some(Epoch(2)), None));
}
