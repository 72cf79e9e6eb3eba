//! Sending the units of a payment file and following each until the ledger has decided about it.

mod follow;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use indicatif::ProgressBar;
use quorate_client::wallet::Unsigned;
use quorate_client::{Bytes, Client};
use quorate_crypto::ClientSigningKey;
use quorate_ledger::{Digest, Timestamp, encode};
use quorate_tools::clock::now;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::wallet::{Ledger, Tip};

use self::follow::{Note, Resolution};
use super::file::Row;
use super::history::Search;
use super::journal::{How, Journal, Known, Paid, Signed};
use super::plan::{Batch, Unit};
use super::result::{RowResult, RowStatus};

/// The code of rows that were rolled back because another row of their transaction failed.
const ROLLED_BACK: &str = "rolled_back";

/// A payment under way.
pub(crate) struct Run<'a> {
    ledger: &'a Ledger,
    nodes: &'a [Client],
    key: &'a ClientSigningKey,
    batch: &'a Batch,
    search: &'a Search<'a>,
    rows: &'a [Row],
    patience: Duration,
    in_flight: usize,
    state: Mutex<State>,
    /// Held by whoever looks again for what others paid.
    looking: tokio::sync::Mutex<()>,
    halted: AtomicBool,
    progress: ProgressBar,
}

struct State {
    basis: Tip,
    journal: Journal,
    known: Known,
    results: Vec<RowResult>,
    /// The failure that ended the run early.
    failure: Option<Failure>,
    transactions: u64,
    notes: u64,
    sent: bool,
}

/// Whether nothing is new at this tip for whoever has looked up to `basis`. A time that goes on without a block would never
/// be looked up to, and what expired by it would be signed again and again.
fn is_seen(tip: Tip, basis: Tip) -> Result<bool, Failure> {
    if tip.height > basis.height {
        return Ok(false);
    }
    if tip.timestamp <= basis.timestamp {
        return Ok(true);
    }
    Err(Failure::new(
        Exit::CheckFailed,
        format!(
            "a node contradicts itself: at height {} it is later than at height {}",
            tip.height, basis.height
        ),
    )
    .hint("ask another node with --node"))
}

/// How the ledger decided about a unit.
enum Decision {
    Paid,
    /// Executed, and failed at an operation.
    Failed {
        id: Digest,
        place: Option<Paid>,
        code: String,
        operation: Option<u16>,
    },
    /// Meanwhile a part of it was paid, or it was decided to pay its rows one by one.
    RowByRow,
    /// Refused by the nodes before it could be executed.
    Refused {
        id: Digest,
        code: String,
        operation: Option<u16>,
        reason: String,
    },
}

/// What a run came to.
pub(crate) struct Ended {
    /// For each row.
    pub(crate) results: Vec<RowResult>,
    /// Transactions that were signed in this run.
    pub(crate) transactions: u64,
    /// Notes that were put on the ledger, each a payment of one smallest unit from the payer to itself.
    pub(crate) notes: u64,
    /// Why it ended early, if it did.
    pub(crate) failure: Option<Failure>,
}

/// What a run needs to begin.
pub(crate) struct Parts<'a> {
    /// The network.
    pub(crate) ledger: &'a Ledger,
    /// A client of each node alone: one that fails over could not tell a refusal from a refusal after an
    /// attempt elsewhere that perhaps got through.
    pub(crate) nodes: &'a [Client],
    /// Who signs.
    pub(crate) key: &'a ClientSigningKey,
    /// What all transactions share.
    pub(crate) batch: &'a Batch,
    /// Finds what others paid of the file.
    pub(crate) search: &'a Search<'a>,
    /// All rows of the file.
    pub(crate) rows: &'a [Row],
    /// How long one transaction is followed.
    pub(crate) patience: Duration,
    /// Transactions in flight.
    pub(crate) in_flight: usize,
    /// The certified block up to which it is known what is executed: no other transaction for these rows
    /// that can still be executed was signed when certified time was later.
    pub(crate) basis: Tip,
    /// The journal.
    pub(crate) journal: Journal,
    /// What it and the ledger say.
    pub(crate) known: Known,
    /// Counts rows.
    pub(crate) progress: ProgressBar,
}

impl<'a> Run<'a> {
    /// A run that has sent nothing yet.
    pub(crate) fn new(parts: Parts<'a>) -> Self {
        let Parts {
            ledger,
            nodes,
            key,
            batch,
            search,
            rows,
            patience,
            in_flight,
            basis,
            journal,
            known,
            progress,
        } = parts;
        let mut results = vec![RowResult::NOT_SENT; rows.len()];
        for (&row, &place) in &known.paid {
            if let Some(result) = results.get_mut(row) {
                *result = RowResult::paid(place);
            }
        }
        progress.inc(known.paid.len() as u64);
        let state = State {
            basis,
            journal,
            known,
            results,
            failure: None,
            transactions: 0,
            notes: 0,
            sent: false,
        };
        Self {
            ledger,
            nodes,
            key,
            batch,
            search,
            rows,
            patience,
            in_flight,
            state: Mutex::new(state),
            looking: tokio::sync::Mutex::default(),
            halted: AtomicBool::new(false),
            progress,
        }
    }

    /// Pays the units, several at a time, in the file's order.
    pub(crate) async fn pay(&self, units: &[Unit]) {
        let done = match self.catch_up_with_time(units).await {
            Ok(done) => done,
            Err(failure) => return self.halt(failure),
        };
        futures::stream::iter(units.iter().filter(|unit| Some(**unit) != done))
            .for_each_concurrent(self.in_flight, |&unit| async move {
                if let Err(failure) = self.pay_unit(unit).await {
                    self.halt(failure);
                }
            })
            .await;
    }

    /// The time of an idle chain stands still, and expiries that follow from it have passed by any clock.
    /// One unit is paid first and moves it, so that not all have to be signed twice. Gives that unit.
    async fn catch_up_with_time(&self, units: &[Unit]) -> Result<Option<Unit>, Failure> {
        let basis = self.state().basis;
        if self.expiry(basis.timestamp, &BTreeSet::new())? > now()? {
            return Ok(None);
        }
        let open = |unit: &&Unit| {
            let state = self.state();
            unit.range().any(|row| !state.known.paid.contains_key(&row))
        };
        let Some(&first) = units.iter().find(open) else {
            return Ok(None);
        };
        self.pay_unit(first).await?;
        let tip = self.ledger.tip().await?;
        self.look_again(tip).await?;
        Ok(Some(first))
    }

    /// Finds what was executed of the file since the last look, up to `tip`. Whatever is signed for its rows after
    /// that has an expiry that follows from `tip`: so nothing is signed for rows that somebody else has paid by
    /// then, with another copy of the file and from another journal.
    async fn look_again(&self, tip: Tip) -> Result<(), Failure> {
        let _alone = self.looking.lock().await;
        let (basis, searched) = {
            let state = self.state();
            (state.basis, state.known.searched)
        };
        if is_seen(tip, basis)? {
            return Ok(());
        }
        let findings = self.search.look(tip, searched, |_| {}).await?;
        let mut state = self.state();
        let State {
            basis,
            journal,
            known,
            results,
            ..
        } = &mut *state;
        findings.note(known, Some(journal))?;
        journal.flush()?;
        for (&row, &place) in &known.paid {
            if let Some(result) = results.get_mut(row) {
                *result = RowResult::paid(place);
            }
        }
        *basis = tip;
        Ok(())
    }

    /// Whether anything of it, by this run or an earlier one, may be on its way and undecided, or was paid by this run.
    pub(crate) fn may_have_sent(&self) -> bool {
        let state = self.state();
        state.sent || state.known.live.values().any(|signed| signed.in_doubt)
    }

    /// Ends it. Units that are in flight and not decided count as unknown.
    pub(crate) fn end(self) -> Result<Ended, Failure> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.journal.flush()?;
        let State {
            known,
            mut results,
            failure,
            transactions,
            notes,
            ..
        } = state;
        for (unit, signed) in known.live.iter().filter(|(_, signed)| signed.in_doubt) {
            for result in results.get_mut(unit.range()).into_iter().flatten() {
                if result.status == RowStatus::NotSent {
                    *result = RowResult::unknown(signed.id);
                }
            }
        }
        Ok(Ended {
            results,
            transactions,
            notes,
            failure,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets nothing more begin.
    fn halt(&self, failure: Failure) {
        self.halted.store(true, Ordering::Relaxed);
        self.state().failure.get_or_insert(failure);
    }

    async fn pay_unit(&self, unit: Unit) -> Result<(), Failure> {
        let row_by_row = {
            let state = self.state();
            if state.known.is_paid(unit) {
                return Ok(());
            }
            state.known.is_row_by_row(unit)
        };
        if row_by_row {
            return self.pay_rows(unit).await;
        }
        if self.halted.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.decide(unit).await? {
            Decision::Paid => {
                self.progress.inc(unit.count as u64);
                Ok(())
            }
            Decision::RowByRow => self.pay_rows(unit).await,
            Decision::Failed {
                operation: Some(_), ..
            } if unit.count > 1 => {
                self.state().journal.row_by_row(unit.first)?;
                self.pay_rows(unit).await
            }
            Decision::Refused {
                id,
                code,
                operation: Some(operation),
                ..
            } if unit.count > 1 => {
                if self.note_row_by_row(unit).await? {
                    self.pay_rows(unit).await
                } else {
                    self.refuse(unit, id, None, &code, Some(operation));
                    Ok(())
                }
            }
            Decision::Failed {
                id,
                place,
                code,
                operation,
            } => {
                self.refuse(unit, id, place, &code, operation);
                Ok(())
            }
            Decision::Refused {
                id,
                code,
                operation,
                reason,
            } => {
                self.refuse(unit, id, None, &code, operation);
                // What is no row's fault will be said of every transaction.
                if operation.is_none() {
                    self.halt(Failure::new(
                        Exit::Refused,
                        format!("refused by the ledger ({code}): {reason}"),
                    ));
                }
                Ok(())
            }
        }
    }

    async fn pay_rows(&self, unit: Unit) -> Result<(), Failure> {
        for row in unit.rows() {
            let done = self.state().known.paid.contains_key(&row.first);
            if !done {
                Box::pin(self.pay_unit(row)).await?;
            }
        }
        Ok(())
    }

    /// Gets it onto the ledger that a chunk's rows are paid one by one, before any of them is sent: a wallet
    /// without a journal would otherwise pack them again. False if the sender holds nothing to note it with,
    /// and so can pay nothing either.
    async fn note_row_by_row(&self, unit: Unit) -> Result<bool, Failure> {
        let account = self.ledger.client().account(&self.batch.sender).await?;
        // What is held for others pays nobody else.
        let free = account.balances.iter().find(|balance| balance.amount.0 > 0);
        let Some(asset) = free.map(|balance| balance.asset) else {
            return Ok(false);
        };
        loop {
            let basis = self.state().basis.timestamp;
            let expires_at = self.expiry(basis, &BTreeSet::new())?;
            let signed = self.sign(self.batch.note(unit.first, asset, expires_at));
            match self.follow(signed, Note).await? {
                Resolution::Executed { failed: None, .. } => break,
                Resolution::Executed { .. } | Resolution::Refused { .. } => return Ok(false),
                Resolution::Expired { tip } => self.look_again(tip).await?,
            }
        }
        let mut state = self.state();
        state.notes += 1;
        state.journal.row_by_row(unit.first)?;
        Ok(true)
    }

    /// Signs a unit's transaction, or takes the one that may be on its way, and follows it until the ledger
    /// has decided.
    async fn decide(&self, unit: Unit) -> Result<Decision, Failure> {
        loop {
            let basis = self.state().basis.timestamp;
            let live = self.state().known.live.get(&unit).cloned();
            let signed = match live {
                Some(live) => live,
                None => self.sign_unit(unit, basis)?,
            };
            let (id, expires_at) = (signed.id, signed.expires_at);
            match self.follow(signed, unit).await? {
                Resolution::Executed { place, failed } => {
                    let how = if failed.is_some() {
                        How::Failed
                    } else {
                        How::Committed
                    };
                    self.settle(unit, id, expires_at, how, Some(place))?;
                    return Ok(match failed {
                        None => {
                            self.record(unit, RowResult::paid(place));
                            Decision::Paid
                        }
                        Some((code, operation)) => Decision::Failed {
                            id,
                            place: Some(place),
                            code,
                            operation,
                        },
                    });
                }
                Resolution::Expired { tip } => {
                    self.settle(unit, id, expires_at, How::Expired, None)?;
                    self.look_again(tip).await?;
                    let (is_paid, is_row_by_row) = {
                        let state = self.state();
                        (state.known.is_paid(unit), state.known.is_row_by_row(unit))
                    };
                    if is_paid {
                        return Ok(Decision::Paid);
                    }
                    if is_row_by_row {
                        return Ok(Decision::RowByRow);
                    }
                    if self.state().known.claimed.contains(&unit.first) && unit.count > 1 {
                        return Ok(Decision::Refused {
                            id,
                            code: ROLLED_BACK.to_owned(),
                            operation: Some(0),
                            reason: "a node refused it for one of its rows".to_owned(),
                        });
                    }
                }
                Resolution::Refused {
                    code,
                    operation,
                    reason,
                } => {
                    self.settle(unit, id, expires_at, How::Refused, None)?;
                    return Ok(Decision::Refused {
                        id,
                        code,
                        operation,
                        reason,
                    });
                }
            }
        }
    }

    fn settle(
        &self,
        unit: Unit,
        id: Digest,
        expires_at: Timestamp,
        how: How,
        place: Option<Paid>,
    ) -> Result<(), Failure> {
        let mut state = self.state();
        state.journal.settled(id, how, place)?;
        state
            .known
            .settle(unit, id, how, place)
            .map_err(Failure::failed)?;
        if how == How::Failed {
            state.known.failed.entry(unit).or_default().insert(expires_at);
        }
        Ok(())
    }

    fn sign_unit(&self, unit: Unit, basis: Timestamp) -> Result<Signed, Failure> {
        let failed = self.state().known.failed.get(&unit).cloned().unwrap_or_default();
        let expires_at = self.expiry(basis, &failed)?;
        let rows = &self.rows[unit.range()];
        let signed = self.sign(self.batch.payment(unit.first, rows, expires_at));
        let mut state = self.state();
        state.journal.signed(unit, &signed)?;
        state.known.live.insert(unit, signed.clone());
        state.transactions += 1;
        Ok(signed)
    }

    fn expiry(&self, basis: Timestamp, failed: &BTreeSet<Timestamp>) -> Result<Timestamp, Failure> {
        self.batch.expiry(basis, failed).ok_or_else(|| {
            Failure::failed("these rows failed so often today that no expiry is left for another try")
        })
    }

    fn sign(&self, unsigned: Unsigned) -> Signed {
        let submission = unsigned.sign([self.key]);
        let transaction = submission.transaction();
        Signed {
            id: transaction.id(),
            expires_at: transaction.intent().expires_at,
            bytes: Bytes::from(encode(&submission)),
            in_doubt: false,
        }
    }

    fn record(&self, unit: Unit, result: RowResult) {
        for row in self.state().results.get_mut(unit.range()).into_iter().flatten() {
            *row = result.clone();
        }
    }

    fn refuse(&self, unit: Unit, id: Digest, place: Option<Paid>, code: &str, operation: Option<u16>) {
        let mut state = self.state();
        for (offset, row) in state
            .results
            .get_mut(unit.range())
            .into_iter()
            .flatten()
            .enumerate()
        {
            let at_fault = operation.is_none_or(|operation| usize::from(operation) == offset);
            *row = RowResult::refused(id, place, if at_fault { code } else { ROLLED_BACK });
        }
        self.progress.inc(unit.count as u64);
    }
}

#[cfg(test)]
mod tests {
    use quorate_ledger::Height;

    use super::*;

    #[test]
    fn time_does_not_go_on_without_a_block() {
        let tip = |height: u64, time: u64| Tip {
            height: Height(height),
            timestamp: Timestamp(time),
        };
        let seen = |height, time| is_seen(tip(height, time), tip(5, 50)).ok();
        assert_eq!(seen(6, 60), Some(false));
        assert_eq!((seen(5, 50), seen(4, 40)), (Some(true), Some(true)));
        assert_eq!((seen(5, 51), seen(4, 600_050)), (None, None));
    }
}
