//! How long a transaction's encoding is and where what is signed lies in it, without encoding it again:
//! whoever has decoded it has the bytes.

use std::ops::Range;

use crate::{Operation, Transaction};

/// Bytes of an enum's variant, as long as there are fewer than 128.
const VARIANT: usize = 1;
const DIGEST: usize = 32;
const ADDRESS: usize = 20;
const AMOUNT: usize = 16;
const TIMESTAMP: usize = 8;
const SALT: usize = 16;
/// A key and a signature.
const SIGNATURE: usize = 32 + 64;

impl Transaction {
    /// Bytes of the encoding.
    pub(crate) fn encoded_length(&self) -> usize {
        let intent = self.intent();
        let operations: usize = intent.operations.iter().map(Operation::encoded_length).sum();
        let intent = VARIANT
            + DIGEST
            + ADDRESS
            + TIMESTAMP
            + SALT
            + of_length(intent.operations.len())
            + operations
            + of_bytes(intent.memo.len());
        VARIANT + intent + self.signatures_length()
    }

    /// Where in an encoding of `length` bytes lies what is signed ([`Self::signed_bytes`]).
    pub fn signed_range(&self, length: usize) -> Range<usize> {
        VARIANT..length - self.signatures_length()
    }

    fn signatures_length(&self) -> usize {
        let count = self.signatures().len();
        of_length(count) + count * SIGNATURE
    }
}

impl Operation {
    fn encoded_length(&self) -> usize {
        let body = match self {
            Self::CreateAsset {
                code,
                decimals: _,
                description,
            } => of_bytes(code.as_str().len()) + 1 + of_bytes(description.len()),
            Self::Mint { asset, .. } => of_bytes(asset.as_str().len()) + ADDRESS + AMOUNT,
            Self::Burn { asset, .. } => of_bytes(asset.as_str().len()) + AMOUNT,
            Self::Transfer { asset, memo, .. } => {
                ADDRESS + of_bytes(asset.as_str().len()) + AMOUNT + of_bytes(memo.len())
            }
            Self::PutRecord { label, metadata, .. } => {
                DIGEST + of_bytes(label.len()) + of_bytes(metadata.len())
            }
            // A key and a weight each, and the threshold.
            Self::SetSigners { signers, .. } => of_length(signers.len()) + signers.len() * (32 + 4) + 4,
            Self::Rejoin { .. } => 32 + DIGEST,
        };
        VARIANT + body
    }
}

/// Bytes of a text or byte string with its length.
fn of_bytes(length: usize) -> usize {
    of_length(length) + length
}

/// Bytes of the ULEB128 encoding of a sequence's length.
pub(crate) fn of_length(length: usize) -> usize {
    (usize::BITS - (length | 1).leading_zeros()).div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use quorate_crypto::{Address, Digest, Domain, PublicKey, Signature};

    use super::*;
    use crate::{Amount, AssetCode, Intent, IntentV1, KeySignature, Signer, Timestamp, encode};

    fn code() -> impl Strategy<Value = AssetCode> {
        "[A-Z0-9]{1,12}".prop_map(|code| code.parse().unwrap())
    }

    /// Any, of any length and more than is allowed.
    fn operation() -> impl Strategy<Value = Operation> {
        let (to, amount) = (Address([1; 20]), Amount(u128::MAX));
        prop_oneof![
            (code(), "\\PC{0,130}").prop_map(|(code, description)| Operation::CreateAsset {
                code,
                decimals: 200,
                description,
            }),
            code().prop_map(move |asset| Operation::Mint { asset, to, amount }),
            code().prop_map(move |asset| Operation::Burn { asset, amount }),
            (code(), "\\PC{0,130}").prop_map(move |(asset, memo)| Operation::Transfer {
                to,
                asset,
                amount,
                memo,
            }),
            ("\\PC{0,130}", vec(any::<u8>(), 0..1_100)).prop_map(|(label, metadata)| Operation::PutRecord {
                sha256: Digest::ZERO,
                label,
                metadata,
            }),
            (0..17_usize).prop_map(|count| Operation::SetSigners {
                signers: vec![
                    Signer {
                        key: PublicKey([2; 32]),
                        weight: u32::MAX,
                    };
                    count
                ],
                threshold: u32::MAX,
            }),
            Just(Operation::Rejoin {
                validator: PublicKey([3; 32]),
                token: Digest::ZERO,
            }),
        ]
    }

    proptest! {
        #[test]
        fn lengths_are_those_of_the_encoding(
            operations in vec(operation(), 0..200),
            memo in "\\PC{0,300}",
            signatures in 0..200_usize,
        ) {
            let transaction = Transaction::new(
                Intent::V1(IntentV1 {
                    network: Digest::ZERO,
                    sender: Address([0; 20]),
                    expires_at: Timestamp(u64::MAX),
                    salt: [4; 16],
                    operations,
                    memo,
                }),
                (0..signatures)
                    .map(|number| KeySignature {
                        key: PublicKey(Domain::BLOCK.hash(&number.to_le_bytes()).0),
                        signature: Signature([5; 64]),
                    })
                    .collect(),
            );
            let bytes = encode(&transaction);
            prop_assert_eq!(transaction.encoded_length(), bytes.len());
            prop_assert_eq!(&bytes[transaction.signed_range(bytes.len())], transaction.signed_bytes());
        }
    }
}
