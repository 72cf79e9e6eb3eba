//! A state in memory: for simulations and tests.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use quorate_crypto::Digest;

use super::{GenesisState, StateKey, StateReader};
use crate::Execution;

/// A whole state in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryState {
    values: BTreeMap<StateKey, Vec<u8>>,
    spent: BTreeSet<Digest>,
}

impl MemoryState {
    /// The state before height 1.
    pub fn genesis(genesis: &GenesisState) -> Self {
        let mut state = Self::default();
        state.change(&genesis.changes);
        state
    }

    /// Applies an executed block.
    pub fn apply(&mut self, execution: &Execution) {
        self.change(&execution.changes);
        let ids = execution.transactions.iter().map(|transaction| transaction.id);
        self.spent.extend(ids);
    }

    /// All values, ascending by key.
    pub fn values(&self) -> impl Iterator<Item = (&StateKey, &[u8])> {
        self.values.iter().map(|(key, value)| (key, value.as_slice()))
    }

    fn change(&mut self, changes: &BTreeMap<StateKey, Option<Vec<u8>>>) {
        for (key, value) in changes {
            match value {
                Some(value) => self.values.insert(*key, value.clone()),
                None => self.values.remove(key),
            };
        }
    }
}

impl StateReader for MemoryState {
    type Error = Infallible;

    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.values.get(key).cloned())
    }

    fn is_spent(&self, id: &Digest) -> Result<bool, Infallible> {
        Ok(self.spent.contains(id))
    }
}
