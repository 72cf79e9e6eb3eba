//! Commands of governance on a network whose protocol has none: they say so, and nothing changes.

use crate::Cluster;

#[test]
fn a_network_of_protocol_1_says_that_it_has_no_governance() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "10");
    let state = cluster.common_tip().state;
    for arguments in [
        ["gov", "vote", "0", "yes"].as_slice(),
        &["gov", "propose", "parameters", "window=64"],
        &["gov", "propose", "leave"],
        &["wallet", "freeze", &alice, "--asset", "QRT"],
        &["wallet", "asset", "create", "GOLD", "--freezable"],
    ] {
        let ran = cluster.expect(4, arguments);
        assert!(
            ran.stderr.contains("this network runs protocol 1"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("not_yet"), "{}", ran.stderr);
    }
    assert_eq!(cluster.common_tip().state, state);
    // What there is can be read.
    let list = cluster.expect(0, &["gov", "list"]).json();
    assert_eq!(list["proposals"], serde_json::json!([]));
    let members = cluster.expect(0, &["query", "members"]).json();
    let members = members["members"].as_array().unwrap();
    assert_eq!(members.len(), 4);
    assert!(
        members.iter().all(|member| member["status"] == "active"),
        "{members:?}"
    );
    let missing = cluster.expect(3, &["gov", "show", "0"]);
    assert!(
        missing.stderr.contains("there is no proposal 0"),
        "{}",
        missing.stderr
    );
}
