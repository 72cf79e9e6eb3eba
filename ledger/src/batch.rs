//! Batches: transactions that one validator packed together and signed.

use quorate_crypto::{Digest, Domain, Epoch, Signature, ValidatorIndex};
use serde::{Deserialize, Serialize};

use crate::{Transaction, encode};

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
    /// The author's, over the batch's digest under [`Domain::BATCH_AUTHOR`].
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
    /// At least one.
    pub transactions: Vec<Transaction>,
}

impl Batch {
    /// Version 1's fields.
    pub fn v1(&self) -> &BatchV1 {
        let Self::V1(batch) = self;
        batch
    }

    /// What a batch is known by.
    pub fn digest(&self) -> Digest {
        Domain::BATCH.hash(&encode(self))
    }
}

impl SignedBatch {
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
