//! What an account holds, did, and who may sign for it.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use quorate_client::schema::OperationView;
use quorate_client::wallet::format_amount;
use quorate_crypto::PublicKey;
use quorate_ledger::limits::MAX_WEIGHT;
use quorate_ledger::{Address, Amount, AssetCode, Operation, Signer};
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, printable, say};
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
  quorate wallet signers set --key alice.key --signer 5f0c…:1 --signer 77aa…:1 --threshold 2

The keys that sign now sign no more, unless they are given again. Several signers sign apart:
quorate wallet build, or quorate node rejoin --out for a member's account.")]
pub(crate) struct SetSignersArgs {
    /// A public key and its weight, KEY:WEIGHT; once for each signer
    #[arg(long = "signer", value_name = "KEY:WEIGHT", required = true)]
    signers: Vec<String>,
    /// The weight that authorises a transaction
    #[arg(long, value_name = "N")]
    threshold: u32,
    /// Set them though the account is a member's: they sign its validator's rejoins from then on
    #[arg(long)]
    of_member: bool,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    send: SendArgs,
}

impl WhoseArgs {
    /// The account's address.
    pub(crate) fn address(&self) -> Result<Address, Failure> {
        match (&self.address, &self.key) {
            (Some(address), _) => Ok(*address),
            (None, Some(key)) => Ok(self.passphrase.open(key)?.public().address()),
            (None, None) => Err(Failure::usage("name an address or a --key")),
        }
    }
}

/// Writes amounts with their asset's decimals, each asset asked for once, and accounts with the names that are known.
#[derive(Default)]
pub(crate) struct Decimals {
    known: BTreeMap<AssetCode, u8>,
    names: BTreeMap<Address, String>,
}

impl Decimals {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Knows these.
    pub(crate) fn known(known: BTreeMap<AssetCode, u8>, names: BTreeMap<Address, String>) -> Self {
        Self { known, names }
    }

    /// An account, with its name if it has one.
    pub(crate) fn who(&self, address: &Address) -> String {
        match self.names.get(address) {
            Some(name) => format!("{address} ({name})"),
            None => address.to_string(),
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

    /// Learns about an asset, by a word that can be trusted if there is one, else by the node's.
    pub(crate) async fn learn_shown(&mut self, ledger: &Ledger, code: &AssetCode) -> Result<(), Failure> {
        if let Some(decimals) = ledger.decimals_shown(code).await? {
            self.known.insert(*code, decimals);
        }
        Ok(())
    }

    /// An asset's decimals.
    pub(crate) fn of(&self, code: &AssetCode) -> Option<u8> {
        self.known.get(code).copied()
    }

    /// An amount in its asset's units.
    pub(crate) fn plain(&self, amount: Amount, code: &AssetCode) -> Option<String> {
        self.of(code).map(|decimals| format_amount(amount, decimals))
    }

    /// An amount with its asset's code.
    pub(crate) fn show(&self, amount: Amount, code: &AssetCode) -> String {
        match self.plain(amount, code) {
            Some(amount) => format!("{amount} {code}"),
            None => format!("{amount} smallest units of {code}"),
        }
    }

    /// The first of some operations in words, and how many more there are.
    pub(crate) fn summary(&self, operations: &[OperationView]) -> String {
        match operations {
            [] => String::new(),
            [only] => self.describe(only),
            [first, rest @ ..] => format!("{} and {} more", self.describe(first), rest.len()),
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
                format!("mint {} to {}", self.show(*amount, asset), self.who(to))
            }
            OperationView::Burn { asset, amount } => format!("burn {}", self.show(*amount, asset)),
            OperationView::Transfer {
                to,
                asset,
                amount,
                memo,
            } => {
                let (amount, to) = (self.show(*amount, asset), self.who(to));
                format!("pay {amount} to {to}{}", noted(memo))
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
pub(super) fn warn_unproven(ledger: &Ledger, what: &str) {
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
        decimals.learn_shown(&ledger, &balance.asset).await?;
        let shown = decimals.of(&balance.asset).unwrap_or(0);
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
    if !args.of_member
        && let Some(member) = ledger.member_of(&key.account).await?
    {
        return Err(Failure::usage(format!(
            "{} is the account of the member {}: from then on only these signers could let its validator vote again \
             after it has lost its journal. Nothing was sent",
            key.account,
            printable(&member)
        ))
        .hint("if that is meant, and each of these keys is kept where it can sign, add --of-member"));
    }
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
