//! Lists, read a page at a time. A page begins after the last item of the one before, so that a reader who
//! comes back later finds everything, whatever was added meanwhile.

use std::ops::Range;

use quorate_crypto::Committee;
use quorate_ledger::{Account, Address, AssetCode, Block, Digest, Height, StateKey, Timestamp};

use super::{MAX_PAGE, Snapshot};
use crate::database::Order;
use crate::families::{
    ASSETS, BLOCKS, EPOCHS, EpochRecord, HISTORIES, HOLDERS, HeightRecord, MILESTONES, RECORDS, RecordPlace,
    RecordRecord, STATE, asset_code, height_key, history_key, holder_key, record_key, record_place,
};
use crate::histories::{EntryRecord, Histories, MILESTONE};
use crate::{Location, StorageError};

/// One entry of an account's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryItem {
    /// Its number, from 1.
    pub number: u64,
    /// The transaction.
    pub id: Digest,
    /// Where it was executed.
    pub location: Location,
}

/// That a sender recorded a document's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordItem {
    /// Where on the chain.
    pub place: RecordPlace,
    /// By whom.
    pub sender: Address,
    /// In which transaction.
    pub transaction: Digest,
    /// The block's time.
    pub timestamp: Timestamp,
    /// The sender's label.
    pub label: String,
}

impl Snapshot {
    /// Blocks below `before`, or from the tip on, newest first; at most `limit` and at most [`MAX_PAGE`].
    pub fn blocks(&self, before: Option<Height>, limit: usize) -> Result<Vec<Block>, StorageError> {
        let upper = before.map(|height| height_key(height).to_vec());
        self.view
            .range(BLOCKS, Vec::new(), upper, Order::Descending)
            .take(limit.min(MAX_PAGE))
            .map(|entry| self.decode("blocks", &entry?.1))
            .collect()
    }

    /// An account's history, newest first: entries with numbers below `before`; at most `limit` and at most
    /// [`MAX_PAGE`].
    pub fn history(
        &self,
        address: &Address,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<HistoryItem>, StorageError> {
        self.history_down(address, 1..before.unwrap_or(u64::MAX), limit)
    }

    /// An account's history, oldest first: entries with numbers from `from` on; at most `limit` and at most
    /// [`MAX_PAGE`].
    pub fn history_from(
        &self,
        address: &Address,
        from: u64,
        limit: usize,
    ) -> Result<Vec<HistoryItem>, StorageError> {
        let limit = limit.min(MAX_PAGE);
        let mut items = self.history_down(address, from..from.saturating_add(limit as u64), limit)?;
        items.reverse();
        Ok(items)
    }

    /// The entries with these numbers, the highest first.
    fn history_down(
        &self,
        address: &Address,
        numbers: Range<u64>,
        limit: usize,
    ) -> Result<Vec<HistoryItem>, StorageError> {
        let mut items = Vec::new();
        let mut height = self.history_height(address, numbers.end)?;
        while height > Height::GENESIS {
            let (histories, own) = self.histories(height, address)?;
            for entry in own.iter().rev().filter(|entry| entry.number < numbers.end) {
                if entry.number < numbers.start || items.len() >= limit.min(MAX_PAGE) {
                    return Ok(items);
                }
                let id = histories
                    .id(entry.index)
                    .ok_or_else(|| self.torn(address, height))?;
                let index = entry.index;
                items.push(HistoryItem {
                    number: entry.number,
                    id,
                    location: Location { height, index },
                });
            }
            // Backwards, or a damaged store could lead in circles.
            let before = own.first().map(|first| first.before);
            height = before
                .filter(|before| *before < height)
                .ok_or_else(|| self.torn(address, height))?;
        }
        Ok(items)
    }

    /// A block at or above the one with the entry before the number `below`, and not far above it.
    fn history_height(&self, address: &Address, below: u64) -> Result<Height, StorageError> {
        let key = StateKey::account(address);
        let Some(account) = self.decoded::<Account>(STATE, key.as_bytes())? else {
            return Ok(Height::GENESIS);
        };
        let account = account.v1();
        let wanted = below.saturating_sub(1);
        if wanted.saturating_add(MILESTONE) <= account.transactions {
            let lower = history_key(address, wanted).to_vec();
            let mut milestones =
                self.view
                    .range(MILESTONES, lower, successor(address.as_bytes()), Order::Ascending);
            if let Some(milestone) = milestones.next() {
                let HeightRecord::V1(height) = self.decode("milestones", &milestone?.1)?;
                return Ok(height);
            }
        }
        Ok(account.last)
    }

    /// What a block added to histories, and an account's entries there, ascending.
    fn histories(
        &self,
        height: Height,
        address: &Address,
    ) -> Result<(Histories, Vec<EntryRecord>), StorageError> {
        let stored = self.view.get(HISTORIES, &height_key(height))?;
        let histories = stored.and_then(Histories::parse);
        let found = histories.and_then(|histories| {
            let own = histories.of(address)?;
            Some((histories, own))
        });
        found.ok_or_else(|| self.torn(address, height))
    }

    fn torn(&self, address: &Address, height: Height) -> StorageError {
        self.damage(&format!("the history of {address} is torn at block {height}"))
    }

    /// Who recorded a document's hash: places after `after`, earliest first; at most `limit` and at most
    /// [`MAX_PAGE`].
    pub fn records(
        &self,
        sha256: &Digest,
        after: Option<RecordPlace>,
        limit: usize,
    ) -> Result<Vec<RecordItem>, StorageError> {
        let lower = match after {
            Some(place) => just_after(&record_key(sha256, place)),
            None => sha256.as_bytes().to_vec(),
        };
        self.view
            .range(RECORDS, lower, successor(sha256.as_bytes()), Order::Ascending)
            .take(limit.min(MAX_PAGE))
            .map(|entry| {
                let (key, value) = entry?;
                let place = key
                    .get(sha256.as_bytes().len()..)
                    .and_then(record_place)
                    .ok_or_else(|| self.damage("a key of `records` is not 46 bytes"))?;
                let RecordRecord::V1 {
                    sender,
                    transaction,
                    timestamp,
                    label,
                } = self.decode("records", &value)?;
                Ok(RecordItem {
                    place,
                    sender,
                    transaction,
                    timestamp,
                    label,
                })
            })
            .collect()
    }

    /// Assets after `after`, ascending by code; at most `limit` and at most [`MAX_PAGE`].
    pub fn assets(&self, after: Option<&AssetCode>, limit: usize) -> Result<Vec<AssetCode>, StorageError> {
        let lower = after.map_or_else(Vec::new, |code| just_after(code.padded()));
        self.view
            .range(ASSETS, lower, None, Order::Ascending)
            .take(limit.min(MAX_PAGE))
            .map(|entry| {
                asset_code(&entry?.0).ok_or_else(|| self.damage("a key of `assets` is no asset's code"))
            })
            .collect()
    }

    /// The epochs that have begun, ascending: each one's first height and committee. There is one for each
    /// change of those who agree.
    pub fn epochs(&self) -> Result<Vec<(Height, Committee)>, StorageError> {
        let entries = self.view.range(EPOCHS, Vec::new(), None, Order::Ascending);
        entries
            .map(|entry| {
                let EpochRecord::V1 { first, committee } = self.decode("epochs", &entry?.1)?;
                Ok((first, committee))
            })
            .collect()
    }

    /// Who holds an asset: accounts after `after`, ascending by address; at most `limit` and at most
    /// [`MAX_PAGE`].
    pub fn holders(
        &self,
        code: &AssetCode,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<Address>, StorageError> {
        let lower = match after {
            Some(address) => just_after(&holder_key(code, address)),
            None => code.padded().to_vec(),
        };
        self.view
            .range(HOLDERS, lower, successor(code.padded()), Order::Ascending)
            .take(limit.min(MAX_PAGE))
            .map(|entry| {
                let (key, _) = entry?;
                let address = key
                    .get(code.padded().len()..)
                    .and_then(|rest| rest.try_into().ok());
                address
                    .map(Address)
                    .ok_or_else(|| self.damage("a key of `holders` is not 32 bytes"))
            })
            .collect()
    }
}

/// The smallest key above `key`.
fn just_after(key: &[u8]) -> Vec<u8> {
    let mut after = key.to_vec();
    after.push(0);
    after
}

/// The smallest key above all that begin with `prefix`; none if there is no such key.
pub(super) fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut key = prefix[..=last].to_vec();
    key[last] += 1;
    Some(key)
}
