//! Validators that have lost what they signed, and how they come to vote again (pitfalls 27 and 28). What follows from
//! what is left is the driver's to say ([`Copies`]); what keeps it in memory and on disk is, in the node,
//! `node/runtime/src/quarantine.rs`.

use std::fmt::Display;

use quorate_consensus::Record;
use quorate_crypto::{Digest, Epoch, PublicKey, sha256};
use quorate_driver::{Copies, Ended, JournalMark, Quarantine, Quarantined, Remembered};

use super::Host;
use super::disk::Disk;
use super::notes::loss_words;
use crate::chart::NoteKind;
use crate::ledger::Ledger;
use crate::scenario::{Broken, Command, Loss, Lost};
use crate::scheme::signing_key;
use crate::workload::Work;
use crate::world::{Due, World};

/// What a process knows of its quarantine: all that it found on its disk when it started, and what came since.
#[derive(Debug, Default)]
pub(super) struct Kept {
    current: Option<Quarantine>,
    ended: Option<Ended>,
}

impl Host {
    /// Copies the disk, to restore it later.
    pub(crate) fn back_up(&mut self) {
        self.backup = self.disk.clone();
    }

    /// The process dies, and some of its disk is gone: from now on it must not vote, and whoever runs it knows that,
    /// or it has to find out.
    pub(crate) fn lose(&mut self, world: &mut World, loss: Loss) {
        self.crash(world);
        world.note(Some(self.place), NoteKind::Other, || loss_words(loss));
        match loss.of {
            Lost::Journal => self.disk.lose_journal(),
            Lost::Chain => self.disk.lose_chain(),
            Lost::Everything => self.disk = Disk::default(),
            Lost::SinceBackup => self.disk = self.backup.clone(),
        }
        world.checker.on_lost(self.validator);
        self.unaware = true;
        if loss.noticed {
            let quarantine = self.new_quarantine("whoever runs it knows of a loss");
            self.disk.file = Some(quarantine.clone());
            self.kept.current = Some(quarantine);
            self.unaware = false;
            if self.is_honest() {
                world.checker.on_forgotten(self.validator);
            }
        }
    }

    /// It has found that it does not remember what it signed: it votes no more, and its member lets it
    /// rejoin.
    pub(super) fn on_own_loss_found(&mut self, world: &mut World, lost: &impl Display) {
        // The former epoch's engine may have found it before.
        if !self.is_honest() || self.is_quarantined() {
            return;
        }
        if !self.unaware {
            let validator = self.validator;
            world
                .checker
                .report(format!("validator {validator} does not remember its {lost}"));
        }
        self.quarantine(world, &lost.to_string());
        self.ask_to_rejoin(world);
    }

    /// What a start makes of all that is left of its quarantine, by the driver's rule, as the node does it. The chain,
    /// whose journal may be of a later epoch, is in `epoch`.
    pub(super) fn open_quarantine(&mut self, world: &mut World, epoch: Epoch, is_ahead: bool) {
        let own = self.key();
        for (_, record) in &self.disk.records {
            if let Record::Own(message) = record {
                world.checker.on_recalled(self.validator, &message.v1().signature);
            }
        }
        let disk = &self.disk;
        let (mark, next) = (disk.journal_mark, disk.next_entry().0);
        let is_copy = mark.is_none() && !disk.blocks.is_empty();
        let gone = is_copy.then_some("its journal is gone while its chain is not");
        let missing = JournalMark::missing(disk.chain_mark.as_ref(), &own, mark, next).or(gone);
        let forgets = self.settings.breaks(Broken::QuarantineForgotten);
        let copies = Copies {
            journal: disk.journal_remembers.clone().filter(|_| !forgets),
            chain: disk.chain_remembers.clone().filter(|_| !forgets),
            file: disk.file.clone().filter(|_| !forgets).map(Ok),
            journal_is_new: mark.is_none(),
            lost: missing.map(str::to_owned),
            is_ahead,
        };
        let ended = [&copies.journal, &copies.chain].into_iter().flatten();
        let ended = ended.filter_map(|Remembered::V1 { ended, .. }| *ended);
        self.kept = Kept {
            current: None,
            ended: ended.max_by_key(|ended| ended.epoch),
        };
        match copies.at_start(&own, epoch) {
            Quarantined::No => self.disk.file = None,
            Quarantined::Still(quarantine) => {
                self.put(Some(quarantine));
                if self.is_honest() {
                    world.checker.on_quarantined(self.validator);
                }
            }
            Quarantined::Anew(reason) => self.quarantine(world, &reason),
        }
        let made = || sha256(format!("journal {} {}", self.place, self.life).as_bytes());
        let mark = self.disk.journal_mark.unwrap_or_else(made);
        self.disk.journal_mark = Some(mark);
        self.disk.chain_mark = Some(JournalMark::V1 {
            validator: own,
            mark,
            next: self.disk.next_entry().0,
        });
    }

    /// Keeps it from voting until a rejoin with a new token.
    fn quarantine(&mut self, world: &mut World, reason: &str) {
        let quarantine = self.new_quarantine(reason);
        self.put(Some(quarantine));
        self.unaware = false;
        if self.is_honest() {
            world.checker.on_forgotten(self.validator);
            world.checker.on_quarantined(self.validator);
        }
    }

    fn new_quarantine(&mut self, reason: &str) -> Quarantine {
        self.quarantines += 1;
        Quarantine {
            reason: reason.to_owned(),
            token: self.token(),
        }
    }

    /// Remembers it, or that there is none any more, wherever that is kept.
    fn put(&mut self, current: Option<Quarantine>) {
        let content = Remembered::V1 {
            validator: self.key(),
            current: current.clone(),
            ended: self.kept.ended,
        };
        self.disk.journal_remembers = Some(content.clone());
        self.disk.chain_remembers = Some(content);
        self.disk.file.clone_from(&current);
        self.kept.current = current;
    }

    /// The home's own validator key, whether it sits or not.
    fn key(&self) -> PublicKey {
        signing_key(self.validator).public()
    }

    /// What its rejoin has to carry: another for each time that it must not vote.
    pub(crate) fn token(&self) -> Digest {
        sha256(&[27, self.validator.0 as u8, self.quarantines as u8])
    }

    /// Whether it must not vote.
    pub(crate) fn is_quarantined(&self) -> bool {
        self.kept.current.is_some()
    }

    /// Whether it may vote in this epoch, which its chain, up to `ledger`, has reached on disk.
    pub(super) fn may_vote(&mut self, world: &mut World, epoch: Epoch, ledger: &Ledger) -> bool {
        let Some(quarantine) = &self.kept.current else {
            return true;
        };
        let at_once = self.settings.breaks(Broken::QuarantineTooShort);
        let rejoin = ledger.rejoin_of(&self.key());
        let token = quarantine.token;
        let too_early = rejoin
            .as_ref()
            .is_some_and(|rejoin| at_once && rejoin.token == token);
        let is_over = quarantine.is_over(rejoin.as_ref(), epoch) || too_early;
        if is_over {
            self.kept.ended = Some(Ended { token, epoch });
            self.put(None);
            world.checker.on_rejoined(self.validator);
        }
        is_over
    }

    /// Its member lets it rejoin, until a block says so.
    pub(super) fn ask_to_rejoin(&mut self, world: &mut World) {
        let (Some(quarantine), Some(memory)) = (&self.kept.current, self.memory()) else {
            return;
        };
        let token = quarantine.token;
        let rejoin = memory.ledger.rejoin_of(&self.key());
        if rejoin.is_none_or(|rejoin| rejoin.token != token) && !self.settings.members_wait {
            let validator = self.validator;
            self.submit(world, Work::Rejoin { validator, token });
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
