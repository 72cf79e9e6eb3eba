//! What of a journal an engine may be recovered from, and what is removed from it first.

use quorate_consensus::Record;
use quorate_crypto::{Digest, Epoch, Height};

use crate::effect::EntryNumber;
use crate::entries::Entry;

/// Where the chain is that a journal belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The epoch under way.
    pub epoch: Epoch,
    /// The certified height.
    pub certified: Height,
}

/// A journal, sorted out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// What the epoch's engine is recovered from, in order.
    pub records: Vec<Record>,
    /// All entries that stay in the journal, in order.
    pub entries: Vec<Entry>,
    /// The number of the next entry.
    pub next: EntryNumber,
    /// Entries to be removed, durably, before anything is said: votes that never left, as a crash has lost
    /// their batches. Should these turn up later, another vote may have left in their place, and the next
    /// restart must not take both for said.
    pub remove: Vec<EntryNumber>,
    /// Whether an entry is of a later epoch than the chain, which has lost blocks, then: the validator must
    /// not vote, and no record is given to its engine.
    pub is_ahead: bool,
}

/// Sorts a journal out, given as its entries in order and the number of the next one. Records at or below
/// the chain's certified height bind nobody any more; those of former epochs neither.
pub fn recovered(
    journal: Vec<(EntryNumber, Record)>,
    next: EntryNumber,
    chain: At,
    is_durable: impl Fn(&Digest) -> bool,
) -> Recovered {
    let mut records = Vec::new();
    let mut numbers = Vec::new();
    let mut entries = Vec::new();
    let mut is_ahead = false;
    for (number, record) in journal {
        if let Some(of) = record.epoch().filter(|of| *of != chain.epoch) {
            is_ahead |= of > chain.epoch;
            entries.push(Entry::of_former_epoch(number, chain.certified));
            continue;
        }
        entries.push(Entry::new(number, &record));
        if record.height().is_none_or(|height| height > chain.certified) {
            records.push(record);
            numbers.push(number);
        }
    }
    if is_ahead {
        records.clear();
    }
    let unsent = match breaks!(UnsentKept) {
        true => Vec::new(),
        false => Record::unsent(&records, is_durable),
    };
    let remove: Vec<EntryNumber> = unsent.iter().map(|place| numbers[*place]).collect();
    entries.retain(|entry| !remove.contains(&entry.number()));
    for place in unsent.into_iter().rev() {
        records.remove(place);
    }
    Recovered {
        records,
        entries,
        next,
        remove,
        is_ahead,
    }
}
