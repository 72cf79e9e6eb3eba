//! What whoever leads does: replication (section 5.3) and commitment (section 5.4.2).

use quorate_crypto::{Height, ValidatorIndex};
use quorate_ledger::Proposal;

use super::message::{AppendEntries, AppendReply, Body, Entry, MAX_ENTRIES};
use super::role::{Leadership, Role};
use super::{MAX_LOG, Raft};
use crate::common::{Base, EAGER_PROPOSALS, GATHERED_BATCHES};
use crate::contract::{Action, Rejection};
use crate::message::Message;

impl Raft {
    /// Leads the term. What is left of former terms is sent along with an entry of this one, as only that can
    /// be committed by counting (section 5.4.2); it may lie above the window, or past the epoch's end. In a log
    /// that is full it is added once a quorum has all the others.
    pub(super) fn become_leader(&mut self, base: &mut Base) {
        self.role = Role::Leader(Leadership {
            left: self.commit,
            // What is above counts once an answer to itself comes back in this term.
            counted: self.commit,
            told: self.commit,
            ..Leadership::default()
        });
        if breaks!(LeaderOverwrites) {
            self.log.truncate_from(self.commit.next());
        }
        base.backlog.release_all(base.now);
        for (_, entry) in self.log.after(base.certified) {
            base.backlog.take(entry.proposal.batches());
        }
        self.standing = None;
        self.restart_election_timer(base);
        let inherited = self.log.last_index() > self.commit;
        if inherited && self.log.len() < MAX_LOG && !breaks!(OldTermsCounted) {
            self.append_empty(base);
        }
        // Figure 2, leaders: upon election, say so to each server.
        let mut after = self.commit;
        loop {
            let append = self.entries_after(base, after, self.log.last_index());
            after = append.last_index();
            self.sign_append(base, append, None);
            if after >= self.log.last_index() {
                break;
            }
        }
    }

    /// Appends what commits the entries of former terms.
    fn append_empty(&mut self, base: &mut Base) {
        self.append_own(base, Proposal::null());
    }

    /// Appends an entry of the own term, to be recorded once it has left (thesis, 10.2.1): the leader is one of
    /// those who may have it, and not before the others.
    fn append_own(&mut self, base: &mut Base, proposal: Proposal) -> Height {
        let (index, term) = (self.log.last_index().next(), self.term);
        self.append(base, index, Entry { term, proposal });
        if let Role::Leader(leadership) = &mut self.role {
            leadership.unrecorded.insert(index, false);
        }
        index
    }

    /// Proposes what can be proposed: batches that wait, and what is left of an epoch that ends.
    pub(super) fn propose_waiting(&mut self, base: &mut Base) {
        while self.may_propose(base) {
            let proposal = base.next_proposal();
            let index = self.append_own(base, proposal);
            let append = self.entries_after(base, Height(index.0.saturating_sub(1)), index);
            self.sign_append(base, append, None);
        }
    }

    fn may_propose(&self, base: &Base) -> bool {
        let Role::Leader(leadership) = &self.role else {
            return false;
        };
        let next = self.log.last_index().next();
        let free = base.backlog.free();
        let uncommitted = self.log.last_index().0.saturating_sub(self.commit.0);
        let eager = free > 0 && uncommitted < EAGER_PROPOSALS as u64;
        let wanted = eager || free >= GATHERED_BATCHES || base.is_ending();
        let votes = base.voter().is_some() && !leadership.hands_over;
        votes && wanted && base.is_in_window(next)
    }

    /// The leader's entries after an index and up to another, as many as a message may hold. They begin above
    /// what is certified: whoever lacks that fetches blocks.
    pub(super) fn entries_after(&self, base: &Base, after: Height, to: Height) -> AppendEntries {
        let after = after.max(base.certified);
        let entries = self.log.after(after).take_while(|(index, _)| *index <= to);
        AppendEntries {
            term: self.term,
            previous: self.log.position(after),
            entries: entries
                .take(MAX_ENTRIES)
                .map(|(_, entry)| entry.clone())
                .collect(),
            commit: self.commit,
            certified: base.certified,
        }
    }

    pub(super) fn sign_append(&mut self, base: &mut Base, append: AppendEntries, to: Option<ValidatorIndex>) {
        if base.voter().is_none() {
            return;
        }
        self.signing.push_back((append.clone(), to));
        base.sign(Body::AppendEntries(append));
    }

    /// Shows that it is alive, and up to where its log goes.
    pub(super) fn send_heartbeat(&mut self, base: &mut Base) {
        if let Role::Leader(leadership) = &mut self.role {
            for follower in leadership.followers.values_mut() {
                follower.sent = None;
            }
            let left = leadership.left;
            let append = self.entries_after(base, left, left);
            self.sign_append(base, append, None);
        }
    }

    /// Followers can execute what is committed as soon as they know: an append that is about to leave tells them, or
    /// one without entries does. Told is what has left, as what is signed may wait.
    pub(super) fn tell_commit(&mut self, base: &mut Base) {
        let is_telling = |(append, to): &(AppendEntries, Option<ValidatorIndex>)| {
            to.is_none() && append.commit >= self.commit
        };
        if let Role::Leader(leadership) = &self.role
            && leadership.told < self.commit
            && !self.signing.iter().any(is_telling)
            && !base.is_finished()
        {
            let left = leadership.left;
            let append = self.entries_after(base, left, left);
            self.sign_append(base, append, None);
        }
    }

    /// Signed: it leaves, without waiting for the own disk. The own entries in it are recorded next, as a follower's
    /// would be, when their batches are found to be here.
    pub(super) fn on_own_append_entries(
        &mut self,
        base: &mut Base,
        append: &AppendEntries,
        message: Message,
    ) -> Result<(), Rejection> {
        self.check_term(append.term)?;
        let place = self.signing.iter().position(|(signing, _)| signing == append);
        let (_, to) = place
            .and_then(|place| self.signing.remove(place))
            .ok_or(Rejection::Unasked)?;
        let Role::Leader(leadership) = &mut self.role else {
            return Err(Rejection::Unasked);
        };
        if let Some(to) = to {
            base.send(to, message);
            return Ok(());
        }
        let (first, last) = (append.previous.index.next(), append.last_index());
        leadership.left = leadership.left.max(last);
        leadership.told = leadership.told.max(append.commit);
        base.broadcast(message);
        if append.entries.is_empty() {
            return Ok(());
        }
        let mut asks = false;
        for (height, _) in leadership.unrecorded.range(first..=last) {
            if let Some(entry) = self.log.get(*height) {
                asks = true;
                base.out.actions.push(Action::RequireBatches {
                    height: *height,
                    proposal: entry.proposal.digest(),
                    batches: entry.proposal.batches().to_vec(),
                });
            }
        }
        if !asks {
            // All of it is of former terms.
            self.answer_itself(base, last);
        }
        if breaks!(CountedBeforeDurable) {
            self.count_itself(base, last);
        }
        Ok(())
    }

    pub(super) fn on_append_reply(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        reply: &AppendReply,
    ) -> Result<(), Rejection> {
        if reply.term > self.term {
            self.enter_term(base, reply.term);
            return Ok(());
        }
        self.check_term(reply.term)?;
        let last = self.log.last_index();
        let Role::Leader(leadership) = &mut self.role else {
            return Err(Rejection::Unasked);
        };
        if Some(reply.leader) != base.config.index || reply.index > last {
            return Err(Rejection::Unasked);
        }
        leadership.heard.insert(from);
        let follower = leadership.followers.entry(from).or_default();
        // Figure 2, leaders: success moves matchIndex; a failure for want of entries goes back and tries again.
        if reply.success {
            follower.matched = follower.matched.max(reply.index);
            self.commit_replicated(base);
            self.try_hand_over(base);
        } else {
            self.send_entries(base, from, reply.index);
        }
        Ok(())
    }

    /// Sends a follower what comes after an index, unless it has been sent that since the last heartbeat.
    fn send_entries(&mut self, base: &mut Base, to: ValidatorIndex, after: Height) {
        let Role::Leader(leadership) = &mut self.role else {
            return;
        };
        let left = leadership.left;
        let sent = Some((after, left));
        let follower = leadership.followers.entry(to).or_default();
        if follower.sent != sent {
            follower.sent = sent;
            let append = self.entries_after(base, after, left);
            self.sign_append(base, append, Some(to));
        }
    }

    /// Commits what a quorum has: an entry of the current term, and with it all before it. One of a former
    /// term is not committed by counting, as a quorum's having it keeps nobody without it from being elected
    /// (figure 8).
    pub(super) fn commit_replicated(&mut self, base: &mut Base) {
        let Role::Leader(leadership) = &self.role else {
            return;
        };
        let quorum = base.config.committee.quorum();
        let mut reached: Vec<Height> = leadership.followers.values().map(|f| f.matched).collect();
        reached.push(leadership.counted);
        reached.sort_unstable_by(|a, b| b.cmp(a));
        let Some(index) = reached.get(quorum.saturating_sub(1)).copied() else {
            return;
        };
        // Figure 2, leaders: a majority of matchIndex >= N and log[N].term == currentTerm: commitIndex = N.
        if self.log.term_at(index) == self.term || breaks!(OldTermsCounted) {
            self.advance_commit(base, index);
        } else if index > self.commit && index == self.log.last_index() {
            self.append_empty(base);
            let append = self.entries_after(base, index, index.next());
            self.sign_append(base, append, None);
        }
    }

    /// Heights up to here are committed: they are decided, in order, as they come into the window.
    pub(super) fn advance_commit(&mut self, base: &mut Base, commit: Height) {
        self.commit = self.commit.max(commit);
        self.decide_committed(base);
    }

    pub(super) fn decide_committed(&mut self, base: &mut Base) {
        let to = self.commit.min(base.high_watermark());
        // Figure 2, all servers: commitIndex > lastApplied: apply.
        while self.decided < to {
            let height = self.decided.next();
            let Some(entry) = self.log.get(height) else {
                return;
            };
            let proposal = entry.proposal.clone();
            self.decided = height;
            base.decide(height, proposal);
        }
    }

    /// Who is not known to have the entry at this index.
    pub(super) fn not_reached(&self, base: &Base, index: Height) -> Vec<ValidatorIndex> {
        let Role::Leader(leadership) = &self.role else {
            return self.leader(base).into_iter().collect();
        };
        let has = |validator: &ValidatorIndex| match leadership.followers.get(validator) {
            Some(follower) => follower.matched >= index,
            None => Some(*validator) == base.config.index && leadership.counted >= index,
        };
        let all = base.config.committee.indices();
        all.filter(|validator| !has(validator)).collect()
    }
}
