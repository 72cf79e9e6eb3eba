//! Values of the certified state that were read or written lately, in memory: an account that pays is one
//! that is looked at again soon, and a look into the database costs as much as executing the payment.
//!
//! Only the executor fills it, on the thread that writes blocks: nobody can put in what was current when
//! it was read and is not any more. Others look into it for a trial, which promises nothing. What a batch is
//! about to use is looked up at once and put in when the block that changed it is written.
//!
//! Bound: `VALUES` in each of two generations. What is not looked at while a whole generation of others
//! came goes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use quorate_crypto::Digest;
use quorate_ledger::{StateKey, StateReader, values_over};

/// Values of a generation: with two of them, about 30 MB of accounts.
const VALUES: usize = 1 << 16;
/// Parts with a lock of their own, so that trials on all cores do not wait for each other.
const SHARDS: usize = 16;

/// The values; none where there is no value.
#[derive(Debug)]
pub struct StateCache {
    shards: Vec<Mutex<Generations>>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<StateKey, Option<Vec<u8>>>,
    old: HashMap<StateKey, Option<Vec<u8>>>,
}

impl Default for StateCache {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl StateCache {
    fn shard(&self, key: &StateKey) -> MutexGuard<'_, Generations> {
        let shard = usize::from(key.0[1]) % SHARDS;
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn value(&self, key: &StateKey) -> Option<Option<Vec<u8>>> {
        self.shard(key).get(key)
    }

    fn put(&self, key: StateKey, value: Option<Vec<u8>>) {
        self.shard(&key).put(key, value);
    }

    /// A block that changed this was written: the executor's thread says so, before it reads again.
    pub fn written(&self, changes: BTreeMap<StateKey, Option<Vec<u8>>>) {
        for (key, value) in changes {
            self.put(key, value);
        }
    }
}

impl Generations {
    fn get(&mut self, key: &StateKey) -> Option<Option<Vec<u8>>> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = self.old.remove(key)?;
        self.put(*key, value.clone());
        Some(value)
    }

    /// What the older generation has under the key is not seen any more, and goes before this does.
    fn put(&mut self, key: StateKey, value: Option<Vec<u8>>) {
        if self.young.len() >= VALUES / SHARDS && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

/// The newest certified state, for the executor's thread alone: what it reads is remembered.
pub struct Remembering<'a, R> {
    /// The values in memory.
    pub cache: &'a StateCache,
    /// The database.
    pub base: &'a R,
}

impl<R: StateReader> StateReader for Remembering<'_, R> {
    type Error = R::Error;

    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, R::Error> {
        if let Some(value) = self.cache.value(key) {
            return Ok(value);
        }
        let value = self.base.value(key)?;
        self.cache.put(*key, value.clone());
        Ok(value)
    }

    fn values_of(&self, keys: &[StateKey]) -> Result<Vec<Option<Vec<u8>>>, R::Error> {
        values_over(
            keys,
            |key| self.cache.value(key),
            |lacking| self.base.values_of(lacking),
        )
    }

    fn is_spent(&self, id: &Digest) -> Result<bool, R::Error> {
        self.base.is_spent(id)
    }

    fn are_spent(&self, ids: &[Digest]) -> Result<Vec<bool>, R::Error> {
        self.base.are_spent(ids)
    }
}

/// The certified state as a trial sees it: each value is of the snapshot or newer. That the transaction is
/// not executed at the snapshot is known before.
pub(crate) struct Trying<'a, R> {
    pub(crate) cache: &'a StateCache,
    pub(crate) snapshot: &'a R,
}

impl<R: StateReader> StateReader for Trying<'_, R> {
    type Error = R::Error;

    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, R::Error> {
        match self.cache.value(key) {
            Some(value) => Ok(value),
            None => self.snapshot.value(key),
        }
    }

    fn is_spent(&self, _: &Digest) -> Result<bool, R::Error> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;

    /// A state in which each key has the value of how often anything was read before.
    #[derive(Default)]
    struct Counting(Cell<u8>);

    impl StateReader for Counting {
        type Error = Infallible;

        fn value(&self, _: &StateKey) -> Result<Option<Vec<u8>>, Infallible> {
            let reads = self.0.get();
            self.0.set(reads.wrapping_add(1));
            Ok(Some(vec![reads]))
        }

        fn is_spent(&self, _: &Digest) -> Result<bool, Infallible> {
            Ok(false)
        }
    }

    fn key(number: u32) -> StateKey {
        let mut key = [0; 32];
        key[4..8].copy_from_slice(&number.to_be_bytes());
        StateKey(key)
    }

    #[test]
    fn what_was_written_replaces_what_was_read() {
        let (cache, base) = (StateCache::default(), Counting::default());
        let reader = Remembering {
            cache: &cache,
            base: &base,
        };
        assert_eq!(reader.value(&key(1)), Ok(Some(vec![0])));
        assert_eq!(reader.value(&key(1)), Ok(Some(vec![0])));
        cache.written([(key(1), Some(vec![9])), (key(2), None)].into());
        assert_eq!(reader.value(&key(1)), Ok(Some(vec![9])));
        assert_eq!(reader.value(&key(2)), Ok(None));
        // Written while it was in the older generation.
        for number in 0..4_096 {
            cache.put(key(1_000 + number), None);
        }
        cache.written([(key(1), None)].into());
        assert_eq!(reader.value(&key(1)), Ok(None));
        assert_eq!(base.0.get(), 1);
    }

    #[test]
    fn values_looked_up_together_are_the_newest_and_are_put_in_by_the_block_alone() {
        let (cache, base) = (StateCache::default(), Counting::default());
        let reader = Remembering {
            cache: &cache,
            base: &base,
        };
        cache.written([(key(1), Some(vec![9])), (key(3), None)].into());
        let keys = [key(0), key(1), key(2), key(3)];
        let read = |first| {
            Ok(vec![
                Some(vec![first]),
                Some(vec![9]),
                Some(vec![first + 1]),
                None,
            ])
        };
        assert_eq!(reader.values_of(&keys), read(0));
        assert_eq!(reader.values_of(&keys), read(2));
    }

    #[test]
    fn a_trial_reads_and_leaves_nothing_behind() {
        let (cache, base) = (StateCache::default(), Counting::default());
        let trying = Trying {
            cache: &cache,
            snapshot: &base,
        };
        assert_eq!(trying.value(&key(1)), Ok(Some(vec![0])));
        assert_eq!(trying.value(&key(1)), Ok(Some(vec![1])));
        cache.written([(key(1), Some(vec![9]))].into());
        assert_eq!(trying.value(&key(1)), Ok(Some(vec![9])));
    }

    #[test]
    fn few_are_kept_and_those_in_use_stay() {
        let cache = StateCache::default();
        let limit = VALUES / SHARDS;
        cache.put(key(0), Some(vec![7]));
        for number in 1..u32::try_from(4 * limit).unwrap() {
            cache.put(key(number), None);
            assert_eq!(cache.value(&key(0)), Some(Some(vec![7])));
        }
        let shard = cache.shard(&key(0));
        assert!(shard.young.len() <= limit && shard.old.len() <= limit);
    }
}
