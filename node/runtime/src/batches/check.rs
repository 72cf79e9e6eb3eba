//! The checking of batches that peers sent: on all cores, one peer after the other, off the thread that
//! takes votes.
//!
//! A copy that is not whole, or whose author's signature is bad, is dropped: nothing is remembered of it but its
//! sender, and the batch is asked for elsewhere, as it is still missing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate_crypto::{KnownKeys, Tag, signature_group};
use quorate_ledger::{BatchBytes, BatchError, BatchTransaction, DecodeError, FormedBatch, NotWhole};
use quorate_network::PeerKey;
use quorate_storage::StorageError;
use rayon::prelude::*;

use super::{BatchStore, Charge, Whole};
use crate::epoch::SharedEpoch;
use crate::fatal_at_database;
use crate::queue::{Bounds, FairQueue};

/// A peer's batches that are received and not yet checked; its oldest go beyond that, and are fetched if
/// they are named.
const WAITING: Bounds = Bounds {
    items: 16,
    bytes: 16 << 20,
};
/// Bad batches from a peer before only those that a proposal names are looked at for a while.
const PATIENCE: u32 = 8;
/// That while.
const DEAF_FOR: Duration = Duration::from_secs(60);

/// A copy of a batch that was received.
#[derive(Debug)]
struct Received {
    batch: BatchBytes,
    /// The bytes that came as those of its texts.
    texts: Bytes,
}

/// What came of a copy's check, where it came to something.
type Checked = Option<(Whole, Charge)>;

/// Why a copy is dropped.
#[derive(Debug, thiserror::Error)]
enum Dropped {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error(transparent)]
    NotWhole(#[from] NotWhole),
    /// Not the copy's fault.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Dropped {
    /// Whether this happens with a sender that keeps the rules.
    fn is_expected(&self) -> bool {
        match self {
            // Its author is in another epoch already, or still, which may allow longer batches.
            Self::Batch(error) => matches!(
                error,
                BatchError::WrongEpoch { .. } | BatchError::Decode(DecodeError::TooLong { .. })
            ),
            // The sender may know of an erasure that is not certified here yet.
            Self::NotWhole(error) => !error.blames_sender(),
            Self::Storage(_) => true,
        }
    }
}

/// Hands received batches to the checker.
#[derive(Clone, Debug)]
pub(crate) struct Checker {
    queue: Arc<FairQueue<Received>>,
    store: Arc<BatchStore>,
    epoch: SharedEpoch,
}

impl Checker {
    /// Hands over the bytes of a batch and of its texts that `sender` sent, whoever packed it.
    pub(crate) fn check(&self, sender: PeerKey, signed: Bytes, texts: Bytes) {
        let length = signed.len().saturating_add(texts.len());
        let Some(batch) = BatchBytes::new(signed) else {
            return tracing::debug!(
                sender = self.epoch.get().name_of(&sender),
                "bytes too few for a batch"
            );
        };
        self.store.received(batch.digest());
        let dropped = self.queue.push(sender, Received { batch, texts }, length);
        if !dropped.is_empty() {
            tracing::debug!(
                sender = self.epoch.get().name_of(&sender),
                dropped = dropped.len(),
                "batches were dropped: too many wait for their check"
            );
        }
        for received in dropped {
            self.store.checked(&received.batch.digest());
        }
    }

    /// Ends the checker's thread.
    pub(crate) fn stop(&self) {
        self.queue.close();
    }
}

/// Starts the thread that checks batches and writes the good ones.
pub(crate) fn start_checker(
    store: Arc<BatchStore>,
    keys: Arc<KnownKeys>,
    epoch: SharedEpoch,
) -> (Checker, JoinHandle<()>) {
    let queue = Arc::new(FairQueue::new(WAITING));
    let checker = Checker {
        queue: Arc::clone(&queue),
        store: Arc::clone(&store),
        epoch: epoch.clone(),
    };
    let thread = std::thread::Builder::new()
        .name("batch-check".to_owned())
        .spawn(move || {
            let mut offenders = Offenders::default();
            while let Some((sender, received)) = queue.pop() {
                let digest = received.batch.digest();
                // Copies come from several peers where one was slow to send.
                if !store.contains(&digest) {
                    take(&store, &keys, &epoch, &mut offenders, sender, received);
                }
                store.checked(&digest);
            }
        })
        .expect("a thread can be started");
    (checker, thread)
}

fn take(
    store: &BatchStore,
    keys: &KnownKeys,
    epoch: &SharedEpoch,
    offenders: &mut Offenders,
    sender: PeerKey,
    received: Received,
) {
    let now = Instant::now();
    let heard = offenders.is_heard(sender, now);
    let taken = check(store, keys, epoch, sender, heard, received).and_then(|checked| match checked {
        Some((whole, charge)) => {
            let inserted = store.insert_whole(whole, charge);
            inserted.map(drop).map_err(Dropped::from)
        }
        None => Ok(()),
    });
    match taken {
        Ok(()) => {}
        Err(Dropped::Storage(error)) => fatal_at_database("the chain database cannot be used", &error),
        Err(error) if error.is_expected() => {
            tracing::debug!(sender = epoch.get().name_of(&sender), %error, "a batch was not taken");
        }
        Err(error) => {
            if let Some(bad) = offenders.note(sender, now) {
                tracing::warn!(sender = epoch.get().name_of(&sender), %error, bad, "a batch was refused");
            }
        }
    }
}

/// The batch check, whether the copy is whole, and whose allowance the batch takes up; none for a batch that is here
/// already or that there is no room for.
fn check(
    store: &BatchStore,
    keys: &KnownKeys,
    epoch: &SharedEpoch,
    sender: PeerKey,
    heard: bool,
    received: Received,
) -> Result<Checked, Dropped> {
    let Received { batch, texts } = received;
    let formed = FormedBatch::of_bytes(batch, &store.rules().view())?;
    let digest = formed.digest();
    let author = formed.signed().batch().author;
    let charge = store.charge_for(&digest, author, sender);
    let Some(charge) = charge.filter(|charge| heard || *charge == Charge::Nobody) else {
        tracing::debug!(
            digest = digest.short(),
            author = epoch.get().now.names.of(author),
            sender = epoch.get().name_of(&sender),
            "a batch that there is no room for was dropped"
        );
        return Ok(None);
    };
    let (formed, texts) = store.judge(formed, &texts)??.into_parts();
    check_signatures(&formed, keys)?;
    let batch = formed.with_signatures_checked();
    Ok(Some((Whole { batch, texts }, charge)))
}

/// The transactions of a batch, numbered, whose signatures are checked at once.
type Group<'a> = Vec<(usize, BatchTransaction<'a>)>;

/// The second part of the batch check: clients' signatures, on all cores.
fn check_signatures(batch: &FormedBatch, keys: &KnownKeys) -> Result<(), BatchError> {
    match groups(batch, rayon::current_num_threads()).as_slice() {
        // Waking another thread for it would take longer than it saves.
        [only] => check_group(only, keys),
        groups => groups.par_iter().try_for_each(|group| check_group(group, keys)),
    }
}

/// A batch's transactions in groups that pay, by what their signatures cost.
fn groups(batch: &FormedBatch, threads: usize) -> Vec<Group<'_>> {
    let cost_of = |transaction: &BatchTransaction<'_>| transaction.transaction.signature_cost() as usize;
    let total = batch
        .transactions()
        .fold(0_usize, |total, item| total.saturating_add(cost_of(&item)));
    let size = signature_group(total, threads);
    let mut groups = Vec::new();
    let (mut group, mut cost) = (Group::new(), 0_usize);
    for (place, item) in batch.transactions().enumerate() {
        cost = cost.saturating_add(cost_of(&item));
        group.push((place, item));
        if cost >= size {
            groups.push(std::mem::take(&mut group));
            cost = 0;
        }
    }
    if !group.is_empty() {
        groups.push(group);
    }
    groups
}

fn check_group(group: &[(usize, BatchTransaction<'_>)], keys: &KnownKeys) -> Result<(), BatchError> {
    // One after the other: a signature is longer than the tag, so there is room for all of them.
    let room: usize = group.iter().map(|(_, item)| item.bytes.len()).sum();
    let mut preimages = Vec::with_capacity(room);
    let mut ends = Vec::with_capacity(group.len());
    for (_, item) in group {
        let range = item.transaction.signed_range(item.bytes.len());
        Tag::TRANSACTION.put_preimage(&mut preimages, &item.bytes[range]);
        ends.push(preimages.len());
    }
    let (mut items, mut owners) = (Vec::with_capacity(group.len()), Vec::with_capacity(group.len()));
    let mut start = 0;
    for ((place, item), end) in group.iter().zip(ends) {
        for attached in item.transaction.signature_items(&preimages[start..end]) {
            items.push(attached);
            owners.push(*place);
        }
        start = end;
    }
    let verdicts = keys.verify_clients(&items);
    match owners.into_iter().zip(verdicts).find(|(_, good)| !good) {
        Some((transaction, _)) => Err(BatchError::BadSignature { transaction }),
        None => Ok(()),
    }
}

/// Peers that sent bad batches: what they send unasked is not looked at for a while.
#[derive(Debug, Default)]
struct Offenders {
    /// Bad batches of each, and since when it is not heard.
    bad: BTreeMap<PeerKey, (u32, Option<Instant>)>,
}

impl Offenders {
    fn is_heard(&self, sender: PeerKey, now: Instant) -> bool {
        let deaf_since = self.bad.get(&sender).and_then(|(_, since)| *since);
        deaf_since.is_none_or(|since| now.duration_since(since) >= DEAF_FOR)
    }

    /// Notes a bad batch; gives their number where it is worth a line in the log: 1, 2, 4, 8 and so on.
    fn note(&mut self, sender: PeerKey, now: Instant) -> Option<u32> {
        let (bad, deaf_since) = self.bad.entry(sender).or_default();
        *bad = bad.saturating_add(1);
        if *bad >= PATIENCE {
            *deaf_since = Some(now);
        }
        bad.is_power_of_two().then_some(*bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_an_epoch_of_longer_batches_sends_nothing_bad() {
        let of_batch = |error| Dropped::Batch(error).is_expected();
        assert!(of_batch(BatchError::Decode(DecodeError::TooLong {
            length: 4 << 20,
            limit: 524_288
        })));
        assert!(!of_batch(BatchError::UnknownAuthor {
            author: quorate_crypto::ValidatorIndex(9)
        }));
    }

    #[test]
    fn a_peer_that_sends_bad_batches_is_not_heard_for_a_while() {
        let mut offenders = Offenders::default();
        let (bad, good) = (PeerKey([1; 32]), PeerKey([2; 32]));
        let start = Instant::now();
        let logged = (0..PATIENCE).filter_map(|_| offenders.note(bad, start)).count();
        assert_eq!(logged, 4);
        assert!(!offenders.is_heard(bad, start + Duration::from_secs(59)));
        assert!(offenders.is_heard(good, start));
        assert!(offenders.is_heard(bad, start + DEAF_FOR));
        // It is on probation: one more, and it is not heard again.
        offenders.note(bad, start + DEAF_FOR);
        assert!(!offenders.is_heard(bad, start + DEAF_FOR));
    }
}
