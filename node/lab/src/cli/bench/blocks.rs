//! `quorate bench blocks`: execution, state tree and storage alone.

use std::path::PathBuf;

use clap::Args;
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;

use crate::bench::blocks::{Plan, Stop, Store, measure};
use crate::bench::chart::ChartArgs;
use crate::bench::report::publish;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate bench blocks --transactions 400000
  quorate bench blocks --accounts 1000000 --store ./bench-store    # the chain is made once

Blocks of single payments between accounts drawn at random, without a network, signatures taken
as checked, one step after the other on one thread. The chain is made by blocks too: the
treasury pays every account. In a store it is kept and each run works on a copy; a million
accounts take some seconds and 200 MB.")]
pub struct BlocksArgs {
    /// Accounts on the chain
    #[arg(long, value_name = "N", env = "QUORATE_ACCOUNTS", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(2..=100_000_000))]
    accounts: u64,
    /// Payments to execute
    #[arg(
        long,
        value_name = "N",
        env = "QUORATE_TRANSACTIONS",
        default_value_t = 200_000
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    transactions: u64,
    /// Payments in a block
    #[arg(long, value_name = "N", env = "QUORATE_PER_BLOCK", default_value_t = 4_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=50_000))]
    per_block: u32,
    /// A folder where chains are kept for later runs, one for each number of accounts
    #[arg(long, value_name = "DIR", env = "QUORATE_STORE")]
    store: Option<PathBuf>,
    #[command(flatten)]
    chart: ChartArgs,
}

/// Measures, and leaves nothing behind but what is to be kept, interrupted or not.
pub(super) fn blocks(args: &BlocksArgs, output: &Output) -> Result<(), Failure> {
    args.chart.check()?;
    let stop = Stop::on_interrupt();
    let transactions = usize::try_from(args.transactions).map_err(Failure::usage)?;
    let progress = output.progress(args.accounts, "");
    let store = match &args.store {
        Some(kept) => Store::copied(kept, args.accounts, &progress, &stop)?,
        None => Store::temporary(args.accounts, &progress, &stop)?,
    };
    progress.set_length(args.transactions);
    let plan = Plan {
        accounts: args.accounts,
        transactions,
        per_block: args.per_block as usize,
    };
    let report = measure(&store, plan, &progress, &stop)?;
    progress.finish_and_clear();
    publish(&report, output, &args.chart)
}
