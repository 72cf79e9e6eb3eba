//! `quorate wallet pay`: many payments from a file, each of them once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use quorate_client::Client;
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::format_amount;
use quorate_ledger::{Amount, AssetCode, Height};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::interrupt::exit_on_interrupt;
use quorate_tools::output::{Output, Tone, say};
use quorate_tools::wallet::{Ledger, NodeArgs};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::KeyArgs;
use crate::pay::file::{PaymentFile, Row, identity};
use crate::pay::history::{Findings, search};
use crate::pay::journal::{Journal, Known, Names, Opened};
use crate::pay::plan::{Batch, pack};
use crate::pay::result::{RowResult, RowStatus, write};
use crate::pay::run::{Parts, Run};

/// Refused rows that are named one by one.
const SHOWN_REFUSALS: usize = 20;

/// The most bytes of a label.
const MAX_LABEL: usize = 64;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet pay payments.csv --key treasury.key --asset QRT

The file begins with a line of column names: to, amount and, if wanted, asset and
memo; others are ignored. Cells are set apart by commas, semicolons or tabs, each
row has as many as the header, and none goes over several lines. Amounts have a
point before the decimals and nothing between thousands.
Beside it are written FILE.journal (what was signed) and FILE.result.csv (what
happened to each row). The result of another payer, of other rows or of another
label is not overwritten: the name of this one has a part more, then.
Running the same file again pays nothing twice: what was not paid yet is tried again.
The same rows from the same payer are the same file, whatever its name and line ends.
Up to 100 rows share a transaction. Where one of them cannot be paid, the others are
paid one by one; a payment of one smallest unit from the payer to itself notes that
on the ledger.")]
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
    /// Transactions in flight
    #[arg(long, value_name = "N", env = "QUORATE_IN_FLIGHT", default_value_t = 8)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    in_flight: u16,
    /// Seconds that one transaction is followed
    #[arg(long, value_name = "SECONDS", env = "QUORATE_TIMEOUT", default_value_t = 60)]
    timeout: u64,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
}

/// The summary that is printed.
#[derive(Serialize)]
struct Summary {
    file: PathBuf,
    sha256: quorate_ledger::Digest,
    rows: usize,
    committed: usize,
    already_paid: usize,
    refused: usize,
    unknown: usize,
    not_sent: usize,
    transactions: u64,
    /// Payments of one smallest unit from the payer to itself.
    notes: u64,
    /// Where and when all rows were paid, if none was left to this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_before: Option<PaidBefore>,
    journal: PathBuf,
    result: PathBuf,
}

/// Between which blocks the rows of a file were paid by earlier runs.
#[derive(Serialize)]
struct PaidBefore {
    first_height: Height,
    first_time: String,
    last_height: Height,
    last_time: String,
}

impl PaidBefore {
    async fn of(known: &Known, ledger: &Ledger) -> Result<Option<Self>, Failure> {
        let heights = || known.paid.values().map(|paid| paid.height);
        let (Some(first), Some(last)) = (heights().min(), heights().max()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            first_height: first,
            first_time: rfc3339_of(ledger.time_of(first).await?),
            last_height: last,
            last_time: rfc3339_of(ledger.time_of(last).await?),
        }))
    }

    fn text(&self) -> String {
        if self.first_height == self.last_height {
            format!("on {}, at height {}", self.first_time, self.first_height)
        } else {
            format!(
                "from {} to {}, at heights {} to {}",
                self.first_time, self.last_time, self.first_height, self.last_height
            )
        }
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
    let opened = args.key.open()?;
    let ledger = match args.node.connect().await {
        Ok(ledger) => ledger,
        // What is wrong with the file is wrong with whatever network.
        Err(failure) => return Err(payments.check(&args.file).err().unwrap_or(failure)),
    };
    let decimals = decimals_of(&payments, &ledger).await?;
    let rows = payments.rows(&args.file, &decimals)?;
    let parameters = ledger.client().network().await?.parameters;
    let by_rows = Batch {
        network: ledger.network(),
        sender: opened.account,
        file: identity(&rows),
        label,
        max_expiry_lead_ms: parameters.max_expiry_lead_ms,
    };
    let names = Names::new(by_rows, payments.bytes);
    let nodes = args.node.clients()?;
    if args.dry_run {
        let plan = Rehearsal {
            file: &args.file,
            rows: &rows,
            decimals: &decimals,
            names: &names,
        };
        return plan.show(&ledger, &nodes, output).await;
    }
    let Opened {
        mut journal,
        batch,
        known,
    } = Journal::open(&args.file, &names)?;
    // Before the history is read: what is missing from it can then not have been signed with an expiry
    // that this time does not give again.
    let tip = ledger.tip().await?;
    journal.begin(&batch, rows.len())?;
    let lost_journal = known.is_none();
    let mut known = known.unwrap_or_default();
    if lost_journal {
        for findings in search_all(&ledger, &nodes, &names, &rows, tip.height, output).await? {
            findings.note(&mut known, Some(&mut journal))?;
        }
    }
    journal.ready()?;
    // Received from here on before the other stops receiving: none is lost in between.
    let mut interrupts = signal(SignalKind::interrupt())
        .map_err(|error| Failure::failed(format!("signals cannot be received: {error}")))?;
    drop(until_sending);

    let units = pack(&rows, parameters.max_transaction_bytes);
    let already_paid = known.paid.len();
    let paid_before = if already_paid == rows.len() {
        PaidBefore::of(&known, &ledger).await?
    } else {
        None
    };
    if already_paid < rows.len() {
        ledger.check_quorum().await?;
    }
    let progress = output.progress(rows.len() as u64, "rows");
    progress.set_message("paying");
    let journal_path = journal.path().to_owned();
    let run = Run::new(Parts {
        ledger: &ledger,
        nodes,
        key: &opened.key,
        batch: &batch,
        names: &names,
        rows: &rows,
        patience: Duration::from_secs(args.timeout),
        in_flight: usize::from(args.in_flight),
        basis: tip,
        lost_journal,
        journal,
        known,
        progress: progress.clone(),
    });
    let interrupted = tokio::select! {
        () = run.pay(&units) => false,
        _ = interrupts.recv() => true,
    };
    progress.finish_and_clear();
    let ended = run.end()?;
    // By its rows, whatever name an older journal goes on under.
    let result = write(&args.file, &names.rows, &rows, &decimals, &ended.results)?;
    let count = |status| {
        ended
            .results
            .iter()
            .filter(|result| result.status == status)
            .count()
    };
    let summary = Summary {
        file: args.file.clone(),
        sha256: batch.file,
        rows: rows.len(),
        committed: count(RowStatus::Committed),
        already_paid,
        refused: count(RowStatus::Refused),
        unknown: count(RowStatus::Unknown),
        not_sent: count(RowStatus::NotSent),
        transactions: ended.transactions,
        notes: ended.notes,
        paid_before,
        journal: journal_path,
        result,
    };
    output.print(&summary, |output| text(&summary, output))?;
    name_refusals(&rows, &ended.results);
    verdict(&summary, interrupted, ended.failure)
}

fn text(summary: &Summary, output: &Output) -> String {
    let tone = |count: usize, tone| {
        let text = count.to_string();
        if count == 0 {
            text
        } else {
            output.paint(tone, &text)
        }
    };
    let first = summary.paid_before.as_ref().map_or_else(String::new, |before| {
        format!(
            "All {} were paid already, {}; --again LABEL pays them again.\n",
            rows_text(summary.rows),
            before.text()
        )
    });
    let mut fields = vec![
        ("rows", summary.rows.to_string()),
        ("committed", tone(summary.committed, Tone::Good)),
        ("of these before", summary.already_paid.to_string()),
        ("refused", tone(summary.refused, Tone::Bad)),
        ("unknown", tone(summary.unknown, Tone::Warning)),
        ("not sent", tone(summary.not_sent, Tone::Warning)),
        ("transactions", summary.transactions.to_string()),
    ];
    if summary.notes > 0 {
        fields.push(("notes to itself", summary.notes.to_string()));
    }
    fields.push(("journal", summary.journal.display().to_string()));
    fields.push(("result", summary.result.display().to_string()));
    first + &output.fields(&fields)
}

/// The decimals of the assets that are paid in; those that do not exist are missing. Rows that are bad
/// whatever these are, are named even where no node answers.
async fn decimals_of(payments: &PaymentFile, ledger: &Ledger) -> Result<BTreeMap<AssetCode, u8>, Failure> {
    let mut decimals = BTreeMap::new();
    for asset in payments.assets() {
        if let Some(found) = ledger.decimals(&asset).await? {
            decimals.insert(asset, found);
        }
    }
    Ok(decimals)
}

/// Reads the sender's history for what of the file was executed. Each node is asked, as one may hide
/// something that another tells; what is found is checked, if the genesis document is at hand.
async fn search_all(
    ledger: &Ledger,
    nodes: &[Client],
    names: &Names,
    rows: &[Row],
    at: Height,
    output: &Output,
) -> Result<Vec<Findings>, Failure> {
    if ledger.is_trustless() {
        say(
            "note: whether rows were paid before, under another journal, is known from the nodes alone; it is not proven",
        );
    }
    let spinner = output.spinner("reading the sender's history");
    let mut all = Vec::new();
    let mut failed = None;
    for node in nodes {
        let mut read = 0;
        let found = search(ledger, node, names, rows, (at, Height::GENESIS), |count| {
            read += count;
            spinner.set_message(format!("reading the sender's history: {read} transactions"));
        })
        .await;
        match found {
            Ok(findings) => all.push(findings),
            Err(failure) => failed = Some(failure),
        }
    }
    spinner.finish_and_clear();
    match failed {
        Some(failure) if all.is_empty() => Err(failure),
        _ => Ok(all),
    }
}

/// What `--dry-run` shows.
struct Rehearsal<'a> {
    file: &'a Path,
    rows: &'a [Row],
    decimals: &'a BTreeMap<AssetCode, u8>,
    names: &'a Names,
}

#[derive(Serialize)]
struct Rehearsed {
    file: PathBuf,
    dry_run: bool,
    rows: usize,
    already_paid: usize,
    sums: Vec<Sum>,
    would_be_refused: Vec<String>,
}

/// What is paid in one asset.
#[derive(Serialize)]
struct Sum {
    asset: AssetCode,
    /// Of rows that are not paid yet.
    rows: usize,
    amount: String,
    balance: String,
}

impl Rehearsal<'_> {
    async fn show(&self, ledger: &Ledger, nodes: &[Client], output: &Output) -> Result<(), Failure> {
        let known = match Journal::look(self.file, self.names)? {
            Some(known) => known,
            None => {
                let mut known = Known::default();
                let at = ledger.tip().await?.height;
                for findings in search_all(ledger, nodes, self.names, self.rows, at, output).await? {
                    findings.note(&mut known, None)?;
                }
                known
            }
        };
        let account = ledger.client().account(&self.names.rows.sender).await?;
        let mut refusals = Vec::new();
        let mut sums = Vec::new();
        for (&asset, &decimals) in self.decimals {
            let open = self
                .rows
                .iter()
                .enumerate()
                .filter(|(place, row)| row.asset == asset && !known.paid.contains_key(place));
            let (mut count, mut sum) = (0, 0_u128);
            for (_, row) in open {
                count += 1;
                sum = sum.saturating_add(row.amount.0);
            }
            let held = account.balances.iter().find(|balance| balance.asset == asset);
            let held = held.map_or(Amount(0), |balance| balance.amount);
            if sum > held.0 {
                refusals.push(format!(
                    "{asset}: the rows come to {}, and the payer has {}",
                    format_amount(Amount(sum), decimals),
                    format_amount(held, decimals)
                ));
            }
            sums.push(Sum {
                asset,
                rows: count,
                amount: format_amount(Amount(sum), decimals),
                balance: format_amount(held, decimals),
            });
        }
        let rehearsed = Rehearsed {
            file: self.file.to_owned(),
            dry_run: true,
            rows: self.rows.len(),
            already_paid: known.paid.len(),
            sums,
            would_be_refused: refusals,
        };
        output.print(&rehearsed, |output| {
            let mut fields = vec![
                ("rows", rehearsed.rows.to_string()),
                ("paid before", rehearsed.already_paid.to_string()),
            ];
            for sum in &rehearsed.sums {
                fields.push((
                    "to pay",
                    format!(
                        "{} {} in {} (balance {})",
                        sum.amount,
                        sum.asset,
                        rows_text(sum.rows),
                        sum.balance
                    ),
                ));
            }
            for refusal in &rehearsed.would_be_refused {
                fields.push(("would be refused", refusal.clone()));
            }
            output.fields(&fields)
        })?;
        say("nothing was sent: --dry-run");
        if rehearsed.would_be_refused.is_empty() {
            Ok(())
        } else {
            Err(Failure::new(
                Exit::Refused,
                "not all rows can be paid as things are",
            ))
        }
    }
}

fn rows_text(count: usize) -> String {
    format!("{count} {}", if count == 1 { "row" } else { "rows" })
}

fn name_refusals(rows: &[Row], results: &[RowResult]) {
    let refused = results
        .iter()
        .zip(rows)
        .filter(|(result, _)| result.status == RowStatus::Refused);
    let mut more = 0;
    for (shown, (result, row)) in refused.enumerate() {
        if shown < SHOWN_REFUSALS {
            let code = result.code.as_deref().unwrap_or("no reason given");
            say(format!("line {} was refused: {code}", row.line));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        say(format!("and {more} more"));
    }
}

fn verdict(summary: &Summary, interrupted: bool, failure: Option<Failure>) -> Result<(), Failure> {
    let again = "run the same command again to go on: nothing is paid twice";
    if interrupted {
        return Err(Failure::new(Exit::Interrupted, "interrupted").hint(again));
    }
    if summary.refused > 0 {
        return Err(Failure::new(
            Exit::Refused,
            format!("the ledger refused {} of {} rows", summary.refused, summary.rows),
        ));
    }
    match failure {
        Some(failure) => Err(failure),
        None if summary.unknown > 0 => {
            let undecided = match summary.unknown {
                1 => "one row is undecided".to_owned(),
                many => format!("{many} rows are undecided"),
            };
            Err(Failure::new(Exit::Unknown, undecided).hint(again))
        }
        None => Ok(()),
    }
}
