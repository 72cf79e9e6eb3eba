//! This verifier's answer to a vector, in the form of the Python verifier's: an object with `verdict`, and what belongs
//! to it.

use std::collections::BTreeMap;

use quorate_crypto::{Digest, Height, KeySignature};
use quorate_genesis::Genesis;
use quorate_ledger::{FormError, ParametersV1, Submission, TextItem, Transaction, TransactionV1, decode};
use quorate_verifier::{Anchor, Pin, ProvenDecimals, Refusal, Travelling, Verifier};
use serde_json::{Value, json};

use crate::chain::Chain;

/// A string of a vector.
pub(crate) fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name]
        .as_str()
        .unwrap_or_else(|| panic!("the vector {} has no {name}", vector["name"]))
}

/// Bytes of a vector.
fn bytes(vector: &Value, name: &str) -> Vec<u8> {
    hex::decode(text(vector, name)).unwrap()
}

/// A file of a vector, which may be no text.
pub(crate) fn file(vector: &Value) -> Vec<u8> {
    match vector["file"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => bytes(vector, "bytes"),
    }
}

fn refused(code: &str, reason: impl ToString) -> Value {
    json!({ "verdict": "refused", "code": code, "reason": reason.to_string() })
}

fn refusal(refusal: &Refusal) -> Value {
    refused(refusal.code(), &refusal.reason)
}

/// What vectors build on: the genesis document, committees, and the chain up to each height.
pub(crate) struct Judge {
    genesis: Genesis,
    network: Digest,
    learnt: Verifier,
    decimals: ProvenDecimals,
    chains: BTreeMap<u64, Chain>,
}

impl Judge {
    /// What the vectors' first line says.
    pub(crate) fn new(header: &Value) -> Self {
        let genesis = Genesis::decode(&bytes(header, "genesis")).unwrap();
        let state = genesis.state();
        assert_eq!(genesis.id().to_string(), text(header, "network"));
        assert_eq!(state.root.to_string(), text(header, "state_root"));
        let mut learnt = Verifier::new(Anchor {
            genesis: Some(genesis.clone()),
            pin: None,
        });
        learnt.check_file(text(header, "committees").as_bytes()).unwrap();
        let assets = genesis
            .draft()
            .v1()
            .assets
            .iter()
            .map(|asset| (asset.code, asset.decimals));
        Self {
            network: genesis.id(),
            decimals: assets.collect(),
            chains: BTreeMap::from([(0, Chain::new(&genesis))]),
            learnt,
            genesis,
        }
    }

    /// A verifier that knows the committees.
    pub(crate) fn learnt(&self) -> &Verifier {
        &self.learnt
    }

    /// A verifier that knows the genesis document, and perhaps a pinned block.
    pub(crate) fn fresh(&self, pin: Option<Pin>) -> Verifier {
        Verifier::new(Anchor {
            genesis: Some(self.genesis.clone()),
            pin,
        })
    }

    /// The answer to a vector; none if it is of a kind that nothing here can judge.
    pub(crate) fn answer(&mut self, vector: &Value) -> Option<Value> {
        Some(match text(vector, "kind") {
            "proof-file" => self.proof_file(vector),
            "block" => self.block(vector),
            "transaction" => self.transaction(&bytes(vector, "bytes")),
            "submission" => self.submission(&bytes(vector, "bytes")),
            "genesis" => match Genesis::decode(&bytes(vector, "bytes")) {
                Ok(genesis) => json!({ "verdict": "good", "network": genesis.id().to_string() }),
                Err(error) => json!({ "verdict": "refused", "reason": error.to_string() }),
            },
            "signature" => return signature(vector),
            "travelling" => match Travelling::read(&bytes(vector, "bytes"), &self.network, &self.decimals) {
                Ok(_) => json!({ "verdict": "good" }),
                Err(found) => refusal(&found),
            },
            kind => panic!("there are no vectors of the kind {kind}"),
        })
    }

    fn proof_file(&self, vector: &Value) -> Value {
        let pin = vector["trusted"].as_str().map(|pinned| {
            let (height, hash) = pinned.split_once(':').unwrap();
            Pin {
                height: Height(height.parse().unwrap()),
                hash: hash.parse().unwrap(),
            }
        });
        let mut verifier = match vector.get("learn") {
            Some(_) => self.learnt.clone(),
            None => self.fresh(pin),
        };
        match verifier.check_file(&file(vector)) {
            Ok(verdicts) => serde_json::to_value(&verdicts[0]).unwrap(),
            Err(found) => refusal(&found),
        }
    }

    fn block(&mut self, vector: &Value) -> Value {
        let height = vector["height"].as_u64().unwrap();
        let mut chain = self.chains[&(height - 1)].clone();
        match chain.add(&bytes(vector, "bytes"), &self.learnt) {
            Err((code, reason)) => refused(code, reason),
            Ok(whole) => {
                // The good blocks come in their order.
                if text(vector, "name").ends_with(&format!(" block {height}")) {
                    self.chains.insert(height, chain);
                }
                json!({ "verdict": "good", "whole": whole })
            }
        }
    }

    fn parameters(&self) -> &ParametersV1 {
        self.genesis.parameters().v1()
    }

    fn transaction(&self, bytes: &[u8]) -> Value {
        let most = self.parameters().max_transaction_bytes as usize;
        if bytes.len() > most {
            return refused("malformed_transaction", "too_long");
        }
        match decode::<Transaction>(bytes, most) {
            Ok(transaction) => self.judge_transaction(&transaction),
            Err(error) => refused("malformed_transaction", format!("encoding: {error}")),
        }
    }

    fn judge_transaction(&self, transaction: &Transaction) -> Value {
        if let Err(error) = transaction.check_form(&self.network, self.parameters()) {
            return form_error(&error);
        }
        if transaction.verify_signatures() {
            json!({ "verdict": "good", "id": transaction.id().to_string() })
        } else {
            refused("bad_signature", "a signature is not good")
        }
    }

    fn submission(&self, bytes: &[u8]) -> Value {
        let most = self.parameters().max_transaction_bytes as usize;
        let submission = match decode::<Submission>(bytes, most) {
            Ok(submission) => submission,
            Err(error) => return refused("malformed_transaction", format!("encoding: {error}")),
        };
        let Submission::V1(submission) = submission;
        let found = self.judge_transaction(&submission.transaction);
        if found["verdict"] == "refused" {
            return found;
        }
        let Transaction::V1(TransactionV1 { intent, .. }) = &submission.transaction;
        let items: Vec<_> = submission.texts.into_iter().map(TextItem::Shown).collect();
        match &intent.v1().texts {
            None if items.is_empty() => json!({ "verdict": "good" }),
            None => refused("texts_unfit", "the intent has no texts"),
            Some(texts) => match texts.fit(intent.v1(), &items) {
                Ok(()) => json!({ "verdict": "good" }),
                Err(error) => refused(error.code(), error),
            },
        }
    }
}

fn form_error(error: &FormError) -> Value {
    match error.reason() {
        code @ "wrong_network" => refused(code, format!("{code}: {error}")),
        reason => refused("malformed_transaction", format!("{reason}: {error}")),
    }
}

/// Whether a signature is good. Of validators' there is nothing to judge one over bytes without a tag.
fn signature(vector: &Value) -> Option<Value> {
    let (key, message) = (bytes(vector, "key"), bytes(vector, "message"));
    let signature: [u8; 64] = bytes(vector, "signature").try_into().unwrap();
    let signature = match text(vector, "mode") {
        "zip215" => KeySignature::Ed25519 {
            key: key.try_into().unwrap(),
            signature,
        },
        "p256" => KeySignature::P256 {
            key: key.try_into().unwrap(),
            signature,
        },
        _ => return None,
    };
    let verdict = if signature.verify(&message) {
        "good"
    } else {
        "refused"
    };
    Some(json!({ "verdict": verdict }))
}
