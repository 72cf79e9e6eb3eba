//! What checking a chain took.

use quorate_tools::failure::Failure;
use quorate_tools::output::Output;
use serde::Serialize;

use super::Plan;
use super::alone::Alone;
use super::commands::Ran;
use super::made::Made;
use crate::bench::chart::Panel;
use crate::bench::machine::cores;
use crate::bench::report::{self, bytes, ratio, shown};

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    cores: usize,
    accounts: usize,
    blocks: u64,
    /// Of all blocks, those that fund the accounts too.
    transactions: u64,
    /// In a block.
    payments_per_block: usize,
    bundle: Exported,
    alone: AloneView,
    /// `audit chain` on all cores, from a bundle.
    from_bundle: Checked,
    /// The same, from a home.
    from_home: Checked,
    /// From a bundle on one core.
    on_one_core: Checked,
    parts: Parts,
    /// How many times as fast the parts are as one process on one core.
    parts_factor: Option<f64>,
    tables: Tables,
    tables_transactions_per_second: Option<f64>,
    /// `audit verify` of the tables, on one core.
    rows_per_second_per_core: Option<f64>,
}

/// The bundle.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Exported {
    pub(super) bytes: u64,
    /// Writing it, from the home.
    pub(super) seconds: f64,
}

/// What signatures and execution take by themselves.
#[derive(Clone, Copy, Debug, Serialize)]
struct AloneView {
    signatures: u64,
    /// On all cores.
    signatures_seconds: f64,
    signatures_per_second: Option<f64>,
    /// On one core.
    execution_seconds: f64,
    executed_per_second: Option<f64>,
    /// What both together allow on all cores: signatures use each of them, and execution one at a time.
    transactions_per_second: Option<f64>,
    /// The same on one core.
    transactions_per_second_on_one_core: Option<f64>,
}

/// A check of the whole chain.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Checked {
    /// From the start of the process to its end.
    seconds: f64,
    transactions: u64,
    signatures: u64,
    transactions_per_second: Option<f64>,
    /// Of what signatures and execution alone allow on these cores.
    share: Option<f64>,
}

/// The check in parts, each by a process on a core of its own.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Parts {
    pub(super) count: u64,
    /// Making the states that they begin with and their bundles, one after the other.
    pub(super) made_seconds: f64,
    /// Until the last one had ended.
    pub(super) seconds: f64,
    /// Of the process that took longest.
    pub(super) slowest_seconds: f64,
}

/// The chain as tables.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Tables {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// Making them.
    pub(super) seconds: f64,
    /// Checking them, on all cores.
    pub(super) verify_seconds: f64,
    pub(super) verify_seconds_on_one_core: f64,
}

impl Checked {
    /// By the answer of `audit chain`.
    pub(super) fn read(ran: &Ran) -> Result<Self, Failure> {
        let transactions = ran.number("/part/counts/transactions")?;
        Ok(Self {
            seconds: ran.seconds,
            transactions,
            signatures: ran.number("/part/counts/signatures")?,
            transactions_per_second: ratio(transactions as f64, ran.seconds),
            share: None,
        })
    }

    /// The same beside what is allowed.
    fn beside(mut self, allowed: Option<f64>) -> Self {
        let rate = self.transactions_per_second;
        self.share = rate.zip(allowed).and_then(|(rate, allowed)| ratio(rate, allowed));
        self
    }
}

impl AloneView {
    fn new(alone: &Alone) -> Self {
        let cores = cores() as f64;
        let transactions = alone.transactions as f64;
        let signatures_seconds = alone.signatures_time.as_secs_f64();
        let execution_seconds = alone.execution_time.as_secs_f64();
        // Execution is one thread's work; while it is under way, the other cores check signatures.
        let together = (signatures_seconds + execution_seconds / cores).max(execution_seconds);
        Self {
            signatures: alone.signatures,
            signatures_seconds,
            signatures_per_second: ratio(alone.signatures as f64, signatures_seconds),
            execution_seconds,
            executed_per_second: ratio(transactions, execution_seconds),
            transactions_per_second: ratio(transactions, together),
            transactions_per_second_on_one_core: ratio(
                transactions,
                signatures_seconds * cores + execution_seconds,
            ),
        }
    }
}

impl Report {
    pub(super) fn new(
        plan: Plan,
        made: &Made,
        bundle: Exported,
        alone: Alone,
        [from_bundle, from_home, on_one_core]: [Checked; 3],
        parts: Parts,
        tables: Tables,
    ) -> Self {
        let alone = AloneView::new(&alone);
        let allowed = alone.transactions_per_second;
        Self {
            cores: cores(),
            accounts: plan.accounts,
            blocks: made.blocks,
            transactions: made.transactions,
            payments_per_block: plan.per_block,
            bundle,
            alone,
            from_bundle: from_bundle.beside(allowed),
            from_home: from_home.beside(allowed),
            on_one_core: on_one_core.beside(alone.transactions_per_second_on_one_core),
            parts_factor: ratio(on_one_core.seconds, parts.seconds),
            parts,
            tables_transactions_per_second: ratio(made.transactions as f64, tables.seconds),
            rows_per_second_per_core: ratio(tables.rows as f64, tables.verify_seconds_on_one_core),
            tables,
        }
    }
}

impl report::Report for Report {
    fn text(&self, output: &Output) -> String {
        let (alone, parts, tables) = (&self.alone, &self.parts, &self.tables);
        let all = self.transactions as f64;
        let row = |name: String, seconds: f64, share: Option<f64>| {
            vec![
                name,
                format!("{seconds:.2}"),
                shown(ratio(all, seconds), 0),
                share.map_or_else(String::new, |share| format!("{:.0} %", share * 100.0)),
            ]
        };
        let allowed = alone.transactions_per_second.and_then(|rate| ratio(all, rate));
        let checked = |name: &str, checked: &Checked| row(name.to_owned(), checked.seconds, checked.share);
        let rows = vec![
            row(
                "signatures alone, all cores".to_owned(),
                alone.signatures_seconds,
                None,
            ),
            row(
                "execution alone, one core".to_owned(),
                alone.execution_seconds,
                None,
            ),
            row("what both allow".to_owned(), allowed.unwrap_or_default(), None),
            checked("audit chain, from a bundle", &self.from_bundle),
            checked("audit chain, from a home", &self.from_home),
            checked("audit chain, on one core", &self.on_one_core),
            row(
                format!("{} parts, each on a core", parts.count),
                parts.seconds,
                None,
            ),
            row("audit tables".to_owned(), tables.seconds, None),
        ];
        let table = output.table(&["WHAT", ">SECONDS", ">TRANSACTIONS/S", ">SHARE"], rows);
        let fields = output.fields(&[
            (
                "chain",
                format!(
                    "{} transactions in {} blocks, {} accounts, {} cores",
                    self.transactions, self.blocks, self.accounts, self.cores
                ),
            ),
            (
                "bundle",
                format!(
                    "{}, written in {:.2} s",
                    bytes(self.bundle.bytes),
                    self.bundle.seconds
                ),
            ),
            (
                "parts",
                format!(
                    "{} times as fast as one process on one core; made in {:.2} s",
                    shown(self.parts_factor, 2),
                    parts.made_seconds
                ),
            ),
            (
                "tables",
                format!(
                    "{} rows, {}; checked in {:.2} s on all cores, {} rows/s and core on one",
                    tables.rows,
                    bytes(tables.bytes),
                    tables.verify_seconds,
                    shown(self.rows_per_second_per_core, 0)
                ),
            ),
        ]);
        format!("{fields}\n{table}")
    }

    fn panels(&self) -> Vec<Panel> {
        let line = |one: Option<f64>, all: Option<f64>, cores: f64| {
            let points = [(1.0, one), (cores, all)];
            points
                .iter()
                .filter_map(|(cores, rate)| Some((*cores, (*rate)?)))
                .collect()
        };
        let (cores, one) = (self.cores as f64, self.on_one_core.transactions_per_second);
        let parts = ratio(self.transactions as f64, self.parts.seconds);
        let alone = &self.alone;
        vec![
            Panel::new("Checking a chain", "cores", "transactions/s")
                .legend_below()
                .series(
                    "signatures and execution alone",
                    line(
                        alone.transactions_per_second_on_one_core,
                        alone.transactions_per_second,
                        cores,
                    ),
                )
                .series(
                    "one process",
                    line(one, self.from_bundle.transactions_per_second, cores),
                )
                .series("parts, each on a core", line(one, parts, self.parts.count as f64)),
        ]
    }
}
