//! The batch check (`docs/formats.md`, section 5): a pure function of a batch's bytes and the epoch's
//! rules, so that honest validators never differ on it. It is in two steps, so that a node can spread
//! the signatures over all cores: [`FormedBatch::new`] checks all but clients' signatures, and
//! [`FormedBatch::signature_groups`] gives these in groups that pay.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use quorate_crypto::{
    Committee, Digest, Epoch, KeySignature, KnownKeys, Signature, SigningKey, Tag, ValidatorIndex,
    verify_clients, verify_strict,
};

use super::{Batch, BatchBytes, SignedBatch};
use crate::transaction::length::of_length;
use crate::{DecodeError, FormError, ParametersV1, Transaction, encode};

/// Bytes of a signed batch before its transactions and their count: two variants, network, epoch, author,
/// number.
pub(super) const FRAME_BEFORE: usize = 1 + 1 + 32 + 8 + 2 + 8;

/// Bytes of the author's signature, with which a signed batch ends.
const SIGNATURE: usize = 64;

/// Cost of signatures that are checked at once: beyond this a group gets hardly cheaper for each, and a
/// bad one dearer.
const GROUP: usize = 1_024;

/// Cost of signatures below which a group is not worth dividing between two threads.
const WORTH_A_THREAD: usize = 256;

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
    /// Its author did not sign it, or not in this copy.
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
    /// All signatures together cost too much.
    #[error("the signatures of the batch cost {cost}, at most {limit} is allowed")]
    SignatureCost {
        /// What they cost.
        cost: u64,
        /// What they may cost.
        limit: u64,
    },
    /// A client's signature that does not fit.
    #[error("transaction {transaction} of the batch has a signature that does not fit")]
    BadSignature {
        /// The transaction's index, from 0.
        transaction: usize,
    },
}

impl BatchError {
    /// The stable code (section 23).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Decode(DecodeError::TooLong { .. }) => "too_long",
            Self::Decode(DecodeError::Malformed { .. }) => "encoding",
            Self::WrongNetwork { .. } => "network",
            Self::WrongEpoch { .. } => "epoch",
            Self::UnknownAuthor { .. } => "author",
            Self::BadAuthorSignature { .. } => "author_signature",
            Self::TransactionCount { .. } => "count",
            Self::Form { .. } => "transaction",
            Self::SignatureCost { .. } => "cost",
            Self::BadSignature { .. } => "client_signature",
        }
    }

    /// With the code `transaction`: the reason why it is malformed.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Form { error, .. } => Some(error.reason()),
            _ => None,
        }
    }

    /// Whether this says something of one copy alone. All else is a verdict on what the digest covers, and
    /// may be kept under it; this may not, or one bad copy would make a good batch bad.
    pub fn is_of_one_copy(&self) -> bool {
        matches!(self, Self::BadAuthorSignature { .. })
    }
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
    signed: Digest,
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
    /// The hash of the signed transaction, as in the log.
    pub signed: Digest,
    /// Its encoding.
    pub bytes: &'a [u8],
}

/// Clients' signatures of a batch that are checked at once.
#[derive(Clone, Debug)]
pub struct SignatureGroup<'a> {
    items: Vec<Attached<'a>>,
}

/// A signature that is attached to a transaction of a batch.
#[derive(Clone, Copy, Debug)]
struct Attached<'a> {
    signature: &'a KeySignature,
    /// What is signed, without the tag.
    intent: &'a [u8],
    /// The transaction's index.
    transaction: usize,
}

impl BatchRules<'_> {
    /// Whether the author signed the batch with this digest. To be asked of every copy, since the digest
    /// does not cover the signature.
    pub fn is_signed_by(&self, author: ValidatorIndex, digest: &Digest, signature: &Signature) -> bool {
        self.committee
            .key(author)
            .is_some_and(|key| verify_strict(key, Tag::BATCH_AUTHOR, &digest.0, signature))
    }
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
        if rules.committee.key(author).is_none() {
            return Err(BatchError::UnknownAuthor { author });
        }
        if !rules.is_signed_by(author, &digest, signed.signature()) {
            return Err(BatchError::BadAuthorSignature { author });
        }
        let (count, limit) = (
            batch.transactions.len(),
            rules.parameters.max_batch_transactions as usize,
        );
        if !(1..=limit).contains(&count) {
            return Err(BatchError::TransactionCount { count, limit });
        }
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

    /// The canonical bytes of the signed batch.
    pub fn bytes(&self) -> &Bytes {
        &self.contents.bytes
    }

    /// The transactions in order. Their signatures are not checked.
    pub fn transactions(&self) -> impl ExactSizeIterator<Item = BatchTransaction<'_>> {
        self.contents.transactions()
    }

    /// Clients' signatures in groups that pay, to be checked by so many threads. Groups cost about the
    /// same, not counting the last.
    pub fn signature_groups(&self, threads: usize) -> Vec<SignatureGroup<'_>> {
        let contents = &*self.contents;
        let total = total_cost(contents.signed.batch().transactions.iter());
        // As the batch is checked, the cost fits its parameter, and with it a machine word.
        let size = group_cost(usize::try_from(total).unwrap_or(usize::MAX), threads);
        let transactions = contents.signed.batch().transactions.iter();
        let mut groups = Vec::new();
        let (mut items, mut cost) = (Vec::new(), 0_usize);
        for (place, (transaction, indexed)) in transactions.zip(&contents.transactions).enumerate() {
            for signature in transaction.signatures() {
                items.push(Attached {
                    signature,
                    intent: &contents.bytes[indexed.intent.clone()],
                    transaction: place,
                });
                cost = cost.saturating_add(signature.cost() as usize);
                if cost >= size {
                    groups.push(SignatureGroup {
                        items: std::mem::take(&mut items),
                    });
                    cost = 0;
                }
            }
        }
        if !items.is_empty() {
            groups.push(SignatureGroup { items });
        }
        groups
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
    /// Checks the signatures as clients' signatures are judged, all at once.
    pub fn verify(&self) -> Result<(), BatchError> {
        self.judged_by(verify_clients)
    }

    /// Does the same, faster where keys signed before.
    pub fn verify_knowing(&self, keys: &KnownKeys) -> Result<(), BatchError> {
        self.judged_by(|signed| keys.verify_clients(signed))
    }

    /// Checks the signatures by whatever gives a verdict on each.
    fn judged_by(
        &self,
        judge: impl FnOnce(&[(&KeySignature, &[u8])]) -> Vec<bool>,
    ) -> Result<(), BatchError> {
        // A transaction's signatures stand together, and share what they sign.
        let mut preimages: Vec<Vec<u8>> = Vec::new();
        let mut places = Vec::with_capacity(self.items.len());
        let mut last = None;
        for item in &self.items {
            if last != Some(item.transaction) {
                preimages.push(Tag::TRANSACTION.preimage(item.intent));
                last = Some(item.transaction);
            }
            places.push(preimages.len() - 1);
        }
        let signed: Vec<(&KeySignature, &[u8])> = self
            .items
            .iter()
            .zip(&places)
            .map(|(item, place)| (item.signature, preimages[*place].as_slice()))
            .collect();
        let verdicts = judge(&signed);
        match self.items.iter().zip(verdicts).find(|(_, good)| !*good) {
            Some((item, _)) => Err(BatchError::BadSignature {
                transaction: item.transaction,
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

    /// The batch as it was before its clients' signatures were checked; cheap.
    pub fn formed(&self) -> FormedBatch {
        FormedBatch {
            contents: Arc::clone(&self.contents),
        }
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
        self.contents.transactions()
    }
}

impl Contents {
    fn transactions(&self) -> impl ExactSizeIterator<Item = BatchTransaction<'_>> {
        let transactions = self.signed.batch().transactions.iter();
        transactions
            .zip(&self.transactions)
            .map(|(transaction, indexed)| BatchTransaction {
                transaction,
                id: indexed.id,
                signed: indexed.signed,
                bytes: &self.bytes[indexed.bytes.clone()],
            })
    }
}

/// Checks the form of every transaction and what all signatures cost, and finds the transactions in the
/// batch's bytes.
fn index(signed: &SignedBatch, bytes: &Bytes, rules: &BatchRules<'_>) -> Result<Vec<Indexed>, BatchError> {
    let transactions = &signed.batch().transactions;
    let mut start = FRAME_BEFORE + of_length(transactions.len());
    let mut encodings = Vec::with_capacity(transactions.len());
    for (place, transaction) in transactions.iter().enumerate() {
        let length = transaction.encoded_length();
        transaction
            .check_form_of_length(length, rules.network, rules.parameters)
            .map_err(|error| BatchError::Form {
                transaction: place,
                error,
            })?;
        encodings.push(start..start + length);
        start += length;
    }
    let (cost, limit) = (
        total_cost(transactions.iter()),
        u64::from(rules.parameters.max_batch_signature_cost),
    );
    if cost > limit {
        return Err(BatchError::SignatureCost { cost, limit });
    }
    assert_eq!(
        start + SIGNATURE,
        bytes.len(),
        "only the author's signature follows the transactions"
    );
    let indexed = transactions.iter().zip(encodings).map(|(transaction, encoding)| {
        let within = transaction.signed_range(encoding.len());
        let intent = encoding.start + within.start..encoding.start + within.end;
        Indexed {
            id: Tag::TRANSACTION.hash(&bytes[intent.clone()]),
            signed: Tag::SIGNED.hash(&bytes[encoding.clone()]),
            bytes: encoding,
            intent,
        }
    });
    Ok(indexed.collect())
}

/// What the signatures of transactions cost together.
fn total_cost<'a>(transactions: impl Iterator<Item = &'a Transaction>) -> u64 {
    transactions.fold(0, |cost, transaction| {
        cost.saturating_add(u64::from(transaction.signature_cost()))
    })
}

/// What the signatures of a group cost, where all cost `total` and `threads` share them: each thread gets
/// its part if that pays, and no part is much larger than what is checked at once.
fn group_cost(total: usize, threads: usize) -> usize {
    let shared = (total / WORTH_A_THREAD).clamp(1, threads.max(1));
    total.div_ceil(shared.max(total.div_ceil(GROUP))).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_no_larger_than_pays_and_no_smaller() {
        assert_eq!(group_cost(0, 0), 1);
        assert_eq!(group_cost(16, 8), 16);
        assert_eq!(group_cost(511, 2), 511);
        assert_eq!(group_cost(512, 2), 256);
        assert_eq!(group_cost(8_192, 1), 1_024);
        assert_eq!(group_cost(8_192, 64), 256);
    }
}
