//! Tiles and bundles of entries as static files (C2SP tlog-tiles, tiles of height 8): their paths, where a hash of the
//! tree stands in them, and what a bundle is made of.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::number::decimal;

/// Hashes of a complete tile, and entries of a complete bundle.
pub const TILE_WIDTH: u16 = 256;

/// Levels of the tree in a level of tiles.
const TILE_HEIGHT: u8 = 8;

/// The highest level of tiles that a path can name.
const LAST_LEVEL: u64 = 63;

/// Digits of a group in a path.
const GROUP: usize = 3;

/// What a static file of a log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileOf {
    /// Hashes of a level of tiles, 0 to 63; those of level 0 are the leaves'.
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

/// Where a static file of a log is, below the log's prefix: `tile/0/x001/x234/067.p/5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    /// What it has.
    pub of: TileOf,
    /// Its place among the files of its sort.
    pub index: u64,
    /// How many hashes or entries it has, 1 to [`TILE_WIDTH`]; fewer in a partial one.
    pub width: u16,
}

/// That a text is no path of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tile's path is tile/LEVEL/INDEX or tile/entries/INDEX; LEVEL is 0 to 63, INDEX in groups of three digits, all but \
     the last with an x before them, and behind a partial one stand .p/ and its width, 1 to 255"
)]
pub struct TilePathError;

/// Where in tiles the root of a complete subtree is found: it is the root over these hashes of one tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InTile {
    /// The level of tiles.
    pub level: u8,
    /// The tile's place in it.
    pub index: u64,
    /// The hashes.
    pub hashes: Range<usize>,
}

/// That bytes are no bundle of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// It ends within an entry.
    #[error("the bundle ends within entry {place}")]
    Torn {
        /// Which one, from 0.
        place: usize,
    },
    /// It has more or fewer entries than its path says.
    #[error("the bundle has {got} entries, not {expected}")]
    Count {
        /// By its path.
        expected: u16,
        /// As found; one more than a bundle can have stands for all above.
        got: usize,
    },
}

impl TilePath {
    /// The file with the hashes of a level from number `256 * index` on, of a log of `size` entries; none if the log has
    /// no such hash.
    pub fn of_log(size: u64, of: TileOf, index: u64) -> Option<Self> {
        let level = match of {
            TileOf::Hashes(level) => level,
            TileOf::Entries => 0,
        };
        let hashes = hashes_of_level(size, level);
        let first = index.checked_mul(TILE_WIDTH.into())?;
        let width = hashes.checked_sub(first)?.min(TILE_WIDTH.into());
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        Some(Self { of, index, width })
    }
}

impl InTile {
    /// Where the root of the complete subtree over the `2^level` leaves from number `number * 2^level` on is found.
    ///
    /// # Panics
    /// If the level is above 63: no subtree is so large.
    pub fn of_subtree(level: u8, number: u64) -> Self {
        assert!(level < 64, "a list has fewer than 2^64 leaves");
        let within = level % TILE_HEIGHT;
        let count = 1_u64 << within;
        let width = u64::from(TILE_WIDTH);
        // The subtree is over so many hashes of the level of tiles, all of one tile.
        let (index, place) = (number / (width / count), number % (width / count) * count);
        let start = usize::try_from(place).expect("a tile has 256 hashes");
        let count = usize::try_from(count).expect("a subtree within a tile has at most 128 hashes");
        Self {
            level: level / TILE_HEIGHT,
            index,
            hashes: start..start + count,
        }
    }
}

/// How many hashes a level of tiles has of a log of `size` entries: complete subtrees of 256 to the power of the level.
pub fn hashes_of_level(size: u64, level: u8) -> u64 {
    size.checked_shr(u32::from(TILE_HEIGHT) * u32::from(level))
        .unwrap_or(0)
}

impl FromStr for TilePath {
    type Err = TilePathError;

    fn from_str(text: &str) -> Result<Self, TilePathError> {
        let read = || {
            let (of, rest) = text.strip_prefix("tile/")?.split_once('/')?;
            let of = match of {
                "entries" => TileOf::Entries,
                level => {
                    let level = decimal(level).filter(|level| *level <= LAST_LEVEL)?;
                    TileOf::Hashes(u8::try_from(level).ok()?)
                }
            };
            let (index, width) = match rest.split_once(".p/") {
                None => (rest, TILE_WIDTH),
                Some((index, width)) => {
                    let width = decimal(width).and_then(|width| u16::try_from(width).ok())?;
                    (index, width)
                }
            };
            let is_partial = rest.len() > index.len();
            if is_partial && !(1..TILE_WIDTH).contains(&width) {
                return None;
            }
            let index = read_index(index)?;
            Some(Self { of, index, width })
        };
        read().ok_or(TilePathError)
    }
}

/// The number that groups of digits are; none unless they are the one text of it.
fn read_index(text: &str) -> Option<u64> {
    let mut number = 0_u64;
    let mut groups = text.split('/').peekable();
    let mut is_first = true;
    while let Some(group) = groups.next() {
        let digits = match groups.peek() {
            None => group,
            Some(_) => group.strip_prefix('x')?,
        };
        if digits.len() != GROUP || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // Else an index would have several paths.
        if is_first && digits == "000" && groups.peek().is_some() {
            return None;
        }
        is_first = false;
        number = number.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(number)
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            TileOf::Hashes(level) => write!(f, "tile/{level}/")?,
            TileOf::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = Vec::new();
        let mut rest = self.index;
        while rest >= 1_000 {
            groups.push(rest % 1_000);
            rest /= 1_000;
        }
        groups.push(rest);
        while let Some(group) = groups.pop() {
            match groups.is_empty() {
                true => write!(f, "{group:03}")?,
                false => write!(f, "x{group:03}/")?,
            }
        }
        match self.width < TILE_WIDTH {
            true => write!(f, ".p/{}", self.width),
            false => Ok(()),
        }
    }
}

/// Appends an entry to a bundle: its length as a big-endian u16, and its bytes.
///
/// # Panics
/// If the entry has 65,536 bytes or more; the log's have at most 4,224.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    let length = u16::try_from(entry.len()).expect("entries of the log are shorter");
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// The entries of a bundle that has so many.
///
/// # Errors
/// If it has not, or ends within one.
pub fn entries_in(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() && entries.len() <= usize::from(TILE_WIDTH) {
        let place = entries.len();
        let split = rest.split_first_chunk().and_then(|(length, rest)| {
            let length = usize::from(u16::from_be_bytes(*length));
            rest.split_at_checked(length)
        });
        let (entry, behind) = split.ok_or(BundleError::Torn { place })?;
        entries.push(entry);
        rest = behind;
    }
    match entries.len() == usize::from(width) {
        true => Ok(entries),
        false => Err(BundleError::Count {
            expected: width,
            got: entries.len(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_that_of_the_specification() {
        let path = |of, index, width| TilePath { of, index, width };
        for (text, expected) in [
            ("tile/0/000", path(TileOf::Hashes(0), 0, 256)),
            ("tile/63/999", path(TileOf::Hashes(63), 999, 256)),
            ("tile/0/x001/x234/067", path(TileOf::Hashes(0), 1_234_067, 256)),
            ("tile/1/x001/000.p/17", path(TileOf::Hashes(1), 1_000, 17)),
            ("tile/entries/273.p/112", path(TileOf::Entries, 273, 112)),
            (
                "tile/entries/x018/x446/x744/x073/x709/x551/615",
                path(TileOf::Entries, u64::MAX, 256),
            ),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
            assert_eq!(expected.to_string(), text);
        }
        for text in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile/64/000",
            "tile/00/000",
            "tile/-1/000",
            "tile/x/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/x000",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/0/x01/000",
            "tile/0/00a",
            "tile/0/000/",
            "tile/0/000.p",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/1/",
            "tile/entries/x018/x446/x744/x073/x709/x551/616",
            "tile/entries/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(text.parse::<TilePath>(), Err(TilePathError), "{text}");
        }
    }

    #[test]
    fn the_tiles_of_a_log_are_those_of_the_specification() {
        // Its example, of 70,000 entries.
        let width = |level, index| {
            let path = TilePath::of_log(70_000, TileOf::Hashes(level), index);
            path.map(|path| path.width)
        };
        assert_eq!([width(0, 0), width(0, 272)], [Some(256), Some(256)]);
        assert_eq!([width(0, 273), width(0, 274)], [Some(112), None]);
        assert_eq!(
            [width(1, 0), width(1, 1), width(1, 2)],
            [Some(256), Some(17), None]
        );
        assert_eq!([width(2, 0), width(2, 1), width(3, 0)], [Some(1), None, None]);
        assert_eq!(width(63, u64::MAX), None);
        let entries = TilePath::of_log(256, TileOf::Entries, 0).unwrap();
        assert_eq!(entries.to_string(), "tile/entries/000");
        assert_eq!(TilePath::of_log(256, TileOf::Hashes(1), 0).unwrap().width, 1);
        assert_eq!(TilePath::of_log(0, TileOf::Entries, 0), None);
    }

    #[test]
    fn a_subtree_is_found_in_one_tile() {
        let place = |level, index, hashes| InTile { level, index, hashes };
        for (level, number, expected) in [
            (0, 0, place(0, 0, 0..1)),
            (0, 257, place(0, 1, 1..2)),
            (7, 3, place(0, 1, 128..256)),
            (8, 3, place(1, 0, 3..4)),
            (9, 129, place(1, 1, 2..4)),
            (63, 0, place(7, 0, 0..128)),
            (0, u64::MAX, place(0, u64::MAX / 256, 255..256)),
        ] {
            assert_eq!(InTile::of_subtree(level, number), expected, "{level} {number}");
        }
    }

    #[test]
    fn a_bundle_has_each_entry_behind_its_length() {
        let mut bundle = Vec::new();
        for entry in [b"one".as_slice(), b"", b"three"] {
            push_entry(&mut bundle, entry);
        }
        assert_eq!(bundle, b"\x00\x03one\x00\x00\x00\x05three");
        assert_eq!(
            entries_in(&bundle, 3).unwrap(),
            [b"one".as_slice(), b"", b"three"]
        );
        for (width, got) in [(2, 3), (4, 3)] {
            let error = BundleError::Count { expected: width, got };
            assert_eq!(entries_in(&bundle, width), Err(error));
        }
        for length in 1..bundle.len() {
            let cut = entries_in(&bundle[..length], 3);
            assert!(cut.is_err(), "{length}");
        }
        assert_eq!(entries_in(&[0], 1), Err(BundleError::Torn { place: 0 }));
        // As many entries as any bytes can be are not looked at.
        let many = vec![0; 2_000];
        let error = BundleError::Count {
            expected: 256,
            got: 257,
        };
        assert_eq!(entries_in(&many, 256), Err(error));
    }
}
