//! What holds of Raft's messages (Ongaro and Ousterhout 2014, figure 3), beside what holds of any engine:
//! one vote and one leader a term, one entry an index and term.

use std::collections::BTreeMap;

use quorate_consensus::raft::{AppendEntries, Body, Term};
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
