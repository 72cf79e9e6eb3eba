//! What a block adds to histories, on disk: one row for all steps, their owners' newest heights, and waypoints
//! (`docs/formats.md`, sections 13 and 20).
//!
//! An owner's first step in a block says in which block the one before is, and the owner's leaf in the state
//! where its newest is. So a payment costs no rows of its own, and a history is read from the newest step down,
//! or from any waypoint.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use quorate_ledger::{Asset, AssetCode, Digest, Execution, Height, HistoryOwner, StateKey, encode};
use rocksdb::WriteBatch;

use super::ends::Ends;
use super::state::{read_each, read_newest};
use super::{decode_stored, digest_of};
use crate::StorageError;
use crate::database::Database;
use crate::families::{
    HISTORIES, HistoriesRecord, WAYPOINT_NODES, WAYPOINTS, WaypointRecord, height_key, leaf_key,
    waypoint_key, waypoint_node_key,
};
use crate::rows::encode_histories;
use crate::waypoint_nodes::{ListPart, completed_nodes};

/// The histories that a block goes on with.
pub(super) struct Growing {
    /// By the keys of their owners' leaves, the height of the step before the block's first; 0 for new ones. What is
    /// written does not follow its order.
    before: HashMap<StateKey, Height>,
}

impl Growing {
    /// Looks up where the histories end that the block adds to, as far as `ends` does not know.
    pub(super) fn find(
        database: &Database,
        execution: &Execution,
        ends: &Ends,
    ) -> Result<Self, StorageError> {
        let mut before = HashMap::with_capacity(execution.histories.len());
        let mut unknown = Vec::new();
        for entry in &execution.histories {
            let key = leaf_key(&entry.owner);
            // An owner's steps are in their order, so this is its first in the block.
            if let Entry::Vacant(place) = before.entry(key) {
                let known = if entry.step.number > 1 {
                    ends.get(&key)
                } else {
                    Some(Height::GENESIS)
                };
                if known.is_none() {
                    unknown.push(key);
                }
                place.insert(known.unwrap_or(Height::GENESIS));
            }
        }
        unknown.sort_unstable();
        for (key, found) in unknown.iter().zip(read_each(database, &unknown)?) {
            let newest = found.map_or(Height::GENESIS, |(_, newest)| newest);
            if newest == Height::GENESIS {
                let reason = format!("the state under {key} does not say where its history ends");
                return Err(StorageError::corrupted(database.path(), reason));
            }
            before.insert(*key, newest);
        }
        Ok(Self { before })
    }

    /// Has `ends` know of the block at this height, once it is written.
    pub(super) fn note(self, ends: &mut Ends, height: Height) {
        for key in self.before.into_keys() {
            ends.put(key, height);
        }
    }

    /// The height of the newest step, after the block, of the history of what lies under this key.
    pub(super) fn newest(
        &self,
        database: &Database,
        key: &StateKey,
        height: Height,
    ) -> Result<Height, StorageError> {
        if self.before.contains_key(key) {
            return Ok(height);
        }
        let stored = read_newest(database, key)?;
        Ok(stored.map_or(Height::GENESIS, |(_, newest)| newest))
    }

    /// Adds the block's steps and waypoints to its write. `first` is the ordinal of its first leaf.
    pub(super) fn put(
        &self,
        database: &Database,
        write: &mut WriteBatch,
        execution: &Execution,
        first: u64,
    ) -> Result<(), StorageError> {
        if execution.histories.is_empty() {
            return Ok(());
        }
        let numbers = asset_numbers(database, execution)?;
        let accounts = encode_histories(
            &execution.histories,
            first,
            |owner| {
                let before = self.before.get(&leaf_key(owner));
                *before.expect("each owner of the block's steps was looked up")
            },
            |code| {
                *numbers
                    .get(code)
                    .expect("each asset of the block's steps was looked up")
            },
        );
        let record = HistoriesRecord::V1 { accounts: &accounts };
        let height = execution.tip.height;
        write.put_cf(database.family(HISTORIES), height_key(height), encode(&record));
        put_waypoints(database, write, execution)
    }
}

/// The numbers of the assets in the block's steps.
fn asset_numbers(
    database: &Database,
    execution: &Execution,
) -> Result<BTreeMap<AssetCode, u32>, StorageError> {
    let changes = execution.histories.iter().flat_map(|entry| &entry.step.changes);
    let codes: BTreeSet<AssetCode> = changes.map(|change| change.asset).collect();
    let mut numbers: BTreeMap<AssetCode, u32> = execution
        .assets
        .iter()
        .map(|(number, code)| (*code, *number))
        .collect();
    let old: Vec<AssetCode> = codes
        .into_iter()
        .filter(|code| !numbers.contains_key(code))
        .collect();
    // Codes order as their keys do.
    let keys: Vec<StateKey> = old.iter().map(StateKey::asset).collect();
    for (code, found) in old.into_iter().zip(read_each(database, &keys)?) {
        let (value, _) = found.ok_or_else(|| {
            StorageError::corrupted(database.path(), format!("the asset {code} is missing"))
        })?;
        let Asset::V1(asset) = decode_stored(database.path(), "state", &value)?;
        numbers.insert(code, asset.number);
    }
    Ok(numbers)
}

/// Adds the block's waypoints, and the inner hashes of their lists that it completes.
fn put_waypoints(
    database: &Database,
    write: &mut WriteBatch,
    execution: &Execution,
) -> Result<(), StorageError> {
    let height = execution.tip.height;
    for waypoint in &execution.waypoints {
        let record = WaypointRecord {
            hash: waypoint.hash,
            height,
        };
        let key = waypoint_key(&waypoint.owner, waypoint.number);
        write.put_cf(database.family(WAYPOINTS), key, encode(&record));
    }
    let completed = completed_nodes(&execution.waypoints, |owner, part| {
        read_part(database, owner, part)
    });
    let completed = completed.map_err(|error| StorageError::of_waypoints(database.path(), error))?;
    for node in completed {
        let key = waypoint_node_key(&node.owner, node.level, node.index);
        write.put_cf(database.family(WAYPOINT_NODES), key, node.hash.as_bytes());
    }
    Ok(())
}

/// What earlier blocks wrote of an owner's list of waypoints.
fn read_part(
    database: &Database,
    owner: &HistoryOwner,
    part: ListPart,
) -> Result<Option<Digest>, StorageError> {
    let path = database.path();
    match part {
        ListPart::Waypoint { number } => {
            let Some(stored) = database.get(WAYPOINTS, &waypoint_key(owner, number))? else {
                return Ok(None);
            };
            let record: WaypointRecord = decode_stored(path, "waypoints", &stored)?;
            Ok(Some(record.hash))
        }
        ListPart::Node { level, index } => {
            let stored = database.get(WAYPOINT_NODES, &waypoint_node_key(owner, level, index))?;
            stored
                .map(|stored| digest_of(path, "waypoint_nodes", &stored))
                .transpose()
        }
    }
}
