//! Offering load: at a fixed rate whatever the answers do (open loop), or as fast as answers come with a
//! bounded number in flight (closed loop).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use quorate_client::schema::{Submitted, SubmittedStatus};
use quorate_client::{Bytes, Client, ClientError, Wait};
use quorate_ledger::{Timestamp, encode};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::accounts::Accounts;
use super::report::Tally;
use crate::failure::Failure;

/// How long the outcome of one call is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Signed calls that wait for their turn: enough that signing never holds up sending.
const SIGNED_AHEAD: usize = 64;

/// Calls in flight in an open loop; beyond it the generator itself would be what is measured, and says so.
const MAX_OPEN_CALLS: usize = 4_096;

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rate {
    /// Transactions a second, whatever happens.
    PerSecond(u64),
    /// As fast as answers come.
    Max,
}

/// What load to offer.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// How fast.
    pub(crate) rate: Rate,
    /// How long it counts.
    pub(crate) duration: Duration,
    /// How long before that it does not count.
    pub(crate) warmup: Duration,
    /// Payments in a transaction.
    pub(crate) payments: usize,
    /// Transactions in a call.
    pub(crate) bundle: usize,
    /// Calls in flight at the maximal rate.
    pub(crate) in_flight: usize,
    /// When the transactions expire.
    pub(crate) expires_at: Timestamp,
}

/// Signed transactions of one call.
struct Call {
    first: u64,
    transactions: Vec<Bytes>,
}

/// The clock of a run.
#[derive(Clone, Copy)]
struct Schedule {
    start: Instant,
    counted_from: Instant,
    end: Instant,
    rate: Rate,
}

impl Schedule {
    /// When the transaction with this number is meant to be sent, in an open loop.
    fn due(&self, number: u64) -> Option<Instant> {
        match self.rate {
            Rate::PerSecond(rate) => {
                let nanos = u128::from(number) * 1_000_000_000 / u128::from(rate.max(1));
                Some(self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
            }
            Rate::Max => None,
        }
    }
}

/// Offers the load to the nodes in turn, and counts what becomes of it.
pub(crate) async fn offer(load: &Load, accounts: Arc<Accounts>, nodes: &[Client]) -> Result<Tally, Failure> {
    let mut calls = sign_ahead(load, accounts);
    // Until the first calls are signed there is nothing to measure.
    let Some(mut call) = calls.recv().await else {
        return Err(Failure::failed("nothing was signed"));
    };
    let start = Instant::now();
    let schedule = Schedule {
        start,
        counted_from: start + load.warmup,
        end: start + load.warmup + load.duration,
        rate: load.rate,
    };
    let permits = match load.rate {
        Rate::PerSecond(_) => MAX_OPEN_CALLS,
        Rate::Max => load.in_flight,
    };
    let slots = Arc::new(Semaphore::new(permits));
    let late = Arc::new(AtomicU64::new(0));
    let (tallies, mut finished) = mpsc::unbounded_channel::<Tally>();
    let mut next_node = 0;
    loop {
        // A bundle leaves when its last transaction is due; all of them count from their own times.
        let last = call.first + call.transactions.len() as u64 - 1;
        if let Some(due) = schedule.due(last) {
            if due >= schedule.end {
                break;
            }
            tokio::time::sleep_until(due).await;
        }
        if slots.available_permits() == 0 && load.rate != Rate::Max {
            late.fetch_add(1, Ordering::Relaxed);
        }
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            break;
        };
        if Instant::now() >= schedule.end {
            break;
        }
        let node = nodes[next_node % nodes.len()].clone();
        next_node += 1;
        let tallies = tallies.clone();
        tokio::spawn(async move {
            let tally = deliver(call, schedule, &node).await;
            drop(slot);
            // Nobody listens only if the run was given up.
            let _ = tallies.send(tally);
        });
        match calls.recv().await {
            Some(next) => call = next,
            None => break,
        }
    }
    drop(tallies);
    drop(calls);
    let mut total = Tally::new();
    while let Some(tally) = finished.recv().await {
        total.add(&tally);
    }
    total.held_back = late.load(Ordering::Relaxed);
    Ok(total)
}

/// Signs calls on threads of their own, a bounded number ahead.
fn sign_ahead(load: &Load, accounts: Arc<Accounts>) -> mpsc::Receiver<Call> {
    let (sender, receiver) = mpsc::channel(SIGNED_AHEAD);
    let (bundle, payments, expires_at) = (load.bundle, load.payments, load.expires_at);
    tokio::task::spawn_blocking(move || {
        let mut first = 0_u64;
        loop {
            let transactions = (first..first + bundle as u64)
                .map(|number| Bytes::from(encode(&accounts.transaction(number, payments, expires_at))))
                .collect();
            if sender.blocking_send(Call { first, transactions }).is_err() {
                return;
            }
            first += bundle as u64;
        }
    });
    receiver
}

/// Sends one call, again and again while a node is busy, until everything in it is decided.
async fn deliver(call: Call, schedule: Schedule, node: &Client) -> Tally {
    let sent = Instant::now();
    let deadline = sent + PATIENCE;
    let mut tally = Tally::new();
    let mut open: Vec<(Instant, Bytes)> = (call.first..)
        .zip(call.transactions)
        .map(|(number, bytes)| (schedule.due(number).unwrap_or(sent), bytes))
        .collect();
    open.iter()
        .filter(|(due, _)| *due >= schedule.counted_from)
        .for_each(|_| tally.offered += 1);
    while !open.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let bytes: Vec<Bytes> = open.iter().map(|(_, bytes)| bytes.clone()).collect();
        let answers = match bytes.as_slice() {
            [only] => node
                .submit(only.clone(), Wait::Committed(left))
                .await
                .map(|answer| vec![answer]),
            many => node.submit_many(many, Wait::Committed(left)).await,
        };
        let answered = Instant::now();
        let mut pause = None;
        match answers {
            Ok(answers) => {
                let mut still = Vec::new();
                for ((due, bytes), answer) in open.into_iter().zip(answers) {
                    let counted = due >= schedule.counted_from;
                    match settle(&answer) {
                        Settled::Busy(millis) => {
                            tally.busy += u64::from(counted);
                            pause = pause.max(Some(Duration::from_millis(millis)));
                            still.push((due, bytes));
                        }
                        Settled::Pending => still.push((due, bytes)),
                        settled if counted => tally.count(&settled, answered - due, answered <= schedule.end),
                        _ => {}
                    }
                }
                open = still;
            }
            Err(ClientError::Busy { retry_after_ms, .. }) => {
                tally.busy += open
                    .iter()
                    .filter(|(due, _)| *due >= schedule.counted_from)
                    .count() as u64;
                pause = Some(Duration::from_millis(retry_after_ms));
            }
            Err(ClientError::Refused { code, .. }) => {
                for (due, _) in open.drain(..) {
                    if due >= schedule.counted_from {
                        tally.count(&Settled::Refused(code.clone()), answered - due, false);
                    }
                }
            }
            Err(ClientError::Unknown { .. } | ClientError::Unreachable { .. }) => {
                pause = Some(Duration::from_millis(100));
            }
            Err(error) => {
                for (due, _) in open.drain(..) {
                    if due >= schedule.counted_from {
                        tally.count(&Settled::Refused(error.to_string()), answered - due, false);
                    }
                }
            }
        }
        if let Some(pause) = pause {
            tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
        }
    }
    tally.unknown += open
        .iter()
        .filter(|(due, _)| *due >= schedule.counted_from)
        .count() as u64;
    tally
}

/// What an answer says about one transaction.
pub(crate) enum Settled {
    /// Certified, with success.
    Committed,
    /// Certified, and failed.
    Failed(String),
    /// Not taken, for a reason that another try does not change.
    Refused(String),
    /// Not taken for lack of room, for so many milliseconds.
    Busy(u64),
    /// Taken, and not certified yet.
    Pending,
}

fn settle(answer: &Submitted) -> Settled {
    let code = || answer.code.clone().unwrap_or_else(|| "no code".to_owned());
    match answer.status {
        SubmittedStatus::Committed => Settled::Committed,
        SubmittedStatus::Failed => Settled::Failed(code()),
        SubmittedStatus::Pending => Settled::Pending,
        SubmittedStatus::Refused if answer.retry_after_ms.is_some() => {
            Settled::Busy(answer.retry_after_ms.unwrap_or_default())
        }
        SubmittedStatus::Refused | SubmittedStatus::Expired => Settled::Refused(code()),
    }
}

/// A histogram of microseconds, up to ten minutes, with three digits.
pub(crate) fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000, 3).expect("the bounds are valid")
}
