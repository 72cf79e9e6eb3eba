//! What was found, as a table and as JSON.

use std::time::Duration;

use quorate_tools::output::{Output, Tone};
use serde::Serialize;

use crate::bench::chart::Panel;
use crate::bench::report;

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Validators of the network.
    pub(crate) validators: usize,
    /// The load, in transactions a second.
    pub(crate) transactions_per_second: u32,
    /// How often each fault was made.
    pub(crate) rounds: u32,
    /// How long a primary stayed paused or cut off.
    pub(crate) hold_seconds: f64,
    /// What was measured.
    pub(crate) measures: Vec<Measure>,
}

/// One thing that was measured in every round of a fault.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measure {
    name: &'static str,
    what: &'static str,
    limit_ms: Option<u64>,
    median_ms: u64,
    min_ms: u64,
    max_ms: u64,
    within_limit: Option<bool>,
    rounds_ms: Vec<u64>,
}

impl Measure {
    /// Nothing measured yet.
    pub(super) fn new(name: &'static str, what: &'static str, limit_ms: Option<u64>) -> Self {
        Self {
            name,
            what,
            limit_ms,
            median_ms: 0,
            min_ms: 0,
            max_ms: 0,
            within_limit: None,
            rounds_ms: Vec::new(),
        }
    }

    /// Adds a round.
    pub(super) fn push(&mut self, time: Duration) {
        self.rounds_ms
            .push(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let mut sorted = self.rounds_ms.clone();
        sorted.sort_unstable();
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        self.median_ms = low.midpoint(high);
        self.min_ms = sorted[0];
        self.max_ms = sorted[sorted.len() - 1];
        self.within_limit = self.limit_ms.map(|limit| self.median_ms <= limit);
    }

    fn row(&self, output: &Output) -> Vec<String> {
        let verdict = match self.within_limit {
            Some(true) => output.paint(Tone::Good, "yes"),
            Some(false) => output.paint(Tone::Bad, "NO"),
            None => "-".to_owned(),
        };
        vec![
            self.what.to_owned(),
            self.median_ms.to_string(),
            self.min_ms.to_string(),
            self.max_ms.to_string(),
            self.limit_ms
                .map_or_else(|| "-".to_owned(), |limit| limit.to_string()),
            verdict,
        ]
    }
}

impl report::Report for Report {
    fn text(&self, output: &Output) -> String {
        let head = format!(
            "{} validators, {} transactions/s, {} rounds, paused and cut off for {} s; milliseconds\n\n",
            self.validators, self.transactions_per_second, self.rounds, self.hold_seconds
        );
        let rows = self.measures.iter().map(|measure| measure.row(output)).collect();
        let headings = ["FROM, TO", ">MEDIAN", ">MIN", ">MAX", ">LIMIT", "MEDIAN WITHIN"];
        head + &output.table(&headings, rows)
    }

    fn panels(&self) -> Vec<Panel> {
        let rounds = |measure: &Measure| {
            let rounds = (1_u32..).zip(&measure.rounds_ms);
            rounds
                .map(|(round, millis)| (f64::from(round), *millis as f64))
                .collect()
        };
        let (to_commit, others): (Vec<&Measure>, Vec<&Measure>) = self
            .measures
            .iter()
            .partition(|measure| measure.name.ends_with("_commit"));
        let panel = |title: &str, measures: Vec<&Measure>| {
            measures
                .into_iter()
                .fold(Panel::new(title, "round", "ms"), |panel, measure| {
                    panel.series(measure.what, rounds(measure))
                })
        };
        vec![
            panel("Time without commits", to_commit),
            panel("Time until all is as before", others),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_rounds_lies_between_the_middle_two() {
        let mut measure = Measure::new("m", "m", Some(25));
        for millis in [40, 10, 20, 30] {
            measure.push(Duration::from_millis(millis));
        }
        assert_eq!(
            (
                measure.median_ms,
                measure.min_ms,
                measure.max_ms,
                measure.within_limit
            ),
            (25, 10, 40, Some(true))
        );
        measure.push(Duration::from_millis(50));
        assert_eq!((measure.median_ms, measure.within_limit), (30, Some(false)));
    }
}
