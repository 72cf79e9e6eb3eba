//! Erased texts are gone: out of reach with the block that erases them, and out of the database's files and logs with
//! a purge. The files are searched for them, byte by byte.

use std::fs;
use std::path::Path;

use quorate_ledger::{BatchTexts, Digest, Height, Keep, Operation, Place, TextItem};
use quorate_storage::Chain;
use rocksdb::{DB, Options};

use crate::chain::{Fixture, open};
use crate::files::crash_image;
use crate::network::{Made, Network, erase, transfer};

/// Texts that compression leaves as they are: nothing in them stands twice.
const ERASED: &str = "q7Zk2mXw9LpTr4Vb8Ns1";
const ERASED_NOTE: &str = "H5uYc3Gd6JfKa0Ee!RiO";
const KEPT: &str = "w2Bq9Dz4Fx7Cn1Mh6Ls3";

const FIELD: Place = Place::Operation { index: 0, field: 0 };

/// Whether these bytes stand in a file of the folder, or of a folder in it.
fn is_in_files(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_in_files(&path, bytes);
        }
        // One that RocksDB has deleted meanwhile has nothing in it.
        let content = fs::read(&path).unwrap_or_default();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

/// What must be gone of erased texts: themselves, halves of them, and their salts.
fn needles(made: &Made) -> Vec<Vec<u8>> {
    let mut needles = Vec::new();
    for item in &made.1 {
        let text = item.shown().unwrap();
        let (front, back) = text.text.split_at(text.text.len() / 2);
        needles.extend([
            text.text.clone(),
            front.to_vec(),
            back.to_vec(),
            text.salt.to_vec(),
        ]);
    }
    needles
}

fn found(fixture: &Fixture, needles: &[Vec<u8>]) -> usize {
    let folder = fixture.folder.path();
    needles.iter().filter(|bytes| is_in_files(folder, bytes)).count()
}

/// A transaction whose texts are erased, and one whose text stays.
fn made(network: &mut Network) -> (Made, Made) {
    let to = network.address(1);
    let texts = [(Place::Memo, ERASED), (FIELD, ERASED_NOTE)];
    let erased = network.transaction_with(0, vec![transfer(to, "QRT", 1)], &texts);
    let kept = network.transaction_with(0, vec![transfer(to, "QRT", 1)], &[(Place::Memo, KEPT)]);
    (erased, kept)
}

/// Makes and writes a block that erases both texts of a transaction.
fn erase_all(fixture: &mut Fixture, made: &Made) {
    let erasing = erase(&made.0, &[Place::Memo, FIELD]);
    let transaction = fixture.network.transaction(0, vec![erasing]);
    fixture.commit(vec![transaction]);
}

/// Some blocks that have nothing to do with it.
fn go_on(fixture: &mut Fixture, blocks: usize) {
    for _ in 0..blocks {
        fixture.pay(0, 1);
    }
}

fn withheld(made: &Made) -> Vec<Option<TextItem>> {
    let items = made.1.iter();
    items
        .map(|item| Some(TextItem::Withheld { leaf: item.leaf() }))
        .collect()
}

#[test]
fn an_erased_text_is_out_of_reach_at_once_and_out_of_the_files_after_a_purge() {
    let mut fixture = Fixture::new(3);
    let (erased, kept) = made(&mut fixture.network);
    let (needles, id) = (needles(&erased), erased.0.id());
    let copy = fixture.network.copy(&[erased.clone(), kept.clone()]);
    let digest = copy.0.digest();
    fixture.order(&[copy]);
    go_on(&mut fixture, 3);
    fixture.chain.sync().unwrap();
    assert_eq!(
        found(&fixture, &needles),
        needles.len(),
        "it is searched for as it stands there"
    );
    // In table files, too, of each level.
    fixture.chain.settle().unwrap();
    assert_eq!(found(&fixture, &needles), needles.len());

    assert!(fixture.chain.purge_erased().unwrap(), "nothing is erased yet");
    let before = fixture.snapshot();
    erase_all(&mut fixture, &erased);
    assert_eq!(fixture.chain.statistics().unwrap().unpurged, 1);
    let snapshot = fixture.snapshot();
    assert_eq!(snapshot.texts_of(&id, &erased.0).unwrap(), withheld(&erased));
    let texts = snapshot.batch_texts(&digest).unwrap().unwrap();
    let shown: Vec<bool> = texts.items().iter().map(|item| item.shown().is_some()).collect();
    assert_eq!(shown, [false, false, true]);
    drop(snapshot);

    // Whoever reads as of an earlier height still sees it, so it is still there.
    assert!(before.text(&id, &Place::Memo).unwrap().unwrap().shown().is_some());
    assert!(!fixture.chain.purge_erased().unwrap());
    assert!(found(&fixture, &needles) > 0);
    drop(before);

    go_on(&mut fixture, 2);
    purge(&fixture.chain);
    assert_eq!(found(&fixture, &needles), 0);
    assert_eq!(fixture.chain.statistics().unwrap().unpurged, 0);
    let kept_text = kept.1[0].shown().unwrap();
    assert!(is_in_files(fixture.folder.path(), &kept_text.text));

    let mut fixture = fixture.reopen();
    assert_eq!(fixture.chain.statistics().unwrap().unpurged, 0);
    assert_eq!(found(&fixture, &needles), 0);
    let snapshot = fixture.snapshot();
    assert_eq!(snapshot.texts_of(&id, &erased.0).unwrap(), withheld(&erased));
    let stays = snapshot.text(&kept.0.id(), &Place::Memo).unwrap();
    assert_eq!(stays.as_ref(), Some(&kept.1[0]));
    drop(snapshot);

    // Nothing brings it back: neither a copy in a new batch nor texts that somebody kept.
    let again = fixture.network.copy(std::slice::from_ref(&erased));
    let (batch, texts) = (again.0.clone(), again.1.clone().unwrap());
    fixture.chain.write_copies(std::slice::from_ref(&again)).unwrap();
    assert!(fixture.chain.write_texts(&batch.digest(), &texts).unwrap());
    let items = [erased.1.clone(), kept.1.clone()].concat();
    assert!(
        fixture
            .chain
            .write_texts(&digest, &BatchTexts::new(items))
            .unwrap()
    );
    fixture.order(&[again]);
    fixture.chain.sync().unwrap();
    assert_eq!(found(&fixture, &needles), 0);
}

#[test]
fn a_crash_before_the_purge_forgets_nothing() {
    let mut fixture = Fixture::new(3);
    let (erased, kept) = made(&mut fixture.network);
    let needles = needles(&erased);
    let copy = fixture.network.copy(&[erased.clone(), kept]);
    fixture.order(&[copy]);
    erase_all(&mut fixture, &erased);
    fixture.chain.sync().unwrap();
    let image = crash_image(fixture.folder.path());
    let is_there = |needles: &[Vec<u8>]| needles.iter().any(|bytes| is_in_files(image.path(), bytes));
    assert!(is_there(&needles));
    for is_purged in [false, true] {
        let chain = open(image.path(), fixture.network.id()).unwrap();
        assert_eq!(chain.statistics().unwrap().unpurged, u64::from(!is_purged));
        purge(&chain);
        assert!(!is_there(&needles));
    }
}

#[test]
fn an_erased_text_of_a_batch_that_was_never_ordered_is_purged_too() {
    let mut fixture = Fixture::new(3);
    let (erased, kept) = made(&mut fixture.network);
    let (first, second) = (needles(&erased), needles(&kept));
    // Two batches have it: one is left by an epoch's end, the other still waits.
    let copies = [
        fixture.network.copy(&[erased.clone(), kept.clone()]),
        fixture.network.copy(std::slice::from_ref(&erased)),
    ];
    fixture.chain.write_copies(&copies).unwrap();
    fixture.chain.settle().unwrap();
    fixture.chain.remove_unordered(&[copies[0].0.digest()]).unwrap();
    assert_eq!(found(&fixture, &first), first.len());
    erase_all(&mut fixture, &erased);
    purge(&fixture.chain);
    assert_eq!(found(&fixture, &first), 0);
    assert_eq!(
        found(&fixture, &second),
        0,
        "it went with its batch, and is out as well"
    );
    let texts = fixture.chain.batch_texts(&copies[1].0.digest()).unwrap().unwrap();
    let items: Vec<_> = texts.items().iter().cloned().map(Some).collect();
    assert_eq!(items, withheld(&erased));
}

/// Purges as the node does: again while files are still being deleted, which takes long on a busy disk.
fn purge(chain: &Chain) {
    let purged = (0..12).any(|_| chain.purge_erased().unwrap());
    assert!(purged, "what was erased is out of the files within a minute");
}

#[test]
fn many_erasures_are_purged_at_once() {
    let mut fixture = Fixture::new(2);
    let to = fixture.network.address(1);
    let mut needles = Vec::new();
    for block in 0..3 {
        let made: Vec<Made> = (0..120)
            .map(|number| {
                let text = format!(
                    "{:032x}",
                    u128::from(block * 1_000 + number + 1_u32) * 0x9e37_79b9_7f4a_7c15
                );
                needles.push(text.clone().into_bytes());
                let operations = vec![transfer(to, "QRT", 1)];
                fixture
                    .network
                    .transaction_with(0, operations, &[(Place::Memo, text.as_str())])
            })
            .collect();
        let copy = fixture.network.copy(&made);
        fixture.order(&[copy]);
        let erasing: Vec<_> = made.iter().map(|made| erase(&made.0, &[Place::Memo])).collect();
        let transactions = erasing
            .into_iter()
            .map(|erasing| fixture.network.transaction(0, vec![erasing]))
            .collect();
        fixture.commit(transactions);
    }
    assert_eq!(fixture.chain.statistics().unwrap().unpurged, 360);
    purge(&fixture.chain);
    assert_eq!(fixture.chain.statistics().unwrap().unpurged, 0);
    assert_eq!(found(&fixture, &needles), 0);
    assert_eq!(fixture.snapshot().height(), Height(6));
}

#[test]
fn blocks_are_written_while_texts_are_purged() {
    let mut fixture = Fixture::new(3);
    let (erased, kept) = made(&mut fixture.network);
    let needles = needles(&erased);
    let copy = fixture.network.copy(&[erased.clone(), kept]);
    fixture.order(&[copy]);
    erase_all(&mut fixture, &erased);
    let Fixture {
        mut network,
        chain,
        folder,
    } = fixture;
    std::thread::scope(|scope| {
        let purging = scope.spawn(|| while !chain.purge_erased().unwrap() {});
        for _ in 0..20 {
            let payment = network.payment(0, 1);
            let batch = network.batch(vec![payment]);
            chain.write_batches(std::slice::from_ref(&batch)).unwrap();
            let (execution, certificate) = network.execute(&chain.reader(), &[batch]);
            chain.write_block(&execution, &certificate).unwrap();
        }
        purging.join().unwrap();
    });
    assert_eq!(chain.tip(), network.tip);
    for bytes in &needles {
        assert!(!is_in_files(folder.path(), bytes));
    }
    assert_eq!(chain.load_state_tree().unwrap().root(), network.tree.root());
}

#[test]
fn texts_are_in_no_blob_files() {
    let mut fixture = Fixture::new(2);
    let record = Operation::PutRecord {
        sha256: Digest([5; 32]),
        keep: Keep::Log,
    };
    // Longer than what goes to blob files elsewhere.
    let (metadata, text) = (Place::Operation { index: 0, field: 1 }, "a".repeat(1_000));
    let made = fixture
        .network
        .transaction_with(0, vec![record], &[(metadata, text.as_str())]);
    let payments = (0..4).map(|_| (fixture.network.payment(0, 1), Vec::new()));
    let all: Vec<Made> = std::iter::once(made).chain(payments).collect();
    let copy = fixture.network.copy(&all);
    fixture.chain.write_copies(std::slice::from_ref(&copy)).unwrap();
    fixture.chain.settle().unwrap();
    fixture.order(&[copy]);
    fixture.chain.settle().unwrap();
    drop(fixture.chain);
    let names = DB::list_cf(&Options::default(), fixture.folder.path()).unwrap();
    let db = DB::open_cf(&Options::default(), fixture.folder.path(), names).unwrap();
    for (family, has_blobs) in [("texts", false), ("batch_texts", false), ("batches", true)] {
        let family = db.cf_handle(family).unwrap();
        let files = db
            .property_int_value_cf(family, "rocksdb.num-blob-files")
            .unwrap();
        assert_eq!(files.map(|files| files > 0), Some(has_blobs));
    }
}
