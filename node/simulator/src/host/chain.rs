//! The chain: execution, certified blocks, and fetching those of others.

use quorate_consensus::{Input, Record, verify_certificate};
use quorate_crypto::{Certificate, Digest, Height, Protocol};
use quorate_ledger::Proposal;

use super::{Host, Settings};
use crate::chart::NoteKind;
use crate::ledger::{KeptBlock, Ledger};
use crate::scenario::{Broken, Lie};
use crate::world::{Scheduled, Wire, World};

impl Settings {
    /// Executes the next height's proposal, all of whose batches have been submitted somewhere.
    fn execute(&self, world: &World, ledger: &mut Ledger, proposal: &Proposal) -> KeptBlock {
        let batches: Vec<_> = proposal
            .batches()
            .iter()
            .filter_map(|batch| world.batches.get(batch).cloned())
            .collect();
        ledger.execute(proposal, &batches, &self.parameters)
    }
}

impl Host {
    /// The ledger after the blocks on disk, executed anew: it must come out as it was.
    pub(super) fn replayed(&self, world: &mut World) -> Ledger {
        let mut ledger = Ledger::new(world.network, &world.committee);
        for kept in &self.disk.blocks {
            let again = self.settings.execute(world, &mut ledger, kept.proposal());
            if again.hash != kept.hash && self.is_honest() {
                let (validator, height) = (self.validator, kept.height());
                world.checker.report(format!(
                    "integrity: validator {validator} executes block {height} anew and gets another"
                ));
            }
        }
        ledger
    }

    pub(super) fn ask_for_blocks(&mut self, world: &mut World) {
        let Some(process) = &self.process else { return };
        let Some((to, holders)) = process.fetch.clone() else {
            return;
        };
        let after = Height(process.chain.len() as u64);
        if after >= to {
            if let Some(process) = &mut self.process {
                process.fetch = None;
            }
            return;
        }
        // A holder that does not answer is no reason to wait for it alone.
        let holder = world.random.pick(&holders).copied();
        let other = self.some_peer(world);
        for peer in [holder, other].into_iter().flatten() {
            self.tell(world, peer, &Wire::WantBlocks(after));
        }
    }

    /// Executes the next height if it is decided and its batches are here.
    pub(super) fn execute_next(&mut self, world: &mut World) {
        let Some(process) = &mut self.process else { return };
        let height = process.ledger.height().next();
        let Some(proposal) = process.decided.get(&height) else {
            return;
        };
        if process.executing {
            return;
        }
        if proposal
            .batches()
            .iter()
            .all(|batch| process.batches.contains_key(batch))
        {
            process.executing = true;
            let delay = world.random.between(10, 300);
            world.schedule_at(self.place, self.life, delay, Scheduled::Execute { height });
        } else {
            self.ask_for_batches(world);
        }
    }

    pub(super) fn on_execute(&mut self, world: &mut World, height: Height) {
        let Some(process) = &mut self.process else { return };
        process.executing = false;
        if process.ledger.height().next() == height
            && let Some(proposal) = process.decided.get(&height).cloned()
        {
            let before = self.has_two_faces().then(|| self.own_ledger()).flatten();
            let Some(process) = &mut self.process else { return };
            let block = self.settings.execute(world, &mut process.ledger, &proposal);
            let (hash, ends) = (block.hash, block.ends());
            process.executed.insert(height, block);
            if let Some(before) = before {
                self.execute_for_others(world, before, &proposal, hash);
            }
            self.on_end_fixed(world, ends);
            self.step(world, Input::Executed { height, block: hash });
        }
        self.execute_next(world);
    }

    /// Whether it leads two halves that decide different things.
    fn has_two_faces(&self) -> bool {
        self.lie == Some(Lie::Equivocator) && self.settings.engine != Protocol::Pbft
    }

    fn own_ledger(&self) -> Option<Ledger> {
        self.process.as_ref().map(|process| process.ledger.clone())
    }

    /// Executes what the other half decides, so that their block can be sealed. Where that half has no ledger
    /// of its own yet, it has the one that the liar had before the height.
    fn execute_for_others(&mut self, world: &World, before: Ledger, proposal: &Proposal, hash: Digest) {
        let lie = &mut self.liar.equivocator;
        let kept = lie.ledger.take();
        let kept = kept.filter(|kept| kept.height() == before.height());
        let mut ledger = kept.unwrap_or(before);
        let other = self.settings.execute(world, &mut ledger, lie.other_of(proposal));
        lie.blocks.insert(hash, other.hash);
        lie.ledger = Some(ledger);
    }

    pub(super) fn on_certify(&mut self, world: &mut World, certificate: Certificate) {
        let Some(process) = &mut self.process else { return };
        let height = certificate.height();
        if height.0 != process.chain.len() as u64 + 1 {
            return; // Block sync was faster.
        }
        let Some(mut block) = process.executed.remove(&height) else {
            world.checker.report(format!(
                "validator {} certifies what it has not executed",
                self.validator
            ));
            return;
        };
        block.certificate = Some(certificate);
        self.append(world, block);
    }

    /// Adds a certified block to the chain, and starts to write it.
    pub(super) fn append(&mut self, world: &mut World, block: KeptBlock) {
        let height = block.height();
        world.note(Some(self.place), NoteKind::Certifies, || {
            format!("certifies h{height} {}", block.hash.short())
        });
        if self.is_honest() {
            world.checker.on_certified(self.validator, &block, world.now);
            if let Some(meter) = &mut world.meter {
                let of = (height, block.hash);
                meter.on_certified(self.validator, of, block.proposal(), world.now);
            }
        }
        let Some(process) = &mut self.process else { return };
        for batch in block.proposal().batches() {
            process.own.remove(batch);
        }
        let begins = block.begins();
        process.chain.push(block);
        process.decided.remove(&height);
        process.required.retain(|(asked, _), _| *asked > height);
        process.answered.retain(|(asked, _)| *asked > height);
        let delay = world.random.between(20, self.settings.flush_us.max(20) * 2);
        let delay = delay + self.settings.chain_lag_us;
        let written_at = (world.now + delay).max(process.block_written_at + 1);
        process.block_written_at = written_at;
        if self.settings.broken == Some(Broken::ForgottenTooEarly) {
            self.disk
                .records
                .retain(|record| record.height().is_none_or(|about| about > height));
        }
        world.schedule_at(
            self.place,
            self.life,
            written_at - world.now,
            Scheduled::BlockDurable { height },
        );
        self.after_certified(world, begins);
    }

    /// A block is on disk: what led to it can be forgotten.
    pub(super) fn on_block_durable(&mut self, world: &mut World, height: Height) {
        let Some(process) = &self.process else { return };
        let place = self.disk.blocks.len();
        if let Some(block) = process.chain.get(place).filter(|block| block.height() == height) {
            self.disk.blocks.push(block.clone());
            if self.is_honest() {
                world.checker.on_kept(self.validator, height);
            }
            self.disk
                .records
                .retain(|record| record.height().is_none_or(|about| about > height));
            let kept = std::mem::take(&mut self.disk.records);
            self.disk.records = Record::without_replaced(kept);
        }
    }

    /// Applies fetched blocks, each with its certificate, in order.
    pub(super) fn on_blocks(&mut self, world: &mut World, blocks: Vec<KeptBlock>) {
        let mut last = None;
        let mut batches = Vec::new();
        for block in blocks {
            let Some(process) = &mut self.process else { return };
            if process.changing {
                break; // The rest is of the next epoch, whose committee is not known yet.
            }
            let height = Height(process.chain.len() as u64).next();
            let (Some(certificate), Some(committee)) = (
                block.certificate.clone(),
                world.committee_in(process.serving.epoch),
            ) else {
                return;
            };
            let proves = certificate.height() == block.height()
                && certificate.block() == block.hash
                && (self.settings.breaks(Broken::Unverified)
                    || verify_certificate(&certificate, world.network, committee, &world.scheme).is_ok());
            if block.height() != height || !proves {
                continue;
            }
            let mut applied = match process.executed.remove(&height) {
                Some(executed) => executed,
                None => {
                    assert_eq!(
                        process.ledger.height().next(),
                        height,
                        "blocks are executed in order"
                    );
                    self.settings
                        .execute(world, &mut process.ledger, block.proposal())
                }
            };
            if applied.hash != block.hash {
                // What it has executed stays what it has executed.
                process.executed.insert(height, applied);
                if self.is_honest() {
                    world.checker.report(format!(
                        "validator {} cannot apply block {height}",
                        self.validator
                    ));
                }
                return;
            }
            applied.certificate = Some(certificate.clone());
            batches.extend_from_slice(block.proposal().batches());
            let ends = applied.ends();
            self.append(world, applied);
            self.on_end_fixed(world, ends);
            last = Some(certificate);
        }
        let Some(certificate) = last else { return };
        for batch in &batches {
            if let Some(process) = &mut self.process {
                process.batches.entry(*batch).or_insert(world.now);
            }
            self.disk.batches.insert(*batch);
        }
        let Some(process) = &self.process else { return };
        if self.settings.engine == Protocol::Raft && !self.settings.breaks(Broken::SyncedBeforeDurable) {
            // What lies above a fetched block counts only if that is still there after a crash.
            let durable = process.block_written_at.saturating_sub(world.now) + 1;
            let event = Scheduled::Synced { certificate, batches };
            world.schedule_at(self.place, self.life, durable, event);
        } else if process.changing {
            // By the time that the core hears of it, it has begun the next epoch.
            let delay = world.random.between(1, 500);
            let event = Scheduled::Synced { certificate, batches };
            world.schedule_at(self.place, self.life, delay, event);
        } else {
            self.on_synced(world, certificate, batches);
        }
    }

    /// Tells the engine of the epoch of what block sync has applied.
    pub(super) fn on_synced(&mut self, world: &mut World, certificate: Certificate, batches: Vec<Digest>) {
        let epoch = certificate.epoch();
        self.step_in(world, epoch, Input::Synced(certificate));
        self.step_in(world, epoch, Input::BatchesObsolete(batches));
        self.execute_next(world);
        self.ask_for_blocks(world);
    }
}
