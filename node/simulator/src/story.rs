//! Named scenarios for charts: each shows one thing, for each engine, with few validators in a short time.

mod script;
mod words;

use quorate_crypto::Engine;

use crate::chart::Chart;
use crate::report::Report;
use crate::scenario::Scenario;
use crate::simulation::Simulation;

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Story {
    /// Batches are ordered, and nothing goes wrong.
    NormalCase,
    /// Whoever leads dies in the middle of its work.
    LeaderCrash,
    /// Validators do not agree on who is to lead.
    SplitVote,
    /// Whoever leads tells some one thing and the others another.
    EquivocatingPrimary,
    /// Whoever leads is cut off, and comes back.
    PartitionAndHealing,
    /// Two want to lead, and outbid each other.
    DuellingProposers,
}

/// A story as it went.
#[derive(Clone, Debug)]
pub struct StoryRun {
    /// What became of the network.
    pub report: Report,
    /// The height that all have certified that do not lie and are not dead in the end.
    pub height: usize,
    /// What happened, of that part of it that is worth seeing.
    pub chart: Chart,
}

impl Story {
    /// All stories.
    pub const ALL: [Self; 6] = [
        Self::NormalCase,
        Self::LeaderCrash,
        Self::SplitVote,
        Self::EquivocatingPrimary,
        Self::PartitionAndHealing,
        Self::DuellingProposers,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NormalCase => "normal-case",
            Self::LeaderCrash => "leader-crash",
            Self::SplitVote => "split-vote",
            Self::EquivocatingPrimary => "equivocating-primary",
            Self::PartitionAndHealing => "partition-and-healing",
            Self::DuellingProposers => "duelling-proposers",
        }
    }

    /// The fewest validators with which each engine shows what it tolerates.
    pub const fn fewest(engine: Engine) -> usize {
        match engine {
            Engine::Pbft => 4,
            Engine::Raft | Engine::Paxos => 3,
        }
    }

    /// A seed with which each engine shows what is to be seen.
    pub const SEED: u64 = 6;

    /// The most validators whose lanes fit beside each other.
    pub const MOST: usize = 9;

    /// What happens, but for what the seed decides.
    pub fn scenario(self, engine: Engine, validators: usize, seed: u64) -> Scenario {
        script::scenario(self, engine, validators, seed)
    }

    /// Runs it.
    pub fn tell(self, engine: Engine, validators: usize, seed: u64) -> StoryRun {
        let scenario = self.scenario(engine, validators, seed);
        let ends_us = scenario.faults_end_ms * 1_000;
        let mut report = Simulation::new(scenario).chart();
        let mut chart = std::mem::take(&mut report.chart).between(0, ends_us);
        if self != Self::NormalCase && self != Self::DuellingProposers {
            chart = chart.since_led();
        }
        let lies = |lane: usize| {
            report
                .scenario
                .liars
                .iter()
                .any(|(liar, _)| usize::from(liar.0) == lane)
        };
        let living = (0..validators).filter(|lane| !lies(*lane) && !chart.is_dead_in_the_end(*lane));
        let height = living.map(|lane| chart.certified_at(lane)).min().unwrap_or(0);
        chart.title = format!("{}: {}", words::engine(engine), words::title(self));
        StoryRun {
            report,
            height,
            chart,
        }
    }

    /// A sentence for a list of the stories.
    pub const fn summary(self) -> &'static str {
        words::summary(self)
    }

    /// What to look at, and where the engine's paper has it.
    pub const fn explanation(self, engine: Engine) -> &'static str {
        words::explanation(self, engine)
    }
}
