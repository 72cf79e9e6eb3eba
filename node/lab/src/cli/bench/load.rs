//! `quorate bench transfers` and `quorate bench records`: load on a network, and what becomes of it.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use quorate_client::Client;
use quorate_client::wallet::format_amount;
use quorate_crypto::{ClientSigningKey, keyfile};
use quorate_ledger::{Address, Amount, AssetCode, encode};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::localnet::Localnet;
use quorate_tools::output::Output;
use quorate_tools::passphrase::PassphraseArgs;
use quorate_tools::wallet::{Ledger, NodeArgs};

use crate::bench::accounts::Accounts;
use crate::bench::ceiling::{Ceiling, Signed as SignedContents};
use crate::bench::chart::ChartArgs;
use crate::bench::load::{Load, LoadReport, Rate, Setting, Signing, offer};
use crate::bench::report::publish;
use crate::bench::usage::Probe;
use crate::bench::workload::Workload;

/// Smallest units that each account gets, if the treasury has as much.
const FUNDING: u128 = 1_000_000;

/// Seconds beyond the run that its transactions stay valid: signing them ahead takes time too.
const EXPIRY_MARGIN: u64 = 1_200;

/// How long signature checks are measured before the load.
const CEILING_TIME: Duration = Duration::from_millis(500);

/// Bytes of transactions a second that are signed ahead at the maximal rate: more than a few cores can take.
const BYTES_PER_SECOND: u64 = 60_000_000;

/// Bytes in a call at the maximal rate, about: a batch's, as more only waits.
const CALL_BYTES: usize = 512 << 10;

/// `max`, or transactions a second.
#[derive(Clone, Copy, Debug)]
struct RateArg(Rate);

impl FromStr for RateArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<u64>() {
            _ if text == "max" => Ok(Self(Rate::Max)),
            Ok(rate @ 1..=1_000_000) => Ok(Self(Rate::PerSecond(rate))),
            _ => Err("expected `max` or a number of transactions a second up to 1,000,000".to_owned()),
        }
    }
}

/// How much is signed before the clock starts.
#[derive(Clone, Copy, Debug)]
enum SignAhead {
    /// As much as can be sent in the time.
    Enough,
    /// So many transactions.
    Count(u64),
}

impl FromStr for SignAhead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "enough" => Ok(Self::Enough),
            Ok(count) => Ok(Self::Count(count)),
            Err(_) => Err("expected `enough` or a number of transactions".to_owned()),
        }
    }
}

/// Which network, and which of its processes can be looked at.
#[derive(Args, Debug)]
struct TargetArgs {
    /// A local network's folder: its nodes and its treasury are used, and its processes looked at
    #[arg(long, value_name = "DIR", env = "QUORATE_LOCALNET", conflicts_with = "nodes")]
    localnet: Option<PathBuf>,
    #[command(flatten)]
    node: NodeArgs,
}

/// A network to be measured.
struct Target {
    ledger: Ledger,
    nodes: Vec<Client>,
    probe: Probe,
    localnet: Option<Localnet>,
    validators: usize,
}

impl TargetArgs {
    async fn connect(&self) -> Result<Target, Failure> {
        let localnet = self.localnet.as_deref().map(Localnet::open).transpose()?;
        let entries = match &localnet {
            Some(localnet) => localnet.document.validators.clone(),
            None => Vec::new(),
        };
        let node = match &localnet {
            Some(_) => self
                .node
                .at(entries.iter().map(|entry| entry.api.clone()).collect()),
            None => self.node.clone(),
        };
        let ledger = node.connect().await?;
        let network = ledger.client().network().await?;
        Ok(Target {
            nodes: node.clients()?,
            probe: Probe::new(entries)?,
            validators: network.committee.validators.len(),
            ledger,
            localnet,
        })
    }
}

/// What load to offer.
#[derive(Args, Debug)]
struct LoadArgs {
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
    /// Sign N transactions before the clock starts, on all cores; without N, enough for the run or for a
    /// quarter of the free memory
    #[arg(
        long,
        value_name = "N",
        env = "QUORATE_SIGN_AHEAD",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "enough"
    )]
    sign_ahead: Option<SignAhead>,
    /// Transactions in a call [default: 1 up to 500 a second, else a fiftieth of the rate; at max 100,
    /// or as many as have half a megabyte]
    #[arg(long, value_name = "N", env = "QUORATE_BUNDLE")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=4_096))]
    bundle: Option<u16>,
    /// Calls in flight at `max`
    #[arg(long, value_name = "N", env = "QUORATE_IN_FLIGHT", default_value_t = 32)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=4_096))]
    in_flight: u16,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    chart: ChartArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate bench transfers --localnet ./localnet --rate 500 --duration 30 --chart transfers.svg
  quorate bench transfers --localnet ./localnet --accounts 10000 --sign-ahead    # throughput
  quorate bench transfers --localnet ./localnet --in-flight 1 --bundle 1         # idle latency
  quorate bench transfers --key treasury.key --node http://127.0.0.1:8100,http://127.0.0.1:8101

At a rate, load does not slow down when answers do, and latency counts from when a transaction
should have been sent. At `max`, the next call is made when one is answered, and latency counts
from the call. What signature checks allow is measured first; with --localnet also what the
validators' processes take within the counted seconds.")]
pub struct TransfersArgs {
    #[command(flatten)]
    load: LoadArgs,
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
    /// The asset that is paid in
    #[arg(long, value_name = "CODE", env = "QUORATE_ASSET", default_value = "QRT")]
    asset: AssetCode,
    /// The key that funds the accounts, if it is not a local network's treasury
    #[arg(
        long,
        value_name = "FILE",
        env = "QUORATE_KEY",
        required_unless_present = "localnet"
    )]
    key: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate bench records --payload 512 --localnet ./localnet --sign-ahead

A notary's load: accounts sign transactions of many records each. A record is a document's hash
and metadata that cannot be compressed. The options are those of `bench transfers`.")]
pub struct RecordsArgs {
    #[command(flatten)]
    load: LoadArgs,
    /// Bytes of a record: its hash, 32, and up to 1,024 of metadata
    #[arg(long, value_name = "BYTES", env = "QUORATE_PAYLOAD", default_value_t = 512)]
    payload: usize,
    /// Records in a transaction, at most 256 and 64 KiB
    #[arg(
        long,
        value_name = "N",
        env = "QUORATE_RECORDS_PER_TRANSACTION",
        default_value_t = 100
    )]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    records_per_transaction: u16,
    /// Accounts that send
    #[arg(long, value_name = "N", env = "QUORATE_ACCOUNTS", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    accounts: u32,
}

pub(super) async fn transfers(args: &TransfersArgs, output: &Output) -> Result<(), Failure> {
    args.load.chart.check()?;
    // Whoever mistyped the key's passphrase need not wait for the network first.
    let key = args
        .key
        .as_ref()
        .map(|file| args.passphrase.open(file))
        .transpose()?;
    let target = args.load.target.connect().await?;
    let treasury = match (key, &target.localnet) {
        (Some(key), _) => key,
        (None, Some(localnet)) => keyfile::client::read(&localnet.document.treasury.key, None)?,
        (None, None) => return Err(Failure::usage("--key or --localnet is missing")),
    };
    let ceiling = measure_ceiling(&target, output);
    let funding = funding(args, &target.ledger, &treasury).await?;
    let progress = output.progress(u64::from(args.accounts), "accounts");
    progress.set_message("funding");
    let count = args.accounts as usize;
    let accounts = Accounts::fund(&target.ledger, &treasury, args.asset, funding, count, &progress).await?;
    progress.finish_and_clear();
    let workload = Workload::Payments {
        asset: args.asset,
        per_transaction: usize::from(args.payments_per_transaction),
    };
    args.load.run(target, accounts, workload, ceiling, output).await
}

pub(super) async fn records(args: &RecordsArgs, output: &Output) -> Result<(), Failure> {
    args.load.chart.check()?;
    let workload = Workload::records(usize::from(args.records_per_transaction), args.payload)?;
    let target = args.load.target.connect().await?;
    let ceiling = measure_ceiling(&target, output);
    let accounts = Accounts::new(target.ledger.network(), args.accounts as usize)?;
    args.load.run(target, accounts, workload, ceiling, output).await
}

fn measure_ceiling(target: &Target, output: &Output) -> Ceiling {
    let spinner = output.spinner("checking signatures");
    let ceiling = SignedContents::new().ceiling(target.validators, CEILING_TIME);
    spinner.finish_and_clear();
    ceiling
}

impl LoadArgs {
    async fn run(
        &self,
        target: Target,
        accounts: Accounts,
        workload: Workload,
        ceiling: Ceiling,
        output: &Output,
    ) -> Result<(), Failure> {
        let RateArg(rate) = self.rate;
        let lead = Duration::from_secs(self.warmup + self.duration + EXPIRY_MARGIN);
        let expires_at = target.ledger.expiry(lead).await?;
        let transaction_bytes = encode(&workload.transaction(&accounts, 0, expires_at)).len();
        let bundle = self
            .bundle
            .map_or_else(|| default_bundle(rate, transaction_bytes), usize::from);
        let load = Load {
            rate,
            duration: Duration::from_secs(self.duration),
            warmup: Duration::from_secs(self.warmup),
            in_flight: usize::from(self.in_flight),
            keep_answers: false,
        };
        let ahead = match self.sign_ahead {
            None => 0,
            Some(SignAhead::Count(count)) => count,
            Some(SignAhead::Enough) => {
                (self.warmup + self.duration) * most(rate, &ceiling, transaction_bytes)
            }
        };
        let count = accounts.count();
        let signing = Signing {
            accounts: Arc::new(accounts),
            workload,
            expires_at,
            bundle,
        };
        let progress = output.progress(ahead, "transactions");
        progress.set_message("signing");
        let signed = signing.ahead(ahead, &progress);
        progress.finish_and_clear();
        let setting = Setting {
            nodes: target.nodes.len(),
            accounts: count,
            workload,
            transaction_bytes,
            bundle,
            signed_ahead: signed.count(),
            ceiling,
        };
        let spinner = output.spinner("measuring");
        let (tally, usage) = offer(&load, signed, &target.nodes, Arc::new(target.probe)).await?;
        spinner.finish_and_clear();
        let report = LoadReport::new(&load, &setting, &tally, usage);
        publish(&report, output, &self.chart)?;
        if report.is_empty() {
            return Err(Failure::failed("nothing was committed"));
        }
        Ok(())
    }
}

/// Transactions a second that are not exceeded.
fn most(rate: Rate, ceiling: &Ceiling, transaction_bytes: usize) -> u64 {
    match rate {
        Rate::PerSecond(rate) => rate,
        Rate::Max => {
            (ceiling.transactions_per_second as u64).min(BYTES_PER_SECOND / transaction_bytes as u64)
        }
    }
}

fn default_bundle(rate: Rate, transaction_bytes: usize) -> usize {
    match rate {
        Rate::Max => (CALL_BYTES / transaction_bytes).clamp(1, 100),
        Rate::PerSecond(..=500) => 1,
        Rate::PerSecond(rate) => usize::try_from(rate / 50).unwrap_or(usize::MAX).clamp(1, 1_000),
    }
}

/// What each account gets: no more than half of what the treasury has, for all together.
async fn funding(
    args: &TransfersArgs,
    ledger: &Ledger,
    treasury: &ClientSigningKey,
) -> Result<Amount, Failure> {
    let treasury: Address = treasury.key().address();
    let decimals = ledger
        .decimals(&args.asset)
        .await?
        .ok_or_else(|| Failure::not_found(format!("there is no asset {}", args.asset)))?;
    let account = ledger.client().account(&treasury).await?;
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
