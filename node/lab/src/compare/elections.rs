//! How long nobody leads after a leader's crash, by the range of the election timeouts.

use indicatif::ProgressBar;
use quorate_crypto::Engine;
use quorate_simulator::compare::elections::{LENGTHS, LIMIT_MS, Place, SPREADS, VALIDATORS, leaderless_us};
use quorate_tools::output::Output;
use rayon::prelude::*;
use serde::Serialize;

use crate::bench::chart::Panel;

/// Points of a curve in a chart.
const POINTS: usize = 60;

/// What is measured, in the order of the panels.
const PANELS: [(Engine, Place); 3] = [
    (Engine::Raft, Place::Links),
    (Engine::Raft, Place::Disks),
    (Engine::Paxos, Place::Links),
];

/// All elections.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Elections {
    validators: usize,
    /// Elections of each series.
    trials: u64,
    /// Elections that took longer were given up, in milliseconds.
    limit_ms: u64,
    /// One for each protocol, place and range.
    series: Vec<Series>,
}

/// Elections with timeouts from one range.
#[derive(Clone, Debug, Serialize)]
struct Series {
    consensus: Engine,
    /// On what a round of 15 ms is spent: `links` or `disks`.
    round_on: &'static str,
    /// `spread` or `length`: the panel of the paper's figure.
    panel: &'static str,
    from_ms: u32,
    to_ms: u32,
    median_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
    /// How many took longer than the limit.
    longer: u64,
    /// Of all within the limit, ascending.
    #[serde(skip)]
    millis: Vec<f64>,
}

/// How many elections there are.
pub(super) fn steps(trials: u64) -> u64 {
    trials * (PANELS.len() * (SPREADS.len() + LENGTHS.len())) as u64
}

impl Elections {
    /// Holds them all, on all cores.
    pub(super) fn hold(trials: u64, progress: &ProgressBar) -> Self {
        let mut series = Vec::new();
        for (engine, place) in PANELS {
            let ranges = [("spread", SPREADS.as_slice()), ("length", &LENGTHS)];
            for (panel, range) in ranges
                .into_iter()
                .flat_map(|(panel, ranges)| ranges.iter().map(move |range| (panel, *range)))
            {
                series.push(Series::hold((engine, place), panel, range, trials));
                progress.inc(trials);
            }
        }
        Self {
            validators: VALIDATORS,
            trials,
            limit_ms: LIMIT_MS,
            series,
        }
    }

    /// The table for people.
    pub(crate) fn text(&self, output: &Output) -> String {
        let shown = |millis: Option<f64>| match millis {
            Some(millis) => format!("{millis:.0}"),
            None => format!("> {}", self.limit_ms),
        };
        let rows = self.series.iter().map(|series| {
            vec![
                series.consensus.to_string(),
                series.round_on.to_owned(),
                format!("{}-{} ms", series.from_ms, series.to_ms),
                shown(series.median_ms),
                shown(series.p99_ms),
                shown(series.max_ms),
            ]
        });
        let headings = ["PROTOCOL", "15 ms ON", "TIMEOUTS", ">MEDIAN", ">P99", ">MAX"];
        format!(
            "without a leader after its crash: {} validators, {} elections each; milliseconds\n{}",
            self.validators,
            self.trials,
            output.table(&headings, rows.collect())
        )
    }

    /// The curves of a protocol, as in the paper's figure: shares of elections that were over by then.
    pub(crate) fn panels(&self, of: Engine) -> Vec<Panel> {
        let mut panels = Vec::new();
        for (engine, place) in PANELS.into_iter().filter(|(engine, _)| *engine == of) {
            for panel in ["spread", "length"] {
                let name = super::name(engine, self.validators);
                let what = match panel {
                    "spread" => "how far timeouts are spread",
                    _ => "how long timeouts are",
                };
                let title = format!("{name}, 15 ms a round on {}: {what}", word(place));
                let mut drawn = Panel::new(title, "ms without a leader", "% of elections")
                    .logarithmic()
                    .legend_below();
                for series in &self.series {
                    let own = (series.consensus, series.round_on, series.panel);
                    if own == (engine, word(place), panel) {
                        let name = format!("{}-{} ms", series.from_ms, series.to_ms);
                        drawn = drawn.series(name, series.curve(self.trials));
                    }
                }
                panels.push(drawn);
            }
        }
        panels
    }
}

fn word(place: Place) -> &'static str {
    match place {
        Place::Links => "links",
        Place::Disks => "disks",
    }
}

impl Series {
    fn hold(
        (engine, place): (Engine, Place),
        panel: &'static str,
        (from_ms, to_ms): (u32, u32),
        trials: u64,
    ) -> Self {
        let times = (0..trials)
            .into_par_iter()
            .filter_map(|seed| leaderless_us(engine, place, (from_ms, to_ms), seed));
        let mut millis: Vec<f64> = times.map(|micros| micros as f64 / 1_000.0).collect();
        millis.sort_by(f64::total_cmp);
        let mut series = Self {
            consensus: engine,
            round_on: word(place),
            panel,
            from_ms,
            to_ms,
            median_ms: None,
            p99_ms: None,
            max_ms: None,
            longer: trials - millis.len() as u64,
            millis,
        };
        series.median_ms = series.quantile(0.5, trials);
        series.p99_ms = series.quantile(0.99, trials);
        series.max_ms = series.quantile(1.0, trials);
        series
    }

    /// The value below which this share of all elections lies, those over the limit included.
    fn quantile(&self, share: f64, trials: u64) -> Option<f64> {
        let place = (trials as f64 * share).ceil() as usize;
        self.millis.get(place.max(1) - 1).copied()
    }

    /// Milliseconds, and the share of elections that were over by then in percent.
    fn curve(&self, trials: u64) -> Vec<(f64, f64)> {
        let step = self.millis.len().div_ceil(POINTS).max(1);
        let last = self.millis.len().saturating_sub(1);
        let places = (0..self.millis.len()).filter(|place| place % step == 0 || *place == last);
        places
            .map(|place| (self.millis[place], (place + 1) as f64 * 100.0 / trials as f64))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elections_over_the_limit_count_in_quantiles_and_curves() {
        let series = Series {
            consensus: Engine::Raft,
            round_on: "links",
            panel: "spread",
            from_ms: 150,
            to_ms: 150,
            median_ms: None,
            p99_ms: None,
            max_ms: None,
            longer: 2,
            millis: vec![100.0, 200.0],
        };
        assert_eq!(series.quantile(0.5, 4), Some(200.0));
        assert_eq!(series.quantile(0.99, 4), None);
        assert_eq!(series.curve(4), [(100.0, 25.0), (200.0, 50.0)]);
    }
}
