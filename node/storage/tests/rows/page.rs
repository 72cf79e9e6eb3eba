//! The page's block 1 (section 24): transactions 1 and 2 of one batch, and what they change.

use quorate_crypto::{Address, Digest, Height};
use quorate_ledger::{
    Amount, AssetCode, BalanceChange, HistoryEntry, HistoryOwner, LogEntry, LogEntryV1, LoggedTransaction,
    Outcome, Step, Timestamp,
};

pub(crate) const NETWORK: &str = "f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618";

const ID_1: &str = "4e1a6d7026445cd638bf2e70f92c96399ffed50752de9d05dfa32d5235bcbc57";
const SIGNED_1: &str = "233a9760671e3cdae787aea45321b351a72818229da224046b13e2c64a29f49b";
const ID_2: &str = "9ba85ba1becbb18452726ec2fd6e1562f437e58ce5905db97e086ed95651bef5";
/// From the page's proof of the block.
const SIGNED_2: &str = "3e88f44c7ae56c37efed96ba7b31ba16e26b31364f3c71cac5ad3954760f94fc";

pub(crate) const K1: &str = "6667b111cc79f20ce34185c687163f463bea690d";
pub(crate) const K2: &str = "2d8feb05653f0aa04f75fcd0972b257746e6d5f5";
pub(crate) const P: &str = "d168d8f62fad123043366cb91ee873c821c767b7";

pub(crate) const LEAF_0: &str = "f2f61f44c13aafd8ed232435984828cb6c80ca0ef68ef4a5048414170f6a706b";
pub(crate) const LOG_ROOT: &str = "45a4c9d05c97507aece243922409091ef434d3364af5d9e1b7adfdb828bf956d";

/// 2026-01-01T00:00:01Z.
pub(crate) const TIME: Timestamp = Timestamp(1_767_225_601_000);

/// The rows of the block: position, id, 59,000 ms to the expiry, signed, success with no results; twice.
pub(crate) fn log_row() -> Vec<u8> {
    unhex(&format!(
        "0000{ID_1}f8cc03{SIGNED_1}00000001{ID_2}f8cc03{SIGNED_2}0000"
    ))
}

/// K2, K1 and P: number of the first step, height before, number of steps; for each step ordinal and number of changes.
/// EUR is asset 0, GOLD is asset 1.
pub(crate) fn history_row() -> Vec<u8> {
    unhex(&format!(
        "00{K2} 01 00 01 \
             00 01  00 01 00 e209 \
         00{K1} 01 00 02 \
             00 01  00 01 a08d06 be8306 \
             01 02  00 01 be8306 eefc02  01 01 00 02 \
         00{P} 01 00 01 \
             01 02  00 01 00 d08603  01 01 05 03"
    ))
}

/// The block's two leaves.
pub(crate) fn log_entries() -> Vec<LogEntry> {
    let entries = [(0, ID_1, SIGNED_1), (1, ID_2, SIGNED_2)].map(|(position, id, signed)| {
        LogEntry::V1(LogEntryV1::Transaction(LoggedTransaction {
            height: Height(1),
            timestamp: TIME,
            position,
            id: id.parse().unwrap(),
            expires_at: Timestamp(1_767_225_660_000),
            signed: signed.parse().unwrap(),
            outcome: Outcome::Success { results: Vec::new() },
        }))
    });
    entries.to_vec()
}

/// The steps that the two made histories grow by, in the order in which they did.
pub(crate) fn history_entries() -> Vec<HistoryEntry> {
    vec![
        entry(K1, 1, 0, &[("EUR", 100_000, 98_750)]),
        entry(K2, 1, 0, &[("EUR", 0, 1_250)]),
        entry(K1, 2, 1, &[("EUR", 98_750, 48_750), ("GOLD", 0, 2)]),
        entry(P, 1, 1, &[("EUR", 0, 50_000), ("GOLD", 5, 3)]),
    ]
}

fn entry(address: &str, number: u64, ordinal: u64, changes: &[(&str, u128, u128)]) -> HistoryEntry {
    let changes = changes.iter().map(|(asset, before, after)| BalanceChange {
        asset: asset.parse().unwrap(),
        free_before: Amount(*before),
        free_after: Amount(*after),
        held_before: Amount(0),
        held_after: Amount(0),
    });
    let step = Step {
        number,
        ordinal,
        timestamp: TIME,
        leaf: Digest::ZERO,
        changes: changes.collect(),
        balances: None,
    };
    HistoryEntry {
        owner: account(address),
        step,
        hash: Digest::ZERO,
    }
}

pub(crate) fn account(address: &str) -> HistoryOwner {
    HistoryOwner::Account(Address(unhex(address).try_into().unwrap()))
}

pub(crate) fn code(text: &str) -> AssetCode {
    text.parse().unwrap()
}

/// The number of one of the genesis document's assets, in its order.
pub(crate) fn number_of(code: &AssetCode) -> u32 {
    ["EUR", "GOLD"]
        .iter()
        .position(|known| *known == code.as_str())
        .unwrap() as u32
}

/// Bytes written in hex, in groups.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    hex::decode(digits).unwrap()
}
