//! Transactions: what accounts ask of the ledger, and their signatures (`docs/formats.md`, sections 3 and 4).

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Address, ClientSigningKey, Digest, KeySignature, Tag, verify_clients};
use serde::{Deserialize, Serialize};

use crate::codec::{DecodeError, decode, encode};
use crate::limits::{MAX_INTENT_WITH_TEXTS_BYTES, MAX_OPERATIONS, MAX_PARTIES, MAX_SIGNATURES};
use crate::parameters::ParametersV1;
use crate::primitives::Timestamp;

mod condition;
mod form;
pub(crate) mod length;
mod operation;
mod signers;
mod submission;
mod texts;

pub use condition::{Condition, ConditionError, ConditionLeaf};
pub use form::{FormError, OperationFormError, PlacesError};
pub use operation::{HoldRef, Keep, Operation};
pub use signers::{Signer, Signers, SignersError};
pub use submission::{Submission, SubmissionError, SubmissionV1};
pub use texts::{Place, Text, TextError, TextItem, TextRule, Texts};

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
    /// 1 to 64 signatures over the intent's preimage under [`Tag::TRANSACTION`], strictly ascending by encoded key.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SIGNATURES>")]
    pub signatures: Vec<KeySignature>,
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
    /// 1 to 16 accounts that must all authorise it. The first is the sender, the others strictly ascend. One that acts
    /// in no operation consents to all of them.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_PARTIES>")]
    pub parties: Vec<Address>,
    /// A block at or after this time skips the transaction.
    pub expires_at: Timestamp,
    /// Tells equal intents apart.
    pub salt: [u8; 16],
    /// 1 to 256 operations, executed in order, all or nothing.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_OPERATIONS>")]
    pub operations: Vec<Act>,
    /// The places of its texts and the root over them; none if it has no text.
    pub texts: Option<Texts>,
}

/// An operation and who acts in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// The acting party's place among the intent's parties.
    pub party: u8,
    /// What it does.
    pub operation: Operation,
}

impl Intent {
    /// The intent that an `erase` carries, whose canonical bytes these are. Its form is not yet checked.
    pub fn decode_carried(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes, MAX_INTENT_WITH_TEXTS_BYTES)
    }

    /// The canonical bytes that are signed under [`Tag::TRANSACTION`].
    pub fn signed_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// What a signature is over: the signed bytes under their tag.
    pub fn preimage(&self) -> Vec<u8> {
        Tag::TRANSACTION.preimage(&self.signed_bytes())
    }

    /// The id: the hash of what is signed.
    pub fn id(&self) -> Digest {
        Tag::TRANSACTION.hash(&self.signed_bytes())
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &IntentV1 {
        let Self::V1(intent) = self;
        intent
    }

    /// The account whose transaction it is; see [`IntentV1::sender`].
    pub fn sender(&self) -> Address {
        self.v1().sender()
    }

    /// The transaction, signed with `keys` in any order; a key given twice signs once.
    pub fn sign<'a>(self, keys: impl IntoIterator<Item = &'a ClientSigningKey>) -> Transaction {
        let content = self.signed_bytes();
        let signatures = keys.into_iter().map(|key| key.sign(Tag::TRANSACTION, &content));
        let signatures = signatures.collect();
        Transaction::new(self, signatures)
    }
}

impl IntentV1 {
    /// The first party. An intent without parties is malformed; its sender is twenty zero bytes.
    pub fn sender(&self) -> Address {
        self.parties.first().copied().unwrap_or(Address([0; 20]))
    }

    /// The places of its texts.
    pub fn places(&self) -> &[Place] {
        match &self.texts {
            Some(texts) => &texts.places,
            None => &[],
        }
    }

    /// Who acts in an operation; none if there is no such party.
    pub fn acting(&self, act: &Act) -> Option<Address> {
        self.parties.get(usize::from(act.party)).copied()
    }

    /// Whether `account` is a party, or [named](Operation::named) by an operation: so it may erase texts.
    pub fn names(&self, account: &Address) -> bool {
        let mut named = self.operations.iter().filter_map(|act| act.operation.named());
        self.parties.contains(account) || named.any(|named| named == *account)
    }

    /// Checks that these are its texts, as [`Texts::fit`] does; an intent without texts has no items.
    pub fn fit(&self, items: &[TextItem]) -> Result<(), TextError> {
        match &self.texts {
            Some(texts) => texts.fit(self, items),
            None => texts::check_count(items.len(), 0),
        }
    }

    /// Checks the same of texts that are all shown.
    pub fn fit_shown(&self, shown: &[Text]) -> Result<(), TextError> {
        match &self.texts {
            Some(texts) => texts.fit_shown(self, shown),
            None => texts::check_count(shown.len(), 0),
        }
    }
}

impl Transaction {
    /// A transaction with these signatures, put in order.
    pub fn new(intent: Intent, mut signatures: Vec<KeySignature>) -> Self {
        signatures.sort_by_key(|signature| signature.key());
        signatures.dedup_by_key(|signature| signature.key());
        Self::V1(TransactionV1 { intent, signatures })
    }

    /// The transaction whose canonical bytes these are. Its form and signatures are not yet checked.
    pub fn decode(bytes: &[u8], parameters: &ParametersV1) -> Result<Self, DecodeError> {
        decode(bytes, parameters.max_transaction_bytes as usize)
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &TransactionV1 {
        let Self::V1(transaction) = self;
        transaction
    }

    /// What is signed.
    pub fn intent(&self) -> &IntentV1 {
        self.v1().intent.v1()
    }

    /// The signatures, strictly ascending by encoded key.
    pub fn signatures(&self) -> &[KeySignature] {
        &self.v1().signatures
    }

    /// The id: the hash of what is signed.
    pub fn id(&self) -> Digest {
        self.v1().intent.id()
    }

    /// The hash of the signed transaction, as the log has it: unlike the id it tells apart copies with other
    /// signatures. It covers no text.
    pub fn signed_hash(&self) -> Digest {
        Tag::SIGNED.hash(&encode(self))
    }

    /// The canonical bytes that are signed under [`Tag::TRANSACTION`].
    pub fn signed_bytes(&self) -> Vec<u8> {
        self.v1().intent.signed_bytes()
    }

    /// What a signature is over: the signed bytes under their tag.
    pub fn preimage(&self) -> Vec<u8> {
        self.v1().intent.preimage()
    }

    /// What checking its signatures costs, each 1 (Ed25519) or 20 (P-256).
    pub fn signature_cost(&self) -> u32 {
        let costs = self.signatures().iter().map(|signature| signature.cost());
        costs.fold(0, u32::saturating_add)
    }

    /// Whether every attached signature is good, under a key of good form. It says nothing about whom they sign for.
    pub fn verify_signatures(&self) -> bool {
        let preimage = self.preimage();
        let items: Vec<(&KeySignature, &[u8])> = self.signature_items(&preimage).collect();
        self.signatures()
            .iter()
            .all(|signature| signature.key().is_of_good_form())
            && verify_clients(&items).into_iter().all(|good| good)
    }

    /// The signatures to check for `preimage`, which is the transaction's.
    pub fn signature_items<'a>(
        &'a self,
        preimage: &'a [u8],
    ) -> impl Iterator<Item = (&'a KeySignature, &'a [u8])> {
        self.signatures()
            .iter()
            .map(move |signature| (signature, preimage))
    }
}
