//! Random blocks: what executing them could append to the log and to histories.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use quorate_crypto::{Address, Digest, Height, sha256};
use quorate_ledger::{
    Amount, AssetCode, BalanceChange, ErrorCode, HistoryEntry, HistoryOwner, LogEntry, LogEntryV1,
    LoggedRecovery, LoggedTransaction, Outcome, Step, Timestamp,
};
use quorate_storage::rows::{RowError, encode_histories, encode_log};

/// A hash like no other.
pub(crate) fn digest(number: u64) -> Digest {
    sha256(&number.to_le_bytes())
}

/// The code of the asset with this number.
pub(crate) fn code_of(number: u32) -> Result<AssetCode, RowError> {
    Ok(format!("A{number}").parse().unwrap())
}

/// The number of an asset that [`code_of`] names.
pub(crate) fn number_of(code: &AssetCode) -> u32 {
    code.as_str()[1..].parse().unwrap()
}

/// Numbers of all lengths.
pub(crate) fn any_number() -> impl Strategy<Value = u128> {
    (any::<u128>(), 0_u32..=128).prop_map(|(number, shift)| number.checked_shr(shift).unwrap_or(0))
}

/// Numbers of all lengths, of which any two have a sum.
fn any_summand() -> impl Strategy<Value = u64> {
    (any::<u64>(), 1_u32..=64).prop_map(|(number, shift)| number.checked_shr(shift).unwrap_or(0))
}

fn any_amount() -> impl Strategy<Value = Amount> {
    any_number().prop_map(Amount)
}

/// Few different ones, so that owners are found again.
pub(crate) fn any_owner() -> impl Strategy<Value = HistoryOwner> {
    let account = (0_u8..40).prop_map(|byte| HistoryOwner::Account(Address([byte; 20])));
    let asset = (0_u32..20).prop_map(|number| HistoryOwner::Asset(code_of(number * number).unwrap()));
    prop_oneof![3 => account, 1 => asset]
}

/// What a block appends to the log.
#[derive(Clone, Debug)]
pub(crate) struct LogBlock {
    pub(crate) height: Height,
    pub(crate) timestamp: Timestamp,
    pub(crate) entries: Vec<LogEntry>,
}

impl LogBlock {
    pub(crate) fn row(&self) -> Vec<u8> {
        encode_log(&self.entries, self.timestamp)
    }
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let results = |most: usize| vec(any_amount(), 0..=most).prop_map(|results| Outcome::Success { results });
    let failed = (any::<u16>(), any::<u8>()).prop_map(|(code, operation)| Outcome::Failed {
        code: ErrorCode(code),
        operation,
    });
    prop_oneof![8 => results(0), 4 => results(3), 1 => results(256), 4 => failed]
}

prop_compose! {
    /// A transaction whose position is so far behind the one before.
    fn any_transaction()(
        gap in prop_oneof![8 => 1_u32..4, 1 => 1_u32..100_000],
        hashes in any::<[[u8; 32]; 2]>(),
        lead in any_summand(),
        outcome in any_outcome(),
    ) -> (u32, LoggedTransaction) {
        let [id, signed] = hashes.map(Digest);
        (gap, LoggedTransaction {
            height: Height::GENESIS,
            timestamp: Timestamp(0),
            position: 0,
            id,
            expires_at: Timestamp(lead),
            signed,
            outcome,
        })
    }
}

prop_compose! {
    pub(crate) fn any_log_block()(
        height in 1..=u64::MAX,
        timestamp in any_summand(),
        document in prop::option::weighted(0.2, any::<[u8; 32]>()),
        begin in prop_oneof![3 => Just(0), 1 => 0..1_000_000_u32],
        transactions in vec(any_transaction(), 0..30),
    ) -> LogBlock {
        let (height, timestamp) = (Height(height), Timestamp(timestamp));
        let recovery = document.map(|document| LogEntryV1::Recovery(LoggedRecovery {
            height,
            timestamp,
            document: Digest(document),
        }));
        let mut next = begin;
        let transactions = transactions.into_iter().map(|(gap, transaction)| {
            let position = next;
            next += gap;
            LogEntryV1::Transaction(LoggedTransaction {
                height,
                timestamp,
                position,
                expires_at: Timestamp(timestamp.0 + transaction.expires_at.0),
                ..transaction
            })
        });
        let entries = recovery.into_iter().chain(transactions).map(LogEntry::V1).collect();
        LogBlock { height, timestamp, entries }
    }
}

/// What a block adds to histories, in the order in which it does.
#[derive(Clone, Debug)]
pub(crate) struct HistoryBlock {
    pub(crate) first_ordinal: u64,
    pub(crate) entries: Vec<HistoryEntry>,
    /// The heights of owners' steps before.
    pub(crate) before: BTreeMap<HistoryOwner, Height>,
}

impl HistoryBlock {
    pub(crate) fn row(&self) -> Vec<u8> {
        let before = |owner: &HistoryOwner| self.before[owner];
        encode_histories(&self.entries, self.first_ordinal, before, number_of)
    }
}

/// A balance before and after; with holds in one of three.
fn any_amounts() -> impl Strategy<Value = [Amount; 4]> {
    let four = [any_amount(), any_amount(), any_amount(), any_amount()];
    (four, 0_u8..6).prop_map(|([free, freed, held, holds], kind)| match kind {
        0 => [free, freed, held, holds],
        1 => [free, free, held, holds],
        2 => [free, freed, held, held],
        _ => [free, freed, Amount(0), Amount(0)],
    })
}

/// What a step changes, in the order of codes.
fn any_changes() -> impl Strategy<Value = Vec<BalanceChange>> {
    let few = btree_map(0_u32..12, any_amounts(), 0..4);
    let many = btree_map(any::<u32>(), any_amounts(), 0..=256);
    prop_oneof![20 => few, 1 => many].prop_map(|balances| {
        let changes = balances.into_iter().map(|(number, amounts)| {
            let [free_before, free_after, held_before, held_after] = amounts;
            BalanceChange {
                asset: code_of(number).unwrap(),
                free_before,
                free_after,
                held_before,
                held_after,
            }
        });
        let differs = |change: &BalanceChange| {
            (change.free_before, change.held_before) != (change.free_after, change.held_after)
        };
        let mut changes: Vec<BalanceChange> = changes.filter(differs).collect();
        changes.sort_by_key(|change| change.asset);
        changes
    })
}

/// An owner's steps: the number of the first, the height of the one before, and for each how many leaves lie between it
/// and the one before, and what it changes.
type Steps = (u64, Height, Vec<(u64, Vec<BalanceChange>)>);

fn any_steps() -> impl Strategy<Value = Steps> {
    let first = prop_oneof![Just(0), any_summand()];
    let step = (prop_oneof![8 => 0_u64..50, 1 => 0..1_u64 << 40], any_changes());
    (first, any_summand(), vec(step, 1..5)).prop_map(|(earlier, height, steps)| match earlier {
        0 => (1, Height::GENESIS, steps),
        earlier => (earlier + 1, Height(height + 1), steps),
    })
}

prop_compose! {
    pub(crate) fn any_history_block()(
        first_ordinal in any_summand(),
        owners in btree_map(any_owner(), any_steps(), 0..12),
    ) -> HistoryBlock {
        let mut entries = Vec::new();
        let mut before = BTreeMap::new();
        for (owner, (first, height, steps)) in owners {
            before.insert(owner, height);
            let mut next = first_ordinal;
            for (number, (gap, changes)) in (first..).zip(steps) {
                let ordinal = next + gap;
                next = ordinal + 1;
                let step = Step {
                    number,
                    ordinal,
                    timestamp: Timestamp(7),
                    leaf: digest(ordinal),
                    changes,
                    balances: number.is_multiple_of(32).then(|| digest(number)),
                };
                entries.push(HistoryEntry { owner, step, hash: digest(number) });
            }
        }
        // As they come about: transaction by transaction.
        entries.sort_by_key(|entry| entry.step.ordinal);
        HistoryBlock { first_ordinal, entries, before }
    }
}
