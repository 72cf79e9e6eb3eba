//! Validators that have lost what they signed, and how they come to vote again (pitfalls 27 and 28).

use quorate_crypto::{Digest, Epoch, sha256};

use super::{Disk, Host};
use crate::ledger::Ledger;
use crate::scenario::{Broken, Command, Loss};
use crate::workload::Submission;
use crate::world::{Due, World};

impl Host {
    /// Copies the disk, to restore it later.
    pub(crate) fn back_up(&mut self) {
        self.backup = self.disk.clone();
    }

    /// The process dies, and some of its disk is gone: from now on it must not vote.
    pub(crate) fn lose(&mut self, world: &mut World, loss: Loss) {
        self.crash(world);
        world.note(|| format!("{}: loses {loss:?}", self.validator));
        match loss {
            Loss::Journal => self.disk.records.clear(),
            Loss::Everything => self.disk = Disk::default(),
            Loss::SinceBackup => self.disk = self.backup.clone(),
        }
        self.losses += 1;
        self.disk.quarantine = Some(self.token());
        if self.is_honest() {
            world.checker.on_forgotten(self.validator);
        }
    }

    /// What its rejoin has to carry: another after each loss.
    pub(crate) fn token(&self) -> Digest {
        sha256(&[27, self.validator.0 as u8, self.losses as u8])
    }

    /// Whether it must not vote.
    pub(crate) fn is_quarantined(&self) -> bool {
        self.disk.quarantine.is_some()
    }

    /// Whether it may vote in this epoch, which its chain, up to `ledger`, has reached on disk.
    pub(super) fn may_vote(&mut self, world: &World, epoch: Epoch, ledger: &Ledger) -> bool {
        let Some(token) = self.disk.quarantine else {
            return true;
        };
        let at_once = self.settings.breaks(Broken::QuarantineTooShort);
        let key = world.committee.key(self.validator);
        let rejoin = key.and_then(|key| ledger.rejoin_of(key));
        let is_over = rejoin.is_some_and(|rejoin| rejoin.token == token && (rejoin.epoch < epoch || at_once));
        if is_over {
            self.disk.quarantine = None;
        }
        is_over
    }

    /// Its member lets it rejoin, until a block says so.
    pub(super) fn ask_to_rejoin(&mut self, world: &mut World) {
        let (Some(token), Some(process)) = (self.disk.quarantine, &self.process) else {
            return;
        };
        let key = world.committee.key(self.validator);
        let rejoin = key.and_then(|key| process.ledger.rejoin_of(key));
        if rejoin.is_none_or(|rejoin| rejoin.token != token) && !self.settings.members_wait {
            let validator = self.validator;
            self.submit(world, Submission::Rejoin { validator, token });
        }
    }

    /// Starts anew as a voter as soon as its rejoin is certified, if that rule is broken.
    pub(super) fn rejoin_at_once(&mut self, world: &mut World) {
        if !self.settings.breaks(Broken::QuarantineTooShort) || !self.is_quarantined() {
            return;
        }
        let Some(process) = &self.process else { return };
        let (epoch, ledger) = (process.serving.epoch, process.ledger.clone());
        if self.may_vote(world, epoch, &ledger) {
            world.schedule(0, Due::Command(Command::Crash(self.validator.0)));
            world.schedule(0, Due::Command(Command::Start(self.validator.0)));
        }
    }
}
