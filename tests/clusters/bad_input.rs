//! Everything bad that a client can send to a running network: each has its status and code, and after
//! all of it nothing has changed. Node and wallet are the real ones.
//!
//! Where each kind of bad input is tried (`cli` is `node/tests/cli`, the others are beside this file):
//!
//! | bad input | over HTTP | with a command |
//! | --- | --- | --- |
//! | malformed | here | `refusals`, `cli/usage`, `cli/genesis`, `cli/bad_files` |
//! | oversized | here | `cli/bad_files` |
//! | non-canonical | here | - |
//! | wrongly signed, texts that do not fit | here | `refusals` |
//! | unauthorised, expired, over-spending, unknown asset | here | `refusals` |
//! | replayed | here | `transfers`, `pay` |
//! | wrong network | here | `refusals`, `transfers` |
//! | wrong address checksum | here | here, `cli/usage` |
//! | too many decimals | here | here, `cli/usage` |
//! | unreadable or world-readable key file | - | `starting`, `cli/keys`, `cli/bad_files` |
//! | wrong passphrase | - | `cli/keys`, `cli/bad_files` |
//! | wrong genesis | - | `starting`, `transfers`, `cli/genesis` |
//! | port in use, second node on the same home, unwritable disk | - | `starting`, `cli/bad_files` |

mod transactions;

use std::fs;

use quorate_ledger::encode;

use crate::Cluster;
use crate::http::{announce, send, send_noise};
use transactions::{Sender, bad_texts, malformed, refused};

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";
const MANY: &str = "application/vnd.quorate.transactions";

/// Bodies around transactions.
fn bad_bodies() -> Vec<(&'static str, Vec<u8>, u16, &'static str)> {
    let deep = "[".repeat(100_000);
    let json = |text: &str| text.as_bytes().to_vec();
    let malformed = "malformed_body";
    vec![
        (JSON, json(""), 400, malformed),
        (JSON, json("{"), 400, malformed),
        (JSON, json("{}"), 400, malformed),
        (JSON, json("null"), 400, malformed),
        (JSON, json(&deep), 400, malformed),
        (JSON, json(&format!("{{\"transactions\":{deep}")), 400, malformed),
        (JSON, json(r#"{"transaction":7}"#), 400, malformed),
        (JSON, json(r#"{"transaction":"0"}"#), 400, malformed),
        (JSON, json(r#"{"transaction":"zz"}"#), 400, malformed),
        (JSON, json(r#"{"transaction":"00","more":1}"#), 400, malformed),
        (
            JSON,
            json(r#"{"transaction":"00","transactions":[]}"#),
            400,
            malformed,
        ),
        (JSON, json(r#"{"transactions":[]}"#), 400, malformed),
        (JSON, vec![0xff; 64], 400, malformed),
        (
            JSON,
            json(r#"{"transaction":"00"}"#),
            400,
            "malformed_transaction",
        ),
        (MANY, vec![], 400, malformed),
        (MANY, vec![0], 400, malformed),
        // Four billion transactions are announced, and a transaction of as many bytes.
        (MANY, vec![0xff, 0xff, 0xff, 0xff, 0x0f], 400, malformed),
        (MANY, vec![1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0], 400, malformed),
        (MANY, vec![1; 9_000], 400, malformed),
        (
            MANY,
            [vec![0x81, 0x46], vec![0; 8_961]].concat(),
            400,
            "too_many_transactions",
        ),
        ("text/csv", json("to,amount"), 415, "unsupported_content"),
    ]
}

/// Reads that ask for what cannot be.
fn bad_reads(sender: &Sender) -> Vec<(String, u16, &'static str)> {
    let address = sender.to.to_string();
    let (rest, last) = address.split_at(address.len() - 1);
    let mistyped = format!("{rest}{}", if last == "q" { "p" } else { "q" });
    let bitcoin = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    let nothing = "00".repeat(32);
    vec![
        (format!("/v1/accounts/{mistyped}"), 400, "malformed_address"),
        (format!("/v1/accounts/{bitcoin}"), 400, "malformed_address"),
        (
            format!("/v1/accounts/{}", "q".repeat(5_000)),
            400,
            "malformed_address",
        ),
        ("/v1/accounts/%00%ff".to_owned(), 404, "no_such_call"),
        (
            format!("/v1/accounts/{mistyped}/transactions"),
            400,
            "malformed_address",
        ),
        (
            format!("/v1/accounts/{address}/transactions?cursor=x"),
            400,
            "malformed_cursor",
        ),
        (
            format!("/v1/accounts/{address}/transactions?limit=0"),
            400,
            "malformed_limit",
        ),
        (
            format!("/v1/accounts/{address}/transactions?limit=-1"),
            400,
            "malformed_limit",
        ),
        ("/v1/transactions/zz".to_owned(), 400, "malformed_hash"),
        (format!("/v1/transactions/{nothing}"), 404, "unknown_transaction"),
        ("/v1/blocks/-1".to_owned(), 400, "malformed_block"),
        (
            "/v1/blocks/18446744073709551616".to_owned(),
            400,
            "malformed_block",
        ),
        ("/v1/blocks/18446744073709551615".to_owned(), 404, "unknown_block"),
        ("/v1/blocks?cursor=x".to_owned(), 400, "malformed_cursor"),
        (
            "/v1/blocks/latest?min_height=x".to_owned(),
            400,
            "malformed_min_height",
        ),
        ("/v1/assets/nope".to_owned(), 400, "malformed_asset"),
        ("/v1/assets/NOPE".to_owned(), 404, "unknown_asset"),
        ("/v1/assets/NOPE/holders".to_owned(), 404, "unknown_asset"),
        ("/v1/records/zz".to_owned(), 400, "malformed_hash"),
        (format!("/v1/accounts/{mistyped}/holds"), 400, "malformed_address"),
        ("/v1/proofs/transaction/zz".to_owned(), 400, "malformed_hash"),
        (
            format!("/v1/proofs/transaction/{nothing}"),
            404,
            "nothing_to_prove",
        ),
        (format!("/v1/proofs/account/{mistyped}"), 400, "malformed_address"),
        ("/v1/proofs/asset/nope".to_owned(), 400, "malformed_asset"),
        ("/v1/nothing".to_owned(), 404, "no_such_call"),
        ("/v1/../../etc/passwd".to_owned(), 404, "no_such_call"),
        ("/v1/transactions?wait=maybe".to_owned(), 400, "unknown_parameter"),
        ("/v1/transactions?kind=payment".to_owned(), 400, "malformed_kind"),
        (
            "/v1/transactions?from=yesterday".to_owned(),
            400,
            "malformed_range",
        ),
        ("/v1/transactions?account=me".to_owned(), 400, "malformed_address"),
        (
            "/v1/blocks/1/transactions?cursor=1".to_owned(),
            400,
            "malformed_cursor",
        ),
    ]
}

fn send_all(cluster: &Cluster, sender: &Sender) {
    let api = cluster.ports.api;
    let post = |kind: &str, body: &[u8]| send(api, "POST", "/v1/transactions", kind, body);
    for (what, transaction, status, code) in [malformed(sender), bad_texts(sender), refused(sender)].concat()
    {
        let answer = post(BYTES, &transaction);
        let got = (answer.status, answer.code());
        assert_eq!(got, (Some(status), code.to_owned()), "{what}: {}", answer.json());
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(!detail.is_empty(), "{what} is refused without a word");
        // Among many it is refused as well, and says the same.
        let many = post(MANY, &encode(&vec![transaction]));
        let result = &many.json()["results"][0];
        assert_eq!(
            (&result["status"], &result["code"]),
            (&"refused".into(), &code.into()),
            "{what}"
        );
        assert_eq!(result["error"], detail.as_str(), "{what}");
    }
    for (kind, body, status, code) in bad_bodies() {
        let answer = post(kind, &body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let got = (answer.status, answer.code());
        assert_eq!(
            got,
            (Some(status), code.to_owned()),
            "{kind} {shown:?}: {}",
            answer.json()
        );
    }
    let large = announce(api, "POST", "/v1/transactions", BYTES, 9 << 20, b"");
    assert_eq!(
        (large.status, large.code()),
        (Some(413), "body_too_large".to_owned())
    );
    for (path, status, code) in bad_reads(sender) {
        let answer = send(api, "GET", &path, JSON, b"");
        let got = (answer.status, answer.code());
        assert_eq!(got, (Some(status), code.to_owned()), "{path}: {}", answer.json());
    }
    for port in [api, api + 100] {
        assert_eq!(
            send(port, "PUT", "/v1/status", JSON, b"")
                .status
                .map(|it| it / 100),
            Some(4)
        );
    }
    let level = send(api + 100, "PUT", "/loglevel", "text/plain", b"quorate=loudest");
    assert_eq!(
        (level.status, level.code()),
        (Some(400), "malformed_log_level".to_owned())
    );
    let deny = send(api + 100, "PUT", "/debug/deny", JSON, br#"["nobody"]"#);
    assert_eq!((deny.status, deny.code()), (Some(400), "unknown_peer".to_owned()));
}

/// What is no HTTP at all, at every port of every node.
fn send_what_is_no_http(cluster: &Cluster) {
    let noise: [&[u8]; 7] = [
        b"",
        b"\x00",
        &[0xff; 4_096],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/transactions HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/transactions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        b"\x13/multistream/1.0.0\n\x07/noise\n\xff\xff\xff\xff",
    ];
    for number in 0..4 {
        for port in [cluster.ports.api, cluster.ports.api + 100, cluster.ports.p2p] {
            for bytes in noise {
                send_noise(port + number, bytes);
            }
        }
    }
}

#[test]
fn bad_input_has_its_code_and_changes_nothing() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "10");
    let sender = Sender::new(&cluster, &alice);
    let replayed = sender.signed(sender.payment("QRT", 5));
    let wait = "/v1/transactions?wait=committed";
    let paid = send(cluster.ports.api, "POST", wait, BYTES, &replayed);
    assert_eq!(paid.status, Some(200), "{}", paid.json());
    assert_eq!(paid.json()["status"], "committed");
    let before = cluster.common_tip();

    send_all(&cluster, &sender);
    send_what_is_no_http(&cluster);
    replay(&cluster, &replayed, &paid.json());
    mistyped(&cluster, &alice);

    assert_eq!(cluster.common_tip(), before);
    for number in 1..=4 {
        let status = cluster.expect(0, &["query", "status", "--node", &cluster.api(number)]);
        assert_eq!(status.json()["pending_transactions"], 0);
        let evidence = cluster.expect(0, &["query", "evidence", "--node", &cluster.api(number)]);
        assert_eq!(
            evidence.json()["evidence"],
            serde_json::json!([]),
            "{}",
            evidence.stdout
        );
        let log = cluster.dir().join(format!("validator-{number}/node.log"));
        let log = fs::read_to_string(log).unwrap();
        assert!(!log.contains("panicked"), "{log}");
    }
    assert_eq!(cluster.states(), ["running"; 4]);
    cluster.pay(&alice, "1");
}

/// Every validator answers an executed transaction with what became of it, however it is signed now.
fn replay(cluster: &Cluster, bytes: &[u8], paid: &serde_json::Value) {
    for number in 0..4 {
        let again = send(
            cluster.ports.api + number,
            "POST",
            "/v1/transactions",
            BYTES,
            bytes,
        );
        assert_eq!(again.status, Some(200), "{}", again.json());
        assert_eq!(again.json()["id"], paid["id"]);
        assert_eq!(again.json()["height"], paid["height"]);
    }
}

/// What a person mistypes, the wallet notices before anything is sent.
fn mistyped(cluster: &Cluster, alice: &str) {
    let middle = alice.len() / 2;
    let other = if alice.as_bytes()[middle] == b'q' {
        "p"
    } else {
        "q"
    };
    let wrong = format!("{}{other}{}", &alice[..middle], &alice[middle + 1..]);
    let (to, amount) = (
        cluster.transfer(&wrong, "1", &[]),
        cluster.transfer(alice, "1.234", &[]),
    );
    assert_eq!(
        (to.code, amount.code),
        (Some(2), Some(2)),
        "{}{}",
        to.stderr,
        amount.stderr
    );
    assert!(to.stderr.contains("mistyped"), "{}", to.stderr);
    assert!(
        amount.stderr.contains("has 3 decimals, the asset has 2"),
        "{}",
        amount.stderr
    );
}
