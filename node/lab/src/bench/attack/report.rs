//! What was found, as a table and as JSON.

use std::collections::BTreeSet;
use std::time::Duration;

use quorate_tools::output::{Output, Tone};
use serde::Serialize;

use super::outage::{of_all, outage};
use super::{Plan, Ran, Role, SETTLING};
use crate::bench::chart::Panel;
use crate::bench::report;

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
    /// Of them, those that lie or are stopped.
    pub(crate) liars: usize,
    /// The load, in transactions a second.
    pub(crate) rate: u64,
    /// How long was counted.
    pub(crate) seconds: f64,
    /// How often each lie was told.
    pub(crate) rounds: u32,
    /// With all keeping the rules.
    pub(crate) honest: Vec<Row>,
    /// With the validators stopped.
    pub(crate) stopped: Vec<Row>,
    /// With the validators lying.
    pub(crate) lies: Vec<Row>,
}

/// The medians of some runs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    lie: String,
    role: &'static str,
    committed_per_second: f64,
    /// Of what was offered.
    share: f64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    /// The smallest and the largest p99 of single runs.
    p99_ms_between: Option<(f64, f64)>,
    /// The p99 as a multiple of that with the validators stopped, just before and after.
    p99_of_stopped: Option<f64>,
    /// The same of that with all honest, and held as a liar is.
    p99_of_honest: Option<f64>,
    outage_seconds: Option<f64>,
    /// The longest of single runs.
    longest_outage_seconds: Option<f64>,
    /// The most of a single run.
    views: u64,
    /// Of any run.
    evidence: BTreeSet<String>,
    /// Honest validators that are accused in any run: there must be none.
    accused: BTreeSet<String>,
    liar_processor: Option<f64>,
    honest_processor: Option<f64>,
    within_limits: Option<bool>,
}

impl Row {
    /// The row of some runs.
    pub(super) fn new(plan: &Plan, rate: u64, role: Role, lie: &str, runs: &[Ran]) -> Self {
        let taken: Vec<Taken> = runs.iter().map(|ran| Taken::of(plan, rate, ran)).collect();
        let of = |value: fn(&Taken) -> Option<f64>| taken.iter().map(value).collect::<Vec<_>>();
        let per_second = median(of(|taken| Some(taken.per_second))).unwrap_or_default();
        let cpu = |value: fn(&Ran) -> Option<f64>| median(runs.iter().map(value).collect());
        let (least, most) = (
            ends(of(|taken| taken.p99_ms)),
            ends(of(|taken| taken.outage_seconds)),
        );
        Self {
            lie: lie.to_owned(),
            role: role.name(),
            committed_per_second: per_second,
            share: per_second / rate as f64,
            p50_ms: median(of(|taken| taken.p50_ms)),
            p99_ms: median(of(|taken| taken.p99_ms)),
            p99_ms_between: least,
            p99_of_stopped: None,
            p99_of_honest: None,
            outage_seconds: median(of(|taken| taken.outage_seconds)),
            longest_outage_seconds: most.map(|(_, most)| most),
            views: runs.iter().map(|ran| ran.views).max().unwrap_or_default(),
            evidence: runs.iter().flat_map(|ran| ran.evidence.clone()).collect(),
            accused: runs.iter().flat_map(|ran| ran.accused.clone()).collect(),
            liar_processor: cpu(|ran| ran.share),
            honest_processor: cpu(|ran| ran.others_share),
            within_limits: None,
        }
    }

    /// Beside what the same network does with all honest, and held as a liar is.
    pub(super) fn beside(mut self, honest: &Self) -> Self {
        self.p99_of_honest = self.p99_ms.zip(honest.p99_ms).map(|(own, honest)| own / honest);
        self
    }

    /// Judged by what the same network does with those validators stopped: the p99 of each run, and of the two runs
    /// around it.
    pub(super) fn held_against(
        mut self,
        runs: impl Iterator<Item = (Option<f64>, Vec<Option<f64>>)>,
    ) -> Self {
        let ratios = runs.map(|(own, around)| {
            let count = around.len() as f64;
            let stopped: f64 = around.into_iter().sum::<Option<f64>>()? / count;
            Some(own? / stopped)
        });
        self.p99_of_stopped = median(ratios.collect());
        self.within_limits = Some(self.is_within());
        self
    }

    fn is_within(&self) -> bool {
        let p99 = self.p99_of_stopped.is_some_and(|times| times <= MOST_P99);
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
            between(self.p99_ms, self.p99_ms_between),
            number(self.p99_of_stopped, 1),
            number(self.p99_of_honest, 1),
            longest(self.outage_seconds, self.longest_outage_seconds),
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

/// The p99 of one run.
pub(super) fn p99_ms(plan: &Plan, rate: u64, ran: &Ran) -> Option<f64> {
    Taken::of(plan, rate, ran).p99_ms
}

/// What one run came to, in the units of the table.
struct Taken {
    per_second: f64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    outage_seconds: Option<f64>,
}

impl Taken {
    fn of(plan: &Plan, rate: u64, ran: &Ran) -> Self {
        let (from, to) = (ran.began + SETTLING, ran.began + SETTLING + plan.duration);
        let counts = from..to;
        let in_time = ran
            .answers
            .iter()
            .filter(|answer| counts.contains(&answer.answered));
        let per_second = in_time.count() as f64 / plan.duration.as_secs_f64();
        let due = ran.answers.iter().filter(|answer| counts.contains(&answer.due));
        let taken: Vec<_> = due
            .map(|answer| (answer.due, answer.answered.duration_since(answer.due)))
            .collect();
        // A bundle that is due at an edge may fall to either side.
        let expected = (rate * plan.duration.as_secs()).saturating_sub(super::run::BUNDLE);
        let expected = taken.len().max(usize::try_from(expected).unwrap_or(usize::MAX));
        let millis = |quantile| {
            let time: Option<Duration> = of_all(&taken, expected, quantile);
            time.map(|time| time.as_secs_f64() * 1e3)
        };
        let outage = outage(&ran.answers, rate, ran.began, to);
        Self {
            per_second,
            p50_ms: millis(0.5),
            p99_ms: millis(0.99),
            outage_seconds: outage.map(|outage| outage.as_secs_f64()),
        }
    }
}

/// The middle one, where none is more than any number: what never ended took longest. Of an even number the larger
/// of the two in the middle.
fn median(mut values: Vec<Option<f64>>) -> Option<f64> {
    values.sort_by(|one, other| {
        let all = |value: &Option<f64>| value.unwrap_or(f64::INFINITY);
        all(one).total_cmp(&all(other))
    });
    values.get(values.len() / 2).copied().flatten()
}

/// The smallest and the largest; none if one of them is missing.
fn ends(values: Vec<Option<f64>>) -> Option<(f64, f64)> {
    let values: Vec<f64> = values.into_iter().collect::<Option<_>>()?;
    let least = values.iter().copied().reduce(f64::min)?;
    Some((least, values.into_iter().fold(least, f64::max)))
}

/// A number, and between which it was if there were several.
fn between(value: Option<f64>, ends: Option<(f64, f64)>) -> String {
    let value = report::shown(value, 0);
    match ends {
        Some((least, most)) if least < most => format!("{value} ({least:.0}-{most:.0})"),
        _ => value,
    }
}

/// Seconds, and the longest if there were several; what did not end is no number.
fn longest(value: Option<f64>, longest: Option<f64>) -> String {
    let shown = report::shown(value, 1);
    match longest == value {
        true => shown,
        false => format!("{shown} ({})", report::shown(longest, 1)),
    }
}

impl report::Report for Report {
    fn text(&self, output: &Output) -> String {
        let head = format!(
            "{} validators, {} of them lying or stopped; {} transactions/s offered to the others, counted for {} s from \
             {} s after the first lie; medians of {} rounds, each run compared with the two around it with the \
             validators stopped\n\n",
            self.validators,
            self.liars,
            self.rate,
            self.seconds,
            SETTLING.as_secs(),
            self.rounds,
        );
        let rows = self.honest.iter().chain(&self.stopped).chain(&self.lies);
        let headings = [
            "LIE",
            "AS",
            ">COMMITTED/S",
            ">P50 MS",
            ">P99 MS (RANGE)",
            ">× STOPPED",
            ">× HONEST",
            ">OUTAGE S (MOST)",
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
            let numbered = (1_u32..).zip(self.honest.iter().chain(&self.stopped).chain(&self.lies));
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
