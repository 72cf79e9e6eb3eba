//! `quorate wallet asset`: assets of one's own.

use clap::{Args, Subcommand};
use quorate_client::wallet::format_amount;
use quorate_ledger::limits::MAX_DESCRIPTION_BYTES;
use quorate_ledger::{Address, Amount, AssetCode, Operation};
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, printable};
use quorate_tools::wallet::{Ledger, NodeArgs, check_amount_form};

use super::KeyArgs;
use super::send::SendArgs;

#[derive(Subcommand, Debug)]
#[command(after_help = "Example:
  quorate wallet asset create GOLD --decimals 4 --description 'ounces of gold' --key alice.key
  quorate wallet asset mint GOLD --to qr1… --amount 100 --key alice.key")]
pub(crate) enum AssetCommand {
    /// Make an asset, which its maker alone mints
    Create(CreateArgs),
    /// Make new units of an asset of one's own
    Mint(MintArgs),
    /// Destroy units that one holds
    Burn(BurnArgs),
    /// Show an asset
    Info(InfoArgs),
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet asset create GOLD --decimals 4 --description 'ounces of gold' --key alice.key")]
pub(crate) struct CreateArgs {
    /// Its code, 1 to 12 of A–Z and 0–9, unique on the ledger
    #[arg(value_name = "CODE")]
    code: AssetCode,
    /// Digits after the decimal point, 0 to 18
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=18))]
    decimals: u8,
    /// What it is, at most 128 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    send: SendArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet asset mint GOLD --to qr1… --amount 100 --key alice.key")]
pub(crate) struct MintArgs {
    /// The asset
    #[arg(value_name = "CODE")]
    code: AssetCode,
    /// Who receives them [default: the minting account]
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,
    /// How many, in the asset's own decimals
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    amount: String,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    send: SendArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet asset burn GOLD --amount 1.5 --key alice.key")]
pub(crate) struct BurnArgs {
    /// The asset
    #[arg(value_name = "CODE")]
    code: AssetCode,
    /// How many, in the asset's own decimals
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    amount: String,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    send: SendArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet asset info GOLD")]
pub(crate) struct InfoArgs {
    /// The asset
    #[arg(value_name = "CODE")]
    code: AssetCode,
    #[command(flatten)]
    node: NodeArgs,
}

/// Carries out a command of this group.
pub(crate) async fn run(command: AssetCommand, output: &Output) -> Result<(), Failure> {
    match command {
        AssetCommand::Create(args) => {
            if args.description.len() > MAX_DESCRIPTION_BYTES {
                return Err(Failure::usage(format!(
                    "a description has at most {MAX_DESCRIPTION_BYTES} bytes"
                )));
            }
            let operation = Operation::CreateAsset {
                code: args.code,
                decimals: args.decimals,
                description: args.description,
            };
            let key = args.key.open()?;
            let ledger = args.node.connect().await?;
            args.send.send(vec![operation], "", &key, &ledger, output).await
        }
        AssetCommand::Mint(args) => {
            check_amount_form(&args.amount).map_err(Failure::usage)?;
            let key = args.key.open()?;
            let to = match args.to {
                Some(to) => to,
                None => key.account,
            };
            let ledger = args.node.connect().await?;
            let amount = amount(&args.amount, &args.code, &ledger).await?;
            let operation = Operation::Mint {
                asset: args.code,
                to,
                amount,
            };
            args.send.send(vec![operation], "", &key, &ledger, output).await
        }
        AssetCommand::Burn(args) => {
            check_amount_form(&args.amount).map_err(Failure::usage)?;
            let key = args.key.open()?;
            let ledger = args.node.connect().await?;
            let amount = amount(&args.amount, &args.code, &ledger).await?;
            let operation = Operation::Burn {
                asset: args.code,
                amount,
            };
            args.send.send(vec![operation], "", &key, &ledger, output).await
        }
        AssetCommand::Info(args) => info(&args, output).await,
    }
}

async fn amount(text: &str, code: &AssetCode, ledger: &Ledger) -> Result<Amount, Failure> {
    let amount = ledger.amount(text, code).await?;
    if amount.0 == 0 {
        return Err(Failure::usage("the amount is zero: nothing was sent"));
    }
    Ok(amount)
}

async fn info(args: &InfoArgs, output: &Output) -> Result<(), Failure> {
    let asset = args.node.connect().await?.client().asset(&args.code).await?;
    output.print(&asset, |output| {
        output.fields(&[
            ("code", asset.code.to_string()),
            ("decimals", asset.decimals.to_string()),
            ("supply", format_amount(asset.supply, asset.decimals)),
            ("issuer", asset.issuer.to_string()),
            ("description", printable(&asset.description)),
        ])
    })
}
