//! Reading the state: one value, many at once, all of them for the state tree.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use quorate_ledger::{Digest, Height, Prefix, StateKey, StateReader, StateTree, Timestamp, value_hash};

use crate::database::{Database, DatabaseSnapshot, Order};
use crate::families::{STATE, split_state_row};
use crate::{Snapshot, StorageError, log};

/// Values in a list that is handed from the thread that reads the state to the one that builds the tree.
const LIST: usize = 4096;
/// Lists that may wait between the two.
const LISTS_AHEAD: usize = 4;

/// So many values are looked up by two threads at the same time: to start one takes as long as to find a few.
const SHARED_WORK: usize = 256;

/// The state tree of a snapshot, rebuilt from its values and checked against its header.
pub(super) fn load_tree(snapshot: &Snapshot) -> Result<StateTree, StorageError> {
    // One thread reads and hashes values while this one puts them into the tree.
    let tree = std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(LISTS_AHEAD);
        let reader = scope.spawn(|| read_state(snapshot, sender));
        let tree = StateTree::load(snapshot.height(), receiver.into_iter().flatten());
        let read = reader.join().expect("reading and hashing do not panic");
        read.map(|()| tree)
    })?;
    let (expected, rebuilt) = (snapshot.state_root(), tree.root());
    if expected != rebuilt {
        return Err(StorageError::StateMismatch {
            height: snapshot.height(),
            expected,
            rebuilt,
        });
    }
    Ok(tree)
}

/// Hands on every key of the state with the hash of its value, in ascending order.
fn read_state(snapshot: &Snapshot, lists: SyncSender<Vec<(StateKey, Digest)>>) -> Result<(), StorageError> {
    let mut list = Vec::with_capacity(LIST);
    for entry in snapshot.state() {
        let (key, value) = entry?;
        list.push((key, value_hash(&value)));
        if list.len() == LIST {
            let full = std::mem::replace(&mut list, Vec::with_capacity(LIST));
            lists.send(full).expect("the tree takes all there is");
        }
    }
    lists.send(list).expect("the tree takes all there is");
    Ok(())
}

/// The value in a row of the state, and of a leaf with a history its newest step's height.
pub(crate) fn value_in(
    database: &Database,
    key: &StateKey,
    row: Vec<u8>,
) -> Result<(Vec<u8>, Height), StorageError> {
    split_state_row(key, row).ok_or_else(|| {
        let reason = format!("the state under {key} is too short");
        StorageError::corrupted(database.path(), reason)
    })
}

/// The newest value under a key, with its newest step's height.
pub(super) fn read_newest(
    database: &Database,
    key: &StateKey,
) -> Result<Option<(Vec<u8>, Height)>, StorageError> {
    let row = database.get(STATE, key.as_bytes())?;
    row.map(|row| value_in(database, key, row)).transpose()
}

/// A value, and the height of its owner's newest step.
type Stepped = (Vec<u8>, Height);

/// The newest values under ascending keys, in their order, with their newest steps' heights.
pub(super) fn read_each(
    database: &Database,
    keys: &[StateKey],
) -> Result<Vec<Option<Stepped>>, StorageError> {
    let read = |keys: &[StateKey]| {
        let rows = database.get_all(STATE, keys.iter().map(StateKey::as_bytes))?;
        let found = rows.into_iter().zip(keys);
        found
            .map(|(row, key)| row.map(|row| value_in(database, key, row)).transpose())
            .collect::<Result<Vec<_>, StorageError>>()
    };
    if keys.len() < SHARED_WORK {
        return read(keys);
    }
    let (own, other) = keys.split_at(keys.len() / 2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| read(other));
        let mut values = read(own)?;
        values.append(&mut other.join().expect("a look-up does not panic")?);
        Ok(values)
    })
}

/// All that the state has under a prefix, ascending.
pub(crate) fn read_under(
    view: &DatabaseSnapshot,
    prefix: &Prefix,
) -> Result<Vec<(StateKey, Vec<u8>)>, StorageError> {
    let mut found = Vec::new();
    for entry in view.range(STATE, prefix.key.to_vec(), None, Order::Ascending) {
        let (key, row) = entry?;
        let key = key_of(view, &key)?;
        if !prefix.covers(&key) {
            break;
        }
        found.push((key, value_in(view.database(), &key, row.into_vec())?.0));
    }
    Ok(found)
}

/// A key of the family `state`.
pub(crate) fn key_of(view: &DatabaseSnapshot, key: &[u8]) -> Result<StateKey, StorageError> {
    key.try_into()
        .map(StateKey)
        .map_err(|_| StorageError::corrupted(view.database().path(), "a key of `state` is not 32 bytes"))
}

/// Reads the newest certified state.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) database: Arc<Database>,
}

impl StateReader for Reader {
    type Error = StorageError;

    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(read_newest(&self.database, key)?.map(|(value, _)| value))
    }

    fn values_of(&self, keys: &[StateKey]) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        let found = read_each(&self.database, keys)?.into_iter();
        Ok(found.map(|found| found.map(|(value, _)| value)).collect())
    }

    fn spent_at(&self, ids: &[Digest], at: Timestamp) -> Result<Vec<bool>, StorageError> {
        log::spent_at(&self.database.snapshot(), ids, at)
    }

    fn block_hash(&self, height: Height) -> Result<Option<Digest>, StorageError> {
        let header = log::header(&self.database.snapshot(), height)?;
        Ok(header.map(|header| header.hash()))
    }

    fn values_under(&self, prefix: &Prefix) -> Result<Vec<(StateKey, Vec<u8>)>, StorageError> {
        read_under(&self.database.snapshot(), prefix)
    }
}
