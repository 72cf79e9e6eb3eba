//! What an amount means: the decimals of its asset, by whose word they are.

use std::fs;

use crate::Cluster;
use crate::proxy::{between, lying, replace};

/// Whoever reads an amount in the decimals of somebody's word signs a hundred times as much, or a hundredth.
#[test]
fn without_the_genesis_document_what_is_a_nodes_word_is_marked_as_that() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.expect(0, &["wallet", "asset", "create", "EUR", "--decimals", "2"]);
    cluster.expect(0, &["wallet", "asset", "mint", "EUR", "--amount", "1000"]);
    let transfer = [
        "wallet", "transfer", "--to", &alice, "--amount", "1.00", "--asset", "EUR",
    ];
    let lies = |answer: &mut [u8]| replace(answer, b"\"decimals\":2", b"\"decimals\":4");
    let proving = lying(&cluster, lies);
    let proven = cluster.expect(0, &[&transfer[..], &["--node", &proving]].concat());
    assert!(!proven.stderr.contains("by the word of"), "{}", proven.stderr);
    assert!(proven.json()["unproven_decimals"].is_null(), "{}", proven.stdout);
    assert_eq!(cluster.balance_in("EUR", 1, &alice), 100);

    // A node that proves nothing is believed, and named.
    let denies = |question: &mut [u8]| replace(question, b"/v1/proofs/asset/", b"/v1/proofs/assez/");
    let denying = between(&cluster, denies, lies);
    let told = cluster.expect(0, &[&transfer[..], &["--node", &denying]].concat());
    let marked = format!("decimals of EUR by the word of {denying}/: 4");
    assert!(told.stderr.contains(&marked), "{}", told.stderr);
    assert!(
        told.stderr.contains("1.0000 EUR is 10000 in smallest units"),
        "{}",
        told.stderr
    );
    assert_eq!(told.json()["unproven_decimals"]["EUR"], 4, "{}", told.stdout);
    let given = [&transfer[..], &["--node", &denying, "--asset-decimals", "EUR=2"]].concat();
    cluster.expect(7, &given);

    let payment = format!("{alice}:2.00:EUR");
    let treasury = cluster.expect(0, &["wallet", "address"]).json();
    let treasury = treasury["address"].as_str().unwrap();
    let build = [
        "wallet",
        "build",
        "--account",
        treasury,
        "--transfer",
        &payment,
        "--out",
        "t.qtx",
    ];
    let built = cluster.expect(0, &[&build[..], &["--node", &denying]].concat());
    assert!(built.stderr.contains(&marked), "{}", built.stderr);
    assert_eq!(built.json()["unproven_decimals"]["EUR"], 4, "{}", built.stdout);

    let rows = format!("to,amount,asset\n{alice},1.00,EUR\n{alice},2.00,EUR\n");
    fs::write(cluster.folder().join("p.csv"), rows).unwrap();
    let rehearse = ["wallet", "pay", "p.csv", "--dry-run"];
    let told = cluster.expect(0, &[&rehearse[..], &["--node", &denying]].concat());
    assert!(told.stderr.contains(&marked), "{}", told.stderr);
    assert!(
        told.stderr
            .contains("3.0000 EUR in 2 rows is 30000 in smallest units"),
        "{}",
        told.stderr
    );
    assert_eq!(told.json()["unproven_decimals"]["EUR"], 4, "{}", told.stdout);
    let proven = cluster.expect(0, &[&rehearse[..], &["--node", &proving]].concat());
    assert_eq!(
        proven.json()["unproven_decimals"],
        serde_json::json!({}),
        "{}",
        proven.stdout
    );
}

/// Of an asset that was made after genesis the document says nothing, and a node proves what it is.
#[test]
fn what_travels_is_shown_in_decimals_that_a_node_proves() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.expect(0, &["wallet", "asset", "create", "EUR", "--decimals", "2"]);
    let treasury = cluster.expect(0, &["wallet", "address"]).json();
    let treasury = treasury["address"].as_str().unwrap();
    let payment = format!("{alice}:1.00:EUR");
    let build = [
        "wallet",
        "build",
        "--account",
        treasury,
        "--transfer",
        &payment,
        "--out",
    ];
    cluster.expect(0, &[&build[..], &["t.qtx"]].concat());
    let genesis = cluster.dir().join("genesis.toml").display().to_string();
    let node = cluster.api(1);
    let known = ["--genesis", &genesis];
    let proven = ["--genesis", &genesis, "--node", &node];

    let show = ["wallet", "show", "t.qtx"];
    let shown = cluster.expect(0, &[&show[..], &known].concat());
    assert_eq!(
        shown.json()["rows"][0]["amount"],
        serde_json::Value::Null,
        "{}",
        shown.stdout
    );
    let named = "--node URL or --asset-decimals EUR=N";
    assert!(shown.stderr.contains(named), "{}", shown.stderr);
    let shown = cluster.expect(0, &[&show[..], &proven].concat());
    assert_eq!(shown.json()["rows"][0]["amount"], "1.00", "{}", shown.stdout);
    assert_eq!(
        shown.json()["transactions"][0]["unproven"],
        serde_json::json!([]),
        "{}",
        shown.stdout
    );
    assert!(!shown.stderr.contains("not proven"), "{}", shown.stderr);
    let wrong = [&show[..], &proven, &["--asset-decimals", "EUR=4"]].concat();
    cluster.expect(7, &wrong);
    let sign = [&["wallet", "sign", "t.qtx"][..], &proven].concat();
    let signed = cluster.expect(0, &sign);
    assert!(
        signed.stderr.contains("asset EUR amount 1.00"),
        "{}",
        signed.stderr
    );

    // What was built by a lie says another amount beside its bytes than is signed.
    let denies = |question: &mut [u8]| replace(question, b"/v1/proofs/asset/", b"/v1/proofs/assez/");
    let lies = |answer: &mut [u8]| replace(answer, b"\"decimals\":2", b"\"decimals\":4");
    let lying = between(&cluster, denies, lies);
    cluster.expect(0, &[&build[..], &["lie.qtx", "--node", &lying]].concat());
    for command in ["show", "sign"] {
        let refused = cluster.expect(7, &[&["wallet", command, "lie.qtx"][..], &proven].concat());
        assert!(
            refused.stderr.contains("EUR has 2 decimals"),
            "{}",
            refused.stderr
        );
    }
}
