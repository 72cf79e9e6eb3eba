//! The two lists that headers commit to, of the log's leaves and of header hashes: their complete tiles are on
//! disk, what comes after these is held here.

use std::ops::Range;

use quorate_crypto::merkle::leaf_hash;
use quorate_ledger::{Digest, Height, Tip};

use crate::StorageError;
use crate::database::{DatabaseSnapshot, Family};
use crate::families::{CHAIN_TILES, TILES, tile_key};
use crate::log;
use crate::tiles::{TILE_BYTES, Tiles};

/// Both lists, as of one height.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    pub(crate) log: Tiles,
    /// The hash of the header at height 1 is its first leaf's data.
    pub(crate) chain: Tiles,
}

impl Lists {
    /// Makes them again from what is stored, and checks them against the tip.
    pub(crate) fn load(view: &DatabaseSnapshot, tip: &Tip) -> Result<Self, StorageError> {
        let lists = Self::of_length(view, tip.log.length(), tip.chain.length())?;
        if lists.log.frontier() != tip.log || lists.chain.frontier() != tip.chain {
            return Err(StorageError::corrupted(
                view.database().path(),
                format!(
                    "the hashes of the log or of headers are not those of the tip {}",
                    tip.height
                ),
            ));
        }
        Ok(lists)
    }

    /// Makes them again from what is stored, as they were after the block at a height.
    pub(crate) fn at(view: &DatabaseSnapshot, height: Height) -> Result<Self, StorageError> {
        Self::of_length(view, log::size_at(view, height)?, height.0)
    }

    fn of_length(view: &DatabaseSnapshot, leaves: u64, headers: u64) -> Result<Self, StorageError> {
        let log = Tiles::load(
            leaves,
            |level, index| read_tile(view, TILES, level, index),
            |ordinals| log_leaves(view, ordinals),
        );
        let chain = Tiles::load(
            headers,
            |level, index| read_tile(view, CHAIN_TILES, level, index),
            |places| header_leaves(view, places),
        );
        let of_tiles = |error| StorageError::of_tiles(view.database().path(), error);
        Ok(Self {
            log: log.map_err(of_tiles)?,
            chain: chain.map_err(of_tiles)?,
        })
    }
}

/// The data of a header's place in the list of header hashes is the hash; this is its leaf.
pub(crate) fn header_leaf(hash: &Digest) -> Digest {
    leaf_hash(hash.as_bytes())
}

/// A complete tile of a list.
pub(crate) fn read_tile(
    view: &DatabaseSnapshot,
    family: Family,
    level: u8,
    index: u64,
) -> Result<Option<[u8; TILE_BYTES]>, StorageError> {
    let Some(tile) = view.get(family, &tile_key(level, index))? else {
        return Ok(None);
    };
    let tile = tile.try_into().map_err(|tile: Vec<u8>| {
        let reason = format!("a tile of `{}` has {} bytes", family.name, tile.len());
        StorageError::corrupted(view.database().path(), reason)
    })?;
    Ok(Some(tile))
}

/// The hashes of the log's leaves with these ordinals.
fn log_leaves(view: &DatabaseSnapshot, ordinals: Range<u64>) -> Result<Vec<Digest>, StorageError> {
    let mut leaves = Vec::new();
    log::read_entries(view, ordinals, |entry| leaves.push(entry.leaf_hash()))?;
    Ok(leaves)
}

/// The leaves of the list of header hashes at these places; a header's place is its height less 1.
fn header_leaves(view: &DatabaseSnapshot, places: Range<u64>) -> Result<Vec<Digest>, StorageError> {
    let heights = places.map(|place| Height(place).next());
    heights
        .map(|height| {
            let header = log::header(view, height)?.ok_or_else(|| {
                StorageError::corrupted(view.database().path(), format!("block {height} is missing"))
            })?;
            Ok(header_leaf(&header.hash()))
        })
        .collect()
}
