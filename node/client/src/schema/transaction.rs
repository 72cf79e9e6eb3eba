//! Transactions and their submission.

use quorate_crypto::{Key, KeySignature};
use quorate_ledger::{
    Act, Address, Digest, Height, IntentV1, Operation, Outcome, Place, TextItem, Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ActView, ConditionView, ErasedPlace, HoldName, KeepView, OperationView, SignerView};
use crate::governance::{change_view, operation_in_words};
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
    /// Its place among all transactions executed since genesis, from 0: that of its leaf in the transaction log.
    #[serde(default)]
    pub ordinal: Option<u64>,
    /// The block's time.
    #[serde(with = "text::optional_rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub timestamp: Option<Timestamp>,
    /// The account whose transaction it is: the first of its parties.
    #[schema(value_type = String)]
    pub sender: Address,
    /// The accounts that all authorised it, the sender first.
    #[schema(value_type = Vec<String>)]
    pub parties: Vec<Address>,
    /// Blocks at or after this time do not execute it.
    #[serde(with = "text::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// What tells it apart from an equal one, 16 bytes in hex.
    #[serde(with = "text::salt")]
    #[schema(value_type = String)]
    pub salt: [u8; 16],
    /// What it does, all or nothing.
    pub operations: Vec<ActView>,
    /// A note; empty if there is none, or if it is withheld.
    pub memo: String,
    /// Its texts that are not shown, by place; their hashes are.
    #[serde(default)]
    pub withheld: Vec<WithheldText>,
    /// Who signed.
    pub signatures: Vec<SignatureView>,
    /// If it succeeded: what each release and refund in it paid, in their order, in smallest units.
    #[serde(default)]
    pub paid: Vec<String>,
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

/// A text that is not shown: it is erased, or this node does not have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WithheldText {
    /// The operation that it belongs to, from 0; null for the transaction's own memo.
    pub operation: Option<u16>,
    /// Which of its texts: `memo`, `label`, `metadata`, `description`, `reason` or `explanation`.
    pub field: String,
    /// Whether the ledger says that it is erased; else this node does not have it.
    pub erased: bool,
    /// Who erased it, if it is erased.
    #[schema(value_type = Option<String>)]
    pub by: Option<Address>,
    /// The time of the block that erased it, if it is erased.
    #[serde(with = "text::optional_rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// The hash of its leaf, which stands for it, if it is known here.
    #[schema(value_type = Option<String>)]
    pub leaf: Option<Digest>,
}

/// What there is of a transaction's text at one place, as a node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextState {
    /// The text.
    Shown(Vec<u8>),
    /// Erased, by whom and when.
    Erased {
        /// The account that erased it.
        by: Address,
        /// The time of the block.
        at: Timestamp,
        /// The hash of its leaf, if it is known.
        leaf: Option<Digest>,
    },
    /// Not here.
    Missing {
        /// The hash of its leaf, if it is known.
        leaf: Option<Digest>,
    },
}

impl From<TextItem> for TextState {
    fn from(item: TextItem) -> Self {
        match item {
            TextItem::Shown(text) => Self::Shown(text.text),
            TextItem::Withheld { leaf } => Self::Missing { leaf: Some(leaf) },
        }
    }
}

impl Transaction {
    /// One that no block has executed yet, with its id and what there is of its texts, one for each of its places.
    pub fn pending(id: Digest, transaction: &quorate_ledger::Transaction, texts: &[TextState]) -> Self {
        let intent = transaction.intent();
        let texts = ShownTexts { intent, texts };
        let operations = intent.operations.iter().enumerate();
        Self {
            id,
            status: TransactionStatus::Pending,
            height: None,
            index: None,
            ordinal: None,
            timestamp: None,
            sender: intent.sender(),
            parties: intent.parties.clone(),
            expires_at: intent.expires_at,
            salt: intent.salt,
            operations: operations.map(|(index, act)| texts.act(index, act)).collect(),
            memo: texts.text(Place::Memo),
            withheld: texts.withheld(),
            signatures: transaction.signatures().iter().map(SignatureView::from).collect(),
            paid: Vec::new(),
            code: None,
            error: None,
            failed_operation: None,
            number: None,
        }
    }

    /// The same once a block of this time has executed it, at this place among its transactions and in the log.
    pub fn executed(
        self,
        height: Height,
        timestamp: Timestamp,
        index: u32,
        ordinal: u64,
        outcome: &Outcome,
    ) -> Self {
        let placed = Self {
            status: TransactionStatus::Committed,
            height: Some(height),
            index: Some(index),
            ordinal: Some(ordinal),
            timestamp: Some(timestamp),
            ..self
        };
        match outcome {
            Outcome::Success { results } => Self {
                paid: results.iter().map(|amount| amount.0.to_string()).collect(),
                ..placed
            },
            Outcome::Failed { code, operation } => Self {
                status: TransactionStatus::Failed,
                code: Some(
                    code.name()
                        .map_or_else(|| code.number().to_string(), str::to_owned),
                ),
                error: Some(code.words().map_or_else(
                    || format!("code {}, which this program does not know", code.number()),
                    str::to_owned,
                )),
                failed_operation: Some(u16::from(*operation)),
                ..placed
            },
        }
    }
}

/// A transaction's texts, to be put where people look for them.
struct ShownTexts<'a> {
    intent: &'a IntentV1,
    /// One for each place of the intent.
    texts: &'a [TextState],
}

impl ShownTexts<'_> {
    fn bytes(&self, place: Place) -> &[u8] {
        let found = self.intent.places().iter().position(|known| *known == place);
        match found.and_then(|found| self.texts.get(found)) {
            Some(TextState::Shown(text)) => text,
            _ => &[],
        }
    }

    /// Empty if there is none.
    fn text(&self, place: Place) -> String {
        String::from_utf8_lossy(self.bytes(place)).into_owned()
    }

    fn withheld(&self) -> Vec<WithheldText> {
        let places = self.intent.places().iter().enumerate();
        let withheld = places.filter_map(|(number, place)| {
            let (erased, by, at, leaf) = match self.texts.get(number) {
                Some(TextState::Shown(_)) => return None,
                Some(TextState::Erased { by, at, leaf }) => (true, Some(*by), Some(*at), *leaf),
                Some(TextState::Missing { leaf }) => (false, None, None, *leaf),
                None => (false, None, None, None),
            };
            let (operation, field) = match place {
                Place::Memo => (None, "memo"),
                Place::Operation { index, field } => (Some(u16::from(*index)), self.field(*index, *field)),
            };
            Some(WithheldText {
                operation,
                field: field.to_owned(),
                erased,
                by,
                at,
                leaf,
            })
        });
        withheld.collect()
    }

    /// What people call a text of an operation.
    fn field(&self, index: u8, field: u8) -> &'static str {
        let operation = self
            .intent
            .operations
            .get(usize::from(index))
            .map(|act| &act.operation);
        match (operation, field) {
            (Some(Operation::CreateAsset { .. }), _) => "description",
            (Some(Operation::PutRecord { .. }), 0) => "label",
            (Some(Operation::PutRecord { .. }), _) => "metadata",
            (Some(Operation::Freeze { .. } | Operation::Unfreeze { .. }), _) => "reason",
            (Some(Operation::Propose { .. }), _) => "explanation",
            _ => "memo",
        }
    }

    fn act(&self, index: usize, act: &Act) -> ActView {
        let place = |field| Place::Operation {
            index: u8::try_from(index).unwrap_or(u8::MAX),
            field,
        };
        let own = || self.text(place(0));
        let operation = match &act.operation {
            Operation::CreateAsset {
                code,
                decimals,
                flags,
            } => OperationView::CreateAsset {
                code: *code,
                decimals: *decimals,
                admission: flags & 1 != 0,
                freezable: flags & 2 != 0,
                description: own(),
            },
            Operation::Mint { to, asset, amount } => OperationView::Mint {
                asset: *asset,
                to: *to,
                amount: *amount,
            },
            Operation::Burn { asset, amount } => OperationView::Burn {
                asset: *asset,
                amount: *amount,
            },
            Operation::Transfer { to, asset, amount } => OperationView::Transfer {
                to: *to,
                asset: *asset,
                amount: *amount,
                memo: own(),
            },
            Operation::PutRecord { sha256, keep } => OperationView::PutRecord {
                sha256: *sha256,
                keep: KeepView::from(*keep),
                label: own(),
                metadata: self.bytes(place(1)).to_vec(),
            },
            Operation::SetSigners { signers } => OperationView::SetSigners {
                signers: signers.signers.iter().map(SignerView::from).collect(),
                threshold: signers.threshold,
            },
            Operation::Rejoin { validator, token } => OperationView::Rejoin {
                validator: *validator,
                token: *token,
            },
            Operation::Hold {
                beneficiary,
                asset,
                amount,
                until,
                condition,
            } => OperationView::Hold {
                beneficiary: *beneficiary,
                asset: *asset,
                amount: *amount,
                until: *until,
                condition: ConditionView::from(condition),
                memo: own(),
            },
            Operation::Release {
                hold,
                amount,
                preimages,
            } => OperationView::Release {
                hold: HoldName::from(*hold),
                amount: amount.map(|amount| amount.0.to_string()),
                preimages: preimages.iter().map(hex::encode).collect(),
            },
            Operation::Refund { hold } => OperationView::Refund {
                hold: HoldName::from(*hold),
            },
            Operation::Erase { intent, places } => OperationView::Erase {
                // Of a well-formed operation it can be read.
                transaction: quorate_ledger::Intent::decode_carried(intent)
                    .map_or(Digest::ZERO, |intent| intent.id()),
                texts: places.iter().map(|place| ErasedPlace::from(*place)).collect(),
            },
            governance => OperationView::Governance {
                name: governance.name().replace(' ', "_"),
                words: operation_in_words(governance, &[]).unwrap_or_default(),
                change: match governance {
                    Operation::Propose { change, .. } => Some(change_view(change, None, &[])),
                    _ => None,
                },
                text: own(),
            },
        };
        ActView {
            by: self.intent.acting(act).unwrap_or_else(|| self.intent.sender()),
            operation,
        }
    }
}

/// A signature with the key that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignatureView {
    /// Who signed: `ed25519:` or `p256:` and the key in hex.
    #[schema(value_type = String)]
    pub key: Key,
    /// The signature's 64 bytes, in hex.
    pub signature: String,
}

impl From<&KeySignature> for SignatureView {
    fn from(signature: &KeySignature) -> Self {
        Self {
            key: signature.key(),
            signature: hex::encode(signature.signature()),
        }
    }
}

/// The body of a submission of one transaction in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// The canonical bytes of one submission (a signed transaction with its texts), in hex.
    pub transaction: String,
}

/// The body of a submission of many transactions in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitMany {
    /// The canonical bytes of each submission (a signed transaction with its texts), in hex.
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
