//! Batches: kept, flushed, asked for, passed on.

use std::collections::BTreeSet;

use quorate_consensus::{Engine, Input, Verified};
use quorate_crypto::{Digest, Height, ValidatorIndex};
use quorate_ledger::Proposal;

use super::Host;
use crate::liar::usurp;
use crate::scenario::{Broken, Censorship, Lie};
use crate::world::{Scheduled, Wire, World};

impl Host {
    pub(super) fn keep_batch(&mut self, world: &mut World, batch: Digest) {
        let Some(process) = &mut self.process else { return };
        // Another epoch's is of no use: blocks bring those that they have.
        let of_now = world.epoch_of(&batch) == Some(process.serving.epoch);
        if !of_now || process.batches.contains_key(&batch) {
            return;
        }
        process.batches.insert(batch, world.now);
        let delay = world.random.between(20, self.settings.flush_us.max(20));
        world.schedule_at(self.place, self.life, delay, Scheduled::BatchDurable { batch });
        if !process.ledger.ordered.contains(&batch) {
            self.step(world, Input::BatchesAvailable(vec![batch]));
        }
        self.answer_required(world);
        self.execute_next(world);
    }

    /// Tells the engine which of the proposals it asked about have all their batches here now.
    pub(super) fn answer_required(&mut self, world: &mut World) {
        let Some(process) = &mut self.process else { return };
        let here: Vec<(Height, Digest)> = process
            .required
            .iter()
            .filter(|(asked, batches)| {
                let here = |batch: &Digest| process.batches.contains_key(batch);
                let complete = batches.iter().all(here) || self.settings.breaks(Broken::BatchesUnchecked);
                complete && !process.answered.contains(*asked)
            })
            .map(|(asked, _)| *asked)
            .collect();
        process.answered.extend(here.iter().copied());
        for (height, proposal) in here {
            self.step(world, Input::ProposalAvailable { height, proposal });
        }
    }

    pub(super) fn ask_for_batches(&self, world: &mut World) {
        let Some(process) = &self.process else { return };
        let undecided = process.required.values().map(Vec::as_slice);
        let decided = process.decided.values().map(Proposal::batches);
        let missing: BTreeSet<Digest> = undecided
            .chain(decided)
            .flatten()
            .filter(|batch| !process.batches.contains_key(*batch))
            .copied()
            .collect();
        if missing.is_empty() {
            return;
        }
        let missing: Vec<Digest> = missing.into_iter().collect();
        for _ in 0..2 {
            if let Some(peer) = self.some_peer(world) {
                self.tell(world, peer, &Wire::WantBatches(missing.clone()));
            }
        }
    }

    pub(super) fn some_peer(&self, world: &mut World) -> Option<ValidatorIndex> {
        let peers: Vec<ValidatorIndex> = world
            .committee
            .indices()
            .filter(|v| *v != self.validator)
            .collect();
        world.random.pick(&peers).copied()
    }

    pub(super) fn on_housekeeping(&mut self, world: &mut World) {
        self.ask_for_batches(world);
        self.ask_for_blocks(world);
        self.censor(world);
        self.usurp(world);
        self.hoard(world);
        self.ask_to_rejoin(world);
        if let Some(process) = &self.process {
            // A primary that has not begun its view, or is oneself, passes nothing on.
            let engine = &process.serving.engine;
            let leader =
                Some(engine.leader()).filter(|leader| engine.has_begun() && *leader != self.validator);
            let late: Vec<Digest> = process
                .batches
                .iter()
                .filter(|(batch, since)| {
                    world.now - **since > 200_000 && !process.ledger.ordered.contains(*batch)
                })
                .map(|(batch, _)| *batch)
                .take(32)
                .collect();
            for batch in late {
                match leader {
                    Some(leader) => self.tell(world, leader, &Wire::Batch(batch)),
                    None => self.tell_all(world, &Wire::Batch(batch)),
                }
            }
        }
        let delay = world.random.between(40_000, 60_000);
        world.schedule_at(self.place, self.life, delay, Scheduled::Housekeeping);
    }

    /// Begins a view, now and then, if that is how it lies.
    fn usurp(&self, world: &mut World) {
        let Some(process) = self.process.as_ref().filter(|_| self.lie == Some(Lie::Usurper)) else {
            return;
        };
        if world.random.chance(150)
            && let Engine::Pbft(replica) = &process.serving.engine
        {
            for message in usurp(world, process.serving.epoch, self.validator, replica) {
                self.tell_all(world, &Wire::Consensus(message));
            }
        }
    }

    /// Asks for the next view, again and again, if that is how it lies.
    fn hoard(&mut self, world: &mut World) {
        let (Some(Lie::SealHoarder { .. }), Some(process)) = (self.lie, &self.process) else {
            return;
        };
        let epoch = process.serving.epoch;
        let tip = process.chain.last().and_then(|block| block.certificate.clone());
        let of_now = tip.filter(|certificate| certificate.epoch() == epoch);
        if let (Engine::Pbft(replica), Some(certificate)) = (&process.serving.engine, of_now)
            && replica.has_begun()
        {
            let hoarder = &mut self.liar.seal_hoarder;
            if let Some(body) = hoarder.next_view_change(epoch, replica.view(), &certificate) {
                let message = world.sign(epoch, self.validator, body);
                self.tell_all(world, &Wire::Consensus(message));
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
        let known = process.batches.keys();
        let serves = |batch: &&Digest| match censorship {
            Censorship::Empty => false,
            Censorship::Repeat => ordered.is_empty() || ordered.contains(*batch),
            Censorship::LeaveOut(author) => !ordered.contains(*batch) && world.author(batch) != Some(author),
        };
        let batches = known.filter(serves).take(most).copied().collect();
        let (own, epoch) = (self.validator, process.serving.epoch);
        let Engine::Pbft(replica) = &process.serving.engine else {
            return;
        };
        let Some(body) = self.liar.censor.propose((epoch, replica), own, now, batches) else {
            return;
        };
        let message = world.sign(epoch, own, body);
        self.tell_all(world, &Wire::Consensus(message.clone()));
        self.step(world, Input::Message(Verified::trusted(message)));
    }
}
