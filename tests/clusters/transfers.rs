//! The whole path: a payment made at one validator is certified, and all four tell of it.

use crate::Cluster;

#[test]
fn a_transfer_is_committed_and_all_four_tell_the_same() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let paid = cluster.pay(&alice, "12.50");
    assert_eq!(paid["status"], "committed");
    let height = paid["height"].as_u64().unwrap();
    let id = paid["id"].as_str().unwrap();
    cluster.common_tip();
    for number in 1..=4 {
        assert_eq!(cluster.balance(number, &alice), 1250);
        let node = cluster.api(number);
        let seen = cluster
            .expect(0, &["query", "transaction", id, "--node", &node])
            .json();
        assert_eq!(seen["status"], "committed");
        assert_eq!(seen["height"], height);
        let block = cluster
            .expect(0, &["query", "block", &height.to_string(), "--node", &node])
            .json();
        assert!(block["seals"].as_array().unwrap().len() >= 3);
        assert!(
            block["transactions"]
                .as_array()
                .unwrap()
                .iter()
                .any(|other| other == id)
        );
    }
}

#[test]
fn with_the_genesis_document_certificates_are_checked() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let genesis = cluster.dir().join("genesis.toml");
    let genesis = genesis.to_str().unwrap();
    let paid = cluster.transfer(&alice, "1", &["--genesis", genesis]);
    assert_eq!(paid.code, Some(0), "{}", paid.stderr);

    let other = Cluster::up();
    let foreign = cluster.transfer(&alice, "1", &["--genesis", genesis, "--node", &other.api(1)]);
    assert_eq!(foreign.code, Some(7), "{}", foreign.stderr);
    assert_eq!(other.tip(1).unwrap().height, 0);
}

#[test]
fn the_wallet_goes_on_with_another_node_when_one_is_gone() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    let nodes = format!("{},{}", cluster.api(4), cluster.api(2));
    let paid = cluster.transfer(&alice, "3", &["--node", &nodes]);
    assert_eq!(paid.code, Some(0), "{}", paid.stderr);
}

#[test]
fn assets_records_and_several_signers_work_end_to_end() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "100");
    cluster.expect(
        0,
        &[
            "wallet",
            "asset",
            "create",
            "GOLD",
            "--decimals",
            "3",
            "--key",
            "alice.key",
        ],
    );
    cluster.expect(
        0,
        &[
            "wallet",
            "asset",
            "mint",
            "GOLD",
            "--amount",
            "5",
            "--key",
            "alice.key",
        ],
    );
    cluster.expect(
        0,
        &[
            "wallet",
            "asset",
            "burn",
            "GOLD",
            "--amount",
            "1.5",
            "--key",
            "alice.key",
        ],
    );
    let asset = cluster.expect(0, &["query", "asset", "GOLD"]).json();
    assert_eq!(
        (asset["supply"].as_str(), asset["decimals"].as_u64()),
        (Some("3500"), Some(3))
    );
    cluster.expect(4, &["wallet", "asset", "mint", "GOLD", "--amount", "5"]);
    cluster.expect(4, &["wallet", "asset", "create", "GOLD"]);

    std::fs::write(cluster.folder().join("contract.txt"), "so be it").unwrap();
    cluster.expect(0, &["wallet", "notarize", "contract.txt", "--key", "alice.key"]);
    let record = cluster
        .expect(0, &["query", "record", "--file", "contract.txt"])
        .json();
    assert_eq!(record["records"][0]["sender"], alice.as_str());
    std::fs::write(cluster.folder().join("contract.txt"), "so be it not").unwrap();
    cluster.expect(3, &["query", "record", "--file", "contract.txt"]);

    let mut signers = Vec::new();
    for file in ["bob.key", "carol.key"] {
        cluster.key(file);
        let shown = cluster.expect(0, &["keys", "show", file]).json();
        signers.push(format!("{}:1", shown["public_key"].as_str().unwrap()));
    }
    let set = [
        "wallet",
        "signers",
        "set",
        "--key",
        "alice.key",
        "--threshold",
        "2",
    ];
    cluster.expect(
        0,
        &[
            set.as_slice(),
            &["--signer", &signers[0], "--signer", &signers[1]],
        ]
        .concat(),
    );
    // The first key has lost its say, and one of two is not enough.
    let bob = ["--key", "bob.key", "--account", &alice];
    assert_eq!(
        cluster.transfer(&alice, "1", &["--key", "alice.key"]).code,
        Some(4)
    );
    assert_eq!(cluster.transfer(&alice, "1", &bob).code, Some(4));
    let to = cluster.key("dave.key");
    let transfer = format!("{to}:7.25:QRT");
    cluster.expect(
        0,
        &[
            "wallet",
            "build",
            "--account",
            &alice,
            "--transfer",
            &transfer,
            "--to",
            "t.json",
        ],
    );
    cluster.expect(0, &["wallet", "sign", "t.json", "--key", "bob.key"]);
    cluster.expect(4, &["wallet", "submit", "t.json"]);
    cluster.expect(0, &["wallet", "sign", "t.json", "--key", "carol.key"]);
    let submitted = cluster.expect(0, &["wallet", "submit", "t.json"]).json();
    assert_eq!(cluster.balance(1, &to), 725);
    // The same bytes again are the same transaction.
    let again = cluster.expect(0, &["wallet", "submit", "t.json"]).json();
    assert_eq!(again["id"], submitted["id"]);
    assert_eq!(again["height"], submitted["height"]);
    cluster.expect(0, &["wallet", "wait", submitted["id"].as_str().unwrap()]);
    assert_eq!(cluster.balance(1, &to), 725);
}

#[test]
fn the_bench_says_what_was_committed() {
    let cluster = Cluster::up();
    let bench = [
        "bench",
        "transfers",
        "--rate",
        "50",
        "--duration",
        "3",
        "--warmup",
        "1",
        "--accounts",
        "20",
    ];
    let report = cluster.expect(0, &bench).json();
    let (offered, committed) = (
        report["offered"].as_u64().unwrap(),
        report["committed"].as_u64().unwrap(),
    );
    assert!((140..=150).contains(&offered), "{report}");
    assert_eq!(offered, committed, "{report}");
    assert!(report["latency_ms"]["p50"].as_f64().unwrap() > 0.0);
    assert!(report["latency_ms"]["p50"].as_f64() <= report["latency_ms"]["max"].as_f64());
}
