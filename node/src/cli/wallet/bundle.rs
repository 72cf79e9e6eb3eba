//! The payment of a file on its way between the signers of an account: reading, showing, signing, putting
//! together and submitting what `wallet pay --build` wrote.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt as _;
use quorate_client::Client;
use quorate_client::text::rfc3339_of;
use quorate_crypto::SigningKey;
use quorate_ledger::{Digest, Height, Transaction};
use quorate_tools::clock::now;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::read_text;
use quorate_tools::output::{Output, Tone, printable, say};
use quorate_tools::wallet::{Fate, Ledger, Meaning};
use serde::{Deserialize, Serialize};

use crate::pay::bundle::{Bundle, Document, MAX_BYTES};
use crate::pay::history::{Belief, Findings, Found, Search};
use crate::pay::plan::Unit;

/// Rows that are shown before they are signed.
const SHOWN_ROWS: usize = 20;

/// Transactions in flight.
const IN_FLIGHT: usize = 8;

/// By what the document of a payment is told from that of one transaction.
#[derive(Deserialize)]
struct Either {
    payment: Option<serde::de::IgnoredAny>,
}

/// Reads the payment of a file, and checks that it is what it says; none if this is something else.
pub(super) fn read(path: &Path) -> Result<Option<Bundle>, Failure> {
    let text = read_text(path, MAX_BYTES)?;
    let either = serde_json::from_str::<Either>(&text);
    if !either.is_ok_and(|either| either.payment.is_some()) {
        return Ok(None);
    }
    let wrong = |why: String| Failure::usage(format!("{} is not a payment: {why}", path.display()));
    let document: Document = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    document.check().map(Some).map_err(wrong)
}

/// The document of a payment.
pub(super) fn text_of(bundle: &Bundle) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(&bundle.document())
        .map_err(|error| Failure::failed(format!("the payment cannot be written: {error}")))?;
    if text.len() as u64 >= MAX_BYTES {
        return Err(Failure::usage(format!(
            "the document would have {} MiB, at most {} are allowed: split the payment file",
            text.len() >> 20,
            MAX_BYTES >> 20
        )));
    }
    Ok(text + "\n")
}

/// Writes a file that must not exist.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::unwritable(path, &error))
}

/// Refuses a payment that is for another network than the genesis document's, or whose amounts mean something else by
/// what is known here.
pub(super) fn check_meaning(bundle: &Bundle, meaning: &Meaning) -> Result<(), Failure> {
    let payment = bundle.payment();
    let differs = |what: String| Err(Failure::new(Exit::CheckFailed, what));
    if let Some(network) = meaning.network
        && network != payment.network
    {
        return differs(format!(
            "the payment is for network {}, the genesis document is of {network}",
            payment.network
        ));
    }
    for (code, said) in &payment.decimals {
        if let Some(known) = meaning.decimals.get(code)
            && known != said
        {
            return differs(format!(
                "{code} has {said} decimals by whoever built the payment, and {known}: its amounts mean something else"
            ));
        }
    }
    Ok(())
}

/// Shows a payment with all its rows.
pub(super) fn show(bundle: &Bundle, output: &Output) -> Result<(), Failure> {
    let rows = bundle.rows();
    let rows = rows.iter().map(|(place, row)| {
        serde_json::json!({
            "row": place + 1,
            "to": row.to,
            "asset": row.asset,
            "amount": bundle.in_decimals(&row.asset, row.amount),
            "smallest_units": row.amount.to_string(),
            "memo": row.memo,
        })
    });
    let view = serde_json::json!({
        "payment": bundle.payment(),
        "expires_at": rfc3339_of(bundle.expires_at()),
        "sums": bundle.sums(),
        "signed_by": bundle.signers(),
        "rows": rows.collect::<Vec<_>>(),
    });
    output.print(&view, |_| {
        let mut lines = lines_of(bundle, usize::MAX);
        lines.extend(bundle.signers().iter().map(|key| format!("signed by {key}")));
        lines.join("\n")
    })
}

/// Shows a payment, then signs it with the key that `open` gives.
pub(super) fn sign(
    bundle: Bundle,
    file: &Path,
    open: impl FnOnce() -> Result<SigningKey, Failure>,
    output: &Output,
) -> Result<(), Failure> {
    for line in lines_of(&bundle, SHOWN_ROWS) {
        say(line);
    }
    if bundle.expires_at() <= now()? {
        say("warning: by this machine's clock it has expired");
    }
    let signed = bundle.sign(&open()?);
    let passing = file.with_extension("signing");
    fs::write(&passing, text_of(&signed)?)
        .and_then(|()| fs::rename(&passing, file))
        .map_err(|error| Failure::unwritable(file, &error))?;
    report(&signed, file, output)
}

/// Puts the signatures of several copies together.
pub(super) fn combine(first: Bundle, others: &[PathBuf], to: &Path, output: &Output) -> Result<(), Failure> {
    let in_file = |path: &Path, why: String| Failure::usage(format!("{}: {why}", path.display()));
    // The first is checked too: combined with itself it is the same.
    let mut combined = first
        .clone()
        .combine(first)
        .map_err(|why| Failure::usage(format!("the first copy: {why}")))?;
    for path in others {
        let other = read(path)?.ok_or_else(|| in_file(path, "not the payment of a file".to_owned()))?;
        combined = combined.combine(other).map_err(|why| in_file(path, why))?;
    }
    write_new(to, &text_of(&combined)?)?;
    report(&combined, to, output)
}

/// Says who has signed what is in a file.
fn report(bundle: &Bundle, file: &Path, output: &Output) -> Result<(), Failure> {
    let keys: Vec<String> = bundle.signers().iter().map(ToString::to_string).collect();
    let view = serde_json::json!({
        "file": file,
        "transactions": bundle.parts().len(),
        "sums": bundle.sums(),
        "signed_by": keys,
    });
    output.print(&view, |output| {
        output.fields(&[
            ("file", file.display().to_string()),
            ("transactions", bundle.parts().len().to_string()),
            ("signed by", keys.join("\n")),
        ])
    })
}

/// What is submitted, and how.
pub(super) struct Submission<'a> {
    pub(super) file: &'a Path,
    pub(super) bundle: &'a Bundle,
    pub(super) ledger: &'a Ledger,
    pub(super) nodes: &'a [Client],
    pub(super) belief: Belief,
    /// How long each transaction is followed; none: not at all.
    pub(super) wait: Option<Duration>,
}

/// What became of one transaction.
#[derive(Serialize)]
struct Part {
    /// Its rows, from 1.
    first_row: usize,
    last_row: usize,
    id: Digest,
    /// As of one transaction, or `unknown`, or `not_sent`.
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<Height>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// What is printed.
#[derive(Serialize)]
struct Summary<'a> {
    file: &'a Path,
    rows: usize,
    committed: usize,
    refused: usize,
    unknown: usize,
    transactions: Vec<Part>,
}

impl Submission<'_> {
    /// Sends what is not executed yet, and says what became of all of it.
    pub(super) async fn submit(&self, output: &Output) -> Result<(), Failure> {
        let network = self.bundle.payment().network;
        if network != self.ledger.network() {
            return Err(Failure::new(
                Exit::CheckFailed,
                format!(
                    "{} is for network {network}, the node serves {}",
                    self.file.display(),
                    self.ledger.network()
                ),
            ));
        }
        let executed = self.executed(output).await?;
        let progress = output.progress(self.bundle.parts().len() as u64, "transactions");
        progress.set_message("submitting");
        let sent = self.bundle.parts().iter().map(|(unit, transaction)| {
            let found = executed.get(&transaction.id()).copied();
            let progress = &progress;
            async move {
                let part = self.send(*unit, transaction, found).await;
                progress.inc(1);
                part
            }
        });
        let ended: Vec<(Part, Option<Failure>)> =
            futures::stream::iter(sent).buffered(IN_FLIGHT).collect().await;
        progress.finish_and_clear();
        let (transactions, failures): (Vec<Part>, Vec<Option<Failure>>) = ended.into_iter().unzip();
        let rows_of = |statuses: &[&str]| -> usize {
            let parts = transactions.iter();
            let matching = parts.filter(|part| statuses.contains(&part.status.as_str()));
            matching.map(|part| part.last_row + 1 - part.first_row).sum()
        };
        let summary = Summary {
            file: self.file,
            rows: self.bundle.rows().len(),
            committed: rows_of(&["committed"]),
            refused: rows_of(&["failed", "refused", "expired"]),
            unknown: rows_of(&["pending", "unknown"]),
            transactions,
        };
        output.print(&summary, |output| text(&summary, output))?;
        self.verdict(&summary, failures)
    }

    /// What of it was executed already. Nothing may be sent if another transaction paid any of its rows.
    async fn executed(&self, output: &Output) -> Result<BTreeMap<Digest, Found>, Failure> {
        let tip = self.ledger.tip().await?;
        let spinner = output.spinner("looking for earlier payments of these rows");
        let rows = self.bundle.payment().rows;
        let batch = self.bundle.batch();
        let search = Search::by_salts(self.ledger, self.nodes, &batch, rows, self.belief);
        let found = search.look(tip, Height::GENESIS, |_| {}).await;
        spinner.finish_and_clear();
        let Findings { executed, .. } = found?;
        for (unit, transaction) in self.bundle.parts() {
            let id = transaction.id();
            let overlaps = |other: Unit| other.first < unit.range().end && unit.first < other.range().end;
            let paid = executed
                .values()
                .find(|found| found.is_paid && found.place.id != id && overlaps(found.unit));
            if let Some(found) = paid {
                return Err(Failure::new(
                    Exit::Refused,
                    format!(
                        "rows {} to {} of the file were paid before, by {} at height {}: nothing was sent",
                        found.unit.first + 1,
                        found.unit.range().end,
                        found.place.id,
                        found.place.height
                    ),
                )
                .hint("build what is left of the file: quorate wallet pay FILE.csv --build"));
            }
        }
        Ok(executed)
    }

    async fn send(
        &self,
        unit: Unit,
        transaction: &Transaction,
        found: Option<Found>,
    ) -> (Part, Option<Failure>) {
        let part = |status: &str| Part {
            first_row: unit.first + 1,
            last_row: unit.range().end,
            id: transaction.id(),
            status: status.to_owned(),
            height: None,
            index: None,
            why: None,
        };
        if let Some(found) = found {
            let status = if found.is_paid { "committed" } else { "failed" };
            let part = Part {
                height: Some(found.place.height),
                index: Some(found.place.index),
                ..part(status)
            };
            return (part, None);
        }
        match self.ledger.send(transaction, self.wait).await {
            Ok(fate) => {
                let Fate {
                    status,
                    height,
                    index,
                    code,
                    ..
                } = fate;
                let part = Part {
                    height,
                    index,
                    why: code,
                    ..part(&status)
                };
                (part, None)
            }
            Err(failure) => {
                let status = match failure.exit() {
                    Exit::Refused => "refused",
                    Exit::Unreachable => "not_sent",
                    _ => "unknown",
                };
                // Without its hint: that of the whole follows.
                let why = failure.to_string().lines().next().map(str::to_owned);
                let part = Part { why, ..part(status) };
                (part, Some(failure))
            }
        }
    }

    fn verdict(&self, summary: &Summary<'_>, failures: Vec<Option<Failure>>) -> Result<(), Failure> {
        for part in &summary.transactions {
            if let Some(why) = &part.why {
                say(format!("rows {} to {}: {why}", part.first_row, part.last_row));
            }
        }
        let again = format!(
            "until {} the same file may be submitted again: nothing is paid twice",
            rfc3339_of(self.bundle.expires_at())
        );
        if summary.refused > 0 {
            return Err(Failure::new(
                Exit::Refused,
                format!(
                    "{} of {} rows were refused: a transaction pays all its rows or none",
                    summary.refused, summary.rows
                ),
            )
            .hint(again));
        }
        if let Some(failure) = failures.into_iter().flatten().next() {
            return Err(failure.hint(again));
        }
        if summary.unknown > 0 && self.wait.is_some() {
            return Err(
                Failure::new(Exit::Unknown, format!("{} rows are undecided", summary.unknown)).hint(again),
            );
        }
        Ok(())
    }
}

fn text(summary: &Summary<'_>, output: &Output) -> String {
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
        ("refused", tone(summary.refused, Tone::Bad)),
        ("unknown", tone(summary.unknown, Tone::Warning)),
        ("transactions", summary.transactions.len().to_string()),
    ])
}

/// What it pays, a line each. Of its rows at most `shown` are shown.
fn lines_of(bundle: &Bundle, shown: usize) -> Vec<String> {
    let payment = bundle.payment();
    let mut lines = vec![
        format!("network {}", payment.network),
        format!("account {}", payment.payer),
        format!("expires {}", rfc3339_of(bundle.expires_at())),
        format!("file {}, {} rows", payment.sha256, payment.rows),
    ];
    if !payment.label.is_empty() {
        lines.push(format!("paid again as {}", printable(&payment.label)));
    }
    for sum in bundle.sums() {
        let amount = sum.amount.unwrap_or_else(|| "?".to_owned());
        lines.push(format!(
            "{amount} {} in {} rows ({} in smallest units)",
            sum.asset, sum.rows, sum.smallest_units
        ));
    }
    let rows = bundle.rows();
    for (place, row) in rows.iter().take(shown) {
        let amount = match bundle.in_decimals(&row.asset, row.amount) {
            Some(amount) => format!("{amount} {}", row.asset),
            None => format!("{} smallest units of {}", row.amount, row.asset),
        };
        let memo = if row.memo.is_empty() {
            String::new()
        } else {
            format!(" ({})", printable(&row.memo))
        };
        lines.push(format!("  row {}: pay {amount} to {}{memo}", place + 1, row.to));
    }
    if rows.len() > shown {
        lines.push(format!(
            "  and {} rows more, which `quorate wallet show` lists",
            rows.len() - shown
        ));
    }
    lines
}
