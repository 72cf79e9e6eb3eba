//! Erased texts leave the database's files and logs on a thread of its own (`docs/formats.md`, section 4): after blocks
//! that erased something, and at the start, since the node may have ended before it had got to it.
//!
//! One purge at a time, and not one for each block: it rewrites whole files.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use quorate_crypto::{Digest, Height};
use quorate_ledger::Execution;
use quorate_storage::{Chain, StorageError};

use crate::fatal_at_database;

/// From the end of one purge to the beginning of the next, at least.
const REST: Duration = Duration::from_secs(5);
/// And so many times as long as it took: a client can erase something in each block, and would else keep the disk busy
/// with rewriting all texts there are.
const RESTS: u32 = 4;
/// How long to wait when something could not be got out: a reader may hold an earlier height, the disk may be full.
/// Twice as long each time, up to [`LONGEST_WAIT`].
const WAIT: Duration = Duration::from_secs(5);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Texts of one transaction that one block erased.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Erasure {
    transaction: Digest,
    texts: usize,
    height: Height,
}

/// Tells the purging thread what was erased. The thread ends when the last of these is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Purger {
    sender: Sender<Vec<Erasure>>,
}

impl Purger {
    /// A block was written that may have erased something.
    pub(super) fn erased(&self, execution: &Execution) {
        let erasures = erasures_of(execution.tip.height, execution.erased.iter().map(|(id, _)| *id));
        if !erasures.is_empty() {
            // The thread ends only after whoever holds this.
            let _ = self.sender.send(erasures);
        }
    }

    /// One that nobody listens to.
    #[cfg(test)]
    pub(super) fn of_nobody() -> Self {
        Self { sender: channel().0 }
    }
}

/// What a block erased, by transaction in the order of the first place; `ids` has one for each place.
fn erasures_of(height: Height, ids: impl Iterator<Item = Digest>) -> Vec<Erasure> {
    let mut erasures: Vec<Erasure> = Vec::new();
    for transaction in ids {
        match erasures
            .iter_mut()
            .find(|erasure| erasure.transaction == transaction)
        {
            Some(erasure) => erasure.texts += 1,
            None => erasures.push(Erasure {
                transaction,
                texts: 1,
                height,
            }),
        }
    }
    erasures
}

/// Starts the thread.
pub(crate) fn start(chain: Arc<Chain>) -> (Purger, JoinHandle<()>) {
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new()
        .name("purge".to_owned())
        .spawn(move || {
            let of_before = chain.statistics().map(|statistics| statistics.unpurged);
            let of_before = of_before
                .unwrap_or_else(|error| fatal_at_database("the chain database cannot be read", &error));
            let mut purging = Purging::new(of_before, Instant::now());
            purging.run(&receiver, || chain.purge_erased());
        })
        .expect("a thread can be started");
    (Purger { sender }, thread)
}

/// What is to be got out, and when the next attempt is due.
struct Purging {
    waiting: Vec<Erasure>,
    /// Transactions whose texts were erased before the start, and not all got out.
    of_before: u64,
    wait: Duration,
    due: Instant,
}

impl Purging {
    fn new(of_before: u64, now: Instant) -> Self {
        Self {
            waiting: Vec::new(),
            of_before,
            wait: WAIT,
            due: now,
        }
    }

    /// Until all that could tell it of an erasure are gone.
    fn run(&mut self, receiver: &Receiver<Vec<Erasure>>, purge: impl Fn() -> Result<bool, StorageError>) {
        loop {
            let heard = if self.is_idle() {
                receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                receiver.recv_timeout(self.due.saturating_duration_since(Instant::now()))
            };
            match heard {
                Ok(erasures) => self.waiting.extend(erasures),
                Err(RecvTimeoutError::Timeout) => {
                    let began = Instant::now();
                    match purge() {
                        Ok(all) => self.after(all, Instant::now(), began.elapsed()),
                        Err(error) => fatal_at_database("erased texts cannot be purged", &error),
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.of_before == 0
    }

    /// An attempt has ended, which took so long. What was waiting when it began was written before it, so it is through
    /// if all is.
    fn after(&mut self, all: bool, now: Instant, took: Duration) {
        let rest = took.saturating_mul(RESTS);
        if !all {
            self.due = now + self.wait.max(rest);
            self.wait = (2 * self.wait).min(LONGEST_WAIT);
            return;
        }
        (self.wait, self.due) = (WAIT, now + rest.max(REST));
        let of_before = std::mem::take(&mut self.of_before);
        if of_before > 0 {
            tracing::info!(
                transactions = of_before,
                "texts that were erased before the start are out of the database's files"
            );
        }
        for erasure in self.waiting.drain(..) {
            tracing::info!(
                transaction = %erasure.transaction,
                texts = erasure.texts,
                height = erasure.height.0,
                "erased texts are out of the database's files"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn erasures() -> Vec<Erasure> {
        let ids = [1, 2, 1].map(|id| Digest([id; 32]));
        erasures_of(Height(7), ids.into_iter())
    }

    #[test]
    fn a_block_erases_texts_by_transaction() {
        let of = |id, texts| Erasure {
            transaction: Digest([id; 32]),
            texts,
            height: Height(7),
        };
        assert_eq!(erasures(), [of(1, 2), of(2, 1)]);
    }

    #[test]
    fn what_could_not_be_got_out_is_tried_again_later_each_time() {
        let now = Instant::now();
        let mut purging = Purging::new(0, now);
        assert!(purging.is_idle());
        purging.waiting = erasures();
        for wait in [5, 10, 20, 40, 80, 160, 300, 300] {
            purging.after(false, now, Duration::ZERO);
            assert_eq!(purging.due, now + Duration::from_secs(wait));
        }
        assert_eq!(purging.waiting.len(), 2);
        purging.after(true, now, Duration::ZERO);
        assert!(purging.is_idle());
        assert_eq!((purging.wait, purging.due), (WAIT, now + REST));
    }

    #[test]
    fn a_long_purge_is_followed_by_a_longer_rest() {
        let now = Instant::now();
        let mut purging = Purging::new(0, now);
        for all in [true, false] {
            purging.after(all, now, Duration::from_secs(60));
            assert_eq!(purging.due, now + Duration::from_secs(240));
        }
    }

    #[test]
    fn a_start_goes_on_with_what_was_left_and_the_end_waits_for_nothing() {
        let (sender, receiver) = channel();
        let (purges, sender) = (Cell::new(0), Cell::new(Some(sender)));
        let mut purging = Purging::new(3, Instant::now());
        purging.run(&receiver, || {
            purges.set(purges.get() + 1);
            // Whoever could erase more ends while this is under way.
            drop(sender.take());
            Ok(true)
        });
        assert_eq!(purges.get(), 1);
        assert!(purging.is_idle());
    }
}
