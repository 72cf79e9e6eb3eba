//! The chain: execution, certified blocks, and fetching those of others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use quorate_consensus::verify_certificate;
use quorate_crypto::{Certificate, Digest, Engine, Height};
use quorate_driver::{Event, Unordered};
use quorate_ledger::{Parameters, Proposal};

use super::{Host, Settings};
use crate::chart::NoteKind;
use crate::ledger::{KeptBlock, Ledger};
use crate::scenario::{Broken, Lie};
use crate::world::{Scheduled, ServedBlock, Wire, World};

impl Settings {
    /// Executes the next height's proposal, all of whose batches have been submitted somewhere.
    fn execute(&self, world: &World, ledger: &mut Ledger, proposal: &Proposal) -> KeptBlock {
        let batches: Vec<_> = proposal
            .batches()
            .iter()
            .filter_map(|batch| world.batches.get(batch))
            .map(|packed| Arc::clone(&packed.batch))
            .collect();
        let parameters = match world.is_governed() {
            true => ledger.parameters(),
            false => Parameters::V1(self.parameters.clone()),
        };
        ledger.execute(proposal, &batches, parameters.v1())
    }
}

impl Host {
    /// The ledger after the blocks on disk, executed again: it must come out as it was.
    pub(super) fn replayed(&self, world: &mut World) -> Ledger {
        let mut ledger = Ledger::new(world.network, &world.committee, &world.parameters);
        for kept in &self.disk.blocks {
            let again = self.settings.execute(world, &mut ledger, kept.proposal());
            if again.hash != kept.hash && self.is_honest() {
                let (validator, height) = (self.validator, kept.height());
                world.checker.report(format!(
                    "integrity: validator {validator} executes block {height} again and gets another"
                ));
            }
        }
        ledger
    }

    pub(super) fn ask_for_blocks(&mut self, world: &mut World) {
        let Some(memory) = self.memory_mut() else { return };
        let Some((to, holders)) = memory.fetch.clone() else {
            return;
        };
        let after = Height(memory.chain.len() as u64);
        if after >= to {
            memory.fetch = None;
            return;
        }
        // A holder that does not answer is no reason to wait for it alone.
        let holder = world.random.pick(&holders).copied();
        let other = self.some_peer(world);
        for peer in [holder, other].into_iter().flatten() {
            self.tell(world, peer, &Wire::WantBlocks(after));
        }
    }

    /// A height is decided, and all its batches are here.
    pub(super) fn on_decided(&mut self, world: &mut World, height: Height, proposal: Proposal) {
        let Some(memory) = self.memory_mut() else { return };
        if height > memory.ledger.height() {
            memory.decided.insert(height, proposal);
            self.execute_next(world);
        } else {
            self.tell_executed(world, height);
        }
    }

    /// Tells of a height that is executed and not in the chain yet: a synced block's hash is the certified one.
    fn tell_executed(&mut self, world: &mut World, height: Height) {
        let Some(memory) = self.memory_mut() else { return };
        let Some(block) = memory.executed.get(&height) else {
            return;
        };
        let event = Event::Executed {
            epoch: block.block.header().epoch,
            height,
            block: block.hash,
            ends: block.ends(),
        };
        self.tell_driver(world, event);
    }

    /// Executes the next height if it is decided.
    fn execute_next(&mut self, world: &mut World) {
        let (place, life) = (self.place, self.life);
        let Some(memory) = self.memory_mut() else { return };
        let height = memory.ledger.height().next();
        if memory.executing || !memory.decided.contains_key(&height) {
            return;
        }
        memory.executing = true;
        let delay = world.random.between(10, 300);
        world.schedule_at(place, life, delay, Scheduled::Execute { height });
    }

    pub(super) fn on_execute(&mut self, world: &mut World, height: Height) {
        let two_faces = self.has_two_faces();
        let Some(process) = &mut self.process else { return };
        let memory = &mut process.memory;
        memory.executing = false;
        if memory.ledger.height().next() == height
            && let Some(proposal) = memory.decided.remove(&height)
        {
            let before = two_faces.then(|| memory.ledger.clone());
            let block = self.settings.execute(world, &mut memory.ledger, &proposal);
            let hash = block.hash;
            memory.executed.insert(height, block);
            if let Some(before) = before {
                self.execute_for_others(world, before, &proposal, hash);
            }
            self.tell_executed(world, height);
        }
        self.advance(world);
        self.execute_next(world);
    }

    /// Whether it leads two halves that decide different things.
    fn has_two_faces(&self) -> bool {
        self.lie == Some(Lie::Equivocator) && self.settings.engine != Engine::Pbft
    }

    /// Executes what the other half decides, so that their block can be sealed. Where that half has no ledger
    /// of its own yet, it has the one that the liar had before the height.
    fn execute_for_others(&mut self, world: &World, before: Ledger, proposal: &Proposal, hash: Digest) {
        let lie = &mut self.liar.equivocator;
        let kept = self.liar.other_ledger.take();
        let kept = kept.filter(|kept| kept.height() == before.height());
        let mut ledger = kept.unwrap_or(before);
        let other = self.settings.execute(world, &mut ledger, lie.other_of(proposal));
        lie.blocks.insert(hash, other.hash);
        self.liar.other_ledger = Some(ledger);
    }

    /// The driver certifies a block; it is written in a while.
    pub(super) fn on_certify(&self, world: &mut World, certificate: Certificate) {
        let lag = self.settings.chain_lag_us;
        let delay = world.random.between(10, 300) + lag;
        let write = Scheduled::Write(Box::new(certificate));
        world.schedule_at(self.place, self.life, delay, write);
    }

    pub(super) fn on_write(&mut self, world: &mut World, certificate: Certificate) {
        let Some(memory) = self.memory_mut() else { return };
        let height = certificate.height();
        if height.0 > memory.chain.len() as u64 {
            memory.certificates.insert(height, certificate);
            self.advance(world);
        }
    }

    /// Writes what is executed and certified, in order of heights.
    fn advance(&mut self, world: &mut World) {
        loop {
            let Some(memory) = self.memory_mut() else { return };
            let front = Height(memory.chain.len() as u64).next();
            if !memory.executed.contains_key(&front) {
                return;
            }
            let Some(certificate) = memory.certificates.remove(&front) else {
                return;
            };
            let mut block = memory.executed.remove(&front).expect("it was just seen");
            if block.hash != certificate.block() {
                let validator = self.validator;
                world.checker.report(format!(
                    "validator {validator} certifies another block {front} than it has executed"
                ));
                return;
            }
            block.certificate = Some(certificate);
            self.append(world, block);
        }
    }

    /// Adds a certified block to the chain.
    fn append(&mut self, world: &mut World, block: KeptBlock) {
        let (height, epoch) = (block.height(), block.block.header().epoch);
        world.note(Some(self.place), NoteKind::Certifies, || {
            format!("certifies h{height} {}", block.hash.short())
        });
        if self.is_honest() {
            world.checker.on_certified(self.validator, &block, world.now);
            if let Some(meter) = &mut world.meter {
                meter.on_certified(self.validator, &block, world.now);
            }
        }
        let begins = block.begins();
        let Some(memory) = self.memory_mut() else { return };
        for batch in block.proposal().batches() {
            memory.own.remove(batch);
        }
        memory.writes.block(block.clone());
        memory.chain.push(block);
        memory.certificates = memory.certificates.split_off(&height.next());
        self.follow_epoch(world, height, begins);
        self.tell_driver(world, Event::Written { epoch, height });
        self.after_block(world, begins);
    }

    /// Applies fetched blocks, each with its certificate, in order.
    pub(super) fn on_blocks(&mut self, world: &mut World, blocks: Vec<ServedBlock>) {
        for block in blocks {
            if !self.apply(world, &block) {
                return;
            }
        }
        self.execute_next(world);
        self.ask_for_blocks(world);
    }

    /// Applies a fetched block, if it is the next one and proven; false if it cannot be. It needs no texts: those that are
    /// missing are asked for afterwards.
    fn apply(&mut self, world: &mut World, served: &ServedBlock) -> bool {
        let block = &served.kept;
        let lacking = self.lacking(world, served);
        let Some(process) = &mut self.process else {
            return false;
        };
        let memory = &mut process.memory;
        let height = Height(memory.chain.len() as u64).next();
        let (Some(certificate), Some(committee)) =
            (block.certificate.clone(), world.committee_in(memory.epoch))
        else {
            return false;
        };
        let proves = certificate.height() == block.height()
            && certificate.block() == block.hash
            && (self.settings.breaks(Broken::Unverified)
                || verify_certificate(&certificate, world.network, committee, &world.scheme).is_ok());
        if block.height() != height || !proves {
            return true;
        }
        let batches = block.proposal().batches();
        let mut applied = match memory.executed.remove(&height) {
            Some(executed) => executed,
            None => {
                assert_eq!(
                    memory.ledger.height().next(),
                    height,
                    "blocks are executed in order"
                );
                let whole = batches.iter().filter(|batch| !lacking.contains(*batch));
                let whole: Vec<Digest> = whole.copied().collect();
                memory.writes.of_block(&whole);
                memory.missing_texts.extend(&lacking);
                self.settings.execute(world, &mut memory.ledger, block.proposal())
            }
        };
        if applied.hash != block.hash {
            // What it has executed stays what it has executed.
            memory.executed.insert(height, applied);
            if self.is_honest() {
                world.checker.report(format!(
                    "validator {} cannot apply block {height}",
                    self.validator
                ));
            }
            return false;
        }
        for batch in batches
            .iter()
            .filter(|batch| !memory.missing_texts.contains(*batch))
        {
            memory
                .batches
                .entry(*batch)
                .or_insert_with(|| Unordered::since(Duration::from_micros(world.now)));
        }
        memory.decided = memory.decided.split_off(&height.next());
        applied.certificate = Some(certificate.clone());
        let ends = applied.ends();
        self.append(world, applied);
        let batches = batches.to_vec();
        self.tell_driver(
            world,
            Event::Synced {
                certificate,
                batches,
                ends,
            },
        );
        self.advance(world);
        true
    }

    /// Of a fetched block's batches those that are not here, and whose texts have not come with it. What came and does
    /// not fit is dropped, not the block.
    fn lacking(&self, world: &World, served: &ServedBlock) -> BTreeSet<Digest> {
        let here = |batch: &Digest| {
            let memory = self.memory();
            let held = memory.is_some_and(|memory| memory.batches.contains_key(batch));
            held || self.disk.batches.contains(batch)
        };
        let batches = served.kept.proposal().batches().iter().enumerate();
        let lacking = batches.filter(|(place, batch)| {
            let came = served.texts.get(*place).and_then(Option::as_ref);
            let fit = came.is_some_and(|texts| world.are_texts_of(batch, texts));
            world.has_texts(batch) && !fit && !here(batch)
        });
        lacking.map(|(_, batch)| *batch).collect()
    }
}
