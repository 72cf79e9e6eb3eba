//! The operations listener: metrics, health, log level, debugging, webhooks. It trusts whoever reaches it, which
//! is why it listens on loopback unless configured otherwise.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, ORIGIN};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};
use axum::{Json, Router};
use quorate_client::schema::{DeadLetterList, Diagnosis, Webhook, WebhookList};

use crate::config::OperationsConfig;
use crate::hosts::foreign_name;
use crate::input::{Name, shown};
use crate::node::{Node, Unready};
use crate::problem::Failure;
use crate::router::{answer_options, count, guard};

/// The most bytes of a body here.
const MAX_BODY: usize = 64 << 10;

/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// The most peers that can be denied at once.
const MAX_DENIED: usize = 256;

type Shared = State<Arc<dyn Node>>;

/// Method, path and handler.
type Call = (&'static str, &'static str, MethodRouter<Arc<dyn Node>>);

/// The calls of this listener.
fn calls(config: OperationsConfig) -> Vec<Call> {
    let mut calls = vec![
        ("GET", "/metrics", get(metrics)),
        ("GET", "/livez", get(live).options(live)),
        ("GET", "/readyz", get(ready).options(ready)),
        ("GET", "/debug/consensus", get(consensus)),
        ("PUT", "/loglevel", put(log_level)),
        ("GET", "/webhooks", get(webhooks)),
        ("GET", "/webhooks/{name}/dead", get(dead_letters)),
        ("POST", "/webhooks/{name}/retry", post(retry_webhook)),
    ];
    if config.localnet_controls {
        calls.push(("PUT", "/debug/deny", put(deny)));
    }
    calls
}

/// Metrics, health, log level, debugging.
pub fn operations_router(node: Arc<dyn Node>, config: OperationsConfig) -> Router {
    let calls = calls(config);
    let known: Vec<String> = calls
        .iter()
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    let known: Arc<str> = known.join(", ").into();
    let elsewhere = {
        let known = Arc::clone(&known);
        move || async move { Failure::NoSuchOperation { known } }
    };
    calls
        .into_iter()
        .fold(Router::new(), |router, (_, path, handler)| {
            router.route(path, handler)
        })
        .fallback(elsewhere)
        .method_not_allowed_fallback(move || async move { Failure::OperationMethod { known } })
        .layer(from_fn(answer_options))
        .layer(from_fn_with_state(config, check_caller))
        .layer(from_fn(guard))
        .layer(from_fn_with_state(Arc::clone(&node), count))
        .with_state(node)
}

/// Keeps web pages out that a browser on this machine has open. One whose name was made to point here calls this
/// listener by that name ([`foreign_name`]); one that changes something says where it is from, as browsers make it.
async fn check_caller(State(config): State<OperationsConfig>, request: Request, next: Next) -> Response {
    let changes = [Method::PUT, Method::POST].contains(request.method());
    if changes && request.headers().contains_key(ORIGIN) {
        return Failure::FromPage.into_response();
    }
    let foreign = foreign_name(&request, &[]);
    match foreign.filter(|_| config.loopback) {
        Some(name) => Failure::ForeignName { name }.into_response(),
        None => next.run(request).await,
    }
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

async fn consensus(State(node): Shared) -> Json<Diagnosis> {
    Json(node.debug_consensus())
}

async fn webhooks(State(node): Shared) -> Json<WebhookList> {
    Json(WebhookList {
        webhooks: node.webhooks(),
    })
}

async fn dead_letters(State(node): Shared, Name(name): Name) -> Result<Json<DeadLetterList>, Failure> {
    let dead = node.dead_letters(&name).ok_or_else(|| unknown_webhook(&name))?;
    Ok(Json(DeadLetterList { dead }))
}

async fn retry_webhook(
    State(node): Shared,
    Name(name): Name,
) -> Result<(StatusCode, Json<Webhook>), Failure> {
    let webhook = node.retry_webhook(&name).ok_or_else(|| unknown_webhook(&name))?;
    Ok((StatusCode::ACCEPTED, Json(webhook)))
}

fn unknown_webhook(name: &str) -> Failure {
    let detail = format!(
        "this node has no webhook `{}`; GET /webhooks lists those it has",
        shown(name)
    );
    Failure::not_found("unknown_webhook", detail)
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
            format!("the body is not a JSON list of peer names: {error}"),
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
    let reading = tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, MAX_BODY)).await;
    let bytes = reading.map_err(|_| Failure::BodyTooSlow {
        seconds: BODY_TIMEOUT.as_secs(),
    })?;
    let bytes = bytes.map_err(|_| {
        Failure::malformed(
            "malformed_body",
            format!("the body broke off, or is longer than {MAX_BODY} bytes"),
        )
    })?;
    String::from_utf8(bytes.into()).map_err(|_| Failure::malformed("malformed_body", "the body is not UTF-8"))
}
