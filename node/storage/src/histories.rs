//! Accounts' histories on disk. What a block adds to all of them is one value, written once; an account's
//! first entry there says in which block the one before is, and the account itself where its newest is. So
//! a payment costs no rows of its own, and a history is read from the newest entry down.
//!
//! Every [`MILESTONE`]th entry of an account is also found by its number, so that a reader can begin
//! anywhere without going all the way.

use std::ops::Range;

use quorate_ledger::{Address, Digest, Execution, Height, encode};
use serde::{Deserialize, Serialize};

/// One in so many entries is found by its number.
pub(crate) const MILESTONE: u64 = 64;

/// The byte with which an encoded [`HistoriesRecord::V1`] begins.
const VERSION_1: u8 = 0;
/// Bytes of an encoded id.
const ID_BYTES: usize = 32;
/// Bytes of an encoded [`EntryRecord`].
const ENTRY_BYTES: usize = 40;

/// What a block added to histories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HistoriesRecord {
    V1 {
        /// Of the block's executed transactions, in order.
        ids: Vec<Digest>,
        /// Ascending by address, then number.
        entries: Vec<EntryRecord>,
    },
}

/// One entry of one account's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryRecord {
    pub(crate) address: Address,
    pub(crate) number: u64,
    /// The transaction's place among the block's executed ones.
    pub(crate) index: u32,
    /// The block of the entry before, 0 before the first.
    pub(crate) before: Height,
}

/// What a block adds to histories, encoded; none if it adds nothing.
pub(crate) fn record_of(execution: &Execution) -> Option<Vec<u8>> {
    let entries = execution.histories.iter().map(|entry| EntryRecord {
        address: entry.address,
        number: entry.number,
        index: entry.index,
        before: entry.before,
    });
    let mut entries: Vec<_> = entries.collect();
    entries.sort_unstable_by_key(|entry| (entry.address, entry.number));
    let ids = execution.transactions.iter().map(|executed| executed.id);
    let ids: Vec<_> = ids.collect();
    (!entries.is_empty()).then(|| encode(&HistoriesRecord::V1 { ids, entries }))
}

/// A stored [`HistoriesRecord`], looked into without decoding the whole of it.
#[derive(Debug)]
pub(crate) struct Histories {
    bytes: Vec<u8>,
    ids: Range<usize>,
    entries: Range<usize>,
}

impl Histories {
    /// None if these are not the bytes of a record.
    pub(crate) fn parse(bytes: Vec<u8>) -> Option<Self> {
        if *bytes.first()? != VERSION_1 {
            return None;
        }
        let ids = sequence(&bytes, 1, ID_BYTES)?;
        let entries = sequence(&bytes, ids.end, ENTRY_BYTES)?;
        (entries.end == bytes.len()).then_some(Self { bytes, ids, entries })
    }

    /// The entries of an account, ascending.
    pub(crate) fn of(&self, address: &Address) -> Option<Vec<EntryRecord>> {
        let (entries, _) = self.bytes[self.entries.clone()].as_chunks::<ENTRY_BYTES>();
        let first = entries.partition_point(|entry| entry[..20] < *address.as_bytes().as_slice());
        let own = entries[first..]
            .iter()
            .take_while(|entry| entry[..20] == *address.as_bytes().as_slice());
        own.map(|entry| bcs::from_bytes(entry).ok()).collect()
    }

    /// The id of the transaction at this place.
    pub(crate) fn id(&self, index: u32) -> Option<Digest> {
        let (ids, _) = self.bytes[self.ids.clone()].as_chunks::<ID_BYTES>();
        ids.get(usize::try_from(index).ok()?).copied().map(Digest)
    }
}

/// Where the items of the BCS sequence lie that begins at `start`, each of so many bytes.
fn sequence(bytes: &[u8], start: usize, item: usize) -> Option<Range<usize>> {
    let mut count: usize = 0;
    for (place, byte) in bytes.get(start..)?.iter().take(5).enumerate() {
        count |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            let first = start + place + 1;
            let end = first.checked_add(count.checked_mul(item)?)?;
            return (end <= bytes.len()).then_some(first..end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(address: u8, number: u64) -> EntryRecord {
        EntryRecord {
            address: Address([address; 20]),
            number,
            index: u32::from(address),
            before: Height(number / 2),
        }
    }

    fn record(count: u8) -> (Vec<Digest>, Vec<EntryRecord>, Vec<u8>) {
        let ids: Vec<_> = (0..count).map(|byte| Digest([byte; 32])).collect();
        let numbers = (0..count).flat_map(|address| [entry(address, 7), entry(address, 8)]);
        let entries: Vec<_> = numbers.collect();
        let record = HistoriesRecord::V1 {
            ids: ids.clone(),
            entries: entries.clone(),
        };
        (ids, entries, encode(&record))
    }

    #[test]
    fn what_was_encoded_is_found() {
        for count in [1, 63, 64, 200] {
            let (ids, entries, bytes) = record(count);
            let histories = Histories::parse(bytes).unwrap();
            for address in 0..count {
                let own = histories.of(&Address([address; 20])).unwrap();
                let expected = entries
                    .iter()
                    .filter(|entry| entry.address == Address([address; 20]));
                assert!(own.iter().eq(expected));
                assert_eq!(histories.id(u32::from(address)), Some(ids[usize::from(address)]));
            }
            assert_eq!(histories.of(&Address([255; 20])), Some(Vec::new()));
            assert_eq!(histories.id(u32::from(count)), None);
        }
    }

    #[test]
    fn other_bytes_are_none() {
        let (.., bytes) = record(3);
        for length in 0..bytes.len() {
            assert!(Histories::parse(bytes[..length].to_vec()).is_none());
        }
        assert!(Histories::parse([bytes.as_slice(), &[0]].concat()).is_none());
        assert!(Histories::parse([&[1], &bytes[1..]].concat()).is_none());
        assert!(Histories::parse(vec![0, 255, 255, 255, 255, 255]).is_none());
    }
}
