//! Figure 2's persistent state: durable before anything that follows from it leaves (pitfall 11).

use quorate_consensus::contract::{Action, Input, Record, Timer};
use quorate_consensus::{Body, Verified, raft};
use quorate_crypto::{Epoch, Height, ValidatorIndex, sha256};

use crate::lab::*;

fn term(term: u64, voted_for: Option<u16>) -> Record {
    let record = raft::Record::Term {
        term: raft::Term(term),
        voted_for: voted_for.map(ValidatorIndex),
    };
    Record::Raft(Epoch(0), record)
}

#[test]
fn pitfall_11_a_vote_is_durable_before_it_leaves() {
    let mut voter = replica(3, 0);
    let step = voter.step(NOW, from(1, asks(1, false, 0, (0, 0))));
    assert_eq!(step.records, [term(1, Some(1))]);
    assert!(
        said(&step).is_empty(),
        "nothing leaves before it comes back signed"
    );
    let own = signed(0, Body::Raft(vote(1, 1, false, true)));
    let step = voter.step(NOW, Input::Own(own));
    assert_eq!(said(&step), [&vote(1, 1, false, true)]);
}

#[test]
fn a_candidate_votes_for_itself_durably_before_it_asks_others() {
    let mut candidate = replica(3, 0);
    drive(&mut candidate, 0, timeout(0));
    let step = candidate.step(NOW, from(1, vote(1, 0, true, true)));
    assert_eq!(step.records, [term(1, Some(0))]);
    assert_eq!(asked(&step), [&asks(1, false, 0, (0, 0))]);
}

#[test]
fn a_term_is_recorded_before_the_first_entry_of_it() {
    let mut follower = replica(3, 1);
    let step = drive(&mut follower, 1, from(0, append(4, (0, 0), &[4], 0)));
    let entry = raft::Record::Entry {
        index: Height(1),
        previous: raft::Term(0),
        entry: entry(4, 1),
    };
    assert_eq!(step.records, [term(4, None), Record::Raft(Epoch(0), entry)]);
}

#[test]
fn a_leader_counts_its_own_entry_only_when_that_is_durable() {
    let mut leader = replica(3, 0);
    elect(&mut leader, 3, 0);
    let step = leader.step(NOW, Input::BatchesAvailable(vec![batch(1, 1)]));
    let own = |body: &raft::Body| Input::Own(signed(0, Body::Raft(body.clone())));
    let step = leader.step(NOW, own(asked(&step)[0]));
    assert!(step.records.is_empty());
    let (height, proposal) = (Height(1), entry(1, 1).proposal.digest());
    let step = leader.step(NOW, Input::ProposalAvailable { height, proposal });
    assert_eq!(step.records.len(), 1);
    let itself = asked(&step)[0].clone();
    assert_eq!(
        (&itself, leader.vouched(&itself.clone().into())),
        (&appended(1, 0, true, 1), vec![batch(1, 1)])
    );
    assert!(itself.follows_records());
    let step = drive(&mut leader, 0, from(1, appended(1, 0, true, 1)));
    assert!(decided(&step).is_empty(), "one of three has it durably");
    let step = leader.step(NOW, own(&itself));
    assert_eq!(decided(&step), [1]);
    let leaves = |action: &Action| matches!(action, Action::Send { .. });
    assert!(
        !step.actions.iter().any(leaves),
        "its answer to itself is nobody else's"
    );
}

/// Thesis, 10.2.1. Found by review: a leader with a slow disk made each entry wait for it, though a quorum without
/// it had the entry; and as its heartbeats came, it led for ever.
#[test]
fn an_append_leaves_before_the_leader_has_it_and_a_quorum_of_others_commits_it() {
    let mut leader = replica(3, 0);
    elect(&mut leader, 3, 0);
    let step = leader.step(NOW, Input::BatchesAvailable(vec![batch(1, 1)]));
    let append_1 = asked(&step)[0].clone();
    assert!(step.records.is_empty() && leader.vouched(&append_1.clone().into()).is_empty());
    assert!(!append_1.follows_records(), "it waits for no disk");
    let step = leader.step(NOW, Input::Own(signed(0, Body::Raft(append_1.clone()))));
    assert_eq!(said(&step), [&append_1]);
    assert!(step.records.is_empty());
    leader.step(NOW, from(1, appended(1, 0, true, 1)));
    let step = leader.step(NOW, from(2, appended(1, 0, true, 1)));
    assert_eq!(decided(&step), [1]);
    // A crash now: its journal lacks the entry, which two others have, and of which one of them has to vote.
    let restarted = recovered(3, 0, journal(1, &[]));
    assert!(terms(&restarted).is_empty() && !restarted.is_leading());
    let mut voter = recovered(3, 1, journal(1, &[1]));
    let step = drive(&mut voter, 1, from(0, asks(2, false, 0, (0, 0))));
    assert_eq!(said(&step), [&vote(2, 0, false, false)]);
}

/// A journal with a gap would be taken for one that has lost something.
#[test]
fn a_leader_records_what_it_has_not_recorded_yet_before_anything_follows_it() {
    let index = |record: &Record| match record {
        Record::Raft(_, raft::Record::Entry { index, .. }) => Some(index.0),
        _ => None,
    };
    let indexes = |records: &[Record]| records.iter().filter_map(index).collect::<Vec<_>>();
    let with_two = || {
        let mut leader = replica(3, 0);
        elect(&mut leader, 3, 0);
        leader.step(NOW, Input::BatchesAvailable(vec![batch(1, 1), batch(1, 2)]));
        leader
    };
    let available = |index| Input::ProposalAvailable {
        height: Height(index),
        proposal: entry(1, index).proposal.digest(),
    };
    let mut leader = with_two();
    assert!(leader.step(NOW, available(2)).records.is_empty(), "in order");
    assert_eq!(indexes(&leader.step(NOW, available(1)).records), [1, 2]);
    // It follows another.
    let mut leader = with_two();
    let step = leader.step(NOW, from(1, append(2, (0, 0), &[], 0)));
    assert_eq!((indexes(&step.records), leader.is_leading()), (vec![1, 2], false));
    // The first becomes a block that is not on disk yet.
    let mut leader = with_two();
    for follower in [1, 2] {
        leader.step(NOW, from(follower, appended(1, 0, true, 1)));
    }
    let (height, block) = (Height(1), sha256(b"block"));
    leader.step(NOW, Input::Executed { height, block });
    let mut records = Vec::new();
    for other in [1, 2] {
        let seal = Verified::trusted(signed(other, Body::Seal { height, block }));
        records.extend(leader.step(NOW, Input::Message(seal)).records);
    }
    assert_eq!((leader.certified(), indexes(&records)), (height, vec![1]));
}

/// A quorum without this replica decides before its own batches are durable: a crash may lose its entry,
/// and nothing would explain its seal; not even if the others' seals are here first, as the block that they
/// certify is not on disk then.
#[test]
fn a_seal_that_a_crash_could_leave_unexplained_is_recorded() {
    let seal = |acknowledged: bool, is_last: bool| {
        let mut follower = replica(3, 1);
        follower.step(NOW, from(0, append(1, (0, 0), &[1], 0)));
        let (height, proposal) = (Height(1), entry(1, 1).proposal.digest());
        follower.step(NOW, Input::ProposalAvailable { height, proposal });
        if acknowledged {
            let own = signed(1, Body::Raft(appended(1, 0, true, 1)));
            follower.step(NOW, Input::Own(own));
        }
        follower.step(NOW, from(0, append(1, (1, 1), &[], 1)));
        let block = sha256(b"block");
        let seal = Body::Seal { height, block };
        if is_last {
            for other in [0, 2] {
                let sealed = Verified::trusted(signed(other, seal.clone()));
                follower.step(NOW, Input::Message(sealed));
            }
        }
        follower.step(NOW, Input::Executed { height, block });
        assert_eq!(follower.certified() == height, is_last);
        follower.step(NOW, Input::Own(signed(1, seal))).records
    };
    for is_last in [false, true] {
        assert!(matches!(seal(false, is_last)[..], [Record::Own(_)]), "{is_last}");
        assert!(seal(true, is_last).is_empty());
    }
}

/// A follower whose first entry has become a block before its batches were durable.
fn certified_before_durable() -> raft::Replica {
    let mut follower = replica(3, 1);
    let available = |index| Input::ProposalAvailable {
        height: Height(index),
        proposal: entry(1, index).proposal.digest(),
    };
    follower.step(NOW, from(0, append(1, (0, 0), &[1], 0)));
    follower.step(NOW, available(1));
    follower.step(NOW, from(0, append(1, (1, 1), &[], 1)));
    let (height, block) = (Height(1), sha256(b"block"));
    follower.step(NOW, Input::Executed { height, block });
    for other in [0, 2] {
        let seal = Verified::trusted(signed(other, Body::Seal { height, block }));
        follower.step(NOW, Input::Message(seal));
    }
    assert_eq!(follower.certified(), height);
    follower.step(NOW, from(0, append(1, (1, 1), &[1], 1)));
    follower.step(NOW, available(2));
    follower
}

#[test]
fn an_acknowledgement_vouches_for_batches_and_nothing_else_does() {
    let mut leader = recovered(3, 0, Vec::new());
    elect(&mut leader, 3, 0);
    let step = leader.step(NOW, Input::BatchesAvailable(vec![batch(1, 1)]));
    let own = asked(&step)[0].clone();
    for body in [own, appended(1, 0, true, 0), append(1, (1, 1), &[], 0)] {
        assert!(leader.vouched(&body.clone().into()).is_empty(), "{body:?}");
    }
    assert!(!leader.vouched(&appended(1, 0, true, 1).into()).is_empty());
}

/// Neither batches nor block are on disk: a crash would take the first entry away, and all above it.
#[test]
fn an_answer_waits_for_the_batches_of_entries_that_are_blocks_already() {
    let mut follower = certified_before_durable();
    let reply = appended(1, 0, true, 2);
    assert_eq!(
        follower.vouched(&reply.clone().into()),
        [batch(1, 1), batch(1, 2)]
    );
    follower.step(NOW, Input::Own(signed(1, Body::Raft(reply))));
    let next = appended(1, 0, true, 3);
    follower.step(NOW, from(0, append(1, (2, 1), &[1], 1)));
    let (height, proposal) = (Height(3), entry(1, 3).proposal.digest());
    follower.step(NOW, Input::ProposalAvailable { height, proposal });
    assert_eq!(
        follower.vouched(&next.clone().into()),
        [batch(1, 3)],
        "the others are durable"
    );
}

#[test]
fn a_leader_counts_itself_only_with_all_batches_below() {
    let mut leader = certified_before_durable();
    // It has heard that both entries are committed, and leads the next term.
    leader.step(NOW, from(0, append(1, (2, 1), &[], 2)));
    elect(&mut leader, 3, 1);
    leader.step(NOW, Input::BatchesAvailable(vec![batch(2, 3)]));
    let itself = appended(2, 1, true, 3);
    assert_eq!(
        leader.vouched(&itself.clone().into()),
        [batch(1, 1), batch(1, 2), batch(2, 3)]
    );
    let heartbeat = leader.step(NOW, Input::Timeout(Timer::Heartbeat { reign: 2 }));
    assert!(
        leader.vouched(&asked(&heartbeat)[0].clone().into()).is_empty(),
        "it counts for nothing"
    );
}
