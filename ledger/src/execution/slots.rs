//! Values of one type that a block looks at: decoded once, and encoded once at its end.

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::state::decode_value;
use crate::{StateError, StateKey, StateReader, encode};

/// Values by key, as the block finds and leaves them.
pub(super) struct Slots<T> {
    slots: HashMap<StateKey, Slot<T>>,
}

struct Slot<T> {
    /// The value's bytes before the block, if there was one.
    stored: Option<Vec<u8>>,
    now: Option<T>,
    /// Whether the block has written here, be it what was there before.
    written: bool,
}

impl<T: Serialize + DeserializeOwned> Slots<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: HashMap::new(),
        }
    }

    /// The value under a key.
    pub(super) fn get<R: StateReader>(
        &mut self,
        reader: &R,
        key: &StateKey,
    ) -> Result<Option<&T>, StateError<R::Error>> {
        if !self.slots.contains_key(key) {
            let stored = reader.value(key).map_err(StateError::Read)?;
            self.load::<R::Error>(*key, stored)?;
        }
        Ok(self.known(key))
    }

    /// Looks up these keys, strictly ascending, all at once.
    pub(super) fn read_ahead<R: StateReader>(
        &mut self,
        reader: &R,
        keys: &[StateKey],
    ) -> Result<(), StateError<R::Error>> {
        let lacking = keys.iter().filter(|key| !self.slots.contains_key(*key));
        let lacking: Vec<StateKey> = lacking.copied().collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let values = reader.values_of(&lacking).map_err(StateError::Read)?;
        for (key, stored) in lacking.into_iter().zip(values) {
            self.load::<R::Error>(key, stored)?;
        }
        Ok(())
    }

    /// The value under a key that was looked up before; none if it was not.
    pub(super) fn known(&self, key: &StateKey) -> Option<&T> {
        self.slots.get(key).and_then(|slot| slot.now.as_ref())
    }

    /// Replaces, makes or removes the value under a key that was looked up before, and gives what was there.
    pub(super) fn put(&mut self, key: &StateKey, now: Option<T>) -> Option<T> {
        let slot = self.slots.get_mut(key).expect("the value was looked up before");
        slot.written = true;
        std::mem::replace(&mut slot.now, now)
    }

    /// Adds what is another than before the block to its changes.
    pub(super) fn finish(self, changes: &mut Vec<(StateKey, Option<Vec<u8>>)>) {
        for (key, slot) in self.slots {
            if !slot.written {
                continue;
            }
            let value = slot.now.as_ref().map(encode);
            if value != slot.stored {
                changes.push((key, value));
            }
        }
    }

    fn load<E>(&mut self, key: StateKey, stored: Option<Vec<u8>>) -> Result<(), StateError<E>> {
        let now = match &stored {
            Some(bytes) => Some(decode_value::<T, E>(&key, bytes)?),
            None => None,
        };
        let slot = Slot {
            stored,
            now,
            written: false,
        };
        self.slots.insert(key, slot);
        Ok(())
    }
}
