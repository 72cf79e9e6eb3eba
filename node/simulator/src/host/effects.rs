//! What a driver asks its host to do.

use std::collections::VecDeque;

use quorate_driver::{Effect, Event, Halt, Transition};

use super::Host;
use crate::chart::NoteKind;
use crate::world::{Wire, World};

impl Host {
    /// Does effects in order, then answers those that are answered at once, and does what follows.
    pub(super) fn carry_out(&mut self, world: &mut World, effects: Vec<Effect>) {
        let mut effects = VecDeque::from(effects);
        let mut answers = VecDeque::new();
        loop {
            if let Some(effect) = effects.pop_front() {
                answers.extend(self.perform(world, effect));
            } else if let Some(answer) = answers.pop_front() {
                self.drive(world, |driver, time, around| {
                    effects.extend(driver.on(time, answer, around));
                    Vec::new()
                });
            } else {
                return;
            }
        }
    }

    /// Does one thing; gives its answer if that is at hand.
    fn perform(&mut self, world: &mut World, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Append(entries) => self.append_entries(world, entries),
            Effect::PruneBefore(first) => self.disk.records.retain(|(number, _)| *number >= first),
            Effect::FlushChain { writes } => self.want_flush(world, writes),
            Effect::Broadcast(message) => self.speak(world, None, message),
            Effect::Send { to, message } => self.speak(world, Some(to), message),
            Effect::Execute { height, proposal } => self.on_decided(world, height, proposal),
            Effect::Certify(certificate) => self.on_certify(world, certificate),
            Effect::FetchBatches { epoch, to, digests } => {
                if let Some(to) = world.machine_in(epoch, to) {
                    self.tell(world, to, &Wire::WantBatches(digests));
                }
            }
            Effect::HandOver { epoch, to, batches } => {
                if let Some(to) = world.machine_in(epoch, to) {
                    for batch in batches {
                        self.give(world, Some(to), &batch);
                    }
                }
            }
            Effect::FetchBlocks { epoch, to, holders } => {
                let holders = holders.into_iter();
                let holders = holders
                    .filter_map(|holder| world.machine_in(epoch, holder))
                    .collect();
                world.note(Some(self.place), NoteKind::Other, || {
                    format!("fetches blocks up to h{to}")
                });
                if let Some(memory) = self.memory_mut() {
                    memory.fetch = Some((to, holders));
                }
                self.ask_for_blocks(world);
            }
            Effect::PrepareEpoch { last } => return Some(self.prepare_epoch(world, last)),
            Effect::KeepEvidence(evidence) => {
                let accused = world.machine_in(evidence.first.v1().epoch, evidence.validator);
                let accused = accused.unwrap_or(evidence.validator);
                world.note(Some(self.place), NoteKind::Accuses, || {
                    format!("accuses validator-{accused}")
                });
                if self.is_honest() {
                    let honest = !world.liars.contains(&accused);
                    world.checker.on_accused(self.validator, accused, honest);
                }
            }
            Effect::Sign {
                number,
                epoch,
                domain: tag,
                content,
            } => {
                let signature = world.sign_content(epoch, self.validator, tag, &content);
                return Some(Event::Signed { number, signature });
            }
            Effect::Quarantine(halt) => self.on_halt(world, &halt),
            Effect::Tell(Transition::EpochBegun { epoch, votes, .. }) => {
                world.note(Some(self.place), NoteKind::Other, || {
                    let says = if votes { "" } else { ", observes" };
                    format!("epoch {epoch} begins{says}")
                });
            }
            // The chart has reigns by another way, and draws what an engine waits for.
            Effect::Tell(_) => {}
        }
        None
    }

    fn on_halt(&mut self, world: &mut World, halt: &Halt) {
        match halt {
            Halt::Forgotten {
                statement,
                learned_from,
            } => {
                world.note(Some(self.place), NoteKind::Other, || {
                    format!("has forgotten its {} ({learned_from:?})", statement.statement)
                });
                self.on_own_loss_found(world, &statement.statement);
            }
            Halt::Diverged { height, .. } => {
                if self.is_honest() {
                    world.checker.report(format!(
                        "validator {} diverged at height {height}",
                        self.validator
                    ));
                }
            }
            Halt::Lost { height } => {
                world.note(Some(self.place), NoteKind::Other, || {
                    format!("has lost what it had below h{height}")
                });
                self.on_own_loss_found(world, &format!("journal below height {height}"));
            }
            Halt::Refused(_) => unreachable!("simulated signers refuse nothing"),
        }
    }
}
