//! Texts that come later than their batch ([`Chain::write_texts`]).
//!
//! No block is written while they are, so whatever takes long comes before: batch and texts are read, decoded and
//! compared without a lock. A digest fixes its batch, so that stands. What may be another by the time the locks are
//! taken is looked at again then: whether the batch is stored, whether a block has it, what is stored of its texts,
//! and what is erased.

use quorate_ledger::{BatchTexts, Digest, SignedBatch, encode};
use rocksdb::WriteBatch;

use super::texts::{self, Erasures, Found};
use super::{Chain, decode_stored, hold};
use crate::StorageError;
use crate::database::Database;
use crate::families::{BATCH_TEXTS, BATCHES, ORDERED, UNORDERED, UnorderedRecord};

/// Texts that fit a stored batch, to be added to it.
struct LateTexts<'a> {
    digest: Digest,
    texts: &'a BatchTexts,
    signed: SignedBatch,
    /// Bytes of the signed batch.
    length: usize,
    /// The texts that were stored with the batch, in bytes.
    before: Option<Vec<u8>>,
    /// What these and the texts make together.
    joined: BatchTexts,
    /// What the texts say more than the rows of transactions did.
    more: Found,
}

impl<'a> LateTexts<'a> {
    /// Compares texts with a batch and with what is stored of it. None if the batch is not stored, or they do not fit
    /// it.
    fn new(
        database: &Database,
        digest: &Digest,
        texts: &'a BatchTexts,
    ) -> Result<Option<Self>, StorageError> {
        let Some(stored) = database.get(BATCHES, digest.as_bytes())? else {
            return Ok(None);
        };
        let signed: SignedBatch = decode_stored(database.path(), "batches", &stored)?;
        if texts.fit(signed.batch()).is_err() {
            return Ok(None);
        }
        let before = database.get(BATCH_TEXTS, digest.as_bytes())?;
        Ok(Some(Self {
            digest: *digest,
            texts,
            length: stored.len(),
            joined: joined(database, before.as_deref(), texts)?,
            before,
            more: texts::more_than_stored(database, signed.batch(), texts)?,
            signed,
        }))
    }

    /// Adds them to a write. Whoever calls holds the locks of block writer and batch keeper until it is done. False if
    /// the batch is not stored any more.
    fn put(&self, erasures: Erasures<'_>, write: &mut WriteBatch) -> Result<bool, StorageError> {
        let database = erasures.database;
        let key = self.digest.as_bytes();
        if database.contains(ORDERED, key)? {
            texts::put_found(erasures, write, &self.more)?;
            return Ok(true);
        }
        if !database.contains(UNORDERED, key)? {
            return Ok(false);
        }
        let now = database.get(BATCH_TEXTS, key)?;
        let anew;
        let joined = if now == self.before {
            &self.joined
        } else {
            anew = joined(database, now.as_deref(), self.texts)?;
            &anew
        };
        let content = self.signed.batch();
        let of_texts = texts::put_batch_texts(erasures, write, &self.digest, content, joined)?;
        let record = UnorderedRecord::V1 {
            author: content.author,
            epoch: content.epoch,
            length: texts::count(self.length.saturating_add(of_texts)),
        };
        write.put_cf(database.family(UNORDERED), key, encode(&record));
        Ok(true)
    }
}

impl Chain {
    /// Adds texts to a stored batch that lacks some of them: to an unordered one for whoever orders it, of an
    /// ordered one to its executed transactions. Texts that are there are left alone, and of what is erased or was
    /// skipped the hash is kept. False, and nothing is written, if the batch is not stored or they do not fit it.
    /// Durable only after the next [`Chain::sync`].
    pub fn write_texts(&self, digest: &Digest, batch_texts: &BatchTexts) -> Result<bool, StorageError> {
        let Some(late) = LateTexts::new(&self.database, digest, batch_texts)? else {
            return Ok(false);
        };
        self.write_late(&late)
    }

    fn write_late(&self, late: &LateTexts<'_>) -> Result<bool, StorageError> {
        let _no_block = hold(&self.block_writer);
        let _kept = hold(&self.batch_keeper);
        let mut batch = WriteBatch::default();
        let is_stored = late.put(self.erasures(), &mut batch)?;
        if !batch.is_empty() {
            self.database.write(batch)?;
        }
        Ok(is_stored)
    }
}

/// What is stored of a batch's texts, in bytes, with others of them that fit it: a text rather than its hash.
fn joined(
    database: &Database,
    there: Option<&[u8]>,
    others: &BatchTexts,
) -> Result<BatchTexts, StorageError> {
    let there: Option<BatchTexts> = there
        .map(|there| decode_stored(database.path(), "batch_texts", there))
        .transpose()?;
    let Some(there) = there.filter(|there| there.items().len() == others.items().len()) else {
        return Ok(others.clone());
    };
    let items = there.items().iter().zip(others.items());
    let best = items.map(|(own, other)| if own.shown().is_some() { own } else { other });
    Ok(BatchTexts::new(best.cloned().collect()))
}

#[cfg(test)]
mod tests;
