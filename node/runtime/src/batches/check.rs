//! The checking of batches that peers sent: on all cores, one peer after the other, off the thread that
//! takes votes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate_crypto::{KnownKeys, ValidatorIndex};
use quorate_ledger::{BatchBytes, BatchError, CheckedBatch, FormedBatch};
use rayon::prelude::*;

use super::{BatchStore, Charge};
use crate::fatal_at_database;
use crate::names::Names;
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

/// Hands received batches to the checker.
#[derive(Clone, Debug)]
pub(crate) struct Checker {
    queue: Arc<FairQueue<BatchBytes>>,
    store: Arc<BatchStore>,
    names: Names,
}

impl Checker {
    /// Hands over the bytes of a batch that `sender` sent, whoever packed it.
    pub(crate) fn check(&self, sender: ValidatorIndex, bytes: Bytes) {
        let length = bytes.len();
        let Some(bytes) = BatchBytes::new(bytes) else {
            return tracing::debug!(sender = self.names.of(sender), "bytes too few for a batch");
        };
        self.store.received(bytes.digest());
        let dropped = self.queue.push(sender, bytes, length);
        if !dropped.is_empty() {
            tracing::debug!(
                sender = self.names.of(sender),
                dropped = dropped.len(),
                "batches were dropped: too many wait for their check"
            );
        }
        for bytes in dropped {
            self.store.checked(&bytes.digest());
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
    names: Names,
) -> (Checker, JoinHandle<()>) {
    let queue = Arc::new(FairQueue::new(WAITING));
    let checker = Checker {
        queue: Arc::clone(&queue),
        store: Arc::clone(&store),
        names: names.clone(),
    };
    let thread = std::thread::Builder::new()
        .name("batch-check".to_owned())
        .spawn(move || {
            let mut offenders = Offenders::default();
            while let Some((sender, bytes)) = queue.pop() {
                let digest = bytes.digest();
                // Copies come from several peers where one was slow to send.
                if !store.contains(&digest) {
                    take(&store, &keys, &names, &mut offenders, sender, bytes);
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
    names: &Names,
    offenders: &mut Offenders,
    sender: ValidatorIndex,
    bytes: BatchBytes,
) {
    let now = Instant::now();
    match check(store, keys, names, sender, offenders.is_heard(sender, now), bytes) {
        Ok(Some((batch, charge))) => {
            if let Err(error) = store.insert(&batch, charge) {
                fatal_at_database("a batch cannot be written", &error);
            }
        }
        Ok(None) => {}
        // Its author is in another epoch already, or still.
        Err(error @ BatchError::WrongEpoch { .. }) => {
            tracing::debug!(sender = names.of(sender), %error, "a batch was not taken");
        }
        Err(error) => {
            if let Some(bad) = offenders.note(sender, now) {
                tracing::warn!(sender = names.of(sender), %error, bad, "a batch was refused");
            }
        }
    }
}

/// The batch check, and whose allowance the batch takes up; none for a batch that is here already or that
/// there is no room for.
fn check(
    store: &BatchStore,
    keys: &KnownKeys,
    names: &Names,
    sender: ValidatorIndex,
    heard: bool,
    bytes: BatchBytes,
) -> Result<Option<(CheckedBatch, Charge)>, BatchError> {
    let formed = FormedBatch::of_bytes(bytes, &store.rules().view())?;
    let digest = formed.digest();
    let author = formed.signed().batch().author;
    let charge = store.charge_for(&digest, author, sender);
    let Some(charge) = charge.filter(|charge| heard || *charge == Charge::Nobody) else {
        tracing::debug!(
            digest = digest.short(),
            author = names.of(author),
            sender = names.of(sender),
            "a batch that there is no room for was dropped"
        );
        return Ok(None);
    };
    match formed.signature_groups(rayon::current_num_threads()).as_slice() {
        // Waking another thread for it would take longer than it saves.
        [only] => only.verify_knowing(keys)?,
        groups => groups
            .par_iter()
            .try_for_each(|group| group.verify_knowing(keys))?,
    }
    Ok(Some((formed.with_signatures_checked(), charge)))
}

/// Peers that sent bad batches: what they send unasked is not looked at for a while.
#[derive(Debug, Default)]
struct Offenders {
    /// Bad batches of each, and since when it is not heard.
    bad: BTreeMap<ValidatorIndex, (u32, Option<Instant>)>,
}

impl Offenders {
    fn is_heard(&self, sender: ValidatorIndex, now: Instant) -> bool {
        let deaf_since = self.bad.get(&sender).and_then(|(_, since)| *since);
        deaf_since.is_none_or(|since| now.duration_since(since) >= DEAF_FOR)
    }

    /// Notes a bad batch; gives their number where it is worth a line in the log: 1, 2, 4, 8 and so on.
    fn note(&mut self, sender: ValidatorIndex, now: Instant) -> Option<u32> {
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
    fn a_peer_that_sends_bad_batches_is_not_heard_for_a_while() {
        let mut offenders = Offenders::default();
        let (bad, good) = (ValidatorIndex(1), ValidatorIndex(2));
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
