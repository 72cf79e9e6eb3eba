//! What a benchmark's transactions do.

use quorate_client::wallet::TransactionBuilder;
use quorate_ledger::limits::{MAX_METADATA_BYTES, MAX_OPERATIONS, MAX_TRANSACTION_BYTES};
use quorate_ledger::{Amount, AssetCode, Digest, Keep, Submission, Timestamp};
use quorate_tools::failure::Failure;
use sha2::{Digest as _, Sha256};

use super::accounts::Accounts;

/// Bytes of a record's hash, the least that a record consists of.
const HASH_BYTES: usize = 32;

/// What a record takes besides hash and metadata: the acting party, the operation's kind and where the record is kept,
/// the place of its metadata, their salt and length.
const RECORD_FRAME: usize = 1 + 1 + 1 + 3 + 16 + 2;

/// What is in each transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Workload {
    /// One account pays the smallest unit to each of the ones after it.
    Payments {
        /// The asset.
        asset: AssetCode,
        /// In a transaction.
        per_transaction: usize,
    },
    /// A notary's: one account puts many records.
    Records {
        /// In a transaction.
        per_transaction: usize,
        /// Bytes of each record, hash and metadata together.
        payload: usize,
    },
}

impl Workload {
    /// Records of this size, if a transaction may have so many.
    pub(crate) fn records(per_transaction: usize, payload: usize) -> Result<Self, Failure> {
        let most = HASH_BYTES + MAX_METADATA_BYTES;
        if !(HASH_BYTES..=most).contains(&payload) {
            return Err(Failure::usage(format!(
                "a record has {HASH_BYTES} bytes of hash and at most {MAX_METADATA_BYTES} of metadata: \
                 {payload} bytes are outside of {HASH_BYTES} to {most}"
            )));
        }
        let bytes = per_transaction * (payload + RECORD_FRAME);
        // The rest of a transaction with one signature, and some room.
        let frame = 512;
        if per_transaction > MAX_OPERATIONS || bytes + frame > MAX_TRANSACTION_BYTES as usize {
            let fitting = (MAX_TRANSACTION_BYTES as usize - frame) / (payload + RECORD_FRAME);
            return Err(Failure::usage(format!(
                "at most {} records of {payload} bytes fit into a transaction",
                fitting.min(MAX_OPERATIONS)
            )));
        }
        Ok(Self::Records {
            per_transaction,
            payload,
        })
    }

    /// What there are many of in a transaction.
    pub(crate) fn unit(&self) -> &'static str {
        match self {
            Self::Payments { .. } => "payments",
            Self::Records { .. } => "records",
        }
    }

    /// How many of these a transaction has.
    pub(crate) fn per_transaction(&self) -> usize {
        match self {
            Self::Payments { per_transaction, .. } | Self::Records { per_transaction, .. } => {
                *per_transaction
            }
        }
    }

    /// The transaction with this number, with its texts.
    pub(crate) fn transaction(&self, accounts: &Accounts, number: u64, expires_at: Timestamp) -> Submission {
        accounts.transaction(number, expires_at, |builder| match *self {
            Self::Payments {
                asset,
                per_transaction,
            } => (1..=per_transaction as u64).fold(builder, |builder, offset| {
                let to = accounts.address(number.wrapping_add(offset));
                builder.transfer(to, asset, Amount(1), "")
            }),
            Self::Records {
                per_transaction,
                payload,
            } => {
                let sender = accounts.address(number);
                (0..per_transaction as u64).fold(builder, |builder, record| {
                    let mut seed = Sha256::new();
                    seed.update(sender.as_bytes());
                    seed.update(number.to_le_bytes());
                    seed.update(record.to_le_bytes());
                    put_record(builder, seed.finalize().into(), payload - HASH_BYTES)
                })
            }
        })
    }
}

/// A record whose metadata cannot be compressed, as those of a notary who encrypts them could not.
fn put_record(builder: TransactionBuilder, sha256: [u8; 32], metadata_bytes: usize) -> TransactionBuilder {
    let mut metadata = Vec::with_capacity(metadata_bytes.next_multiple_of(32));
    for block in 0_u64.. {
        if metadata.len() >= metadata_bytes {
            break;
        }
        let bytes = Sha256::new()
            .chain_update(sha256)
            .chain_update(block.to_le_bytes());
        metadata.extend_from_slice(&bytes.finalize());
    }
    metadata.truncate(metadata_bytes);
    builder.record(Digest(sha256), Keep::Log, "", metadata)
}

#[cfg(test)]
mod tests {
    use quorate_ledger::{Operation, ParametersV1};

    use super::*;

    const NETWORK: Digest = Digest([7; 32]);

    #[test]
    fn as_many_records_as_are_allowed_make_a_transaction_of_good_form() {
        let accounts = Accounts::new(NETWORK, 2).unwrap();
        for payload in [32, 100, 512, 1_056] {
            let most = (1..=MAX_OPERATIONS)
                .rev()
                .find(|count| Workload::records(*count, payload).is_ok())
                .unwrap();
            let workload = Workload::records(most, payload).unwrap();
            let transaction = workload.transaction(&accounts, 5, Timestamp(1));
            transaction
                .check_form(&NETWORK, &ParametersV1::default())
                .unwrap();
            assert_eq!(transaction.transaction().intent().operations.len(), most);
        }
        assert!(Workload::records(1, 31).is_err());
        assert!(Workload::records(1, 1_057).is_err());
        assert!(Workload::records(257, 32).is_err());
    }

    #[test]
    fn no_two_transactions_and_records_are_alike() {
        let accounts = Accounts::new(NETWORK, 2).unwrap();
        let workload = Workload::records(3, 64).unwrap();
        let hashes = (0..4).flat_map(|number| {
            let transaction = workload.transaction(&accounts, number, Timestamp(1));
            let operations = transaction.transaction().intent().operations.clone();
            operations.into_iter().map(|act| match act.operation {
                Operation::PutRecord { sha256, .. } => sha256,
                other => panic!("{other:?}"),
            })
        });
        let distinct: std::collections::BTreeSet<_> = hashes.collect();
        assert_eq!(distinct.len(), 12);
    }
}
