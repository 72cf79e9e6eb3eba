//! The form of a transaction: all that can be judged from its bytes and the epoch's parameters alone,
//! except whether its signatures are good.

use quorate_crypto::{Digest, PublicKey};

use crate::limits::{
    MAX_DESCRIPTION_BYTES, MAX_LABEL_BYTES, MAX_MEMO_BYTES, MAX_METADATA_BYTES, MAX_OPERATIONS,
    MAX_SIGNATURES, MAX_SIGNERS, MAX_TRANSFER_MEMO_BYTES, MAX_WEIGHT,
};
use crate::{Amount, Operation, ParametersV1, Signer, Transaction};

/// Why a transaction is malformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// It is for another network.
    #[error("the transaction is for network {got}, this is {expected}")]
    WrongNetwork {
        /// The network it names.
        got: Digest,
        /// This network.
        expected: Digest,
    },
    /// Too many bytes.
    #[error("the transaction has {length} bytes, at most {limit} are allowed")]
    TooLong {
        /// Bytes of its encoding.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// No signature, or more than 16.
    #[error("the transaction has {count} signatures, 1 to 16 are allowed")]
    SignatureCount {
        /// Signatures found.
        count: usize,
    },
    /// Signatures out of order, or two of one key.
    #[error("the signatures are not strictly ascending by key")]
    SignaturesUnordered,
    /// A signature under a key for which anyone can sign.
    #[error("the key {key} has small order, so anyone could sign for it")]
    SmallOrderKey {
        /// The key.
        key: PublicKey,
    },
    /// No operation, or more than 256.
    #[error("the transaction has {count} operations, 1 to 256 are allowed")]
    OperationCount {
        /// Operations found.
        count: usize,
    },
    /// A memo over its limit.
    #[error("the memo has {length} bytes, at most 256 are allowed")]
    MemoTooLong {
        /// Bytes found.
        length: usize,
    },
    /// A malformed operation.
    #[error("operation {operation}: {error}")]
    Operation {
        /// Its index, from 0.
        operation: usize,
        /// What is wrong with it.
        error: OperationFormError,
    },
}

/// Why an operation is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationFormError {
    /// An amount of nothing.
    #[error("the amount is zero")]
    ZeroAmount,
    /// A description over its limit.
    #[error("the description has {length} bytes, at most 128 are allowed")]
    DescriptionTooLong {
        /// Bytes found.
        length: usize,
    },
    /// A memo over its limit.
    #[error("the memo has {length} bytes, at most 128 are allowed")]
    MemoTooLong {
        /// Bytes found.
        length: usize,
    },
    /// A label over its limit.
    #[error("the label has {length} bytes, at most 128 are allowed")]
    LabelTooLong {
        /// Bytes found.
        length: usize,
    },
    /// Metadata over their limit.
    #[error("the metadata have {length} bytes, at most 1,024 are allowed")]
    MetadataTooLong {
        /// Bytes found.
        length: usize,
    },
    /// No signer, or more than 16.
    #[error("there are {count} signers, 1 to 16 are allowed")]
    SignerCount {
        /// Signers found.
        count: usize,
    },
    /// Signers out of order, or one twice.
    #[error("the signers are not strictly ascending by key")]
    SignersUnordered,
    /// A weight out of range.
    #[error("a signer has weight {weight}, 1 to 65,535 are allowed")]
    Weight {
        /// The weight found.
        weight: u32,
    },
}

impl Transaction {
    /// Checks all that can be judged from the bytes and the epoch's parameters, except the signatures.
    pub fn check_form(&self, network: &Digest, parameters: &ParametersV1) -> Result<(), FormError> {
        self.check_form_of_length(self.encoded_length(), network, parameters)
    }

    /// Does the same for a transaction whose encoding is known to have `length` bytes.
    pub fn check_form_of_length(
        &self,
        length: usize,
        network: &Digest,
        parameters: &ParametersV1,
    ) -> Result<(), FormError> {
        let intent = self.intent();
        if intent.network != *network {
            return Err(FormError::WrongNetwork {
                got: intent.network,
                expected: *network,
            });
        }
        let limit = parameters.max_transaction_bytes as usize;
        if length > limit {
            return Err(FormError::TooLong { length, limit });
        }
        self.check_signature_keys()?;
        let count = intent.operations.len();
        if !(1..=MAX_OPERATIONS).contains(&count) {
            return Err(FormError::OperationCount { count });
        }
        let length = intent.memo.len();
        if length > MAX_MEMO_BYTES {
            return Err(FormError::MemoTooLong { length });
        }
        for (operation, body) in intent.operations.iter().enumerate() {
            body.check_form()
                .map_err(|error| FormError::Operation { operation, error })?;
        }
        Ok(())
    }

    fn check_signature_keys(&self) -> Result<(), FormError> {
        let signatures = self.signatures();
        let count = signatures.len();
        if !(1..=MAX_SIGNATURES).contains(&count) {
            return Err(FormError::SignatureCount { count });
        }
        if !signatures.is_sorted_by(|a, b| a.key < b.key) {
            return Err(FormError::SignaturesUnordered);
        }
        match signatures
            .iter()
            .find(|signature| has_small_order(&signature.key))
        {
            Some(signature) => Err(FormError::SmallOrderKey { key: signature.key }),
            None => Ok(()),
        }
    }
}

impl Operation {
    fn check_form(&self) -> Result<(), OperationFormError> {
        use OperationFormError as Error;
        let within =
            |length: usize, limit: usize, error: Error| if length > limit { Err(error) } else { Ok(()) };
        match self {
            Self::CreateAsset { description, .. } => {
                let length = description.len();
                within(
                    length,
                    MAX_DESCRIPTION_BYTES,
                    Error::DescriptionTooLong { length },
                )
            }
            Self::Mint { amount, .. } | Self::Burn { amount, .. } => check_amount(*amount),
            Self::Transfer { amount, memo, .. } => {
                check_amount(*amount)?;
                let length = memo.len();
                within(length, MAX_TRANSFER_MEMO_BYTES, Error::MemoTooLong { length })
            }
            Self::PutRecord { label, metadata, .. } => {
                let length = label.len();
                within(length, MAX_LABEL_BYTES, Error::LabelTooLong { length })?;
                let length = metadata.len();
                within(length, MAX_METADATA_BYTES, Error::MetadataTooLong { length })
            }
            Self::SetSigners { signers, .. } => check_signers(signers),
            Self::Rejoin { .. } => Ok(()),
        }
    }
}

fn check_amount(amount: Amount) -> Result<(), OperationFormError> {
    if amount == Amount(0) {
        Err(OperationFormError::ZeroAmount)
    } else {
        Ok(())
    }
}

fn check_signers(signers: &[Signer]) -> Result<(), OperationFormError> {
    let count = signers.len();
    if !(1..=MAX_SIGNERS).contains(&count) {
        return Err(OperationFormError::SignerCount { count });
    }
    if !signers.is_sorted_by(|a, b| a.key < b.key) {
        return Err(OperationFormError::SignersUnordered);
    }
    let mut weights = signers.iter().map(|signer| signer.weight);
    match weights.find(|weight| !(1..=MAX_WEIGHT).contains(weight)) {
        Some(weight) => Err(OperationFormError::Weight { weight }),
        None => Ok(()),
    }
}

/// The y coordinates of the eight points of small order, little-endian and with p added where that
/// still fits: 0, 1, the two of order eight, p - 1, p, p + 1. With either sign of x these are all
/// fourteen encodings that ZIP-215 accepts, so that no key needs to be decompressed to refuse them.
const SMALL_ORDER: [[u8; 32]; 7] = [
    hex_32(b"0000000000000000000000000000000000000000000000000000000000000000"),
    hex_32(b"0100000000000000000000000000000000000000000000000000000000000000"),
    hex_32(b"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    hex_32(b"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    hex_32(b"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    hex_32(b"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    hex_32(b"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
];

fn has_small_order(key: &PublicKey) -> bool {
    let mut y = key.0;
    y[31] &= 0x7F;
    SMALL_ORDER.contains(&y)
}

const fn hex_32(text: &[u8; 64]) -> [u8; 32] {
    const fn digit(character: u8) -> u8 {
        match character {
            b'0'..=b'9' => character - b'0',
            _ => character - b'a' + 10,
        }
    }
    let mut bytes = [0; 32];
    let mut at = 0;
    while at < 32 {
        bytes[at] = digit(text[2 * at]) << 4 | digit(text[2 * at + 1]);
        at += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_order_encodings_are_those_that_may_not_be_registered() {
        for y in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut bytes = y;
                bytes[31] |= sign;
                let key = PublicKey(bytes);
                assert!(has_small_order(&key));
                assert_eq!(key.check_registrable(), Err(quorate_crypto::KeyError::SmallOrder));
            }
        }
        for seed in 0..64 {
            let key = quorate_crypto::SigningKey::from_seed(&[seed; 32]).public();
            assert!(!has_small_order(&key));
        }
    }
}
