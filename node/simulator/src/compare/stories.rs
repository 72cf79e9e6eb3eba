//! The same faults for every engine, and what came of them.
//!
//! A batch is submitted every 20 ms, at one validator after the other. The fault comes after two seconds
//! and is over four seconds later, unless it is one that stays. What is said of a run is what was seen in it.

use super::{Network, quantile};
use crate::meter::{BatchTimes, Chains, Measurement};
use crate::scenario::{Befalls, Command, Lie, Loss, Lost, Scenario, Whom};
use crate::simulation::Simulation;

/// When the fault comes, in milliseconds.
const FAULT_MS: u64 = 2_000;

/// When it is over.
const HEALED_MS: u64 = 6_000;

/// How long after that everything is given to be certified everywhere.
const PATIENCE_MS: u64 = 40_000;

/// A batch is submitted so often.
const EVERY_MS: u64 = 20;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Story {
    /// As many followers crash as the network bears faults.
    FollowersCrash,
    /// The leader crashes.
    LeaderCrashes,
    /// As many crash as the network bears, the leader among them.
    AsManyCrash,
    /// One more crashes than it bears.
    OneMoreCrashes,
    /// All crash and are started half a second later.
    AllRestart,
    /// The leader is cut off, with as many others as the network bears.
    MinorityCutOff,
    /// No part of the network is a quorum.
    NoQuorum,
    /// What the leader sends reaches nobody.
    LeaderMuted,
    /// Nothing reaches the leader.
    LeaderDeafened,
    /// One message in ten is lost.
    Lossy,
    /// A follower loses its journal, which is noticed.
    JournalLost,
    /// The leader's process goes on and says nothing any more.
    LeaderSilent,
    /// The leader tells half of the others otherwise than the rest.
    LeaderLies,
}

/// What came of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survival {
    /// Something that was submitted after the fault was certified during it.
    WentOn,
    /// Nothing was, until the fault was over.
    StoodStill,
    /// Not everything was certified in the end.
    Stuck(String),
    /// Honest validators decided differently.
    Split {
        /// Heights that they decided differently.
        decisions: u64,
        /// Heights for which they hold different blocks, each with a certificate.
        blocks: u64,
    },
    /// Another rule was broken.
    Broken(String),
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What came of it.
    pub outcome: Survival,
    /// From the fault, or from its end where the network stood still, until something submitted after the
    /// fault was certified; in milliseconds.
    pub until_commit_ms: Option<u64>,
    /// Whether somebody honest has proof of a lie.
    pub accused: bool,
}

/// What came of all seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Runs.
    pub seeds: u64,
    /// Of these, those that went on during the fault.
    pub went_on: u64,
    /// That stood still, and went on afterwards.
    pub stood_still: u64,
    /// In which not everything was certified in the end.
    pub stuck: u64,
    /// In which honest validators decided differently.
    pub split_decisions: u64,
    /// In which they hold different certified blocks.
    pub split_blocks: u64,
    /// In which another rule was broken.
    pub broken: u64,
    /// In which somebody honest has proof of a lie.
    pub accused: u64,
    /// Until commits went on, where they did: the median, in milliseconds.
    pub median_ms: Option<u64>,
    /// The longest.
    pub max_ms: Option<u64>,
    /// The first failure's own words.
    pub words: Option<String>,
}

impl Run {
    /// Whether honest validators hold different certified blocks.
    pub fn has_two_histories(&self) -> bool {
        matches!(self.outcome, Survival::Split { blocks, .. } if blocks > 0)
    }
}

impl Story {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::FollowersCrash,
        Self::LeaderCrashes,
        Self::AsManyCrash,
        Self::OneMoreCrashes,
        Self::AllRestart,
        Self::MinorityCutOff,
        Self::NoQuorum,
        Self::LeaderMuted,
        Self::LeaderDeafened,
        Self::Lossy,
        Self::JournalLost,
        Self::LeaderSilent,
        Self::LeaderLies,
    ];

    /// A name for scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::FollowersCrash => "followers_crash",
            Self::LeaderCrashes => "leader_crashes",
            Self::AsManyCrash => "as_many_crash",
            Self::OneMoreCrashes => "one_more_crashes",
            Self::AllRestart => "all_restart",
            Self::MinorityCutOff => "minority_cut_off",
            Self::NoQuorum => "no_quorum",
            Self::LeaderMuted => "leader_muted",
            Self::LeaderDeafened => "leader_deafened",
            Self::Lossy => "lossy",
            Self::JournalLost => "journal_lost",
            Self::LeaderSilent => "leader_silent",
            Self::LeaderLies => "leader_lies",
        }
    }

    /// For people; f is how many faults the network bears.
    pub fn words(self) -> &'static str {
        match self {
            Self::FollowersCrash => "f followers crash",
            Self::LeaderCrashes => "the leader crashes",
            Self::AsManyCrash => "the leader and f - 1 others crash",
            Self::OneMoreCrashes => "f + 1 crash, and come back",
            Self::AllRestart => "all crash, and start 0.5 s later",
            Self::MinorityCutOff => "the leader and f - 1 others cut off",
            Self::NoQuorum => "cut into parts, none a quorum",
            Self::LeaderMuted => "nobody hears the leader",
            Self::LeaderDeafened => "the leader hears nobody",
            Self::Lossy => "one message in ten is lost",
            Self::JournalLost => "a journal is lost, and noticed",
            Self::LeaderSilent => "the leader falls silent",
            Self::LeaderLies => "the leader tells two halves two things",
        }
    }

    /// The scenario of a seed.
    fn scenario(self, network: Network, seed: u64) -> Scenario {
        let mut scenario = Scenario {
            faults_end_ms: HEALED_MS,
            patience_ms: PATIENCE_MS,
            ..network.calm(seed)
        };
        let size = u16::try_from(network.validators).unwrap_or(u16::MAX);
        let bears = u16::try_from(network.bears()).unwrap_or(u16::MAX);
        for (turn, at) in (1_500..HEALED_MS).step_by(EVERY_MS as usize).enumerate() {
            let who = u16::try_from(turn % network.validators).unwrap_or(0);
            scenario = scenario.at(at, Command::Submit(who, 1));
        }
        // Not at the same moment of everybody's timers in every seed.
        let fault = FAULT_MS + seed % EVERY_MS;
        let befall = |whom, what| (fault, Command::Befall(whom, what));
        let others = bears.saturating_sub(1);
        match self {
            Self::FollowersCrash => scenario
                .script
                .push(befall(Whom::Followers(bears), Befalls::Crash)),
            Self::LeaderCrashes => scenario.script.push(befall(Whom::Leader, Befalls::Crash)),
            Self::AsManyCrash => scenario
                .script
                .push(befall(Whom::LeaderAnd(others), Befalls::Crash)),
            Self::OneMoreCrashes => scenario
                .script
                .push(befall(Whom::LeaderAnd(bears), Befalls::Crash)),
            Self::AllRestart => {
                for who in 0..size {
                    scenario.script.push((fault, Command::Crash(who)));
                    scenario.script.push((fault + 500, Command::Start(who)));
                }
            }
            Self::MinorityCutOff => scenario
                .script
                .push(befall(Whom::LeaderAnd(others), Befalls::CutOff)),
            Self::NoQuorum => {
                // As large as they can be: without one more than may fail there is no quorum.
                let all: Vec<u16> = (0..size).collect();
                let parts = all.chunks(usize::from(size - bears - 1).max(1));
                let cuts = parts.map(|part| (fault, Command::Isolate(part.to_vec())));
                scenario.script.extend(cuts);
            }
            Self::LeaderMuted => scenario.script.push(befall(Whom::Leader, Befalls::Muted)),
            Self::LeaderDeafened => scenario.script.push(befall(Whom::Leader, Befalls::Deafened)),
            Self::Lossy => scenario.links.loss = 100,
            Self::JournalLost => {
                let loss = Befalls::Lose(Loss::noticed(Lost::Journal));
                scenario.script.push(befall(Whom::Followers(1), loss));
            }
            Self::LeaderSilent => scenario
                .script
                .push(befall(Whom::Leader, Befalls::Lie(Lie::Silent))),
            Self::LeaderLies => {
                let lie = Befalls::Lie(Lie::Equivocator);
                scenario.script.push(befall(Whom::Leader, lie));
            }
        }
        scenario
    }

    /// Runs one seed.
    pub fn run(self, network: Network, seed: u64) -> Run {
        let scenario = self.scenario(network, seed);
        let fault_us = (FAULT_MS + seed % EVERY_MS) * 1_000;
        let report = Simulation::new(scenario).measure(None);
        let measured = report.measured.unwrap_or_default();
        let until = |from: u64| Some((first_commit(&measured, fault_us)?.checked_sub(from)?) / 1_000);
        let healed_us = HEALED_MS * 1_000;
        let stood_still = first_commit(&measured, fault_us).is_none_or(|at| at > healed_us);
        let outcome = match report.failure {
            _ if measured.split_decisions > 0 || measured.split_blocks > 0 => Survival::Split {
                decisions: measured.split_decisions,
                blocks: measured.split_blocks,
            },
            Some(words) if words.starts_with("progress") => Survival::Stuck(words),
            Some(words) => Survival::Broken(words),
            None if stood_still => Survival::StoodStill,
            None => Survival::WentOn,
        };
        let from = if stood_still { healed_us } else { fault_us };
        Run {
            outcome,
            until_commit_ms: until(from),
            accused: !report.accused.is_empty(),
        }
    }

    /// What each honest validator certifies in the run of a seed. Validators sign as nodes do, so that anybody can check
    /// it. In the story no epoch may end.
    pub fn chains(self, network: Network, seed: u64) -> Chains {
        let scenario = Scenario {
            real_signatures: true,
            ..self.scenario(network, seed)
        };
        let measured = Simulation::new(scenario).measure_chains().measured;
        measured.unwrap_or_default().chains
    }

    /// Sums up the runs of some seeds.
    pub fn sum_up(runs: &[Run]) -> Summary {
        let mut summary = Summary {
            seeds: runs.len() as u64,
            ..Summary::default()
        };
        let mut times = Vec::new();
        for run in runs {
            summary.accused += u64::from(run.accused);
            match &run.outcome {
                Survival::WentOn => summary.went_on += 1,
                Survival::StoodStill => summary.stood_still += 1,
                Survival::Stuck(words) => {
                    summary.stuck += 1;
                    summary.words.get_or_insert_with(|| words.clone());
                }
                Survival::Split { decisions, blocks } => {
                    summary.split_decisions += u64::from(*decisions > 0);
                    summary.split_blocks += u64::from(*blocks > 0);
                }
                Survival::Broken(words) => {
                    summary.broken += 1;
                    summary.words.get_or_insert_with(|| words.clone());
                }
            }
            if matches!(run.outcome, Survival::WentOn | Survival::StoodStill) {
                times.extend(run.until_commit_ms);
            }
        }
        summary.median_ms = quantile(&mut times, 0.5);
        summary.max_ms = times.last().copied();
        summary
    }
}

/// When the first batch was certified that was submitted after the fault.
fn first_commit(measured: &Measurement, fault_us: u64) -> Option<u64> {
    let after = |batch: &&BatchTimes| batch.submitted_us > fault_us;
    let batches = measured.batches_waited.iter().filter(after);
    batches.filter_map(|batch| batch.certified_us).min()
}
