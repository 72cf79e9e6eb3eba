//! The two routers, and what holds for every answer of them.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use quorate_client::schema::OCTET_STREAM;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use crate::activity::Held;
use crate::app::App;
use crate::config::{ApiConfig, MAX_PAGE_BYTES};
use crate::cors::answer_origins;
use crate::explorer::{Failures, tell_people};
use crate::hosts::foreign_name;
use crate::input::Known;
use crate::node::Node;
use crate::problem::Failure;
use crate::shares::of_request;
use crate::turns::called_by;
use crate::{explorer, openapi, routes};

/// Answers of fewer bytes are not counted: they leave with one write.
const SMALL_ANSWER: usize = 16 << 10;

/// What pages may load: their own style, script, icon and event stream, and nothing else. The base of a page's
/// links is its own root. The page that checks proofs has a stricter one of its own.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     img-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

/// The client API and the explorer.
pub fn client_router(node: Arc<dyn Node>, config: ApiConfig) -> Router {
    let origins: Arc<[String]> = config.cors_origins.clone().into();
    let app = App::new(Arc::clone(&node), config);
    let known = Arc::new(Known::of(&openapi::described()));
    let pages = explorer::pages();
    let failures = Failures::at(app.clone(), pages.iter().map(|(path, _)| *path).collect());
    let calls = routes::calls()
        .into_iter()
        .chain(routes::deep_calls())
        .chain(pages);
    let router = calls.fold(Router::new(), |router, (path, handler)| {
        router.route(path, handler)
    });
    let router = router
        .fallback(|| async { Failure::NoSuchCall })
        .method_not_allowed_fallback(|| async { Failure::MethodNotAllowed })
        .layer(from_fn_with_state(known, check_parameters))
        .layer(from_fn_with_state(app.clone(), bound_calls))
        .layer(from_fn_with_state(app.clone(), check_host))
        .layer(from_fn_with_state(Arc::new(failures), tell_people))
        .layer(from_fn(answer_options))
        .layer(packing())
        .layer(from_fn(guard));
    let router = match origins.is_empty() {
        true => router,
        false => router.layer(from_fn_with_state(origins, answer_origins)),
    };
    router.layer(from_fn_with_state(node, count)).with_state(app)
}

/// Packs answers for clients that take them packed.
fn packing() -> CompressionLayer<impl Predicate> {
    let rarely = DefaultPredicate::new()
        .and(NotForContentType::const_new(OCTET_STREAM))
        .and(NotTooLong);
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(rarely)
}

/// Packs no more of an answer than was made in a turn at reads: packing has no turn of its own, and what is longer than
/// pages are is hashes and signatures, which hardly get shorter.
#[derive(Clone, Copy)]
struct NotTooLong;

impl Predicate for NotTooLong {
    fn should_compress<B>(&self, response: &axum::http::Response<B>) -> bool
    where
        B: HttpBody,
    {
        let size = response.body().size_hint().exact();
        let longest = u64::try_from(MAX_PAGE_BYTES).unwrap_or(u64::MAX);
        size.is_none_or(|size| size <= longest)
    }
}

/// Counts answers by route. What is no route counts as one, so that clients cannot make the node remember paths.
pub(crate) async fn count(State(node): State<Arc<dyn Node>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let began = Instant::now();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    node.answered(route, response.status().as_u16(), began.elapsed());
    response
}

/// Refuses parameters that the call does not have.
async fn check_parameters(State(known): State<Arc<Known>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let query = request.uri().query().unwrap_or_default();
    match path.map(|path| known.check(request.method(), path.as_str(), query)) {
        Some(Err(failure)) => failure.into_response(),
        _ => next.run(request).await,
    }
}

/// Tells with OPTIONS what an address takes (RFC 9110, section 9.3.7), as balancers ask. A call that answers it by
/// itself, as a check of health does, keeps its status.
pub(crate) async fn answer_options(request: Request, next: Next) -> Response {
    if request.method() != Method::OPTIONS {
        return next.run(request).await;
    }
    let mut response = next.run(request).await;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        // The router adds what the address takes.
        return StatusCode::NO_CONTENT.into_response();
    }
    response
        .headers_mut()
        .entry(ALLOW)
        .or_insert(HeaderValue::from_static("GET,HEAD,OPTIONS"));
    response
}

/// Refuses calls by names that are not the node's, where it has names.
async fn check_host(State(app): State<App>, request: Request, next: Next) -> Response {
    let known = app.config.hosts.as_deref();
    let foreign = known.and_then(|known| foreign_name(&request, known));
    match foreign {
        Some(name) => Failure::UnknownHost { name }.into_response(),
        None => next.run(request).await,
    }
}

/// Refuses calls beyond the bounds. Event streams have bounds of their own besides.
async fn bound_calls(State(app): State<App>, request: Request, next: Next) -> Response {
    let client = of_request(request.extensions());
    let Some(call) = app.calls.take(client, 1) else {
        return Failure::Overloaded { what: "calls" }.into_response();
    };
    let response = called_by(client, next.run(request)).await;
    // What is not there yet, as of an event stream, takes no memory.
    let size = response.body().size_hint().exact().unwrap_or(0);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size < SMALL_ANSWER {
        return response;
    }
    match app.answers.take(client, size) {
        Some(room) => response.map(|body| {
            let held = Held {
                body,
                _held: (call, room),
            };
            Body::new(held)
        }),
        None => Failure::Overloaded {
            what: "large answers",
        }
        .into_response(),
    }
}

/// Headers that keep browsers from doing more with an answer than was meant.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(CONTENT_POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    );
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
