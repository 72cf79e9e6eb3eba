//! The batcher: packs what the pool holds into batches of this validator's own.
//!
//! A batch leaves at once if none is under way, else when one is full or the last one is ordered; so
//! batches are small on an idle network and grow under load.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use quorate_crypto::{Digest, SigningKey, ValidatorIndex};
use quorate_driver::Led;
use quorate_ledger::{
    Batch, BatchError, BatchTexts, BatchV1, FormedBatch, Parameters, ParametersV1, Timestamp, Transaction,
};

use crate::batches::{BatchStore, Charge, Rules, Whole};
use crate::clock;
use crate::epoch::SharedEpoch;
use crate::keyring::Keyring;
use crate::links::Links;
use crate::own_batches::OwnBatches;
use crate::pool::{Load, Packed, Pool};
use crate::roster::Roster;
use crate::standing::SharedStanding;
use crate::wire::CopyBytes;
use crate::{fatal, fatal_at_database};

/// Own batches under way at once, whatever the author's quota: beyond it the pool fills and refuses.
const MAX_UNDER_WAY: usize = 8;
/// How long the batcher sleeps when nobody wakes it.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a batch may stay unordered before it is passed on, and before it is again.
const STALE: Duration = Duration::from_millis(1_000);
/// Batches passed on at once.
const STALE_BATCHES: usize = 64;
/// Bytes of a whole copy besides its transactions and texts.
const BATCH_OVERHEAD: usize = 256;

/// Packs what waits in the pool into batches, on a thread of its own.
pub(crate) struct Batcher {
    pub(crate) network: Digest,
    pub(crate) epoch: SharedEpoch,
    pub(crate) keys: Arc<Keyring>,
    /// Those in force at the start: while no others are, all that waits was admitted by them.
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
        let mut under_way = self.own.under_way();
        loop {
            let limit = limit_of(self.epoch.get().now.parameters.v1());
            let full = self.pool.queued().reaches(limit);
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
        let (standing, info) = (self.standing.get(), self.epoch.get());
        let Some(own) = info.own() else { return };
        let led = Led::of(standing.leader, standing.begun, standing.votes, own);
        for (to, batches) in self.batches.tell_of_unordered(led, STALE, STALE_BATCHES) {
            let nodes = match to {
                Some(leader) => info.now.nodes_of(leader).collect(),
                None => self.links.peers().to_vec(),
            };
            self.links.announce_batches(&nodes, batches);
        }
    }

    /// Those of what was taken that may stand in a batch by these parameters, as they were admitted by others. The rest is
    /// let go.
    fn fitting(&self, taken: Vec<Packed>, limits: &ParametersV1) -> Vec<Packed> {
        let limit = limit_of(limits);
        let fits = |packed: &Packed| {
            let transaction = &packed.submitted.transaction;
            packed.load.is_within(limit) && transaction.check_form(&self.network, limits).is_ok()
        };
        let (fitting, unfit): (Vec<_>, Vec<_>) = taken.into_iter().partition(fits);
        let unfit: Vec<_> = unfit.iter().map(|packed| packed.fingerprint).collect();
        if !unfit.is_empty() {
            tracing::warn!(
                transactions = unfit.len(),
                "transactions that were admitted before the network's parameters changed fit into no batch any more"
            );
            self.pool.forget(&unfit);
        }
        fitting
    }

    /// This node as an author of batches, with the key that it signs them with.
    fn author_of(&self, roster: &Roster) -> Option<(ValidatorIndex, SigningKey)> {
        let seat = roster.own_seat()?;
        Some((roster.own?, self.keys.signing(&seat.validator)?))
    }

    fn pack(&self, numbers: &mut Numbers) {
        // One epoch's rules for all of the batch: if it ends meanwhile, its transactions are packed again.
        let info = self.epoch.get();
        let Some((author, key)) = self.author_of(&info.now) else {
            // Who has no seat packs nothing; what waits here may still be packed by it when it has one.
            return std::thread::sleep(PATIENCE);
        };
        let limits = info.now.parameters.v1();
        let taken = self.pool.take(limit_of(limits));
        let taken = match info.now.parameters == self.parameters {
            true => taken,
            false => self.fitting(taken, limits),
        };
        if taken.is_empty() {
            return;
        }
        let fingerprints: Vec<_> = taken.iter().map(|packed| packed.fingerprint).collect();
        let (transactions, texts) = parts_of(&taken);
        let batch = Batch::V1(BatchV1 {
            network: self.network,
            epoch: info.epoch(),
            author,
            number: numbers.next(clock::now()),
            transactions,
        });
        let whole = match sign(&key, &Rules::of(self.network, &info.now), batch, texts) {
            Ok(whole) => whole,
            Err(BatchError::WrongEpoch { .. }) => return self.pool.unpack(&fingerprints),
            Err(error) => fatal(&format!("a batch packed here breaks the rules: {error}")),
        };
        let length = whole
            .batch
            .bytes()
            .len()
            .saturating_add(whole.texts.counted_length());
        assert!(
            length <= limits.max_batch_bytes as usize,
            "what the pool gives fits into a batch"
        );
        let batch = whole.batch.clone();
        let without_texts = whole.texts.items().is_empty();
        let copy = CopyBytes::new(&batch, &whole.texts);
        self.own.under_way().insert(batch.digest(), fingerprints.clone());
        match self.batches.insert_whole(whole, Charge::Author(author)) {
            Ok(true) => {}
            // The epoch has ended meanwhile.
            Ok(false) => {
                self.own.under_way().remove(&batch.digest());
                return self.pool.unpack(&fingerprints);
            }
            Err(error) => fatal_at_database("a batch cannot be written", &error),
        }
        self.show(&batch.digest(), &copy, without_texts);
    }

    /// Sends a batch to all, with its texts as they are stored: those that were erased meanwhile are withheld there.
    fn show(&self, digest: &Digest, copy: &CopyBytes, without_texts: bool) {
        // Where nothing is erased they are stored as they were packed.
        if without_texts || !self.batches.has_erasures() {
            return self.links.broadcast_batch(copy);
        }
        match self.batches.copy(digest) {
            Ok(Some(copy)) => self.links.broadcast_batch(&copy),
            // Others had it from here and a block has it already, or the epoch has ended.
            Ok(None) => {}
            Err(error) => fatal_at_database("a batch cannot be read", &error),
        }
    }
}

/// Signs a batch whose transactions were checked, with their texts, when they were admitted.
fn sign(key: &SigningKey, rules: &Rules, batch: Batch, texts: BatchTexts) -> Result<Whole, BatchError> {
    let batch = FormedBatch::sign(batch, key, &rules.view()).map(FormedBatch::with_signatures_checked)?;
    Ok(Whole { batch, texts })
}

/// What transactions may take of one batch.
fn limit_of(limits: &ParametersV1) -> Load {
    Load {
        count: limits.max_batch_transactions as usize,
        bytes: (limits.max_batch_bytes as usize).saturating_sub(BATCH_OVERHEAD),
        cost: limits.max_batch_signature_cost.into(),
    }
}

/// The transactions of a batch, and the texts of all of them in their order.
fn parts_of(taken: &[Packed]) -> (Vec<Transaction>, BatchTexts) {
    let mut transactions = Vec::with_capacity(taken.len());
    let mut items = Vec::new();
    for packed in taken {
        let (transaction, texts) = packed.parts();
        transactions.push(transaction);
        items.extend(texts);
    }
    (transactions, BatchTexts::new(items))
}

#[cfg(test)]
mod tests {
    use quorate_crypto::{Epoch, sha256};
    use quorate_ledger::{BatchRules, Place, WholeCopy, encode};

    use super::*;
    use crate::config::NodeConfig;
    use crate::pool::Admissible;
    use crate::testing::{self, NETWORK};

    #[test]
    fn numbers_rise_whatever_the_clock_does() {
        let mut numbers = Numbers::default();
        let clock = [1_000, 1_000, 900, 2_000];
        let drawn = clock.map(|now| numbers.next(Timestamp(now)));
        assert_eq!(drawn, [1_000, 1_001, 1_002, 2_000]);
    }

    /// A text for each operation, in the smallest batch that parameters allow: short ones count with more than their
    /// bytes.
    #[test]
    fn what_is_admitted_fits_into_a_batch_with_its_texts() {
        let mut parameters = Parameters::default();
        let Parameters::V1(limits) = &mut parameters;
        limits.max_transaction_bytes = 32_768;
        limits.max_batch_bytes = 32_768 + 8_192;
        parameters.check().unwrap();
        let transfers = (0..256).map(|_| testing::payment(2, 1)).collect();
        let places: Vec<_> = (0..=255)
            .map(|index| (Place::Operation { index, field: 0 }, "x"))
            .collect();
        let submission = testing::submission(1, transfers, 1, &places);
        submission.check_form(&NETWORK, parameters.v1()).unwrap();
        let bytes = encode(&submission);
        let pool = Pool::new(&NodeConfig::default().api);
        let admitted = pool.insert(vec![Admissible {
            id: submission.transaction().id(),
            fingerprint: sha256(&bytes),
            submission: Arc::new(submission),
            length: bytes.len(),
        }]);
        assert_eq!(admitted, [Ok(())]);
        let taken = pool.take(limit_of(parameters.v1()));
        let (transactions, texts) = parts_of(&taken);
        let batch = Batch::V1(BatchV1 {
            network: NETWORK,
            epoch: Epoch(0),
            author: ValidatorIndex(0),
            number: 1,
            transactions,
        });
        let committee = testing::committee(Epoch(0), 1);
        let rules = BatchRules {
            network: &NETWORK,
            committee: &committee,
            parameters: parameters.v1(),
        };
        let formed = FormedBatch::sign(batch, &testing::validator(1), &rules).unwrap();
        let whole = WholeCopy::new(formed, texts, parameters.v1(), |_, _| false).unwrap();
        assert_eq!(whole.texts().items().len(), 256);
    }
}
