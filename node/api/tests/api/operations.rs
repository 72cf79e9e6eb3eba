//! The operations listener.

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use quorate_api::{ApiConfig, OperationsConfig, Unready, client_router, operations_router};

use crate::fake::Fake;
use crate::story;
use crate::web::{get, send_body};

fn router(fake: &Arc<Fake>, localnet_controls: bool) -> Router {
    operations_router(Arc::clone(fake) as _, OperationsConfig { localnet_controls })
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
