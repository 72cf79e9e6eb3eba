//! Things that come up again and again while a model runs, each with a number: few differ, however many
//! situations of a network there are.

use std::collections::HashMap;
use std::hash::Hash;

use quorate_consensus::Message;
use quorate_crypto::{Digest, sha256};
use quorate_ledger::encode;

/// Things with numbers in the order in which they came up. What has the same key is the same.
#[derive(Debug)]
pub(crate) struct Numbered<K, T> {
    all: Vec<T>,
    numbers: HashMap<K, u32>,
}

impl<K: Hash + Eq, T> Numbered<K, T> {
    pub(crate) fn new() -> Self {
        Self {
            all: Vec::new(),
            numbers: HashMap::new(),
        }
    }

    /// The number of what has this key. If it is new, it is made.
    pub(crate) fn number_of(&mut self, key: K, make: impl FnOnce() -> T) -> u32 {
        let next = u32::try_from(self.all.len()).expect("what differs is few");
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.all.push(make());
        }
        number
    }

    pub(crate) fn get(&self, number: u32) -> &T {
        &self.all[number as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

impl Numbered<Digest, Message> {
    pub(crate) fn number_of_message(&mut self, message: Message) -> u32 {
        self.number_of(sha256(&encode(&message)), || message)
    }
}
