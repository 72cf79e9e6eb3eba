//! Offering load: at a fixed rate whatever the answers do (open loop), or as fast as answers come with a
//! bounded number in flight (closed loop).

mod report;
mod signing;
mod tally;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quorate_client::schema::{Submitted, SubmittedStatus};
use quorate_client::{Bytes, Client, ClientError, Wait};
use quorate_tools::failure::Failure;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};

use super::usage::{Probe, Usage};
pub(crate) use report::{LoadReport, Setting};
use signing::Call;
pub(crate) use signing::{Signed, Signing};
pub(crate) use tally::{Answer, Tally};
use tally::{Settled, Settlement};

/// How long the outcome of one call is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The pause before a call whose outcome is unknown is made again.
const PAUSE: Duration = Duration::from_millis(100);

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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// How fast.
    pub(crate) rate: Rate,
    /// How long it counts.
    pub(crate) duration: Duration,
    /// How long before that it does not count.
    pub(crate) warmup: Duration,
    /// Calls in flight at the maximal rate.
    pub(crate) in_flight: usize,
    /// Whether it is kept when each transaction was due and certified.
    pub(crate) keep_answers: bool,
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
    fn from_now(load: &Load) -> Self {
        let start = Instant::now();
        let counted_from = start + load.warmup;
        Self {
            start,
            counted_from,
            end: counted_from + load.duration,
            rate: load.rate,
        }
    }

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

/// Offers the load to the nodes in turn, and counts what becomes of it and what it took.
pub(crate) async fn offer(
    load: &Load,
    signed: Signed,
    nodes: &[Client],
    probe: Arc<Probe>,
) -> Result<(Tally, Usage), Failure> {
    let mut calls = signed.stream();
    // Until the first calls are signed there is nothing to measure.
    let Some(mut call) = calls.recv().await else {
        return Err(Failure::failed("nothing was signed"));
    };
    let schedule = Schedule::from_now(load);
    let watching = tokio::spawn(async move {
        sleep_until(schedule.counted_from).await;
        let before = probe.sample().await;
        sleep_until(schedule.end).await;
        Usage::between(&before, &probe.sample().await)
    });
    let permits = match load.rate {
        Rate::PerSecond(_) => MAX_OPEN_CALLS,
        Rate::Max => load.in_flight,
    };
    let slots = Arc::new(Semaphore::new(permits));
    let busy = Arc::new(AtomicU64::new(0));
    let (settlements, settled) = mpsc::unbounded_channel();
    let counting = tokio::spawn(count(settled, schedule, load.keep_answers));
    let mut held_back = 0;
    for node in nodes.iter().cycle() {
        // A bundle leaves when its last transaction is due; all of them count from their own times.
        let last = call.first + call.transactions.len() as u64 - 1;
        if let Some(due) = schedule.due(last) {
            if due >= schedule.end {
                break;
            }
            sleep_until(due).await;
            held_back += u64::from(slots.available_permits() == 0);
        }
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            break;
        };
        if Instant::now() >= schedule.end {
            break;
        }
        let (node, settlements, busy) = (node.clone(), settlements.clone(), Arc::clone(&busy));
        tokio::spawn(async move {
            let outcome = deliver(call, schedule, &node, &busy).await;
            drop(slot);
            // Nobody listens only if the run was given up.
            let _ = settlements.send(outcome);
        });
        match calls.recv().await {
            Some(next) => call = next,
            None => break,
        }
    }
    drop(settlements);
    drop(calls);
    let ended = |error| Failure::failed(format!("the measurement ended early: {error}"));
    let mut tally = counting.await.map_err(ended)?;
    tally.held_back = held_back;
    tally.busy = busy.load(Ordering::Relaxed);
    Ok((tally, watching.await.map_err(ended)?))
}

async fn count(
    mut settled: mpsc::UnboundedReceiver<Vec<Settlement>>,
    schedule: Schedule,
    keep_answers: bool,
) -> Tally {
    let mut tally = Tally::new();
    if keep_answers {
        tally = tally.keeping_answers();
    }
    while let Some(outcome) = settled.recv().await {
        for settlement in outcome {
            tally.count(settlement, &schedule);
        }
    }
    tally
}

/// Sends one call, again and again while a node is busy, until everything in it is decided.
async fn deliver(call: Call, schedule: Schedule, node: &Client, busy: &AtomicU64) -> Vec<Settlement> {
    let sent = Instant::now();
    let deadline = sent + PATIENCE;
    let mut settlements = Vec::with_capacity(call.transactions.len());
    let mut open: Vec<(Instant, Bytes)> = (call.first..)
        .zip(call.transactions)
        .map(|(number, bytes)| (schedule.due(number).unwrap_or(sent), bytes))
        .collect();
    let refuse_all = |settlements: &mut Vec<Settlement>, open: &mut Vec<(Instant, Bytes)>, code: &str| {
        let answered = Instant::now();
        settlements.extend(open.drain(..).map(|(due, _)| Settlement {
            due,
            answered,
            settled: Settled::Refused(code.to_owned()),
        }));
    };
    while !open.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let mut pause = None;
        match submit(node, &open, left).await {
            Ok(answers) => {
                let answered = Instant::now();
                let mut still = Vec::new();
                for ((due, bytes), answer) in open.into_iter().zip(answers) {
                    match settle(&answer) {
                        Ok(settled) => settlements.push(Settlement {
                            due,
                            answered,
                            settled,
                        }),
                        Err(retry_after) => {
                            busy.fetch_add(u64::from(retry_after.is_some()), Ordering::Relaxed);
                            pause = pause.max(retry_after);
                            still.push((due, bytes));
                        }
                    }
                }
                open = still;
            }
            Err(ClientError::Busy { retry_after_ms, .. }) => {
                busy.fetch_add(open.len() as u64, Ordering::Relaxed);
                pause = Some(Duration::from_millis(retry_after_ms));
            }
            Err(ClientError::Unknown { .. } | ClientError::Unreachable { .. }) => pause = Some(PAUSE),
            Err(ClientError::Refused { code, .. }) => refuse_all(&mut settlements, &mut open, &code),
            Err(error) => refuse_all(&mut settlements, &mut open, &error.to_string()),
        }
        if let Some(pause) = pause {
            sleep_until(deadline.min(Instant::now() + pause)).await;
        }
    }
    let answered = Instant::now();
    settlements.extend(open.into_iter().map(|(due, _)| Settlement {
        due,
        answered,
        settled: Settled::Unknown,
    }));
    settlements
}

async fn submit(
    node: &Client,
    open: &[(Instant, Bytes)],
    wait: Duration,
) -> Result<Vec<Submitted>, ClientError> {
    let wait = Wait::Committed(wait);
    if let [(_, only)] = open {
        return Ok(vec![node.submit(only.clone(), wait).await?]);
    }
    let bytes: Vec<Bytes> = open.iter().map(|(_, bytes)| bytes.clone()).collect();
    node.submit_many(&bytes, wait).await
}

/// What an answer settles; else it is to be asked again, after some time if the node has no room.
fn settle(answer: &Submitted) -> Result<Settled, Option<Duration>> {
    let code = || answer.code.clone().unwrap_or_else(|| "no code".to_owned());
    match answer.status {
        SubmittedStatus::Committed => Ok(Settled::Committed),
        SubmittedStatus::Failed => Ok(Settled::Failed(code())),
        SubmittedStatus::Pending => Err(None),
        SubmittedStatus::Refused => match answer.retry_after_ms {
            Some(millis) => Err(Some(Duration::from_millis(millis))),
            None => Ok(Settled::Refused(code())),
        },
        SubmittedStatus::Expired => Ok(Settled::Refused(code())),
    }
}
