//! The log as static files, over restarts: bundles have the entries whose hashes the tiles have, and the roots at earlier
//! sizes are those that headers had.

use quorate_checkpoint::{TileOf, TilePath, TileSet, entries_in, tiles_of_consistency};
use quorate_crypto::merkle::leaf_hash;
use quorate_ledger::Height;

use crate::chain::Fixture;

/// Transactions of the blocks: within a tile, over its border, a block without any.
const BLOCKS: [usize; 6] = [3, 250, 0, 7, 255, 30];

fn grown() -> Fixture {
    let mut fixture = Fixture::new(2);
    for count in BLOCKS {
        let payments: Vec<_> = (0..count).map(|_| fixture.network.payment(0, 1)).collect();
        match payments.is_empty() {
            true => {
                let (execution, certificate) = fixture.execute(&[]);
                fixture.chain.write_block(&execution, &certificate).unwrap();
            }
            false => {
                fixture.commit(payments);
            }
        }
    }
    fixture.reopen()
}

#[test]
fn a_bundle_has_the_entries_whose_hashes_the_tile_has() {
    let fixture = grown();
    let snapshot = fixture.snapshot();
    let size = snapshot.transaction_count();
    assert_eq!(size, BLOCKS.iter().sum::<usize>() as u64);
    for index in 0..=size / 256 {
        let path = TilePath::of_log(size, TileOf::Entries, index).unwrap();
        for width in [1, path.width / 2, path.width] {
            let bundle = snapshot.log_bundle(index, width).unwrap().unwrap();
            let entries = entries_in(&bundle, width).unwrap();
            let hashes: Vec<u8> = entries.iter().flat_map(|entry| leaf_hash(entry).0).collect();
            assert_eq!(snapshot.log_tile(0, index, width).unwrap(), Some(hashes));
        }
        if path.width < 256 {
            assert_eq!(snapshot.log_bundle(index, path.width + 1).unwrap(), None);
            assert_eq!(snapshot.log_tile(0, index, path.width + 1).unwrap(), None);
        }
    }
    for (index, width) in [(0, 0), (0, 257), (size / 256 + 1, 1), (u64::MAX, 256)] {
        assert_eq!(
            snapshot.log_bundle(index, width).unwrap(),
            None,
            "{index} {width}"
        );
    }
}

#[test]
fn earlier_roots_are_those_of_the_headers_and_tiles_prove_that_the_log_grew() {
    let fixture = grown();
    let snapshot = fixture.snapshot();
    let (size, root) = (snapshot.transaction_count(), snapshot.tip().log.root());
    for height in 1..=snapshot.height().0 {
        let header = snapshot.header(Height(height)).unwrap().unwrap();
        let (earlier, then) = (header.v1().log_size, header.v1().log_root);
        assert_eq!(snapshot.log_root_at(earlier).unwrap(), Some(then));
        let mut tiles = TileSet::new(size);
        for path in tiles_of_consistency(earlier, size) {
            let TileOf::Hashes(level) = path.of else {
                panic!("proofs are made from hashes");
            };
            let tile = snapshot.log_tile(level, path.index, path.width).unwrap();
            tiles.add(path, &tile.unwrap()).unwrap();
        }
        let proof = tiles.consistency(earlier).unwrap();
        proof.verify(&then, &root).unwrap();
    }
    assert_eq!(snapshot.log_root_at(size + 1).unwrap(), None);
}
