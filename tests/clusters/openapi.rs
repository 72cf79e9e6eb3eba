//! A running node held to its own description by tools that are not ours: `openapi.json` is valid, every answer is as
//! it says, a client can be generated from it and pays, and a fuzzer that goes by it finds nothing else.
//!
//! Python is that of `QUORATE_OPENAPI_PYTHON`, or the one that `scripts/setup --tests` makes in the user's cache with
//! the packages of `tests/openapi/requirements.txt`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use quorate_client::wallet::{TransactionBuilder, random_salt};
use quorate_crypto::{ClientSigningKey, KeySignature, sha256};
use quorate_ledger::{Amount, Digest, Keep, StateKey, Submission, Timestamp, Transaction, encode};
use serde_json::{Value, json};

use crate::Cluster;
use crate::cluster::Ran;
use crate::programs::openapi_python;

/// Calls of the API.
const CALLS: usize = 40;

/// Runs a program of `tests/openapi` in the network's folder.
fn run(cluster: &Cluster, program: &str, arguments: &[&str], input: &Value) -> Ran {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi");
    let mut child = Command::new(openapi_python())
        .arg(folder.join(program))
        .args(arguments)
        .current_dir(cluster.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that has ended already says why.
    let _ = stdin.write_all(input.to_string().as_bytes());
    drop(stdin);
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{program}\n{}\n{}", ran.stdout, ran.stderr);
    ran
}

fn network_of(cluster: &Cluster) -> Digest {
    let status = cluster.expect(0, &["query", "status"]).json();
    status["network"].as_str().unwrap().parse().unwrap()
}

/// A time so far from now, in seconds.
fn from_now(seconds: i64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let now = i64::try_from(now).unwrap();
    Timestamp(u64::try_from(now + 1_000 * seconds).unwrap())
}

/// A transaction of a key's account that is not signed yet.
fn draft(key: &ClientSigningKey, network: Digest, expires_at: Timestamp) -> TransactionBuilder {
    let sender = key.key().address();
    TransactionBuilder::new(network, sender, expires_at, random_salt().unwrap())
}

/// One that records a document, as whoever has nothing may.
fn record(key: &ClientSigningKey, network: Digest, expires_at: Timestamp) -> TransactionBuilder {
    draft(key, network, expires_at)
        .record(sha256(b"a document"), Keep::Log, "a document", [1_u8, 2, 3])
        .memo("for the check")
}

fn text(submission: &Submission) -> String {
    hex::encode(encode(submission))
}

/// Transactions of a stranger: some that will be committed, and one for each code that a node refuses with.
fn transactions(network: Digest) -> Value {
    let key = ClientSigningKey::generate_ed25519();
    let other = ClientSigningKey::generate_ed25519();
    let record = |network, expires_at| record(&key, network, expires_at);
    let payment = |asset: &str| {
        let to = other.key().address();
        draft(&key, network, from_now(600)).transfer(to, asset.parse().unwrap(), Amount(1), "")
    };
    let signed = |draft: TransactionBuilder| draft.build().unwrap().sign([&key]);
    let good = || signed(record(network, from_now(600)));
    let fresh: Vec<String> = (0..8).map(|_| text(&good())).collect();
    let by_others = |keys: &[&ClientSigningKey]| {
        let unsigned = record(network, from_now(600)).build().unwrap();
        text(&unsigned.sign(keys.iter().copied()))
    };
    let Submission::V1(mut tampered) = good();
    let Transaction::V1(transaction) = &mut tampered.transaction;
    let KeySignature::Ed25519 { signature, .. } = &mut transaction.signatures[0] else {
        panic!("the key is one of Ed25519");
    };
    signature[0] ^= 1;
    let Submission::V1(mut without_texts) = good();
    without_texts.texts.clear();
    let Submission::V1(mut other_salt) = good();
    other_salt.texts[0].salt = [9; 16];
    let unseen = record(network, from_now(600)).memo("\u{200e}hidden");
    json!({
        "fresh": fresh,
        "refused": {
            "expired": text(&signed(record(network, from_now(-60)))),
            "expiry_too_far": text(&signed(record(network, from_now(30 * 86_400)))),
            "wrong_network": text(&signed(record(sha256(b"another network"), from_now(600)))),
            "unauthorised": by_others(&[&other]),
            "needless_signature": by_others(&[&key, &other]),
            "insufficient_balance": text(&signed(payment("QRT"))),
            "unknown_asset": text(&signed(payment("NOPE"))),
            "bad_signature": text(&Submission::V1(tampered)),
            "texts_missing": text(&Submission::V1(without_texts)),
            "texts_unfit": text(&Submission::V1(other_salt)),
            "text_refused": text(&signed(unseen)),
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
    let input = transactions(network_of(&cluster));
    let ran = run(&cluster, "check.py", &[&cluster.api(1)], &input);
    assert_eq!(ran.stdout.lines().count(), CALLS, "{}", ran.stdout);
}

#[test]
fn a_client_generated_from_the_document_reads_pays_and_is_told_what_is_wrong() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    for amount in ["1", "2", "3"] {
        cluster.pay(&alice, amount);
    }
    cluster.common_tip();
    let folder = cluster.folder().join("client");
    std::fs::create_dir(&folder).unwrap();
    let (node, folder) = (cluster.api(2), folder.display().to_string());
    let treasury = cluster.dir().join("treasury.key").display().to_string();
    let arguments = [&node, &folder, &treasury, &alice].map(String::as_str);
    let ran = run(&cluster, "client.py", &arguments, &Value::Null);
    // All but the stream of events.
    assert_eq!(ran.stdout.lines().count(), CALLS - 1, "{}", ran.stdout);
    assert_eq!(cluster.balance(2, &alice), 725);
}

#[test]
fn a_fuzzer_finds_no_answer_that_the_document_does_not_describe() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    for amount in ["1", "2", "3"] {
        cluster.pay(&alice, amount);
    }
    let paid = cluster.pay(&alice, "4");
    let height = cluster.common_tip().height;
    let (network, key) = (network_of(&cluster), ClientSigningKey::generate_ed25519());
    let signed = |_| {
        let unsigned = record(&key, network, from_now(3_600)).build().unwrap();
        text(&unsigned.sign([&key]))
    };
    let address = |key: &ClientSigningKey| key.key().address().to_string();
    let input = json!({
        "transactions": (0..200).map(signed).collect::<Vec<_>>(),
        "height": height,
        "addresses": [alice, address(&key), address(&ClientSigningKey::generate_ed25519())],
        "known": {
            "id": [paid["id"]],
            "block": ["1", "latest", paid["height"].to_string()],
            "code": ["QRT"],
            "asset": ["QRT"],
            "sha256": [sha256(b"a document").to_string()],
            "key": [StateKey::parameters().to_string()],
        },
    });
    let processes = || {
        let status = cluster.expect(0, &["localnet", "status"]).json();
        let validators = status["validators"].as_array().unwrap();
        let pids = validators.iter().map(|each| each["pid"].as_u64().unwrap());
        pids.collect::<Vec<_>>()
    };
    let before = processes();
    let ran = run(&cluster, "fuzz.py", &[&cluster.api(1)], &input);
    println!("{}", ran.stdout);

    // The same processes go on, and agree.
    assert_eq!(processes(), before);
    cluster.pay(&alice, "5");
    assert!(cluster.common_tip().height > height);
    assert_eq!(cluster.balance(1, &alice), 1_500);
}
