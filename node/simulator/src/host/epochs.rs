//! How an epoch ends and the next begins, as the node's executor has it: the moment in which an epoch's last
//! block is written moves the chain on, whatever its driver has heard. Batches that no block has are of no use
//! any more; what was in the own ones is packed again.

use std::collections::BTreeSet;

use quorate_consensus::Config;
use quorate_crypto::{Digest, Epoch, Height, ValidatorIndex, sha256};
use quorate_driver::Event;
use quorate_ledger::Parameters;

use super::Host;
use crate::governance::{AGAIN_US, Stage};
use crate::ledger::Ledger;
use crate::scenario::Broken;
use crate::workload::Work;
use crate::world::{Wire, World};

/// Each peer's word for a later epoch is looked into so often, in microseconds.
const LOOK_AHEAD_INTERVAL_US: u64 = 100_000;

impl Host {
    /// The epoch under way, as its driver knows it.
    pub(crate) fn epoch(&self) -> Epoch {
        self.process
            .as_ref()
            .map_or(Epoch(0), |process| process.driver.epoch())
    }

    /// Whether the epoch's last height is known and the next one has not begun.
    pub(crate) fn is_ending(&self) -> bool {
        self.process.as_ref().is_some_and(|process| {
            process.driver.epoch_end().is_some() || process.driver.epoch() != process.memory.epoch
        })
    }

    /// What the engine is told of an epoch, at this certified height.
    pub(super) fn config(&self, world: &World, ledger: &Ledger, certified: Height, votes: bool) -> Config {
        let agreement = ledger.agreement();
        let agreed = agreement.v1();
        let epoch_start = Height(agreed.first.0.saturating_sub(1));
        let newest = certified.0.checked_sub(1).filter(|_| certified > epoch_start);
        let newest = newest.and_then(|place| self.chain().get(usize::try_from(place).ok()?));
        let committee = world.committee_in(agreement.epoch());
        let committee = committee.expect("there are as many epochs").clone();
        assert_eq!(
            committee,
            agreement.committee(),
            "the state names the committee that everybody expects"
        );
        Config {
            network: world.network,
            committee,
            index: self
                .place_in(world, agreement.epoch())
                .filter(|_| votes && !self.is_censor()),
            parameters: match world.is_governed() {
                true => ledger.parameters(),
                false => Parameters::V1(self.settings.parameters.clone()),
            },
            epoch_start,
            epoch_end: agreed.last,
            certified,
            certificate: newest.and_then(|block| block.certificate.clone()),
            inquiry: self.nonce(world, agreement.epoch()),
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

    /// A block was written after which another epoch may begin. The driver hears of the block after this.
    pub(super) fn follow_epoch(&mut self, world: &mut World, height: Height, begins: Option<Epoch>) {
        let Some(memory) = self.memory_mut() else { return };
        let Some(next) = begins else {
            memory.former = None;
            return;
        };
        if world.is_governed() {
            world.learn(memory.ledger.agreement().committee());
        }
        memory.former = Some(std::mem::replace(&mut memory.epoch, next));
        memory.ended.insert(height, memory.ledger.clone());
        let ordered = &memory.ledger.ordered;
        let foreign = |batch: &&Digest| !ordered.contains(*batch) && world.epoch_of(batch) != Some(next);
        let gone: BTreeSet<Digest> = memory.batches.keys().filter(foreign).copied().collect();
        memory.writes.begin_epoch(gone);
        memory.batches.clear();
    }

    /// What the pool does after a block: where an epoch has begun, what is in batches of its own that no block
    /// has is packed again.
    pub(super) fn after_block(&mut self, world: &mut World, begins: Option<Epoch>) {
        self.rejoin_at_once(world);
        if begins.is_some() && !self.settings.breaks(Broken::LeftoversForgotten) {
            let Some(memory) = self.memory_mut() else { return };
            for what in std::mem::take(&mut memory.own).into_values() {
                self.submit(world, what);
            }
        }
        if begins.is_some() {
            self.ask_to_rejoin(world);
        }
    }

    /// This machine's place in the committee of an epoch, if it has one.
    pub(super) fn place_in(&self, world: &World, epoch: Epoch) -> Option<ValidatorIndex> {
        if self.settings.breaks(Broken::PlacesKept) {
            let size = world.committee_in(epoch)?.size();
            return Some(self.validator).filter(|place| usize::from(place.0) < size);
        }
        world.place_in(epoch, self.validator)
    }

    /// Where the changes have come that members make, on the chain that is certified here.
    pub(crate) fn stage_of_changes(&self, world: &World) -> Stage {
        match self.memory() {
            Some(memory) => Stage::of(&world.changes, &memory.ledger),
            None => Stage::Done,
        }
    }

    /// What this machine's member or validator has to say on the way to what is to be changed. Who has no seat submits
    /// it at somebody else's.
    pub(super) fn govern(&mut self, world: &mut World) {
        if !world.is_governed() {
            return;
        }
        let Some(memory) = self.memory() else { return };
        let Some(tip) = memory.chain.last().map(|block| (block.height(), block.hash)) else {
            return;
        };
        let machine = self.validator.0;
        let Some(say) = self.stage_of_changes(world).says(machine, tip) else {
            return;
        };
        let turn = world.now / AGAIN_US;
        let what = Work::Govern { machine, say, turn };
        if world.place_in(memory.epoch, self.validator).is_some() {
            self.submit(world, what);
        } else if let Some(peer) = self.some_peer(world) {
            self.tell(world, peer, &Wire::Submit(what));
        }
    }

    /// Who agrees after the epoch's last block, as of that block, and whether this validator may vote.
    pub(super) fn prepare_epoch(&mut self, world: &mut World, last: Height) -> Event {
        let ledger = self.memory_mut().and_then(|memory| memory.ended.remove(&last));
        let ledger = ledger.expect("the epoch's last block was written before the driver heard of it");
        let agreement = ledger.agreement();
        let votes = self.may_vote(world, agreement.epoch(), &ledger);
        let config = self.config(world, &ledger, last, votes);
        Event::EpochReady(Box::new(config))
    }

    /// This peer says that it is in a later epoch. Nobody can tell yet whether that is so; blocks prove
    /// themselves.
    pub(super) fn look_ahead(&mut self, world: &mut World, from: ValidatorIndex, epoch: Epoch) {
        let Some(memory) = self.memory_mut().filter(|memory| epoch > memory.epoch) else {
            return;
        };
        let last = memory.looked_ahead.get(&from);
        if last.is_none_or(|at| world.now - at >= LOOK_AHEAD_INTERVAL_US) {
            memory.looked_ahead.insert(from, world.now);
            let after = Height(memory.chain.len() as u64);
            self.tell(world, from, &Wire::WantBlocks(after));
        }
    }
}
