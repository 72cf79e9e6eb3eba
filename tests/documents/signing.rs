//! The vectors of `docs/signing.md`, which a Python program makes, against Quorate's own code.

use std::collections::BTreeSet;

use quorate_client::schema::{
    ActView, ConditionLeafView, ConditionView, ErasedPlace, HoldName, OperationView, SignatureView,
};
use quorate_client::wallet::{TransactionBuilder, Unsigned};
use quorate_crypto::{ClientSigningKey, SigningKey, Tag};
use quorate_ledger::{
    Address, Amount, Condition, ConditionLeaf, Digest, HoldRef, Intent, Operation, ParametersV1, Place,
    Signer, Signers, Submission, Text, Timestamp, encode,
};
use serde::Deserialize;

const PAGE: &str = include_str!("../../docs/signing.md");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    seeds: Vec<String>,
    network: Digest,
    parties: Vec<Address>,
    expires_at: u64,
    salt: String,
    /// As the API shows them; beside an erasure stands the intent, which it does not show.
    operations: Vec<serde_json::Value>,
    memo: String,
    text_salts: Vec<String>,
    leaves: Vec<Digest>,
    intent: String,
    signed: String,
    id: Digest,
    signatures: Vec<SignatureView>,
    submission: String,
}

fn vectors() -> Vec<Vector> {
    let blocks = PAGE.split("```json\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("\n```").next().unwrap());
    blocks.map(|block| serde_json::from_str(block).unwrap()).collect()
}

impl Vector {
    /// What is signed, built as wallets build it.
    fn unsigned(&self) -> Unsigned {
        let salt = salt_of(&self.salt);
        let begun = TransactionBuilder::new(self.network, self.parties[0], Timestamp(self.expires_at), salt);
        let parties = self.parties.iter();
        let begun = parties.fold(begun, |draft, party| draft.party(*party));
        let acts = self.operations.iter();
        let whole = acts.fold(begun.memo(&self.memo), |draft, act| {
            let view: ActView = serde_json::from_value(act.clone()).unwrap();
            let texts = texts(&view.operation);
            let draft = draft.act(view.by, operation(view.operation, act));
            let fields = (0..).zip(texts);
            fields.fold(draft, |draft, (field, text)| draft.text(field, text))
        });
        let mut salts = self.text_salts.iter();
        let built = whole.build_with(|_| salt_of(salts.next().unwrap()));
        assert_eq!(salts.next(), None, "{}", self.name);
        built
    }

    fn keys(&self) -> Vec<ClientSigningKey> {
        let seeds = self.seeds.iter().map(|seed| hex::decode(seed).unwrap());
        seeds
            .map(|seed| SigningKey::from_seed(&seed.try_into().unwrap()))
            .map(ClientSigningKey::from_ed25519)
            .collect()
    }
}

fn salt_of(digits: &str) -> [u8; 16] {
    hex::decode(digits).unwrap().try_into().unwrap()
}

/// An operation's texts, in the order of their fields.
fn texts(operation: &OperationView) -> Vec<Vec<u8>> {
    match operation {
        OperationView::CreateAsset { description, .. } => vec![description.clone().into_bytes()],
        OperationView::Transfer { memo, .. } | OperationView::Hold { memo, .. } => {
            vec![memo.clone().into_bytes()]
        }
        OperationView::PutRecord { label, metadata, .. } => {
            vec![label.clone().into_bytes(), metadata.clone()]
        }
        _ => Vec::new(),
    }
}

/// The operation that is shown so.
fn operation(view: OperationView, act: &serde_json::Value) -> Operation {
    match view {
        OperationView::CreateAsset { code, decimals, .. } => Operation::CreateAsset {
            code,
            decimals,
            flags: 0,
        },
        OperationView::Mint { asset, to, amount } => Operation::Mint { to, asset, amount },
        OperationView::Burn { asset, amount } => Operation::Burn { asset, amount },
        OperationView::Transfer {
            to, asset, amount, ..
        } => Operation::Transfer { to, asset, amount },
        OperationView::PutRecord { sha256, keep, .. } => Operation::PutRecord {
            sha256,
            keep: keep.into(),
        },
        OperationView::SetSigners { signers, threshold } => {
            let signers = signers.into_iter().map(|signer| Signer {
                key: signer.key,
                weight: u16::try_from(signer.weight).unwrap(),
            });
            Operation::SetSigners {
                signers: Signers {
                    threshold,
                    signers: signers.collect(),
                },
            }
        }
        OperationView::Hold {
            beneficiary,
            asset,
            amount,
            until,
            condition: needed,
            ..
        } => Operation::Hold {
            beneficiary,
            asset,
            amount,
            until,
            condition: condition(&needed),
        },
        OperationView::Release {
            hold: name,
            amount,
            preimages,
        } => Operation::Release {
            hold: hold(name),
            amount: amount.map(|amount| Amount(amount.parse().unwrap())),
            preimages: preimages
                .iter()
                .map(|preimage| hex::decode(preimage).unwrap().try_into().unwrap())
                .collect(),
        },
        OperationView::Refund { hold: name } => Operation::Refund { hold: hold(name) },
        OperationView::Erase { transaction, texts } => {
            let intent = hex::decode(act["intent"].as_str().unwrap()).unwrap();
            assert_eq!(Intent::decode_carried(&intent).unwrap().id(), transaction);
            Operation::Erase {
                intent,
                places: texts.into_iter().map(place).collect(),
            }
        }
        OperationView::Rejoin { .. } | OperationView::Governance { .. } => panic!("{act} is no client's"),
    }
}

fn condition(view: &ConditionView) -> Condition {
    let leaves = view.of.iter().map(|leaf| match *leaf {
        ConditionLeafView::Signs { account } => ConditionLeaf::Signs(account),
        ConditionLeafView::From { time } => ConditionLeaf::From(time),
        ConditionLeafView::Preimage { sha256 } => ConditionLeaf::Preimage(sha256),
        ConditionLeafView::Record { sha256, account } => ConditionLeaf::Record { sha256, by: account },
    });
    Condition::new(u8::try_from(view.need).unwrap(), leaves.collect())
}

fn hold(name: HoldName) -> HoldRef {
    HoldRef {
        owner: name.owner,
        transaction: name.transaction,
        operation: u8::try_from(name.operation).unwrap(),
    }
}

fn place(erased: ErasedPlace) -> Place {
    match (erased.operation, erased.field) {
        (Some(index), Some(field)) => Place::Operation {
            index: u8::try_from(index).unwrap(),
            field: u8::try_from(field).unwrap(),
        },
        _ => Place::Memo,
    }
}

#[test]
fn vectors_of_the_signing_page_decode_to_their_inputs_and_their_signatures_are_good() {
    let vectors = vectors();
    assert!(vectors.len() >= 11);
    for vector in vectors {
        let name = &vector.name;
        let bytes = hex::decode(&vector.submission).unwrap();
        let submission = Submission::decode(&bytes, &ParametersV1::default()).unwrap();
        let form = submission.check_form(&vector.network, &ParametersV1::default());
        assert_eq!(form, Ok(()), "{name}");
        let transaction = submission.transaction();
        assert!(transaction.verify_signatures(), "{name}");
        assert_eq!(transaction.id(), vector.id, "{name}");
        let unsigned = vector.unsigned();
        assert_eq!(transaction.intent(), unsigned.intent.v1(), "{name}");
        assert_eq!(transaction.intent().parties, vector.parties, "{name}");
        assert_eq!(submission.texts(), unsigned.texts, "{name}");
        let leaves: Vec<Digest> = submission.texts().iter().map(Text::leaf).collect();
        assert_eq!(leaves, vector.leaves, "{name}");
        let signatures = transaction.signatures().iter().map(SignatureView::from);
        assert_eq!(signatures.collect::<Vec<_>>(), vector.signatures, "{name}");
        let intent = transaction.signed_bytes();
        assert_eq!(hex::encode(&intent), vector.intent, "{name}");
        let signed = Tag::TRANSACTION.preimage(&intent);
        assert_eq!(hex::encode(signed), vector.signed, "{name}");
        let first = vector.keys()[0].key().address();
        assert_eq!(first, vector.parties[0], "{name}");
    }
}

#[test]
fn quorate_makes_the_same_bytes_of_the_vectors_inputs() {
    let mut kinds = BTreeSet::new();
    for vector in vectors() {
        let made = vector.unsigned().sign(&vector.keys());
        assert_eq!(hex::encode(encode(&made)), vector.submission, "{}", vector.name);
        kinds.extend(vector.operations.iter().map(|it| it["type"].to_string()));
    }
    // All but those that are for members.
    assert_eq!(kinds.len(), 10, "{kinds:?}");
}
