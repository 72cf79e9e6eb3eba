//! Which of the last blocks each validator has sealed, as far as this node knows: what pages call its uptime.

use std::collections::BTreeSet;

use quorate_client::schema::Network;
use quorate_crypto::PublicKey;
use quorate_ledger::{Epoch, Height};

use crate::node::{BlockRef, Fault, Node, Snapshot};

/// Blocks that are looked at.
pub(super) const LOOKED_AT: u64 = 200;

/// That certificates say less than there was, as every page with shares has to say.
pub(super) const WHY: &str = "Seals that came after a quorum’s are known since this node’s start alone. Of earlier blocks only those in their \
     certificates are, and a certificate is complete with a quorum: there, a validator that was slower than the others is missing.";

/// The last blocks with those who sealed them.
pub(super) struct Seals {
    /// Newest first.
    blocks: Vec<Sealed>,
}

struct Sealed {
    height: Height,
    epoch: Epoch,
    by: BTreeSet<String>,
}

/// What a validator has sealed of the blocks that it could.
pub(super) struct Share {
    /// The blocks of its epochs, newest first, and whether it is known to have sealed each.
    pub(super) blocks: Vec<(Height, bool)>,
}

impl Share {
    pub(super) fn sealed(&self) -> usize {
        self.blocks.iter().filter(|(_, sealed)| *sealed).count()
    }

    /// In tenths of a per cent, rounded down; none if there was no block.
    pub(super) fn permille(&self) -> Option<usize> {
        (self.sealed() * 1_000).checked_div(self.blocks.len())
    }

    /// The same as a percentage.
    pub(super) fn told(&self) -> String {
        match self.permille() {
            Some(permille) => format!("{}.{} %", permille / 10, permille % 10),
            None => "–".to_owned(),
        }
    }
}

impl Seals {
    pub(super) fn read(snapshot: &dyn Snapshot, node: &dyn Node) -> Result<Self, Fault> {
        let mut heard = node.sealers();
        let tip = snapshot.height().0;
        let mut blocks = Vec::new();
        for height in (tip.saturating_sub(LOOKED_AT) + 1..=tip).rev().map(Height) {
            // Blocks pruned here end it.
            let Some(block) = snapshot.block(BlockRef::Height(height))? else {
                break;
            };
            let mut by = heard.remove(&height).unwrap_or_default();
            by.extend(block.seals.into_iter().map(|seal| seal.validator));
            blocks.push(Sealed {
                height,
                epoch: block.epoch,
                by,
            });
        }
        Ok(Self { blocks })
    }

    /// What a validator has sealed in the epochs in which it could.
    pub(super) fn of(&self, network: &Network, name: &str, key: &PublicKey) -> Share {
        let epochs = network.epochs.iter();
        let own: BTreeSet<Epoch> = epochs
            .filter(|epoch| epoch.validators.contains(key))
            .map(|epoch| epoch.epoch)
            .collect();
        let blocks = self.blocks.iter().filter(|block| own.contains(&block.epoch));
        Share {
            blocks: blocks
                .map(|block| (block.height, block.by.contains(name)))
                .collect(),
        }
    }
}
