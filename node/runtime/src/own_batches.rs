//! Which transactions this validator has packed and no certified block has yet.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quorate_crypto::Digest;

use crate::pool::Fingerprint;

/// This validator's own batches that are not in a certified block yet.
#[derive(Debug, Default)]
pub(crate) struct OwnBatches {
    under_way: Mutex<BTreeMap<Digest, Vec<Fingerprint>>>,
    ordered: Condvar,
    stopped: AtomicBool,
}

impl OwnBatches {
    /// The transactions in each batch under way.
    pub(crate) fn under_way(&self) -> MutexGuard<'_, BTreeMap<Digest, Vec<Fingerprint>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are under way.
    pub(crate) fn len(&self) -> usize {
        self.under_way().len()
    }

    /// These batches are in a certified block: the transactions of those that are own ones.
    pub(crate) fn ordered(&self, batches: &[Digest]) -> Vec<Fingerprint> {
        let mut under_way = self.under_way();
        let mut packed = Vec::new();
        for digest in batches {
            packed.extend(under_way.remove(digest).unwrap_or_default());
        }
        drop(under_way);
        self.ordered.notify_all();
        packed
    }

    /// An epoch has ended: none of them will be ordered. The transactions in them.
    pub(crate) fn take_all(&self) -> Vec<Fingerprint> {
        let all = std::mem::take(&mut *self.under_way());
        self.ordered.notify_all();
        all.into_values().flatten().collect()
    }

    /// Waits until batches are ordered or the batcher is to end, at most for `patience`.
    pub(crate) fn wait(
        &self,
        under_way: MutexGuard<'_, BTreeMap<Digest, Vec<Fingerprint>>>,
        patience: Duration,
    ) {
        let waited = self.ordered.wait_timeout(under_way, patience);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the batcher is to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Ends the batcher.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.ordered.notify_all();
    }
}
