//! Proofs made from tiles: which tiles a proof needs, and the proof from those that are at hand.
//!
//! Tiles come from whoever serves them and are not to be believed. A proof that is made from false ones leads to another
//! root, which its check finds.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use quorate_crypto::Digest;
use quorate_crypto::merkle::{
    ConsistencyProof, InclusionProof, make_consistency_path, make_frontier, make_path, root_of_hashes,
};

use crate::tile::{InTile, TileOf, TilePath};

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Tiles with hashes, of a log of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileSet {
    size: u64,
    /// By level and index.
    tiles: BTreeMap<(u8, u64), Vec<Digest>>,
}

/// Why tiles are no tiles, or too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileSetError {
    /// The bytes are not as many hashes as the path says, or the path is one of entries.
    #[error("{path} has {got} bytes: not the hashes that its path says")]
    Bytes {
        /// The tile.
        path: TilePath,
        /// Its bytes.
        got: usize,
    },
    /// A tile that is needed is not at hand.
    #[error("tile {index} of level {level} is not at hand")]
    Missing {
        /// Its level.
        level: u8,
        /// Its place in the level.
        index: u64,
    },
    /// The log is shorter than what was asked about.
    #[error("a log of {size} entries has no place or size {asked}")]
    TooShort {
        /// Its size.
        size: u64,
        /// What was asked about.
        asked: u64,
    },
}

/// The tiles from which it follows that the first `old` entries of a log of `new` entries are its beginning.
pub fn tiles_of_consistency(old: u64, new: u64) -> BTreeSet<TilePath> {
    let mut needed = BTreeSet::new();
    let Ok(_) = make_consistency_path(old, new, &mut |level: u8, number: u64| {
        note(&mut needed, new, level, number)
    });
    needed
}

/// The tiles from which it follows that an entry is at `index` of a log of `size` entries.
pub fn tiles_of_inclusion(size: u64, index: u64) -> BTreeSet<TilePath> {
    let mut needed = BTreeSet::new();
    let Ok(_) = make_path(size, index, &mut |level: u8, number: u64| {
        note(&mut needed, size, level, number)
    });
    needed
}

/// The tiles from which the root follows that a log of `size` entries had when there were `earlier`; none if it never had
/// as many.
pub fn tiles_of_root(earlier: u64, size: u64) -> BTreeSet<TilePath> {
    let mut needed = BTreeSet::new();
    if earlier <= size {
        let Ok(_) = make_frontier(earlier, &mut |level: u8, number: u64| {
            note(&mut needed, size, level, number)
        });
    }
    needed
}

/// Notes the tile in which a subtree of the log stands. What it is does not matter for that.
fn note(needed: &mut BTreeSet<TilePath>, size: u64, level: u8, number: u64) -> Result<Digest, Infallible> {
    let place = InTile::of_subtree(level, number);
    needed.extend(TilePath::of_log(size, TileOf::Hashes(place.level), place.index));
    Ok(Digest::ZERO)
}

impl TileSet {
    /// No tiles, of a log of this size.
    pub fn new(size: u64) -> Self {
        Self {
            size,
            tiles: BTreeMap::new(),
        }
    }

    /// How many entries the log has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a tile's bytes. Of a tile that is there already, the one that has more hashes stays.
    ///
    /// # Errors
    /// If they are not the hashes of such a tile.
    pub fn add(&mut self, path: TilePath, bytes: &[u8]) -> Result<(), TileSetError> {
        let got = bytes.len();
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        let TileOf::Hashes(level) = path.of else {
            return Err(TileSetError::Bytes { path, got });
        };
        if !rest.is_empty() || hashes.len() != usize::from(path.width) {
            return Err(TileSetError::Bytes { path, got });
        }
        let kept = self.tiles.entry((level, path.index)).or_default();
        if kept.len() < hashes.len() {
            *kept = hashes.iter().map(|hash| Digest(*hash)).collect();
        }
        Ok(())
    }

    /// The proof that the first `old` entries are the log's beginning.
    ///
    /// # Errors
    /// If a tile is missing, or the log is shorter.
    pub fn consistency(&self, old: u64) -> Result<ConsistencyProof, TileSetError> {
        self.check_length(old)?;
        let path = make_consistency_path(old, self.size, &mut |level: u8, number: u64| {
            self.node(level, number)
        })?;
        Ok(ConsistencyProof {
            old_length: old,
            new_length: self.size,
            path,
        })
    }

    /// The proof that what is at `index` is in the log.
    ///
    /// # Errors
    /// If a tile is missing, or the log is shorter.
    pub fn inclusion(&self, index: u64) -> Result<InclusionProof, TileSetError> {
        self.check_length(index.saturating_add(1))?;
        let path = make_path(self.size, index, &mut |level: u8, number: u64| {
            self.node(level, number)
        })?;
        Ok(InclusionProof {
            index,
            length: self.size,
            path,
        })
    }

    /// The root that the log had when there were `earlier` entries, as these tiles have it.
    ///
    /// # Errors
    /// If a tile is missing, or the log is shorter.
    pub fn root_at(&self, earlier: u64) -> Result<Digest, TileSetError> {
        self.check_length(earlier)?;
        let frontier = make_frontier(earlier, &mut |level: u8, number: u64| self.node(level, number))?;
        let too_short = TileSetError::TooShort {
            size: self.size,
            asked: earlier,
        };
        Ok(frontier.ok_or(too_short)?.root())
    }

    fn check_length(&self, asked: u64) -> Result<(), TileSetError> {
        let size = self.size;
        match asked <= size {
            true => Ok(()),
            false => Err(TileSetError::TooShort { size, asked }),
        }
    }

    fn node(&self, level: u8, number: u64) -> Result<Digest, TileSetError> {
        let InTile { level, index, hashes } = InTile::of_subtree(level, number);
        let tile = self.tiles.get(&(level, index));
        let hashes = tile.and_then(|tile| tile.get(hashes));
        hashes
            .map(root_of_hashes)
            .ok_or(TileSetError::Missing { level, index })
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::merkle::leaf_hash;

    use super::*;

    /// Leaves of a list of more than two complete tiles of level 0, and a whole one of level 1 is far away.
    fn leaves(count: u64) -> Vec<Digest> {
        (0..count)
            .map(|number| leaf_hash(&number.to_be_bytes()))
            .collect()
    }

    /// The bytes of a tile of a list, by tlog-tiles' own definition.
    fn tile(leaves: &[Digest], path: &TilePath) -> Vec<u8> {
        let TileOf::Hashes(level) = path.of else {
            panic!("a tile of hashes");
        };
        let span = 256_usize.pow(level.into());
        let first = usize::try_from(path.index).unwrap() * 256 * span;
        let all = (0..usize::from(path.width)).map(|place| first + place * span);
        let hashes = all.map(|start| root_of_hashes(&leaves[start..start + span]));
        hashes.flat_map(|hash| hash.0).collect()
    }

    /// The tiles that were asked for, of a list.
    fn set(leaves: &[Digest], needed: &BTreeSet<TilePath>) -> TileSet {
        let mut set = TileSet::new(leaves.len() as u64);
        for path in needed {
            set.add(*path, &tile(leaves, path)).unwrap();
        }
        set
    }

    #[test]
    fn proofs_follow_from_the_tiles_that_were_asked_for() {
        let all = leaves(700);
        for new in [1_u64, 2, 255, 256, 257, 511, 512, 513, 700] {
            let list = &all[..new as usize];
            let root = root_of_hashes(list);
            for old in [0, 1, 2, 3, 128, 255, 256, 257, 400, 512, 699, new] {
                if old > new {
                    continue;
                }
                let old_root = root_of_hashes(&list[..old as usize]);
                let proof = set(list, &tiles_of_consistency(old, new))
                    .consistency(old)
                    .unwrap();
                proof.verify(&old_root, &root).unwrap();
                let earlier = set(list, &tiles_of_root(old, new)).root_at(old).unwrap();
                assert_eq!(earlier, old_root, "{old} of {new}");
            }
            for index in [0, 1, 254, 255, 256, 511, 512, new - 1] {
                if index >= new {
                    continue;
                }
                let proof = set(list, &tiles_of_inclusion(new, index))
                    .inclusion(index)
                    .unwrap();
                proof.verify_hash(&root, list[index as usize]).unwrap();
            }
        }
    }

    #[test]
    fn few_tiles_are_needed_however_long_the_log_is() {
        let (old, new) = (1_000_000_007, 4_000_000_000_037);
        let needed = tiles_of_consistency(old, new);
        assert!(needed.len() <= 12, "{}", needed.len());
        // The rightmost ones are as wide as the log makes them.
        let last = TilePath::of_log(new, TileOf::Hashes(0), new / 256).unwrap();
        assert_eq!(u64::from(last.width), new % 256);
        assert!(needed.contains(&last));
        assert!(tiles_of_inclusion(new, 17).len() <= 12);
        assert!(tiles_of_root(new + 1, new).is_empty());
    }

    #[test]
    fn what_is_missing_or_no_tile_is_told() {
        let list = leaves(300);
        let mut set = set(&list, &BTreeSet::new());
        assert_eq!(
            set.consistency(1),
            Err(TileSetError::Missing { level: 0, index: 1 })
        );
        let asked = 301;
        let too_short = TileSetError::TooShort { size: 300, asked };
        assert_eq!(set.consistency(asked), Err(too_short));
        assert_eq!(set.inclusion(300), Err(too_short));
        assert_eq!(set.root_at(asked), Err(too_short));
        let path = TilePath::of_log(300, TileOf::Hashes(0), 1).unwrap();
        for bytes in [0, 32, path.width as usize * 32 - 1, path.width as usize * 32 + 32] {
            let error = TileSetError::Bytes { path, got: bytes };
            assert_eq!(set.add(path, &vec![0; bytes]), Err(error));
        }
        let entries = TilePath {
            of: TileOf::Entries,
            ..path
        };
        assert!(set.add(entries, &vec![0; path.width as usize * 32]).is_err());
    }

    #[test]
    fn a_false_tile_leads_to_another_root() {
        let list = leaves(300);
        let needed = tiles_of_consistency(100, 300);
        let mut false_set = TileSet::new(300);
        for path in &needed {
            let mut bytes = tile(&list, path);
            if let Some(byte) = bytes.first_mut() {
                *byte ^= 1;
            }
            false_set.add(*path, &bytes).unwrap();
        }
        let proof = false_set.consistency(100).unwrap();
        let roots = [100, 300].map(|length| root_of_hashes(&list[..length]));
        assert!(proof.verify(&roots[0], &roots[1]).is_err());
    }
}
