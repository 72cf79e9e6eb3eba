//! What the others do: they append what the leader sends (section 5.3), and say so.

use quorate_crypto::{Digest, Height, ValidatorIndex};

use super::message::{AppendEntries, AppendReply, Body, Entry, Term};
use super::role::Staged;
use super::{MAX_LOG, Raft};
use crate::common::Base;
use crate::contract::{Action, Rejection};
use crate::message::Message;

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
            (self.term, self.leader) = (append.term, None);
        }
        if append.term < self.term {
            // Its sender learns that its term is over.
            self.reply(base, from, false, Height::GENESIS);
            return Err(self.wrong_term(append.term));
        }
        if append.term > self.term {
            self.enter_term(base, append.term);
        }
        if self.leader.is_none() {
            self.follow(from);
        } else if self.leader != Some(from) && append.term == self.term {
            return Err(Rejection::NotLeader {
                sender: from,
                reign: append.term.0,
            });
        }
        self.step_down(base);
        // What both know to be committed is the same.
        self.matched = self.matched.max(self.commit.min(append.commit));
        let before = self.matched;
        self.check_proposals(base, &append)?;
        if !self.leader_is_early(base) {
            self.leader_heard = true;
            self.attempts.forget();
            self.restart_election_timer(base);
        }
        if append.certified > self.commit && append.certified > base.fetching {
            base.fetch(append.certified, vec![from]);
        }
        if !self.has_previous(&append) {
            self.reply(base, from, false, self.matched);
            return Ok(());
        }
        self.stage(base, &append)?;
        self.append_staged(base);
        let waits = self.staged.range(..=append.last_index()).next().is_some();
        let is_notice = append.entries.is_empty() && append.commit > self.leader_commit;
        self.leader_commit = self.leader_commit.max(append.commit);
        self.advance_commit(base, self.leader_commit.min(self.matched));
        if self.matched > before {
            self.acknowledge(base, from);
        } else if !(is_notice || waits && !append.entries.is_empty()) {
            self.answer_heartbeat(base, from);
        }
        Ok(())
    }

    /// Tells the leader up to where the log is its own.
    pub(super) fn acknowledge(&mut self, base: &mut Base, leader: ValidatorIndex) {
        self.answering = self.matched;
        self.reply(base, leader, true, self.matched);
    }

    /// Answers an append that brought nothing. Up to where the log is the leader's waits for the disk, and need not
    /// be said twice while it does: then the answer says only that the leader is heard, and waits for nothing. A
    /// leader that no quorum answers in time gives way, and a slow disk is no reason for that.
    pub(super) fn answer_heartbeat(&mut self, base: &mut Base, leader: ValidatorIndex) {
        if self.answering < self.matched || self.answering == Height::GENESIS {
            self.acknowledge(base, leader);
        } else {
            self.reply(base, leader, true, Height::GENESIS);
        }
    }

    /// What no honest leader proposes is refused. A leader too far ahead of this validator's clock is not
    /// heard from then on, so that another is elected (pitfall 24): not before this clock has come so far, or
    /// the next proposal that can be taken is in time.
    pub(super) fn check_proposals(&mut self, base: &Base, append: &AppendEntries) -> Result<(), Rejection> {
        let follows = append.previous.index <= self.matched;
        for (entry, index) in append.entries.iter().zip(append.previous.index.0..) {
            let height = Height(index.saturating_add(1));
            let fresh = entry.term == append.term && height > self.matched;
            let early = fresh && base.is_early(&entry.proposal);
            if early {
                (self.early, self.leader_heard) = (Some(entry.proposal.timestamp()), false);
            } else if fresh && follows && !entry.proposal.batches().is_empty() {
                self.early = None;
            }
            if early || !base.is_acceptable(&entry.proposal) {
                return Err(Rejection::BadProposal { height });
            }
        }
        Ok(())
    }

    /// Whether the leader's clock runs too far ahead of this one, as far as its proposals have told.
    pub(super) fn leader_is_early(&self, base: &Base) -> bool {
        self.early.is_some_and(|timestamp| base.is_too_early(timestamp))
    }

    /// The consistency check: whether the log is the leader's up to the entry before the new ones. What both know
    /// to be committed is the same. Above that an entry of the leader's own term tells: it was taken from this
    /// leader, with all that is below it. One of a former term tells nothing: blocks that are fetched can come
    /// to lie under entries that were made on other ones.
    pub(super) fn has_previous(&mut self, append: &AppendEntries) -> bool {
        let previous = append.previous;
        if previous.index <= self.matched {
            return true;
        }
        let staged = self.staged.get(&previous.index);
        if staged.is_some_and(|staged| staged.entry.term == previous.term) {
            return true;
        }
        let is_own = previous.term == append.term || breaks!(FormerTermsMatched);
        if is_own && self.log.has(previous) {
            self.matched = previous.index;
            return true;
        }
        false
    }

    /// Takes the leader's entries: those that are in the log are found to match; the first that conflicts
    /// deletes what is there and all that follows it; what is new waits for its batches. Of what is committed
    /// here and may not be there, a leader whose term is over may have something else: to acknowledge that
    /// would be a lie.
    pub(super) fn stage(&mut self, base: &mut Base, append: &AppendEntries) -> Result<(), Rejection> {
        let mut index = append.previous.index;
        for entry in &append.entries {
            index = index.next();
            let kept = self.log.term_at(index);
            let known = (kept > Term(0)).then_some(kept == entry.term);
            if index <= self.matched {
                if known == Some(false) && self.log.get(index).is_some() {
                    return Err(Rejection::BadProposal { height: index });
                }
                continue;
            }
            if index <= self.commit && known != Some(true) {
                break;
            }
            if self.staged.is_empty()
                && (known == Some(true) || (known == Some(false) && breaks!(ConflictsKept)))
            {
                self.matched = index;
                continue;
            }
            // There is room for what commits the rest.
            let is_empty = entry.proposal.batches().is_empty();
            if index.0 - base.certified.0 > MAX_LOG as u64 && !is_empty {
                break;
            }
            if self.staged.is_empty() {
                self.log.truncate_from(index);
                self.durable = self.durable.min(self.log.last_index());
            }
            if self.staged.contains_key(&index) {
                continue;
            }
            let digest = entry.proposal.digest();
            let batches = entry.proposal.batches().to_vec();
            let staged = Staged {
                entry: entry.clone(),
                digest,
                available: batches.is_empty(),
            };
            self.staged.insert(index, staged);
            if !batches.is_empty() {
                base.out.actions.push(Action::RequireBatches {
                    height: index,
                    proposal: digest,
                    batches,
                });
            }
        }
        Ok(())
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
        let staged = self.staged.get_mut(&height).ok_or(Rejection::Unasked)?;
        if staged.digest != proposal {
            return Err(Rejection::Unasked);
        }
        staged.available = true;
        let before = self.matched;
        self.append_staged(base);
        self.advance_commit(base, self.leader_commit.min(self.matched));
        if let Some(leader) = self.leader.filter(|_| self.matched > before) {
            self.acknowledge(base, leader);
        }
        Ok(())
    }

    /// Appends what has its batches here, in order.
    pub(super) fn append_staged(&mut self, base: &mut Base) {
        while let Some(next) = self.staged.first_entry()
            && next.get().available
        {
            let (index, staged) = next.remove_entry();
            self.append(base, index, staged.entry);
            self.record_entry(base, index);
            self.matched = index;
        }
    }

    /// Appends an entry to the log.
    pub(super) fn append(&mut self, base: &mut Base, index: Height, entry: Entry) {
        self.log.append(index, entry);
        // One that is too far above to be decided soon has no finality yet.
        let _ = base.finality_mut(index);
    }

    /// Tells a leader how far the log is its own. What this vouches for is durable when it leaves.
    pub(super) fn reply(&mut self, base: &mut Base, leader: ValidatorIndex, success: bool, index: Height) {
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
            self.on_durable(reply.index);
            if reply.index == self.answering {
                self.answering = Height::GENESIS;
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
    pub(super) fn ask_for_entries(&mut self, base: &mut Base) {
        let own = base.config.index;
        let other = self.leader.filter(|leader| Some(*leader) != own);
        if let Some(leader) = other.filter(|_| !base.is_finished()) {
            self.reply(base, leader, false, self.matched);
        }
    }
}
