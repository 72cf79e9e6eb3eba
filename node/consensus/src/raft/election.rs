//! Leader election (Ongaro and Ousterhout 2014, section 5.2) with pre-vote (thesis, 9.6).

use std::collections::BTreeSet;

use quorate_crypto::{Height, ValidatorIndex};

use super::Replica;
use super::log::Log;
use super::message::{Body, Position, RequestVote, Term, VoteReply};
use super::replica::Role;
use crate::contract::Rejection;
use crate::message::Message;

impl Replica {
    /// No leader was heard in time: asks who would vote for it in the next term. That binds nobody, so
    /// whoever is cut off, or behind, drives no terms up.
    pub(super) fn stand_for_election(&mut self) {
        self.leader_heard = false;
        self.role = Role::PreCandidate {
            votes: BTreeSet::new(),
        };
        let request = self.request_vote(true, self.term.next());
        self.sign(Body::RequestVote(request));
    }

    /// Begins a term as its candidate, with its own vote.
    pub(super) fn campaign(&mut self) {
        self.move_to(self.term.next());
        self.voted_for = self.base.config.index;
        self.role = Role::Candidate {
            votes: BTreeSet::new(),
        };
        self.cancel_election_timer();
        let request = self.request_vote(false, self.term);
        self.sign(Body::RequestVote(request));
    }

    /// Whether it stands, and its request for votes has not come back: nobody can have answered yet.
    pub(super) fn is_about_to_ask(&self) -> bool {
        let own = self.base.config.index.unwrap_or_default();
        match &self.role {
            Role::PreCandidate { votes } | Role::Candidate { votes } => !votes.contains(&own),
            Role::Follower | Role::Leader(_) => false,
        }
    }

    fn request_vote(&self, pre_vote: bool, term: Term) -> RequestVote {
        RequestVote {
            term,
            pre_vote,
            certified: self.base.certified,
            last: self.log.rank(),
        }
    }

    /// A quorum of one needs nobody's vote.
    pub(super) fn lead_alone(&mut self) {
        let alone = self.base.config.committee.quorum() == 1;
        let idle = matches!(self.role, Role::Follower);
        if alone && idle && self.base.voter().is_some() && !self.base.is_finished() {
            self.campaign();
        }
    }

    /// The own vote, if it is one, is durable.
    pub(super) fn on_own_request_vote(
        &mut self,
        own: ValidatorIndex,
        request: &RequestVote,
        message: Message,
    ) -> Result<(), Rejection> {
        self.record_vote(own, request.pre_vote, request.term)?;
        self.base.broadcast(message);
        self.restart_election_timer();
        self.count_votes();
        Ok(())
    }

    /// Keeps a vote for this candidacy.
    fn record_vote(&mut self, from: ValidatorIndex, pre_vote: bool, term: Term) -> Result<(), Rejection> {
        let (next, current) = (self.term.next(), self.term);
        let votes = match &mut self.role {
            Role::PreCandidate { votes } if pre_vote && term == next => votes,
            Role::Candidate { votes } if !pre_vote && term == current => votes,
            _ => return Err(self.wrong_term(term)),
        };
        match votes.insert(from) {
            true => Ok(()),
            false => Err(Rejection::Duplicate),
        }
    }

    /// On votes of a quorum the candidate leads, or becomes one.
    fn count_votes(&mut self) {
        let quorum = self.base.config.committee.quorum();
        if self.base.voter().is_none() {
            return;
        }
        match &self.role {
            Role::PreCandidate { votes } if votes.len() >= quorum => self.campaign(),
            Role::Candidate { votes } if votes.len() >= quorum => self.become_leader(),
            _ => {}
        }
    }

    pub(super) fn on_request_vote(
        &mut self,
        from: ValidatorIndex,
        request: &RequestVote,
    ) -> Result<(), Rejection> {
        if request.certified < self.base.certified {
            // Who wants votes needs the blocks first.
            self.base.status_due.ask_for(from);
        }
        if request.term > self.term && (!request.pre_vote || breaks!(PreVoteBinds)) {
            self.enter_term(request.term);
        }
        if self.base.voter().is_none() {
            return Ok(());
        }
        let granted = match request.pre_vote {
            true => self.would_vote(request),
            false => self.may_vote(from, request),
        };
        let term = match granted && request.pre_vote {
            true => request.term,
            false => self.term,
        };
        if granted && !request.pre_vote {
            self.voted_for = Some(from);
            self.restart_election_timer();
        }
        self.sign(Body::VoteReply(VoteReply {
            term,
            candidate: from,
            pre_vote: request.pre_vote,
            granted,
        }));
        Ok(())
    }

    /// Whether it would vote for a candidate: only if it hears no leader itself.
    fn would_vote(&self, request: &RequestVote) -> bool {
        if breaks!(PreVoteBinds) {
            return self.is_up_to_date(request);
        }
        request.term > self.term && !self.leader_heard && self.is_up_to_date(request)
    }

    /// One vote a term, first come, first served (section 5.2).
    fn may_vote(&self, from: ValidatorIndex, request: &RequestVote) -> bool {
        let free = self.voted_for.is_none_or(|voted| voted == from) || breaks!(VotedTwice);
        request.term == self.term && free && self.is_up_to_date(request)
    }

    /// The election restriction (section 5.4.1).
    fn is_up_to_date(&self, request: &RequestVote) -> bool {
        is_up_to_date(request.certified, request.last, self.base.certified, &self.log)
    }

    /// The own vote is durable. One of a term that was left is not sent (pitfall 18).
    pub(super) fn on_own_vote_reply(&mut self, reply: &VoteReply, message: Message) -> Result<(), Rejection> {
        let current = reply.term == self.term || (reply.pre_vote && reply.term == self.term.next());
        if !current {
            return Err(self.wrong_term(reply.term));
        }
        self.base.send(reply.candidate, message);
        Ok(())
    }

    pub(super) fn on_vote_reply(&mut self, from: ValidatorIndex, reply: &VoteReply) -> Result<(), Rejection> {
        let asked = reply.pre_vote && reply.granted;
        if reply.term > self.term && !asked {
            self.enter_term(reply.term);
            return Ok(());
        }
        if Some(reply.candidate) != self.base.config.index || !reply.granted {
            return Err(Rejection::Duplicate);
        }
        self.record_vote(from, reply.pre_vote, reply.term)?;
        self.count_votes();
        Ok(())
    }

    /// The leader hands over (thesis, 3.10): its successor asks for votes without waiting for a timeout.
    pub(super) fn on_timeout_now(
        &mut self,
        from: ValidatorIndex,
        term: Term,
        successor: ValidatorIndex,
    ) -> Result<(), Rejection> {
        self.check_term(term)?;
        if self.leader != Some(from) || Some(successor) != self.base.voter() {
            return Err(Rejection::NotLeader {
                sender: from,
                reign: term.0,
            });
        }
        let told = self.base.peers.certified(from);
        self.called = Some(told.max(self.base.certified));
        Ok(())
    }

    /// A successor stands once it has all the blocks that the leader has told of: else that would refuse its
    /// vote.
    pub(super) fn stand_if_called(&mut self) {
        let ready = self
            .called
            .is_some_and(|certified| self.base.certified >= certified);
        if ready && self.base.voter().is_some() && !self.base.is_finished() {
            self.campaign();
        }
    }

    /// Takes part in a higher term, in which no leader is known yet.
    pub(super) fn enter_term(&mut self, term: Term) {
        self.move_to(term);
        self.restart_election_timer();
    }

    fn move_to(&mut self, term: Term) {
        self.step_down();
        self.term = term;
        self.voted_for = None;
        self.leader = None;
        self.leader_heard = false;
        self.early = None;
        self.called = None;
        self.answering = Height::GENESIS;
        self.staged.clear();
    }

    /// What it did as a candidate or a leader is over.
    pub(super) fn step_down(&mut self) {
        if self.is_leader() {
            self.leader_heard = false;
            // A follower's journal has all of its log.
            self.record_own_up_to(self.log.last_index());
        }
        self.role = Role::Follower;
        self.signing.clear();
    }

    /// This is the term's leader. What this log has in common with its log has yet to be found out.
    pub(super) fn follow(&mut self, leader: ValidatorIndex) {
        self.leader = Some(leader);
        (self.matched, self.answering) = (Height::GENESIS, Height::GENESIS);
    }
}

/// Whether a candidate that has certified this height, and whose log has this rank above it, has all that may
/// have been committed with the help of a voter with this log. All that is certified is committed, and the
/// same everywhere; above that, the paper's comparison holds.
fn is_up_to_date(certified: Height, last: Position, voters: Height, log: &Log) -> bool {
    if breaks!(OldLogElected) {
        return true;
    }
    let own = log.rank();
    let has_blocks = certified >= voters || breaks!(LowCertifiedElected);
    let as_new = (last.term, last.index) >= (own.term, own.index);
    has_blocks && (own.index <= certified || as_new)
}
