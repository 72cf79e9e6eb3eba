//! Lists, read a page at a time. A page begins after the last item of the one before, so that a reader who
//! comes back later finds everything, whatever was added meanwhile.

use quorate_crypto::Committee;
use quorate_ledger::{Address, AssetCode, Block, Digest, Epoch, Height, Keep, LogEntry, StateKey, Timestamp};

use super::{MAX_PAGE, Snapshot};
use crate::StorageError;
use crate::database::{Family, Order};
use crate::families::{
    ASSET_KIND, BLOCKS, EPOCHS, EpochRecord, HASHES, HOLDERS, HeightRecord, RECORDS, RecordPlace,
    RecordRecord, STATE, TRANSACTIONS, epoch_key, height_key, holder_key, record_key, record_place,
};
use crate::log::LogRow;
use crate::rows::code_of_b37;

/// That an account recorded a document's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordItem {
    /// Where on the chain.
    pub place: RecordPlace,
    /// By whom.
    pub address: Address,
    /// What keeps it besides the log and this list.
    pub keep: Keep,
    /// In which transaction.
    pub transaction: Digest,
    /// The block.
    pub height: Height,
    /// The block's time.
    pub timestamp: Timestamp,
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
        let mut items: Vec<RecordItem> = Vec::new();
        // Records of one block come one after the other.
        let mut row: Option<LogRow> = None;
        let entries = self
            .view
            .range(RECORDS, lower, successor(sha256.as_bytes()), Order::Ascending);
        for entry in entries.take(limit.min(MAX_PAGE)) {
            let (key, value) = entry?;
            let place = key
                .get(sha256.as_bytes().len()..)
                .and_then(record_place)
                .ok_or_else(|| self.damage("a key of `records` is not 41 bytes"))?;
            let RecordRecord::V1 { address, keep } = self.decode("records", &value)?;
            let own = match row.take() {
                Some(own) if own.ordinals().contains(&place.ordinal) => own,
                _ => LogRow::with(&self.view, place.ordinal)?,
            };
            let leaf = self.entries_in(&own, &[place.ordinal])?.pop();
            let logged = leaf.as_ref().and_then(LogEntry::transaction);
            let logged = logged.ok_or_else(|| self.damage("a record is of no transaction"))?;
            items.push(RecordItem {
                place,
                address,
                keep,
                transaction: logged.id,
                height: logged.height,
                timestamp: logged.timestamp,
            });
            row = Some(own);
        }
        Ok(items)
    }

    /// Assets after `after`, ascending by code; at most `limit` and at most [`MAX_PAGE`].
    pub fn assets(&self, after: Option<&AssetCode>, limit: usize) -> Result<Vec<AssetCode>, StorageError> {
        // Keys of the state sort as codes do; the family `assets` has them by their numbers.
        let lower = after.map_or_else(
            || vec![ASSET_KIND],
            |code| just_after(StateKey::asset(code).as_bytes()),
        );
        self.view
            .range(STATE, lower, Some(vec![ASSET_KIND + 1]), Order::Ascending)
            .take(limit.min(MAX_PAGE))
            .map(|entry| {
                let (key, _) = entry?;
                let b37 = key.get(1..9).and_then(|b37| b37.try_into().ok());
                b37.and_then(|b37| code_of_b37(&b37))
                    .ok_or_else(|| self.damage("a key of an asset in `state` is no asset's code"))
            })
            .collect()
    }

    /// Hashes from `lowest` to `highest`, both included: of blocks with their heights, at most `limit` and at most
    /// [`MAX_PAGE`], ascending.
    pub fn blocks_between(
        &self,
        lowest: &Digest,
        highest: &Digest,
        limit: usize,
    ) -> Result<Vec<(Digest, Height)>, StorageError> {
        let entries = self.hashes_between(HASHES, lowest, highest);
        let blocks = entries.take(limit.min(MAX_PAGE)).map(|entry| {
            let (hash, value) = entry?;
            let HeightRecord::V1(height) = self.decode("hashes", &value)?;
            Ok((hash, height))
        });
        blocks.collect()
    }

    /// The same of executed transactions, by id.
    pub fn transactions_between(
        &self,
        lowest: &Digest,
        highest: &Digest,
        limit: usize,
    ) -> Result<Vec<Digest>, StorageError> {
        let entries = self.hashes_between(TRANSACTIONS, lowest, highest);
        entries
            .take(limit.min(MAX_PAGE))
            .map(|entry| Ok(entry?.0))
            .collect()
    }

    /// The same of recorded documents, by SHA-256. Each is found once, however often it was recorded.
    pub fn documents_between(
        &self,
        lowest: &Digest,
        highest: &Digest,
        limit: usize,
    ) -> Result<Vec<Digest>, StorageError> {
        let (mut documents, mut lower) = (Vec::new(), Some(lowest.as_bytes().to_vec()));
        let upper = successor(highest.as_bytes());
        while documents.len() < limit.min(MAX_PAGE)
            && let Some(from) = lower
        {
            let mut entries = self.view.range(RECORDS, from, upper.clone(), Order::Ascending);
            let Some(entry) = entries.next() else {
                break;
            };
            let document = self.hash_of_key(&entry?.0)?;
            lower = successor(document.as_bytes());
            documents.push(document);
        }
        Ok(documents)
    }

    /// Entries of a family whose keys begin with a hash.
    fn hashes_between(
        &self,
        family: Family,
        lowest: &Digest,
        highest: &Digest,
    ) -> impl Iterator<Item = Result<(Digest, Box<[u8]>), StorageError>> {
        let (lower, upper) = (lowest.as_bytes().to_vec(), successor(highest.as_bytes()));
        let entries = self.view.range(family, lower, upper, Order::Ascending);
        entries.map(|entry| {
            let (key, value) = entry?;
            Ok((self.hash_of_key(&key)?, value))
        })
    }

    /// The hash that a key begins with.
    fn hash_of_key(&self, key: &[u8]) -> Result<Digest, StorageError> {
        let hash = key.first_chunk().copied().map(Digest);
        hash.ok_or_else(|| self.damage("a key that begins with a hash is too short"))
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

    /// The first height and the committee of an epoch that has begun, or whose committee the last block names.
    pub fn epoch(&self, epoch: Epoch) -> Result<Option<(Height, Committee)>, StorageError> {
        let record = self.decoded(EPOCHS, &epoch_key(epoch))?;
        Ok(record.map(|EpochRecord::V1 { first, committee }| (first, committee)))
    }

    /// Who holds an asset, free or held: accounts after `after`, ascending by address; at most `limit` and at
    /// most [`MAX_PAGE`].
    pub fn holders(
        &self,
        code: &AssetCode,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<Address>, StorageError> {
        let b37 = code.b37();
        let lower = match after {
            Some(address) => just_after(&holder_key(code, address)),
            None => b37.to_vec(),
        };
        self.view
            .range(HOLDERS, lower, successor(&b37), Order::Ascending)
            .take(limit.min(MAX_PAGE))
            .map(|entry| {
                let (key, _) = entry?;
                let address = key.get(b37.len()..).and_then(|rest| rest.try_into().ok());
                address
                    .map(Address)
                    .ok_or_else(|| self.damage("a key of `holders` is not 28 bytes"))
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
