//! Building, signing and submitting as separate steps, for accounts with several signers and for keys on
//! machines without a network. Between the steps a transaction is a JSON file with its canonical bytes in
//! hex, the same document that the API takes.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use quorate_client::schema::OperationView;
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::{TransactionBuilder, add_signature, random_salt};
use quorate_ledger::limits::{MAX_OPERATIONS, MAX_TRANSACTION_BYTES};
use quorate_ledger::{Address, AssetCode, Digest, Operation, Transaction, encode};
use quorate_tools::clock::now;
use quorate_tools::failure::Failure;
use quorate_tools::file::read_text;
use quorate_tools::output::{Output, printable, say};
use quorate_tools::passphrase::PassphraseArgs;
use quorate_tools::wallet::{Fate, NodeArgs};
use serde::{Deserialize, Serialize};

use super::account::Decimals;
use super::send::check_memo;

/// The most bytes of a file between two steps: hex of the largest transaction and the rest.
const MAX_FILE_BYTES: u64 = 1 << 20;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet build --account qr1… --transfer qr1…:12.50:QRT --to payment.json
  quorate wallet build --account qr1… --operations operations.json --to change.json

Operations in a file are a JSON list as `GET /v1/transactions/{id}` shows them,
amounts in smallest units.")]
pub(crate) struct BuildArgs {
    /// The account that acts
    #[arg(long, value_name = "ADDRESS", env = "QUORATE_ACCOUNT")]
    account: Address,
    /// A payment, ADDRESS:AMOUNT:ASSET; once for each
    #[arg(
        long = "transfer",
        value_name = "PAYMENT",
        required_unless_present = "operations"
    )]
    transfers: Vec<String>,
    /// A file with operations, which come after the payments
    #[arg(long, value_name = "FILE")]
    operations: Option<PathBuf>,
    /// A note that everybody can read, at most 256 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    memo: String,
    /// Seconds after which the transaction is no longer executed: time for all to sign
    #[arg(
        long,
        value_name = "SECONDS",
        env = "QUORATE_EXPIRES_IN",
        default_value_t = 3600
    )]
    expires_in: u64,
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet sign payment.json --key alice.key

No network is needed. What is signed is shown first.")]
pub(crate) struct SignArgs {
    /// The transaction; the signature is added to it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The key file
    #[arg(long, value_name = "FILE", env = "QUORATE_KEY")]
    key: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet submit payment.json")]
pub(crate) struct SubmitArgs {
    /// The signed transaction
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Return once a node has taken the transaction; that promises nothing yet
    #[arg(long)]
    no_wait: bool,
    /// Seconds to wait for the outcome
    #[arg(long, value_name = "SECONDS", env = "QUORATE_TIMEOUT", default_value_t = 30)]
    timeout: u64,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet wait 3f5a… --timeout 60")]
pub(crate) struct WaitArgs {
    /// The transaction's id
    #[arg(value_name = "ID", value_parser = super::super::digest)]
    id: Digest,
    /// Seconds to wait for the outcome
    #[arg(long, value_name = "SECONDS", env = "QUORATE_TIMEOUT", default_value_t = 30)]
    timeout: u64,
    #[command(flatten)]
    node: NodeArgs,
}

/// A transaction between two steps.
#[derive(Serialize, Deserialize)]
struct Draft {
    /// Its id, for people; the bytes decide.
    id: Digest,
    /// The canonical bytes in hex, with as many signatures as were made so far.
    transaction: String,
}

impl Draft {
    fn of(transaction: &Transaction) -> Self {
        Self {
            id: transaction.id(),
            transaction: hex::encode(encode(transaction)),
        }
    }

    fn read(path: &Path) -> Result<Transaction, Failure> {
        let text = read_text(path, MAX_FILE_BYTES)?;
        let wrong = |why: String| Failure::usage(format!("{} is not a transaction: {why}", path.display()));
        let draft: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let bytes = hex::decode(&draft.transaction).map_err(|error| wrong(error.to_string()))?;
        let limit = MAX_TRANSACTION_BYTES as usize;
        let transaction: Transaction =
            quorate_ledger::decode(&bytes, limit).map_err(|error| wrong(error.to_string()))?;
        if transaction.id() != draft.id {
            return Err(wrong(format!("its id is {}, not {}", transaction.id(), draft.id)));
        }
        Ok(transaction)
    }

    fn text(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|error| Failure::failed(format!("the transaction cannot be written: {error}")))
    }
}

/// Builds a transaction without signatures.
pub(crate) async fn build(args: &BuildArgs, output: &Output) -> Result<(), Failure> {
    check_memo(&args.memo)?;
    let mut payments = Vec::new();
    for text in &args.transfers {
        payments.push(payment(text).map_err(|failure| failure.while_doing(format!("--transfer {text}")))?);
    }
    let mut others: Vec<Operation> = Vec::new();
    if let Some(path) = &args.operations {
        let text = read_text(path, MAX_FILE_BYTES)?;
        let views: Vec<OperationView> = serde_json::from_str(&text)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        others.extend(views.iter().map(Operation::from));
    }
    let count = payments.len() + others.len();
    if !(1..=MAX_OPERATIONS).contains(&count) {
        return Err(Failure::usage(format!(
            "{count} operations: a transaction has 1 to {MAX_OPERATIONS}"
        )));
    }
    let ledger = args.node.connect().await?;
    let mut operations = Vec::new();
    for (to, amount, asset) in payments {
        let amount = ledger.amount(&amount, &asset).await?;
        operations.push(Operation::Transfer {
            to,
            asset,
            amount,
            memo: String::new(),
        });
    }
    operations.extend(others);
    let expires_at = ledger.expiry(Duration::from_secs(args.expires_in)).await?;
    let salt = random_salt().map_err(Failure::failed)?;
    let intent = TransactionBuilder::new(ledger.network(), args.account, expires_at, salt)
        .operations(operations)
        .memo(args.memo.clone())
        .build();
    let draft = Draft::of(&Transaction::new(intent, Vec::new()));
    let text = draft.text()?;
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&args.to)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::unwritable(&args.to, &error))?;
    let view = serde_json::json!({
        "file": args.to,
        "id": draft.id,
        "expires_at": rfc3339_of(expires_at),
        "operations": count,
    });
    output.print(&view, |output| {
        output.fields(&[
            ("file", args.to.display().to_string()),
            ("id", draft.id.to_string()),
            ("expires", rfc3339_of(expires_at)),
        ])
    })
}

/// `ADDRESS:AMOUNT:ASSET`.
fn payment(text: &str) -> Result<(Address, String, AssetCode), Failure> {
    let parts: Vec<&str> = text.split(':').collect();
    let [to, amount, asset] = parts.as_slice() else {
        return Err(Failure::usage("expected ADDRESS:AMOUNT:ASSET"));
    };
    Ok((
        to.parse().map_err(Failure::usage)?,
        (*amount).to_owned(),
        asset.parse().map_err(Failure::usage)?,
    ))
}

/// Adds a signature.
pub(crate) fn sign(args: &SignArgs, output: &Output) -> Result<(), Failure> {
    let transaction = Draft::read(&args.file)?;
    show(&transaction);
    if transaction.intent().expires_at <= now()? {
        say("warning: by this machine's clock it has expired");
    }
    let key = args.passphrase.open(&args.key)?;
    let signed = add_signature(transaction, &key);
    let draft = Draft::of(&signed);
    let passing = args.file.with_extension("signing");
    fs::write(&passing, draft.text()?)
        .and_then(|()| fs::rename(&passing, &args.file))
        .map_err(|error| Failure::unwritable(&args.file, &error))?;
    let keys: Vec<String> = signed
        .signatures()
        .iter()
        .map(|signature| signature.key.to_string())
        .collect();
    let view = serde_json::json!({ "file": args.file, "id": draft.id, "signed_by": keys });
    output.print(&view, |output| {
        output.fields(&[
            ("file", args.file.display().to_string()),
            ("id", draft.id.to_string()),
            ("signed by", keys.join("\n")),
        ])
    })
}

/// Says what a transaction does, before it is signed.
fn show(transaction: &Transaction) {
    let intent = transaction.intent();
    say(format!(
        "network {}\naccount {}\nexpires {}",
        intent.network,
        intent.sender,
        rfc3339_of(intent.expires_at)
    ));
    let decimals = Decimals::new();
    for operation in &intent.operations {
        say(format!(
            "  {}",
            decimals.describe(&OperationView::from(operation))
        ));
    }
    if !intent.memo.is_empty() {
        say(format!("memo {}", printable(&intent.memo)));
    }
}

/// Submits a transaction.
pub(crate) async fn submit(args: &SubmitArgs, output: &Output) -> Result<(), Failure> {
    let transaction = Draft::read(&args.file)?;
    let ledger = args.node.connect().await?;
    let wait = (!args.no_wait).then(|| Duration::from_secs(args.timeout));
    let outcome = ledger.send(&transaction, wait).await?;
    outcome.report(output, !args.no_wait)
}

/// Waits for a transaction.
pub(crate) async fn wait(args: &WaitArgs, output: &Output) -> Result<(), Failure> {
    let ledger = args.node.connect().await?;
    let outcome: Fate = ledger.wait(&args.id, Duration::from_secs(args.timeout)).await?;
    outcome.report(output, true)
}
