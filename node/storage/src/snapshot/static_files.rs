//! The log as static files (`docs/checkpoints.md`, section 4): tiles, bundles of entries, and the root at an earlier
//! size.

use quorate_checkpoint::{TILE_WIDTH, push_entry};
use quorate_crypto::merkle::make_frontier;
use quorate_ledger::{Digest, encode};

use super::Snapshot;
use crate::StorageError;
use crate::chain::read_tile;
use crate::families::TILES;
use crate::log;

impl Snapshot {
    /// The bytes of the first `width` hashes of a tile of the log; none if the log does not have them all.
    pub fn log_tile(&self, level: u8, index: u64, width: u16) -> Result<Option<Vec<u8>>, StorageError> {
        let read = |level: u8, index: u64| read_tile(self.view(), TILES, level, index);
        let tile = self.lists().log.tile(level, index, usize::from(width), read);
        tile.map_err(|error| StorageError::of_tiles(self.view().database().path(), error))
    }

    /// The first `width` entries from number `256 * index` on, each behind its length; none if the log does not have
    /// them all.
    pub fn log_bundle(&self, index: u64, width: u16) -> Result<Option<Vec<u8>>, StorageError> {
        let first = index.checked_mul(u64::from(TILE_WIDTH));
        let entries = first.and_then(|first| Some(first..first.checked_add(u64::from(width))?));
        let entries = entries.filter(|entries| entries.end <= self.transaction_count());
        let Some(entries) = entries.filter(|_| (1..=TILE_WIDTH).contains(&width)) else {
            return Ok(None);
        };
        let mut bundle = Vec::new();
        log::read_entries(self.view(), entries, |entry| {
            push_entry(&mut bundle, &encode(&entry));
        })?;
        Ok(Some(bundle))
    }

    /// The log's root when it had `size` entries; none if it never had as many.
    pub fn log_root_at(&self, size: u64) -> Result<Option<Digest>, StorageError> {
        if size > self.transaction_count() {
            return Ok(None);
        }
        let read = |level: u8, index: u64| read_tile(self.view(), TILES, level, index);
        let frontier = make_frontier(size, &mut |level: u8, index: u64| {
            let node = self.lists().log.node(level, index, read);
            let node = node.map_err(|error| StorageError::of_tiles(self.view().database().path(), error))?;
            node.ok_or_else(|| self.damage(&format!("node {index} of level {level} of the log is missing")))
        })?;
        Ok(frontier.map(|frontier| frontier.root()))
    }
}
