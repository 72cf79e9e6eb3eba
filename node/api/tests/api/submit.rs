//! Submitting: every form of body, every answer, every bound.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use futures::StreamExt as _;
use quorate_api::{ApiConfig, Bound, ClientAddress, Refusal};
use quorate_client::schema::MANY_TRANSACTIONS;
use quorate_crypto::{Key, KeySignature};
use quorate_ledger::{ErrorCode, Submission, SubmissionV1, Transaction, encode};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::fake::{Fake, GENESIS_TIME, network, signer, wallet};
use crate::story::{self, Identified as _, payment};
use crate::web::{Answer, get, router, send, send_body, with_config};

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

async fn post(router: &Router, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
    send_body(router, Method::POST, path, kind, body).await
}

async fn post_json(router: &Router, path: &str, body: &Value) -> Answer {
    post(router, path, JSON, body.to_string()).await
}

/// The same with another's key in the place of the one that signed.
fn with_strange_key(submission: Submission) -> Submission {
    let Submission::V1(SubmissionV1 { transaction, texts }) = submission;
    let Transaction::V1(mut content) = transaction;
    let Key::Ed25519(stranger) = signer(99).key() else {
        panic!("wallet 99 has an Ed25519 key");
    };
    match &mut content.signatures[0] {
        KeySignature::Ed25519 { key, .. } => *key = stranger,
        KeySignature::P256 { .. } => panic!("the sender has an Ed25519 key"),
    }
    Submission::new(Transaction::V1(content), texts)
}

fn many(transactions: &[Submission]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = transactions.iter().map(encode).collect();
    encode(&bytes)
}

#[tokio::test]
async fn an_admitted_transaction_is_answered_with_its_id_and_then_found_pending() {
    let fake = story::fake();
    let router = router(&fake);
    let transaction = payment(10, 11, 5, 90, "");
    let answer = post(&router, "/v1/transactions", BYTES, encode(&transaction)).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("quorate-height"), Some("8"));
    assert_eq!(answer.json()["id"], transaction.id().to_string());
    assert_eq!(answer.json()["status"], "pending");

    let path = format!("/v1/transactions/{}", transaction.id());
    let pending = get(&router, &path).await.json();
    assert_eq!(
        (&pending["status"], &pending["height"]),
        (&json!("pending"), &Value::Null)
    );
    fake.commit_with_pool(vec![], GENESIS_TIME + 3_600_000);
    let committed = get(&router, &path).await.json();
    assert_eq!(
        (&committed["status"], &committed["height"]),
        (&json!("committed"), &json!(9))
    );
    let again = post(&router, "/v1/transactions", BYTES, encode(&transaction)).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["height"], 9);
}

#[tokio::test]
async fn one_in_json_is_the_same_as_one_in_bytes() {
    let router = router(&story::fake());
    let transaction = payment(10, 11, 5, 90, "");
    let body = json!({ "transaction": hex::encode(encode(&transaction)) });
    let answer = post_json(&router, "/v1/transactions", &body).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json()["id"], transaction.id().to_string());
}

#[tokio::test(start_paused = true)]
async fn waiting_gives_the_outcome_or_pending_when_time_is_up() {
    let fake = story::fake();
    let router = router(&fake);
    let failing = payment(13, 14, 999_999_999, 91, "");
    let path = "/v1/transactions?wait=committed&timeout_ms=5000";
    let (answer, ()) = tokio::join!(post(&router, path, BYTES, encode(&failing)), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        fake.commit_with_pool(vec![], GENESIS_TIME + 3_600_000);
    });
    assert_eq!(answer.status, 200);
    insta::assert_json_snapshot!("waited_failed", answer.json());

    let late = payment(10, 14, 1, 92, "");
    let answer = post(&router, path, BYTES, encode(&late)).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json()["status"], "pending");
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_expires_while_waited_for_says_so() {
    let fake = story::fake();
    let router = router(&fake);
    let transaction = payment(10, 14, 1, 93, "");
    assert_eq!(
        post(&router, "/v1/transactions", BYTES, encode(&transaction))
            .await
            .status,
        202
    );
    fake.commit(vec![], GENESIS_TIME + 2 * 86_400_000);
    let path = "/v1/transactions?wait=committed";
    let answer = post(&router, path, BYTES, encode(&transaction)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["status"], "expired");
    assert_eq!(answer.json()["code"], "expired");
}

#[tokio::test]
async fn many_are_answered_one_by_one_in_order() {
    let fake = story::fake();
    let router = router(&fake);
    fake.refuse(Refusal::WouldFail {
        code: ErrorCode::INSUFFICIENT_BALANCE,
        operation: 2,
    });
    let known = payment(11, 12, 19_999, 3, "invoice 2026-0117");
    let list = [payment(10, 11, 1, 94, ""), known, payment(10, 11, 1, 95, "")];
    let answer = post(&router, "/v1/transactions", MANY_TRANSACTIONS, many(&list)).await;
    assert_eq!(answer.status, 202);
    insta::assert_json_snapshot!("many", answer.json());

    let texts: Vec<String> = list.iter().map(|one| hex::encode(encode(one))).collect();
    let in_json = post_json(&router, "/v1/transactions", &json!({ "transactions": texts })).await;
    let results = in_json.json()["results"].as_array().unwrap().clone();
    assert_eq!(results.len(), 3);
    assert_eq!(results[0]["status"], "pending");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_its_code() {
    let router = router(&story::fake());
    let good = hex::encode(encode(&payment(10, 11, 1, 96, "")));
    let mut trailing = encode(&payment(10, 11, 1, 96, ""));
    trailing.push(0);
    let tampered = with_strange_key(payment(10, 11, 1, 96, ""));
    // The memo that was signed is another.
    let Submission::V1(mut exchanged) = payment(10, 11, 1, 96, "rent");
    exchanged.texts[0].text = b"loan".to_vec();
    let exchanged = encode(&Submission::V1(exchanged));
    let Submission::V1(mut left_out) = payment(10, 11, 1, 96, "rent");
    left_out.texts.clear();
    let left_out = encode(&Submission::V1(left_out));
    let alone = encode(payment(10, 11, 1, 96, "rent").transaction());
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        (JSON, b"{".to_vec(), 400, "malformed_body"),
        (JSON, b"{}".to_vec(), 400, "malformed_body"),
        (JSON, b"{\"transaction\":\"zz\"}".to_vec(), 400, "malformed_body"),
        (
            JSON,
            b"{\"transaction\":\"00\",\"more\":1}".to_vec(),
            400,
            "malformed_body",
        ),
        (
            JSON,
            format!("{{\"transaction\":\"{good}\",\"transactions\":[]}}").into_bytes(),
            400,
            "malformed_body",
        ),
        (JSON, b"{\"transactions\":[]}".to_vec(), 400, "malformed_body"),
        (
            JSON,
            b"{\"transaction\":\"00\"}".to_vec(),
            400,
            "malformed_transaction",
        ),
        (BYTES, Vec::new(), 400, "malformed_transaction"),
        (BYTES, trailing, 400, "malformed_transaction"),
        (BYTES, exchanged, 400, "texts_unfit"),
        (BYTES, left_out, 400, "texts_missing"),
        (
            BYTES,
            encode(&payment(10, 11, 1, 96, "a\u{7}")),
            400,
            "text_refused",
        ),
        // Without its texts it is no submission.
        (BYTES, alone, 400, "malformed_transaction"),
        (BYTES, encode(&tampered), 400, "bad_signature"),
        (MANY_TRANSACTIONS, vec![255; 40], 400, "malformed_body"),
        (MANY_TRANSACTIONS, vec![0], 400, "malformed_body"),
        (MANY_TRANSACTIONS, vec![1, 200, 1, 0], 400, "malformed_body"),
        ("text/csv", good.clone().into_bytes(), 415, "unsupported_content"),
    ];
    for (kind, body, status, code) in cases {
        let answer = post(&router, "/v1/transactions", kind, body.clone()).await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{kind} {body:?}");
    }
    let answer = post(&router, "/v1/transactions", JSON, b"5".to_vec()).await;
    let said = answer.json()["detail"].to_string();
    assert!(
        said.contains("an object with") && !said.contains("struct"),
        "{said}"
    );
    for (query, code) in [
        ("wait=maybe", "malformed_wait"),
        ("wait=committed&timeout_ms=-5", "malformed_timeout"),
    ] {
        let answer = post(&router, &format!("/v1/transactions?{query}"), BYTES, vec![0]).await;
        assert_eq!(answer.problem(), (400, code.to_owned()));
    }
}

#[tokio::test]
async fn every_refusal_of_the_node_has_its_status_and_code() {
    let fake = story::fake();
    let router = router(&fake);
    let retry_after_ms = 1_200;
    let refusals = [
        (
            Refusal::Malformed {
                reason: "an amount is zero".to_owned(),
            },
            400,
            "malformed_transaction",
        ),
        (
            Refusal::Texts {
                code: "text_refused",
                reason: "memo: the text has 257 bytes, 1 to 256 are allowed".to_owned(),
            },
            400,
            "text_refused",
        ),
        (
            Refusal::TooLarge {
                length: 70_000,
                limit: 65_536,
            },
            413,
            "transaction_too_large",
        ),
        (
            Refusal::BadSignature { key: signer(1).key() },
            400,
            "bad_signature",
        ),
        (
            Refusal::WrongNetwork {
                got: story::document(),
                expected: network(),
            },
            422,
            "wrong_network",
        ),
        (Refusal::Expired, 422, "expired"),
        (
            Refusal::ExpiryTooFar { limit_ms: 86_400_000 },
            422,
            "expiry_too_far",
        ),
        (
            Refusal::Unauthorised {
                party: wallet(10),
                weight: 1,
                threshold: 3,
            },
            422,
            "unauthorised",
        ),
        (
            Refusal::NeedlessSignature {
                key: signer(12).key(),
            },
            422,
            "needless_signature",
        ),
        (
            Refusal::UnknownSender { sender: wallet(12) },
            422,
            "unknown_sender",
        ),
        (Refusal::OverQuota, 422, "over_quota"),
        (
            Refusal::WouldFail {
                code: ErrorCode::UNKNOWN_ASSET,
                operation: 1,
            },
            422,
            "unknown_asset",
        ),
        (Refusal::PoolFull { retry_after_ms }, 429, "pool_full"),
        (Refusal::QuotaFull { retry_after_ms }, 429, "quota_full"),
        (
            Refusal::Unavailable {
                reason: "it is stopping".to_owned(),
            },
            503,
            "unavailable",
        ),
    ];
    let transaction = payment(10, 11, 1, 97, "");
    for (refusal, status, code) in refusals {
        fake.refuse(refusal.clone());
        let answer = post(&router, "/v1/transactions", BYTES, encode(&transaction)).await;
        assert_eq!(answer.problem(), (status, code.to_owned()));
        assert_eq!(answer.json()["id"], transaction.id().to_string());
        let retry = if status == 429 {
            Some("2")
        } else {
            (status == 503).then_some("1")
        };
        assert_eq!(answer.header("retry-after"), retry, "{code}");
        if status == 429 {
            assert_eq!(answer.json()["retry_after_ms"], retry_after_ms);
        }

        fake.refuse(refusal);
        let answer = post(
            &router,
            "/v1/transactions",
            MANY_TRANSACTIONS,
            many(std::slice::from_ref(&transaction)),
        )
        .await;
        let result = &answer.json()["results"][0];
        assert_eq!(
            (&result["status"], &result["code"]),
            (&json!("refused"), &json!(code))
        );
        assert_eq!(answer.header("retry-after"), retry, "{code}");
    }
}

#[tokio::test]
async fn a_body_over_the_bound_is_refused_by_its_length_and_by_its_content() {
    let config = ApiConfig {
        max_body_bytes: 1_000,
        ..ApiConfig::default()
    };
    let router = with_config(&story::fake(), config);
    let declared = Request::post("/v1/transactions")
        .header("content-type", BYTES)
        .header("content-length", "1001");
    let answer = send(&router, declared.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.problem(), (413, "body_too_large".to_owned()));

    let pieces = futures::stream::iter((0..3).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 500])));
    let answer = post(&router, "/v1/transactions", BYTES, Body::from_stream(pieces)).await;
    assert_eq!(answer.problem(), (413, "body_too_large".to_owned()));
}

#[tokio::test]
async fn too_many_in_one_call_are_refused() {
    let config = ApiConfig {
        max_transactions_per_call: 2,
        ..ApiConfig::default()
    };
    let router = with_config(&story::fake(), config);
    let list: Vec<Submission> = (0..3).map(|salt| payment(10, 11, 1, 120 + salt, "")).collect();
    let answer = post(&router, "/v1/transactions", MANY_TRANSACTIONS, many(&list)).await;
    assert_eq!(answer.problem(), (400, "too_many_transactions".to_owned()));
    let answer = post(&router, "/v1/transactions", MANY_TRANSACTIONS, many(&list[..2])).await;
    assert_eq!(answer.status, 202);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_takes_nothing_from_others_and_is_given_up() {
    let config = ApiConfig {
        max_body_bytes: 4_096,
        max_body_bytes_total: Bound::of(4_096, 4_096),
        ..ApiConfig::default()
    };
    let router = with_config(&story::fake(), config);
    let endless = || Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let mut slow = Box::pin(post(&router, "/v1/transactions", BYTES, endless()));
    assert!(futures::poll!(&mut slow).is_pending());
    let transaction = encode(&payment(10, 11, 1, 98, ""));
    let other = post(&router, "/v1/transactions", BYTES, transaction).await;
    assert_eq!(other.status, 202);
    assert_eq!(slow.await.problem(), (408, "body_too_slow".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_one_address_has_sent_and_not_ended_leaves_the_others_their_room() {
    let config = ApiConfig {
        max_body_bytes: 4_096,
        max_body_bytes_total: Bound::of(6_000, 4_000),
        ..ApiConfig::default()
    };
    let router = with_config(&story::fake(), config);
    let begun = || {
        let first = futures::stream::once(async { Ok::<_, std::io::Error>(vec![0; 3_500]) });
        Body::from_stream(first.chain(futures::stream::pending()))
    };
    let from = |last: u8, body: Body| {
        let mut request = Request::post("/v1/transactions").body(body).unwrap();
        request
            .headers_mut()
            .insert("content-type", BYTES.parse().unwrap());
        let client = ClientAddress::of(IpAddr::from([192, 0, 2, last]));
        request.extensions_mut().insert(client);
        send(&router, request)
    };
    let mut holds = Box::pin(from(1, begun()));
    assert!(futures::poll!(&mut holds).is_pending());
    let again = from(1, begun()).await;
    assert_eq!(again.problem(), (503, "overloaded".to_owned()));
    let transaction = encode(&payment(10, 11, 1, 98, ""));
    assert_eq!(from(2, Body::from(transaction)).await.status, 202);
    assert_eq!(holds.await.problem(), (408, "body_too_slow".to_owned()));
}

#[tokio::test]
async fn long_calls_of_one_address_are_checked_in_pieces_and_others_pass_between() {
    let fake = story::fake();
    let router = router(&fake);
    let junk = encode(&vec![vec![0_u8; 8]; 4_000]);
    let from = |last: u8, kind: &str, body: Vec<u8>| {
        let mut request = Request::post("/v1/transactions")
            .header("content-type", kind)
            .body(Body::from(body))
            .unwrap();
        let client = ClientAddress::of(IpAddr::from([192, 0, 2, last]));
        request.extensions_mut().insert(client);
        send(&router, request)
    };
    let long = futures::future::join_all((0..4).map(|_| from(1, MANY_TRANSACTIONS, junk.clone())));
    let (long, short) = tokio::join!(long, from(2, BYTES, encode(&payment(10, 11, 1, 98, ""))));
    assert_eq!(short.status, 202);
    for answer in long {
        assert_eq!(answer.json()["results"].as_array().unwrap().len(), 4_000);
    }
    let given = fake.submitted.lock().unwrap().clone();
    let place = given.iter().position(|count| *count == 1).unwrap();
    assert!(place <= 2, "{given:?}");
    assert!(given.iter().all(|count| *count <= 1_024), "{given:?}");
}

#[tokio::test(start_paused = true)]
async fn signatures_that_do_not_fit_cost_their_address_its_turns_and_nobody_else() {
    let fake = story::fake();
    *fake.check_takes.lock().unwrap() = Duration::from_millis(10);
    let router = router(&fake);
    let bad = with_strange_key(payment(10, 11, 1, 98, ""));
    let from = |last: u8, transaction: &Submission| {
        let mut request = Request::post("/v1/transactions")
            .header("content-type", BYTES)
            .body(Body::from(encode(transaction)))
            .unwrap();
        let client = ClientAddress::of(IpAddr::from([192, 0, 2, last]));
        request.extensions_mut().insert(client);
        send(&router, request)
    };
    let began = Instant::now();
    // An address has two turns, and each of these keeps one. They are answered at once.
    for _ in 0..2 {
        let answer = from(1, &bad).await;
        assert_eq!(answer.problem(), (400, "bad_signature".to_owned()));
    }
    assert_eq!(from(2, &payment(10, 11, 1, 97, "")).await.status, 202);
    assert!(began.elapsed() < Duration::from_millis(100));
    assert_eq!(from(1, &payment(10, 11, 1, 96, "")).await.status, 202);
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(200), "{waited:?}");
    // What fits costs no more than before.
    for salt in 90..95 {
        assert_eq!(from(1, &payment(10, 11, 1, salt, "")).await.status, 202);
    }
    assert!(began.elapsed() < waited + Duration::from_millis(200));
}

#[tokio::test]
async fn case_18_content_types_in_any_letters_are_taken_and_packed_bodies_refused() {
    let router = router(&story::fake());
    let transaction = hex::encode(encode(&payment(10, 11, 1, 97, "")));
    let body = json!({ "transaction": transaction });
    let answer = post(
        &router,
        "/v1/transactions",
        "Application/JSON; charset=utf-8",
        body.to_string(),
    )
    .await;
    assert_eq!(answer.status, 202);
    let packed = Request::post("/v1/transactions")
        .header("content-type", JSON)
        .header("content-encoding", "gzip")
        .body(Body::from(vec![0x1f, 0x8b]))
        .unwrap();
    let answer = send(&router, packed).await;
    assert_eq!(answer.problem(), (415, "unsupported_content".to_owned()));
    assert_eq!(answer.header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn one_of_many_that_is_not_in_hex_is_refused_in_its_place() {
    let router = router(&story::fake());
    let good = hex::encode(encode(&payment(10, 11, 1, 96, "")));
    let body = json!({ "transactions": [good, "zz"] });
    let answer = post_json(&router, "/v1/transactions", &body).await;
    let results = answer.json()["results"].clone();
    assert_eq!(results[0]["status"], "pending", "{results}");
    assert_eq!(results[1]["status"], "refused", "{results}");
    assert_eq!(results[1]["code"], "malformed_transaction", "{results}");
}

#[tokio::test]
async fn parameters_that_a_call_does_not_have_and_values_out_of_range_are_refused() {
    let router = router(&story::fake());
    let transaction = encode(&payment(10, 11, 1, 95, ""));
    for (query, code) in [
        ("wiat=committed", "unknown_parameter"),
        ("wait=committed&timeout_ms=999999", "malformed_timeout"),
        ("wait=committed&wait=none", "malformed_query"),
    ] {
        let answer = post(
            &router,
            &format!("/v1/transactions?{query}"),
            BYTES,
            transaction.clone(),
        )
        .await;
        assert_eq!(answer.problem(), (400, code.to_owned()), "{query}");
    }
    let answer = get(&router, "/v1/blocks?limit=201").await;
    assert_eq!(answer.problem(), (400, "malformed_limit".to_owned()));
    let answer = get(&router, "/v1/blocks/latest?limit=1").await;
    assert_eq!(answer.problem(), (400, "unknown_parameter".to_owned()));
}

#[tokio::test]
async fn a_fresh_network_takes_transactions_too() {
    let fake = Fake::new();
    let router = router(&fake);
    let transaction = payment(10, 11, 1, 99, "");
    let answer = post(&router, "/v1/transactions", BYTES, encode(&transaction)).await;
    assert_eq!(answer.header("quorate-height"), Some("0"));
    assert_eq!(answer.status, 202);
}
