//! `quorate wallet pay`: many payments from a file, each of them once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use quorate_ledger::{AssetCode, Height};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::KeyArgs;
use crate::failure::{Exit, Failure};
use crate::interrupt::exit_on_interrupt;
use crate::output::{Output, Tone, say};
use crate::pay::file::PaymentFile;
use crate::pay::history::search;
use crate::pay::journal::{Journal, Opened};
use crate::pay::plan::{Batch, pack};
use crate::pay::result::{RowResult, RowStatus, write};
use crate::pay::run::{Parts, Run};
use crate::wallet::NodeArgs;

/// Refused rows that are named one by one.
const SHOWN_REFUSALS: usize = 20;

/// The most bytes of a label.
const MAX_LABEL: usize = 64;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet pay payments.csv --key treasury.key --asset QRT

The file begins with a line of column names: to, amount and, if wanted, asset and
memo; others are ignored.
Beside it are written FILE.journal (what was signed) and FILE.result.csv (what
happened to each row).
Running the same file again pays nothing twice: what was not paid yet is tried again.")]
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
    journal: PathBuf,
    result: PathBuf,
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
    let ledger = args.node.connect().await?;
    let mut decimals = BTreeMap::new();
    for asset in payments.assets() {
        match ledger.client().asset(&asset).await {
            Ok(found) => drop(decimals.insert(asset, found.decimals)),
            Err(quorate_client::ClientError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let rows = payments.rows(&args.file, &decimals)?;
    let parameters = ledger.client().network().await?.parameters;
    let batch = Batch {
        network: ledger.network(),
        sender: opened.account,
        file: payments.hash,
        label,
        max_expiry_lead_ms: parameters.max_expiry_lead_ms,
    };
    let Opened { mut journal, known } = Journal::open(&args.file, &batch)?;
    // Before the history is read: what is missing from it can then not have been signed with an expiry
    // that this time does not give again.
    let tip = ledger.tip().await?;
    journal.begin(&batch, rows.len())?;
    let lost_journal = known.is_none();
    let mut known = known.unwrap_or_default();
    if lost_journal {
        let spinner = output.spinner("reading the sender's history");
        let mut read = 0;
        let findings = search(&ledger, &batch, &rows, (tip.height, Height::GENESIS), |count| {
            read += count;
            spinner.set_message(format!("reading the sender's history: {read} transactions"));
        })
        .await?;
        spinner.finish_and_clear();
        findings.note(&mut known, &mut journal)?;
    }
    journal.ready()?;
    // Received from here on before the other stops receiving: none is lost in between.
    let mut interrupts = signal(SignalKind::interrupt())
        .map_err(|error| Failure::failed(format!("signals cannot be received: {error}")))?;
    drop(until_sending);

    let units = pack(&rows, parameters.max_transaction_bytes);
    let already_paid = known.paid.len();
    let progress = output.progress(rows.len() as u64, "rows");
    progress.set_message("paying");
    let journal_path = journal.path().to_owned();
    let run = Run::new(Parts {
        ledger: &ledger,
        nodes: args.node.clients()?,
        key: &opened.key,
        batch: &batch,
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
    let result = write(&args.file, &ended.results)?;
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
        journal: journal_path,
        result,
    };
    output.print(&summary, |output| text(&summary, output))?;
    name_refusals(&ended.results);
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
    output.fields(&[
        ("rows", summary.rows.to_string()),
        ("committed", tone(summary.committed, Tone::Good)),
        ("of these before", summary.already_paid.to_string()),
        ("refused", tone(summary.refused, Tone::Bad)),
        ("unknown", tone(summary.unknown, Tone::Warning)),
        ("not sent", tone(summary.not_sent, Tone::Warning)),
        ("transactions", summary.transactions.to_string()),
        ("journal", summary.journal.display().to_string()),
        ("result", summary.result.display().to_string()),
    ])
}

fn name_refusals(results: &[RowResult]) {
    let refused = results
        .iter()
        .enumerate()
        .filter(|(_, result)| result.status == RowStatus::Refused);
    let mut more = 0;
    for (shown, (place, result)) in refused.enumerate() {
        if shown < SHOWN_REFUSALS {
            let code = result.code.as_deref().unwrap_or("no reason given");
            say(format!("row {} was refused: {code}", place + 1));
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
            format!(
                "{} of {} rows were refused by the ledger",
                summary.refused, summary.rows
            ),
        ));
    }
    match failure {
        Some(failure) => Err(failure),
        None if summary.unknown > 0 => {
            Err(Failure::new(Exit::Unknown, format!("{} rows are undecided", summary.unknown)).hint(again))
        }
        None => Ok(()),
    }
}
