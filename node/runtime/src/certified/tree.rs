//! The executor's state tree, for provers.
//!
//! The executor writes it while it executes, so agreement waits for its lock. Of a proof, only the way to a leaf is found
//! under it: some microseconds where nothing is executed above the snapshot, else about twice what the tree took to
//! follow what is. Provers take turns, so that the executor waits for one of them at most, however many there are.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use quorate_crypto::Height;
use quorate_ledger::{Prefix, PrefixPath, StateTree};
use quorate_storage::StatePaths;

/// The tree that the executor takes further.
#[derive(Debug)]
pub(crate) struct ProofTree {
    tree: Arc<RwLock<StateTree>>,
    turn: Mutex<()>,
}

impl ProofTree {
    pub(crate) fn new(tree: Arc<RwLock<StateTree>>) -> Self {
        Self {
            tree,
            turn: Mutex::default(),
        }
    }
}

impl StatePaths for ProofTree {
    fn path_at(&self, height: Height, prefix: &Prefix) -> Option<PrefixPath> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.tree.path_at(height, prefix)
    }

    fn leaves_of_kind(&self, kind: u8) -> usize {
        self.tree.leaves_of_kind(kind)
    }
}
