//! Who leads: elections (Ongaro and Ousterhout 2014, section 5.2) with pre-vote (thesis, 9.6), and how a leader
//! hands over (thesis, 3.10).

use std::collections::BTreeSet;

use quorate_crypto::{Height, ValidatorIndex};

use super::Raft;
use super::log::Log;
use super::message::{Body, Position, RequestVote, Term, VoteReply, term_after};
use super::role::{Following, Role};
use crate::common::Base;
use crate::contract::Rejection;
use crate::message::Message;

/// A leader that reaches a quorum, and of which nothing was committed in so many election timeouts in a row, hands
/// over: others may get through with what it cannot, its batches above all. Nothing else would end that, as it is
/// heard. What it has takes two flushes of a quorum's disks at most, so one of them has to need more than half of
/// this, two seconds with a node's timeouts, before that is done in vain; and who waits for an order waits as long.
const FRUITLESS_TIMEOUTS: u32 = 16;

impl Raft {
    /// No leader was heard in time: asks who would vote for it in the next term. That binds nobody, so
    /// whoever is cut off, or behind, drives no terms up.
    pub(super) fn stand_for_election(&mut self, base: &mut Base) {
        let mut following = self.role.take_following();
        following.leader_heard = false;
        self.role = Role::PreCandidate {
            following,
            votes: BTreeSet::new(),
        };
        let request = self.request_vote(base, true, term_after(self.term));
        base.sign(Body::RequestVote(request));
    }

    /// Begins a term as its candidate, with its own vote.
    fn campaign(&mut self, base: &mut Base) {
        // Figure 2, candidates: increment currentTerm, vote for self, send RequestVote to all.
        self.move_to(base, term_after(self.term));
        self.voted_for = base.config.index;
        self.role = Role::Candidate {
            votes: BTreeSet::new(),
        };
        self.cancel_election_timer(base);
        let request = self.request_vote(base, false, self.term);
        base.sign(Body::RequestVote(request));
    }

    /// Whether it stands, and its request for votes has not come back: nobody can have answered yet.
    pub(super) fn is_about_to_ask(&self, base: &Base) -> bool {
        let own = base.config.index.unwrap_or_default();
        match &self.role {
            Role::PreCandidate { votes, .. } | Role::Candidate { votes } => !votes.contains(&own),
            Role::Follower(_) | Role::Leader(_) => false,
        }
    }

    fn request_vote(&self, base: &Base, pre_vote: bool, term: Term) -> RequestVote {
        RequestVote {
            term,
            pre_vote,
            certified: base.certified,
            last: self.log.rank(),
        }
    }

    /// A quorum of one needs nobody's vote.
    pub(super) fn lead_alone(&mut self, base: &mut Base) {
        let alone = base.config.committee.quorum() == 1;
        let idle = matches!(self.role, Role::Follower(_));
        if alone && idle && base.voter().is_some() && !base.is_finished() {
            self.campaign(base);
        }
    }

    /// The own vote, if it is one, is durable.
    pub(super) fn on_own_request_vote(
        &mut self,
        base: &mut Base,
        request: &RequestVote,
        message: Message,
    ) -> Result<(), Rejection> {
        self.record_vote(message.v1().sender, request.pre_vote, request.term)?;
        base.broadcast(message);
        self.restart_election_timer(base);
        self.count_votes(base);
        Ok(())
    }

    /// Keeps a vote for this candidacy.
    fn record_vote(&mut self, from: ValidatorIndex, pre_vote: bool, term: Term) -> Result<(), Rejection> {
        let (next, current) = (term_after(self.term), self.term);
        let votes = match &mut self.role {
            Role::PreCandidate { votes, .. } if pre_vote && term == next => votes,
            Role::Candidate { votes } if !pre_vote && term == current => votes,
            _ => return Err(self.wrong_term(term)),
        };
        match votes.insert(from) {
            true => Ok(()),
            false => Err(Rejection::Duplicate),
        }
    }

    /// On votes of a quorum the candidate leads, or becomes one.
    fn count_votes(&mut self, base: &mut Base) {
        let quorum = base.config.committee.quorum();
        if base.voter().is_none() {
            return;
        }
        match &self.role {
            Role::PreCandidate { votes, .. } if votes.len() >= quorum => self.campaign(base),
            // Figure 2, candidates: votes of a majority make a leader.
            Role::Candidate { votes } if votes.len() >= quorum => self.become_leader(base),
            _ => {}
        }
    }

    pub(super) fn on_request_vote(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        request: &RequestVote,
    ) -> Result<(), Rejection> {
        if request.certified < base.certified {
            // Who wants votes needs the blocks first.
            base.status_due.ask_for(from);
        }
        // Figure 2, all servers: a higher term makes a follower. Not if it only asks (thesis, 9.6).
        if request.term > self.term && (!request.pre_vote || breaks!(PreVoteBinds)) {
            self.enter_term(base, request.term);
        }
        if base.voter().is_none() {
            return Ok(());
        }
        // Figure 2, RequestVote 1 and 2: no vote if term < currentTerm; else if votedFor is free and the log up-to-date.
        let granted = match request.pre_vote {
            true => self.would_vote(base, request),
            false => self.may_vote(base, from, request),
        };
        let term = match granted && request.pre_vote {
            true => request.term,
            false => self.term,
        };
        if granted && !request.pre_vote {
            self.voted_for = Some(from);
            self.restart_election_timer(base);
        }
        base.sign(Body::VoteReply(VoteReply {
            term,
            candidate: from,
            pre_vote: request.pre_vote,
            granted,
        }));
        Ok(())
    }

    /// Whether it would vote for a candidate: only if it hears no leader itself.
    fn would_vote(&self, base: &Base, request: &RequestVote) -> bool {
        if breaks!(PreVoteBinds) {
            return self.is_up_to_date(base, request);
        }
        request.term > self.term && !self.role.hears_leader() && self.is_up_to_date(base, request)
    }

    /// One vote a term, first come, first served (section 5.2).
    fn may_vote(&self, base: &Base, from: ValidatorIndex, request: &RequestVote) -> bool {
        let free = self.voted_for.is_none_or(|voted| voted == from) || breaks!(VotedTwice);
        request.term == self.term && free && self.is_up_to_date(base, request)
    }

    /// The election restriction (section 5.4.1).
    fn is_up_to_date(&self, base: &Base, request: &RequestVote) -> bool {
        is_up_to_date(request.certified, request.last, base.certified, &self.log)
    }

    /// The own vote is durable. One of a term that was left is not sent (pitfall 18).
    pub(super) fn on_own_vote_reply(
        &self,
        base: &mut Base,
        reply: &VoteReply,
        message: Message,
    ) -> Result<(), Rejection> {
        let current = reply.term == self.term || (reply.pre_vote && reply.term == term_after(self.term));
        if !current {
            return Err(self.wrong_term(reply.term));
        }
        base.send(reply.candidate, message);
        Ok(())
    }

    pub(super) fn on_vote_reply(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        reply: &VoteReply,
    ) -> Result<(), Rejection> {
        let asked = reply.pre_vote && reply.granted;
        if reply.term > self.term && !asked {
            self.enter_term(base, reply.term);
            return Ok(());
        }
        if Some(reply.candidate) != base.config.index || !reply.granted {
            return Err(Rejection::Duplicate);
        }
        self.record_vote(from, reply.pre_vote, reply.term)?;
        self.count_votes(base);
        Ok(())
    }

    /// The leader hands over (thesis, 3.10): its successor asks for votes without waiting for a timeout.
    pub(super) fn on_timeout_now(
        &mut self,
        base: &Base,
        from: ValidatorIndex,
        term: Term,
        successor: ValidatorIndex,
    ) -> Result<(), Rejection> {
        self.check_term(term)?;
        let told = base.peers.certified(from).max(base.certified);
        match self.role.following_mut() {
            Some(following) if following.leader == Some(from) && base.voter() == Some(successor) => {
                following.called = Some(told);
                Ok(())
            }
            _ => Err(Rejection::NotLeader {
                sender: from,
                reign: term.0,
            }),
        }
    }

    /// A successor stands once it has all the blocks that the leader has told of: else that would refuse its
    /// vote.
    pub(super) fn stand_if_called(&mut self, base: &mut Base) {
        let called = self.role.following().and_then(|following| following.called);
        let ready = called.is_some_and(|certified| base.certified >= certified);
        if ready && base.voter().is_some() && !base.is_finished() {
            self.campaign(base);
        }
    }

    /// Takes part in a higher term, in which no leader is known yet.
    pub(super) fn enter_term(&mut self, base: &mut Base, term: Term) {
        self.move_to(base, term);
        self.restart_election_timer(base);
    }

    fn move_to(&mut self, base: &mut Base, term: Term) {
        self.step_down(base);
        self.term = term;
        self.voted_for = None;
        self.role = Role::Follower(Following::default());
    }

    /// What it did as a candidate or a leader is over.
    pub(super) fn step_down(&mut self, base: &mut Base) {
        let following = match &mut self.role {
            Role::Leader(_) => {
                // A follower's journal has all of its log.
                self.record_own_up_to(base, self.log.last_index());
                Following {
                    leader: base.config.index,
                    ..Following::default()
                }
            }
            role => role.take_following(),
        };
        self.role = Role::Follower(following);
        self.signing.clear();
    }

    /// The election timer of the leader. One that reaches no quorum follows (thesis, 6.2); one of which nothing is
    /// committed for long, though it does, hands over to the follower that has most of its log.
    pub(super) fn look_around(&mut self, base: &mut Base) {
        let quorum = base.config.committee.quorum();
        let last = self.log.last_index();
        let lowest = Some(self.commit.next()).filter(|lowest| *lowest <= last);
        let Role::Leader(leadership) = &mut self.role else {
            return;
        };
        // A successor that has not taken over by now does not.
        (leadership.hands_over, leadership.successor) = (false, None);
        let heard = std::mem::take(&mut leadership.heard);
        if heard.len() + 1 < quorum {
            self.step_down(base);
            return;
        }
        self.attempts.forget();
        let stood = self.standing.filter(|(index, _)| Some(*index) == lowest);
        let times = stood.map_or(0, |(_, times)| times + 1);
        self.standing = lowest.map(|index| (index, times));
        if times < FRUITLESS_TIMEOUTS {
            return;
        }
        let matched = |follower: &ValidatorIndex| leadership.followers.get(follower).map(|f| f.matched);
        let successor = heard.iter().copied().max_by_key(|follower| matched(follower));
        // Its log has to be enough for a quorum of votes: those of the others who are heard, or this one's as well.
        let is_electable = |whom: &ValidatorIndex| heard.len() >= quorum || matched(whom) == Some(last);
        if let Some(successor) = successor.filter(is_electable) {
            self.standing = None;
            self.hand_over_to(base, successor);
        }
    }

    /// This node is about to stop: whoever leads hands over (thesis, 3.10).
    pub(super) fn on_stopping(&mut self, base: &mut Base) {
        let alone = base.config.committee.size() == 1;
        if let Role::Leader(leadership) = &mut self.role
            && !alone
        {
            leadership.hands_over = true;
            self.try_hand_over(base);
        }
    }

    /// Whether it leads, and waits for a successor to take over.
    pub(super) fn hands_over(&self) -> bool {
        matches!(&self.role, Role::Leader(leadership) if leadership.hands_over)
    }

    /// A successor must have all that the leader has; the leader proposes nothing more meanwhile.
    pub(super) fn try_hand_over(&mut self, base: &mut Base) {
        let last = self.log.last_index();
        let Role::Leader(leadership) = &mut self.role else {
            return;
        };
        if !leadership.hands_over || leadership.successor.is_some() || base.voter().is_none() {
            return;
        }
        let mut followers = leadership.followers.iter();
        let Some((successor, _)) = followers.find(|(_, follower)| follower.matched == last) else {
            return;
        };
        let successor = *successor;
        self.hand_over_to(base, successor);
    }

    /// Asks a follower to stand at once. It stands when it has all the blocks that this one has.
    fn hand_over_to(&mut self, base: &mut Base, successor: ValidatorIndex) {
        let (term, last) = (self.term, self.log.last_index());
        let Role::Leader(leadership) = &mut self.role else {
            return;
        };
        if base.voter().is_none() {
            return;
        }
        (leadership.hands_over, leadership.successor) = (true, Some(successor));
        let append = self.entries_after(base, last, last);
        self.sign_append(base, append, Some(successor));
        base.sign(Body::TimeoutNow { term, successor });
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
