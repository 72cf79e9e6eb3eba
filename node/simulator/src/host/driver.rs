//! The driver: it gives the engine its inputs and does what it asks for, after the contract's rules.

use quorate_consensus::{Action, Input, Message, Record, Rejection, Step, Timer, TimerRange};
use quorate_crypto::{Digest, Epoch};
use quorate_ledger::Timestamp;

use super::{Group, Host, Then};
use crate::chart::NoteKind;
use crate::recording::Moment;
use crate::scenario::Broken;
use crate::workload::GENESIS_TIME;
use crate::world::{Scheduled, World};

impl Host {
    /// Gives the engine of the epoch under way an input and takes what it asks for.
    pub(super) fn step(&mut self, world: &mut World, input: Input) {
        if let Some(process) = &self.process {
            self.step_in(world, process.serving.epoch, input);
        }
    }

    /// The same with the engine of an epoch; nothing happens if there is none any more.
    pub(super) fn step_in(&mut self, world: &mut World, epoch: Epoch, input: Input) {
        let now = self.clock(world);
        let Some(process) = &mut self.process else { return };
        if let Some(recorders) = &mut world.recorders
            && process.engine_of(epoch).is_some()
        {
            let moment = Moment {
                host: self.place,
                own: self.validator,
                life: self.life,
                epoch,
                now,
                at_us: world.now,
            };
            recorders.input(moment, process.engines(), &input);
        }
        let Some(engine) = process.engine_of(epoch) else {
            return;
        };
        self.settings.break_rule();
        let step = engine.step(now, input);
        engine.check_invariants();
        if let Some(recorders) = &mut world.recorders {
            recorders.outcome(self.place, &step);
        }
        if let Some(Rejection::AgainstDecided { height }) = step.rejection
            && self.is_honest()
        {
            let validator = self.validator;
            world.checker.report(format!(
                "agreement: validator {validator} is shown a new view against what it decided at height {height}"
            ));
        }
        self.note_reign(world);
        self.take(world, epoch, step);
    }

    pub(super) fn clock(&self, world: &World) -> Timestamp {
        let skewed = (GENESIS_TIME.0 + world.now / 1_000).saturating_add_signed(self.settings.clock_skew_ms);
        Timestamp(skewed)
    }

    /// Signs what is to be signed and puts all else behind the next flush (rules 1 and 2).
    pub(super) fn take(&mut self, world: &mut World, epoch: Epoch, step: Step) {
        let Some(process) = &mut self.process else { return };
        for record in &step.records {
            if let Record::Prepared(certificate) = record {
                self.liar.hoarder.keep(certificate);
            }
        }
        // An engine that has found that it forgot what it signed asks for statuses all the same.
        let silent = self.disk.quarantine.is_some();
        let drops = self.settings.breaks(Broken::PreparedNotKept);
        let kept = |record: &Record| !(drops && matches!(record, Record::Prepared(_)));
        process.open.records.extend(step.records.into_iter().filter(kept));
        for action in step.actions {
            let Action::Sign(body) = action else {
                process.open.then.push(Then::Act(epoch, Box::new(action)));
                continue;
            };
            if silent {
                continue;
            }
            let both = [Some(&process.serving), process.former.as_ref()];
            let serving = both.into_iter().flatten().find(|serving| serving.epoch == epoch);
            let vouched = serving.map_or_else(Vec::new, |serving| serving.engine.vouched(&body));
            let message = world.sign(epoch, self.validator, body);
            if message.v1().body.must_be_durable() {
                process.open.records.push(Record::Own(message.clone()));
            }
            process.open.then.push(Then::Own(Box::new(message), vouched));
        }
        self.flush(world);
    }

    pub(super) fn flush(&mut self, world: &mut World) {
        loop {
            let Some(process) = &mut self.process else { return };
            let broken = self.settings.broken == Some(Broken::SentBeforeDurable);
            if (process.flushing.is_some() && !broken)
                || (process.open.then.is_empty() && process.open.records.is_empty())
            {
                return;
            }
            let group = std::mem::take(&mut process.open);
            if group.records.is_empty() {
                self.release(world, group.then);
                continue;
            }
            if broken {
                match &mut process.flushing {
                    Some(flushing) => flushing.records.extend(group.records),
                    None => {
                        let then = Vec::new();
                        process.flushing = Some(Group {
                            records: group.records,
                            then,
                        });
                        self.schedule_flush(world);
                    }
                }
                self.release(world, group.then);
                continue;
            }
            process.flushing = Some(group);
            self.schedule_flush(world);
            return;
        }
    }

    pub(super) fn schedule_flush(&self, world: &mut World) {
        let least = self.settings.least_flush_us.max(20);
        let delay = world.random.between(least, self.settings.flush_us.max(least));
        world.schedule_at(self.place, self.life, delay, Scheduled::Flushed);
    }

    /// Does what waited for a flush, in order: what follows from it comes after it.
    pub(super) fn release(&mut self, world: &mut World, then: Vec<Then>) {
        let Some(process) = &mut self.process else { return };
        process.ready.extend(then);
        if std::mem::replace(&mut process.releasing, true) {
            return;
        }
        while let Some(item) = self
            .process
            .as_mut()
            .and_then(|process| process.ready.pop_front())
        {
            match item {
                Then::Own(message, batches) => self.own(world, *message, batches),
                Then::Act(epoch, action) => self.act(world, epoch, *action),
            }
        }
        if let Some(process) = &mut self.process {
            process.releasing = false;
        }
    }

    /// Gives an own message back to the engine, a vote only when its batches are durable.
    pub(super) fn own(&mut self, world: &mut World, message: Message, batches: Vec<Digest>) {
        let Some(process) = &mut self.process else { return };
        let durable = batches.iter().all(|batch| self.disk.batches.contains(batch));
        let broken = self.settings.broken;
        if durable || matches!(broken, Some(Broken::BatchesNotDurable | Broken::BatchesUnchecked)) {
            self.step_in(world, message.v1().epoch, Input::Own(message));
        } else {
            process.held.push((message, batches));
        }
    }

    fn act(&mut self, world: &mut World, epoch: Epoch, action: Action) {
        let honest = self.is_honest();
        let Some(process) = &mut self.process else { return };
        match action {
            Action::Sign(_) => {}
            Action::Broadcast(message) => self.speak(world, None, message),
            Action::Send { to, message } => self.speak(world, Some(to), message),
            Action::SetTimer { timer, after } => self.set_timer(world, epoch, timer, after),
            Action::CancelTimer(timer) => {
                process.timers.remove(&(epoch, timer));
            }
            Action::RequireBatches {
                height,
                proposal,
                batches,
            } => {
                process.answered.remove(&(height, proposal));
                process.required.insert((height, proposal), batches);
                self.answer_required(world);
                self.ask_for_batches(world);
            }
            Action::Decide { height, proposal } => {
                world.note(Some(self.place), NoteKind::Decides, || {
                    format!("decides h{height} {}", proposal.digest().short())
                });
                if honest {
                    world.checker.on_decided(self.validator, height, &proposal);
                    if let Some(meter) = &mut world.meter {
                        meter.on_decided(height, &proposal, world.now);
                    }
                }
                process.decided.insert(height, proposal);
                self.execute_next(world);
            }
            Action::Certify(certificate) => self.on_certify(world, certificate),
            Action::FetchBlocks { to, holders } => {
                world.note(Some(self.place), NoteKind::Other, || {
                    format!("fetches blocks up to h{to}")
                });
                process.fetch = Some((to, holders));
                self.ask_for_blocks(world);
            }
            Action::Accuse(evidence) => {
                let accused = evidence.validator;
                world.note(Some(self.place), NoteKind::Accuses, || {
                    format!("accuses validator-{accused}")
                });
                if self.is_honest() {
                    let honest = !world.liars.contains(&accused);
                    world.checker.on_accused(self.validator, accused, honest);
                }
            }
            Action::Forgotten { said, told } => {
                world.note(Some(self.place), NoteKind::Other, || {
                    format!("has forgotten its {} ({told:?})", said.statement)
                });
                self.on_own_loss_found(world, &said.statement);
            }
            Action::Diverged { height, .. } => {
                if self.is_honest() {
                    world.checker.report(format!(
                        "validator {} diverged at height {height}",
                        self.validator
                    ));
                }
            }
        }
    }

    /// The timer by which its engine gives up on whoever leads runs out.
    pub(crate) fn time_out(&mut self, world: &mut World) {
        let Some(process) = self.process.as_mut().filter(|_| !self.paused) else {
            return;
        };
        let mut timers = process.timers.keys();
        let gives_up = |timer| matches!(timer, Timer::Progress { .. } | Timer::NewReign { .. });
        let Some((epoch, timer)) = timers.find(|(_, timer)| gives_up(*timer)).copied() else {
            return;
        };
        process.timers.remove(&(epoch, timer));
        self.note_timer(world, timer);
        self.step_in(world, epoch, Input::Timeout(timer));
    }

    pub(super) fn set_timer(&mut self, world: &mut World, epoch: Epoch, timer: Timer, range: TimerRange) {
        let Some(process) = &mut self.process else { return };
        let generation = world.random.number();
        process.timers.insert((epoch, timer), (generation, range));
        let after = world
            .random
            .between(u64::from(range.from_ms) * 1_000, u64::from(range.to_ms) * 1_000);
        let event = Scheduled::Timer {
            epoch,
            timer,
            generation,
        };
        world.schedule_at(self.place, self.life, after, event);
    }
}
