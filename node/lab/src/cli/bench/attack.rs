//! `quorate bench attack`: what a lying validator costs its network.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use quorate_crypto::Engine;
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;

use super::own::{OwnNetworkArgs, unless_interrupted};
use crate::bench::attack::{Plan, Role, measure};
use crate::bench::chart::ChartArgs;
use crate::bench::report::publish;

/// The lies that are told unless others are named: the few that stand for the rest.
const LIES: [&str; 4] = ["silent", "late:90", "equivocator", "flooder"];

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate bench attack --liar target/release/quorate-liar
  quorate bench attack --liar target/release/quorate-liar --lie trickle --lie choosy:1 --as primary

The program that lies is no part of this one: it is built from the sources (cargo build --release
-p quorate-liar), and `quorate-liar lies` names what it can do. Each run makes a network of its own,
offers load to the honest validators, and has the other one begin to lie, or stops it. A liar is
held to a quarter more processor time than an honest validator takes in its place, and as much as an
honest one takes is burnt where it is stopped, so that what it says is measured and not what it
takes from the machine. Runs with an honest validator that is held likewise show what that costs.")]
pub struct AttackArgs {
    /// The program that lies
    #[arg(long, value_name = "FILE", env = "QUORATE_LIAR_BIN")]
    liar: PathBuf,
    /// A lie, with its parameter (repeatable) [default: silent, late:90, equivocator, flooder]
    #[arg(long = "lie", value_name = "NAME[:PARAMETER]")]
    lies: Vec<String>,
    /// Where the liar is: it leads, or not (repeatable) [default: both]
    #[arg(
        long = "as",
        value_name = "primary|backup",
        value_enum,
        hide_possible_values = true
    )]
    roles: Vec<RoleArg>,
    /// Seconds that count, from 5 s after the first lie on
    #[arg(long, value_name = "SECONDS", env = "QUORATE_DURATION", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u64).range(2..=3_600))]
    duration: u64,
    /// How often each lie is told; the table has the medians
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How many validators lie, side by side: no more than may fail
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=5))]
    liars: u16,
    /// Transactions a second [default: 40 % of what the network takes, which is measured first]
    #[arg(long, value_name = "N", env = "QUORATE_RATE")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=100_000))]
    rate: Option<u64>,
    #[command(flatten)]
    network: OwnNetworkArgs,
    #[command(flatten)]
    chart: ChartArgs,
}

/// Where a liar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoleArg {
    /// It leads
    Primary,
    /// It does not
    Backup,
}

/// Measures, and leaves neither processes nor files behind, interrupted or not.
pub(super) async fn attack(args: &AttackArgs, output: &Output) -> Result<(), Failure> {
    args.chart.check()?;
    if !args.liar.is_file() {
        return Err(
            Failure::not_found(format!("{} is not a file", args.liar.display()))
                .hint("cargo build --release -p quorate-liar"),
        );
    }
    let (folder, network) = args.network.plan("attack")?;
    let tolerated = match network.engine {
        Engine::Pbft => network.validators.saturating_sub(1) / 3,
        Engine::Raft | Engine::Paxos => network.validators.saturating_sub(1) / 2,
    };
    if args.liars > tolerated {
        return Err(Failure::usage(format!(
            "--liars {}: at most {tolerated} of {} validators may fail",
            args.liars, network.validators
        ))
        .hint("take a smaller --liars or a larger --validators"));
    }
    let lies = match args.lies.is_empty() {
        true => LIES.map(str::to_owned).to_vec(),
        false => args.lies.clone(),
    };
    let roles = match args.roles.is_empty() {
        true => vec![Role::Primary, Role::Backup],
        false => args.roles.iter().map(|role| Role::from(*role)).collect(),
    };
    let plan = Plan {
        network,
        folder,
        liar: args.liar.clone(),
        lies,
        roles,
        liars: usize::from(args.liars),
        rounds: args.rounds,
        duration: Duration::from_secs(args.duration),
        rate: args.rate,
    };
    let progress = output.progress(plan.steps(), "runs");
    let report = unless_interrupted(measure(&plan, &progress)).await?;
    progress.finish_and_clear();
    publish(&report, output, &args.chart)
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Primary => Self::Primary,
            RoleArg::Backup => Self::Backup,
        }
    }
}
