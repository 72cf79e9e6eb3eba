//! What the ledger refuses: the promised code, and nothing changed.

use quorate_crypto::KeySignature;
use quorate_verifier::{ProvenDecimals, Travelling};

use crate::Cluster;

/// The address that pays unless another is named.
#[track_caller]
fn treasury(cluster: &Cluster) -> String {
    let address = cluster.expect(0, &["wallet", "address"]).json();
    address["address"].as_str().unwrap().to_owned()
}

/// Builds `t.json`, which nobody has signed yet: 1 QRT from the treasury to this account.
#[track_caller]
fn build(cluster: &Cluster, to: &str) {
    let (treasury, transfer) = (treasury(cluster), format!("{to}:1:QRT"));
    let build = [
        "wallet",
        "build",
        "--account",
        &treasury,
        "--transfer",
        &transfer,
        "--out",
        "t.json",
    ];
    cluster.expect(0, &build);
}

#[test]
fn what_the_ledger_refuses_has_its_code_and_changes_nothing() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let treasury = treasury(&cluster);
    cluster.pay(&alice, "10");
    let state = cluster.common_tip().state;

    let refused = |amount: &str, more: &[&str], word: &str| {
        let ran = cluster.transfer(&alice, amount, more);
        assert_eq!(ran.code, Some(4), "{}", ran.stderr);
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    };
    refused("10.01", &["--key", "alice.key"], "insufficient_balance");
    refused("1", &["--asset", "NOPE"], "unknown_asset");
    refused(
        "1",
        &["--key", "alice.key", "--account", &treasury],
        "unauthorised",
    );
    refused("1", &["--expires-in", "999999999"], "expiry_too_far");
    refused("1", &["--expires-in", "0"], "expired");
    assert_eq!(cluster.common_tip().state, state);
    for number in 1..=4 {
        assert_eq!(cluster.balance(number, &alice), 1000);
    }
}

#[test]
fn a_transaction_for_another_network_is_refused() {
    let (here, there) = (Cluster::up(), Cluster::up());
    let alice = here.key("alice.key");
    build(&here, &alice);
    here.expect(0, &["wallet", "sign", "t.json"]);
    let ran = here.expect(4, &["wallet", "submit", "t.json", "--node", &there.api(1)]);
    assert!(ran.stderr.contains("wrong_network"), "{}", ran.stderr);
    assert_eq!(there.tip(1).unwrap().height, 0);
    here.expect(0, &["wallet", "submit", "t.json"]);
}

#[test]
fn a_changed_signature_and_cut_bytes_are_refused() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    build(&cluster, &alice);
    // Unsigned: no signature at all is malformed.
    cluster.expect(2, &["wallet", "submit", "t.json"]);
    cluster.expect(0, &["wallet", "sign", "t.json"]);
    let path = cluster.folder().join("t.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let network = cluster.expect(0, &["query", "status"]).json();
    let network = network["network"].as_str().unwrap().parse().unwrap();
    let signed = Travelling::read(text.as_bytes(), &network, &ProvenDecimals::new()).unwrap();

    // The signature is no part of what is signed: the id stays.
    let Travelling::V1(mut forged) = signed;
    let KeySignature::Ed25519 { signature, .. } = &mut forged.signatures[0] else {
        panic!("the treasury's key is one of Ed25519");
    };
    signature[40] ^= 1;
    std::fs::write(&path, Travelling::V1(forged).write()).unwrap();
    cluster.expect(7, &["wallet", "submit", "t.json"]);
    // Base64 that ends too early, and none that ends.
    let cut = text.trim_end().rsplit_once('\n').unwrap().0;
    for cut in [format!("{cut}\n"), text.trim_end().to_owned()] {
        std::fs::write(&path, cut).unwrap();
        cluster.expect(7, &["wallet", "submit", "t.json"]);
    }
    assert_eq!(cluster.balance(1, &alice), 0);
    std::fs::write(&path, text).unwrap();
    cluster.expect(0, &["wallet", "submit", "t.json"]);
}

#[test]
fn what_is_not_there_is_not_found() {
    let cluster = Cluster::up();
    let nothing = "00".repeat(32);
    cluster.expect(3, &["query", "transaction", &nothing]);
    cluster.expect(3, &["query", "block", "999"]);
    cluster.expect(3, &["query", "asset", "NOPE"]);
    cluster.expect(3, &["query", "record", &nothing]);
    let unused = cluster.key("unused.key");
    let account = cluster.expect(0, &["query", "account", &unused]).json();
    assert_eq!(account["balances"], serde_json::json!([]));
}

/// A node may take nothing from accounts that nobody has let in; the others are not asked.
#[test]
fn a_node_that_knows_its_senders_takes_nothing_from_strangers() {
    let cluster = Cluster::up_after(|cluster| {
        let known = (
            "senders = \"anyone\"".to_owned(),
            "senders = \"known\"".to_owned(),
        );
        for number in 1..=cluster.size() {
            cluster.configure(number, std::slice::from_ref(&known));
        }
    });
    let stranger = cluster.key("stranger.key");
    let file = cluster.folder().join("note.txt");
    std::fs::write(&file, "a note").unwrap();
    let notarize = ["wallet", "notarize", "note.txt", "--key", "stranger.key"];
    let ran = cluster.expect(4, &notarize);
    assert!(ran.stderr.contains("unknown_sender"), "{}", ran.stderr);
    let create = ["wallet", "asset", "create", "EUR", "--key", "stranger.key"];
    let ran = cluster.expect(4, &create);
    assert!(ran.stderr.contains("unknown_sender"), "{}", ran.stderr);

    // The genesis document names the treasury; whoever it pays may write.
    cluster.pay(&stranger, "1");
    cluster.expect(0, &notarize);
}

/// Whoever passes a transaction on could make copies of it by signing it too (N6).
#[test]
fn a_signature_that_counts_for_nothing_is_refused() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    build(&cluster, &alice);
    cluster.expect(0, &["wallet", "sign", "t.json"]);
    let whole = std::fs::read(cluster.folder().join("t.json")).unwrap();
    let needless = ["wallet", "sign", "t.json", "--key", "alice.key"];
    cluster.expect(2, &needless);
    let treasury = treasury(&cluster);
    cluster.expect(0, &[&needless[..], &["--account", &treasury]].concat());
    let ran = cluster.expect(4, &["wallet", "submit", "t.json"]);
    assert!(ran.stderr.contains("needless_signature"), "{}", ran.stderr);
    std::fs::write(cluster.folder().join("t.json"), whole).unwrap();
    cluster.expect(0, &["wallet", "submit", "t.json"]);
}
