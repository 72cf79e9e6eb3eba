//! Where histories end that grew lately, in memory: who pays once pays again soon, and to read a leaf again for the
//! height behind it takes as long as to execute a payment.
//!
//! Bound: [`REMEMBERED`] in each of two generations. What did not grow while a whole generation of others did goes.

use std::collections::HashMap;

use quorate_ledger::{Height, StateKey};

/// Histories of which it is remembered where they end, in each of two generations: about 10 MB together.
const REMEMBERED: usize = 1 << 16;

/// The heights of histories' newest steps, by the keys of their owners' leaves.
#[derive(Debug, Default)]
pub(super) struct Ends {
    // Only looked up in.
    young: HashMap<StateKey, Height>,
    old: HashMap<StateKey, Height>,
}

impl Ends {
    /// The height of the newest step of the history of what lies under this key, if it grew lately.
    pub(super) fn get(&self, key: &StateKey) -> Option<Height> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    /// A block at this height, in which it grew, was written.
    pub(super) fn put(&mut self, key: StateKey, height: Height) {
        if self.young.len() >= REMEMBERED && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> StateKey {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        StateKey(key)
    }

    #[test]
    fn the_newest_height_is_known_and_few_are_kept() {
        let mut ends = Ends::default();
        ends.put(key(0), Height(1));
        ends.put(key(0), Height(2));
        assert_eq!(ends.get(&key(0)), Some(Height(2)));
        for number in 1..=REMEMBERED {
            ends.put(key(number), Height(3));
        }
        assert_eq!(ends.get(&key(0)), Some(Height(2)));
        for number in 1..=REMEMBERED {
            ends.put(key(REMEMBERED + number), Height(4));
        }
        assert_eq!(ends.get(&key(0)), None);
        assert_eq!(ends.get(&key(2 * REMEMBERED)), Some(Height(4)));
        assert!(ends.young.len() <= REMEMBERED && ends.old.len() <= REMEMBERED);
    }
}
