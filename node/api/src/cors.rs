//! Which web pages of other origins may read the API in a browser (the Fetch standard, section "CORS protocol").
//! Nothing here knows a browser's user, so no answer is different for one.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;

/// The origin that stands for all.
const ANY: &str = "*";

/// What a browser asks for before it sends more than a plain request; it need not ask again for ten minutes.
const PREFLIGHT: [(HeaderName, &str); 3] = [
    (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST"),
    (
        ACCESS_CONTROL_ALLOW_HEADERS,
        "accept, content-type, last-event-id",
    ),
    (ACCESS_CONTROL_MAX_AGE, "600"),
];

/// Headers that such a page sees besides those that every page sees.
const EXPOSED: &str = "quorate-height, retry-after";

/// Answers the pages of these origins so that their browsers let them read it. Others get the same answers without
/// that, which their browsers keep from them.
pub(crate) async fn answer_origins(
    State(origins): State<Arc<[String]>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let allowed = headers.get(ORIGIN).and_then(|origin| {
        let any = origins.iter().any(|allowed| allowed == ANY);
        let listed = origins
            .iter()
            .any(|allowed| allowed.as_bytes() == origin.as_bytes());
        match (any, listed) {
            (true, _) => Some(HeaderValue::from_static(ANY)),
            (false, true) => Some(origin.clone()),
            (false, false) => None,
        }
    });
    let is_preflight =
        request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    // Or a cache would give one origin's answer to another.
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        if is_preflight {
            for (name, value) in PREFLIGHT {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
    }
    response
}
