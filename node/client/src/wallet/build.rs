//! Building and signing transactions.

use quorate_crypto::SigningKey;
use quorate_ledger::{
    Address, Amount, AssetCode, Digest, Intent, IntentV1, KeySignature, Operation, Timestamp, Transaction,
    TransactionV1,
};

/// The tag that keeps salts of bulk payments apart from every other hash.
const PAYMENT_SALT_TAG: &[u8] = b"quorate/payment-salt/v1";

/// An intent in the making.
#[derive(Clone, Debug)]
pub struct TransactionBuilder {
    intent: IntentV1,
}

/// Why a random salt could not be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes: {reason}")]
pub struct NoRandomness {
    /// What it said.
    pub reason: String,
}

impl TransactionBuilder {
    /// An intent of `sender` on `network`, with no operations yet. `salt` tells it apart from an equal
    /// one; see [`random_salt`] and [`payment_salt`].
    pub fn new(network: Digest, sender: Address, expires_at: Timestamp, salt: [u8; 16]) -> Self {
        Self {
            intent: IntentV1 {
                network,
                sender,
                expires_at,
                salt,
                operations: Vec::new(),
                memo: String::new(),
            },
        }
    }

    /// Adds an operation after the others.
    #[must_use]
    pub fn operation(mut self, operation: Operation) -> Self {
        self.intent.operations.push(operation);
        self
    }

    /// Adds operations after the others.
    #[must_use]
    pub fn operations(mut self, operations: impl IntoIterator<Item = Operation>) -> Self {
        self.intent.operations.extend(operations);
        self
    }

    /// Adds a payment after the others.
    #[must_use]
    pub fn transfer(self, to: Address, asset: AssetCode, amount: Amount, memo: impl Into<String>) -> Self {
        self.operation(Operation::Transfer {
            to,
            asset,
            amount,
            memo: memo.into(),
        })
    }

    /// Sets the note.
    #[must_use]
    pub fn memo(mut self, memo: impl Into<String>) -> Self {
        self.intent.memo = memo.into();
        self
    }

    /// The intent, to be looked at and signed ([`Intent::sign`]).
    pub fn build(self) -> Intent {
        Intent::V1(self.intent)
    }
}

/// Adds a signature to a transaction, as co-signers do one after the other. One that the key made
/// before is replaced.
pub fn add_signature(transaction: Transaction, key: &SigningKey) -> Transaction {
    let Transaction::V1(TransactionV1 {
        intent,
        mut signatures,
    }) = transaction;
    signatures.retain(|signature| signature.key != key.public());
    let Transaction::V1(mine) = intent.sign([key]);
    signatures.extend::<Vec<KeySignature>>(mine.signatures);
    Transaction::new(mine.intent, signatures)
}

/// A salt from the operating system's random source.
pub fn random_salt() -> Result<[u8; 16], NoRandomness> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| NoRandomness {
        reason: error.to_string(),
    })?;
    Ok(salt)
}

/// The salt of the transaction that pays the rows of a file from `first_row` on: the same file gives the
/// same salts, so that a wallet without its journal finds in the sender's history what was executed.
/// `label` is empty unless the same file is meant to pay once more.
pub fn payment_salt(file: &Digest, label: &str, first_row: u64) -> [u8; 16] {
    let digest = Digest::of_parts(&[
        PAYMENT_SALT_TAG,
        &file.0,
        &first_row.to_le_bytes(),
        label.as_bytes(),
    ]);
    let mut salt = [0; 16];
    salt.copy_from_slice(&digest.0[..16]);
    salt
}

#[cfg(test)]
mod tests {
    use quorate_crypto::sha256;

    use super::*;

    fn intent() -> Intent {
        let sender = SigningKey::from_seed(&[1; 32]).public().address();
        TransactionBuilder::new(sha256(b"network"), sender, Timestamp(1_000), [7; 16])
            .transfer(sender, "QRT".parse().unwrap(), Amount(5), "rent")
            .memo("hello")
            .build()
    }

    #[test]
    fn cosigning_one_by_one_is_the_same_as_signing_together() {
        let keys: Vec<SigningKey> = (1..5).map(|seed| SigningKey::from_seed(&[seed; 32])).collect();
        let together = intent().sign(&keys);
        let mut one_by_one = intent().sign([&keys[2]]);
        for key in [&keys[0], &keys[3], &keys[2], &keys[1]] {
            one_by_one = add_signature(one_by_one, key);
        }
        assert_eq!(one_by_one, together);
        assert_eq!(together.id(), intent().id());
        assert!(together.verify_signatures().is_ok());
    }

    #[test]
    fn payment_salts_differ_by_file_label_and_row_only() {
        let (a, b) = (sha256(b"a"), sha256(b"b"));
        assert_eq!(payment_salt(&a, "", 0), payment_salt(&a, "", 0));
        let salts = [
            payment_salt(&a, "", 0),
            payment_salt(&b, "", 0),
            payment_salt(&a, "", 1),
            payment_salt(&a, "again", 0),
        ];
        let distinct: std::collections::BTreeSet<_> = salts.iter().collect();
        assert_eq!(distinct.len(), salts.len());
    }
}
