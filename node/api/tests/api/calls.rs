//! Reading calls: their documents, their paging, and what they refuse.

use std::time::Duration;

use quorate_api::{ApiConfig, Bound};
use quorate_client::wallet::{Before, TrustedGenesis};
use quorate_crypto::merkle::Frontier;
use quorate_crypto::{Digest, Tag};
use quorate_ledger::{CertifiedBlock, Height, LogEntry, Outcome, TextItem, Transaction, decode, encode};

use crate::fake::{GENESIS_TIME, committee, network, wallet};
use crate::story::{self, Identified as _, document, payment};
use crate::web::{get, get_bytes, router, send_body, with_config};

async fn ids(block: u64) -> Vec<String> {
    let router = router(&story::fake());
    let block = get(&router, &format!("/v1/blocks/{block}")).await.json();
    block["transactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect()
}

/// What stands before a block, put together of what is told of all blocks before.
pub(crate) async fn before(router: &axum::Router, height: u64) -> Before {
    let mut before = Before::default();
    for earlier in 1..height {
        let block = get_bytes(router, &format!("/v1/blocks/{earlier}")).await;
        let block: CertifiedBlock = decode(&block.body, 1 << 20).unwrap();
        before.header = Some(block.v1().block.v1().header.clone());
        for id in ids(earlier).await {
            let transaction = get_bytes(router, &format!("/v1/transactions/{id}")).await;
            let (entry, _, _): (LogEntry, Transaction, Vec<TextItem>) =
                decode(&transaction.body, 1 << 17).unwrap();
            before.log.push(&encode(&entry));
        }
    }
    assert_ne!(before.log, Frontier::new(), "something was executed before");
    before
}

#[tokio::test]
async fn every_reading_call_answers_at_the_certified_height_with_its_document() {
    let router = router(&story::fake());
    let failed = ids(3).await[1].clone();
    let calls = [
        ("status", "/v1/status".to_owned()),
        ("network", "/v1/network".to_owned()),
        ("transaction", format!("/v1/transactions/{failed}")),
        ("blocks", "/v1/blocks?limit=2".to_owned()),
        ("block", "/v1/blocks/6".to_owned()),
        ("account", format!("/v1/accounts/{}", wallet(11))),
        (
            "account_transactions",
            format!("/v1/accounts/{}/transactions?limit=2", wallet(11)),
        ),
        ("unused_account", format!("/v1/accounts/{}", wallet(99))),
        ("assets", "/v1/assets".to_owned()),
        ("asset", "/v1/assets/CO2".to_owned()),
        ("holders", "/v1/assets/CO2/holders".to_owned()),
        ("records", format!("/v1/records/{}", document())),
        ("validators", "/v1/validators".to_owned()),
    ];
    for (name, path) in calls {
        let answer = get(&router, &path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("quorate-height"), Some("8"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        insta::assert_json_snapshot!(name, answer.json());
    }
}

#[tokio::test]
async fn calls_about_the_node_itself_answer_with_their_documents() {
    let router = router(&story::fake());
    for name in ["peers", "evidence", "members", "proposals"] {
        let answer = get(&router, &format!("/v1/{name}")).await;
        assert_eq!(answer.status, 200);
        insta::assert_json_snapshot!(name, answer.json());
    }
}

#[tokio::test]
async fn a_block_is_found_by_height_by_hash_and_as_the_latest() {
    let fake = story::fake();
    let router = router(&fake);
    let by_height = get(&router, "/v1/blocks/8").await.json();
    let by_hash = get(&router, &format!("/v1/blocks/{}", fake.block_hash(8)))
        .await
        .json();
    let latest = get(&router, "/v1/blocks/latest").await.json();
    assert_eq!(by_height, by_hash);
    assert_eq!(by_height, latest);
}

#[tokio::test]
async fn a_block_as_bytes_passes_the_wallets_check() {
    let router = router(&story::fake());
    let answer = get_bytes(&router, "/v1/blocks/3").await;
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("quorate-height"), Some("8"));
    let block: CertifiedBlock = decode(&answer.body, 1 << 20).unwrap();
    let verified = TrustedGenesis::new(network(), committee())
        .verify_block(Height(3), &block, &before(&router, 3).await)
        .unwrap();
    let failed: Digest = ids(3).await[1].parse().unwrap();
    assert!(verified.confirm(&failed, 1, Some("insufficient_balance")).is_ok());
}

#[tokio::test]
async fn a_transaction_as_bytes_is_its_entry_of_the_log_itself_and_its_texts() {
    let fake = story::fake();
    let router = router(&fake);
    let sent = payment(11, 12, 19_999, 3, "invoice 2026-0117");
    let path = format!("/v1/transactions/{}", sent.id());
    let answer = get_bytes(&router, &path).await;
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    let (entry, transaction, texts): (LogEntry, Transaction, Vec<TextItem>) =
        decode(&answer.body, 1 << 17).unwrap();
    assert_eq!(transaction, *sent.transaction());
    assert_eq!(texts, [TextItem::Shown(sent.texts()[0].clone())]);
    let logged = entry.transaction().unwrap();
    assert_eq!((logged.id, logged.height), (sent.id(), Height(3)));
    assert_eq!(logged.signed, transaction.signed_hash());
    assert_eq!(logged.outcome, Outcome::Success { results: Vec::new() });
    // What is not shown stands there by its hash.
    fake.lose_texts(sent.id());
    let answer = get_bytes(&router, &path).await;
    let (_, _, texts): (LogEntry, Transaction, Vec<TextItem>) = decode(&answer.body, 1 << 17).unwrap();
    let leaf = sent.texts()[0].leaf();
    assert_eq!(texts, [TextItem::Withheld { leaf }]);
}

#[tokio::test]
async fn a_pending_transaction_has_no_bytes_until_it_is_executed() {
    let fake = story::fake();
    let router = router(&fake);
    let sent = payment(10, 11, 5, 90, "");
    let body = encode(&sent);
    let submitted = send_body(
        &router,
        axum::http::Method::POST,
        "/v1/transactions",
        "application/octet-stream",
        body,
    );
    assert_eq!(submitted.await.status, 202);
    let path = format!("/v1/transactions/{}", sent.id());
    let answer = get_bytes(&router, &path).await;
    assert_eq!(answer.problem(), (409, "pending".to_owned()));
    assert_eq!(get(&router, &path).await.json()["status"], "pending");
    fake.commit_with_pool(vec![], GENESIS_TIME + 3_600_000);
    assert_eq!(get_bytes(&router, &path).await.status, 200);
    // Never to be executed, it is no longer on its way.
    let late = payment(10, 11, 5, 91, "");
    let body = encode(&late);
    let submitted = send_body(
        &router,
        axum::http::Method::POST,
        "/v1/transactions",
        "application/octet-stream",
        body,
    );
    assert_eq!(submitted.await.status, 202);
    fake.commit(vec![], GENESIS_TIME + 2 * 86_400_000);
    let answer = get_bytes(&router, &format!("/v1/transactions/{}", late.id())).await;
    assert_eq!(answer.problem(), (404, "unknown_transaction".to_owned()));
}

#[tokio::test]
async fn the_network_as_bytes_is_what_its_id_is_the_hash_of() {
    let router = router(&story::fake());
    let answer = get_bytes(&router, "/v1/network").await;
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("quorate-height"), Some("8"));
    assert_eq!(Tag::GENESIS.hash(&answer.body), network());
    assert_eq!(
        get(&router, "/v1/network").await.json()["network"],
        network().to_string()
    );
}

#[tokio::test]
async fn pages_of_blocks_join_without_gap_or_repeat() {
    let router = router(&story::fake());
    let mut heights = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = get(&router, &format!("/v1/blocks?limit=3&cursor={cursor}"))
            .await
            .json();
        heights.extend(
            page["blocks"]
                .as_array()
                .unwrap()
                .iter()
                .map(|block| block["height"].as_u64().unwrap()),
        );
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(heights, [8, 7, 6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn pages_of_holders_history_and_records_join_without_gap_or_repeat() {
    let router = router(&story::fake());
    let lists = [
        ("/v1/assets/QRT/holders".to_owned(), "holders", "address"),
        (
            format!("/v1/accounts/{}/transactions", wallet(11)),
            "transactions",
            "id",
        ),
        (format!("/v1/records/{}", document()), "records", "transaction"),
        ("/v1/assets".to_owned(), "assets", "code"),
    ];
    for (path, list, key) in lists {
        let whole = get(&router, &format!("{path}?limit=200")).await.json();
        assert!(whole["next"].is_null(), "{path}");
        let whole: Vec<_> = whole[list]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item[key].clone())
            .collect();
        assert!(whole.len() > 1, "{path}");
        let mut pieces = Vec::new();
        let mut next = Some(String::new());
        while let Some(cursor) = next {
            let page = get(&router, &format!("{path}?limit=1&cursor={cursor}"))
                .await
                .json();
            pieces.extend(
                page[list]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item[key].clone()),
            );
            next = page["next"].as_str().map(str::to_owned);
        }
        assert_eq!(pieces, whole, "{path}");
    }
}

#[tokio::test]
async fn malformed_names_and_parameters_are_refused_with_their_codes() {
    let router = router(&story::fake());
    let address = wallet(11).to_string();
    let mistyped = address.replace('q', "p");
    let hash = document();
    let refused = [
        ("/v1/transactions/xyz".to_owned(), 400, "malformed_hash"),
        (format!("/v1/transactions/{}0", document()), 400, "malformed_hash"),
        (format!("/v1/transactions/{hash}"), 404, "unknown_transaction"),
        ("/v1/blocks/-1".to_owned(), 400, "malformed_block"),
        ("/v1/blocks/one".to_owned(), 400, "malformed_block"),
        (
            "/v1/blocks/99999999999999999999".to_owned(),
            400,
            "malformed_block",
        ),
        ("/v1/blocks/0".to_owned(), 404, "unknown_block"),
        ("/v1/blocks/9".to_owned(), 404, "unknown_block"),
        (format!("/v1/blocks/{hash}"), 404, "unknown_block"),
        ("/v1/blocks?limit=0".to_owned(), 400, "malformed_limit"),
        ("/v1/blocks?limit=ten".to_owned(), 400, "malformed_limit"),
        ("/v1/blocks?cursor=x".to_owned(), 400, "malformed_cursor"),
        (format!("/v1/accounts/{mistyped}"), 400, "malformed_address"),
        ("/v1/accounts/alice".to_owned(), 400, "malformed_address"),
        (
            format!("/v1/accounts/{address}/transactions?cursor=1.5"),
            400,
            "malformed_cursor",
        ),
        ("/v1/assets/qrt".to_owned(), 400, "malformed_asset"),
        ("/v1/assets/EUR".to_owned(), 404, "unknown_asset"),
        ("/v1/assets/EUR/holders".to_owned(), 404, "unknown_asset"),
        (
            "/v1/assets/QRT/holders?cursor=qr1".to_owned(),
            400,
            "malformed_cursor",
        ),
        ("/v1/assets?cursor=a".to_owned(), 400, "malformed_cursor"),
        ("/v1/records/12".to_owned(), 400, "malformed_hash"),
        (
            format!("/v1/accounts/{address}/holds?cursor={hash}.0"),
            400,
            "malformed_cursor",
        ),
        ("/v1/accounts/alice/holds".to_owned(), 400, "malformed_address"),
        ("/v1/state/10".to_owned(), 400, "malformed_key"),
        (format!("/v1/state/{hash}00"), 400, "malformed_key"),
        (format!("/v1/state/0x{}", "1".repeat(62)), 400, "malformed_key"),
        (format!("/v1/state/{hash}"), 404, "unknown_key"),
        (format!("/v1/records/{hash}?cursor=1.2"), 400, "malformed_cursor"),
        (
            format!("/v1/records/{hash}?cursor=1.2.99999"),
            400,
            "malformed_cursor",
        ),
        ("/v1/status?min_height=x".to_owned(), 400, "malformed_min_height"),
        ("/v1/status?min_height=-1".to_owned(), 400, "malformed_min_height"),
        ("/v1/log/checkpoint?size=x".to_owned(), 400, "malformed_size"),
        ("/v1/log/checkpoint?size=999".to_owned(), 404, "no_checkpoint"),
        ("/v1/log/signed-root?size=-1".to_owned(), 400, "malformed_size"),
        ("/v1/log/signed-root?size=999".to_owned(), 404, "no_checkpoint"),
        ("/v1/log/tile/64/000".to_owned(), 400, "malformed_tile"),
        ("/v1/log/tile/0/0".to_owned(), 400, "malformed_tile"),
        ("/v1/log/tile/0/000.p/0".to_owned(), 400, "malformed_tile"),
        ("/v1/log/tile/0/x000/000".to_owned(), 400, "malformed_tile"),
        (
            "/v1/log/tile/0/x001/x001/x001/001/5".to_owned(),
            400,
            "malformed_tile",
        ),
        ("/v1/log/tile/0/000".to_owned(), 404, "unknown_tile"),
        ("/v1/log/tile/63/000.p/1".to_owned(), 404, "unknown_tile"),
        ("/v1/log/tile/0/x001/x234/067.p/5".to_owned(), 404, "unknown_tile"),
        (
            "/v1/log/tile/entries/x001/x234/067".to_owned(),
            404,
            "unknown_tile",
        ),
        (
            "/v1/log/tile/0/x001/x234/067?size=1".to_owned(),
            400,
            "unknown_parameter",
        ),
        ("/v1/log/tile/0".to_owned(), 404, "no_such_call"),
        ("/v1/blocks/9/header".to_owned(), 404, "unknown_block"),
        ("/v1/blocks/one/header".to_owned(), 400, "malformed_block"),
        ("/v1/nothing".to_owned(), 404, "no_such_call"),
        ("/v1/accounts/%ff".to_owned(), 404, "no_such_call"),
    ];
    for (path, status, code) in refused {
        let answer = get(&router, &path).await;
        assert_eq!(
            answer.problem(),
            (status, code.to_owned()),
            "{path}: {}",
            answer.text()
        );
    }
    let wrong_method =
        crate::web::send_body(&router, axum::http::Method::DELETE, "/v1/blocks/1", "", "").await;
    assert_eq!(wrong_method.problem(), (405, "method_not_allowed".to_owned()));
}

#[tokio::test]
async fn long_input_is_not_echoed_in_full() {
    let router = router(&story::fake());
    let answer = get(&router, &format!("/v1/transactions/{}", "z".repeat(5_000))).await;
    assert_eq!(answer.problem().0, 400);
    assert!(answer.body.len() < 1_000, "{} bytes", answer.body.len());
}

#[tokio::test]
async fn there_is_no_latest_block_before_the_first() {
    let router = router(&crate::fake::Fake::new());
    assert_eq!(
        get(&router, "/v1/blocks/latest").await.problem(),
        (404, "no_blocks".to_owned())
    );
    let page = get(&router, "/v1/blocks").await.json();
    assert_eq!(page, serde_json::json!({ "blocks": [], "next": null }));
    assert_eq!(
        get(&router, "/v1/status").await.header("quorate-height"),
        Some("0")
    );
}

#[tokio::test(start_paused = true)]
async fn min_height_waits_for_the_height_but_not_for_ever() {
    let fake = story::fake();
    let config = ApiConfig {
        max_height_wait: Duration::from_secs(3),
        ..ApiConfig::default()
    };
    let router = with_config(&fake, config);
    let (waited, ()) = tokio::join!(get(&router, "/v1/status?min_height=9"), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        fake.commit(vec![], GENESIS_TIME + 3_600_000);
    });
    assert_eq!(waited.header("quorate-height"), Some("9"));
    let answer = get(&router, "/v1/status?min_height=10").await;
    assert_eq!(answer.problem(), (503, "height_not_reached".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn calls_beyond_the_bound_are_refused_until_others_are_done() {
    let fake = story::fake();
    let config = ApiConfig {
        max_calls: Bound::of(1, 1),
        max_height_wait: Duration::from_secs(60),
        ..ApiConfig::default()
    };
    let router = with_config(&fake, config);
    let mut waiting = Box::pin(get(&router, "/v1/status?min_height=9"));
    assert!(futures::poll!(&mut waiting).is_pending());
    let refused = get(&router, "/v1/status").await;
    assert_eq!(refused.problem(), (503, "overloaded".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    fake.commit(vec![], GENESIS_TIME + 3_600_000);
    assert_eq!(waiting.await.status, 200);
    assert_eq!(get(&router, "/v1/status").await.status, 200);
}

#[tokio::test]
async fn answers_carry_headers_that_bind_browsers() {
    let router = router(&story::fake());
    for path in ["/", "/v1/status", "/v1/nothing", "/static/app.js"] {
        let answer = get(&router, path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
}

#[tokio::test]
async fn other_origins_may_read_only_if_configured() {
    let config = ApiConfig {
        cors_origins: vec!["https://desk.example".to_owned()],
        ..ApiConfig::default()
    };
    let router = with_config(&story::fake(), config);
    for (origin, allowed) in [
        ("https://desk.example", Some("https://desk.example")),
        ("https://evil.example", None),
    ] {
        let request = axum::http::Request::get("/v1/status").header("origin", origin);
        let answer = crate::web::send(&router, request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        assert_eq!(answer.header("access-control-allow-methods"), None);
        assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "origin"));
        // What a browser asks before it submits for a page.
        let preflight = axum::http::Request::options("/v1/transactions")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type");
        let answer = crate::web::send(&router, preflight.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        let methods = answer.header("access-control-allow-methods");
        assert_eq!(methods, allowed.map(|_| "GET, HEAD, POST"));
        let headers = answer.header("access-control-allow-headers");
        assert_eq!(
            headers.is_some_and(|headers| headers.contains("content-type")),
            allowed.is_some()
        );
    }
    // A refusal is read as well as an answer.
    let wrong = axum::http::Request::get("/v1/blocks/one").header("origin", "https://desk.example");
    let answer = crate::web::send(&router, wrong.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.problem().0, 400);
    assert!(answer.header("access-control-allow-origin").is_some());
    // Programs, which have no origin, see no difference.
    let answer = get(&router, "/v1/status").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn every_origin_may_read_if_all_are_allowed_and_none_unless_configured() {
    for (origins, allowed) in [(vec!["*".to_owned()], Some("*")), (Vec::new(), None)] {
        let config = ApiConfig {
            cors_origins: origins,
            ..ApiConfig::default()
        };
        let router = with_config(&story::fake(), config);
        for method in ["GET", "OPTIONS"] {
            let request = axum::http::Request::builder()
                .method(method)
                .uri("/v1/status")
                .header("origin", "https://anywhere.example")
                .header("access-control-request-method", "GET");
            let answer = crate::web::send(&router, request.body(axum::body::Body::empty()).unwrap()).await;
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{method}");
        }
    }
}

#[tokio::test]
async fn a_page_whose_name_was_made_to_point_here_reads_nothing() {
    let config = ApiConfig {
        hosts: Some(vec!["ledger.bank-a.example".to_owned()]),
        ..ApiConfig::default()
    };
    let router = with_config(&story::fake(), config);
    let call = async |router: &axum::Router, path: &str, host: &str| {
        let request = axum::http::Request::get(path).header("host", host);
        crate::web::send(router, request.body(axum::body::Body::empty()).unwrap()).await
    };
    for host in [
        "127.0.0.1:8100",
        "[::1]:8100",
        "localhost",
        "ledger.bank-a.example:443",
    ] {
        for path in ["/v1/status", "/", "/static/style.css"] {
            assert_eq!(call(&router, path, host).await.status, 200, "{host} {path}");
        }
    }
    for host in ["evil.example", "evil.example:8100", "bank-a.example"] {
        for path in ["/v1/status", "/v1/nothing", "/openapi.json"] {
            let problem = call(&router, path, host).await.problem();
            assert_eq!(problem, (403, "not_from_there".to_owned()), "{host} {path}");
        }
        // Not even which network it is.
        for path in ["/", "/network", "/v1/status"] {
            let answer = call(&router, path, host).await;
            assert_eq!(answer.status, 403, "{host} {path}");
            let text = answer.text();
            assert!(
                text.contains("not_from_there") && text.contains("api.hosts"),
                "{text}"
            );
            assert!(!text.contains(&network().to_string()), "{text}");
        }
    }
    // Where it has no names it goes by any.
    let open = with_config(&story::fake(), ApiConfig::default());
    assert_eq!(call(&open, "/v1/status", "evil.example").await.status, 200);
}
