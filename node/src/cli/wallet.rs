//! `quorate wallet`: accounts, payments, assets, records.

pub(crate) mod account;
mod asset;
mod bundle;
mod history;
pub(crate) mod notarize;
pub(super) mod offline;
mod pay;
pub(super) mod send;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use quorate_crypto::SigningKey;
use quorate_ledger::Address;
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, write_out};
use quorate_tools::passphrase::PassphraseArgs;

use super::keys;

#[derive(Subcommand, Debug)]
#[command(after_help = "Example:
  quorate wallet new alice.key
  quorate wallet transfer --key treasury.key --to $(quorate wallet address --key alice.key) \\
      --amount 12.50 --asset QRT")]
pub(crate) enum WalletCommand {
    /// Make a key; its address is an account
    New(NewArgs),
    /// Print a key's address
    Address(AddressArgs),
    /// Show what an account holds
    Balance(account::BalanceArgs),
    /// Pay somebody, and wait until the payment is committed
    Transfer(send::TransferArgs),
    /// Make the payments of a CSV file, each of them once
    Pay(pay::PayArgs),
    /// Make, mint, burn and show assets
    #[command(subcommand)]
    Asset(asset::AssetCommand),
    /// Record the hashes of files, to prove later that they existed
    Notarize(notarize::NotarizeArgs),
    /// Show what came to and went from an account, newest first
    History(history::HistoryArgs),
    /// Build a transaction for others to sign
    Build(offline::BuildArgs),
    /// Show what was built, before it is signed
    Show(offline::ShowArgs),
    /// Add a signature to what was built
    Sign(offline::SignArgs),
    /// Put the signatures of several copies together
    Combine(offline::CombineArgs),
    /// Submit what was built and signed
    Submit(offline::SubmitArgs),
    /// Wait until a transaction is committed
    Wait(offline::WaitArgs),
    /// Say who may sign for an account
    #[command(subcommand)]
    Signers(account::SignersCommand),
}

/// The key that signs, and the account that it signs for.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyArgs {
    /// The key file
    #[arg(long, value_name = "FILE", env = "QUORATE_KEY", help_heading = "Key")]
    key: PathBuf,
    /// The account that acts, if it is not the key's own
    #[arg(long, value_name = "ADDRESS", env = "QUORATE_ACCOUNT", help_heading = "Key")]
    account: Option<Address>,
    #[command(flatten, next_help_heading = "Key")]
    passphrase: PassphraseArgs,
}

/// A key that was opened, once: its passphrase may have been asked for at the terminal.
pub(crate) struct OpenKey {
    /// The key.
    pub(crate) key: SigningKey,
    /// The account that it signs for.
    pub(crate) account: Address,
}

impl KeyArgs {
    /// Opens the key.
    pub(crate) fn open(&self) -> Result<OpenKey, Failure> {
        let key = self.passphrase.open(&self.key)?;
        let account = self.account.unwrap_or_else(|| key.public().address());
        Ok(OpenKey { key, account })
    }
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet new alice.key")]
pub(crate) struct NewArgs {
    #[command(flatten)]
    new: keys::NewFile,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet address --key alice.key")]
pub(crate) struct AddressArgs {
    /// The key file
    #[arg(long, value_name = "FILE", env = "QUORATE_KEY")]
    key: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Carries out a command of this group, `pay` excepted, which takes signals itself.
pub(crate) async fn run(command: WalletCommand, output: &Output) -> Result<(), Failure> {
    match command {
        WalletCommand::New(args) => keys::new(&args.new, keys::Kind::Wallet, output),
        WalletCommand::Address(args) => address(&args, output),
        WalletCommand::Balance(args) => account::balance(&args, output).await,
        WalletCommand::Transfer(args) => send::transfer(&args, output).await,
        WalletCommand::Pay(args) => pay::pay(args, output).await,
        WalletCommand::Asset(command) => asset::run(command, output).await,
        WalletCommand::Notarize(args) => notarize::notarize(&args, output).await,
        WalletCommand::History(args) => history::history(&args, output).await,
        WalletCommand::Build(args) => offline::build(&args, output).await,
        WalletCommand::Show(args) => offline::show(&args, output),
        WalletCommand::Sign(args) => offline::sign(&args, output),
        WalletCommand::Combine(args) => offline::combine(&args, output),
        WalletCommand::Submit(args) => offline::submit(&args, output).await,
        WalletCommand::Wait(args) => offline::wait(&args, output).await,
        WalletCommand::Signers(command) => account::signers(command, output).await,
    }
}

fn address(args: &AddressArgs, output: &Output) -> Result<(), Failure> {
    let address = args.passphrase.open(&args.key)?.public().address();
    if output.is_text() {
        write_out(&format!("{address}\n"))
    } else {
        output.print(&serde_json::json!({ "address": address }), |_| String::new())
    }
}
