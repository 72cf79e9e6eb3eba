//! The election timer and heartbeats (section 5.2). An election timeout is drawn anew each time, so that
//! split votes are rare, and from a range that doubles while candidacies come to nothing. It is longer by what the
//! own disk takes for an election: whoever leads has no part in that.
//!
//! The election timer runs at every replica that votes. A follower restarts it when it hears the leader or gives
//! its vote; when it fires, the replica stands for election. It runs again once the request for votes has left:
//! what the own disk takes to write the own vote is no time that the others had to answer in. A leader looks
//! whether it reached a quorum since it was set, and follows if it did not: else one whose messages arrive, but
//! not the answers, would keep others from being elected for ever.

use super::Replica;
use super::message::Term;
use super::replica::Role;
use crate::contract::{Rejection, Timer, TimerRange};

/// So many heartbeats fit into the shortest election timeout.
const HEARTBEATS: u32 = 4;

impl Replica {
    /// Whether this replica takes part in elections.
    fn takes_part(&self) -> bool {
        let alone = self.base.config.committee.size() == 1;
        self.base.voter().is_some() && !alone && !self.base.is_finished()
    }

    pub(super) fn restart_election_timer(&mut self) {
        self.cancel_election_timer();
        if self.takes_part() && !self.is_about_to_ask() {
            self.election_timer = Some(self.term);
            let reign = self.term.0;
            let adds = self.disk_adds();
            self.base.disk.grant(adds);
            let after = self.attempts.timeout(&self.base.config.timing, adds);
            self.base.set_timer(Timer::Progress { reign }, after);
        }
    }

    fn disk_adds(&self) -> u32 {
        let timing = &self.base.config.timing;
        let adds = self.base.disk.adds_to_election(timing, self.base.now);
        adds.min(timing.progress_cap_ms)
    }

    /// Somebody is back: candidacies that failed for want of it say nothing about the next (pitfall 6).
    pub(super) fn hurry(&mut self) {
        if self.attempts.forget() {
            self.restart_election_timer();
        }
    }

    pub(super) fn cancel_election_timer(&mut self) {
        if let Some(term) = self.election_timer.take() {
            self.base.cancel_timer(Timer::Progress { reign: term.0 });
        }
    }

    pub(super) fn update_timers(&mut self) {
        let wanted = self.takes_part() && !self.is_about_to_ask();
        match (wanted, self.election_timer.is_some()) {
            (true, false) => self.restart_election_timer(),
            (false, true) => self.cancel_election_timer(),
            _ => {}
        }
        let wanted = Some(self.term).filter(|_| self.is_leader() && self.takes_part());
        if self.heartbeat != wanted {
            if let Some(term) = self.heartbeat {
                self.base.cancel_timer(Timer::Heartbeat { reign: term.0 });
            }
            self.heartbeat = wanted;
            if let Some(term) = wanted {
                let shortest = self.base.config.timing.election.from_ms;
                let after = TimerRange {
                    from_ms: shortest / (HEARTBEATS + 1),
                    to_ms: shortest / HEARTBEATS,
                };
                self.base.set_timer(Timer::Heartbeat { reign: term.0 }, after);
            }
        }
    }

    pub(super) fn on_election_timeout(&mut self, term: Term) -> Result<(), Rejection> {
        if self.election_timer != Some(term) {
            return Err(Rejection::StaleTimer);
        }
        let adds = self.disk_adds();
        if let Some(more) = self.base.disk.grant_more(adds) {
            self.base.set_timer(Timer::Progress { reign: term.0 }, more);
            return Ok(());
        }
        self.election_timer = None;
        match self.role {
            Role::Leader(_) => self.look_around(),
            Role::Follower | Role::PreCandidate { .. } | Role::Candidate { .. } => {
                self.attempts.note();
                self.stand_for_election();
            }
        }
        Ok(())
    }

    pub(super) fn on_heartbeat_timeout(&mut self, term: Term) -> Result<(), Rejection> {
        if self.heartbeat != Some(term) {
            return Err(Rejection::StaleTimer);
        }
        self.heartbeat = None;
        self.send_heartbeat();
        Ok(())
    }
}
