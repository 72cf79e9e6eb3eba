//! What executing blocks took.

use quorate_tools::output::Output;
use serde::Serialize;

use super::Plan;
use super::chain::Times;
use crate::bench::chart::Panel;
use crate::bench::machine::{Memory, Span};
use crate::bench::report::{self, bytes};

/// The steps in the order in which they are done, by name.
type Step = (&'static str, fn(&Times) -> Span);
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
    /// The chain's before the blocks.
    height: u64,
    transactions: usize,
    transactions_per_block: usize,
    blocks: usize,
    /// Of all steps together, one after the other.
    seconds: f64,
    transactions_per_second: f64,
    us_per_transaction: PerTransaction,
    /// Processor time of the thread that did all of it; the database's own threads are not in it.
    cpu_us_per_transaction: PerTransaction,
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

impl PerTransaction {
    /// Of each step, in their order.
    fn of([batches, execute, tree, write, flush]: [f64; 5]) -> Self {
        Self {
            batches,
            execute,
            tree,
            write,
            flush,
            total: batches + execute + tree + write + flush,
        }
    }
}

/// A start on the chain, as a node does it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct StartUp {
    /// The chain's height.
    #[serde(skip)]
    pub(super) height: u64,
    /// Opening the database.
    pub(super) open_seconds: f64,
    /// Rebuilding the state tree.
    pub(super) tree_seconds: f64,
    /// Memory of this program after that.
    pub(super) resident_memory_bytes: u64,
    /// Whether this program made the chain before: it keeps memory from that.
    pub(super) made_here: bool,
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
        let spans = STEPS.map(|(_, of)| blocks.iter().map(|(_, times)| of(times)).sum::<Span>());
        let wall = PerTransaction::of(spans.map(|span| span.wall.as_secs_f64() * 1e6 / count));
        let cpu = PerTransaction::of(spans.map(|span| span.cpu.as_secs_f64() * 1e6 / count));
        Self {
            accounts: plan.accounts,
            height: start_up.height,
            transactions: plan.transactions,
            transactions_per_block: plan.per_block,
            blocks: blocks.len(),
            seconds: wall.total * count / 1e6,
            transactions_per_second: 1e6 / wall.total,
            us_per_transaction: wall,
            cpu_us_per_transaction: cpu,
            start_up,
            disk,
            disk_bytes_per_transaction: (disk.after_bytes as f64 - disk.before_bytes as f64) / count,
            memory_bytes,
            lines: STEPS.map(|(name, of)| (name, line(blocks, of))).to_vec(),
        }
    }
}

/// Microseconds for a transaction over the blocks, several blocks to a point if there are many.
fn line(blocks: &[(usize, Times)], of: fn(&Times) -> Span) -> Vec<(f64, f64)> {
    let group = blocks.len().div_ceil(POINTS).max(1);
    let groups = blocks.chunks(group).enumerate();
    groups
        .map(|(place, group_blocks)| {
            let time = group_blocks.iter().map(|(_, times)| of(times)).sum::<Span>().wall;
            let count: usize = group_blocks.iter().map(|(count, _)| count).sum();
            ((place * group) as f64, time.as_secs_f64() * 1e6 / count as f64)
        })
        .collect()
}

impl report::Report for Report {
    fn text(&self, output: &Output) -> String {
        let (wall, cpu) = (&self.us_per_transaction, &self.cpu_us_per_transaction);
        let rows = [
            ("write batches", wall.batches, cpu.batches),
            ("execute", wall.execute, cpu.execute),
            ("state tree", wall.tree, cpu.tree),
            ("write block", wall.write, cpu.write),
            ("flush", wall.flush, cpu.flush),
            ("all", wall.total, cpu.total),
        ];
        let rows = rows.map(|(name, micros, cpu)| {
            vec![
                name.to_owned(),
                format!("{micros:.2}"),
                format!("{:.0} %", micros / wall.total * 100.0),
                format!("{cpu:.2}"),
            ]
        });
        let made = match self.start_up.made_here {
            true => "; this process made the chain too, and keeps memory from that: run again for less",
            false => "",
        };
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
                    "{:.2} s to open, {:.2} s for the state tree, {} of memory then{made}",
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
        let table = output.table(
            &["STEP", ">US/TRANSACTION", ">SHARE", ">OF THE PROCESSOR"],
            rows.to_vec(),
        );
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
