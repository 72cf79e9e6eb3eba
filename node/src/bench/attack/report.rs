//! What was found, as a table and as JSON.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::outage::{of_all, outage};
use super::{Plan, Ran, Role, SETTLING};
use crate::bench::chart::Panel;
use crate::bench::report;
use crate::output::{Output, Tone};

/// Of the offered rate, the least that must be committed.
const LEAST_RATE: f64 = 0.9;
/// Of the p99 with the validator stopped, the most.
const MOST_P99: f64 = 2.0;
/// The longest outage before, in seconds.
const MOST_OUTAGE: f64 = 3.0;

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Validators of the network.
    pub(crate) validators: usize,
    /// The load, in transactions a second.
    pub(crate) rate: u64,
    /// How long was counted.
    pub(crate) seconds: f64,
    /// With the validator stopped.
    pub(crate) stopped: Vec<Row>,
    /// With the validator lying.
    pub(crate) lies: Vec<Row>,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    lie: String,
    role: &'static str,
    committed_per_second: f64,
    /// Of what was offered.
    share: f64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    views: u64,
    evidence: BTreeSet<String>,
    /// Honest validators that are accused: there must be none.
    accused: BTreeSet<String>,
    outage_seconds: Option<f64>,
    liar_processor: Option<f64>,
    honest_processor: Option<f64>,
    within_limits: Option<bool>,
    #[serde(skip)]
    pub(super) honest_share: Option<f64>,
}

impl Row {
    /// The row of a run, held against that with the validator stopped.
    pub(super) fn new(
        plan: &Plan,
        rate: u64,
        role: Role,
        lie: &str,
        ran: &Ran,
        stopped: Option<&Self>,
    ) -> Self {
        let (from, to) = (ran.began + SETTLING, ran.began + SETTLING + plan.duration);
        let in_time = ran
            .answers
            .iter()
            .filter(|answer| (from..to).contains(&answer.answered));
        let per_second = in_time.count() as f64 / plan.duration.as_secs_f64();
        let due = ran
            .answers
            .iter()
            .filter(|answer| (from..to).contains(&answer.due));
        let taken: Vec<_> = due
            .map(|answer| (answer.due, answer.answered.duration_since(answer.due)))
            .collect();
        // A bundle that is due at an edge may fall to either side.
        let expected = (rate * plan.duration.as_secs()).saturating_sub(super::BUNDLE);
        let expected = taken.len().max(usize::try_from(expected).unwrap_or(usize::MAX));
        let millis = |quantile| {
            let time: Option<Duration> = of_all(&taken, expected, quantile);
            time.map(|time| time.as_secs_f64() * 1e3)
        };
        let outage = outage(&ran.answers, rate, ran.began, to);
        let mut row = Self {
            lie: lie.to_owned(),
            role: role.name(),
            committed_per_second: per_second,
            share: per_second / rate as f64,
            p50_ms: millis(0.5),
            p99_ms: millis(0.99),
            views: ran.views,
            evidence: ran.evidence.clone(),
            accused: ran.accused.clone(),
            outage_seconds: outage.map(|outage| outage.as_secs_f64()),
            liar_processor: ran.liar_share,
            honest_processor: ran.honest_share,
            within_limits: None,
            honest_share: ran.honest_share,
        };
        row.within_limits = stopped.map(|stopped| row.is_within(stopped));
        row
    }

    fn is_within(&self, stopped: &Self) -> bool {
        let p99 = match (self.p99_ms, stopped.p99_ms) {
            (Some(own), Some(stopped)) => own <= MOST_P99 * stopped,
            _ => false,
        };
        let outage = self.outage_seconds.is_some_and(|outage| outage <= MOST_OUTAGE);
        self.share >= LEAST_RATE && p99 && outage && self.accused.is_empty()
    }

    fn cells(&self, output: &Output) -> Vec<String> {
        let number = |value: Option<f64>, digits: usize| report::shown(value, digits);
        let percent = |share: Option<f64>| number(share.map(|share| share * 100.0), 0);
        let kinds: Vec<String> = self.evidence.iter().cloned().collect();
        let mut evidence = kinds.join(", ");
        if !self.accused.is_empty() {
            let accused: Vec<String> = self.accused.iter().cloned().collect();
            evidence += &output.paint(Tone::Bad, &format!(" FALSE: {}", accused.join(", ")));
        }
        let verdict = match self.within_limits {
            Some(true) => output.paint(Tone::Good, "yes"),
            Some(false) => output.paint(Tone::Bad, "NO"),
            None => "-".to_owned(),
        };
        vec![
            self.lie.clone(),
            self.role.to_owned(),
            format!("{:.0}", self.committed_per_second),
            number(self.p50_ms, 0),
            number(self.p99_ms, 0),
            number(self.outage_seconds, 1),
            self.views.to_string(),
            if evidence.is_empty() {
                "-".to_owned()
            } else {
                evidence
            },
            percent(self.liar_processor),
            percent(self.honest_processor),
            verdict,
        ]
    }
}

impl report::Report for Report {
    fn text(&self, output: &Output) -> String {
        let head = format!(
            "{} validators, {} transactions/s offered to the honest ones, counted for {} s from {} s after the \
             first lie\n\n",
            self.validators,
            self.rate,
            self.seconds,
            SETTLING.as_secs()
        );
        let rows = self.stopped.iter().chain(&self.lies);
        let headings = [
            "LIE",
            "AS",
            ">COMMITTED/S",
            ">P50 MS",
            ">P99 MS",
            ">OUTAGE S",
            ">VIEWS",
            "EVIDENCE",
            ">LIAR CPU %",
            ">HONEST CPU %",
            "WITHIN LIMITS",
        ];
        head + &output.table(&headings, rows.map(|row| row.cells(output)).collect())
    }

    fn panels(&self) -> Vec<Panel> {
        let points = |of: fn(&Row) -> f64| {
            let numbered = (1_u32..).zip(self.stopped.iter().chain(&self.lies));
            numbered
                .map(|(number, row)| (f64::from(number), of(row)))
                .collect()
        };
        vec![
            Panel::new("Committed, of what was offered", "row of the table", "percent")
                .series("committed", points(|row| row.share * 100.0)),
            Panel::new("Outage before", "row of the table", "s")
                .series("outage", points(|row| row.outage_seconds.unwrap_or(f64::NAN))),
        ]
    }
}
