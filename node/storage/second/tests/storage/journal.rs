//! The journal across restarts, crashes and damage. A crash is a copy of the files of an open journal: what
//! the system has, without what closing would still do.

use std::fs;
use std::path::Path;

use quorate_ledger_second::Digest;
use quorate_storage_second::{Journal, StorageError, StorageOptions};

use crate::files::{crash_image, cut, flip, last_log};

const NETWORK: Digest = Digest([7; 32]);

fn open(path: &Path) -> Result<Journal, StorageError> {
    Journal::open(path, NETWORK, &StorageOptions::journal())
}

fn records(journal: &Journal) -> Vec<(u64, String)> {
    journal
        .replay()
        .map(|record| {
            let (sequence, bytes) = record.unwrap();
            (sequence, String::from_utf8(bytes).unwrap())
        })
        .collect()
}

fn numbered(range: std::ops::RangeInclusive<u64>) -> Vec<(u64, String)> {
    range
        .map(|sequence| (sequence, format!("record {sequence}")))
        .collect()
}

fn append(journal: &Journal, range: std::ops::RangeInclusive<u64>) {
    for (sequence, record) in numbered(range) {
        assert_eq!(journal.append(&[record]).unwrap(), sequence);
    }
}

#[test]
fn records_come_back_in_order_after_a_restart_and_numbering_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let journal = open(home.path()).unwrap();
    assert!(journal.is_new());
    assert_eq!(journal.append::<Vec<u8>>(&[]).unwrap(), 0);
    append(&journal, 1..=700);
    journal.sync().unwrap();
    drop(journal);

    let journal = open(home.path()).unwrap();
    assert!(!journal.is_new());
    assert_eq!(records(&journal), numbered(1..=700));
    append(&journal, 701..=702);
    assert_eq!(records(&journal), numbered(1..=702));
}

#[test]
fn a_crash_keeps_what_was_synced() {
    let home = tempfile::tempdir().unwrap();
    let journal = open(home.path()).unwrap();
    append(&journal, 1..=10);
    journal.sync().unwrap();
    let image = crash_image(home.path());
    assert_eq!(records(&open(image.path()).unwrap()), numbered(1..=10));
}

#[test]
fn pitfall_13_a_torn_tail_heals_itself() {
    let home = tempfile::tempdir().unwrap();
    let journal = open(home.path()).unwrap();
    append(&journal, 1..=10);
    journal.sync().unwrap();
    for torn in 1..30 {
        let image = crash_image(home.path());
        cut(&last_log(image.path()), torn);
        let journal = open(image.path()).unwrap();
        assert_eq!(records(&journal), numbered(1..=9), "{torn} bytes cut off");
        assert_eq!(journal.next_sequence(), 10);
        append(&journal, 10..=11);
        drop(journal);
        assert_eq!(records(&open(image.path()).unwrap()), numbered(1..=11));
    }
}

#[test]
fn pitfall_13_damage_in_the_middle_stops_the_start_and_says_where() {
    let home = tempfile::tempdir().unwrap();
    let journal = open(home.path()).unwrap();
    append(&journal, 1..=100);
    journal.sync().unwrap();
    let image = crash_image(home.path());
    let log = last_log(image.path());
    let middle = fs::metadata(&log).unwrap().len() as usize / 2;
    flip(&log, middle);
    let error = open(image.path()).unwrap_err();
    assert!(matches!(error, StorageError::Corrupted { .. }), "{error}");
    assert!(error.to_string().contains("is damaged"), "{error}");

    flip(&log, middle);
    assert_eq!(
        records(&open(image.path()).unwrap()),
        numbered(1..=100),
        "nothing was changed"
    );
}

#[test]
fn damage_in_a_table_file_is_reported_by_the_replay() {
    let home = tempfile::tempdir().unwrap();
    let journal = open(home.path()).unwrap();
    append(&journal, 1..=1000);
    drop(journal);
    // Opening moves the log into a table file.
    drop(open(home.path()).unwrap());
    let table = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap();
    flip(&table, 100);
    let failed = open(home.path()).and_then(|journal| journal.replay().collect::<Result<Vec<_>, _>>());
    assert!(
        matches!(failed, Err(StorageError::Corrupted { .. })),
        "{failed:?}"
    );
}

#[test]
fn a_lost_file_is_damage_and_not_a_new_journal() {
    let home = tempfile::tempdir().unwrap();
    drop(open(home.path()).unwrap());
    drop(open(home.path()).unwrap());
    fs::remove_file(home.path().join("CURRENT")).unwrap();
    let error = open(home.path()).unwrap_err();
    assert!(matches!(error, StorageError::Corrupted { .. }), "{error}");
}

#[test]
fn pruned_records_stay_away_and_their_numbers_are_not_given_again() {
    let home = tempfile::tempdir().unwrap();
    let journal = open(home.path()).unwrap();
    append(&journal, 1..=10);
    journal.prune_before(6).unwrap();
    journal.prune_before(6).unwrap();
    assert_eq!(records(&journal), numbered(6..=10));
    journal.remove(&[7, 9, 99]).unwrap();
    let left: Vec<u64> = records(&journal)
        .into_iter()
        .map(|(sequence, _)| sequence)
        .collect();
    assert_eq!(left, [6, 8, 10]);
    journal.prune_before(1_000).unwrap();
    assert_eq!(records(&journal), []);
    drop(journal);

    let journal = open(home.path()).unwrap();
    assert_eq!(journal.next_sequence(), 11);
    append(&journal, 11..=11);
    assert_eq!(records(&journal), numbered(11..=11));
}

#[test]
fn a_replay_sees_the_journal_as_it_was_when_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let journal = open(home.path()).unwrap();
    append(&journal, 1..=300);
    let replay = journal.replay();
    append(&journal, 301..=400);
    journal.prune_before(200).unwrap();
    assert_eq!(replay.count(), 300);
}

#[test]
fn another_networks_journal_is_refused_by_both_names() {
    let home = tempfile::tempdir().unwrap();
    drop(open(home.path()).unwrap());
    let other = Digest([8; 32]);
    let error = Journal::open(home.path(), other, &StorageOptions::journal()).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, StorageError::WrongNetwork { .. }), "{said}");
    assert!(
        said.contains(&NETWORK.to_string()) && said.contains(&other.to_string()),
        "{said}"
    );
}

#[test]
fn a_second_opening_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let _held = open(home.path()).unwrap();
    let error = open(home.path()).unwrap_err();
    assert!(matches!(error, StorageError::Locked { .. }), "{error}");
}

#[test]
fn pitfall_13_a_tail_that_never_reached_the_disk_heals_itself() {
    let home = tempfile::tempdir().unwrap();
    let journal = open(home.path()).unwrap();
    append(&journal, 1..=10);
    journal.sync().unwrap();
    let durable = fs::metadata(last_log(home.path())).unwrap().len();
    journal.append(&[vec![1; 100_000]]).unwrap();
    journal.append(&[vec![2; 100_000]]).unwrap();
    let length = fs::metadata(last_log(home.path())).unwrap().len();
    // After a loss of power the file has its length, and zeros where pages were not written.
    for page in (durable / 4096 + 1)..(length / 4096) {
        let image = crash_image(home.path());
        let log = last_log(image.path());
        let mut bytes = fs::read(&log).unwrap();
        bytes[usize::try_from(page).unwrap() * 4096..].fill(0);
        fs::write(&log, bytes).unwrap();
        let journal = open(image.path()).unwrap();
        let kept: Vec<u64> = journal.replay().map(|record| record.unwrap().0).collect();
        assert!(
            kept == numbers(1..=10) || kept == numbers(1..=11),
            "{page}: {kept:?}"
        );
    }
}

fn numbers(range: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    range.collect()
}

#[test]
fn damage_before_a_tail_of_zeros_is_reported_and_leaves_the_log_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let journal = open(home.path()).unwrap();
    append(&journal, 1..=100);
    journal.append(&[vec![0; 10_000]]).unwrap();
    let image = crash_image(home.path());
    let log = last_log(image.path());
    flip(&log, 1_000);
    let before = fs::read(&log).unwrap();
    let error = open(image.path()).unwrap_err();
    assert!(matches!(error, StorageError::Corrupted { .. }), "{error}");
    assert_eq!(fs::read(&log).unwrap(), before);
}
