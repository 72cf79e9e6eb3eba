//! What opening a chain refuses, and in which words; what a crash at any byte leaves.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use quorate_ledger::{BatchTexts, CheckedBatch, Digest, Height, Keep, Operation, Place, StateKey};
use quorate_storage::{Chain, FORMAT_VERSION, StorageError};
use rocksdb::{DB, Options};

use crate::chain::{Fixture, open, options};
use crate::files::{crash_image, cut, flip, last_log};
use crate::network::{Network, create, erase, mint, transfer};

/// Changes a closed chain database behind its back.
pub(crate) fn tamper(path: &Path, change: impl FnOnce(&DB)) {
    let names = DB::list_cf(&Options::default(), path).unwrap();
    let db = DB::open_cf(&Options::default(), path, names).unwrap();
    change(&db);
}

fn closed_chain() -> (tempfile::TempDir, Network) {
    let mut fixture = Fixture::new(2);
    fixture.pay(0, 1);
    let Fixture { network, folder, .. } = fixture;
    (folder, network)
}

#[test]
fn another_networks_chain_is_refused_by_both_names() {
    let (folder, network) = closed_chain();
    let other = Digest([8; 32]);
    let error = Chain::open(folder.path(), other, &options()).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, StorageError::WrongNetwork { .. }), "{said}");
    assert!(
        said.contains(&network.id().to_string()) && said.contains(&other.to_string()),
        "{said}"
    );
}

#[test]
fn a_second_opening_is_refused() {
    let fixture = Fixture::new(2);
    let error = open(fixture.folder.path(), fixture.network.id()).unwrap_err();
    assert!(matches!(error, StorageError::Locked { .. }), "{error}");
}

#[test]
fn an_empty_folder_holds_no_chain_and_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path(), Digest([7; 32])).unwrap_err();
    assert!(matches!(error, StorageError::NotInitialised { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_chain_is_not_begun_twice() {
    let (folder, network) = closed_chain();
    let genesis = Network::new(2);
    let error = Chain::create(folder.path(), &genesis.genesis, &genesis.tip, &options()).unwrap_err();
    assert!(
        matches!(error, StorageError::AlreadyInitialised { .. }),
        "{error}"
    );
    assert_eq!(open(folder.path(), network.id()).unwrap().tip(), network.tip);
}

#[test]
fn an_older_or_newer_format_is_refused() {
    assert_eq!(FORMAT_VERSION, 4);
    for format in [FORMAT_VERSION - 1, FORMAT_VERSION + 1] {
        let (folder, network) = closed_chain();
        tamper(folder.path(), |db| {
            db.put_cf(db.cf_handle("meta").unwrap(), "format", format.to_be_bytes())
                .unwrap();
        });
        let error = open(folder.path(), network.id()).unwrap_err();
        assert!(
            matches!(&error, StorageError::UnknownFormat { found, .. } if *found == format.to_string()),
            "{error}"
        );
    }
}

#[test]
fn a_column_family_of_a_newer_format_is_refused() {
    let (folder, network) = closed_chain();
    let names = DB::list_cf(&Options::default(), folder.path()).unwrap();
    let mut db = DB::open_cf(&Options::default(), folder.path(), names).unwrap();
    db.create_cf("later", &Options::default()).unwrap();
    drop(db);
    let error = open(folder.path(), network.id()).unwrap_err();
    assert!(matches!(error, StorageError::UnknownFormat { .. }), "{error}");
}

#[test]
fn a_state_that_does_not_have_the_tips_root_is_reported() {
    let (folder, network) = closed_chain();
    let key = StateKey::account(&network.address(0));
    tamper(folder.path(), |db| {
        let state = db.cf_handle("state").unwrap();
        let mut row = db.get_cf(state, key.as_bytes()).unwrap().unwrap();
        // The address, which the value begins with after its version.
        row[1] ^= 1;
        db.put_cf(state, key.as_bytes(), row).unwrap();
    });
    let error = open(folder.path(), network.id())
        .unwrap()
        .load_state_tree()
        .unwrap_err();
    assert!(
        matches!(
            error,
            StorageError::StateMismatch {
                height: Height(1),
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_tip_without_its_block_or_certificate_is_reported() {
    for family in ["blocks", "certificates"] {
        let (folder, network) = closed_chain();
        tamper(folder.path(), |db| {
            db.delete_cf(db.cf_handle(family).unwrap(), 1_u64.to_be_bytes())
                .unwrap();
        });
        let error = open(folder.path(), network.id()).unwrap_err();
        assert!(matches!(error, StorageError::Corrupted { .. }), "{error}");
    }
}

#[test]
fn a_block_above_the_tip_is_reported() {
    let (folder, network) = closed_chain();
    tamper(folder.path(), |db| {
        db.put_cf(db.cf_handle("blocks").unwrap(), 2_u64.to_be_bytes(), [0])
            .unwrap();
    });
    let error = open(folder.path(), network.id()).unwrap_err();
    assert!(matches!(error, StorageError::Corrupted { .. }), "{error}");
}

#[test]
fn a_log_that_does_not_have_the_tips_root_is_reported() {
    // One leaf is in a tile of the log, the other is not yet.
    for (payments, family, key) in [
        (3, "log", 1_u64.to_be_bytes().to_vec()),
        (300, "tiles", vec![0; 9]),
        (3, "ordinals", 0_u64.to_be_bytes().to_vec()),
    ] {
        let mut fixture = Fixture::new(2);
        fixture.pay_all(&vec![(0, 1); payments]);
        let Fixture {
            network,
            chain,
            folder,
        } = fixture;
        drop(chain);
        open(folder.path(), network.id()).unwrap();
        tamper(folder.path(), |db| {
            let family = db.cf_handle(family).unwrap();
            let mut value = db.get_cf(family, &key).unwrap().unwrap();
            let middle = value.len() / 2;
            value[middle] ^= 1;
            db.put_cf(family, &key, value).unwrap();
        });
        let error = open(folder.path(), network.id()).unwrap_err();
        assert!(
            matches!(error, StorageError::Corrupted { .. }),
            "{family}: {error}"
        );
    }
}

/// What the tests of crashes see of a chain at a height.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    state: Digest,
    leaves: u64,
    records: usize,
    assets: usize,
    holders: usize,
    histories: Vec<usize>,
    /// The texts of the first block's transaction: there, erased, or not there.
    text: Option<bool>,
}

fn look(chain: &Chain, network: &Network, id: &Digest) -> Seen {
    let snapshot = chain.snapshot().unwrap();
    let text = snapshot.text(id, &Place::Memo).unwrap();
    let histories = (0..3).map(|account| {
        let address = network.address(account);
        snapshot.history(&address, None, 100).unwrap().len()
    });
    Seen {
        state: chain.load_state_tree().unwrap().root(),
        leaves: snapshot.transaction_count(),
        records: snapshot.records(&Digest([5; 32]), None, 100).unwrap().len(),
        assets: snapshot.assets(None, 100).unwrap().len(),
        holders: snapshot
            .holders(&crate::network::code("EUR"), None, 100)
            .unwrap()
            .len(),
        histories: histories.collect(),
        text: text.map(|item| item.shown().is_some()),
    }
}

#[test]
fn pitfall_26_a_crash_at_any_byte_leaves_a_whole_block_or_none_of_it() {
    let mut fixture = Fixture::new(3);
    let to = fixture.network.address(1);
    let paid = vec![transfer(to, "QRT", 1)];
    let first = fixture
        .network
        .transaction_with(0, paid, &[(Place::Memo, "a text that is erased")]);
    let id = first.0.id();
    let record = Operation::PutRecord {
        sha256: Digest([5; 32]),
        keep: Keep::Own,
    };
    let made = vec![create("EUR"), mint(to, "EUR", 5), record];
    let erased = vec![erase(&first.0, &[Place::Memo])];
    let mut seen = vec![look(&fixture.chain, &fixture.network, &id)];
    let mut copies: Vec<(CheckedBatch, Option<BatchTexts>)> =
        vec![fixture.network.copy(std::slice::from_ref(&first))];
    for operations in [made, erased] {
        let transaction = fixture.network.transaction(0, operations);
        copies.push(fixture.network.copy(&[(transaction, Vec::new())]));
    }
    for copy in copies {
        fixture.order(&[copy]);
        seen.push(look(&fixture.chain, &fixture.network, &id));
    }
    assert_eq!(
        seen.iter().map(|seen| seen.text).collect::<Vec<_>>(),
        [None, Some(true), Some(true), Some(false)]
    );
    let length = fs::metadata(last_log(fixture.folder.path())).unwrap().len();
    let mut heights = BTreeSet::new();
    let mut cuts: Vec<u64> = (1..40).chain((40..length).step_by(97)).collect();
    // The genesis is the first record and was flushed: losing it is not a crash.
    cuts.retain(|bytes| *bytes < length / 2);
    for bytes in cuts {
        let image = crash_image(fixture.folder.path());
        cut(&last_log(image.path()), bytes);
        let chain = open(image.path(), fixture.network.id()).unwrap();
        let height = chain.tip().height;
        let found = look(&chain, &fixture.network, &id);
        let expected = &seen[usize::try_from(height.0).unwrap()];
        assert_eq!(found, *expected, "{bytes} bytes cut off");
        let snapshot = chain.snapshot().unwrap();
        assert_eq!(snapshot.blocks(None, 10).unwrap().len() as u64, height.0);
        for height in 1..=height.0 {
            snapshot.certified_block(Height(height)).unwrap().unwrap();
            assert_eq!(snapshot.missing_texts(Height(height)).unwrap(), []);
        }
        heights.insert(height.0);
    }
    assert!(heights.len() > 1 && !heights.contains(&3), "{heights:?}");
}

#[test]
fn what_was_synced_survives_a_crash() {
    let mut fixture = Fixture::new(2);
    fixture.pay(0, 1);
    assert_eq!(fixture.chain.sync().unwrap(), Height(1));
    let image = crash_image(fixture.folder.path());
    let chain = open(image.path(), fixture.network.id()).unwrap();
    assert_eq!(chain.tip(), fixture.network.tip);
}

#[test]
fn damage_in_the_middle_of_the_log_is_reported() {
    let mut fixture = Fixture::new(2);
    for _ in 0..20 {
        fixture.pay(0, 1);
    }
    let image = crash_image(fixture.folder.path());
    let log = last_log(image.path());
    flip(
        &log,
        usize::try_from(fs::metadata(&log).unwrap().len()).unwrap() / 2,
    );
    let error = open(image.path(), fixture.network.id()).unwrap_err();
    assert!(matches!(error, StorageError::Corrupted { .. }), "{error}");
}

#[test]
fn a_creation_that_was_interrupted_is_taken_up_again() {
    let folder = tempfile::tempdir().unwrap();
    {
        let mut options = Options::default();
        options.create_if_missing(true);
        DB::open(&options, folder.path()).unwrap();
    }
    let network = Network::new(2);
    let error = open(folder.path(), network.id()).unwrap_err();
    assert!(matches!(error, StorageError::NotInitialised { .. }), "{error}");
    Chain::create(folder.path(), &network.genesis, &network.tip, &options()).unwrap();
}
