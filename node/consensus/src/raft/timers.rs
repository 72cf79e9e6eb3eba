//! The election timer and heartbeats (section 5.2). An election timeout is drawn anew each time, so that
//! split votes are rare, and from a range that doubles while candidacies come to nothing. It is longer by what the
//! own disk takes for an election: whoever leads has no part in that.
//!
//! The election timer runs at every replica that votes. A follower restarts it when it hears the leader or gives
//! its vote; when it fires, the replica stands for election. It runs again once the request for votes has left:
//! what the own disk takes to write the own vote is no time that the others had to answer in. A leader looks
//! whether it reached a quorum since it was set, and follows if it did not: else one whose messages arrive, but
//! not the answers, would keep others from being elected for ever.

use super::Raft;
use super::message::Term;
use super::role::Role;
use crate::common::Base;
use crate::contract::{Rejection, Timer, TimerRange};

/// So many heartbeats fit into the shortest election timeout.
const HEARTBEATS: u32 = 4;

impl Raft {
    /// Whether this replica takes part in elections.
    fn takes_part(&self, base: &Base) -> bool {
        let alone = base.config.committee.size() == 1;
        base.voter().is_some() && !alone && !base.is_finished()
    }

    pub(super) fn restart_election_timer(&mut self, base: &mut Base) {
        self.cancel_election_timer(base);
        if self.takes_part(base) && !self.is_about_to_ask(base) {
            self.election_timer = Some(self.term);
            let reign = self.term.0;
            let adds = Self::disk_adds(base);
            base.disk.grant(adds);
            let after = self.attempts.timeout(&base.config.timing, adds);
            base.set_timer(Timer::Progress { reign }, after);
        }
    }

    fn disk_adds(base: &Base) -> u32 {
        let timing = &base.config.timing;
        let adds = base.disk.adds_to_election(timing, base.now);
        adds.min(timing.progress_cap_ms)
    }

    /// Somebody is back: candidacies that failed for want of it say nothing about the next (pitfall 6).
    pub(super) fn hurry(&mut self, base: &mut Base) {
        if self.attempts.forget() {
            self.restart_election_timer(base);
        }
    }

    pub(super) fn cancel_election_timer(&mut self, base: &mut Base) {
        if let Some(term) = self.election_timer.take() {
            base.cancel_timer(Timer::Progress { reign: term.0 });
        }
    }

    pub(super) fn update_timers(&mut self, base: &mut Base) {
        let wanted = self.takes_part(base) && !self.is_about_to_ask(base);
        match (wanted, self.election_timer.is_some()) {
            (true, false) => self.restart_election_timer(base),
            (false, true) => self.cancel_election_timer(base),
            _ => {}
        }
        let wanted = Some(self.term).filter(|_| self.is_leader() && self.takes_part(base));
        if self.heartbeat != wanted {
            if let Some(term) = self.heartbeat {
                base.cancel_timer(Timer::Heartbeat { reign: term.0 });
            }
            self.heartbeat = wanted;
            if let Some(term) = wanted {
                let shortest = base.config.timing.election.from_ms;
                let after = TimerRange {
                    from_ms: shortest / (HEARTBEATS + 1),
                    to_ms: shortest / HEARTBEATS,
                };
                base.set_timer(Timer::Heartbeat { reign: term.0 }, after);
            }
        }
    }

    pub(super) fn on_election_timeout(&mut self, base: &mut Base, term: Term) -> Result<(), Rejection> {
        if self.election_timer != Some(term) {
            return Err(Rejection::StaleTimer);
        }
        let adds = Self::disk_adds(base);
        if let Some(more) = base.disk.grant_more(adds) {
            base.set_timer(Timer::Progress { reign: term.0 }, more);
            return Ok(());
        }
        self.election_timer = None;
        match self.role {
            Role::Leader(_) => self.look_around(base),
            Role::Follower(_) | Role::PreCandidate { .. } | Role::Candidate { .. } => {
                self.attempts.note();
                self.stand_for_election(base);
            }
        }
        Ok(())
    }

    pub(super) fn on_heartbeat_timeout(&mut self, base: &mut Base, term: Term) -> Result<(), Rejection> {
        if self.heartbeat != Some(term) {
            return Err(Rejection::StaleTimer);
        }
        self.heartbeat = None;
        self.send_heartbeat(base);
        Ok(())
    }
}
