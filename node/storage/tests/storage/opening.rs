//! What opening a chain refuses, and in which words; what a crash at any byte leaves.

use std::fs;
use std::path::Path;

use quorate_ledger::{Digest, Height};
use quorate_storage::{Chain, FORMAT_VERSION, StorageError};
use rocksdb::{DB, Options};

use crate::chain::{Fixture, open, options};
use crate::files::{crash_image, cut, flip, last_log};
use crate::network::{NETWORK, Network};

/// Changes a closed chain database behind its back.
fn tamper(path: &Path, change: impl FnOnce(&DB)) {
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
    let (folder, _) = closed_chain();
    let other = Digest([8; 32]);
    let error = Chain::open(folder.path(), other, &options()).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, StorageError::WrongNetwork { .. }), "{said}");
    assert!(
        said.contains(&NETWORK.to_string()) && said.contains(&other.to_string()),
        "{said}"
    );
}

#[test]
fn a_second_opening_is_refused() {
    let fixture = Fixture::new(2);
    let error = open(fixture.folder.path()).unwrap_err();
    assert!(matches!(error, StorageError::Locked { .. }), "{error}");
}

#[test]
fn an_empty_folder_holds_no_chain_and_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path()).unwrap_err();
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
    assert_eq!(open(folder.path()).unwrap().tip(), network.tip);
}

#[test]
fn an_older_or_newer_format_is_refused() {
    for format in [FORMAT_VERSION - 1, FORMAT_VERSION + 1] {
        let (folder, _) = closed_chain();
        tamper(folder.path(), |db| {
            db.put_cf(db.cf_handle("meta").unwrap(), "format", format.to_be_bytes())
                .unwrap();
        });
        let error = open(folder.path()).unwrap_err();
        assert!(
            matches!(&error, StorageError::UnknownFormat { found, .. } if *found == format.to_string()),
            "{error}"
        );
    }
}

#[test]
fn a_column_family_of_a_newer_format_is_refused() {
    let (folder, _) = closed_chain();
    let names = DB::list_cf(&Options::default(), folder.path()).unwrap();
    let mut db = DB::open_cf(&Options::default(), folder.path(), names).unwrap();
    db.create_cf("later", &Options::default()).unwrap();
    drop(db);
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, StorageError::UnknownFormat { .. }), "{error}");
}

#[test]
fn a_state_that_does_not_have_the_tips_root_is_reported() {
    let (folder, network) = closed_chain();
    let key = quorate_ledger::StateKey::account(&network.address(0));
    tamper(folder.path(), |db| {
        let state = db.cf_handle("state").unwrap();
        let mut value = db.get_cf(state, key.as_bytes()).unwrap().unwrap();
        *value.last_mut().unwrap() ^= 1;
        db.put_cf(state, key.as_bytes(), value).unwrap();
    });
    let error = open(folder.path()).unwrap().load_state_tree().unwrap_err();
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
        let (folder, _) = closed_chain();
        tamper(folder.path(), |db| {
            db.delete_cf(db.cf_handle(family).unwrap(), 1_u64.to_be_bytes())
                .unwrap();
        });
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(error, StorageError::Corrupted { .. }), "{error}");
    }
}

#[test]
fn a_block_above_the_tip_is_reported() {
    let (folder, _) = closed_chain();
    tamper(folder.path(), |db| {
        db.put_cf(db.cf_handle("blocks").unwrap(), 2_u64.to_be_bytes(), [0])
            .unwrap();
    });
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, StorageError::Corrupted { .. }), "{error}");
}

#[test]
fn pitfall_26_a_crash_at_any_byte_leaves_a_whole_block_or_none_of_it() {
    let mut fixture = Fixture::new(4);
    let mut roots = vec![fixture.network.tree.root()];
    for account in 1..4 {
        fixture.pay(0, account);
        roots.push(fixture.network.tree.root());
    }
    let length = fs::metadata(last_log(fixture.folder.path())).unwrap().len();
    let mut heights = std::collections::BTreeSet::new();
    let mut cuts: Vec<u64> = (1..40).chain((40..length).step_by(97)).collect();
    // The genesis is the first record and was flushed: losing it is not a crash.
    cuts.retain(|bytes| *bytes < length / 2);
    for bytes in cuts {
        let image = crash_image(fixture.folder.path());
        cut(&last_log(image.path()), bytes);
        let chain = open(image.path()).unwrap();
        let height = chain.tip().height;
        let expected = roots[usize::try_from(height.0).unwrap()];
        assert_eq!(
            chain.load_state_tree().unwrap().root(),
            expected,
            "{bytes} bytes cut off"
        );
        let snapshot = chain.snapshot().unwrap();
        assert_eq!(snapshot.blocks(None, 10).unwrap().len() as u64, height.0);
        assert_eq!(snapshot.transaction_count(), height.0);
        for height in 1..=height.0 {
            snapshot.certified_block(Height(height)).unwrap().unwrap();
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
    assert_eq!(open(image.path()).unwrap().tip(), fixture.network.tip);
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
    let error = open(image.path()).unwrap_err();
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
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, StorageError::NotInitialised { .. }), "{error}");
    let network = Network::new(2);
    Chain::create(folder.path(), &network.genesis, &network.tip, &options()).unwrap();
}
