//! The lab's commands: what each is called, and where it is carried out. One file a group.

mod bench;
mod compare;
mod trace;

use clap::Subcommand;
use quorate_tools::failure::Failure;
use quorate_tools::interrupt::exit_on_interrupt;
use quorate_tools::output::Output;

/// The lab's commands, which stand beside the binary's own.
#[derive(Subcommand, Debug)]
pub enum LabCommand {
    /// Measure how fast a network is
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Draw what validators say to each other, as message sequence charts
    Trace(trace::TraceArgs),
    /// The protocols side by side: costs, faults, elections, throughput
    Compare(compare::CompareArgs),
}

/// Carries out a command of the lab. Those that own processes take Ctrl-C themselves.
pub async fn run(command: LabCommand, output: &Output) -> Result<(), Failure> {
    match command {
        LabCommand::Bench(command) => bench::run(command, output).await,
        LabCommand::Trace(args) => {
            let _guard = exit_on_interrupt();
            trace::trace(&args, output)
        }
        LabCommand::Compare(args) => compare::run(&args, output).await,
    }
}
