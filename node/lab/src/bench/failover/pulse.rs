//! A steady load whose answers are watched. Each transaction is sent once, to one validator: what is lost
//! with a validator is not sent again, or the next answer would not be the first after the fault.

use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;
use quorate_client::Wait;
use quorate_client::schema::SubmittedStatus;
use quorate_ledger::Timestamp;
use quorate_tools::clock::now;
use quorate_tools::failure::Failure;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::bench::network::Network;
use crate::bench::payers::Payers;

/// Accounts that pay each other.
const ACCOUNTS: usize = 100;

/// How long one call may stay open.
const CALL: Duration = Duration::from_secs(10);

/// How long the transactions stay valid.
const LEAD_MS: u64 = 60_000;

/// A transaction that was committed.
struct Answer {
    sent: Instant,
    answered: Instant,
}

/// The load; it ends when this is dropped.
pub(super) struct Pulse {
    answers: mpsc::UnboundedReceiver<Answer>,
    sender: JoinHandle<()>,
}

impl Pulse {
    /// Funds accounts and begins.
    pub(super) async fn start(network: &Network, rate: u32) -> Result<Self, Failure> {
        let payers = Payers::without(&[], network, ACCOUNTS, &ProgressBar::hidden()).await?;
        let (answered, answers) = mpsc::unbounded_channel();
        let sender = tokio::spawn(send(payers, rate, answered));
        Ok(Self { answers, sender })
    }

    /// When the first transaction that was sent after `since` was answered as committed.
    pub(super) async fn first_commit(
        &mut self,
        since: Instant,
        patience: Duration,
    ) -> Result<Instant, Failure> {
        let first = async {
            while let Some(answer) = self.answers.recv().await {
                if answer.sent >= since {
                    return Some(answer.answered);
                }
            }
            None
        };
        match timeout(patience, first).await {
            Ok(Some(answered)) => Ok(answered),
            _ => Err(Failure::failed(format!(
                "nothing was committed within {} s of the fault",
                patience.as_secs()
            ))),
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.sender.abort();
    }
}

async fn send(payers: Payers, rate: u32, answers: mpsc::UnboundedSender<Answer>) {
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // As many as can be open if nothing is answered.
    let open = Arc::new(Semaphore::new(
        usize::try_from(u64::from(rate) * (CALL.as_secs() + 1)).unwrap_or(Semaphore::MAX_PERMITS),
    ));
    for (number, client) in (0..).zip(payers.nodes().iter().cycle()) {
        ticks.tick().await;
        let (Ok(permit), Ok(Timestamp(clock))) = (Arc::clone(&open).acquire_owned().await, now()) else {
            return;
        };
        let expires_at = Timestamp(clock.saturating_add(LEAD_MS));
        let bytes = payers.payment(number, expires_at);
        let (client, answers) = (client.clone(), answers.clone());
        tokio::spawn(async move {
            let sent = Instant::now();
            // A validator that is down or does not answer is what this is about.
            if let Ok(Ok(answer)) = timeout(CALL, client.submit(bytes, Wait::Committed(CALL))).await
                && answer.status == SubmittedStatus::Committed
            {
                let answered = Instant::now();
                // Nobody listens only at the end.
                let _ = answers.send(Answer { sent, answered });
            }
            drop(permit);
        });
    }
}
