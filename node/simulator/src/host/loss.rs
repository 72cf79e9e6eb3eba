//! Validators that have lost what they signed, and how they come to vote again (pitfalls 27 and 28).

use std::fmt::Display;

use quorate_crypto::{Digest, Epoch, sha256};

use super::Host;
use super::disk::Disk;
use super::notes::loss_words;
use crate::chart::NoteKind;
use crate::ledger::Ledger;
use crate::scenario::{Broken, Command, Loss, Lost};
use crate::workload::Submission;
use crate::world::{Due, World};

impl Host {
    /// Copies the disk, to restore it later.
    pub(crate) fn back_up(&mut self) {
        self.backup = self.disk.clone();
    }

    /// The process dies, and some of its disk is gone: from now on it must not vote, and knows that or has
    /// to find out.
    pub(crate) fn lose(&mut self, world: &mut World, loss: Loss) {
        self.crash(world);
        world.note(Some(self.place), NoteKind::Other, || loss_words(loss));
        match loss.of {
            Lost::Journal => self.disk.lose_journal(),
            Lost::Everything => self.disk = Disk::default(),
            Lost::SinceBackup => self.disk = self.backup.clone(),
        }
        world.checker.on_lost(self.validator);
        self.unaware = !loss.noticed;
        if loss.noticed {
            self.quarantine(world);
        }
    }

    /// It has found that it does not remember what it signed: it votes no more, and its member lets it
    /// rejoin.
    pub(super) fn on_own_loss_found(&mut self, world: &mut World, lost: &impl Display) {
        // The former epoch's engine may have found it before.
        if !self.is_honest() || self.is_quarantined() {
            return;
        }
        if !std::mem::take(&mut self.unaware) {
            let validator = self.validator;
            world
                .checker
                .report(format!("validator {validator} does not remember its {lost}"));
        }
        self.quarantine(world);
        self.ask_to_rejoin(world);
    }

    /// Keeps it from voting until a rejoin with a new token.
    fn quarantine(&mut self, world: &mut World) {
        self.quarantines += 1;
        self.disk.quarantine = Some(self.token());
        if self.is_honest() {
            world.checker.on_forgotten(self.validator);
        }
    }

    /// What its rejoin has to carry: another for each time that it must not vote.
    pub(crate) fn token(&self) -> Digest {
        sha256(&[27, self.validator.0 as u8, self.quarantines as u8])
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
        let (Some(token), Some(memory)) = (self.disk.quarantine, self.memory()) else {
            return;
        };
        let key = world.committee.key(self.validator);
        let rejoin = key.and_then(|key| memory.ledger.rejoin_of(key));
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
        let Some(memory) = self.memory() else { return };
        let (epoch, ledger) = (memory.epoch, memory.ledger.clone());
        if self.may_vote(world, epoch, &ledger) {
            world.schedule(0, Due::Command(Command::Crash(self.validator.0)));
            world.schedule(0, Due::Command(Command::Start(self.validator.0)));
        }
    }
}
