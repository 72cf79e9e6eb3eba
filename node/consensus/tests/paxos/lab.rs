//! What tests of Paxos are written in.

use quorate_consensus::contract::{Action, Config, Input, Record, Step, Timer};
use quorate_consensus::paxos::{
    self, Accept, Accepted, AcceptedValue, Ballot, Body as Paxos, Chosen, Nack, Prepare, Promise, Replica,
    Value, ValueDigest, Yield,
};
use quorate_crypto::{Certificate, Digest, Epoch, Height, ValidatorIndex, sha256};
use quorate_ledger::Proposal;

use crate::shared;
pub(crate) use crate::shared::{NOW, from, pruned, signed};

/// The window of the replicas here.
pub(crate) const WINDOW: u64 = 16;

shared::driven!(Replica, Paxos, Paxos, window: WINDOW, batches: 1);

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
    shared::certificate_by(1..3, height)
}

/// What a step asks to be signed.
pub(crate) fn asked(step: &Step) -> Vec<&Paxos> {
    shared::asked::<Replica>(step)
}

/// Steps, and does at once whatever is asked: signs, keeps, has every batch. Gives all records and all
/// other actions.
pub(crate) fn drive(replica: &mut Replica, own: u16, input: Input) -> Step {
    shared::drive_at(replica, own, NOW, input)
}

/// What a step sends, to whom it may be.
pub(crate) fn said(step: &Step) -> Vec<&Paxos> {
    shared::said::<Replica>(step)
}

pub(crate) fn ballot(round: u64, proposer: u16) -> Ballot {
    Ballot {
        round,
        proposer: ValidatorIndex(proposer),
    }
}

/// The value that is proposed first in a ballot for a height.
pub(crate) fn value(ballot: Ballot, height: u64) -> Proposal {
    Proposal::new(NOW, vec![batch(ballot, height)])
}

pub(crate) fn batch(ballot: Ballot, height: u64) -> Digest {
    sha256(format!("{ballot} {height}").as_bytes())
}

/// That a height's value of a ballot was accepted in it.
pub(crate) fn accepted_value(height: u64, ballot: Ballot) -> AcceptedValue {
    AcceptedValue {
        height: Height(height),
        ballot,
        proposal: value(ballot, height),
    }
}

/// A journal of one that has promised a ballot and accepted values in these.
pub(crate) fn journal(promised: Ballot, accepted: &[(u64, Ballot)]) -> Vec<Record> {
    let accepted = accepted.iter();
    let values = accepted.map(|(height, ballot)| accepted_value(*height, *ballot));
    let mut records = vec![paxos::Record::Promised(promised)];
    records.extend(values.map(paxos::Record::Accepted));
    let records = records.into_iter();
    records.map(|record| Record::Paxos(Epoch(0), record)).collect()
}

pub(crate) fn prepare(ballot: Ballot, certified: u64) -> Paxos {
    Paxos::Prepare(Prepare {
        ballot,
        certified: Height(certified),
    })
}

/// A promise that tells of what was accepted in these ballots.
pub(crate) fn promise(ballot: Ballot, certified: u64, accepted: &[(u64, Ballot)]) -> Paxos {
    let accepted = accepted.iter();
    Paxos::Promise(Promise {
        ballot,
        certified: Height(certified),
        accepted: accepted
            .map(|(height, ballot)| accepted_value(*height, *ballot))
            .collect(),
    })
}

/// An accept request of fresh values, by a proposer that has certified nothing.
pub(crate) fn accept(ballot: Ballot, heights: &[u64]) -> Paxos {
    let values = heights
        .iter()
        .map(|height| (*height, value(ballot, *height), true));
    accept_values(ballot, values.collect())
}

/// The same of any values.
pub(crate) fn accept_values(ballot: Ballot, values: Vec<(u64, Proposal, bool)>) -> Paxos {
    let values = values.into_iter();
    Paxos::Accept(Accept {
        ballot,
        certified: Height(0),
        values: values
            .map(|(height, proposal, fresh)| Value {
                height: Height(height),
                proposal,
                fresh,
            })
            .collect(),
    })
}

/// The answer to [`accept`].
pub(crate) fn accepted(ballot: Ballot, heights: &[u64]) -> Paxos {
    let values = heights.iter().map(|height| (*height, value(ballot, *height)));
    accepted_values(ballot, values.collect())
}

pub(crate) fn accepted_values(ballot: Ballot, values: Vec<(u64, Proposal)>) -> Paxos {
    let values = values.into_iter();
    Paxos::Accepted(Accepted {
        ballot,
        values: values
            .map(|(height, proposal)| ValueDigest {
                height: Height(height),
                proposal: proposal.digest(),
            })
            .collect(),
    })
}

pub(crate) fn nack(ballot: Ballot, promised: Ballot) -> Paxos {
    Paxos::Nack(Nack { ballot, promised })
}

pub(crate) fn chosen(ballot: Ballot, height: u64, proposal: Proposal) -> Paxos {
    Paxos::Chosen(Chosen {
        ballot,
        height: Height(height),
        proposal,
    })
}

pub(crate) fn yields(ballot: Ballot, successor: u16) -> Paxos {
    let successor = ValidatorIndex(successor);
    Paxos::Yield(Yield { ballot, successor })
}

/// The election timer of a replica fires.
pub(crate) fn time_out(replica: &mut Replica, own: u16) -> Step {
    let reign = replica.ballot().round;
    drive(replica, own, Input::Timeout(Timer::Progress { reign }))
}

/// The heartbeat timer of a distinguished proposer fires.
pub(crate) fn beat(replica: &mut Replica, own: u16) -> Step {
    let reign = replica.ballot().round;
    drive(replica, own, Input::Timeout(Timer::Heartbeat { reign }))
}

/// What a step decides.
pub(crate) fn decided(step: &Step) -> Vec<(u64, &Proposal)> {
    let mut heights = Vec::new();
    for action in &step.actions {
        if let Action::Decide { height, proposal } = action {
            heights.push((height.0, proposal));
        }
    }
    heights
}

/// Makes replica 0 the distinguished proposer of a ballot above all that it has heard of, by promises of all
/// others, which tell of this. Gives all that it says from then on.
pub(crate) fn lead(replica: &mut Replica, size: u16, told: &[(u64, Ballot)]) -> (Ballot, Step) {
    let step = time_out(replica, 0);
    let mut prepared = said(&step).into_iter().filter_map(|body| match body {
        Paxos::Prepare(prepare) => Some((prepare.ballot, prepare.certified)),
        _ => None,
    });
    let (ballot, certified) = prepared.next().unwrap();
    let mut all = Step::default();
    for acceptor in 1..size {
        all.merge(drive(
            replica,
            0,
            from(acceptor, promise(ballot, certified.0, told)),
        ));
    }
    assert!(replica.is_leading(), "everybody promises");
    (ballot, all)
}
