//! What became of a run, and how a failure is shown.

use std::collections::BTreeSet;

use quorate_crypto::ValidatorIndex;

use crate::chart::Chart;
use crate::meter::Measurement;
use crate::scenario::Scenario;
use crate::shrink::shrink;
use crate::simulation::Simulation;

/// What became of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The scenario, to run again.
    pub scenario: Scenario,
    /// What went wrong, if anything.
    pub failure: Option<String>,
    /// The height that all honest validators reached.
    pub height: u64,
    /// The epoch that all honest validators that run reached.
    pub epoch: u64,
    /// The highest view that an honest validator reached.
    pub view: u64,
    /// When each epoch's reigns began first for an honest validator, in milliseconds: epoch, reign, time.
    pub reigns: Vec<(u64, u64, u64)>,
    /// Virtual time from the end of the faults until all was certified, in milliseconds.
    pub settled_ms: u64,
    /// Virtual time in all, in milliseconds.
    pub virtual_ms: u64,
    /// Events handled.
    pub events: u64,
    /// Messages sent until all was certified.
    pub messages: u64,
    /// Messages sent while the network was watched after that.
    pub idle_messages: u64,
    /// The longest that a batch took from its submission until an honest validator had it certified,
    /// in milliseconds; of those that got there.
    pub longest_wait_ms: u64,
    /// Whom honest validators have accused, with evidence.
    pub accused: BTreeSet<ValidatorIndex>,
    /// Honest validators that have found that they forgot what they signed.
    pub quarantined: BTreeSet<ValidatorIndex>,
    /// The message sequence chart, if one was drawn.
    pub chart: Chart,
    /// What each host's engines were given, if that was recorded.
    pub recordings: Vec<Vec<u8>>,
    /// What was counted, if it was.
    pub measured: Option<Measurement>,
}

/// How many lines of its chart a failing seed prints.
const CHART_LINES: usize = 150;

impl Report {
    /// The report of a run in which nothing went wrong.
    ///
    /// # Panics
    /// If something did: with the seed, a smaller scenario that fails, if there is one, and the end of
    /// its chart.
    pub fn expect_success(self) -> Self {
        let Some(failure) = &self.failure else { return self };
        let first = format!(
            "seed {} with {} validators: {failure}",
            self.scenario.seed, self.scenario.validators
        );
        let smallest = shrink(self);
        let replay = Simulation::new(smallest.scenario.clone()).chart();
        let chart = replay.chart.lines();
        let from = chart.len().saturating_sub(CHART_LINES);
        panic!(
            "{first}\nsmaller: {}\n{}\nsmaller scenario: {:?}",
            smallest.failure.unwrap_or_default(),
            chart[from..].join("\n"),
            smallest.scenario,
        );
    }
}
