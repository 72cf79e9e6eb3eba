//! The chain as the host tells of it: blocks executed, written, on disk and fetched, and the epochs that end with them.

use std::mem;
use std::time::Duration;

use quorate_consensus::{Config, Input};
use quorate_crypto::{Certificate, Digest, Epoch, Height};

use super::{Change, Driver, Serving};
use crate::effect::{Effect, Surroundings, Time, Transition, WriteNumber};
use crate::fetching::Fetching;
use crate::watch::Watch;

/// How long blocks may lie written but not flushed while nothing else asks for a flush.
const BLOCK_FLUSH_INTERVAL: Duration = Duration::from_millis(200);
/// Blocks written and not flushed that are worth a flush of their own: a crash makes a node execute them
/// again, and its window of votes must reach them.
const UNFLUSHED_BLOCKS: u64 = 8;

impl Driver {
    pub(super) fn on_chain_flushed(&mut self, writes: WriteNumber, height: Height) {
        self.gate.writes_flushed(writes);
        if height <= self.flushed {
            return;
        }
        self.flushed = height;
        self.put(Input::OnDisk(height));
        let on_disk = self
            .synced
            .extract_if(.., |certificate| certificate.height() <= height);
        for certificate in on_disk.collect::<Vec<_>>() {
            self.put_for(certificate.epoch(), Input::Synced(certificate));
        }
        self.prune(height);
        self.prepare_epoch();
    }

    /// Blocks are on disk up to `height`: what led to them is not needed any more.
    fn prune(&mut self, height: Height) {
        if height.0 < self.pruned.0 + self.limits.prune_every {
            return;
        }
        self.pruned = height;
        let (renewed, first) = self.entries.prune(height, self.gate.journal());
        self.unwritten.extend(renewed);
        if let Some(first) = first {
            self.effects.push(Effect::PruneBefore(first));
        }
    }

    pub(super) fn on_written(&mut self, epoch: Epoch, height: Height, time: Time) {
        self.written = self.written.max(height);
        if epoch == self.epoch() {
            if self.former.take().is_some() {
                // The epoch has a block of its own: whoever lags behind it is helped by block sync. Own votes of the epoch
                // before that are still not on disk are dropped when they are (`drain`): all its heights are certified,
                // and a quorum has their blocks on disk, so nobody needs these votes (docs/ordering.md, rule 11).
                self.timers.cancel_before(epoch);
            }
            if self.epoch_end == Some(height) && self.change.is_none() {
                self.change = Some(Change::Unflushed(height));
                self.flush_blocks = true;
                self.prepare_epoch();
            }
        }
        self.required.forget_up_to(height);
        if breaks!(ForgottenTooEarly) {
            self.prune(height);
        }
        self.flush_blocks |=
            height.0 >= self.flushed.0 + UNFLUSHED_BLOCKS && height.0.is_multiple_of(UNFLUSHED_BLOCKS);
        if self.flush_at.is_none() {
            self.flush_at = Some(time.since_start + BLOCK_FLUSH_INTERVAL);
        }
    }

    pub(super) fn on_synced(
        &mut self,
        certificate: Certificate,
        batches: Vec<Digest>,
        ends: Option<Height>,
        around: &dyn Surroundings,
    ) {
        self.on_arrived(&batches, around);
        let epoch = certificate.epoch();
        self.on_end_fixed(epoch, ends);
        self.put_for(epoch, Input::BatchesObsolete(batches));
        let serving = self.serving_of(epoch);
        let waits = serving.is_some_and(|serving| serving.engine.hears_of_durable_blocks());
        if waits && certificate.height() > self.flushed && !breaks!(SyncedBeforeDurable) {
            // Told of when it is on disk.
            self.synced.push(certificate);
            self.flush_blocks = true;
        } else {
            self.put_for(epoch, Input::Synced(certificate));
        }
    }

    /// A block of `epoch` may have fixed the epoch's last height.
    pub(super) fn on_end_fixed(&mut self, epoch: Epoch, ends: Option<Height>) {
        if let Some(last) = ends
            && epoch == self.epoch()
            && self.epoch_end.is_none()
        {
            self.epoch_end = Some(last);
            self.put(Input::EpochEnds(last));
        }
    }

    /// Asks who agrees next once the last block is on disk: after a crash no journal is of a later epoch than
    /// its chain.
    fn prepare_epoch(&mut self) {
        if let Some(Change::Unflushed(last)) = self.change
            && (self.flushed >= last || breaks!(EpochBegunTooEarly))
        {
            self.change = Some(Change::Asked(last));
            self.halted_since_asked = false;
            self.effects.push(Effect::PrepareEpoch { last });
        }
    }

    /// Another engine serves from here on (D6).
    pub(super) fn begin_epoch(&mut self, mut config: Config, time: Time, around: &dyn Surroundings) {
        let Some(Change::Asked(last)) = self.change else {
            unreachable!("the next epoch is prepared when the driver asks for it");
        };
        let epoch = config.committee.epoch();
        assert!(epoch > self.epoch(), "there are never two engines of one epoch");
        assert_eq!(
            (config.epoch_start, config.certified),
            (last, last),
            "an epoch begins with nothing in it"
        );
        self.drain(time, around);
        // Who has diverged does not know the state that the next epoch begins with, whatever it has rejoined after.
        if self.halted_since_asked || self.diverged {
            config.index = None;
        }
        let (index, validators) = (config.index, config.committee.size());
        self.effects.push(Effect::Tell(Transition::EpochBegun {
            epoch,
            first: last.next(),
            validators,
            votes: index.is_some(),
        }));
        self.change = None;
        self.epoch_end = config.epoch_end;
        self.halted &= index.is_none();
        let (mut engine, first) = (self.make)(config, Vec::new());
        engine.follow(&self.serving.engine);
        self.watch = Watch::new(&engine, time.since_start);
        let former = mem::replace(&mut self.serving, Serving { epoch, index, engine });
        self.timers.cancel_before(former.epoch);
        self.former = Some(former);
        self.entries.begin_epoch(epoch, last);
        self.required.forget_up_to(last);
        // Who vouched for what did so by its place in the committee that is over.
        self.fetching = Fetching::default();
        self.take_step(epoch, first, time, around);
        if self.flushed > last {
            // One flush may have covered blocks of both epochs, and no other comes for them.
            self.put(Input::OnDisk(self.flushed));
            self.drain(time, around);
        }
        for event in self.early.take() {
            self.take(time, event, around);
            self.drain(time, around);
        }
    }
}
