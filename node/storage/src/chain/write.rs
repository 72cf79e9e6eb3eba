//! What one block, one batch and the genesis put into the database.

use quorate_crypto::Certificate;
use quorate_ledger::{Agreement, CheckedBatch, Digest, Execution, GenesisState, Tip, encode};
use rocksdb::WriteBatch;
use serde::Serialize;

use super::Stored;
use crate::StorageError;
use crate::database::Database;
use crate::families::{
    ASSETS, BATCHES, BLOCKS, CERTIFICATES, EPOCHS, EpochRecord, HASHES, HISTORIES, HOLDERS, HeightRecord,
    LocationRecord, MILESTONES, ORDERED, RECORDS, RecordPlace, RecordRecord, STATE, TRANSACTIONS, UNORDERED,
    UnorderedRecord, height_key, history_key, holder_key, record_key,
};
use crate::histories::{self, MILESTONE};

/// Bytes of one index entry in a write batch, about: what is reserved for each.
const ENTRY_BYTES: usize = 96;

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

pub(super) fn next_tip(stored: &Stored, execution: &Execution) -> Stored {
    let header = execution.block.header();
    Stored {
        tip: execution.tip.clone(),
        transactions: stored
            .transactions
            .saturating_add(u64::from(header.transaction_count)),
    }
}

pub(super) fn put_batch(database: &Database, batch: &mut WriteBatch, checked: &CheckedBatch) {
    let digest = checked.digest();
    let content = checked.signed().batch();
    let record = UnorderedRecord::V1 {
        author: content.author,
        epoch: content.epoch,
        length: u32::try_from(checked.bytes().len()).expect("batches are at most 4 MiB"),
    };
    batch.put_cf(database.family(BATCHES), digest.as_bytes(), checked.bytes());
    batch.put_cf(database.family(UNORDERED), digest.as_bytes(), encode(&record));
}

pub(super) fn put_genesis(database: &Database, batch: &mut WriteBatch, genesis: &GenesisState) {
    let state = database.family(STATE);
    for (key, value) in &genesis.changes {
        if let Some(value) = value {
            batch.put_cf(state, key.as_bytes(), value);
        }
    }
    put_epoch(database, batch, &genesis.agreement);
    for code in &genesis.assets {
        batch.put_cf(database.family(ASSETS), code.padded(), []);
    }
    for (code, address, holds) in &genesis.holders {
        if *holds {
            batch.put_cf(database.family(HOLDERS), holder_key(code, address), []);
        }
    }
}

/// The epoch that begins with this agreement.
fn put_epoch(database: &Database, batch: &mut WriteBatch, agreement: &Agreement) {
    let record = EpochRecord::V1 {
        first: agreement.v1().first,
        committee: agreement.committee(),
    };
    let key = agreement.v1().epoch.0.to_be_bytes();
    batch.put_cf(database.family(EPOCHS), key, encode(&record));
}

/// All that a certified block leaves behind, but for the tip.
pub(super) fn block_batch(
    database: &Database,
    execution: &Execution,
    certificate: &Certificate,
) -> Result<WriteBatch, StorageError> {
    let height = execution.tip.height;
    let entries = execution.changes.len() + execution.transactions.len() + execution.histories.len();
    let mut writer = BlockWriter {
        database,
        execution,
        batch: WriteBatch::with_capacity_bytes(entries.saturating_mul(ENTRY_BYTES)),
        buffer: Vec::with_capacity(ENTRY_BYTES),
    };
    let key = height_key(height);
    let batch = &mut writer.batch;
    batch.put_cf(database.family(BLOCKS), key, encode(&execution.block));
    batch.put_cf(database.family(CERTIFICATES), key, encode(certificate));
    let hash = execution.tip.block_hash;
    batch.put_cf(
        database.family(HASHES),
        hash.as_bytes(),
        encode(&HeightRecord::V1(height)),
    );
    if let Some(agreement) = &execution.agreement
        && agreement.v1().first > height
    {
        put_epoch(database, &mut writer.batch, agreement);
    }
    writer.order_batches()?;
    writer.put_transactions();
    writer.put_histories();
    writer.put_records();
    writer.put_assets();
    writer.put_state();
    Ok(writer.batch)
}

struct BlockWriter<'a> {
    database: &'a Database,
    execution: &'a Execution,
    batch: WriteBatch,
    /// Holds one encoded value at a time.
    buffer: Vec<u8>,
}

impl BlockWriter<'_> {
    fn order_batches(&mut self) -> Result<(), StorageError> {
        let height = self.execution.tip.height;
        let (unordered, ordered) = (self.database.family(UNORDERED), self.database.family(ORDERED));
        for digest in self.execution.block.v1().proposal.batches() {
            if self.database.contains(UNORDERED, digest.as_bytes())? {
                self.batch.delete_cf(unordered, digest.as_bytes());
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

    fn put_transactions(&mut self) {
        let height = self.execution.tip.height;
        let family = self.database.family(TRANSACTIONS);
        let mut places: Vec<(&Digest, u32)> = self
            .execution
            .transactions
            .iter()
            .map(|transaction| &transaction.id)
            .zip(0..)
            .collect();
        // In order, one comes near the other in the database's memory, which finds its place sooner.
        places.sort_unstable();
        for (id, index) in places {
            let value = encode_into(&mut self.buffer, &LocationRecord::V1 { height, index });
            self.batch.put_cf(family, id.as_bytes(), value);
        }
    }

    fn put_histories(&mut self) {
        let height = self.execution.tip.height;
        if let Some(record) = histories::record_of(self.execution) {
            self.batch
                .put_cf(self.database.family(HISTORIES), height_key(height), record);
        }
        let family = self.database.family(MILESTONES);
        let entries = self.execution.histories.iter();
        for entry in entries.filter(|entry| entry.number % MILESTONE == 0) {
            let value = encode_into(&mut self.buffer, &HeightRecord::V1(height));
            self.batch
                .put_cf(family, history_key(&entry.address, entry.number), value);
        }
    }

    fn put_records(&mut self) {
        let header = self.execution.block.header();
        let family = self.database.family(RECORDS);
        for entry in &self.execution.records {
            let place = RecordPlace {
                height: header.height,
                index: entry.index,
                operation: entry.operation,
            };
            let transaction = usize::try_from(entry.index)
                .ok()
                .and_then(|index| self.execution.transactions.get(index))
                .expect("a record names an executed transaction of its block");
            let record = RecordRecord::V1 {
                sender: entry.sender,
                transaction: transaction.id,
                timestamp: header.timestamp,
                label: entry.label.clone(),
            };
            let value = encode_into(&mut self.buffer, &record);
            self.batch.put_cf(family, record_key(&entry.sha256, place), value);
        }
    }

    fn put_assets(&mut self) {
        for code in &self.execution.assets {
            self.batch.put_cf(self.database.family(ASSETS), code.padded(), []);
        }
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

    fn put_state(&mut self) {
        let family = self.database.family(STATE);
        for (key, value) in &self.execution.changes {
            match value {
                Some(value) => self.batch.put_cf(family, key.as_bytes(), value),
                None => self.batch.delete_cf(family, key.as_bytes()),
            }
        }
    }
}

fn encode_into<'b>(buffer: &'b mut Vec<u8>, value: &impl Serialize) -> &'b [u8] {
    buffer.clear();
    bcs::serialize_into(&mut *buffer, value).expect("stored records are within BCS's limits");
    buffer
}
