//! A ledger small enough to run thousands of: blocks are batches that were not executed before, and
//! a block's hash covers its parent, its height and those batches.

use std::collections::BTreeSet;

use quorate_crypto::{Certificate, Digest, Height, sha256};
use quorate_ledger::{Proposal, encode};

/// A block as the model's store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelBlock {
    /// Its height.
    pub height: Height,
    /// What was decided for it.
    pub proposal: Proposal,
    /// Its hash.
    pub hash: Digest,
    /// What proves it.
    pub certificate: Option<Certificate>,
}

/// The state after a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelState {
    /// The height of that block.
    pub height: Height,
    /// Its hash.
    pub hash: Digest,
    /// All batches executed so far.
    pub executed: BTreeSet<Digest>,
}

impl Default for ModelState {
    fn default() -> Self {
        Self {
            height: Height::GENESIS,
            hash: Digest::ZERO,
            executed: BTreeSet::new(),
        }
    }
}

impl ModelState {
    /// Executes the next height's proposal. A batch that was executed before has no effect.
    pub fn execute(&mut self, proposal: &Proposal) -> ModelBlock {
        self.height = self.height.next();
        let fresh: Vec<Digest> = proposal
            .batches()
            .iter()
            .filter(|batch| self.executed.insert(**batch))
            .copied()
            .collect();
        self.hash = sha256(&encode(&(self.hash, self.height, proposal.digest(), fresh)));
        ModelBlock {
            height: self.height,
            proposal: proposal.clone(),
            hash: self.hash,
            certificate: None,
        }
    }

    /// The state after a chain of blocks.
    pub fn of(chain: &[ModelBlock]) -> Self {
        let mut state = Self::default();
        for block in chain {
            state.execute(&block.proposal);
        }
        state
    }
}
