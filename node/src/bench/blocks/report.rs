//! What executing blocks took.

use std::time::Duration;

use serde::Serialize;

use super::Plan;
use super::chain::Times;
use crate::bench::chart::Panel;
use crate::bench::machine::Memory;
use crate::bench::report::{self, bytes};
use crate::output::Output;

/// The steps in the order in which they are done, by name.
type Step = (&'static str, fn(&Times) -> Duration);
const STEPS: [Step; 5] = [
    ("batches", |times| times.batches),
    ("execute", |times| times.execute),
    ("tree", |times| times.tree),
    ("write", |times| times.write),
    ("flush", |times| times.flush),
];

/// The most points of a line in a chart.
const POINTS: usize = 200;

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    accounts: u64,
    transactions: usize,
    transactions_per_block: usize,
    blocks: usize,
    /// Of all steps together, one after the other.
    seconds: f64,
    transactions_per_second: f64,
    us_per_transaction: PerTransaction,
    start_up: StartUp,
    disk: Disk,
    disk_bytes_per_transaction: f64,
    /// This program's, with the transactions that it made.
    memory_bytes: Memory,
    #[serde(skip)]
    lines: Vec<(&'static str, Vec<(f64, f64)>)>,
}

/// Microseconds of each step for a transaction.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct PerTransaction {
    batches: f64,
    execute: f64,
    tree: f64,
    write: f64,
    flush: f64,
    total: f64,
}

/// A start on the chain, as a node does it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct StartUp {
    /// Opening the database.
    pub(super) open_seconds: f64,
    /// Rebuilding the state tree.
    pub(super) tree_seconds: f64,
    /// Memory that is resident for it after that.
    pub(super) resident_memory_bytes: u64,
}

/// The disk, before and after the blocks, both when compaction had no more to do.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Disk {
    /// Before.
    pub(super) before_bytes: u64,
    /// After.
    pub(super) after_bytes: u64,
    /// How long compaction went on after the last block.
    pub(super) settle_seconds: f64,
}

impl Report {
    /// The report on blocks of so many transactions each.
    pub(super) fn new(
        plan: Plan,
        blocks: &[(usize, Times)],
        start_up: StartUp,
        disk: Disk,
        memory_bytes: Memory,
    ) -> Self {
        let count = plan.transactions as f64;
        let micros = |of: fn(&Times) -> Duration| -> f64 {
            let sum: Duration = blocks.iter().map(|(_, times)| of(times)).sum();
            sum.as_secs_f64() * 1e6 / count
        };
        let [batches, execute, tree, write, flush] = STEPS.map(|(_, of)| micros(of));
        let total = batches + execute + tree + write + flush;
        Self {
            accounts: plan.accounts,
            transactions: plan.transactions,
            transactions_per_block: plan.per_block,
            blocks: blocks.len(),
            seconds: total * count / 1e6,
            transactions_per_second: 1e6 / total,
            us_per_transaction: PerTransaction {
                batches,
                execute,
                tree,
                write,
                flush,
                total,
            },
            start_up,
            disk,
            disk_bytes_per_transaction: (disk.after_bytes as f64 - disk.before_bytes as f64) / count,
            memory_bytes,
            lines: STEPS.map(|(name, of)| (name, line(blocks, of))).to_vec(),
        }
    }
}

/// Microseconds for a transaction over the blocks, several blocks to a point if there are many.
fn line(blocks: &[(usize, Times)], of: fn(&Times) -> Duration) -> Vec<(f64, f64)> {
    let group = blocks.len().div_ceil(POINTS).max(1);
    let groups = blocks.chunks(group).enumerate();
    groups
        .map(|(place, group_blocks)| {
            let time: Duration = group_blocks.iter().map(|(_, times)| of(times)).sum();
            let count: usize = group_blocks.iter().map(|(count, _)| count).sum();
            ((place * group) as f64, time.as_secs_f64() * 1e6 / count as f64)
        })
        .collect()
}

impl report::Report for Report {
    fn text(&self, output: &Output) -> String {
        let each = &self.us_per_transaction;
        let rows = [
            ("write batches", each.batches),
            ("execute", each.execute),
            ("state tree", each.tree),
            ("write block", each.write),
            ("flush", each.flush),
            ("all", each.total),
        ];
        let rows = rows.map(|(name, micros)| {
            vec![
                name.to_owned(),
                format!("{micros:.2}"),
                format!("{:.0} %", micros / each.total * 100.0),
            ]
        });
        let fields = output.fields(&[
            ("accounts", self.accounts.to_string()),
            (
                "executed",
                format!(
                    "{} transactions in {} blocks of {}, {:.2} s",
                    self.transactions, self.blocks, self.transactions_per_block, self.seconds
                ),
            ),
            ("transactions/s", format!("{:.0}", self.transactions_per_second)),
            (
                "disk",
                format!(
                    "{:.0} B/transaction, {} in all, compacted for {:.1} s after the last block",
                    self.disk_bytes_per_transaction,
                    bytes(self.disk.after_bytes),
                    self.disk.settle_seconds
                ),
            ),
            (
                "start",
                format!(
                    "{:.2} s to open, {:.2} s for the state tree, {} of memory then",
                    self.start_up.open_seconds,
                    self.start_up.tree_seconds,
                    bytes(self.start_up.resident_memory_bytes)
                ),
            ),
            (
                "memory",
                format!(
                    "{}, {} at most, with the transactions made ahead",
                    bytes(self.memory_bytes.resident),
                    bytes(self.memory_bytes.peak)
                ),
            ),
        ]);
        let table = output.table(&["STEP", ">US/TRANSACTION", ">SHARE"], rows.to_vec());
        format!("{fields}\n{table}")
    }

    fn panels(&self) -> Vec<Panel> {
        let panel = Panel::new(
            format!("Blocks of {} payments", self.transactions_per_block),
            "block",
            "us/transaction",
        );
        let lines = self.lines.iter();
        vec![lines.fold(panel, |panel, (name, points)| panel.series(*name, points.clone()))]
    }
}
