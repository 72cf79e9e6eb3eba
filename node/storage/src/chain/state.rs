//! Reading the state: one value, many at once, all of them for the state tree.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use quorate_ledger::{Digest, StateKey, StateReader, StateTree, value_hash};

use crate::database::Database;
use crate::families::{STATE, TRANSACTIONS};
use crate::{Snapshot, StorageError};

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

/// Reads the newest certified state.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) database: Arc<Database>,
}

impl StateReader for Reader {
    type Error = StorageError;

    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StorageError> {
        self.database.get(STATE, key.as_bytes())
    }

    fn values_of(&self, keys: &[StateKey]) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        let read = |keys: &[StateKey]| self.database.get_all(STATE, keys.iter().map(StateKey::as_bytes));
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

    fn is_spent(&self, id: &Digest) -> Result<bool, StorageError> {
        self.database.contains(TRANSACTIONS, id.as_bytes())
    }

    fn are_spent(&self, ids: &[Digest]) -> Result<Vec<bool>, StorageError> {
        let keys = ids.iter().map(|id| id.as_bytes().as_slice());
        self.database.contains_each(TRANSACTIONS, keys)
    }
}
