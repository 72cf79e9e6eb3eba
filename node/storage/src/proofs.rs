//! The chain at one certified height as a prover reads it: a [`Snapshot`], with the state tree that is in memory
//! and the genesis document in the node's home.
//!
//! Each answer is a row of `docs/formats.md`, section 20, or follows from a few: `quorate-prover`'s [`Source`]
//! says which. A tile is 8 kB, of which one hash is wanted at a time; the last one that was read is kept.

use std::cell::RefCell;
use std::sync::{PoisonError, RwLock};

use quorate_crypto::{Certificate, Digest, Epoch, Height};
use quorate_genesis::Genesis;
use quorate_ledger::{
    Amount, BalanceItem, Header, HistoryOwner, LogEntry, Place, Prefix, PrefixPath, StateKey, StateReader,
    StateTree, TextItem, Transaction,
};
use quorate_prover::{EpochRow, HistoryRow, HistoryStep, Source, WaypointRow};

use crate::chain::read_tile;
use crate::families::{TILES, WAYPOINT_NODES, waypoint_node_key};
use crate::log::{self, LogRow};
use crate::snapshot::Codes;
use crate::tiles::TILE_BYTES;
use crate::{Snapshot, StorageError};

mod balances;

/// Where the state tree is.
///
/// It must still know how to prove at the snapshot's height: whoever forgets heights
/// ([`StateTree::forget_before`]) forgets those below it alone.
pub trait StatePaths {
    /// The way to what lies under a prefix in the state after a height; none if that is forgotten or yet to come.
    fn path_at(&self, height: Height, prefix: &Prefix) -> Option<PrefixPath>;

    /// How many leaves of a kind there are about now.
    fn leaves_of_kind(&self, kind: u8) -> usize;
}

impl StatePaths for StateTree {
    fn path_at(&self, height: Height, prefix: &Prefix) -> Option<PrefixPath> {
        self.prove_at(height, prefix)
    }

    fn leaves_of_kind(&self, kind: u8) -> usize {
        self.len_of_kind(kind)
    }
}

/// A tree that another thread updates.
impl StatePaths for RwLock<StateTree> {
    fn path_at(&self, height: Height, prefix: &Prefix) -> Option<PrefixPath> {
        let tree = self.read().unwrap_or_else(PoisonError::into_inner);
        tree.path_at(height, prefix)
    }

    fn leaves_of_kind(&self, kind: u8) -> usize {
        let tree = self.read().unwrap_or_else(PoisonError::into_inner);
        tree.leaves_of_kind(kind)
    }
}

/// A snapshot of the chain for a prover.
pub struct ProofSource<'a, T> {
    snapshot: &'a Snapshot,
    tree: &'a T,
    genesis: &'a Genesis,
    codes: RefCell<Codes>,
    tile: RefCell<Option<KeptTile>>,
}

/// A tile by its level and its index.
type KeptTile = ((u8, u64), [u8; TILE_BYTES]);

impl<'a, T: StatePaths> ProofSource<'a, T> {
    /// The chain as of `snapshot`. `tree` is that of its state or of a later one, `genesis` the network's document.
    pub fn new(snapshot: &'a Snapshot, tree: &'a T, genesis: &'a Genesis) -> Self {
        Self {
            snapshot,
            tree,
            genesis,
            codes: RefCell::default(),
            tile: RefCell::default(),
        }
    }

    fn read_tile(&self, level: u8, index: u64) -> Result<Option<[u8; TILE_BYTES]>, StorageError> {
        let place = (level, index);
        let mut kept = self.tile.borrow_mut();
        if let Some((known, tile)) = &*kept
            && *known == place
        {
            return Ok(Some(*tile));
        }
        let tile = read_tile(self.snapshot.view(), TILES, level, index)?;
        if let Some(tile) = tile {
            *kept = Some((place, tile));
        }
        Ok(tile)
    }
}

impl<T: StatePaths> Source for ProofSource<'_, T> {
    type Error = StorageError;

    fn network(&self) -> Digest {
        self.snapshot.tip().network
    }

    fn height(&self) -> Height {
        self.snapshot.height()
    }

    fn header(&self, height: Height) -> Result<Option<Header>, StorageError> {
        self.snapshot.header(height)
    }

    fn certificate(&self, height: Height) -> Result<Option<Certificate>, StorageError> {
        self.snapshot.certificate(height)
    }

    fn epoch(&self, epoch: Epoch) -> Result<Option<EpochRow>, StorageError> {
        let found = self.snapshot.epoch(epoch)?;
        Ok(found.map(|(first, committee)| EpochRow { first, committee }))
    }

    fn ordinal_of(&self, id: &Digest) -> Result<Option<u64>, StorageError> {
        self.snapshot.ordinal_of(id)
    }

    fn height_of(&self, ordinal: u64) -> Result<Option<Height>, StorageError> {
        if ordinal >= self.snapshot.transaction_count() {
            return Ok(None);
        }
        log::height_of(self.snapshot.view(), ordinal)
    }

    fn entries(&self, height: Height, ordinals: &[u64]) -> Result<Vec<LogEntry>, StorageError> {
        match LogRow::read(self.snapshot.view(), height)? {
            Some(row) => self.snapshot.entries_in(&row, ordinals),
            None => Ok(Vec::new()),
        }
    }

    fn log_node(&self, level: u8, index: u64) -> Result<Option<Digest>, StorageError> {
        let read = |level: u8, index: u64| self.read_tile(level, index);
        let node = self.snapshot.lists().log.node(level, index, read);
        node.map_err(|error| StorageError::of_tiles(self.snapshot.view().database().path(), error))
    }

    fn transactions(&self, height: Height, positions: &[u32]) -> Result<Vec<Transaction>, StorageError> {
        self.snapshot.transactions_by_position(height, positions)
    }

    fn text(&self, id: &Digest, place: &Place) -> Result<Option<TextItem>, StorageError> {
        self.snapshot.text(id, place)
    }

    fn state_path(&self, head: Height, prefix: &Prefix) -> Result<Option<PrefixPath>, StorageError> {
        if head != self.height() {
            return Ok(None);
        }
        Ok(self.tree.path_at(head, prefix))
    }

    fn leaves_of_kind(&self, kind: u8) -> Result<usize, StorageError> {
        Ok(self.tree.leaves_of_kind(kind))
    }

    fn state_value(&self, head: Height, key: &StateKey) -> Result<Option<Vec<u8>>, StorageError> {
        if head != self.height() {
            return Ok(None);
        }
        self.snapshot.value(key)
    }

    fn genesis_balances(&self, owner: &HistoryOwner) -> Result<Vec<BalanceItem>, StorageError> {
        Ok(genesis_balances(self.genesis, owner))
    }

    fn newest_step(&self, head: Height, owner: &HistoryOwner) -> Result<Option<Height>, StorageError> {
        let leaf = self.snapshot.own_leaf(owner)?;
        let newest = leaf.map(|leaf| leaf.newest);
        Ok(newest.filter(|newest| *newest > Height::GENESIS && head == self.height()))
    }

    fn history_row(&self, owner: &HistoryOwner, height: Height) -> Result<Option<HistoryRow>, StorageError> {
        let Some(row) = self.snapshot.owner_row(owner, height)? else {
            return Ok(None);
        };
        let mut codes = self.codes.borrow_mut();
        let mut steps = Vec::with_capacity(row.steps.len());
        for step in &row.steps {
            steps.push(HistoryStep {
                ordinal: step.ordinal,
                changes: self.snapshot.changes_of(step, &mut codes)?,
            });
        }
        Ok(Some(HistoryRow {
            first: row.first,
            before: row.before,
            steps,
        }))
    }

    fn waypoint(&self, owner: &HistoryOwner, number: u64) -> Result<Option<WaypointRow>, StorageError> {
        let record = self.snapshot.waypoint(owner, number)?;
        Ok(record.map(|record| WaypointRow {
            hash: record.hash,
            height: record.height,
        }))
    }

    fn waypoint_balances(
        &self,
        owner: &HistoryOwner,
        number: u64,
    ) -> Result<Option<Vec<BalanceItem>>, StorageError> {
        balances::at_waypoint(self, owner, number)
    }

    fn waypoint_node(
        &self,
        owner: &HistoryOwner,
        level: u8,
        index: u64,
    ) -> Result<Option<Digest>, StorageError> {
        let key = waypoint_node_key(owner, level, index);
        self.snapshot.decoded(WAYPOINT_NODES, &key)
    }
}

/// What a genesis document gives an owner, ascending by code; of an asset its supply as free. None is empty.
fn genesis_balances(genesis: &Genesis, owner: &HistoryOwner) -> Vec<BalanceItem> {
    let item = |asset, free| BalanceItem {
        asset,
        free,
        held: Amount(0),
    };
    let assets = &genesis.draft().v1().assets;
    let mut items: Vec<BalanceItem> = match owner {
        HistoryOwner::Account(address) => {
            let all = assets
                .iter()
                .flat_map(|asset| asset.balances.iter().map(|balance| (asset.code, *balance)));
            let own = all.filter(|(_, balance)| balance.address == *address);
            own.map(|(code, balance)| item(code, balance.amount)).collect()
        }
        HistoryOwner::Asset(code) => {
            let own = assets.iter().filter(|asset| asset.code == *code);
            // A supply that is too large was refused with the draft.
            own.filter_map(|asset| Some(item(asset.code, asset.supply()?)))
                .collect()
        }
    };
    items.retain(|item| item.free > Amount(0));
    items.sort_unstable_by_key(|item| item.asset);
    items
}
