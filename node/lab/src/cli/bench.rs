//! `quorate bench`: how fast this machine and a network on it are.

mod attack;
mod audit;
mod blocks;
mod failover;
mod load;
pub(super) mod own;
mod signatures;
mod sync;

use clap::Subcommand;
use quorate_tools::failure::Failure;
use quorate_tools::interrupt::exit_on_interrupt;
use quorate_tools::output::Output;

#[derive(Subcommand, Debug)]
#[command(after_help = "Example:
  quorate bench transfers --localnet ./localnet --rate 100 --duration 20")]
pub enum BenchCommand {
    /// How many client signatures this machine checks a second: the ceiling of all that follows
    Signatures(signatures::SignaturesArgs),
    /// Payments between accounts that are made and funded for it
    Transfers(load::TransfersArgs),
    /// Records of documents, as a notary would put them
    Records(load::RecordsArgs),
    /// Execution, state tree and storage alone, without a network
    Blocks(blocks::BlocksArgs),
    /// How fast a whole chain is checked, by one process and in parts, and as tables
    Audit(audit::AuditArgs),
    /// How fast a new node catches up with a network of its own
    Sync(sync::SyncArgs),
    /// How long faults keep a network of its own from committing
    Failover(failover::FailoverArgs),
    /// What a validator that lies costs a network of its own
    Attack(attack::AttackArgs),
}

/// Carries out a command of this group. The ones that own processes take signals themselves.
pub(crate) async fn run(command: BenchCommand, output: &Output) -> Result<(), Failure> {
    match command {
        BenchCommand::Signatures(args) => {
            let _guard = exit_on_interrupt();
            tokio::task::block_in_place(|| signatures::signatures(&args, output))
        }
        BenchCommand::Transfers(args) => {
            let _guard = exit_on_interrupt();
            load::transfers(&args, output).await
        }
        BenchCommand::Records(args) => {
            let _guard = exit_on_interrupt();
            load::records(&args, output).await
        }
        BenchCommand::Blocks(args) => tokio::task::block_in_place(|| blocks::blocks(&args, output)),
        BenchCommand::Audit(args) => tokio::task::block_in_place(|| audit::audit(&args, output)),
        BenchCommand::Sync(args) => sync::sync(&args, output).await,
        BenchCommand::Failover(args) => failover::failover(&args, output).await,
        BenchCommand::Attack(args) => attack::attack(&args, output).await,
    }
}
