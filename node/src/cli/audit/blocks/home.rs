//! The blocks of a chain in a home on which no node runs.

use std::path::Path;

use quorate_genesis::Genesis;
use quorate_ledger::{Height, StateKey};
use quorate_storage::{Snapshot, StorageError};
use quorate_tools::failure::Failure;

use super::super::offline::{OpenHome, unreadable};

/// A home's chain as it is.
pub(in crate::cli::audit) struct HomeBlocks {
    snapshot: Snapshot,
    home: OpenHome,
}

impl HomeBlocks {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let home = OpenHome::open(path)?;
        let snapshot = home.chain.snapshot().map_err(unreadable)?;
        Ok(Self { snapshot, home })
    }

    /// The last block's height.
    pub(super) fn height(&self) -> Height {
        self.snapshot.height()
    }

    /// The home's own genesis document.
    pub(super) fn genesis(&self) -> &Genesis {
        &self.home.genesis
    }

    pub(super) fn block(&self, height: Height) -> Result<Option<Vec<u8>>, Failure> {
        let block = self.snapshot.certified_block_bytes(height);
        block.map_err(|error| unreadable(error).while_doing(format!("block {height} of the home")))
    }

    /// Every key and value of the stored state, ascending.
    pub(in crate::cli::audit) fn state(
        &self,
    ) -> impl Iterator<Item = Result<(StateKey, Vec<u8>), StorageError>> {
        self.snapshot.state()
    }

    /// Checks that the stored state has the root that the last block's header names.
    pub(in crate::cli::audit) fn check_state(&self) -> Result<(), Failure> {
        let tree = self.home.chain.load_state_tree();
        tree.map(drop).map_err(unreadable)
    }
}
