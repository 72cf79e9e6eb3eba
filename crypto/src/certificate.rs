//! Seals and certificates (`docs/formats.md`, section 7): a quorum of validators vouching for one block.

use serde::{Deserialize, Serialize};

use crate::bounded::bounded_vec;
use crate::{
    Committee, Digest, Epoch, Height, PublicKey, Signature, SigningKey, Tag, ValidatorIndex, sign_strict,
    verify_strict,
};

/// What a validator signs when it seals a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SealContent {
    /// Version 1.
    V1(SealContentV1),
}

/// Version 1 of [`SealContent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealContentV1 {
    /// The network's id.
    pub network: Digest,
    /// The epoch of the sealing committee.
    pub epoch: Epoch,
    /// The block's height.
    pub height: Height,
    /// The block's hash.
    pub block: Digest,
}

/// One validator's signature under a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seal {
    /// Who sealed.
    pub validator: ValidatorIndex,
    /// Its signature over the [`SealContent`].
    pub signature: Signature,
}

/// A quorum of seals for one block.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Certificate {
    /// Version 1.
    V1(CertificateV1),
}

/// Version 1 of [`Certificate`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CertificateV1 {
    /// The epoch of the sealing committee.
    pub epoch: Epoch,
    /// The block's height.
    pub height: Height,
    /// The block's hash.
    pub block: Digest,
    /// The seals, strictly ascending by validator; at most [`Committee::MAX_VALIDATORS`].
    #[serde(deserialize_with = "bounded_vec::<_, _, { Committee::MAX_VALIDATORS }>")]
    pub seals: Vec<Seal>,
}

/// Why a certificate proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Another epoch's committee sealed it.
    #[error("the certificate is of epoch {got}, the committee of epoch {expected}")]
    WrongEpoch {
        /// The certificate's epoch.
        got: Epoch,
        /// The committee's epoch.
        expected: Epoch,
    },
    /// Too few seals.
    #[error("the certificate has {got} seals, a quorum is {quorum}")]
    NoQuorum {
        /// Seals found.
        got: usize,
        /// Seals needed.
        quorum: usize,
    },
    /// Seals out of order, or one validator twice.
    #[error("the certificate's seals are not strictly ascending by validator")]
    Unordered,
    /// A seal by somebody outside the committee.
    #[error("validator {validator} is not in the committee")]
    UnknownValidator {
        /// The index given.
        validator: ValidatorIndex,
    },
    /// A seal whose signature is wrong.
    #[error("the seal of validator {validator} does not fit the block")]
    BadSeal {
        /// Whose seal.
        validator: ValidatorIndex,
    },
}

impl SealContent {
    /// What is signed for the block with hash `block`.
    pub fn new(network: Digest, epoch: Epoch, height: Height, block: Digest) -> Self {
        Self::V1(SealContentV1 {
            network,
            epoch,
            height,
            block,
        })
    }

    /// The fields of version 1.
    pub fn v1(&self) -> &SealContentV1 {
        let Self::V1(content) = self;
        content
    }

    fn bytes(&self) -> Vec<u8> {
        bcs::to_bytes(self).expect("a seal's content can be encoded")
    }

    /// Signs with a validator's key.
    pub fn sign(&self, key: &SigningKey) -> Signature {
        sign_strict(key, Tag::SEAL, &self.bytes())
    }

    /// Checks a validator's seal, strictly.
    pub fn verify(&self, key: &PublicKey, signature: &Signature) -> bool {
        verify_strict(key, Tag::SEAL, &self.bytes(), signature)
    }
}

impl Certificate {
    /// The fields of version 1.
    pub fn v1(&self) -> &CertificateV1 {
        let Self::V1(certificate) = self;
        certificate
    }

    /// The epoch of the sealing committee.
    pub fn epoch(&self) -> Epoch {
        self.v1().epoch
    }

    /// The height of the certified block.
    pub fn height(&self) -> Height {
        self.v1().height
    }

    /// The hash of the certified block.
    pub fn block(&self) -> Digest {
        self.v1().block
    }

    /// The seals, ascending by validator.
    pub fn seals(&self) -> &[Seal] {
        &self.v1().seals
    }

    /// Checks that a quorum of `committee` sealed this block on `network`.
    ///
    /// Height and block are a claim of whoever made it: compare them with what is known otherwise.
    pub fn verify(&self, network: Digest, committee: &Committee) -> Result<(), CertificateError> {
        let certificate = self.v1();
        if certificate.epoch != committee.epoch() {
            return Err(CertificateError::WrongEpoch {
                got: certificate.epoch,
                expected: committee.epoch(),
            });
        }
        let quorum = committee.quorum();
        if certificate.seals.len() < quorum {
            return Err(CertificateError::NoQuorum {
                got: certificate.seals.len(),
                quorum,
            });
        }
        if !certificate.seals.is_sorted_by(|a, b| a.validator < b.validator) {
            return Err(CertificateError::Unordered);
        }
        let content = SealContent::new(network, certificate.epoch, certificate.height, certificate.block);
        for seal in &certificate.seals {
            let validator = seal.validator;
            let key = committee
                .key(validator)
                .ok_or(CertificateError::UnknownValidator { validator })?;
            if !content.verify(key, &seal.signature) {
                return Err(CertificateError::BadSeal { validator });
            }
        }
        Ok(())
    }
}
