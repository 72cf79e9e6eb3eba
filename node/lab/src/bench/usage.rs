//! What a run took: processor time of this program and of the validators apart, and what the validators'
//! own counters say of blocks, flushes, bytes on the wire and on disk.
//!
//! Processor time is the system's word (`/proc`), so validators must be processes of this machine. Ratios
//! to transactions are taken within one reading of a validator's counters, so that it does not matter that
//! a busy validator answers late.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use quorate_tools::failure::Failure;
use quorate_tools::localnet::ValidatorEntry;
use serde::Serialize;

use super::machine::own_cpu_seconds;
use super::report::{bytes, ratio, shown};

/// How long a validator may take to tell its counters: it is busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at validators of this machine, or at none.
pub(crate) struct Probe {
    http: reqwest::Client,
    validators: Vec<ValidatorEntry>,
}

/// Everything at one moment.
pub(crate) struct Sample {
    at: Instant,
    client_cpu: f64,
    validators_cpu: Vec<Option<f64>>,
    counters: Vec<Counters>,
}

/// A validator's metrics by name; empty if it did not answer.
#[derive(Clone, Debug, Default)]
struct Counters(BTreeMap<String, f64>);

/// What happened between two moments.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Usage {
    /// Between the two.
    pub(crate) seconds: f64,
    /// Processor seconds of this program.
    pub(crate) client_cpu_seconds: f64,
    /// Of validators on this machine, if they are known.
    pub(crate) validators: Option<ValidatorsUsage>,
}

/// What validators on this machine took.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ValidatorsUsage {
    /// How many were looked at.
    pub(crate) validators: usize,
    /// Processor seconds, all together.
    pub(crate) cpu_seconds: f64,
    /// Processor seconds of each.
    pub(crate) cpu_seconds_each: Vec<f64>,
    /// Transactions that each executed, on average.
    pub(crate) transactions: f64,
    /// Processor time of all validators together for a transaction.
    pub(crate) cpu_us_per_transaction: Option<f64>,
    /// Blocks, on average.
    pub(crate) blocks: f64,
    /// In a block.
    pub(crate) transactions_per_block: Option<f64>,
    /// In a batch.
    pub(crate) transactions_per_batch: Option<f64>,
    /// Flushes of journals, all validators together.
    pub(crate) journal_flushes: f64,
    /// Flushes of chain databases, likewise.
    pub(crate) chain_flushes: f64,
    /// Flushes of both kinds of one validator for a block.
    pub(crate) flushes_per_block: Option<f64>,
    /// Bytes sent from validator to validator, without framing and encryption, all together.
    pub(crate) wire_bytes: f64,
    /// For a transaction.
    pub(crate) wire_bytes_per_transaction: Option<f64>,
    /// By which a chain database grew on average, with what is to be compacted and what is in memory yet.
    pub(crate) disk_bytes: f64,
    /// For a transaction, on one validator.
    pub(crate) disk_bytes_per_transaction: Option<f64>,
    /// Bytes of a chain database's writes that were in memory at the end, not compressed, on average.
    pub(crate) unwritten_bytes: f64,
    /// Bytes that compaction had yet to rewrite at the end, on average.
    pub(crate) pending_compaction_bytes: f64,
    /// The most memory that one took at the end.
    pub(crate) resident_memory_bytes: f64,
    /// The most views that one changed through.
    pub(crate) view_changes: f64,
}

impl Probe {
    /// Looks at these validators.
    pub(crate) fn new(validators: Vec<ValidatorEntry>) -> Result<Self, Failure> {
        let http = quorate_client::plain_http()
            .timeout(PATIENCE)
            .build()
            .map_err(|error| Failure::failed(format!("cannot make HTTP requests: {error}")))?;
        Ok(Self { http, validators })
    }

    /// Looks.
    pub(crate) async fn sample(&self) -> Sample {
        let at = Instant::now();
        let client_cpu = own_cpu_seconds();
        let validators_cpu = self
            .validators
            .iter()
            .map(|validator| validator.process()?.cpu_seconds())
            .collect();
        let counters = self.validators.iter().map(|validator| self.counters(validator));
        Sample {
            at,
            client_cpu,
            validators_cpu,
            counters: join_all(counters).await,
        }
    }

    async fn counters(&self, validator: &ValidatorEntry) -> Counters {
        let answer = self.http.get(format!("{}/metrics", validator.ops)).send().await;
        match answer {
            Ok(response) => Counters::parse(&response.text().await.unwrap_or_default()),
            Err(_) => Counters::default(),
        }
    }
}

impl Counters {
    /// Reads Prometheus text. What has labels is summed up over them.
    fn parse(text: &str) -> Self {
        let mut metrics = Self::default();
        for line in text.lines() {
            let own = line.strip_prefix("quorate_");
            let own = own.or_else(|| line.starts_with("process_").then_some(line));
            let named = own.and_then(|line| line.rsplit_once(' '));
            let Some((series, value)) = named else { continue };
            let name = series.split_once('{').map_or(series, |(name, _)| name);
            if let Ok(value) = value.parse::<f64>() {
                *metrics.0.entry(name.to_owned()).or_default() += value;
            }
        }
        metrics
    }

    fn value(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    /// What the chain database has put away, or is about to.
    fn disk(&self) -> f64 {
        self.value("chain_disk_bytes") + self.value("chain_write_buffer_bytes")
    }
}

impl Usage {
    /// What happened between two samples.
    pub(crate) fn between(before: &Sample, after: &Sample) -> Self {
        Self {
            seconds: (after.at - before.at).as_secs_f64(),
            client_cpu_seconds: after.client_cpu - before.client_cpu,
            validators: ValidatorsUsage::between(before, after),
        }
    }

    /// Takes these as the transactions of the time, for processor time: they were counted in just that time.
    pub(crate) fn per_transaction(mut self, transactions: u64) -> Self {
        if let Some(validators) = &mut self.validators {
            validators.cpu_us_per_transaction = ratio(validators.cpu_seconds * 1e6, transactions as f64);
        }
        self
    }

    /// The lines for people.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![(
            "client's processor",
            format!("{:.2} s of {:.1} s", self.client_cpu_seconds, self.seconds),
        )];
        lines.extend(self.validators.iter().flat_map(ValidatorsUsage::lines));
        lines
    }
}

impl ValidatorsUsage {
    fn between(before: &Sample, after: &Sample) -> Option<Self> {
        let cpu_seconds_each: Vec<f64> = before
            .validators_cpu
            .iter()
            .zip(&after.validators_cpu)
            .filter_map(|(before, after)| Some((*after)? - (*before)?))
            .collect();
        // One that did not answer tells nothing.
        let answered: Vec<(&Counters, &Counters)> = before
            .counters
            .iter()
            .zip(&after.counters)
            .filter(|(before, after)| !before.0.is_empty() && !after.0.is_empty())
            .collect();
        if cpu_seconds_each.is_empty() && answered.is_empty() {
            return None;
        }
        let sum = |of: &dyn Fn(&Counters) -> f64| -> f64 {
            answered
                .iter()
                .map(|(before, after)| of(after) - of(before))
                .sum()
        };
        let counted = |name: &'static str| sum(&|counters| counters.value(name));
        let most = |of: &dyn Fn(&Counters, &Counters) -> f64| {
            answered
                .iter()
                .map(|(before, after)| of(before, after))
                .fold(0.0, f64::max)
        };
        let count = (answered.len() as f64).max(1.0);
        let all_transactions = counted("transactions_total");
        let transactions = all_transactions / count;
        let all_blocks = counted("height");
        let cpu_seconds: f64 = cpu_seconds_each.iter().sum();
        let (journal_flushes, chain_flushes) =
            (counted("journal_flushes_total"), counted("chain_flushes_total"));
        let wire_bytes = counted("sent_bytes_total");
        let disk_bytes = sum(&Counters::disk) / count;
        let at_end = |name| answered.iter().map(|(_, after)| after.value(name)).sum::<f64>() / count;
        Some(Self {
            validators: cpu_seconds_each.len().max(answered.len()),
            cpu_seconds,
            cpu_seconds_each,
            transactions,
            cpu_us_per_transaction: ratio(cpu_seconds * 1e6, transactions),
            blocks: all_blocks / count,
            transactions_per_block: ratio(all_transactions, all_blocks),
            transactions_per_batch: ratio(all_transactions, counted("batches_written_total")),
            journal_flushes,
            chain_flushes,
            flushes_per_block: ratio(journal_flushes + chain_flushes, all_blocks),
            wire_bytes,
            wire_bytes_per_transaction: ratio(wire_bytes, transactions),
            disk_bytes,
            disk_bytes_per_transaction: ratio(disk_bytes, transactions),
            unwritten_bytes: at_end("chain_write_buffer_bytes"),
            pending_compaction_bytes: at_end("chain_pending_compaction_bytes"),
            resident_memory_bytes: most(&|_, after| after.value("process_resident_memory_bytes")),
            view_changes: most(&|before, after| after.value("view") - before.value("view")),
        })
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let whole = |value: f64| bytes(value.max(0.0) as u64);
        vec![
            (
                "validators' processor",
                format!(
                    "{:.2} s, {} us/transaction, all {} together",
                    self.cpu_seconds,
                    shown(self.cpu_us_per_transaction, 1),
                    self.validators
                ),
            ),
            (
                "blocks",
                format!(
                    "{:.0}, {} transactions in each, {} in a batch",
                    self.blocks,
                    shown(self.transactions_per_block, 1),
                    shown(self.transactions_per_batch, 1)
                ),
            ),
            (
                "disk flushes",
                format!(
                    "{:.0} of journals, {:.0} of chains; {} a block and validator",
                    self.journal_flushes,
                    self.chain_flushes,
                    shown(self.flushes_per_block, 2)
                ),
            ),
            (
                "between validators",
                format!(
                    "{}, {} B/transaction",
                    whole(self.wire_bytes),
                    shown(self.wire_bytes_per_transaction, 0)
                ),
            ),
            (
                "disk of a validator",
                format!(
                    "{}, {} B/transaction; {} of all yet uncompressed in memory, {} to be compacted",
                    whole(self.disk_bytes),
                    shown(self.disk_bytes_per_transaction, 0),
                    whole(self.unwritten_bytes),
                    whole(self.pending_compaction_bytes)
                ),
            ),
            ("memory of a validator", whole(self.resident_memory_bytes)),
            ("view changes", format!("{:.0}", self.view_changes)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: Instant, cpu: f64, transactions: u64, height: u64) -> Sample {
        let text = format!(
            "# HELP quorate_height The certified height\nquorate_height {height}\n\
             quorate_transactions_total {transactions}\nquorate_journal_flushes_total {height}\n\
             quorate_chain_disk_bytes {}\nquorate_view 3\nother 1\n\
             quorate_sent_bytes_total{{peer=\"a b\",channel=\"votes\"}} 3\n\
             quorate_sent_bytes_total{{peer=\"c\",channel=\"votes\"}} 4\n",
            transactions * 400
        );
        Sample {
            at,
            client_cpu: cpu / 2.0,
            validators_cpu: vec![Some(cpu), Some(cpu), None],
            counters: vec![
                Counters::parse(&text),
                Counters::parse(&text),
                Counters::default(),
            ],
        }
    }

    #[test]
    fn what_has_labels_is_summed_up() {
        let sample = sample(Instant::now(), 1.0, 100, 10);
        assert_eq!(sample.counters[0].value("sent_bytes_total"), 7.0);
    }

    #[test]
    fn ratios_are_over_the_validators_that_answered() {
        let start = Instant::now();
        let before = sample(start, 1.0, 100, 10);
        let after = sample(start + Duration::from_secs(2), 1.5, 1_100, 30);
        let usage = Usage::between(&before, &after);
        assert!((usage.seconds - 2.0).abs() < 1e-9 && (usage.client_cpu_seconds - 0.25).abs() < 1e-9);
        let validators = usage.validators.unwrap();
        assert_eq!(validators.cpu_seconds_each, [0.5, 0.5]);
        assert_eq!(validators.cpu_us_per_transaction, Some(1_000.0));
        assert_eq!(validators.transactions_per_block, Some(50.0));
        assert_eq!(validators.flushes_per_block, Some(1.0));
        assert_eq!(validators.disk_bytes_per_transaction, Some(400.0));
        assert_eq!(validators.transactions_per_batch, None);
    }

    #[test]
    fn nothing_is_said_of_validators_that_are_not_known() {
        let sample = || Sample {
            at: Instant::now(),
            client_cpu: 0.0,
            validators_cpu: Vec::new(),
            counters: Vec::new(),
        };
        assert!(Usage::between(&sample(), &sample()).validators.is_none());
    }
}
