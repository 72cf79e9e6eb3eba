//! `wallet pay --build`: all transactions of a file, for the signers of its payer's account.
//!
//! What is built may be signed and submitted by others until it expires, and nobody tells this wallet. So it is
//! in the journal before it is written, the same rows are built the same until then, and nothing else is signed
//! for them. What was executed is found on the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use quorate_client::Bytes;
use quorate_client::schema::Account;
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::Unsigned;
use quorate_ledger::limits::MAX_TRANSACTION_BYTES;
use quorate_ledger::{Address, AssetCode, Digest, Submission, SubmissionV1, Timestamp, decode, encode};
use quorate_tools::clock::now;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, say};
use serde::Serialize;

use super::Job;
use super::rehearse::Sum;
use super::summary::text;
use crate::cli::wallet::offline::travelling_of;
use crate::cli::wallet::travelling::write_new;
use crate::pay::journal::{Journal, Known, Opened, Signed};
use crate::pay::plan::{Unit, pack};
use crate::pay::result::RowResult;
use crate::pay::run::Ended;

#[derive(Serialize)]
struct Built {
    file: PathBuf,
    built: PathBuf,
    payer: Address,
    sha256: Digest,
    rows: usize,
    already_paid: usize,
    transactions: usize,
    sums: Vec<Sum>,
    /// When the first of the transactions expires.
    expires_at: String,
    /// The weight of signatures that the payer's account needs, as a node says.
    threshold: u32,
    /// Decimals by which amounts were read and that are a node's word alone.
    unproven_decimals: BTreeMap<AssetCode, u8>,
    result: PathBuf,
}

impl Job<'_> {
    pub(super) async fn build(&self, to: &Path, output: &Output) -> Result<(), Failure> {
        if to.exists() {
            return Err(Failure::failed(format!("{} is there already", to.display()))
                .hint("name a file that does not exist: what was signed is not overwritten"));
        }
        let Opened {
            mut journal,
            mut known,
        } = Journal::open(self.subject())?;
        let batch = &self.names.own;
        let tip = self.ledger.tip().await?;
        journal.begin(batch, self.rows.len())?;
        if !self.is_paid(&known) {
            self.look(tip, &mut known, Some(&mut journal), output).await?;
        }
        journal.ready()?;
        let ended = self.ended(&known);
        let already_paid = known.paid.len();
        if let Some(before) = self.paid_before(&known).await? {
            let journal = journal.path().to_owned();
            let summary = self.summary(&ended, already_paid, Some(before), journal)?;
            return output.print(&summary, |output| text(&summary, output));
        }
        self.check_open(&known, tip.timestamp)?;

        // By the later of certified time and this clock: the time of an idle chain stands still.
        let basis = self.ledger.expiry(Duration::ZERO).await?;
        let units = self.units(&known);
        let mut all = Vec::with_capacity(units.len());
        let mut expires_at = Timestamp(u64::MAX);
        for unit in units {
            let open = known.open_built(tip.timestamp).find(|(built, _)| *built == unit);
            let unsigned = match open {
                Some((_, built)) => unsigned_of(&built.bytes)
                    .map_err(|why| Failure::failed(format!("{}: {why}", journal.path().display())))?,
                None => {
                    let unsigned = self.unsigned(unit, basis, &known)?;
                    journal.built(unit, &of(&unsigned))?;
                    unsigned
                }
            };
            expires_at = expires_at.min(unsigned.intent.v1().expires_at);
            all.push(travelling_of(unsigned, self.decimals)?);
        }
        journal.flush()?;
        write_new(to, &all)?;

        let account = self.ledger.client().account(&batch.sender).await?;
        let (sums, refusals) = self.sums(&known, &account);
        let summary = self.summary(&ended, already_paid, None, journal.path().to_owned())?;
        let built = Built {
            file: self.file.to_owned(),
            built: to.to_owned(),
            payer: batch.sender,
            sha256: batch.file,
            rows: self.rows.len(),
            already_paid,
            transactions: all.len(),
            sums,
            expires_at: rfc3339_of(expires_at),
            threshold: account.threshold,
            unproven_decimals: self.unproven.clone(),
            result: summary.result,
        };
        output.print(&built, |output| built.text(&account, output))?;
        for refusal in refusals {
            say(format!("warning: {refusal}: as things are it will be refused"));
        }
        say("nothing was sent: --build");
        Ok(())
    }

    /// Fails where something else may still pay rows that are to be built.
    fn check_open(&self, known: &Known, certified: Timestamp) -> Result<(), Failure> {
        if let Some(until) = known.sent_until(certified) {
            return Err(Failure::new(
                Exit::Unknown,
                format!(
                    "these rows were sent, and may be paid by that until {}: nothing was built",
                    rfc3339_of(until)
                ),
            )
            .hint("run the command without --build to go on, or with it after that time"));
        }
        let units: BTreeSet<Unit> = self.units(known).into_iter().collect();
        let now = now()?;
        for (unit, built) in known.open_built(certified) {
            let until = rfc3339_of(built.expires_at);
            if !units.contains(&unit) {
                return Err(Failure::new(
                    Exit::Unknown,
                    format!(
                        "rows {} to {} were built together, and may be paid so until {until}: nothing was built",
                        unit.first + 1,
                        unit.range().end
                    ),
                )
                .hint("submit what was built, or build again once a block after that time is certified"));
            }
            if built.expires_at <= now {
                return Err(Failure::new(
                    Exit::Unknown,
                    format!(
                        "what was built has expired at {until} by this clock, and not by the network's time, \
                         which is {}: nothing was built",
                        rfc3339_of(certified)
                    ),
                )
                .hint("any transaction moves the network's time, such as a payment to yourself"));
            }
        }
        Ok(())
    }

    /// What is left to be paid, a transaction each.
    fn units(&self, known: &Known) -> Vec<Unit> {
        let mut units = Vec::new();
        for chunk in pack(self.rows, self.max_transaction_bytes) {
            if known.is_row_by_row(chunk) {
                units.extend(chunk.rows().filter(|row| !known.is_paid(*row)));
            } else if !known.is_paid(chunk) {
                units.push(chunk);
            }
        }
        units
    }

    fn unsigned(&self, unit: Unit, basis: Timestamp, known: &Known) -> Result<Unsigned, Failure> {
        let batch = &self.names.own;
        let failed = known.failed.get(&unit).cloned().unwrap_or_default();
        let expires_at = batch.signing_expiry(basis, &failed).ok_or_else(|| {
            Failure::failed("these rows failed so often today that no expiry is left for another try")
                .hint("build again after midnight (UTC)")
        })?;
        let rows = self.rows.get(unit.range()).unwrap_or_default();
        Ok(batch.payment(unit.first, rows, expires_at))
    }

    /// What is known of the rows, for the result.
    fn ended(&self, known: &Known) -> Ended {
        let result = |row| match known.paid.get(&row) {
            Some(&place) => RowResult::paid(place),
            None => RowResult::NOT_SENT,
        };
        Ended {
            results: (0..self.rows.len()).map(result).collect(),
            transactions: 0,
            notes: 0,
            failure: None,
        }
    }
}

/// As it is written down, without signatures.
fn of(unsigned: &Unsigned) -> Signed {
    let submission = unsigned.clone().sign([]);
    Signed {
        id: unsigned.id(),
        expires_at: unsigned.intent.v1().expires_at,
        bytes: Bytes::from(encode(&submission)),
        in_doubt: true,
    }
}

/// What was written down so.
fn unsigned_of(bytes: &[u8]) -> Result<Unsigned, String> {
    let submission = decode::<Submission>(bytes, MAX_TRANSACTION_BYTES as usize);
    let Submission::V1(SubmissionV1 { transaction, texts }) =
        submission.map_err(|error| error.to_string())?;
    let intent = transaction.v1().intent.clone();
    Ok(Unsigned { intent, texts })
}

impl Built {
    fn text(&self, account: &Account, output: &Output) -> String {
        let mut fields = vec![
            ("built", self.built.display().to_string()),
            ("rows", self.rows.to_string()),
            ("paid before", self.already_paid.to_string()),
        ];
        for sum in &self.sums {
            fields.push(("to pay", sum.text()));
        }
        fields.push(("transactions", self.transactions.to_string()));
        fields.push(("expires", self.expires_at.clone()));
        let signers = match account.signers.len() {
            0 => "by the payer's own key".to_owned(),
            _ => {
                let signers = account.signers.iter();
                let signers = signers.map(|signer| format!("{} (weight {})", signer.key, signer.weight));
                let signers: Vec<String> = signers.collect();
                format!("with weight {} of:\n{}", self.threshold, signers.join("\n"))
            }
        };
        fields.push(("to be signed", signers));
        fields.push(("rows' sha256", self.sha256.to_string()));
        output.fields(&fields)
    }
}
