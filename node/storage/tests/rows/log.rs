//! Rows of `log`.

use proptest::prelude::*;
use quorate_crypto::merkle::root_of_hashes;
use quorate_crypto::{Digest, Height};
use quorate_ledger::{
    Amount, ErrorCode, LogEntry, LogEntryV1, LoggedRecovery, LoggedTransaction, Outcome, Timestamp,
};
use quorate_storage::rows::{LogRows, RowError, encode_log};

use crate::page;
use crate::page::unhex;
use crate::random::{LogBlock, any_log_block};

const HEIGHT: Height = Height(5);
const TIME: Timestamp = Timestamp(1_000);

fn transaction(position: u32, lead: u64, outcome: Outcome) -> LogEntry {
    LogEntry::V1(LogEntryV1::Transaction(LoggedTransaction {
        height: HEIGHT,
        timestamp: TIME,
        position,
        id: Digest([0xaa; 32]),
        expires_at: Timestamp(TIME.0 + lead),
        signed: Digest([0xbb; 32]),
        outcome,
    }))
}

fn success(results: &[u128]) -> Outcome {
    Outcome::Success {
        results: results.iter().copied().map(Amount).collect(),
    }
}

fn recovery() -> LogEntry {
    LogEntry::V1(LogEntryV1::Recovery(LoggedRecovery {
        height: HEIGHT,
        timestamp: TIME,
        document: Digest([0xcc; 32]),
    }))
}

/// The bytes of a transaction's leaf: what stands before its id, between its id and its other hash, and behind that.
fn leaf(before: &str, lead: &str, outcome: &str) -> String {
    format!(
        "{before} {} {lead} {} {outcome} ",
        "aa".repeat(32),
        "bb".repeat(32)
    )
}

fn rows(bytes: &[u8]) -> LogRows<'_> {
    LogRows::new(bytes, HEIGHT, TIME)
}

fn all(bytes: &[u8]) -> Result<Vec<LogEntry>, RowError> {
    rows(bytes).iter().collect()
}

#[test]
fn the_pages_block_has_these_bytes_and_its_leaves_follow_from_them() {
    let row = page::log_row();
    assert_eq!(
        hex::encode(encode_log(&page::log_entries(), page::TIME)),
        hex::encode(&row)
    );
    let read = LogRows::new(&row, Height(1), page::TIME);
    let entries: Vec<LogEntry> = read.iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(entries, page::log_entries());
    let leaves: Vec<Digest> = entries.iter().map(LogEntry::leaf_hash).collect();
    assert_eq!(leaves[0].to_string(), page::LEAF_0);
    assert_eq!(root_of_hashes(&leaves).to_string(), page::LOG_ROOT);
}

#[test]
fn every_kind_of_leaf_is_golden() {
    let failed = Outcome::Failed {
        code: ErrorCode(300),
        operation: 200,
    };
    let largest = Outcome::Failed {
        code: ErrorCode(u16::MAX),
        operation: u8::MAX,
    };
    let entries = [
        recovery(),
        transaction(300, 0, success(&[])),
        transaction(301, 127, success(&[0, 300, u128::MAX])),
        transaction(429, 128, failed),
        transaction(u32::MAX, u64::MAX - TIME.0, largest),
    ];
    let row = [
        format!("01 {}", "cc".repeat(32)),
        leaf("00 ac02", "00", "00 00"),
        leaf("00 01", "7f", &format!("00 03 00 ac02 {}03", "ff".repeat(18))),
        leaf("00 8001", "8001", "01 ac02 c801"),
        // 2^32 - 1 - 429, and 2^64 - 1 - 1,000.
        leaf("00 d2fcffff0f", "97f8ffffffffffffff01", "01 ffff03 ff01"),
    ];
    let row = unhex(&row.concat());
    assert_eq!(hex::encode(encode_log(&entries, TIME)), hex::encode(&row));
    assert_eq!(all(&row).unwrap(), entries);
}

#[test]
fn a_block_without_leaves_has_no_bytes() {
    assert!(encode_log(&[], TIME).is_empty());
    assert_eq!(all(&[]), Ok(Vec::new()));
    assert_eq!(rows(&[]).get(0), Err(RowError::NoEntry { index: 0, entries: 0 }));
}

#[test]
fn leaves_are_found_by_their_places() {
    let entries = [
        recovery(),
        transaction(0, 1, success(&[5])),
        transaction(7, 2, success(&[])),
        transaction(9, 3, success(&[])),
    ];
    let row = encode_log(&entries, TIME);
    let rows = rows(&row);
    for (index, entry) in (0..).zip(&entries) {
        assert_eq!(rows.get(index).as_ref(), Ok(entry));
    }
    let pick = |indices: &[u64]| rows.entries(indices);
    assert_eq!(pick(&[]), Ok(Vec::new()));
    assert_eq!(pick(&[1, 3]), Ok(vec![entries[1].clone(), entries[3].clone()]));
    assert_eq!(pick(&[0, 1, 2, 3]).unwrap(), entries);
    assert_eq!(pick(&[4]), Err(RowError::NoEntry { index: 4, entries: 4 }));
    assert_eq!(
        pick(&[3, u64::MAX]).unwrap_err().to_string(),
        "there is no entry 18446744073709551615: the row has 4"
    );
    assert_eq!(pick(&[2, 2]), Err(RowError::AskedBack { index: 2 }));
    assert_eq!(pick(&[2, 0]), Err(RowError::AskedBack { index: 0 }));
}

/// What reading such bytes ends with.
fn refused(bytes: &str) -> RowError {
    let bytes = unhex(bytes);
    let mut leaves = rows(&bytes).iter();
    let error = leaves.by_ref().find_map(Result::err).expect("the row is refused");
    assert_eq!(leaves.next(), None, "after an error there is nothing more");
    error
}

#[test]
fn what_no_block_has_is_refused() {
    let good = leaf("00 00", "01", "00 00");
    let recovery = format!("01 {}", "cc".repeat(32));
    // A plain leaf has 69 bytes.
    assert_eq!(unhex(&good).len(), 69);
    let unknown = |what, found, at| RowError::Unknown { what, found, at };
    assert_eq!(refused("02"), unknown("leaf", 2, 0));
    assert_eq!(refused(&format!("{good} ff")), unknown("leaf", 255, 69));
    assert_eq!(
        refused(&format!("{good} {recovery}")),
        RowError::RecoveryNotFirst { at: 69 }
    );
    assert_eq!(
        refused(&format!("{recovery} {recovery}")),
        RowError::RecoveryNotFirst { at: 33 }
    );
    let again = format!("{good} {}", leaf("00 00", "01", "00 00"));
    let again = refused(&again);
    assert_eq!(
        again,
        RowError::NotAscending {
            what: "positions",
            at: 70
        }
    );
    // 2^32 - 1 after 1, and 2^32 at once.
    let one = leaf("00 01", "01", "00 00");
    let above = format!("{one} {}", leaf("00 ffffffff0f", "01", "00 00"));
    assert_eq!(refused(&above), RowError::TooLarge { at: 70 });
    assert_eq!(
        refused(&leaf("00 8080808010", "01", "00 00")),
        RowError::TooLarge { at: 1 }
    );
    // 2^64 - 1,000 after 1,000.
    assert_eq!(
        refused(&leaf("00 00", "98f8ffffffffffffff01", "00 00")),
        RowError::TooLarge { at: 34 }
    );
    assert_eq!(
        refused(&leaf("00 00", "8000", "00 00")),
        RowError::NotShortest { at: 34 }
    );
    assert_eq!(refused(&leaf("00 00", "01", "02 00")), unknown("outcome", 2, 67));
    assert_eq!(
        refused(&leaf("00 00", "01", "00 8102")),
        RowError::TooLarge { at: 68 }
    );
    assert_eq!(
        refused(&leaf("00 00", "01", "01 808004 00")),
        RowError::TooLarge { at: 68 }
    );
    assert_eq!(
        refused(&leaf("00 00", "01", "01 01 8002")),
        RowError::TooLarge { at: 69 }
    );
    let too_few = leaf("00 00", "01", "00 02 05");
    assert_eq!(refused(&too_few), RowError::Truncated { length: 70 });
}

#[test]
fn a_row_that_is_cut_off_inside_a_leaf_is_refused() {
    let row = encode_log(&[recovery(), transaction(1, 1, success(&[300]))], TIME);
    for length in 1..row.len() {
        let read = all(&row[..length]);
        if length == 33 {
            assert_eq!(read, Ok(vec![recovery()]));
        } else {
            assert_eq!(read, Err(RowError::Truncated { length }));
        }
    }
}

#[test]
#[should_panic(expected = "in the order of their positions")]
fn positions_that_do_not_ascend_are_not_written() {
    encode_log(
        &[transaction(1, 1, success(&[])), transaction(1, 1, success(&[]))],
        TIME,
    );
}

#[test]
#[should_panic(expected = "has not expired")]
fn expired_transactions_are_not_written() {
    encode_log(&[transaction(1, 1, success(&[]))], Timestamp(TIME.0 + 2));
}

#[test]
#[should_panic(expected = "the first leaf of its block")]
fn a_late_recovery_is_not_written() {
    encode_log(&[transaction(1, 1, success(&[])), recovery()], TIME);
}

fn check(block: &LogBlock) {
    let row = block.row();
    let rows = LogRows::new(&row, block.height, block.timestamp);
    let read: Vec<LogEntry> = rows.iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(read, block.entries);
    for (index, entry) in (0..).zip(&block.entries) {
        assert_eq!(rows.get(index).as_ref(), Ok(entry));
    }
    let even: Vec<u64> = (0..read.len() as u64).step_by(2).collect();
    let found = rows.entries(&even).unwrap();
    assert!(found.iter().eq(block.entries.iter().step_by(2)));
}

proptest! {
    #[test]
    fn blocks_are_read_back(block in any_log_block()) {
        check(&block);
    }
}
