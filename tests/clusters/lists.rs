//! Lists of transactions, as the command line shows them.

use serde_json::Value;

use crate::Cluster;

#[test]
fn transactions_are_listed_by_filters_and_by_block() {
    let cluster = Cluster::up();
    let (alice, bob) = (cluster.key("alice.key"), cluster.key("bob.key"));
    let first = cluster.pay(&alice, "10");
    let second = cluster.pay(&bob, "20");
    let height = first["height"].to_string();
    let ids = |arguments: &[&str]| {
        let query = [["query", "transactions"].as_slice(), arguments].concat();
        let listed = cluster.expect(0, &query).json();
        assert!(listed["next"].is_null(), "{listed}");
        let listed = listed["transactions"].as_array().unwrap().clone();
        listed.iter().map(|it| it["id"].clone()).collect::<Vec<_>>()
    };
    let both = [second["id"].clone(), first["id"].clone()];
    assert_eq!(ids(&[]), both);
    assert_eq!(ids(&["--account", &alice]), both[1..]);
    assert_eq!(ids(&["--asset", "QRT", "--kind", "transfer"]), both);
    assert_eq!(ids(&["--kind", "mint"]), [] as [Value; 0]);
    assert_eq!(ids(&["--to", &height]), both[1..]);
    assert_eq!(ids(&["--from", "2100-01-01T00:00:00Z"]), [] as [Value; 0]);
    let page = cluster
        .expect(0, &["query", "transactions", "--limit", "1"])
        .json();
    assert_eq!(page["transactions"][0]["id"], both[0]);
    assert_eq!(ids(&["--cursor", page["next"].as_str().unwrap()]), both[1..]);

    let block = cluster
        .expect(0, &["query", "block", &height, "--transactions"])
        .json();
    assert_eq!(block["transactions"][0]["id"], both[1]);
    assert_eq!(block["transactions"][0]["status"], "committed");
    let shown = cluster.expect(0, &["query", "transactions", "--output", "text"]);
    assert!(shown.stdout.contains("pay 20.00 QRT to"), "{}", shown.stdout);
    cluster.expect(2, &["query", "transactions", "--kind", "payment"]);
    cluster.expect(2, &["query", "transactions", "--from", "yesterday"]);
    cluster.expect(3, &["query", "block", "999", "--transactions"]);
}
