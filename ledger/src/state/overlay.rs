//! Executed blocks that are not written yet, on top of what is.

use std::collections::BTreeMap;

use quorate_crypto::{Digest, Height};

use super::{Prefix, StateKey, StateReader, values_over};
use crate::{Execution, Timestamp};

/// The state after some executed blocks, which are not written yet.
pub struct Overlay<'a, R> {
    /// In ascending order of height, right above the base.
    pending: Vec<&'a Execution>,
    base: &'a R,
}

impl<'a, R> Overlay<'a, R> {
    /// The state after `pending`, blocks in ascending order of height, the first right above `base`.
    ///
    /// # Panics
    /// If the heights do not follow one another.
    pub fn new(pending: impl IntoIterator<Item = &'a Execution>, base: &'a R) -> Self {
        let pending: Vec<&Execution> = pending.into_iter().collect();
        let follows = |pair: &[&Execution]| pair[0].tip.height.next() == pair[1].tip.height;
        assert!(
            pending.windows(2).all(follows),
            "pending blocks follow one another"
        );
        Self { pending, base }
    }

    /// The newest value that a pending block has written.
    fn newest(&self, key: &StateKey) -> Option<Option<Vec<u8>>> {
        let mut pending = self.pending.iter().rev();
        pending.find_map(|block| block.changes.get(key)).cloned()
    }
}

impl<R: StateReader> StateReader for Overlay<'_, R> {
    type Error = R::Error;

    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, R::Error> {
        match self.newest(key) {
            Some(value) => Ok(value),
            None => self.base.value(key),
        }
    }

    fn values_of(&self, keys: &[StateKey]) -> Result<Vec<Option<Vec<u8>>>, R::Error> {
        values_over(keys, |key| self.newest(key), |keys| self.base.values_of(keys))
    }

    fn spent_at(&self, ids: &[Digest], at: Timestamp) -> Result<Vec<bool>, R::Error> {
        let mut spent = self.base.spent_at(ids, at)?;
        let is_spent_above = |id: &Digest| {
            let mut until = self.pending.iter().filter_map(|block| block.spent_until(id));
            until.any(|until| until > at)
        };
        for (id, spent) in ids.iter().zip(&mut spent) {
            *spent |= is_spent_above(id);
        }
        Ok(spent)
    }

    fn block_hash(&self, height: Height) -> Result<Option<Digest>, R::Error> {
        let pending = self.pending.iter().find(|block| block.tip.height == height);
        match pending {
            Some(block) => Ok(Some(block.block_hash)),
            None => self.base.block_hash(height),
        }
    }

    fn values_under(&self, prefix: &Prefix) -> Result<Vec<(StateKey, Vec<u8>)>, R::Error> {
        let mut values: BTreeMap<StateKey, Vec<u8>> = self.base.values_under(prefix)?.into_iter().collect();
        for block in &self.pending {
            let from = block.changes.range(StateKey(prefix.key)..);
            for (key, value) in from.take_while(|(key, _)| prefix.covers(key)) {
                match value {
                    Some(value) => values.insert(*key, value.clone()),
                    None => values.remove(key),
                };
            }
        }
        Ok(values.into_iter().collect())
    }
}
