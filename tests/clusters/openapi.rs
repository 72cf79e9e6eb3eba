//! A running node held to its own description: `openapi.json` is valid by a validator that is not ours, and every
//! answer is as it says.
//!
//! Python is that of `QUORATE_OPENAPI_PYTHON`, the one that `scripts/setup --tests` makes in the user's cache, or
//! that of `QUORATE_PYTHON`, or Debian's; it needs the package `openapi-spec-validator`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use quorate_client::wallet::{TransactionBuilder, random_salt};
use quorate_crypto::{SigningKey, sha256};
use quorate_ledger::{Amount, Digest, Operation, Timestamp, Transaction, encode};
use serde_json::{Value, json};

use crate::Cluster;
use crate::cluster::Ran;
use crate::programs::openapi_python;

/// A time so far from now, in seconds.
fn from_now(seconds: i64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let now = i64::try_from(now).unwrap();
    Timestamp(u64::try_from(now + 1_000 * seconds).unwrap())
}

/// Transactions of a stranger: some that will be committed, and one for each code that a node refuses with.
fn transactions(network: Digest) -> Value {
    let (key, other) = (SigningKey::generate(), SigningKey::generate());
    let draft = |network, expires_at| {
        TransactionBuilder::new(
            network,
            key.public().address(),
            expires_at,
            random_salt().unwrap(),
        )
    };
    let record = |network, expires_at| {
        let record = Operation::PutRecord {
            sha256: sha256(b"a document"),
            label: "a document".to_owned(),
            metadata: vec![1, 2, 3],
        };
        draft(network, expires_at).operation(record).memo("for the check")
    };
    let payment = |asset: &str| {
        let to = other.public().address();
        draft(network, from_now(600)).transfer(to, asset.parse().unwrap(), Amount(1), "")
    };
    let signed = |draft: TransactionBuilder| draft.build().sign([&key]);
    let text = |transaction: &Transaction| hex::encode(encode(transaction));
    let fresh: Vec<String> = (0..8)
        .map(|_| text(&signed(record(network, from_now(600)))))
        .collect();
    let mut tampered = encode(&signed(record(network, from_now(600))));
    // The last byte is the signature's.
    *tampered.last_mut().unwrap() ^= 1;
    json!({
        "fresh": fresh,
        "refused": {
            "expired": text(&signed(record(network, from_now(-60)))),
            "expiry_too_far": text(&signed(record(network, from_now(30 * 86_400)))),
            "wrong_network": text(&signed(record(sha256(b"another network"), from_now(600)))),
            "unauthorised": text(&record(network, from_now(600)).build().sign([&other])),
            "insufficient_balance": text(&signed(payment("QRT"))),
            "unknown_asset": text(&signed(payment("NOPE"))),
            "bad_signature": hex::encode(&tampered),
            "malformed_transaction": "00ff",
            "transaction_too_large": "00".repeat(65_537),
        },
    })
}

#[test]
fn the_document_is_valid_and_every_answer_of_a_node_is_as_it_says() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "12.50");
    cluster.common_tip();
    let status = cluster.expect(0, &["query", "status"]).json();
    let network: Digest = status["network"].as_str().unwrap().parse().unwrap();
    let mut child = Command::new(openapi_python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/check.py"))
        .arg(cluster.api(1))
        .current_dir(cluster.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(transactions(network).to_string().as_bytes())
        .unwrap();
    drop(stdin);
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 21, "{}", ran.stdout);
}
