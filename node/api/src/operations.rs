//! The operations listener: metrics, health, log level, debugging. It trusts whoever reaches it, which
//! is why it listens on loopback unless configured otherwise.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};

use crate::config::OperationsConfig;
use crate::facts::Unready;
use crate::node::Node;
use crate::problem::Failure;
use crate::router::guard;

/// The most bytes of a body here.
const MAX_BODY: usize = 64 << 10;

/// The most peers that can be denied at once.
const MAX_DENIED: usize = 256;

type Shared = State<Arc<dyn Node>>;

/// Metrics, health, log level, debugging.
pub fn operations_router(node: Arc<dyn Node>, config: OperationsConfig) -> Router {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/debug/consensus", get(consensus))
        .route("/loglevel", put(log_level));
    let router = if config.localnet_controls {
        router.route("/debug/deny", put(deny))
    } else {
        router
    };
    router
        .fallback(|| async { Failure::NoSuchCall })
        .method_not_allowed_fallback(|| async { Failure::MethodNotAllowed })
        .layer(from_fn(guard))
        .with_state(node)
}

async fn metrics(State(node): Shared) -> Response {
    const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, KIND)], node.metrics()).into_response()
}

async fn live() -> &'static str {
    "ok\n"
}

async fn ready(State(node): Shared) -> Result<&'static str, Failure> {
    node.ready().map(|()| "ok\n").map_err(|unready| match unready {
        Unready::DoesNotVote { reason } => Failure::DoesNotVote { reason },
        Unready::NoQuorumLeft { reason } => Failure::NoQuorumLeft { reason },
        Unready::NotYet { reason } => Failure::NotReady { reason },
    })
}

async fn consensus(State(node): Shared) -> Json<serde_json::Value> {
    Json(node.debug_consensus().await)
}

/// Takes the directives as plain text, or as a JSON string.
async fn log_level(State(node): Shared, body: Body) -> Result<StatusCode, Failure> {
    let text = text_of(body).await?;
    let directives = serde_json::from_str(&text).unwrap_or(text);
    let changed = node.set_log_level(directives.trim());
    changed.map_err(|reason| Failure::malformed("malformed_log_level", reason))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a JSON list of names; an empty one heals.
async fn deny(State(node): Shared, body: Body) -> Result<StatusCode, Failure> {
    let text = text_of(body).await?;
    let names: Vec<String> = serde_json::from_str(&text).map_err(|error| {
        Failure::malformed(
            "malformed_body",
            format!("expected is a JSON list of peer names: {error}"),
        )
    })?;
    if names.len() > MAX_DENIED {
        let detail = format!("{} names, at most {MAX_DENIED} are taken", names.len());
        return Err(Failure::malformed("malformed_body", detail));
    }
    node.deny_peers(names)
        .map_err(|reason| Failure::malformed("unknown_peer", reason))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn text_of(body: Body) -> Result<String, Failure> {
    let bytes = axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| {
        Failure::malformed(
            "malformed_body",
            format!("the body broke off, or is longer than {MAX_BODY} bytes"),
        )
    })?;
    String::from_utf8(bytes.into()).map_err(|_| Failure::malformed("malformed_body", "the body is not UTF-8"))
}
