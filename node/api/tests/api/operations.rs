//! The operations listener.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use quorate_api::{ApiConfig, OperationsConfig, Unready, client_router, operations_router};

use crate::fake::{Fake, WEBHOOK};
use crate::story;
use crate::web::{get, send, send_body};

fn router(fake: &Arc<Fake>, localnet_controls: bool) -> Router {
    operations_router(
        Arc::clone(fake) as _,
        OperationsConfig {
            localnet_controls,
            loopback: true,
        },
    )
}

#[tokio::test]
async fn metrics_and_health_answer_in_their_formats() {
    let fake = story::fake();
    let router = router(&fake, false);
    let metrics = get(&router, "/metrics").await;
    assert_eq!(
        metrics.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert!(metrics.text().contains("quorate_height 8"));
    assert_eq!(get(&router, "/livez").await.status, 200);
    assert_eq!(get(&router, "/readyz").await.status, 200);
    let reason = "2 of 3 peers are missing".to_owned();
    *fake.ready.lock().unwrap() = Err(Unready::NotYet { reason });
    let unready = get(&router, "/readyz").await;
    assert_eq!(unready.problem(), (503, "not_ready".to_owned()));
    assert!(unready.text().contains("2 of 3 peers are missing"));
    assert_eq!(get(&router, "/livez").await.status, 200);
    assert_eq!(get(&router, "/debug/consensus").await.json()["view"], 2);
}

#[tokio::test]
async fn a_validator_that_does_not_vote_is_not_ready_and_says_so_wherever_one_looks() {
    let fake = story::fake();
    let router = router(&fake, false);
    let reason = "its journal is gone".to_owned();
    *fake.ready.lock().unwrap() = Err(Unready::DoesNotVote { reason });
    let unready = get(&router, "/readyz").await;
    assert_eq!(unready.problem(), (503, "does_not_vote".to_owned()));
    assert!(unready.text().contains("its journal is gone"));
    assert_eq!(get(&router, "/livez").await.status, 200);
    let client = client_router(Arc::clone(&fake) as _, ApiConfig::default());
    let status = get(&client, "/v1/status").await.json();
    assert_eq!(status["does_not_vote"], "its journal is gone");
    let page = get(&client, "/").await;
    assert!(page.text().contains("This validator does not vote"));
    assert!(page.text().contains("its journal is gone"));
}

#[tokio::test]
async fn a_validator_that_asks_what_it_signed_is_not_shown_as_one_that_votes() {
    let fake = story::fake();
    *fake.asking.lock().unwrap() = vec!["borealis".to_owned()];
    let client = client_router(Arc::clone(&fake) as _, ApiConfig::default());
    let status = get(&client, "/v1/status").await.json();
    assert_eq!(status["asking"], serde_json::json!(["borealis"]));
    let validators = get(&client, "/v1/validators").await.json();
    let voting = |place: usize| validators["validators"][place]["voting"].clone();
    assert_eq!([voting(0), voting(1), voting(3)], ["yes", "asking", "unknown"]);
    assert!(get(&client, "/").await.text().contains("Not voting yet"));
    assert!(
        get(&client, "/validators")
            .await
            .text()
            .contains("asks before it votes")
    );
}

#[tokio::test]
async fn a_node_says_wherever_one_looks_that_too_few_validators_vote() {
    let fake = story::fake();
    let router = router(&fake, false);
    let reason = "2 of 4 validators vote, and a quorum needs 3".to_owned();
    *fake.ready.lock().unwrap() = Err(Unready::NoQuorumLeft { reason });
    let unready = get(&router, "/readyz").await;
    assert_eq!(unready.problem(), (503, "no_quorum_left".to_owned()));
    assert!(unready.text().contains("2 of 4 validators vote"));
    let client = client_router(Arc::clone(&fake) as _, ApiConfig::default());
    let status = get(&client, "/v1/status").await.json();
    assert_eq!(
        status["no_quorum_left"],
        "2 of 4 validators vote, and a quorum needs 3"
    );
    let page = get(&client, "/").await;
    assert!(page.text().contains("Too few validators vote"));
}

#[tokio::test]
async fn what_is_not_there_names_what_is_and_the_page_lists_it() {
    let fake = story::fake();
    let page = include_str!("../../../../docs/operations.md");
    for controls in [false, true] {
        let router = router(&fake, controls);
        let missing = get(&router, "/openapi.json").await;
        assert_eq!(missing.problem(), (404, "no_such_call".to_owned()));
        let text = missing.text();
        let (_, named) = text.split_once("it has ").unwrap();
        let (named, _) = named.split_once('"').unwrap();
        let named: Vec<_> = named.split(", ").collect();
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
        let rows = rows.filter_map(|row| row.split('`').next());
        let listed: Vec<_> = rows.filter(|call| call.contains(" /")).collect();
        // The last one is there with localnet_controls alone.
        assert_eq!(listed[..listed.len() - usize::from(!controls)], named);
        for call in named {
            let (method, path) = call.split_once(' ').unwrap();
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let path = path.replace("{name}", WEBHOOK);
            let answer = send_body(&router, method, &path, "text/plain", "").await;
            assert!(![404, 405].contains(&answer.status.as_u16()), "{call}");
        }
        let refused = send_body(&router, Method::POST, "/metrics", "text/plain", "").await;
        assert_eq!(refused.problem(), (405, "method_not_allowed".to_owned()));
        assert!(refused.text().contains("GET /metrics"));
    }
}

#[tokio::test]
async fn answers_are_counted_by_route_and_never_by_path() {
    let fake = story::fake();
    let client = client_router(Arc::clone(&fake) as _, ApiConfig::default());
    get(&client, "/v1/blocks/3").await;
    get(&client, "/v1/blocks/nonsense").await;
    get(&client, "/no/such/page").await;
    get(&router(&fake, false), "/livez").await;
    get(&router(&fake, false), "/secret").await;
    let expected = [
        ("/v1/blocks/{block}", 200),
        ("/v1/blocks/{block}", 400),
        ("other", 404),
        ("/livez", 200),
        ("other", 404),
    ];
    let expected = expected.map(|(route, status)| (route.to_owned(), status));
    assert_eq!(*fake.answered.lock().unwrap(), expected);
}

#[tokio::test]
async fn the_log_level_is_changed_or_refused() {
    let fake = story::fake();
    let router = router(&fake, false);
    for body in ["debug", "\"debug\"", "debug\n"] {
        let answer = send_body(&router, Method::PUT, "/loglevel", "text/plain", body).await;
        assert_eq!(answer.status, 204, "{body}");
        assert_eq!(*fake.log_level.lock().unwrap(), "debug");
    }
    let answer = send_body(&router, Method::PUT, "/loglevel", "text/plain", "very loud").await;
    assert_eq!(answer.problem(), (400, "malformed_log_level".to_owned()));
    let answer = send_body(
        &router,
        Method::PUT,
        "/loglevel",
        "text/plain",
        vec![b'a'; 70_000],
    )
    .await;
    assert_eq!(answer.problem(), (400, "malformed_body".to_owned()));
    assert_eq!(get(&router, "/loglevel").await.problem().0, 405);
}

#[tokio::test]
async fn peers_are_denied_only_where_the_configuration_allows() {
    let fake = story::fake();
    let denied = send_body(
        &router(&fake, false),
        Method::PUT,
        "/debug/deny",
        "application/json",
        "[]",
    )
    .await;
    assert_eq!(denied.problem(), (404, "no_such_call".to_owned()));

    let router = router(&fake, true);
    let deny = async |body: &'static str| {
        send_body(&router, Method::PUT, "/debug/deny", "application/json", body).await
    };
    assert_eq!(deny("[\"borealis\"]").await.status, 204);
    assert_eq!(*fake.denied.lock().unwrap(), ["borealis"]);
    assert_eq!(
        deny("[\"nobody\"]").await.problem(),
        (400, "unknown_peer".to_owned())
    );
    assert_eq!(deny("{}").await.problem(), (400, "malformed_body".to_owned()));
    assert_eq!(*fake.denied.lock().unwrap(), ["borealis"]);
    assert_eq!(deny("[]").await.status, 204);
    assert!(fake.denied.lock().unwrap().is_empty());
}

#[tokio::test]
async fn webhooks_are_shown_and_tried_again_by_name() {
    let fake = story::fake();
    let router = router(&fake, false);
    let listed = get(&router, "/webhooks").await.json();
    assert_eq!(listed["webhooks"][0]["name"], WEBHOOK);
    assert_eq!(listed["webhooks"][0]["state"], "retrying");
    let dead = get(&router, "/webhooks/orders/dead").await.json();
    assert_eq!(dead["dead"][0]["ordinal"], 3);
    let retry = async |name: &str, origin: Option<&str>| {
        let mut request = Request::post(format!("/webhooks/{name}/retry"));
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        send(&router, request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(retry(WEBHOOK, None).await.status, 202);
    let page = retry(WEBHOOK, Some("http://evil.example")).await;
    assert_eq!(page.problem(), (403, "not_from_there".to_owned()));
    let unknown = (404, "unknown_webhook".to_owned());
    assert_eq!(retry("nobody", None).await.problem(), unknown);
    assert_eq!(get(&router, "/webhooks/nobody/dead").await.problem(), unknown);
    assert_eq!(*fake.retried.lock().unwrap(), 1);
}

#[tokio::test]
async fn case_16_probes_by_options_are_answered_with_the_checks_status() {
    let fake = story::fake();
    let router = router(&fake, false);
    let probe = async |path: &str| send_body(&router, Method::OPTIONS, path, "text/plain", "").await;
    for path in ["/livez", "/readyz"] {
        let answer = probe(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("allow").unwrap().contains("GET"), "{path}");
    }
    let answer = probe("/metrics").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("allow")),
        (204, Some("GET,HEAD"))
    );
    let reason = "2 of 3 peers are missing".to_owned();
    *fake.ready.lock().unwrap() = Err(Unready::NotYet { reason });
    assert_eq!(probe("/readyz").await.status, 503);
    let client = client_router(Arc::clone(&fake) as _, ApiConfig::default());
    let answer = send_body(&client, Method::OPTIONS, "/v1/transactions", "text/plain", "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("allow")),
        (204, Some("GET,HEAD,POST"))
    );
}

#[tokio::test]
async fn a_page_whose_name_was_made_to_point_here_reads_and_changes_nothing() {
    let router = router(&story::fake(), true);
    let call = async |method: Method, path: &str, host: &str, origin: Option<&str>| {
        let mut request = Request::builder().method(method).uri(path).header("host", host);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        send(&router, request.body(Body::from("info")).unwrap()).await
    };
    for host in ["127.0.0.1:8200", "localhost:8200", "[::1]:8200", "LOCALHOST"] {
        assert_eq!(
            call(Method::GET, "/metrics", host, None).await.status,
            200,
            "{host}"
        );
        assert_eq!(
            call(Method::PUT, "/loglevel", host, None).await.status,
            204,
            "{host}"
        );
        let page = call(Method::PUT, "/loglevel", host, Some("http://evil.example")).await;
        assert_eq!(page.problem(), (403, "not_from_there".to_owned()));
    }
    for host in ["evil.example", "evil.example:8200", "127.0.0.1.evil.example"] {
        let answer = call(Method::GET, "/metrics", host, None).await;
        assert_eq!(answer.problem(), (403, "not_from_there".to_owned()), "{host}");
    }
}
