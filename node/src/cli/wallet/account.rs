//! What an account holds, did, and who may sign for it.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use quorate_client::Page;
use quorate_client::schema::{OperationView, Transaction};
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::format_amount;
use quorate_crypto::PublicKey;
use quorate_ledger::limits::MAX_WEIGHT;
use quorate_ledger::{Address, Amount, AssetCode, Operation, Signer};
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, Tone, printable, say};
use quorate_tools::passphrase::PassphraseArgs;
use quorate_tools::wallet::{Ledger, NodeArgs};

use super::KeyArgs;
use super::send::SendArgs;

/// Which account to look at.
#[derive(Args, Clone, Debug)]
pub(crate) struct WhoseArgs {
    /// The account [default: the one of --key]
    #[arg(value_name = "ADDRESS", env = "QUORATE_ACCOUNT")]
    address: Option<Address>,
    /// The key file whose account is meant
    #[arg(
        long,
        value_name = "FILE",
        env = "QUORATE_KEY",
        required_unless_present = "address"
    )]
    key: Option<std::path::PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet balance --key alice.key
  quorate wallet balance qr1…")]
pub(crate) struct BalanceArgs {
    #[command(flatten)]
    whose: WhoseArgs,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet history --key alice.key --limit 50")]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    whose: WhoseArgs,
    /// Show at most N transactions, newest first
    #[arg(long, value_name = "N", default_value_t = 25)]
    limit: usize,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Subcommand, Debug)]
#[command(after_help = "Example:
  quorate wallet signers set --key alice.key --signer 5f0c…:1 --signer 77aa…:1 --threshold 2")]
pub(crate) enum SignersCommand {
    /// Replace an account's signers and threshold
    Set(SetSignersArgs),
    /// Show an account's signers and threshold
    #[command(after_help = "Example:\n  quorate wallet signers show --key alice.key")]
    Show(BalanceArgs),
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet signers set --key alice.key --signer 5f0c…:1 --signer 77aa…:1 --threshold 2")]
pub(crate) struct SetSignersArgs {
    /// A public key and its weight, KEY:WEIGHT; once for each signer
    #[arg(long = "signer", value_name = "KEY:WEIGHT", required = true)]
    signers: Vec<String>,
    /// The weight that authorises a transaction
    #[arg(long, value_name = "N")]
    threshold: u32,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    send: SendArgs,
}

/// How many transactions are asked for at a time.
const PAGE: u32 = 200;

impl WhoseArgs {
    fn address(&self) -> Result<Address, Failure> {
        match (&self.address, &self.key) {
            (Some(address), _) => Ok(*address),
            (None, Some(key)) => Ok(self.passphrase.open(key)?.public().address()),
            (None, None) => Err(Failure::usage("name an address or a --key")),
        }
    }
}

/// Writes amounts with their asset's decimals, each asset asked for once.
pub(crate) struct Decimals {
    known: BTreeMap<AssetCode, u8>,
}

impl Decimals {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            known: BTreeMap::new(),
        }
    }

    /// Learns about an asset.
    pub(crate) async fn learn(
        &mut self,
        client: &quorate_client::Client,
        code: &AssetCode,
    ) -> Result<(), Failure> {
        if !self.known.contains_key(code) {
            let decimals = client.asset(code).await?.decimals;
            self.known.insert(*code, decimals);
        }
        Ok(())
    }

    /// Learns about all assets that an operation names.
    pub(crate) async fn learn_operation(
        &mut self,
        client: &quorate_client::Client,
        operation: &OperationView,
    ) -> Result<(), Failure> {
        match operation {
            OperationView::Mint { asset, .. }
            | OperationView::Burn { asset, .. }
            | OperationView::Transfer { asset, .. } => match self.learn(client, asset).await {
                // A failed transaction may name an asset that there is not.
                Err(failure) if failure.exit() == quorate_tools::failure::Exit::NotFound => Ok(()),
                other => other,
            },
            _ => Ok(()),
        }
    }

    /// An amount with its asset's code.
    pub(crate) fn show(&self, amount: Amount, code: &AssetCode) -> String {
        match self.known.get(code) {
            Some(decimals) => format!("{} {code}", format_amount(amount, *decimals)),
            None => format!("{amount} smallest units of {code}"),
        }
    }

    /// An operation in words.
    pub(crate) fn describe(&self, operation: &OperationView) -> String {
        let noted = |memo: &str| {
            if memo.is_empty() {
                String::new()
            } else {
                format!(" ({})", printable(memo))
            }
        };
        match operation {
            OperationView::CreateAsset {
                code,
                decimals,
                description,
            } => {
                format!(
                    "create asset {code} with {decimals} decimals{}",
                    noted(description)
                )
            }
            OperationView::Mint { asset, to, amount } => {
                format!("mint {} to {to}", self.show(*amount, asset))
            }
            OperationView::Burn { asset, amount } => format!("burn {}", self.show(*amount, asset)),
            OperationView::Transfer {
                to,
                asset,
                amount,
                memo,
            } => {
                format!("pay {} to {to}{}", self.show(*amount, asset), noted(memo))
            }
            OperationView::PutRecord { sha256, label, .. } => format!("record {sha256}{}", noted(label)),
            OperationView::SetSigners { signers, threshold } => {
                format!("set {} signers, threshold {threshold}", signers.len())
            }
            OperationView::Rejoin { validator, .. } => format!("let validator {validator} rejoin"),
        }
    }
}

/// Says which part of an answer is checked and which is a node's word.
fn warn_unproven(ledger: &Ledger, what: &str) {
    if ledger.is_trustless() {
        say(format!(
            "note: the network and its last block were checked against the genesis document; {what} is the \
             node's word, as it comes without a proof"
        ));
    }
}

/// Shows what an account holds.
pub(crate) async fn balance(args: &BalanceArgs, output: &Output) -> Result<(), Failure> {
    let address = args.whose.address()?;
    let ledger = args.node.connect().await?;
    if ledger.is_trustless() {
        ledger.tip().await?;
    }
    let account = ledger.client().account(&address).await?;
    warn_unproven(&ledger, "the balance");
    let mut decimals = Decimals::new();
    let mut balances = Vec::new();
    for balance in &account.balances {
        decimals.learn(ledger.client(), &balance.asset).await?;
        let shown = decimals.known.get(&balance.asset).copied().unwrap_or(0);
        balances.push((
            balance.asset,
            balance.amount,
            format_amount(balance.amount, shown),
        ));
    }
    let list: Vec<serde_json::Value> = balances
        .iter()
        .map(|(asset, amount, shown)| {
            serde_json::json!({ "asset": asset, "amount": amount.to_string(), "decimal": shown })
        })
        .collect();
    output.print(
        &serde_json::json!({ "address": address, "balances": list }),
        |output| {
            if balances.is_empty() {
                return format!("{address} holds nothing.");
            }
            let rows = balances
                .iter()
                .map(|(asset, _, shown)| vec![asset.to_string(), shown.clone()]);
            output.table(&["ASSET", ">AMOUNT"], rows.collect())
        },
    )
}

/// Shows an account's transactions.
pub(crate) async fn history(args: &HistoryArgs, output: &Output) -> Result<(), Failure> {
    let address = args.whose.address()?;
    let ledger = args.node.connect().await?;
    let mut transactions: Vec<Transaction> = Vec::new();
    let mut cursor = None;
    while transactions.len() < args.limit {
        let missing = u32::try_from(args.limit - transactions.len()).unwrap_or(u32::MAX);
        let page = Page {
            limit: Some(missing.min(PAGE)),
            cursor,
        };
        let list = ledger.client().account_transactions(&address, &page).await?;
        transactions.extend(list.transactions);
        cursor = list.next;
        if cursor.is_none() {
            break;
        }
    }
    warn_unproven(&ledger, "the history");
    let mut decimals = Decimals::new();
    if output.is_text() {
        for operation in transactions
            .iter()
            .flat_map(|transaction| &transaction.operations)
        {
            decimals.learn_operation(ledger.client(), operation).await?;
        }
    }
    let view = serde_json::json!({ "address": address, "transactions": transactions, "next": cursor });
    output.print(&view, |output| {
        if transactions.is_empty() {
            return format!("{address} has no transactions.");
        }
        let rows = transactions
            .iter()
            .map(|transaction| history_row(transaction, &address, &decimals, output));
        output.table(&[">HEIGHT", "TIME", "STATUS", "ID", "WHAT"], rows.collect())
    })
}

fn history_row(
    transaction: &Transaction,
    address: &Address,
    decimals: &Decimals,
    output: &Output,
) -> Vec<String> {
    let time = transaction.timestamp.map_or_else(|| "-".to_owned(), rfc3339_of);
    let height = transaction
        .height
        .map_or_else(|| "-".to_owned(), |height| height.to_string());
    let status = match &transaction.code {
        Some(code) => output.paint(Tone::Bad, code),
        None => output.paint(Tone::Good, "committed"),
    };
    let mut what = match transaction.operations.as_slice() {
        [] => String::new(),
        [only] => decimals.describe(only),
        [first, rest @ ..] => format!("{} and {} more", decimals.describe(first), rest.len()),
    };
    if transaction.sender != *address {
        what = format!("from {}: {what}", transaction.sender);
    }
    vec![height, time, status, transaction.id.to_string(), what]
}

/// Shows or replaces an account's signers.
pub(crate) async fn signers(command: SignersCommand, output: &Output) -> Result<(), Failure> {
    match command {
        SignersCommand::Set(args) => set_signers(&args, output).await,
        SignersCommand::Show(args) => show_signers(&args, output).await,
    }
}

async fn set_signers(args: &SetSignersArgs, output: &Output) -> Result<(), Failure> {
    let mut signers = args
        .signers
        .iter()
        .map(|text| signer(text))
        .collect::<Result<Vec<_>, _>>()?;
    signers.sort_by_key(|signer| signer.key);
    if signers.windows(2).any(|pair| pair[0].key == pair[1].key) {
        return Err(Failure::usage("a key is given twice"));
    }
    let sum: u64 = signers.iter().map(|signer| u64::from(signer.weight)).sum();
    if args.threshold == 0 || u64::from(args.threshold) > sum {
        return Err(Failure::usage(format!(
            "the threshold is {}, the signers together have {sum}: nobody could sign for the account",
            args.threshold
        )));
    }
    let key = args.key.open()?;
    let ledger = args.node.connect().await?;
    let operation = Operation::SetSigners {
        signers,
        threshold: args.threshold,
    };
    args.send.send(vec![operation], "", &key, &ledger, output).await
}

/// `KEY:WEIGHT`.
fn signer(text: &str) -> Result<Signer, Failure> {
    let wrong = |why: String| Failure::usage(why).while_doing(format!("--signer {text}"));
    let (key, weight) = text
        .split_once(':')
        .ok_or_else(|| wrong("expected KEY:WEIGHT".to_owned()))?;
    let key: PublicKey = key.parse().map_err(|error| wrong(format!("{error}")))?;
    key.check_registrable()
        .map_err(|error| wrong(error.to_string()))?;
    let weight: u32 = weight
        .parse()
        .map_err(|_| wrong("the weight is not a number".to_owned()))?;
    if !(1..=MAX_WEIGHT).contains(&weight) {
        return Err(wrong(format!("a weight is 1 to {MAX_WEIGHT}")));
    }
    Ok(Signer { key, weight })
}

async fn show_signers(args: &BalanceArgs, output: &Output) -> Result<(), Failure> {
    let address = args.whose.address()?;
    let ledger = args.node.connect().await?;
    let account = ledger.client().account(&address).await?;
    warn_unproven(&ledger, "the list of signers");
    let view = serde_json::json!({
        "address": address,
        "threshold": account.threshold,
        "signers": account.signers,
    });
    output.print(&view, |output| {
        if account.signers.is_empty() {
            return format!("The key that {address} was made from signs alone.");
        }
        let rows = account
            .signers
            .iter()
            .map(|signer| vec![signer.key.to_string(), signer.weight.to_string()]);
        format!(
            "threshold {}\n{}",
            account.threshold,
            output.table(&["KEY", ">WEIGHT"], rows.collect())
        )
    })
}
