//! Building and signing transactions with their texts.

use quorate_crypto::ClientSigningKey;
use quorate_ledger::{
    Act, Address, Amount, AssetCode, Digest, Intent, IntentV1, Keep, Operation, Place, Submission, Text,
    TextItem, Texts, Timestamp, Transaction, TransactionV1,
};

/// A transaction in the making.
#[derive(Clone, Debug)]
pub struct TransactionBuilder {
    network: Digest,
    sender: Address,
    /// Beside the sender.
    others: Vec<Address>,
    expires_at: Timestamp,
    salt: [u8; 16],
    acts: Vec<(Address, Operation)>,
    /// In the order of their places, as they are added with their operations; the memo comes last.
    texts: Vec<(Place, Vec<u8>)>,
    memo: String,
}

/// What is to be signed, and the texts that it commits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// What is signed.
    pub intent: Intent,
    /// One for each of its places, in order.
    pub texts: Vec<Text>,
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
    /// one; see [`random_salt`] and `quorate_ledger::WalletSecret`.
    pub fn new(network: Digest, sender: Address, expires_at: Timestamp, salt: [u8; 16]) -> Self {
        Self {
            network,
            sender,
            others: Vec::new(),
            expires_at,
            salt,
            acts: Vec::new(),
            texts: Vec::new(),
            memo: String::new(),
        }
    }

    /// Makes an account a party: it must sign too, whether it acts or not.
    #[must_use]
    pub fn party(mut self, account: Address) -> Self {
        if account != self.sender && !self.others.contains(&account) {
            self.others.push(account);
        }
        self
    }

    /// Adds an operation of a party, which it becomes by that, after the others.
    #[must_use]
    pub fn act(mut self, by: Address, operation: Operation) -> Self {
        self.acts.push((by, operation));
        self.party(by)
    }

    /// Adds an operation of the sender after the others.
    #[must_use]
    pub fn operation(self, operation: Operation) -> Self {
        let sender = self.sender;
        self.act(sender, operation)
    }

    /// Adds operations of the sender after the others.
    #[must_use]
    pub fn operations(self, operations: impl IntoIterator<Item = Operation>) -> Self {
        operations.into_iter().fold(self, Self::operation)
    }

    /// Gives the operation added last a text: its own is field 0, a record's metadata field 1. An empty one is none.
    /// Fields are given in ascending order.
    ///
    /// # Panics
    /// If there is no operation yet.
    #[must_use]
    pub fn text(mut self, field: u8, text: impl Into<Vec<u8>>) -> Self {
        let text = text.into();
        let last = self
            .acts
            .len()
            .checked_sub(1)
            .expect("a text belongs to an operation");
        if !text.is_empty() {
            let index = u8::try_from(last).unwrap_or(u8::MAX);
            self.texts.push((Place::Operation { index, field }, text));
        }
        self
    }

    /// Adds a payment of the sender after the others; an empty memo is none.
    #[must_use]
    pub fn transfer(self, to: Address, asset: AssetCode, amount: Amount, memo: impl Into<String>) -> Self {
        self.operation(Operation::Transfer { to, asset, amount })
            .text(0, memo.into())
    }

    /// Adds a new asset of the sender's after the others; an empty description is none.
    #[must_use]
    pub fn create_asset(self, code: AssetCode, decimals: u8, description: impl Into<String>) -> Self {
        self.operation(Operation::CreateAsset {
            code,
            decimals,
            flags: 0,
        })
        .text(0, description.into())
    }

    /// Adds a record of the sender's after the others; label and metadata are none if they are empty.
    #[must_use]
    pub fn record(
        self,
        sha256: Digest,
        keep: Keep,
        label: impl Into<String>,
        metadata: impl Into<Vec<u8>>,
    ) -> Self {
        self.operation(Operation::PutRecord { sha256, keep })
            .text(0, label.into())
            .text(1, metadata)
    }

    /// Sets the note; an empty one is none.
    #[must_use]
    pub fn memo(mut self, memo: impl Into<String>) -> Self {
        self.memo = memo.into();
        self
    }

    /// The transaction, to be looked at and signed; texts get salts from the operating system's random source.
    pub fn build(self) -> Result<Unsigned, NoRandomness> {
        self.salted(|_| random_salt())
    }

    /// The same with the salts that `salt` gives for each place, none of which is ever used for two texts.
    pub fn build_with(self, mut salt: impl FnMut(Place) -> [u8; 16]) -> Unsigned {
        self.salted(|place| Ok::<_, std::convert::Infallible>(salt(place)))
            .unwrap_or_else(|never| match never {})
    }

    fn salted<E>(self, mut salt: impl FnMut(Place) -> Result<[u8; 16], E>) -> Result<Unsigned, E> {
        let mut parties = vec![self.sender];
        let mut others = self.others;
        others.sort_unstable();
        parties.extend(others);
        let operations = self.acts.into_iter().map(|(by, operation)| {
            let place = parties.iter().position(|party| *party == by);
            Act {
                // More parties than a byte can tell are refused as malformed.
                party: place
                    .and_then(|place| u8::try_from(place).ok())
                    .unwrap_or(u8::MAX),
                operation,
            }
        });
        let operations = operations.collect();
        // The memo's place is the first.
        let memo = Some((Place::Memo, self.memo.into_bytes())).filter(|(_, memo)| !memo.is_empty());
        let (mut places, mut texts) = (Vec::new(), Vec::new());
        for (place, text) in memo.into_iter().chain(self.texts) {
            texts.push(Text {
                salt: salt(place)?,
                text,
            });
            places.push(place);
        }
        let items: Vec<TextItem> = texts.iter().cloned().map(TextItem::Shown).collect();
        let intent = Intent::V1(IntentV1 {
            network: self.network,
            parties,
            expires_at: self.expires_at,
            salt: self.salt,
            operations,
            texts: (!places.is_empty()).then(|| Texts {
                places,
                root: Texts::root_of(&items),
            }),
        });
        Ok(Unsigned { intent, texts })
    }
}

impl Unsigned {
    /// The transaction's id.
    pub fn id(&self) -> Digest {
        self.intent.id()
    }

    /// The submission, signed with `keys` in any order; a key given twice signs once.
    pub fn sign<'a>(self, keys: impl IntoIterator<Item = &'a ClientSigningKey>) -> Submission {
        Submission::new(self.intent.sign(keys), self.texts)
    }
}

/// Adds a signature to a transaction, as co-signers do one after the other. One that the key made
/// before is replaced.
pub fn add_signature(transaction: Transaction, key: &ClientSigningKey) -> Transaction {
    let Transaction::V1(TransactionV1 {
        intent,
        mut signatures,
    }) = transaction;
    signatures.retain(|signature| signature.key() != key.key());
    let Transaction::V1(mine) = intent.sign([key]);
    signatures.extend(mine.signatures);
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

#[cfg(test)]
mod tests {
    use quorate_crypto::{SigningKey, sha256};

    use super::*;

    fn key(seed: u8) -> ClientSigningKey {
        ClientSigningKey::from_ed25519(SigningKey::from_seed(&[seed; 32]))
    }

    fn unsigned() -> Unsigned {
        let (sender, other) = (key(1).key().address(), key(2).key().address());
        TransactionBuilder::new(sha256(b"network"), sender, Timestamp(1_000), [7; 16])
            .transfer(other, "QRT".parse().unwrap(), Amount(5), "rent")
            .act(
                other,
                Operation::Burn {
                    asset: "QRT".parse().unwrap(),
                    amount: Amount(1),
                },
            )
            .record(sha256(b"document"), Keep::Own, "", [1, 2])
            .memo("hello")
            .build()
            .unwrap()
    }

    #[test]
    fn what_is_built_is_well_formed_with_its_texts() {
        let submission = unsigned().sign([&key(1), &key(2)]);
        let parameters = quorate_ledger::ParametersV1::default();
        assert_eq!(submission.check_form(&sha256(b"network"), &parameters), Ok(()));
        let places = submission.transaction().intent().places();
        let index = |index, field| Place::Operation { index, field };
        assert_eq!(places, [Place::Memo, index(0, 0), index(2, 1)]);
        assert!(submission.transaction().verify_signatures());
    }

    #[test]
    fn cosigning_one_by_one_is_the_same_as_signing_together() {
        let unsigned = unsigned();
        let keys: Vec<ClientSigningKey> = (1..5).map(key).collect();
        let together = unsigned.intent.clone().sign(&keys);
        let mut one_by_one = unsigned.intent.clone().sign([&keys[2]]);
        for key in [&keys[0], &keys[3], &keys[2], &keys[1]] {
            one_by_one = add_signature(one_by_one, key);
        }
        assert_eq!(one_by_one, together);
        assert_eq!(together.id(), unsigned.id());
    }
}
