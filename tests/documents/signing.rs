//! The vectors of `docs/signing.md`, which a Python program makes, against Quorate's own code.

use std::collections::BTreeSet;

use quorate_client::schema::{OperationView, SignatureView};
use quorate_crypto::{Domain, SigningKey};
use quorate_ledger::{Address, Digest, Intent, IntentV1, ParametersV1, Timestamp, Transaction, encode};
use serde::Deserialize;

const PAGE: &str = include_str!("../../docs/signing.md");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    seeds: Vec<String>,
    network: Digest,
    sender: Address,
    expires_at: u64,
    salt: String,
    operations: Vec<OperationView>,
    memo: String,
    intent: String,
    signed: String,
    id: Digest,
    signatures: Vec<SignatureView>,
    transaction: String,
}

fn vectors() -> Vec<Vector> {
    let blocks = PAGE.split("```json\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("\n```").next().unwrap());
    blocks.map(|block| serde_json::from_str(block).unwrap()).collect()
}

impl Vector {
    fn intent(&self) -> Intent {
        Intent::V1(IntentV1 {
            network: self.network,
            sender: self.sender,
            expires_at: Timestamp(self.expires_at),
            salt: hex::decode(&self.salt).unwrap().try_into().unwrap(),
            operations: self.operations.iter().map(Into::into).collect(),
            memo: self.memo.clone(),
        })
    }

    fn keys(&self) -> Vec<SigningKey> {
        let seeds = self.seeds.iter().map(|seed| hex::decode(seed).unwrap());
        seeds
            .map(|seed| SigningKey::from_seed(&seed.try_into().unwrap()))
            .collect()
    }
}

#[test]
fn vectors_of_the_signing_page_decode_to_their_inputs_and_their_signatures_are_good() {
    let vectors = vectors();
    assert!(vectors.len() >= 6);
    for vector in vectors {
        let name = &vector.name;
        let bytes = hex::decode(&vector.transaction).unwrap();
        let transaction = Transaction::decode(&bytes, &ParametersV1::default()).unwrap();
        let form = transaction.check_form(&vector.network, &ParametersV1::default());
        assert_eq!(form, Ok(()), "{name}");
        assert_eq!(transaction.verify_signatures(), Ok(()), "{name}");
        assert_eq!(transaction.id(), vector.id, "{name}");
        assert_eq!(transaction.intent(), vector.intent().v1(), "{name}");
        let signatures = transaction.signatures().iter().map(|made| SignatureView {
            key: made.key,
            signature: made.signature,
        });
        assert_eq!(signatures.collect::<Vec<_>>(), vector.signatures, "{name}");
        let intent = transaction.signed_bytes();
        assert_eq!(hex::encode(&intent), vector.intent, "{name}");
        let signed = Domain::TRANSACTION.preimage(&intent);
        assert_eq!(hex::encode(signed), vector.signed, "{name}");
        assert_eq!(vector.keys()[0].public().address(), vector.sender, "{name}");
    }
}

#[test]
fn quorate_makes_the_same_bytes_of_the_vectors_inputs() {
    let mut kinds = BTreeSet::new();
    for vector in vectors() {
        let made = vector.intent().sign(&vector.keys());
        assert_eq!(hex::encode(encode(&made)), vector.transaction, "{}", vector.name);
        let operations = vector.operations.iter();
        kinds.extend(operations.map(|it| serde_json::to_value(it).unwrap()["type"].to_string()));
    }
    // All but the one that is for members.
    assert_eq!(kinds.len(), 6, "{kinds:?}");
}
