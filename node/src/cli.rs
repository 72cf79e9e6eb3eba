//! The command line: what each command is called, and where it is carried out. One file a group.

mod audit;
mod completions;
mod genesis;
mod gov;
mod keys;
mod localnet;
mod node;
mod query;
mod version;
mod wallet;
mod witness;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use quorate_tools::failure::Failure;
use quorate_tools::interrupt::exit_on_interrupt;
use quorate_tools::output::{Format, Output, complain};

/// A permissioned ledger: its node, its tools and its wallet.
#[derive(Parser, Debug)]
#[command(
    name = "quorate",
    version = env!("QUORATE_VERSION"),
    propagate_version = true,
    arg_required_else_help = true
)]
#[command(after_help = EXAMPLES)]
#[command(after_long_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
struct Global {
    /// Text for people or one JSON document
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        env = "QUORATE_OUTPUT"
    )]
    #[arg(
        value_name = "text|json",
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    output: Format,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run a whole network of validators on this machine
    #[command(subcommand)]
    Localnet(localnet::LocalnetCommand),
    /// Make, show and protect key files
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Make a network together with other members
    #[command(subcommand)]
    Genesis(genesis::GenesisCommand),
    /// Hold accounts, pay, make assets, record documents
    #[command(subcommand)]
    Wallet(wallet::WalletCommand),
    /// Decide together: members, validators, parameters, rules
    #[command(subcommand)]
    Gov(gov::GovCommand),
    /// Ask nodes about the network, blocks and accounts
    #[command(subcommand)]
    Query(query::QueryCommand),
    /// Prove what the ledger says, and check proofs, statements and whole chains
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Lay out, run and check a node
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// Compare what nodes show, cosign the log, and check what witnesses found out
    #[command(subcommand)]
    Witness(witness::WitnessCommand),
    #[cfg(feature = "lab")]
    #[command(flatten)]
    Lab(quorate_lab::LabCommand),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Say which release this is, and the hash of its verify.html
    Version(version::VersionArgs),
}

const EXAMPLES: &str = "Examples:
  quorate localnet up --dir ./localnet --detach
  quorate query status --node http://127.0.0.1:8100
  quorate wallet transfer --key treasury.key --to qr1… --amount 12.50 --asset QRT";

const EXIT_CODES: &str = "Examples:
  quorate localnet up --dir ./localnet --detach
  quorate query status --node http://127.0.0.1:8100
  quorate wallet transfer --key treasury.key --to qr1… --amount 12.50 --asset QRT

Exit codes:
  0    done
  1    failed otherwise (port in use, home locked, disk unwritable, wrong genesis)
  2    wrong usage (a malformed address, amount, file or genesis included)
  3    not found
  4    refused by the ledger (expired included; for a bulk payment: any row refused)
  5    outcome unknown at the deadline
  6    node unreachable, nothing was sent
  7    a check failed (proof, signature, comparison, backup, doctor), or a database is damaged
  8    not permitted (a loose key file, a wrong passphrase)
  130  interrupted";

/// Reads the arguments, carries out the command and says how it went.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure);
            failure.exit().into()
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let output = Output::new(cli.global.output);
    match cli.command {
        // Those that own processes, are one, or have files in the making take signals themselves.
        Command::Node(node::NodeCommand::Run(args)) => node::run(&args),
        Command::Localnet(command) => in_runtime(localnet::run(command, &output)),
        Command::Wallet(command @ wallet::WalletCommand::Pay(_)) => in_runtime(wallet::run(command, &output)),
        Command::Audit(command @ audit::AuditCommand::Chain(_)) => in_runtime(audit::run(command, &output)),
        Command::Keys(command) => interruptible(async { keys::run(command, &output) }),
        Command::Genesis(command) => interruptible(async { genesis::run(command, &output) }),
        Command::Node(node::NodeCommand::Init(args)) => interruptible(async { node::init(&args, &output) }),
        Command::Node(node::NodeCommand::Check(args)) => interruptible(async { node::check(&args, &output) }),
        Command::Node(node::NodeCommand::Rejoin(args)) => interruptible(node::rejoin::run(args, &output)),
        Command::Node(node::NodeCommand::Doctor(args)) => interruptible(node::doctor::doctor(&args, &output)),
        Command::Node(node::NodeCommand::Backup(args)) => {
            interruptible(async { node::backup::run(&args, &output) })
        }
        Command::Node(node::NodeCommand::Restore(args)) => {
            interruptible(async { node::restore::run(&args, &output) })
        }
        Command::Node(node::NodeCommand::Webhooks(command)) => {
            interruptible(node::webhooks::run(command, &output))
        }
        Command::Wallet(command) => interruptible(wallet::run(command, &output)),
        Command::Gov(command) => interruptible(gov::run(command, &output)),
        Command::Query(command) => interruptible(query::run(command, &output)),
        Command::Audit(command) => interruptible(audit::run(command, &output)),
        // It may end anywhere: what it shows is on disk.
        Command::Witness(command) => interruptible(witness::run(command, &output)),
        #[cfg(feature = "lab")]
        Command::Lab(command) => in_runtime(quorate_lab::run(command, &output)),
        Command::Completions(args) => completions::run(&args),
        Command::Version(args) => version::run(&args, &output),
    }
}

/// Runs a command that Ctrl-C may end anywhere.
fn interruptible(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    in_runtime(async {
        let _guard = exit_on_interrupt();
        command.await
    })
}

/// Runs a command's future to its end.
fn in_runtime(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start threads: {error}")))?;
    let result = runtime.block_on(command);
    runtime.shutdown_background();
    result
}

/// Reads a digest: 64 hexadecimal digits.
fn digest(text: &str) -> Result<quorate_crypto::Digest, String> {
    text.parse()
        .map_err(|_| "expected 64 hexadecimal digits".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    /// The widest line of an example: wider ones would be wrapped.
    const WIDEST: usize = 100;

    fn problems_of(command: &clap::Command, path: &str, problems: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name()).trim().to_owned();
        let example = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        if !example.contains("Example") || !example.contains(&path) {
            problems.push(format!("{path} shows no example of itself"));
        }
        problems.extend(
            example
                .lines()
                .filter(|line| line.chars().count() > WIDEST)
                .map(|line| format!("{path} has a line that would be wrapped: {line}")),
        );
        let unexplained = command
            .get_arguments()
            .filter(|argument| argument.get_help().is_none());
        problems
            .extend(unexplained.map(|argument| format!("{path}: {} is not explained", argument.get_id())));
        for child in command
            .get_subcommands()
            .filter(|child| child.get_name() != "help")
        {
            problems_of(child, &path, problems);
        }
    }

    #[test]
    fn every_command_has_an_example_of_itself_and_every_option_is_explained() {
        let mut problems = Vec::new();
        problems_of(&Cli::command(), "", &mut problems);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}
