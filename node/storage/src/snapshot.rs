//! Reading the chain at one certified height, while later blocks are written.
//!
//! A snapshot sees whole blocks only, as a block is one write. It keeps old versions of values from being
//! compacted away, erased texts too, so it is for answering a question, not for keeping.

use std::sync::Arc;

use bytes::Bytes;
use quorate_crypto::Certificate;
use quorate_ledger::{
    Address, Block, CertifiedBlock, CertifiedBlockV1, Digest, Header, Height, LogEntry, Outcome, Prefix,
    SignedBatch, StateKey, StateReader, Timestamp, Tip, Transaction, count_transactions, encode,
};
use serde::de::DeserializeOwned;

use crate::StorageError;
use crate::chain::{Lists, Stored, decode_stored, key_of, read_under, value_in};
use crate::database::{DatabaseSnapshot, Family, Order};
use crate::families::{BATCHES, BLOCKS, CERTIFICATES, HASHES, HeightRecord, STATE, height_key};
use crate::log::{self, LogRow};
use crate::rows::RowError;

mod histories;
mod pages;
mod static_files;
mod texts;

pub use histories::HistoryItem;
pub(crate) use histories::{Codes, NumberedStep};
pub use pages::RecordItem;
use pages::successor;
pub use texts::MissingText;

/// The most items that a page has, whatever is asked for.
pub const MAX_PAGE: usize = 1_000;

/// The chain at one certified height. Can be kept and sent between threads.
pub struct Snapshot {
    view: DatabaseSnapshot,
    stored: Arc<Stored>,
}

/// Where a transaction was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The block.
    pub height: Height,
    /// Its leaf's place among those that the block appended to the log, from 0: but in a block that begins with a
    /// recovery, its place among the block's executed transactions.
    pub index: u32,
}

/// An executed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedAt {
    /// Where.
    pub location: Location,
    /// The place of its leaf in the log.
    pub ordinal: u64,
    /// The block's time.
    pub timestamp: Timestamp,
    /// The transaction, as it was ordered.
    pub transaction: Transaction,
    /// What became of it.
    pub outcome: Outcome,
}

impl Snapshot {
    pub(crate) fn new(view: DatabaseSnapshot, stored: Arc<Stored>) -> Self {
        Self { view, stored }
    }

    /// The certified height that everything here is read at.
    pub fn height(&self) -> Height {
        self.stored.tip.height
    }

    /// The last block.
    pub fn tip(&self) -> &Tip {
        &self.stored.tip
    }

    /// The root of the state after the last block.
    pub fn state_root(&self) -> Digest {
        self.stored.tip.state_root
    }

    /// Leaves of the transaction log: transactions executed since genesis, and recoveries.
    pub fn transaction_count(&self) -> u64 {
        self.stored.tip.log.length()
    }

    /// The header of the block at a height.
    pub fn header(&self, height: Height) -> Result<Option<Header>, StorageError> {
        log::header(&self.view, height)
    }

    /// The block at a height.
    pub fn block(&self, height: Height) -> Result<Option<Block>, StorageError> {
        self.decoded(BLOCKS, &height_key(height))
    }

    /// The certificate of the block at a height.
    pub fn certificate(&self, height: Height) -> Result<Option<Certificate>, StorageError> {
        self.decoded(CERTIFICATES, &height_key(height))
    }

    /// The height of the block with this hash.
    pub fn height_of(&self, hash: &Digest) -> Result<Option<Height>, StorageError> {
        let record = self.decoded(HASHES, hash.as_bytes())?;
        Ok(record.map(|HeightRecord::V1(height)| height))
    }

    /// The canonical bytes of a stored signed batch.
    pub fn batch(&self, digest: &Digest) -> Result<Option<Bytes>, StorageError> {
        let bytes = self.view.get(BATCHES, digest.as_bytes())?;
        Ok(bytes.map(Bytes::from))
    }

    /// A block with its certificate and batches, and what there is of their texts.
    pub fn certified_block(&self, height: Height) -> Result<Option<CertifiedBlock>, StorageError> {
        let (Some(block), Some(certificate)) = (self.block(height)?, self.certificate(height)?) else {
            return Ok(None);
        };
        let digests = block.v1().proposal.batches();
        let batches = digests
            .iter()
            .map(|digest| self.decode("batches", &self.ordered_batch(digest)?))
            .collect::<Result<Vec<SignedBatch>, _>>()?;
        let texts = batches
            .iter()
            .map(|batch| self.ordered_texts(batch.batch()))
            .collect::<Result<_, _>>()?;
        Ok(Some(CertifiedBlock::V1(CertifiedBlockV1 {
            block,
            certificate,
            batches,
            texts,
        })))
    }

    /// The canonical bytes of [`Snapshot::certified_block`], put together from those that are stored.
    pub fn certified_block_bytes(&self, height: Height) -> Result<Option<Vec<u8>>, StorageError> {
        let key = height_key(height);
        let (Some(block), Some(certificate)) =
            (self.view.get(BLOCKS, &key)?, self.view.get(CERTIFICATES, &key)?)
        else {
            return Ok(None);
        };
        let decoded: Block = self.decode("blocks", &block)?;
        let digests = decoded.v1().proposal.batches();
        // The variant `V1`, then the fields in order: BCS puts nothing between them.
        let mut bytes = vec![0];
        bytes.extend_from_slice(&block);
        bytes.extend_from_slice(&certificate);
        push_length(&mut bytes, digests.len());
        let mut texts = Vec::new();
        push_length(&mut texts, digests.len());
        for digest in digests {
            let stored = self.ordered_batch(digest)?;
            let batch: SignedBatch = self.decode("batches", &stored)?;
            texts.extend_from_slice(&encode(&self.ordered_texts(batch.batch())?));
            bytes.extend_from_slice(&stored);
        }
        bytes.extend_from_slice(&texts);
        Ok(Some(bytes))
    }

    /// The ordinal of the transaction with this id, if it was executed.
    pub fn ordinal_of(&self, id: &Digest) -> Result<Option<u64>, StorageError> {
        log::ordinal_of(&self.view, id)
    }

    /// The leaf of the log with this ordinal.
    pub fn entry(&self, ordinal: u64) -> Result<Option<LogEntry>, StorageError> {
        if ordinal >= self.transaction_count() {
            return Ok(None);
        }
        let row = LogRow::with(&self.view, ordinal)?;
        Ok(self.entries_in(&row, &[ordinal])?.pop())
    }

    /// Where the transaction with this id was executed.
    pub fn transaction(&self, id: &Digest) -> Result<Option<Location>, StorageError> {
        let ordinal = self.ordinal_of(id)?;
        ordinal.map(|ordinal| self.location_of(ordinal)).transpose()
    }

    /// Where the leaf with this ordinal is, which the log has.
    pub(crate) fn location_of(&self, ordinal: u64) -> Result<Location, StorageError> {
        let height = log::height_of(&self.view, ordinal)?;
        let height = height.ok_or_else(|| self.damage(&format!("leaf {ordinal} is of no block")))?;
        let first = log::size_at(&self.view, before(height))?;
        self.location_in(height, first, ordinal)
    }

    fn location_in(&self, height: Height, first: u64, ordinal: u64) -> Result<Location, StorageError> {
        let index = ordinal
            .checked_sub(first)
            .and_then(|index| u32::try_from(index).ok());
        let index = index.ok_or_else(|| self.damage(&format!("leaf {ordinal} is not of block {height}")))?;
        Ok(Location { height, index })
    }

    /// The executed transaction at a place.
    pub fn transaction_at(&self, location: Location) -> Result<Option<ExecutedAt>, StorageError> {
        Ok(self.transactions_at(location.height, location.index, 1)?.pop())
    }

    /// The executed transactions of a block in their order, from the one at index `from` on, at most `limit`
    /// and at most [`MAX_PAGE`].
    pub fn transactions_at(
        &self,
        height: Height,
        from: u32,
        limit: usize,
    ) -> Result<Vec<ExecutedAt>, StorageError> {
        let Some(block) = self.block(height)? else {
            return Ok(Vec::new());
        };
        let timestamp = block.header().timestamp;
        let recoveries = u32::from(block.v1().recovery.is_some());
        let first = log::size_at(&self.view, before(height))?;
        let executed = (recoveries..).zip(&block.v1().executed);
        let mut batches = BatchCursor::new(self, block.v1().proposal.batches());
        executed
            .skip_while(|(index, _)| *index < from)
            .take(limit.min(MAX_PAGE))
            .map(|(index, executed)| {
                Ok(ExecutedAt {
                    location: Location { height, index },
                    ordinal: first.saturating_add(u64::from(index)),
                    timestamp,
                    transaction: batches.transaction(height, executed.position)?,
                    outcome: executed.outcome.clone(),
                })
            })
            .collect()
    }

    /// The transactions at these positions among those of a block's batches, which ascend.
    pub(crate) fn transactions_by_position(
        &self,
        height: Height,
        positions: &[u32],
    ) -> Result<Vec<Transaction>, StorageError> {
        let Some(block) = self.block(height)? else {
            return Ok(Vec::new());
        };
        let mut batches = BatchCursor::new(self, block.v1().proposal.batches());
        let found = positions
            .iter()
            .map(|position| batches.transaction(height, *position));
        found.collect()
    }

    /// Every key and value of the state, ascending.
    pub fn state(&self) -> impl Iterator<Item = Result<(StateKey, Vec<u8>), StorageError>> {
        self.state_range(Vec::new(), None)
    }

    /// The keys and values of the state under an address: the account's leaf first, then its balances that
    /// have leaves of their own, ascending by asset.
    pub fn state_of(
        &self,
        address: &Address,
    ) -> impl Iterator<Item = Result<(StateKey, Vec<u8>), StorageError>> {
        let lower = StateKey::account(address).as_bytes()[..21].to_vec();
        let upper = successor(&lower);
        self.state_range(lower, upper)
    }

    /// The keys and values of the state under a prefix, ascending, each read when it is come to.
    pub fn state_under(
        &self,
        prefix: &Prefix,
    ) -> impl Iterator<Item = Result<(StateKey, Vec<u8>), StorageError>> {
        let prefix = *prefix;
        let found = self.state_range(prefix.key.to_vec(), None);
        found.take_while(move |entry| match entry {
            Ok((key, _)) => prefix.covers(key),
            Err(_) => true,
        })
    }

    pub(crate) fn state_range(
        &self,
        lower: Vec<u8>,
        upper: Option<Vec<u8>>,
    ) -> impl Iterator<Item = Result<(StateKey, Vec<u8>), StorageError>> {
        self.view
            .range(STATE, lower, upper, Order::Ascending)
            .map(|entry| {
                let (key, row) = entry?;
                let key = key_of(&self.view, &key)?;
                let (value, _) = value_in(self.view.database(), &key, row.into_vec())?;
                Ok((key, value))
            })
    }

    /// The lists that headers commit to, as of this height.
    pub(crate) fn lists(&self) -> &Lists {
        &self.stored.lists
    }

    pub(crate) fn view(&self) -> &DatabaseSnapshot {
        &self.view
    }

    /// The leaves with these ordinals, which strictly ascend, as far as they are in the row.
    pub(crate) fn entries_in(&self, row: &LogRow, ordinals: &[u64]) -> Result<Vec<LogEntry>, StorageError> {
        row.entries(ordinals)
            .map_err(|error| self.damaged_row("log", &error))
    }

    fn ordered_batch(&self, digest: &Digest) -> Result<Vec<u8>, StorageError> {
        self.view
            .get(BATCHES, digest.as_bytes())?
            .ok_or_else(|| self.damage(&format!("batch {digest} is missing, but a block names it")))
    }

    pub(crate) fn decoded<T: DeserializeOwned>(
        &self,
        family: Family,
        key: &[u8],
    ) -> Result<Option<T>, StorageError> {
        let bytes = self.view.get(family, key)?;
        bytes.map(|bytes| self.decode(family.name, &bytes)).transpose()
    }

    fn decode<T: DeserializeOwned>(&self, family: &str, bytes: &[u8]) -> Result<T, StorageError> {
        decode_stored(self.view.database().path(), family, bytes)
    }

    pub(crate) fn damage(&self, reason: &str) -> StorageError {
        StorageError::corrupted(self.view.database().path(), reason)
    }

    pub(crate) fn damaged_row(&self, family: &str, error: &RowError) -> StorageError {
        StorageError::of_row(self.view.database().path(), family, error)
    }
}

impl StateReader for Snapshot {
    type Error = StorageError;

    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StorageError> {
        let Some(row) = self.view.get(STATE, key.as_bytes())? else {
            return Ok(None);
        };
        let (value, _) = value_in(self.view.database(), key, row)?;
        Ok(Some(value))
    }

    fn spent_at(&self, ids: &[Digest], at: Timestamp) -> Result<Vec<bool>, StorageError> {
        log::spent_at(&self.view, ids, at)
    }

    fn block_hash(&self, height: Height) -> Result<Option<Digest>, StorageError> {
        Ok(self.header(height)?.map(|header| header.hash()))
    }

    fn values_under(&self, prefix: &Prefix) -> Result<Vec<(StateKey, Vec<u8>)>, StorageError> {
        read_under(&self.view, prefix)
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("height", &self.height())
            .finish_non_exhaustive()
    }
}

/// The height before; of the first block, and before it, that of genesis.
fn before(height: Height) -> Height {
    Height(height.0.saturating_sub(1))
}

/// Walks through the transactions of a proposal's batches by ascending position, decoding only the batches
/// that are asked for.
struct BatchCursor<'a> {
    snapshot: &'a Snapshot,
    rest: std::slice::Iter<'a, Digest>,
    /// The position of the first transaction of `current`.
    first: u32,
    /// How many transactions `current` has.
    count: u32,
    bytes: Vec<u8>,
    current: Option<SignedBatch>,
}

impl<'a> BatchCursor<'a> {
    fn new(snapshot: &'a Snapshot, digests: &'a [Digest]) -> Self {
        Self {
            snapshot,
            rest: digests.iter(),
            first: 0,
            count: 0,
            bytes: Vec::new(),
            current: None,
        }
    }

    fn transaction(&mut self, height: Height, position: u32) -> Result<Transaction, StorageError> {
        let beyond = || {
            self.snapshot.damage(&format!(
                "block {height} names position {position}, which its batches do not have"
            ))
        };
        while position
            .checked_sub(self.first)
            .is_some_and(|offset| offset >= self.count)
        {
            let digest = self.rest.next().ok_or_else(beyond)?;
            self.first = self.first.checked_add(self.count).ok_or_else(beyond)?;
            self.bytes = self.snapshot.ordered_batch(digest)?;
            self.current = None;
            self.count = count_transactions(&self.bytes)
                .ok_or_else(|| self.snapshot.damage(&format!("batch {digest} is cut short")))?;
        }
        let offset = position.checked_sub(self.first).ok_or_else(beyond)?;
        let batch = match self.current.take() {
            Some(batch) => batch,
            None => self.snapshot.decode("batches", &self.bytes)?,
        };
        let transaction = batch.batch().transactions.get(offset as usize).cloned();
        self.current = Some(batch);
        transaction.ok_or_else(beyond)
    }
}

/// Appends a sequence's length as BCS does: ULEB128.
fn push_length(bytes: &mut Vec<u8>, length: usize) {
    let mut rest = length;
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}
