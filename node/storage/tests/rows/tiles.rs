//! Tiles of long lists, against the lists' trees.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Range;

use proptest::prelude::*;
use quorate_crypto::Digest;
use quorate_crypto::merkle::{Frontier, leaf_hash, make_path, node_hash, path_root, root_of_hashes};
use quorate_storage::tiles::{TILE_BYTES, TileError, Tiles};

/// Lengths at which tiles of the two lowest levels are about to be complete.
const LENGTHS: [u64; 13] = [0, 1, 2, 254, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537];

fn leaves(count: u64) -> Vec<Digest> {
    (0..count)
        .map(|number| leaf_hash(&number.to_le_bytes()))
        .collect()
}

/// Every complete subtree's root, by level, made from the leaves upwards.
fn table(leaves: &[Digest]) -> Vec<Vec<Digest>> {
    let mut levels = vec![leaves.to_vec()];
    while let Some(below) = levels.last().filter(|below| below.len() > 1) {
        let pairs = below.chunks_exact(2);
        let above: Vec<Digest> = pairs.map(|pair| node_hash(&pair[0], &pair[1])).collect();
        levels.push(above);
    }
    levels
}

/// Tiles as they were written.
#[derive(Clone, Default)]
struct Disk(BTreeMap<(u8, u64), [u8; TILE_BYTES]>);

impl Disk {
    fn write(&mut self, rows: Vec<(u8, u64, [u8; TILE_BYTES])>) {
        for (level, index, bytes) in rows {
            let before = self.0.insert((level, index), bytes);
            assert_eq!(before, None, "tile {index} of level {level} is written once");
        }
    }

    fn read(&self, level: u8, index: u64) -> Result<Option<[u8; TILE_BYTES]>, Infallible> {
        Ok(self.0.get(&(level, index)).copied())
    }

    fn load(&self, leaves: &[Digest]) -> Result<Tiles, TileError<Infallible>> {
        let rest = |places: Range<u64>| Ok(leaves[place(places.start)..place(places.end)].to_vec());
        Tiles::load(leaves.len() as u64, |level, index| self.read(level, index), rest)
    }

    /// The root of a complete subtree, if the list has it.
    fn node(&self, tiles: &Tiles, level: u8, index: u64) -> Option<Digest> {
        tiles
            .node(level, index, |level, index| self.read(level, index))
            .unwrap()
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

/// A list that grows in blocks of these lengths, as it is after each.
fn grown(leaves: &[Digest], blocks: impl IntoIterator<Item = usize>) -> impl Iterator<Item = (Tiles, Disk)> {
    let (mut tiles, mut disk, mut rest) = (Tiles::new(), Disk::default(), leaves);
    blocks.into_iter().map(move |length| {
        let (block, later) = rest.split_at(length);
        rest = later;
        disk.write(tiles.append(block));
        (tiles.clone(), disk.clone())
    })
}

/// What is asked for of a level with so many hashes: all, or those around borders of tiles; and some behind.
fn asked(count: u64) -> Vec<u64> {
    let mut asked: Vec<u64> = if count <= 520 {
        (0..count).collect()
    } else {
        let borders = [0, 256, 512, count / 2, count - count % 256, count];
        let around = borders.map(|border| border.saturating_sub(3)..(border + 3).min(count));
        around.into_iter().flatten().collect()
    };
    asked.extend([count, count + 1, count + 256, u64::MAX]);
    asked
}

fn check(tiles: &Tiles, disk: &Disk, leaves: &[Digest]) {
    let length = leaves.len() as u64;
    assert_eq!(tiles.length(), length);
    let mut frontier = Frontier::new();
    leaves.iter().for_each(|leaf| frontier.push_hash(*leaf));
    assert_eq!(tiles.frontier(), frontier);
    assert_eq!(disk.load(leaves).as_ref(), Ok(tiles));
    let table = table(leaves);
    // On disk are the complete tiles, and nothing else.
    assert_eq!(disk.0.len() as u64, length / 256 + length / 65_536);
    for (&(level, index), bytes) in &disk.0 {
        let start = place(index * 256);
        let hashes = &table[usize::from(level) * 8][start..start + 256];
        let expected: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        assert!(bytes.as_slice() == expected, "tile {index} of level {level}");
    }
    for level in 0..64 {
        let hashes = table.get(usize::from(level)).map_or(&[][..], Vec::as_slice);
        for index in asked(hashes.len() as u64) {
            let expected = usize::try_from(index).ok().and_then(|index| hashes.get(index));
            let found = disk.node(tiles, level, index);
            assert_eq!(
                found.as_ref(),
                expected,
                "hash {index} of level {level} of {length}"
            );
        }
    }
    for index in [
        0,
        length / 3,
        length.saturating_sub(257),
        length.saturating_sub(1),
    ] {
        let mut node = |level, index| Ok::<_, Infallible>(disk.node(tiles, level, index).unwrap());
        let path = make_path(length, index, &mut node).unwrap();
        if let Some(leaf) = leaves.get(place(index)) {
            assert_eq!(path_root(*leaf, index, length, &path), Some(frontier.root()));
        }
    }
}

#[test]
fn hashes_are_found_at_lengths_around_complete_tiles() {
    let leaves = leaves(65_537);
    let blocks = LENGTHS.iter().scan(0, |before, length| {
        let block = length - *before;
        *before = *length;
        Some(place(block))
    });
    for ((tiles, disk), length) in grown(&leaves, blocks).zip(LENGTHS) {
        check(&tiles, &disk, &leaves[..place(length)]);
    }
}

#[test]
fn a_tile_is_256_hashes_one_after_the_other() {
    let leaves = leaves(65_536);
    let mut tiles = Tiles::new();
    assert!(tiles.append(&leaves[..255]).is_empty());
    let first = tiles.append([leaves[255]]);
    let bytes: Vec<u8> = leaves[..256].iter().flat_map(|leaf| leaf.0).collect();
    let [(0, 0, tile)] = first.as_slice() else {
        panic!("{} tiles", first.len());
    };
    assert!(tile.as_slice() == bytes);
    let rows = tiles.append(&leaves[256..]);
    let keys: Vec<(u8, u64)> = rows.iter().map(|(level, index, _)| (*level, *index)).collect();
    let expected: Vec<(u8, u64)> = (1..256).map(|index| (0, index)).chain([(1, 0)]).collect();
    assert_eq!(keys, expected);
    // The tile above has the roots of those below.
    let (.., above) = rows.last().unwrap();
    assert_eq!(above[..32], root_of_hashes(&leaves[..256]).0);
    assert_eq!(above[255 * 32..], root_of_hashes(&leaves[255 * 256..]).0);
}

#[test]
fn a_snapshot_reads_on_while_the_list_grows() {
    let leaves = leaves(66_000);
    let blocks = [300, 65_000, 700];
    let states: Vec<(Tiles, Disk)> = grown(&leaves, blocks).collect();
    let [(tiles, disk), .., (newest, newest_disk)] = states.as_slice() else {
        panic!("{} states", states.len());
    };
    for level in 0..10 {
        for index in 0..=300_u64 >> level {
            let found = disk.node(tiles, level, index);
            assert_eq!(found.is_some(), index < 300_u64 >> level);
            assert_eq!(newest_disk.node(tiles, level, index), found);
            if found.is_some() {
                assert_eq!(newest_disk.node(newest, level, index), found);
            }
        }
    }
    // What is newer than the tiles that are read has other hashes in memory, so it is no snapshot.
    let mixed = newest.node(0, 299, |level, index| disk.read(level, index));
    assert_eq!(mixed, Err(TileError::Missing { level: 0, index: 1 }));
}

/// A list far longer than any that a test can make, of whose tiles each has one hash 256 times.
struct Long {
    length: u64,
    asked: RefCell<Vec<(u8, u64)>>,
}

impl Long {
    fn hash(level: u8, index: u64) -> Digest {
        leaf_hash(&[&[level][..], &index.to_le_bytes()].concat())
    }

    fn read(&self, level: u8, index: u64) -> Result<Option<[u8; TILE_BYTES]>, Infallible> {
        self.asked.borrow_mut().push((level, index));
        let bytes = Self::hash(level, index).0.repeat(256);
        Ok(Some(bytes.try_into().unwrap()))
    }

    fn root(level: u8, index: u64) -> Digest {
        root_of_hashes(&[Self::hash(level, index); 256])
    }

    fn load(&self) -> Tiles {
        let rest = |places: Range<u64>| {
            assert_eq!(places.end, self.length);
            Ok(places.map(|index| Self::hash(0xff, index)).collect())
        };
        Tiles::load(self.length, |level, index| self.read(level, index), rest).unwrap()
    }
}

#[test]
fn a_list_of_any_length_is_loaded_from_255_tiles_a_level_at_most() {
    let length: u64 = 0x0001_0203_00ff_0506;
    let list = Long {
        length,
        asked: RefCell::default(),
    };
    let tiles = list.load();
    let mut expected = Vec::new();
    // The digits of the length to the base 256, but for the lowest.
    for (below, digit) in (0_u8..).zip([0x05, 0xff, 0x00, 0x03, 0x02, 0x01]) {
        let hashes = length >> (8 * (below + 1));
        expected.extend((hashes - digit..hashes).map(|index| (below, index)));
    }
    assert_eq!(list.asked.take(), expected);
    assert_eq!(tiles.frontier().length(), length);
    assert_eq!(tiles.frontier().subtrees().len(), length.count_ones() as usize);
    let node = |level, index| {
        tiles
            .node(level, index, |level, index| list.read(level, index))
            .unwrap()
    };
    // In memory: the last leaf, and last hashes of levels of tiles, which are roots of tiles below.
    assert_eq!(node(0, length - 1), Some(Long::hash(0xff, length - 1)));
    for (level, below) in [(8, 0), (16, 1), (32, 3), (40, 4), (48, 5)] {
        let last = (length >> level) - 1;
        assert_eq!(node(level, last), Some(Long::root(below, last)));
    }
    assert!(list.asked.take().is_empty());
    // On disk: one tile each.
    let half = root_of_hashes(&[Long::hash(2, 7); 128]);
    assert_eq!(node(16 + 7, 15), Some(half));
    assert_eq!(node(40, 255), Some(Long::hash(5, 0)));
    assert_eq!(node(40, 256), Some(Long::root(4, 256)));
    assert_eq!(list.asked.take(), [(2, 7), (5, 0)]);
    assert_eq!(node(48, 1), None);
    assert_eq!(node(49, 0), None);
}

#[test]
fn the_longest_list_is_read_and_a_longer_one_refused() {
    let list = Long {
        length: Frontier::MAX_LENGTH,
        asked: RefCell::default(),
    };
    let tiles = list.load();
    assert_eq!(list.asked.take().len(), 6 * 255 + 127);
    assert_eq!(tiles.frontier().subtrees().len(), 63);
    let node = |level, index| {
        tiles
            .node(level, index, |level, index| list.read(level, index))
            .unwrap()
    };
    assert!(node(62, 0).is_some());
    assert_eq!(node(62, 1), None);
    assert_eq!(node(63, 0), None);
    assert_eq!(node(255, 0), None);
    let length = Frontier::MAX_LENGTH + 1;
    let refused = Tiles::load(length, |_, _| Ok::<_, Infallible>(None), |_| Ok(Vec::new()));
    assert_eq!(refused, Err(TileError::TooLong { length }));
}

#[test]
#[should_panic(expected = "nobody appends 2^63 leaves")]
fn nothing_is_appended_to_the_longest_list() {
    let list = Long {
        length: Frontier::MAX_LENGTH,
        asked: RefCell::default(),
    };
    list.load().append([Digest::ZERO]);
}

#[test]
fn what_is_missing_is_said() {
    let leaves = leaves(600);
    let (tiles, mut disk) = grown(&leaves, [600]).last().unwrap();
    disk.0.remove(&(0, 1));
    let missing = TileError::Missing { level: 0, index: 1 };
    assert_eq!(disk.load(&leaves), Err(missing.clone()));
    let read = |level, index| disk.read(level, index);
    assert_eq!(tiles.node(3, 32, read), Err(missing));
    assert!(tiles.node(8, 1, read).unwrap().is_some());
    for got in [87, 89] {
        let loaded = Tiles::load(600, read, |places| {
            assert_eq!(places, 512..600);
            Ok(vec![Digest::ZERO; got])
        });
        assert_eq!(loaded, Err(TileError::Rest { expected: 88, got }));
    }
    let failed = |_, _| Err("no disk");
    assert_eq!(tiles.node(3, 32, failed), Err(TileError::Read("no disk")));
    assert_eq!(
        Tiles::load(600, failed, |_| Ok(Vec::new())),
        Err(TileError::Rest { expected: 88, got: 0 })
    );
    let loaded = Tiles::load(600, failed, |places| Ok(leaves[place(places.start)..].to_vec()));
    assert_eq!(loaded.unwrap_err().to_string(), "tiles cannot be read: no disk");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn lists_that_grow_by_blocks_of_any_length(blocks in prop::collection::vec(0_usize..700, 0..6)) {
        let leaves = leaves(blocks.iter().sum::<usize>() as u64);
        let mut length = 0;
        for ((tiles, disk), block) in grown(&leaves, blocks.clone()).zip(blocks) {
            length += block;
            check(&tiles, &disk, &leaves[..length]);
        }
    }
}

#[test]
fn any_part_of_a_tile_that_the_list_has_is_given_and_no_more() {
    let leaves = leaves(66_000);
    let table = table(&leaves);
    let (tiles, disk) = grown(&leaves, [leaves.len()]).next().unwrap();
    let part = |level: u8, index: u64, width: usize| {
        let read = |level, index| disk.read(level, index);
        tiles.tile(level, index, width, read).unwrap()
    };
    for level in 0..3_u8 {
        let hashes = &table[usize::from(level) * 8];
        let tile_count = hashes.len() / 256;
        for index in [0, 1, tile_count.saturating_sub(1), tile_count, tile_count + 1] {
            let own = hashes.get(index * 256..).unwrap_or_default();
            for width in [0, 1, 2, own.len(), own.len() + 1, 255, 256, 257] {
                let expected = own.get(..width).filter(|_| (1..=256).contains(&width));
                let expected: Option<Vec<u8>> =
                    expected.map(|hashes| hashes.iter().flat_map(|hash| hash.0).collect());
                let found = part(level, index as u64, width);
                assert!(found == expected, "{width} of tile {index} of level {level}");
            }
        }
    }
    assert_eq!(part(3, 0, 1), None);
    assert_eq!(part(63, u64::MAX, 1), None);
    assert_eq!(part(u8::MAX, 0, 1), None);
}
