//! `quorate wallet pay`: many payments from a file, each of them once.

mod build;
mod rehearse;
mod summary;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use quorate_client::text::{parse_rfc3339_bound, rfc3339_of};
use quorate_client::wallet::format_amount;
use quorate_crypto::ClientSigningKey;
use quorate_crypto::keyfile::{self, KeyFileError};
use quorate_ledger::{Address, Amount, AssetCode, Timestamp, WalletSecret};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::interrupt::exit_on_interrupt;
use quorate_tools::output::{Output, say};
use quorate_tools::passphrase::PassphraseArgs;
use quorate_tools::wallet::{Ledger, NodeArgs, Tip};
use tokio::signal::unix::{SignalKind, signal};

use self::summary::{after_sending, name_refusals, rows_text, text, verdict};
use super::open_wallet;
use crate::pay::file::{PaymentFile, Row, identity};
use crate::pay::history::{Belief, Search};
use crate::pay::journal::{Journal, Known, Opened, Subject, with_suffix};
use crate::pay::plan::{Batch, MAX_LABEL, Names, pack};
use crate::pay::run::{Parts, Run};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet pay payments.csv --key treasury.key --asset QRT
  quorate wallet pay payments.csv --account qr1… --build payroll.qtx

The file begins with a line of column names: to, amount and, if wanted, asset and
memo; others are ignored. Cells are set apart by commas, semicolons or tabs, each
row has as many as the header, and none goes over several lines. Amounts have a
point before the decimals and nothing between thousands.
Beside it are written FILE.journal (what was signed), FILE.outcomes (what became of it)
and FILE.result.csv (what happened to each row). The result of another payer, of other
rows or of another label is not overwritten: the name of this one has a part more, then.
Running the same file again pays nothing twice: what was not paid yet is tried again.
The same rows from the same payer are the same file, whatever its name and line ends.
What was paid with the same key from another copy of the file, or without its journal,
is found on the ledger: with --genesis in certified blocks, else in the payer's statement,
which the nodes prove. Another key of the same account gives other salts, and finds
nothing but what is in the journal: always pay a file with one key.
Up to 100 rows share a transaction. Where one of them cannot be paid, the others are
paid one by one; a payment of one smallest unit from the payer to itself notes that
on the ledger.
For an account with several signers, --build writes all transactions into one file for
`wallet show`, `sign`, `combine` and `submit`. They expire at the next midnight in UTC;
until then the same rows are built the same, and are not paid in any other way. Run it
again after that, or to have the result written. Without --key their salts follow from
FILE.secret, which is made beside the file: keep it as long as the journal.")]
pub(crate) struct PayArgs {
    /// The payments
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// The asset of rows that name none
    #[arg(long, value_name = "CODE", env = "QUORATE_ASSET")]
    asset: Option<AssetCode>,
    /// Pay the same file once more, under a label that tells this time from others
    #[arg(long, value_name = "LABEL")]
    again: Option<String>,
    /// Show what would be paid and what would be refused, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Write all transactions, without signatures, to a file for others to sign; send nothing
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    build: Option<PathBuf>,
    /// Transactions in flight
    #[arg(long, value_name = "N", env = "QUORATE_IN_FLIGHT", default_value_t = 8)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    in_flight: u16,
    /// Seconds that one transaction is followed
    #[arg(long, value_name = "SECONDS", env = "QUORATE_TIMEOUT", default_value_t = 60)]
    timeout: u64,
    #[command(flatten)]
    payer: PayerArgs,
    #[command(flatten)]
    before: PaidBeforeArgs,
    #[command(flatten)]
    node: NodeArgs,
}

/// Who pays.
#[derive(Args, Clone, Debug)]
struct PayerArgs {
    /// The key file; --dry-run and --build do without it if --account is given
    #[arg(long, value_name = "FILE", env = "QUORATE_KEY", help_heading = "Key")]
    #[arg(required_unless_present = "account")]
    key: Option<PathBuf>,
    /// The account that pays, if it is not the key's own
    #[arg(long, value_name = "ADDRESS", env = "QUORATE_ACCOUNT", help_heading = "Key")]
    account: Option<Address>,
    #[command(flatten, next_help_heading = "Key")]
    passphrase: PassphraseArgs,
}

/// How it is known what was paid before, with the genesis document at hand.
#[derive(Args, Clone, Debug)]
pub(crate) struct PaidBeforeArgs {
    /// With --genesis: the rows were not paid before this date or RFC 3339 time, so that older blocks need not
    /// be looked through
    #[arg(long, value_name = "TIME", value_parser = moment, help_heading = "Paid before")]
    history_since: Option<Timestamp>,
    /// With --genesis: do not look through blocks, but have nodes prove what the payer did
    #[arg(long, conflicts_with = "history_since", help_heading = "Paid before")]
    believe_history: bool,
}

impl PayerArgs {
    /// The payer, and the key with its secret if it is to sign, or if it says who pays.
    fn open(&self, signs: bool) -> Result<(Address, Option<(ClientSigningKey, WalletSecret)>), Failure> {
        if let (Some(account), false, None) = (self.account, signs, &self.key) {
            return Ok((account, None));
        }
        let Some(path) = &self.key else {
            return Err(
                Failure::usage("--key FILE is needed: what is paid is signed with it").hint(
                    "to have others sign, build what they sign with --build FILE; to only look, --dry-run",
                ),
            );
        };
        let (key, secret) = open_wallet(&self.passphrase, path)?;
        let account = self.account.unwrap_or_else(|| key.key().address());
        Ok((account, Some((key, secret))))
    }
}

/// From which secrets the salts of a file's payments may follow.
struct Secrets {
    /// From which they follow from now on.
    own: WalletSecret,
    /// From which those of earlier ones may follow.
    others: Vec<WalletSecret>,
    /// Whether anything can have been paid with them.
    is_new: bool,
}

impl Secrets {
    /// The one beside the file, which was made for payments that were built without a key, before the key's. One is made
    /// where there is none, and kept if something is to be built with it.
    fn of(file: &Path, key: Option<WalletSecret>, keeps: bool) -> Result<Self, Failure> {
        let path = with_suffix(file, ".secret");
        let beside = match keyfile::secret::read(&path, None) {
            Ok(secret) => Some(WalletSecret::from_bytes(&secret)),
            Err(KeyFileError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let mut known = beside.into_iter().chain(key);
        if let Some(own) = known.next() {
            return Ok(Self {
                own,
                others: known.collect(),
                is_new: false,
            });
        }
        let own = WalletSecret::generate();
        if keeps {
            keyfile::secret::create(&path, own.bytes(), None)?;
        }
        Ok(Self {
            own,
            others: Vec::new(),
            is_new: true,
        })
    }
}

impl PaidBeforeArgs {
    /// What is taken for what was paid before.
    pub(crate) fn belief(&self, ledger: &Ledger) -> Belief {
        if ledger.is_trustless() && !self.believe_history {
            Belief::Blocks(self.history_since)
        } else {
            Belief::Statement
        }
    }
}

/// A date, which begins at midnight in UTC, or a time in RFC 3339.
fn moment(text: &str) -> Result<Timestamp, String> {
    let midnight = format!("{text}T00:00:00Z");
    parse_rfc3339_bound(text)
        .or_else(|| parse_rfc3339_bound(&midnight))
        .ok_or_else(|| "write a date such as 2026-11-01, or a time such as 2026-11-01T08:00:00Z".to_owned())
}

/// A payment file that was read, and where it is paid.
struct Job<'a> {
    file: &'a Path,
    rows: &'a [Row],
    decimals: &'a BTreeMap<AssetCode, u8>,
    /// Those of them that are a node's word alone.
    unproven: &'a BTreeMap<AssetCode, u8>,
    names: &'a Names,
    ledger: &'a Ledger,
    search: &'a Search<'a>,
    /// Whether anything can be found: with a secret that is new nothing was paid.
    is_searched: bool,
    max_transaction_bytes: u32,
}

impl Job<'_> {
    /// The payment whose journal is looked at.
    fn subject(&self) -> Subject<'_> {
        Subject {
            file: self.file,
            names: self.names,
            rows: self.rows,
        }
    }

    /// Whether all rows are paid.
    fn is_paid(&self, known: &Known) -> bool {
        known.paid.len() == self.rows.len()
    }

    /// Finds what others paid of the rows up to `tip`, and notes it.
    async fn look(
        &self,
        tip: Tip,
        known: &mut Known,
        journal: Option<&mut Journal>,
        output: &Output,
    ) -> Result<(), Failure> {
        if !self.is_searched {
            say("note: without --key what was paid of these rows is known from the journal alone");
            return Ok(());
        }
        let belief = self.search.belief();
        let what = match belief {
            Belief::Blocks(_) => "blocks",
            Belief::Statement => "of the payer's transactions",
        };
        let spinner = output.spinner("looking for earlier payments of these rows");
        let mut read = 0;
        let findings = self
            .search
            .look(tip, known.searched, |count| {
                read += count;
                spinner.set_message(format!(
                    "looking for earlier payments of these rows: {read} {what}"
                ));
            })
            .await;
        spinner.finish_and_clear();
        findings?.note(known, journal)
    }
}

/// Pays the rows of a file.
pub(crate) async fn pay(args: PayArgs, output: &Output) -> Result<(), Failure> {
    let until_sending = exit_on_interrupt();
    let label = args.again.clone().unwrap_or_default();
    if args.again.is_some()
        && (label.is_empty() || label.len() > MAX_LABEL || label.contains(char::is_control))
    {
        return Err(Failure::usage(format!(
            "a label has 1 to {MAX_LABEL} bytes and no control characters"
        )));
    }
    let payments = PaymentFile::read(&args.file, args.asset)?;
    let (sender, opened) = args.payer.open(!args.dry_run && args.build.is_none())?;
    let (key, secret) = opened.unzip();
    let ledger = match args.node.connect().await {
        Ok(ledger) => ledger,
        // What is wrong with the file is wrong with whatever network.
        Err(failure) => return Err(payments.check(&args.file).err().unwrap_or(failure)),
    };
    let decimals = decimals_of(&payments, &ledger).await?;
    let unproven = ledger.unproven_decimals().await;
    let rows = payments.rows(&args.file, &decimals)?;
    say_units(&rows, &unproven);
    let parameters = ledger.parameters().await?;
    let secrets = Secrets::of(&args.file, secret, args.build.is_some())?;
    let named = |secret: WalletSecret| Batch {
        network: ledger.network(),
        sender,
        file: identity(&sender, &rows),
        label: label.clone(),
        secret,
        max_expiry_lead_ms: parameters.max_expiry_lead_ms,
    };
    let names = Names {
        own: named(secrets.own),
        others: secrets.others.into_iter().map(named).collect(),
    };
    let nodes = args.node.clients()?;
    let search = Search::new(&ledger, &nodes, &names, &rows, args.before.belief(&ledger));
    let job = Job {
        file: &args.file,
        rows: &rows,
        decimals: &decimals,
        unproven: &unproven,
        names: &names,
        ledger: &ledger,
        search: &search,
        is_searched: !secrets.is_new,
        max_transaction_bytes: parameters.max_transaction_bytes,
    };
    if args.dry_run {
        return job.rehearse(output).await;
    }
    if let Some(to) = &args.build {
        return job.build(to, output).await;
    }
    let key = key.ok_or_else(|| Failure::usage("--key FILE is needed"))?;
    let Opened {
        mut journal,
        mut known,
    } = Journal::open(job.subject())?;
    let batch = &names.own;
    // Before it is looked for what was paid: what is missing there can then not have been signed with an
    // expiry that this time does not give again.
    let tip = ledger.tip().await?;
    journal.begin(batch, rows.len())?;
    if !job.is_paid(&known) {
        job.look(tip, &mut known, Some(&mut journal), output).await?;
    }
    journal.ready()?;
    if let Some(until) = known
        .open_built(tip.timestamp)
        .map(|(_, built)| built.expires_at)
        .max()
    {
        return Err(Failure::new(
            Exit::Unknown,
            format!(
                "these rows were built for others to sign, and may be paid by that until {}: nothing was sent",
                rfc3339_of(until)
            ),
        )
        .hint("submit what was built, or run this command again once a block after that time is certified"));
    }
    // Received from here on before the other stops receiving: none is lost in between.
    let mut interrupts = signal(SignalKind::interrupt())
        .map_err(|error| Failure::failed(format!("signals cannot be received: {error}")))?;
    drop(until_sending);

    let units = pack(&rows, job.max_transaction_bytes);
    let already_paid = known.paid.len();
    let paid_before = job.paid_before(&known).await?;
    if paid_before.is_none() {
        ledger.check_quorum().await?;
    }
    let progress = output.progress(rows.len() as u64, "rows");
    progress.set_message("paying");
    let journal_path = journal.path().to_owned();
    let run = Run::new(Parts {
        ledger: &ledger,
        nodes: &nodes,
        key: &key,
        batch,
        search: &search,
        rows: &rows,
        patience: Duration::from_secs(args.timeout),
        in_flight: usize::from(args.in_flight),
        basis: tip,
        journal,
        known,
        progress: progress.clone(),
    });
    let interrupted = tokio::select! {
        () = run.pay(&units) => false,
        _ = interrupts.recv() => true,
    };
    progress.finish_and_clear();
    let may_have_sent = interrupted || run.may_have_sent();
    let conclude = || {
        let ended = run.end()?;
        let summary = job.summary(&ended, already_paid, paid_before, journal_path)?;
        output.print(&summary, |output| text(&summary, output))?;
        name_refusals(&rows, &ended.results);
        verdict(&summary, interrupted, ended.failure)
    };
    match conclude() {
        Err(failure) if may_have_sent => Err(after_sending(&failure)),
        concluded => concluded,
    }
}

/// The decimals of the assets that are paid in; those that do not exist are missing. Rows that are bad
/// whatever these are, are named even where no node answers.
async fn decimals_of(payments: &PaymentFile, ledger: &Ledger) -> Result<BTreeMap<AssetCode, u8>, Failure> {
    let mut decimals = BTreeMap::new();
    for asset in payments.assets() {
        if let Some(found) = ledger.decimals_to_sign(&asset).await? {
            decimals.insert(asset, found);
        }
    }
    Ok(decimals)
}

/// Says what the rows come to as it is signed, where that follows from a node's word.
fn say_units(rows: &[Row], unproven: &BTreeMap<AssetCode, u8>) {
    for (code, decimals) in unproven {
        let of_asset = rows.iter().filter(|row| row.asset == *code);
        let (count, sum) = of_asset.fold((0, 0_u128), |(count, sum), row| {
            (count + 1, sum.saturating_add(row.amount.0))
        });
        say(format!(
            "{} {code} in {} is {sum} in smallest units",
            format_amount(Amount(sum), *decimals),
            rows_text(count)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salts_follow_from_the_key_or_from_what_was_made_beside_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.csv");
        let key = || Some(WalletSecret::from_bytes(&[1; 32]));
        let with_key = Secrets::of(&file, key(), true).unwrap();
        assert_eq!((with_key.own.bytes(), with_key.is_new), (&[1_u8; 32], false));
        // To look takes nothing that lasts.
        assert!(Secrets::of(&file, None, false).unwrap().is_new);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let made = Secrets::of(&file, None, true).unwrap();
        let again = Secrets::of(&file, None, true).unwrap();
        assert_eq!((made.is_new, again.is_new), (true, false));
        assert_eq!(made.own.bytes(), again.own.bytes());
        // Whoever pays the same file with a key finds what was built without one, and the other way round.
        let both = Secrets::of(&file, key(), true).unwrap();
        assert_eq!(both.own.bytes(), made.own.bytes());
        let others: Vec<&[u8; 32]> = both.others.iter().map(WalletSecret::bytes).collect();
        assert_eq!(others, [&[1_u8; 32]]);
    }
}
