//! A state in memory: for simulations, for audits, which execute a chain again, and for tests.

use std::collections::BTreeMap;
use std::convert::Infallible;

use quorate_crypto::{Digest, Height};

use super::{Prefix, StateKey, StateReader};
use crate::limits::MAX_ATTESTED_BELOW;
use crate::{Execution, Timestamp};

/// A whole state in memory, with the ids of all transactions that were executed since it began, unless they were
/// forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryState {
    values: BTreeMap<StateKey, Vec<u8>>,
    /// When each executed transaction expires.
    spent: BTreeMap<Digest, Timestamp>,
    /// The hashes of the last blocks.
    blocks: BTreeMap<Height, Digest>,
}

impl MemoryState {
    /// The state of these leaves, of which no transaction is known. Where a key comes twice, the last counts.
    pub fn from_leaves(leaves: impl IntoIterator<Item = (StateKey, Vec<u8>)>) -> Self {
        Self {
            values: leaves.into_iter().collect(),
            spent: BTreeMap::new(),
            blocks: BTreeMap::new(),
        }
    }

    /// Applies an executed block.
    pub fn apply(&mut self, execution: &Execution) {
        for (key, value) in &execution.changes {
            match value {
                Some(value) => self.values.insert(*key, value.clone()),
                None => self.values.remove(key),
            };
        }
        let executed = execution.transactions.iter();
        self.spent
            .extend(executed.map(|transaction| (transaction.id, transaction.expires_at)));
        self.note_block(execution.tip.height, execution.block_hash);
    }

    /// Notes the hash of a block that the state, or what is executed on top of it, follows.
    pub fn note_block(&mut self, height: Height, hash: Digest) {
        self.blocks.insert(height, hash);
        let oldest = Height(height.0.saturating_sub(MAX_ATTESTED_BELOW));
        self.blocks = self.blocks.split_off(&oldest);
    }

    /// The hash of a block that was noted, and is not more than 1,000 below the newest one.
    pub fn known_block(&self, height: Height) -> Option<Digest> {
        self.blocks.get(&height).copied()
    }

    /// Notes ids of transactions that were executed before the state began, with their expiries.
    pub fn note_spent(&mut self, ids: impl IntoIterator<Item = (Digest, Timestamp)>) {
        self.spent.extend(ids);
    }

    /// Forgets the ids that had expired at `at`: they count for no block of that time or a later one (section 9).
    pub fn forget_spent(&mut self, at: Timestamp) {
        self.spent.retain(|_, expires_at| *expires_at > at);
    }

    /// How many ids are known.
    pub fn spent_count(&self) -> usize {
        self.spent.len()
    }

    /// All values, ascending by key.
    pub fn values(&self) -> impl Iterator<Item = (&StateKey, &[u8])> {
        self.values.iter().map(|(key, value)| (key, value.as_slice()))
    }
}

impl StateReader for MemoryState {
    type Error = Infallible;

    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.values.get(key).cloned())
    }

    fn spent_at(&self, ids: &[Digest], at: Timestamp) -> Result<Vec<bool>, Infallible> {
        let is_spent = |id| self.spent.get(id).is_some_and(|expires_at| *expires_at > at);
        Ok(ids.iter().map(is_spent).collect())
    }

    fn block_hash(&self, height: Height) -> Result<Option<Digest>, Infallible> {
        Ok(self.known_block(height))
    }

    fn values_under(&self, prefix: &Prefix) -> Result<Vec<(StateKey, Vec<u8>)>, Infallible> {
        let from = self.values.range(StateKey(prefix.key)..);
        let under = from.take_while(|(key, _)| prefix.covers(key));
        Ok(under.map(|(key, value)| (*key, value.clone())).collect())
    }
}
