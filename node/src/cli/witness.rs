//! `quorate witness`: a witness of a network's log, and the evidence that witnesses keep. The norm is
//! `docs/checkpoints.md`.

mod check;
mod run;

use clap::Subcommand;
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;

#[derive(Subcommand, Debug)]
#[command(after_help = "Examples:
  quorate witness run --genesis genesis.toml --key witness.key --dir witness \\
      --node https://node.bank-a.example --node https://node.bank-b.example
  quorate witness check witness/evidence/inconsistent-17.notes --genesis genesis.toml")]
pub(crate) enum WitnessCommand {
    /// Compare what nodes of several members show, and cosign the log
    Run(run::RunArgs),
    /// Check evidence that validators signed two checkpoints of which no log has both
    Check(check::CheckArgs),
}

/// Carries out a command of this group.
pub(crate) async fn run(command: WitnessCommand, output: &Output) -> Result<(), Failure> {
    match command {
        WitnessCommand::Run(args) => run::run(args, output).await,
        WitnessCommand::Check(args) => check::check(&args, output),
    }
}
