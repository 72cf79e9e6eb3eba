//! What offering load found.

use std::collections::BTreeMap;

use quorate_tools::output::{Output, Tone};
use serde::Serialize;

use super::{Load, Rate, Tally};
use crate::bench::ceiling::Ceiling;
use crate::bench::chart::Panel;
use crate::bench::report::{self, Latency, percentile_curve};
use crate::bench::usage::Usage;
use crate::bench::workload::Workload;

/// What was asked for, as it is reported.
pub(crate) struct Setting {
    /// Nodes that were asked.
    pub(crate) nodes: usize,
    /// Accounts that sent.
    pub(crate) accounts: usize,
    /// What was in each transaction.
    pub(crate) workload: Workload,
    /// Bytes of an encoded transaction.
    pub(crate) transaction_bytes: usize,
    /// Transactions in a call.
    pub(crate) bundle: usize,
    /// Transactions signed before the clock started.
    pub(crate) signed_ahead: u64,
    /// What signature checks allow.
    pub(crate) ceiling: Ceiling,
}

/// What was found.
#[derive(Serialize)]
pub(crate) struct LoadReport {
    nodes: usize,
    /// `max`, or transactions a second.
    rate: String,
    /// Seconds that count.
    seconds: f64,
    accounts: usize,
    transaction_bytes: usize,
    transactions_per_call: usize,
    /// Calls in flight at the maximal rate.
    in_flight: Option<usize>,
    signed_ahead: u64,
    /// Transactions that were due within the time.
    offered: u64,
    /// Certified with success.
    committed: u64,
    /// Of these, certified before the time was over.
    committed_in_time: u64,
    /// Certified and failed, by code.
    failed: BTreeMap<String, u64>,
    /// Refused, by code.
    refused: BTreeMap<String, u64>,
    /// Answers that there was no room.
    busy_answers: u64,
    /// Undecided at the deadline.
    unknown: u64,
    /// Calls that left late because too many were open.
    held_back_calls: u64,
    /// Transactions a second whose certified answer came within the time.
    transactions_per_second: f64,
    #[serde(flatten)]
    units: BTreeMap<String, serde_json::Value>,
    ceiling: Ceiling,
    /// Transactions a second, of those that signature checks allow.
    share_of_ceiling: f64,
    /// From the intended time of sending to the certified answer.
    latency_ms: Latency,
    /// Processor seconds of this program; without signing, where that was done ahead.
    client_cpu_seconds: f64,
    usage: Usage,
    /// By second since the load began, the warm-up included.
    by_second: Vec<SecondReport>,
    #[serde(skip)]
    curve: Vec<(f64, f64)>,
    #[serde(skip)]
    unit: &'static str,
}

#[derive(Clone, Copy, Serialize)]
struct SecondReport {
    transactions: u64,
    p50_ms: f64,
    p99_ms: f64,
}

impl LoadReport {
    /// The report.
    pub(crate) fn new(load: &Load, setting: &Setting, tally: &Tally, usage: Usage) -> Self {
        let seconds = load.duration.as_secs_f64();
        let per_second = tally.answered as f64 / seconds;
        let unit = setting.workload.unit();
        let per_transaction = setting.workload.per_transaction();
        let units = BTreeMap::from([
            (format!("{unit}_per_transaction"), per_transaction.into()),
            (
                format!("{unit}_per_second"),
                (per_second * per_transaction as f64).into(),
            ),
        ]);
        let by_second = tally.seconds.iter().map(|second| SecondReport {
            transactions: second.committed,
            p50_ms: second.latency(0.5),
            p99_ms: second.latency(0.99),
        });
        Self {
            nodes: setting.nodes,
            rate: match load.rate {
                Rate::Max => "max".to_owned(),
                Rate::PerSecond(rate) => rate.to_string(),
            },
            seconds,
            accounts: setting.accounts,
            transaction_bytes: setting.transaction_bytes,
            transactions_per_call: setting.bundle,
            in_flight: (load.rate == Rate::Max).then_some(load.in_flight),
            signed_ahead: setting.signed_ahead,
            offered: tally.offered,
            committed: tally.committed,
            committed_in_time: tally.committed_in_time,
            failed: tally.failed.clone(),
            refused: tally.refused.clone(),
            busy_answers: tally.busy,
            unknown: tally.unknown,
            held_back_calls: tally.held_back,
            transactions_per_second: per_second,
            units,
            ceiling: setting.ceiling,
            share_of_ceiling: setting.ceiling.share(per_second),
            latency_ms: Latency::of(&tally.latencies),
            client_cpu_seconds: usage.client_cpu_seconds,
            usage: usage.per_transaction(tally.answered),
            by_second: by_second.collect(),
            curve: percentile_curve(&tally.latencies),
            unit,
        }
    }

    /// Whether there was nothing to measure.
    pub(crate) fn is_empty(&self) -> bool {
        self.committed == 0
    }

    fn unit(&self, of: &str) -> f64 {
        let name = format!("{}_{of}", self.unit);
        self.units
            .get(&name)
            .and_then(serde_json::Value::as_f64)
            .unwrap_or(0.0)
    }
}

/// Counts by code, as people read them.
fn codes(output: &Output, counts: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> = counts
        .iter()
        .map(|(code, count)| format!("{count} {code}"))
        .collect();
    if parts.is_empty() {
        return "0".to_owned();
    }
    output.paint(Tone::Bad, &parts.join(", "))
}

impl report::Report for LoadReport {
    fn text(&self, output: &Output) -> String {
        let undecided = match self.unknown {
            0 => "0".to_owned(),
            unknown => output.paint(Tone::Bad, &unknown.to_string()),
        };
        let mut fields = vec![
            ("rate", self.rate.clone()),
            (
                "measured",
                format!("{:.1} s at {} nodes", self.seconds, self.nodes),
            ),
            (
                "load",
                format!(
                    "{} accounts, {} {}/transaction, {} B each, {} signed ahead",
                    self.accounts,
                    self.unit("per_transaction"),
                    self.unit,
                    self.transaction_bytes,
                    self.signed_ahead
                ),
            ),
            ("offered", self.offered.to_string()),
            (
                "committed",
                format!("{} ({} in time)", self.committed, self.committed_in_time),
            ),
            ("failed", codes(output, &self.failed)),
            ("refused", codes(output, &self.refused)),
            ("busy answers", self.busy_answers.to_string()),
            ("undecided", undecided),
            ("transactions/s", format!("{:.1}", self.transactions_per_second)),
        ];
        let label = format!("{}/s", self.unit);
        fields.push((&label, format!("{:.1}", self.unit("per_second"))));
        fields.push(self.ceiling.line());
        fields.push((
            "share of the ceiling",
            format!("{:.1} %", self.share_of_ceiling * 100.0),
        ));
        fields.extend(self.usage.lines());
        let mut text = output.fields(&fields);
        if self.held_back_calls > 0 {
            let warning = format!(
                "{} calls left late: this program could not keep up with the rate\n",
                self.held_back_calls
            );
            text.push_str(&output.paint(Tone::Warning, &warning));
        }
        text.push_str("\nlatency in ms, from the intended time of sending to the certified answer\n");
        text.push_str(&self.latency_ms.table(output));
        text
    }

    fn panels(&self) -> Vec<Panel> {
        let over_time = |of: fn(&SecondReport) -> f64| {
            let seconds = (0_u32..).zip(&self.by_second);
            seconds.map(|(at, second)| (f64::from(at), of(second))).collect()
        };
        vec![
            Panel::new("Committed", "seconds since the load began", "transactions/s").series(
                "answered in that second",
                over_time(|second| second.transactions as f64),
            ),
            Panel::new("Latency over time", "seconds since the load began", "ms")
                .series("p50", over_time(|second| second.p50_ms))
                .series("p99", over_time(|second| second.p99_ms)),
            Panel::new("Latency", "one transaction in so many took longer", "ms")
                .logarithmic()
                .series("from the intended time of sending", self.curve.clone()),
        ]
    }
}
