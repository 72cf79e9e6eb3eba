//! Replicas driven by hand, with signatures that nobody checks.

use std::collections::VecDeque;

use quorate_consensus::contract::{Action, Config, Input, Record, Step, Timer, TimerRange, Timing};
use quorate_consensus::raft::{
    self, AppendEntries, AppendReply, Body as Raft, Entry, Position, Replica, RequestVote, Term, VoteReply,
};
use quorate_consensus::{Body, Message, Verified};
use quorate_crypto::{
    Certificate, CertificateV1, Committee, Digest, Epoch, Height, Protocol, PublicKey, Seal, Signature,
    ValidatorIndex, sha256,
};
use quorate_ledger::{Parameters, ParametersV1, Proposal, Timestamp};

/// The time of every step that does not say otherwise.
pub(crate) const NOW: Timestamp = Timestamp(1_000_000);

/// The window of the replicas here.
pub(crate) const WINDOW: u64 = 16;

pub(crate) fn committee(size: u8) -> Committee {
    let keys = (1..=size).map(|number| PublicKey([number; 32])).collect();
    Committee::new(Epoch(0), Protocol::Raft, 1, keys)
}

pub(crate) fn config(size: u8, index: u16) -> Config {
    let range = |from_ms| TimerRange {
        from_ms,
        to_ms: from_ms * 2,
    };
    Config {
        network: sha256(b"laboratory"),
        committee: committee(size),
        index: Some(ValidatorIndex(index)),
        parameters: Parameters::V1(ParametersV1 {
            window: u32::try_from(WINDOW).unwrap(),
            max_proposal_batches: 1,
            ..ParametersV1::default()
        }),
        epoch_start: Height::GENESIS,
        epoch_end: None,
        certified: Height::GENESIS,
        certificate: None,
        inquiry: None,
        timing: Timing {
            resend: range(100),
            progress: range(500),
            progress_cap_ms: 4_000,
            heartbeat: range(100),
            election: range(500),
        },
    }
}

/// One that has said nothing yet.
pub(crate) fn replica(size: u8, index: u16) -> Replica {
    started(Replica::start(config(size, index)), index)
}

/// One that comes back with this journal.
pub(crate) fn recovered(size: u8, index: u16, records: Vec<Record>) -> Replica {
    started(Replica::recover(config(size, index), records), index)
}

fn started((mut replica, step): (Replica, Step), index: u16) -> Replica {
    for action in step.actions {
        if let Action::Sign(body) = action {
            replica.step(NOW, Input::Own(signed(index, body)));
        }
    }
    replica
}

/// A journal of one that was in `term` and had a log of entries of these terms.
pub(crate) fn journal(term: u64, log: &[u64]) -> Vec<Record> {
    let voted_for = None;
    let term = raft::Record::Term {
        term: Term(term),
        voted_for,
    };
    let mut records = vec![term];
    let mut previous = Term(0);
    for (term, index) in log.iter().zip(1..) {
        let entry = entry(*term, index);
        let term = entry.term;
        records.push(raft::Record::Entry {
            index: Height(index),
            previous,
            entry,
        });
        previous = term;
    }
    let records = records.into_iter();
    records.map(|record| Record::Raft(Epoch(0), record)).collect()
}

/// The entry that the leader of `term` made at `index`.
pub(crate) fn entry(term: u64, index: u64) -> Entry {
    Entry {
        term: Term(term),
        proposal: Proposal::new(NOW, vec![batch(term, index)]),
    }
}

pub(crate) fn batch(term: u64, index: u64) -> Digest {
    sha256(format!("{term} {index}").as_bytes())
}

pub(crate) fn signed(sender: u16, body: Body) -> Message {
    Message::new(Epoch(0), ValidatorIndex(sender), body, Signature([7; 64]))
}

pub(crate) fn from(sender: u16, body: Raft) -> Input {
    Input::Message(Verified::trusted(signed(sender, Body::Raft(body))))
}

pub(crate) fn position(index: u64, term: u64) -> Position {
    Position {
        index: Height(index),
        term: Term(term),
    }
}

/// An append of `term` after this place, of entries of these terms, with this commit index, by a leader that
/// has certified nothing.
pub(crate) fn append(term: u64, previous: (u64, u64), terms: &[u64], commit: u64) -> Raft {
    let entries = terms.iter().zip(previous.0 + 1..);
    Raft::AppendEntries(AppendEntries {
        term: Term(term),
        previous: position(previous.0, previous.1),
        entries: entries.map(|(term, index)| entry(*term, index)).collect(),
        commit: Height(commit),
        certified: Height(0),
    })
}

pub(crate) fn appended(term: u64, leader: u16, success: bool, index: u64) -> Raft {
    Raft::AppendReply(AppendReply {
        term: Term(term),
        leader: ValidatorIndex(leader),
        success,
        index: Height(index),
    })
}

pub(crate) fn asks(term: u64, pre_vote: bool, certified: u64, last: (u64, u64)) -> Raft {
    Raft::RequestVote(RequestVote {
        term: Term(term),
        pre_vote,
        certified: Height(certified),
        last: position(last.0, last.1),
    })
}

pub(crate) fn vote(term: u64, candidate: u16, pre_vote: bool, granted: bool) -> Raft {
    Raft::VoteReply(VoteReply {
        term: Term(term),
        candidate: ValidatorIndex(candidate),
        pre_vote,
        granted,
    })
}

pub(crate) fn timeout(term: u64) -> Input {
    Input::Timeout(Timer::Progress { reign: term })
}

pub(crate) fn certificate(height: u64) -> Certificate {
    let seals = (2..4).map(|validator| Seal {
        validator: ValidatorIndex(validator),
        signature: Signature([7; 64]),
    });
    Certificate::V1(CertificateV1 {
        epoch: Epoch(0),
        height: Height(height),
        block: sha256(&height.to_le_bytes()),
        seals: seals.collect(),
    })
}

/// What a step asks to be signed.
pub(crate) fn asked(step: &Step) -> Vec<&Raft> {
    let mut asked = Vec::new();
    for action in &step.actions {
        if let Action::Sign(Body::Raft(body)) = action {
            asked.push(body);
        }
    }
    asked
}

/// Steps, and does at once whatever is asked: signs, keeps, has every batch. Gives all records and all
/// other actions.
pub(crate) fn drive(replica: &mut Replica, own: u16, input: Input) -> Step {
    let mut inputs = VecDeque::from([input]);
    let mut all = Step::default();
    while let Some(input) = inputs.pop_front() {
        let step = replica.step(NOW, input);
        replica.check_invariants();
        all.records.extend(step.records);
        all.rejection = all.rejection.or(step.rejection);
        for action in step.actions {
            match action {
                Action::Sign(body) => inputs.push_back(Input::Own(signed(own, body))),
                Action::RequireBatches { height, proposal, .. } => {
                    inputs.push_back(Input::ProposalAvailable { height, proposal });
                }
                action => all.actions.push(action),
            }
        }
    }
    all
}

/// What a step sends, to whom it may be.
pub(crate) fn said(step: &Step) -> Vec<&Raft> {
    let mut said = Vec::new();
    for action in &step.actions {
        if let Action::Broadcast(message) | Action::Send { message, .. } = action
            && let Body::Raft(body) = &message.v1().body
        {
            said.push(body);
        }
    }
    said
}

/// The range of the election timer that a step leaves running, if it sets it.
pub(crate) fn election_timeout(step: &Step) -> Option<TimerRange> {
    let mut range = None;
    for action in &step.actions {
        match action {
            Action::SetTimer {
                timer: Timer::Progress { .. },
                after,
            } => range = Some(*after),
            Action::CancelTimer(Timer::Progress { .. }) => range = None,
            _ => {}
        }
    }
    range
}

/// The heights that a step decides.
pub(crate) fn decided(step: &Step) -> Vec<u64> {
    let mut heights = Vec::new();
    for action in &step.actions {
        if let Action::Decide { height, .. } = action {
            heights.push(height.0);
        }
    }
    heights
}

/// The terms of a replica's log.
pub(crate) fn terms(replica: &Replica) -> Vec<u64> {
    replica.entries().map(|(_, entry)| entry.term.0).collect()
}

/// Makes a replica the leader of the term after the one that it is in, with the votes of all others.
pub(crate) fn elect(replica: &mut Replica, size: u16, own: u16) -> Step {
    let (term, next) = (replica.term().0, replica.term().0 + 1);
    drive(replica, own, timeout(term));
    let mut all = Step::default();
    for (pre_vote, voter) in [true, false]
        .into_iter()
        .flat_map(|pre_vote| (0..size).map(move |voter| (pre_vote, voter)))
        .filter(|(_, voter)| *voter != own)
    {
        all.merge(drive(replica, own, from(voter, vote(next, own, pre_vote, true))));
    }
    assert!(replica.is_leading(), "everybody votes for it");
    all
}
