//! Files. Style, script and icon are compiled in, and their addresses carry a hash of the content, so that browsers
//! may keep them for ever. The page that checks proofs is compiled in too. Others are made of what is on the chain, and
//! saved.

use std::sync::OnceLock;

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use quorate_crypto::sha256;
use quorate_verifier::{checking_script, drop_script, page, page_policy};

const STYLE: &str = include_str!("static/style.css");
const SCRIPT: &str = include_str!("static/app.js");
const ICON: &str = include_str!("static/icon.svg");

const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The query that changes whenever one of the files does.
pub(super) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    let all = || [STYLE, SCRIPT, ICON, drop_script(), checking_script()].concat();
    VERSION.get_or_init(|| sha256(all().as_bytes()).short())
}

pub(super) async fn style() -> Response {
    file("text/css; charset=utf-8", STYLE)
}

pub(super) async fn script() -> Response {
    file("text/javascript; charset=utf-8", SCRIPT)
}

pub(super) async fn checking() -> Response {
    file("text/javascript; charset=utf-8", checking_script())
}

pub(super) async fn drop() -> Response {
    file("text/javascript; charset=utf-8", drop_script())
}

pub(super) async fn icon() -> Response {
    file("image/svg+xml", ICON)
}

/// The page that checks proofs by itself, to be kept: these bytes, and no others, whoever serves them. It may do here
/// what it may do from a disk, so a node that is asked for it hears nothing of what is checked.
pub(super) async fn verifier() -> Response {
    let policy = format!("{}; frame-ancestors 'none'", page_policy());
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, policy),
    ];
    (headers, page()).into_response()
}

/// What browsers keep as a file of this name, which is plain letters and digits.
pub(super) fn download(kind: &'static str, name: &str, content: impl IntoResponse) -> Response {
    let kept = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let kept = kept.unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_DISPOSITION, kept),
    ];
    (headers, content).into_response()
}

fn file(kind: &'static str, content: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, FOR_EVER)], content).into_response()
}
