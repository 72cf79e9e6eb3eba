//! A text that is erased is gone from every validator's disk, also of one that was away; all else of its transaction
//! stays, and the chain goes on.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Cluster;
use crate::wait::until;

/// A name that stands nowhere else.
const NAME: &str = "Erika Mustermann, born Gabler";

/// How long what is erased may stay in files.
const GONE: Duration = Duration::from_secs(30);

/// Whether a file below a folder has these bytes. One that goes meanwhile has nothing any more.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{}: {error}", folder.display());
            return false;
        }
    };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        let content = fs::read(&path).unwrap_or_default();
        content.windows(bytes.len()).any(|part| part == bytes)
    })
}

/// The validators in whose chain the name is.
fn who_has_it(cluster: &Cluster) -> Vec<u16> {
    let has_it = |number: &u16| {
        let chain = cluster.dir().join(format!("validator-{number}/chain"));
        assert!(chain.is_dir(), "{} is no folder", chain.display());
        holds(&chain, NAME.as_bytes())
    };
    (1..=cluster.size()).filter(has_it).collect()
}

#[track_caller]
fn transaction(cluster: &Cluster, number: u16, id: &str) -> Value {
    let query = ["query", "transaction", id, "--node", &cluster.api(number)];
    cluster.expect(0, &query).json()
}

fn treasury_key(cluster: &Cluster) -> String {
    cluster.dir().join("treasury.key").display().to_string()
}

#[track_caller]
fn treasury(cluster: &Cluster) -> String {
    let address = cluster.expect(0, &["wallet", "address"]).json();
    address["address"].as_str().unwrap().to_owned()
}

#[test]
fn an_erased_name_is_in_no_file_of_any_validator_and_the_chain_goes_on() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    let paid = cluster.transfer(&alice, "2", &["--memo", NAME]);
    assert_eq!(paid.code, Some(0), "{}", paid.stderr);
    let paid = paid.json();
    let id = paid["id"].as_str().unwrap();
    for number in 1..=3 {
        until("all who are there tell of it", GONE, || {
            let shown = cluster.run(&["query", "transaction", id, "--node", &cluster.api(number)]);
            (shown.code == Some(0) && shown.json()["memo"] == NAME).then_some(())
        });
    }
    // Who looks for it finds it while it is there.
    assert_eq!(who_has_it(&cluster), [1, 2, 3]);

    let node = cluster.api(1);
    let erase = ["wallet", "erase", id, "--memo", "--node", &node];
    // Not by anybody.
    cluster.key("stranger.key");
    let refused = cluster.expect(4, &[&erase[..], &["--key", "stranger.key"]].concat());
    assert!(refused.stderr.contains("not_named"), "{}", refused.stderr);
    let key = treasury_key(&cluster);
    let by_sender = [&erase[..], &["--key", &key]].concat();
    let erased = cluster.expect(0, &by_sender).json();
    assert_eq!(erased["status"], "committed", "{erased}");
    until("it is gone where it was", GONE, || {
        who_has_it(&cluster).is_empty().then_some(())
    });

    // It comes to nobody who was away, and does not come back.
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    cluster.common_tip();
    let erasure = transaction(&cluster, 1, erased["id"].as_str().unwrap());
    for number in 1..=4 {
        let shown = transaction(&cluster, number, id);
        assert_eq!(
            (&shown["status"], &shown["memo"], &shown["height"]),
            (&json!("committed"), &json!(""), &paid["height"]),
            "{shown}"
        );
        let withheld = shown["withheld"].as_array().unwrap();
        assert_eq!(withheld.len(), 1, "{shown}");
        let text = &withheld[0];
        assert_eq!(
            (&text["operation"], &text["field"]),
            (&Value::Null, &json!("memo"))
        );
        assert_eq!(text["erased"], true, "{text}");
        assert_eq!(
            (&text["by"], &text["at"]),
            (&json!(treasury(&cluster)), &erasure["timestamp"])
        );
        assert_eq!(text["leaf"].as_str().unwrap().len(), 64, "{text}");
    }
    assert_eq!(who_has_it(&cluster), [] as [u16; 0]);
    assert_is_proven(&cluster, id, &erasure["timestamp"]);

    let again = cluster.expect(4, &by_sender);
    assert!(again.stderr.contains("already_erased"), "{}", again.stderr);
    // With one of the others gone, the vote of who was away is needed.
    cluster.expect(0, &["localnet", "kill", "validator-3"]);
    cluster.pay(&alice, "4");
    cluster.expect(0, &["localnet", "restart", "validator-3"]);
    cluster.common_tip();
    assert_eq!(cluster.balance(4, &alice), 700);
    assert_eq!(who_has_it(&cluster), [] as [u16; 0]);
}

/// With the genesis document no node's word is taken for who erased it and when, and a file proves it to others.
#[track_caller]
fn assert_is_proven(cluster: &Cluster, id: &str, at: &Value) {
    let genesis = cluster.dir().join("genesis.toml").display().to_string();
    let trusting = ["--genesis", genesis.as_str()];
    let query = ["query", "transaction", id];
    let proven = cluster.expect(0, &[&query[..], &trusting].concat()).json();
    assert!(proven["proven"]["height"].is_u64(), "{proven}");
    let text = &proven["withheld"][0];
    assert_eq!(
        (&text["erased"], &text["by"], &text["at"]),
        (&json!(true), &json!(treasury(cluster)), at),
        "{proven}"
    );
    let transaction = cluster.expect(0, &[&["audit", "transaction", id][..], &trusting].concat());
    assert!(
        transaction.stderr.contains("audit erasure"),
        "{}",
        transaction.stderr
    );
    let prove = ["audit", "erasure", id, "--out", "erasure.proof"];
    let written = cluster.expect(0, &[&prove[..], &trusting].concat()).json();
    assert_eq!(written["verified"], true, "{written}");
    let verify = ["audit", "verify", "erasure.proof"];
    cluster.expect(0, &[&verify[..], &trusting].concat());
}

#[test]
fn what_is_erased_while_a_validator_has_it_and_is_away_is_gone_there_too_once_it_is_back() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let paid = cluster.transfer(&alice, "2", &["--memo", NAME]);
    assert_eq!(paid.code, Some(0), "{}", paid.stderr);
    let id = paid.json()["id"].as_str().unwrap().to_owned();
    cluster.common_tip();
    until("all have it", GONE, || {
        (who_has_it(&cluster) == [1, 2, 3, 4]).then_some(())
    });
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    let key = treasury_key(&cluster);
    cluster.expect(0, &["wallet", "erase", &id, "--memo", "--key", &key]);
    until("it is gone from those who are there", GONE, || {
        (who_has_it(&cluster) == [4]).then_some(())
    });
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    until("it is gone there too", GONE, || {
        who_has_it(&cluster).is_empty().then_some(())
    });
    cluster.common_tip();
    assert_eq!(transaction(&cluster, 4, &id)["withheld"][0]["erased"], true);
}
