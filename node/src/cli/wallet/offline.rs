//! Building, signing and submitting as separate steps, for accounts with several signers and for keys on
//! machines without a network. Between the steps a transaction is a JSON file with its canonical bytes in
//! hex, which decide, and beside them what they say, for people.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use quorate_client::schema::OperationView;
use quorate_client::text::{rfc3339, rfc3339_of, salt};
use quorate_client::wallet::{TransactionBuilder, add_signature, random_salt};
use quorate_crypto::PublicKey;
use quorate_ledger::limits::{MAX_OPERATIONS, MAX_TRANSACTION_BYTES};
use quorate_ledger::{Address, Amount, AssetCode, Digest, Intent, Operation, Timestamp, Transaction, encode};
use quorate_tools::clock::now;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::read_text;
use quorate_tools::output::{Output, printable, printable_json, say};
use quorate_tools::passphrase::PassphraseArgs;
use quorate_tools::question::{agreed, can_ask};
use quorate_tools::wallet::{Fate, Meaning, MeaningArgs, NodeArgs};
use serde::{Deserialize, Serialize};

use super::account::Decimals;
use super::bundle;
use super::pay::PaidBeforeArgs;
use super::send::check_memo;
use crate::pay::bundle::combine as combine_signatures;

/// The most bytes of a file between two steps: hex of the largest transaction and the rest.
const MAX_FILE_BYTES: u64 = 1 << 20;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet build --account qr1… --transfer qr1…:12.50:QRT --out payment.json
  quorate wallet build --account qr1… --operations operations.json --out change.json

Operations in a file are a JSON list as `GET /v1/transactions/{id}` shows them,
amounts in smallest units. For many payments: quorate wallet pay FILE.csv --build.")]
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
    #[arg(long, alias = "to", value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet sign payment.json --key alice.key --genesis genesis.toml

No network is needed. What is signed is shown first, and at a terminal it is asked whether to
sign it. The genesis document gives amounts their decimals and members' accounts their names;
a transaction for another network is refused.")]
pub(crate) struct SignArgs {
    /// What `wallet build` or `wallet pay --build` wrote; the signature is added to it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Sign without asking
    #[arg(long, short = 'y')]
    yes: bool,
    /// The key file
    #[arg(long, value_name = "FILE", env = "QUORATE_KEY")]
    key: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    meaning: MeaningArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet show payment.json --genesis genesis.toml

No network is needed. Without --genesis the decimals of a payment file's assets are the word
of whoever built it; amounts in smallest units are what is signed.")]
pub(crate) struct ShowArgs {
    /// What `wallet build` or `wallet pay --build` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    meaning: MeaningArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet combine from-alice.json from-bob.json --out payment.json

No network is needed. The copies must be of the same transactions.")]
pub(crate) struct CombineArgs {
    /// Copies that were signed apart
    #[arg(value_name = "FILE", required = true, num_args = 2..)]
    files: Vec<PathBuf>,
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet submit payment.json
  quorate wallet submit payroll.json --genesis genesis.toml

Of the payment of a file nothing is sent if any of its rows was paid before by another
transaction. It may be submitted again: what is committed is not executed twice.")]
pub(crate) struct SubmitArgs {
    /// What was built and signed
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Return once a node has taken it; that promises nothing yet
    #[arg(long)]
    no_wait: bool,
    /// Seconds to wait for the outcome of each transaction
    #[arg(long, value_name = "SECONDS", env = "QUORATE_TIMEOUT", default_value_t = 30)]
    timeout: u64,
    #[command(flatten)]
    before: PaidBeforeArgs,
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
    /// What the bytes say, for people. It is held against the bytes whenever the file is read, and used for nothing.
    /// Files of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contents: Option<serde_json::Value>,
    /// The canonical bytes in hex, with as many signatures as were made so far.
    transaction: String,
}

/// What a transaction says.
#[derive(Serialize)]
struct Contents {
    network: Digest,
    account: Address,
    #[serde(with = "rfc3339")]
    expires_at: Timestamp,
    #[serde(with = "salt")]
    salt: [u8; 16],
    /// With amounts in smallest units: how many decimals an asset has is not in the bytes.
    operations: Vec<OperationView>,
    memo: String,
    signed_by: Vec<PublicKey>,
}

impl Contents {
    fn of(transaction: &Transaction) -> Self {
        let intent = transaction.intent();
        let signatures = transaction.signatures().iter();
        Self {
            network: intent.network,
            account: intent.sender,
            expires_at: intent.expires_at,
            salt: intent.salt,
            operations: intent.operations.iter().map(OperationView::from).collect(),
            memo: intent.memo.clone(),
            signed_by: signatures.map(|signature| signature.key).collect(),
        }
    }

    fn document(&self) -> Result<serde_json::Value, Failure> {
        serde_json::to_value(self).map_err(unwritten)
    }

    /// The lines that describe it.
    fn fields(&self, decimals: &Decimals) -> Vec<(&'static str, String)> {
        let operations: Vec<String> = self
            .operations
            .iter()
            .map(|operation| decimals.describe(operation))
            .collect();
        let mut fields = vec![
            ("network", self.network.to_string()),
            ("account", decimals.who(&self.account)),
            ("expires", rfc3339_of(self.expires_at)),
            ("does", operations.join("\n")),
        ];
        let sums = self.sums(decimals);
        if self.operations.len() > 1 && !sums.is_empty() {
            fields.push(("pays in all", sums.join("\n")));
        }
        if !self.memo.is_empty() {
            fields.push(("memo", printable(&self.memo)));
        }
        let signers: Vec<String> = self.signed_by.iter().map(ToString::to_string).collect();
        if !signers.is_empty() {
            fields.push(("signed by", signers.join("\n")));
        }
        fields
    }

    /// What all payments come to, by asset.
    fn sums(&self, decimals: &Decimals) -> Vec<String> {
        let mut sums: BTreeMap<AssetCode, u128> = BTreeMap::new();
        for operation in &self.operations {
            if let OperationView::Transfer { asset, amount, .. } = operation {
                let sum = sums.entry(*asset).or_default();
                *sum = sum.saturating_add(amount.0);
            }
        }
        sums.iter()
            .map(|(asset, sum)| decimals.show(Amount(*sum), asset))
            .collect()
    }

    /// An asset whose decimals are not known, if it moves one.
    fn unclear(&self, decimals: &Decimals) -> Option<AssetCode> {
        self.operations.iter().find_map(|operation| match operation {
            OperationView::Mint { asset, .. }
            | OperationView::Burn { asset, .. }
            | OperationView::Transfer { asset, .. } => decimals.of(asset).is_none().then_some(*asset),
            _ => None,
        })
    }
}

impl Draft {
    fn of(transaction: &Transaction) -> Result<Self, Failure> {
        Ok(Self {
            id: transaction.id(),
            contents: Some(Contents::of(transaction).document()?),
            transaction: hex::encode(encode(transaction)),
        })
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
        let contents = Contents::of(&transaction).document()?;
        if draft.contents.is_some_and(|said| said != contents) {
            return Err(wrong(
                "its `contents` are not what its bytes in `transaction` say: one of them was changed"
                    .to_owned(),
            ));
        }
        Ok(transaction)
    }

    fn text(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self)
            .map(|text| printable_json(text) + "\n")
            .map_err(unwritten)
    }
}

fn unwritten(error: serde_json::Error) -> Failure {
    Failure::failed(format!("the transaction cannot be written: {error}"))
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
    write_unsigned(intent, &args.out, output)
}

/// Writes a transaction that nobody has signed to a file that must not exist, and prints what was written.
pub(crate) fn write_unsigned(intent: Intent, out: &Path, output: &Output) -> Result<(), Failure> {
    let transaction = Transaction::new(intent, Vec::new());
    let draft = Draft::of(&transaction)?;
    bundle::write_new(out, &draft.text()?)?;
    let intent = transaction.intent();
    let (expires, operations) = (rfc3339_of(intent.expires_at), intent.operations.len());
    let view = serde_json::json!({
        "file": out,
        "id": draft.id,
        "expires_at": expires,
        "operations": operations,
    });
    output.print(&view, |output| {
        output.fields(&[
            ("file", out.display().to_string()),
            ("id", draft.id.to_string()),
            ("expires", expires.clone()),
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
    let open = || {
        if !args.yes && can_ask() && !agreed("Sign this?")? {
            return Err(Failure::failed("nothing was signed"));
        }
        args.passphrase.open(&args.key)
    };
    if let Some(bundle) = bundle::read(&args.file)? {
        bundle::check_meaning(&bundle, &args.meaning.read()?)?;
        return bundle::sign(bundle, &args.file, open, output);
    }
    let transaction = Draft::read(&args.file)?;
    let (contents, decimals) = understood(&transaction, &args.meaning)?;
    let fields = contents.fields(&decimals);
    let width = fields.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    for (label, value) in &fields {
        for (place, line) in value.lines().enumerate() {
            let label = if place == 0 { *label } else { "" };
            say(format!("{label:width$}  {line}"));
        }
    }
    if transaction.intent().expires_at <= now()? {
        say("warning: by this machine's clock it has expired");
    }
    let key = open()?;
    let signed = add_signature(transaction, &key);
    let draft = Draft::of(&signed)?;
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

/// What a transaction says, and the words for it. One for another network than the genesis document's is refused.
fn understood(transaction: &Transaction, meaning: &MeaningArgs) -> Result<(Contents, Decimals), Failure> {
    let contents = Contents::of(transaction);
    let Meaning {
        network,
        decimals,
        names,
    } = meaning.read()?;
    if let Some(network) = network
        && network != contents.network
    {
        return Err(Failure::new(
            Exit::CheckFailed,
            format!(
                "the transaction is for network {}, the genesis document is of {network}",
                contents.network
            ),
        ));
    }
    let decimals = Decimals::known(decimals, names);
    if let Some(code) = contents.unclear(&decimals) {
        say(format!(
            "note: amounts of {code} are shown in smallest units, as its decimals are not known here: --genesis FILE \
             or --asset-decimals {code}=N tells"
        ));
    }
    Ok((contents, decimals))
}

/// Shows what was built.
pub(crate) fn show(args: &ShowArgs, output: &Output) -> Result<(), Failure> {
    if let Some(bundle) = bundle::read(&args.file)? {
        bundle::check_meaning(&bundle, &args.meaning.read()?)?;
        return bundle::show(&bundle, output);
    }
    let transaction = Draft::read(&args.file)?;
    let (contents, decimals) = understood(&transaction, &args.meaning)?;
    let view = serde_json::json!({ "file": args.file, "id": transaction.id(), "contents": contents });
    output.print(&view, |output| {
        let mut fields = vec![("id", transaction.id().to_string())];
        fields.extend(contents.fields(&decimals));
        output.fields(&fields)
    })
}

/// Puts the signatures of several copies together.
pub(crate) fn combine(args: &CombineArgs, output: &Output) -> Result<(), Failure> {
    if let Some((first, others)) = args.files.split_first()
        && let Some(bundle) = bundle::read(first)?
    {
        return bundle::combine(bundle, others, &args.out, output);
    }
    let mut combined: Option<Transaction> = None;
    for path in &args.files {
        let transaction = Draft::read(path)?;
        // The first is checked too: combined with itself it is the same.
        let before = combined.take().unwrap_or_else(|| transaction.clone());
        let both = combine_signatures(before, &transaction);
        combined = Some(both.map_err(|why| Failure::usage(format!("{}: {why}", path.display())))?);
    }
    let combined = combined.ok_or_else(|| Failure::usage("name the copies"))?;
    let draft = Draft::of(&combined)?;
    bundle::write_new(&args.out, &draft.text()?)?;
    let signatures = combined.signatures().iter();
    let keys: Vec<String> = signatures.map(|signature| signature.key.to_string()).collect();
    let view = serde_json::json!({ "file": args.out, "id": draft.id, "signed_by": keys });
    output.print(&view, |output| {
        output.fields(&[
            ("file", args.out.display().to_string()),
            ("id", draft.id.to_string()),
            ("signed by", keys.join("\n")),
        ])
    })
}

/// Submits what was built and signed.
pub(crate) async fn submit(args: &SubmitArgs, output: &Output) -> Result<(), Failure> {
    let wait = (!args.no_wait).then(|| Duration::from_secs(args.timeout));
    if let Some(bundle) = bundle::read(&args.file)? {
        let (ledger, nodes) = (args.node.connect().await?, args.node.clients()?);
        let submission = bundle::Submission {
            file: &args.file,
            bundle: &bundle,
            ledger: &ledger,
            nodes: &nodes,
            belief: args.before.belief(&ledger),
            wait,
        };
        return submission.submit(output).await;
    }
    let transaction = Draft::read(&args.file)?;
    let ledger = args.node.connect().await?;
    let outcome = ledger.send(&transaction, wait).await?;
    outcome.report(output, !args.no_wait)
}

/// Waits for a transaction.
pub(crate) async fn wait(args: &WaitArgs, output: &Output) -> Result<(), Failure> {
    let ledger = args.node.connect().await?;
    let outcome: Fate = ledger.wait(&args.id, Duration::from_secs(args.timeout)).await?;
    outcome.report(output, true)
}

#[cfg(test)]
mod tests {
    use quorate_crypto::SigningKey;

    use super::*;

    fn transaction(memo: &str) -> Transaction {
        let key = SigningKey::from_seed(&[1; 32]);
        let to = SigningKey::from_seed(&[2; 32]).public().address();
        let qrt = "QRT".parse().unwrap();
        let network = Digest([3; 32]);
        TransactionBuilder::new(network, key.public().address(), Timestamp(4_000), [5; 16])
            .transfer(to, qrt, Amount(725), memo)
            .transfer(to, qrt, Amount(1_000), "")
            .memo(memo)
            .build()
            .sign([&key])
    }

    fn read(text: &str) -> Result<Transaction, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.json");
        fs::write(&path, text).unwrap();
        Draft::read(&path).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_file_says_what_its_bytes_say_in_words_that_everybody_sees() {
        let transaction = transaction("rent\u{202e}");
        let text = Draft::of(&transaction).unwrap().text().unwrap();
        for word in [
            "\"725\"",
            "\"transfer\"",
            "rent\\u202e",
            "1970-01-01T00:00:04.000Z",
        ] {
            assert!(text.contains(word), "{word} is not in {text}");
        }
        assert_eq!(read(&text).unwrap(), transaction);
    }

    #[test]
    fn contents_that_differ_from_the_bytes_are_refused_and_may_be_missing() {
        let signed = transaction("rent");
        let text = Draft::of(&signed).unwrap().text().unwrap();
        for (said, lie) in [
            ("\"725\"", "\"7\""),
            ("\"rent\"", "\"gift\""),
            ("04.000Z", "05.000Z"),
        ] {
            let changed = text.replacen(said, lie, 1);
            assert_ne!(changed, text);
            assert!(read(&changed).unwrap_err().contains("one of them was changed"));
        }
        let bare = Draft {
            contents: None,
            ..Draft::of(&signed).unwrap()
        };
        assert_eq!(read(&bare.text().unwrap()).unwrap(), signed);
    }

    #[test]
    fn what_is_signed_is_told_in_decimals_names_and_sums() {
        let contents = Contents::of(&transaction("rent"));
        let to = SigningKey::from_seed(&[2; 32]).public().address();
        let decimals = Decimals::known(
            [("QRT".parse().unwrap(), 2)].into(),
            [(to, "bank-b".to_owned())].into(),
        );
        let fields: BTreeMap<_, _> = contents.fields(&decimals).into_iter().collect();
        assert_eq!(
            fields["does"],
            format!("pay 7.25 QRT to {to} (bank-b) (rent)\npay 10.00 QRT to {to} (bank-b)")
        );
        assert_eq!(fields["pays in all"], "17.25 QRT");
        assert_eq!(contents.unclear(&decimals), None);
        assert_eq!(contents.unclear(&Decimals::new()), "QRT".parse().ok());
    }
}
