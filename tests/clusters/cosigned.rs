//! Bulk payments of accounts that several signers sign for.

use std::fs;

use serde_json::Value;

use crate::Cluster;

/// A file that pays an account so many times 0.01; gives the payee.
fn payments(cluster: &Cluster, rows: usize) -> String {
    let payee = cluster.key("payee.key");
    let row = |number: usize| format!("{payee},0.01,QRT,salary {number}\n");
    let rows: String = (1..=rows).map(row).collect();
    fs::write(
        cluster.folder().join("p.csv"),
        format!("to,amount,asset,memo\n{rows}"),
    )
    .unwrap();
    payee
}

fn document(cluster: &Cluster, file: &str) -> Value {
    let text = fs::read_to_string(cluster.folder().join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// An account with 100.00 QRT for which two of three keys sign.
fn firm(cluster: &Cluster) -> String {
    let firm = cluster.key("firm.key");
    cluster.pay(&firm, "100");
    let mut set: Vec<String> = [
        "wallet",
        "signers",
        "set",
        "--key",
        "firm.key",
        "--threshold",
        "2",
    ]
    .map(str::to_owned)
    .to_vec();
    for file in ["alice.key", "bob.key", "carol.key"] {
        cluster.key(file);
        let shown = cluster.expect(0, &["keys", "show", file]).json();
        set.push("--signer".to_owned());
        set.push(format!("{}:1", shown["public_key"].as_str().unwrap()));
    }
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    cluster.expect(0, &set);
    firm
}

#[test]
fn a_payroll_that_two_signed_apart_is_paid_once() {
    let cluster = Cluster::up();
    let firm = firm(&cluster);
    let payee = payments(&cluster, 150);
    let pay = ["wallet", "pay", "p.csv", "--account", &firm];
    let built = cluster
        .expect(0, &[&pay[..], &["--build", "payroll.json"]].concat())
        .json();
    assert_eq!(
        (&built["transactions"], &built["threshold"]),
        (&2.into(), &2.into())
    );
    assert_eq!(built["sums"][0]["amount"], "1.50");
    // Whoever builds it again builds the same, and nothing else pays these rows meanwhile.
    cluster.expect(0, &[&pay[..], &["--build", "again.json"]].concat());
    assert_eq!(
        document(&cluster, "payroll.json"),
        document(&cluster, "again.json")
    );
    cluster.expect(1, &[&pay[..], &["--build", "again.json"]].concat());
    let otherwise = cluster.expect(5, &[&pay[..], &["--key", "alice.key"]].concat());
    assert!(
        otherwise.stderr.contains("built for others"),
        "{}",
        otherwise.stderr
    );
    let rehearsed = cluster.expect(0, &[&pay[..], &["--dry-run"]].concat()).json();
    assert!(rehearsed["built_until"].is_string(), "{rehearsed}");
    assert_eq!(
        rehearsed["sha256"],
        document(&cluster, "payroll.json")["payment"]["sha256"]
    );

    let shown = cluster.expect(0, &["wallet", "show", "payroll.json"]).json();
    assert_eq!(shown["rows"].as_array().unwrap().len(), 150);
    assert_eq!(shown["rows"][149]["memo"], "salary 150");
    for name in ["alice", "bob"] {
        let (copy, key) = (format!("{name}.json"), format!("{name}.key"));
        fs::copy(
            cluster.folder().join("payroll.json"),
            cluster.folder().join(&copy),
        )
        .unwrap();
        let signed = cluster.expect(0, &["wallet", "sign", &copy, "--key", &key]);
        assert!(
            signed.stderr.contains("1.50 QRT in 150 rows"),
            "{}",
            signed.stderr
        );
        assert!(signed.stderr.contains("and 130 rows more"), "{}", signed.stderr);
    }
    // One of two is not enough.
    let refused = cluster.expect(4, &["wallet", "submit", "alice.json"]).json();
    assert_eq!(refused["refused"], 150);
    let combine = [
        "wallet",
        "combine",
        "alice.json",
        "bob.json",
        "--out",
        "signed.json",
    ];
    let combined = cluster.expect(0, &combine).json();
    assert_eq!(combined["signed_by"].as_array().unwrap().len(), 2);
    let submitted = cluster.expect(0, &["wallet", "submit", "signed.json"]).json();
    assert_eq!(submitted["committed"], 150, "{submitted}");
    assert_eq!(cluster.balance(1, &payee), 150);

    // Submitted again, and built again on a machine that knows nothing of it.
    let again = cluster.expect(0, &["wallet", "submit", "signed.json"]).json();
    assert_eq!(again["transactions"], submitted["transactions"]);
    fs::remove_file(cluster.folder().join("p.csv.journal")).unwrap();
    let genesis = cluster.dir().join("genesis.toml");
    let genesis = ["--genesis", genesis.to_str().unwrap()];
    let over = [&pay[..], &["--build", "over.json"], &genesis].concat();
    let over = cluster.expect(0, &over).json();
    assert_eq!(over["already_paid"], 150);
    assert!(over["paid_before"]["first_height"].is_u64(), "{over}");
    assert!(!cluster.folder().join("over.json").exists());
    let results = fs::read_to_string(cluster.folder().join("p.csv.result.csv")).unwrap();
    assert_eq!(results.matches(",committed,").count(), 150);
    cluster.common_tip();
    assert_eq!(cluster.balance(4, &payee), 150);
}

#[test]
fn what_was_built_is_not_submitted_once_its_rows_were_paid_otherwise() {
    let cluster = Cluster::up();
    let payee = payments(&cluster, 3);
    let payer = cluster.key("payer.key");
    cluster.pay(&payer, "10");
    let build = ["wallet", "pay", "p.csv", "--account", &payer, "--build", "b.json"];
    cluster.expect(0, &build);
    cluster.expect(0, &["wallet", "sign", "b.json", "--key", "payer.key"]);
    // Another machine has the file, and not the journal.
    fs::copy(cluster.folder().join("p.csv"), cluster.folder().join("copy.csv")).unwrap();
    cluster.expect(0, &["wallet", "pay", "copy.csv", "--key", "payer.key"]);
    assert_eq!(cluster.balance(1, &payee), 3);
    // In the last minutes before midnight both have the same expiry, and so are the same transaction.
    let results = fs::read_to_string(cluster.folder().join("copy.csv.result.csv")).unwrap();
    let built = document(&cluster, "b.json")["transactions"][0]["id"].clone();
    let is_same = results.contains(built.as_str().unwrap());
    let genesis = cluster.dir().join("genesis.toml");
    let submit = ["wallet", "submit", "b.json"];
    for more in [&[][..], &["--genesis", genesis.to_str().unwrap()]] {
        let refused = cluster.expect(if is_same { 0 } else { 4 }, &[&submit[..], more].concat());
        assert!(
            is_same || refused.stderr.contains("were paid before"),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(cluster.balance(1, &payee), 3);
}

#[test]
fn a_document_that_was_altered_is_neither_signed_nor_submitted() {
    let cluster = Cluster::up();
    let payee = payments(&cluster, 3);
    let payer = cluster.key("payer.key");
    let build = ["wallet", "pay", "p.csv", "--account", &payer, "--build", "b.json"];
    let built = cluster.expect(0, &build);
    assert!(built.stderr.contains("will be refused"), "{}", built.stderr);
    let good = document(&cluster, "b.json");
    let refused = |change: fn(&mut Value)| {
        let mut altered = good.clone();
        change(&mut altered);
        fs::write(cluster.folder().join("b.json"), altered.to_string()).unwrap();
        for command in [
            &["wallet", "show", "b.json"][..],
            &["wallet", "sign", "b.json", "--key", "payer.key"],
            &["wallet", "submit", "b.json"],
        ] {
            cluster.expect(2, command);
        }
    };
    refused(|document| document["payment"]["label"] = "again".into());
    refused(|document| document["payment"]["rows"] = 2.into());
    refused(|document| document["transactions"][0]["first_row"] = 2.into());
    refused(|document| document["transactions"][0]["id"] = document["payment"]["sha256"].clone());
    refused(|document| document["payment"]["unknown"] = 1.into());
    assert_eq!(cluster.balance(1, &payee), 0);
}
