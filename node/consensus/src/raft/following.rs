//! What the others do: they append what the leader sends (section 5.3), and say so.

use quorate_crypto::{Digest, Height, ValidatorIndex};

use super::message::{AppendEntries, AppendReply, Body, Entry, Term};
use super::role::{Following, Role, Staged};
use super::{MAX_LOG, Raft};
use crate::common::Base;
use crate::contract::{Action, Rejection};
use crate::message::Message;

/// What a log has where the leader has an entry.
enum Place {
    /// The logs are known to match there.
    Below,
    /// Something that is committed here and may not be there: a leader whose term is over may have something else,
    /// and to acknowledge that would be a lie.
    Unknown,
    /// The same entry.
    Same,
    /// Nothing, or an entry that conflicts with it.
    New,
}

impl Raft {
    /// What an append brought is acknowledged when it is appended, and news of what is committed asks for nothing:
    /// to answer them as they come would tell the leader what it knows. Heartbeats are answered, and refusals are
    /// said at once.
    pub(super) fn on_append_entries(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        append: AppendEntries,
    ) -> Result<(), Rejection> {
        if breaks!(OldTermsHeard) && append.term < self.term {
            self.step_down(base);
            (self.term, self.role) = (append.term, Role::Follower(Following::default()));
        }
        // Figure 2, AppendEntries 1: reply false if term < currentTerm. Its sender learns that its term is over.
        if append.term < self.term {
            self.reply(base, from, false, Height::GENESIS);
            return Err(self.wrong_term(append.term));
        }
        // Figure 2, all servers: a higher term makes a follower.
        if append.term > self.term {
            self.enter_term(base, append.term);
        }
        let known = self.leader(base);
        if known.is_some_and(|leader| leader != from) {
            return Err(Rejection::NotLeader {
                sender: from,
                reign: append.term.0,
            });
        }
        // Figure 2, candidates: whoever hears of the term's leader follows. Who only asks whether others would vote for it
        // goes on asking until this leader counts as heard (`hear_leader`): one whose clock is too far ahead would else
        // end each attempt to replace it, by heartbeats that come before the answers.
        if !matches!(self.role, Role::PreCandidate { .. }) || breaks!(EarlyLeaderFollowed) {
            self.step_down(base);
        }
        if known.is_none() {
            self.role = Role::Follower(Following::of(from));
        }
        // What both know to be committed is the same.
        self.match_up_to(self.commit.min(append.commit));
        let before = self.matched();
        self.check_proposals(base, &append)?;
        if !self.leader_is_early(base) {
            self.hear_leader(base);
        }
        if append.certified > self.commit && append.certified > base.fetching {
            base.fetch(append.certified, vec![from]);
        }
        // Figure 2, AppendEntries 2: reply false if the log has not the entry before the new ones.
        if !self.has_previous(&append) {
            self.reply(base, from, false, self.matched());
            return Ok(());
        }
        // Figure 2, AppendEntries 3 and 4: delete what conflicts, append what is new.
        self.stage(base, &append)?;
        self.append_staged(base);
        let waits = self.waits_up_to(append.last_index());
        let is_notice = append.entries.is_empty() && append.commit > self.leader_commit;
        // Figure 2, AppendEntries 5: the commit index is the leader's, up to where the logs match.
        self.leader_commit = self.leader_commit.max(append.commit);
        self.advance_commit(base, self.leader_commit.min(self.matched()));
        if self.matched() > before {
            self.acknowledge(base, from);
        } else if !(is_notice || waits && !append.entries.is_empty()) {
            self.answer_heartbeat(base, from);
        }
        Ok(())
    }

    /// Up to here the log is known to be the leader's; 0 for whoever follows nobody.
    fn matched(&self) -> Height {
        self.role
            .following()
            .map_or(Height::GENESIS, |following| following.matched)
    }

    fn match_up_to(&mut self, index: Height) {
        if let Some(following) = self.role.following_mut() {
            following.matched = following.matched.max(index);
        }
    }

    /// The leader is there: nobody else is needed.
    fn hear_leader(&mut self, base: &mut Base) {
        self.step_down(base);
        if let Some(following) = self.role.following_mut() {
            following.leader_heard = true;
        }
        self.attempts.forget();
        self.restart_election_timer(base);
    }

    /// Whether an entry up to this index waits for its batches.
    fn waits_up_to(&self, index: Height) -> bool {
        let following = self.role.following();
        following.is_some_and(|following| following.staged.range(..=index).next().is_some())
    }

    /// Tells the leader up to where the log is its own.
    fn acknowledge(&mut self, base: &mut Base, leader: ValidatorIndex) {
        let matched = self.matched();
        if let Some(following) = self.role.following_mut() {
            following.answering = matched;
        }
        self.reply(base, leader, true, matched);
    }

    /// Answers an append that brought nothing. Up to where the log is the leader's waits for the disk, and need not
    /// be said twice while it does: then the answer says only that the leader is heard, and waits for nothing. A
    /// leader that no quorum answers in time gives way, and a slow disk is no reason for that.
    fn answer_heartbeat(&mut self, base: &mut Base, leader: ValidatorIndex) {
        let following = self.role.following();
        let answering = following.map_or(Height::GENESIS, |following| following.answering);
        if answering < self.matched() || answering == Height::GENESIS {
            self.acknowledge(base, leader);
        } else {
            self.reply(base, leader, true, Height::GENESIS);
        }
    }

    /// What no honest leader proposes is refused. A leader too far ahead of this validator's clock is not
    /// heard from then on, so that another is elected (pitfall 24): not before this clock has come so far, or
    /// the next proposal that can be taken is in time.
    fn check_proposals(&mut self, base: &Base, append: &AppendEntries) -> Result<(), Rejection> {
        let Some(following) = self.role.following_mut() else {
            return Ok(());
        };
        let follows = append.previous.index <= following.matched;
        for (entry, index) in append.entries.iter().zip(append.previous.index.0..) {
            let height = Height(index.saturating_add(1));
            let fresh = entry.term == append.term && height > following.matched;
            let early = fresh && base.is_early(&entry.proposal);
            if early {
                (following.early, following.leader_heard) = (Some(entry.proposal.timestamp()), false);
            } else if fresh && follows && !entry.proposal.batches().is_empty() {
                following.early = None;
            }
            if early || !base.is_acceptable(&entry.proposal) {
                return Err(Rejection::BadProposal { height });
            }
        }
        Ok(())
    }

    /// Whether the leader's clock runs too far ahead of this one, as far as its proposals have told.
    fn leader_is_early(&self, base: &Base) -> bool {
        let early = self.role.following().and_then(|following| following.early);
        early.is_some_and(|timestamp| base.is_too_early(timestamp))
    }

    /// The consistency check: whether the log is the leader's up to the entry before the new ones. What both know
    /// to be committed is the same. Above that an entry of the leader's own term tells: it was taken from this
    /// leader, with all that is below it. One of a former term tells nothing: blocks that are fetched can come
    /// to lie under entries that were made on other ones.
    fn has_previous(&mut self, append: &AppendEntries) -> bool {
        let previous = append.previous;
        let Some(following) = self.role.following_mut() else {
            return false;
        };
        if previous.index <= following.matched {
            return true;
        }
        let staged = following.staged.get(&previous.index);
        if staged.is_some_and(|staged| staged.entry.term == previous.term) {
            return true;
        }
        let is_own = previous.term == append.term || breaks!(FormerTermsMatched);
        if is_own && self.log.has(previous) {
            following.matched = previous.index;
            return true;
        }
        false
    }

    /// Takes the leader's entries: those that are in the log are found to match; the first that conflicts
    /// deletes what is there and all that follows it; what is new waits for its batches.
    fn stage(&mut self, base: &mut Base, append: &AppendEntries) -> Result<(), Rejection> {
        let mut index = append.previous.index;
        for entry in &append.entries {
            index = index.next();
            match self.place_of(index, entry)? {
                Place::Below => {}
                Place::Unknown => break,
                Place::Same => self.match_up_to(index),
                // There is room for what commits the rest.
                Place::New if self.is_full_at(base, index) && !entry.proposal.batches().is_empty() => break,
                Place::New => self.stage_new(base, index, entry),
            }
        }
        Ok(())
    }

    /// What the log has where the leader has an entry.
    fn place_of(&self, index: Height, entry: &Entry) -> Result<Place, Rejection> {
        let kept = Some(self.log.term_at(index)).filter(|term| *term > Term(0));
        let (is_same, is_other) = (
            kept == Some(entry.term),
            kept.is_some_and(|kept| kept != entry.term),
        );
        if index <= self.matched() {
            if is_other && self.log.get(index).is_some() {
                return Err(Rejection::BadProposal { height: index });
            }
            Ok(Place::Below)
        } else if index <= self.commit && !is_same {
            Ok(Place::Unknown)
        } else if !self.role.has_any_staged() && (is_same || (is_other && breaks!(ConflictsKept))) {
            Ok(Place::Same)
        } else {
            Ok(Place::New)
        }
    }

    fn is_full_at(&self, base: &Base, index: Height) -> bool {
        index.0 - base.certified.0 > MAX_LOG as u64
    }

    /// Keeps an entry that the log does not have until its batches are here.
    fn stage_new(&mut self, base: &mut Base, index: Height, entry: &Entry) {
        let Some(following) = self.role.following_mut() else {
            return;
        };
        if following.staged.is_empty() {
            self.log.truncate_from(index);
            self.durable.on_truncated(self.log.last_index());
        }
        if following.staged.contains_key(&index) {
            return;
        }
        let digest = entry.proposal.digest();
        let batches = entry.proposal.batches().to_vec();
        let staged = Staged {
            entry: entry.clone(),
            digest,
            available: batches.is_empty(),
        };
        following.staged.insert(index, staged);
        if !batches.is_empty() {
            base.out.actions.push(Action::RequireBatches {
                height: index,
                proposal: digest,
                batches,
            });
        }
    }

    pub(super) fn on_proposal_available(
        &mut self,
        base: &mut Base,
        height: Height,
        proposal: Digest,
    ) -> Result<(), Rejection> {
        if self.is_leader() {
            return self.on_own_available(base, height, proposal);
        }
        let following = self.role.following_mut().ok_or(Rejection::Unasked)?;
        let staged = following.staged.get_mut(&height).ok_or(Rejection::Unasked)?;
        if staged.digest != proposal {
            return Err(Rejection::Unasked);
        }
        staged.available = true;
        let before = self.matched();
        self.append_staged(base);
        self.advance_commit(base, self.leader_commit.min(self.matched()));
        if let Some(leader) = self.leader(base).filter(|_| self.matched() > before) {
            self.acknowledge(base, leader);
        }
        Ok(())
    }

    /// Appends what has its batches here, in order.
    fn append_staged(&mut self, base: &mut Base) {
        while let Some((index, entry)) = self.role.following_mut().and_then(Following::take_ready) {
            self.append(base, index, entry);
            self.record_entry(base, index);
            self.match_up_to(index);
        }
    }

    /// Appends an entry to the log.
    pub(super) fn append(&mut self, base: &mut Base, index: Height, entry: Entry) {
        self.log.append(index, entry);
        // One that is too far above to be decided soon has no finality yet.
        let _ = base.finality_mut(index);
    }

    /// Tells a leader how far the log is its own. What this vouches for is durable when it leaves.
    pub(super) fn reply(&self, base: &mut Base, leader: ValidatorIndex, success: bool, index: Height) {
        if base.voter().is_some() {
            let term = self.term;
            base.sign(Body::AppendReply(AppendReply {
                term,
                leader,
                success,
                index,
            }));
        }
    }

    /// What it vouches for is durable. One to a leader of a term that was left is not sent (pitfall 18).
    pub(super) fn on_own_append_reply(
        &mut self,
        base: &mut Base,
        reply: &AppendReply,
        message: Message,
    ) -> Result<(), Rejection> {
        self.check_term(reply.term)?;
        if reply.success {
            self.durable.on_durable(reply.index);
            let following = self.role.following_mut();
            if let Some(following) = following.filter(|following| following.answering == reply.index) {
                following.answering = Height::GENESIS;
            }
        }
        if Some(reply.leader) == base.config.index {
            self.count_itself(base, reply.index);
        } else {
            base.send(reply.leader, message);
        }
        Ok(())
    }

    /// Blocks have come: the leader may go on from there.
    pub(super) fn ask_for_entries(&self, base: &mut Base) {
        let own = base.config.index;
        let other = self.leader(base).filter(|leader| Some(*leader) != own);
        if let Some(leader) = other.filter(|_| !base.is_finished()) {
            self.reply(base, leader, false, self.matched());
        }
    }
}
