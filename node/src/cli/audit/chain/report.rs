//! What came of a check, for people and in JSON.

use std::path::Path;
use std::time::{Duration, Instant};

use quorate_audit::{Boundary, Counts, Finding, Part};
use quorate_genesis::Genesis;
use quorate_ledger::{Height, Timestamp, format_time};
use quorate_tools::output::{Output, Tone, printable};
use serde::Serialize;

/// What came of a check.
#[derive(Serialize)]
pub(in crate::cli::audit) struct View {
    verdict: &'static str,
    /// The network's name.
    name: String,
    /// What was good.
    pub(in crate::cli::audit) part: Part,
    /// What was not.
    finding: Option<Finding>,
    /// Of a home: whether its stored state is that of its last block. Null where that was not looked at.
    stored_state: Option<bool>,
    took: Option<Took>,
}

/// How fast it was.
#[derive(Serialize)]
pub(in crate::cli::audit) struct Took {
    threads: usize,
    seconds: f64,
    transactions_a_second: u64,
    signatures_a_second: u64,
}

impl Took {
    /// Since it began, for what was not counted before.
    pub(super) fn since(began: Instant, before: &Counts, now: &Counts, threads: usize) -> Self {
        let past = began.elapsed();
        Self {
            threads,
            seconds: (past.as_secs_f64() * 1_000.0).round() / 1_000.0,
            transactions_a_second: rate(now.transactions.saturating_sub(before.transactions), past),
            signatures_a_second: rate(now.signatures.saturating_sub(before.signatures), past),
        }
    }
}

/// So many in this time are how many a second.
pub(super) fn rate(count: u64, past: Duration) -> u64 {
    let micros = past.as_micros().max(1);
    u64::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u64::MAX)
}

impl View {
    pub(in crate::cli::audit) fn new(
        genesis: &Genesis,
        part: Part,
        finding: Option<Finding>,
        took: Option<Took>,
    ) -> Self {
        Self {
            verdict: if finding.is_none() { "good" } else { "bad" },
            name: genesis.name().to_owned(),
            part,
            finding,
            stored_state: None,
            took,
        }
    }

    pub(super) fn with_stored_state(mut self, stored_state: Option<bool>) -> Self {
        self.stored_state = stored_state;
        self
    }

    /// In words. `out`: the file to which the part was written.
    pub(in crate::cli::audit) fn text(&self, out: Option<&Path>, output: &Output) -> String {
        let mut text = String::new();
        match &self.finding {
            None => text.push_str(&format!("{}\n", output.paint(Tone::Good, &self.title()))),
            Some(finding) => {
                let bad = format!("bad: {}", printable(&finding.to_string()));
                text.push_str(&format!("{}\n", output.paint(Tone::Bad, &bad)));
                text.push_str(whose(finding));
                if self.part.to < self.part.from {
                    return text;
                }
                text.push_str(&format!("\n{}\n", self.title()));
            }
        }
        text.push_str(&output.fields(&self.fields()));
        if self.part.from != Height(1) {
            text.push_str(&format!(
                "It began with the state after block {}, which a quorum certified. That all before it is good, other \
                 parts have to say: quorate audit merge.\n",
                self.part.before.height
            ));
        }
        if let Some(out) = out.filter(|_| self.finding.is_none()) {
            text.push_str(&format!("written to {}\n", printable(&out.display().to_string())));
        }
        text
    }

    fn title(&self) -> String {
        let Part { from, to, .. } = self.part;
        if to < from {
            return "nothing to check: there is no block yet".to_owned();
        }
        if from == to {
            return format!("good: block {from} of {}", self.name);
        }
        format!("good: blocks {from} to {to} of {}", self.name)
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let Part {
            network,
            after,
            counts,
            ..
        } = &self.part;
        let Boundary {
            height,
            block,
            timestamp,
            state_root,
            log_size,
            log_root,
            epoch,
            committee,
        } = after;
        let Counts {
            batches,
            transactions,
            executed,
            signatures,
            seals,
            unfit_texts,
            ..
        } = counts;
        let skipped = transactions.saturating_sub(*executed);
        let mut fields = vec![
            ("network", network.to_string()),
            ("last block", format!("{height} of {}, {block}", time(*timestamp))),
            ("state root", state_root.to_string()),
            (
                "log",
                format!("{}, root {log_root}", many(*log_size, "entry", "entries")),
            ),
            (
                "next block",
                format!("of epoch {epoch}, sealed by committee {committee}"),
            ),
            (
                "checked",
                format!(
                    "{}, {}: {executed} executed, {skipped} skipped\n{}, {}",
                    many(*batches, "batch", "batches"),
                    many(*transactions, "transaction", "transactions"),
                    many(*signatures, "client's signature", "clients' signatures"),
                    many(*seals, "seal", "seals"),
                ),
            ),
        ];
        if *unfit_texts > 0 {
            let batches = many(*unfit_texts, "batch", "batches");
            let words = format!("those of {batches} do not fit and are dropped; no block depends on a text");
            fields.push(("texts", words));
        }
        if self.stored_state == Some(true) {
            fields.push(("stored state", "that of the last block".to_owned()));
        }
        if let Some(took) = &self.took {
            let (seconds, rate) = (took.seconds, took.transactions_a_second);
            let threads = many(took.threads as u64, "thread", "threads");
            fields.push((
                "took",
                format!("{seconds} s on {threads}, {rate} transactions a second"),
            ));
        }
        fields
    }
}

/// Who is to blame for it, as far as that shows.
fn whose(finding: &Finding) -> &'static str {
    match finding.sealed {
        Some(true) => "A quorum of the validators sealed this block as it is.\n",
        Some(false) => {
            "No quorum sealed this: the copy that was read may have been altered. Another node or home may have the right \
             one.\n"
        }
        None => "",
    }
}

fn time(timestamp: Timestamp) -> String {
    format_time(timestamp).unwrap_or_else(|| format!("{} ms after 1970", timestamp.0))
}

fn many(count: u64, one: &str, more: &str) -> String {
    let word = if count == 1 { one } else { more };
    format!("{count} {word}")
}
