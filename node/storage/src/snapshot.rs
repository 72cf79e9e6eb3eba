//! Reading the chain at one certified height, while later blocks are written.
//!
//! A snapshot sees whole blocks only, as a block is one write. It keeps old versions of values from being
//! compacted away, so it is for answering a question, not for keeping.

use bytes::Bytes;
use quorate_crypto::Certificate;
use quorate_ledger::{
    Address, Block, CertifiedBlock, CertifiedBlockV1, Digest, Height, Outcome, SignedBatch, StateKey,
    StateReader, Timestamp, Tip, Transaction, count_transactions,
};
use serde::de::DeserializeOwned;

use crate::StorageError;
use crate::chain::{Stored, decode_stored};
use crate::database::{DatabaseSnapshot, Family, Order};
use crate::families::{
    BATCHES, BLOCKS, CERTIFICATES, HASHES, HeightRecord, LocationRecord, STATE, TRANSACTIONS, height_key,
};

mod pages;

use pages::successor;
pub use pages::{HistoryItem, RecordItem};

/// The most items that a page has, whatever is asked for.
pub const MAX_PAGE: usize = 1_000;

/// The chain at one certified height. Can be kept and sent between threads.
pub struct Snapshot {
    view: DatabaseSnapshot,
    stored: Stored,
}

/// Where a transaction was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The block.
    pub height: Height,
    /// Its place among the block's executed transactions, from 0.
    pub index: u32,
}

/// An executed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedAt {
    /// Where.
    pub location: Location,
    /// The block's time.
    pub timestamp: Timestamp,
    /// The transaction, as it was ordered.
    pub transaction: Transaction,
    /// What became of it.
    pub outcome: Outcome,
}

impl Snapshot {
    pub(crate) fn new(view: DatabaseSnapshot, stored: Stored) -> Self {
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

    /// Transactions executed since genesis.
    pub fn transaction_count(&self) -> u64 {
        self.stored.transactions
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

    /// A block with its certificate and batches.
    pub fn certified_block(&self, height: Height) -> Result<Option<CertifiedBlock>, StorageError> {
        let (Some(block), Some(certificate)) = (self.block(height)?, self.certificate(height)?) else {
            return Ok(None);
        };
        let digests = block.v1().proposal.batches();
        let batches = digests
            .iter()
            .map(|digest| self.decode("batches", &self.ordered_batch(digest)?))
            .collect::<Result<Vec<SignedBatch>, _>>()?;
        Ok(Some(CertifiedBlock::V1(CertifiedBlockV1 {
            block,
            certificate,
            batches,
        })))
    }

    /// The canonical bytes of [`Snapshot::certified_block`], put together without decoding the batches.
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
        for digest in digests {
            bytes.extend_from_slice(&self.ordered_batch(digest)?);
        }
        Ok(Some(bytes))
    }

    /// Where the transaction with this id was executed.
    pub fn transaction(&self, id: &Digest) -> Result<Option<Location>, StorageError> {
        let record = self.decoded(TRANSACTIONS, id.as_bytes())?;
        Ok(record.map(|LocationRecord::V1 { height, index }| Location { height, index }))
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
        let executed = (0..).zip(&block.v1().executed).skip(from as usize);
        let mut batches = BatchCursor::new(self, block.v1().proposal.batches());
        executed
            .take(limit.min(MAX_PAGE))
            .map(|(index, executed)| {
                Ok(ExecutedAt {
                    location: Location { height, index },
                    timestamp,
                    transaction: batches.transaction(height, executed.position)?,
                    outcome: executed.outcome,
                })
            })
            .collect()
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
        let upper = successor(address.as_bytes());
        self.state_range(address.as_bytes().to_vec(), upper)
    }

    fn state_range(
        &self,
        lower: Vec<u8>,
        upper: Option<Vec<u8>>,
    ) -> impl Iterator<Item = Result<(StateKey, Vec<u8>), StorageError>> {
        self.view
            .range(STATE, lower, upper, Order::Ascending)
            .map(|entry| {
                let (key, value) = entry?;
                let key = (*key)
                    .try_into()
                    .map_err(|_| self.damage("a key of `state` is not 32 bytes"))?;
                Ok((StateKey(key), value.into_vec()))
            })
    }

    fn ordered_batch(&self, digest: &Digest) -> Result<Vec<u8>, StorageError> {
        self.view
            .get(BATCHES, digest.as_bytes())?
            .ok_or_else(|| self.damage(&format!("batch {digest} is missing, but a block names it")))
    }

    fn decoded<T: DeserializeOwned>(&self, family: Family, key: &[u8]) -> Result<Option<T>, StorageError> {
        let bytes = self.view.get(family, key)?;
        bytes.map(|bytes| self.decode(family.name, &bytes)).transpose()
    }

    fn decode<T: DeserializeOwned>(&self, family: &str, bytes: &[u8]) -> Result<T, StorageError> {
        decode_stored(self.view.database().path(), family, bytes)
    }

    fn damage(&self, reason: &str) -> StorageError {
        StorageError::corrupted(self.view.database().path(), reason)
    }
}

impl StateReader for Snapshot {
    type Error = StorageError;

    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StorageError> {
        self.view.get(STATE, key.as_bytes())
    }

    fn is_spent(&self, id: &Digest) -> Result<bool, StorageError> {
        self.view.contains(TRANSACTIONS, id.as_bytes())
    }

    fn are_spent(&self, ids: &[Digest]) -> Result<Vec<bool>, StorageError> {
        let keys = ids.iter().map(|id| id.as_bytes().as_slice());
        self.view.contains_each(TRANSACTIONS, keys)
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("height", &self.height())
            .finish_non_exhaustive()
    }
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
