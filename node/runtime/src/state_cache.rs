//! Values of the certified state that were read or written lately, in memory: an account that pays is one
//! that is looked at again soon, and a look into the database costs as much as executing the payment.
//!
//! Only the executor fills it, on the thread that writes blocks: nobody can put in what was current when
//! it was read and is not any more. Others look into it for a trial, which promises nothing. What a batch is
//! about to use is looked up at once and put in when the block that changed it is written.
//!
//! So are the ids of transactions that were executed lately: copies of them are what is asked for, and to find out
//! in the database until when one is spent means to read its block's row of the log.
//!
//! Bounds: `VALUES` in each of two generations, of `VALUE_BYTES` together, and as many ids. What is not looked at while
//! a whole generation of others came goes.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quorate_crypto::Digest;
use quorate_ledger::{ExecutedTransaction, Height, Prefix, StateKey, StateReader, Timestamp, values_over};

/// Values of a generation: with two of them, about 50 MB of accounts. Executed ids of one: about 10 MB.
const VALUES: usize = 1 << 16;
/// Bytes of these: what says which texts of a transaction are erased is a hundred times as long as an account, and a
/// client can make any number of them.
const VALUE_BYTES: usize = 32 << 20;
/// Parts with a lock of their own, so that trials on all cores do not wait for each other.
const SHARDS: usize = 16;

/// The values; none where there is no value.
#[derive(Debug)]
pub struct StateCache {
    shards: Vec<Mutex<Values>>,
    /// When each transaction that was executed lately would have expired: until then its id is spent.
    spent: Mutex<Generations<Digest, Timestamp>>,
}

/// Values under their keys; none where there is no value.
type Values = Generations<StateKey, Option<Vec<u8>>>;

/// What is remembered, in two generations; only looked up in.
#[derive(Debug)]
struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Of the young ones' values.
    bytes: usize,
    /// Of a generation.
    limit: usize,
    /// Bytes of a generation's values.
    max_bytes: usize,
}

/// What takes up memory beside its place in a map.
trait Long {
    /// So many bytes.
    fn bytes(&self) -> usize;
}

impl Long for Option<Vec<u8>> {
    fn bytes(&self) -> usize {
        self.as_ref().map_or(0, Vec::len)
    }
}

impl Long for Timestamp {
    fn bytes(&self) -> usize {
        0
    }
}

impl Default for StateCache {
    fn default() -> Self {
        let shard = || Mutex::new(Generations::new(VALUES / SHARDS, VALUE_BYTES / SHARDS));
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            spent: Mutex::new(Generations::new(VALUES, 0)),
        }
    }
}

impl StateCache {
    /// A key's first byte is its kind; the next is of an address, a hash, or a code.
    fn shard(&self, key: &StateKey) -> MutexGuard<'_, Values> {
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

    /// A block that executed these was written: the executor's thread says so, before it asks for ids again.
    pub fn executed(&self, transactions: &[ExecutedTransaction]) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        for transaction in transactions {
            spent.put(transaction.id, transaction.expires_at);
        }
    }

    /// For each id whether it is spent at a time, if that is known here.
    fn known_spent(&self, ids: &[Digest], at: Timestamp) -> Vec<Option<bool>> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let known = ids.iter().map(|id| spent.get(id));
        known
            .map(|expires_at| expires_at.map(|expires_at| expires_at > at))
            .collect()
    }
}

impl<K: Copy + Eq + Hash, V: Clone + Long> Generations<K, V> {
    fn new(limit: usize, max_bytes: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            bytes: 0,
            limit,
            max_bytes,
        }
    }

    fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = self.old.remove(key)?;
        self.put(*key, value.clone());
        Some(value)
    }

    /// What the older generation has under the key is not seen any more, and goes before this does.
    fn put(&mut self, key: K, value: V) {
        let length = value.bytes();
        let is_full = self.young.len() >= self.limit && !self.young.contains_key(&key);
        if is_full || self.bytes.saturating_add(length) > self.max_bytes {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        let replaced = self.young.insert(key, value);
        let gone = replaced.map_or(0, |replaced| replaced.bytes());
        self.bytes = self.bytes.saturating_add(length).saturating_sub(gone);
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

    fn spent_at(&self, ids: &[Digest], at: Timestamp) -> Result<Vec<bool>, R::Error> {
        let known = self.cache.known_spent(ids, at);
        let lacking = ids.iter().zip(&known).filter(|(_, known)| known.is_none());
        let lacking: Vec<Digest> = lacking.map(|(id, _)| *id).collect();
        let mut rest = self.base.spent_at(&lacking, at)?.into_iter();
        let mut next = || rest.next().expect("a reader answers for each id");
        let spent = known.into_iter();
        Ok(spent.map(|known| known.unwrap_or_else(&mut next)).collect())
    }

    fn block_hash(&self, height: Height) -> Result<Option<Digest>, R::Error> {
        self.base.block_hash(height)
    }

    /// The database has all that was written, as the cache does; it is looked into, as the cache does not know what
    /// it lacks.
    fn values_under(&self, prefix: &Prefix) -> Result<Vec<(StateKey, Vec<u8>)>, R::Error> {
        self.base.values_under(prefix)
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

    fn spent_at(&self, ids: &[Digest], _: Timestamp) -> Result<Vec<bool>, R::Error> {
        Ok(vec![false; ids.len()])
    }

    fn block_hash(&self, height: Height) -> Result<Option<Digest>, R::Error> {
        self.snapshot.block_hash(height)
    }

    fn values_under(&self, prefix: &Prefix) -> Result<Vec<(StateKey, Vec<u8>)>, R::Error> {
        self.snapshot.values_under(prefix)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use quorate_ledger::Outcome;

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

        /// An id that begins with an odd byte is spent until then.
        fn spent_at(&self, ids: &[Digest], at: Timestamp) -> Result<Vec<bool>, Infallible> {
            self.0.set(self.0.get().wrapping_add(1));
            Ok(ids.iter().map(|id| id.0[0] % 2 == 1 && at.0 < 50).collect())
        }

        fn block_hash(&self, _: Height) -> Result<Option<Digest>, Infallible> {
            Ok(None)
        }

        fn values_under(&self, prefix: &Prefix) -> Result<Vec<(StateKey, Vec<u8>)>, Infallible> {
            Ok(vec![(StateKey(prefix.key), vec![9])])
        }
    }

    fn executed(id: u8, expires_at: u64) -> ExecutedTransaction {
        ExecutedTransaction {
            id: Digest([id; 32]),
            ordinal: 0,
            position: 0,
            outcome: Outcome::Success { results: Vec::new() },
            parties: Vec::new(),
            expires_at: Timestamp(expires_at),
            signed: Digest([0; 32]),
        }
    }

    #[test]
    fn an_id_that_was_executed_is_spent_until_it_expires_whatever_lies_below() {
        let (cache, base) = (StateCache::default(), Counting::default());
        let reader = Remembering {
            cache: &cache,
            base: &base,
        };
        cache.executed(&[executed(2, 40), executed(4, 60)]);
        let ids = [1, 2, 3, 4, 6].map(|id| Digest([id; 32]));
        let spent = |at| reader.spent_at(&ids, Timestamp(at)).unwrap();
        assert_eq!(spent(39), [true, true, true, true, false]);
        assert_eq!(spent(40), [true, false, true, true, false]);
        assert_eq!(spent(59), [false, false, false, true, false]);
        assert_eq!(spent(60), [false; 5]);
    }

    #[test]
    fn what_lies_under_a_prefix_is_read_from_the_database() {
        let (cache, base) = (StateCache::default(), Counting::default());
        let reader = Remembering {
            cache: &cache,
            base: &base,
        };
        cache.written([(key(1), Some(vec![7]))].into());
        let prefix = Prefix::of_key(&key(1));
        assert_eq!(reader.values_under(&prefix), Ok(vec![(key(1), vec![9])]));
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
    #[test]
    fn long_values_take_up_no_more_memory_than_many_short_ones() {
        let cache = StateCache::default();
        let longest = VALUE_BYTES / SHARDS;
        let held =
            |values: &HashMap<StateKey, Option<Vec<u8>>>| values.values().map(Long::bytes).sum::<usize>();
        for number in 0..300 {
            let value = Some(vec![7; 20_000 + 100 * number as usize]);
            cache.put(key(number), value.clone());
            // One that is replaced counts once.
            cache.put(key(number), value.clone());
            assert_eq!(cache.value(&key(number)), Some(value));
            let shard = cache.shard(&key(number));
            assert_eq!(shard.bytes, held(&shard.young));
            assert!(held(&shard.young) <= longest && held(&shard.old) <= longest);
        }
        assert_eq!(cache.value(&key(0)), None);
    }
}
