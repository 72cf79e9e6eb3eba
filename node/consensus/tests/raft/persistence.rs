//! Figure 2's persistent state: durable before anything that follows from it leaves (pitfall 11).

use quorate_consensus::contract::{Input, Record};
use quorate_consensus::{Body, raft};
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
    assert_eq!(step.records.len(), 1);
    let own = asked(&step)[0].clone();
    let step = drive(&mut leader, 0, from(1, appended(1, 0, true, 1)));
    assert!(decided(&step).is_empty(), "one of three has it durably");
    let step = drive(&mut leader, 0, Input::Own(signed(0, Body::Raft(own))));
    assert_eq!(decided(&step), [1]);
}

/// A quorum without this replica decides before its own batches are durable: a crash may lose its entry,
/// and nothing would explain its seal.
#[test]
fn a_seal_that_a_crash_could_leave_unexplained_is_recorded() {
    let seal = |acknowledged: bool| {
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
        follower.step(NOW, Input::Executed { height, block });
        let own = signed(1, Body::Seal { height, block });
        follower.step(NOW, Input::Own(own)).records
    };
    assert!(matches!(seal(false)[..], [Record::Own(_)]));
    assert!(seal(true).is_empty());
}
