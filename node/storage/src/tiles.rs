//! Tiles: the hashes of a long list on disk, for the transaction log and for the list of header hashes
//! (`docs/formats.md`, sections 9 and 20; rule 13).
//!
//! As C2SP's tlog-tiles have it, with tiles of height 8: the tile `index` of a level has the 256 hashes from number
//! `256 * index` on of the tree's level `8 * level`; those of level 0 are the leaves' hashes. A tile is written once,
//! with the block that completes it. Hashes after the last complete tile of a level are held in memory, at most 255 a
//! level, and made again at start: leaves from the block rows, those of a level above from the complete tiles of the
//! level below. So each hash of a complete subtree is one look-up and at most 127 joins away, and a list of any length
//! costs 32.13 bytes a leaf.
//!
//! Deviation from tlog-tiles: no partial tile is written, as blocks' rows have the same hashes already.

use std::borrow::Borrow;
use std::ops::Range;

use quorate_checkpoint::{InTile, hashes_of_level};
use quorate_crypto::Digest;
use quorate_crypto::merkle::{Frontier, root_of_hashes};

/// Hashes of a tile.
pub const TILE_HASHES: usize = 256;

/// Bytes of a tile: its hashes, one after the other.
pub const TILE_BYTES: usize = TILE_HASHES * HASH_BYTES;

const HASH_BYTES: usize = 32;

/// Levels of tiles that a list can have.
const LEVELS: usize = 8;

/// Why hashes of a list could not be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError<E> {
    /// A read failed.
    #[error("tiles cannot be read: {0}")]
    Read(E),
    /// A tile that is complete is not there.
    #[error("tile {index} of level {level} is missing")]
    Missing {
        /// The tile's level.
        level: u8,
        /// Its place in the level.
        index: u64,
    },
    /// The leaves after the last complete tile are not as many as the list's length says.
    #[error("{got} hashes after the last complete tile were found, {expected} are expected")]
    Rest {
        /// By the length.
        expected: u64,
        /// As found.
        got: usize,
    },
    /// No list is so long.
    #[error("a list of {length} leaves is longer than any")]
    TooLong {
        /// The length.
        length: u64,
    },
}

/// A list's hashes: what is not yet in a complete tile. All else is read from the tiles.
///
/// It is of one height. A snapshot of the chain takes a clone of it, at most 64 KiB: a tile that is completed later is
/// not among what the snapshot reads, and its hashes are then no longer here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tiles {
    length: u64,
    /// For each level of tiles, from the leaves on: the hashes after its last complete tile, fewer than 256.
    tails: [Vec<Digest>; LEVELS],
}

impl Tiles {
    /// Those of the empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of a list of `length` leaves. `read(level, index)` gives a tile; it is asked for complete ones alone, at
    /// most 255 a level. `rest` gives the hashes of the leaves of this range, which are those after the last complete
    /// tile of level 0: at most 255.
    ///
    /// Whether these are the list's is for the caller to see: [`frontier`](Self::frontier) is then the tip's.
    ///
    /// # Errors
    /// If a read fails, or if something is missing.
    pub fn load<E>(
        length: u64,
        mut read: impl FnMut(u8, u64) -> Result<Option<[u8; TILE_BYTES]>, E>,
        rest: impl FnOnce(Range<u64>) -> Result<Vec<Digest>, E>,
    ) -> Result<Self, TileError<E>> {
        if length > Frontier::MAX_LENGTH {
            return Err(TileError::TooLong { length });
        }
        let leaves = length - length % 256..length;
        let expected = leaves.end - leaves.start;
        let leaves = rest(leaves).map_err(TileError::Read)?;
        if u64::try_from(leaves.len()) != Ok(expected) {
            let got = leaves.len();
            return Err(TileError::Rest { expected, got });
        }
        let mut tails: [Vec<Digest>; LEVELS] = Default::default();
        let [lowest, higher @ ..] = &mut tails;
        *lowest = leaves;
        for (below, tail) in (0_u8..).zip(higher) {
            // Each hash of a level is the root of a complete tile of the level below.
            let hashes = hashes_of_level(length, below + 1);
            for index in hashes - hashes % 256..hashes {
                let tile = read_tile(below, index, &mut read)?;
                tail.push(root_of_hashes(&hashes_of(&tile)));
            }
        }
        Ok(Self { length, tails })
    }

    /// How many leaves the list has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends leaves by their hashes. Gives the tiles that they complete, with level and index: rows to write with the
    /// block that the leaves are of.
    ///
    /// # Panics
    /// After 2^63 leaves that were appended one by one.
    pub fn append<L: Borrow<Digest>>(
        &mut self,
        leaves: impl IntoIterator<Item = L>,
    ) -> Vec<(u8, u64, [u8; TILE_BYTES])> {
        let mut completed = Vec::new();
        for leaf in leaves {
            let leaf: &Digest = leaf.borrow();
            self.push(*leaf, &mut completed);
        }
        completed
    }

    fn push(&mut self, leaf: Digest, completed: &mut Vec<(u8, u64, [u8; TILE_BYTES])>) {
        let length = self.length.checked_add(1);
        let length = length.filter(|length| *length <= Frontier::MAX_LENGTH);
        self.length = length.expect("nobody appends 2^63 leaves");
        let mut hash = leaf;
        for (level, tail) in (0_u8..).zip(&mut self.tails) {
            tail.push(hash);
            if tail.len() < TILE_HASHES {
                break;
            }
            // The tile's last hash is the level's last one, and the tile's root the next hash of the level above.
            let index = hashes_of_level(self.length, level) / 256 - 1;
            completed.push((level, index, bytes_of(tail)));
            hash = root_of_hashes(tail);
            tail.clear();
        }
    }

    /// The root of the complete subtree that has the 2^`level` leaves from number `index * 2^level` on; of level 0 the
    /// leaf's hash. None if the list does not have them all. `read(level, index)` gives a tile, and is asked for one
    /// complete tile or none.
    ///
    /// # Errors
    /// If the read fails, or if the tile is missing.
    pub fn node<E>(
        &self,
        level: u8,
        index: u64,
        read: impl FnMut(u8, u64) -> Result<Option<[u8; TILE_BYTES]>, E>,
    ) -> Result<Option<Digest>, TileError<E>> {
        if level >= 64 || index >= self.length >> level {
            return Ok(None);
        }
        let InTile {
            level: tile_level,
            index: tile,
            hashes: Range { start, end },
        } = InTile::of_subtree(level, index);
        if tile < hashes_of_level(self.length, tile_level) / 256 {
            let bytes = read_tile(tile_level, tile, read)?;
            let bytes = &bytes[start * HASH_BYTES..end * HASH_BYTES];
            return Ok(Some(root_of_hashes(&hashes_of(bytes))));
        }
        let tail = &self.tails[usize::from(tile_level)];
        Ok(tail.get(start..end).map(root_of_hashes))
    }

    /// The bytes of the first `width` hashes of a tile, as a static file of that width has them; none if the list does
    /// not have them all, or for a width that no tile has. `read(level, index)` gives a tile, and is asked for this one
    /// or none.
    ///
    /// # Errors
    /// If the read fails, or if the tile is missing.
    pub fn tile<E>(
        &self,
        level: u8,
        index: u64,
        width: usize,
        read: impl FnMut(u8, u64) -> Result<Option<[u8; TILE_BYTES]>, E>,
    ) -> Result<Option<Vec<u8>>, TileError<E>> {
        if !(1..=TILE_HASHES).contains(&width) {
            return Ok(None);
        }
        let complete = hashes_of_level(self.length, level) / 256;
        if index < complete {
            let bytes = read_tile(level, index, read)?;
            return Ok(bytes.get(..width * HASH_BYTES).map(<[u8]>::to_vec));
        }
        let tail = self.tails.get(usize::from(level)).filter(|_| index == complete);
        let hashes = tail.and_then(|tail| tail.get(..width));
        Ok(hashes.map(|hashes| hashes.iter().flat_map(|hash| hash.0).collect()))
    }

    /// The list's frontier, from what is in memory alone.
    pub fn frontier(&self) -> Frontier {
        let mut subtrees = Vec::new();
        // From the top: the number of hashes after a level's last complete tile has the bits of the length that the
        // level is for.
        for tail in self.tails.iter().rev() {
            let mut rest = tail.as_slice();
            while let Some(bit) = rest.len().checked_ilog2() {
                let (subtree, smaller) = rest.split_at(1 << bit);
                subtrees.push(root_of_hashes(subtree));
                rest = smaller;
            }
        }
        Frontier::from_parts(self.length, subtrees).expect("there is a subtree for each bit of the length")
    }
}

fn read_tile<E>(
    level: u8,
    index: u64,
    mut read: impl FnMut(u8, u64) -> Result<Option<[u8; TILE_BYTES]>, E>,
) -> Result<[u8; TILE_BYTES], TileError<E>> {
    let tile = read(level, index).map_err(TileError::Read)?;
    tile.ok_or(TileError::Missing { level, index })
}

/// The hashes that stand in a tile, or in a part of it.
fn hashes_of(bytes: &[u8]) -> Vec<Digest> {
    let (hashes, _) = bytes.as_chunks::<HASH_BYTES>();
    hashes.iter().map(|hash| Digest(*hash)).collect()
}

/// The bytes of a tile with these hashes.
fn bytes_of(hashes: &[Digest]) -> [u8; TILE_BYTES] {
    let mut bytes = [0_u8; TILE_BYTES];
    let (places, _) = bytes.as_chunks_mut::<HASH_BYTES>();
    for (place, hash) in places.iter_mut().zip(hashes) {
        *place = hash.0;
    }
    bytes
}
