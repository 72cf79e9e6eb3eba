//! Batches: transactions that one validator packed together and signed (`docs/formats.md`, section 5).
//!
//! A batch is known by its digest alone, which covers neither the author's signature nor any text. So a
//! verdict on what the digest covers may be kept under it, and one on a copy may not.

use bytes::Bytes;
use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Digest, Epoch, Signature, SigningKey, Tag, ValidatorIndex, sign_strict};
use serde::{Deserialize, Serialize};

use crate::limits::MAX_BATCH_TRANSACTIONS;
use crate::{DecodeError, ParametersV1, Transaction, decode, encode};

mod check;
mod texts;

pub use check::{BatchError, BatchRules, BatchTransaction, CheckedBatch, FormedBatch, SignatureGroup};
pub use texts::{BatchTexts, BatchTextsV1, NotWhole, UnfitTexts, WholeCopy};

/// A batch with its author's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignedBatch {
    /// Version 1.
    V1(SignedBatchV1),
}

/// Version 1 of [`SignedBatch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedBatchV1 {
    /// The batch.
    pub batch: Batch,
    /// The author's, over the batch's digest under [`Tag::BATCH_AUTHOR`].
    pub signature: Signature,
}

/// Transactions packed by one validator; known by its digest alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Batch {
    /// Version 1.
    V1(BatchV1),
}

/// Version 1 of [`Batch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchV1 {
    /// The network's id.
    pub network: Digest,
    /// The epoch in which it may be ordered.
    pub epoch: Epoch,
    /// The validator that packed it.
    pub author: ValidatorIndex,
    /// The author's own count, no two of its batches alike: the same transactions packed again are another
    /// batch, and not the one that was ordered before. No check looks at it.
    pub number: u64,
    /// At least one.
    #[serde(deserialize_with = "bounded_vec::<_, _, { MAX_BATCH_TRANSACTIONS as usize }>")]
    pub transactions: Vec<Transaction>,
}

/// Reads the number of transactions from a signed batch's canonical bytes, without decoding the rest.
pub fn count_transactions(signed_batch: &[u8]) -> Option<u32> {
    let mut count: u32 = 0;
    for (place, byte) in signed_batch
        .get(check::FRAME_BEFORE..)?
        .iter()
        .take(5)
        .enumerate()
    {
        let bits = u32::from(byte & 0x7f);
        count |= bits.checked_shl(7 * u32::try_from(place).ok()?)?;
        if byte & 0x80 == 0 {
            return Some(count);
        }
    }
    None
}

/// Bytes that may be those of a signed batch, with the digest of the batch in them, which means nothing if
/// they are not.
#[derive(Clone, Debug)]
pub struct BatchBytes {
    bytes: Bytes,
    digest: Digest,
}

impl BatchBytes {
    /// Hashes the bytes, without decoding them; none if they are too few, or of another version.
    ///
    /// So of bytes that are there all but the signature is under the digest, and whether they can be read
    /// does not depend on the signature: a verdict that they cannot holds for every copy.
    pub fn new(bytes: Bytes) -> Option<Self> {
        // The batch's own encoding is what lies between the outer variant and the signature.
        let (version, rest) = bytes.split_first()?;
        let (batch, _signature) = rest.split_last_chunk::<64>()?;
        if *version != 0 {
            return None;
        }
        let digest = Tag::BATCH.hash(batch);
        Some(Self { bytes, digest })
    }

    /// A batch, signed by its author, whose key this must be.
    fn sign(batch: Batch, author: &SigningKey) -> (SignedBatch, Self) {
        let encoded = encode(&batch);
        let digest = Tag::BATCH.hash(&encoded);
        let signature = sign_strict(author, Tag::BATCH_AUTHOR, &digest.0);
        let bytes = [&[0], encoded.as_slice(), &signature.0].concat().into();
        let signed = SignedBatch::V1(SignedBatchV1 { batch, signature });
        (signed, Self { bytes, digest })
    }

    /// The digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The author's signature in this copy, not yet checked.
    pub fn signature(&self) -> Signature {
        let (_, signature) = self
            .bytes
            .split_last_chunk::<64>()
            .expect("bytes without a signature were refused");
        Signature(*signature)
    }
}

impl Batch {
    /// The batch, signed by its author, whose key this must be.
    pub fn sign(self, author: &SigningKey) -> SignedBatch {
        let signature = sign_strict(author, Tag::BATCH_AUTHOR, &self.digest().0);
        SignedBatch::V1(SignedBatchV1 {
            batch: self,
            signature,
        })
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &BatchV1 {
        let Self::V1(batch) = self;
        batch
    }

    /// What a batch is known by.
    pub fn digest(&self) -> Digest {
        Tag::BATCH.hash(&encode(self))
    }
}

impl SignedBatch {
    /// The signed batch whose canonical bytes these are. It is not yet checked.
    pub fn decode(bytes: &[u8], parameters: &ParametersV1) -> Result<Self, DecodeError> {
        decode(bytes, parameters.max_batch_bytes as usize)
    }

    /// The batch.
    pub fn batch(&self) -> &BatchV1 {
        let Self::V1(signed) = self;
        signed.batch.v1()
    }

    /// The author's signature.
    pub fn signature(&self) -> &Signature {
        let Self::V1(signed) = self;
        &signed.signature
    }

    /// The batch's digest.
    pub fn digest(&self) -> Digest {
        let Self::V1(signed) = self;
        signed.batch.digest()
    }
}
