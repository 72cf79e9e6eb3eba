//! The batcher: packs what the pool holds into batches of this validator's own.
//!
//! A batch leaves at once if none is under way, else when one is full or the last one is ordered; so
//! batches are small on an idle network and grow under load.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use quorate_crypto::{Digest, SigningKey, ValidatorIndex};
use quorate_driver::Led;
use quorate_ledger::{Batch, BatchError, BatchV1, CheckedBatch, FormedBatch, Parameters, Timestamp};

use crate::batches::{BatchStore, Charge};
use crate::clock;
use crate::epoch::SharedEpoch;
use crate::links::Links;
use crate::own_batches::OwnBatches;
use crate::pool::Pool;
use crate::standing::SharedStanding;
use crate::{fatal, fatal_at_database};

/// Own batches under way at once, whatever the author's quota: beyond it the pool fills and refuses.
const MAX_UNDER_WAY: usize = 8;
/// How long the batcher sleeps when nobody wakes it.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a batch may stay unordered before it is passed on, and before it is again.
const STALE: Duration = Duration::from_millis(1_000);
/// Batches passed on at once.
const STALE_BATCHES: usize = 64;
/// Bytes of a batch besides its transactions.
const BATCH_OVERHEAD: usize = 256;

/// Packs what waits in the pool into batches, on a thread of its own.
pub(crate) struct Batcher {
    pub(crate) network: Digest,
    pub(crate) epoch: SharedEpoch,
    pub(crate) author: ValidatorIndex,
    pub(crate) key: SigningKey,
    pub(crate) parameters: Parameters,
    pub(crate) pool: Arc<Pool>,
    pub(crate) own: Arc<OwnBatches>,
    pub(crate) batches: Arc<BatchStore>,
    pub(crate) links: Links,
    pub(crate) standing: Arc<SharedStanding>,
}

/// Numbers for this validator's batches: no two alike, not after a restart either.
#[derive(Debug, Default)]
struct Numbers {
    last: u64,
}

impl Numbers {
    /// The next one. The clock carries it over restarts; it may stand still or go back meanwhile.
    fn next(&mut self, clock: Timestamp) -> u64 {
        self.last = self.last.saturating_add(1).max(clock.0);
        self.last
    }
}

/// Starts the batcher's thread; it ends when the pool is closed.
pub(crate) fn start(batcher: Batcher) -> JoinHandle<()> {
    std::thread::Builder::new()
        .name("batcher".to_owned())
        .spawn(move || batcher.run(Numbers::default()))
        .expect("a thread can be started")
}

impl Batcher {
    fn run(&self, mut numbers: Numbers) {
        while self.pool.wait_for_work(PATIENCE) {
            self.pass_on_stale();
            self.wait_for_turn();
            if self.own.is_stopped() {
                return;
            }
            self.pack(&mut numbers);
        }
    }

    /// Waits until nothing is under way, or there is enough for a full batch and room for it.
    fn wait_for_turn(&self) {
        let limits = self.parameters.v1();
        let mut under_way = self.own.under_way();
        loop {
            let (count, bytes) = self.pool.queued();
            let full = count >= limits.max_batch_transactions as usize || bytes >= self.payload_limit();
            let may_pack = under_way.is_empty() || (full && under_way.len() < MAX_UNDER_WAY);
            if may_pack || self.own.is_stopped() {
                return;
            }
            self.own.wait(under_way, PATIENCE / 10);
            self.pass_on_stale();
            under_way = self.own.under_way();
        }
    }

    /// Announces batches that stay unordered; they are fetched from here where they are lacking.
    fn pass_on_stale(&self) {
        let standing = self.standing.get();
        let led = Led::of(standing.leader, standing.begun, standing.votes, self.author);
        for (to, batches) in self.batches.tell_of_unordered(led, STALE, STALE_BATCHES) {
            self.links.announce_batches(to, batches);
        }
    }

    fn payload_limit(&self) -> usize {
        (self.parameters.v1().max_batch_bytes as usize).saturating_sub(BATCH_OVERHEAD)
    }

    /// Signs a batch whose transactions were checked when they were admitted.
    fn sign(&self, batch: Batch) -> Result<CheckedBatch, BatchError> {
        FormedBatch::sign(batch, &self.key, &self.batches.rules().view())
            .map(FormedBatch::with_signatures_checked)
    }

    fn pack(&self, numbers: &mut Numbers) {
        let limits = self.parameters.v1();
        let taken = self
            .pool
            .take(limits.max_batch_transactions as usize, self.payload_limit());
        if taken.is_empty() {
            return;
        }
        let (fingerprints, transactions): (Vec<_>, Vec<_>) = taken
            .into_iter()
            .map(|packed| (packed.fingerprint, packed.transaction))
            .unzip();
        let batch = Batch::V1(BatchV1 {
            network: self.network,
            epoch: self.epoch.get().epoch(),
            author: self.author,
            number: numbers.next(clock::now()),
            transactions,
        });
        let batch = match self.sign(batch) {
            Ok(batch) => batch,
            Err(BatchError::WrongEpoch { .. }) => return self.pool.unpack(&fingerprints),
            Err(error) => fatal(&format!("a batch packed here breaks the rules: {error}")),
        };
        self.own.under_way().insert(batch.digest(), fingerprints.clone());
        match self.batches.insert(&batch, Charge::Author(self.author)) {
            Ok(true) => {}
            // The epoch has ended meanwhile.
            Ok(false) => {
                self.own.under_way().remove(&batch.digest());
                return self.pool.unpack(&fingerprints);
            }
            Err(error) => fatal_at_database("a batch cannot be written", &error),
        }
        self.links.broadcast_batch(batch.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_whatever_the_clock_does() {
        let mut numbers = Numbers::default();
        let clock = [1_000, 1_000, 900, 2_000];
        let drawn = clock.map(|now| numbers.next(Timestamp(now)));
        assert_eq!(drawn, [1_000, 1_001, 1_002, 2_000]);
    }
}
