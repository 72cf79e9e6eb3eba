//! `quorate bench failover`: how long faults keep a network from committing.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use quorate_crypto::Engine;

use crate::bench::failover::{Network, Plan, measure};
use crate::failure::{Exit, Failure};
use crate::localnet::make;
use crate::output::Output;

/// Faults, each made in as many rounds.
const FAULTS: u64 = 4;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate bench failover --rounds 10 --output json

It starts a network of its own in a new folder, which it removes at the end. Commits are seen by a
client: a time ends with the first answer that a transaction sent after the fault is committed.")]
pub(crate) struct FailoverArgs {
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
    /// How many validators
    #[arg(long, value_name = "N", env = "QUORATE_VALIDATORS", default_value_t = 4)]
    #[arg(value_parser = clap::value_parser!(u16).range(4..=100))]
    validators: u16,
    /// The first validator's API port; operations listeners are 100 above
    #[arg(long, value_name = "PORT", env = "QUORATE_API_PORT", default_value_t = 18100)]
    api_port: u16,
    /// The first validator's peer-to-peer port
    #[arg(long, value_name = "PORT", env = "QUORATE_P2P_PORT", default_value_t = 19100)]
    p2p_port: u16,
    /// A folder for the network; it must not exist [default: a new one among the temporary files]
    #[arg(long, value_name = "DIR", env = "QUORATE_DIR")]
    dir: Option<PathBuf>,
}

/// Measures, and leaves neither processes nor files behind, interrupted or not.
pub(super) async fn failover(args: &FailoverArgs, output: &Output) -> Result<(), Failure> {
    let folder = args
        .dir
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("quorate-failover-{}", std::process::id())));
    if folder.exists() {
        return Err(
            Failure::failed(format!("{} exists", folder.display())).hint("name a new folder with --dir")
        );
    }
    let localnet = make::Plan {
        validators: args.validators,
        engine: Engine::Pbft,
        api_port: args.api_port,
        p2p_port: args.p2p_port,
        asset: "QRT".parse().map_err(Failure::usage)?,
        decimals: 2,
        supply: "1000000000".to_owned(),
    };
    let plan = Plan {
        rounds: args.rounds,
        rate: args.rate,
        hold: Duration::from_secs(args.hold),
    };
    let progress = output.progress(FAULTS * u64::from(args.rounds), "rounds");
    let work = async {
        let mut network = Network::up(folder, &localnet).await?;
        measure(&mut network, &plan, &progress).await
    };
    let report = tokio::select! {
        report = work => report?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::new(Exit::Interrupted, "interrupted")),
    };
    progress.finish_and_clear();
    output.print(&report, |output| report.text(output))
}
