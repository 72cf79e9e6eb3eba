//! Transactions and their submission.

use std::fmt;
use std::str::FromStr;

use quorate_crypto::{PublicKey, Signature};
use quorate_ledger::{Address, Amount, AssetCode, Digest, Height, Operation, Outcome, Signer, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SignerView;
use crate::text;

/// Where a transaction is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransactionStatus {
    /// Admitted, in no certified block yet. A promise of nothing.
    Pending,
    /// Executed with success, in a certified block.
    Committed,
    /// In a certified block, where it failed and changed nothing.
    Failed,
    /// Past its expiry without having been executed; it never will be.
    Expired,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transaction {
    /// The hash of what its signers signed.
    #[schema(value_type = String)]
    pub id: Digest,
    /// Where it is on its way.
    pub status: TransactionStatus,
    /// The block, once executed.
    #[schema(value_type = Option<u64>)]
    pub height: Option<Height>,
    /// Its place in the block, from 0.
    pub index: Option<u32>,
    /// The block's time.
    #[serde(with = "text::optional_rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub timestamp: Option<Timestamp>,
    /// The account that acts.
    #[schema(value_type = String)]
    pub sender: Address,
    /// Blocks at or after this time do not execute it.
    #[serde(with = "text::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// What tells it apart from an equal one, 16 bytes in hex.
    #[serde(with = "text::salt")]
    #[schema(value_type = String)]
    pub salt: [u8; 16],
    /// What it does, all or nothing.
    pub operations: Vec<OperationView>,
    /// A note.
    pub memo: String,
    /// Who signed.
    pub signatures: Vec<SignatureView>,
    /// If it failed: why, as a stable code.
    pub code: Option<String>,
    /// If it failed: why, in words.
    pub error: Option<String>,
    /// If it failed: the failing operation's index, from 0.
    pub failed_operation: Option<u16>,
    /// In a list of an account's transactions: its number in that account's history, from 1.
    #[serde(default)]
    pub number: Option<u64>,
}

impl Transaction {
    /// One that no block has executed yet, with its id.
    pub fn pending(id: Digest, transaction: &quorate_ledger::Transaction) -> Self {
        let intent = transaction.intent();
        let signatures = transaction.signatures().iter().map(|signature| SignatureView {
            key: signature.key,
            signature: signature.signature,
        });
        Self {
            id,
            status: TransactionStatus::Pending,
            height: None,
            index: None,
            timestamp: None,
            sender: intent.sender,
            expires_at: intent.expires_at,
            salt: intent.salt,
            operations: intent.operations.iter().map(Into::into).collect(),
            memo: intent.memo.clone(),
            signatures: signatures.collect(),
            code: None,
            error: None,
            failed_operation: None,
            number: None,
        }
    }

    /// The same once a block of this time has executed it, at this place among its transactions.
    pub fn executed(self, height: Height, timestamp: Timestamp, index: u32, outcome: Outcome) -> Self {
        let placed = Self {
            status: TransactionStatus::Committed,
            height: Some(height),
            index: Some(index),
            timestamp: Some(timestamp),
            ..self
        };
        match outcome {
            Outcome::Success => placed,
            Outcome::Failed { code, operation } => Self {
                status: TransactionStatus::Failed,
                code: Some(code.name().to_owned()),
                error: Some(code.to_string()),
                failed_operation: Some(operation),
                ..placed
            },
        }
    }
}

/// A signature with the key that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignatureView {
    /// Who signed.
    #[schema(value_type = String)]
    pub key: PublicKey,
    /// The signature.
    #[schema(value_type = String)]
    pub signature: Signature,
}

/// One operation of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OperationView {
    /// Makes a new asset.
    #[schema(title = "CreateAsset")]
    CreateAsset {
        /// Its code.
        #[schema(value_type = String)]
        code: AssetCode,
        /// Digits after the decimal point.
        decimals: u8,
        /// For people.
        description: String,
    },
    /// Makes new units.
    #[schema(title = "Mint")]
    Mint {
        /// The asset.
        #[schema(value_type = String)]
        asset: AssetCode,
        /// Who receives them.
        #[schema(value_type = String)]
        to: Address,
        /// How many smallest units.
        #[serde(with = "text::amount")]
        #[schema(value_type = String)]
        amount: Amount,
    },
    /// Destroys units of the sender's.
    #[schema(title = "Burn")]
    Burn {
        /// The asset.
        #[schema(value_type = String)]
        asset: AssetCode,
        /// How many smallest units.
        #[serde(with = "text::amount")]
        #[schema(value_type = String)]
        amount: Amount,
    },
    /// Moves units to another account.
    #[schema(title = "Transfer")]
    Transfer {
        /// Who receives them.
        #[schema(value_type = String)]
        to: Address,
        /// The asset.
        #[schema(value_type = String)]
        asset: AssetCode,
        /// How many smallest units.
        #[serde(with = "text::amount")]
        #[schema(value_type = String)]
        amount: Amount,
        /// A note for this transfer.
        memo: String,
    },
    /// Records a document's hash.
    #[schema(title = "PutRecord")]
    PutRecord {
        /// The hash.
        #[schema(value_type = String)]
        sha256: Digest,
        /// For people.
        label: String,
        /// Anything, in hex.
        #[serde(with = "hex::serde")]
        #[schema(value_type = String)]
        metadata: Vec<u8>,
    },
    /// Replaces the sender's signers.
    #[schema(title = "SetSigners")]
    SetSigners {
        /// The new signers.
        signers: Vec<SignerView>,
        /// The weight that authorises.
        threshold: u32,
    },
    /// Lets a validator that forgot what it signed vote again from the next epoch on.
    #[schema(title = "Rejoin")]
    Rejoin {
        /// The validator's key.
        #[schema(value_type = String)]
        validator: PublicKey,
        /// What the validator drew when it stopped voting.
        #[schema(value_type = String)]
        token: Digest,
    },
}

/// What an operation is, as its `type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Makes a new asset.
    CreateAsset,
    /// Makes new units.
    Mint,
    /// Destroys units.
    Burn,
    /// Moves units.
    Transfer,
    /// Records a document's hash.
    PutRecord,
    /// Replaces an account's signers.
    SetSigners,
    /// Lets a validator vote again.
    Rejoin,
}

/// No operation has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no operation has this name")]
pub struct NotAnOperation;

impl OperationKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::CreateAsset,
        Self::Mint,
        Self::Burn,
        Self::Transfer,
        Self::PutRecord,
        Self::SetSigners,
        Self::Rejoin,
    ];

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateAsset => "create_asset",
            Self::Mint => "mint",
            Self::Burn => "burn",
            Self::Transfer => "transfer",
            Self::PutRecord => "put_record",
            Self::SetSigners => "set_signers",
            Self::Rejoin => "rejoin",
        }
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for OperationKind {
    type Err = NotAnOperation;

    fn from_str(text: &str) -> Result<Self, NotAnOperation> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == text);
        known.ok_or(NotAnOperation)
    }
}

impl OperationView {
    /// What it is.
    pub fn kind(&self) -> OperationKind {
        match self {
            Self::CreateAsset { .. } => OperationKind::CreateAsset,
            Self::Mint { .. } => OperationKind::Mint,
            Self::Burn { .. } => OperationKind::Burn,
            Self::Transfer { .. } => OperationKind::Transfer,
            Self::PutRecord { .. } => OperationKind::PutRecord,
            Self::SetSigners { .. } => OperationKind::SetSigners,
            Self::Rejoin { .. } => OperationKind::Rejoin,
        }
    }

    /// The asset it is about, if it is about one.
    pub fn asset(&self) -> Option<AssetCode> {
        match self {
            Self::CreateAsset { code, .. } => Some(*code),
            Self::Mint { asset, .. } | Self::Burn { asset, .. } | Self::Transfer { asset, .. } => {
                Some(*asset)
            }
            Self::PutRecord { .. } | Self::SetSigners { .. } | Self::Rejoin { .. } => None,
        }
    }
}

impl From<&Operation> for OperationView {
    fn from(operation: &Operation) -> Self {
        match operation.clone() {
            Operation::CreateAsset {
                code,
                decimals,
                description,
            } => Self::CreateAsset {
                code,
                decimals,
                description,
            },
            Operation::Mint { asset, to, amount } => Self::Mint { asset, to, amount },
            Operation::Burn { asset, amount } => Self::Burn { asset, amount },
            Operation::Transfer {
                to,
                asset,
                amount,
                memo,
            } => Self::Transfer {
                to,
                asset,
                amount,
                memo,
            },
            Operation::PutRecord {
                sha256,
                label,
                metadata,
            } => Self::PutRecord {
                sha256,
                label,
                metadata,
            },
            Operation::SetSigners { signers, threshold } => Self::SetSigners {
                signers: signers.iter().map(SignerView::from).collect(),
                threshold,
            },
            Operation::Rejoin { validator, token } => Self::Rejoin { validator, token },
        }
    }
}

impl From<&OperationView> for Operation {
    fn from(view: &OperationView) -> Self {
        match view.clone() {
            OperationView::CreateAsset {
                code,
                decimals,
                description,
            } => Self::CreateAsset {
                code,
                decimals,
                description,
            },
            OperationView::Mint { asset, to, amount } => Self::Mint { asset, to, amount },
            OperationView::Burn { asset, amount } => Self::Burn { asset, amount },
            OperationView::Transfer {
                to,
                asset,
                amount,
                memo,
            } => Self::Transfer {
                to,
                asset,
                amount,
                memo,
            },
            OperationView::PutRecord {
                sha256,
                label,
                metadata,
            } => Self::PutRecord {
                sha256,
                label,
                metadata,
            },
            OperationView::SetSigners { signers, threshold } => Self::SetSigners {
                signers: signers
                    .iter()
                    .map(|signer| Signer {
                        key: signer.key,
                        weight: signer.weight,
                    })
                    .collect(),
                threshold,
            },
            OperationView::Rejoin { validator, token } => Self::Rejoin { validator, token },
        }
    }
}

impl From<&Signer> for SignerView {
    fn from(signer: &Signer) -> Self {
        Self {
            key: signer.key,
            weight: signer.weight,
        }
    }
}

/// The body of a submission of one transaction in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// The canonical bytes of one signed transaction, in hex.
    pub transaction: String,
}

/// The body of a submission of many transactions in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitMany {
    /// The canonical bytes of each signed transaction, in hex.
    pub transactions: Vec<String>,
}

/// What became of one submitted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubmittedStatus {
    /// In the pool.
    Pending,
    /// Executed with success, in a certified block.
    Committed,
    /// In a certified block, where it failed and changed nothing.
    Failed,
    /// Past its expiry, never to be executed.
    Expired,
    /// Not admitted; only in answers to many.
    Refused,
}

/// The answer to a submission, for each transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Submitted {
    /// The transaction's id; null if it could not be decoded.
    #[schema(value_type = Option<String>)]
    pub id: Option<Digest>,
    /// What became of it.
    pub status: SubmittedStatus,
    /// The block, once executed.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    pub height: Option<Height>,
    /// Its place in the block.
    #[serde(default)]
    pub index: Option<u32>,
    /// Why it failed or was refused, as a stable code.
    #[serde(default)]
    pub code: Option<String>,
    /// Why, in words.
    #[serde(default)]
    pub error: Option<String>,
    /// The failing operation's index, from 0.
    #[serde(default)]
    pub failed_operation: Option<u16>,
    /// If it was refused for lack of room: when to try again.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

/// The answer to a submission of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubmittedList {
    /// In the order of the request.
    pub results: Vec<Submitted>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_called_as_the_operations_type_is() {
        let rejoin = OperationView::Rejoin {
            validator: quorate_crypto::SigningKey::from_seed(&[7; 32]).public(),
            token: Digest::ZERO,
        };
        let burn = OperationView::Burn {
            asset: "QRT".parse().unwrap(),
            amount: Amount(1),
        };
        for operation in [rejoin, burn] {
            let json = serde_json::to_value(&operation).unwrap();
            assert_eq!(json["type"], operation.kind().name());
        }
        for kind in OperationKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!("Mint".parse::<OperationKind>(), Err(NotAnOperation));
    }
}
