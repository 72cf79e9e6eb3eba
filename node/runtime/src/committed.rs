//! Certified blocks, as news: for whoever waits for a transaction, for the pool, for event streams.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use quorate_api::{ExecutedFacts, Settled};
use quorate_crypto::{Certificate, Digest, Height, ValidatorIndex};
use quorate_ledger::{Execution, Timestamp};
use tokio::sync::{oneshot, watch};

use crate::batcher::OwnBatches;
use crate::pool::Pool;

/// Requests that may wait for outcomes at once, over all transactions.
const MAX_WAITERS: usize = 65_536;

/// Spreads the news.
#[derive(Debug)]
pub(crate) struct Committed {
    heights: watch::Sender<Height>,
    waiters: Mutex<BTreeMap<Digest, Vec<oneshot::Sender<Settled>>>>,
    last_seals: Mutex<BTreeMap<ValidatorIndex, Height>>,
    pool: Arc<Pool>,
    own: Arc<OwnBatches>,
    transactions: std::sync::atomic::AtomicU64,
}

impl Committed {
    /// News from the block after `height` on.
    pub(crate) fn new(height: Height, transactions: u64, pool: Arc<Pool>, own: Arc<OwnBatches>) -> Self {
        Self {
            heights: watch::channel(height).0,
            waiters: Mutex::default(),
            last_seals: Mutex::default(),
            pool,
            own,
            transactions: transactions.into(),
        }
    }

    /// The certified height as it grows.
    pub(crate) fn heights(&self) -> watch::Receiver<Height> {
        self.heights.subscribe()
    }

    /// Transactions executed since genesis.
    pub(crate) fn transactions(&self) -> u64 {
        self.transactions.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The last height at which each validator's seal was in the certificate stored here.
    pub(crate) fn last_seals(&self) -> BTreeMap<ValidatorIndex, Height> {
        self.last_seals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whoever awaits this hears how the transaction ends; none if too many wait.
    pub(crate) fn wait_for(&self, id: Digest) -> Option<oneshot::Receiver<Settled>> {
        let (sender, receiver) = oneshot::channel();
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        if waiters.len() >= MAX_WAITERS {
            waiters.retain(|_, senders| {
                senders.retain(|sender| !sender.is_closed());
                !senders.is_empty()
            });
            if waiters.len() >= MAX_WAITERS {
                return None;
            }
        }
        waiters.entry(id).or_default().push(sender);
        Some(receiver)
    }

    /// A certified block was written.
    pub(crate) fn publish(&self, execution: &Execution, certificate: &Certificate) {
        let header = execution.block.header();
        let height = header.height;
        {
            let mut seals = self.last_seals.lock().unwrap_or_else(PoisonError::into_inner);
            for seal in certificate.seals() {
                seals.insert(seal.validator, height);
            }
        }
        self.transactions.fetch_add(
            u64::from(header.transaction_count),
            std::sync::atomic::Ordering::Relaxed,
        );
        self.heights.send_replace(height);
        for (index, executed) in (0_u32..).zip(&execution.transactions) {
            let facts = ExecutedFacts {
                id: executed.id,
                height,
                index,
                outcome: executed.outcome,
            };
            self.settle(&executed.id, Settled::Executed(facts));
        }
        self.pool
            .on_executed(execution.transactions.iter().map(|executed| executed.id));
        self.drop_skipped(execution.block.v1().proposal.batches(), header.timestamp);
    }

    /// What was in an own batch and is still pending after the batch was ordered was skipped.
    fn drop_skipped(&self, batches: &[Digest], timestamp: Timestamp) {
        for skipped in self.own.ordered(batches) {
            if let Some((id, expires_at)) = self.pool.remove(&skipped) {
                let settled = if expires_at <= timestamp {
                    Settled::Expired
                } else {
                    Settled::Dropped
                };
                self.settle(&id, settled);
            }
        }
        for id in self.pool.take_expired(timestamp) {
            self.settle(&id, Settled::Expired);
        }
    }

    fn settle(&self, id: &Digest, settled: Settled) {
        let waiting = self
            .waiters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
        for waiter in waiting.into_iter().flatten() {
            // Whoever waited may have gone.
            let _ = waiter.send(settled);
        }
    }
}
