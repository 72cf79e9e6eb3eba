//! Sending operations, and `quorate wallet transfer`.

use std::time::Duration;

use clap::Args;
use quorate_client::wallet::{TransactionBuilder, random_salt};
use quorate_ledger::limits::MAX_MEMO_BYTES;
use quorate_ledger::{Address, AssetCode, Operation, legal_text};
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;
use quorate_tools::wallet::{Fate, Ledger, NodeArgs, check_amount_form};

use super::{KeyArgs, OpenKey};

/// How a transaction is sent and followed.
#[derive(Args, Clone, Debug)]
pub(crate) struct SendArgs {
    /// Return once a node has taken the transaction; that promises nothing yet
    #[arg(long, help_heading = "Sending")]
    no_wait: bool,
    /// Seconds to wait for the outcome
    #[arg(
        long,
        value_name = "SECONDS",
        env = "QUORATE_TIMEOUT",
        default_value_t = 30,
        help_heading = "Sending"
    )]
    timeout: u64,
    /// Seconds after which the transaction is no longer executed
    #[arg(
        long,
        value_name = "SECONDS",
        env = "QUORATE_EXPIRES_IN",
        default_value_t = 120,
        help_heading = "Sending"
    )]
    expires_in: u64,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet transfer --key treasury.key --to qr1… --amount 12.50 --asset QRT")]
pub(crate) struct TransferArgs {
    /// Who is paid
    #[arg(long, value_name = "ADDRESS")]
    to: Address,
    /// How much, in the asset's own decimals
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    amount: String,
    /// Of which asset
    #[arg(long, value_name = "CODE", env = "QUORATE_ASSET")]
    asset: AssetCode,
    /// A note that everybody can read until it is erased, at most 256 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    memo: String,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    send: SendArgs,
}

impl SendArgs {
    /// How long to follow a transaction.
    pub(crate) fn wait(&self) -> Option<Duration> {
        (!self.no_wait).then(|| Duration::from_secs(self.timeout))
    }

    /// How far away its expiry is.
    pub(crate) fn lead(&self) -> Duration {
        Duration::from_secs(self.expires_in)
    }

    /// Builds a transaction of these operations, signs it, sends it and prints what became of it.
    pub(crate) async fn send(
        &self,
        operations: Vec<Operation>,
        memo: &str,
        key: &OpenKey,
        ledger: &Ledger,
        output: &Output,
    ) -> Result<(), Failure> {
        let outcome = self
            .deliver(key, ledger, |builder| builder.operations(operations).memo(memo))
            .await?;
        outcome.report(output, !self.no_wait)
    }

    /// The same of what `build` adds, with its texts, whose salts are drawn.
    pub(crate) async fn send_built(
        &self,
        key: &OpenKey,
        ledger: &Ledger,
        output: &Output,
        build: impl FnOnce(TransactionBuilder) -> TransactionBuilder,
    ) -> Result<(), Failure> {
        let outcome = self.deliver(key, ledger, build).await?;
        outcome.report(output, !self.no_wait)
    }

    /// As [`send_built`](Self::send_built), without printing.
    pub(crate) async fn deliver(
        &self,
        key: &OpenKey,
        ledger: &Ledger,
        build: impl FnOnce(TransactionBuilder) -> TransactionBuilder,
    ) -> Result<Fate, Failure> {
        let expires_at = ledger.expiry(self.lead()).await?;
        let salt = random_salt().map_err(Failure::failed)?;
        let builder = TransactionBuilder::new(ledger.network(), key.account, expires_at, salt);
        let unsigned = build(builder).build().map_err(Failure::failed)?;
        let submission = unsigned.sign([&key.key]);
        ledger.send(&submission, self.wait()).await
    }
}

/// Checks the memo of a transaction.
pub(crate) fn check_memo(memo: &str) -> Result<(), Failure> {
    check_text("memo", memo, MAX_MEMO_BYTES)
}

/// Checks that a text, which may be empty, can stand on the ledger.
pub(crate) fn check_text(what: &str, text: &str, limit: usize) -> Result<(), Failure> {
    if text.len() > limit {
        return Err(Failure::usage(format!(
            "the {what} has {} bytes, at most {limit} are allowed",
            text.len()
        )));
    }
    match legal_text(text.as_bytes()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::usage(format!(
            "the {what} cannot stand on the ledger: {error}"
        ))),
    }
}

/// Pays somebody.
pub(crate) async fn transfer(args: &TransferArgs, output: &Output) -> Result<(), Failure> {
    check_memo(&args.memo)?;
    check_amount_form(&args.amount).map_err(Failure::usage)?;
    // Opened before anything is asked: a key that cannot be used should not depend on the network.
    let key = args.key.open()?;
    let ledger = args.node.connect().await?;
    let amount = ledger.amount(&args.amount, &args.asset).await?;
    let operation = Operation::Transfer {
        to: args.to,
        asset: args.asset,
        amount,
    };
    args.send
        .send(vec![operation], &args.memo, &key, &ledger, output)
        .await
}
