//! `quorate wallet asset`: assets of one's own.

use clap::{Args, Subcommand};
use quorate_client::schema::Asset;
use quorate_client::wallet::{TransactionBuilder, format_amount};
use quorate_ledger::limits::MAX_DESCRIPTION_BYTES;
use quorate_ledger::{Address, Amount, AssetCode, Operation};
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, printable};
use quorate_tools::wallet::{Ledger, NodeArgs, check_amount_form};

use super::KeyArgs;
use super::account::say_proven;
use super::acting::check_protocol;
use super::send::{SendArgs, check_text};

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
    /// Only accounts with the right hold-asset can receive it (networks of protocol 2)
    #[arg(long)]
    admission: bool,
    /// Accounts can be frozen for it (networks of protocol 2)
    #[arg(long)]
    freezable: bool,
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
            check_text("description", &args.description, MAX_DESCRIPTION_BYTES)?;
            let key = args.key.open()?;
            let ledger = args.node.connect().await?;
            let operation = Operation::CreateAsset {
                code: args.code,
                decimals: args.decimals,
                flags: u8::from(args.admission) | u8::from(args.freezable) << 1,
            };
            if operation.protocol() > 1 {
                check_protocol(&ledger).await?;
            }
            let create = |builder: TransactionBuilder| builder.operation(operation).text(0, args.description);
            args.send.send_built(&key, &ledger, output, create).await
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

/// What is asked of an asset's holders, if anything is.
pub(crate) fn flags(asset: &Asset) -> Vec<(&'static str, String)> {
    let admission = (
        "admission",
        "who receives it needs the right hold-asset".to_owned(),
    );
    let freezable = ("freezable", "accounts can be frozen for it".to_owned());
    let flags = [(asset.admission, admission), (asset.freezable, freezable)];
    flags
        .into_iter()
        .filter_map(|(is_set, field)| is_set.then_some(field))
        .collect()
}

async fn info(args: &InfoArgs, output: &Output) -> Result<(), Failure> {
    let ledger = args.node.connect().await?;
    let asset = match ledger.proven_asset(&args.code).await? {
        Some(proven) => {
            say_proven(&proven.head);
            let missing = || Failure::not_found(format!("there is no asset {}", args.code));
            proven.value.ok_or_else(missing)?
        }
        None => ledger.client().asset(&args.code).await?,
    };
    output.print(&asset, |output| {
        let mut fields = vec![
            ("code", asset.code.to_string()),
            ("decimals", asset.decimals.to_string()),
            ("supply", format_amount(asset.supply, asset.decimals)),
            ("issuer", asset.issuer.to_string()),
        ];
        fields.extend(flags(&asset));
        // A text of the transaction that made it, which no proof of the asset has.
        if !ledger.is_trustless() {
            fields.push(("description", printable(&asset.description)));
        }
        output.fields(&fields)
    })
}
