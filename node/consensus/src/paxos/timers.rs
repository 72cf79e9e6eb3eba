//! When a replica takes the place of a distinguished proposer, and when that shows that it is alive.
//!
//! The election timer runs at every replica that votes. It is restarted whenever the distinguished proposer
//! is heard or another ballot is promised; when it fires, the replica prepares a ballot of its own. It is
//! drawn anew each time, and from a range that doubles while nothing comes of it, so that of two that
//! outbid each other one is left alone for long enough. It is longer by what the own disk takes for an election:
//! a proposer's accepts wait for its own promise, and what follows a promise waits for the promise's flush. The
//! distinguished proposer looks at its own whether a majority answers it.

use super::Paxos;
use crate::common::Base;
use crate::contract::{Rejection, Timer, TimerRange};

/// So many heartbeats fit into the shortest election timeout.
const HEARTBEATS: u32 = 4;

impl Paxos {
    /// Whether this replica may become the distinguished proposer.
    fn takes_part(&self, base: &Base) -> bool {
        let alone = base.config.committee.size() == 1;
        base.voter().is_some() && !alone && !base.is_finished()
    }

    pub(super) fn restart_election_timer(&mut self, base: &mut Base) {
        self.cancel_election_timer(base);
        if self.takes_part(base) {
            let reign = self.acceptor.promised.round;
            self.election_timer = Some(reign);
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

    /// Somebody is back: attempts that failed for want of it say nothing about the next (pitfall 6).
    pub(super) fn hurry(&mut self, base: &mut Base) {
        if self.attempts.forget() {
            self.restart_election_timer(base);
        }
    }

    fn cancel_election_timer(&mut self, base: &mut Base) {
        if let Some(reign) = self.election_timer.take() {
            base.cancel_timer(Timer::Progress { reign });
        }
    }

    pub(super) fn update_timers(&mut self, base: &mut Base) {
        match (self.takes_part(base), self.election_timer.is_some()) {
            (true, false) => self.restart_election_timer(base),
            (false, true) => self.cancel_election_timer(base),
            _ => {}
        }
        let round = self.acceptor.promised.round;
        let wanted = Some(round).filter(|_| self.proposer.is_leading() && self.takes_part(base));
        if self.heartbeat != wanted {
            if let Some(reign) = self.heartbeat {
                base.cancel_timer(Timer::Heartbeat { reign });
            }
            self.heartbeat = wanted;
            if let Some(reign) = wanted {
                let shortest = base.config.timing.election.from_ms;
                let after = TimerRange {
                    from_ms: shortest / (HEARTBEATS + 1),
                    to_ms: shortest / HEARTBEATS,
                };
                base.set_timer(Timer::Heartbeat { reign }, after);
            }
        }
    }

    pub(super) fn on_election_timeout(&mut self, base: &mut Base, reign: u64) -> Result<(), Rejection> {
        if self.election_timer != Some(reign) {
            return Err(Rejection::StaleTimer);
        }
        let adds = Self::disk_adds(base);
        if let Some(more) = base.disk.grant_more(adds) {
            base.set_timer(Timer::Progress { reign }, more);
            return Ok(());
        }
        self.election_timer = None;
        (self.yielded, self.called) = (false, None);
        if self.proposer.is_leading() {
            self.look_around(base);
        } else {
            self.attempts.note();
            self.prepare(base);
        }
        Ok(())
    }

    pub(super) fn on_heartbeat_timeout(&mut self, base: &mut Base, reign: u64) -> Result<(), Rejection> {
        if self.heartbeat != Some(reign) {
            return Err(Rejection::StaleTimer);
        }
        self.heartbeat = None;
        self.say_again(base);
        Ok(())
    }
}
