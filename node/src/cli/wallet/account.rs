//! What an account holds, did, and who may sign for it.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use quorate_client::governance::operation_in_words;
use quorate_client::schema::{
    Account, ActView, ConditionLeafView, ConditionView, HoldName, KeepView, OperationView,
    Transaction as TransactionView,
};
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::format_amount;
use quorate_ledger::limits::MAX_WEIGHT;
use quorate_ledger::{Address, Amount, AssetCode, Digest, Intent, Operation, Signer, Signers};
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, printable, say};
use quorate_tools::passphrase::PassphraseArgs;
use quorate_tools::wallet::{Ledger, NodeArgs};
use quorate_verifier::HeadFacts;

use super::send::SendArgs;
use super::{KeyArgs, key_of, open_key};
use crate::cli::query::proven;

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
  quorate wallet signers set --key alice.key --signer 5f0c…=1 --signer p256:02aa…=1 --threshold 2")]
pub(crate) enum SignersCommand {
    /// Replace an account's signers and threshold
    Set(SetSignersArgs),
    /// Show an account's signers and threshold
    #[command(after_help = "Example:\n  quorate wallet signers show --key alice.key")]
    Show(BalanceArgs),
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet signers set --key alice.key --signer 5f0c…=1 --signer 77aa…=1 --threshold 2

The keys that sign now sign no more, unless they are given again. Several signers sign apart:
quorate wallet build, or quorate node rejoin --out for a member's account.")]
pub(crate) struct SetSignersArgs {
    /// A public key and its weight, KEY=WEIGHT; once for each signer. Without its kind a key is Ed25519
    #[arg(long = "signer", value_name = "KEY=WEIGHT", required = true)]
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
            (None, Some(key)) => Ok(open_key(&self.passphrase, key)?.key().address()),
            (None, None) => Err(Failure::usage("name an address or a --key")),
        }
    }
}

/// An operation as the API shows it, alone or with who acts in it.
pub(crate) trait Described {
    /// The operation.
    fn operation(&self) -> &OperationView;
}

impl Described for OperationView {
    fn operation(&self) -> &OperationView {
        self
    }
}

impl Described for ActView {
    fn operation(&self) -> &OperationView {
        &self.operation
    }
}

/// The operations of an intent as the API shows them, without their texts.
pub(crate) fn acts_of(intent: &Intent) -> Vec<ActView> {
    let transaction = intent.clone().sign([]);
    TransactionView::pending(intent.id(), &transaction, &[]).operations
}

/// The operations of an intent that make, pay or give back holds, by their index: a line for each, in words.
pub(crate) fn words_on_holds(intent: &Intent, decimals: &Decimals) -> BTreeMap<usize, String> {
    let acts = acts_of(intent).into_iter().enumerate();
    let of_holds = acts.filter(|(_, act)| {
        matches!(
            act.operation,
            OperationView::Hold { .. } | OperationView::Release { .. } | OperationView::Refund { .. }
        )
    });
    let words = of_holds.map(|(index, act)| {
        let words = decimals.describe(&act);
        (index, format!("{index} by {} {words}", act.by))
    });
    words.collect()
}

/// The operations of an intent that are of governance, by their index: each in words, which stand beside the exact line.
pub(crate) fn words_on_governance(intent: &Intent) -> BTreeMap<usize, String> {
    let acts = intent.v1().operations.iter().enumerate();
    let words = acts.filter_map(|(index, act)| Some((index, operation_in_words(&act.operation, &[])?)));
    words.collect()
}

/// An open hold, as far as it says what a release or a refund of it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenHold {
    /// Of which asset it is.
    pub(crate) asset: AssetCode,
    /// What is left of it.
    pub(crate) left: Amount,
    /// To whom a release pays.
    pub(crate) beneficiary: Address,
}

/// Holds, by the operations that made them.
pub(crate) type KnownHolds = BTreeMap<(Digest, u16), OpenHold>;

/// Writes amounts with their asset's decimals, each asset asked for once, and accounts with the names that are known.
#[derive(Default)]
pub(crate) struct Decimals {
    known: BTreeMap<AssetCode, u8>,
    names: BTreeMap<Address, String>,
    holds: KnownHolds,
}

impl Decimals {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Knows these.
    pub(crate) fn known(known: BTreeMap<AssetCode, u8>, names: BTreeMap<Address, String>) -> Self {
        Self {
            known,
            names,
            holds: KnownHolds::new(),
        }
    }

    /// Knows these holds, too.
    pub(crate) fn with_holds(self, holds: KnownHolds) -> Self {
        Self { holds, ..self }
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

    /// Learns about the asset that an operation names.
    pub(crate) async fn learn_operation(
        &mut self,
        client: &quorate_client::Client,
        operation: &impl Described,
    ) -> Result<(), Failure> {
        let operation = operation.operation();
        let asset = match operation {
            // It says itself.
            OperationView::CreateAsset { .. } => None,
            other => other.asset(),
        };
        let Some(asset) = asset else {
            return Ok(());
        };
        match self.learn(client, &asset).await {
            // A failed transaction may name an asset that there is not.
            Err(failure) if failure.exit() == quorate_tools::failure::Exit::NotFound => Ok(()),
            other => other,
        }
    }

    /// Learns about an asset, by a word that can be trusted if there is one, else by the node's.
    pub(crate) async fn learn_shown(&mut self, ledger: &Ledger, code: &AssetCode) -> Result<(), Failure> {
        if let Some(decimals) = ledger.decimals(code).await? {
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

    /// An operation in words.
    pub(crate) fn describe(&self, operation: &impl Described) -> String {
        let noted = |memo: &str| {
            if memo.is_empty() {
                String::new()
            } else {
                format!(" ({})", printable(memo))
            }
        };
        match operation.operation() {
            OperationView::CreateAsset {
                code,
                decimals,
                admission,
                freezable,
                description,
            } => {
                let admission = if *admission {
                    ", for admitted holders alone"
                } else {
                    ""
                };
                let freezable = if *freezable { ", that can be frozen" } else { "" };
                format!(
                    "create asset {code} with {decimals} decimals{admission}{freezable}{}",
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
            OperationView::PutRecord {
                sha256, keep, label, ..
            } => {
                let kept = match keep {
                    KeepView::Log => "",
                    KeepView::Own => " as its own",
                    KeepView::Unique => " as the only one",
                };
                format!("record {sha256}{kept}{}", noted(label))
            }
            OperationView::SetSigners { signers, threshold } => {
                format!("set {} signers, threshold {threshold}", signers.len())
            }
            OperationView::Rejoin { validator, .. } => format!("let validator {validator} rejoin"),
            OperationView::Hold {
                beneficiary,
                asset,
                amount,
                until,
                condition,
                memo,
            } => {
                let (amount, to) = (self.show(*amount, asset), self.who(beneficiary));
                let (until, condition) = (rfc3339_of(*until), self.condition(condition));
                format!(
                    "hold {amount} for {to} until {until}, released if {condition}{}",
                    noted(memo)
                )
            }
            OperationView::Release { hold, amount, .. } => self.release(hold, amount.as_deref()),
            OperationView::Refund { hold } => format!("refund {}", self.hold(hold)),
            OperationView::Erase { transaction, texts } => match texts.len() {
                1 => format!("erase a text of {transaction}"),
                count => format!("erase {count} texts of {transaction}"),
            },
            OperationView::Governance { words, text, .. } => {
                format!("{}{}", printable(words), noted(text))
            }
        }
    }

    fn open(&self, hold: &HoldName) -> Option<&OpenHold> {
        self.holds.get(&(hold.transaction, hold.operation))
    }

    /// A hold by its name, and what is left of it if that is known.
    fn hold(&self, hold: &HoldName) -> String {
        let owner = self.who(&hold.owner);
        let name = format!("hold {}:{} of {owner}", hold.transaction, hold.operation);
        match self.open(hold) {
            Some(open) => format!("{name}, of which {} are left", self.show(open.left, &open.asset)),
            None => name,
        }
    }

    fn release(&self, hold: &HoldName, amount: Option<&str>) -> String {
        let open = self.open(hold);
        let units = amount.and_then(|amount| amount.parse().ok()).map(Amount);
        let part = match (amount, units, open) {
            (None, _, _) => "all that is left".to_owned(),
            (Some(_), Some(units), Some(open)) => self.show(units, &open.asset),
            // It names no asset.
            (Some(text), _, _) => format!("{}, in smallest units of the hold's asset,", printable(text)),
        };
        let to = open.map_or_else(String::new, |open| {
            format!(", to {}", self.who(&open.beneficiary))
        });
        format!("release {part} of {}{to}", self.hold(hold))
    }

    /// What a release needs, in words.
    pub(crate) fn condition(&self, condition: &ConditionView) -> String {
        let leaves = condition.of.iter().map(|leaf| match leaf {
            ConditionLeafView::Signs { account } => format!("{} signs", self.who(account)),
            ConditionLeafView::From { time } => format!("it is {}", rfc3339_of(*time)),
            ConditionLeafView::Preimage { sha256 } => format!("the preimage of {sha256} is shown"),
            ConditionLeafView::Record { sha256, account } => {
                format!("{} has recorded {sha256}", self.who(account))
            }
        });
        let leaves: Vec<String> = leaves.collect();
        if usize::from(condition.need) == leaves.len() {
            leaves.join(" and ")
        } else {
            format!("{} of these: {}", condition.need, leaves.join("; "))
        }
    }
}

/// Says which part of an answer is checked and which is a node's word.
pub(crate) fn warn_unproven(ledger: &Ledger, what: &str) {
    if ledger.is_trustless() {
        say(format!(
            "note: the network and its last block were checked against the genesis document; {what} is the \
             node's word, as it comes without a proof"
        ));
    }
}

/// Says as of which block something is proven.
pub(super) fn say_proven(head: &HeadFacts) {
    say(format!(
        "note: proven as of block {}, of {}",
        head.height,
        rfc3339_of(head.timestamp)
    ));
}

/// Shows what an account holds.
pub(crate) async fn balance(args: &BalanceArgs, output: &Output) -> Result<(), Failure> {
    let address = args.whose.address()?;
    let ledger = args.node.connect().await?;
    let (account, head) = account_of(&ledger, &address).await?;
    let mut decimals = Decimals::new();
    for balance in &account.balances {
        decimals.learn_shown(&ledger, &balance.asset).await?;
    }
    let shown = |amount: Amount, asset: &AssetCode| {
        decimals
            .plain(amount, asset)
            .unwrap_or_else(|| amount.to_string())
    };
    let list: Vec<serde_json::Value> = account
        .balances
        .iter()
        .map(|balance| {
            serde_json::json!({
                "asset": balance.asset,
                "amount": balance.amount.to_string(),
                "decimal": shown(balance.amount, &balance.asset),
                "held": balance.held.to_string(),
                "held_decimal": shown(balance.held, &balance.asset),
            })
        })
        .collect();
    let view = serde_json::json!({ "address": address, "balances": list, "holds": account.holds });
    output.print(&with_head(view, head.as_ref()), |output| {
        let proven = head_text(head.as_ref(), output);
        if account.balances.is_empty() {
            return format!("{address} holds nothing.\n{proven}");
        }
        let has_held = account.balances.iter().any(|balance| balance.held.0 > 0);
        let rows = account.balances.iter().map(|balance| {
            let mut row = vec![balance.asset.to_string(), shown(balance.amount, &balance.asset)];
            if has_held {
                row.push(shown(balance.held, &balance.asset));
            }
            row
        });
        let headings: &[&str] = if has_held {
            &["ASSET", ">AMOUNT", ">HELD"]
        } else {
            &["ASSET", ">AMOUNT"]
        };
        format!("{}{proven}", output.table(headings, rows.collect()))
    })
}

/// An account: with the genesis document at hand what a node proves of it, and the block as of which it does; else the
/// node's word.
async fn account_of(ledger: &Ledger, address: &Address) -> Result<(Account, Option<HeadFacts>), Failure> {
    Ok(match ledger.proven_account(address).await? {
        Some(proven) => (proven.value.account, Some(proven.head)),
        None => (ledger.client().account(address).await?, None),
    })
}

/// A document with the block as of which it is proven, if it is.
fn with_head(mut view: serde_json::Value, head: Option<&HeadFacts>) -> serde_json::Value {
    if let Some(head) = head {
        view["proven"] = serde_json::json!(proven::Head::from(head));
    }
    view
}

/// The same for people: a line, or nothing.
fn head_text(head: Option<&HeadFacts>, output: &Output) -> String {
    head.map_or_else(String::new, |head| {
        let (name, value) = proven::field(head);
        output.fields(&[(name, value)])
    })
}

/// Shows or replaces an account's signers.
pub(crate) async fn signers(command: SignersCommand, output: &Output) -> Result<(), Failure> {
    match command {
        SignersCommand::Set(args) => set_signers(&args, output).await,
        SignersCommand::Show(args) => show_signers(&args, output).await,
    }
}

async fn set_signers(args: &SetSignersArgs, output: &Output) -> Result<(), Failure> {
    let signers = sorted_signers(&args.signers, args.threshold)?;
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
    let signers = Signers {
        threshold: args.threshold,
        signers,
    };
    let operation = Operation::SetSigners { signers };
    args.send.send(vec![operation], "", &key, &ledger, output).await
}

/// Signers, each `KEY=WEIGHT`, in the order in which they are signed for; together they reach the threshold.
pub(super) fn sorted_signers(texts: &[String], threshold: u32) -> Result<Vec<Signer>, Failure> {
    let signers = texts.iter().map(|text| signer(text));
    let mut signers = signers.collect::<Result<Vec<_>, _>>()?;
    signers.sort_by_key(|signer| signer.key);
    if signers.windows(2).any(|pair| pair[0].key == pair[1].key) {
        return Err(Failure::usage("a key is given twice"));
    }
    let sum: u64 = signers.iter().map(|signer| u64::from(signer.weight)).sum();
    if threshold == 0 || u64::from(threshold) > sum {
        return Err(Failure::usage(format!(
            "the threshold is {threshold}, the signers together have {sum}: nobody could sign for the account"
        )));
    }
    Ok(signers)
}

/// `KEY=WEIGHT`, and `KEY:WEIGHT` as well: a key may have `:` in it, so what follows the last of either is the weight.
pub(crate) fn signer(text: &str) -> Result<Signer, Failure> {
    let wrong = |why: String| Failure::usage(why).while_doing(format!("--signer {text}"));
    let (key, weight) = text
        .rsplit_once(['=', ':'])
        .ok_or_else(|| wrong("expected KEY=WEIGHT".to_owned()))?;
    let key = key_of(key).map_err(wrong)?;
    let weight = weight.parse::<u16>().ok().filter(|weight| *weight > 0);
    let weight = weight.ok_or_else(|| wrong(format!("a weight is 1 to {MAX_WEIGHT}")))?;
    Ok(Signer { key, weight })
}

async fn show_signers(args: &BalanceArgs, output: &Output) -> Result<(), Failure> {
    let address = args.whose.address()?;
    let ledger = args.node.connect().await?;
    let (account, head) = account_of(&ledger, &address).await?;
    let view = serde_json::json!({
        "address": address,
        "threshold": account.threshold,
        "signers": account.signers,
    });
    output.print(&with_head(view, head.as_ref()), |output| {
        let proven = head_text(head.as_ref(), output);
        if account.signers.is_empty() {
            return format!("The key that {address} was made from signs alone.\n{proven}");
        }
        let rows = account
            .signers
            .iter()
            .map(|signer| vec![signer.key.to_string(), signer.weight.to_string()]);
        format!(
            "threshold {}\n{}{proven}",
            account.threshold,
            output.table(&["KEY", ">WEIGHT"], rows.collect())
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of section 24's K1.
    const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    #[test]
    fn a_signers_weight_stands_behind_either_sign() {
        let expected = signer(&format!("ed25519:{KEY}=7")).unwrap();
        assert_eq!(expected.weight, 7);
        for text in [format!("ed25519:{KEY}:7"), format!("{KEY}=7"), format!("{KEY}:7")] {
            assert_eq!(signer(&text).unwrap(), expected, "{text}");
        }
        for wrong in [
            KEY.to_owned(),
            format!("ed25519:{KEY}"),
            format!("{KEY}="),
            format!("{KEY}=0"),
            format!("{KEY}=65536"),
            format!("{KEY}=7=7"),
            "=7".to_owned(),
        ] {
            assert!(signer(&wrong).is_err(), "{wrong}");
        }
    }
}
