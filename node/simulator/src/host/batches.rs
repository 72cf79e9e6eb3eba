//! Batches: kept, asked for, passed on.

use std::time::Duration;

use quorate_consensus::{Body, Engine, Verified, pbft};
use quorate_crypto::{Digest, ValidatorIndex};
use quorate_driver::{Event, Led, Unordered, tell_of_unordered};
use quorate_ledger::Proposal;
use quorate_lies::usurp;

use super::Host;
use crate::liar::{complaint, pester};
use crate::scenario::{Censorship, Lie};
use crate::world::{BatchCopy, Scheduled, Wire, World};

/// How long a batch may stay unordered before it is passed on.
const LATE: Duration = Duration::from_millis(200);
/// Batches that are passed on at once.
const LATE_BATCHES: usize = 32;
/// From when on a liar crowds, in microseconds.
const CROWDS_FROM_US: u64 = 200_000;

/// How many batches' texts are asked for at once.
const TEXTS_ASKED: usize = 256;

impl Host {
    /// A copy of a batch has come. One that is not whole is not that batch: it is dropped, and nothing is remembered of
    /// it.
    pub(super) fn on_copy(&mut self, world: &mut World, from: ValidatorIndex, copy: &BatchCopy) {
        let packed = world.batches.get(&copy.digest);
        let parameters = &self.settings.parameters;
        if packed.is_some_and(|packed| packed.is_whole_with(&copy.texts, parameters)) {
            self.keep_batch(world, copy.digest);
        } else if !world.liars.contains(&from) {
            let batch = copy.digest.short();
            world.checker.report(format!(
                "validator {from} gives a copy of batch {batch} that is not whole"
            ));
        }
    }

    /// Gives a batch that is here to one validator, or to all.
    pub(super) fn give(&self, world: &mut World, to: Option<ValidatorIndex>, batch: &Digest) {
        let Some(copy) = world.copy_of(batch) else { return };
        match to {
            Some(to) => self.tell(world, to, &Wire::Batch(copy)),
            None => self.tell_all(world, &Wire::Batch(copy)),
        }
    }

    /// Gives the texts of an ordered batch, if they are here.
    pub(super) fn give_texts(&self, world: &mut World, to: ValidatorIndex, batch: &Digest) {
        let Some(memory) = self.memory() else { return };
        let is_here = memory.ledger.ordered.contains(batch) && !memory.missing_texts.contains(batch);
        if let Some(copy) = world.copy_of(batch).filter(|_| is_here) {
            self.tell(world, to, &Wire::Texts(copy));
        }
    }

    /// Asks somebody for texts that did not come with their blocks, until they are here.
    fn ask_for_texts(&self, world: &mut World) {
        let Some(memory) = self.memory() else { return };
        if memory.missing_texts.is_empty() {
            return;
        }
        let wanted: Vec<Digest> = memory.missing_texts.iter().take(TEXTS_ASKED).copied().collect();
        if let Some(peer) = self.some_peer(world) {
            self.tell(world, peer, &Wire::WantTexts(wanted));
        }
    }

    /// Texts have come. What is not exactly what was missing is dropped.
    pub(super) fn on_texts(&mut self, world: &World, copy: &BatchCopy) {
        let are_all = world.are_texts_of(&copy.digest, &copy.texts);
        let Some(memory) = self.memory_mut() else { return };
        if are_all && memory.missing_texts.remove(&copy.digest) {
            memory.writes.texts_of(copy.digest);
        }
    }

    /// A batch has come, or was packed here: it is written.
    pub(super) fn keep_batch(&mut self, world: &mut World, batch: Digest) {
        let Some(memory) = self.memory_mut() else { return };
        // Another epoch's is of no use: blocks bring those that they have.
        let of_now = world.epoch_of(&batch) == Some(memory.epoch);
        if of_now && !memory.batches.contains_key(&batch) && !memory.writes.holds(&batch) {
            self.write_batch(world, batch);
        }
    }

    /// A batch is written; whether there is a use for it is judged now.
    pub(super) fn on_batch_kept(&mut self, world: &mut World, batch: Digest) {
        let Some(memory) = self.memory_mut() else { return };
        let epoch = memory.epoch;
        if world.epoch_of(&batch) != Some(epoch) || memory.batches.contains_key(&batch) {
            return;
        }
        let unordered = Unordered::since(Duration::from_micros(world.now));
        memory.batches.insert(batch, unordered);
        if !memory.ledger.ordered.contains(&batch) {
            self.tell_driver(world, Event::BatchStored { epoch, digest: batch });
        }
    }

    pub(super) fn some_peer(&self, world: &mut World) -> Option<ValidatorIndex> {
        let peers: Vec<ValidatorIndex> = world
            .machines()
            .into_iter()
            .filter(|v| *v != self.validator)
            .collect();
        world.random.pick(&peers).copied()
    }

    pub(super) fn on_housekeeping(&mut self, world: &mut World) {
        self.ask_for_blocks(world);
        self.ask_for_texts(world);
        self.censor(world);
        self.trickle(world);
        self.complain(world);
        self.usurp(world);
        if self.lie == Some(Lie::Pesterer) {
            pester(&self.liar.pesterer, world, self.validator);
        }
        self.hoard(world);
        self.ask_to_rejoin(world);
        self.govern(world);
        self.pass_on_late(world);
        let delay = world.random.between(40_000, 60_000);
        world.schedule_at(self.place, self.life, delay, Scheduled::Housekeeping);
    }

    /// Passes on batches that stay unordered. They take little here: nobody is asked first.
    fn pass_on_late(&mut self, world: &mut World) {
        // Who leaves others' batches out tells nobody of them.
        if matches!(self.lie, Some(Lie::Censor(_))) {
            return;
        }
        self.settings.break_rule();
        let standing = self.process.as_ref().map(|process| process.driver.standing());
        let Some(standing) = standing else { return };
        let Some(own) = self.place_in(world, standing.epoch) else {
            return;
        };
        let Some(process) = &mut self.process else { return };
        let led = Led::of(standing.leader, standing.begun, standing.votes, own);
        let memory = &mut process.memory;
        let ordered = &memory.ledger.ordered;
        let waiting = memory.batches.iter_mut().map(|(digest, batch)| (*digest, batch));
        let waiting = waiting.filter(|(digest, _)| !ordered.contains(digest));
        let now = Duration::from_micros(world.now);
        for (to, batches) in tell_of_unordered(led, waiting, now, LATE, LATE_BATCHES) {
            let to = match to {
                Some(to) => match world.machine_in(standing.epoch, to) {
                    Some(machine) => Some(machine),
                    None => continue,
                },
                None => None,
            };
            for batch in batches {
                self.give(world, to, &batch);
            }
        }
    }

    /// Begins a view, now and then, if that is how it lies.
    fn usurp(&self, world: &mut World) {
        let Some(process) = self.process.as_ref().filter(|_| self.lie == Some(Lie::Usurper)) else {
            return;
        };
        if world.random.chance(150)
            && let Some(Engine::Pbft(replica)) = self.engine()
        {
            for message in usurp(world, process.driver.epoch(), self.validator, replica) {
                self.tell_all(world, &Wire::Consensus(message));
            }
        }
    }

    /// Asks for the next view, again and again, if that is how it lies.
    fn hoard(&mut self, world: &mut World) {
        let (Some(Lie::SealHoarder { .. }), Some(process)) = (self.lie, &self.process) else {
            return;
        };
        let epoch = process.driver.epoch();
        let tip = process.memory.chain.last();
        let tip = tip.and_then(|block| block.certificate.clone());
        let of_now = tip.filter(|certificate| certificate.epoch() == epoch);
        if let (Some(Engine::Pbft(replica)), Some(certificate)) = (process.driver.engines()[0], of_now)
            && replica.has_begun()
        {
            let hoarder = &mut self.liar.seal_hoarder;
            if let Some(body) = hoarder.next_view_change(epoch, replica.view(), &certificate) {
                let message = world.sign(epoch, self.validator, body);
                self.tell_all(world, &Wire::Consensus(message));
            }
        }
    }

    /// Orders its stock first, if that is how it lies. Its engine observes.
    fn trickle(&mut self, world: &mut World) {
        let (Some(Lie::Trickle { every_ms }), Some(process)) = (self.lie, &self.process) else {
            return;
        };
        let (own, epoch) = (self.validator, process.driver.epoch());
        for batch in self.liar.trickler.stock_up(world, own, epoch) {
            self.keep_batch(world, batch);
            self.give(world, None, &batch);
        }
        if !self.liar.trickler.is_due(world, every_ms) {
            return;
        }
        let ordered = self.ordered();
        let Some(memory) = self.memory() else { return };
        let waiting = memory.batches.keys().filter(|batch| !ordered.contains(*batch));
        let waiting: Vec<Digest> = waiting.copied().collect();
        let now = self.clock(world);
        let Some(process) = &self.process else { return };
        let Some(Engine::Pbft(replica)) = process.driver.engines()[0] else {
            return;
        };
        if replica.leader() != own || !replica.has_begun() {
            return;
        }
        let batches = self.liar.trickler.next(world.now, &waiting);
        if batches.is_empty() {
            return;
        }
        if let Some(body) = self.liar.censor.propose((epoch, replica), own, now, batches) {
            let message = world.sign(epoch, own, body);
            self.tell_all(world, &Wire::Consensus(message.clone()));
            self.hear(world, Event::Message(Verified::trusted(message)));
        }
    }

    /// Proposes until it has enough under way, if that is how it lies. Its engine observes.
    pub(super) fn crowd(&mut self, world: &mut World) {
        let Some(Lie::Crowder { leaves_out }) = self.lie else {
            return;
        };
        // The others may have to find out first what they signed.
        let Some(process) = self.process.as_ref().filter(|_| world.now >= CROWDS_FROM_US) else {
            return;
        };
        let (own, epoch) = (self.validator, process.driver.epoch());
        let Some(Engine::Pbft(replica)) = process.driver.engines()[0] else {
            return;
        };
        if replica.leader() != own || !replica.has_begun() {
            return;
        }
        let (view, certified) = (replica.view(), replica.certified());
        while let Some(height) = self.liar.crowder.next_height(epoch, view, certified) {
            let made = self.liar.crowder.make(world, own, epoch);
            self.keep_batch(world, made);
            self.give(world, None, &made);
            let mut batches = vec![made];
            if let Some(author) = leaves_out {
                let here = self.batches_but_of(world, author);
                batches.extend(self.liar.crowder.others(here));
            }
            let body = Body::Pbft(pbft::Body::PrePrepare {
                view,
                height,
                proposal: Proposal::new(self.clock(world), batches),
            });
            let message = world.sign(epoch, own, body);
            self.tell_all(world, &Wire::Consensus(message.clone()));
            self.hear(world, Event::Message(Verified::trusted(message)));
        }
    }

    /// All batches that are here but those of one author.
    fn batches_but_of(&self, world: &World, author: ValidatorIndex) -> Vec<Digest> {
        let here = self.memory().into_iter().flat_map(|memory| memory.batches.keys());
        here.filter(|batch| world.author(batch) != Some(author))
            .copied()
            .collect()
    }

    /// Complains about whoever leads, if that is how it lies.
    fn complain(&self, world: &mut World) {
        let complains = match self.lie {
            Some(Lie::Complainer | Lie::Whisperer { .. }) => true,
            Some(Lie::Flagging { until_ms }) => world.now >= until_ms * 1_000,
            _ => false,
        };
        let Some(process) = self.process.as_ref().filter(|_| complains) else {
            return;
        };
        if let Some(Engine::Pbft(replica)) = process.driver.engines()[0]
            && let Some(body) = complaint(self.validator, replica)
        {
            let message = world.sign(process.driver.epoch(), self.validator, body);
            for host in 0..world.hosts.len() {
                if world.hosts[host] != self.validator {
                    world.send(self.place, host, &Wire::Consensus(message.clone()));
                }
            }
        }
    }

    /// Proposes as a censor does. Its engine observes, and hears the proposal as everybody does.
    fn censor(&mut self, world: &mut World) {
        let (Some(Lie::Censor(censorship)), Some(process)) = (self.lie, &self.process) else {
            return;
        };
        let ordered = self.ordered();
        let (now, most) = (
            self.clock(world),
            self.settings.parameters.max_proposal_batches as usize,
        );
        let known = process.memory.batches.keys();
        let serves = |batch: &&Digest| match censorship {
            Censorship::Empty => false,
            Censorship::Repeat => ordered.is_empty() || ordered.contains(*batch),
            Censorship::LeaveOut(author) => !ordered.contains(*batch) && world.author(batch) != Some(author),
        };
        let batches: Vec<Digest> = known.filter(serves).take(most).copied().collect();
        if batches.is_empty() && matches!(censorship, Censorship::LeaveOut(_)) {
            return;
        }
        let (own, epoch) = (self.validator, process.driver.epoch());
        let Some(Engine::Pbft(replica)) = process.driver.engines()[0] else {
            return;
        };
        let Some(body) = self.liar.censor.propose((epoch, replica), own, now, batches) else {
            return;
        };
        let message = world.sign(epoch, own, body);
        self.tell_all(world, &Wire::Consensus(message.clone()));
        self.hear(world, Event::Message(Verified::trusted(message)));
    }
}
