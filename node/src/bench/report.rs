//! What a benchmark found, as a table and as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::load::{Settled, latencies};
use crate::output::{Output, Tone};

/// Counts of what became of transactions whose time was after the warm-up.
pub(crate) struct Tally {
    /// Transactions that were meant to be sent.
    pub(crate) offered: u64,
    /// Certified with success.
    pub(crate) committed: u64,
    /// Of these, certified before the time was over.
    pub(crate) committed_in_time: u64,
    /// Certified and failed, by code.
    pub(crate) failed: BTreeMap<String, u64>,
    /// Refused, by code.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Answers that there was no room, after which it was tried again.
    pub(crate) busy: u64,
    /// Undecided at the deadline.
    pub(crate) unknown: u64,
    /// Calls that could not leave when they should have, as too many were open.
    pub(crate) held_back: u64,
    latencies: Histogram<u64>,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Nodes that were asked.
    pub(crate) nodes: usize,
    /// `max`, or transactions a second.
    pub(crate) rate: String,
    /// Seconds that count.
    pub(crate) seconds: f64,
    /// Accounts that sent.
    pub(crate) accounts: usize,
    /// Payments in a transaction.
    pub(crate) payments_per_transaction: usize,
    /// Transactions in a call.
    pub(crate) transactions_per_call: usize,
    /// Calls in flight at the maximal rate.
    pub(crate) in_flight: Option<usize>,
    /// Transactions that were meant to be sent.
    pub(crate) offered: u64,
    /// Certified with success.
    pub(crate) committed: u64,
    /// Of these, certified before the time was over.
    pub(crate) committed_in_time: u64,
    /// Certified and failed, by code.
    pub(crate) failed: BTreeMap<String, u64>,
    /// Refused, by code.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Answers that there was no room.
    pub(crate) busy_answers: u64,
    /// Undecided at the deadline.
    pub(crate) unknown: u64,
    /// Calls that left late because too many were open.
    pub(crate) held_back_calls: u64,
    /// Certified transactions a second, of those certified in time.
    pub(crate) transactions_per_second: f64,
    /// Payments a second, likewise.
    pub(crate) payments_per_second: f64,
    /// Milliseconds from the intended time of sending to the certified answer.
    pub(crate) latency_ms: Latency,
    /// Processor seconds of this program, signing included.
    pub(crate) client_cpu_seconds: f64,
}

/// Percentiles, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    #[serde(rename = "p99.9")]
    p999: f64,
    max: f64,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            offered: 0,
            committed: 0,
            committed_in_time: 0,
            failed: BTreeMap::new(),
            refused: BTreeMap::new(),
            busy: 0,
            unknown: 0,
            held_back: 0,
            latencies: latencies(),
        }
    }

    /// Counts one transaction.
    pub(crate) fn count(&mut self, settled: &Settled, latency: Duration, in_time: bool) {
        match settled {
            Settled::Committed => {
                self.committed += 1;
                self.committed_in_time += u64::from(in_time);
                let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                self.latencies.saturating_record(micros.max(1));
            }
            Settled::Failed(code) => *self.failed.entry(code.clone()).or_default() += 1,
            Settled::Refused(code) => *self.refused.entry(code.clone()).or_default() += 1,
            Settled::Busy(_) | Settled::Pending => {}
        }
    }

    /// Adds another count.
    pub(crate) fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.committed += other.committed;
        self.committed_in_time += other.committed_in_time;
        self.busy += other.busy;
        self.unknown += other.unknown;
        self.held_back += other.held_back;
        for (code, count) in &other.failed {
            *self.failed.entry(code.clone()).or_default() += count;
        }
        for (code, count) in &other.refused {
            *self.refused.entry(code.clone()).or_default() += count;
        }
        self.latencies
            .add(&other.latencies)
            .expect("all histograms have the same bounds");
    }

    /// The percentiles.
    pub(crate) fn latency(&self) -> Latency {
        let millis = |quantile: f64| self.latencies.value_at_quantile(quantile) as f64 / 1000.0;
        Latency {
            p50: millis(0.5),
            p90: millis(0.9),
            p99: millis(0.99),
            p999: millis(0.999),
            max: self.latencies.max() as f64 / 1000.0,
        }
    }
}

impl Report {
    /// The table for people.
    pub(crate) fn text(&self, output: &Output) -> String {
        let codes = |counts: &BTreeMap<String, u64>| {
            if counts.is_empty() {
                return "0".to_owned();
            }
            let parts: Vec<String> = counts
                .iter()
                .map(|(code, count)| format!("{count} {code}"))
                .collect();
            output.paint(Tone::Bad, &parts.join(", "))
        };
        let undecided = if self.unknown == 0 {
            "0".to_owned()
        } else {
            output.paint(Tone::Bad, &self.unknown.to_string())
        };
        let latency = &self.latency_ms;
        let mut text = output.fields(&[
            ("rate", self.rate.clone()),
            (
                "measured",
                format!("{:.1} s at {} nodes", self.seconds, self.nodes),
            ),
            ("accounts", self.accounts.to_string()),
            ("payments/transaction", self.payments_per_transaction.to_string()),
            ("offered", self.offered.to_string()),
            (
                "committed",
                format!("{} ({} in time)", self.committed, self.committed_in_time),
            ),
            ("failed", codes(&self.failed)),
            ("refused", codes(&self.refused)),
            ("busy answers", self.busy_answers.to_string()),
            ("undecided", undecided),
            ("transactions/s", format!("{:.1}", self.transactions_per_second)),
            ("payments/s", format!("{:.1}", self.payments_per_second)),
            ("client's processor", format!("{:.1} s", self.client_cpu_seconds)),
        ]);
        if self.held_back_calls > 0 {
            let warning = format!(
                "{} calls left late: this program could not keep up with the rate\n",
                self.held_back_calls
            );
            text.push_str(&output.paint(Tone::Warning, &warning));
        }
        text.push_str("\nlatency in ms, from the intended time of sending to the certified answer\n");
        let shown = |value: f64| format!("{value:.2}");
        let row = vec![
            shown(latency.p50),
            shown(latency.p90),
            shown(latency.p99),
            shown(latency.p999),
            shown(latency.max),
        ];
        text.push_str(&output.table(&[">P50", ">P90", ">P99", ">P99.9", ">MAX"], vec![row]));
        text
    }
}

/// Processor seconds that this process has used.
pub(crate) fn cpu_seconds() -> f64 {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return 0.0;
    };
    let Some((_, fields)) = stat.rsplit_once(')') else {
        return 0.0;
    };
    // User and system time are fields 14 and 15, in ticks; the state after the name is field 3.
    let ticks: u64 = fields
        .split_ascii_whitespace()
        .skip(14 - 3)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}
