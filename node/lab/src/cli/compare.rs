//! `quorate compare`: the protocols side by side.

use std::path::PathBuf;

use clap::Args;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::Output;

use super::bench::own::unless_interrupted;
use crate::compare::{Charts, Live, LivePlan, Report, Simulated, Sizes, Work, measure_all, simulate};

/// The most validators of a simulated network, and of three of a protocol's on one machine.
const MOST_VALIDATORS: i64 = 31;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate compare --charts ./charts
  quorate compare --simulation-only --tolerate 1 --seeds 5 --trials 100
  quorate compare --networks-only --seconds 20 --output json

The same workload, seeds and faults for PBFT, Raft and Paxos. What an order costs, which faults
each outlives and how long elections take is found in virtual time, so that every machine finds
the same. Then networks of each are started on this machine, one after the other, in folders
that are removed again. A protocol that does not keep what it promises is exit code 7.")]
pub struct CompareArgs {
    /// Faulty validators that each network is to bear: the smallest ones that do are compared
    #[arg(
        long,
        value_name = "F,…",
        env = "QUORATE_TOLERATE",
        value_delimiter = ',',
        default_values_t = [1, 2],
        conflicts_with = "validators"
    )]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=10))]
    tolerate: Vec<u16>,
    /// Validators of each network, in the place of that; PBFT needs four
    #[arg(long, value_name = "N,…", env = "QUORATE_VALIDATORS", value_delimiter = ',')]
    #[arg(value_parser = clap::value_parser!(u16).range(4..=MOST_VALIDATORS))]
    validators: Vec<u16>,
    /// Runs of each fault
    #[arg(long, value_name = "N", env = "QUORATE_SEEDS", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// Elections for each range of timeouts
    #[arg(long, value_name = "N", env = "QUORATE_TRIALS", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=100_000))]
    trials: u64,
    /// Seconds of each load on networks of this machine
    #[arg(long, value_name = "N", env = "QUORATE_SECONDS", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Start no networks on this machine
    #[arg(long, env = "QUORATE_SIMULATION_ONLY", conflicts_with = "networks_only")]
    simulation_only: bool,
    /// Simulate nothing
    #[arg(long, env = "QUORATE_NETWORKS_ONLY")]
    networks_only: bool,
    /// Draw charts into a folder, as SVG
    #[arg(long, value_name = "DIR", env = "QUORATE_CHARTS")]
    charts: Option<PathBuf>,
    /// The first validator's API port; operations listeners are 100 above
    #[arg(long, value_name = "PORT", env = "QUORATE_API_PORT", default_value_t = 18100)]
    api_port: u16,
    /// The first validator's peer-to-peer port
    #[arg(long, value_name = "PORT", env = "QUORATE_P2P_PORT", default_value_t = 19100)]
    p2p_port: u16,
    /// Where the networks' folders are made [default: among the temporary files]
    #[arg(long, value_name = "DIR", env = "QUORATE_DIR")]
    dir: Option<PathBuf>,
}

impl CompareArgs {
    fn sizes(&self) -> Vec<Sizes> {
        match self.validators.is_empty() {
            true => self.tolerate.iter().copied().map(Sizes::Tolerating).collect(),
            false => self.validators.iter().copied().map(Sizes::Of).collect(),
        }
    }

    fn work(&self) -> Work {
        Work {
            sizes: self.sizes(),
            seeds: self.seeds,
            trials: self.trials,
        }
    }

    /// Networks of the first size.
    fn live(&self) -> Result<LivePlan, Failure> {
        let folder = match &self.dir {
            None => std::env::temp_dir(),
            Some(dir) if dir.is_dir() => dir.clone(),
            Some(dir) => {
                let reason = format!("{} is not a directory", dir.display());
                return Err(Failure::failed(reason).hint("make it, or leave --dir out"));
            }
        };
        let sizes = self.sizes();
        let networks = sizes.first().map(|sizes| sizes.networks().to_vec());
        Ok(LivePlan {
            networks: networks.unwrap_or_default(),
            seconds: self.seconds,
            api_port: self.api_port,
            p2p_port: self.p2p_port,
            folder: folder.join(format!("quorate-compare-{}", std::process::id())),
        })
    }
}

/// Compares, and leaves neither processes nor files but the charts behind, interrupted or not.
pub(super) async fn run(args: &CompareArgs, output: &Output) -> Result<(), Failure> {
    let charts = args.charts.as_deref().map(Charts::into_folder).transpose()?;
    let plan = args.live()?;
    let report = unless_interrupted(async {
        let simulated = match args.networks_only {
            true => None,
            false => Some(simulated(args.work(), output).await?),
        };
        let measured = match args.simulation_only {
            true => None,
            false => Some(measured(&plan, output).await?),
        };
        Ok(Report::new(simulated, measured))
    })
    .await?;
    output.print(&report, |output| report.text(output))?;
    if let Some(charts) = charts {
        charts.draw(&report)?;
    }
    for (what, places) in [
        (
            "a protocol did not keep what it promises",
            report.broken_promises(),
        ),
        ("a witness missed two histories", report.missed()),
    ] {
        if !places.is_empty() {
            let reason = format!("{what}: {}", places.join("; "));
            return Err(Failure::new(Exit::CheckFailed, reason));
        }
    }
    Ok(())
}

async fn simulated(work: Work, output: &Output) -> Result<Simulated, Failure> {
    let progress = output.progress(work.steps(), "runs");
    let shown = progress.clone();
    // On a thread of its own, so that an interrupt is heard meanwhile.
    let simulated = tokio::task::spawn_blocking(move || simulate(&work, &shown)).await;
    progress.finish_and_clear();
    simulated.map_err(|error| Failure::failed(format!("the simulation ended early: {error}")))
}

async fn measured(plan: &LivePlan, output: &Output) -> Result<Vec<Live>, Failure> {
    let progress = output.progress(plan.steps(), "steps");
    let measured = measure_all(plan, &progress).await;
    progress.finish_and_clear();
    measured
}
