//! What one block, one batch and the genesis put into the database.

use std::sync::Arc;

use quorate_crypto::Certificate;
use quorate_ledger::{
    Agreement, AssetCode, BatchTexts, CheckedBatch, Digest, Execution, GenesisState, Height, LogEntry, Tip,
    encode,
};
use rocksdb::WriteBatch;
use serde::Serialize;

use super::ends::Ends;
use super::histories::Growing;
use super::lists::{Lists, header_leaf};
use super::texts::{self, Erasures, TextIds};
use super::{Stored, put_tip};
use crate::StorageError;
use crate::database::{Database, Family};
use crate::families::{
    ASSETS, BATCH_TEXTS, BATCHES, BLOCKS, CERTIFICATES, CHAIN_TILES, EPOCHS, EpochRecord, HASHES, HOLDERS,
    HeightRecord, LOG, LogRecord, ORDERED, ORDINALS, RECORDS, RecordPlace, RecordRecord, STATE, TILES,
    TRANSACTIONS, UNORDERED, UnorderedRecord, asset_key, epoch_key, has_history, height_key, holder_key,
    ordinal_key, put_state_row, record_key, state_row, tile_key,
};
use crate::rows::{encode_log, put_number};
use crate::tiles::TILE_BYTES;

/// Bytes of one index entry in a write batch, about: what is reserved for each.
const ENTRY_BYTES: usize = 96;

/// Bytes of a state value in a write batch, about.
const VALUE_BYTES: usize = 256;

pub(super) fn check_certificate(
    execution: &Execution,
    certificate: &Certificate,
) -> Result<(), StorageError> {
    let tip = &execution.tip;
    if certificate.block() != tip.block_hash || certificate.height() != tip.height {
        return Err(StorageError::WrongCertificate {
            height: tip.height,
            block: tip.block_hash,
            certified_height: certificate.height(),
            certified: certificate.block(),
        });
    }
    Ok(())
}

pub(super) fn check_follows(tip: &Tip, execution: &Execution) -> Result<(), StorageError> {
    let header = execution.block.header();
    if header.height != tip.height.next() {
        return Err(StorageError::Gap {
            tip: tip.height,
            got: header.height,
        });
    }
    if header.previous != tip.block_hash {
        return Err(StorageError::Conflict {
            height: header.height,
            stored: tip.block_hash,
            got: header.previous,
        });
    }
    Ok(())
}

/// Adds a batch that no stored block names, with what is at hand of its texts.
pub(super) fn put_batch(
    erasures: Erasures<'_>,
    write: &mut WriteBatch,
    checked: &CheckedBatch,
    batch_texts: Option<&BatchTexts>,
) -> Result<(), StorageError> {
    let database = erasures.database;
    let digest = checked.digest();
    let content = checked.signed().batch();
    let of_texts = match batch_texts {
        Some(batch_texts) => texts::put_batch_texts(erasures, write, &digest, content, batch_texts)?,
        None => 0,
    };
    let record = UnorderedRecord::V1 {
        author: content.author,
        epoch: content.epoch,
        length: texts::count(checked.bytes().len().saturating_add(of_texts)),
    };
    write.put_cf(database.family(BATCHES), digest.as_bytes(), checked.bytes());
    write.put_cf(database.family(UNORDERED), digest.as_bytes(), encode(&record));
    Ok(())
}

pub(super) fn put_genesis(database: &Database, write: &mut WriteBatch, genesis: &GenesisState) {
    let state = database.family(STATE);
    for (key, value) in &genesis.changes {
        if let Some(value) = value {
            write.put_cf(state, key.as_bytes(), state_row(key, value, Height::GENESIS));
        }
    }
    put_epoch(database, write, &genesis.agreement);
    put_assets(database, write, &genesis.assets);
    for (code, address, holds) in &genesis.holders {
        if *holds {
            write.put_cf(database.family(HOLDERS), holder_key(code, address), []);
        }
    }
}

/// The epoch that begins with this agreement.
fn put_epoch(database: &Database, write: &mut WriteBatch, agreement: &Agreement) {
    let Agreement::V1(agreement) = agreement;
    let record = EpochRecord::V1 {
        first: agreement.first,
        committee: agreement.committee.clone(),
    };
    let key = epoch_key(agreement.committee.epoch());
    write.put_cf(database.family(EPOCHS), key, encode(&record));
}

fn put_assets(database: &Database, write: &mut WriteBatch, assets: &[(u32, AssetCode)]) {
    for (number, code) in assets {
        write.put_cf(database.family(ASSETS), asset_key(*number), encode(code));
    }
}

/// What whoever writes blocks remembers of those before.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    pub(super) text_ids: TextIds,
    pub(super) ends: Ends,
}

/// All that a certified block leaves behind but its texts, the tip included, what is held in memory after it, and the
/// histories that it adds to.
pub(super) fn block_batch(
    database: &Arc<Database>,
    stored: &Stored,
    execution: &Execution,
    certificate: &Certificate,
    ends: &Ends,
) -> Result<(WriteBatch, Stored, Growing), StorageError> {
    let height = execution.tip.height;
    let entries = execution.transactions.len() + execution.histories.len();
    let values = execution.changes.len();
    let room = entries
        .saturating_mul(ENTRY_BYTES)
        .saturating_add(values.saturating_mul(VALUE_BYTES));
    let mut writer = BlockWriter {
        database,
        execution,
        batch: WriteBatch::with_capacity_bytes(room),
        buffer: Vec::with_capacity(ENTRY_BYTES),
    };
    writer.put_block(certificate);
    if let Some(agreement) = &execution.agreement
        && agreement.v1().first > height
    {
        put_epoch(database, &mut writer.batch, agreement);
    }
    writer.order_batches()?;
    let first = stored.tip.log.length();
    writer.put_log(first);
    let mut lists = stored.lists.clone();
    writer.put_tiles(&mut lists);
    let growing = Growing::find(database, execution, ends)?;
    growing.put(database, &mut writer.batch, execution, first)?;
    writer.put_records();
    put_assets(database, &mut writer.batch, &execution.assets);
    writer.put_holders();
    writer.put_state(&growing)?;
    let next = Stored {
        tip: execution.tip.clone(),
        lists,
    };
    put_tip(database, &mut writer.batch, &next.tip);
    Ok((writer.batch, next, growing))
}

struct BlockWriter<'a> {
    database: &'a Arc<Database>,
    execution: &'a Execution,
    batch: WriteBatch,
    /// Holds one encoded value at a time.
    buffer: Vec<u8>,
}

impl BlockWriter<'_> {
    fn put_block(&mut self, certificate: &Certificate) {
        let (database, execution) = (self.database, self.execution);
        let height = execution.tip.height;
        let key = height_key(height);
        let batch = &mut self.batch;
        batch.put_cf(database.family(BLOCKS), key, encode(&execution.block));
        batch.put_cf(database.family(CERTIFICATES), key, encode(certificate));
        batch.put_cf(
            database.family(HASHES),
            execution.tip.block_hash.as_bytes(),
            encode(&HeightRecord::V1(height)),
        );
    }

    /// Batches that no block named before become ordered, and their texts leave them.
    fn order_batches(&mut self) -> Result<(), StorageError> {
        let height = self.execution.tip.height;
        let (unordered, ordered) = (self.database.family(UNORDERED), self.database.family(ORDERED));
        let batch_texts = self.database.family(BATCH_TEXTS);
        for digest in self.execution.block.v1().proposal.batches() {
            if self.database.contains(UNORDERED, digest.as_bytes())? {
                self.batch.delete_cf(unordered, digest.as_bytes());
                self.batch.delete_cf(batch_texts, digest.as_bytes());
                let record = encode(&HeightRecord::V1(height));
                self.batch.put_cf(ordered, digest.as_bytes(), record);
            } else if !self.database.contains(ORDERED, digest.as_bytes())? {
                return Err(StorageError::MissingBatch {
                    height,
                    batch: *digest,
                });
            }
        }
        Ok(())
    }

    /// The block's leaves of the log, the first of which has this ordinal, and where each transaction is.
    fn put_log(&mut self, first: u64) {
        let (database, execution) = (self.database, self.execution);
        if execution.log.is_empty() {
            return;
        }
        let height = execution.tip.height;
        let entries = execution.log.iter().map(|logged| &logged.entry);
        let rows = encode_log(entries, execution.tip.timestamp);
        let record = LogRecord::V1 { first, rows: &rows };
        self.batch
            .put_cf(database.family(LOG), height_key(height), encode(&record));
        self.batch
            .put_cf(database.family(ORDINALS), ordinal_key(first), encode(&height));
        let transactions = (first..).zip(&execution.log).filter_map(|(ordinal, logged)| {
            let transaction = LogEntry::transaction(&logged.entry)?;
            Some((&transaction.id, ordinal))
        });
        let mut places: Vec<(&Digest, u64)> = transactions.collect();
        // In order, one comes near the other in the database's memory, which finds its place sooner.
        places.sort_unstable();
        let family = database.family(TRANSACTIONS);
        for (id, ordinal) in places {
            self.buffer.clear();
            put_number(&mut self.buffer, ordinal);
            self.batch.put_cf(family, id.as_bytes(), &self.buffer);
        }
    }

    /// The tiles that the block's leaves and its header complete. `lists` are those before the block, and those
    /// after it then.
    fn put_tiles(&mut self, lists: &mut Lists) {
        let leaves = self.execution.log.iter().map(|logged| logged.leaf);
        let of_log = lists.log.append(leaves);
        let of_chain = lists.chain.append([header_leaf(&self.execution.tip.block_hash)]);
        self.put_tiles_of(TILES, of_log);
        self.put_tiles_of(CHAIN_TILES, of_chain);
    }

    fn put_tiles_of(&mut self, family: Family, tiles: Vec<(u8, u64, [u8; TILE_BYTES])>) {
        for (level, index, tile) in tiles {
            self.batch
                .put_cf(self.database.family(family), tile_key(level, index), tile);
        }
    }

    fn put_records(&mut self) {
        let family = self.database.family(RECORDS);
        for entry in &self.execution.records {
            let place = RecordPlace {
                ordinal: entry.ordinal,
                operation: entry.operation,
            };
            let record = RecordRecord::V1 {
                address: entry.address,
                keep: entry.keep,
            };
            let value = encode_into(&mut self.buffer, &record);
            self.batch.put_cf(family, record_key(&entry.sha256, place), value);
        }
    }

    fn put_holders(&mut self) {
        let family = self.database.family(HOLDERS);
        for (code, address, holds) in &self.execution.holders {
            let key = holder_key(code, address);
            if *holds {
                self.batch.put_cf(family, key, []);
            } else {
                self.batch.delete_cf(family, key);
            }
        }
    }

    fn put_state(&mut self, growing: &Growing) -> Result<(), StorageError> {
        let (database, height) = (self.database, self.execution.tip.height);
        let family = database.family(STATE);
        for (key, value) in &self.execution.changes {
            match value {
                Some(value) if has_history(key) => {
                    let newest = growing.newest(database, key, height)?;
                    self.buffer.clear();
                    put_state_row(&mut self.buffer, key, value, newest);
                    self.batch.put_cf(family, key.as_bytes(), &self.buffer);
                }
                Some(value) => self.batch.put_cf(family, key.as_bytes(), value),
                None => self.batch.delete_cf(family, key.as_bytes()),
            }
        }
        Ok(())
    }
}

fn encode_into<'b>(buffer: &'b mut Vec<u8>, value: &impl Serialize) -> &'b [u8] {
    buffer.clear();
    bcs::serialize_into(&mut *buffer, value).expect("stored records are within BCS's limits");
    buffer
}
