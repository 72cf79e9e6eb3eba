//! What a plain payment takes on a node's disk, before RocksDB compresses it.
//!
//! The whole limit is 480 bytes a payment, everything counted. Its budget, for a payment between two accounts that have
//! nothing else in the block, on a chain of 100 million leaves, a million blocks, and some ten thousand steps an
//! account:
//!
//! | what | bytes | of |
//! | --- | --- | --- |
//! | the transaction in its batch | 221 | 32 network, 21 parties, 8 + 16 expiry and salt, 43 the transfer, 98 key and signature, 3 counts and versions |
//! | `blocks`, what was executed | 6 | position, outcome |
//! | `log` | 72 | 1 kind, 1 position, 32 id, 4 expiry, 32 signed, 2 outcome |
//! | `tiles` | 32.2 | 32 for the leaf, 1/256 of that for each level above, 9 for each tile's key |
//! | `transactions` | 36 | 32 id, 4 ordinal |
//! | `histories` | 84 | for each of two accounts: 21 address, 2 number, 3 height before, 1 count, 2 ordinal, 1 count, 2 asset and flags, 5 + 5 free before and after |
//! | `waypoints`, `waypoint_nodes` | 8.2 | two steps, each 1/32 of a waypoint of 69 bytes and a node of 62 |
//! | RocksDB around the one row of its own | 13 | `transactions`: 8 sequence and kind, 3 lengths, 10 bits in a filter |
//! | all | 472.4 | |
//!
//! **The rows of this package are held to 236 bytes** of these (`log`, `tiles`, `transactions`, `histories`, waypoints).
//! The state is not among them: an account has one leaf however often it pays, and leaves written over go with the next
//! compaction. What a block has once (header, certificate, index rows: some 600 bytes with a small committee) is for a
//! thousand payments less than one byte each. What compression takes off again (in batches at least the network's id
//! and the zeros of amounts, some 40 bytes) is room for these.

use quorate_crypto::{Address, Digest, Height, KeySignature, sha256};
use quorate_ledger::{
    Act, Amount, BalanceChange, Executed, HistoryEntry, HistoryOwner, Intent, IntentV1, LogEntry, LogEntryV1,
    LoggedTransaction, Operation, Outcome, Step, Timestamp, Transaction, TransactionV1, Waypoint, encode,
};
use quorate_storage::rows::{encode_histories, encode_log, encode_number, owner_key};
use quorate_storage::tiles::Tiles;
use quorate_storage::waypoint_nodes::completed_nodes;

use crate::random::{code_of, digest};

/// Payments of the block.
const PAYMENTS: u32 = 1_000;

/// What the rows of this package take of a payment, at most.
const ROWS_LIMIT: f64 = 236.0;

/// What a payment takes, at most.
const WHOLE_LIMIT: f64 = 480.0;

/// What RocksDB needs for a row that a payment has of its own, besides key and value.
const ROW_OVERHEAD: f64 = 13.0;

const FIRST_ORDINAL: u64 = 100_000_000;
const HEIGHT: Height = Height(1_000_000);
const TIME: Timestamp = Timestamp(1_800_000_000_000);

/// The longest lead that parameters allow at first: a day.
const LEAD_MS: u64 = 86_400_000;

/// 123,456,789.00 of an asset with two decimals.
const BALANCE: u128 = 12_345_678_900;

fn address(number: u32) -> Address {
    let Digest(hash) = sha256(&number.to_be_bytes());
    let mut address = [0; 20];
    address.copy_from_slice(&hash[..20]);
    Address(address)
}

fn success() -> Outcome {
    Outcome::Success { results: Vec::new() }
}

fn log_row() -> Vec<u8> {
    let entries = (0..PAYMENTS).map(|position| {
        LogEntry::V1(LogEntryV1::Transaction(LoggedTransaction {
            height: HEIGHT,
            timestamp: TIME,
            position,
            id: digest(u64::from(position)),
            expires_at: Timestamp(TIME.0 + LEAD_MS),
            signed: digest(u64::from(position) << 32),
            outcome: success(),
        }))
    });
    let entries: Vec<LogEntry> = entries.collect();
    encode_log(&entries, TIME)
}

/// One account's step of a payment of 1,250.
fn history_entry(account: u32, ordinal: u64, after: u128) -> HistoryEntry {
    let change = BalanceChange {
        asset: code_of(0).unwrap(),
        free_before: Amount(BALANCE),
        free_after: Amount(after),
        held_before: Amount(0),
        held_after: Amount(0),
    };
    HistoryEntry {
        owner: HistoryOwner::Account(address(account)),
        step: Step {
            number: 10_000 + u64::from(account),
            ordinal,
            timestamp: TIME,
            leaf: digest(ordinal),
            changes: vec![change],
            balances: None,
        },
        hash: Digest::ZERO,
    }
}

fn history_row() -> Vec<u8> {
    let payments = (0..PAYMENTS).flat_map(|payment| {
        let ordinal = FIRST_ORDINAL + u64::from(payment);
        [
            history_entry(2 * payment, ordinal, BALANCE - 1_250),
            history_entry(2 * payment + 1, ordinal, BALANCE + 1_250),
        ]
    });
    let entries: Vec<HistoryEntry> = payments.collect();
    encode_histories(&entries, FIRST_ORDINAL, |_| Height(HEIGHT.0 - 1), |_| 0)
}

/// Bytes of tiles and their keys for each leaf of a list that fills two levels of them.
fn tile_bytes() -> f64 {
    let mut tiles = Tiles::new();
    let rows = tiles.append((0..65_536).map(digest));
    let bytes: usize = rows.iter().map(|(.., tile)| 1 + 8 + tile.len()).sum();
    bytes as f64 / 65_536.0
}

/// Bytes of waypoints and nodes over them, with their keys, for each step of an account that has 2^10 waypoints.
fn waypoint_bytes() -> f64 {
    let owner = HistoryOwner::Account(address(0));
    let waypoints = (1..=1_024).map(|index| Waypoint {
        owner,
        number: 32 * index,
        hash: digest(index),
    });
    let waypoints: Vec<Waypoint> = waypoints.collect();
    let nodes = completed_nodes(&waypoints, |_, _| Err("all are of this block")).unwrap();
    let key = owner_key(&owner).len();
    let bytes = waypoints.len() * (key + 8 + 40) + nodes.len() * (key + 1 + 8 + 32);
    bytes as f64 / (32.0 * 1_024.0)
}

fn payment() -> Transaction {
    let intent = IntentV1 {
        network: digest(0),
        parties: vec![address(0)],
        expires_at: Timestamp(TIME.0 + LEAD_MS),
        salt: [7; 16],
        operations: vec![Act {
            party: 0,
            operation: Operation::Transfer {
                to: address(1),
                asset: "EUR".parse().unwrap(),
                amount: Amount(1_250),
            },
        }],
        texts: None,
    };
    Transaction::V1(TransactionV1 {
        intent: Intent::V1(intent),
        signatures: vec![KeySignature::Ed25519 {
            key: [1; 32],
            signature: [2; 64],
        }],
    })
}

#[test]
fn a_plain_payment_stays_in_its_budget() {
    let payments = f64::from(PAYMENTS);
    let log = log_row().len() as f64 / payments;
    let histories = history_row().len() as f64 / payments;
    let index = (32 + encode_number(FIRST_ORDINAL).len()) as f64;
    let (tiles, waypoints) = (tile_bytes(), 2.0 * waypoint_bytes());
    let rows = log + histories + index + tiles + waypoints;
    let executed = Executed {
        position: PAYMENTS,
        outcome: success(),
    };
    let (batch, executed) = (encode(&payment()).len() as f64, encode(&executed).len() as f64);
    let whole = rows + batch + executed + ROW_OVERHEAD;
    println!(
        "bytes of a plain payment: log {log:.1}, tiles {tiles:.1}, transactions {index:.1}, histories {histories:.1}, \
         waypoints {waypoints:.1}: rows {rows:.1} of {ROWS_LIMIT}; batch {batch:.1}, executed {executed:.1}, RocksDB \
         {ROW_OVERHEAD}: all {whole:.1} of {WHOLE_LIMIT}"
    );
    assert!(rows <= ROWS_LIMIT, "{rows}");
    assert!(whole <= WHOLE_LIMIT, "{whole}");
    // Nothing of it grows with the number of payments in a block, but for ordinals of two bytes instead of one.
    assert!(log <= 72.1 && histories <= 84.1, "{log} and {histories}");
}
