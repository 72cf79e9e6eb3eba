//! The check of many blocks on all cores. One thread fetches blocks in order, a pool of threads looks at them ahead (which
//! is where signatures are checked), and the calling thread takes them in order and executes them.
//!
//! ```text
//!  source ──▶ feeder ──▶ pool: look, look, look … ──▶ in order ──▶ execution, verdict
//! ```
//!
//! What is under way is bounded in blocks and in bytes.

use std::ops::{ControlFlow, RangeInclusive};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use quorate_ledger::Height;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::Finding;
use crate::auditor::{Auditor, Looker};
use crate::look::Looked;
use crate::source::BlockSource;

/// Blocks under way at most.
const BLOCKS_AHEAD: usize = 256;

/// Bytes of blocks under way at most, as they were fetched; but one block always.
const BYTES_AHEAD: usize = 64 << 20;

/// Why a check ended before its last block. It stands after the last block that was good.
#[derive(Debug)]
pub enum Ended<E> {
    /// Something is wrong with the chain.
    Found(Box<Finding>),
    /// Blocks could not be had.
    Source(E),
    /// Whoever watches wanted it to end.
    Stopped,
    /// No threads could be started.
    Threads(String),
}

impl<E> From<Finding> for Ended<E> {
    fn from(finding: Finding) -> Self {
        Self::Found(Box::new(finding))
    }
}

/// A block under way.
enum Slot<E> {
    Looked { length: usize, looked: Receiver<Looked> },
    Missing(Height),
    Failed(E),
}

/// What the feeder hands blocks to.
struct Workers {
    pool: ThreadPool,
    looker: RwLock<Looker>,
    room: Room,
}

/// Checks the blocks up to `to` that come after the last good one. `watch` sees the check after each block, and may end
/// it.
///
/// # Errors
/// The first thing that is wrong, or why it could not be found out.
pub fn check_chain<S>(
    auditor: &mut Auditor,
    source: &mut S,
    to: Height,
    threads: usize,
    watch: &mut dyn FnMut(&Auditor) -> ControlFlow<()>,
) -> Result<(), Ended<S::Error>>
where
    S: BlockSource + Send,
    S::Error: Send,
{
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("audit-{number}"))
        .build()
        .map_err(|error| Ended::<S::Error>::Threads(error.to_string()))?;
    let workers = Workers {
        pool,
        looker: RwLock::new(auditor.looker().clone()),
        room: Room::default(),
    };
    let heights = auditor.height().next().0..=to.0;
    std::thread::scope(|scope| {
        let (slots, queue) = sync_channel(BLOCKS_AHEAD);
        let workers = &workers;
        scope.spawn(move || feed(source, heights, workers, &slots));
        // Whatever ends this, a panic too: the feeder may wait for room in either, and is waited for.
        let (queue, _closing) = (queue, Closing(&workers.room));
        take(auditor, &queue, workers, watch)
    })
}

/// Fetches blocks in order and hands them over, until there are no more or nobody takes them.
fn feed<S: BlockSource>(
    source: &mut S,
    heights: RangeInclusive<u64>,
    workers: &Workers,
    slots: &SyncSender<Slot<S::Error>>,
) {
    for height in heights.map(Height) {
        let slot = match source.block(height) {
            Ok(Some(bytes)) => {
                let length = bytes.len();
                if !workers.room.take(length) {
                    return;
                }
                let looked = workers.look(bytes);
                Slot::Looked { length, looked }
            }
            Ok(None) => Slot::Missing(height),
            Err(error) => Slot::Failed(error),
        };
        let is_last = !matches!(slot, Slot::Looked { .. });
        if slots.send(slot).is_err() || is_last {
            return;
        }
    }
    if let Err(error) = source.end() {
        // Nobody hears of it where the check has ended.
        let _ = slots.send(Slot::Failed(error));
    }
}

/// Takes blocks in order.
fn take<E>(
    auditor: &mut Auditor,
    queue: &Receiver<Slot<E>>,
    workers: &Workers,
    watch: &mut dyn FnMut(&Auditor) -> ControlFlow<()>,
) -> Result<(), Ended<E>> {
    for slot in queue {
        let (length, looked) = match slot {
            Slot::Looked { length, looked } => (length, looked),
            Slot::Missing(height) => return Err(Finding::missing(height).into()),
            Slot::Failed(error) => return Err(Ended::Source(error)),
        };
        let looked = looked
            .recv()
            .expect("a panic in a pool's thread ends the process");
        let look_again = |looker: &Looker, block| workers.pool.install(|| looker.look_at(block));
        auditor.take(looked, look_again, |_| ())?;
        workers.room.give(length);
        workers.renew(auditor.looker());
        if watch(auditor).is_break() {
            return Err(Ended::Stopped);
        }
    }
    Ok(())
}

impl Workers {
    /// Has a block looked at by the rules that are known now.
    fn look(&self, bytes: Vec<u8>) -> Receiver<Looked> {
        let (done, looked) = sync_channel(1);
        let looker = self.looker.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.pool.spawn_fifo(move || {
            // Nobody waits for it where the check has ended.
            let _ = done.send(looker.look(&bytes));
        });
        looked
    }

    /// From now on by these rules, if they are others.
    fn renew(&self, looker: &Looker) {
        let known = self.looker.read().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&known.rules, &looker.rules) {
            return;
        }
        drop(known);
        *self.looker.write().unwrap_or_else(PoisonError::into_inner) = looker.clone();
    }
}

/// How many bytes are under way.
#[derive(Default)]
struct Room {
    taken: Mutex<Taken>,
    freed: Condvar,
}

#[derive(Default)]
struct Taken {
    bytes: usize,
    closed: bool,
}

impl Room {
    /// Waits until there is room for so many bytes; false if nothing is to come any more.
    fn take(&self, length: usize) -> bool {
        let mut taken = self.lock();
        while !taken.closed && taken.bytes > 0 && taken.bytes.saturating_add(length) > BYTES_AHEAD {
            taken = self.freed.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        taken.bytes = taken.bytes.saturating_add(length);
        !taken.closed
    }

    fn give(&self, length: usize) {
        let mut taken = self.lock();
        taken.bytes = taken.bytes.saturating_sub(length);
        self.freed.notify_all();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.freed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the room when it goes.
struct Closing<'a>(&'a Room);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_always_has_room_and_a_second_waits_until_it_is_gone() {
        let room = Room::default();
        assert!(room.take(10 * BYTES_AHEAD));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| room.take(1));
            room.give(10 * BYTES_AHEAD);
            assert!(waiting.join().unwrap());
            room.give(1);
            assert!(room.take(BYTES_AHEAD));
            let waiting = scope.spawn(|| room.take(1));
            room.close();
            assert!(!waiting.join().unwrap());
        });
    }
}
