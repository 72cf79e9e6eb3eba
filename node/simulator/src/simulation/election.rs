//! How long a network is without a leader after its leader dies: the measurement of Ongaro and Ousterhout
//! 2014, section 9.3, in virtual time.

use quorate_consensus::Engine;

use super::Simulation;
use super::roles::{Befalls, Whom};
use crate::host::Host;
use crate::scenario::Command;
use crate::world::Due;
use quorate_lies::Random;

/// So long everything is given to come to a first leader, in microseconds.
const SETTLING_US: u64 = 600_000_000;

impl Simulation {
    /// Lets everybody follow a leader, crashes it at a random time within a heartbeat's interval, and gives
    /// how many microseconds nobody leads after that; none if it is longer than `limit_us`.
    pub fn leaderless_us(mut self, limit_us: u64) -> Option<u64> {
        let mut random = Random::new(self.scenario.seed ^ 0x00e1_ec70);
        // A leader shows itself four times within the shortest timeout.
        let heartbeat_us = u64::from(self.scenario.timing.election.from_ms) * 1_000 / 4;
        for host in &mut self.hosts {
            host.start(&mut self.world);
        }
        self.connect_all();
        let mut crash_at = None;
        let reign = loop {
            let reign = self.engines().map(Engine::reign).max().unwrap_or(0);
            if !self.pass(SETTLING_US) {
                return None;
            }
            if self.hosts.iter().any(|host| !host.is_up()) {
                break reign;
            }
            if crash_at.is_none_or(|at| at < self.world.now) && self.all_follow_one() {
                let after = random.between(0, heartbeat_us);
                let crash = Command::Befall(Whom::Leader, Befalls::Crash);
                self.world.schedule(after, Due::Command(crash));
                crash_at = Some(self.world.now + after);
            }
        };
        let crashed = self.world.now;
        while self.pass(crashed + limit_us) {
            if self.hosts.iter().any(|host| leads_after(host, reign)) {
                return Some(self.world.now - crashed);
            }
        }
        None
    }

    /// Lets the next thing happen, if that is not later than this.
    fn pass(&mut self, until: u64) -> bool {
        let due = self.world.next(until);
        let passes = due.is_some();
        due.into_iter().for_each(|due| self.on_due(due));
        passes
    }

    fn engines(&self) -> impl Iterator<Item = &Engine> {
        self.hosts.iter().filter_map(Host::engine)
    }

    fn all_follow_one(&self) -> bool {
        let follows = |engine: &Engine| engine.begun_leader().map(|leader| (leader, engine.reign()));
        let mut engines = self.engines().map(follows);
        let first = engines.next().flatten();
        first.is_some() && engines.all(|followed| followed == first)
    }
}

/// Whether it leads a later reign than this.
fn leads_after(host: &Host, reign: u64) -> bool {
    let leads = |engine: &Engine| engine.reign() > reign && engine.begun_leader() == Some(host.validator);
    host.engine().is_some_and(leads)
}
