//! What is said at the end of a run: of all rows together, and by the exit code.

use std::collections::BTreeMap;
use std::path::PathBuf;

use quorate_client::text::rfc3339_of;
use quorate_ledger::{AssetCode, Height};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, Tone, say};
use quorate_tools::wallet::Ledger;
use serde::Serialize;

use super::Job;
use crate::pay::file::Row;
use crate::pay::journal::Known;
use crate::pay::result::{RowResult, RowStatus, write};
use crate::pay::run::Ended;

/// Refused rows that are named one by one.
const SHOWN_REFUSALS: usize = 20;

/// What to do where not all is decided.
const AGAIN: &str = "run the same command again to go on: nothing is paid twice";

/// The summary that is printed.
#[derive(Serialize)]
pub(super) struct Summary {
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
    /// Decimals by which amounts were read and that are a node's word alone.
    unproven_decimals: BTreeMap<AssetCode, u8>,
    journal: PathBuf,
    pub(super) result: PathBuf,
}

/// Between which blocks the rows of a file were paid by earlier runs.
#[derive(Serialize)]
pub(super) struct PaidBefore {
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

impl Job<'_> {
    /// Where and when all rows were paid, if they are.
    pub(super) async fn paid_before(&self, known: &Known) -> Result<Option<PaidBefore>, Failure> {
        if self.is_paid(known) {
            PaidBefore::of(known, self.ledger).await
        } else {
            Ok(None)
        }
    }

    /// Writes the result of all rows, and sums it up.
    pub(super) fn summary(
        &self,
        ended: &Ended,
        already_paid: usize,
        paid_before: Option<PaidBefore>,
        journal: PathBuf,
    ) -> Result<Summary, Failure> {
        let batch = &self.names.own;
        let result = write(self.file, batch, self.rows, self.decimals, &ended.results)?;
        let count = |status| {
            let results = ended.results.iter();
            results.filter(|result| result.status == status).count()
        };
        Ok(Summary {
            file: self.file.to_owned(),
            sha256: batch.file,
            rows: self.rows.len(),
            committed: count(RowStatus::Committed),
            already_paid,
            refused: count(RowStatus::Refused),
            unknown: count(RowStatus::Unknown),
            not_sent: count(RowStatus::NotSent),
            transactions: ended.transactions,
            notes: ended.notes,
            paid_before,
            unproven_decimals: self.unproven.clone(),
            journal,
            result,
        })
    }
}

pub(super) fn text(summary: &Summary, output: &Output) -> String {
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

pub(super) fn rows_text(count: usize) -> String {
    format!("{count} {}", if count == 1 { "row" } else { "rows" })
}

pub(super) fn name_refusals(rows: &[Row], results: &[RowResult]) {
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

/// A failure that comes after payments left: that there is no such thing, or that the command just failed, would be
/// untrue of them. A refusal, and a check that failed, say what they are.
pub(super) fn after_sending(failure: &Failure) -> Failure {
    match failure.exit() {
        Exit::Refused | Exit::CheckFailed | Exit::Interrupted => failure.clone(),
        Exit::Unknown => failure.clone().hint(AGAIN),
        _ => {
            // Without its hint, which would be of a command that sent nothing.
            let why = failure.to_string();
            let why = why.lines().next().unwrap_or_default();
            let said = format!("payments were sent, and what became of all of them is not known: {why}");
            Failure::new(Exit::Unknown, said).hint(AGAIN)
        }
    }
}

pub(super) fn verdict(summary: &Summary, interrupted: bool, failure: Option<Failure>) -> Result<(), Failure> {
    if interrupted {
        return Err(Failure::new(Exit::Interrupted, "interrupted").hint(AGAIN));
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
            Err(Failure::new(Exit::Unknown, undecided).hint(AGAIN))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_after_payments_were_sent_leaves_their_outcome_unknown() {
        for (exit, says) in [
            (Exit::Failed, Exit::Unknown),
            (Exit::Usage, Exit::Unknown),
            (Exit::NotFound, Exit::Unknown),
            (Exit::Unknown, Exit::Unknown),
            (Exit::Unreachable, Exit::Unknown),
            (Exit::NotPermitted, Exit::Unknown),
            (Exit::Refused, Exit::Refused),
            (Exit::CheckFailed, Exit::CheckFailed),
            (Exit::Interrupted, Exit::Interrupted),
        ] {
            let failure = after_sending(&Failure::new(exit, "there is no block 38").hint("another"));
            assert_eq!(failure.exit(), says, "{failure}");
            let said = failure.to_string();
            assert!(said.contains("there is no block 38"), "{said}");
            assert_eq!(said.contains(AGAIN), says == Exit::Unknown, "{said}");
        }
    }
}
