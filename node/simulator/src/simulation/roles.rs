//! Faults that befall whoever has a role at the time, as nobody knows beforehand who leads.

use quorate_crypto::ValidatorIndex;
use quorate_driver::Event;

use super::Simulation;
use crate::chart::NoteKind;
use crate::host::Host;
use crate::scenario::{Command, Lie, Loss};

/// Whom something befalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Whoever leads.
    Leader,
    /// So many of those that do not.
    Followers(u16),
    /// Whoever leads, and so many of the others.
    LeaderAnd(u16),
}

/// What befalls somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Befalls {
    /// The process dies. It is started when faults are over.
    Crash,
    /// They are cut off from all others, in both directions.
    CutOff,
    /// What they send reaches nobody.
    Muted,
    /// They send junk: the others take nothing more of what they send, and know whose it is.
    HeldBack,
    /// Nothing reaches them.
    Deafened,
    /// The process dies and loses something.
    Lose(Loss),
    /// Each of their flushes takes so many milliseconds from now on.
    SlowDisk(u64),
    /// They lie from now on. A lie of more than one host has to be told from the beginning.
    Lie(Lie),
}

impl Simulation {
    /// Who leads the highest reign that has begun anywhere.
    pub(super) fn leader(&self) -> Option<ValidatorIndex> {
        let up = self.hosts.iter().filter_map(Host::engine);
        let begun = up.filter(|engine| engine.has_begun());
        begun
            .max_by_key(|engine| engine.reign())
            .map(|engine| engine.leader())
    }

    pub(super) fn befall(&mut self, whom: Whom, what: Befalls) {
        let Some(leader) = self.leader() else { return };
        let others = (1..self.scenario.validators).filter_map(|offset| {
            let place = (usize::from(leader.0) + offset) % self.scenario.validators;
            u16::try_from(place).ok()
        });
        let who: Vec<u16> = match whom {
            Whom::Leader => vec![leader.0],
            Whom::Followers(count) => others.take(usize::from(count)).collect(),
            Whom::LeaderAnd(count) => [leader.0]
                .into_iter()
                .chain(others.take(usize::from(count)))
                .collect(),
        };
        if what == Befalls::CutOff {
            self.on_command(Command::Isolate(who));
            return;
        }
        for who in who {
            self.befall_one(who, what);
        }
    }

    fn befall_one(&mut self, who: u16, what: Befalls) {
        let size = u16::try_from(self.scenario.validators).unwrap_or(u16::MAX);
        let peers = (0..size).filter(|peer| *peer != who);
        match what {
            Befalls::Crash => self.on_command(Command::Crash(who)),
            Befalls::CutOff => {}
            Befalls::Muted => peers.for_each(|peer| self.on_command(Command::CutOneWay(who, peer))),
            Befalls::HeldBack => {
                for peer in peers {
                    self.on_command(Command::CutOneWay(who, peer));
                    for host in self.hosts_of(peer) {
                        let epoch = self.hosts[host].epoch();
                        let validator = self.world.place_in(epoch, ValidatorIndex(who));
                        let validator = validator.unwrap_or(ValidatorIndex(who));
                        let held_back = Event::HeldBack { epoch, validator };
                        self.hosts[host].hear(&mut self.world, held_back);
                    }
                }
            }
            Befalls::Deafened => peers.for_each(|peer| self.on_command(Command::CutOneWay(peer, who))),
            Befalls::Lose(loss) => {
                self.on_command(Command::Lose(who, loss));
                self.on_command(Command::Start(who));
            }
            Befalls::SlowDisk(flush_ms) => {
                self.world.note(Some(usize::from(who)), NoteKind::Other, || {
                    format!("its flushes take {flush_ms} ms")
                });
                for host in self.hosts_of(who) {
                    self.hosts[host].slow_disk(flush_ms * 1_000);
                }
            }
            Befalls::Lie(lie) => {
                self.world.liars.insert(ValidatorIndex(who));
                for host in self.hosts_of(who) {
                    self.hosts[host].lie = Some(lie);
                }
            }
        }
    }
}
