//! What holds of Raft's messages (Ongaro and Ousterhout 2014, figure 3), beside what holds of any engine:
//! one vote and one leader a term, one entry an index and term, and logs that are what they are said to be.

use std::collections::BTreeMap;

use quorate_consensus::raft::{AppendEntries, Body, Entry, Replica, Term};
use quorate_crypto::{Digest, Epoch, Height, ValidatorIndex};
use quorate_ledger::Proposal;

/// All that was said.
#[derive(Debug, Default)]
pub(super) struct RaftChecker {
    /// For whom each validator voted.
    votes: BTreeMap<(ValidatorIndex, Epoch, Term), ValidatorIndex>,
    leaders: BTreeMap<(Epoch, Term), ValidatorIndex>,
    /// What an entry holds.
    entries: BTreeMap<(Epoch, Height, Term), Digest>,
    /// What the leader of each term has, but for what was a block when it began.
    logs: BTreeMap<(Epoch, Term), BTreeMap<Height, Entry>>,
}

impl RaftChecker {
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
            Body::RequestVote(request) if !request.pre_vote => self.on_vote(by, epoch, request.term, by),
            Body::VoteReply(reply) if reply.granted && !reply.pre_vote => {
                self.on_vote(by, epoch, reply.term, reply.candidate)
            }
            Body::AppendEntries(append) => self.on_append(by, epoch, end, append),
            _ => None,
        }
    }

    /// The same as its sender's log, which is seen, has it: what a follower acknowledges is what its leader
    /// has, from the follower's certified height on. Where that was a block it is what was decided.
    pub(super) fn on_logged(
        &mut self,
        by: ValidatorIndex,
        epoch: Epoch,
        body: &Body,
        replica: &Replica,
        decided: &BTreeMap<Height, Proposal>,
    ) -> Option<String> {
        match body {
            Body::AppendEntries(append) => {
                let log = self.logs.entry((epoch, append.term)).or_default();
                for (index, entry) in replica.entries() {
                    log.entry(index).or_insert_with(|| entry.clone());
                }
                None
            }
            Body::AppendReply(reply) if reply.success => {
                let log = self.logs.get(&(epoch, reply.term))?;
                let acknowledged = replica.entries().take_while(|(index, _)| *index <= reply.index);
                let is_another = |(index, entry): &(Height, &Entry)| match log.get(index) {
                    Some(leaders) => leaders != *entry,
                    None => decided.get(index).is_some_and(|block| *block != entry.proposal),
                };
                let (at, _) = acknowledged.into_iter().find(is_another)?;
                let (index, term) = (reply.index, reply.term);
                Some(format!(
                    "log matching: {by} acknowledges entry {index} in term {term}, and its log is not the \
                     leader's at {at}"
                ))
            }
            _ => None,
        }
    }

    fn on_vote(
        &mut self,
        by: ValidatorIndex,
        epoch: Epoch,
        term: Term,
        candidate: ValidatorIndex,
    ) -> Option<String> {
        let first = *self.votes.entry((by, epoch, term)).or_insert(candidate);
        (first != candidate)
            .then(|| format!("validator {by} votes for {first} and for {candidate} in term {term}"))
    }

    fn on_append(
        &mut self,
        by: ValidatorIndex,
        epoch: Epoch,
        end: Option<Height>,
        append: &AppendEntries,
    ) -> Option<String> {
        let term = append.term;
        let leader = *self.leaders.entry((epoch, term)).or_insert(by);
        if leader != by {
            return Some(format!(
                "election safety: {leader} and {by} both lead term {term}"
            ));
        }
        let mut index = append.previous.index;
        for entry in &append.entries {
            index = index.next();
            let proposal = entry.proposal.digest();
            if end.is_some_and(|last| index > last) && entry.proposal != Proposal::null() {
                return Some(format!(
                    "{by} proposes for {index}, past the end of epoch {epoch}"
                ));
            }
            let place = (epoch, index, entry.term);
            if *self.entries.entry(place).or_insert(proposal) != proposal {
                let term = entry.term;
                return Some(format!(
                    "log matching: two logs differ in entry {index} of term {term}"
                ));
            }
        }
        None
    }
}
