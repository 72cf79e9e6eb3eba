//! What a driver may ask its host without waiting, and what the checker, the recorder and the chart see of
//! its engines' steps.

use std::cell::RefCell;

use quorate_consensus::{Action, Engine, Input, Record, Rejection, Step};
use quorate_crypto::{Digest, Epoch, ValidatorIndex};
use quorate_driver::{Surroundings, WriteNumber};
use quorate_ledger::Timestamp;

use super::notes::{NotedReign, note_reign, note_timer};
use super::{Memory, Settings};
use crate::chart::NoteKind;
use crate::liar::Liar;
use crate::recording::Moment;
use crate::world::World;

/// A host, as its driver sees it in one call.
pub(super) struct Around<'a> {
    pub(super) place: usize,
    pub(super) validator: ValidatorIndex,
    pub(super) life: u64,
    pub(super) settings: &'a Settings,
    pub(super) memory: &'a Memory,
    pub(super) world: RefCell<&'a mut World>,
    pub(super) noted: RefCell<&'a mut NotedReign>,
    pub(super) liar: RefCell<&'a mut Liar>,
}

impl Surroundings for Around<'_> {
    /// There are no quotas here.
    fn want(&self, _: &[Digest]) {}

    fn want_no_more(&self, _: &[Digest]) {}

    fn holds(&self, batch: &Digest) -> bool {
        self.memory.batches.contains_key(batch)
    }

    /// Batches are good as soon as they are here.
    fn waits_for_check(&self, _: &Digest) -> bool {
        false
    }

    fn writes_begun(&self) -> WriteNumber {
        self.memory.writes.begun()
    }

    fn before_step(&self, engines: [Option<&Engine>; 2], epoch: Epoch, now: Timestamp, input: &Input) {
        self.settings.break_rule();
        let world = &mut **self.world.borrow_mut();
        let at_us = world.now;
        if let Some(recorders) = &mut world.recorders {
            let moment = Moment {
                host: self.place,
                own: self.validator,
                life: self.life,
                epoch,
                now,
                at_us,
            };
            recorders.input(moment, engines, input);
        }
        if let (Input::Timeout(timer), Some(engine)) = (input, engines[0]) {
            note_timer(world, (self.place, self.validator), *timer, engine);
        }
    }

    fn after_step(&self, epoch: Epoch, engine: &Engine, step: &Step) {
        engine.check_invariants();
        let world = &mut **self.world.borrow_mut();
        if let Some(recorders) = &mut world.recorders {
            recorders.outcome(self.place, step);
        }
        if epoch == engine.committee().epoch() && epoch >= self.memory.epoch {
            let noted = &mut **self.noted.borrow_mut();
            note_reign(world, (self.place, self.validator), noted, engine);
        }
        if engine.has_begun() && !world.liars.contains(&self.validator) {
            let now = world.now;
            world.reigns.entry((epoch, engine.reign())).or_insert(now);
        }
        if let Some(Rejection::AgainstDecided { height }) = step.rejection
            && !world.liars.contains(&self.validator)
        {
            let validator = self.validator;
            world.checker.report(format!(
                "agreement: validator {validator} is shown a new view against what it decided at height {height}"
            ));
        }
        for record in &step.records {
            if let Record::Prepared(certificate) = record {
                self.liar.borrow_mut().hoarder.keep(certificate);
            }
        }
        for action in &step.actions {
            if let Action::Decide { height, proposal } = action {
                world.note(Some(self.place), NoteKind::Decides, || {
                    format!("decides h{height} {}", proposal.digest().short())
                });
                if !world.liars.contains(&self.validator) {
                    world.checker.on_decided(self.validator, *height, proposal);
                    let now = world.now;
                    if let Some(meter) = &mut world.meter {
                        meter.on_decided(*height, proposal, now);
                    }
                }
            }
        }
    }
}
