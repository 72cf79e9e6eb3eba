//! Transactions: what accounts ask of the ledger, and their signatures.

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{
    Address, ClientSignature, Digest, Domain, PublicKey, Signature, SigningKey, verify_client_batch,
};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_OPERATIONS, MAX_SIGNATURES, MAX_SIGNERS};
use crate::{Amount, AssetCode, DecodeError, ParametersV1, Timestamp, decode, encode};

mod form;
pub(crate) mod length;

pub use form::{FormError, OperationFormError};

/// A signed request to change the ledger, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transaction {
    /// Version 1.
    V1(TransactionV1),
}

/// Version 1 of [`Transaction`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionV1 {
    /// What is signed.
    pub intent: Intent,
    /// 1 to 16 signatures, strictly ascending by key.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SIGNATURES>")]
    pub signatures: Vec<KeySignature>,
}

/// A signature together with the key that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySignature {
    /// Who signed.
    pub key: PublicKey,
    /// Over the intent's preimage under [`Domain::TRANSACTION`].
    pub signature: Signature,
}

/// What a transaction's signers sign; its hash is the transaction's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// Version 1.
    V1(IntentV1),
}

/// Version 1 of [`Intent`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentV1 {
    /// The network's id.
    pub network: Digest,
    /// The account that acts.
    pub sender: Address,
    /// A block at or after this time skips the transaction.
    pub expires_at: Timestamp,
    /// Tells equal intents apart.
    pub salt: [u8; 16],
    /// 1 to 256 operations, executed in order, all or nothing.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_OPERATIONS>")]
    pub operations: Vec<Operation>,
    /// A note, at most 256 bytes.
    pub memo: String,
}

/// One change of the ledger. The order of the variants is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Makes a new asset with the sender as its issuer and no supply.
    CreateAsset {
        /// The asset's unique code.
        code: AssetCode,
        /// Digits after the decimal point, at most 18 (judged in execution).
        decimals: u8,
        /// For people, at most 128 bytes.
        description: String,
    },
    /// Makes new units; the sender must be the issuer.
    Mint {
        /// The asset.
        asset: AssetCode,
        /// Who receives them.
        to: Address,
        /// How many, above zero.
        amount: Amount,
    },
    /// Destroys units of the sender's own.
    Burn {
        /// The asset.
        asset: AssetCode,
        /// How many, above zero.
        amount: Amount,
    },
    /// Moves units from the sender to another account.
    Transfer {
        /// Who receives them.
        to: Address,
        /// The asset.
        asset: AssetCode,
        /// How many, above zero.
        amount: Amount,
        /// A note for this transfer alone, at most 128 bytes.
        memo: String,
    },
    /// Records that the sender knew a document, by its SHA-256.
    PutRecord {
        /// The document's hash.
        sha256: Digest,
        /// For people, at most 128 bytes.
        label: String,
        /// Anything, at most 1,024 bytes.
        #[serde(with = "serde_bytes")]
        metadata: Vec<u8>,
    },
    /// Replaces the sender's signers and threshold.
    SetSigners {
        /// 1 to 16 signers, strictly ascending by key.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SIGNERS>")]
        signers: Vec<Signer>,
        /// The weight that authorises a transaction.
        threshold: u32,
    },
    /// Lets a validator that forgot what it signed vote again from the next epoch on, and ends the epoch
    /// under way; the sender must be the account of the member that runs it.
    Rejoin {
        /// The validator's key.
        validator: PublicKey,
        /// What the validator drew when it stopped voting.
        token: Digest,
    },
}

impl Operation {
    /// The account that it gives something to.
    pub(crate) fn receiver(&self) -> Option<Address> {
        match self {
            Self::Mint { to, .. } | Self::Transfer { to, .. } => Some(*to),
            Self::CreateAsset { .. }
            | Self::Burn { .. }
            | Self::PutRecord { .. }
            | Self::SetSigners { .. }
            | Self::Rejoin { .. } => None,
        }
    }
}

/// A key that may sign for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// The key.
    pub key: PublicKey,
    /// Its weight, 1 to 65,535.
    pub weight: u32,
}

/// A transaction with a signature that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature of {key} does not fit the transaction")]
pub struct BadSignature {
    /// Whose signature.
    pub key: PublicKey,
}

impl Intent {
    /// The canonical bytes that are signed under [`Domain::TRANSACTION`].
    pub fn signed_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// The id: the hash of what is signed.
    pub fn id(&self) -> Digest {
        Domain::TRANSACTION.hash(&self.signed_bytes())
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &IntentV1 {
        let Self::V1(intent) = self;
        intent
    }

    /// The transaction, signed with `keys` in any order; a key given twice signs once.
    pub fn sign<'a>(self, keys: impl IntoIterator<Item = &'a SigningKey>) -> Transaction {
        let content = self.signed_bytes();
        let sign = |key: &SigningKey| KeySignature {
            key: key.public(),
            signature: key.sign(Domain::TRANSACTION, &content),
        };
        let signatures = keys.into_iter().map(sign).collect();
        Transaction::new(self, signatures)
    }
}

impl Transaction {
    /// A transaction with these signatures, put in order.
    pub fn new(intent: Intent, mut signatures: Vec<KeySignature>) -> Self {
        signatures.sort_by_key(|signature| signature.key);
        signatures.dedup_by_key(|signature| signature.key);
        Self::V1(TransactionV1 { intent, signatures })
    }

    /// The transaction whose canonical bytes these are. Its form and signatures are not yet checked.
    pub fn decode(bytes: &[u8], parameters: &ParametersV1) -> Result<Self, DecodeError> {
        decode(bytes, parameters.max_transaction_bytes as usize)
    }

    /// What is signed.
    pub fn intent(&self) -> &IntentV1 {
        let Self::V1(transaction) = self;
        transaction.intent.v1()
    }

    /// The signatures, strictly ascending by key.
    pub fn signatures(&self) -> &[KeySignature] {
        let Self::V1(transaction) = self;
        &transaction.signatures
    }

    /// The id: the hash of what is signed.
    pub fn id(&self) -> Digest {
        let Self::V1(transaction) = self;
        transaction.intent.id()
    }

    /// The canonical bytes that are signed under [`Domain::TRANSACTION`].
    pub fn signed_bytes(&self) -> Vec<u8> {
        let Self::V1(transaction) = self;
        transaction.intent.signed_bytes()
    }

    /// The leaf hash of the whole transaction in a block's tree of transactions. Unlike the id it
    /// tells apart copies with other signatures.
    pub fn leaf(&self) -> Digest {
        quorate_crypto::merkle::leaf_hash(&encode(self))
    }

    /// Checks every attached signature under ZIP-215, by itself.
    pub fn verify_signatures(&self) -> Result<(), BadSignature> {
        let content = self.signed_bytes();
        let items: Vec<ClientSignature<'_>> = self.signature_items(&content).collect();
        let verdicts = verify_client_batch(Domain::TRANSACTION, &items);
        match items.iter().zip(verdicts).find(|(_, verdict)| verdict.is_err()) {
            Some((item, _)) => Err(BadSignature { key: item.key }),
            None => Ok(()),
        }
    }

    /// The signatures to check for `content`, the transaction's signed bytes.
    pub fn signature_items<'a>(&'a self, content: &'a [u8]) -> impl Iterator<Item = ClientSignature<'a>> {
        self.signatures().iter().map(move |signature| ClientSignature {
            key: signature.key,
            content,
            signature: signature.signature,
        })
    }
}
