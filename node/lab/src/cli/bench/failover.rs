//! `quorate bench failover`: how long faults keep a network from committing.

use std::time::Duration;

use clap::Args;
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;

use super::own::{OwnNetworkArgs, unless_interrupted};
use crate::bench::chart::ChartArgs;
use crate::bench::failover::{Plan, measure};
use crate::bench::network::Network;
use crate::bench::report::publish;

/// Faults, each made in as many rounds.
const FAULTS: u64 = 4;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate bench failover --rounds 10 --output json

It starts a network of its own in a new folder, which it removes at the end. Commits are seen by a
client: a time ends with the first answer that a transaction sent after the fault is committed.")]
pub struct FailoverArgs {
    /// How often each fault is made
    #[arg(long, value_name = "N", env = "QUORATE_ROUNDS", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Transactions a second, to all validators in turn
    #[arg(long, value_name = "N", env = "QUORATE_RATE", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Seconds that a primary stays paused or cut off
    #[arg(long, value_name = "SECONDS", env = "QUORATE_HOLD", default_value_t = 8)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=600))]
    hold: u64,
    #[command(flatten)]
    network: OwnNetworkArgs,
    #[command(flatten)]
    chart: ChartArgs,
}

/// Measures, and leaves neither processes nor files behind, interrupted or not.
pub(super) async fn failover(args: &FailoverArgs, output: &Output) -> Result<(), Failure> {
    args.chart.check()?;
    let (folder, localnet) = args.network.plan("failover")?;
    let plan = Plan {
        rounds: args.rounds,
        rate: args.rate,
        hold: Duration::from_secs(args.hold),
    };
    let progress = output.progress(FAULTS * u64::from(args.rounds), "rounds");
    let report = unless_interrupted(async {
        let mut network = Network::up(folder, &localnet).await?;
        measure(&mut network, &plan, &progress).await
    })
    .await?;
    progress.finish_and_clear();
    publish(&report, output, &args.chart)
}
