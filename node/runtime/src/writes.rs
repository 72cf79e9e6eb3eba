//! How many batch writes there were, by which a flush says what it covers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use quorate_driver::WriteNumber;

/// Counts writes at both ends. A batch can be seen in the database before its write returns; so whoever
/// relies on one waits for a flush that covers all writes *begun*, and a flush covers those *done*
/// before it.
#[derive(Debug, Default)]
pub(crate) struct WriteCount {
    begun: AtomicU64,
    done: Mutex<u64>,
    finished: Condvar,
}

impl WriteCount {
    /// Counts `write` as begun before it is called, and as done once it has succeeded.
    pub(crate) fn during<E>(&self, write: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        self.begun.fetch_add(1, Ordering::AcqRel);
        write()?;
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.finished.notify_all();
        Ok(())
    }

    /// How many writes have begun.
    pub(crate) fn begun(&self) -> WriteNumber {
        WriteNumber(self.begun.load(Ordering::Acquire))
    }

    /// Waits until so many writes are done, of which each has begun; gives how many a flush beginning then
    /// covers. A write that fails ends the process.
    pub(crate) fn wait_for(&self, writes: WriteNumber) -> WriteNumber {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = self.finished.wait_while(done, |done| *done < writes.0);
        WriteNumber(*enough.unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_under_way_is_waited_for_and_not_counted_as_flushed() {
        let count = WriteCount::default();
        let wrote: Result<(), ()> = count.during(|| {
            assert_eq!(
                (count.begun(), count.wait_for(WriteNumber(0))),
                (WriteNumber(1), WriteNumber(0))
            );
            Ok(())
        });
        assert_eq!(wrote, Ok(()));
        assert_eq!(
            (count.begun(), count.wait_for(WriteNumber(0))),
            (WriteNumber(1), WriteNumber(1))
        );
    }
}
