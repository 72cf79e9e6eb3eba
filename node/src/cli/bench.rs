//! `quorate bench`: how fast a network is.

mod failover;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use quorate_client::wallet::format_amount;
use quorate_ledger::{Amount, AssetCode};

use crate::bench::accounts::Accounts;
use crate::bench::load::{Load, Rate, offer};
use crate::bench::report::{Report, cpu_seconds};
use crate::failure::{Exit, Failure};
use crate::interrupt::exit_on_interrupt;
use crate::output::Output;
use crate::passphrase::PassphraseArgs;
use crate::wallet::NodeArgs;

/// Smallest units that each account gets, if the treasury has as much.
const FUNDING: u128 = 1_000_000;

/// Seconds beyond the run that its transactions stay valid.
const EXPIRY_MARGIN: u64 = 120;

#[derive(Subcommand, Debug)]
#[command(after_help = "Example:
  quorate bench transfers --key ./localnet/treasury.key --rate 100 --duration 20")]
pub(crate) enum BenchCommand {
    /// Payments between accounts that are made and funded for it
    Transfers(TransfersArgs),
    /// How long faults keep a network of its own from committing
    Failover(failover::FailoverArgs),
}

/// `max`, or transactions a second.
#[derive(Clone, Copy, Debug)]
struct RateArg(Rate);

impl FromStr for RateArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<u64>() {
            _ if text == "max" => Ok(Self(Rate::Max)),
            Ok(rate @ 1..=1_000_000) => Ok(Self(Rate::PerSecond(rate))),
            _ => Err("expected is `max` or a number of transactions a second up to 1,000,000".to_owned()),
        }
    }
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate bench transfers --key ./localnet/treasury.key --rate 500 --duration 30 \\
      --node http://127.0.0.1:8100,http://127.0.0.1:8101,http://127.0.0.1:8102,http://127.0.0.1:8103
  quorate bench transfers --key ./localnet/treasury.key --in-flight 1 --bundle 1    # idle latency

At a rate, load does not slow down when answers do, and latency counts from when a transaction
should have been sent. At `max`, the next call is made when one is answered, and latency counts
from the call.")]
pub(crate) struct TransfersArgs {
    /// Transactions a second, or `max`
    #[arg(long, value_name = "N|max", env = "QUORATE_RATE", default_value = "max")]
    rate: RateArg,
    /// Seconds that count
    #[arg(long, value_name = "SECONDS", env = "QUORATE_DURATION", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    duration: u64,
    /// Seconds before that which do not count
    #[arg(long, value_name = "SECONDS", env = "QUORATE_WARMUP", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=3_600))]
    warmup: u64,
    /// Accounts that send
    #[arg(long, value_name = "N", env = "QUORATE_ACCOUNTS", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    accounts: u32,
    /// Payments in a transaction
    #[arg(
        long,
        value_name = "N",
        env = "QUORATE_PAYMENTS_PER_TRANSACTION",
        default_value_t = 1
    )]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    payments_per_transaction: u16,
    /// Transactions in a call [default: 1 up to 500 a second, else a fiftieth of the rate; 100 at max]
    #[arg(long, value_name = "N", env = "QUORATE_BUNDLE")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=4_096))]
    bundle: Option<u16>,
    /// Calls in flight at `max`
    #[arg(long, value_name = "N", env = "QUORATE_IN_FLIGHT", default_value_t = 32)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=4_096))]
    in_flight: u16,
    /// The asset that is paid in
    #[arg(long, value_name = "CODE", env = "QUORATE_ASSET", default_value = "QRT")]
    asset: AssetCode,
    /// The key that funds the accounts
    #[arg(long, value_name = "FILE", env = "QUORATE_KEY")]
    key: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    node: NodeArgs,
}

/// Carries out a command of this group. The one that owns processes takes signals itself.
pub(crate) async fn run(command: BenchCommand, output: &Output) -> Result<(), Failure> {
    match command {
        BenchCommand::Transfers(args) => {
            let _guard = exit_on_interrupt();
            transfers(&args, output).await
        }
        BenchCommand::Failover(args) => failover::failover(&args, output).await,
    }
}

async fn transfers(args: &TransfersArgs, output: &Output) -> Result<(), Failure> {
    let treasury = args.passphrase.open(&args.key)?;
    let ledger = args.node.connect().await?;
    let nodes = args.node.clients()?;
    let RateArg(rate) = args.rate;
    let bundle = args.bundle.map_or_else(|| default_bundle(rate), usize::from);
    let accounts = args.accounts as usize;
    let funding = funding(args, &ledger, &treasury.public().address()).await?;
    let progress = output.progress(u64::from(args.accounts), "accounts");
    progress.set_message("funding");
    let funded = Accounts::fund(&ledger, &treasury, args.asset, funding, accounts, &progress).await?;
    progress.finish_and_clear();

    let lead = Duration::from_secs(args.warmup + args.duration + EXPIRY_MARGIN);
    let load = Load {
        rate,
        duration: Duration::from_secs(args.duration),
        warmup: Duration::from_secs(args.warmup),
        payments: usize::from(args.payments_per_transaction),
        bundle,
        in_flight: usize::from(args.in_flight),
        expires_at: ledger.expiry(lead).await?,
    };
    let spinner = output.spinner("measuring");
    let cpu_before = cpu_seconds();
    let tally = offer(&load, Arc::new(funded), &nodes).await?;
    let client_cpu_seconds = cpu_seconds() - cpu_before;
    spinner.finish_and_clear();
    let seconds = args.duration as f64;
    let per_second = tally.committed_in_time as f64 / seconds;
    let report = Report {
        nodes: nodes.len(),
        rate: match rate {
            Rate::Max => "max".to_owned(),
            Rate::PerSecond(rate) => rate.to_string(),
        },
        seconds,
        accounts,
        payments_per_transaction: load.payments,
        transactions_per_call: bundle,
        in_flight: (rate == Rate::Max).then_some(load.in_flight),
        offered: tally.offered,
        committed: tally.committed,
        committed_in_time: tally.committed_in_time,
        failed: tally.failed.clone(),
        refused: tally.refused.clone(),
        busy_answers: tally.busy,
        unknown: tally.unknown,
        held_back_calls: tally.held_back,
        transactions_per_second: per_second,
        payments_per_second: per_second * load.payments as f64,
        latency_ms: tally.latency(),
        client_cpu_seconds,
    };
    output.print(&report, |output| report.text(output))?;
    if report.committed == 0 {
        return Err(Failure::failed("nothing was committed"));
    }
    Ok(())
}

fn default_bundle(rate: Rate) -> usize {
    match rate {
        Rate::Max => 100,
        Rate::PerSecond(rate @ ..=500) => usize::from(rate > 0),
        Rate::PerSecond(rate) => usize::try_from(rate / 50).unwrap_or(usize::MAX).clamp(1, 1_000),
    }
}

/// What each account gets: no more than half of what the treasury has, for all together.
async fn funding(
    args: &TransfersArgs,
    ledger: &crate::wallet::Ledger,
    treasury: &quorate_ledger::Address,
) -> Result<Amount, Failure> {
    let decimals = ledger.asset(&args.asset).await?.decimals;
    let account = ledger.client().account(treasury).await?;
    let held = account
        .balances
        .iter()
        .find(|balance| balance.asset == args.asset);
    let held = held.map_or(Amount(0), |balance| balance.amount);
    let each = (held.0 / 2 / u128::from(args.accounts)).min(FUNDING);
    if each < u128::from(args.payments_per_transaction) * 2 {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "{treasury} holds {} {}, too little for {} accounts",
                format_amount(held, decimals),
                args.asset,
                args.accounts
            ),
        ));
    }
    Ok(Amount(each))
}
