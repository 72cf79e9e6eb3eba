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
        signers.push(format!("{}=1", shown["public_key"].as_str().unwrap()));
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
            "--out",
            "t.json",
        ],
    );
    cluster.expect(
        0,
        &[
            "wallet",
            "sign",
            "t.json",
            "--key",
            "bob.key",
            "--account",
            &alice,
        ],
    );
    cluster.expect(4, &["wallet", "submit", "t.json"]);
    cluster.expect(
        0,
        &[
            "wallet",
            "sign",
            "t.json",
            "--key",
            "carol.key",
            "--account",
            &alice,
        ],
    );
    let submitted = cluster.expect(0, &["wallet", "submit", "t.json"]).json();
    assert_eq!(cluster.balance(1, &to), 725);
    // The same bytes again are the same transaction.
    let again = cluster.expect(0, &["wallet", "submit", "t.json"]).json();
    assert_eq!(again["id"], submitted["id"]);
    assert_eq!(again["height"], submitted["height"]);
    cluster.expect(0, &["wallet", "wait", submitted["id"].as_str().unwrap()]);
    assert_eq!(cluster.balance(1, &to), 725);
}

/// W7, W8: the receiver of a bulk payment saw somebody else's part of it, and nobody a balance.
#[test]
fn a_history_is_a_statement_of_the_account_that_asks() {
    let cluster = Cluster::up();
    let (alice, bob) = (cluster.key("alice.key"), cluster.key("bob.key"));
    std::fs::write(
        cluster.folder().join("p.csv"),
        format!("to,amount,asset,memo\n{alice},100,QRT,hers\n{bob},12.50,QRT,his\n{bob},1,QRT,a bonus\n"),
    )
    .unwrap();
    cluster.expect(0, &["wallet", "pay", "p.csv"]);
    let back = ["--key", "bob.key", "--memo", "too much"];
    assert_eq!(cluster.transfer(&alice, "0.25", &back).code, Some(0));
    assert_eq!(cluster.transfer(&alice, "999", &back).code, Some(4));
    assert_eq!(cluster.transfer(&bob, "1", &back).code, Some(0));

    let history = ["wallet", "history", "--key", "bob.key"];
    let shown = cluster.expect(0, &history).json();
    let entries = shown["entries"].as_array().unwrap();
    let seen: Vec<[&str; 5]> = entries
        .iter()
        .map(|entry| {
            [
                "direction",
                "decimal",
                "balance_decimal",
                "memo",
                "transaction_memo",
            ]
            .map(|name| entry[name].as_str().unwrap_or("-"))
        })
        .collect();
    // What the first check of the node refuses is in no block.
    let moved: Vec<_> = seen.iter().filter(|entry| entry[0] != "none").collect();
    assert_eq!(
        moved,
        [
            &["itself", "1.00", "13.25", "", "too much"],
            &["out", "0.25", "13.25", "", "too much"],
            &["in", "1.00", "13.50", "a bonus", ""],
            &["in", "12.50", "12.50", "his", ""],
        ]
    );
    let total = &shown["totals"][0];
    let amounts = ["opening", "received", "sent", "closing"].map(|name| total[name].as_str().unwrap());
    assert_eq!(amounts, ["0", "1350", "25", "1325"]);
    assert!(shown["transactions"].as_array().unwrap().len() >= 3);

    let text = cluster
        .expect(0, &[&history[..], &["--output", "text"]].concat())
        .stdout;
    for part in ["+12.50 QRT", "-0.25 QRT", "(his)", "(too much)", "13.25 QRT"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("hers"), "{text}");

    let treasury = cluster.expect(0, &["wallet", "history", "--csv"]).stdout;
    let lines: Vec<&str> = treasury.lines().collect();
    assert_eq!(lines.len(), 4, "{treasury}");
    assert!(
        lines[0].starts_with("time,height,number,transaction,"),
        "{treasury}"
    );
    assert!(
        lines[3].contains(",out,-100.00,QRT,") && lines[3].contains("hers"),
        "{treasury}"
    );

    // One cut short says so, and what was before is what it began with.
    let newest = cluster
        .expect(0, &[&history[..], &["--limit", "1"]].concat())
        .json();
    assert_eq!(newest["more"], true);
    assert_eq!(newest["totals"][0]["opening"], "1325");
    let time = entries.last().unwrap()["time"].as_str().unwrap();
    let oldest = cluster
        .expect(0, &[&history[..], &["--until", time]].concat())
        .json();
    assert_eq!(oldest["entries"].as_array().unwrap().len(), 2);
    assert_eq!(oldest["totals"][0]["closing"], "1350");
    let none = cluster
        .expect(0, &[&history[..], &["--to", "2001-01-01"]].concat())
        .json();
    assert_eq!(none["entries"].as_array().unwrap().len(), 0);
    let all = cluster
        .expect(0, &[&history[..], &["--from", "2001-01-01"]].concat())
        .json();
    assert_eq!(all["entries"], shown["entries"]);
    cluster.expect(2, &[&history[..], &["--since", "yesterday"]].concat());

    let genesis = cluster.dir().join("genesis.toml");
    let unproven = cluster.expect(
        0,
        &[&history[..], &["--genesis", genesis.to_str().unwrap()]].concat(),
    );
    assert!(
        unproven.stderr.contains("is the node's word"),
        "{}",
        unproven.stderr
    );
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
