//! Histories of accounts and assets, read from the newest step down, or from a waypoint down.

use std::collections::BTreeMap;
use std::ops::Range;

use quorate_ledger::{
    Account, Address, Asset, AssetCode, BalanceChange, Digest, Height, HistoryOwner, LogEntry,
    WAYPOINT_INTERVAL,
};

use super::{Location, MAX_PAGE, Snapshot, before};
use crate::StorageError;
use crate::chain::value_in;
use crate::families::{
    ASSETS, HISTORIES, HistoriesRecord, STATE, WAYPOINTS, WaypointRecord, asset_key, height_key, leaf_key,
    waypoint_key,
};
use crate::log::{self, LogRow};
use crate::rows::{HistoryRows, OwnerRows, RowError, StoredStep};

/// One step of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryItem {
    /// Its number, from 1.
    pub number: u64,
    /// The transaction.
    pub id: Digest,
    /// The place of its leaf in the log.
    pub ordinal: u64,
    /// Where it was executed.
    pub location: Location,
    /// What it changed of the owner's balances, of an asset of its supply.
    pub changes: Vec<BalanceChange>,
}

/// What an owner's leaf says of its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnLeaf {
    /// How many steps there are.
    pub(crate) entries: u64,
    /// The height of the block with the newest; 0 if there is none.
    pub(crate) newest: Height,
}

/// A step by its number, with its block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NumberedStep {
    pub(crate) number: u64,
    pub(crate) height: Height,
    pub(crate) ordinal: u64,
    pub(crate) changes: Vec<BalanceChange>,
}

/// Assets' codes by their numbers, as far as they were looked up.
pub(crate) type Codes = BTreeMap<u32, AssetCode>;

/// Why a step could not be read.
enum StepError {
    Row(RowError),
    Storage(StorageError),
}

impl From<RowError> for StepError {
    fn from(error: RowError) -> Self {
        Self::Row(error)
    }
}

/// What blocks added to an owner's history, from some block down.
struct RowsDown<'a> {
    snapshot: &'a Snapshot,
    owner: HistoryOwner,
    /// The next block; 0 if there is none.
    height: Height,
}

impl Iterator for RowsDown<'_> {
    type Item = Result<(Height, OwnerRows), StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.height == Height::GENESIS {
            return None;
        }
        let height = std::mem::replace(&mut self.height, Height::GENESIS);
        Some(match self.snapshot.owner_row(&self.owner, height) {
            // Backwards, or a damaged store could lead in circles.
            Ok(Some(row)) if row.before < height => {
                self.height = row.before;
                Ok((height, row))
            }
            Ok(_) => Err(self.snapshot.torn(&self.owner, height)),
            Err(error) => Err(error),
        })
    }
}

impl Snapshot {
    /// An account's history, newest first: steps with numbers below `before`; at most `limit` and at most
    /// [`MAX_PAGE`].
    pub fn history(
        &self,
        address: &Address,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<HistoryItem>, StorageError> {
        self.history_of(&HistoryOwner::Account(*address), before, limit)
    }

    /// The same of an account or an asset.
    pub fn history_of(
        &self,
        owner: &HistoryOwner,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<HistoryItem>, StorageError> {
        self.history_down(owner, 1..before.unwrap_or(u64::MAX), limit)
    }

    /// An account's history, oldest first: steps with numbers from `from` on; at most `limit` and at most
    /// [`MAX_PAGE`].
    pub fn history_from(
        &self,
        address: &Address,
        from: u64,
        limit: usize,
    ) -> Result<Vec<HistoryItem>, StorageError> {
        self.history_of_from(&HistoryOwner::Account(*address), from, limit)
    }

    /// The same of an account or an asset.
    pub fn history_of_from(
        &self,
        owner: &HistoryOwner,
        from: u64,
        limit: usize,
    ) -> Result<Vec<HistoryItem>, StorageError> {
        let limit = limit.min(MAX_PAGE);
        let mut items = self.history_down(owner, from..from.saturating_add(limit as u64), limit)?;
        items.reverse();
        Ok(items)
    }

    /// The steps with these numbers, the highest first.
    fn history_down(
        &self,
        owner: &HistoryOwner,
        numbers: Range<u64>,
        limit: usize,
    ) -> Result<Vec<HistoryItem>, StorageError> {
        let limit = limit.min(MAX_PAGE);
        let mut items = Vec::new();
        if numbers.is_empty() || limit == 0 {
            return Ok(items);
        }
        let mut codes = Codes::new();
        for row in self.rows_down(owner, numbers.end)? {
            let (height, row) = row?;
            let first = row.first;
            let mut own: Vec<(u64, StoredStep)> = (first..).zip(row.steps).collect();
            own.retain(|(number, _)| numbers.contains(number));
            let more = limit.saturating_sub(items.len());
            let own = own.split_off(own.len().saturating_sub(more));
            items.extend(self.items(height, own, &mut codes)?.into_iter().rev());
            if first <= numbers.start || items.len() >= limit {
                break;
            }
        }
        Ok(items)
    }

    /// Steps of a block with their transactions, in the same order.
    fn items(
        &self,
        height: Height,
        steps: Vec<(u64, StoredStep)>,
        codes: &mut Codes,
    ) -> Result<Vec<HistoryItem>, StorageError> {
        if steps.is_empty() {
            return Ok(Vec::new());
        }
        let Some(row) = LogRow::read(self.view(), height)? else {
            return Err(self.damage(&format!("block {height} has steps of histories, and no leaves")));
        };
        let ordinals: Vec<u64> = steps.iter().map(|(_, step)| step.ordinal).collect();
        let entries = self.entries_in(&row, &ordinals)?;
        if entries.len() != steps.len() {
            return Err(self.damage(&format!("block {height} has steps of leaves that it has not")));
        }
        let mut items = Vec::with_capacity(steps.len());
        for ((number, step), entry) in steps.into_iter().zip(&entries) {
            let logged = LogEntry::transaction(entry);
            let logged = logged.ok_or_else(|| self.damage("a step of a history is of no transaction"))?;
            items.push(HistoryItem {
                number,
                id: logged.id,
                ordinal: step.ordinal,
                location: self.location_in(height, row.ordinals().start, step.ordinal)?,
                changes: self.changes_of(&step, codes)?,
            });
        }
        Ok(items)
    }

    /// An owner's steps with these numbers, ascending, with what they changed.
    pub(crate) fn steps(
        &self,
        owner: &HistoryOwner,
        numbers: Range<u64>,
        codes: &mut Codes,
    ) -> Result<Vec<NumberedStep>, StorageError> {
        let mut steps = Vec::new();
        if numbers.is_empty() {
            return Ok(steps);
        }
        for row in self.rows_down(owner, numbers.end)? {
            let (height, row) = row?;
            let first = row.first;
            let mut own = Vec::new();
            for (number, step) in (first..).zip(&row.steps) {
                if numbers.contains(&number) {
                    own.push(NumberedStep {
                        number,
                        height,
                        ordinal: step.ordinal,
                        changes: self.changes_of(step, codes)?,
                    });
                }
            }
            steps.extend(own.into_iter().rev());
            if first <= numbers.start {
                break;
            }
        }
        steps.reverse();
        let expected = numbers.end.saturating_sub(numbers.start);
        if u64::try_from(steps.len()) == Ok(expected) {
            Ok(steps)
        } else {
            Err(self.damage(&format!(
                "the history of {owner} lacks some of the steps from {} to before {}",
                numbers.start, numbers.end
            )))
        }
    }

    /// What blocks added to an owner's history, from one at or above that of the step before the number `below`
    /// down, and not from far above it.
    fn rows_down(&self, owner: &HistoryOwner, below: u64) -> Result<RowsDown<'_>, StorageError> {
        let height = match self.own_leaf(owner)? {
            None => Height::GENESIS,
            Some(leaf) => {
                let wanted = below.saturating_sub(1);
                let waypoint = wanted.checked_next_multiple_of(WAYPOINT_INTERVAL);
                match waypoint.filter(|waypoint| (1..=leaf.entries).contains(waypoint)) {
                    Some(waypoint) => self.known_waypoint(owner, waypoint)?.height,
                    None => leaf.newest,
                }
            }
        };
        Ok(RowsDown {
            snapshot: self,
            owner: *owner,
            height,
        })
    }

    /// What an owner's leaf says of its history; none if there is no such owner.
    pub(crate) fn own_leaf(&self, owner: &HistoryOwner) -> Result<Option<OwnLeaf>, StorageError> {
        let key = leaf_key(owner);
        let Some(row) = self.view().get(STATE, key.as_bytes())? else {
            return Ok(None);
        };
        let (value, newest) = value_in(self.view().database(), &key, row)?;
        let entries = match owner {
            HistoryOwner::Account(_) => self.decode::<Account>("state", &value)?.v1().entries,
            HistoryOwner::Asset(_) => self.decode::<Asset>("state", &value)?.v1().entries,
        };
        Ok(Some(OwnLeaf { entries, newest }))
    }

    /// A waypoint by its step's number.
    pub(crate) fn waypoint(
        &self,
        owner: &HistoryOwner,
        number: u64,
    ) -> Result<Option<WaypointRecord>, StorageError> {
        self.decoded(WAYPOINTS, &waypoint_key(owner, number))
    }

    /// A waypoint that must be there.
    pub(crate) fn known_waypoint(
        &self,
        owner: &HistoryOwner,
        number: u64,
    ) -> Result<WaypointRecord, StorageError> {
        self.waypoint(owner, number)?
            .ok_or_else(|| self.damage(&format!("the history of {owner} lacks waypoint {number}")))
    }

    /// What a block added to an owner's history; none if that is nothing.
    pub(crate) fn owner_row(
        &self,
        owner: &HistoryOwner,
        height: Height,
    ) -> Result<Option<OwnerRows>, StorageError> {
        let Some(stored) = self.view().get(HISTORIES, &height_key(height))? else {
            return Ok(None);
        };
        let HistoriesRecord::V1 { accounts } = bcs::from_bytes(&stored)
            .map_err(|error| self.damage(&format!("an entry of `histories`: {error}")))?;
        let first = log::size_at(self.view(), before(height))?;
        HistoryRows::new(accounts, first)
            .of(owner)
            .map_err(|error| self.damaged_row("histories", &error))
    }

    /// What a step changed, with assets' codes.
    pub(crate) fn changes_of(
        &self,
        step: &StoredStep,
        codes: &mut Codes,
    ) -> Result<Vec<BalanceChange>, StorageError> {
        let changes = step.balance_changes(|number| -> Result<AssetCode, StepError> {
            if let Some(code) = codes.get(&number) {
                return Ok(*code);
            }
            let code = self.asset(number).map_err(StepError::Storage)?;
            let code = code.ok_or(RowError::UnknownAsset { number })?;
            codes.insert(number, code);
            Ok(code)
        });
        changes.map_err(|error| match error {
            StepError::Row(error) => self.damaged_row("histories", &error),
            StepError::Storage(error) => error,
        })
    }

    /// The code of the asset with this number, from 0 in the order in which they were created.
    pub fn asset(&self, number: u32) -> Result<Option<AssetCode>, StorageError> {
        self.decoded(ASSETS, &asset_key(number))
    }

    fn torn(&self, owner: &HistoryOwner, height: Height) -> StorageError {
        self.damage(&format!("the history of {owner} is torn at block {height}"))
    }
}
