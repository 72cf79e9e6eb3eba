//! Rows that something has happened to: none makes a reader panic, and none is read but as what was written.

use proptest::collection::vec;
use proptest::prelude::*;
use quorate_crypto::{Address, Digest, Height};
use quorate_ledger::{HistoryEntry, HistoryOwner, LogEntry, Step, Timestamp};
use quorate_storage::rows::{HistoryRows, LogRows, OwnerRows, RowError, encode_histories, encode_log};

use crate::random::{any_history_block, any_log_block, code_of, number_of};

/// Something that happens to bytes.
#[derive(Clone, Debug)]
enum Mutation {
    Change {
        at: prop::sample::Index,
        by: u8,
    },
    CutOff {
        at: prop::sample::Index,
    },
    Insert {
        at: prop::sample::Index,
        byte: u8,
    },
    Remove {
        at: prop::sample::Index,
    },
    Swap {
        one: prop::sample::Index,
        other: prop::sample::Index,
    },
}

fn any_mutation() -> impl Strategy<Value = Mutation> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        4 => (place(), 1_u8..).prop_map(|(at, by)| Mutation::Change { at, by }),
        1 => place().prop_map(|at| Mutation::CutOff { at }),
        1 => (place(), any::<u8>()).prop_map(|(at, byte)| Mutation::Insert { at, byte }),
        1 => place().prop_map(|at| Mutation::Remove { at }),
        1 => (place(), place()).prop_map(|(one, other)| Mutation::Swap { one, other }),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match mutation {
        Mutation::Change { at, by } => bytes[at.index(length)] ^= by,
        Mutation::CutOff { at } => bytes.truncate(at.index(length)),
        Mutation::Insert { at, byte } => bytes.insert(at.index(length), *byte),
        Mutation::Remove { at } => {
            bytes.remove(at.index(length));
        }
        Mutation::Swap { one, other } => bytes.swap(one.index(length), other.index(length)),
    }
}

/// A row of the log is refused, or it is the one row with what was read. Look-ups give the same as one pass.
fn check_log(bytes: &[u8], timestamp: Timestamp) {
    let rows = LogRows::new(bytes, Height(3), timestamp);
    let read: Vec<Result<LogEntry, RowError>> = rows.iter().collect();
    for (index, entry) in (0..).zip(&read) {
        assert_eq!(rows.get(index), *entry);
    }
    assert!(rows.get(read.len() as u64).is_err());
    if let Ok(entries) = read.into_iter().collect::<Result<Vec<_>, _>>() {
        assert_eq!(encode_log(&entries, timestamp), bytes);
    }
}

/// The same of a row of histories.
fn check_histories(bytes: &[u8], first_ordinal: u64) {
    let rows = HistoryRows::new(bytes, first_ordinal);
    for byte in [0, 20, 39, 40, 255] {
        // Only that it ends.
        let _ = rows.of(&HistoryOwner::Account(Address([byte; 20])));
    }
    let mut read = Vec::new();
    for found in &rows {
        let Ok((owner, of_owner)) = found else {
            return;
        };
        assert_eq!(rows.of(&owner).unwrap().as_ref(), Some(&of_owner));
        read.push((owner, of_owner));
    }
    let Ok(entries) = entries_of(&read) else {
        return;
    };
    let before = |asked: &HistoryOwner| {
        let found = read.iter().find(|(owner, _)| owner == asked);
        found.unwrap().1.before
    };
    let written = encode_histories(&entries, first_ordinal, before, number_of);
    assert_eq!(written, bytes);
}

/// What a block adds that has such a row.
fn entries_of(read: &[(HistoryOwner, OwnerRows)]) -> Result<Vec<HistoryEntry>, RowError> {
    let mut entries = Vec::new();
    for (owner, rows) in read {
        for (number, stored) in (rows.first..).zip(&rows.steps) {
            let step = Step {
                number,
                ordinal: stored.ordinal,
                timestamp: Timestamp(0),
                leaf: Digest::ZERO,
                changes: stored.balance_changes(code_of)?,
                balances: None,
            };
            entries.push(HistoryEntry {
                owner: *owner,
                step,
                hash: Digest::ZERO,
            });
        }
    }
    Ok(entries)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn of_log_rows(block in any_log_block(), mutations in vec(any_mutation(), 0..4)) {
        let mut bytes = block.row();
        for mutation in &mutations {
            mutate(&mut bytes, mutation);
        }
        check_log(&bytes, block.timestamp);
        check_log(&bytes, Timestamp(u64::MAX));
    }

    #[test]
    fn of_history_rows(block in any_history_block(), mutations in vec(any_mutation(), 0..4)) {
        let mut bytes = block.row();
        for mutation in &mutations {
            mutate(&mut bytes, mutation);
        }
        check_histories(&bytes, block.first_ordinal);
        check_histories(&bytes, u64::MAX);
    }

    #[test]
    fn of_random_bytes(bytes in vec(prop_oneof![4 => 0_u8..4, 1 => any::<u8>()], 0..200)) {
        check_log(&bytes, Timestamp(1));
        check_histories(&bytes, 1);
    }
}
