//! Calling a router without a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use quorate_api::{ApiConfig, Node, client_router};
use tower::ServiceExt as _;

use crate::fake::Fake;
use crate::held;

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The status and the code of a problem document, which must be one in every respect.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.text()
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        let code = problem["code"].as_str().unwrap();
        assert_eq!(problem["type"], format!("about:blank#{code}"));
        (self.status.as_u16(), code.to_owned())
    }
}

/// The client router over a fake.
pub(crate) fn router(fake: &Arc<Fake>) -> Router {
    with_config(fake, ApiConfig::default())
}

pub(crate) fn with_config(fake: &Arc<Fake>, config: ApiConfig) -> Router {
    let node: Arc<dyn Node> = Arc::clone(fake) as _;
    client_router(node, config)
}

/// Sends a request and holds its answer to the document.
pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let answer = Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    };
    held::check(&method, &path, &answer).await;
    answer
}

pub(crate) async fn get(router: &Router, path: &str) -> Answer {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}

pub(crate) async fn get_bytes(router: &Router, path: &str) -> Answer {
    let request = Request::get(path).header("accept", "application/octet-stream");
    send(router, request.body(Body::empty()).unwrap()).await
}

pub(crate) async fn send_body(
    router: &Router,
    method: Method,
    path: &str,
    content_type: &str,
    body: impl Into<Body>,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", content_type);
    send(router, request.body(body.into()).unwrap()).await
}
