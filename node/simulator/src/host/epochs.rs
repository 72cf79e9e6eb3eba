//! How an epoch ends and the next begins, as the node's runtime has it.
//!
//! When an epoch's last block is certified, the process does nothing else until its chain is on disk up to
//! there: after a crash no journal is of a later epoch than its chain. Then an engine that has said nothing
//! yet serves the next epoch, and the former one goes on answering until that has a block. Batches that no
//! block has are of no use any more; what was in the own ones is packed again.

use quorate_consensus::{Config, Input, Record};
use quorate_crypto::{Digest, Epoch, Height, ValidatorIndex, sha256};
use quorate_ledger::{Agreement, Parameters};

use super::{Host, Serving};
use crate::chart::NoteKind;
use crate::ledger::Ledger;
use crate::scenario::Broken;
use crate::world::{Scheduled, Wire, World};

/// Each peer's word for a later epoch is looked into so often, in microseconds.
const LOOK_AHEAD_INTERVAL_US: u64 = 100_000;

impl Host {
    /// The epoch under way, as the process knows it.
    pub(crate) fn epoch(&self) -> Epoch {
        self.process
            .as_ref()
            .map_or(Epoch(0), |process| process.serving.epoch)
    }

    /// Whether the epoch's last height is known and not certified, or being written.
    pub(crate) fn is_ending(&self) -> bool {
        let ending = |process: &super::Process| process.changing || process.epoch_end.is_some();
        self.process.as_ref().is_some_and(ending)
    }

    /// What the engine is told of the epoch that the chain is in.
    pub(super) fn config(&self, world: &World, agreement: &Agreement, votes: bool) -> Config {
        let agreed = agreement.v1();
        let epoch_start = Height(agreed.first.0.saturating_sub(1));
        let certified = Height(self.chain().len() as u64);
        let newest = self.chain().last().filter(|_| certified > epoch_start);
        let committee = world.committee_in(agreed.epoch);
        let committee = committee.expect("there are as many epochs").clone();
        assert_eq!(
            committee,
            agreement.committee(),
            "the state names the committee that everybody expects"
        );
        Config {
            network: world.network,
            committee,
            index: Some(self.validator).filter(|_| votes && !self.is_censor()),
            parameters: Parameters::V1(self.settings.parameters.clone()),
            epoch_start,
            epoch_end: agreed.last,
            certified,
            certificate: newest.and_then(|block| block.certificate.clone()),
            inquiry: self.nonce(world, agreed.epoch),
            timing: self.settings.timing,
        }
    }

    /// Under which it asks what it signed: another at each start and in each epoch. A liar would keep the
    /// answers to itself.
    fn nonce(&self, world: &World, epoch: Epoch) -> Option<Digest> {
        let asks = self.is_honest() && !self.settings.breaks(Broken::NotAsked);
        let of_this_life = format!("{} {} {epoch} {}", self.place, self.life, world.now);
        asks.then(|| sha256(of_this_life.as_bytes()))
    }

    /// The journal's records that the engine of this epoch, which the chain is in, is recovered from. Those that
    /// never left are removed for good.
    pub(super) fn records_of(&mut self, world: &mut World, epoch: Epoch) -> Vec<Record> {
        let of = |record: &Record| record.epoch().unwrap_or(epoch);
        if let Some(later) = self.disk.records.iter().map(of).find(|of| *of > epoch) {
            if self.is_honest() {
                world.checker.report(format!(
                    "validator {} has a journal of epoch {later} and a chain of epoch {epoch}",
                    self.validator
                ));
            }
            return Vec::new();
        }
        if self.settings.breaks(Broken::JournalLost) {
            return Vec::new();
        }
        if !self.settings.breaks(Broken::UnsentKept) {
            self.settings.break_rule();
            let certified = Height(self.disk.blocks.len() as u64);
            let mut records = std::mem::take(&mut self.disk.records);
            records.retain(|record| record.height().is_none_or(|height| height > certified));
            self.disk.records = Record::without_unsent(records, |batch| self.disk.batches.contains(batch));
        }
        let records = self.disk.records.iter().filter(|record| of(record) == epoch);
        records.cloned().collect()
    }

    /// Batches of another epoch than this, which the chain is in, that no block has are of no use.
    pub(super) fn forget_foreign_batches(&mut self, world: &World, epoch: Epoch, ledger: &Ledger) {
        let useful = |batch: &_| ledger.ordered.contains(batch) || world.epoch_of(batch) == Some(epoch);
        self.disk.batches.retain(useful);
    }

    /// A block that was executed, or fetched, may have fixed the epoch's last height.
    pub(super) fn on_end_fixed(&mut self, world: &mut World, ends: Option<Height>) {
        let (Some(process), Some(last)) = (&mut self.process, ends) else {
            return;
        };
        if process.epoch_end.is_none() {
            process.epoch_end = Some(last);
            world.note(Some(self.place), NoteKind::Other, || {
                format!("the epoch ends with h{last}")
            });
            self.step(world, Input::EpochEnds(last));
        }
    }

    /// A block of the epoch under way was certified; another epoch may begin after it.
    pub(super) fn after_certified(&mut self, world: &mut World, begins: Option<Epoch>) {
        self.rejoin_at_once(world);
        let Some(process) = &mut self.process else { return };
        if begins.is_none() {
            if let Some(former) = process.former.take() {
                process.timers.retain(|(epoch, _), _| *epoch > former.epoch);
            }
        } else if self.settings.breaks(Broken::EpochBegunTooEarly) {
            self.begin_epoch(world);
        } else {
            process.changing = true;
            let delay = world.random.between(20, self.settings.flush_us.max(20) * 2);
            world.schedule_at(self.place, self.life, delay, Scheduled::EpochDurable);
        }
    }

    /// The former epoch's last block is on disk: another engine serves from here on.
    pub(super) fn begin_epoch(&mut self, world: &mut World) {
        let Some(process) = &mut self.process else { return };
        process.changing = false;
        if !self.settings.breaks(Broken::EpochBegunTooEarly) {
            self.disk.blocks = process.chain.clone();
            self.disk.batches.extend(process.batches.keys());
        }
        let ledger = process.ledger.clone();
        let agreement = ledger.agreement();
        let epoch = agreement.v1().epoch;
        process.batches.clear();
        process.required.clear();
        process.answered.clear();
        let leftovers = std::mem::take(&mut process.own);
        process.timers.retain(|(of, _), _| *of >= process.serving.epoch);
        self.forget_foreign_batches(world, epoch, &ledger);
        let votes = self.may_vote(world, epoch, &ledger);
        let config = self.config(world, &agreement, votes);
        assert_eq!(
            config.certified, config.epoch_start,
            "an epoch begins with nothing in it"
        );
        world.note(Some(self.place), NoteKind::Other, || {
            let says = if votes { "" } else { ", observes" };
            format!("epoch {epoch} begins{says}")
        });
        self.settings.break_rule();
        let (engine, step) = self.settings.recover(config, Vec::new());
        let Some(process) = &mut self.process else { return };
        process.epoch_end = None;
        let former = std::mem::replace(&mut process.serving, Serving { epoch, engine });
        process.former = Some(former);
        if self.settings.breaks(Broken::LeftoversForgotten) {
            process.own = leftovers;
            self.take(world, epoch, step);
        } else {
            self.take(world, epoch, step);
            for what in leftovers.into_values() {
                self.submit(world, what);
            }
        }
        self.ask_to_rejoin(world);
        for event in std::mem::take(&mut self.unheard) {
            self.on_event(world, event);
        }
    }

    /// This peer says that it is in a later epoch. Nobody can tell yet whether that is so; blocks prove
    /// themselves.
    pub(super) fn look_ahead(&mut self, world: &mut World, from: ValidatorIndex, epoch: Epoch) {
        let Some(process) = self.process.as_mut().filter(|p| epoch > p.serving.epoch) else {
            return;
        };
        let last = process.looked_ahead.get(&from);
        if last.is_none_or(|at| world.now - at >= LOOK_AHEAD_INTERVAL_US) {
            process.looked_ahead.insert(from, world.now);
            let after = Height(process.chain.len() as u64);
            self.tell(world, from, &Wire::WantBlocks(after));
        }
    }
}
