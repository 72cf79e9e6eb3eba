//! Submitting what was built and signed: one transaction, or all that pay a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use futures::StreamExt as _;
use quorate_client::Client;
use quorate_client::text::rfc3339_of;
use quorate_ledger::{Address, Digest, Height, IntentV1, Timestamp};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, Tone, say};
use quorate_tools::wallet::{Fate, Ledger, Meaning, NodeArgs};
use quorate_verifier::Travelling;
use serde::Serialize;

use super::pay::PaidBeforeArgs;
use super::travelling::{Papers, submission_of};
use crate::pay::history::{Belief, History, Paying, Seen, payments_of};
use crate::pay::plan::SIGNING_GRID_MS;

/// Transactions in flight.
const IN_FLIGHT: usize = 8;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet submit payment.qtx
  quorate wallet submit payroll.qtx --genesis genesis.toml

Of the payments of a file nothing is sent if any of its transactions was paid before by another
one. It may be submitted again: what is committed is not executed twice.")]
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

/// What is submitted, and how.
struct Submitting<'a> {
    file: &'a Path,
    papers: &'a Papers,
    ledger: &'a Ledger,
    nodes: &'a [Client],
    belief: Belief,
    /// How long each transaction is followed; none: not at all.
    wait: Option<Duration>,
}

/// What became of one transaction.
#[derive(Serialize)]
struct Part {
    /// Its operations among all of the file, from 1.
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

/// Submits what was built and signed.
pub(crate) async fn submit(args: &SubmitArgs, output: &Output) -> Result<(), Failure> {
    let wait = (!args.no_wait).then(|| Duration::from_secs(args.timeout));
    // Its form, its texts and its signatures are checked before anything is asked; for which network it is, and what
    // its amounts mean, was checked by whoever signed it.
    let papers = Papers::read(&args.file, Meaning::default())?;
    let (ledger, nodes) = (args.node.connect().await?, args.node.clients()?);
    if let [only] = papers.all.as_slice()
        && !is_of_a_file(only.v1().intent.v1(), &ledger).await?
    {
        // A node for another network says so itself.
        let outcome = ledger.send(&submission_of(only), wait).await?;
        return outcome.report(output, wait.is_some());
    }
    let submitting = Submitting {
        file: &args.file,
        papers: &papers,
        ledger: &ledger,
        nodes: &nodes,
        belief: args.before.belief(&ledger),
        wait,
    };
    submitting.submit_all(output).await
}

/// Whether a transaction looks like one that pays rows of a file: it only pays, and expires where `wallet pay --build`
/// lets transactions expire.
async fn is_of_a_file(intent: &IntentV1, ledger: &Ledger) -> Result<bool, Failure> {
    if payments_of(intent).is_none() {
        return Ok(false);
    }
    let longest = ledger.parameters().await?.max_expiry_lead_ms;
    let grid = SIGNING_GRID_MS.min(longest).max(1);
    Ok(intent.expires_at.0.is_multiple_of(grid))
}

/// An executed transaction that pays what another one, not executed, would pay too.
struct Double {
    seen: Seen,
    of: Digest,
}

/// Of what may be sent: what each pays, by its salt.
struct Wanted {
    id: Digest,
    salt: [u8; 16],
    payments: Option<Vec<Paying>>,
    /// The first moment at which it can have been built to expire when it does.
    built_from: Timestamp,
    expires_at: Timestamp,
}

impl Wanted {
    fn of(intent: &IntentV1, id: Digest) -> Self {
        Self {
            id,
            salt: intent.salt,
            payments: payments_of(intent),
            built_from: Timestamp(intent.expires_at.0.saturating_sub(SIGNING_GRID_MS)),
            expires_at: intent.expires_at,
        }
    }

    /// Whether `seen` is it, or pays the same rows of the same file: with the same salt, or, where another key gave
    /// other salts, the same amounts to the same accounts while this one could be executed too.
    fn is_paid_by(&self, seen: &Seen) -> bool {
        let at_the_same_time = seen.expires_at > self.built_from && seen.expires_at <= self.expires_at;
        seen.place.id == self.id
            || seen.salt == self.salt
            || (at_the_same_time && self.payments.is_some() && seen.payments == self.payments)
    }
}

impl Submitting<'_> {
    /// Sends what is not executed yet, and says what became of all of it.
    async fn submit_all(&self, output: &Output) -> Result<(), Failure> {
        self.check_network()?;
        let executed = self.executed(output).await?;
        self.say_leaving(&executed).await?;
        let progress = output.progress(self.papers.all.len() as u64, "transactions");
        progress.set_message("submitting");
        let mut first_row = 1;
        let sent = self.papers.all.iter().map(|one| {
            let id = one.v1().intent.id();
            let found = executed.get(&id);
            let progress = &progress;
            let first = first_row;
            first_row += one.v1().intent.v1().operations.len();
            async move {
                let part = self.send(first, one, found).await;
                progress.inc(1);
                part
            }
        });
        let sent: Vec<_> = sent.collect();
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
            rows: first_row - 1,
            committed: rows_of(&["committed"]),
            refused: rows_of(&["failed", "refused", "expired"]),
            unknown: rows_of(&["pending", "unknown"]),
            transactions,
        };
        output.print(&summary, |output| text(&summary, output))?;
        self.verdict(&summary, failures)
    }

    /// Says what of it leaves, before any of it does: whoever does not see how it ends has the file.
    async fn say_leaving(&self, executed: &BTreeMap<Digest, Seen>) -> Result<(), Failure> {
        let ids = self.papers.all.iter().map(|one| one.v1().intent.id());
        let left: Vec<Digest> = ids.filter(|id| !executed.contains_key(id)).collect();
        let (what, expiry) = match left.as_slice() {
            [] => return Ok(()),
            [only] => (only.to_string(), "it expires at"),
            several => (
                format!("{} transactions", several.len()),
                "the first of it expires at",
            ),
        };
        self.ledger.check_quorum().await?;
        say(format!(
            "sending {what} of {}\n  {expiry} {}; to learn later how it ended, submit the same file again: nothing is \
             paid twice",
            self.file.display(),
            rfc3339_of(self.papers.expires_at())
        ));
        Ok(())
    }

    fn check_network(&self) -> Result<(), Failure> {
        let network = self.papers.network();
        if network == self.ledger.network() {
            return Ok(());
        }
        Err(Failure::new(
            Exit::CheckFailed,
            format!(
                "{} is for network {network}, the node serves {}",
                self.file.display(),
                self.ledger.network()
            ),
        ))
    }

    /// What of it was executed already. Nothing may be sent if another transaction paid any of its rows.
    async fn executed(&self, output: &Output) -> Result<BTreeMap<Digest, Seen>, Failure> {
        let tip = self.ledger.tip().await?;
        let spinner = output.spinner("looking for earlier payments of these rows");
        let mut found = Vec::new();
        for (sender, wanted) in self.wanted() {
            let history = History::new(self.ledger, self.nodes, sender, self.belief);
            let salts: BTreeSet<[u8; 16]> = wanted.iter().map(|one| one.salt).collect();
            let may_be = |seen: &Seen| {
                salts.contains(&seen.salt)
                    || (seen.is_success && wanted.iter().any(|one| one.is_paid_by(seen)))
            };
            let looked = history.look(tip, Height::GENESIS, may_be, |_| {}).await;
            match looked {
                Ok(seen) => found.push((wanted, seen)),
                Err(failure) => {
                    spinner.finish_and_clear();
                    return Err(failure);
                }
            }
        }
        spinner.finish_and_clear();
        let mut executed = BTreeMap::new();
        for (wanted, seen) in found {
            if let Some(double) = double_of(&wanted, &seen) {
                return Err(double.failure());
            }
            let own = seen
                .into_iter()
                .filter(|seen| wanted.iter().any(|one| one.id == seen.place.id));
            executed.extend(own.map(|seen| (seen.place.id, seen)));
        }
        Ok(executed)
    }

    /// What may be sent, by whose it is.
    fn wanted(&self) -> BTreeMap<Address, Vec<Wanted>> {
        let mut wanted: BTreeMap<Address, Vec<Wanted>> = BTreeMap::new();
        for one in &self.papers.all {
            let intent = &one.v1().intent;
            wanted
                .entry(intent.sender())
                .or_default()
                .push(Wanted::of(intent.v1(), intent.id()));
        }
        wanted
    }

    async fn send(
        &self,
        first_row: usize,
        one: &Travelling,
        found: Option<&Seen>,
    ) -> (Part, Option<Failure>) {
        let intent = &one.v1().intent;
        let part = |status: &str| Part {
            first_row,
            last_row: first_row + intent.v1().operations.len() - 1,
            id: intent.id(),
            status: status.to_owned(),
            height: None,
            index: None,
            why: None,
        };
        if let Some(found) = found {
            let status = if found.is_success { "committed" } else { "failed" };
            let part = Part {
                height: Some(found.place.height),
                index: Some(found.place.index),
                ..part(status)
            };
            return (part, None);
        }
        match self.ledger.send_kept(&submission_of(one), self.wait).await {
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
            rfc3339_of(self.papers.expires_at())
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

/// What was paid by another transaction than the one that is to be sent.
fn double_of(wanted: &[Wanted], seen: &[Seen]) -> Option<Double> {
    let own: BTreeSet<Digest> = wanted.iter().map(|one| one.id).collect();
    let mut others = seen
        .iter()
        .filter(|seen| seen.is_success && !own.contains(&seen.place.id));
    others.find_map(|seen| {
        let of = wanted.iter().find(|one| one.is_paid_by(seen))?.id;
        let seen = seen.clone();
        Some(Double { seen, of })
    })
}

impl Double {
    fn failure(&self) -> Failure {
        let place = self.seen.place;
        Failure::new(
            Exit::Refused,
            format!(
                "the rows of {} were paid before, by {} at height {}: nothing was sent",
                self.of, place.id, place.height
            ),
        )
        .hint(
            "build what is left of the file: quorate wallet pay FILE.csv --build. If both are meant, build it after \
             the first one's expiry",
        )
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

#[cfg(test)]
mod tests {
    use quorate_client::wallet::TransactionBuilder;
    use quorate_crypto::sha256;
    use quorate_ledger::{Amount, Intent};

    use super::*;
    use crate::pay::journal::Paid;

    const DAY: u64 = SIGNING_GRID_MS;

    fn intent(salt: u8, amount: u128, expires_at: u64) -> Intent {
        TransactionBuilder::new(
            sha256(b"network"),
            Address([1; 20]),
            Timestamp(expires_at),
            [salt; 16],
        )
        .transfer(Address([2; 20]), "QRT".parse().unwrap(), Amount(amount), "")
        .build_with(|_| [salt; 16])
        .intent
    }

    fn seen(intent: &Intent) -> Seen {
        Seen {
            place: Paid {
                id: intent.id(),
                height: Height(7),
                index: 0,
            },
            salt: intent.v1().salt,
            expires_at: intent.v1().expires_at,
            is_success: true,
            payments: payments_of(intent.v1()),
        }
    }

    #[test]
    fn what_another_transaction_paid_is_not_submitted() {
        let built = intent(1, 5, 2 * DAY);
        let wanted = [Wanted::of(built.v1(), built.id())];
        let is_double = |other: &Seen| double_of(&wanted, std::slice::from_ref(other)).is_some();
        assert!(!is_double(&seen(&built)), "it is it");
        // The same rows of the same file, and the same key or another.
        assert!(is_double(&seen(&intent(1, 5, DAY + 600_000))));
        assert!(is_double(&seen(&intent(9, 5, DAY + 600_000))));
        // Yesterday's, and another payment.
        assert!(!is_double(&seen(&intent(9, 5, DAY))));
        assert!(!is_double(&seen(&intent(9, 6, DAY + 600_000))));
        let failed = Seen {
            is_success: false,
            ..seen(&intent(9, 5, DAY + 600_000))
        };
        assert!(!is_double(&failed));
    }
}
