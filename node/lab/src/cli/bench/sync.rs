//! `quorate bench sync`: how fast a new node catches up.

use std::time::Duration;

use clap::Args;
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;

use super::own::{OwnNetworkArgs, unless_interrupted};
use crate::bench::chart::ChartArgs;
use crate::bench::network::Network;
use crate::bench::report::publish;
use crate::bench::sync::measure;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate bench sync --load 20 --chart sync.svg

It starts a network of its own in a new folder, which it removes at the end, without its last
validator. That one starts with an empty chain when the load is over; the time counts from its
start until it has all blocks.")]
pub struct SyncArgs {
    /// Seconds of payments, as fast as the network takes them, that make the blocks
    #[arg(long, value_name = "SECONDS", env = "QUORATE_LOAD", default_value_t = 15)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    load: u64,
    #[command(flatten)]
    network: OwnNetworkArgs,
    #[command(flatten)]
    chart: ChartArgs,
}

/// Measures, and leaves neither processes nor files behind, interrupted or not.
pub(super) async fn sync(args: &SyncArgs, output: &Output) -> Result<(), Failure> {
    args.chart.check()?;
    let (folder, plan) = args.network.plan("sync")?;
    let progress = output.progress(0, "");
    let report = unless_interrupted(async {
        let mut network = Network::up_without_last(folder, &plan).await?;
        measure(&mut network, Duration::from_secs(args.load), &progress).await
    })
    .await?;
    progress.finish_and_clear();
    publish(&report, output, &args.chart)
}
