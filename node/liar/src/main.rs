//! The test binary `quorate-liar`: a validator that runs as `quorate node run` does, and lies.
//!
//! It is the node's own runtime on a node's own home, with a conduct of its own ([`quorate_runtime::Conduct`]): what
//! its driver wants to say passes through a liar of `quorate-lies`, the same that the simulator's seeds run.

mod clock;
mod conduct;
mod flood;
mod lie;
mod stage;
mod stock;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use quorate_crypto::keyfile::Access;
use quorate_runtime::config::{Home, NodeConfig};

use crate::conduct::{Lying, Setting};
use crate::lie::Lie;

/// A validator that lies, for tests and measurements.
#[derive(Parser, Debug)]
#[command(name = "quorate-liar", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run a validator on a home until Ctrl-C or SIGTERM
    Run(RunArgs),
    /// Print the lies, one a line
    Lies,
}

#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  quorate-liar run --home ./localnet/validator-1 --lie late:90 --from-signal

SIGUSR1 begins the lie, if it has not begun.")]
struct RunArgs {
    /// The home, as `quorate node run` has it; its keys have no passphrase
    #[arg(long, value_name = "HOME")]
    home: PathBuf,
    /// How it lies: a name of `quorate-liar lies`, with its parameter
    #[arg(long, value_name = "NAME[:PARAMETER]")]
    lie: Lie,
    /// It keeps the rules for so many milliseconds first
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "from_signal")]
    after_ms: u64,
    /// It keeps the rules until SIGUSR1
    #[arg(long)]
    from_signal: bool,
    /// What its random choices follow from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The part of one processor, in percent, up to which it floods; what its node takes is counted
    #[arg(long, value_name = "PERCENT", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    processor: u32,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Lies => {
            for (name, does) in lie::ALL {
                println!("{name:28}{does}");
            }
            ExitCode::SUCCESS
        }
        Command::Run(args) => run(&args),
    }
}

fn run(args: &RunArgs) -> ExitCode {
    let home = Home::new(&args.home);
    let config = match NodeConfig::read(&home.config()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("quorate-liar: {error}");
            return ExitCode::from(2);
        }
    };
    let lying = Lying::new(Setting {
        lie: args.lie.clone(),
        after: (!args.from_signal).then_some(Duration::from_millis(args.after_ms)),
        seed: args.seed,
        patience: Duration::from_millis(config.consensus.progress_ms.into()),
        processor: f64::from(args.processor) / 100.0,
    });
    let ended = quorate_runtime::run_as(Arc::new(lying), &home, &config, Access::default());
    quorate_runtime::logging::finish();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quorate-liar: {error}");
            ExitCode::FAILURE
        }
    }
}
