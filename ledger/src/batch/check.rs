//! The batch check (`docs/formats.md`, section 4): a pure function of a batch's bytes and the epoch's
//! rules, so that honest validators never differ on it. It is in two steps, so that a node can spread
//! the signatures over all cores: [`FormedBatch::new`] checks all but clients' signatures, and
//! [`FormedBatch::signature_groups`] gives these in groups that pay.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use quorate_crypto::{
    ClientSignature, Committee, Digest, Domain, Epoch, KeyError, KnownKeys, SigningKey, ValidatorIndex,
    merkle, signature_group, verify_client_batch,
};

use super::{Batch, BatchBytes, SignedBatch};
use crate::transaction::length;
use crate::{DecodeError, FormError, ParametersV1, Transaction, encode};

/// Bytes of a signed batch around its transactions and their count: three variants, network, epoch,
/// author, number and signature.
pub(super) const FRAME_BEFORE: usize = 1 + 1 + 32 + 8 + 2 + 8;

/// What a batch is checked against.
#[derive(Clone, Copy, Debug)]
pub struct BatchRules<'a> {
    /// The network's id.
    pub network: &'a Digest,
    /// The committee of the epoch in which the batch may be ordered.
    pub committee: &'a Committee,
    /// The epoch's parameters.
    pub parameters: &'a ParametersV1,
}

/// Why a batch is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Not the canonical bytes of a batch, or too many.
    #[error("the batch cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// It is for another network.
    #[error("the batch is for network {got}, this is {expected}")]
    WrongNetwork {
        /// The network it names.
        got: Digest,
        /// This network.
        expected: Digest,
    },
    /// It is for another epoch.
    #[error("the batch is for epoch {got}, this is {expected}")]
    WrongEpoch {
        /// The epoch it names.
        got: Epoch,
        /// This epoch.
        expected: Epoch,
    },
    /// Its author is not in the committee.
    #[error("validator {author} is not in the committee")]
    UnknownAuthor {
        /// The index given.
        author: ValidatorIndex,
    },
    /// Its author did not sign it.
    #[error("the signature of validator {author} does not fit the batch")]
    BadAuthorSignature {
        /// The author.
        author: ValidatorIndex,
    },
    /// No transaction, or too many.
    #[error("the batch has {count} transactions, 1 to {limit} are allowed")]
    TransactionCount {
        /// Transactions found.
        count: usize,
        /// Transactions allowed.
        limit: usize,
    },
    /// A malformed transaction.
    #[error("transaction {transaction} of the batch: {error}")]
    Form {
        /// Its index, from 0.
        transaction: usize,
        /// What is wrong with it.
        error: FormError,
    },
    /// A client's signature that does not fit.
    #[error("transaction {transaction} of the batch has a signature that does not fit")]
    BadSignature {
        /// The transaction's index, from 0.
        transaction: usize,
    },
}

/// A batch that passed all of the batch check but for its clients' signatures.
#[derive(Clone, Debug)]
pub struct FormedBatch {
    contents: Arc<Contents>,
}

/// A batch that passed the batch check. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CheckedBatch {
    contents: Arc<Contents>,
}

#[derive(Debug)]
struct Contents {
    signed: SignedBatch,
    digest: Digest,
    bytes: Bytes,
    transactions: Vec<Indexed>,
}

/// What is computed once of each transaction of a batch.
#[derive(Clone, Debug)]
struct Indexed {
    id: Digest,
    leaf: Digest,
    /// Where its encoding lies in the batch's bytes.
    bytes: Range<usize>,
    /// Where what is signed lies in the batch's bytes.
    intent: Range<usize>,
}

/// A transaction of a checked batch, with what was computed once of it.
#[derive(Clone, Copy, Debug)]
pub struct BatchTransaction<'a> {
    /// The transaction.
    pub transaction: &'a Transaction,
    /// Its id.
    pub id: Digest,
    /// The leaf hash of its encoding, for the block's tree of transactions.
    pub leaf: Digest,
    /// Its encoding.
    pub bytes: &'a [u8],
}

/// Clients' signatures of a batch that are checked at once.
#[derive(Clone, Debug)]
pub struct SignatureGroup<'a> {
    items: Vec<ClientSignature<'a>>,
    /// The index of the transaction that each item belongs to.
    transactions: Vec<usize>,
}

impl FormedBatch {
    /// Reads the canonical bytes of a signed batch and checks all but its clients' signatures.
    pub fn new(bytes: Bytes, rules: &BatchRules<'_>) -> Result<Self, BatchError> {
        let signed = SignedBatch::decode(&bytes, rules.parameters)?;
        let bytes = BatchBytes::new(bytes).expect("what could be decoded is not too short");
        Self::of(signed, bytes, rules)
    }

    /// Does the same for bytes whose digest was looked at before.
    pub fn of_bytes(bytes: BatchBytes, rules: &BatchRules<'_>) -> Result<Self, BatchError> {
        let signed = SignedBatch::decode(&bytes.bytes, rules.parameters)?;
        Self::of(signed, bytes, rules)
    }

    /// Does the same for a batch that is at hand as a value.
    pub fn from_signed(signed: SignedBatch, rules: &BatchRules<'_>) -> Result<Self, BatchError> {
        let bytes = encode(&signed).into();
        let bytes = BatchBytes::new(bytes).expect("a signed batch ends with its signature");
        Self::of_bounded(signed, bytes, rules)
    }

    /// Does the same for a batch that its author signs now.
    pub fn sign(batch: Batch, author: &SigningKey, rules: &BatchRules<'_>) -> Result<Self, BatchError> {
        let (signed, bytes) = BatchBytes::sign(batch, author);
        Self::of_bounded(signed, bytes, rules)
    }

    fn of_bounded(
        signed: SignedBatch,
        bytes: BatchBytes,
        rules: &BatchRules<'_>,
    ) -> Result<Self, BatchError> {
        let (length, limit) = (bytes.bytes.len(), rules.parameters.max_batch_bytes as usize);
        if length > limit {
            return Err(DecodeError::TooLong { length, limit }.into());
        }
        Self::of(signed, bytes, rules)
    }

    fn of(signed: SignedBatch, bytes: BatchBytes, rules: &BatchRules<'_>) -> Result<Self, BatchError> {
        let BatchBytes { bytes, digest } = bytes;
        let batch = signed.batch();
        if batch.network != *rules.network {
            return Err(BatchError::WrongNetwork {
                got: batch.network,
                expected: *rules.network,
            });
        }
        let epoch = rules.committee.epoch();
        if batch.epoch != epoch {
            return Err(BatchError::WrongEpoch {
                got: batch.epoch,
                expected: epoch,
            });
        }
        let author = batch.author;
        let key = rules
            .committee
            .key(author)
            .ok_or(BatchError::UnknownAuthor { author })?;
        let (count, limit) = (
            batch.transactions.len(),
            rules.parameters.max_batch_transactions as usize,
        );
        if !(1..=limit).contains(&count) {
            return Err(BatchError::TransactionCount { count, limit });
        }
        key.verify_validator(Domain::BATCH_AUTHOR, &digest.0, signed.signature())
            .map_err(|_| BatchError::BadAuthorSignature { author })?;
        let transactions = index(&signed, &bytes, rules)?;
        let contents = Arc::new(Contents {
            signed,
            digest,
            bytes,
            transactions,
        });
        Ok(Self { contents })
    }

    /// What the batch is known by.
    pub fn digest(&self) -> Digest {
        self.contents.digest
    }

    /// The batch with its author's signature.
    pub fn signed(&self) -> &SignedBatch {
        &self.contents.signed
    }

    /// Clients' signatures in groups that pay, to be checked by so many threads.
    pub fn signature_groups(&self, threads: usize) -> Vec<SignatureGroup<'_>> {
        let contents = &*self.contents;
        let transactions = contents.signed.batch().transactions.iter();
        let mut items = Vec::new();
        let mut owners = Vec::new();
        for (place, (transaction, indexed)) in transactions.zip(&contents.transactions).enumerate() {
            let before = items.len();
            items.extend(transaction.signature_items(&contents.bytes[indexed.intent.clone()]));
            owners.extend((before..items.len()).map(|_| place));
        }
        let size = signature_group(items.len(), threads);
        let groups = items.chunks(size).zip(owners.chunks(size));
        groups
            .map(|(items, transactions)| SignatureGroup {
                items: items.to_vec(),
                transactions: transactions.to_vec(),
            })
            .collect()
    }

    /// Checks all clients' signatures on this thread.
    pub fn check_signatures(self) -> Result<CheckedBatch, BatchError> {
        for group in self.signature_groups(1) {
            group.verify()?;
        }
        Ok(self.with_signatures_checked())
    }

    /// The checked batch, for a caller who has verified every one of the [signature
    /// groups](Self::signature_groups), who admitted each transaction by itself, or who relies on the
    /// certificate of the block that the batch is in.
    pub fn with_signatures_checked(self) -> CheckedBatch {
        CheckedBatch {
            contents: self.contents,
        }
    }
}

impl SignatureGroup<'_> {
    /// Checks the signatures under ZIP-215, all at once.
    pub fn verify(&self) -> Result<(), BatchError> {
        self.judge(verify_client_batch(Domain::TRANSACTION, &self.items))
    }

    /// Does the same, and is cheaper where the keys are known.
    pub fn verify_knowing(&self, keys: &KnownKeys) -> Result<(), BatchError> {
        self.judge(keys.verify_client_batch(Domain::TRANSACTION, &self.items))
    }

    fn judge(&self, verdicts: Vec<Result<(), KeyError>>) -> Result<(), BatchError> {
        match self
            .transactions
            .iter()
            .zip(verdicts)
            .find(|(_, verdict)| verdict.is_err())
        {
            Some((transaction, _)) => Err(BatchError::BadSignature {
                transaction: *transaction,
            }),
            None => Ok(()),
        }
    }

    /// How many signatures there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none; no group of a batch is empty.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl CheckedBatch {
    /// Checks a batch, given by its canonical bytes, on this thread.
    pub fn check(bytes: Bytes, rules: &BatchRules<'_>) -> Result<Self, BatchError> {
        FormedBatch::new(bytes, rules)?.check_signatures()
    }

    /// What the batch is known by.
    pub fn digest(&self) -> Digest {
        self.contents.digest
    }

    /// The batch with its author's signature.
    pub fn signed(&self) -> &SignedBatch {
        &self.contents.signed
    }

    /// The canonical bytes of the signed batch.
    pub fn bytes(&self) -> &Bytes {
        &self.contents.bytes
    }

    /// How many transactions there are.
    pub fn len(&self) -> usize {
        self.contents.transactions.len()
    }

    /// Whether there are none; no checked batch is empty.
    pub fn is_empty(&self) -> bool {
        self.contents.transactions.is_empty()
    }

    /// The transactions in order.
    pub fn transactions(&self) -> impl ExactSizeIterator<Item = BatchTransaction<'_>> {
        let transactions = self.contents.signed.batch().transactions.iter();
        transactions
            .zip(&self.contents.transactions)
            .map(|(transaction, indexed)| BatchTransaction {
                transaction,
                id: indexed.id,
                leaf: indexed.leaf,
                bytes: &self.contents.bytes[indexed.bytes.clone()],
            })
    }
}

/// Checks the form of every transaction and finds it in the batch's bytes.
fn index(signed: &SignedBatch, bytes: &Bytes, rules: &BatchRules<'_>) -> Result<Vec<Indexed>, BatchError> {
    let transactions = &signed.batch().transactions;
    let mut start = FRAME_BEFORE + length::of_length(transactions.len());
    let mut indexed = Vec::with_capacity(transactions.len());
    for (place, transaction) in transactions.iter().enumerate() {
        let length = transaction.encoded_length();
        transaction
            .check_form_of_length(length, rules.network, rules.parameters)
            .map_err(|error| BatchError::Form {
                transaction: place,
                error,
            })?;
        let end = start + length;
        let signed = transaction.signed_range(length);
        let intent = start + signed.start..start + signed.end;
        indexed.push(Indexed {
            id: Domain::TRANSACTION.hash(&bytes[intent.clone()]),
            leaf: merkle::leaf_hash(&bytes[start..end]),
            bytes: start..end,
            intent,
        });
        start = end;
    }
    assert_eq!(
        start + 64,
        bytes.len(),
        "only the author's signature follows the transactions"
    );
    Ok(indexed)
}
