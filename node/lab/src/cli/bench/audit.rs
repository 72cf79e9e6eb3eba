//! `quorate bench audit`: how fast a whole chain is checked.

use clap::Args;
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;

use crate::bench::audit::{Plan, measure};
use crate::bench::blocks::Stop;
use crate::bench::chart::ChartArgs;
use crate::bench::report::publish;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate bench audit
  quorate bench audit --transactions 1000000 --accounts 100000 --output json

It makes a chain of single payments with real signatures in a temporary folder, which it removes
at the end, and runs quorate audit on it: chain from a bundle and from a home, on all cores and on
one; the chain in parts, each by a process on a core of its own; tables, and their check. What
the cores allow is measured over the same blocks: clients' signatures in batches alone on all
cores, and execution alone on one. The share is that of what both together allow.")]
pub struct AuditArgs {
    /// Payments on the chain
    #[arg(
        long,
        value_name = "N",
        env = "QUORATE_TRANSACTIONS",
        default_value_t = 200_000
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    transactions: u32,
    /// Accounts that pay each other
    #[arg(long, value_name = "N", env = "QUORATE_ACCOUNTS", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    accounts: u32,
    /// Payments in a block
    #[arg(long, value_name = "N", env = "QUORATE_PER_BLOCK", default_value_t = 1_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=50_000))]
    per_block: u32,
    /// Parts that are checked side by side [default: one for each core]
    #[arg(long, value_name = "N", env = "QUORATE_PARTS")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1_024))]
    parts: Option<u16>,
    #[command(flatten)]
    chart: ChartArgs,
}

/// Measures, and leaves neither processes nor files behind, interrupted or not.
pub(super) fn audit(args: &AuditArgs, output: &Output) -> Result<(), Failure> {
    args.chart.check()?;
    let stop = Stop::on_interrupt();
    let plan = Plan {
        accounts: args.accounts as usize,
        transactions: args.transactions as usize,
        per_block: args.per_block as usize,
        parts: args.parts.map(usize::from),
    };
    let progress = output.progress(u64::from(args.transactions), "transactions");
    let report = measure(plan, &progress, &stop)?;
    progress.finish_and_clear();
    publish(&report, output, &args.chart)
}
