//! What is drawn before a run: when batches are submitted, when faults happen, when epochs end.

use quorate_crypto::{Engine, ValidatorIndex};

use super::Simulation;
use crate::scenario::{Command, Loss, Lost};
use crate::world::Due;
use quorate_lies::Random;

impl Simulation {
    /// Draws when batches are submitted and when faults happen.
    pub(super) fn plan(&mut self) {
        let mut random = Random::new(self.scenario.seed ^ 0x00fa_0175);
        let end = self.scenario.faults_end_ms;
        let validators = self.scenario.validators as u64;
        let someone = |random: &mut Random| u16::try_from(random.between(0, validators - 1)).unwrap_or(0);
        let mut plan = std::mem::take(&mut self.scenario.script);
        self.scenario.script = plan.clone();
        for _ in 0..self.scenario.batches {
            plan.push((random.between(1, end), Command::Submit(someone(&mut random), 1)));
        }
        for _ in 0..self.scenario.machines.crashes {
            let (who, at) = (someone(&mut random), random.between(1, end));
            plan.push((at, Command::Crash(who)));
            plan.push(((at + random.between(1, 800)).min(end), Command::Start(who)));
        }
        for _ in 0..self.scenario.machines.pauses {
            let (who, at) = (someone(&mut random), random.between(1, end));
            plan.push((at, Command::Pause(who)));
            plan.push(((at + random.between(1, 1_500)).min(end), Command::Resume(who)));
        }
        for _ in 0..self.scenario.links.partitions {
            let at = random.between(1, end);
            if self.scenario.links.one_way && random.chance(500) {
                for _ in 0..random.between(1, validators) {
                    plan.push((at, Command::CutOneWay(someone(&mut random), someone(&mut random))));
                }
            } else {
                let side = (0..validators).filter(|_| random.chance(400));
                let side = side.filter_map(|who| u16::try_from(who).ok()).collect();
                plan.push((at, Command::Isolate(side)));
            }
            plan.push(((at + random.between(1, 1_500)).min(end), Command::Heal));
        }
        self.plan_epochs(&mut random, &mut plan);
        for (at, command) in plan {
            self.world.schedule(at * 1_000, Due::Command(command));
        }
        self.world.schedule(end * 1_000, Due::Calm);
    }

    /// Draws who loses what it signed, and whose members end epochs. Nobody does twice: a validator may not
    /// rejoin again so soon.
    fn plan_epochs(&self, random: &mut Random, plan: &mut Vec<(u64, Command)>) {
        let end = self.scenario.faults_end_ms;
        let mut members: Vec<ValidatorIndex> = self.world.committee.indices().collect();
        for _ in 0..self.scenario.machines.losses {
            let honest = members.iter().filter(|who| !self.world.liars.contains(who));
            let honest: Vec<ValidatorIndex> = honest.copied().collect();
            let Some(who) = random.pick(&honest).copied() else {
                return;
            };
            members.retain(|member| *member != who);
            let at = random.between(1, end);
            let losses = [Lost::Journal, Lost::Chain, Lost::Everything, Lost::SinceBackup];
            let of = random.pick(&losses).copied().unwrap_or(Lost::Journal);
            // Where nobody may lie, only what a start sees by itself goes unnoticed.
            let is_seen = matches!(of, Lost::Journal | Lost::Chain);
            let noticed = random.chance(500) || (self.scenario.engine != Engine::Pbft && !is_seen);
            let loss = Loss { of, noticed };
            plan.push((random.between(0, at), Command::BackUp(who.0)));
            plan.push((at, Command::Lose(who.0, loss)));
            plan.push(((at + random.between(1, 800)).min(end), Command::Start(who.0)));
        }
        let all: Vec<ValidatorIndex> = self.world.committee.indices().collect();
        for _ in 0..self.scenario.rejoins {
            let (Some(who), Some(posted)) = (random.pick(&members).copied(), random.pick(&all).copied())
            else {
                return;
            };
            members.retain(|member| *member != who);
            plan.push((random.between(1, end), Command::Rejoin(who.0, posted.0)));
        }
    }
}
