//! The self-check of a chain that is whole, of one that changes meanwhile, and of damaged ones.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use quorate_ledger::{Digest, Height, Place, StateKey, StateReader as _};
use quorate_storage::{Damage, Position, SelfCheck, Step};
use rocksdb::DB;

use crate::chain::Fixture;
use crate::network::{Made, Network, create, erase, transfer};
use crate::opening::tamper;

/// A text that compression leaves as it is: nothing in it stands twice.
const TEXT: &str = "q7Zk2mXw9LpTr4Vb8Ns1";

fn begin(fixture: &Fixture, position: Position) -> SelfCheck {
    let document = &fixture.network.document;
    let parameters = document.draft().v1().parameters.clone();
    SelfCheck::at(position, document.time(), parameters)
}

fn step(check: &mut SelfCheck, fixture: &Fixture) -> Step {
    check.step(&fixture.chain, &fixture.network.tree)
}

/// Goes on to the end of a pass, and gives what it found and how many bytes it read.
fn finish(check: &mut SelfCheck, fixture: &Fixture) -> (Vec<Damage>, u64) {
    let (mut found, mut bytes) = (Vec::new(), 0);
    for _ in 0..10_000 {
        let step = step(check, fixture);
        bytes += step.bytes;
        found.extend(step.damage);
        if step.ended {
            return (found, bytes);
        }
    }
    panic!("the pass does not end, it is at {:?}", check.position());
}

/// What a whole pass finds.
fn pass(fixture: &Fixture) -> Vec<Damage> {
    finish(&mut begin(fixture, Position::Start), fixture).0
}

/// What a whole pass finds, which is at one place; gives what is said of it.
#[track_caller]
fn only(fixture: &Fixture, place: &str) -> String {
    let found = pass(fixture);
    let [damage] = found.as_slice() else {
        panic!("{place}: {found:#?}");
    };
    assert_eq!(damage.place, place, "{damage:?}");
    damage.reason.clone()
}

fn noted(network: &mut Network, text: &str) -> Made {
    let paid = vec![transfer(network.address(1), "QRT", 1)];
    network.transaction_with(0, paid, &[(Place::Memo, text)])
}

/// A chain with all that there can be on disk: several tiles, an asset, texts that are there, erased and missing, a
/// transaction that was skipped, and a batch that waits.
fn whole() -> Fixture {
    let mut fixture = Fixture::new(3);
    fixture.pay_all(&[(0, 1); 300]);
    let (kept, erased, missing) = (
        noted(&mut fixture.network, TEXT),
        noted(&mut fixture.network, "erased"),
        noted(&mut fixture.network, "missing"),
    );
    let copy = fixture.network.copy(&[kept.clone(), erased.clone()]);
    fixture.order(&[copy]);
    let (batch, _) = fixture.network.copy(&[missing, kept]);
    fixture.order(&[(batch, None)]);
    let made = fixture.network.transaction(1, vec![create("EUR")]);
    let erasing = fixture
        .network
        .transaction(0, vec![erase(&erased.0, &[Place::Memo])]);
    fixture.commit(vec![made, erasing]);
    for _ in 0..260 {
        fixture.pay(0, 1);
    }
    let waiting = noted(&mut fixture.network, "waiting");
    let waiting = fixture.network.copy(&[waiting]);
    fixture.chain.write_copies(&[waiting]).unwrap();
    fixture
}

#[test]
fn a_whole_chain_has_no_damage_wherever_a_pass_is_interrupted() {
    let fixture = whole();
    let mut check = begin(&fixture, Position::Start);
    let (found, bytes) = finish(&mut check, &fixture);
    assert_eq!(found, []);
    assert!(bytes > 100_000, "{bytes}");
    assert_eq!(*check.position(), Position::Start);
    // In tables it is the same, and so it is for whoever knows no more than the position.
    fixture.chain.settle().unwrap();
    let (mut position, mut steps) = (Position::Start, 0);
    loop {
        let mut check = begin(&fixture, position);
        let step = step(&mut check, &fixture);
        assert_eq!(step.damage, None, "step {steps}");
        (position, steps) = (check.position().clone(), steps + 1);
        if step.ended {
            break;
        }
    }
    assert!(steps > 264, "{steps}");
}

#[test]
fn the_genesis_alone_has_no_damage() {
    assert_eq!(pass(&Fixture::new(2)), []);
}

#[test]
fn blocks_written_and_texts_erased_during_a_pass_are_no_damage_and_a_purge_waits_for_none() {
    let mut fixture = Fixture::new(3);
    let made = noted(&mut fixture.network, TEXT);
    let copy = fixture.network.copy(std::slice::from_ref(&made));
    fixture.order(&[copy]);
    fixture.pay(0, 1);
    let mut check = begin(&fixture, Position::Start);
    step(&mut check, &fixture);
    let last = Height(2);
    assert_eq!(
        *check.position(),
        Position::Blocks {
            next: Height(1),
            last
        }
    );
    // The block with the text has yet to be looked at.
    let erasing = fixture
        .network
        .transaction(0, vec![erase(&made.0, &[Place::Memo])]);
    fixture.commit(vec![erasing]);
    assert!((0..12).any(|_| fixture.chain.purge_erased().unwrap()));
    let mut blocks = 0;
    let found = loop {
        blocks += usize::from(matches!(check.position(), Position::Blocks { .. }));
        let step = step(&mut check, &fixture);
        if step.ended || step.damage.is_some() {
            break step.damage;
        }
        fixture.pay(0, 1);
    };
    assert_eq!(found, None);
    assert_eq!(
        blocks, 3,
        "two blocks and the look that finds no third: later ones are for the next pass"
    );
    assert_eq!(pass(&fixture), []);
}

/// Turns a byte of a file around without making the file anew, in the middle of where these bytes stand.
fn flip(folder: &Path, extension: &str, bytes: &[u8]) -> String {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|found| found != extension) {
            continue;
        }
        let content = fs::read(&path).unwrap();
        let Some(at) = content.windows(bytes.len()).position(|window| window == bytes) else {
            continue;
        };
        let at = at + bytes.len() / 2;
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&[content[at] ^ 0x10], at as u64).unwrap();
        return path.file_name().unwrap().to_str().unwrap().to_owned();
    }
    panic!("no file *.{extension} has these bytes");
}

/// Where damage is found, and how the file to be damaged ends with bytes that stand in it.
type Case = (&'static str, fn(&Fixture) -> Bytes);

type Bytes = (&'static str, Vec<u8>);

#[test]
fn a_byte_turned_around_on_the_disk_of_a_running_chain_is_found_with_its_row_or_file() {
    // The batch and the row of the log are long enough for blob files, and so is the tile.
    let cases: [Case; 5] = [
        ("block 1", |fixture| {
            let block = fixture.snapshot().certified_block(Height(1)).unwrap().unwrap();
            ("blob", block.v1().batches[0].signature().0.to_vec())
        }),
        ("block 1", |fixture| {
            let leaf = fixture.snapshot().entry(200).unwrap().unwrap().leaf_hash();
            ("blob", leaf.0.to_vec())
        }),
        ("block 2", |_| ("sst", TEXT.as_bytes().to_vec())),
        ("the index `transactions`", |fixture| {
            let block = fixture.snapshot().certified_block(Height(1)).unwrap().unwrap();
            let id = block.v1().batches[0].batch().transactions[7].id();
            // Its first bytes may stand in the key before.
            ("sst", id.0[4..].to_vec())
        }),
        ("the state", |fixture| {
            let key = StateKey::account(&fixture.network.address(2));
            ("sst", fixture.snapshot().value(&key).unwrap().unwrap())
        }),
    ];
    for (place, of) in cases {
        let mut fixture = Fixture::new(3);
        fixture.pay_all(&[(0, 1); 300]);
        let made = noted(&mut fixture.network, TEXT);
        let copy = fixture.network.copy(&[made]);
        fixture.order(&[copy]);
        fixture.pay(0, 1);
        let (extension, bytes) = of(&fixture);
        fixture.chain.settle().unwrap();
        // Nothing of it is in a cache.
        let fixture = fixture.reopen();
        let file = flip(fixture.folder.path(), extension, &bytes);
        let said = only(&fixture, place);
        // Of blob files RocksDB does not say which.
        let named = if extension == "sst" {
            file.as_str()
        } else {
            "`tiles`: |batch "
        };
        let is_named = named.split('|').any(|named| said.contains(named));
        assert!(is_named, "{place}: {said} does not name {named}");
    }
}

/// Changes the last byte of a row behind the database's back.
fn alter(db: &DB, family: &str, key: &[u8]) {
    let family = db.cf_handle(family).unwrap();
    let mut row = db.get_cf(family, key).unwrap().unwrap();
    *row.last_mut().unwrap() ^= 1;
    db.put_cf(family, key, row).unwrap();
}

#[test]
fn a_row_that_was_altered_with_a_good_checksum_is_found_with_its_block() {
    let whole = || {
        let mut fixture = Fixture::new(3);
        // One tile exactly: a start looks at no row of the log before it.
        fixture.pay_all(&[(0, 1); 256]);
        let made = noted(&mut fixture.network, TEXT);
        let copy = fixture.network.copy(std::slice::from_ref(&made));
        fixture.order(&[copy]);
        fixture.pay(0, 1);
        (fixture, made.0.id())
    };
    let height = |height: u64| height.to_be_bytes().to_vec();
    let batch = |fixture: &Fixture| -> Digest {
        let block = fixture.snapshot().block(Height(2)).unwrap().unwrap();
        block.v1().proposal.batches()[0]
    };
    for (place, family) in [
        ("block 1", "blocks"),
        ("block 1", "certificates"),
        ("block 1", "log"),
        ("block 2", "batches"),
        ("block 2", "texts"),
    ] {
        let (fixture, id) = whole();
        assert_eq!(pass(&fixture), []);
        let key = match family {
            "batches" => batch(&fixture).0.to_vec(),
            "texts" => [id.0.as_slice(), &[0]].concat(),
            _ => height(1),
        };
        let Fixture {
            network,
            chain,
            folder,
        } = fixture;
        drop(chain);
        tamper(folder.path(), |db| alter(db, family, &key));
        let chain = crate::chain::open(folder.path(), network.id()).unwrap();
        let fixture = Fixture {
            network,
            chain,
            folder,
        };
        only(&fixture, place);
    }
}

#[test]
fn behind_a_damaged_block_the_chain_is_followed_again() {
    let mut fixture = Fixture::new(2);
    for _ in 0..520 {
        fixture.pay(0, 1);
    }
    let Fixture {
        network,
        chain,
        folder,
    } = fixture;
    drop(chain);
    // Neither is read at a start: what follows the tiles of headers is 513 and later.
    tamper(folder.path(), |db| {
        db.delete_cf(db.cf_handle("blocks").unwrap(), 100_u64.to_be_bytes())
            .unwrap();
        alter(db, "log", &400_u64.to_be_bytes());
    });
    let chain = crate::chain::open(folder.path(), network.id()).unwrap();
    let fixture = Fixture {
        network,
        chain,
        folder,
    };
    let found = pass(&fixture);
    let places: Vec<&str> = found.iter().map(|damage| damage.place.as_str()).collect();
    // Where the steps of block 101 begin in the log, block 100 alone says.
    assert_eq!(places, ["block 100", "block 101", "block 400"], "{found:?}");
}
