//! `quorate wallet guardians`: accounts that can give another one new signers, with a delay and its veto.

use clap::{Args, Subcommand};
use quorate_ledger::limits::MAX_GUARDIANS;
use quorate_ledger::{Address, Operation, Signers};
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;

use super::account::sorted_signers;
use super::acting::ActArgs;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

#[derive(Subcommand, Debug)]
#[command(after_help = "Example:
  quorate wallet guardians set --guardian qr1… --guardian qr1… --threshold 2 --delay-days 14 \\
      --key alice.key

When keys are lost, one guardian asks for other signers, so many accept, the delay passes, and
one of them accepts once more. Any time before the account itself refuses with its old keys.")]
pub(crate) enum GuardiansCommand {
    /// Name an account's guardians, or none
    Set(SetArgs),
    /// As a guardian, ask for other signers of an account
    Request(RequestArgs),
    /// Accept what was asked for, carry it out after the delay, or refuse it
    Decide(DecideArgs),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet guardians set --guardian qr1… --guardian qr1… --threshold 2 --key alice.key
  quorate wallet guardians set --none --key alice.key")]
pub(crate) struct SetArgs {
    /// A guardian; once for each, at most 16
    #[arg(long = "guardian", value_name = "ADDRESS", required_unless_present = "none")]
    guardians: Vec<Address>,
    /// How many of them must accept [default: all]
    #[arg(long, value_name = "N", conflicts_with = "none")]
    threshold: Option<u8>,
    /// Days in which the account can refuse; the network's rules have a least number
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    delay_days: u64,
    /// Have no guardians any more
    #[arg(long, conflicts_with = "guardians")]
    none: bool,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet guardians request qr1… --signer 5f0c…=1 --threshold 1 --key guardian.key

It takes the place of another request, unless enough guardians have accepted that.")]
pub(crate) struct RequestArgs {
    /// The account that is to have other signers
    #[arg(value_name = "ADDRESS")]
    whom: Address,
    /// A public key and its weight, KEY=WEIGHT; once for each signer. Without its kind a key is Ed25519
    #[arg(long = "signer", value_name = "KEY=WEIGHT", required = true)]
    signers: Vec<String>,
    /// The weight that authorises a transaction
    #[arg(long, value_name = "N")]
    threshold: u32,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet guardians decide qr1… --accept --key guardian.key
  quorate wallet guardians decide qr1… --refuse --key alice.key

A guardian that has accepted and accepts again after the delay gives the account its signers.
The account itself can only refuse, which ends the request.")]
pub(crate) struct DecideArgs {
    /// The account that other signers were asked for
    #[arg(value_name = "ADDRESS")]
    whom: Address,
    /// Accept it, or carry it out
    #[arg(long, required_unless_present = "refuse")]
    accept: bool,
    /// Refuse it
    #[arg(long, conflicts_with = "accept")]
    refuse: bool,
    #[command(flatten)]
    act: ActArgs,
}

/// Carries out a command of this group.
pub(crate) async fn run(command: GuardiansCommand, output: &Output) -> Result<(), Failure> {
    let (act, operation) = match command {
        GuardiansCommand::Set(args) => {
            let operation = setting(&args)?;
            (args.act, operation)
        }
        GuardiansCommand::Request(args) => {
            let signers = Signers {
                threshold: args.threshold,
                signers: sorted_signers(&args.signers, args.threshold)?,
            };
            let operation = Operation::RequestSigners {
                account: args.whom,
                signers,
            };
            (args.act, operation)
        }
        GuardiansCommand::Decide(args) => {
            let operation = Operation::DecideRequest {
                account: args.whom,
                accept: !args.refuse,
            };
            (args.act, operation)
        }
    };
    act.begin().await?.act(operation, "", output).await
}

/// The guardians, in the order in which they are signed for.
fn setting(args: &SetArgs) -> Result<Operation, Failure> {
    if args.none {
        return Ok(Operation::SetGuardians {
            guardians: Vec::new(),
            threshold: 0,
            delay_ms: 0,
        });
    }
    let mut guardians = args.guardians.clone();
    guardians.sort_unstable();
    if guardians.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Failure::usage("a guardian is given twice"));
    }
    let count = u8::try_from(guardians.len()).ok();
    let count = count.filter(|count| usize::from(*count) <= MAX_GUARDIANS);
    let count =
        count.ok_or_else(|| Failure::usage(format!("an account has {MAX_GUARDIANS} guardians at most")))?;
    let threshold = args.threshold.unwrap_or(count);
    if !(1..=count).contains(&threshold) {
        let there_are = if count == 1 { "there is" } else { "there are" };
        let guardians = if count == 1 { "guardian" } else { "guardians" };
        return Err(Failure::usage(format!(
            "the threshold is {threshold}, and {there_are} {count} {guardians}"
        )));
    }
    let delay_ms = args.delay_days.checked_mul(DAY_MS);
    Ok(Operation::SetGuardians {
        guardians,
        threshold,
        delay_ms: delay_ms.ok_or_else(|| Failure::usage("the delay is too long"))?,
    })
}
