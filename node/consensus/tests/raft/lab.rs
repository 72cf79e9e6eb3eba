//! What tests of Raft are written in.

use quorate_consensus::contract::{Action, Config, Input, Record, Step, Timer, TimerRange};
use quorate_consensus::raft::{
    self, AppendEntries, AppendReply, Body as Raft, Entry, Position, Replica, RequestVote, Term, VoteReply,
};
use quorate_crypto::{Certificate, Digest, Epoch, Height, ValidatorIndex, sha256};
use quorate_ledger::Proposal;

use crate::shared;
pub(crate) use crate::shared::{NOW, from, pruned, signed};

/// The window of the replicas here.
pub(crate) const WINDOW: u64 = 16;

shared::driven!(Replica, Raft, Raft, window: WINDOW, batches: 1);

pub(crate) fn config(size: u8, index: u16) -> Config {
    shared::config::<Replica>(size, index)
}

/// One that has said nothing yet.
pub(crate) fn replica(size: u8, index: u16) -> Replica {
    shared::recovered(size, index, Vec::new())
}

/// One that comes back with this journal.
pub(crate) fn recovered(size: u8, index: u16, records: Vec<Record>) -> Replica {
    shared::recovered(size, index, records)
}

pub(crate) fn certificate(height: u64) -> Certificate {
    shared::certificate_by(2..4, height)
}

/// What a step asks to be signed.
pub(crate) fn asked(step: &Step) -> Vec<&Raft> {
    shared::asked::<Replica>(step)
}

/// Steps, and does at once whatever is asked: signs, keeps, has every batch. Gives all records and all
/// other actions.
pub(crate) fn drive(replica: &mut Replica, own: u16, input: Input) -> Step {
    shared::drive_at(replica, own, NOW, input)
}

/// What a step sends, to whom it may be.
pub(crate) fn said(step: &Step) -> Vec<&Raft> {
    shared::said::<Replica>(step)
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
