//! What holds of the messages of Paxos (Lamport 2001, section 2.2), beside what holds of any engine: one
//! value a ballot and height, and promises that are kept and tell the truth.

use std::collections::BTreeMap;

use quorate_consensus::paxos::{Accept, Accepted, Ballot, Body, Chosen, Promise};
use quorate_crypto::{Digest, Epoch, Height, ValidatorIndex};
use quorate_ledger::Proposal;

/// All that was said.
#[derive(Debug, Default)]
pub(super) struct PaxosChecker {
    /// What is proposed in a ballot for a height.
    proposed: BTreeMap<(Epoch, Height, Ballot), Digest>,
    /// In which ballot each acceptor has accepted something last, as it said.
    accepted: BTreeMap<(ValidatorIndex, Epoch, Height), Ballot>,
    /// The promise of the highest ballot that left each acceptor.
    promises: BTreeMap<(ValidatorIndex, Epoch), Promise>,
    chosen: BTreeMap<(Epoch, Height), Digest>,
}

impl PaxosChecker {
    /// A message leaves an honest validator, in an epoch whose last height may be known. Gives the rule that
    /// is broken by that.
    pub(super) fn on_sent(
        &mut self,
        by: ValidatorIndex,
        epoch: Epoch,
        end: Option<Height>,
        body: &Body,
    ) -> Option<String> {
        match body {
            Body::Promise(promise) => self.on_promise(by, epoch, promise),
            Body::Accept(accept) => self.on_accept(by, epoch, end, accept),
            Body::Accepted(accepted) => self.on_accepted(by, epoch, accepted),
            Body::Chosen(chosen) => self.on_chosen(by, epoch, chosen),
            Body::Prepare(_) | Body::Nack(_) | Body::Yield(_) => None,
        }
    }

    /// A promise tells of all that its acceptor has accepted in lower ballots above the proposer's certified height.
    /// What it has accepted in the promise's own ballot its proposer has proposed after a quorum's promises: one that is
    /// said again, and waits for batches, may leave after that.
    fn on_promise(&mut self, by: ValidatorIndex, epoch: Epoch, promise: &Promise) -> Option<String> {
        let above = (by, epoch, promise.certified.next())..=(by, epoch, Height(u64::MAX));
        let mut said = self.accepted.range(above);
        let hidden = said.find(|((_, _, height), ballot)| {
            **ballot < promise.ballot && !tells_of(promise, *height, **ballot)
        });
        if let Some(((_, _, height), ballot)) = hidden {
            return Some(format!(
                "{by} promises ballot {} and hides what it accepted at {height} in ballot {ballot}",
                promise.ballot
            ));
        }
        let kept = self.promises.get(&(by, epoch));
        if kept.is_none_or(|kept| promise.ballot >= kept.ballot) {
            self.promises.insert((by, epoch), promise.clone());
        }
        None
    }

    /// One value a ballot and height, said by the ballot's proposer.
    fn on_accept(
        &mut self,
        by: ValidatorIndex,
        epoch: Epoch,
        end: Option<Height>,
        accept: &Accept,
    ) -> Option<String> {
        let ballot = accept.ballot;
        if ballot.proposer != by {
            return Some(format!("{by} proposes in ballot {ballot}"));
        }
        for value in &accept.values {
            let height = value.height;
            if end.is_some_and(|last| height > last) {
                return Some(format!(
                    "{by} proposes for {height}, past the end of epoch {epoch}"
                ));
            }
            let digest = value.proposal.digest();
            let place = (epoch, height, ballot);
            if *self.proposed.entry(place).or_insert(digest) != digest {
                return Some(format!("two values are proposed for {height} in ballot {ballot}"));
            }
        }
        None
    }

    /// P1a: after a promise nothing is accepted in a lower ballot but what that promise told of.
    fn on_accepted(&mut self, by: ValidatorIndex, epoch: Epoch, accepted: &Accepted) -> Option<String> {
        let ballot = accepted.ballot;
        for value in &accepted.values {
            let height = value.height;
            if self.proposed.get(&(epoch, height, ballot)) != Some(&value.proposal) {
                return Some(format!(
                    "{by} accepts at {height} in ballot {ballot} what nobody proposed"
                ));
            }
            let promise = self.promises.get(&(by, epoch));
            if let Some(promise) = promise.filter(|promise| promise.ballot > ballot)
                && height > promise.certified
                && !tells_of(promise, height, ballot)
            {
                return Some(format!(
                    "{by} accepts at {height} in ballot {ballot}, below the ballot {} that it has promised",
                    promise.ballot
                ));
            }
            let last = self.accepted.entry((by, epoch, height)).or_insert(ballot);
            *last = ballot.max(*last);
        }
        None
    }

    fn on_chosen(&mut self, by: ValidatorIndex, epoch: Epoch, chosen: &Chosen) -> Option<String> {
        let (height, digest) = (chosen.height, chosen.proposal.digest());
        let first = *self.chosen.entry((epoch, height)).or_insert(digest);
        let null = Proposal::null().digest();
        (first != digest).then(|| {
            let what = if digest == null { "null" } else { "another value" };
            format!("{by} says that {what} is chosen for {height}, for which one is already")
        })
    }
}

/// Whether a promise holds what was accepted for a height in this ballot, or in one since.
fn tells_of(promise: &Promise, height: Height, ballot: Ballot) -> bool {
    let mut accepted = promise.accepted.iter();
    accepted.any(|value| value.height == height && value.ballot >= ballot)
}
